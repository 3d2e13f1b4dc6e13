//! What the calls do, and the reads.

use crate::{
	pallet::*,
	types::{is_identity, is_server, Tool},
};
use alloc::vec::Vec;
use codec::{Encode, MaxEncodedLen};
use frame::prelude::*;
use pallet_registry::{paging, AssetOf, Hints, Name, NewVersion, Pallet as Registry};
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{
	fee::Price, traits::Tools as ToolsTrait, views::ToolView, AssetId, AssetKind, AssetRef, AssetVersion,
	Balance, Hash,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_register(
		who: &T::AccountId,
		name: Name,
		content: Hash,
		hints: Hints,
		tool: Tool,
	) -> DispatchResult {
		Self::check(&tool)?;
		let position = ToolCount::<T>::get();
		let count = position.checked_add(1).ok_or(Error::<T>::Overflow)?;
		let version = new_version(content, hints, &tool, AssetRef::max_encoded_len());
		// Tools are paid by the call: their tokens cost nothing.
		let asset = Registry::<T>::create(who, AssetKind::Tool, name, Price::default(), version)?;
		ToolIds::<T>::insert(position, asset);
		ToolCount::<T>::put(count);
		Self::put(AssetRef { asset, version: 1 }, tool);
		Ok(())
	}

	pub(crate) fn do_add_version(
		who: &T::AccountId,
		asset: AssetId,
		content: Hash,
		hints: Hints,
		tool: Tool,
	) -> DispatchResult {
		Self::check(&tool)?;
		let version = new_version(content, hints, &tool, 0);
		let version = Registry::<T>::add_version(who, AssetKind::Tool, asset, version)?;
		Self::put(version, tool);
		Ok(())
	}

	fn check(tool: &Tool) -> DispatchResult {
		ensure!(is_server(&tool.server), Error::<T>::BadServer);
		ensure!(is_identity(&tool.identity), Error::<T>::BadIdentity);
		Ok(())
	}

	fn put(version: AssetRef, tool: Tool) {
		let price = tool.price;
		Tools::<T>::insert(version.asset, version.version, tool);
		Self::deposit_event(Event::Offered { tool: version, price });
	}

	pub(crate) fn tool_view(id: AssetId, version: Option<AssetVersion>) -> Option<ToolView> {
		let AssetOf::<T> { name, owner, retired, newest, .. } = Registry::<T>::get(id).ok()?;
		let version = AssetRef { asset: id, version: version.unwrap_or(newest) };
		let Tool { server, identity, price } = Tools::<T>::get(version.asset, version.version)?;
		let registered = Registry::<T>::version(version)?;
		Some(ToolView {
			tool: version,
			name: name.into_inner(),
			owner: owner.into(),
			server: server.into_inner(),
			identity: identity.into_inner(),
			content: registered.content,
			hints: registered.hints,
			price,
			retired,
		})
	}

	pub(crate) fn tool_views(start: AssetId, limit: u32) -> Vec<ToolView> {
		paging::page(ToolCount::<T>::get(), start, limit, ToolIds::<T>::get)
			.filter_map(|id| Self::tool_view(id, None))
			.collect()
	}
}

impl<T: Config> ToolsTrait for Pallet<T> {
	fn price(tool: AssetRef) -> Option<Balance> {
		Tools::<T>::get(tool.asset, tool.version).map(|tool| tool.price)
	}

	fn view(tool: AssetRef) -> Option<ToolView> {
		Self::tool_view(tool.asset, Some(tool.version))
	}
}

/// The registry's record of a version, whose deposit covers what this pallet stores beside it.
fn new_version(content: Hash, hints: Hints, tool: &Tool, index_bytes: usize) -> NewVersion {
	let extra_bytes = tool.encoded_size().saturating_add(index_bytes) as u32;
	NewVersion { content, hints, parents: Default::default(), extra_bytes }
}
