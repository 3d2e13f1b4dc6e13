//! Weights of `pallet_attribution`, written by scripts/benchmark-weights.sh: do not edit.
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

impl<T: frame_system::Config> pallet_attribution::WeightInfo for WeightInfo<T> {
	// Fastest run: 73_000 ns.
	fn open_channel() -> Weight {
		Weight::from_parts(81_460_000, 0)
			.saturating_add(T::DbWeight::get().reads(6))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 59_698 ns.
	fn top_up() -> Weight {
		Weight::from_parts(69_757_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 19_070 ns.
	fn set_session_key() -> Weight {
		Weight::from_parts(21_889_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 18_180 ns.
	fn close_channel() -> Weight {
		Weight::from_parts(21_572_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	// Fastest run: 48_896 ns.
	fn withdraw_channel() -> Weight {
		Weight::from_parts(55_362_000, 0)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	// Fastest run: 1_204_327 ns.
	// `c` was 1 to 256.
	// `a` was 1 to 32.
	fn submit_batch(c: u32, a: u32, ) -> Weight {
		Weight::from_parts(0, 0)
			.saturating_add(Weight::from_parts(189_480_633, 0).saturating_mul(c.into()))
			.saturating_add(Weight::from_parts(33_944_944, 0).saturating_mul(a.into()))
			.saturating_add(T::DbWeight::get().reads(10))
			.saturating_add(T::DbWeight::get().reads(3_u64.saturating_mul(c.into())))
			.saturating_add(T::DbWeight::get().reads(4_u64.saturating_mul(a.into())))
			.saturating_add(T::DbWeight::get().writes(5))
			.saturating_add(T::DbWeight::get().writes(3_u64.saturating_mul(c.into())))
	}
	// Fastest run: 2_487_554 ns.
	// `m` was 0 to 96.
	// `p` and `t` together were 0 to 192 and share a slope: this is of before each had its own.
	fn batch_parts(m: u32, p: u32, t: u32, ) -> Weight {
		Weight::from_parts(852_429_300, 0)
			.saturating_add(Weight::from_parts(17_212_619, 0).saturating_mul(m.into()))
			.saturating_add(Weight::from_parts(13_652_214, 0).saturating_mul(p.into()))
			.saturating_add(Weight::from_parts(13_652_214, 0).saturating_mul(t.into()))
			.saturating_add(T::DbWeight::get().reads(61))
			.saturating_add(T::DbWeight::get().reads(3_u64.saturating_mul(m.into())))
			.saturating_add(T::DbWeight::get().reads(2_u64.saturating_mul(p.into())))
			.saturating_add(T::DbWeight::get().reads(2_u64.saturating_mul(t.into())))
			.saturating_add(T::DbWeight::get().writes(7))
	}
	// Fastest run: 937_199 ns.
	// `u` was 1 to 32.
	// `t` was 0 to 256.
	fn batch_usage(u: u32, t: u32, ) -> Weight {
		Weight::from_parts(948_977_076, 0)
			.saturating_add(Weight::from_parts(2_083_111, 0).saturating_mul(u.into()))
			.saturating_add(Weight::from_parts(141_596, 0).saturating_mul(t.into()))
			.saturating_add(T::DbWeight::get().reads(76))
			.saturating_add(T::DbWeight::get().writes(10))
	}
	// Fastest run: 551_247 ns.
	// `b` was 1 to 16.
	// `c` was 2 to 512.
	fn credit(b: u32, c: u32, ) -> Weight {
		Weight::from_parts(0, 0)
			.saturating_add(Weight::from_parts(34_927_166, 0).saturating_mul(b.into()))
			.saturating_add(Weight::from_parts(5_977_370, 0).saturating_mul(c.into()))
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().reads(2_u64.saturating_mul(b.into())))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(c.into())))
			.saturating_add(T::DbWeight::get().writes(3))
			.saturating_add(T::DbWeight::get().writes(2_u64.saturating_mul(b.into())))
			.saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(c.into())))
	}
	// Fastest run: 76_916 ns.
	fn challenge() -> Weight {
		Weight::from_parts(85_889_000, 0)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	// Fastest run: 2_686_035 ns.
	// `c` was 0 to 256.
	// `s` was 1 to 1024.
	fn resolve(c: u32, s: u32, ) -> Weight {
		Weight::from_parts(225_557_733, 0)
			.saturating_add(Weight::from_parts(58_455_357, 0).saturating_mul(c.into()))
			.saturating_add(Weight::from_parts(2_415_766, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(9))
			.saturating_add(T::DbWeight::get().reads(3_u64.saturating_mul(c.into())))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(s.into())))
			.saturating_add(T::DbWeight::get().writes(10))
			.saturating_add(T::DbWeight::get().writes(3_u64.saturating_mul(c.into())))
	}
	// Fastest run: 66_173 ns.
	fn claim() -> Weight {
		Weight::from_parts(72_947_000, 0)
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 64_305 ns.
	// `s` was 0 to 32.
	fn claim_earnings(s: u32, ) -> Weight {
		Weight::from_parts(68_950_000, 0)
			.saturating_add(Weight::from_parts(666_857, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 29_700 ns.
	// `s` was 0 to 32.
	fn sweep_pool(s: u32, ) -> Weight {
		Weight::from_parts(33_871_586, 0)
			.saturating_add(Weight::from_parts(649_137, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	// Fastest run: 9_445 ns.
	fn set_parameters() -> Weight {
		Weight::from_parts(10_958_000, 0)
			.saturating_add(T::DbWeight::get().reads(1))
			.saturating_add(T::DbWeight::get().writes(2))
	}
}
