//! What an index depends on.

use tributary_primitives::{Hash, SnapshotRef};

/// The form of indexes on disk and in PostgreSQL; another one is built anew.
const FORMAT: u32 = 1;

/// Names an index by all that it depends on: any change gives it another [`digest`](Self::digest), so that an index
/// of an older snapshot, another model or other settings is never taken for this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Space {
	/// The snapshot.
	pub snapshot: SnapshotRef,
	/// Content hash of the model that embeds.
	pub model: Hash,
	/// Tokens of a chunk.
	pub chunk_tokens: usize,
	/// Whether chunks are embedded.
	pub vectors: bool,
	/// Contributions of the snapshot that may still be used.
	pub contributions: usize,
	/// BLAKE3 of everything.
	pub digest: Hash,
}

impl Space {
	/// `root` is the snapshot's; `contributions` are those that may still be used, with the hashes of their contents.
	pub fn of(
		snapshot: SnapshotRef,
		root: &Hash,
		model: Hash,
		contributions: impl IntoIterator<Item = (u32, Hash)>,
		chunk_tokens: usize,
		vectors: bool,
	) -> Self {
		let mut hasher = blake3::Hasher::new_derive_key("tributary retrieval space");
		hasher.update(&FORMAT.to_le_bytes());
		hasher.update(&snapshot.datanet.to_le_bytes());
		hasher.update(&snapshot.version.to_le_bytes());
		hasher.update(root);
		hasher.update(&model);
		hasher.update(&(chunk_tokens as u64).to_le_bytes());
		hasher.update(&[u8::from(vectors)]);
		let mut count = 0;
		for (contribution, content) in contributions {
			count += 1;
			hasher.update(&contribution.to_le_bytes());
			hasher.update(&content);
		}
		let digest = *hasher.finalize().as_bytes();
		Self { snapshot, model, chunk_tokens, vectors, contributions: count, digest }
	}

	/// Name of its folder: DataNet, snapshot and the beginning of the digest.
	pub fn name(&self) -> String {
		let digest = hex::encode(self.digest);
		let short = digest.get(..16).unwrap_or(&digest);
		format!("{}-{}-{short}", self.snapshot.datanet, self.snapshot.version)
	}

	/// The snapshot that a [`name`](Self::name), with or without an extension, is of.
	pub fn snapshot_of(name: &str) -> Option<SnapshotRef> {
		let mut parts = name.split('-');
		let snapshot =
			SnapshotRef { datanet: parts.next()?.parse().ok()?, version: parts.next()?.parse().ok()? };
		parts.next()?;
		parts.next().is_none().then_some(snapshot)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const SNAPSHOT: SnapshotRef = SnapshotRef { datanet: 3, version: 2 };

	#[test]
	fn space_is_another_when_anything_that_counts_changes() {
		let of = |root: u8, model: u8, listed: &[(u32, Hash)], tokens, vectors| {
			Space::of(SNAPSHOT, &[root; 32], [model; 32], listed.iter().copied(), tokens, vectors).digest
		};
		let all = [(0, [1; 32]), (4, [2; 32])];
		let first = of(1, 1, &all, 96, true);
		let others = [
			of(2, 1, &all, 96, true),
			of(1, 2, &all, 96, true),
			of(1, 1, &all[1..], 96, true),
			of(1, 1, &[(0, [1; 32]), (4, [3; 32])], 96, true),
			of(1, 1, &all, 64, true),
			of(1, 1, &all, 96, false),
		];
		assert!(others.iter().all(|other| *other != first));
		assert_eq!(of(1, 1, &all, 96, true), first);
	}

	#[test]
	fn name_tells_its_snapshot_and_nothing_else_does() {
		let space = Space { digest: [0xab; 32], ..Space::of(SNAPSHOT, &[1; 32], [0; 32], [], 96, true) };
		assert_eq!(space.name(), "3-2-abababababababab");
		for name in [space.name(), format!("{}.spans", space.name())] {
			assert_eq!(Space::snapshot_of(&name), Some(SNAPSHOT));
		}
		for name in ["", "3", "3-2", "x-2-ab", "3-2-ab-cd", &"07".repeat(32)] {
			assert_eq!(Space::snapshot_of(name), None, "{name}");
		}
	}
}
