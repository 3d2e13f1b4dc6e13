//! What can go wrong, and what to do then.

use std::path::{Path, PathBuf};

/// Why an index cannot be built, opened or searched.
#[derive(Debug, thiserror::Error)]
pub enum RetrievalError {
	/// The file system refused.
	#[error("cannot {action} {path}: {source}; check that the folder exists, is writable and has space")]
	Io {
		/// What was tried.
		action: &'static str,
		/// On which file.
		path: PathBuf,
		/// Why not.
		source: std::io::Error,
	},
	/// An index of something else.
	#[error("{path} is an index of another {what}; it is built again")]
	Stale {
		/// The index.
		path: PathBuf,
		/// What is another: snapshot, model or format.
		what: &'static str,
	},
	/// Files are cut short, changed or missing.
	#[error("{path} is damaged: {what}; the index is built again")]
	Damaged {
		/// The file.
		path: PathBuf,
		/// What does not hold.
		what: String,
	},
	/// The keyword index refused.
	#[error("the keyword index failed: {0}; check the disk, or delete the folder of indexes and restart the worker")]
	Keywords(#[from] tantivy::TantivyError),
	/// There are no embeddings.
	#[error("chunks cannot be embedded: {0}")]
	Embedding(String),
	/// The server cannot be reached, or refused.
	#[error("PostgreSQL failed to {doing}: {reason}; check retrieval.postgres and the server")]
	Database {
		/// What was tried.
		doing: &'static str,
		/// Why not.
		reason: String,
	},
	/// The index was dropped, for a contribution of it was erased or nobody had used it for long.
	#[error("the index of {0} is gone from PostgreSQL; it is built again at the next refresh")]
	Gone(String),
	/// A thread of this process panicked.
	#[error("a search was lost: {0}; ask again")]
	Lost(#[from] tokio::task::JoinError),
}

impl RetrievalError {
	pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
		let path = path.to_path_buf();
		move |source| Self::Io { action, path, source }
	}

	pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
		Self::Damaged { path: path.to_path_buf(), what: what.into() }
	}

	pub(crate) fn database(doing: &'static str) -> impl FnOnce(tokio_postgres::Error) -> Self {
		move |error| {
			// The error's own text leaves out what the server said.
			let said = error.as_db_error().map(|said| format!("{}: {}", said.code().code(), said.message()));
			let cause = || std::error::Error::source(&error).map(|cause| format!("{error}: {cause}"));
			let reason = said.or_else(cause).unwrap_or_else(|| error.to_string());
			Self::Database { doing, reason }
		}
	}
}
