//! Usage batches: the signed usage proof that reaches the chain, and the records published beside it.

use crate::{
	earnings::EarningsLeaf, limits::MaxAgents, merkle_sum::SumNode, record::UsageRecord, AccountId, AssetRef,
	Balance, BlockNumber, Hash,
};
use alloc::vec::Vec;
use bounded_collections::BoundedVec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Head of a batch.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct BatchHeader {
	/// Number of the batch among the worker's; the first is 0, none is skipped.
	pub sequence: u64,
	/// Merkle-sum root of the records' fees.
	pub records_root: SumNode,
	/// Number of records.
	pub records: u32,
	/// BLAKE3 of the published [`BatchData`].
	pub data: Hash,
	/// Root of the worker's cumulative earnings tree after this batch; its sum is all data shares
	/// credited to the worker's batches so far.
	pub earnings: SumNode,
}

/// What one channel owes to one agent version in a batch.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct AgentUsage {
	/// Index into the batch's list of agent versions.
	pub agent: u8,
	/// Number of records.
	#[codec(compact)]
	pub records: u32,
	/// Sum of their fees, planck.
	#[codec(compact)]
	pub fee: Balance,
}

/// What one channel pays in a batch, and the voucher that allows it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ChannelCharge {
	/// Who pays.
	pub payer: AccountId,
	/// The channel's nonce.
	#[codec(compact)]
	pub channel: u64,
	/// The last voucher's cumulative amount, planck.
	#[codec(compact)]
	pub cumulative: Balance,
	/// The last voucher's expiry.
	#[codec(compact)]
	pub expiry: BlockNumber,
	/// The last voucher's signature.
	pub signature: [u8; 64],
	/// What is charged, by agent.
	pub usage: BoundedVec<AgentUsage, MaxAgents>,
}

impl ChannelCharge {
	/// Total charged, planck; `None` on overflow.
	pub fn amount(&self) -> Option<Balance> {
		self.usage.iter().try_fold(0u128, |sum, usage| sum.checked_add(usage.fee))
	}
}

/// Why a channel in a batch was not charged. The rest of the batch settles.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum ChannelFault {
	/// The payer has no open channel with this worker.
	NoChannel,
	/// The voucher is for another channel between the two.
	WrongChannel,
	/// The signature is not the payer's or its session key's.
	BadSignature,
	/// The voucher expired before the batch was included.
	Expired,
	/// The voucher allows less than what was charged before and now.
	OverVoucher,
	/// The channel holds less than what is charged.
	OverDeposit,
	/// The same channel is charged twice in the batch.
	Repeated,
	/// The held funds could not be moved.
	TransferFailed,
}

/// What a worker publishes beside a batch: enough for anyone to recompute every fee, share and root.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct BatchData {
	/// Genesis block hash.
	pub genesis: Hash,
	/// The worker's operator.
	pub worker: AccountId,
	/// The batch's number.
	pub sequence: u64,
	/// Version of the protocol parameters that fees were computed with.
	pub parameters: u32,
	/// The agent versions, in the order that [`AgentUsage::agent`] counts.
	pub agents: Vec<AssetRef>,
	/// The records, in the order of the records root.
	pub records: Vec<UsageRecord>,
	/// The earnings tree before this batch: all settled batches so far.
	pub settled: Vec<EarningsLeaf>,
}

/// The states of a batch.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum BatchStatus {
	/// In its challenge window.
	Pending,
	/// Challenged: waits for a verdict.
	Challenged,
	/// Credited to vaults and earnings.
	Credited,
	/// Voided: escrow given back.
	Voided,
}

/// What a challenge says is wrong with a batch. Automatic audits will decide the kinds one by one; the
/// authority decides them all until then.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Fault {
	/// A record's fee does not follow from its tokens and the agent's price.
	Fee {
		/// Index of the record.
		record: u32,
	},
	/// A record's order or voucher is not the payer's.
	Order {
		/// Index of the record.
		record: u32,
	},
	/// A record's answer is not what the agent's model gives under its seed.
	Inference {
		/// Index of the record.
		record: u32,
	},
	/// A record's attribution vector does not follow from its answer.
	Attribution {
		/// Index of the record.
		record: u32,
	},
	/// The earnings root does not follow from the records.
	Earnings,
	/// The published data is missing or does not match its hash.
	Unavailable,
}

/// Decision on a challenge.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Verdict {
	/// The batch is void: escrow goes back, the worker's bond is slashed.
	Void {
		/// Part of the bond to slash, ppm.
		slash: crate::Ppm,
	},
	/// The batch stands; the challenger's bond is lost.
	Stand,
}
