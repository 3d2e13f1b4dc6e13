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
mod documents;
mod impls;
#[cfg(test)]
mod mock;
#[cfg(feature = "std")]
pub mod mocking;
pub mod paging;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
pub mod weights;

pub use pallet::*;
pub use tributary_primitives::limits::MAX_PAGE;
pub use types::*;
pub use weights::WeightInfo;

use polkadot_sdk::polkadot_sdk_frame as frame;

#[allow(clippy::expect_used, clippy::unreachable, reason = "FRAME's macros expand to them")]
#[frame::pallet]
pub mod pallet {
	use super::*;
	use alloc::vec::Vec;
	use frame::{
		prelude::*,
		traits::{fungible, Footprint},
	};
	use polkadot_sdk::sp_runtime::AccountId32;
	use tributary_primitives::{
		fee::Price,
		traits::VaultHolders,
		views::{AssetView, DocumentView, VersionView},
		AssetId, AssetKind, AssetRef, AssetVersion, Balance, DocumentKind, Hash,
	};

	/// Version of the storage layout.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	/// The registry of priced assets.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// What the registry needs from the runtime.
	#[pallet::config]
	pub trait Config:
		polkadot_sdk::frame_system::Config<AccountId = AccountId32, RuntimeEvent: From<Event<Self>>>
	{
		/// The runtime's hold reasons.
		type RuntimeHoldReason: From<HoldReason>;
		/// Holds deposits.
		type Currency: fungible::hold::Mutate<
			Self::AccountId,
			Reason = Self::RuntimeHoldReason,
			Balance = Balance,
		>;
		/// Deposit in planck for stored bytes.
		type DepositPrice: Convert<Footprint, Balance>;
		/// Who shares an asset's vault.
		type Vaults: VaultHolders;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	/// Why the registry holds money.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// Deposit for an asset, its versions and their documents.
		#[codec(index = 0)]
		Asset,
	}

	/// The id that the next asset gets.
	#[pallet::storage]
	pub type NextAsset<T: Config> = StorageValue<_, AssetId, ValueQuery>;

	/// All assets, also retired ones: what was served is still paid.
	#[pallet::storage]
	pub type Assets<T: Config> = StorageMap<_, Blake2_128Concat, AssetId, AssetOf<T>>;

	/// All versions of all assets.
	#[pallet::storage]
	pub type Versions<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, AssetId, Blake2_128Concat, AssetVersion, Version>;

	/// Documents by asset, version and kind.
	#[pallet::storage]
	pub type Documents<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Blake2_128Concat, AssetId>,
			NMapKey<Blake2_128Concat, AssetVersion>,
			NMapKey<Blake2_128Concat, DocumentKind>,
		),
		Document,
	>;

	/// What the registry announces.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// An asset and its first version were registered.
		Registered {
			/// The asset.
			asset: AssetId,
			/// What it is.
			kind: AssetKind,
			/// Whose it is.
			owner: T::AccountId,
		},
		/// An asset got a new version.
		VersionAdded {
			/// The version.
			version: AssetRef,
		},
		/// An asset has a new price.
		PriceSet {
			/// The asset.
			asset: AssetId,
			/// Planck per 1,000 tokens.
			price: Price,
		},
		/// An asset, its deposit and its vault have a new owner.
		Transferred {
			/// The asset.
			asset: AssetId,
			/// Whose it was.
			from: T::AccountId,
			/// Whose it is.
			to: T::AccountId,
		},
		/// An asset's income is shared anew.
		HoldersSet {
			/// The asset.
			asset: AssetId,
			/// Who shares it, with their weights.
			holders: Vec<(T::AccountId, u16)>,
		},
		/// An asset may not be used in new agents any more.
		Retired {
			/// The asset.
			asset: AssetId,
		},
		/// A version has a new document.
		Attached {
			/// The version.
			version: AssetRef,
			/// What the document says.
			kind: DocumentKind,
			/// BLAKE3 of its content.
			content: Hash,
		},
		/// A document was taken back.
		Detached {
			/// The version.
			version: AssetRef,
			/// What the document said.
			kind: DocumentKind,
		},
	}

	/// Why the registry refuses.
	#[pallet::error]
	pub enum Error<T> {
		/// There is no such asset. Look its id up with `Registry.assets` or `tributary_trail`.
		UnknownAsset,
		/// The asset has no such version. Read its versions with `Registry.asset`; the first is 1.
		UnknownVersion,
		/// Only the asset's owner may do this. Sign with the owner's account.
		NotOwner,
		/// The asset is of another kind than this call needs. Read its kind with `Registry.asset`.
		WrongKind,
		/// The asset is retired: it gets no new versions. Register a new asset.
		Retired,
		/// A name is 1 to 64 bytes of UTF-8. Choose another.
		BadName,
		/// A location hint is 1 to 256 bytes of UTF-8. Correct or leave out the empty one.
		BadHint,
		/// A parent is another asset of the same kind. Remove this one from the parents.
		BadParent,
		/// A parent is named twice. Name it once with its whole share.
		DuplicateParent,
		/// Each parent's share is above zero and all together are at most 500,000 ppm. Lower them.
		BadShares,
		/// A vault has 1 to 8 holders. Name at least one.
		NoHolders,
		/// An account is named twice as holder. Name it once with its whole weight.
		DuplicateHolder,
		/// A holder's weight is above zero. Leave out who shall get nothing.
		ZeroWeight,
		/// The new owner owns the asset already. Nothing to do.
		AlreadyOwner,
		/// The price of an agent or a tool is part of its version. Register the next one with
		/// `Agents.recompose` or `Tools.add_version`.
		PriceIsVersioned,
		/// The version has no document of this kind. List those it has with `Registry.documents`.
		UnknownDocument,
		/// No more ids are free. This chain cannot register further assets or versions of this asset.
		NoFreeId,
		/// A sum does not fit its type. Use smaller numbers.
		Overflow,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			use tributary_primitives::limits::{MAX_PARENTS, MAX_PAYEES, MAX_VAULT_HOLDERS};
			const { assert!(MAX_VAULT_HOLDERS > 0, "an asset needs a holder") };
			const { assert!(MAX_PARENTS < MAX_PAYEES, "every direct parent must fit beside the asset itself") };
			let most = T::BlockWeights::get().get(DispatchClass::Normal).max_extrinsic.unwrap_or(Weight::MAX);
			let longest = T::WeightInfo::set_holders(MAX_VAULT_HOLDERS);
			assert!(longest.all_lte(most), "the longest call must fit a block");
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), polkadot_sdk::sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// An asset with all its versions.
		pub fn asset(id: AssetId) -> Option<AssetView> {
			Assets::<T>::get(id).map(|asset| Self::asset_view(id, asset))
		}

		/// Assets from id `start` on, at most `limit` (cut to 256).
		pub fn assets(start: AssetId, limit: u32) -> Vec<AssetView> {
			let end = start.saturating_add(limit.min(MAX_PAGE)).min(NextAsset::<T>::get());
			(start..end).filter_map(Self::asset).collect()
		}

		/// One version of an asset.
		pub fn version(id: AssetRef) -> Option<VersionView> {
			Versions::<T>::get(id.asset, id.version).map(|version| Self::version_view(id.version, version))
		}

		/// What a version is derived from.
		pub fn parents(id: AssetRef) -> Vec<ParentVersion> {
			Versions::<T>::get(id.asset, id.version)
				.map(|version| version.parents.into_inner())
				.unwrap_or_default()
		}

		/// What is attached to a version, at most one document of each kind.
		pub fn documents(id: AssetRef) -> Vec<DocumentView> {
			Self::document_views(id)
		}

		/// Who shares an asset's vault, with their weights.
		pub fn holders(id: AssetId) -> Vec<(T::AccountId, u16)> {
			Assets::<T>::get(id).map(|asset| asset.holders.into_inner()).unwrap_or_default()
		}

		/// Deposit held from an asset's owner, planck.
		pub fn deposit(id: AssetId) -> Balance {
			Assets::<T>::get(id).map(|asset| asset.deposit).unwrap_or_default()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Sets what an asset costs from now on, planck per 1,000 tokens.
		///
		/// Agents that use the asset keep their own prices until their authors recompose them. The price
		/// of an agent or a tool is part of its version, and not set here.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::set_price())]
		pub fn set_price(origin: OriginFor<T>, asset: AssetId, price: Price) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_price(&who, asset, price)
		}

		/// Gives an asset to another account, with the deposit held for it. From now on the new owner alone
		/// holds the asset's vault; what was earned before stays with those who held it then.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::transfer())]
		pub fn transfer(origin: OriginFor<T>, asset: AssetId, new_owner: T::AccountId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_transfer(who, asset, new_owner)
		}

		/// Shares an asset's income from now on among 1 to 8 accounts by weight.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::set_holders(holders.len() as u32))]
		pub fn set_holders(
			origin: OriginFor<T>,
			asset: AssetId,
			holders: Holders<T::AccountId>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_holders(&who, asset, holders)
		}

		/// Takes an asset out of use for good: no new agents, no new versions. Existing agents go on and
		/// still pay it, so its deposit stays held.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::retire())]
		pub fn retire(origin: OriginFor<T>, asset: AssetId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_retire(&who, asset)
		}

		/// Attaches a document to a version, in the place of an earlier one of its kind. Owner only; a
		/// deposit is held.
		///
		/// - `content`: BLAKE3 of the document.
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::attach())]
		pub fn attach(
			origin: OriginFor<T>,
			asset: AssetId,
			version: AssetVersion,
			kind: DocumentKind,
			content: Hash,
			hints: Hints,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_attach(&who, AssetRef { asset, version }, kind, content, hints)
		}

		/// Takes a document back; its deposit is returned. Owner only.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::detach())]
		pub fn detach(
			origin: OriginFor<T>,
			asset: AssetId,
			version: AssetVersion,
			kind: DocumentKind,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_detach(&who, AssetRef { asset, version }, kind)
		}
	}
}
