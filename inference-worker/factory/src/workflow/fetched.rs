//! What a fetch leaves for the steps after it: contributions as the content store has them, and who gave them.

use std::{
	collections::BTreeMap,
	path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::StepError;
use crate::{
	config::Source,
	evaluation::{Benchmark, Contribution},
	files::{self, Document},
};

/// List of the datasets and their members.
pub const MEMBERS: &str = "members.json";
/// Folder of the contributions, by hash.
pub const CONTENT_DIR: &str = "content";

/// A contribution of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
	/// Its index in the DataNet.
	pub index: u32,
	/// Address of who gave it.
	pub contributor: String,
	/// BLAKE3 of its content as the store has it, hexadecimal.
	pub content: String,
	/// Size of that, bytes.
	pub bytes: u64,
}

/// A snapshot with its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
	/// The DataNet.
	pub datanet: u32,
	/// Its snapshot.
	pub snapshot: u32,
	/// The snapshot's root on chain, hexadecimal.
	pub root: String,
	/// Whether its contributions are encrypted in the store, and here.
	pub private: bool,
	/// Contributions that are not erased, in leaf order.
	pub members: Vec<Member>,
}

/// All that was fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
	/// The snapshots, in the recipe's order.
	pub datasets: Vec<Dataset>,
}

/// Turns stored content into text, in memory.
pub trait Open: Send + Sync {
	/// Text of a contribution.
	fn open(&self, dataset: &Dataset, content: Vec<u8>) -> Result<String, StepError>;
}

/// Opens what is public.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainText;

impl Open for PlainText {
	fn open(&self, dataset: &Dataset, content: Vec<u8>) -> Result<String, StepError> {
		if dataset.private {
			let reason = format!("DataNet {} is private: a grant and its key are needed", dataset.datanet);
			return Err(reason.into());
		}
		Ok(String::from_utf8(content)?)
	}
}

impl Fetched {
	/// Reads the list in a fetch's folder.
	pub fn read(folder: &Path) -> Result<Self, StepError> {
		Ok(serde_json::from_slice(&files::read(&folder.join(MEMBERS))?)?)
	}

	/// Writes the list.
	pub fn save(&self, folder: &Path) -> Result<(), StepError> {
		Ok(files::write_json(&folder.join(MEMBERS), &json!(self))?)
	}

	/// Where a member's content lies.
	pub fn content(folder: &Path, member: &Member) -> PathBuf {
		folder.join(CONTENT_DIR).join(&member.content)
	}

	/// Addresses of all contributors with the bytes that each gave, the most first.
	pub fn contributors(&self) -> Vec<(String, u64)> {
		let mut bytes: BTreeMap<&String, u64> = BTreeMap::new();
		for member in self.datasets.iter().flat_map(|dataset| &dataset.members) {
			*bytes.entry(&member.contributor).or_default() += member.bytes;
		}
		let mut all: Vec<(String, u64)> =
			bytes.into_iter().map(|(name, bytes)| (name.clone(), bytes)).collect();
		all.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
		all
	}

	/// Texts to train on, with a weight for each dataset; `keep` chooses members.
	pub fn sources(
		&self,
		folder: &Path,
		weights: &[f64],
		open: &dyn Open,
		keep: impl Fn(&Dataset, &Member) -> bool,
	) -> Result<Vec<Source>, StepError> {
		let mut sources = Vec::new();
		for (dataset, weight) in self.datasets.iter().zip(weights) {
			let mut documents = Vec::new();
			for member in dataset.members.iter().filter(|member| keep(dataset, member)) {
				let text = read(folder, dataset, member, open)?;
				documents
					.push(Document { path: format!("{}/{}", dataset.datanet, member.index).into(), text });
			}
			if !documents.is_empty() {
				let name = format!("DataNet {}, snapshot {}", dataset.datanet, dataset.snapshot);
				sources.push(Source { name, documents, weight: *weight });
			}
		}
		Ok(sources)
	}

	/// A benchmark with its contributions.
	pub fn benchmark(
		&self,
		folder: &Path,
		index: usize,
		open: &dyn Open,
	) -> Result<(Benchmark, Vec<Contribution>), StepError> {
		let dataset = self.datasets.get(index).ok_or("the benchmark was not fetched")?;
		let mut contributions = Vec::new();
		for member in &dataset.members {
			let text = read(folder, dataset, member, open)?;
			contributions.push(Contribution { index: member.index, text });
		}
		let (datanet, snapshot, root) = (dataset.datanet, dataset.snapshot, dataset.root.clone());
		Ok((Benchmark { datanet, snapshot, root }, contributions))
	}
}

fn read(folder: &Path, dataset: &Dataset, member: &Member, open: &dyn Open) -> Result<String, StepError> {
	let content = files::read(&Fetched::content(folder, member))?;
	open.open(dataset, content).map_err(|error| {
		format!("contribution {} of DataNet {}: {error}", member.index, dataset.datanet).into()
	})
}
