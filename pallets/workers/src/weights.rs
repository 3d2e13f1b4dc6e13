//! Weights of the calls, derived from counted storage accesses.
//!
//! One storage read or write costs what the runtime's `DbWeight` says (ParityDB: 8 µs and 50 µs). On top
//! come 20 µs per call for decoding, hashing keys and the event, a round upper figure. A hold reads and
//! writes the account and its list of holds: 2 reads, 2 writes. Proof sizes are zero: this is a solo
//! chain, blocks carry no proofs.

use crate::Config;
use core::marker::PhantomData;
use polkadot_sdk::polkadot_sdk_frame::prelude::{Get, Weight};

/// Cost of each call.
pub trait WeightInfo {
	/// `register`.
	fn register() -> Weight;
	/// `update`.
	fn update() -> Weight;
	/// `add_bond`.
	fn add_bond() -> Weight;
	/// `unbond`.
	fn unbond() -> Weight;
	/// `withdraw`.
	fn withdraw() -> Weight;
}

/// Picoseconds of execution beside storage.
const CALL: u64 = 20_000_000;

/// The counted weights.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: Config> SubstrateWeight<T> {
	fn call(reads: u64, writes: u64) -> Weight {
		Weight::from_parts(CALL, 0).saturating_add(T::DbWeight::get().reads_writes(reads, writes))
	}
}

impl<T: Config> WeightInfo for SubstrateWeight<T> {
	/// Reads worker, service key, counter and hold; writes the same.
	fn register() -> Weight {
		Self::call(5, 5)
	}

	/// Reads worker and new service key; writes worker, old and new service key.
	fn update() -> Weight {
		Self::call(2, 3)
	}

	/// Reads worker and hold; writes the hold.
	fn add_bond() -> Weight {
		Self::call(3, 2)
	}

	/// Reads and writes the worker.
	fn unbond() -> Weight {
		Self::call(1, 1)
	}

	/// Reads worker, open challenges, counter and hold; writes worker, service key, counter and hold.
	fn withdraw() -> Weight {
		Self::call(5, 5)
	}
}
