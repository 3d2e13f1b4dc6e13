//! What must hold in every block.

#![cfg(any(feature = "std", feature = "try-runtime"))]

use crate::pallet::*;
use frame::prelude::*;
use pallet_registry::{Assets, Pallet as Registry};
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::TryRuntimeError};
use tributary_primitives::{AssetKind, AssetRef};

impl<T: Config> Pallet<T> {
	/// - A prompt has at most one parent, and all its versions the same.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		for (asset, prompt) in Assets::<T>::iter().filter(|(_, asset)| asset.kind == AssetKind::Prompt) {
			let first = Registry::<T>::parents(AssetRef { asset, version: 1 });
			ensure!(first.len() <= 1, "prompt has several parents");
			for version in 2..=prompt.newest {
				let parents = Registry::<T>::parents(AssetRef { asset, version });
				ensure!(parents == first, "prompt version has left its parent");
			}
		}
		Ok(())
	}
}
