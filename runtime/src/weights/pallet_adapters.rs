//! Weights of `pallet_adapters`, written by scripts/benchmark-weights.sh: do not edit.
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

impl<T: frame_system::Config> pallet_adapters::WeightInfo for WeightInfo<T> {
	// Fastest run: 122_963 ns.
	fn register_base() -> Weight {
		Weight::from_parts(138_827_000, 0)
			.saturating_add(T::DbWeight::get().reads(6))
			.saturating_add(T::DbWeight::get().writes(6))
	}
	// Fastest run: 235_256 ns.
	// `p` was 0 to 4.
	// `s` was 0 to 8.
	fn register_adapter(p: u32, s: u32, ) -> Weight {
		Weight::from_parts(161_493_000, 0)
			.saturating_add(Weight::from_parts(25_242_500, 0).saturating_mul(p.into()))
			.saturating_add(Weight::from_parts(13_166_500, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(7))
			.saturating_add(T::DbWeight::get().reads(2_u64.saturating_mul(p.into())))
			.saturating_add(T::DbWeight::get().reads(3_u64.saturating_mul(s.into())))
			.saturating_add(T::DbWeight::get().writes(7))
	}
	// Fastest run: 171_936 ns.
	// `p` was 0 to 4.
	// `s` was 0 to 8.
	fn add_version(p: u32, s: u32, ) -> Weight {
		Weight::from_parts(102_931_000, 0)
			.saturating_add(Weight::from_parts(21_733_250, 0).saturating_mul(p.into()))
			.saturating_add(Weight::from_parts(14_061_000, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().reads(2_u64.saturating_mul(p.into())))
			.saturating_add(T::DbWeight::get().reads(3_u64.saturating_mul(s.into())))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	// Fastest run: 119_429 ns.
	// `e` was 0 to 8.
	fn set_evaluators(e: u32, ) -> Weight {
		Weight::from_parts(126_361_000, 0)
			.saturating_add(Weight::from_parts(322_666, 0).saturating_mul(e.into()))
			.saturating_add(T::DbWeight::get().reads(11))
			.saturating_add(T::DbWeight::get().writes(10))
	}
	// Fastest run: 269_838 ns.
	fn report() -> Weight {
		Weight::from_parts(293_688_000, 0)
			.saturating_add(T::DbWeight::get().reads(20))
			.saturating_add(T::DbWeight::get().writes(9))
	}
	// Fastest run: 104_758 ns.
	fn withdraw_report() -> Weight {
		Weight::from_parts(129_662_000, 0)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(5))
	}
}
