//! Whose a session key was.
//!
//! The SDK's proofs of the running session are made from, and checked against, the keys that validators have
//! registered *now*. Whoever registers others before it misbehaves could not be proven anything, and every proof
//! would be void as soon as anybody changes keys. Here proofs are made from the keys that the session runs with,
//! and checked against the root that was stored when its validators were elected, also while it runs.

use crate::*;
use alloc::vec::Vec;
use codec::{Decode, Encode};
use frame::prelude::*;
use polkadot_sdk::{
	frame_support::{
		storage::{with_transaction, TransactionOutcome},
		traits::KeyOwnerProofSystem,
	},
	pallet_session::{self, historical},
	sp_core::crypto::KeyTypeId,
	sp_session::MembershipProof,
	sp_trie::{accessed_nodes_tracker::AccessedNodesTracker, read_trie_value, LayoutV0, StorageProof},
};

/// Longest proof of a key's owner, bytes.
pub const MAX_PROOF: usize = 32 * 1024;

/// Owners of session keys, in all sessions whose offences are punished.
pub struct KeyOwners<T>(PhantomData<T>);

impl<T: Config> KeyOwners<T> {
	/// The validator with its exposure, and its place in the set; `None` when the proof is of no session that is
	/// remembered, is larger than [`MAX_PROOF`], or the key was nobody's.
	pub fn find(key: (KeyTypeId, &[u8]), proof: MembershipProof) -> Option<(u32, IdentificationTuple<T>)> {
		// Before anything is done with it: whoever reports chooses its size, and declared is the work of a good one.
		if proof.encoded_size() > MAX_PROOF {
			return None;
		}
		let (root, validators) = historical::HistoricalSessions::<T>::get(proof.session)?;
		if validators != proof.validator_count {
			return None;
		}
		let nodes = StorageProof::new_with_duplicate_nodes_check(proof.trie_nodes).ok()?;
		let mut used = AccessedNodesTracker::<T::Hash>::new(nodes.len());
		let nodes = nodes.into_memory_db::<T::Hashing>();
		let mut read = |key: &[u8]| {
			read_trie_value::<LayoutV0<T::Hashing>, _>(&nodes, &root, key, Some(&mut used), None)
		};
		let place = read(&key.encode()).ok()??;
		let owner = read(&place).ok()??;
		used.ensure_no_unused_nodes().ok()?;
		Some((Decode::decode(&mut &place[..]).ok()?, Decode::decode(&mut &owner[..]).ok()?))
	}
}

impl<T: Config, D: AsRef<[u8]>> KeyOwnerProofSystem<(KeyTypeId, D)> for KeyOwners<T> {
	type Proof = MembershipProof;
	type IdentificationTuple = IdentificationTuple<T>;

	/// Proves whose the key is in the running session. Changes nothing.
	fn prove(key: (KeyTypeId, D)) -> Option<MembershipProof> {
		with_transaction(|| {
			// What the proof is made from. It is undone.
			for (validator, keys) in ActiveKeys::<T>::get() {
				if let Ok(keys) = <T as pallet_session::Config>::Keys::decode(&mut &keys[..]) {
					pallet_session::NextKeys::<T>::insert(validator, keys);
				}
			}
			let proof = historical::Pallet::<T>::prove(key);
			TransactionOutcome::Rollback(Ok::<_, DispatchError>(proof))
		})
		.ok()?
	}

	fn check_proof((id, data): (KeyTypeId, D), proof: MembershipProof) -> Option<IdentificationTuple<T>> {
		Self::find((id, data.as_ref()), proof).map(|(_, owner)| owner)
	}
}

impl<T: Config> Pallet<T> {
	/// Notes the keys that the session which begins runs with: those that were queued for it.
	pub(crate) fn note_keys() {
		let queued = pallet_session::QueuedKeys::<T>::get();
		let keys: Vec<_> = queued
			.into_iter()
			.filter_map(|(validator, keys)| Some((validator, keys.encode().try_into().ok()?)))
			.collect();
		ActiveKeys::<T>::put(BoundedVec::truncate_from(keys));
	}
}
