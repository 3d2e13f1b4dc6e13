//! Identifiers, units and small shared enums.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// An account's 32 bytes, as the chain's `AccountId32` encodes them.
pub type AccountId = [u8; 32];
/// A 32-byte digest: BLAKE3 for content, blake2-256 for what the chain recomputes.
pub type Hash = [u8; 32];
/// Money in planck: 10^-12 of a TRB.
pub type Balance = u128;
/// A block height.
pub type BlockNumber = u32;
/// Parts per million.
pub type Ppm = u32;
/// A DataNet.
pub type DataNetId = u32;
/// A contribution's index inside its DataNet.
pub type ContributionIndex = u32;
/// A DataNet snapshot; the first is 1.
pub type SnapshotVersion = u32;
/// An asset: base model, adapter, prompt, tool or agent. One numbering for all kinds.
pub type AssetId = u32;
/// A version of an asset; the first is 1.
pub type AssetVersion = u32;

/// An X25519 public key, as an age recipient encodes it.
pub type Recipient = [u8; 32];

/// One whole in [`Ppm`].
pub const PPM: u32 = 1_000_000;
/// One TRB in planck.
pub const TRB: Balance = 1_000_000_000_000;

/// What an asset is.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum AssetKind {
	/// Weights that answers are generated with.
	BaseModel,
	/// LoRA weights on a base model.
	Adapter,
	/// A versioned behaviour layer.
	Prompt,
	/// An MCP server and its tool list.
	Tool,
	/// A composition that requests name as their `model`.
	Agent,
}

/// One version of an asset.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct AssetRef {
	/// The asset.
	pub asset: AssetId,
	/// Its version.
	pub version: AssetVersion,
}

/// One snapshot of a DataNet.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct SnapshotRef {
	/// The DataNet.
	pub datanet: DataNetId,
	/// Its snapshot.
	pub version: SnapshotVersion,
}

/// An O(1) accumulator of money that several holders share by fixed weights.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum VaultKey {
	/// The protocol's treasury.
	Platform,
	/// Those who stake on validators.
	Stakers,
	/// A worker's operator.
	Operator(AccountId),
	/// An asset's owner, or the accounts the owner splits its income among.
	Asset(AssetId),
	/// The evaluators who reported on an asset.
	Evaluators(AssetId),
	/// Every contributor of a DataNet, weighted by accepted contributions.
	Pool(DataNetId),
}

/// Whom a leaf of an earnings tree pays.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum Earner {
	/// A contributor.
	Account(AccountId),
	/// A DataNet's pool: shares outside the top K of a vector, and rounding.
	Pool(DataNetId),
}

/// What an account may use a private DataNet's texts for.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum Purpose {
	/// Training adapters on them.
	Train,
	/// Retrieving from them for answers.
	Retrieve,
}

/// What a document says about an asset's version.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum DocumentKind {
	/// What is lost without each DataNet, contributor, prompt or adapter.
	Ablation,
	/// How it was trained: configuration, curves, environment.
	TrainingRun,
	/// Signed statements of where it comes from.
	Provenance,
}
