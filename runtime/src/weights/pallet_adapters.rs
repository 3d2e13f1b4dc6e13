//! Weights of `pallet_adapters`: counted, not measured yet. scripts/benchmark-weights.sh replaces this file.
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

impl<T: frame_system::Config> pallet_adapters::WeightInfo for WeightInfo<T> {
	fn register_base() -> Weight {
		Weight::from_parts(30_000_000, 0)
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().writes(8))
	}
	fn register_adapter(p: u32, s: u32) -> Weight {
		Weight::from_parts(30_000_000, 0)
			.saturating_add(Weight::from_parts(16_000_000, 0).saturating_mul(p.into()))
			.saturating_add(Weight::from_parts(4_000_000, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().reads(2_u64.saturating_mul(p.into())))
			.saturating_add(T::DbWeight::get().reads(4_u64.saturating_mul(s.into())))
			.saturating_add(T::DbWeight::get().writes(8))
	}
	fn add_version(p: u32, s: u32) -> Weight {
		Weight::from_parts(30_000_000, 0)
			.saturating_add(Weight::from_parts(16_000_000, 0).saturating_mul(p.into()))
			.saturating_add(Weight::from_parts(4_000_000, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().reads(2_u64.saturating_mul(p.into())))
			.saturating_add(T::DbWeight::get().reads(4_u64.saturating_mul(s.into())))
			.saturating_add(T::DbWeight::get().writes(5))
	}
	fn set_evaluators(e: u32) -> Weight {
		Weight::from_parts(23_000_000, 0)
			.saturating_add(Weight::from_parts(8_000_000, 0).saturating_mul(e.into()))
			.saturating_add(T::DbWeight::get().reads(18))
			.saturating_add(T::DbWeight::get().writes(17))
	}
	fn report() -> Weight {
		Weight::from_parts(159_000_000, 0)
			.saturating_add(T::DbWeight::get().reads(20))
			.saturating_add(T::DbWeight::get().writes(11))
	}
	fn withdraw_report() -> Weight {
		Weight::from_parts(47_000_000, 0)
			.saturating_add(T::DbWeight::get().reads(6))
			.saturating_add(T::DbWeight::get().writes(6))
	}
}
