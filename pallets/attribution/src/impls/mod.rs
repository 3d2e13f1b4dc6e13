//! What the calls do, by subject.

pub(crate) mod batches;
mod challenges;
mod channels;
pub(crate) mod charges;
mod claims;
mod credits;
mod parameters;
pub(crate) mod split;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;
mod vaults;

use crate::*;
use frame::{
	prelude::*,
	token::{fungible::Mutate, Preservation, Provenance},
	traits::fungible::Inspect,
};
use tributary_primitives::{Balance, BlockNumber};

impl<T: Config> Pallet<T> {
	/// The account that settled money waits in.
	pub fn pot() -> T::AccountId {
		T::PalletId::get().into_account_truncating()
	}

	/// The current block.
	pub(crate) fn now() -> BlockNumber {
		T::BlockNumberProvider::current_block_number()
	}

	/// The block `delay` from now.
	pub(crate) fn after(delay: BlockNumber) -> Result<BlockNumber, DispatchError> {
		Ok(Self::now().checked_add(delay).ok_or(ArithmeticError::Overflow)?)
	}

	/// Whether an account can receive `amount` planck: it exists, or the amount opens it.
	pub(crate) fn can_receive(who: &T::AccountId, amount: Balance) -> bool {
		T::Currency::can_deposit(who, amount, Provenance::Extant).into_result().is_ok()
	}

	/// Pays out of the pot. The pot keeps its existential deposit, so none of what it owes turns to dust.
	pub(crate) fn pay(who: &T::AccountId, amount: Balance) -> DispatchResult {
		ensure!(Self::can_receive(who, amount), Error::<T>::BelowExistentialDeposit);
		T::Currency::transfer(&Self::pot(), who, amount, Preservation::Preserve)?;
		Ok(())
	}
}
