//! Weights of the calls, derived from counted storage accesses.
//!
//! One storage read or write costs what the runtime's `DbWeight` says (ParityDB: 8 µs and 50 µs). On top
//! come 20 µs per call for decoding, hashing keys and events, a round upper figure. A hold reads and writes
//! the account and its list of holds: 2 reads, 2 writes; sending slashed stake to the treasury reads and
//! writes the staker's two and the treasury's account. Proof sizes are zero: this is a solo chain, blocks
//! carry no proofs.

use crate::Config;
use core::marker::PhantomData;
use polkadot_sdk::polkadot_sdk_frame::prelude::{Get, Weight};

/// Cost of each call.
pub trait WeightInfo {
	/// `bond`.
	fn bond() -> Weight;
	/// `nominate`.
	fn nominate() -> Weight;
	/// `unbond`.
	fn unbond() -> Weight;
	/// `withdraw_unbonded`.
	fn withdraw_unbonded() -> Weight;
	/// `set_commission`.
	fn set_commission() -> Weight;
	/// `chill`.
	fn chill() -> Weight;
	/// `resume`.
	fn resume() -> Weight;
	/// `claim` and `claim_for`.
	fn claim() -> Weight;
	/// `apply_slash`.
	fn apply_slash() -> Weight;
	/// `report_equivocation`, with its slash.
	fn report_equivocation() -> Weight;
	/// `set_timing`.
	fn set_timing() -> Weight;
	/// `dismiss`.
	fn dismiss() -> Weight;
	/// What every block costs: its author is noted and credited.
	fn block_hooks() -> Weight;
}

/// Picoseconds of execution beside storage.
const CALL: u64 = 20_000_000;
/// Picoseconds to decode, search and encode the ranking or a list of chunks.
const LIST: u64 = 20_000_000;
/// Picoseconds to verify a signature.
const SIGNATURE: u64 = 60_000_000;
/// Picoseconds to put a validator's two keys and identity into a trie.
const TRIE: u64 = 30_000_000;

/// The counted weights.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: Config> SubstrateWeight<T> {
	fn call(reads: u64, writes: u64) -> Weight {
		Weight::from_parts(CALL, 0).saturating_add(T::DbWeight::get().reads_writes(reads, writes))
	}

	fn listed(reads: u64, writes: u64) -> Weight {
		Self::call(reads, writes).saturating_add(Weight::from_parts(LIST, 0))
	}
}

impl<T: Config> WeightInfo for SubstrateWeight<T> {
	/// Reads candidate, counter, session, jail, pool, position, hold (2), ranking, validators without bond,
	/// and the candidate that it displaces; writes all of them but the session.
	fn bond() -> Weight {
		Self::listed(12, 11)
	}

	/// Reads candidate, pool, position, hold (2), treasury and ranking; writes pool, position, hold (2),
	/// treasury and ranking.
	fn nominate() -> Weight {
		Self::listed(7, 6)
	}

	/// Reads pool, position, hold (2), treasury, candidate, counter, ranking, validators without bond,
	/// timing, session, tranche, chunks, pot, unpaid; writes all but three.
	fn unbond() -> Weight {
		Self::listed(15, 12)
	}

	/// Reads session, chunks, hold (2), treasury and a tranche for each chunk; writes all but the session.
	fn withdraw_unbonded() -> Weight {
		let chunks = u64::from(crate::MAX_CHUNKS);
		Self::listed(chunks.saturating_add(5), chunks.saturating_add(4))
	}

	/// Reads candidate and session; writes the candidate.
	fn set_commission() -> Weight {
		Self::call(2, 1)
	}

	/// Reads candidate, ranking, validators without bond and timing; writes candidate and ranking.
	fn chill() -> Weight {
		Self::listed(4, 2)
	}

	/// Reads candidate, jail, session, pool, position, ranking, and the candidate that it displaces; writes
	/// candidates, jail and ranking.
	fn resume() -> Weight {
		Self::listed(7, 4)
	}

	/// Reads and writes pool, position, pot, account and unpaid.
	fn claim() -> Weight {
		Self::call(5, 5)
	}

	/// Reads pool, position, chunks, hold (2), treasury, pot, unpaid and a tranche for each chunk; writes all
	/// but the tranches.
	fn apply_slash() -> Weight {
		Self::listed(u64::from(crate::MAX_CHUNKS).saturating_add(8), 8)
	}

	/// Verifies two signatures. Builds the trie of the session's keys: reads each validator's. Slashes: reads
	/// and writes a tranche for each session back to the oldest, and some ten items more.
	fn report_equivocation() -> Weight {
		let validators = u64::from(T::MaxAuthorities::get());
		let tranches = u64::from(T::MaxUnbondingSessions::get()).saturating_add(2);
		let time = SIGNATURE.saturating_mul(2).saturating_add(TRIE.saturating_mul(validators));
		Self::listed(validators.saturating_add(tranches).saturating_add(20), tranches.saturating_add(12))
			.saturating_add(Weight::from_parts(time, 0))
	}

	/// Writes the timing.
	fn set_timing() -> Weight {
		Self::call(0, 1)
	}

	/// Reads ranking, timing and validators without bond; writes the last.
	fn dismiss() -> Weight {
		Self::listed(3, 1)
	}

	/// Reads author, its count, fees, pot, pool, candidate, unpaid, timing; writes count, pool and unpaid.
	fn block_hooks() -> Weight {
		Self::call(8, 3)
	}
}
