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
mod benchmarking;
mod impls;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;
mod try_state;
pub mod weights;

pub use pallet::*;
pub use weights::WeightInfo;

use polkadot_sdk::polkadot_sdk_frame as frame;

#[allow(clippy::expect_used, clippy::unreachable, reason = "FRAME's macros expand to them")]
#[frame::pallet]
pub mod pallet {
	use super::*;
	use frame::prelude::*;
	use pallet_registry::{Hints, Name};
	use tributary_primitives::{
		fee::Price, royalty::MAX_PARENTS_SHARE, views::AssetView, AssetId, AssetRef, Hash, Ppm,
	};

	/// Version of the storage layout.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	/// Prompts. All they are made of is in the registry; this pallet keeps their rules.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// What prompts need from the runtime.
	#[pallet::config]
	pub trait Config:
		polkadot_sdk::frame_system::Config<RuntimeEvent: From<Event<Self>>> + pallet_registry::Config
	{
		/// The part of a fork's income that its parent receives, ppm: above zero, at most 500,000.
		#[pallet::constant]
		type ForkShare: Get<Ppm>;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	/// What prompts announce. The registry announces new assets and versions.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A prompt was forked.
		Forked {
			/// The version it is derived from.
			parent: AssetRef,
			/// The new prompt.
			fork: AssetId,
			/// The parent's part of its income, ppm.
			share: Ppm,
		},
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			assert!(
				(1..=MAX_PARENTS_SHARE).contains(&T::ForkShare::get()),
				"the registry would refuse every fork"
			);
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), polkadot_sdk::sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// A prompt with all its versions; nothing for assets of other kinds.
		pub fn prompt(id: AssetId) -> Option<AssetView> {
			Self::prompt_view(id)
		}

		/// The version that a prompt was forked from; nothing for an original.
		pub fn forked_from(id: AssetId) -> Option<AssetRef> {
			Self::parent_of(id)
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Registers an original prompt and its first version. Emits `Registry.Registered` with its id.
		///
		/// - `content`: BLAKE3 of the prompt's text.
		/// - `price`: planck per 1,000 tokens.
		#[pallet::call_index(0)]
		#[pallet::weight(<T as Config>::WeightInfo::create())]
		pub fn create(
			origin: OriginFor<T>,
			name: Name,
			content: Hash,
			hints: Hints,
			price: Price,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_create(&who, name, content, hints, price)
		}

		/// Registers a prompt derived from another, whose lineage receives `ForkShare` of its income, in
		/// all its versions. Anyone may fork any prompt.
		#[pallet::call_index(1)]
		#[pallet::weight(<T as Config>::WeightInfo::fork())]
		pub fn fork(
			origin: OriginFor<T>,
			parent: AssetRef,
			name: Name,
			content: Hash,
			hints: Hints,
			price: Price,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_fork(&who, parent, name, content, hints, price)
		}

		/// Registers the next version of a prompt. A fork goes on paying what it was forked from.
		#[pallet::call_index(2)]
		#[pallet::weight(<T as Config>::WeightInfo::add_version())]
		pub fn add_version(
			origin: OriginFor<T>,
			asset: AssetId,
			content: Hash,
			hints: Hints,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_add_version(&who, asset, content, hints)
		}
	}
}
