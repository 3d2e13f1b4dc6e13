//! What is stored.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use polkadot_sdk::{
	frame_support::{traits::ConstU32, BoundedVec},
	sp_runtime::AccountId32,
	sp_staking::SessionIndex,
};
use scale_info::TypeInfo;
use tributary_primitives::{Balance, BlockNumber, Ppm};

/// Most unbonding chunks that one staker has with one candidate.
pub const MAX_CHUNKS: u32 = 32;

/// Shortest session, blocks. In a session's first block there is no room for users' transactions.
pub const MIN_SESSION_BLOCKS: BlockNumber = 5;
/// Longest session, blocks: a week, at six seconds a block. Sets change and rewards are shared that seldom.
pub const MAX_SESSION_BLOCKS: BlockNumber = 100_800;
/// Fewest unbonding sessions. With one, what was done in a session's last block could not be reported any more.
pub const MIN_UNBONDING_SESSIONS: SessionIndex = 2;

/// A validator's session keys, encoded.
pub type SessionKeyBytes = BoundedVec<u8, ConstU32<256>>;

/// How long sessions and unbonding take.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	serde::Serialize,
	serde::Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct Timing {
	/// Length of a session, blocks.
	pub session_blocks: BlockNumber,
	/// Sessions for which stake stays slashable after it was last counted in an election. Offences are
	/// punished up to this old.
	pub unbonding_sessions: SessionIndex,
}

impl Default for Timing {
	/// An hour and a week, at six seconds a block.
	fn default() -> Self {
		Self { session_blocks: 600, unbonding_sessions: 168 }
	}
}

impl Timing {
	/// Whether sessions, or the time for which stake stays slashable, become shorter than they are with `other`.
	pub fn is_shorter_than(&self, other: &Self) -> bool {
		let slashable =
			|timing: &Self| u64::from(timing.session_blocks).saturating_mul(timing.unbonding_sessions.into());
		self.session_blocks < other.session_blocks || slashable(self) < slashable(other)
	}

	/// Whether a chain can run with it.
	pub fn is_valid(&self, most_sessions: u32) -> bool {
		(MIN_SESSION_BLOCKS..=MAX_SESSION_BLOCKS).contains(&self.session_blocks)
			&& (MIN_UNBONDING_SESSIONS..=most_sessions).contains(&self.unbonding_sessions)
	}
}

/// A candidate. Its stake is that of its pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Candidate {
	/// Its part of its pool's rewards, before they are shared by stake, ppm.
	pub commission: Ppm,
	/// Session in which the commission was last raised.
	pub raised: SessionIndex,
	/// Whether it stands for election.
	pub active: bool,
}

/// A candidate in the order of stake.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Rank {
	/// The candidate.
	pub candidate: AccountId32,
	/// Stake of its pool, planck.
	pub stake: Balance,
}

/// What a validator had at stake in a session.
#[derive(
	Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Exposure {
	/// Stake of its pool when it was elected, planck.
	pub stake: Balance,
}

/// A validator of a session.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct ElectedValidator {
	/// The validator.
	pub validator: AccountId32,
	/// What it has at stake.
	pub exposure: Exposure,
}

/// Stake that leaves, of one staker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Chunk {
	/// Last session whose election counted it: names its tranche.
	pub counted_until: SessionIndex,
	/// First session in which it may be withdrawn.
	pub unlocks: SessionIndex,
	/// Shares of the tranche.
	pub shares: u128,
	/// What is on hold for it, planck.
	pub held: Balance,
}

/// A validator that was caught, for as long as it is jailed: a set may have it all the same.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Suspension {
	/// The validator.
	pub validator: AccountId32,
	/// How bad it was: the slashed part in parts per billion.
	pub severity: u32,
	/// Last session of the suspension.
	pub until: SessionIndex,
}
