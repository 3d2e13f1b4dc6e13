#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
	not(test),
	deny(
		clippy::arithmetic_side_effects,
		clippy::unwrap_used,
		clippy::expect_used,
		clippy::indexing_slicing,
		clippy::panic,
		clippy::unreachable,
		clippy::todo,
		clippy::unimplemented
	)
)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
pub mod benchmarking;
mod impls;
mod lineage;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
pub mod weights;

pub use pallet::*;
pub use tributary_primitives::limits::MAX_PAGE;
pub use types::*;
pub use weights::WeightInfo;

use polkadot_sdk::polkadot_sdk_frame as frame;

#[allow(clippy::expect_used, clippy::unreachable, reason = "FRAME's macros expand to them")]
#[frame::pallet]
pub mod pallet {
	use super::*;
	use alloc::vec::Vec;
	use frame::{
		prelude::*,
		traits::{Consideration, Footprint},
	};
	use pallet_registry::{Hints, Name};
	use tributary_primitives::{
		fee::Price,
		limits::MaxParents,
		royalty::Parent,
		traits::{AccessGrants, Snapshots},
		views::{EvaluationView, TrainingView},
		AssetId, AssetRef, AssetVersion, ContributionIndex, DataNetId, Hash, SnapshotRef,
	};

	/// Version of the storage layout.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	/// Base models and LoRA adapters.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// What adapters need from the runtime.
	#[pallet::config]
	pub trait Config:
		polkadot_sdk::frame_system::Config<RuntimeEvent: From<Event<Self>>> + pallet_registry::Config
	{
		/// Which DataNet snapshots there are.
		type Snapshots: Snapshots;
		/// Who may train on private DataNets.
		type Access: AccessGrants;
		/// Deposit for a report.
		type ReportDeposit: Consideration<Self::AccountId, Footprint>;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
		/// Sets up what benchmarks need of other pallets.
		#[cfg(feature = "runtime-benchmarks")]
		type BenchmarkHelper: crate::benchmarking::BenchmarkHelper;
	}

	/// Why adapters hold money.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// Deposit for an evaluation report.
		#[codec(index = 0)]
		Report,
	}

	/// How each adapter version was trained.
	#[pallet::storage]
	pub type Trainings<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, AssetId, Blake2_128Concat, AssetVersion, Training>;

	/// Who may report on an asset.
	#[pallet::storage]
	pub type Evaluators<T: Config> =
		StorageMap<_, Blake2_128Concat, AssetId, EvaluatorList<T::AccountId>, ValueQuery>;

	/// What was reported on each version, oldest first.
	#[pallet::storage]
	pub type Reports<T: Config> = StorageDoubleMap<
		_,
		Blake2_128Concat,
		AssetId,
		Blake2_128Concat,
		AssetVersion,
		ReportList<T::AccountId, T::ReportDeposit>,
		ValueQuery,
	>;

	/// How many reports an evaluator has on all versions of an asset; none is not stored.
	#[pallet::storage]
	pub type ReportCounts<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, AssetId, Blake2_128Concat, T::AccountId, u32, ValueQuery>;

	/// What adapters announce. The registry announces new assets and versions.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// How an adapter version was trained is on record.
		Trained {
			/// The adapter version.
			adapter: AssetRef,
			/// The base model version it runs on.
			base: AssetRef,
		},
		/// An asset has new evaluators.
		EvaluatorsSet {
			/// The asset.
			asset: AssetId,
			/// Who may report.
			evaluators: Vec<T::AccountId>,
		},
		/// A version was evaluated.
		Reported {
			/// The version.
			version: AssetRef,
			/// Who evaluated.
			evaluator: T::AccountId,
			/// What it was measured on.
			benchmark: SnapshotRef,
			/// What was measured.
			metric: Metric,
			/// The score in millionths.
			score: i64,
		},
		/// A report was taken back, or gave way to an evaluator in office.
		ReportRemoved {
			/// The version.
			version: AssetRef,
			/// Whose report it was.
			evaluator: T::AccountId,
			/// What was measured.
			metric: Metric,
		},
	}

	/// Why adapters refuse. The registry's errors come in addition.
	#[pallet::error]
	pub enum Error<T> {
		/// A LoRA rank is 1 to 512. Name the rank of the trained weights.
		BadRank,
		/// There is no such snapshot. List the DataNet's with `Datanets.datanet`, or take one.
		UnknownSnapshot,
		/// A snapshot is named twice. Name it once.
		DuplicateSnapshot,
		/// A DataNet is private and the signer may not train on it. Ask for a grant with `Grants.request`, or
		/// leave the DataNet out and train again.
		NotGranted,
		/// The version, or one that it is derived from, was trained on the benchmark's DataNet. Evaluate on a
		/// DataNet that was held out from training.
		TrainedOnBenchmark,
		/// An adapter version needs a training record. Give one.
		NoTraining,
		/// A base model has no training record. Leave it out.
		UnexpectedTraining,
		/// Only base models and adapters have versions here and are evaluated. Use the pallet of the
		/// asset's kind.
		NotEvaluable,
		/// An account is named twice as evaluator. Name it once.
		DuplicateEvaluator,
		/// Only a named evaluator may report. Ask the asset's owner to name you.
		NotEvaluator,
		/// A metric is 1 to 64 bytes of UTF-8. Name it, for example `perplexity`.
		BadMetric,
		/// An evaluator reports up to 4 metrics on one version. Withdraw a report first.
		TooManyReports,
		/// There is no such report of yours. List the reports with `Adapters.evaluations`.
		UnknownReport,
		/// A sum does not fit its type. Nothing was changed.
		Overflow,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			let most = T::BlockWeights::get().get(DispatchClass::Normal).max_extrinsic.unwrap_or(Weight::MAX);
			let parents = <MaxParents as Get<u32>>::get();
			let longest = <T as Config>::WeightInfo::register_adapter(parents, MAX_SNAPSHOTS);
			assert!(longest.all_lte(most), "the longest call must fit a block");
			const { assert!(MAX_REPORTS >= MAX_EVALUATORS, "each evaluator needs room for a report") };
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), polkadot_sdk::sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// How an adapter version was trained.
		pub fn training(version: AssetRef) -> Option<TrainingView> {
			Trainings::<T>::get(version.asset, version.version).map(Into::into)
		}

		/// What a version or a direct parent of it was trained on and what has been erased since: from
		/// position `start` on, at most `limit` (cut to 256). A version with any is marked.
		pub fn erased(version: AssetRef, start: u32, limit: u32) -> Vec<(DataNetId, ContributionIndex)> {
			Self::erased_views(version, start, limit.min(MAX_PAGE))
		}

		/// Who may report on an asset.
		pub fn evaluators(asset: AssetId) -> Vec<T::AccountId> {
			Evaluators::<T>::get(asset).into_inner()
		}

		/// What was reported on all versions of an asset, oldest version first.
		pub fn evaluations(asset: AssetId) -> Vec<EvaluationView> {
			Self::evaluation_views(asset)
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Registers a base model and its first version. Emits `Registry.Registered` with its id.
		///
		/// - `content`: BLAKE3 of the model folder's manifest.
		/// - `price`: planck per 1,000 tokens.
		#[pallet::call_index(0)]
		#[pallet::weight(<T as Config>::WeightInfo::register_base())]
		pub fn register_base(
			origin: OriginFor<T>,
			name: Name,
			content: Hash,
			hints: Hints,
			price: Price,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_register_base(&who, name, content, hints, price)
		}

		/// Registers a LoRA adapter and its first version. Emits `Registry.Registered` with its id.
		///
		/// - `content`: BLAKE3 of the PEFT folder's manifest.
		/// - `parents`: adapters it is derived from, each with its part of the income in ppm.
		/// - `training`: how it was made.
		#[pallet::call_index(1)]
		#[pallet::weight(<T as Config>::WeightInfo::register_adapter(
			parents.len() as u32,
			training.snapshots.len() as u32,
		))]
		pub fn register_adapter(
			origin: OriginFor<T>,
			name: Name,
			content: Hash,
			hints: Hints,
			price: Price,
			parents: BoundedVec<Parent, MaxParents>,
			training: Training,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_register_adapter(&who, name, content, hints, price, &parents, training)
		}

		/// Registers the next version of a base model (without training) or of an adapter (with).
		#[pallet::call_index(2)]
		#[pallet::weight(<T as Config>::WeightInfo::add_version(
			parents.len() as u32,
			training.as_ref().map_or(0, |training| training.snapshots.len() as u32),
		))]
		pub fn add_version(
			origin: OriginFor<T>,
			asset: AssetId,
			content: Hash,
			hints: Hints,
			parents: BoundedVec<Parent, MaxParents>,
			training: Option<Training>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_add_version(&who, asset, content, hints, &parents, training)
		}

		/// Names who may report on a base model or adapter. An evaluator who is no longer named stops
		/// earning; its reports stay until others need their room.
		#[pallet::call_index(3)]
		#[pallet::weight(<T as Config>::WeightInfo::set_evaluators(evaluators.len() as u32))]
		pub fn set_evaluators(
			origin: OriginFor<T>,
			asset: AssetId,
			evaluators: EvaluatorList<T::AccountId>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_evaluators(&who, asset, evaluators)
		}

		/// Reports a score on a version; a later report on the same metric replaces it. From the first
		/// report on, the evaluator shares the asset's evaluation income. A deposit is held.
		///
		/// - `benchmark`: the snapshot it was measured on. Its DataNet must be none that the version or a
		///   direct parent of it was trained on; parents of parents are not looked up.
		/// - `score`: millionths of the metric's unit.
		/// - `report`: BLAKE3 of the full report.
		#[pallet::call_index(4)]
		#[pallet::weight(<T as Config>::WeightInfo::report())]
		pub fn report(
			origin: OriginFor<T>,
			asset: AssetId,
			version: AssetVersion,
			benchmark: SnapshotRef,
			metric: Metric,
			score: i64,
			report: Hash,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_report(who, AssetRef { asset, version }, benchmark, metric, score, report)
		}

		/// Takes an own report back; its deposit is returned. Without any report on the asset, the evaluator
		/// no longer shares its evaluation income.
		#[pallet::call_index(5)]
		#[pallet::weight(<T as Config>::WeightInfo::withdraw_report())]
		pub fn withdraw_report(
			origin: OriginFor<T>,
			asset: AssetId,
			version: AssetVersion,
			metric: Metric,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw_report(&who, AssetRef { asset, version }, &metric)
		}
	}
}
