//! What must hold in every block.

#![cfg(any(feature = "std", feature = "try-runtime"))]

use crate::{pallet::*, types::*};
use alloc::{collections::BTreeMap, vec::Vec};
use frame::prelude::*;
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::TryRuntimeError};
use tributary_primitives::{
	range::Range, traits::VaultHolders, ContributionIndex, DataNetId, Hash, VaultKey,
};

impl<T: Config> Pallet<T> {
	/// - DataNet ids are dense below [`NextDataNet`], snapshots dense from 1 to the newest and growing.
	/// - The range is the range of the leaves of all contributions ever accepted, and every snapshot's root
	///   that of its first leaves.
	/// - Exactly the pending, accepted and tombstoned contributions hold their content hashes; exactly the
	///   rejected ones have reasons.
	/// - Exactly the tombstoned contributions are listed as erasures, once each, without gaps.
	/// - A contributor's pool weight is the number of its accepted contributions.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let ids: Vec<DataNetId> = DataNets::<T>::iter_keys().collect();
		ensure!(ids.len() == NextDataNet::<T>::get() as usize, "DataNet ids have gaps");
		ensure!(ids.iter().all(|id| *id < NextDataNet::<T>::get()), "DataNet id beyond the next one");
		for id in ids {
			let leaves = Self::try_contributions(id)?;
			Self::try_erasures(id)?;
			Self::try_range(id, &leaves)?;
		}
		let known = |id: DataNetId| DataNets::<T>::contains_key(id);
		ensure!(Contributions::<T>::iter_keys().all(|(id, _)| known(id)), "contribution without DataNet");
		ensure!(Snapshots::<T>::iter_keys().all(|(id, _)| known(id)), "snapshot without DataNet");
		ensure!(Ranges::<T>::iter_keys().all(known), "range without DataNet");
		Ok(())
	}

	/// Checks one DataNet's contributions and returns the digests of its leaves, in order.
	fn try_contributions(id: DataNetId) -> Result<Vec<Hash>, TryRuntimeError> {
		let next = DataNets::<T>::get(id).ok_or("DataNet is gone")?.next;
		let mut leaves = BTreeMap::<u32, Hash>::new();
		let mut accepted = BTreeMap::<T::AccountId, u64>::new();
		let (mut contents, mut reasons) = (0usize, 0usize);
		for (index, Contribution { contributor, item, status, .. }) in Contributions::<T>::iter_prefix(id) {
			ensure!(index < next, "contribution index beyond the next one");
			let holder: Option<ContributionIndex> = Contents::<T>::get(id, item.content);
			if status == Status::Rejected {
				ensure!(holder != Some(index), "rejected contribution holds its content");
				ensure!(Reasons::<T>::contains_key(id, index), "rejected without a reason");
				reasons = reasons.saturating_add(1);
			} else {
				ensure!(holder == Some(index), "contribution does not hold its content");
				contents = contents.saturating_add(1);
			}
			if let Some(leaf) = status.leaf() {
				let digest = Self::leaf_data(id, index, &contributor, item.content).digest();
				ensure!(leaves.insert(leaf, digest).is_none(), "two contributions have one leaf");
			}
			if matches!(status, Status::Accepted { .. }) {
				let sum = accepted.entry(contributor).or_default();
				*sum = sum.saturating_add(1);
			}
		}
		ensure!(Contents::<T>::iter_key_prefix(id).count() == contents, "content held by nobody");
		ensure!(Reasons::<T>::iter_key_prefix(id).count() == reasons, "reason without rejection");
		let mut total = 0u64;
		for (contributor, count) in accepted {
			let weight = T::Vaults::weight(VaultKey::Pool(id), contributor.as_ref());
			ensure!(weight == count, "pool weight is not the number of accepted contributions");
			total = total.saturating_add(count);
		}
		ensure!(T::Vaults::total_weight(VaultKey::Pool(id)) == total, "stranger in the pool");
		let dense = leaves.keys().zip(0u32..).all(|(leaf, position)| *leaf == position);
		ensure!(dense, "leaves have gaps");
		Ok(leaves.into_values().collect())
	}

	fn try_erasures(id: DataNetId) -> Result<(), TryRuntimeError> {
		let count = ErasureCounts::<T>::get(id);
		let mut listed: Vec<_> = (0..count).filter_map(|number| Erasures::<T>::get(id, number)).collect();
		ensure!(Erasures::<T>::iter_key_prefix(id).count() == count as usize, "erasures have gaps");
		let mut erased: Vec<_> = Contributions::<T>::iter_prefix(id)
			.filter(|(_, one)| matches!(one.status, Status::Tombstoned { .. }))
			.map(|(index, _)| index)
			.collect();
		listed.sort_unstable();
		erased.sort_unstable();
		ensure!(listed == erased, "erasures are not the tombstoned contributions");
		Ok(())
	}

	fn try_range(id: DataNetId, leaves: &[Hash]) -> Result<(), TryRuntimeError> {
		let newest = DataNets::<T>::get(id).ok_or("DataNet is gone")?.snapshots;
		ensure!(Range::from_leaves(leaves) == Some(Ranges::<T>::get(id)), "range differs from its leaves");
		ensure!(Snapshots::<T>::iter_key_prefix(id).count() == newest as usize, "snapshot numbers have gaps");
		let mut covered = (0u32, 0u32);
		for version in 1..=newest {
			let view = Snapshots::<T>::get(id, version).ok_or("snapshot numbers have gaps")?.view;
			ensure!(view.leaves >= covered.0 && view.erased >= covered.1, "snapshot covers less");
			ensure!((view.leaves, view.erased) != covered, "snapshot covers nothing new");
			ensure!(view.erased <= ErasureCounts::<T>::get(id), "snapshot counts erasures to come");
			covered = (view.leaves, view.erased);
			let first = leaves.get(..view.leaves as usize).ok_or("snapshot covers unknown leaves")?;
			let root = Range::from_leaves(first).map(|range| range.root());
			ensure!(root == Some(view.root), "snapshot root differs from its leaves");
		}
		Ok(())
	}
}
