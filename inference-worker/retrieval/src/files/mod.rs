//! Indexes of this machine: keywords by tantivy, vectors compared exactly; in a folder, or in memory only.

mod memory;
mod store;
mod vectors;
mod words;

pub use memory::Memory;
pub use store::Files;

use crate::{
	embed::{embed, near, sampled, Known, Reporter, TextHash, BATCH, NOWHERE},
	ChunkIndex, Embedder, Found, Progress, Query, RetrievalError, Space, Summary,
};
use async_trait::async_trait;
use std::sync::Arc;
use tributary_attribution::Chunk;
use vectors::{Journal, Vectors};
use words::Words;

/// An index that is whole in this process. Cheap to clone.
#[derive(Clone)]
struct LocalIndex(Arc<Parts>);

struct Parts {
	space: Space,
	summary: Summary,
	words: Words,
	vectors: Option<Vectors>,
}

impl LocalIndex {
	fn new(space: Space, copies: usize, words: Words, vectors: Option<Vectors>) -> Self {
		let sample = |vectors: &Vectors| {
			let rows = sampled(vectors.rows()).filter_map(|row| vectors.row(row).map(<[f32]>::to_vec));
			near(&rows.collect::<Vec<_>>())
		};
		let summary = Summary {
			chunks: words.rows(),
			copies,
			dimensions: vectors.as_ref().map(Vectors::dimensions),
			near: vectors.as_ref().map_or(NOWHERE, sample),
		};
		Self(Arc::new(Parts { space, summary, words, vectors }))
	}

	/// Runs what may take long apart from the threads that serve.
	async fn apart<T: Send + 'static>(
		&self,
		work: impl FnOnce(&Parts) -> T + Send + 'static,
	) -> Result<T, RetrievalError> {
		let parts = self.0.clone();
		Ok(tokio::task::spawn_blocking(move || work(&parts)).await?)
	}
}

#[async_trait]
impl ChunkIndex for LocalIndex {
	fn space(&self) -> &Space {
		&self.0.space
	}

	fn summary(&self) -> Summary {
		self.0.summary
	}

	async fn by_keywords(&self, query: &Query, k: usize) -> Result<Vec<Found>, RetrievalError> {
		let words = query.words.clone();
		self.apart(move |parts| parts.words.search(&words, k)).await?
	}

	async fn by_vector(&self, query: &Query, k: usize) -> Result<Vec<Found>, RetrievalError> {
		let Some(vector) = query.vector.clone().filter(|_| self.0.vectors.is_some()) else {
			return Ok(vec![]);
		};
		self.apart(move |parts| parts.vectors.as_ref().map_or(vec![], |vectors| vectors.nearest(&vector, k)))
			.await
	}

	async fn chunks(&self, rows: &[u32]) -> Result<Vec<Chunk>, RetrievalError> {
		let rows = rows.to_vec();
		self.apart(move |parts| parts.words.chunks(&rows)).await?
	}
}

/// The vectors of chunks with these hashes, in their order: those that are known, and those of the rest, which are also
/// written to a journal that `journal` opens for their width. None of no chunks.
async fn vectors_of(
	space: &Space,
	chunks: &[Chunk],
	hashes: &[TextHash],
	mut known: Known,
	embedder: &dyn Embedder,
	progress: &Progress,
	journal: impl Fn(usize) -> Result<Option<Journal>, RetrievalError>,
) -> Result<Option<Vectors>, RetrievalError> {
	let missing: Vec<(usize, &Chunk)> = chunks
		.iter()
		.enumerate()
		.filter(|(row, _)| hashes.get(*row).is_some_and(|hash| !known.contains_key(hash)))
		.collect();
	progress.begin(chunks.len());
	progress.add(chunks.len() - missing.len());
	let mut reporter = Reporter::new(space.name(), progress);
	let mut width = known.values().next().map(Vec::len);
	let mut open: Option<Journal> = None;
	for batch in missing.chunks(BATCH) {
		let texts = batch.iter().map(|(_, chunk)| chunk.text.clone()).collect();
		let embedded = embed(embedder, texts, width).await?;
		if open.is_none() {
			width = embedded.first().map(Vec::len);
			open = journal(width.unwrap_or_default())?;
			// What was taken over is kept too: its file may be gone when this build is interrupted.
			if let Some(journal) = &mut open {
				known.iter().try_for_each(|(hash, vector)| journal.append(hash, vector))?;
			}
		}
		for ((row, _), vector) in batch.iter().zip(embedded) {
			let Some(hash) = hashes.get(*row) else { continue };
			if let Some(journal) = &mut open {
				journal.append(hash, &vector)?;
			}
			known.insert(*hash, vector);
		}
		if let Some(journal) = &mut open {
			journal.flush()?;
		}
		progress.add(batch.len());
		reporter.report();
	}
	let mut vectors = Vectors::new(width.unwrap_or_default(), chunks.len());
	for hash in hashes {
		if let Some(vector) = known.get(hash) {
			vectors.push(*hash, vector);
		}
	}
	Ok((vectors.rows() > 0).then_some(vectors))
}

/// The hashes of chunks' texts, in their order.
fn hashes(chunks: &[Chunk]) -> Vec<TextHash> {
	chunks.iter().map(|chunk| *blake3::hash(chunk.text.as_bytes()).as_bytes()).collect()
}
