//! Reads, and what the attribution pallet asks.

use crate::{pallet::*, types::*};
use alloc::vec::Vec;
use pallet_registry::{paging, AssetOf, Pallet as Registry};
use tributary_primitives::{
	traits::{AgentParts, Part, Parts, ToolPart, Tools, VaultHolders},
	views::{select, AgentView},
	AssetId, AssetRef, AssetVersion, Ppm, Served, VaultKey,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn agent_view(id: AssetId, version: Option<AssetVersion>) -> Option<AgentView> {
		let AssetOf::<T> { name, owner, retired, newest, .. } = Registry::<T>::get(id).ok()?;
		let agent = AssetRef { asset: id, version: version.unwrap_or(newest) };
		let composition = Compositions::<T>::get(agent.asset, agent.version)?;
		Some(AgentView {
			agent,
			name: name.into_inner(),
			owner: owner.into(),
			price: composition.price,
			evaluated: Self::evaluated(composition.base, &composition.adapters),
			staked: T::Vaults::total_weight(VaultKey::Stakers) > 0,
			base: composition.base,
			adapters: composition.adapters.into_inner(),
			prompts: composition.prompts.into_inner(),
			datanets: composition.datanets.into_inner(),
			tools: composition.tools.iter().filter_map(|tool| T::Tools::view(*tool)).collect(),
			skills: composition.skills.into_iter().map(Into::into).collect(),
			retired,
		})
	}

	pub(crate) fn agent_views(start: AssetId, limit: u32) -> Vec<AgentView> {
		paging::page(AgentCount::<T>::get(), start, limit, Agents::<T>::get)
			.filter_map(|id| Self::agent_view(id, None))
			.collect()
	}

	/// Base model and adapters that somebody evaluates.
	fn evaluated(base: AssetRef, adapters: &[(AssetRef, Ppm)]) -> Vec<AssetId> {
		let has_evaluators = |id: &AssetId| T::Vaults::total_weight(VaultKey::Evaluators(*id)) > 0;
		let adapters = adapters.iter().map(|(adapter, _)| adapter.asset);
		core::iter::once(base.asset).chain(adapters).filter(has_evaluators).collect()
	}

	fn part(id: AssetRef) -> Option<Part> {
		let weight = Registry::<T>::get(id.asset).ok()?.price.weight();
		Some(Part { weight, payees: Registry::<T>::payees(id)? })
	}

	fn tool(id: AssetRef) -> Option<ToolPart> {
		Some(ToolPart { price: T::Tools::price(id)?, payees: Registry::<T>::payees(id)? })
	}
}

impl<T: Config> AgentParts for Pallet<T> {
	fn parts(served: Served) -> Option<Parts> {
		let Served { agent, skills } = served;
		let composition = Compositions::<T>::get(agent.asset, agent.version)?;
		let groups = &composition.skills;
		if !skills.fits(groups.len()) {
			return None;
		}
		let mask = |of: fn(&Skill) -> u8| skills.active(groups.iter().map(of));
		let adapters = select(&composition.adapters, mask(|skill| skill.adapters));
		let prompts = select(&composition.prompts, mask(|skill| skill.prompts));
		let datanets = select(&composition.datanets, mask(|skill| skill.datanets));
		Some(Parts {
			agent: Registry::<T>::payees(agent)?,
			base: Registry::<T>::payees(composition.base)?,
			adapters: adapters.iter().map(|(adapter, _)| Self::part(*adapter)).collect::<Option<_>>()?,
			prompts: prompts.iter().map(|prompt| Self::part(*prompt)).collect::<Option<_>>()?,
			tools: composition.tools.iter().map(|tool| Self::tool(*tool)).collect::<Option<_>>()?,
			evaluated: Self::evaluated(composition.base, &adapters),
			datanets: datanets.iter().map(|snapshot| snapshot.datanet).collect(),
		})
	}
}
