//! Usage batches: the signed usage proof that reaches the chain, and the records published beside it.

use crate::{
	earnings::EarningsLeaf,
	limits::{MaxAgentTools, MaxAgents},
	merkle_sum::SumNode,
	record::UsageRecord,
	AccountId, Balance, BlockNumber, Hash, Served,
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

/// How often one tool of an agent version was called in a channel's records.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ToolCalls {
	/// Index into the composition's list of tools.
	pub tool: u8,
	/// Number of calls, above zero.
	#[codec(compact)]
	pub calls: u32,
}

/// What one channel owes to one agent version with its active skills in a batch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct AgentUsage {
	/// Index into the batch's list of what served.
	pub agent: u8,
	/// Number of records.
	#[codec(compact)]
	pub records: u32,
	/// Sum of their fees, planck.
	#[codec(compact)]
	pub fee: Balance,
	/// Their tool calls: sorted by tool, each tool once. Their price is in the fee.
	pub calls: BoundedVec<ToolCalls, MaxAgentTools>,
}

impl AgentUsage {
	/// Whether the calls are sorted, name each tool once, none without calls, and none beyond the first
	/// `tools`.
	pub fn are_calls_valid(&self, tools: usize) -> bool {
		let sorted = self.calls.is_sorted_by(|a, b| a.tool < b.tool);
		sorted && self.calls.iter().all(|used| used.calls > 0 && usize::from(used.tool) < tools)
	}
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
	/// The agent versions with their active skills, in the order that [`AgentUsage::agent`] counts.
	pub agents: Vec<Served>,
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

#[cfg(test)]
mod tests {
	use super::*;

	fn usage(calls: &[(u8, u32)]) -> AgentUsage {
		let calls: Vec<_> =
			calls.iter().map(|(tool, calls)| ToolCalls { tool: *tool, calls: *calls }).collect();
		AgentUsage { agent: 0, records: 1, fee: 1, calls: calls.try_into().unwrap() }
	}

	#[test]
	fn calls_are_valid_when_sorted_counted_and_of_the_agents_tools() {
		assert!(usage(&[]).are_calls_valid(0));
		assert!(usage(&[(0, 1), (2, 7)]).are_calls_valid(3));
	}

	#[test]
	fn calls_are_refused_when_unsorted_repeated_empty_or_of_no_tool() {
		assert!(!usage(&[(1, 1), (0, 1)]).are_calls_valid(3));
		assert!(!usage(&[(1, 1), (1, 1)]).are_calls_valid(3));
		assert!(!usage(&[(1, 0)]).are_calls_valid(3));
		assert!(!usage(&[(3, 1)]).are_calls_valid(3));
	}
}
