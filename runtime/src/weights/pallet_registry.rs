//! Weights of `pallet_registry`, written by scripts/benchmark-weights.sh: do not edit.
//!
//! Measured on Intel(R) Xeon(R) Processor with the compiled wasm runtime, 10 steps and at least 5 repetitions,
//! by frame-omni-bencher 64.0.0, on 2026-11-21.
//! Storage accesses are counted and weighed by `DbWeight`. A block carries no proof, so proof sizes are left out.

use core::marker::PhantomData;
use polkadot_sdk::{
	frame_support::{traits::Get, weights::Weight},
	*,
};

/// See the module.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_registry::WeightInfo for WeightInfo<T> {
	// Fastest run: 15_838 ns.
	fn set_price() -> Weight {
		Weight::from_parts(21_797_000, 0)
			.saturating_add(T::DbWeight::get().reads(1))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 200_384 ns.
	fn transfer() -> Weight {
		Weight::from_parts(266_585_000, 0)
			.saturating_add(T::DbWeight::get().reads(14))
			.saturating_add(T::DbWeight::get().writes(14))
	}
	// Fastest run: 145_347 ns.
	// `n` was 1 to 8.
	fn set_holders(n: u32, ) -> Weight {
		Weight::from_parts(233_118_400, 0)
			.saturating_add(Weight::from_parts(15_101_600, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(10))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes(10))
			.saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(n.into())))
	}
	// Fastest run: 18_685 ns.
	fn retire() -> Weight {
		Weight::from_parts(43_505_000, 0)
			.saturating_add(T::DbWeight::get().reads(1))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 154_008 ns.
	fn attach() -> Weight {
		Weight::from_parts(280_686_000, 0)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 79_227 ns.
	fn detach() -> Weight {
		Weight::from_parts(138_105_000, 0)
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(3))
	}
}
