//! Weights from counted reads, writes and hashes, in the unit costs that `pallet_registry::weights` derives.
//! The registry's part of a call is added by its own weights.

use core::marker::PhantomData;
use frame::{
	prelude::{frame_system, Weight},
	traits::Get,
};
use pallet_registry::weights::compute;
use polkadot_sdk::polkadot_sdk_frame as frame;

/// Weights of the calls.
pub trait WeightInfo {
	/// This pallet's part of registering a version of `a` adapters, `p` prompts, `d` DataNets, `t` tools and
	/// `s` skills.
	fn compose(a: u32, p: u32, d: u32, t: u32, s: u32) -> Weight;
}

/// Weights for any runtime.
pub struct CountedWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for CountedWeight<T> {
	/// Reads: name, count, base model; of each adapter asset and training record; of each prompt and tool the
	/// asset; of each DataNet the snapshot. Writes: name, list, count, composition. Each part is checked,
	/// compared and priced (3 steps); each skill is checked and hashed (4 steps); the rest of the composition
	/// (at most 498 bytes) is hashed (5 steps). A further version also writes the asset's price, which the
	/// registry has just written: no further access.
	fn compose(a: u32, p: u32, d: u32, t: u32, s: u32) -> Weight {
		let [a, p, d, t, s] = [a, p, d, t, s].map(u64::from);
		let parts = a.saturating_add(p).saturating_add(d).saturating_add(t);
		let reads = parts.saturating_add(a).saturating_add(3);
		compute(parts.saturating_mul(3).saturating_add(s.saturating_mul(4)).saturating_add(5))
			.saturating_add(T::DbWeight::get().reads_writes(reads, 4))
	}
}
