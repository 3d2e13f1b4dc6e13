//! Weights of `pallet_agents`, written by scripts/benchmark-weights.sh: do not edit.
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

impl<T: frame_system::Config> pallet_agents::WeightInfo for WeightInfo<T> {
	// Fastest run: 379_449 ns.
	// `a` was 1 to 8.
	// `p` was 0 to 8.
	// `d` was 0 to 8.
	// `t` was 0 to 8.
	// `s` was 0 to 8.
	fn compose(a: u32, p: u32, d: u32, t: u32, _s: u32, ) -> Weight {
		Weight::from_parts(289_132_190, 0)
			.saturating_add(Weight::from_parts(10_649_142, 0).saturating_mul(a.into()))
			.saturating_add(Weight::from_parts(6_239_666, 0).saturating_mul(p.into()))
			.saturating_add(Weight::from_parts(4_608_666, 0).saturating_mul(d.into()))
			.saturating_add(Weight::from_parts(3_925_125, 0).saturating_mul(t.into()))
			.saturating_add(T::DbWeight::get().reads(9))
			.saturating_add(T::DbWeight::get().reads(2_u64.saturating_mul(a.into())))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(p.into())))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(d.into())))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(t.into())))
			.saturating_add(T::DbWeight::get().writes(10))
	}
	// Fastest run: 296_937 ns.
	// `a` was 1 to 8.
	// `p` was 0 to 8.
	// `d` was 0 to 8.
	// `t` was 0 to 8.
	// `s` was 0 to 8.
	fn recompose(a: u32, p: u32, d: u32, t: u32, _s: u32, ) -> Weight {
		Weight::from_parts(274_880_000, 0)
			.saturating_add(Weight::from_parts(10_169_428, 0).saturating_mul(a.into()))
			.saturating_add(Weight::from_parts(7_364_571, 0).saturating_mul(p.into()))
			.saturating_add(Weight::from_parts(5_894_750, 0).saturating_mul(d.into()))
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().reads(2_u64.saturating_mul(a.into())))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(p.into())))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(d.into())))
			.saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(t.into())))
			.saturating_add(T::DbWeight::get().writes(4))
	}
}
