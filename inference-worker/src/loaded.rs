//! Adapters that the operator loads by name while the worker runs, to try them before they are published.
//!
//! They are for whoever holds the operator's token, and cost nothing: agents on chain are what payers use. A name stands
//! for one content, its generation. Loading other content under the name replaces it for the requests that come after;
//! those that run keep what they began with.

use crate::worker::unix_ms;
use std::{
	collections::BTreeMap,
	path::{Component, Path, PathBuf},
	sync::{
		atomic::{AtomicU64, Ordering},
		PoisonError, RwLock,
	},
};
use tributary_client::Store;
use tributary_engine::Engine;
use tributary_primitives::Hash;

/// Most names.
const MAX_LOADED: usize = 1_024;
/// Longest name, bytes.
const MAX_NAME: usize = 64;

/// An adapter under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
	/// Hash of its content.
	pub generation: Hash,
	/// Where it was loaded from, below the root.
	pub path: String,
}

/// Why an adapter was not loaded or unloaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
	/// The operator did not ask for it.
	#[error("adapters cannot be loaded here: the operator set no server.adapter_root or no TRIBUTARY_OPERATOR_TOKEN")]
	Disabled,
	/// Wrong or no token.
	#[error("this needs the operator's token: send `Authorization: Bearer <TRIBUTARY_OPERATOR_TOKEN>`")]
	Unauthorized,
	/// The name cannot be used.
	#[error("lora_name {0:?} is not 1 to 64 letters, digits, dots, dashes and underscores: choose another")]
	Name(String),
	/// An agent has it.
	#[error("{0:?} is an agent on chain: choose another lora_name")]
	IsAgent(String),
	/// The path leaves the root.
	#[error("lora_path {0:?} does not lead to a folder below server.adapter_root: name one by its path from there")]
	Outside(String),
	/// The name is taken.
	#[error("{0:?} is loaded already: unload it, or send \"load_inplace\": true to replace it")]
	Exists(String),
	/// Somebody replaced it meanwhile.
	#[error("{name:?} is at generation 0x{found}, not at expected_generation: read /v1/lora_adapters and try again")]
	Changed {
		/// The name.
		name: String,
		/// Its generation in hexadecimal.
		found: String,
	},
	/// Nothing has the name.
	#[error("no adapter is loaded as {0:?}: GET /v1/lora_adapters lists those that are")]
	Missing(String),
	/// Too many.
	#[error("{MAX_LOADED} adapters are loaded: unload one first")]
	Full,
	/// Its content cannot be stored.
	#[error("the folder cannot be kept: {0}")]
	Content(#[from] tributary_client::content::ContentError),
	/// It does not fit the base model.
	#[error("the adapter is refused: {0}")]
	Adapter(String),
}

/// All that are loaded.
pub struct LoadedAdapters {
	/// Absolute folder that paths lead from, and hash of the token.
	access: Option<(PathBuf, blake3::Hash)>,
	store: Store,
	cache: PathBuf,
	by_name: RwLock<BTreeMap<String, Loaded>>,
	trials: AtomicU64,
}

impl LoadedAdapters {
	/// Without root or token nothing can be loaded. Content is kept in `store` and brought to `cache`, where the
	/// engine looks for it.
	pub fn new(
		root: Option<&Path>,
		token: Option<&str>,
		store: Store,
		cache: PathBuf,
	) -> std::io::Result<Self> {
		let access = match (root, token) {
			(Some(root), Some(token)) => Some((root.canonicalize()?, blake3::hash(token.as_bytes()))),
			_ => None,
		};
		Ok(Self { access, store, cache, by_name: RwLock::default(), trials: AtomicU64::new(unix_ms() << 16) })
	}

	/// Checks what a client sent as its token.
	pub fn authorize(&self, sent: Option<&str>) -> Result<(), LoadError> {
		let (_, token) = self.access.as_ref().ok_or(LoadError::Disabled)?;
		// Hashes are compared in constant time.
		match sent.is_some_and(|sent| blake3::hash(sent.as_bytes()) == *token) {
			true => Ok(()),
			false => Err(LoadError::Unauthorized),
		}
	}

	/// A number that no other trial has.
	pub fn trial_id(&self) -> Hash {
		let number = self.trials.fetch_add(1, Ordering::Relaxed);
		*blake3::Hasher::new_derive_key("tributary trial").update(&number.to_le_bytes()).finalize().as_bytes()
	}

	/// All of them, by name.
	pub fn all(&self) -> BTreeMap<String, Loaded> {
		self.by_name.read().unwrap_or_else(PoisonError::into_inner).clone()
	}

	/// What a name stands for now.
	pub fn get(&self, name: &str) -> Option<Loaded> {
		self.by_name.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
	}

	/// Loads the folder `path` below the root as `name`. `in_place` replaces what has the name, if that is still
	/// `expected` where one is given. Says what was replaced.
	pub async fn load(
		&self,
		engine: &Engine,
		(name, path): (&str, &str),
		in_place: bool,
		expected: Option<Hash>,
	) -> Result<(Loaded, Option<Loaded>), LoadError> {
		check_name(name)?;
		self.may_take(name, in_place, expected)?;
		let folder = self.below_root(path)?;
		let generation = self.store.put_folder(&folder).await?;
		let kept = self.store.fetch_folder(&generation, &self.cache).await?;
		let engine = engine.clone();
		let checked = tokio::task::spawn_blocking(move || engine.check_adapter(&kept)).await;
		checked
			.map_err(|error| LoadError::Adapter(error.to_string()))?
			.map_err(|error| LoadError::Adapter(error.to_string()))?;
		let loaded = Loaded { generation, path: path.to_owned() };
		let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
		// Somebody else may have loaded one under the name meanwhile.
		may_take(&by_name, name, in_place, expected)?;
		let replaced = by_name.insert(name.to_owned(), loaded.clone());
		Ok((loaded, replaced))
	}

	/// Takes a name away.
	pub fn unload(&self, name: &str) -> Result<Loaded, LoadError> {
		let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
		by_name.remove(name).ok_or_else(|| LoadError::Missing(name.to_owned()))
	}

	fn may_take(&self, name: &str, in_place: bool, expected: Option<Hash>) -> Result<(), LoadError> {
		may_take(&self.by_name.read().unwrap_or_else(PoisonError::into_inner), name, in_place, expected)
	}

	/// The folder, links followed, if it lies below the root.
	fn below_root(&self, path: &str) -> Result<PathBuf, LoadError> {
		let (root, _) = self.access.as_ref().ok_or(LoadError::Disabled)?;
		let outside = || LoadError::Outside(path.to_owned());
		let relative = Path::new(path);
		if !relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
			return Err(outside());
		}
		let folder = root.join(relative).canonicalize().map_err(|_| outside())?;
		match folder.starts_with(root) && folder != *root && folder.is_dir() {
			true => Ok(folder),
			false => Err(outside()),
		}
	}
}

fn check_name(name: &str) -> Result<(), LoadError> {
	let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
	match !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(is_plain) {
		true => Ok(()),
		false => Err(LoadError::Name(name.chars().take(MAX_NAME).collect())),
	}
}

fn may_take(
	by_name: &BTreeMap<String, Loaded>,
	name: &str,
	in_place: bool,
	expected: Option<Hash>,
) -> Result<(), LoadError> {
	match (by_name.get(name), expected) {
		(None, Some(_)) => Err(LoadError::Missing(name.to_owned())),
		(None, None) if by_name.len() >= MAX_LOADED => Err(LoadError::Full),
		(Some(_), _) if !in_place => Err(LoadError::Exists(name.to_owned())),
		(Some(loaded), Some(expected)) if loaded.generation != expected => {
			Err(LoadError::Changed { name: name.to_owned(), found: hex::encode(loaded.generation) })
		}
		_ => Ok(()),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn path_is_refused_when_it_leads_out_of_the_root() {
		let folder = tempfile::tempdir().unwrap();
		let (root, outside) = (folder.path().join("root"), folder.path().join("outside"));
		std::fs::create_dir_all(root.join("poems/v1")).unwrap();
		std::fs::create_dir(&outside).unwrap();
		std::fs::write(root.join("file"), "x").unwrap();
		std::os::unix::fs::symlink(&outside, root.join("link")).unwrap();
		let store = Store::open(folder.path().join("store").to_str().unwrap()).unwrap();
		let loaded = LoadedAdapters::new(Some(&root), Some("secret"), store, outside.clone()).unwrap();
		assert!(loaded.below_root("poems/v1").is_ok() && loaded.below_root("./poems").is_ok());
		let absolute = outside.to_str().unwrap();
		for path in
			["", ".", "..", "../outside", "poems/../../outside", absolute, "link", "file", "none", "\0"]
		{
			assert!(matches!(loaded.below_root(path), Err(LoadError::Outside(_))), "{path}");
		}
	}

	#[test]
	fn token_is_needed_when_adapters_can_be_loaded() {
		let folder = tempfile::tempdir().unwrap();
		let loaded = |token| {
			let store = Store::open(folder.path().join("store").to_str().unwrap()).unwrap();
			LoadedAdapters::new(Some(folder.path()), token, store, folder.path().into()).unwrap()
		};
		assert!(matches!(loaded(None).authorize(Some("secret")), Err(LoadError::Disabled)));
		let loaded = loaded(Some("secret"));
		for sent in [None, Some(""), Some("Secret"), Some("secret ")] {
			assert!(matches!(loaded.authorize(sent), Err(LoadError::Unauthorized)));
		}
		assert!(loaded.authorize(Some("secret")).is_ok());
	}

	#[test]
	fn name_is_refused_when_it_is_empty_long_or_odd() {
		for name in ["", "a b", "a/b", "é", &"a".repeat(65)] {
			assert!(matches!(check_name(name), Err(LoadError::Name(_))), "{name}");
		}
		assert!(check_name("poems-v1.2_x").is_ok());
	}

	#[test]
	fn name_is_taken_only_in_place_and_from_the_expected_generation() {
		let loaded = Loaded { generation: [1; 32], path: "a".into() };
		let by_name = BTreeMap::from([("poems".to_owned(), loaded)]);
		assert!(matches!(may_take(&by_name, "poems", false, None), Err(LoadError::Exists(_))));
		assert!(matches!(may_take(&by_name, "poems", true, Some([2; 32])), Err(LoadError::Changed { .. })));
		assert!(matches!(may_take(&by_name, "odes", true, Some([2; 32])), Err(LoadError::Missing(_))));
		assert!(may_take(&by_name, "poems", true, Some([1; 32])).is_ok());
		assert!(may_take(&by_name, "odes", false, None).is_ok());
	}
}
