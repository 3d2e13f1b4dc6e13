//! What must hold in every block.

#![cfg(any(feature = "std", feature = "try-runtime"))]

use crate::pallet::*;
use alloc::collections::BTreeMap;
use frame::{prelude::*, traits::fungible::InspectHold};
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::TryRuntimeError};
use tributary_primitives::{traits::DataNets, Balance};

impl<T: Config> Pallet<T> {
	/// - Private DataNets exist; their epochs begin with 1.
	/// - Requests and grants are about private DataNets, and never both for one grantee and purpose.
	/// - A grant has a capsule, of an epoch that has begun.
	/// - What is held as prices is what the open requests say, and nothing of accounts without any.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		for (datanet, access) in Accesses::<T>::iter() {
			ensure!(T::DataNets::owner(datanet).is_some(), "private DataNet does not exist");
			ensure!(access.epoch > 0, "private DataNet has no epoch");
		}
		let mut prices = BTreeMap::<T::AccountId, Balance>::new();
		for (datanet, key, request) in Requests::<T>::iter() {
			ensure!(Accesses::<T>::contains_key(datanet), "request for a public DataNet");
			ensure!(!Grants::<T>::contains_key(datanet, &key), "request beside a grant");
			let sum = prices.entry(key.0).or_default();
			*sum = sum.checked_add(request.price).ok_or("a sum of money overflows")?;
		}
		for (datanet, _, grant) in Grants::<T>::iter() {
			let access = Accesses::<T>::get(datanet).ok_or("grant on a public DataNet")?;
			ensure!((1..=access.epoch).contains(&grant.epoch), "grant of an epoch that has not begun");
			ensure!(!grant.capsule.is_empty(), "grant without a capsule");
		}
		let held = |who: &T::AccountId| T::Currency::balance_on_hold(&HoldReason::Price.into(), who);
		for (who, price) in &prices {
			ensure!(held(who) == *price, "held prices are not those of the requests");
		}
		for who in frame_system::Account::<T>::iter_keys().filter(|who| !prices.contains_key(who)) {
			ensure!(held(&who) == 0, "a price is held without a request");
		}
		Ok(())
	}
}
