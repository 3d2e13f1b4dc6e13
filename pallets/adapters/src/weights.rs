//! Weights from counted reads and writes, in the unit costs that `pallet_registry::weights` derives. The
//! registry's part of a call is added by its own weights.

use core::marker::PhantomData;
use frame::{
	prelude::{frame_system, Weight},
	traits::Get,
};
use pallet_registry::weights::{compute, HOLD, VAULT};
use polkadot_sdk::polkadot_sdk_frame as frame;

use crate::types::{MAX_EVALUATORS, MAX_REPORTS, MAX_SNAPSHOTS};
use tributary_primitives::limits::MAX_PARENTS;

/// Weights of the calls.
pub trait WeightInfo {
	/// This pallet's part of registering a version trained on `s` snapshots.
	fn record(s: u32) -> Weight;
	/// Naming `e` evaluators.
	fn set_evaluators(e: u32) -> Weight;
	/// Reporting.
	fn report() -> Weight;
	/// Taking a report back.
	fn withdraw_report() -> Weight;
}

/// Weights for any runtime.
pub struct CountedWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for CountedWeight<T> {
	/// Reads: own asset, base model; each of `s` snapshots with its DataNet, access and grant. Writes:
	/// training record.
	fn record(s: u32) -> Weight {
		let s = u64::from(s);
		let keys = s.saturating_mul(4);
		compute(keys).saturating_add(T::DbWeight::get().reads_writes(keys.saturating_add(2), 1))
	}

	/// Reads: asset, evaluators. Writes: evaluators. The vaults of at most 8 who are no longer named;
	/// each of the `e` new ones is compared with each of them.
	fn set_evaluators(e: u32) -> Weight {
		let old = u64::from(MAX_EVALUATORS);
		let keys = old.saturating_mul(VAULT);
		compute(old.saturating_mul(e.into()).saturating_add(old))
			.saturating_add(T::DbWeight::get().reads_writes(keys.saturating_add(2), keys.saturating_add(1)))
	}

	/// Reads: asset, evaluators, version, benchmark, the training records of the version and its parents;
	/// reports; vault, hold and count, each of the signer and of a former evaluator that gives way. Writes:
	/// reports, and vault, hold and count of both. Every report and every snapshot is compared.
	fn report() -> Weight {
		let keys = HOLD.saturating_add(VAULT).saturating_add(1).saturating_mul(2).saturating_add(1);
		let trainings = u64::from(MAX_PARENTS).saturating_add(1);
		let snapshots = trainings.saturating_mul(MAX_SNAPSHOTS.into());
		compute(u64::from(MAX_REPORTS).saturating_mul(2).saturating_add(snapshots.saturating_mul(2)))
			.saturating_add(
				T::DbWeight::get().reads_writes(keys.saturating_add(trainings).saturating_add(4), keys),
			)
	}

	/// Reads and writes: reports, count, hold, vault. Every report is compared.
	fn withdraw_report() -> Weight {
		let keys = HOLD.saturating_add(VAULT).saturating_add(2);
		compute(MAX_REPORTS.into()).saturating_add(T::DbWeight::get().reads_writes(keys, keys))
	}
}
