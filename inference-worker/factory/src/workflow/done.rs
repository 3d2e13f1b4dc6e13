//! `done.json`: what a finished step made, by hash.

use std::{
	collections::BTreeMap,
	fs,
	path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::WorkflowError;
use crate::{config::configuration_hash, error::FactoryError, files};

/// Name of the record in a step's folder.
const DONE: &str = "done.json";
/// Most files of a step.
const MAX_FILES: usize = 100_000;

/// A file that a step made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Output {
	/// BLAKE3, hexadecimal.
	hash: String,
	/// Its size.
	bytes: u64,
}

/// The record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Done {
	key: String,
	kind: String,
	/// By path inside the folder, parts joined by `/`.
	outputs: BTreeMap<String, Output>,
	/// Seconds that the last run of the step took.
	pub(super) seconds: f64,
}

impl Done {
	/// Hashes what a step made: files, and folders with all that is in them.
	pub(super) fn make(
		folder: &Path,
		key: &str,
		kind: &str,
		outputs: &[&str],
		seconds: f64,
	) -> Result<Self, WorkflowError> {
		let mut paths = Vec::new();
		for output in outputs {
			list(folder, Path::new(output), &mut paths)?;
		}
		let mut found = BTreeMap::new();
		for path in paths {
			let name: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
			let unusable = |error: std::io::Error| FactoryError::read(&path)(error);
			let whole = folder.join(&path);
			// The record must not outlive what it records, even if the machine stops now.
			fs::File::open(&whole).and_then(|file| file.sync_all()).map_err(unusable)?;
			found.insert(name.join("/"), hash(&whole).map_err(FactoryError::read(&whole))?);
		}
		Ok(Self { key: key.to_owned(), kind: kind.to_owned(), outputs: found, seconds })
	}

	pub(super) fn save(&self, folder: &Path) -> Result<(), WorkflowError> {
		Ok(files::write_json(&folder.join(DONE), &json!(self))?)
	}

	/// The record of a step that is finished and whole; none if it is not finished. The error says what is not as it
	/// was.
	pub(super) fn read(folder: &Path, key: &str) -> Result<Option<Self>, String> {
		let path = folder.join(DONE);
		let bytes = match fs::read(&path) {
			Ok(bytes) => bytes,
			Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
			Err(error) => return Err(error.to_string()),
		};
		let done: Self = serde_json::from_slice(&bytes).map_err(|error| format!("{DONE}: {error}"))?;
		if done.key != key {
			return Err(format!("{DONE} belongs to another step"));
		}
		for (name, output) in &done.outputs {
			match hash(&folder.join(name)) {
				Ok(found) if found == *output => {}
				Ok(_) => return Err(format!("{name} has changed")),
				Err(error) => return Err(format!("{name}: {error}")),
			}
		}
		Ok(Some(done))
	}

	/// What later steps know this one by: the hash of all outputs.
	pub(super) fn hash(&self) -> String {
		blake3::Hash::from_bytes(configuration_hash(&json!(self.outputs))).to_hex().to_string()
	}
}

/// Makes a step unfinished; what it made stays.
pub(super) fn remove(folder: &Path) -> Result<(), WorkflowError> {
	let path = folder.join(DONE);
	Ok(fs::remove_file(&path).map_err(FactoryError::write(&path))?)
}

/// Removes all that a step made.
pub(super) fn clear(folder: &Path) -> Result<(), WorkflowError> {
	Ok(fs::remove_dir_all(folder).map_err(FactoryError::write(folder))?)
}

fn hash(path: &Path) -> std::io::Result<Output> {
	let mut file = fs::File::open(path)?;
	let bytes = file.metadata()?.len();
	let mut hasher = blake3::Hasher::new();
	hasher.update_reader(&mut file)?;
	Ok(Output { hash: hasher.finalize().to_hex().to_string(), bytes })
}

fn list(folder: &Path, path: &Path, found: &mut Vec<PathBuf>) -> Result<(), WorkflowError> {
	let whole = folder.join(path);
	let unusable = |reason: String| WorkflowError::Output { path: whole.clone(), reason };
	let kind = fs::symlink_metadata(&whole).map_err(|error| unusable(error.to_string()))?;
	if kind.is_dir() {
		for entry in fs::read_dir(&whole).map_err(|error| unusable(error.to_string()))? {
			let entry = entry.map_err(|error| unusable(error.to_string()))?;
			list(folder, &path.join(entry.file_name()), found)?;
		}
	} else if kind.is_file() && found.len() < MAX_FILES {
		found.push(path.to_owned());
	} else {
		return Err(unusable("it is no plain file, or one of too many".into()));
	}
	Ok(())
}
