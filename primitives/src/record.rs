//! Usage records: one inference each, with its attribution vector.

use crate::{
	hash::tagged,
	limits::{MaxAgentTools, MaxShares},
	merkle_sum::{self, SumNode},
	request::SignedOrder,
	AssetRef, Balance, ContributionIndex, DataNetId, Earner, Hash, Ppm, Served, SkillSet, PPM,
};
use bounded_collections::BoundedVec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Why a share is paid.
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
pub enum Method {
	/// The answer repeats a span of the contribution.
	Span,
	/// The contribution was in the context.
	Retrieval,
	/// The contribution moved the adapter's gradients (reserved for gradient-based attribution).
	Influence,
	/// Nothing points at a single contribution, or it is outside the top K: the DataNet's pool.
	Pool,
}

/// One entry of an attribution vector.
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
pub struct Share {
	/// The DataNet the share comes from.
	pub datanet: DataNetId,
	/// The contribution; `None` for the pool.
	pub contribution: Option<ContributionIndex>,
	/// Why.
	pub method: Method,
	/// Who is paid.
	pub earner: Earner,
	/// Part of the record's data share, ppm.
	pub ppm: Ppm,
}

/// An attribution vector: sorted, without duplicates of (DataNet, contribution, method), summing to
/// exactly [`PPM`]; empty when the agent has no DataNet.
pub type Vector = BoundedVec<Share, MaxShares>;

/// Whether a vector has the form that [`Vector`] promises.
pub fn is_valid_vector(vector: &[Share]) -> bool {
	let place = |share: &Share| (share.datanet, share.contribution, share.method);
	let sorted = vector.is_sorted_by(|a, b| place(a) < place(b));
	let pools = vector.iter().all(|share| match share.earner {
		Earner::Pool(datanet) => share.contribution.is_none() && datanet == share.datanet,
		Earner::Account(_) => share.contribution.is_some() && share.method != Method::Pool,
	});
	let sum = vector.iter().try_fold(0u32, |s, share| s.checked_add(share.ppm));
	sorted && pools && (vector.is_empty() || sum == Some(PPM)) && vector.iter().all(|share| share.ppm > 0)
}

/// Calls of one tool in a record.
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
pub struct ToolUse {
	/// The tool version.
	pub tool: AssetRef,
	/// How often the model called it: once each, however often a call was retried. Above zero.
	pub calls: u32,
}

/// The tools that a record paid for: sorted, each once, none without calls.
pub type ToolUses = BoundedVec<ToolUse, MaxAgentTools>;

/// Whether the calls of a record have the form that [`ToolUses`] promises.
pub fn are_valid_calls(calls: &[ToolUse]) -> bool {
	let sorted = calls.is_sorted_by(|a, b| a.tool < b.tool);
	sorted && calls.iter().all(|tool| tool.calls > 0)
}

/// One inference.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct UsageRecord {
	/// What the payer signed; its id is the record's.
	pub order: SignedOrder,
	/// The agent that answered.
	pub agent: AssetRef,
	/// Which of its skills were active.
	pub skills: SkillSet,
	/// Prompt tokens.
	pub tokens_in: u32,
	/// Generated tokens.
	pub tokens_out: u32,
	/// Which tools were called, and how often.
	pub calls: ToolUses,
	/// Price of the calls, planck.
	pub tools: Balance,
	/// Version of the parameters whose platform fee is in the fee: those in force when the answer began. A
	/// batch is split by those in force when it arrives, which may be later ones.
	pub parameters: u32,
	/// What was charged, planck.
	pub fee: Balance,
	/// blake2-256 of the generated token ids (u32 little-endian each), of several choices one after the
	/// other; of embeddings' numbers (f32 little-endian each) where nothing is generated.
	pub output: Hash,
	/// blake2-256 of the published evidence (spans, retrieved chunks) behind the vector.
	pub evidence: Hash,
	/// blake2-256 of the numerics profile: engine version, device class, data type.
	pub profile: Hash,
	/// Unix time when the answer ended, milliseconds.
	pub at: u64,
	/// Who shaped the answer.
	pub vector: Vector,
}

impl UsageRecord {
	/// What answered.
	pub fn served(&self) -> Served {
		Served { agent: self.agent, skills: self.skills }
	}

	/// What is divided among the parts by their shares, planck: the fee less the price of tool calls and
	/// `platform_fee`. Zero when these are more: the platform's fee may have been raised since the answer.
	pub fn net(&self, platform_fee: Balance) -> Balance {
		self.fee.saturating_sub(self.tools).saturating_sub(platform_fee)
	}

	/// The record's hash.
	pub fn hash(&self) -> Hash {
		tagged("tributary/record/2", self)
	}

	/// The record's leaf in its batch's Merkle-sum tree of fees.
	pub fn leaf(&self) -> SumNode {
		merkle_sum::leaf(&self.hash(), self.fee)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn used(asset: u32, calls: u32) -> ToolUse {
		ToolUse { tool: AssetRef { asset, version: 1 }, calls }
	}

	#[test]
	fn calls_are_valid_when_sorted_and_counted() {
		assert!(are_valid_calls(&[]));
		assert!(are_valid_calls(&[used(1, 2), used(2, 1)]));
	}

	#[test]
	fn calls_are_refused_when_unsorted_repeated_or_empty() {
		assert!(!are_valid_calls(&[used(2, 1), used(1, 1)]));
		assert!(!are_valid_calls(&[used(1, 1), used(1, 1)]));
		assert!(!are_valid_calls(&[used(1, 0)]));
	}

	fn share(contribution: u32, ppm: Ppm) -> Share {
		Share {
			datanet: 1,
			contribution: Some(contribution),
			method: Method::Span,
			earner: Earner::Account([7; 32]),
			ppm,
		}
	}

	#[test]
	fn vector_is_valid_when_sorted_and_whole() {
		assert!(is_valid_vector(&[]));
		assert!(is_valid_vector(&[share(1, 400_000), share(2, 600_000)]));
	}

	#[test]
	fn vector_is_refused_when_it_misses_a_part_per_million() {
		assert!(!is_valid_vector(&[share(1, 400_000), share(2, 599_999)]));
	}

	#[test]
	fn vector_is_refused_when_unsorted_repeated_or_with_empty_shares() {
		assert!(!is_valid_vector(&[share(2, 600_000), share(1, 400_000)]));
		assert!(!is_valid_vector(&[share(1, 600_000), share(1, 400_000)]));
		assert!(!is_valid_vector(&[share(1, 1_000_000), share(2, 0)]));
	}

	#[test]
	fn vector_is_refused_when_a_pool_share_names_another_datanet() {
		let pool =
			Share { datanet: 1, contribution: None, method: Method::Pool, earner: Earner::Pool(2), ppm: PPM };
		assert!(!is_valid_vector(&[pool]));
	}
}
