//! Weights of `pallet_workers`, written by scripts/benchmark-weights.sh: do not edit.
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

impl<T: frame_system::Config> pallet_workers::WeightInfo for WeightInfo<T> {
	// Fastest run: 77_585 ns.
	fn register() -> Weight {
		Weight::from_parts(96_842_000, 0)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	// Fastest run: 29_292 ns.
	fn update() -> Weight {
		Weight::from_parts(59_831_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 111_666 ns.
	fn add_bond() -> Weight {
		Weight::from_parts(141_029_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 39_160 ns.
	fn unbond() -> Weight {
		Weight::from_parts(52_717_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 117_370 ns.
	fn withdraw() -> Weight {
		Weight::from_parts(147_847_000, 0)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(4))
	}
}
