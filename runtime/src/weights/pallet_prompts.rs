//! Weights of `pallet_prompts`: counted, not measured yet. scripts/benchmark-weights.sh replaces this file.
//!
//! Storage accesses were counted and are weighed by `DbWeight`; computing time is a round upper figure for each
//! kind of work (a call 15 to 20 µs, a check of a signature 55 µs, a hash or an element of a list 1 µs).

use core::marker::PhantomData;
use polkadot_sdk::{
	frame_support::{traits::Get, weights::Weight},
	*,
};

/// See the module.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_prompts::WeightInfo for WeightInfo<T> {
	fn create() -> Weight {
		Weight::from_parts(30_000_000, 0)
			.saturating_add(T::DbWeight::get().reads(6))
			.saturating_add(T::DbWeight::get().writes(7))
	}
	fn fork() -> Weight {
		Weight::from_parts(47_000_000, 0)
			.saturating_add(T::DbWeight::get().reads(9))
			.saturating_add(T::DbWeight::get().writes(7))
	}
	fn add_version() -> Weight {
		Weight::from_parts(47_000_000, 0)
			.saturating_add(T::DbWeight::get().reads(6))
			.saturating_add(T::DbWeight::get().writes(4))
	}
}
