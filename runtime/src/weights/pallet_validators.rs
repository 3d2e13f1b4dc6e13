//! Weights of `pallet_validators`, written by scripts/benchmark-weights.sh: do not edit.
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

impl<T: frame_system::Config> pallet_validators::WeightInfo for WeightInfo<T> {
	// Fastest run: 195_604 ns.
	fn bond() -> Weight {
		Weight::from_parts(214_120_000, 0)
			.saturating_add(T::DbWeight::get().reads(13))
			.saturating_add(T::DbWeight::get().writes(9))
	}
	// Fastest run: 192_611 ns.
	fn nominate() -> Weight {
		Weight::from_parts(204_971_000, 0)
			.saturating_add(T::DbWeight::get().reads(7))
			.saturating_add(T::DbWeight::get().writes(5))
	}
	// Fastest run: 268_728 ns.
	fn unbond() -> Weight {
		Weight::from_parts(279_209_000, 0)
			.saturating_add(T::DbWeight::get().reads(16))
			.saturating_add(T::DbWeight::get().writes(11))
	}
	// Fastest run: 1_366_069 ns.
	fn withdraw_unbonded() -> Weight {
		Weight::from_parts(1_396_372_000, 0)
			.saturating_add(T::DbWeight::get().reads(36))
			.saturating_add(T::DbWeight::get().writes(35))
	}
	// Fastest run: 20_115 ns.
	fn set_commission() -> Weight {
		Weight::from_parts(23_274_000, 0)
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 74_826 ns.
	fn chill() -> Weight {
		Weight::from_parts(81_145_000, 0)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 126_080 ns.
	fn resume() -> Weight {
		Weight::from_parts(138_982_000, 0)
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	// Fastest run: 70_723 ns.
	fn claim() -> Weight {
		Weight::from_parts(76_168_000, 0)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	// Fastest run: 71_980 ns.
	fn claim_for() -> Weight {
		Weight::from_parts(78_375_000, 0)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(5))
	}
	// Fastest run: 1_273_107 ns.
	fn apply_slash() -> Weight {
		Weight::from_parts(1_302_267_000, 0)
			.saturating_add(T::DbWeight::get().reads(40))
			.saturating_add(T::DbWeight::get().writes(8))
	}
	// Fastest run: 2_523_579 ns.
	fn report_equivocation() -> Weight {
		Weight::from_parts(2_575_893_000, 0)
			.saturating_add(T::DbWeight::get().reads(277))
			.saturating_add(T::DbWeight::get().writes(267))
	}
	// Fastest run: 2_689_279 ns.
	fn report_equivocation_unsigned() -> Weight {
		Weight::from_parts(2_766_109_000, 0)
			.saturating_add(T::DbWeight::get().reads(277))
			.saturating_add(T::DbWeight::get().writes(267))
	}
	// Fastest run: 4_821 ns.
	fn set_timing() -> Weight {
		Weight::from_parts(5_635_000, 0)
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 53_499 ns.
	fn dismiss() -> Weight {
		Weight::from_parts(59_686_000, 0)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 35_563 ns.
	fn block_hooks() -> Weight {
		Weight::from_parts(39_474_000, 0)
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().writes(2))
	}
}
