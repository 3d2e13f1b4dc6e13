//! The payer's signed request and the sampling seed that follows from it.

use crate::{hash::tagged, AccountId, Balance, Hash};
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// What a payer signs for each request, before the worker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct RequestOrder {
	/// Genesis block hash.
	pub genesis: Hash,
	/// Who pays.
	pub payer: AccountId,
	/// Who is to answer.
	pub worker: AccountId,
	/// Nonce of the channel.
	pub channel: u64,
	/// Number of the request in its channel, growing by at least one each time: a replay is refused.
	pub nonce: u64,
	/// blake2-256 of the exact HTTP body.
	pub body: Hash,
	/// Most this request may cost, planck.
	pub max_fee: Balance,
}

impl RequestOrder {
	/// The 32 bytes that are signed (sr25519, context `substrate`).
	pub fn signing_hash(&self) -> Hash {
		tagged("tributary/request/1", self)
	}

	/// The request's id: what its trail and its usage record are found by.
	pub fn id(&self) -> Hash {
		tagged("tributary/request-id/1", self)
	}
}

/// A [`RequestOrder`] and its sr25519 signature by the payer or its session key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SignedOrder {
	/// The order.
	pub order: RequestOrder,
	/// sr25519 signature over [`RequestOrder::signing_hash`].
	pub signature: [u8; 64],
}

/// Seed of the sampler. The payer's signature comes first and the worker cannot choose anything in
/// it, so a worker cannot try seeds until an answer suits it.
pub fn sampling_seed(signature: &[u8; 64], worker: &AccountId, nonce: u64) -> Hash {
	tagged("tributary/seed/1", &(signature, worker, nonce))
}

/// Seed of the sampler when the body names one: the same for every order of this payer, so that a request
/// can be repeated. The worker chooses nothing here either: the order signs the payer and the body.
pub fn payer_seed(payer: &AccountId, seed: i64) -> Hash {
	tagged("tributary/payer-seed/1", &(payer, seed))
}

/// Seed of one of several choices of a request: the first has the request's own.
pub fn choice_seed(seed: &Hash, choice: u32) -> Hash {
	match choice {
		0 => *seed,
		_ => tagged("tributary/choice-seed/1", &(seed, choice)),
	}
}
