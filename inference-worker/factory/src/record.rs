//! `training.json`: what a finished folder was made from. A finished training is not repeated.

use std::path::Path;

use serde_json::{json, Value};

use crate::{config::configuration_hash, error::FactoryError, files, train::Report};

/// Name of the record in the output folder.
pub const RECORD: &str = "training.json";

/// BLAKE3 of a token stream, hexadecimal.
pub(crate) fn hash_tokens(tokens: &[u32]) -> String {
	let mut hasher = blake3::Hasher::new();
	for token in tokens {
		hasher.update(&token.to_le_bytes());
	}
	hasher.finalize().to_hex().to_string()
}

/// BLAKE3 over config.json and all weight files of a model folder, hexadecimal.
pub(crate) fn hash_weights(dir: &Path) -> Result<String, FactoryError> {
	let mut files = vec![dir.join("config.json")];
	for entry in std::fs::read_dir(dir).map_err(FactoryError::read(dir))? {
		let path = entry.map_err(FactoryError::read(dir))?.path();
		if path.extension().is_some_and(|extension| extension == "safetensors") {
			files.push(path);
		}
	}
	files.sort();
	let mut hasher = blake3::Hasher::new();
	for path in files {
		let mut file = std::fs::File::open(&path).map_err(FactoryError::read(&path))?;
		hasher.update_reader(&mut file).map_err(FactoryError::read(&path))?;
	}
	Ok(hasher.finalize().to_hex().to_string())
}

/// Hash of a configuration, hexadecimal.
pub(crate) fn hash(configuration: &Value) -> String {
	blake3::Hash::from_bytes(configuration_hash(configuration)).to_hex().to_string()
}

/// The report of an earlier run with the same configuration, if its result is complete.
pub(crate) fn finished(dir: &Path, weights: &str, hash: &str) -> Option<Report> {
	let record: Value = serde_json::from_slice(&std::fs::read(dir.join(RECORD)).ok()?).ok()?;
	let report: Report = serde_json::from_value(record.get("report")?.clone()).ok()?;
	(report.configuration_hash == hash && dir.join(weights).is_file()).then_some(report)
}

/// Removes the record of an earlier training before its files are replaced: a kill in between must not leave it beside
/// the files of another.
pub(crate) fn remove(dir: &Path) -> Result<(), FactoryError> {
	files::remove(&dir.join(RECORD))
}

/// Writes the record; the last file of a training.
pub(crate) fn save(dir: &Path, configuration: &Value, report: &Report) -> Result<(), FactoryError> {
	files::write_json(&dir.join(RECORD), &json!({ "configuration": configuration, "report": report }))
}
