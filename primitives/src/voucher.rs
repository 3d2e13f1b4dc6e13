//! Vouchers: how a payer lets one worker draw on one channel.

use crate::{hash::tagged, AccountId, Balance, BlockNumber, Hash};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// What a payer signs. Cumulative: a later voucher replaces all earlier ones of its channel, so only
/// the last reaches the chain.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Voucher {
	/// Genesis block hash of the chain the channel is on.
	pub genesis: Hash,
	/// Who pays.
	pub payer: AccountId,
	/// The operator who may charge.
	pub worker: AccountId,
	/// Nonce of the channel; a reopened channel has another, so old vouchers die with it.
	pub channel: u64,
	/// Most the worker may have charged over the channel's whole life, planck.
	pub cumulative: Balance,
	/// Last block at which a batch may use it.
	pub expiry: BlockNumber,
}

impl Voucher {
	/// The 32 bytes that are signed (sr25519, context `substrate`).
	pub fn signing_hash(&self) -> Hash {
		tagged("tributary/voucher/1", self)
	}
}

/// A voucher and the payer's (or its session key's) sr25519 signature over [`Voucher::signing_hash`].
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct SignedVoucher {
	/// The voucher.
	pub voucher: Voucher,
	/// sr25519 signature.
	pub signature: [u8; 64],
}
