//! Weights from counted reads and writes, in the unit costs that `pallet_registry::weights` derives. The
//! registry's part of a call is added by its own weights.

use core::marker::PhantomData;
use frame::{
	prelude::{frame_system, Weight},
	traits::Get,
};
use pallet_registry::weights::compute;
use polkadot_sdk::polkadot_sdk_frame as frame;

/// Weights of this pallet's part of the calls.
pub trait WeightInfo {
	/// Registering a tool.
	fn register() -> Weight;
	/// Registering a version.
	fn add_version() -> Weight;
}

/// Weights for any runtime.
pub struct CountedWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for CountedWeight<T> {
	/// Reads: count. Writes: version, list, count. Two texts are checked; one event.
	fn register() -> Weight {
		compute(3).saturating_add(T::DbWeight::get().reads_writes(1, 3))
	}

	/// Writes: version. Two texts are checked; one event.
	fn add_version() -> Weight {
		compute(3).saturating_add(T::DbWeight::get().writes(1))
	}
}
