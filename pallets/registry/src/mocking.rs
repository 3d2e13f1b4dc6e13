//! What tests of pallets share: a stand-in for the attribution pallet's vaults, and texts.

#![allow(clippy::expect_used, reason = "tests should stop")]

use frame::prelude::*;
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{
	traits::{Overflow, VaultDeposits, VaultHolders},
	AccountId, Balance, VaultKey,
};

#[frame::storage_alias]
type Weights =
	StorageDoubleMap<MockVaults, Blake2_128Concat, VaultKey, Blake2_128Concat, AccountId, u64, ValueQuery>;

#[frame::storage_alias]
type Credits = StorageMap<MockVaults, Blake2_128Concat, VaultKey, Balance, ValueQuery>;

/// Keeps weights in storage, so that a failing call undoes them as it would on chain.
pub struct MockVaults;

impl VaultHolders for MockVaults {
	fn set_weight(vault: VaultKey, holder: &AccountId, weight: u64) -> Result<(), Overflow> {
		let others = Self::total_weight(vault).saturating_sub(Self::weight(vault, holder));
		others.checked_add(weight).ok_or(Overflow)?;
		match weight {
			0 => Weights::remove(vault, holder),
			_ => Weights::insert(vault, holder, weight),
		}
		Ok(())
	}

	fn weight(vault: VaultKey, holder: &AccountId) -> u64 {
		Weights::get(vault, holder)
	}

	fn total_weight(vault: VaultKey) -> u64 {
		Weights::iter_prefix_values(vault).fold(0, u64::saturating_add)
	}
}

impl VaultDeposits for MockVaults {
	fn pot() -> AccountId {
		[0xfd; 32]
	}

	fn deposit(vault: VaultKey, amount: Balance) -> Result<(), Overflow> {
		let credited = Credits::get(vault).checked_add(amount).ok_or(Overflow)?;
		Credits::insert(vault, credited);
		Ok(())
	}
}

/// A bounded text. Panics when it is too long.
pub fn text<S: Get<u32>>(text: &str) -> BoundedVec<u8, S> {
	BoundedVec::try_from(text.as_bytes().to_vec()).expect("the text fits its bound")
}
