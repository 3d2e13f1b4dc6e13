//! Indexes of DataNet snapshots: contributions are listed by the chain, fetched by hash, tokenized, indexed
//! and kept in the data folder. What was tombstoned since is left out.

use futures::{StreamExt, TryStreamExt};
use std::{
	collections::BTreeMap,
	path::{Path, PathBuf},
	sync::Arc,
	time::{Duration, Instant},
};
use tributary_attribution::{Document, Retriever, SnapshotIndex};
use tributary_client::{Chain, Store};
use tributary_engine::Engine;
use tributary_primitives::{
	views::{ContributionStatus, ContributionView, DataNetView, SnapshotView},
	Hash, SnapshotRef,
};

/// Contributions are listed again after this time: nothing else tells of a tombstone.
const RELIST: Duration = Duration::from_secs(60);
/// Contributions fetched at the same time.
const FETCHES: usize = 16;
/// Contributions asked for at a time.
const PAGE: u32 = 256;
/// Largest contribution, bytes.
const MAX_CONTRIBUTION: u64 = 16 << 20;

/// One snapshot, ready to be searched.
pub struct DataNetIndex {
	/// Which snapshot.
	pub snapshot: SnapshotRef,
	/// The DataNet's name.
	pub name: String,
	/// Spans shared with an answer.
	pub spans: SnapshotIndex,
	/// Chunks for the context.
	pub retriever: Retriever,
}

/// Builds indexes and keeps those that are in use.
pub struct Indexes {
	folder: PathBuf,
	chain: Chain,
	store: Store,
	engine: Engine,
	/// Hash of the base model: token ids mean nothing without it.
	model: Hash,
	chunk_tokens: usize,
	built: BTreeMap<SnapshotRef, Built>,
}

struct Built {
	index: Arc<DataNetIndex>,
	/// Name of its file, and with it all that it depends on.
	file: String,
	listed_at: Instant,
}

impl Indexes {
	/// Indexes kept in `folder`.
	pub fn new(
		folder: PathBuf,
		chain: Chain,
		store: Store,
		engine: Engine,
		model: Hash,
		chunk_tokens: usize,
	) -> Result<Self, String> {
		std::fs::create_dir_all(&folder)
			.map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
		Ok(Self { folder, chain, store, engine, model, chunk_tokens, built: BTreeMap::new() })
	}

	/// The index of a snapshot, built now if need be. The error says what is missing.
	pub async fn get(&mut self, wanted: SnapshotRef) -> Result<Arc<DataNetIndex>, String> {
		if let Some(built) = self.built.get(&wanted).filter(|built| built.listed_at.elapsed() < RELIST) {
			return Ok(built.index.clone());
		}
		let datanet = self.chain.datanet(wanted.datanet).await.map_err(|e| e.to_string())?;
		let datanet = datanet.ok_or_else(|| format!("DataNet {} is not on chain", wanted.datanet))?;
		let snapshot =
			self.chain.snapshot(wanted.datanet, wanted.version).await.map_err(|e| e.to_string())?;
		let snapshot = snapshot
			.ok_or_else(|| format!("DataNet {} has no snapshot {}", wanted.datanet, wanted.version))?;
		let (listed_at, listed) = (Instant::now(), self.list(&datanet, &snapshot).await?);
		let file = file_name(&snapshot, &self.model, &listed);
		if let Some(built) = self.built.get_mut(&wanted).filter(|built| built.file == file) {
			built.listed_at = listed_at;
			return Ok(built.index.clone());
		}
		let texts = self.fetch(wanted, &listed).await?;
		let name = String::from_utf8_lossy(&datanet.name).into_owned();
		let (engine, chunk_tokens, path) = (self.engine.clone(), self.chunk_tokens, self.folder.join(&file));
		let build = move || build(wanted, name, &engine, &listed, texts, chunk_tokens, &path);
		let index = tokio::task::spawn_blocking(build).await.map_err(|error| error.to_string())??;
		let index = Arc::new(index);
		self.built.insert(wanted, Built { index: index.clone(), file, listed_at });
		Ok(index)
	}

	/// Forgets snapshots that no agent uses.
	pub fn retain(&mut self, used: impl Fn(&SnapshotRef) -> bool) {
		self.built.retain(|snapshot, _| used(snapshot));
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

	async fn fetch(&self, wanted: SnapshotRef, listed: &[ContributionView]) -> Result<Vec<String>, String> {
		let fetch = |contribution: &ContributionView| {
			let (store, hash, index) = (self.store.clone(), contribution.content, contribution.index);
			async move {
				let bytes = store.get_within(&hash, MAX_CONTRIBUTION).await.map_err(|error| {
					format!("contribution {index} of DataNet {} cannot be had: {error}", wanted.datanet)
				})?;
				Ok::<_, String>(String::from_utf8_lossy(&bytes).into_owned())
			}
		};
		futures::stream::iter(listed.iter().map(fetch).collect::<Vec<_>>())
			.buffered(FETCHES)
			.try_collect()
			.await
	}
}

fn is_in(contribution: &ContributionView, snapshot: &SnapshotView) -> bool {
	matches!(contribution.status, ContributionStatus::Accepted { leaf } if leaf < snapshot.leaves)
}

/// Names an index by all that it depends on: the snapshot's root, the model, and which contributions are left.
fn file_name(snapshot: &SnapshotView, model: &Hash, listed: &[ContributionView]) -> String {
	let mut hasher = blake3::Hasher::new();
	hasher.update(model);
	for contribution in listed {
		hasher.update(&contribution.index.to_le_bytes());
		hasher.update(&contribution.content);
	}
	let digest = hasher.finalize().to_hex();
	format!("{}-{}.index", hex::encode(snapshot.root), digest.get(..16).unwrap_or_default())
}

fn build(
	snapshot: SnapshotRef,
	name: String,
	engine: &Engine,
	listed: &[ContributionView],
	texts: Vec<String>,
	chunk_tokens: usize,
	path: &Path,
) -> Result<DataNetIndex, String> {
	let documents = listed
		.iter()
		.zip(texts)
		.map(|(contribution, text)| {
			let tokens = engine.tokenizer().encode(&text, false).map_err(|error| error.to_string())?;
			Ok(Document {
				contribution: contribution.index,
				contributor: contribution.contributor,
				tokens,
				text,
			})
		})
		.collect::<Result<Vec<_>, String>>()?;
	let retriever = Retriever::build(snapshot.datanet, &documents, chunk_tokens);
	let spans = match SnapshotIndex::open(path) {
		Ok(kept) => kept,
		Err(_) => {
			tracing::info!(
				datanet = snapshot.datanet,
				version = snapshot.version,
				documents = documents.len(),
				"indexing"
			);
			let built =
				SnapshotIndex::build(snapshot.datanet, &documents).map_err(|error| error.to_string())?;
			built.save(path).map_err(|error| error.to_string())?;
			built
		}
	};
	Ok(DataNetIndex { snapshot, name, spans, retriever })
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
	fn index_file_is_another_when_a_contribution_is_tombstoned_or_the_model_changes() {
		let snapshot = SnapshotView { root: [7; 32], leaves: 2, erased: 0, at: 0 };
		let accepted = |index| contribution(index, ContributionStatus::Accepted { leaf: index });
		let all = file_name(&snapshot, &[1; 32], &[accepted(0), accepted(1)]);
		assert_ne!(all, file_name(&snapshot, &[1; 32], &[accepted(1)]));
		assert_ne!(all, file_name(&snapshot, &[2; 32], &[accepted(0), accepted(1)]));
		assert!(all.starts_with(&"07".repeat(32)));
	}
}
