//! What the calls do: checking and registering compositions.

use crate::{pallet::*, types::*};
use alloc::{collections::BTreeSet, vec::Vec};
use codec::{Encode, MaxEncodedLen};
use frame::prelude::*;
use pallet_registry::{AdapterBase, AssetOf, Name, NewVersion, Pallet as Registry};
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{fee::Price, served::mask_fits, traits::Snapshots, AssetId, AssetKind, AssetRef};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_compose(who: &T::AccountId, name: Name, composition: Composition) -> DispatchResult {
		ensure!(is_model_name(&name), Error::<T>::BadName);
		ensure!(!Names::<T>::contains_key(&name), Error::<T>::NameTaken);
		Self::check(&composition)?;
		let position = AgentCount::<T>::get();
		let count = position.checked_add(1).ok_or(Error::<T>::Overflow)?;
		let index_bytes = Name::max_encoded_len().saturating_add(AssetRef::max_encoded_len());
		let version = new_version(&composition, index_bytes);
		let asset = Registry::<T>::create(who, AssetKind::Agent, name.clone(), composition.price, version)?;
		let agent = AssetRef { asset, version: 1 };
		Names::<T>::insert(&name, asset);
		Agents::<T>::insert(position, asset);
		AgentCount::<T>::put(count);
		Compositions::<T>::insert(agent.asset, agent.version, composition);
		Self::deposit_event(Event::Composed { agent, name });
		Ok(())
	}

	pub(crate) fn do_recompose(who: &T::AccountId, id: AssetId, composition: Composition) -> DispatchResult {
		Self::check(&composition)?;
		let agent = Registry::<T>::add_version(who, AssetKind::Agent, id, new_version(&composition, 0))?;
		let AssetOf::<T> { name, .. } = Registry::<T>::get(id)?;
		Registry::<T>::put_price(id, composition.price)?;
		Compositions::<T>::insert(agent.asset, agent.version, composition);
		Self::deposit_event(Event::Composed { agent, name });
		Ok(())
	}

	/// Every part exists, is of its kind, is not retired, fits the base model and is there once, the skills
	/// are of these parts, and the price covers them all.
	fn check(composition: &Composition) -> DispatchResult {
		let Composition { base, adapters, prompts, datanets, tools, skills, price } = composition;
		Registry::<T>::usable(*base, AssetKind::BaseModel)?;
		for (adapter, scale) in adapters {
			Registry::<T>::usable(*adapter, AssetKind::Adapter)?;
			ensure!((1..=MAX_SCALE).contains(scale), Error::<T>::BadScale);
			let trained_on = T::Bases::base_of(*adapter).map(|base| base.asset);
			ensure!(trained_on == Some(base.asset), Error::<T>::ForeignBase);
		}
		for prompt in prompts {
			Registry::<T>::usable(*prompt, AssetKind::Prompt)?;
		}
		for snapshot in datanets {
			ensure!(T::Snapshots::exists(*snapshot), Error::<T>::UnknownSnapshot);
		}
		for tool in tools {
			Registry::<T>::usable(*tool, AssetKind::Tool)?;
		}
		let distinct = is_distinct(adapters.iter().map(|(adapter, _)| adapter.asset))
			&& is_distinct(prompts.iter().map(|prompt| prompt.asset))
			&& is_distinct(datanets.iter().map(|snapshot| snapshot.datanet))
			&& is_distinct(tools.iter().map(|tool| tool.asset));
		ensure!(distinct, Error::<T>::Duplicate);
		skills.iter().try_for_each(|skill| Self::check_skill(skill, composition))?;
		ensure!(price.covers(Self::floor_of(composition)?), Error::<T>::PriceTooLow);
		Ok(())
	}

	/// A skill's texts and numbers are in bounds, and its parts are the composition's.
	pub(crate) fn check_skill(skill: &Skill, of: &Composition) -> DispatchResult {
		let Skill { description, threshold, adapters, prompts, datanets } = skill;
		let is_text = !description.is_empty() && core::str::from_utf8(description).is_ok();
		ensure!(is_text, Error::<T>::BadDescription);
		ensure!((-MAX_THRESHOLD..=MAX_THRESHOLD).contains(threshold), Error::<T>::BadThreshold);
		ensure!(adapters | prompts | datanets != 0, Error::<T>::EmptySkill);
		let fits = mask_fits(*adapters, of.adapters.len())
			&& mask_fits(*prompts, of.prompts.len())
			&& mask_fits(*datanets, of.datanets.len());
		ensure!(fits, Error::<T>::ForeignSkill);
		Ok(())
	}

	/// What base model, adapters and prompts ask together now.
	pub(crate) fn floor_of(composition: &Composition) -> Result<Price, DispatchError> {
		let prompts = composition.prompts.iter().map(|prompt| prompt.asset);
		composition.models().into_iter().chain(prompts).try_fold(Price::default(), |sum, part| {
			let price = Registry::<T>::get(part)?.price;
			sum.checked_add(price).ok_or_else(|| Error::<T>::Overflow.into())
		})
	}
}

/// The registry's record of a composition, whose own bytes the deposit covers too.
fn new_version(composition: &Composition, index_bytes: usize) -> NewVersion {
	let extra_bytes = composition.encoded_size().saturating_add(index_bytes) as u32;
	NewVersion {
		content: composition.hash(),
		hints: Default::default(),
		parents: Default::default(),
		extra_bytes,
	}
}

/// Names go into URLs, file names and shells as they are.
fn is_model_name(name: &[u8]) -> bool {
	let allowed = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:/".contains(byte);
	!name.is_empty() && name.iter().all(allowed)
}

fn is_distinct(ids: impl Iterator<Item = u32>) -> bool {
	let ids: Vec<u32> = ids.collect();
	ids.iter().collect::<BTreeSet<_>>().len() == ids.len()
}
