//! Weights of `pallet_validators`, written by scripts/benchmark-weights.sh: do not edit.
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

impl<T: frame_system::Config> pallet_validators::WeightInfo for WeightInfo<T> {
	// Fastest run: 292_687 ns.
	fn bond() -> Weight {
		Weight::from_parts(441_465_000, 0)
			.saturating_add(T::DbWeight::get().reads(13))
			.saturating_add(T::DbWeight::get().writes(9))
	}
	// Fastest run: 390_027 ns.
	fn nominate() -> Weight {
		Weight::from_parts(432_475_000, 0)
			.saturating_add(T::DbWeight::get().reads(7))
			.saturating_add(T::DbWeight::get().writes(5))
	}
	// Fastest run: 547_127 ns.
	fn unbond() -> Weight {
		Weight::from_parts(596_102_000, 0)
			.saturating_add(T::DbWeight::get().reads(16))
			.saturating_add(T::DbWeight::get().writes(11))
	}
	// Fastest run: 2_736_476 ns.
	fn withdraw_unbonded() -> Weight {
		Weight::from_parts(2_958_276_000, 0)
			.saturating_add(T::DbWeight::get().reads(36))
			.saturating_add(T::DbWeight::get().writes(35))
	}
	// Fastest run: 36_240 ns.
	fn set_commission() -> Weight {
		Weight::from_parts(47_109_000, 0)
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 107_277 ns.
	fn chill() -> Weight {
		Weight::from_parts(151_182_000, 0)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 171_956 ns.
	fn resume() -> Weight {
		Weight::from_parts(194_058_000, 0)
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	// Fastest run: 86_528 ns.
	fn claim() -> Weight {
		Weight::from_parts(122_025_000, 0)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	// Fastest run: 131_098 ns.
	fn claim_for() -> Weight {
		Weight::from_parts(167_404_000, 0)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(5))
	}
	// Fastest run: 1_534_334 ns.
	fn apply_slash() -> Weight {
		Weight::from_parts(2_678_558_000, 0)
			.saturating_add(T::DbWeight::get().reads(40))
			.saturating_add(T::DbWeight::get().writes(8))
	}
	// Fastest run: 2_730_183 ns.
	fn report_equivocation() -> Weight {
		Weight::from_parts(3_202_153_000, 0)
			.saturating_add(T::DbWeight::get().reads(277))
			.saturating_add(T::DbWeight::get().writes(267))
	}
	// Fastest run: 2_815_159 ns.
	fn report_equivocation_unsigned() -> Weight {
		Weight::from_parts(2_994_633_000, 0)
			.saturating_add(T::DbWeight::get().reads(277))
			.saturating_add(T::DbWeight::get().writes(267))
	}
	// Fastest run: 6_235 ns.
	fn set_timing() -> Weight {
		Weight::from_parts(11_774_000, 0)
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 89_539 ns.
	fn dismiss() -> Weight {
		Weight::from_parts(120_730_000, 0)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 48_982 ns.
	fn block_hooks() -> Weight {
		Weight::from_parts(83_785_000, 0)
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().writes(2))
	}
}
