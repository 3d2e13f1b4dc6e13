//! What the calls do: checking and registering compositions.

use crate::{pallet::*, types::*};
use alloc::{collections::BTreeSet, vec::Vec};
use codec::{Encode, MaxEncodedLen};
use frame::prelude::*;
use pallet_registry::{AdapterBase, AssetOf, Name, NewVersion, Pallet as Registry};
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{fee::Price, traits::Snapshots, AssetId, AssetKind, AssetRef};

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

	/// Every part exists, is of its kind, is not retired, fits the base model and is there once, and the
	/// price covers them all.
	fn check(composition: &Composition) -> DispatchResult {
		let Composition { base, adapters, prompts, datanets, price } = composition;
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
		let distinct = is_distinct(adapters.iter().map(|(adapter, _)| adapter.asset))
			&& is_distinct(prompts.iter().map(|prompt| prompt.asset))
			&& is_distinct(datanets.iter().map(|snapshot| snapshot.datanet));
		ensure!(distinct, Error::<T>::Duplicate);
		ensure!(price.covers(Self::floor_of(composition)?), Error::<T>::PriceTooLow);
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
