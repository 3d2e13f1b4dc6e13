//! From a chain whose validators have no bonds.

use crate::*;
use alloc::vec::Vec;
use frame::prelude::*;
use polkadot_sdk::pallet_session;

/// Adopts the validators of a chain that had none of this pallet: they stay, without stake, until they bond,
/// misbehave or are dismissed. So an upgrade never stops a chain. Does nothing the second time.
pub struct AdoptValidators<T>(PhantomData<T>);

impl<T: Config> OnRuntimeUpgrade for AdoptValidators<T> {
	fn on_runtime_upgrade() -> Weight {
		if CurrentTiming::<T>::exists() {
			return T::DbWeight::get().reads(1);
		}
		let session = Pallet::<T>::session();
		let validators = pallet_session::Pallet::<T>::validators();
		let queued = pallet_session::Pallet::<T>::queued_keys().into_iter().map(|(validator, _)| validator);
		let exposed = |validator| ElectedValidator { validator, exposure: Exposure::default() };
		let next: Vec<_> = queued.map(exposed).collect();
		let now: Vec<_> = validators.iter().cloned().map(exposed).collect();
		CurrentTiming::<T>::put(Timing::default());
		Unbonded::<T>::put(BoundedVec::truncate_from(validators));
		Elected::<T>::insert(session, BoundedVec::truncate_from(now));
		Elected::<T>::insert(session.saturating_add(1), BoundedVec::truncate_from(next));
		SessionStarts::<T>::insert(session, T::CurrentSlot::get());
		OldestSession::<T>::put(session);
		T::DbWeight::get().reads_writes(5, 6)
	}

	#[cfg(feature = "try-runtime")]
	fn pre_upgrade() -> Result<Vec<u8>, polkadot_sdk::sp_runtime::TryRuntimeError> {
		Ok(pallet_session::Pallet::<T>::validators().encode())
	}

	#[cfg(feature = "try-runtime")]
	fn post_upgrade(state: Vec<u8>) -> Result<(), polkadot_sdk::sp_runtime::TryRuntimeError> {
		let before = Vec::<T::AccountId>::decode(&mut &state[..]).map_err(|_| "validators do not decode")?;
		let there = Elected::<T>::get(Pallet::<T>::session());
		ensure!(before.len() == there.len(), "a validator was lost in the upgrade");
		Ok(())
	}
}
