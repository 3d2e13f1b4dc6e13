//! Indexes that are never written anywhere: for private DataNets.

use super::{hashes, vectors_of, LocalIndex, Words};
use crate::{
	embed::{Known, TextHash},
	ChunkIndex, ChunkStore, Embedder, Progress, RetrievalError, Space,
};
use async_trait::async_trait;
use std::{
	collections::{BTreeMap, BTreeSet},
	sync::{Arc, Mutex, PoisonError},
};
use tributary_attribution::Chunks;
use tributary_primitives::SnapshotRef;

/// Keeps indexes in memory. Nothing of them, words, texts or vectors, reaches a disk; a restart forgets them.
#[derive(Default)]
pub struct Memory {
	built: Mutex<BTreeMap<Space, LocalIndex>>,
}

impl Memory {
	/// Without vectors, for who cannot wait.
	pub fn by_keywords(space: Space, chunks: &Chunks) -> Result<Arc<dyn ChunkIndex>, RetrievalError> {
		let words = Words::build(None, &chunks.chunks)?;
		Ok(Arc::new(LocalIndex::new(space, chunks.copies, words, None)))
	}

	/// Vectors that indexes of the DataNet have for these texts.
	fn known(&self, space: &Space, wanted: &BTreeSet<TextHash>) -> Known {
		let built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
		let alike = |of: &&LocalIndex| {
			let of = &of.0.space;
			of.snapshot.datanet == space.snapshot.datanet && of.model == space.model
		};
		let vectors = built.values().filter(alike).filter_map(|index| index.0.vectors.as_ref());
		let all = vectors.flat_map(|vectors| vectors.iter());
		all.filter(|(hash, _)| wanted.contains(*hash)).map(|(hash, v)| (*hash, v.to_vec())).collect()
	}
}

#[async_trait]
impl ChunkStore for Memory {
	async fn open(&self, space: &Space) -> Result<Option<Arc<dyn ChunkIndex>>, RetrievalError> {
		let built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
		Ok(built.get(space).map(|index| Arc::new(index.clone()) as Arc<dyn ChunkIndex>))
	}

	async fn build(
		&self,
		space: &Space,
		chunks: Chunks,
		embedder: Option<&dyn Embedder>,
		progress: &Progress,
	) -> Result<Arc<dyn ChunkIndex>, RetrievalError> {
		let vectors = match embedder {
			Some(embedder) => {
				let hashes = hashes(&chunks.chunks);
				let known = self.known(space, &hashes.iter().copied().collect());
				vectors_of(space, &chunks.chunks, &hashes, known, embedder, progress, |_| Ok(None)).await?
			}
			None => None,
		};
		let space = *space;
		let index = tokio::task::spawn_blocking(move || {
			Words::build(None, &chunks.chunks)
				.map(|words| LocalIndex::new(space, chunks.copies, words, vectors))
		});
		let index = index.await??;
		self.built.lock().unwrap_or_else(PoisonError::into_inner).insert(space, index.clone());
		Ok(Arc::new(index))
	}

	async fn touch(&self, _: &Space) -> Result<(), RetrievalError> {
		Ok(())
	}

	async fn retain(&self, used: &BTreeSet<SnapshotRef>, current: &[Space]) -> Result<(), RetrievalError> {
		let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
		built.retain(|space, _| crate::index::is_kept(&space.name(), used, current));
		Ok(())
	}
}
