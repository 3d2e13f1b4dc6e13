//! A Merkle tree whose nodes carry sums: a root commits to its leaves and to their total.
//!
//! Leaf: `blake2_256(0x00 || data hash || value)`. Node: `blake2_256(0x01 || left hash || left sum ||
//! right hash || right sum)`, sums in 16 little-endian bytes. An odd node at the end of a level moves up
//! unchanged. A verifier that follows a proof adds up the sums on the way, so a root cannot claim a
//! total that its leaves do not have.

use crate::{limits::MaxProof, Balance, Hash};
use alloc::vec::Vec;
use bounded_collections::BoundedVec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// A node: digest and the sum below it.
#[derive(
	Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct SumNode {
	/// Digest.
	pub hash: Hash,
	/// Sum of the leaves below, planck.
	pub sum: Balance,
}

/// The way from a leaf to the root.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct SumProof {
	/// The leaf's index.
	pub index: u32,
	/// Number of leaves in the tree.
	pub leaves: u32,
	/// Siblings from the bottom up.
	pub siblings: BoundedVec<SumNode, MaxProof>,
}

/// A leaf's node.
pub fn leaf(data: &Hash, value: Balance) -> SumNode {
	let mut bytes = Vec::with_capacity(49);
	bytes.push(0);
	bytes.extend_from_slice(data);
	bytes.extend_from_slice(&value.to_le_bytes());
	SumNode { hash: sp_crypto_hashing::blake2_256(&bytes), sum: value }
}

/// The parent of two nodes; `None` when the sum overflows.
pub fn parent(left: &SumNode, right: &SumNode) -> Option<SumNode> {
	let mut bytes = Vec::with_capacity(97);
	bytes.push(1);
	for node in [left, right] {
		bytes.extend_from_slice(&node.hash);
		bytes.extend_from_slice(&node.sum.to_le_bytes());
	}
	Some(SumNode { hash: sp_crypto_hashing::blake2_256(&bytes), sum: left.sum.checked_add(right.sum)? })
}

fn level_up(level: &[SumNode]) -> Option<Vec<SumNode>> {
	level
		.chunks(2)
		.map(|pair| match pair {
			[left, right] => parent(left, right),
			[last] => Some(*last),
			_ => None,
		})
		.collect()
}

/// Root over leaf nodes; the default node for none. `None` when the total overflows.
pub fn root(leaves: &[SumNode]) -> Option<SumNode> {
	let mut level = leaves.to_vec();
	while level.len() > 1 {
		level = level_up(&level)?;
	}
	Some(level.first().copied().unwrap_or_default())
}

/// Proof that the leaf at `index` is in the tree; `None` when there is no such leaf or the tree
/// is too large for a proof.
pub fn prove(leaves: &[SumNode], index: u32) -> Option<SumProof> {
	let mut position = usize::try_from(index).ok()?;
	if position >= leaves.len() {
		return None;
	}
	let mut siblings = BoundedVec::new();
	let mut level = leaves.to_vec();
	while level.len() > 1 {
		if let Some(sibling) = level.get(position ^ 1) {
			siblings.try_push(*sibling).ok()?;
		}
		level = level_up(&level)?;
		position >>= 1;
	}
	Some(SumProof { index, leaves: u32::try_from(leaves.len()).ok()?, siblings })
}

/// Whether `proof` leads from `leaf` to `root`, sums included.
pub fn verify(root: &SumNode, leaf: SumNode, proof: &SumProof) -> bool {
	computed_root(leaf, proof) == Some(*root)
}

fn computed_root(leaf: SumNode, proof: &SumProof) -> Option<SumNode> {
	if proof.index >= proof.leaves {
		return None;
	}
	let mut siblings = proof.siblings.iter();
	let (mut node, mut index, mut width) = (leaf, proof.index, proof.leaves);
	while width > 1 {
		let last = width.checked_sub(1)?;
		if index & 1 == 1 {
			node = parent(siblings.next()?, &node)?;
		} else if index != last {
			node = parent(&node, siblings.next()?)?;
		}
		index >>= 1;
		width = width.checked_add(1)? >> 1;
	}
	siblings.next().is_none().then_some(node)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn leaves(values: &[u64]) -> Vec<SumNode> {
		values
			.iter()
			.enumerate()
			.map(|(i, v)| leaf(&sp_crypto_hashing::blake2_256(&(i as u32).to_le_bytes()), (*v).into()))
			.collect()
	}

	proptest! {
		#[test]
		fn proof_verifies_for_every_leaf_when_tree_has_any_size(values in proptest::collection::vec(any::<u64>(), 1..70)) {
			let nodes = leaves(&values);
			let top = root(&nodes).unwrap();
			prop_assert_eq!(top.sum, values.iter().map(|v| u128::from(*v)).sum::<u128>());
			for (index, node) in nodes.iter().enumerate() {
				let proof = prove(&nodes, index as u32).unwrap();
				prop_assert!(verify(&top, *node, &proof));
				let richer = SumNode { sum: node.sum + 1, ..*node };
				prop_assert!(!verify(&top, richer, &proof));
				let moved = SumProof { index: (proof.index + 1) % proof.leaves, ..proof.clone() };
				prop_assert!(nodes.len() == 1 || !verify(&top, *node, &moved));
			}
		}
	}

	#[test]
	fn root_is_none_when_total_overflows() {
		let big = SumNode { hash: [1; 32], sum: u128::MAX };
		assert_eq!(root(&[big, big]), None);
	}

	#[test]
	fn proof_is_refused_when_it_has_spare_siblings() {
		let nodes = leaves(&[1, 2, 3]);
		let mut proof = prove(&nodes, 2).unwrap();
		proof.siblings.try_push(nodes[0]).unwrap();
		assert!(!verify(&root(&nodes).unwrap(), nodes[2], &proof));
	}

	#[test]
	fn prove_is_none_when_index_is_outside() {
		assert_eq!(prove(&leaves(&[1]), 1), None);
	}
}
