//! Weights of `pallet_grants`, written by scripts/benchmark-weights.sh: do not edit.
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

impl<T: frame_system::Config> pallet_grants::WeightInfo for WeightInfo<T> {
	// Fastest run: 59_941 ns.
	fn announce() -> Weight {
		Weight::from_parts(63_678_000, 0)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 49_340 ns.
	fn withdraw_recipient() -> Weight {
		Weight::from_parts(53_488_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 70_109 ns.
	fn set_recipient() -> Weight {
		Weight::from_parts(74_850_000, 0)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 19_862 ns.
	fn offer() -> Weight {
		Weight::from_parts(22_508_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 120_106 ns.
	fn request() -> Weight {
		Weight::from_parts(127_513_000, 0)
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 87_292 ns.
	fn withdraw_request() -> Weight {
		Weight::from_parts(92_338_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 97_572 ns.
	fn refuse() -> Weight {
		Weight::from_parts(103_924_000, 0)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 179_256 ns.
	fn grant() -> Weight {
		Weight::from_parts(187_974_000, 0)
			.saturating_add(T::DbWeight::get().reads(12))
			.saturating_add(T::DbWeight::get().writes(7))
	}
	// Fastest run: 65_003 ns.
	fn revoke() -> Weight {
		Weight::from_parts(69_721_000, 0)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 62_785 ns.
	fn renounce() -> Weight {
		Weight::from_parts(68_775_000, 0)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(3))
	}
}
