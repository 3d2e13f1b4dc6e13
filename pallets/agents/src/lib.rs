#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
	not(test),
	deny(
		clippy::arithmetic_side_effects,
		clippy::unwrap_used,
		clippy::expect_used,
		clippy::indexing_slicing,
		clippy::panic,
		clippy::unreachable,
		clippy::todo,
		clippy::unimplemented
	)
)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
pub mod benchmarking;
mod impls;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
mod views;
pub mod weights;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

use polkadot_sdk::polkadot_sdk_frame as frame;

#[allow(clippy::expect_used, clippy::unreachable, reason = "FRAME's macros expand to them")]
#[frame::pallet]
pub mod pallet {
	use super::*;
	use alloc::vec::Vec;
	use frame::prelude::*;
	use pallet_registry::{AdapterBase, Name};
	use tributary_primitives::{
		fee::Price,
		traits::{Snapshots, Tools},
		views::AgentView,
		AssetId, AssetRef, AssetVersion,
	};

	/// Version of the storage layout.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	/// Agents.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// What agents need from the runtime.
	#[pallet::config]
	pub trait Config:
		polkadot_sdk::frame_system::Config<RuntimeEvent: From<Event<Self>>> + pallet_registry::Config
	{
		/// What adapters run on.
		type Bases: AdapterBase;
		/// Which DataNet snapshots there are.
		type Snapshots: Snapshots;
		/// Which tools there are, and what a call costs.
		type Tools: Tools;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
		/// Sets up what benchmarks need of other pallets.
		#[cfg(feature = "runtime-benchmarks")]
		type BenchmarkHelper: crate::benchmarking::BenchmarkHelper;
	}

	/// What each agent version is made of.
	#[pallet::storage]
	pub type Compositions<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, AssetId, Blake2_128Concat, AssetVersion, Composition>;

	/// Which agent has a name. A retired agent keeps its own, so that nobody can pass for it.
	#[pallet::storage]
	pub type Names<T: Config> = StorageMap<_, Blake2_128Concat, Name, AssetId>;

	/// All agents in the order of their ids, for paged reads.
	#[pallet::storage]
	pub type Agents<T: Config> = StorageMap<_, Blake2_128Concat, u32, AssetId>;

	/// How many agents there are.
	#[pallet::storage]
	pub type AgentCount<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// What agents announce.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// An agent version was composed.
		Composed {
			/// The agent version.
			agent: AssetRef,
			/// The agent's name: the `model` of an OpenAI request.
			name: Name,
		},
	}

	/// Why agents refuse. The registry's errors come in addition.
	#[pallet::error]
	pub enum Error<T> {
		/// An agent's name is 1 to 64 of `a-z 0-9 - . _ : /`. Choose another.
		BadName,
		/// An agent has this name already. Choose another, or recompose that agent if it is yours.
		NameTaken,
		/// A scale is 1 to 4,000,000 ppm; 1,000,000 is the trained strength. Correct it.
		BadScale,
		/// The adapter was trained on another base model. Choose one of the agent's base model.
		ForeignBase,
		/// An adapter, prompt, DataNet or tool is in the composition twice, in any version. Leave one out.
		Duplicate,
		/// There is no such snapshot. List the DataNet's with `Datanets.datanet`, or take one.
		UnknownSnapshot,
		/// A skill's description is 1 to 256 bytes of UTF-8. Say what it is for: requests are compared with it.
		BadDescription,
		/// A skill's threshold is a cosine in millionths, -1,000,000 to 1,000,000. Correct it.
		BadThreshold,
		/// A skill names no adapter, prompt or DataNet. Give it one, or leave it out.
		EmptySkill,
		/// A skill's mask has a bit beyond the composition's list. Add the part, or clear the bit.
		ForeignSkill,
		/// The price is below what base model, adapters and prompts ask together. Ask at least
		/// `Agents.floor`.
		PriceTooLow,
		/// A sum does not fit its type. Choose parts with sensible prices.
		Overflow,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			use tributary_primitives::limits::*;
			let most = T::BlockWeights::get().get(DispatchClass::Normal).max_extrinsic.unwrap_or(Weight::MAX);
			let longest = <T as Config>::WeightInfo::compose(
				MAX_AGENT_ADAPTERS,
				MAX_AGENT_PROMPTS,
				MAX_AGENT_DATANETS,
				MAX_AGENT_TOOLS,
				MAX_AGENT_SKILLS,
			);
			assert!(longest.all_lte(most), "the largest agent must fit a block");
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), polkadot_sdk::sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// An agent version; the newest when none is named.
		pub fn agent(id: AssetId, version: Option<AssetVersion>) -> Option<AgentView> {
			Self::agent_view(id, version)
		}

		/// The newest versions of the agents from id `start` on, at most `limit` (cut to 256).
		pub fn agents(start: AssetId, limit: u32) -> Vec<AgentView> {
			Self::agent_views(start, limit)
		}

		/// The agent with this name.
		pub fn by_name(name: Name) -> Option<AssetId> {
			Names::<T>::get(name)
		}

		/// The least price of an agent of these parts, planck per 1,000 tokens, whatever price the
		/// composition names; nothing when a part is unknown.
		pub fn floor(composition: Composition) -> Option<Price> {
			Self::floor_of(&composition).ok()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Registers an agent and its first version. Its name is what requests give as `model`.
		///
		/// The composition's price is at least what its parts ask together.
		#[pallet::call_index(0)]
		#[pallet::weight(<T as Config>::WeightInfo::compose(
			composition.adapters.len() as u32,
			composition.prompts.len() as u32,
			composition.datanets.len() as u32,
			composition.tools.len() as u32,
			composition.skills.len() as u32,
		))]
		pub fn compose(origin: OriginFor<T>, name: Name, composition: Composition) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_compose(&who, name, composition)
		}

		/// Registers the next version of an agent: other parts, another price or both. Versions that were
		/// served keep their prices.
		#[pallet::call_index(1)]
		#[pallet::weight(<T as Config>::WeightInfo::recompose(
			composition.adapters.len() as u32,
			composition.prompts.len() as u32,
			composition.datanets.len() as u32,
			composition.tools.len() as u32,
			composition.skills.len() as u32,
		))]
		pub fn recompose(origin: OriginFor<T>, agent: AssetId, composition: Composition) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_recompose(&who, agent, composition)
		}
	}
}
