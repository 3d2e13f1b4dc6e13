//! What an index can do, wherever it is kept.

use crate::{Embedder, Progress, Query, RetrievalError, Space};
use async_trait::async_trait;
use std::{collections::BTreeSet, sync::Arc};
use tributary_attribution::{Chunk, Chunks};
use tributary_primitives::SnapshotRef;

/// A chunk in one of the two lists of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
	/// Its place in the index: chunks are numbered by contribution and place in its text.
	pub row: u32,
	/// BM25 score or cosine; the larger the better.
	pub score: f32,
}

/// How much is in an index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
	/// Chunks that can be found.
	pub chunks: usize,
	/// Chunks left out because they repeat earlier contributions.
	pub copies: usize,
	/// Width of the vectors; `None` without vectors.
	pub dimensions: Option<usize>,
	/// Least cosine to a query at which a chunk counts as near: well above that of chunks that have nothing to do with
	/// each other.
	pub near: f32,
}

/// Searches the chunks of one [`Space`]: what it holds never changes.
#[async_trait]
pub trait ChunkIndex: Send + Sync {
	/// Of what.
	fn space(&self) -> &Space;

	/// How much.
	fn summary(&self) -> Summary;

	/// The `k` chunks that share words with the query and score best by BM25 (k1 = 1.2, b = 0.75), best first, equal
	/// ones by row.
	async fn by_keywords(&self, query: &Query, k: usize) -> Result<Vec<Found>, RetrievalError>;

	/// The `k` chunks nearest to the query's vector, nearest first, equal ones by row. Empty where index or query has
	/// none.
	async fn by_vector(&self, query: &Query, k: usize) -> Result<Vec<Found>, RetrievalError>;

	/// Chunks by their rows, in that order.
	async fn chunks(&self, rows: &[u32]) -> Result<Vec<Chunk>, RetrievalError>;
}

/// Keeps indexes.
#[async_trait]
pub trait ChunkStore: Send + Sync {
	/// The index of a space, checked; `None` if there is none.
	///
	/// # Errors
	/// [`RetrievalError::Stale`] and [`RetrievalError::Damaged`] where what is there cannot be used:
	/// [`build`](Self::build) replaces it.
	async fn open(&self, space: &Space) -> Result<Option<Arc<dyn ChunkIndex>>, RetrievalError>;

	/// Builds the index of a space. Vectors that any index of the DataNet has for the same text and model are taken
	/// over, those of a build that was interrupted too.
	async fn build(
		&self,
		space: &Space,
		chunks: Chunks,
		embedder: Option<&dyn Embedder>,
		progress: &Progress,
	) -> Result<Arc<dyn ChunkIndex>, RetrievalError>;

	/// Says that an index is in use, and checks that it still can be.
	async fn touch(&self, space: &Space) -> Result<(), RetrievalError>;

	/// Deletes what is of no snapshot in `used`, and of each snapshot in `current` all but that index. Where other
	/// processes may use an index, it is deleted when none has for a while.
	async fn retain(&self, used: &BTreeSet<SnapshotRef>, current: &[Space]) -> Result<(), RetrievalError>;
}

/// Whether an index of this name, which may have an extension, is kept; see [`ChunkStore::retain`].
pub fn is_kept(name: &str, used: &BTreeSet<SnapshotRef>, current: &[Space]) -> bool {
	let Some(snapshot) = Space::snapshot_of(name) else { return false };
	match current.iter().find(|space| space.snapshot == snapshot) {
		Some(space) => name == space.name(),
		None => used.contains(&snapshot),
	}
}
