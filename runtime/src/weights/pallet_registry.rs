//! Weights of `pallet_registry`, written by scripts/benchmark-weights.sh: do not edit.
//!
//! Measured on Intel(R) Xeon(R) Processor with the compiled wasm runtime, 10 steps and at least 5 repetitions,
//! by frame-omni-bencher (frame-benchmarking-cli 64.0.0), on 2026-11-21.
//! Storage accesses are counted and weighed by `DbWeight`. A block carries no proof, so proof sizes are left out.

use core::marker::PhantomData;
use polkadot_sdk::{
	frame_support::{traits::Get, weights::Weight},
	*,
};

/// See the module.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_registry::WeightInfo for WeightInfo<T> {
	// Fastest run: 13_742 ns.
	fn set_price() -> Weight {
		Weight::from_parts(16_754_000, 0)
			.saturating_add(T::DbWeight::get().reads(1))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 170_125 ns.
	fn transfer() -> Weight {
		Weight::from_parts(178_839_000, 0)
			.saturating_add(T::DbWeight::get().reads(14))
			.saturating_add(T::DbWeight::get().writes(14))
	}
	// Fastest run: 114_174 ns.
	// `n` was 1 to 8.
	fn set_holders(n: u32, ) -> Weight {
		Weight::from_parts(110_977_000, 0)
			.saturating_add(Weight::from_parts(9_060_000, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(10))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes(10))
			.saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(n.into())))
	}
	// Fastest run: 13_963 ns.
	fn retire() -> Weight {
		Weight::from_parts(16_458_000, 0)
			.saturating_add(T::DbWeight::get().reads(1))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 117_183 ns.
	fn attach() -> Weight {
		Weight::from_parts(125_693_000, 0)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 63_240 ns.
	fn detach() -> Weight {
		Weight::from_parts(69_658_000, 0)
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(3))
	}
}
