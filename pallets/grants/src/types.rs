//! What the pallet stores.

use codec::{Decode, Encode, MaxEncodedLen};
use frame::prelude::BoundedVec;
use polkadot_sdk::polkadot_sdk_frame as frame;
use scale_info::TypeInfo;
use tributary_primitives::{limits::MaxCapsule, views::AccessView, Balance, BlockNumber, Purpose, Recipient};

/// A DataNet's identities, encrypted to a grantee: 1 to 1,024 bytes.
pub type Capsule = BoundedVec<u8, MaxCapsule>;
/// Whose a request or grant is, and what for.
pub type Key<AccountId> = (AccountId, Purpose);

/// Whom capsules for an account are encrypted to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Announcement<Ticket> {
	/// The account's own recipient.
	pub recipient: Recipient,
	/// The account's deposit.
	pub ticket: Ticket,
}

/// How a private DataNet is encrypted and what its use costs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Access<Ticket> {
	/// Whom new contributions are encrypted to.
	pub recipient: Recipient,
	/// Number of that recipient; the first is 1.
	pub epoch: u32,
	/// Price of a grant to train, planck; `None` while it is not offered.
	pub train: Option<Balance>,
	/// Price of a grant to retrieve, planck; `None` while it is not offered.
	pub retrieve: Option<Balance>,
	/// The owner's deposit.
	pub ticket: Ticket,
}

impl<Ticket> Access<Ticket> {
	/// Price of a grant for a purpose.
	pub fn price(&self, purpose: Purpose) -> Option<Balance> {
		match purpose {
			Purpose::Train => self.train,
			Purpose::Retrieve => self.retrieve,
		}
	}

	/// Sets the price of grants for a purpose.
	pub(crate) fn set_price(&mut self, purpose: Purpose, price: Option<Balance>) {
		match purpose {
			Purpose::Train => self.train = price,
			Purpose::Retrieve => self.retrieve = price,
		}
	}

	/// What users read of it.
	pub fn view(&self) -> AccessView {
		AccessView {
			recipient: self.recipient,
			epoch: self.epoch,
			train: self.train,
			retrieve: self.retrieve,
		}
	}
}

/// An open request.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Request<Ticket> {
	/// Held from the grantee for the grant, planck.
	pub price: Balance,
	/// Asked at.
	pub at: BlockNumber,
	/// The grantee's deposit.
	pub ticket: Ticket,
}

/// A grant that stands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Grant<Ticket> {
	/// The newest epoch whose identity is in the capsule.
	pub epoch: u32,
	/// The DataNet's identities, encrypted to the grantee.
	pub capsule: Capsule,
	/// Granted at, or granted anew.
	pub granted_at: BlockNumber,
	/// The owner's deposit.
	pub ticket: Ticket,
}
