//! Weights of `pallet_attribution`, written by scripts/benchmark-weights.sh: do not edit.
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

impl<T: frame_system::Config> pallet_attribution::WeightInfo for WeightInfo<T> {
	// Fastest run: 84_872 ns.
	fn open_channel() -> Weight {
		Weight::from_parts(123_301_000, 0)
			.saturating_add(T::DbWeight::get().reads(6))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 72_415 ns.
	fn top_up() -> Weight {
		Weight::from_parts(93_846_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 22_028 ns.
	fn set_session_key() -> Weight {
		Weight::from_parts(35_501_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 31_782 ns.
	fn close_channel() -> Weight {
		Weight::from_parts(43_177_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 49_892 ns.
	fn withdraw_channel() -> Weight {
		Weight::from_parts(68_672_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 16_205_664 ns.
	// `c` was 1 to 256.
	// `a` was 1 to 32.
	fn submit_batch(c: u32, a: u32, ) -> Weight {
		Weight::from_parts(8_401_213_268, 0)
			.saturating_add(Weight::from_parts(199_573_412, 0).saturating_mul(c.into()))
			.saturating_add(Weight::from_parts(316_241_193, 0).saturating_mul(a.into()))
			.saturating_add(T::DbWeight::get().reads(10))
			.saturating_add(T::DbWeight::get().reads(3_u64.saturating_mul(c.into())))
			.saturating_add(T::DbWeight::get().reads(60_u64.saturating_mul(a.into())))
			.saturating_add(T::DbWeight::get().writes(5))
			.saturating_add(T::DbWeight::get().writes(3_u64.saturating_mul(c.into())))
	}
	// Fastest run: 1_092_413 ns.
	// `u` was 1 to 32.
	// `t` was 0 to 256.
	fn batch_usage(u: u32, t: u32, ) -> Weight {
		Weight::from_parts(1_207_502_519, 0)
			.saturating_add(Weight::from_parts(20_822_523, 0).saturating_mul(u.into()))
			.saturating_add(Weight::from_parts(323_030, 0).saturating_mul(t.into()))
			.saturating_add(T::DbWeight::get().reads(76))
			.saturating_add(T::DbWeight::get().writes(10))
	}
	// Fastest run: 1_135_273 ns.
	// `b` was 1 to 16.
	// `c` was 2 to 512.
	fn credit(b: u32, c: u32, ) -> Weight {
		Weight::from_parts(0, 0)
			.saturating_add(Weight::from_parts(135_277_200, 0).saturating_mul(b.into()))
			.saturating_add(Weight::from_parts(13_134_142, 0).saturating_mul(c.into()))
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().reads(2_u64.saturating_mul(b.into())))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(c.into())))
			.saturating_add(T::DbWeight::get().writes(3))
			.saturating_add(T::DbWeight::get().writes(2_u64.saturating_mul(b.into())))
			.saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(c.into())))
	}
	// Fastest run: 100_578 ns.
	fn challenge() -> Weight {
		Weight::from_parts(177_196_000, 0)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	// Fastest run: 5_639_471 ns.
	// `c` was 0 to 256.
	// `s` was 1 to 1024.
	fn resolve(c: u32, s: u32, ) -> Weight {
		Weight::from_parts(5_056_368_282, 0)
			.saturating_add(Weight::from_parts(120_741_216, 0).saturating_mul(c.into()))
			.saturating_add(Weight::from_parts(644_324, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(9))
			.saturating_add(T::DbWeight::get().reads(3_u64.saturating_mul(c.into())))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(s.into())))
			.saturating_add(T::DbWeight::get().writes(10))
			.saturating_add(T::DbWeight::get().writes(3_u64.saturating_mul(c.into())))
	}
	// Fastest run: 73_551 ns.
	fn claim() -> Weight {
		Weight::from_parts(138_121_000, 0)
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 77_478 ns.
	// `s` was 0 to 32.
	fn claim_earnings(s: u32, ) -> Weight {
		Weight::from_parts(127_324_593, 0)
			.saturating_add(Weight::from_parts(1_284_468, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 40_137 ns.
	// `s` was 0 to 32.
	fn sweep_pool(s: u32, ) -> Weight {
		Weight::from_parts(56_710_000, 0)
			.saturating_add(Weight::from_parts(1_361_058, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 11_548 ns.
	fn set_parameters() -> Weight {
		Weight::from_parts(21_790_000, 0)
			.saturating_add(T::DbWeight::get().reads(1))
			.saturating_add(T::DbWeight::get().writes(2))
	}
}
