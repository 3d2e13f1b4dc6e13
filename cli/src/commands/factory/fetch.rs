//! Fetching contributions into a step's folder, as the content store has them: private ones stay encrypted.

use super::watch::wait;
use crate::{
	context::Context,
	failure::Failure,
	texts::{self, MAX_CONTENT_BYTES},
};
use serde_json::{json, Value};
use std::{
	collections::{btree_map::Entry, BTreeMap, BTreeSet},
	path::Path,
};
use tributary_client::content::hash_file;
use tributary_factory::{
	workflow::{Dataset, Fetched, Place, Step, StepError, CONTENT_DIR, MEMBERS, STEPS_DIR},
	Progress,
};
use tributary_primitives::{views::ContributionStatus, ContributionIndex, DataNetId, Hash};

/// Brings the members of snapshots.
pub struct FetchStep<'a> {
	/// `fetch` or `benchmarks`.
	pub name: &'static str,
	/// Where from.
	pub context: &'a Context,
	/// What.
	pub datasets: Vec<Dataset>,
}

impl Step for FetchStep<'_> {
	fn name(&self) -> &str {
		self.name
	}

	fn kind(&self) -> &'static str {
		"fetch/1"
	}

	fn settings(&self) -> Value {
		json!(self.datasets)
	}

	fn inputs(&self) -> Vec<String> {
		Vec::new()
	}

	fn outputs(&self) -> Vec<&'static str> {
		vec![MEMBERS, CONTENT_DIR]
	}

	fn run(&mut self, place: &Place, progress: &mut dyn Progress) -> Result<(), StepError> {
		let members: Vec<_> = self.datasets.iter().flat_map(|dataset| &dataset.members).collect();
		progress.begin(self.name, members.len() as u64);
		// First: by this list `forget_erased` finds what a fetch that was killed has brought.
		Fetched { datasets: self.datasets.clone() }.save(&place.folder)?;
		let store = self.context.store()?;
		for (index, member) in members.iter().enumerate() {
			let path = Fetched::content(&place.folder, member);
			let hash = content(&member.content)?;
			if !is_there(&path, &hash) {
				wait(store.fetch_file(&hash, &path, MAX_CONTENT_BYTES)).map_err(Failure::from)?;
			}
			progress.step(index as u64 + 1, "");
			if let Some(reason) = progress.wants_stop() {
				return Err(Box::new(Failure::Other(format!("stopped: {reason}"))));
			}
		}
		let kept = members.iter().map(|member| member.content.as_str()).collect();
		remove_others(&place.folder.join(CONTENT_DIR), &kept)?;
		progress.end(&format!("{} contributions", members.len()));
		Ok(())
	}
}

/// Removes what is not to be kept, and what a killed fetch left half done; gives how many files.
fn remove_others(folder: &Path, kept: &BTreeSet<&str>) -> Result<usize, Failure> {
	let entries = match std::fs::read_dir(folder) {
		Ok(entries) => entries,
		Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
		Err(error) => return Err(Failure::file(folder, error)),
	};
	let mut removed = 0usize;
	for entry in entries {
		let path = entry.map_err(|e| Failure::file(folder, e))?.path();
		let name = path.file_name().and_then(|name| name.to_str());
		if !name.is_some_and(|name| kept.contains(name)) {
			std::fs::remove_file(&path).map_err(|e| Failure::file(&path, e))?;
			removed = removed.saturating_add(1);
		}
	}
	Ok(removed)
}

fn content(text: &str) -> Result<Hash, StepError> {
	let mut hash = Hash::default();
	hex::decode_to_slice(text, &mut hash)?;
	Ok(hash)
}

fn is_there(path: &Path, hash: &Hash) -> bool {
	path.is_file() && hash_file(path).is_ok_and(|found| found == *hash)
}

/// Deletes what earlier fetches of a work folder brought and what was erased on chain since; gives how many files.
pub async fn forget_erased(context: &Context, work: &Path) -> Result<usize, Failure> {
	let folder = work.join(STEPS_DIR);
	let entries = std::fs::read_dir(&folder).map_err(|e| Failure::file(&folder, e))?;
	let mut erased: BTreeMap<DataNetId, BTreeSet<ContributionIndex>> = BTreeMap::new();
	let mut removed = 0usize;
	for step in entries.flatten().map(|entry| entry.path()) {
		let Ok(fetched) = Fetched::read(&step) else { continue };
		let (mut any_gone, mut kept) = (false, BTreeSet::new());
		for dataset in &fetched.datasets {
			if let Entry::Vacant(entry) = erased.entry(dataset.datanet) {
				let all = texts::contributions(context.chain().await?, dataset.datanet).await?;
				let tombstoned = all.iter().filter(|one| one.status == ContributionStatus::Tombstoned);
				entry.insert(tombstoned.map(|one| one.index).collect());
			}
			let of_it = erased.get(&dataset.datanet);
			for member in &dataset.members {
				match of_it.is_some_and(|erased| erased.contains(&member.index)) {
					true => any_gone = true,
					// Another contribution may have the same content.
					false => drop(kept.insert(member.content.as_str())),
				}
			}
		}
		if any_gone {
			removed = removed.saturating_add(remove_others(&step.join(CONTENT_DIR), &kept)?);
		}
	}
	Ok(removed)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn content_is_removed_when_it_is_erased_or_was_left_half_done() {
		let folder = tempfile::tempdir().unwrap();
		for name in ["aa", "bb", ".partial-cc-1"] {
			std::fs::write(folder.path().join(name), "text").unwrap();
		}
		assert_eq!(remove_others(folder.path(), &BTreeSet::from(["aa", "dd"])).unwrap(), 2);
		assert!(folder.path().join("aa").exists());
		assert_eq!(remove_others(&folder.path().join("none"), &BTreeSet::new()).unwrap(), 0);
	}
}
