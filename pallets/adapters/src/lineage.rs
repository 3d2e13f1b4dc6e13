//! What a version was trained on, itself and its parents.

use crate::pallet::*;
use alloc::{collections::BTreeSet, vec::Vec};
use frame::prelude::*;
use pallet_registry::Pallet as Registry;
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{
	traits::{AccessGrants, Snapshots},
	AssetRef, ContributionIndex, DataNetId, Purpose, SnapshotRef,
};

impl<T: Config> Pallet<T> {
	/// The snapshots that a version and its direct parents were trained on, its own first, each once. What
	/// parents of parents were trained on is not looked up: a call must be bounded.
	pub(crate) fn trained_on(version: AssetRef) -> Vec<SnapshotRef> {
		let parents = Registry::<T>::parents(version).into_iter().map(|line| line.parent);
		let mut snapshots = Vec::new();
		for one in core::iter::once(version).chain(parents) {
			let training = Trainings::<T>::get(one.asset, one.version);
			for snapshot in training.into_iter().flat_map(|training| training.snapshots) {
				if !snapshots.contains(&snapshot) {
					snapshots.push(snapshot);
				}
			}
		}
		snapshots
	}

	/// Whether a version was not trained on any snapshot of the benchmark's DataNet.
	pub(crate) fn is_held_out(version: AssetRef, benchmark: SnapshotRef) -> bool {
		Self::trained_on(version).iter().all(|one| one.datanet != benchmark.datanet)
	}

	/// Whether the account may train on all `snapshots`.
	pub(crate) fn ensure_granted(who: &T::AccountId, snapshots: &[SnapshotRef]) -> DispatchResult {
		let may = |one: &SnapshotRef| T::Access::may(who.as_ref(), one.datanet, Purpose::Train);
		ensure!(snapshots.iter().all(may), Error::<T>::NotGranted);
		Ok(())
	}

	/// A contribution that is in several of the snapshots is listed once.
	pub(crate) fn erased_views(
		version: AssetRef,
		start: u32,
		limit: u32,
	) -> Vec<(DataNetId, ContributionIndex)> {
		let wanted = start.saturating_add(limit);
		let mut seen = BTreeSet::new();
		let of = |snapshot: SnapshotRef| {
			let erased = T::Snapshots::erased(snapshot, wanted).into_iter();
			erased.map(move |index| (snapshot.datanet, index))
		};
		let all = Self::trained_on(version).into_iter().flat_map(of);
		all.filter(|one| seen.insert(*one)).skip(start as usize).take(limit as usize).collect()
	}
}
