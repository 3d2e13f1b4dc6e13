//! What the pallet stores and what its calls take.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame::prelude::{BoundedVec, ConstU32};
use polkadot_sdk::polkadot_sdk_frame as frame;
use scale_info::TypeInfo;
use tributary_primitives::{
	limits::{MaxName, MaxText},
	views::{ContributionStatus, Policy, SnapshotView},
	ContributionIndex, Hash, SnapshotVersion,
};

/// Curators of one DataNet.
pub const MAX_CURATORS: u32 = 16;
/// Contributions that one call adds or reviews.
pub const MAX_BATCH: u32 = 128;
/// Bytes of a licence expression.
pub const MAX_LICENCE: u32 = 64;

/// A name: 1 to 64 bytes of UTF-8.
pub type Name = BoundedVec<u8, MaxName>;
/// Free text: at most 256 bytes of UTF-8.
pub type Text = BoundedVec<u8, MaxText>;
/// An SPDX licence expression: 1 to 64 bytes of UTF-8.
pub type Licence = BoundedVec<u8, ConstU32<MAX_LICENCE>>;
/// Who reviews.
pub type Curators<AccountId> = BoundedVec<AccountId, ConstU32<MAX_CURATORS>>;
/// Contributions of one call.
pub type Items = BoundedVec<Item, ConstU32<MAX_BATCH>>;
/// Reviews of one call.
pub type Decisions = BoundedVec<Decision, ConstU32<MAX_BATCH>>;

/// A text to contribute. The text itself stays off chain, under its hash.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Item {
	/// BLAKE3 of the text.
	pub content: Hash,
	/// Its length, bytes.
	pub bytes: u64,
	/// Its licence, an SPDX expression.
	pub licence: Licence,
	/// Title, source or other text.
	pub metadata: Text,
}

/// What a curator decides about one contribution.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Decision {
	/// The contribution.
	pub index: ContributionIndex,
	/// The decision.
	pub verdict: Review,
}

/// A curator's decision.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Review {
	/// Take it into the DataNet.
	Accept,
	/// Refuse it, for this reason (1 to 256 bytes of UTF-8).
	Reject(Text),
}

/// A DataNet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct DataNet<AccountId, Ticket> {
	/// Who names curators, and whose money the deposit is.
	pub owner: AccountId,
	/// Its name.
	pub name: Name,
	/// What it is about.
	pub description: Text,
	/// Who may add.
	pub policy: Policy,
	/// Who reviews, beside the owner.
	pub curators: Curators<AccountId>,
	/// The index that the next contribution gets.
	pub next: ContributionIndex,
	/// The newest snapshot; 0 for none.
	pub snapshots: SnapshotVersion,
	/// The owner's deposit.
	pub ticket: Ticket,
}

/// A contribution.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Contribution<AccountId, Ticket> {
	/// Who added it, and whose money the deposit is.
	pub contributor: AccountId,
	/// What was added. A tombstone empties its metadata.
	pub item: Item,
	/// Where it stands.
	pub status: Status,
	/// The contributor's deposit.
	pub ticket: Ticket,
}

/// Where a contribution stands. Unlike [`ContributionStatus`] it keeps a tombstone's leaf, without which
/// nobody could rebuild the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub enum Status {
	/// Waits for a curator.
	Pending,
	/// In every snapshot taken since.
	Accepted {
		/// Its leaf in the DataNet's range.
		leaf: u32,
	},
	/// Refused.
	Rejected,
	/// Erased, but its leaf stays.
	Tombstoned {
		/// Its leaf in the DataNet's range.
		leaf: u32,
	},
}

impl Status {
	/// Its leaf in the DataNet's range, if it was ever accepted.
	pub fn leaf(self) -> Option<u32> {
		match self {
			Self::Pending | Self::Rejected => None,
			Self::Accepted { leaf } | Self::Tombstoned { leaf } => Some(leaf),
		}
	}
}

impl From<Status> for ContributionStatus {
	fn from(status: Status) -> Self {
		match status {
			Status::Pending => Self::Pending,
			Status::Accepted { leaf } => Self::Accepted { leaf },
			Status::Rejected => Self::Rejected,
			Status::Tombstoned { .. } => Self::Tombstoned,
		}
	}
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Snapshot<AccountId, Ticket> {
	/// Root, leaves, time.
	pub view: SnapshotView,
	/// Who took it, and whose money the deposit is.
	pub depositor: AccountId,
	/// Its deposit.
	pub ticket: Ticket,
}
