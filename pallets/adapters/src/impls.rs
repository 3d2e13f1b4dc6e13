//! What the calls do, the reads, and what other pallets may ask.

use crate::{pallet::*, types::*};
use alloc::{collections::BTreeSet, vec::Vec};
use codec::Encode;
use frame::{
	prelude::*,
	traits::{Consideration, Footprint},
};
use pallet_registry::{AssetOf, Hints, Name, NewVersion, Pallet as Registry};
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{
	fee::Price,
	limits::{MaxParents, HOLDER_BYTES, VAULT_BYTES},
	royalty::Parent,
	traits::{self, Snapshots, VaultHolders},
	views::EvaluationView,
	AssetId, AssetKind, AssetRef, Hash, SnapshotRef, VaultKey,
};

type ReportOf<T> = Report<<T as frame_system::Config>::AccountId, <T as Config>::ReportDeposit>;

impl<T: Config> Pallet<T> {
	pub(crate) fn do_register_base(
		who: &T::AccountId,
		name: Name,
		content: Hash,
		hints: Hints,
		price: Price,
	) -> DispatchResult {
		let extra_bytes = evaluator_bytes::<T>();
		let version = NewVersion { content, hints, parents: Default::default(), extra_bytes };
		Registry::<T>::create(who, AssetKind::BaseModel, name, price, version)?;
		Ok(())
	}

	pub(crate) fn do_register_adapter(
		who: &T::AccountId,
		name: Name,
		content: Hash,
		hints: Hints,
		price: Price,
		parents: &BoundedVec<Parent, MaxParents>,
		training: Training,
	) -> DispatchResult {
		Self::check(who, &training)?;
		let parents = Registry::<T>::newest_parents(parents)?;
		let extra_bytes = training_bytes(&training).saturating_add(evaluator_bytes::<T>());
		let version = NewVersion { content, hints, parents, extra_bytes };
		let asset = Registry::<T>::create(who, AssetKind::Adapter, name, price, version)?;
		Self::record(AssetRef { asset, version: 1 }, training);
		Ok(())
	}

	pub(crate) fn do_add_version(
		who: &T::AccountId,
		asset: AssetId,
		content: Hash,
		hints: Hints,
		parents: &BoundedVec<Parent, MaxParents>,
		training: Option<Training>,
	) -> DispatchResult {
		let kind = Self::kept(Registry::<T>::get(asset)?)?.kind;
		let parents = Registry::<T>::newest_parents(parents)?;
		if kind == AssetKind::BaseModel {
			ensure!(training.is_none(), Error::<T>::UnexpectedTraining);
			let version = NewVersion { content, hints, parents, extra_bytes: 0 };
			Registry::<T>::add_version(who, kind, asset, version)?;
			return Ok(());
		}
		let training = training.ok_or(Error::<T>::NoTraining)?;
		Self::check(who, &training)?;
		let extra_bytes = training_bytes(&training);
		let version = NewVersion { content, hints, parents, extra_bytes };
		let adapter = Registry::<T>::add_version(who, kind, asset, version)?;
		Self::record(adapter, training);
		Ok(())
	}

	pub(crate) fn do_set_evaluators(
		who: &T::AccountId,
		asset: AssetId,
		evaluators: EvaluatorList<T::AccountId>,
	) -> DispatchResult {
		Self::kept(Registry::<T>::owned(asset, who)?)?;
		let distinct: BTreeSet<_> = evaluators.iter().collect();
		ensure!(distinct.len() == evaluators.len(), Error::<T>::DuplicateEvaluator);
		for gone in Evaluators::<T>::get(asset).iter().filter(|old| !evaluators.contains(old)) {
			Self::set_weight(asset, gone, 0)?;
		}
		Evaluators::<T>::insert(asset, evaluators.clone());
		Self::deposit_event(Event::EvaluatorsSet { asset, evaluators: evaluators.into_inner() });
		Ok(())
	}

	pub(crate) fn do_report(
		evaluator: T::AccountId,
		version: AssetRef,
		benchmark: SnapshotRef,
		metric: Metric,
		score: i64,
		report: Hash,
	) -> DispatchResult {
		let asset = Self::kept(Registry::<T>::get(version.asset)?)?;
		Registry::<T>::versioned(version, asset.kind)?;
		let evaluators = Evaluators::<T>::get(version.asset);
		ensure!(evaluators.contains(&evaluator), Error::<T>::NotEvaluator);
		ensure!(!metric.is_empty() && core::str::from_utf8(&metric).is_ok(), Error::<T>::BadMetric);
		ensure!(T::Snapshots::exists(benchmark), Error::<T>::UnknownSnapshot);
		ensure!(Self::is_held_out(version, benchmark), Error::<T>::TrainedOnBenchmark);
		let mut reports = Reports::<T>::get(version.asset, version.version);
		if let Some(known) = reports.iter_mut().find(|known| is_about(known, &evaluator, &metric)) {
			known.benchmark = benchmark;
			known.score = score;
			known.report = report;
		} else {
			let own = reports.iter().filter(|known| known.evaluator == evaluator).count();
			ensure!(own < MAX_METRICS as usize, Error::<T>::TooManyReports);
			Self::make_room(version, &mut reports, &evaluators)?;
			let ticket = T::ReportDeposit::new(&evaluator, report_footprint::<T>(&metric))?;
			let new = Report {
				evaluator: evaluator.clone(),
				benchmark,
				metric: metric.clone(),
				score,
				report,
				ticket,
			};
			reports.try_push(new).map_err(|_| Error::<T>::TooManyReports)?;
			let count = ReportCounts::<T>::get(version.asset, &evaluator);
			let count = count.checked_add(1).ok_or(Error::<T>::Overflow)?;
			ReportCounts::<T>::insert(version.asset, &evaluator, count);
		}
		Reports::<T>::insert(version.asset, version.version, reports);
		if T::Vaults::weight(VaultKey::Evaluators(version.asset), evaluator.as_ref()) == 0 {
			Self::set_weight(version.asset, &evaluator, 1)?;
		}
		Self::deposit_event(Event::Reported { version, evaluator, benchmark, metric, score });
		Ok(())
	}

	pub(crate) fn do_withdraw_report(
		who: &T::AccountId,
		version: AssetRef,
		metric: &Metric,
	) -> DispatchResult {
		let mut reports = Reports::<T>::get(version.asset, version.version);
		let at = reports.iter().position(|known| is_about(known, who, metric));
		Self::remove(version, &mut reports, at.ok_or(Error::<T>::UnknownReport)?)?;
		if reports.is_empty() {
			Reports::<T>::remove(version.asset, version.version);
		} else {
			Reports::<T>::insert(version.asset, version.version, reports);
		}
		Ok(())
	}

	/// The evaluators in office always fit; the oldest report of a former one gives way.
	fn make_room(
		version: AssetRef,
		reports: &mut ReportList<T::AccountId, T::ReportDeposit>,
		evaluators: &EvaluatorList<T::AccountId>,
	) -> DispatchResult {
		if reports.len() < MAX_REPORTS as usize {
			return Ok(());
		}
		let former = reports.iter().position(|known| !evaluators.contains(&known.evaluator));
		Self::remove(version, reports, former.ok_or(Error::<T>::TooManyReports)?)
	}

	fn remove(
		version: AssetRef,
		reports: &mut ReportList<T::AccountId, T::ReportDeposit>,
		at: usize,
	) -> DispatchResult {
		let Report { evaluator, metric, ticket, .. } = reports.remove(at);
		ticket.drop(&evaluator)?;
		let count = ReportCounts::<T>::get(version.asset, &evaluator);
		match count.checked_sub(1).ok_or(Error::<T>::Overflow)? {
			0 => {
				ReportCounts::<T>::remove(version.asset, &evaluator);
				Self::set_weight(version.asset, &evaluator, 0)?;
			}
			left => ReportCounts::<T>::insert(version.asset, &evaluator, left),
		}
		Self::deposit_event(Event::ReportRemoved { version, evaluator, metric });
		Ok(())
	}

	fn check(who: &T::AccountId, training: &Training) -> DispatchResult {
		ensure!((1..=MAX_RANK).contains(&training.rank), Error::<T>::BadRank);
		Registry::<T>::versioned(training.base, AssetKind::BaseModel)?;
		let distinct: BTreeSet<_> = training.snapshots.iter().collect();
		ensure!(distinct.len() == training.snapshots.len(), Error::<T>::DuplicateSnapshot);
		let known = training.snapshots.iter().all(|snapshot| T::Snapshots::exists(*snapshot));
		ensure!(known, Error::<T>::UnknownSnapshot);
		Self::ensure_granted(who, &training.snapshots)
	}

	fn record(adapter: AssetRef, training: Training) {
		Self::deposit_event(Event::Trained { adapter, base: training.base });
		Trainings::<T>::insert(adapter.asset, adapter.version, training);
	}

	/// The kinds of assets that this pallet keeps.
	pub(crate) fn keeps(kind: AssetKind) -> bool {
		matches!(kind, AssetKind::BaseModel | AssetKind::Adapter)
	}

	fn kept(asset: AssetOf<T>) -> Result<AssetOf<T>, Error<T>> {
		ensure!(Self::keeps(asset.kind), Error::<T>::NotEvaluable);
		Ok(asset)
	}

	fn set_weight(asset: AssetId, evaluator: &T::AccountId, weight: u64) -> DispatchResult {
		T::Vaults::set_weight(VaultKey::Evaluators(asset), evaluator.as_ref(), weight)
			.map_err(|traits::Overflow| Error::<T>::Overflow.into())
	}

	pub(crate) fn evaluation_views(asset: AssetId) -> Vec<EvaluationView> {
		let newest = Registry::<T>::get(asset).map(|asset| asset.newest).unwrap_or_default();
		(1..=newest)
			.flat_map(|version| {
				let reports = Reports::<T>::get(asset, version);
				reports.into_iter().map(move |report: ReportOf<T>| EvaluationView {
					version,
					evaluator: report.evaluator.into(),
					benchmark: report.benchmark,
					metric: report.metric.into_inner(),
					score: report.score,
					report: report.report,
				})
			})
			.collect()
	}
}

impl<T: Config> pallet_registry::AdapterBase for Pallet<T> {
	fn base_of(adapter: AssetRef) -> Option<AssetRef> {
		Trainings::<T>::get(adapter.asset, adapter.version).map(|training| training.base)
	}
}

fn is_about<AccountId: PartialEq, Ticket>(
	report: &Report<AccountId, Ticket>,
	evaluator: &AccountId,
	metric: &Metric,
) -> bool {
	report.evaluator == *evaluator && report.metric == *metric
}

/// Room for a full list of evaluators and their vault; paid when the asset is registered, so that naming them is
/// free.
fn evaluator_bytes<T: Config>() -> u32 {
	(EvaluatorList::<T::AccountId>::max_encoded_len() as u32).saturating_add(VAULT_BYTES)
}

fn training_bytes(training: &Training) -> u32 {
	training.encoded_size() as u32
}

/// A report's bytes: its record, the evaluator's count and its place in the vault.
fn report_footprint<T: Config>(metric: &Metric) -> Footprint {
	let fixed = T::AccountId::max_encoded_len()
		.saturating_add(SnapshotRef::max_encoded_len())
		.saturating_add(i64::max_encoded_len())
		.saturating_add(Hash::max_encoded_len())
		.saturating_add(T::ReportDeposit::max_encoded_len())
		.saturating_add(u32::max_encoded_len())
		.saturating_add(HOLDER_BYTES as usize);
	Footprint::from_parts(1, fixed.saturating_add(metric.encoded_size()))
}
