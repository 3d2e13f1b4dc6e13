//! Weights of `pallet_validators`, written by scripts/benchmark-weights.sh: do not edit.
//!
//! Measured on Intel(R) Xeon(R) Processor with the compiled wasm runtime, 10 steps, the fastest of equal samples,
//! by frame-omni-bencher (frame-benchmarking-cli 64.0.0), on 2026-11-22.
//! Storage accesses are counted and weighed by `DbWeight`. A block carries no proof, so proof sizes are left out.

use core::marker::PhantomData;
use polkadot_sdk::{
	frame_support::{traits::Get, weights::Weight},
	*,
};

/// See the module.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_validators::WeightInfo for WeightInfo<T> {
	// Fastest run: 235_355 ns.
	fn bond() -> Weight {
		Weight::from_parts(235_355_000, 0)
			.saturating_add(T::DbWeight::get().reads(13))
			.saturating_add(T::DbWeight::get().writes(9))
	}
	// Fastest run: 250_030 ns.
	fn nominate() -> Weight {
		Weight::from_parts(250_030_000, 0)
			.saturating_add(T::DbWeight::get().reads(7))
			.saturating_add(T::DbWeight::get().writes(5))
	}
	// Fastest run: 344_343 ns.
	fn unbond() -> Weight {
		Weight::from_parts(344_343_000, 0)
			.saturating_add(T::DbWeight::get().reads(16))
			.saturating_add(T::DbWeight::get().writes(11))
	}
	// Fastest run: 443_488 ns.
	fn withdraw_unbonded() -> Weight {
		Weight::from_parts(443_488_000, 0)
			.saturating_add(T::DbWeight::get().reads(36))
			.saturating_add(T::DbWeight::get().writes(35))
	}
	// Fastest run: 24_291 ns.
	fn set_commission() -> Weight {
		Weight::from_parts(24_291_000, 0)
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 108_215 ns.
	fn chill() -> Weight {
		Weight::from_parts(108_215_000, 0)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 171_037 ns.
	fn resume() -> Weight {
		Weight::from_parts(171_037_000, 0)
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	// Fastest run: 82_848 ns.
	fn claim() -> Weight {
		Weight::from_parts(82_848_000, 0)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	// Fastest run: 78_046 ns.
	fn claim_for() -> Weight {
		Weight::from_parts(78_046_000, 0)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(5))
	}
	// Fastest run: 289_162 ns.
	fn apply_slash() -> Weight {
		Weight::from_parts(289_162_000, 0)
			.saturating_add(T::DbWeight::get().reads(40))
			.saturating_add(T::DbWeight::get().writes(8))
	}
	// Fastest run: 2_665_642 ns.
	fn report_equivocation() -> Weight {
		Weight::from_parts(2_665_642_000, 0)
			.saturating_add(T::DbWeight::get().reads(277))
			.saturating_add(T::DbWeight::get().writes(267))
	}
	// Fastest run: 2_782_206 ns.
	fn report_equivocation_unsigned() -> Weight {
		Weight::from_parts(2_782_206_000, 0)
			.saturating_add(T::DbWeight::get().reads(277))
			.saturating_add(T::DbWeight::get().writes(267))
	}
	// Fastest run: 6_737 ns.
	fn set_timing() -> Weight {
		Weight::from_parts(6_737_000, 0)
			.saturating_add(T::DbWeight::get().reads(1))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 96_338 ns.
	fn dismiss() -> Weight {
		Weight::from_parts(96_338_000, 0)
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 37_256 ns.
	fn block_hooks() -> Weight {
		Weight::from_parts(37_256_000, 0)
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().writes(2))
	}
}
