//! Indexes of DataNet snapshots: contributions are listed by the chain, fetched by hash, tokenized, indexed
//! and kept in the data folder or in PostgreSQL. What was tombstoned since is left out, and deleted.
//!
//! Texts of a private DataNet are opened and indexed in memory only, while the chain lets this worker retrieve.
//! An index is built apart from everything else: its agents are missing until it is whole, others are served.

use crate::{
	access::{self, Access, Reader},
	config::Retrieval,
	embedder::EngineEmbedder,
};
use futures::{StreamExt, TryStreamExt};
use std::{
	collections::{BTreeMap, BTreeSet},
	path::{Path, PathBuf},
	sync::Arc,
	time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use tributary_attribution::{Chunks, Document, SnapshotIndex};
use tributary_client::{Chain, Store};
use tributary_engine::Engine;
use tributary_primitives::{
	views::{ContributionStatus, ContributionView, DataNetView, SnapshotView},
	DataNetId, Hash, SnapshotRef,
};
use tributary_retrieval::{
	is_kept, ChunkIndex, ChunkStore, Embedder, Files, Memory, Postgres, Progress, RetrievalError, Space,
};

/// Contributions are listed again after this time: nothing else tells of a tombstone.
const RELIST: Duration = Duration::from_secs(60);
/// Time that is waited for an index after its build began. A small one is served at once.
const PATIENCE: Duration = Duration::from_secs(5);
/// Contributions fetched at the same time.
const FETCHES: usize = 16;
/// Contributions asked for at a time.
const PAGE: u32 = 256;
/// Extension of span indexes.
const SPANS: &str = "spans";

/// One snapshot, ready to be searched.
pub struct DataNetIndex {
	/// Which snapshot.
	pub snapshot: SnapshotRef,
	/// The DataNet's name.
	pub name: String,
	/// Spans shared with an answer.
	pub spans: SnapshotIndex,
	/// Chunks for the context.
	pub chunks: Arc<dyn ChunkIndex>,
}

/// Builds indexes and keeps those that are in use.
pub struct Indexes {
	/// Folder of span indexes.
	spans: PathBuf,
	/// Where chunks are indexed.
	kept: Arc<dyn ChunkStore>,
	/// Where those are indexed that must reach no disk.
	memory: Arc<dyn ChunkStore>,
	chain: Chain,
	store: Store,
	engine: Engine,
	/// Hash of the base model: token ids and vectors mean nothing without it.
	model: Hash,
	settings: Retrieval,
	access: Access,
	/// Private DataNets that may not be retrieved from any more.
	denied: BTreeSet<DataNetId>,
	built: BTreeMap<SnapshotRef, Built>,
	building: BTreeMap<SnapshotRef, Building>,
}

struct Built {
	index: Arc<DataNetIndex>,
	in_memory: bool,
	listed_at: Instant,
}

impl Built {
	fn space(&self) -> &Space {
		self.index.chunks.space()
	}
}

/// An index that is not whole yet; dropped, it is given up.
struct Building {
	space: Space,
	in_memory: bool,
	listed_at: Instant,
	began: Instant,
	progress: Arc<Progress>,
	task: JoinHandle<Result<DataNetIndex, String>>,
}

impl Drop for Building {
	fn drop(&mut self) {
		self.task.abort();
	}
}

impl Indexes {
	/// Indexes kept in `folder`, those of chunks in PostgreSQL if the settings name one.
	pub fn new(
		folder: &Path,
		chain: Chain,
		store: Store,
		engine: Engine,
		model: Hash,
		settings: Retrieval,
		access: Access,
	) -> Result<Self, String> {
		let spans = folder.join("spans");
		std::fs::create_dir_all(&spans)
			.map_err(|error| format!("cannot create {}: {error}", spans.display()))?;
		let kept: Result<Arc<dyn ChunkStore>, RetrievalError> = match &settings.postgres {
			Some(url) => Postgres::new(url).map(|kept| Arc::new(kept) as _),
			None => Files::new(folder.join("chunks")).map(|kept| Arc::new(kept) as _),
		};
		let (kept, memory) = (kept.map_err(|error| error.to_string())?, Arc::new(Memory::default()));
		let (built, building, denied) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
		Ok(Self {
			spans,
			kept,
			memory,
			chain,
			store,
			engine,
			model,
			settings,
			access,
			denied,
			built,
			building,
		})
	}

	/// The index of a snapshot; its build begins now if need be. The error says what is missing.
	pub async fn get(&mut self, wanted: SnapshotRef) -> Result<Arc<DataNetIndex>, String> {
		let reader = self.reader(wanted.datanet).await?;
		if let Some(built) = self.built.get(&wanted).filter(|built| built.listed_at.elapsed() < RELIST) {
			return Ok(built.index.clone());
		}
		if self.building.get(&wanted).is_some_and(|building| building.listed_at.elapsed() < RELIST) {
			return self.wait(wanted).await;
		}
		let datanet = self.chain.datanet(wanted.datanet).await.map_err(|e| e.to_string())?;
		let datanet = datanet.ok_or_else(|| format!("DataNet {} is not on chain", wanted.datanet))?;
		let snapshot =
			self.chain.snapshot(wanted.datanet, wanted.version).await.map_err(|e| e.to_string())?;
		let snapshot = snapshot
			.ok_or_else(|| format!("DataNet {} has no snapshot {}", wanted.datanet, wanted.version))?;
		let (listed_at, listed) = (Instant::now(), self.list(&datanet, &snapshot).await?);
		let in_memory = self.settings.in_memory || reader.is_some();
		let space = self.space(wanted, &snapshot, &listed);
		let chunks = if in_memory { &self.memory } else { &self.kept };
		if let Some(built) = self.built.get_mut(&wanted).filter(|built| *built.space() == space) {
			match chunks.touch(&space).await {
				Ok(()) => {
					built.listed_at = listed_at;
					return Ok(built.index.clone());
				}
				Err(error @ RetrievalError::Gone(_)) => tracing::warn!(%error),
				Err(error) => return Err(error.to_string()),
			}
		}
		// What may not be used any more is not served while its index is built without it.
		self.built.remove(&wanted);
		if let Some(building) = self.building.get_mut(&wanted).filter(|building| building.space == space) {
			building.listed_at = listed_at;
			return self.wait(wanted).await;
		}
		let name = String::from_utf8_lossy(&datanet.name).into_owned();
		let progress = Arc::new(Progress::default());
		let build = Build {
			space,
			name,
			listed,
			reader,
			engine: self.engine.clone(),
			store: self.store.clone(),
			chunks: chunks.clone(),
			spans: (!in_memory).then(|| self.spans.join(format!("{}.{SPANS}", space.name()))),
			progress: progress.clone(),
		};
		let (began, task) = (Instant::now(), tokio::spawn(build.run()));
		self.building.insert(wanted, Building { space, in_memory, listed_at, began, progress, task });
		self.wait(wanted).await
	}

	/// Who reads a private DataNet, asked at each refresh; when it may not any more, what was made of its texts goes.
	async fn reader(&mut self, datanet: DataNetId) -> Result<Option<Reader>, String> {
		let denied = match self.access.reader(datanet).await {
			Ok(reader) => {
				self.denied.remove(&datanet);
				return Ok(reader);
			}
			Err(denied) => denied,
		};
		if denied.for_good {
			self.built.retain(|snapshot, _| snapshot.datanet != datanet);
			self.building.retain(|snapshot, _| snapshot.datanet != datanet);
			// The next `retain` takes it out of memory.
			self.denied.insert(datanet);
		}
		Err(denied.reason)
	}

	/// Waits a moment for an index that is being built.
	async fn wait(&mut self, wanted: SnapshotRef) -> Result<Arc<DataNetIndex>, String> {
		let Some(building) = self.building.get_mut(&wanted) else { return Err("it has no index".into()) };
		let patience = PATIENCE.saturating_sub(building.began.elapsed());
		let Ok(done) = tokio::time::timeout(patience, &mut building.task).await else {
			return Err(match building.progress.get() {
				(_, 0) => format!("DataNet {} is being indexed", wanted.datanet),
				(done, all) => format!(
					"DataNet {} is being indexed: {done} of {all} chunks are embedded",
					wanted.datanet
				),
			});
		};
		let (in_memory, listed_at) = (building.in_memory, building.listed_at);
		self.building.remove(&wanted);
		let index = Arc::new(done.map_err(|error| error.to_string())??);
		self.built.insert(wanted, Built { index: index.clone(), in_memory, listed_at });
		Ok(index)
	}

	/// Forgets and deletes the indexes of snapshots that no agent uses, and those that were replaced.
	pub async fn retain(&mut self, used: &BTreeSet<SnapshotRef>) {
		self.built.retain(|snapshot, _| used.contains(snapshot));
		self.building.retain(|snapshot, _| used.contains(snapshot));
		let spaces = |in_memory: bool| -> Vec<Space> {
			let built = self.built.values().filter(|built| built.in_memory == in_memory);
			built.map(|built| *built.space()).collect()
		};
		let (kept, memory) = (spaces(false), spaces(true));
		self.access.retain(used);
		let mut readable = used.clone();
		readable.retain(|snapshot| !self.denied.contains(&snapshot.datanet));
		if let Err(error) = self.memory.retain(&readable, &memory).await {
			tracing::warn!(%error, "indexes that are not used any more stay in memory");
		}
		// What is in memory now is not left on the disk.
		let mut used = used.clone();
		used.retain(|snapshot| memory.iter().all(|space| space.snapshot != *snapshot));
		if let Err(error) = self.kept.retain(&used, &kept).await {
			tracing::warn!(%error, "indexes that are not used any more are still there");
		}
		if let Err(error) = retain_spans(&self.spans, &used, &kept) {
			tracing::warn!(%error, folder = %self.spans.display(), "indexes that are not used any more are still there");
		}
	}

	fn space(&self, wanted: SnapshotRef, snapshot: &SnapshotView, listed: &[ContributionView]) -> Space {
		let contributions = listed.iter().map(|contribution| (contribution.index, contribution.content));
		let Retrieval { chunk_tokens, vectors, .. } = self.settings;
		Space::of(wanted, &snapshot.root, self.model, contributions, chunk_tokens, vectors)
	}

	/// The contributions in a snapshot that may be used now.
	async fn list(
		&self,
		datanet: &DataNetView,
		snapshot: &SnapshotView,
	) -> Result<Vec<ContributionView>, String> {
		let mut listed = Vec::new();
		let mut start = 0;
		while start < datanet.contributions {
			let page = self.chain.contributions(datanet.id, start, PAGE).await.map_err(|e| e.to_string())?;
			let Some(last) = page.last() else { break };
			start = last.index.saturating_add(1);
			listed.extend(page.into_iter().filter(|contribution| is_in(contribution, snapshot)));
		}
		Ok(listed)
	}
}

/// All that a build needs.
struct Build {
	space: Space,
	name: String,
	listed: Vec<ContributionView>,
	/// For a private DataNet.
	reader: Option<Reader>,
	engine: Engine,
	store: Store,
	chunks: Arc<dyn ChunkStore>,
	/// File of the span index; `None` to write nothing.
	spans: Option<PathBuf>,
	progress: Arc<Progress>,
}

impl Build {
	async fn run(self) -> Result<DataNetIndex, String> {
		let text = |error: RetrievalError| error.to_string();
		let kept = self.spans.clone();
		let spans = apart(move || kept.and_then(|kept| SnapshotIndex::open(&kept).ok())).await?;
		let chunks = match self.chunks.open(&self.space).await {
			Err(error @ (RetrievalError::Stale { .. } | RetrievalError::Damaged { .. })) => {
				tracing::warn!(%error, "an index is built again");
				None
			}
			opened => opened.map_err(text)?,
		};
		let (spans, chunks) = match (spans, chunks) {
			(Some(spans), Some(chunks)) => (spans, chunks),
			(spans, chunks) => {
				let began = Instant::now();
				let Space { snapshot, chunk_tokens, .. } = self.space;
				let (datanet, version) = (snapshot.datanet, snapshot.version);
				tracing::info!(datanet, version, contributions = self.listed.len(), "indexing");
				let texts = fetch(&self.store, datanet, self.listed, self.reader).await?;
				let (engine, kept) = (self.engine.clone(), self.spans.clone());
				let cut = move || {
					let documents = documents(&engine, texts)?;
					let spans = match spans {
						Some(spans) => spans,
						None => build_spans(datanet, &documents, kept.as_deref())?,
					};
					Ok::<_, String>((spans, Chunks::cut(&documents, chunk_tokens)))
				};
				let (spans, cut) = apart(cut).await??;
				let embedder = self.space.vectors.then(|| EngineEmbedder(self.engine.clone()));
				let embedder = embedder.as_ref().map(|embedder| embedder as &dyn Embedder);
				let chunks = match chunks {
					Some(chunks) => chunks,
					None => {
						self.chunks.build(&self.space, cut, embedder, &self.progress).await.map_err(text)?
					}
				};
				let (count, copies) = (chunks.summary().chunks, chunks.summary().copies);
				let seconds = began.elapsed().as_secs_f32();
				tracing::info!(datanet, version, chunks = count, copies, seconds, "indexed");
				(spans, chunks)
			}
		};
		Ok(DataNetIndex { snapshot: self.space.snapshot, name: self.name, spans, chunks })
	}
}

/// Runs what blocks where it may.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
	tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())
}

/// Contributions with their texts, in their order; without those of a private DataNet that nobody can read.
async fn fetch(
	store: &Store,
	datanet: DataNetId,
	listed: Vec<ContributionView>,
	reader: Option<Reader>,
) -> Result<Vec<(ContributionView, String)>, String> {
	let fetch = |contribution: ContributionView| {
		let (store, reader) = (store.clone(), reader.clone());
		async move {
			let text = access::text(&store, reader.as_ref(), datanet, &contribution).await?;
			Ok::<_, String>(text.map(|text| (contribution, text)))
		}
	};
	let fetches: Vec<_> = listed.into_iter().map(fetch).collect();
	let texts: Vec<_> = futures::stream::iter(fetches).buffered(FETCHES).try_collect().await?;
	Ok(texts.into_iter().flatten().collect())
}

fn documents(engine: &Engine, texts: Vec<(ContributionView, String)>) -> Result<Vec<Document>, String> {
	let document = |(contribution, text): (ContributionView, String)| {
		let tokens = engine.tokenizer().encode(&text, false).map_err(|error| error.to_string())?;
		let ContributionView { index, contributor, .. } = contribution;
		Ok(Document { contribution: index, contributor, tokens, text })
	};
	texts.into_iter().map(document).collect()
}

fn build_spans(datanet: u32, documents: &[Document], path: Option<&Path>) -> Result<SnapshotIndex, String> {
	let built = SnapshotIndex::build(datanet, documents).map_err(|error| error.to_string())?;
	if let Some(path) = path {
		built.save(path).map_err(|error| error.to_string())?;
	}
	Ok(built)
}

/// Deletes the span indexes that nobody uses.
fn retain_spans(folder: &Path, used: &BTreeSet<SnapshotRef>, current: &[Space]) -> std::io::Result<()> {
	for entry in std::fs::read_dir(folder)? {
		let path = entry?.path();
		if !path.file_stem().and_then(|name| name.to_str()).is_some_and(|name| is_kept(name, used, current)) {
			std::fs::remove_file(&path)?;
		}
	}
	Ok(())
}

fn is_in(contribution: &ContributionView, snapshot: &SnapshotView) -> bool {
	matches!(contribution.status, ContributionStatus::Accepted { leaf } if leaf < snapshot.leaves)
}

#[cfg(test)]
mod tests {
	use super::*;

	fn contribution(index: u32, status: ContributionStatus) -> ContributionView {
		ContributionView {
			index,
			contributor: [1; 32],
			content: [index as u8; 32],
			bytes: 1,
			licence: vec![],
			metadata: vec![],
			status,
		}
	}

	#[test]
	fn contribution_is_left_out_when_tombstoned_rejected_pending_or_later() {
		let snapshot = SnapshotView { root: [0; 32], leaves: 2, erased: 0, at: 0 };
		let used = |status| is_in(&contribution(0, status), &snapshot);
		assert!(used(ContributionStatus::Accepted { leaf: 1 }));
		for status in [
			ContributionStatus::Accepted { leaf: 2 },
			ContributionStatus::Pending,
			ContributionStatus::Rejected,
			ContributionStatus::Tombstoned,
		] {
			assert!(!used(status), "{status:?}");
		}
	}

	#[test]
	fn span_index_is_deleted_when_it_was_replaced_or_nobody_uses_it() {
		let folder = tempfile::tempdir().unwrap();
		let snapshot = |version| SnapshotRef { datanet: 4, version };
		let space = |version, left: &[u32]| {
			let left = left.iter().map(|index| (*index, [*index as u8; 32]));
			Space::of(snapshot(version), &[0; 32], [1; 32], left, 96, true)
		};
		let (whole, erased) = (space(1, &[0, 1]), space(1, &[0]));
		let (later, unused) = (space(2, &[0]), space(3, &[0]));
		let file = |space: &Space| folder.path().join(format!("{}.{SPANS}", space.name()));
		for space in [&whole, &erased, &later, &unused] {
			std::fs::write(file(space), "x").unwrap();
		}
		// The second snapshot is used and not built yet: what is there may still be right.
		retain_spans(folder.path(), &BTreeSet::from([snapshot(1), snapshot(2)]), &[erased]).unwrap();
		let left = [&whole, &erased, &later, &unused].map(|space| file(space).exists());
		assert_eq!(left, [false, true, true, false]);
	}
}
