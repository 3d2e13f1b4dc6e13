//! The texts of a DataNet snapshot, fetched by hash and proven to be the snapshot's.

use crate::{context::Context, failure::Failure, output::snapshot, parse::no_datanet};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
	collections::BTreeMap,
	path::{Path, PathBuf},
};
use tributary_client::{chain::MAX_PAGE, Chain};
use tributary_primitives::{
	range::Range,
	views::{ContributionLeaf, ContributionStatus, ContributionView},
	DataNetId, SnapshotRef,
};

/// Most bytes of one contribution.
pub const MAX_TEXT_BYTES: u64 = 16 << 20;

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

/// The contributions of a snapshot in leaf order, checked against its root on chain.
pub async fn members(chain: &Chain, reference: SnapshotRef) -> Result<Vec<ContributionView>, Failure> {
	let unknown = || Failure::Usage(format!("there is no snapshot {}", snapshot(reference)));
	let view = chain.snapshot(reference.datanet, reference.version).await?.ok_or_else(unknown)?;
	let all = contributions(chain, reference.datanet).await?;
	if all.is_empty() {
		return Err(no_datanet(reference.datanet));
	}
	let erased = all.iter().any(|one| one.status == ContributionStatus::Tombstoned);
	let mut by_leaf = BTreeMap::new();
	for one in all {
		if let ContributionStatus::Accepted { leaf } = one.status {
			if leaf < view.leaves {
				by_leaf.insert(leaf, one);
			}
		}
	}
	let members: Vec<_> = by_leaf.into_values().collect();
	let complete = u32::try_from(members.len()) == Ok(view.leaves);
	if complete {
		let leaf = |one: &ContributionView| {
			ContributionLeaf {
				datanet: reference.datanet,
				index: one.index,
				contributor: one.contributor,
				content: one.content,
			}
			.digest()
		};
		let leaves: Vec<_> = members.iter().map(leaf).collect();
		if Range::from_leaves(&leaves).map(|range| range.root()) != Some(view.root) {
			let what = snapshot(reference);
			return Err(Failure::Wrong(format!(
				"the contributions do not give the root of snapshot {what}: ask another node"
			)));
		}
	} else if !erased {
		return Err(Failure::Wrong(format!(
			"snapshot {} lacks contributions: ask another node",
			snapshot(reference)
		)));
	}
	Ok(members)
}

/// Writes the texts of a snapshot as files into a folder of the cache and gives its path. Texts that are
/// there already are not fetched again.
pub async fn fetch(context: &Context, reference: SnapshotRef) -> Result<PathBuf, Failure> {
	let members = members(context.chain().await?, reference).await?;
	let folder =
		context.cache().join("snapshots").join(format!("{}-{}", reference.datanet, reference.version));
	write(context, &members, &folder).await?;
	Ok(folder)
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
