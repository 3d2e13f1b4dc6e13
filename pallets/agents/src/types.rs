//! What the pallet stores and what its calls take.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame::prelude::BoundedVec;
use polkadot_sdk::polkadot_sdk_frame as frame;
use scale_info::TypeInfo;
use tributary_primitives::{
	fee::Price,
	hash::tagged,
	limits::{MaxAgentAdapters, MaxAgentDataNets, MaxAgentPrompts, MaxAgentSkills, MaxAgentTools, MaxText},
	views::SkillView,
	AssetId, AssetRef, Hash, Ppm, SnapshotRef,
};

/// Strongest use of an adapter: four times its trained strength.
pub const MAX_SCALE: Ppm = 4_000_000;

/// Bounds of a skill's threshold: the cosine is -1 to 1, in millionths.
pub const MAX_THRESHOLD: i32 = 1_000_000;

/// Domain of a composition's hash.
pub const COMPOSITION_DOMAIN: &str = "tributary/composition";

/// A group of parts that only those requests use which are similar to its description.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Skill {
	/// What it is for: 1 to 256 bytes of UTF-8. Requests are compared with this text.
	pub description: BoundedVec<u8, MaxText>,
	/// Least similarity of a request that uses it: cosine in millionths, -1,000,000 to 1,000,000.
	pub threshold: i32,
	/// Its adapters: bit *i* for the composition's adapter *i*.
	pub adapters: u8,
	/// Its prompts: bit *i* for the composition's prompt *i*.
	pub prompts: u8,
	/// Its DataNets: bit *i* for the composition's DataNet *i*.
	pub datanets: u8,
}

impl From<Skill> for SkillView {
	fn from(skill: Skill) -> Self {
		let Skill { description, threshold, adapters, prompts, datanets } = skill;
		Self { description: description.into_inner(), threshold, adapters, prompts, datanets }
	}
}

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
	/// The tool versions that the model may call.
	pub tools: BoundedVec<AssetRef, MaxAgentTools>,
	/// Which of the parts only some requests use. Parts in no skill are always active.
	pub skills: BoundedVec<Skill, MaxAgentSkills>,
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
