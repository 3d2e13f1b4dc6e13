//! Weights from counted reads and writes.
//!
//! Each weight is `BASE + reads + writes + work`, with
//! - `BASE`: 15 µs for dispatch, origin check, decoding and the event (events are buffered in memory and
//!   written once per block);
//! - reads and writes: distinct storage keys at `T::DbWeight`;
//! - `STEP`: 1 µs for each further event, and for copying and encoding a capsule.
//!
//! A hold touches two keys: the account and its holds; two holds of one account touch no more. Until
//! generated weights replace them, these are upper bounds.

use core::marker::PhantomData;
use frame::{
	prelude::{frame_system, Weight},
	traits::Get,
};
use polkadot_sdk::polkadot_sdk_frame as frame;

/// Dispatch, origin check, decoding, event: picoseconds.
const BASE: u64 = 15_000_000;
/// One event or capsule: picoseconds.
const STEP: u64 = 1_000_000;
/// Keys of a hold: the account, its holds.
const HOLD: u64 = 2;

/// Weights of the calls.
pub trait WeightInfo {
	/// Announcing a recipient.
	fn announce() -> Weight;
	/// Taking it back.
	fn withdraw_recipient() -> Weight;
	/// Making a DataNet private, or beginning an epoch.
	fn set_recipient() -> Weight;
	/// Setting a price.
	fn offer() -> Weight;
	/// Asking.
	fn request() -> Weight;
	/// Withdrawing or refusing a request.
	fn close_request() -> Weight;
	/// Granting.
	fn grant() -> Weight;
	/// Revoking or renouncing.
	fn end_grant() -> Weight;
}

/// Weights for any runtime.
pub struct CountedWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> CountedWeight<T> {
	fn counted(steps: u64, reads: u64, writes: u64) -> Weight {
		let work = BASE.saturating_add(STEP.saturating_mul(steps));
		Weight::from_parts(work, 0).saturating_add(T::DbWeight::get().reads_writes(reads, writes))
	}
}

impl<T: frame_system::Config> WeightInfo for CountedWeight<T> {
	/// Reads and writes: recipient, hold.
	fn announce() -> Weight {
		let keys = HOLD.saturating_add(1);
		Self::counted(1, keys, keys)
	}

	/// Reads and writes: recipient, hold.
	fn withdraw_recipient() -> Weight {
		let keys = HOLD.saturating_add(1);
		Self::counted(1, keys, keys)
	}

	/// Reads: DataNet, access, hold. Writes: access, hold.
	fn set_recipient() -> Weight {
		Self::counted(1, HOLD.saturating_add(2), HOLD.saturating_add(1))
	}

	/// Reads: DataNet, access. Writes: access.
	fn offer() -> Weight {
		Self::counted(0, 2, 1)
	}

	/// Reads: DataNet, access, recipient, grant, request, hold. Writes: request, hold.
	fn request() -> Weight {
		Self::counted(2, HOLD.saturating_add(5), HOLD.saturating_add(1))
	}

	/// Reads: DataNet, access, request, hold. Writes: request, hold.
	fn close_request() -> Weight {
		Self::counted(2, HOLD.saturating_add(3), HOLD.saturating_add(1))
	}

	/// Reads: DataNet, access, recipient, request, grant, the holds of both accounts, the pot's account and
	/// the vault. Writes: the same without DataNet, access and recipient.
	fn grant() -> Weight {
		let keys = HOLD.saturating_mul(2).saturating_add(4);
		Self::counted(5, keys.saturating_add(3), keys)
	}

	/// Reads: DataNet, access, grant, hold. Writes: grant, hold.
	fn end_grant() -> Weight {
		Self::counted(2, HOLD.saturating_add(3), HOLD.saturating_add(1))
	}
}
