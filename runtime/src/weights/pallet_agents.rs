//! Weights of `pallet_agents`: counted, not measured yet. scripts/benchmark-weights.sh replaces this file.
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

impl<T: frame_system::Config> pallet_agents::WeightInfo for WeightInfo<T> {
	fn compose(a: u32, p: u32, d: u32, t: u32, s: u32) -> Weight {
		Weight::from_parts(35_000_000, 0)
			.saturating_add(Weight::from_parts(3_000_000, 0).saturating_mul(a.into()))
			.saturating_add(Weight::from_parts(3_000_000, 0).saturating_mul(p.into()))
			.saturating_add(Weight::from_parts(3_000_000, 0).saturating_mul(d.into()))
			.saturating_add(Weight::from_parts(3_000_000, 0).saturating_mul(t.into()))
			.saturating_add(Weight::from_parts(4_000_000, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(9))
			.saturating_add(T::DbWeight::get().reads(2_u64.saturating_mul(a.into())))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(p.into())))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(d.into())))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(t.into())))
			.saturating_add(T::DbWeight::get().writes(11))
	}
	fn recompose(a: u32, p: u32, d: u32, t: u32, s: u32) -> Weight {
		Weight::from_parts(35_000_000, 0)
			.saturating_add(Weight::from_parts(3_000_000, 0).saturating_mul(a.into()))
			.saturating_add(Weight::from_parts(3_000_000, 0).saturating_mul(p.into()))
			.saturating_add(Weight::from_parts(3_000_000, 0).saturating_mul(d.into()))
			.saturating_add(Weight::from_parts(3_000_000, 0).saturating_mul(t.into()))
			.saturating_add(Weight::from_parts(4_000_000, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(6))
			.saturating_add(T::DbWeight::get().reads(2_u64.saturating_mul(a.into())))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(p.into())))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(d.into())))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(t.into())))
			.saturating_add(T::DbWeight::get().writes(8))
	}
}
