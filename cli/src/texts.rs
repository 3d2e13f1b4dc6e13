//! The texts of a DataNet snapshot, fetched by hash and proven to be the snapshot's.

use crate::{context::Context, failure::Failure, output::snapshot, parse::no_datanet};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
	collections::BTreeMap,
	path::{Path, PathBuf},
};
use tributary_client::{chain::MAX_PAGE, private, Chain};
use tributary_factory::{read_texts, Document};
use tributary_primitives::{
	range::Range,
	views::{ContributionLeaf, ContributionStatus, ContributionView, SnapshotView},
	AccountId, ContributionIndex, DataNetId, Purpose, SnapshotRef,
};

/// Most bytes of one contribution's text.
pub const MAX_TEXT_BYTES: u64 = 16 << 20;
/// Most bytes of a contribution as it is stored: an encrypted one is larger than its text.
pub const MAX_CONTENT_BYTES: u64 = MAX_TEXT_BYTES + private::MAX_SEALED_OVERHEAD as u64;

/// A progress bar on standard error, hidden when that is not a terminal.
pub fn progress(total: usize, what: &'static str) -> ProgressBar {
	let bar = ProgressBar::new(total as u64);
	if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {msg}") {
		bar.set_style(style.progress_chars("=> "));
	}
	bar.with_prefix(what)
}

/// All contributions of a DataNet.
pub async fn contributions(chain: &Chain, datanet: DataNetId) -> Result<Vec<ContributionView>, Failure> {
	let mut all: Vec<ContributionView> = Vec::new();
	loop {
		let start = all.last().map_or(0, |last| last.index.saturating_add(1));
		let page = chain.contributions(datanet, start, MAX_PAGE).await?;
		if page.is_empty() {
			return Ok(all);
		}
		all.extend(page);
	}
}

/// The contributions of a snapshot that are not erased, in leaf order, proven by its root on chain.
pub async fn members(chain: &Chain, reference: SnapshotRef) -> Result<Vec<ContributionView>, Failure> {
	let unknown = || Failure::Usage(format!("there is no snapshot {}", snapshot(reference)));
	let view = chain.snapshot(reference.datanet, reference.version).await?.ok_or_else(unknown)?;
	let all = contributions(chain, reference.datanet).await?;
	if all.is_empty() {
		return Err(no_datanet(reference.datanet));
	}
	let (members, proven) = prove(reference.datanet, &view, all);
	match proven {
		Proof::Proven => {}
		// Which leaf an erased contribution had is not on chain; the rest still is what the chain lists.
		Proof::Unknown => {
			tracing::warn!("snapshot {} cannot be proven: contributions were erased", snapshot(reference))
		}
		Proof::Wrong => {
			let what = snapshot(reference);
			return Err(Failure::Wrong(format!(
				"the contributions do not give the root of snapshot {what}: ask another node"
			)));
		}
	}
	Ok(members)
}

#[derive(Debug, PartialEq, Eq)]
enum Proof {
	Proven,
	Unknown,
	Wrong,
}

/// Members in leaf order, and whether their leaves give the root. Erased contributions are tried in the
/// gaps they left, in order of their index: so they were accepted unless curators took them out of order.
fn prove(
	datanet: DataNetId,
	view: &SnapshotView,
	all: Vec<ContributionView>,
) -> (Vec<ContributionView>, Proof) {
	let (mut by_leaf, mut erased) = (BTreeMap::new(), Vec::new());
	for one in all {
		match one.status {
			ContributionStatus::Accepted { leaf } if leaf < view.leaves => drop(by_leaf.insert(leaf, one)),
			ContributionStatus::Tombstoned => erased.push(one),
			_ => {}
		}
	}
	let any_erased = !erased.is_empty();
	let mut erased = erased.iter();
	let digest = |one: &ContributionView| {
		ContributionLeaf { datanet, index: one.index, contributor: one.contributor, content: one.content }
			.digest()
	};
	let leaves: Option<Vec<_>> =
		(0..view.leaves).map(|leaf| by_leaf.get(&leaf).or_else(|| erased.next()).map(digest)).collect();
	let root = leaves.and_then(|leaves| Range::from_leaves(&leaves)).map(|range| range.root());
	let proof = match root {
		Some(root) if root == view.root => Proof::Proven,
		_ if any_erased => Proof::Unknown,
		_ => Proof::Wrong,
	};
	(by_leaf.into_values().collect(), proof)
}

/// Writes the texts of a snapshot as files into a folder of the cache and gives its path. Texts that are
/// there already are not fetched again. Those of a private DataNet are never written.
pub async fn fetch(context: &Context, reference: SnapshotRef) -> Result<PathBuf, Failure> {
	let chain = context.chain().await?;
	refuse_private(chain, reference.datanet).await?;
	let members = members(chain, reference).await?;
	let folder = fetched(context).join(format!("{}-{}", reference.datanet, reference.version));
	write(context, &members, &folder).await?;
	Ok(folder)
}

fn fetched(context: &Context) -> PathBuf {
	context.cache().join("snapshots")
}

/// Texts of a private DataNet stay in memory.
pub async fn refuse_private(chain: &Chain, datanet: DataNetId) -> Result<(), Failure> {
	match chain.access(datanet).await? {
		None => Ok(()),
		Some(_) => Err(Failure::Refused(format!(
			"DataNet {datanet} is private: its texts are never written to disk. `tributary datanet read {datanet} INDEX` shows one, `tributary train` uses them"
		))),
	}
}

/// The texts of a snapshot, in memory, proven to be the snapshot's. Those of a private DataNet are opened with the
/// signer's keys, for which the chain must let it train now, and are written nowhere.
pub async fn open(context: &Context, reference: SnapshotRef) -> Result<Vec<Document>, Failure> {
	let chain = context.chain().await?;
	if chain.access(reference.datanet).await?.is_none() {
		let folder = fetch(context, reference).await?;
		return read_texts(&[folder]).map_err(|e| Failure::Other(e.to_string()));
	}
	let keys = private::keys(chain, &context.signer()?, reference.datanet, Purpose::Train).await?;
	let public = || Failure::Other(format!("DataNet {} is public", reference.datanet));
	let (keys, store) = (keys.ok_or_else(public)?, context.store()?);
	let members = members(chain, reference).await?;
	let bar = progress(members.len(), "private texts");
	let mut documents = Vec::with_capacity(members.len());
	for one in &members {
		let mut text = private::open_text(&store, &keys, one).await?;
		let path = format!("datanet-{}/{:08}", reference.datanet, one.index).into();
		documents.push(Document { path, text: std::mem::take(&mut *text) });
		bar.inc(1);
	}
	bar.finish_and_clear();
	Ok(documents)
}

/// Which of the DataNets are used by a grant of the signer, and the signer's account: what a training must keep an
/// eye on with [`tributary_client::private::revoked`].
pub async fn granted(
	context: &Context,
	datanets: impl IntoIterator<Item = DataNetId>,
) -> Result<Option<(AccountId, Vec<DataNetId>)>, Failure> {
	let mut granted = Vec::new();
	for datanet in datanets {
		let chain = context.chain().await?;
		if chain.access(datanet).await?.is_some() {
			let owner = chain.datanet(datanet).await?.ok_or_else(|| no_datanet(datanet))?.owner;
			granted.extend((owner != context.own_account()?).then_some(datanet));
		}
	}
	match granted.is_empty() {
		true => Ok(None),
		false => Ok(Some((context.own_account()?, granted))),
	}
}

/// Deletes a contribution from the fetched snapshots; gives from how many.
pub fn forget(context: &Context, datanet: DataNetId, index: ContributionIndex) -> Result<usize, Failure> {
	let folder = fetched(context);
	let entries = match std::fs::read_dir(&folder) {
		Ok(entries) => entries,
		Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
		Err(error) => return Err(Failure::file(&folder, error)),
	};
	let mut count = 0usize;
	for entry in entries {
		let entry = entry.map_err(|e| Failure::file(&folder, e))?;
		if !entry.file_name().to_str().is_some_and(|name| name.starts_with(&format!("{datanet}-"))) {
			continue;
		}
		let path = entry.path().join(format!("{index:08}.txt"));
		match std::fs::remove_file(&path) {
			Ok(()) => count = count.saturating_add(1),
			Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
			Err(error) => return Err(Failure::file(&path, error)),
		}
	}
	Ok(count)
}

/// Writes contributions' texts into a folder, named by index; files that do not belong there are removed,
/// so that what was erased on chain goes here too.
pub async fn write(context: &Context, members: &[ContributionView], folder: &Path) -> Result<(), Failure> {
	let store = context.store()?;
	std::fs::create_dir_all(folder).map_err(|e| Failure::file(folder, e))?;
	let name = |one: &ContributionView| format!("{:08}.txt", one.index);
	let expected: std::collections::BTreeSet<_> = members.iter().map(name).collect();
	for entry in std::fs::read_dir(folder).map_err(|e| Failure::file(folder, e))?.flatten() {
		if entry.file_name().to_str().is_some_and(|name| name.ends_with(".txt") && !expected.contains(name)) {
			std::fs::remove_file(entry.path()).map_err(|e| Failure::file(&entry.path(), e))?;
		}
	}
	let bar = progress(members.len(), "texts");
	for one in members {
		let path = folder.join(name(one));
		let known = path.clone();
		let hashed = tokio::task::spawn_blocking(move || tributary_client::content::hash_file(&known)).await;
		let there = hashed.is_ok_and(|found| found.is_ok_and(|found| found == one.content));
		if !there {
			store.fetch_file(&one.content, &path, MAX_TEXT_BYTES).await?;
		}
		bar.inc(1);
	}
	bar.finish_and_clear();
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;

	fn contribution(index: u32, status: ContributionStatus) -> ContributionView {
		let content = [index as u8; 32];
		ContributionView {
			index,
			contributor: [9; 32],
			content,
			bytes: 1,
			licence: vec![],
			metadata: vec![],
			status,
		}
	}

	fn accepted(count: u32) -> Vec<ContributionView> {
		(0..count).map(|index| contribution(index, ContributionStatus::Accepted { leaf: index })).collect()
	}

	fn snapshot_of(all: &[ContributionView]) -> SnapshotView {
		let leaf = |one: &ContributionView| {
			ContributionLeaf {
				datanet: 1,
				index: one.index,
				contributor: one.contributor,
				content: one.content,
			}
			.digest()
		};
		let leaves: Vec<_> = all.iter().map(leaf).collect();
		let root = Range::from_leaves(&leaves).unwrap().root();
		SnapshotView { root, leaves: leaves.len() as u32, erased: 0, at: 1 }
	}

	#[test]
	fn members_are_proven_when_they_give_the_root() {
		let mut all = accepted(5);
		let view = snapshot_of(&all[..3]);
		all.push(contribution(5, ContributionStatus::Pending));
		let (members, proof) = prove(1, &view, all);
		assert_eq!((members.len(), proof), (3, Proof::Proven));
	}

	#[test]
	fn members_are_wrong_when_one_was_exchanged_or_is_missing() {
		let view = snapshot_of(&accepted(3));
		let mut changed = accepted(3);
		changed[1].content = [77; 32];
		assert_eq!(prove(1, &view, changed).1, Proof::Wrong);
		assert_eq!(prove(1, &view, accepted(2)).1, Proof::Wrong);
	}

	#[test]
	fn members_are_proven_without_the_erased_one_when_it_fills_its_gap() {
		let mut all = accepted(3);
		let view = snapshot_of(&all);
		all[1].status = ContributionStatus::Tombstoned;
		let (members, proof) = prove(1, &view, all.clone());
		assert_eq!((members.len(), proof), (2, Proof::Proven));
		all[1].content = [77; 32];
		assert_eq!(prove(1, &view, all).1, Proof::Unknown);
	}
}
