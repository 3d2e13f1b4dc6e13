//! Indexes in a folder, one subfolder each.

use super::{
	hashes,
	vectors::{salvage, Journal, Vectors},
	vectors_of, LocalIndex, Words,
};
use crate::{
	embed::{Known, TextHash},
	index::is_kept,
	ChunkIndex, ChunkStore, Embedder, Progress, RetrievalError, Space,
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::{
	collections::BTreeSet,
	path::{Path, PathBuf},
	sync::Arc,
};
use tributary_attribution::Chunks;
use tributary_primitives::SnapshotRef;

/// Says what is in a subfolder; written last.
const MANIFEST: &str = "manifest.json";
/// Vectors by row.
const VECTORS: &str = "vectors";
/// tantivy's files.
const WORDS: &str = "words";
/// Vectors of a build that is not done.
const JOURNAL: &str = "journal";
/// Extension of a subfolder that is not done.
const PART: &str = "part";

/// Keeps indexes in a folder that belongs to this process: a subfolder for each, which appears when it is whole.
pub struct Files {
	folder: PathBuf,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
	digest: String,
	model: String,
	chunks: usize,
	copies: usize,
	dimensions: Option<usize>,
	/// BLAKE3 of tantivy's list of segments: its other files have checksums of their own.
	words: String,
}

impl Manifest {
	fn new(
		space: &Space,
		(chunks, copies): (usize, usize),
		dimensions: Option<usize>,
		words: &Path,
	) -> Result<Self, RetrievalError> {
		let (digest, model) = (hex::encode(space.digest), hex::encode(space.model));
		let segments = words.join("meta.json");
		let read = std::fs::read(&segments);
		let read = read.map_err(|error| RetrievalError::damaged(&segments, error.to_string()))?;
		let words = blake3::hash(&read).to_hex().to_string();
		Ok(Self { digest, model, chunks, copies, dimensions, words })
	}
}

impl Files {
	/// Keeps indexes in `folder`, which is made if need be.
	pub fn new(folder: PathBuf) -> Result<Self, RetrievalError> {
		std::fs::create_dir_all(&folder).map_err(RetrievalError::io("create", &folder))?;
		Ok(Self { folder })
	}

	fn place(&self, space: &Space) -> PathBuf {
		self.folder.join(space.name())
	}
}

/// Vectors for these texts in the folder's indexes of the DataNet, whole or not.
fn known(folder: &Path, space: &Space, wanted: &BTreeSet<TextHash>) -> Known {
	let mut known = Known::new();
	let Ok(folders) = std::fs::read_dir(folder) else { return known };
	for entry in folders.flatten() {
		let name = entry.file_name();
		let of = name.to_str().and_then(Space::snapshot_of);
		if of.is_some_and(|of| of.datanet == space.snapshot.datanet) {
			for file in [VECTORS, JOURNAL] {
				salvage(&entry.path().join(file), &space.model, wanted, &mut known);
			}
		}
	}
	known
}

fn read(space: &Space, folder: &Path) -> Result<LocalIndex, RetrievalError> {
	let path = folder.join(MANIFEST);
	let text = std::fs::read(&path).map_err(|error| RetrievalError::damaged(&path, error.to_string()))?;
	let manifest: Manifest =
		serde_json::from_slice(&text).map_err(|error| RetrievalError::damaged(&path, error.to_string()))?;
	if manifest.model != hex::encode(space.model) {
		return Err(RetrievalError::Stale { path: folder.into(), what: "model" });
	}
	if manifest.digest != hex::encode(space.digest) {
		return Err(RetrievalError::Stale { path: folder.into(), what: "snapshot" });
	}
	let files = folder.join(WORDS);
	let words = Words::open(&files)?;
	let vectors = match manifest.dimensions {
		Some(_) => Some(Vectors::open(&folder.join(VECTORS), &space.model).map_err(|error| match error {
			RetrievalError::Io { path, source, .. } => RetrievalError::damaged(&path, source.to_string()),
			other => other,
		})?),
		None => None,
	};
	let whole = vectors.as_ref().is_none_or(|vectors| vectors.rows() == words.rows());
	let dimensions = vectors.as_ref().map(Vectors::dimensions);
	if !whole || Manifest::new(space, (words.rows(), manifest.copies), dimensions, &files)? != manifest {
		return Err(RetrievalError::damaged(&path, "it does not say what is in the other files"));
	}
	Ok(LocalIndex::new(*space, manifest.copies, words, vectors))
}

/// Writes what is left to write, the manifest last, and gives the subfolder its name.
fn write(
	space: Space,
	chunks: &Chunks,
	vectors: Option<Vectors>,
	part: &Path,
	place: &Path,
) -> Result<LocalIndex, RetrievalError> {
	let words = part.join(WORDS);
	remove(&words)?;
	drop(Words::build(Some(&words), &chunks.chunks)?);
	if let Some(vectors) = &vectors {
		vectors.save(&part.join(VECTORS), &space.model)?;
	}
	remove(&part.join(JOURNAL))?;
	let dimensions = vectors.map(|vectors| vectors.dimensions());
	let manifest = Manifest::new(&space, (chunks.chunks.len(), chunks.copies), dimensions, &words)?;
	let path = part.join(MANIFEST);
	let text =
		serde_json::to_vec(&manifest).map_err(|error| RetrievalError::damaged(&path, error.to_string()))?;
	std::fs::write(&path, text).map_err(RetrievalError::io("write", &path))?;
	remove(place)?;
	std::fs::rename(part, place).map_err(RetrievalError::io("rename", part))?;
	read(&space, place)
}

/// Deletes a file or folder, if there is one.
fn remove(path: &Path) -> Result<(), RetrievalError> {
	let gone = match path.is_dir() {
		true => std::fs::remove_dir_all(path),
		false => std::fs::remove_file(path),
	};
	match gone {
		Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
			Err(RetrievalError::io("delete", path)(error))
		}
		_ => Ok(()),
	}
}

#[async_trait]
impl ChunkStore for Files {
	async fn open(&self, space: &Space) -> Result<Option<Arc<dyn ChunkIndex>>, RetrievalError> {
		let (space, place) = (*space, self.place(space));
		if !place.exists() {
			return Ok(None);
		}
		let index = tokio::task::spawn_blocking(move || read(&space, &place)).await??;
		Ok(Some(Arc::new(index)))
	}

	async fn build(
		&self,
		space: &Space,
		chunks: Chunks,
		embedder: Option<&dyn Embedder>,
		progress: &Progress,
	) -> Result<Arc<dyn ChunkIndex>, RetrievalError> {
		let (space, place) = (*space, self.place(space));
		let part = place.with_extension(PART);
		let vectors = match embedder {
			Some(embedder) => {
				let (folder, hashes) = (self.folder.clone(), hashes(&chunks.chunks));
				let wanted = hashes.iter().copied().collect();
				let known = tokio::task::spawn_blocking(move || known(&folder, &space, &wanted)).await?;
				std::fs::create_dir_all(&part).map_err(RetrievalError::io("create", &part))?;
				let file = part.join(JOURNAL);
				let journal = |width| Journal::create(&file, &space.model, width).map(Some);
				vectors_of(&space, &chunks.chunks, &hashes, known, embedder, progress, journal).await?
			}
			None => None,
		};
		let index = tokio::task::spawn_blocking(move || write(space, &chunks, vectors, &part, &place));
		Ok(Arc::new(index.await??))
	}

	async fn touch(&self, _: &Space) -> Result<(), RetrievalError> {
		Ok(())
	}

	async fn retain(&self, used: &BTreeSet<SnapshotRef>, current: &[Space]) -> Result<(), RetrievalError> {
		let folders = std::fs::read_dir(&self.folder).map_err(RetrievalError::io("list", &self.folder))?;
		for entry in folders {
			let entry = entry.map_err(RetrievalError::io("list", &self.folder))?;
			let name = entry.file_name();
			if !name.to_str().is_some_and(|name| is_kept(name, used, current)) {
				remove(&entry.path())?;
			}
		}
		Ok(())
	}
}
