//! Weights of `pallet_grants`, written by scripts/benchmark-weights.sh: do not edit.
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

impl<T: frame_system::Config> pallet_grants::WeightInfo for WeightInfo<T> {
	// Fastest run: 82_352 ns.
	fn announce() -> Weight {
		Weight::from_parts(139_791_000, 0)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 95_238 ns.
	fn withdraw_recipient() -> Weight {
		Weight::from_parts(114_669_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 79_150 ns.
	fn set_recipient() -> Weight {
		Weight::from_parts(105_736_000, 0)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 21_773 ns.
	fn offer() -> Weight {
		Weight::from_parts(37_697_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 157_876 ns.
	fn request() -> Weight {
		Weight::from_parts(261_271_000, 0)
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 155_278 ns.
	fn withdraw_request() -> Weight {
		Weight::from_parts(186_042_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 132_512 ns.
	fn refuse() -> Weight {
		Weight::from_parts(218_342_000, 0)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 230_509 ns.
	fn grant() -> Weight {
		Weight::from_parts(389_896_000, 0)
			.saturating_add(T::DbWeight::get().reads(12))
			.saturating_add(T::DbWeight::get().writes(7))
	}
	// Fastest run: 80_773 ns.
	fn revoke() -> Weight {
		Weight::from_parts(115_373_000, 0)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 84_611 ns.
	fn renounce() -> Weight {
		Weight::from_parts(149_538_000, 0)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(3))
	}
}
