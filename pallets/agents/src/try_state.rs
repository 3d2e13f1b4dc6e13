//! What must hold in every block.

#![cfg(any(feature = "std", feature = "try-runtime"))]

use crate::{pallet::*, types::*};
use frame::prelude::*;
use pallet_registry::{AdapterBase, Assets, Pallet as Registry};
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::TryRuntimeError};
use tributary_primitives::{
	traits::{Snapshots, Tools},
	AssetId, AssetKind, AssetRef,
};

impl<T: Config> Pallet<T> {
	/// - Exactly the versions of agents have compositions, whose hash is the version's content and whose
	///   parts exist; an agent's price is its newest version's.
	/// - Every agent is listed once, in the order of ids, and holds its name.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let (mut agents, mut versions) = (0u32, 0u32);
		for (asset, agent) in Assets::<T>::iter().filter(|(_, asset)| asset.kind == AssetKind::Agent) {
			agents = agents.saturating_add(1);
			versions = versions.saturating_add(agent.newest);
			ensure!(Names::<T>::get(&agent.name) == Some(asset), "agent does not hold its name");
			for version in 1..=agent.newest {
				Self::try_composition(AssetRef { asset, version })?;
			}
			let newest = Compositions::<T>::get(asset, agent.newest).map(|composition| composition.price);
			ensure!(newest == Some(agent.price), "agent's price is not its newest version's");
		}
		ensure!(Compositions::<T>::iter_keys().count() == versions as usize, "composition without agent");
		ensure!(Names::<T>::iter_keys().count() == agents as usize, "name without agent");
		ensure!(AgentCount::<T>::get() == agents, "count of agents is wrong");
		ensure!(Agents::<T>::iter_keys().count() == agents as usize, "list of agents is wrong");
		let mut last: Option<AssetId> = None;
		for position in 0..agents {
			let id = Agents::<T>::get(position).ok_or("list of agents has gaps")?;
			ensure!(last.is_none_or(|last| last < id), "list of agents is out of order");
			ensure!(Registry::<T>::get(id)?.kind == AssetKind::Agent, "listed asset is no agent");
			last = Some(id);
		}
		Ok(())
	}

	fn try_composition(agent: AssetRef) -> Result<(), TryRuntimeError> {
		let composition =
			Compositions::<T>::get(agent.asset, agent.version).ok_or("agent without composition")?;
		let content = Registry::<T>::version(agent).map(|version| version.content);
		ensure!(content == Some(composition.hash()), "content is not the composition's hash");
		let Composition { base, adapters, prompts, datanets, tools, skills, price: _ } = &composition;
		ensure!(Registry::<T>::versioned(*base, AssetKind::BaseModel).is_ok(), "agent without base model");
		for (adapter, scale) in adapters {
			ensure!(Registry::<T>::versioned(*adapter, AssetKind::Adapter).is_ok(), "unknown adapter");
			ensure!((1..=MAX_SCALE).contains(scale), "scale out of bounds");
			let trained_on = T::Bases::base_of(*adapter).map(|base| base.asset);
			ensure!(trained_on == Some(base.asset), "adapter of another base model");
		}
		for prompt in prompts {
			ensure!(Registry::<T>::versioned(*prompt, AssetKind::Prompt).is_ok(), "unknown prompt");
		}
		ensure!(datanets.iter().all(|snapshot| T::Snapshots::exists(*snapshot)), "unknown snapshot");
		for tool in tools {
			ensure!(Registry::<T>::versioned(*tool, AssetKind::Tool).is_ok(), "unknown tool");
			ensure!(T::Tools::price(*tool).is_some(), "tool without price");
		}
		for skill in skills {
			Self::check_skill(skill, &composition)?;
		}
		Ok(())
	}
}
