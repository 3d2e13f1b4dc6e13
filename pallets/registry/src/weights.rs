//! Weights from counted reads, writes and hashes.
//!
//! Each weight is `BASE + reads + writes + work`, with
//! - `BASE`: 15 µs for dispatch, origin check, decoding and the event (events are buffered in memory and
//!   written once per block);
//! - reads and writes: distinct storage keys at `T::DbWeight`;
//! - `STEP`: 1 µs for each list element that is decoded, compared, hashed or copied.
//!
//! A hold touches two keys: the account and its holds. Setting a vault weight touches two: the vault and the
//! holder. A key read again in the same call is in memory and counts as a step. Until generated weights replace them, these are upper bounds.

use core::marker::PhantomData;
use frame::{
	prelude::{frame_system, Weight},
	traits::Get,
};
use polkadot_sdk::polkadot_sdk_frame as frame;

/// Dispatch, origin check, decoding, event: picoseconds.
pub const BASE: u64 = 15_000_000;
/// One list element's processing: picoseconds.
pub const STEP: u64 = 1_000_000;
/// Keys of a hold: the account, its holds.
pub const HOLD: u64 = 2;
/// Keys of a vault weight: the vault, the holder.
pub const VAULT: u64 = 2;

/// `BASE + steps`, picoseconds of computing.
pub fn compute(steps: u64) -> Weight {
	Weight::from_parts(BASE.saturating_add(STEP.saturating_mul(steps)), 0)
}

/// Weights of the calls, and of what the kind pallets call.
pub trait WeightInfo {
	/// Setting a price. An agent's floor costs more: see the agents pallet.
	fn set_price() -> Weight;
	/// Changing the owner.
	fn transfer() -> Weight;
	/// Sharing a vault among `n` accounts.
	fn set_holders(n: u32) -> Weight;
	/// Retiring.
	fn retire() -> Weight;
	/// Attaching a document.
	fn attach() -> Weight;
	/// Taking a document back.
	fn detach() -> Weight;
	/// Registering an asset derived from `p` parents.
	fn create(p: u32) -> Weight;
	/// Registering a version derived from `p` parents.
	fn add_version(p: u32) -> Weight;
}

/// Weights for any runtime.
pub struct CountedWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for CountedWeight<T> {
	/// Reads: asset; floor: composition and at most 17 parts. Writes: asset.
	fn set_price() -> Weight {
		use tributary_primitives::limits::{MAX_AGENT_ADAPTERS, MAX_AGENT_PROMPTS};
		let parts = u64::from(MAX_AGENT_ADAPTERS).saturating_add(MAX_AGENT_PROMPTS.into()).saturating_add(1);
		compute(parts).saturating_add(T::DbWeight::get().reads_writes(parts.saturating_add(2), 1))
	}

	/// Asset; a hold on either side; new holder and at most 8 old ones.
	fn transfer() -> Weight {
		use tributary_primitives::limits::MAX_VAULT_HOLDERS;
		let holders = u64::from(MAX_VAULT_HOLDERS).saturating_add(1);
		let keys = HOLD.saturating_mul(2).saturating_add(VAULT.saturating_mul(holders)).saturating_add(1);
		compute(holders).saturating_add(T::DbWeight::get().reads_writes(keys, keys))
	}

	/// Asset; `n` new holders and at most 8 old ones, each compared with each.
	fn set_holders(n: u32) -> Weight {
		use tributary_primitives::limits::MAX_VAULT_HOLDERS;
		let holders = u64::from(MAX_VAULT_HOLDERS).saturating_add(n.into());
		let keys = VAULT.saturating_mul(holders).saturating_add(1);
		compute(holders.saturating_mul(2)).saturating_add(T::DbWeight::get().reads_writes(keys, keys))
	}

	/// Asset.
	fn retire() -> Weight {
		compute(0).saturating_add(T::DbWeight::get().reads_writes(1, 1))
	}

	/// Asset, document, hold, which is released and taken anew.
	fn attach() -> Weight {
		let keys = HOLD.saturating_add(2);
		compute(2).saturating_add(T::DbWeight::get().reads_writes(keys, keys))
	}

	/// Asset, document, hold.
	fn detach() -> Weight {
		let keys = HOLD.saturating_add(2);
		compute(1).saturating_add(T::DbWeight::get().reads_writes(keys, keys))
	}

	/// Reads: next id, asset, hold, vault; per parent its asset and version with at most 16 payees to
	/// merge. Writes: next id, asset, version, hold, vault.
	fn create(p: u32) -> Weight {
		let keys = HOLD.saturating_add(VAULT);
		parents::<T>(p)
			.saturating_add(T::DbWeight::get().reads_writes(keys.saturating_add(2), keys.saturating_add(3)))
	}

	/// Reads: asset, hold; per parent as above. Writes: asset, version, hold.
	fn add_version(p: u32) -> Weight {
		parents::<T>(p)
			.saturating_add(T::DbWeight::get().reads_writes(HOLD.saturating_add(1), HOLD.saturating_add(2)))
	}
}

/// Looking `p` parents up twice (newest version, payees) and flattening them.
fn parents<T: frame_system::Config>(p: u32) -> Weight {
	use tributary_primitives::limits::MAX_PAYEES;
	let p = u64::from(p);
	compute(p.saturating_mul(MAX_PAYEES.into())).saturating_add(T::DbWeight::get().reads(p.saturating_mul(2)))
}
