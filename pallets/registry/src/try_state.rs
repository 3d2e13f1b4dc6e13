//! What must hold in every block.

#![cfg(any(feature = "std", feature = "try-runtime"))]

use crate::pallet::*;
use alloc::collections::BTreeMap;
use frame::{prelude::*, traits::fungible::InspectHold};
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::TryRuntimeError};
use tributary_primitives::{traits::VaultHolders, AssetRef, Balance, VaultKey, PPM};

impl<T: Config> Pallet<T> {
	/// - Ids are dense below [`NextAsset`], versions dense from 1 to the newest.
	/// - Each version's payees start with the asset and sum to one whole; its parents exist, are of its
	///   kind and are not the asset.
	/// - Documents are attached to versions that exist, and are part of their assets' deposits.
	/// - The deposits of an owner's assets are what is held from it.
	/// - The vault's weights are the asset's holders'.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let mut held = BTreeMap::<T::AccountId, Balance>::new();
		let mut count = 0u32;
		for (id, asset) in Assets::<T>::iter() {
			count = count.saturating_add(1);
			ensure!(id < NextAsset::<T>::get(), "asset id beyond the next one");
			ensure!(asset.newest > 0, "asset without a version");
			let versions = Versions::<T>::iter_key_prefix(id).count();
			ensure!(versions == asset.newest as usize, "version numbers have gaps");
			for number in 1..=asset.newest {
				Self::try_version(AssetRef { asset: id, version: number }, &asset)?;
			}
			let mut total = 0u64;
			for (holder, weight) in &asset.holders {
				let weight = u64::from(*weight);
				ensure!(
					T::Vaults::weight(VaultKey::Asset(id), holder.as_ref()) == weight,
					"vault weight differs"
				);
				total = total.saturating_add(weight);
			}
			ensure!(total > 0, "asset without holder");
			ensure!(T::Vaults::total_weight(VaultKey::Asset(id)) == total, "unknown vault holder");
			let sum = held.entry(asset.owner).or_default();
			*sum = sum.saturating_add(asset.deposit);
		}
		ensure!(count == NextAsset::<T>::get(), "asset ids have gaps");
		ensure!(
			Versions::<T>::iter_keys().all(|(id, _)| Assets::<T>::contains_key(id)),
			"version without asset"
		);
		let mut attached = BTreeMap::<_, Balance>::new();
		for ((id, version, _), document) in Documents::<T>::iter() {
			ensure!(Versions::<T>::contains_key(id, version), "document without version");
			let sum = attached.entry(id).or_default();
			*sum = sum.saturating_add(document.deposit);
		}
		for (id, sum) in attached {
			ensure!(sum < Self::deposit(id), "documents have more than the asset's deposit");
		}
		for (owner, deposits) in held {
			let on_hold = T::Currency::balance_on_hold(&HoldReason::Asset.into(), &owner);
			ensure!(on_hold == deposits, "held amount is not the sum of deposits");
		}
		Ok(())
	}

	fn try_version(id: AssetRef, asset: &crate::AssetOf<T>) -> Result<(), TryRuntimeError> {
		let version = Versions::<T>::get(id.asset, id.version).ok_or("version numbers have gaps")?;
		ensure!(
			version.payees.first().map(|first| first.asset) == Some(id.asset),
			"asset is not its first payee"
		);
		let sum = version.payees.iter().fold(0u32, |sum, payee| sum.saturating_add(payee.share));
		ensure!(sum == PPM, "payees do not sum to one whole");
		for line in &version.parents {
			ensure!(line.parent.asset != id.asset, "asset is its own parent");
			let parent = Self::versioned(line.parent, asset.kind);
			ensure!(parent.is_ok(), "parent does not exist or is of another kind");
		}
		Ok(())
	}
}
