//! Weights of `pallet_datanets`, written by scripts/benchmark-weights.sh: do not edit.
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

impl<T: frame_system::Config> pallet_datanets::WeightInfo for WeightInfo<T> {
	// Fastest run: 59_552 ns.
	// `c` was 0 to 16.
	fn create(c: u32, ) -> Weight {
		Weight::from_parts(64_047_777, 0)
			.saturating_add(Weight::from_parts(57_444, 0).saturating_mul(c.into()))
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 20_315 ns.
	// `c` was 0 to 16.
	fn set_curators(_c: u32, ) -> Weight {
		Weight::from_parts(64_431_000, 0)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 123_081 ns.
	// `n` was 1 to 128.
	fn contribute(n: u32, ) -> Weight {
		Weight::from_parts(72_235_733, 0)
			.saturating_add(Weight::from_parts(54_636_266, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(7))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes(5))
			.saturating_add(T::DbWeight::get().writes(2_u64.saturating_mul(n.into())))
	}
	// Fastest run: 120_585 ns.
	// `n` was 1 to 128.
	fn review(n: u32, ) -> Weight {
		Weight::from_parts(51_022_619, 0)
			.saturating_add(Weight::from_parts(69_653_380, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().reads(4_u64.saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes(2))
			.saturating_add(T::DbWeight::get().writes(4_u64.saturating_mul(n.into())))
	}
	// Fastest run: 102_295 ns.
	fn snapshot() -> Weight {
		Weight::from_parts(108_304_000, 0)
			.saturating_add(T::DbWeight::get().reads(7))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 95_232 ns.
	fn tombstone() -> Weight {
		Weight::from_parts(102_427_000, 0)
			.saturating_add(T::DbWeight::get().reads(9))
			.saturating_add(T::DbWeight::get().writes(7))
	}
	// Fastest run: 55_526 ns.
	fn withdraw() -> Weight {
		Weight::from_parts(60_311_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(3))
	}
}
