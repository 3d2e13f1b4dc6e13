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
	/// Registering an original.
	fn create() -> Weight;
	/// Forking.
	fn fork() -> Weight;
	/// Registering a version.
	fn add_version() -> Weight;
}

/// Weights for any runtime.
pub struct CountedWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for CountedWeight<T> {
	/// Nothing beyond the registry's part.
	fn create() -> Weight {
		compute(0)
	}

	/// Reads: the parent. One event.
	fn fork() -> Weight {
		compute(1).saturating_add(T::DbWeight::get().reads(1))
	}

	/// Reads: the first version.
	fn add_version() -> Weight {
		compute(1).saturating_add(T::DbWeight::get().reads(1))
	}
}
