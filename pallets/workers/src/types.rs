//! What is stored.

use codec::{Decode, Encode, MaxEncodedLen};
use polkadot_sdk::{polkadot_sdk_frame::prelude::BoundedVec, sp_core::ConstU32, sp_runtime::AccountId32};
use scale_info::TypeInfo;
use tributary_primitives::{limits::MaxUrl, AssetId, BlockNumber};

/// Most base models of one worker.
pub const MAX_MODELS: u32 = 16;

/// A URL in ASCII.
pub type Endpoint = BoundedVec<u8, MaxUrl>;
/// Base models.
pub type Models = BoundedVec<AssetId, ConstU32<MAX_MODELS>>;

/// A worker. Its bond is the operator's hold.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Worker {
	/// The key that submits batches.
	pub service_key: AccountId32,
	/// Where it serves.
	pub endpoint: Endpoint,
	/// Base models it serves.
	pub models: Models,
	/// First block at which the bond may be withdrawn; `None` while it is not leaving.
	pub unbonds_at: Option<BlockNumber>,
}
