//! Weights from counted reads, writes and hashes.
//!
//! Each weight is `BASE + reads + writes + work`, with
//! - `BASE`: 15 µs for dispatch, origin check, decoding and the event (events are buffered in memory and
//!   written once per block);
//! - reads and writes: distinct storage keys at `T::DbWeight`;
//! - `STEP`: 1 µs for each list element that is decoded, checked or compared;
//! - `HASH`: 1 µs for one blake2-256 of at most 128 bytes.
//!
//! A hold touches two keys: the account and its holds. Setting a vault weight touches two: the vault and the
//! holder. A key touched again in the same call is in memory and counts as a step. Until generated weights replace them, these are upper bounds.

use core::marker::PhantomData;
use frame::{
	prelude::{frame_system, Weight},
	traits::Get,
};
use polkadot_sdk::polkadot_sdk_frame as frame;

/// Dispatch, origin check, decoding, event: picoseconds.
const BASE: u64 = 15_000_000;
/// One list element's processing: picoseconds.
const STEP: u64 = 1_000_000;
/// One digest: picoseconds.
const HASH: u64 = 1_000_000;
/// Keys of a hold: the account, its holds.
const HOLD: u64 = 2;
/// Keys of a vault weight: the vault, the holder.
const VAULT: u64 = 2;
/// Steps of one contribution: its text checked and encoded, a hold on keys that are in memory, a pool weight
/// likewise, three events (hold, acceptance or rejection, and a share of the batch's).
const ITEM: u64 = 30;
/// Digests of a range's root: its bagged peaks and itself.
const ROOT: u64 = 32;
/// Digests of one append, amortised over a batch: a leaf, at most one node that is kept.
const APPEND: u64 = 2;
/// Digests that the first append of a batch may need beyond [`APPEND`]: it closes up to 31 peaks.
const CARRY: u64 = 31;

/// `BASE` and the given work, picoseconds of computing.
fn compute(steps: u64, hashes: u64) -> Weight {
	let work = STEP.saturating_mul(steps).saturating_add(HASH.saturating_mul(hashes));
	Weight::from_parts(BASE.saturating_add(work), 0)
}

/// Weights of the calls.
pub trait WeightInfo {
	/// Creating a DataNet with `c` curators.
	fn create(c: u32) -> Weight;
	/// Naming `c` curators.
	fn set_curators(c: u32) -> Weight;
	/// Adding `n` contributions.
	fn contribute(n: u32) -> Weight;
	/// Deciding `n` contributions.
	fn review(n: u32) -> Weight;
	/// Taking a snapshot.
	fn snapshot() -> Weight;
	/// Erasing one contribution.
	fn tombstone() -> Weight;
	/// Withdrawing one contribution.
	fn withdraw() -> Weight;
}

/// Weights for any runtime.
pub struct CountedWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for CountedWeight<T> {
	/// Reads: next id, hold. Writes: next id, DataNet, hold.
	fn create(c: u32) -> Weight {
		compute(c.into(), 0)
			.saturating_add(T::DbWeight::get().reads_writes(HOLD.saturating_add(1), HOLD.saturating_add(2)))
	}

	/// Reads and writes: DataNet, hold.
	fn set_curators(c: u32) -> Weight {
		let keys = HOLD.saturating_add(1);
		compute(c.into(), 0).saturating_add(T::DbWeight::get().reads_writes(keys, keys))
	}

	/// Once: DataNet, range, the contributor's hold, the vault. Each item: its content index is read and
	/// written, its contribution written, one append.
	fn contribute(n: u32) -> Weight {
		let n = u64::from(n);
		let once = HOLD.saturating_add(VAULT).saturating_add(2);
		compute(n.saturating_mul(ITEM), n.saturating_mul(APPEND).saturating_add(CARRY)).saturating_add(
			T::DbWeight::get().reads_writes(once.saturating_add(n), once.saturating_add(n.saturating_mul(2))),
		)
	}

	/// Once: DataNet (read), range. Each decision: the contribution is read and written; accepting reads
	/// and writes its contributor's hold and pool weight (dearer than rejecting, which writes the content
	/// index and the reason); one append.
	fn review(n: u32) -> Weight {
		let n = u64::from(n);
		let each = n.saturating_mul(HOLD.saturating_add(VAULT).saturating_add(1));
		compute(n.saturating_mul(ITEM), n.saturating_mul(APPEND).saturating_add(CARRY))
			.saturating_add(T::DbWeight::get().reads_writes(each.saturating_add(2), each.saturating_add(1)))
	}

	/// Reads: DataNet, range, count of erasures, newest snapshot, hold. Writes: DataNet, snapshot, hold.
	fn snapshot() -> Weight {
		compute(0, ROOT)
			.saturating_add(T::DbWeight::get().reads_writes(HOLD.saturating_add(4), HOLD.saturating_add(2)))
	}

	/// Reads: DataNet, contribution, count of erasures, hold, vault. Writes: contribution, erasure, count of
	/// erasures, hold, vault.
	fn tombstone() -> Weight {
		let keys = HOLD.saturating_add(VAULT).saturating_add(3);
		compute(0, 0).saturating_add(T::DbWeight::get().reads_writes(keys, keys))
	}

	/// Reads: contribution, hold. Writes: contribution, content index or reason, hold.
	fn withdraw() -> Weight {
		compute(0, 0)
			.saturating_add(T::DbWeight::get().reads_writes(HOLD.saturating_add(1), HOLD.saturating_add(2)))
	}
}
