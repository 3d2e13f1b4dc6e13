//! What is stored.

use codec::{Decode, Encode, MaxEncodedLen};
use polkadot_sdk::polkadot_sdk_frame::prelude::BoundedVec;
use scale_info::TypeInfo;
use tributary_primitives::{
	batch::{BatchHeader, BatchStatus, ChannelCharge, ChannelFault, Fault},
	limits::{MaxAgents, MaxChannels, MaxCredits},
	merkle_sum::SumNode,
	views::{AgentTotal, ChannelView, SettlementView},
	AccountId, Balance, BlockNumber, Hash, Served, VaultKey,
};

/// An sr25519 public key.
pub type Key = [u8; 32];
/// The agent versions of a batch with their active skills.
pub type Agents = BoundedVec<Served, MaxAgents>;
/// The charged channels of a batch.
pub type Charges = BoundedVec<ChannelCharge, MaxChannels>;

/// Batches of a worker whose summaries are kept; older ones are forgotten.
pub const KEPT_BATCHES: u32 = 1_024;

/// Escrow from one payer to one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Channel {
	/// Its number; no two channels ever have the same.
	pub nonce: u64,
	/// Held for it now, planck.
	pub deposit: Balance,
	/// Charged over its life, less what voided batches gave back, planck.
	pub charged: Balance,
	/// Key that may sign instead of the payer.
	pub session_key: Option<Key>,
	/// The key that replaces it and the first block at which it does.
	pub next_session_key: Option<(Option<Key>, BlockNumber)>,
	/// First block at which the rest may be withdrawn, when closing was asked for. Until it is, it may be charged.
	pub closes_at: Option<BlockNumber>,
}

impl Channel {
	/// The session key at block `now`.
	pub fn session_key_at(&self, now: BlockNumber) -> Option<Key> {
		match self.next_session_key {
			Some((next, from)) if now >= from => next,
			_ => self.session_key,
		}
	}

	/// What users read of it at block `now`.
	pub fn view(&self, now: BlockNumber) -> ChannelView {
		ChannelView {
			nonce: self.nonce,
			deposit: self.deposit,
			charged: self.charged,
			session_key: self.session_key_at(now),
			closes_at: self.closes_at,
		}
	}
}

/// A worker's settlement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Settlement {
	/// Number of the next batch.
	pub next_sequence: u64,
	/// Number of the oldest batch that is neither credited nor voided.
	pub oldest_pending: u64,
	/// Data shares of credited batches, planck.
	pub credited: Balance,
	/// Data shares of pending batches, planck.
	pub pending: Balance,
	/// The root that claims are proven against.
	pub root: SumNode,
	/// The batch that brought it.
	pub root_sequence: u64,
	/// Paid out against it, planck.
	pub claimed: Balance,
	/// Open challenges.
	pub challenges: u32,
}

impl Settlement {
	/// What users read of it.
	pub fn view(&self) -> SettlementView {
		SettlementView {
			next_sequence: self.next_sequence,
			oldest_pending: self.oldest_pending,
			credited: self.credited,
			pending: self.pending,
			root: self.root,
			root_sequence: self.root_sequence,
			claimed: self.claimed,
		}
	}
}

/// Summary of a batch, kept after it is settled.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Batch {
	/// Its head.
	pub header: BatchHeader,
	/// Its state.
	pub status: BatchStatus,
	/// Included at.
	pub submitted_at: BlockNumber,
	/// First block at which it may be credited.
	pub matures_at: BlockNumber,
	/// Version of the parameters it was split by.
	pub parameters: u32,
	/// Escrow it moved, planck.
	pub escrow: Balance,
	/// What each agent version with its active skills settled.
	pub agents: BoundedVec<AgentTotal, MaxAgents>,
	/// Channels that were not charged, and why.
	pub failed: BoundedVec<(AccountId, ChannelFault), MaxChannels>,
}

/// What one channel paid in a batch: what a void gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Charged {
	/// Who paid.
	pub payer: AccountId,
	/// The channel's nonce.
	pub channel: u64,
	/// How much, planck.
	pub amount: Balance,
}

/// The money of a batch that is neither credited nor voided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct PendingBatch {
	/// What each vault gets, planck.
	pub credits: BoundedVec<(VaultKey, Balance), MaxCredits>,
	/// What the earnings tree gets, planck.
	pub data: Balance,
	/// Where the escrow came from.
	pub charged: BoundedVec<Charged, MaxChannels>,
}

/// An open challenge.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Challenge {
	/// Who challenges.
	pub challenger: AccountId,
	/// Held of the challenger, planck.
	pub bond: Balance,
	/// What is said to be wrong.
	pub fault: Fault,
	/// BLAKE3 of the published evidence.
	pub evidence: Hash,
}
