//! Reads, and what other pallets may ask.

use crate::pallet::*;
use alloc::vec::Vec;
use tributary_primitives::{
	views::{ContributionLeaf, ContributionView, DataNetView},
	AccountId, ContributionIndex, DataNetId, Hash, SnapshotRef,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn datanet_view(id: DataNetId) -> Option<DataNetView> {
		let datanet = DataNets::<T>::get(id)?;
		Some(DataNetView {
			id,
			owner: datanet.owner.into(),
			name: datanet.name.into_inner(),
			description: datanet.description.into_inner(),
			policy: datanet.policy,
			curators: datanet.curators.into_iter().map(Into::into).collect(),
			contributions: datanet.next,
			accepted: Ranges::<T>::get(id).leaves,
			snapshots: datanet.snapshots,
		})
	}

	pub(crate) fn contribution_view(
		datanet: DataNetId,
		index: ContributionIndex,
	) -> Option<ContributionView> {
		let stored = Contributions::<T>::get(datanet, index)?;
		Some(ContributionView {
			index,
			contributor: stored.contributor.into(),
			content: stored.item.content,
			bytes: stored.item.bytes,
			licence: stored.item.licence.into_inner(),
			metadata: stored.item.metadata.into_inner(),
			status: stored.status.into(),
		})
	}
}

impl<T: Config> Pallet<T> {
	/// What a contribution's leaf says.
	pub(crate) fn leaf_data(
		datanet: DataNetId,
		index: ContributionIndex,
		contributor: &T::AccountId,
		content: Hash,
	) -> ContributionLeaf {
		ContributionLeaf { datanet, index, contributor: contributor.clone().into(), content }
	}

	/// Contributions that were in a snapshot and have been erased since. What was erased before was not in
	/// it, and what came later neither.
	pub(crate) fn erased_since(snapshot: SnapshotRef) -> impl Iterator<Item = ContributionIndex> {
		let SnapshotRef { datanet, version } = snapshot;
		let view = Snapshots::<T>::get(datanet, version).map(|snapshot| snapshot.view);
		view.into_iter().flat_map(move |view| {
			let erasures = view.erased..ErasureCounts::<T>::get(datanet);
			let was_in = move |index: &ContributionIndex| {
				let leaf = Contributions::<T>::get(datanet, index).and_then(|one| one.status.leaf());
				leaf.is_some_and(|leaf| leaf < view.leaves)
			};
			erasures.filter_map(move |number| Erasures::<T>::get(datanet, number)).filter(was_in)
		})
	}
}

impl<T: Config> tributary_primitives::traits::Snapshots for Pallet<T> {
	fn exists(snapshot: SnapshotRef) -> bool {
		Snapshots::<T>::contains_key(snapshot.datanet, snapshot.version)
	}

	fn erased(snapshot: SnapshotRef, limit: u32) -> Vec<ContributionIndex> {
		Self::erased_since(snapshot).take(limit as usize).collect()
	}
}

impl<T: Config> tributary_primitives::traits::DataNets for Pallet<T> {
	fn owner(datanet: DataNetId) -> Option<AccountId> {
		DataNets::<T>::get(datanet).map(|datanet| datanet.owner.into())
	}

	fn has_contributions(datanet: DataNetId) -> bool {
		DataNets::<T>::get(datanet).is_some_and(|datanet| datanet.next > 0)
	}
}
