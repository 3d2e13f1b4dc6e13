//! Content-addressed storage: files and folders under their BLAKE3 hash.
//!
//! An object's key is the first two hex digits of its hash, a slash, and the whole hash in hex, in a local
//! folder, an S3 bucket or behind any HTTP server of static files. What is read is checked against its hash
//! before anyone sees it, so a place needs no trust.

mod folder;
mod manifest;
mod place;

pub use manifest::{Entry, Manifest, MAX_FILES, MAX_MANIFEST_BYTES};

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::{ObjectStoreExt, PutPayload, WriteMultipart};
use place::Place;
use std::{
	io::Read,
	path::{Path, PathBuf},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tributary_primitives::Hash;

/// Most bytes of an object that is read into memory: contributions, prompts, reports, batch data.
pub const MAX_OBJECT: u64 = 64 << 20;
/// Most bytes of one file or folder on disk: models and adapters.
pub const MAX_FOLDER: u64 = 64 << 30;
/// Files above this many bytes are uploaded in parts.
const PART: usize = 8 << 20;

/// Why content could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
	/// No place has it.
	#[error("content {0} is in none of: {1}. Ask its owner for a place that has it, and name that place as a source")]
	Missing(String, String),
	/// A place gave other bytes.
	#[error("content {hash} from {place} has another hash ({found}): it was damaged or replaced. Delete it there, or use another place")]
	Corrupt {
		/// Wanted hash, hex.
		hash: String,
		/// Hash of what was given, hex.
		found: String,
		/// Where it came from.
		place: String,
	},
	/// Larger than the reader allows.
	#[error(
		"content {hash} is larger than the limit of {limit} bytes. Raise the limit if you trust its size"
	)]
	TooLarge {
		/// Its hash, hex.
		hash: String,
		/// The limit, bytes.
		limit: u64,
	},
	/// A folder's manifest is not valid.
	#[error("manifest {hash}, line {line}: {reason}. Publish the folder again")]
	Manifest {
		/// Hash of the manifest, hex; empty while it is being made.
		hash: String,
		/// Line, from 1.
		line: usize,
		/// What is wrong.
		reason: String,
	},
	/// A folder holds something that cannot be stored.
	#[error("{path}: {reason}")]
	Unstorable {
		/// What.
		path: PathBuf,
		/// Why, and what to do.
		reason: String,
	},
	/// The location is not understood.
	#[error("`{0}` is not a content store: give a folder, s3://bucket/prefix or http(s)://host/path")]
	Location(String),
	/// The place can only be read.
	#[error("{0} can only be read: store into a folder or s3://bucket/prefix")]
	ReadOnly(String),
	/// The place failed.
	#[error("content store {place}: {source}. Check that it is reachable and that you may use it")]
	Place {
		/// Which.
		place: String,
		/// Its own error.
		source: object_store::Error,
	},
	/// A local file failed.
	#[error("{path}: {source}")]
	File {
		/// Which.
		path: PathBuf,
		/// The system's error.
		source: std::io::Error,
	},
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> ContentError + '_ {
	move |source| ContentError::File { path: path.into(), source }
}

/// BLAKE3 of bytes.
pub fn hash_bytes(bytes: &[u8]) -> Hash {
	*blake3::hash(bytes).as_bytes()
}

/// BLAKE3 of a file, without reading it into memory.
pub fn hash_file(path: &Path) -> Result<Hash, ContentError> {
	let mut file = std::fs::File::open(path).map_err(at(path))?;
	let mut hasher = blake3::Hasher::new();
	let mut buffer = vec![0; 1 << 20];
	loop {
		let count = file.read(&mut buffer).map_err(at(path))?;
		match buffer.get(..count) {
			Some([]) | None => return Ok(*hasher.finalize().as_bytes()),
			Some(bytes) => hasher.update(bytes),
		};
	}
}

/// Hash of a folder's manifest: the folder's own hash.
pub fn hash_folder(folder: &Path) -> Result<Hash, ContentError> {
	Ok(hash_bytes(Manifest::of_folder(folder)?.to_text().as_bytes()))
}

/// A content store: one place to write to, and more to read from when that one lacks something.
#[derive(Clone, Debug)]
pub struct Store {
	home: Place,
	sources: Vec<Place>,
}

impl Store {
	/// Opens a folder (made when missing), `s3://bucket/prefix` (credentials from the usual `AWS_*`
	/// variables) or `http(s)://host/path` (read only).
	pub fn open(location: &str) -> Result<Self, ContentError> {
		Ok(Self { home: Place::open(location)?, sources: Vec::new() })
	}

	/// The same store, which also reads from `hints` when it lacks something: what an asset's owner says
	/// on chain. Hints that are not `http(s)://` or `s3://` are skipped: a stranger may not point at local
	/// folders. Buckets are read without this machine's credentials.
	pub fn with_sources<'a>(&self, hints: impl IntoIterator<Item = &'a str>) -> Self {
		let remote =
			|hint: &&str| ["http://", "https://", "s3://"].iter().any(|scheme| hint.starts_with(scheme));
		let opened = hints.into_iter().filter(remote).filter_map(|hint| Place::open_hint(hint).ok());
		Self { home: self.home.clone(), sources: self.sources.iter().cloned().chain(opened).collect() }
	}

	/// Where it writes.
	pub fn location(&self) -> &str {
		&self.home.name
	}

	/// Stores bytes; gives their hash.
	pub async fn put_bytes(&self, bytes: impl Into<Bytes>) -> Result<Hash, ContentError> {
		let bytes = bytes.into();
		let hash = hash_bytes(&bytes);
		let home = self.home.writable()?;
		let key = key(&hash);
		if !self.has_at_home(&key, bytes.len() as u64).await {
			home.store
				.put(&home.key(&key), PutPayload::from_bytes(bytes))
				.await
				.map_err(|e| home.failed(e))?;
		}
		Ok(hash)
	}

	/// Stores a file; gives its hash.
	pub async fn put_file(&self, path: &Path) -> Result<Hash, ContentError> {
		let owned = path.to_path_buf();
		let hash =
			tokio::task::spawn_blocking(move || hash_file(&owned)).await.map_err(|e| joined(path, e))??;
		let home = self.home.writable()?;
		let key = key(&hash);
		let mut file = tokio::fs::File::open(path).await.map_err(at(path))?;
		let size = file.metadata().await.map_err(at(path))?.len();
		if self.has_at_home(&key, size).await {
			return Ok(hash);
		}
		let upload = home.store.put_multipart(&home.key(&key)).await.map_err(|e| home.failed(e))?;
		let mut writer = WriteMultipart::new_with_chunk_size(upload, PART);
		let mut hasher = blake3::Hasher::new();
		let mut buffer = vec![0; 1 << 20];
		loop {
			let count = file.read(&mut buffer).await.map_err(at(path))?;
			let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
			hasher.update(bytes);
			writer.wait_for_capacity(4).await.map_err(|e| home.failed(e))?;
			writer.write(bytes);
		}
		if *hasher.finalize().as_bytes() != hash {
			writer.abort().await.map_err(|e| home.failed(e))?;
			let reason = "it changed while it was being stored: try again when nothing writes to it".into();
			return Err(ContentError::Unstorable { path: path.into(), reason });
		}
		writer.finish().await.map_err(|e| home.failed(e))?;
		Ok(hash)
	}

	/// Removes an object from the place that is written to; `false` when it was not there.
	pub async fn remove(&self, hash: &Hash) -> Result<bool, ContentError> {
		let home = self.home.writable()?;
		let key = home.key(&key(hash));
		match home.store.head(&key).await {
			Err(object_store::Error::NotFound { .. }) => return Ok(false),
			found => found.map_err(|e| home.failed(e))?,
		};
		home.store.delete(&key).await.map_err(|e| home.failed(e))?;
		Ok(true)
	}

	/// Whether any place has the object.
	pub async fn has(&self, hash: &Hash) -> bool {
		let key = key(hash);
		for place in self.places() {
			if place.store.head(&place.key(&key)).await.is_ok() {
				return true;
			}
		}
		false
	}

	/// Reads an object of at most [`MAX_OBJECT`] bytes into memory, checked.
	pub async fn get(&self, hash: &Hash) -> Result<Bytes, ContentError> {
		self.get_within(hash, MAX_OBJECT).await
	}

	/// Reads an object of at most `limit` bytes into memory, checked.
	pub async fn get_within(&self, hash: &Hash, limit: u64) -> Result<Bytes, ContentError> {
		let mut bytes = Vec::new();
		self.read(hash, limit, &mut Sink::Memory(&mut bytes)).await?;
		Ok(bytes.into())
	}

	/// Writes an object of at most `limit` bytes to `path`, checked before it appears there.
	pub async fn fetch_file(&self, hash: &Hash, path: &Path, limit: u64) -> Result<(), ContentError> {
		let parent = path.parent().unwrap_or(Path::new("."));
		tokio::fs::create_dir_all(parent).await.map_err(at(parent))?;
		let partial = parent.join(format!(".partial-{}-{}", hex::encode(hash), unique()));
		let done = self.read(hash, limit, &mut Sink::File(&partial)).await;
		match done {
			Ok(()) => tokio::fs::rename(&partial, path).await.map_err(at(path)),
			Err(error) => {
				// The partial file is of no use; that it may not exist is fine.
				let _ = tokio::fs::remove_file(&partial).await;
				Err(error)
			}
		}
	}

	fn places(&self) -> impl Iterator<Item = &Place> {
		std::iter::once(&self.home).chain(&self.sources)
	}

	async fn has_at_home(&self, key: &str, size: u64) -> bool {
		let found = self.home.store.head(&self.home.key(key)).await;
		found.is_ok_and(|meta| meta.size == size)
	}

	/// Reads from the first place that gives the right bytes; tells the most telling error when none does.
	async fn read(&self, hash: &Hash, limit: u64, sink: &mut Sink<'_>) -> Result<(), ContentError> {
		let mut worst = None;
		for place in self.places() {
			match read_from(place, hash, limit, sink).await {
				Ok(()) => return Ok(()),
				Err(ContentError::Place { source: object_store::Error::NotFound { .. }, .. }) => {}
				Err(error @ ContentError::File { .. }) => return Err(error),
				Err(error) => {
					tracing::warn!(%error, "content source failed");
					worst = Some(error);
				}
			}
		}
		let names: Vec<_> = self.places().map(|place| place.name.as_str()).collect();
		Err(worst.unwrap_or_else(|| ContentError::Missing(hex::encode(hash), names.join(", "))))
	}
}

/// Where an object's bytes go while they are being checked.
enum Sink<'a> {
	Memory(&'a mut Vec<u8>),
	File(&'a Path),
}

async fn read_from(place: &Place, hash: &Hash, limit: u64, sink: &mut Sink<'_>) -> Result<(), ContentError> {
	let too_large = || ContentError::TooLarge { hash: hex::encode(hash), limit };
	let result = place.store.get(&place.key(&key(hash))).await.map_err(|e| place.failed(e))?;
	if result.meta.size > limit {
		return Err(too_large());
	}
	let mut file = match sink {
		Sink::Memory(bytes) => {
			bytes.clear();
			None
		}
		Sink::File(path) => Some((*path, tokio::fs::File::create(*path).await.map_err(at(path))?)),
	};
	let mut stream = result.into_stream();
	let (mut hasher, mut count) = (blake3::Hasher::new(), 0u64);
	while let Some(chunk) = stream.try_next().await.map_err(|e| place.failed(e))? {
		count = count.saturating_add(chunk.len() as u64);
		if count > limit {
			return Err(too_large());
		}
		hasher.update(&chunk);
		match (&mut file, &mut *sink) {
			(Some((path, file)), _) => file.write_all(&chunk).await.map_err(at(path))?,
			(None, Sink::Memory(bytes)) => bytes.extend_from_slice(&chunk),
			(None, Sink::File(_)) => {}
		}
	}
	let found = hasher.finalize();
	if found.as_bytes() != hash {
		let (hash, found) = (hex::encode(hash), found.to_hex().to_string());
		return Err(ContentError::Corrupt { hash, found, place: place.name.clone() });
	}
	if let Some((path, mut file)) = file {
		file.flush().await.map_err(at(path))?;
		file.sync_all().await.map_err(at(path))?;
	}
	Ok(())
}

fn key(hash: &Hash) -> String {
	let hex = hex::encode(hash);
	format!("{}/{hex}", hex.get(..2).unwrap_or_default())
}

fn joined(path: &Path, error: tokio::task::JoinError) -> ContentError {
	ContentError::File { path: path.into(), source: std::io::Error::other(error) }
}

/// A name that no other partial download has, in this process or another.
fn unique() -> String {
	use std::sync::atomic::{AtomicU64, Ordering};
	static NEXT: AtomicU64 = AtomicU64::new(0);
	let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
	format!("{}-{:x}-{}", std::process::id(), now.as_nanos(), NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests;
