//! What the pallet stores and what its calls take.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame::prelude::{BoundedVec, ConstU32};
use polkadot_sdk::polkadot_sdk_frame as frame;
use scale_info::TypeInfo;
use tributary_primitives::{views::TrainingView, AssetRef, Hash, SnapshotRef};

/// Snapshots that one adapter version was trained on.
pub const MAX_SNAPSHOTS: u32 = 8;
/// Evaluators of one asset.
pub const MAX_EVALUATORS: u32 = 8;
/// Reports of one evaluator on one version: one for each metric.
pub const MAX_METRICS: u32 = 4;
/// Reports on one version.
pub const MAX_REPORTS: u32 = MAX_EVALUATORS * MAX_METRICS;
/// Highest LoRA rank.
pub const MAX_RANK: u16 = 512;

/// What was measured: 1 to 64 bytes of UTF-8, for example `perplexity`.
pub type Metric = BoundedVec<u8, ConstU32<64>>;
/// Who may report on an asset.
pub type EvaluatorList<AccountId> = BoundedVec<AccountId, ConstU32<MAX_EVALUATORS>>;
/// Reports on one version.
pub type ReportList<AccountId, Ticket> = BoundedVec<Report<AccountId, Ticket>, ConstU32<MAX_REPORTS>>;

/// How an adapter version was trained.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Training {
	/// The base model version it runs on.
	pub base: AssetRef,
	/// LoRA rank, 1 to 512.
	pub rank: u16,
	/// The DataNet snapshots it was trained on.
	pub snapshots: BoundedVec<SnapshotRef, ConstU32<MAX_SNAPSHOTS>>,
	/// BLAKE3 of the training configuration.
	pub configuration: Hash,
}

impl From<Training> for TrainingView {
	fn from(training: Training) -> Self {
		let Training { base, rank, snapshots, configuration } = training;
		Self { base, rank, snapshots: snapshots.into_inner(), configuration }
	}
}

/// A score.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Report<AccountId, Ticket> {
	/// Who evaluated, and whose money the deposit is.
	pub evaluator: AccountId,
	/// What it was measured on.
	pub benchmark: SnapshotRef,
	/// What was measured.
	pub metric: Metric,
	/// The score in millionths.
	pub score: i64,
	/// BLAKE3 of the report.
	pub report: Hash,
	/// The evaluator's deposit.
	pub ticket: Ticket,
}
