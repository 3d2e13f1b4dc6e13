//! Vaults and their holders.

use crate::{
	vault::{Holder, Vault},
	*,
};
use alloc::vec::Vec;
use frame::prelude::*;
use tributary_primitives::{
	traits::{Overflow, VaultDeposits, VaultIncome},
	views::Claimable,
	AccountId, Balance, VaultKey,
};

impl<T: Config> Pallet<T> {
	/// The account that alone holds a vault by its kind.
	fn sole_holder(key: VaultKey) -> Option<T::AccountId> {
		match key {
			VaultKey::Platform => Some(T::Treasury::get()),
			VaultKey::Operator(account) => Some(account.into()),
			_ => None,
		}
	}

	/// Adds `amount` planck of the pot to a vault. `None` on overflow.
	pub(crate) fn credit_vault(key: VaultKey, amount: Balance) -> Option<()> {
		let mut vault = Vaults::<T>::get(key);
		if let (0, Some(holder)) = (vault.total_weight, Self::sole_holder(key)) {
			Self::set_holder(key, &holder, 1)?;
			vault = Vaults::<T>::get(key);
		}
		Vaults::<T>::insert(key, vault.credit(amount)?);
		Some(())
	}

	/// Sets a holder's weight. `None` on overflow, and nothing has changed.
	pub(crate) fn set_holder(key: VaultKey, who: &T::AccountId, weight: u64) -> Option<()> {
		let (vault, holder) = Vaults::<T>::get(key).set_weight(&Holders::<T>::get(who, key), weight)?;
		Vaults::<T>::insert(key, vault);
		Self::store_holder(key, who, holder);
		Some(())
	}

	fn store_holder(key: VaultKey, who: &T::AccountId, holder: Holder) {
		if holder.is_empty() {
			Holders::<T>::remove(who, key);
		} else {
			Holders::<T>::insert(who, key, holder);
		}
	}

	pub(crate) fn do_claim(signer: T::AccountId, key: VaultKey) -> DispatchResult {
		let who = if key == VaultKey::Platform { T::Treasury::get() } else { signer };
		Self::pay_holder(who, key).map(|_| ())
	}

	/// Pays a holder all that a vault owes it; returns how much.
	fn pay_holder(who: T::AccountId, key: VaultKey) -> Result<Balance, DispatchError> {
		let vault = Self::distributed(key).ok_or(ArithmeticError::Overflow)?;
		let (vault, holder, amount) =
			vault.pay(&Holders::<T>::get(&who, key)).ok_or(ArithmeticError::Overflow)?;
		ensure!(amount > 0, Error::<T>::NothingToClaim);
		Self::pay(&who, amount)?;
		Vaults::<T>::insert(key, vault);
		Self::store_holder(key, &who, holder);
		Self::deposit_event(Event::VaultClaimed { vault: key, who, amount });
		Ok(amount)
	}

	/// The vault with its rest divided as far as it goes: what was credited before the first holder came
	/// need not wait for another credit.
	fn distributed(key: VaultKey) -> Option<Vault> {
		Vaults::<T>::get(key).credit(0)
	}

	/// What an account can claim, vault by vault.
	pub(crate) fn claimable_of(who: &T::AccountId) -> Vec<Claimable> {
		Holders::<T>::iter_prefix(who)
			.filter_map(|(vault, holder)| {
				let owed = holder.settle(&Self::distributed(vault)?)?.owed;
				(owed > 0).then_some(Claimable { vault, owed })
			})
			.collect()
	}
}

impl<T: Config> VaultDeposits for Pallet<T> {
	fn pot() -> AccountId {
		Pallet::<T>::pot().into()
	}

	fn deposit(vault: VaultKey, amount: Balance) -> Result<(), Overflow> {
		Self::credit_vault(vault, amount).ok_or(Overflow)
	}
}

impl<T: Config> VaultIncome for Pallet<T> {
	fn collect(vault: VaultKey, holder: &AccountId) -> Balance {
		// On error nothing has changed, and the money waits for the next time.
		Self::pay_holder((*holder).into(), vault).unwrap_or_default()
	}
}
