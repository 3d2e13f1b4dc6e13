//! Folders in and out of the store.

use super::{at, joined, unique, ContentError, Manifest, Store, MAX_FOLDER, MAX_MANIFEST_BYTES};
use std::path::{Path, PathBuf};
use tributary_primitives::Hash;

impl Store {
	/// Stores every file of a folder and its manifest; gives the manifest's hash.
	pub async fn put_folder(&self, folder: &Path) -> Result<Hash, ContentError> {
		let owned = folder.to_path_buf();
		let listed = tokio::task::spawn_blocking(move || Manifest::of_folder(&owned)).await;
		let manifest = listed.map_err(|e| joined(folder, e))??;
		for entry in manifest.entries() {
			let path = folder.join(&entry.name);
			if self.put_file(&path).await? != entry.hash {
				let reason = "it changed while the folder was being stored: try again".into();
				return Err(ContentError::Unstorable { path, reason });
			}
		}
		self.put_bytes(manifest.to_text()).await
	}

	/// Stores a file or a folder.
	pub async fn put_path(&self, path: &Path) -> Result<Hash, ContentError> {
		if path.is_dir() {
			self.put_folder(path).await
		} else {
			self.put_file(path).await
		}
	}

	/// Brings a folder of at most [`MAX_FOLDER`] bytes into `cache` and gives its path there. See
	/// [`Store::fetch_folder_within`].
	pub async fn fetch_folder(&self, hash: &Hash, cache: &Path) -> Result<PathBuf, ContentError> {
		self.fetch_folder_within(hash, cache, MAX_FOLDER).await
	}

	/// Brings a folder of at most `limit` bytes into `cache`, under the hash's hex name. It appears there
	/// by one rename, complete and checked; a second fetch finds it.
	pub async fn fetch_folder_within(
		&self,
		hash: &Hash,
		cache: &Path,
		limit: u64,
	) -> Result<PathBuf, ContentError> {
		let target = cache.join(hex::encode(hash));
		if target.is_dir() {
			return Ok(target);
		}
		let text = self.get_within(hash, MAX_MANIFEST_BYTES).await?;
		let manifest = Manifest::parse(&text)?;
		if manifest.total() > limit {
			return Err(ContentError::TooLarge { hash: hex::encode(hash), limit });
		}
		tokio::fs::create_dir_all(cache).await.map_err(at(cache))?;
		let partial = cache.join(format!(".partial-{}-{}", hex::encode(hash), unique()));
		let fetched = self.fetch_entries(&manifest, &partial).await;
		if let Err(error) = fetched {
			// What was fetched stays out of the way; that it may not exist is fine.
			let _ = tokio::fs::remove_dir_all(&partial).await;
			return Err(error);
		}
		match tokio::fs::rename(&partial, &target).await {
			Ok(()) => Ok(target),
			// Somebody else fetched it meanwhile.
			Err(_) if target.is_dir() => {
				tokio::fs::remove_dir_all(&partial).await.map_err(at(&partial))?;
				Ok(target)
			}
			Err(error) => Err(at(&target)(error)),
		}
	}

	async fn fetch_entries(&self, manifest: &Manifest, folder: &Path) -> Result<(), ContentError> {
		for entry in manifest.entries() {
			// The hash fixes the size; the manifest's own number only bounds what is downloaded.
			self.fetch_file(&entry.hash, &folder.join(&entry.name), entry.size).await?;
		}
		Ok(())
	}
}
