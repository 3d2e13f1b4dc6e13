//! What the pallet stores and what its calls take.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame::prelude::BoundedVec;
use polkadot_sdk::polkadot_sdk_frame as frame;
use scale_info::TypeInfo;
use tributary_primitives::{
	fee::Price,
	hash::tagged,
	limits::{MaxAgentAdapters, MaxAgentDataNets, MaxAgentPrompts},
	AssetId, AssetRef, Hash, Ppm, SnapshotRef,
};

/// Strongest use of an adapter: four times its trained strength.
pub const MAX_SCALE: Ppm = 4_000_000;

/// Domain of a composition's hash.
pub const COMPOSITION_DOMAIN: &str = "tributary/composition";

/// What an agent version is made of.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Composition {
	/// The base model version that answers.
	pub base: AssetRef,
	/// Adapter versions and their scales: ppm of the trained strength, 1 to 4,000,000.
	pub adapters: BoundedVec<(AssetRef, Ppm), MaxAgentAdapters>,
	/// Prompt versions, in order.
	pub prompts: BoundedVec<AssetRef, MaxAgentPrompts>,
	/// The snapshots it retrieves from and whose contributors it pays.
	pub datanets: BoundedVec<SnapshotRef, MaxAgentDataNets>,
	/// What this version costs, planck per 1,000 tokens. Part of the version, so that what an answer cost
	/// can be checked long after the price changed.
	pub price: Price,
}

impl Composition {
	/// The content hash of an agent version.
	pub fn hash(&self) -> Hash {
		tagged(COMPOSITION_DOMAIN, self)
	}

	/// Base model and adapters: what evaluators report on.
	pub fn models(&self) -> Vec<AssetId> {
		let adapters = self.adapters.iter().map(|(adapter, _)| adapter.asset);
		core::iter::once(self.base.asset).chain(adapters).collect()
	}
}
