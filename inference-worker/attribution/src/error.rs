//! What can go wrong, and what to do then.

use std::path::PathBuf;

/// Why an index could not be built, saved or opened.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
	/// The snapshot does not fit into one index.
	#[error(
		"the snapshot has {tokens} tokens with separators, one index holds at most {max}; divide the DataNet \
		 into smaller ones"
	)]
	TooLarge {
		/// Tokens with one separator per document.
		tokens: usize,
		/// The most that fits for this width of token.
		max: usize,
	},
	/// A contribution is there twice.
	#[error("contribution {0} is in the snapshot twice; pass each contribution once")]
	DuplicateContribution(u32),
	/// A token id that no model uses and that the index needs as a separator.
	#[error(
		"contribution {contribution} has token id {token}, which is reserved; tokenize it again with the \
		 model's tokenizer"
	)]
	ReservedToken {
		/// The contribution.
		contribution: u32,
		/// The id.
		token: u32,
	},
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
	/// Not a file that this crate wrote.
	#[error("{0} is not a snapshot index; delete it and build the index again")]
	NotAnIndex(PathBuf),
	/// Written by another version.
	#[error("{path} has index format {found}, this program reads {expected}; delete it and build it again")]
	Version {
		/// The file.
		path: PathBuf,
		/// Its format version.
		found: u32,
		/// Ours.
		expected: u32,
	},
	/// Damaged.
	#[error("{path} is damaged: {what}; delete it and build the index again")]
	Corrupt {
		/// The file.
		path: PathBuf,
		/// What does not hold.
		what: &'static str,
	},
}

/// Why rules are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("attribution rule {field} is {value}, but {wanted}; correct it in the configuration")]
pub struct RulesError {
	/// Which rule.
	pub field: &'static str,
	/// What it is.
	pub value: u64,
	/// What it should be.
	pub wanted: &'static str,
}

/// Why published evidence is refused.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
	/// More bytes than evidence ever has.
	#[error(
		"the evidence has {bytes} bytes, at most {max} are allowed; its publisher must publish it again"
	)]
	TooLarge {
		/// Its size.
		bytes: usize,
		/// The most allowed.
		max: usize,
	},
	/// No evidence at all.
	#[error("the evidence cannot be read: {0}; fetch it again, or ask its publisher")]
	Malformed(#[from] serde_json::Error),
	/// Another version.
	#[error(
		"the evidence has version {found}, this program reads {expected}; use a program of that version"
	)]
	Version {
		/// Its version.
		found: u32,
		/// Ours.
		expected: u32,
	},
	/// Readable, but not in the one form that has the recorded hash.
	#[error("the evidence is not in canonical form; its publisher must publish the bytes it hashed")]
	NotCanonical,
}
