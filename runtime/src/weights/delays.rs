//! Weights of `delays`, written by scripts/benchmark-weights.sh: do not edit.
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

impl<T: frame_system::Config> crate::delays::WeightInfo for WeightInfo<T> {
	// Fastest run: 5_015 ns.
	fn set() -> Weight {
		Weight::from_parts(6_436_000, 0)
			.saturating_add(T::DbWeight::get().writes(1))
	}
}
