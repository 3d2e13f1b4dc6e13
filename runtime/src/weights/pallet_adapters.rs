//! Weights of `pallet_adapters`, written by scripts/benchmark-weights.sh: do not edit.
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

impl<T: frame_system::Config> pallet_adapters::WeightInfo for WeightInfo<T> {
	// Fastest run: 157_948 ns.
	fn register_base() -> Weight {
		Weight::from_parts(270_319_000, 0)
			.saturating_add(T::DbWeight::get().reads(6))
			.saturating_add(T::DbWeight::get().writes(6))
	}
	// Fastest run: 343_146 ns.
	// `p` was 0 to 4.
	// `s` was 0 to 8.
	fn register_adapter(p: u32, s: u32, ) -> Weight {
		Weight::from_parts(453_004_000, 0)
			.saturating_add(Weight::from_parts(44_582_000, 0).saturating_mul(p.into()))
			.saturating_add(Weight::from_parts(13_381_875, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(7))
			.saturating_add(T::DbWeight::get().reads(2_u64.saturating_mul(p.into())))
			.saturating_add(T::DbWeight::get().reads(3_u64.saturating_mul(s.into())))
			.saturating_add(T::DbWeight::get().writes(7))
	}
	// Fastest run: 237_963 ns.
	// `p` was 0 to 4.
	// `s` was 0 to 8.
	fn add_version(p: u32, s: u32, ) -> Weight {
		Weight::from_parts(85_359_000, 0)
			.saturating_add(Weight::from_parts(41_499_000, 0).saturating_mul(p.into()))
			.saturating_add(Weight::from_parts(27_967_250, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().reads(2_u64.saturating_mul(p.into())))
			.saturating_add(T::DbWeight::get().reads(3_u64.saturating_mul(s.into())))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	// Fastest run: 157_520 ns.
	// `e` was 0 to 8.
	fn set_evaluators(e: u32, ) -> Weight {
		Weight::from_parts(212_466_571, 0)
			.saturating_add(Weight::from_parts(1_984_142, 0).saturating_mul(e.into()))
			.saturating_add(T::DbWeight::get().reads(11))
			.saturating_add(T::DbWeight::get().writes(10))
	}
	// Fastest run: 295_306 ns.
	fn report() -> Weight {
		Weight::from_parts(365_442_000, 0)
			.saturating_add(T::DbWeight::get().reads(20))
			.saturating_add(T::DbWeight::get().writes(9))
	}
	// Fastest run: 112_853 ns.
	fn withdraw_report() -> Weight {
		Weight::from_parts(136_960_000, 0)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(5))
	}
}
