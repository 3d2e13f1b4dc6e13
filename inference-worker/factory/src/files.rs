//! Reading texts, writing files so that a killed run leaves either the old or the new one.

use std::{
	fs,
	io::Write,
	path::{Path, PathBuf},
};

use zeroize::Zeroize;

use crate::{conversations, error::FactoryError};

/// Largest single text, bytes.
const MAX_TEXT_BYTES: u64 = 64 << 20;
/// One text in ten is held out where no held-out texts are named.
const HELD_OUT_EVERY: usize = 10;

/// A text to train or measure on.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
	/// Where it came from.
	pub path: PathBuf,
	/// Its UTF-8 text: prose, or a conversation in each line (JSON with `messages`).
	pub text: String,
}

impl Drop for Document {
	fn drop(&mut self) {
		self.text.zeroize();
	}
}

// Texts may be private, and what is debugged is logged.
impl std::fmt::Debug for Document {
	fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		write!(formatter, "Document({}, {} bytes)", self.path.display(), self.text.len())
	}
}

/// Reads text files; a folder stands for its `.txt` and `.jsonl` files, sorted by name, without subfolders.
pub fn read_texts(paths: &[PathBuf]) -> Result<Vec<Document>, FactoryError> {
	let mut documents = Vec::new();
	for path in paths {
		if !path.is_dir() {
			documents.push(read_text(path)?);
			continue;
		}
		let mut names = Vec::new();
		for entry in fs::read_dir(path).map_err(FactoryError::read(path))? {
			let file = entry.map_err(FactoryError::read(path))?.path();
			let extension = file.extension().unwrap_or_default();
			if (extension == "txt" || extension == "jsonl") && file.is_file() {
				names.push(file);
			}
		}
		names.sort();
		for name in names {
			documents.push(read_text(&name)?);
		}
	}
	Ok(documents)
}

fn read_text(path: &Path) -> Result<Document, FactoryError> {
	let size = fs::metadata(path).map_err(FactoryError::read(path))?.len();
	if size > MAX_TEXT_BYTES {
		let reason = format!("{size} bytes are more than the {MAX_TEXT_BYTES} of one text; split it");
		return Err(FactoryError::model(path, reason));
	}
	let text = fs::read_to_string(path).map_err(FactoryError::read(path))?;
	Ok(Document { path: path.to_owned(), text })
}

/// Splits texts into those to train on and those to measure on: every tenth, the last if there are fewer, the last
/// tenth of a single one, in whole conversations if it holds any.
pub(crate) fn hold_out(mut documents: Vec<Document>) -> (Vec<Document>, Vec<Document>) {
	if let [only] = documents.as_mut_slice() {
		let has_lines = conversations::is_conversations(only);
		let at = only.text.len() / HELD_OUT_EVERY * (HELD_OUT_EVERY - 1);
		let at = if has_lines { line_start(only.text.trim_end(), at) } else { at };
		let at = (at..=only.text.len()).find(|place| only.text.is_char_boundary(*place)).unwrap_or(0);
		let (kept, held_out) = only.text.split_at(at);
		// Empty lines are skipped: with them, errors name the line that it is in the whole text.
		let skipped = if has_lines { kept.lines().count() } else { 0 };
		let held_out = Document { path: only.path.clone(), text: "\n".repeat(skipped) + held_out };
		only.text.truncate(at);
		return (documents, vec![held_out]);
	}
	let every = HELD_OUT_EVERY.min(documents.len().max(1));
	let (mut kept, mut held_out) = (Vec::new(), Vec::new());
	for (index, document) in documents.into_iter().enumerate() {
		if index % every == every - 1 {
			held_out.push(document);
		} else {
			kept.push(document);
		}
	}
	(kept, held_out)
}

/// Where the first line from `at` on starts, or the last one; the end if there is one line only.
fn line_start(text: &str, at: usize) -> usize {
	let ends = || text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(place, _)| place + 1);
	ends().find(|place| *place >= at).or_else(|| ends().next_back()).unwrap_or(text.len())
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FactoryError> {
	fs::read(path).map_err(FactoryError::read(path))
}

/// Writes a file under another name, then renames it into place: whole, even if the machine stops in between.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), FactoryError> {
	let mut name = path.file_name().unwrap_or_default().to_owned();
	name.push(".part");
	let part = path.with_file_name(name);
	let written = fs::File::create(&part).and_then(|mut file| {
		file.write_all(bytes)?;
		file.sync_all()
	});
	written.map_err(FactoryError::write(&part))?;
	fs::rename(&part, path).map_err(FactoryError::write(path))
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), FactoryError> {
	match fs::remove_file(path) {
		Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FactoryError::write(path)(error)),
		_ => Ok(()),
	}
}

pub(crate) fn write_json(path: &Path, json: &serde_json::Value) -> Result<(), FactoryError> {
	write(path, format!("{json:#}\n").as_bytes())
}

pub(crate) fn create_dir(path: &Path) -> Result<(), FactoryError> {
	fs::create_dir_all(path).map_err(FactoryError::write(path))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn texts_are_sorted_and_only_txt_when_a_folder_is_given() {
		let dir = tempfile::tempdir().expect("temporary folder");
		for name in ["b.txt", "a.txt", "LICENCE"] {
			fs::write(dir.path().join(name), name).expect("write");
		}
		let texts = read_texts(&[dir.path().to_owned()]).expect("texts");
		assert_eq!(
			texts.iter().map(|document| document.text.as_str()).collect::<Vec<_>>(),
			["a.txt", "b.txt"]
		);
	}

	#[test]
	fn texts_fail_with_the_path_when_one_is_missing() {
		let error = read_texts(&["nowhere/at-all.txt".into()]).expect_err("missing");
		assert!(error.to_string().contains("nowhere/at-all.txt"));
	}

	#[test]
	fn hold_out_takes_the_last_text_when_there_are_few() {
		let document = |name: &str| Document { path: name.into(), text: name.into() };
		let (kept, held_out) = hold_out(vec![document("a"), document("b"), document("c")]);
		assert_eq!((kept.len(), held_out.len()), (2, 1));
		assert_eq!(held_out[0].text, "c");
	}

	#[test]
	fn hold_out_takes_the_end_when_there_is_one_text() {
		let text = "é".repeat(50);
		let (kept, held_out) = hold_out(vec![Document { path: "a".into(), text: text.clone() }]);
		assert_eq!(format!("{}{}", kept[0].text, held_out[0].text), text);
		assert_eq!(held_out[0].text.chars().count(), 5);
	}

	#[test]
	fn hold_out_takes_whole_conversations_when_there_is_one_text_of_them() {
		let line = |content: &str| {
			format!("{{\"messages\": [{{\"role\": \"user\", \"content\": \"{content}\"}}]}}\n")
		};
		let text: String = (0..20).map(|number| line(&format!("{number:02}"))).collect();
		let (kept, held_out) = hold_out(vec![Document { path: "a.jsonl".into(), text }]);
		let lines = |document: &Document| document.text.lines().filter(|line| !line.is_empty()).count();
		assert_eq!((lines(&kept[0]), lines(&held_out[0])), (18, 2));
		assert_eq!(held_out[0].text.lines().position(|line| line.contains("18")), Some(18));
		let (kept, held_out) =
			hold_out(vec![Document { path: "a.jsonl".into(), text: line("a") + &line(&"b".repeat(200)) }]);
		assert_eq!((lines(&kept[0]), lines(&held_out[0])), (1, 1));
	}
}
