//! What the calls do, and the reads.

use crate::pallet::*;
use frame::{prelude::*, traits::Get};
use pallet_registry::{Hints, Lineage, Name, NewVersion, Pallet as Registry, ParentVersion};
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{fee::Price, views::AssetView, AssetId, AssetKind, AssetRef, Hash};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_create(
		who: &T::AccountId,
		name: Name,
		content: Hash,
		hints: Hints,
		price: Price,
	) -> DispatchResult {
		let version = NewVersion { content, hints, parents: Lineage::new(), extra_bytes: 0 };
		Registry::<T>::create(who, AssetKind::Prompt, name, price, version)?;
		Ok(())
	}

	pub(crate) fn do_fork(
		who: &T::AccountId,
		parent: AssetRef,
		name: Name,
		content: Hash,
		hints: Hints,
		price: Price,
	) -> DispatchResult {
		Registry::<T>::versioned(parent, AssetKind::Prompt)?;
		let share = T::ForkShare::get();
		let parents = Lineage::truncate_from([ParentVersion { parent, share }].into());
		let version = NewVersion { content, hints, parents, extra_bytes: 0 };
		let fork = Registry::<T>::create(who, AssetKind::Prompt, name, price, version)?;
		Self::deposit_event(Event::Forked { parent, fork, share });
		Ok(())
	}

	pub(crate) fn do_add_version(
		who: &T::AccountId,
		asset: AssetId,
		content: Hash,
		hints: Hints,
	) -> DispatchResult {
		let parents = Self::lineage(asset);
		let version = NewVersion { content, hints, parents, extra_bytes: 0 };
		Registry::<T>::add_version(who, AssetKind::Prompt, asset, version)?;
		Ok(())
	}

	/// The parents of the first version are those of all.
	fn lineage(asset: AssetId) -> Lineage {
		Lineage::truncate_from(Registry::<T>::parents(AssetRef { asset, version: 1 }))
	}

	pub(crate) fn parent_of(asset: AssetId) -> Option<AssetRef> {
		Self::prompt_view(asset)?;
		Self::lineage(asset).first().map(|line| line.parent)
	}

	pub(crate) fn prompt_view(id: AssetId) -> Option<AssetView> {
		Registry::<T>::asset(id).filter(|asset| asset.kind == AssetKind::Prompt)
	}
}
