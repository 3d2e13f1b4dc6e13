//! Weights of `pallet_datanets`, written by scripts/benchmark-weights.sh: do not edit.
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

impl<T: frame_system::Config> pallet_datanets::WeightInfo for WeightInfo<T> {
	// Fastest run: 79_155 ns.
	// `c` was 0 to 16.
	fn create(c: u32, ) -> Weight {
		Weight::from_parts(143_278_000, 0)
			.saturating_add(Weight::from_parts(138_181, 0).saturating_mul(c.into()))
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 42_032 ns.
	// `c` was 0 to 16.
	fn set_curators(_c: u32, ) -> Weight {
		Weight::from_parts(149_290_000, 0)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 274_684 ns.
	// `n` was 1 to 128.
	fn contribute(n: u32, ) -> Weight {
		Weight::from_parts(177_582_125, 0)
			.saturating_add(Weight::from_parts(116_477_125, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(7))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes(5))
			.saturating_add(T::DbWeight::get().writes(2_u64.saturating_mul(n.into())))
	}
	// Fastest run: 256_146 ns.
	// `n` was 1 to 128.
	fn review(n: u32, ) -> Weight {
		Weight::from_parts(101_645_250, 0)
			.saturating_add(Weight::from_parts(154_500_750, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().reads(4_u64.saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes(2))
			.saturating_add(T::DbWeight::get().writes(4_u64.saturating_mul(n.into())))
	}
	// Fastest run: 130_944 ns.
	fn snapshot() -> Weight {
		Weight::from_parts(235_955_000, 0)
			.saturating_add(T::DbWeight::get().reads(7))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 127_395 ns.
	fn tombstone() -> Weight {
		Weight::from_parts(223_523_000, 0)
			.saturating_add(T::DbWeight::get().reads(9))
			.saturating_add(T::DbWeight::get().writes(7))
	}
	// Fastest run: 68_906 ns.
	fn withdraw() -> Weight {
		Weight::from_parts(120_754_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(3))
	}
}
