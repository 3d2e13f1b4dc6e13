//! A folder as text: one line `hash size name` per file, sorted by name. Its hash is the folder's.

use super::{hash_bytes, hash_file, ContentError};
use std::path::{Path, PathBuf};
use tributary_primitives::Hash;

/// Most files of a folder.
pub const MAX_FILES: usize = 4_096;
/// Most bytes of a manifest.
pub const MAX_MANIFEST_BYTES: u64 = 2 << 20;
const MAX_NAME: usize = 512;
const MAX_DEPTH: usize = 8;

/// One file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
	/// BLAKE3 of the file.
	pub hash: Hash,
	/// Its size, bytes.
	pub size: u64,
	/// Its path inside the folder, parts joined by `/`.
	pub name: String,
}

/// The files of a folder, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
	entries: Vec<Entry>,
}

impl Manifest {
	/// Reads a manifest; refuses names that leave the folder, are repeated or unsorted.
	pub fn parse(text: &[u8]) -> Result<Self, ContentError> {
		let hash = hex::encode(hash_bytes(text));
		let wrong = |line: usize, reason: String| ContentError::Manifest { hash: hash.clone(), line, reason };
		let text = std::str::from_utf8(text).map_err(|_| wrong(1, "not UTF-8 text".into()))?;
		let body = text.strip_suffix('\n').ok_or_else(|| wrong(1, "the last line does not end".into()))?;
		let mut entries: Vec<Entry> = Vec::new();
		for (index, line) in body.split('\n').enumerate() {
			let number = index.saturating_add(1);
			if number > MAX_FILES {
				return Err(wrong(number, format!("more than {MAX_FILES} files")));
			}
			let entry = parse_line(line).map_err(|reason| wrong(number, reason))?;
			if entries.last().is_some_and(|last| last.name >= entry.name) {
				return Err(wrong(number, format!("`{}` is repeated or not in order", entry.name)));
			}
			entries.push(entry);
		}
		Ok(Self { entries })
	}

	/// Hashes every file below `folder`. Names that begin with a dot are left out; links are refused, for
	/// they may point anywhere.
	pub fn of_folder(folder: &Path) -> Result<Self, ContentError> {
		let mut paths = Vec::new();
		list(folder, &mut paths)?;
		let mut entries = Vec::with_capacity(paths.len());
		for path in paths {
			let name = relative_name(folder, &path)?;
			let size = std::fs::metadata(&path).map_err(super::at(&path))?.len();
			entries.push(Entry { hash: hash_file(&path)?, size, name });
		}
		entries.sort_by(|a, b| a.name.cmp(&b.name));
		if entries.is_empty() {
			let reason = "the folder has no files: put the content in it first".into();
			return Err(ContentError::Unstorable { path: folder.into(), reason });
		}
		Ok(Self { entries })
	}

	/// The files, sorted by name.
	pub fn entries(&self) -> &[Entry] {
		&self.entries
	}

	/// Sum of the files' sizes, bytes.
	pub fn total(&self) -> u64 {
		self.entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.size))
	}

	/// The text whose hash is the folder's.
	pub fn to_text(&self) -> String {
		self.entries.iter().map(|e| format!("{} {} {}\n", hex::encode(e.hash), e.size, e.name)).collect()
	}
}

fn parse_line(line: &str) -> Result<Entry, String> {
	let mut fields = line.splitn(3, ' ');
	let (Some(hash), Some(size), Some(name)) = (fields.next(), fields.next(), fields.next()) else {
		return Err("not `hash size name`".into());
	};
	let mut digest = Hash::default();
	hex::decode_to_slice(hash, &mut digest)
		.map_err(|_| format!("`{hash}` is not a hash of 64 hex digits"))?;
	let size = size.parse().map_err(|_| format!("`{size}` is not a size in bytes"))?;
	check_name(name)?;
	Ok(Entry { hash: digest, size, name: name.into() })
}

/// Whether a name stays inside the folder on every system.
fn check_name(name: &str) -> Result<(), String> {
	let parts: Vec<_> = name.split('/').collect();
	let bad_part = |part: &&str| part.is_empty() || *part == "." || *part == "..";
	if parts.iter().any(bad_part) || name.contains(['\\', ':']) || name.chars().any(char::is_control) {
		return Err(format!("the name `{}` leaves the folder", name.escape_debug()));
	}
	if name.len() > MAX_NAME || parts.len() > MAX_DEPTH {
		return Err(format!("the name `{}` is too long or too deep", name.escape_debug()));
	}
	Ok(())
}

fn list(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), ContentError> {
	for entry in std::fs::read_dir(folder).map_err(super::at(folder))? {
		let entry = entry.map_err(super::at(folder))?;
		let path = entry.path();
		if entry.file_name().to_string_lossy().starts_with('.') {
			continue;
		}
		let kind = entry.file_type().map_err(super::at(&path))?;
		let unstorable =
			|reason: &str| ContentError::Unstorable { path: path.clone(), reason: reason.into() };
		if kind.is_dir() {
			list(&path, found)?;
		} else if kind.is_file() {
			if found.len() >= MAX_FILES {
				return Err(unstorable("the folder has too many files: pack or split them"));
			}
			found.push(path);
		} else {
			return Err(unstorable("a link or device: replace it by a plain file"));
		}
	}
	Ok(())
}

fn relative_name(folder: &Path, path: &Path) -> Result<String, ContentError> {
	let unstorable = |reason: String| ContentError::Unstorable { path: path.into(), reason };
	let inside = path.strip_prefix(folder).map_err(|e| unstorable(e.to_string()))?;
	let parts: Option<Vec<_>> = inside.components().map(|part| part.as_os_str().to_str()).collect();
	let name = parts.ok_or_else(|| unstorable("the name is not UTF-8: rename it".into()))?.join("/");
	check_name(&name).map_err(|reason| unstorable(format!("{reason}: rename it")))?;
	Ok(name)
}
