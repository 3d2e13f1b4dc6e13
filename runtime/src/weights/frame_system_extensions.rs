//! Weights of `frame_system_extensions`, written by scripts/benchmark-weights.sh: do not edit.
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

impl<T: frame_system::Config> frame_system::ExtensionsWeightInfo for WeightInfo<T> {
	// Fastest run: 2_101 ns.
	fn check_genesis() -> Weight {
		Weight::from_parts(2_765_000, 0)
	}
	// Fastest run: 4_173 ns.
	fn check_mortality_mortal_transaction() -> Weight {
		Weight::from_parts(5_369_000, 0)
	}
	// Fastest run: 4_217 ns.
	fn check_mortality_immortal_transaction() -> Weight {
		Weight::from_parts(5_462_000, 0)
	}
	// Fastest run: 662 ns.
	fn check_non_zero_sender() -> Weight {
		Weight::from_parts(969_000, 0)
	}
	// Fastest run: 8_368 ns.
	fn check_nonce() -> Weight {
		Weight::from_parts(10_806_000, 0)
			.saturating_add(T::DbWeight::get().reads(1))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 571 ns.
	fn check_spec_version() -> Weight {
		Weight::from_parts(748_000, 0)
	}
	// Fastest run: 526 ns.
	fn check_tx_version() -> Weight {
		Weight::from_parts(736_000, 0)
	}
	// Fastest run: 4_512 ns.
	fn check_weight() -> Weight {
		Weight::from_parts(5_708_000, 0)
	}
	// Fastest run: 2_406 ns.
	fn weight_reclaim() -> Weight {
		Weight::from_parts(3_548_000, 0)
	}
}
