//! What must hold in every block.

#![cfg(any(feature = "std", feature = "try-runtime"))]

use crate::{pallet::*, types::*};
use alloc::collections::{BTreeMap, BTreeSet};
use frame::prelude::*;
use pallet_registry::{Assets, Pallet as Registry};
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::TryRuntimeError};
use tributary_primitives::{
	traits::{Snapshots, VaultHolders},
	AssetKind, AssetRef, VaultKey,
};

impl<T: Config> Pallet<T> {
	/// - Exactly the versions of adapters have training records, on base models and snapshots that exist.
	/// - Only base models and adapters have evaluators and reports; no evaluator has two reports on one
	///   metric of a version.
	/// - Reports are about benchmarks that exist and were held out from training.
	/// - Only named evaluators with reports hold the evaluators' vault, each with weight 1 at most; reports
	///   are counted.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let mut versions = 0u32;
		for (asset, adapter) in Assets::<T>::iter().filter(|(_, asset)| asset.kind == AssetKind::Adapter) {
			versions = versions.saturating_add(adapter.newest);
			for version in 1..=adapter.newest {
				ensure!(Trainings::<T>::contains_key(asset, version), "adapter without training record");
			}
		}
		ensure!(Trainings::<T>::iter_keys().count() == versions as usize, "training record without adapter");
		for training in Trainings::<T>::iter_values() {
			ensure!((1..=MAX_RANK).contains(&training.rank), "rank out of bounds");
			let base = Registry::<T>::versioned(training.base, AssetKind::BaseModel);
			ensure!(base.is_ok(), "trained on no base model");
			ensure!(
				training.snapshots.iter().all(|one| T::Snapshots::exists(*one)),
				"trained on no snapshot"
			);
		}
		for (asset, evaluators) in Evaluators::<T>::iter() {
			Self::try_kept(asset)?;
			let vault = VaultKey::Evaluators(asset);
			for evaluator in &evaluators {
				let idle = !ReportCounts::<T>::contains_key(asset, evaluator);
				let earns = T::Vaults::weight(vault, evaluator.as_ref()) > 0;
				ensure!(!(idle && earns), "evaluator earns without a report");
			}
			let weights = evaluators.iter().map(|one| T::Vaults::weight(vault, one.as_ref()));
			let total = weights.clone().fold(0, u64::saturating_add);
			ensure!(weights.max().unwrap_or_default() <= 1, "evaluator counts more than once");
			ensure!(T::Vaults::total_weight(vault) == total, "stranger holds the evaluators' vault");
		}
		let mut counts = BTreeMap::<_, u32>::new();
		for (asset, version, reports) in Reports::<T>::iter() {
			Self::try_kept(asset)?;
			let kind = Registry::<T>::get(asset)?.kind;
			ensure!(
				Registry::<T>::versioned(AssetRef { asset, version }, kind).is_ok(),
				"report on no version"
			);
			let distinct: BTreeSet<_> = reports.iter().map(|one| (&one.evaluator, &one.metric)).collect();
			ensure!(distinct.len() == reports.len(), "two reports on one metric");
			ensure!(!reports.is_empty(), "empty list of reports is stored");
			for report in reports {
				let held_out = Self::is_held_out(AssetRef { asset, version }, report.benchmark);
				ensure!(held_out && T::Snapshots::exists(report.benchmark), "report on no benchmark");
				let count = counts.entry((asset, report.evaluator)).or_default();
				*count = count.saturating_add(1);
			}
		}
		let stored: BTreeMap<_, _> =
			ReportCounts::<T>::iter().map(|(asset, evaluator, count)| ((asset, evaluator), count)).collect();
		ensure!(stored == counts, "reports are miscounted");
		Ok(())
	}

	fn try_kept(asset: tributary_primitives::AssetId) -> Result<(), TryRuntimeError> {
		ensure!(Self::keeps(Registry::<T>::get(asset)?.kind), "evaluated asset is no model");
		Ok(())
	}
}
