//! The folder of encrypted key files: one polkadot.js JSON file per key, readable by its owner only.

use crate::failure::Failure;
use std::{
	io::Write,
	path::{Path, PathBuf},
};
use tributary_client::keys::KeyFile;

const MAX_FILE: u64 = 64 << 10;

/// Keys by name.
pub struct Keystore {
	folder: PathBuf,
}

impl Keystore {
	/// A keystore in a folder, which need not exist.
	pub fn new(folder: PathBuf) -> Self {
		Self { folder }
	}

	/// Reads a key by its name, or a key file by its path.
	pub fn load(&self, key: &str) -> Result<KeyFile, Failure> {
		let path =
			if key.contains('/') || key.ends_with(".json") { PathBuf::from(key) } else { self.path(key)? };
		let known = || self.names().unwrap_or_default().join(", ");
		let size = std::fs::metadata(&path).map_err(|_| {
			Failure::Usage(format!("there is no key `{key}` ({}). Known keys: {}", path.display(), known()))
		})?;
		if size.len() > MAX_FILE {
			return Err(Failure::file(&path, "too large for a key file"));
		}
		let text = std::fs::read_to_string(&path).map_err(|e| Failure::file(&path, e))?;
		Ok(KeyFile::from_json(&text)?)
	}

	/// Writes a new key; an existing one is never replaced.
	pub fn save(&self, name: &str, file: &KeyFile) -> Result<PathBuf, Failure> {
		let path = self.path(name)?;
		std::fs::create_dir_all(&self.folder).map_err(|e| Failure::file(&self.folder, e))?;
		let mut options = std::fs::OpenOptions::new();
		options.write(true).create_new(true);
		#[cfg(unix)]
		std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
		let mut handle = options.open(&path).map_err(|error| match error.kind() {
			std::io::ErrorKind::AlreadyExists => Failure::Usage(format!(
				"the key `{name}` exists: choose another name, or move {} away",
				path.display()
			)),
			_ => Failure::file(&path, error),
		})?;
		let text = file.to_json()?;
		handle
			.write_all(text.as_bytes())
			.and_then(|()| handle.sync_all())
			.map_err(|e| Failure::file(&path, e))?;
		Ok(path)
	}

	/// Whether a key of this name exists.
	pub fn has(&self, name: &str) -> Result<bool, Failure> {
		Ok(self.path(name)?.exists())
	}

	/// All names, sorted.
	pub fn names(&self) -> Result<Vec<String>, Failure> {
		let entries = match std::fs::read_dir(&self.folder) {
			Ok(entries) => entries,
			Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
			Err(error) => return Err(Failure::file(&self.folder, error)),
		};
		let name = |path: &Path| Some(path.file_name()?.to_str()?.strip_suffix(".json")?.to_string());
		let mut names: Vec<_> = entries.filter_map(|entry| name(&entry.ok()?.path())).collect();
		names.sort();
		Ok(names)
	}

	fn path(&self, name: &str) -> Result<PathBuf, Failure> {
		let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
		if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
			let hint = "use 1 to 64 letters, digits, - and _";
			return Err(Failure::Usage(format!("`{name}` cannot name a key: {hint}")));
		}
		Ok(self.folder.join(format!("{name}.json")))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn key_is_kept_when_another_of_its_name_is_saved() {
		let folder = tempfile::tempdir().unwrap();
		let keys = Keystore::new(folder.path().join("keys"));
		let file = KeyFile::encrypt("//Alice", "alice", "secret").unwrap();
		keys.save("alice", &file).unwrap();
		assert!(matches!(keys.save("alice", &file), Err(Failure::Usage(_))));
		assert_eq!(keys.names().unwrap(), ["alice"]);
		assert_eq!(keys.load("alice").unwrap().account().unwrap(), file.account().unwrap());
	}

	#[cfg(unix)]
	#[test]
	fn key_file_is_private_when_saved() {
		use std::os::unix::fs::PermissionsExt;
		let folder = tempfile::tempdir().unwrap();
		let keys = Keystore::new(folder.path().into());
		let path = keys.save("alice", &KeyFile::encrypt("//Alice", "alice", "secret").unwrap()).unwrap();
		assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
	}

	#[test]
	fn name_is_refused_when_it_could_leave_the_folder() {
		let keys = Keystore::new("keys".into());
		for name in ["", "a b", "..", "a/b", &"a".repeat(65)] {
			assert!(keys.has(name).is_err(), "{name}");
		}
		assert!(matches!(keys.load("nobody"), Err(Failure::Usage(_))));
	}
}
