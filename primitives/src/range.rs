//! An append-only Merkle mountain range: DataNet snapshots grow in O(log n) on chain, and anyone who
//! knows the leaves can prove that one is in a snapshot.
//!
//! Leaf: `blake2_256(0x00 || data)`. Node: `blake2_256(0x01 || left || right)`. The root bags the peaks
//! from the right and binds their number of leaves: `blake2_256(0x02 || leaves as u32 LE || bag)`.

use crate::Hash;
use alloc::vec::Vec;
use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Peaks, largest first: at most one per bit of the number of leaves.
pub type Peaks = BoundedVec<Hash, ConstU32<32>>;

/// A range that can be appended to without its leaves.
#[derive(
	Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Range {
	/// Number of leaves.
	pub leaves: u32,
	/// Roots of the perfect trees.
	pub peaks: Peaks,
}

/// Proof that a leaf is in a range.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct RangeProof {
	/// The leaf's index.
	pub index: u32,
	/// Number of leaves in the range.
	pub leaves: u32,
	/// Siblings inside the leaf's own perfect tree, bottom up.
	pub siblings: BoundedVec<Hash, ConstU32<32>>,
	/// The other peaks, largest first.
	pub peaks: Peaks,
}

fn digest(tag: u8, parts: &[&[u8]]) -> Hash {
	let mut bytes = Vec::with_capacity(97);
	bytes.push(tag);
	for part in parts {
		bytes.extend_from_slice(part);
	}
	sp_crypto_hashing::blake2_256(&bytes)
}

/// A leaf's digest.
pub fn leaf(data: &[u8]) -> Hash {
	digest(0, &[data])
}

fn node(left: &Hash, right: &Hash) -> Hash {
	digest(1, &[left, right])
}

fn bag(leaves: u32, peaks: &[Hash]) -> Hash {
	let mut right_to_left = peaks.iter().rev();
	let bagged = match right_to_left.next() {
		None => [0; 32],
		Some(last) => right_to_left.fold(*last, |right, left| node(left, &right)),
	};
	digest(2, &[&leaves.to_le_bytes(), &bagged])
}

impl Range {
	/// Adds a leaf. `None` when the range is full (2^32 - 1 leaves).
	pub fn append(&mut self, leaf: Hash) -> Option<()> {
		let next = self.leaves.checked_add(1)?;
		let mut carried = leaf;
		let mut count = self.leaves;
		while count & 1 == 1 {
			let left = self.peaks.pop()?;
			carried = node(&left, &carried);
			count >>= 1;
		}
		self.peaks.try_push(carried).ok()?;
		self.leaves = next;
		Some(())
	}

	/// The root over all leaves so far.
	pub fn root(&self) -> Hash {
		bag(self.leaves, &self.peaks)
	}

	/// A range over `leaves`.
	pub fn from_leaves(leaves: &[Hash]) -> Option<Self> {
		let mut range = Self::default();
		for leaf in leaves {
			range.append(*leaf)?;
		}
		Some(range)
	}
}

/// Sizes of the perfect trees of a range, largest first.
fn mountains(leaves: u32) -> impl Iterator<Item = u32> {
	(0..32u32).rev().filter_map(move |bit| {
		let size = 1u32.checked_shl(bit)?;
		(leaves & size > 0).then_some(size)
	})
}

/// Proof for the leaf at `index`; `None` when there is none.
pub fn prove(leaves: &[Hash], index: u32) -> Option<RangeProof> {
	let count = u32::try_from(leaves.len()).ok()?;
	if index >= count {
		return None;
	}
	let (mut siblings, mut peaks) = (BoundedVec::new(), Peaks::new());
	let mut start = 0u32;
	for size in mountains(count) {
		let end = start.checked_add(size)?;
		let mut level = leaves.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)?.to_vec();
		let mut position = (start..end).contains(&index).then(|| index.checked_sub(start)).flatten();
		while level.len() > 1 {
			if let Some(at) = position {
				siblings.try_push(*level.get(usize::try_from(at ^ 1).ok()?)?).ok()?;
				position = Some(at >> 1);
			}
			level = level.chunks_exact(2).map(pair_node).collect::<Option<_>>()?;
		}
		if position.is_none() {
			peaks.try_push(*level.first()?).ok()?;
		}
		start = end;
	}
	Some(RangeProof { index, leaves: count, siblings, peaks })
}

fn pair_node(pair: &[Hash]) -> Option<Hash> {
	match pair {
		[left, right] => Some(node(left, right)),
		_ => None,
	}
}

/// Whether `proof` leads from `leaf` to `root`.
pub fn verify(root: &Hash, leaf: Hash, proof: &RangeProof) -> bool {
	computed_root(leaf, proof) == Some(*root)
}

fn computed_root(leaf: Hash, proof: &RangeProof) -> Option<Hash> {
	if proof.index >= proof.leaves {
		return None;
	}
	let (mut start, mut others, mut peaks) = (0u32, proof.peaks.iter(), Vec::new());
	for size in mountains(proof.leaves) {
		let end = start.checked_add(size)?;
		if (start..end).contains(&proof.index) {
			if u32::try_from(proof.siblings.len()).ok()? != size.trailing_zeros() {
				return None;
			}
			let mut at = proof.index.checked_sub(start)?;
			let mut hash = leaf;
			for sibling in &proof.siblings {
				hash = if at & 1 == 1 { node(sibling, &hash) } else { node(&hash, sibling) };
				at >>= 1;
			}
			peaks.push(hash);
		} else {
			peaks.push(*others.next()?);
		}
		start = end;
	}
	others.next().is_none().then(|| bag(proof.leaves, &peaks))
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	proptest! {
		#[test]
		fn proof_verifies_for_every_leaf_when_range_has_any_size(count in 1u32..70) {
			let leaves: Vec<Hash> = (0..count).map(|i| leaf(&i.to_le_bytes())).collect();
			let root = Range::from_leaves(&leaves).unwrap().root();
			for (index, value) in leaves.iter().enumerate() {
				let proof = prove(&leaves, index as u32).unwrap();
				prop_assert!(verify(&root, *value, &proof));
				prop_assert!(!verify(&root, leaf(b"other"), &proof));
			}
		}
	}

	#[test]
	fn root_changes_when_a_leaf_is_appended() {
		let mut range = Range::default();
		let empty = range.root();
		range.append(leaf(b"a")).unwrap();
		assert_ne!(range.root(), empty);
	}

	#[test]
	fn prove_is_none_when_index_is_outside() {
		assert_eq!(prove(&[leaf(b"a")], 1), None);
	}
}
