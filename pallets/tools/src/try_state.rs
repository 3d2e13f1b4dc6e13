//! What must hold in every block.

#![cfg(any(feature = "std", feature = "try-runtime"))]

use crate::{
	pallet::*,
	types::{is_identity, is_server},
};
use frame::prelude::*;
use pallet_registry::{Assets, Pallet as Registry};
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::TryRuntimeError};
use tributary_primitives::{fee::Price, AssetId, AssetKind};

impl<T: Config> Pallet<T> {
	/// - Exactly the versions of tools have a server, an identity and a price per call; none has a price per
	///   token.
	/// - Every tool is listed once, in the order of ids.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let (mut tools, mut versions) = (0u32, 0u32);
		for (asset, registered) in Assets::<T>::iter().filter(|(_, asset)| asset.kind == AssetKind::Tool) {
			tools = tools.saturating_add(1);
			versions = versions.saturating_add(registered.newest);
			ensure!(registered.price == Price::default(), "tool has a price per token");
			for version in 1..=registered.newest {
				let tool = Tools::<T>::get(asset, version).ok_or("tool version without server")?;
				ensure!(is_server(&tool.server) && is_identity(&tool.identity), "tool with a bad server");
			}
		}
		ensure!(Tools::<T>::iter_keys().count() == versions as usize, "server without tool version");
		ensure!(ToolCount::<T>::get() == tools, "count of tools is wrong");
		ensure!(ToolIds::<T>::iter_keys().count() == tools as usize, "list of tools is wrong");
		let mut last: Option<AssetId> = None;
		for position in 0..tools {
			let id = ToolIds::<T>::get(position).ok_or("list of tools has gaps")?;
			ensure!(last.is_none_or(|last| last < id), "list of tools is out of order");
			ensure!(Registry::<T>::get(id)?.kind == AssetKind::Tool, "listed asset is no tool");
			last = Some(id);
		}
		Ok(())
	}
}
