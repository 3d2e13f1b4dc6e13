//! Reads, and what other pallets may ask.

use crate::pallet::*;
use tributary_primitives::{
	views::{ContributionLeaf, ContributionView, DataNetView},
	ContributionIndex, DataNetId, Hash, SnapshotRef,
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
}

impl<T: Config> tributary_primitives::traits::Snapshots for Pallet<T> {
	fn exists(snapshot: SnapshotRef) -> bool {
		Snapshots::<T>::contains_key(snapshot.datanet, snapshot.version)
	}
}
