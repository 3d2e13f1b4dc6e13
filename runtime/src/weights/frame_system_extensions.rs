//! Weights of `frame_system_extensions`, written by scripts/benchmark-weights.sh: do not edit.
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

impl<T: frame_system::Config> frame_system::ExtensionsWeightInfo for WeightInfo<T> {
	// Fastest run: 1_872 ns.
	fn check_genesis() -> Weight {
		Weight::from_parts(2_422_000, 0)
	}
	// Fastest run: 4_026 ns.
	fn check_mortality_mortal_transaction() -> Weight {
		Weight::from_parts(5_012_000, 0)
	}
	// Fastest run: 4_252 ns.
	fn check_mortality_immortal_transaction() -> Weight {
		Weight::from_parts(5_137_000, 0)
	}
	// Fastest run: 621 ns.
	fn check_non_zero_sender() -> Weight {
		Weight::from_parts(786_000, 0)
	}
	// Fastest run: 8_078 ns.
	fn check_nonce() -> Weight {
		Weight::from_parts(9_305_000, 0)
			.saturating_add(T::DbWeight::get().reads(1))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 492 ns.
	fn check_spec_version() -> Weight {
		Weight::from_parts(647_000, 0)
	}
	// Fastest run: 512 ns.
	fn check_tx_version() -> Weight {
		Weight::from_parts(672_000, 0)
	}
	// Fastest run: 4_110 ns.
	fn check_weight() -> Weight {
		Weight::from_parts(5_067_000, 0)
	}
	// Fastest run: 2_351 ns.
	fn weight_reclaim() -> Weight {
		Weight::from_parts(2_918_000, 0)
	}
}
