//! Earnings: who is owed which part of the data shares of a worker's batches.

use crate::{
	hash::tagged,
	math::{largest_remainder, mul_div},
	merkle_sum::{self, SumNode, SumProof},
	record::Share,
	AccountId, Balance, DataNetId, Earner,
};
use alloc::{collections::BTreeMap, vec::Vec};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// What an earner has been owed by one worker's batches since the first, planck. Cumulative: only the
/// newest root is ever claimed against.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct EarningsLeaf {
	/// Who.
	pub earner: Earner,
	/// How much since the first batch, planck.
	pub cumulative: Balance,
}

impl EarningsLeaf {
	/// The leaf's node in the tree of `worker`.
	pub fn node(&self, worker: &AccountId) -> SumNode {
		merkle_sum::leaf(
			&tagged("tributary/earnings/1", &(worker, self.earner, self.cumulative)),
			self.cumulative,
		)
	}
}

/// A worker's cumulative earnings tree; leaves sorted by earner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EarningsTree(BTreeMap<Earner, Balance>);

impl EarningsTree {
	/// From published leaves. `None` when an earner appears twice.
	pub fn from_leaves(leaves: &[EarningsLeaf]) -> Option<Self> {
		let mut tree = BTreeMap::new();
		for leaf in leaves {
			if tree.insert(leaf.earner, leaf.cumulative).is_some() {
				return None;
			}
		}
		Some(Self(tree))
	}

	/// The leaves in tree order.
	pub fn leaves(&self) -> Vec<EarningsLeaf> {
		self.0
			.iter()
			.map(|(earner, cumulative)| EarningsLeaf { earner: *earner, cumulative: *cumulative })
			.collect()
	}

	/// Adds to one earner. `None` on overflow.
	pub fn credit(&mut self, earner: Earner, amount: Balance) -> Option<()> {
		let entry = self.0.entry(earner).or_default();
		*entry = entry.checked_add(amount)?;
		Some(())
	}

	/// Cumulative amount of one earner.
	pub fn get(&self, earner: &Earner) -> Balance {
		self.0.get(earner).copied().unwrap_or_default()
	}

	/// The root for `worker`. `None` when the total overflows.
	pub fn root(&self, worker: &AccountId) -> Option<SumNode> {
		merkle_sum::root(&self.nodes(worker))
	}

	/// Proof of one earner's leaf; `None` when there is none.
	pub fn prove(&self, worker: &AccountId, earner: &Earner) -> Option<(EarningsLeaf, SumProof)> {
		let index = self.0.keys().position(|known| known == earner)?;
		let leaf = EarningsLeaf { earner: *earner, cumulative: self.get(earner) };
		Some((leaf, merkle_sum::prove(&self.nodes(worker), u32::try_from(index).ok()?)?))
	}

	fn nodes(&self, worker: &AccountId) -> Vec<SumNode> {
		self.leaves().iter().map(|leaf| leaf.node(worker)).collect()
	}
}

/// One record's weight in the division of the data share of what served it.
#[derive(Clone, Copy, Debug)]
pub struct Weighted<'a> {
	/// See [`crate::record::UsageRecord::net`], planck.
	pub net: Balance,
	/// Its attribution vector.
	pub vector: &'a [Share],
}

/// Divides the data share in a batch of one agent version with its active skills among earners: each record
/// weighs its net fee, each share its ppm. Every contributor gets the floor of the exact quota; what is left
/// goes to the pools of the active DataNets by largest remainder of their own weights (equally when they have
/// none). The parts sum to `data`. `None` when weights overflow or there is money but no DataNet to give it to.
pub fn divide(
	data: Balance,
	records: &[Weighted<'_>],
	datanets: &[DataNetId],
) -> Option<Vec<(Earner, Balance)>> {
	let mut weights: BTreeMap<Earner, u128> = datanets.iter().map(|d| (Earner::Pool(*d), 0)).collect();
	let mut whole = 0u128;
	for record in records {
		for share in record.vector {
			let weight = record.net.checked_mul(share.ppm.into())?;
			let entry = weights.entry(share.earner).or_default();
			*entry = entry.checked_add(weight)?;
			whole = whole.checked_add(weight)?;
		}
	}
	let (mut parts, mut left) = (Vec::new(), data);
	let (mut pools, mut pool_weights) = (Vec::new(), Vec::new());
	for (earner, weight) in weights {
		match earner {
			Earner::Pool(_) => {
				pools.push(earner);
				pool_weights.push(weight);
			}
			Earner::Account(_) => {
				let part = if whole == 0 { 0 } else { mul_div(data, weight, whole)? };
				left = left.checked_sub(part)?;
				parts.push((earner, part));
			}
		}
	}
	if left > 0 && pools.is_empty() {
		return None;
	}
	if pool_weights.iter().all(|weight| *weight == 0) {
		pool_weights.iter_mut().for_each(|weight| *weight = 1);
	}
	parts.extend(pools.into_iter().zip(largest_remainder(left, &pool_weights)?));
	parts.retain(|(_, part)| *part > 0);
	Some(parts)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{record::Method, PPM};
	use proptest::prelude::*;

	fn vector(cut: u32, accounts: (u8, u8)) -> Vec<Share> {
		let share = |contribution, account: u8, ppm| Share {
			datanet: 1,
			contribution: Some(contribution),
			method: Method::Retrieval,
			earner: Earner::Account([account; 32]),
			ppm,
		};
		let pool = Share {
			datanet: 1,
			contribution: None,
			method: Method::Pool,
			earner: Earner::Pool(1),
			ppm: PPM - cut,
		};
		vec![pool, share(0, accounts.0, cut / 3), share(1, accounts.1, cut - cut / 3)]
	}

	proptest! {
		#[test]
		fn divide_conserves_every_planck_when_records_vary(
			data in any::<u64>(),
			records in proptest::collection::vec((0u128..1 << 90, 0u32..=PPM, any::<(u8, u8)>()), 0..20)
		) {
			let vectors: Vec<_> = records.iter().map(|(_, cut, who)| vector(*cut, *who)).collect();
			let weighted: Vec<_> = records.iter().zip(&vectors)
				.map(|((net, _, _), vector)| Weighted { net: *net, vector }).collect();
			let parts = divide(data.into(), &weighted, &[1, 2]).unwrap();
			prop_assert_eq!(parts.iter().map(|(_, part)| part).sum::<u128>(), u128::from(data));
		}

		#[test]
		fn proof_verifies_for_every_earner_when_tree_grows(amounts in proptest::collection::vec(1u64.., 1..40)) {
			let mut tree = EarningsTree::default();
			for (index, amount) in amounts.iter().enumerate() {
				tree.credit(Earner::Account([index as u8; 32]), (*amount).into()).unwrap();
			}
			let root = tree.root(&[9; 32]).unwrap();
			prop_assert_eq!(root.sum, amounts.iter().map(|a| u128::from(*a)).sum::<u128>());
			for leaf in tree.leaves() {
				let (proven, proof) = tree.prove(&[9; 32], &leaf.earner).unwrap();
				prop_assert!(merkle_sum::verify(&root, proven.node(&[9; 32]), &proof));
				prop_assert!(!merkle_sum::verify(&root, proven.node(&[8; 32]), &proof));
			}
		}
	}

	#[test]
	fn divide_gives_all_to_pools_when_no_record_points_at_anyone() {
		assert_eq!(divide(5, &[], &[1, 2]), Some(vec![(Earner::Pool(1), 3), (Earner::Pool(2), 2)]));
	}

	#[test]
	fn divide_is_none_when_money_has_nowhere_to_go() {
		assert_eq!(divide(5, &[], &[]), None);
	}

	#[test]
	fn tree_is_none_when_an_earner_appears_twice() {
		let leaf = EarningsLeaf { earner: Earner::Pool(1), cumulative: 1 };
		assert_eq!(EarningsTree::from_leaves(&[leaf, leaf]), None);
	}
}
