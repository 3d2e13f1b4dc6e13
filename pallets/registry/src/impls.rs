//! What the calls do, and the functions by which the kind pallets register and read assets.

use crate::{
	pallet::*,
	types::{sole_holder, AssetOf, Hints, Holders, Lineage, Name, NewVersion, ParentVersion, Version},
};
use alloc::{collections::BTreeSet, vec::Vec};
use codec::Encode;
use frame::{
	prelude::*,
	traits::{
		fungible::hold::Mutate,
		tokens::{Fortitude, Precision, Restriction},
		Footprint,
	},
};
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{
	fee::Price,
	limits::MaxParents,
	royalty::{self, Parent, Payees},
	traits::{Overflow, VaultHolders},
	views::{AssetView, VersionView},
	AssetId, AssetKind, AssetRef, AssetVersion, Balance, VaultKey,
};

/// For kind pallets: register.
impl<T: Config> Pallet<T> {
	/// Registers an asset and its first version; `owner` holds the deposit and the vault.
	pub fn create(
		owner: &T::AccountId,
		kind: AssetKind,
		name: Name,
		price: Price,
		version: NewVersion,
	) -> Result<AssetId, DispatchError> {
		ensure!(is_text(&name), Error::<T>::BadName);
		let id = NextAsset::<T>::get();
		let next = id.checked_add(1).ok_or(Error::<T>::NoFreeId)?;
		let holders = sole_holder::<T>(owner);
		let mut asset = AssetOf::<T> {
			kind,
			owner: owner.clone(),
			name,
			price,
			newest: 0,
			retired: false,
			holders,
			deposit: 0,
		};
		Self::hold(&mut asset, AssetOf::<T>::max_encoded_len())?;
		Self::push_version(id, &mut asset, version)?;
		Self::set_weight(id, owner, 1)?;
		NextAsset::<T>::put(next);
		Assets::<T>::insert(id, asset);
		Self::deposit_event(Event::Registered { asset: id, kind, owner: owner.clone() });
		Ok(id)
	}

	/// Registers the next version of an asset in use; `who` must be its owner, `kind` its kind.
	pub fn add_version(
		who: &T::AccountId,
		kind: AssetKind,
		id: AssetId,
		version: NewVersion,
	) -> Result<AssetRef, DispatchError> {
		let mut asset = Self::owned(id, who)?;
		ensure!(asset.kind == kind, Error::<T>::WrongKind);
		ensure!(!asset.retired, Error::<T>::Retired);
		let version = Self::push_version(id, &mut asset, version)?;
		Assets::<T>::insert(id, asset);
		Self::deposit_event(Event::VersionAdded { version });
		Ok(version)
	}

	/// Keeps an asset's price in step with its newest version, for kinds whose versions have their own.
	pub fn put_price(id: AssetId, price: Price) -> DispatchResult {
		let mut asset = Self::get(id)?;
		if asset.price != price {
			asset.price = price;
			Assets::<T>::insert(id, asset);
			Self::deposit_event(Event::PriceSet { asset: id, price });
		}
		Ok(())
	}

	/// Parents by their newest versions.
	pub fn newest_parents(parents: &BoundedVec<Parent, MaxParents>) -> Result<Lineage, DispatchError> {
		let mut lineage = Lineage::new();
		for Parent { asset, share } in parents {
			let parent = Self::get(*asset)?.newest_ref(*asset);
			lineage.try_push(ParentVersion { parent, share: *share }).map_err(|_| Error::<T>::Overflow)?;
		}
		Ok(lineage)
	}

	/// Checks `parents`, flattens them and stores the version; the deposit grows with it.
	fn push_version(id: AssetId, asset: &mut AssetOf<T>, new: NewVersion) -> Result<AssetRef, DispatchError> {
		let NewVersion { content, hints, parents, extra_bytes } = new;
		Self::ensure_hints(&hints)?;
		let payees = Self::payees_of(id, asset.kind, &parents)?;
		let created_at = frame_system::Pallet::<T>::block_number().saturated_into();
		let version = Version { content, hints, parents, payees, created_at };
		let bytes = version.encoded_size().checked_add(extra_bytes as usize).ok_or(Error::<T>::Overflow)?;
		Self::hold(asset, bytes)?;
		asset.newest = asset.newest.checked_add(1).ok_or(Error::<T>::NoFreeId)?;
		Versions::<T>::insert(id, asset.newest, version);
		Ok(asset.newest_ref(id))
	}

	fn payees_of(id: AssetId, kind: AssetKind, parents: &Lineage) -> Result<Payees, DispatchError> {
		let mut seen = BTreeSet::new();
		let mut flattened = Vec::with_capacity(parents.len());
		for ParentVersion { parent, share } in parents {
			ensure!(parent.asset != id, Error::<T>::BadParent);
			ensure!(seen.insert(parent.asset), Error::<T>::DuplicateParent);
			ensure!(Self::get(parent.asset)?.kind == kind, Error::<T>::BadParent);
			let payees = Self::payees(*parent).ok_or(Error::<T>::UnknownVersion)?;
			flattened.push((Parent { asset: parent.asset, share: *share }, payees));
		}
		royalty::flatten(id, &flattened).ok_or_else(|| Error::<T>::BadShares.into())
	}

	pub(crate) fn ensure_hints(hints: &Hints) -> DispatchResult {
		ensure!(hints.iter().all(|hint| is_text(hint)), Error::<T>::BadHint);
		Ok(())
	}

	/// Holds the deposit for `bytes` more from the owner; returns it, planck.
	pub(crate) fn hold(asset: &mut AssetOf<T>, bytes: usize) -> Result<Balance, DispatchError> {
		let more = T::DepositPrice::convert(Footprint::from_parts(1, bytes));
		T::Currency::hold(&HoldReason::Asset.into(), &asset.owner, more)?;
		asset.deposit = asset.deposit.checked_add(more).ok_or(Error::<T>::Overflow)?;
		Ok(more)
	}

	/// Gives the owner `less` planck of the deposit back.
	pub(crate) fn release(asset: &mut AssetOf<T>, less: Balance) -> DispatchResult {
		T::Currency::release(&HoldReason::Asset.into(), &asset.owner, less, Precision::Exact)?;
		asset.deposit = asset.deposit.checked_sub(less).ok_or(Error::<T>::Overflow)?;
		Ok(())
	}
}

/// For kind pallets: read.
impl<T: Config> Pallet<T> {
	/// An asset.
	pub fn get(id: AssetId) -> Result<AssetOf<T>, DispatchError> {
		Assets::<T>::get(id).ok_or_else(|| Error::<T>::UnknownAsset.into())
	}

	/// An asset of which `who` is the owner.
	pub fn owned(id: AssetId, who: &T::AccountId) -> Result<AssetOf<T>, DispatchError> {
		let asset = Self::get(id)?;
		ensure!(asset.owner == *who, Error::<T>::NotOwner);
		Ok(asset)
	}

	/// The asset of a version that exists and is of `kind`.
	pub fn versioned(id: AssetRef, kind: AssetKind) -> Result<AssetOf<T>, DispatchError> {
		let asset = Self::get(id.asset)?;
		ensure!(asset.kind == kind, Error::<T>::WrongKind);
		ensure!(id.version > 0 && id.version <= asset.newest, Error::<T>::UnknownVersion);
		Ok(asset)
	}

	/// Like [`Self::versioned`], for an asset that is not retired.
	pub fn usable(id: AssetRef, kind: AssetKind) -> Result<AssetOf<T>, DispatchError> {
		let asset = Self::versioned(id, kind)?;
		ensure!(!asset.retired, Error::<T>::Retired);
		Ok(asset)
	}

	/// Who is paid when a version is used, itself first.
	pub fn payees(id: AssetRef) -> Option<Payees> {
		Versions::<T>::get(id.asset, id.version).map(|version| version.payees)
	}

	pub(crate) fn asset_view(id: AssetId, asset: AssetOf<T>) -> AssetView {
		let versions = (1..=asset.newest)
			.filter_map(|number| Some(Self::version_view(number, Versions::<T>::get(id, number)?)))
			.collect();
		AssetView {
			id,
			kind: asset.kind,
			owner: asset.owner.into(),
			name: asset.name.into_inner(),
			price: asset.price,
			retired: asset.retired,
			versions,
		}
	}

	pub(crate) fn version_view(version: AssetVersion, stored: Version) -> VersionView {
		VersionView {
			version,
			content: stored.content,
			hints: stored.hints.into_iter().map(|hint| hint.into_inner()).collect(),
			payees: stored.payees.into_inner(),
			created_at: stored.created_at,
		}
	}
}

/// What the calls do.
impl<T: Config> Pallet<T> {
	pub(crate) fn do_set_price(who: &T::AccountId, id: AssetId, price: Price) -> DispatchResult {
		let mut asset = Self::owned(id, who)?;
		ensure!(asset.kind != AssetKind::Agent, Error::<T>::PriceIsVersioned);
		asset.price = price;
		Assets::<T>::insert(id, asset);
		Self::deposit_event(Event::PriceSet { asset: id, price });
		Ok(())
	}

	/// The deposit moves with the asset, so nobody's money is held without a signature.
	pub(crate) fn do_transfer(who: T::AccountId, id: AssetId, to: T::AccountId) -> DispatchResult {
		let mut asset = Self::owned(id, &who)?;
		ensure!(to != who, Error::<T>::AlreadyOwner);
		T::Currency::transfer_on_hold(
			&HoldReason::Asset.into(),
			&who,
			&to,
			asset.deposit,
			Precision::Exact,
			Restriction::OnHold,
			Fortitude::Polite,
		)?;
		Self::replace_holders(id, &mut asset, sole_holder::<T>(&to))?;
		asset.owner = to.clone();
		Assets::<T>::insert(id, asset);
		Self::deposit_event(Event::Transferred { asset: id, from: who, to });
		Ok(())
	}

	pub(crate) fn do_set_holders(
		who: &T::AccountId,
		id: AssetId,
		holders: Holders<T::AccountId>,
	) -> DispatchResult {
		let mut asset = Self::owned(id, who)?;
		ensure!(!holders.is_empty(), Error::<T>::NoHolders);
		ensure!(holders.iter().all(|(_, weight)| *weight > 0), Error::<T>::ZeroWeight);
		let distinct: BTreeSet<_> = holders.iter().map(|(holder, _)| holder).collect();
		ensure!(distinct.len() == holders.len(), Error::<T>::DuplicateHolder);
		Self::replace_holders(id, &mut asset, holders.clone())?;
		Assets::<T>::insert(id, asset);
		Self::deposit_event(Event::HoldersSet { asset: id, holders: holders.into_inner() });
		Ok(())
	}

	pub(crate) fn do_retire(who: &T::AccountId, id: AssetId) -> DispatchResult {
		let mut asset = Self::owned(id, who)?;
		ensure!(!asset.retired, Error::<T>::Retired);
		asset.retired = true;
		Assets::<T>::insert(id, asset);
		Self::deposit_event(Event::Retired { asset: id });
		Ok(())
	}

	/// The new ones first, so that the vault is never without a holder.
	fn replace_holders(
		id: AssetId,
		asset: &mut AssetOf<T>,
		holders: Holders<T::AccountId>,
	) -> DispatchResult {
		for (holder, weight) in &holders {
			Self::set_weight(id, holder, *weight)?;
		}
		for (gone, _) in asset.holders.iter().filter(|(old, _)| !holders.iter().any(|(new, _)| new == old)) {
			Self::set_weight(id, gone, 0)?;
		}
		asset.holders = holders;
		Ok(())
	}

	fn set_weight(id: AssetId, holder: &T::AccountId, weight: u16) -> DispatchResult {
		T::Vaults::set_weight(VaultKey::Asset(id), holder.as_ref(), weight.into())
			.map_err(|Overflow| Error::<T>::Overflow.into())
	}
}

/// Whether bytes are UTF-8 and at least one.
fn is_text(bytes: &[u8]) -> bool {
	!bytes.is_empty() && core::str::from_utf8(bytes).is_ok()
}
