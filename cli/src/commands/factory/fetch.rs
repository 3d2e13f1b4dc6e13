//! Fetching contributions into a step's folder, as the content store has them: private ones stay encrypted.

use super::watch::wait;
use crate::{context::Context, failure::Failure, texts::MAX_TEXT_BYTES};
use serde_json::{json, Value};
use std::path::Path;
use tributary_client::content::hash_file;
use tributary_factory::{
	workflow::{Dataset, Fetched, Place, Step, StepError, CONTENT_DIR, MEMBERS},
	Progress,
};
use tributary_primitives::Hash;

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
		let store = self.context.store()?;
		for (index, member) in members.iter().enumerate() {
			let path = Fetched::content(&place.folder, member);
			let hash = content(&member.content)?;
			if !is_there(&path, &hash) {
				wait(store.fetch_file(&hash, &path, MAX_TEXT_BYTES)).map_err(Failure::from)?;
			}
			progress.step(index as u64 + 1, "");
			if let Some(reason) = progress.wants_stop() {
				return Err(Box::new(Failure::Other(format!("stopped: {reason}"))));
			}
		}
		Fetched { datasets: self.datasets.clone() }.save(&place.folder)?;
		progress.end(&format!("{} contributions", members.len()));
		Ok(())
	}
}

fn content(text: &str) -> Result<Hash, StepError> {
	let mut hash = Hash::default();
	hex::decode_to_slice(text, &mut hash)?;
	Ok(hash)
}

fn is_there(path: &Path, hash: &Hash) -> bool {
	path.is_file() && hash_file(path).is_ok_and(|found| found == *hash)
}
