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
mod types;
mod views;
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
		traits::{Consideration, Footprint},
	};
	use polkadot_sdk::sp_runtime::AccountId32;
	use tributary_primitives::{
		range::Range,
		traits::VaultHolders,
		views::{ContributionView, DataNetView, Policy, SnapshotView},
		ContributionIndex, DataNetId, Hash, SnapshotRef, SnapshotVersion,
	};

	/// Version of the storage layout.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	/// Community datasets.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// What DataNets need from the runtime.
	#[pallet::config]
	pub trait Config:
		polkadot_sdk::frame_system::Config<AccountId = AccountId32, RuntimeEvent: From<Event<Self>>>
	{
		/// Deposit for a DataNet.
		type DataNetDeposit: Consideration<Self::AccountId, Footprint>;
		/// Deposit for a contribution.
		type ContributionDeposit: Consideration<Self::AccountId, Footprint>;
		/// Deposit for a snapshot.
		type SnapshotDeposit: Consideration<Self::AccountId, Footprint>;
		/// Who shares a DataNet's pool.
		type Vaults: VaultHolders;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	/// Why DataNets hold money.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// Deposit for a DataNet.
		#[codec(index = 0)]
		DataNet,
		/// Deposit for a contribution.
		#[codec(index = 1)]
		Contribution,
		/// Deposit for a snapshot.
		#[codec(index = 2)]
		Snapshot,
	}

	/// The id that the next DataNet gets.
	#[pallet::storage]
	pub type NextDataNet<T: Config> = StorageValue<_, DataNetId, ValueQuery>;

	/// All DataNets.
	#[pallet::storage]
	pub type DataNets<T: Config> =
		StorageMap<_, Blake2_128Concat, DataNetId, DataNet<T::AccountId, T::DataNetDeposit>>;

	/// Contributions. Withdrawn ones are gone, so indices may have gaps.
	#[pallet::storage]
	pub type Contributions<T: Config> = StorageDoubleMap<
		_,
		Blake2_128Concat,
		DataNetId,
		Blake2_128Concat,
		ContributionIndex,
		Contribution<T::AccountId, T::ContributionDeposit>,
	>;

	/// Which contribution holds a content hash: pending, accepted and tombstoned ones.
	#[pallet::storage]
	pub type Contents<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, DataNetId, Blake2_128Concat, Hash, ContributionIndex>;

	/// Why a contribution was rejected.
	#[pallet::storage]
	pub type Reasons<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, DataNetId, Blake2_128Concat, ContributionIndex, Text>;

	/// The Merkle range over a DataNet's accepted contributions.
	#[pallet::storage]
	pub type Ranges<T: Config> = StorageMap<_, Blake2_128Concat, DataNetId, Range, ValueQuery>;

	/// Snapshots; the first is 1.
	#[pallet::storage]
	pub type Snapshots<T: Config> = StorageDoubleMap<
		_,
		Blake2_128Concat,
		DataNetId,
		Blake2_128Concat,
		SnapshotVersion,
		Snapshot<T::AccountId, T::SnapshotDeposit>,
	>;

	/// Erased contributions of a DataNet by number, in the order of their erasure; the first is 0.
	#[pallet::storage]
	pub type Erasures<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, DataNetId, Blake2_128Concat, u32, ContributionIndex>;

	/// How many contributions of a DataNet are erased: the number of the next erasure.
	#[pallet::storage]
	pub type ErasureCounts<T: Config> = StorageMap<_, Blake2_128Concat, DataNetId, u32, ValueQuery>;

	/// What DataNets announce.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A DataNet was created.
		Created {
			/// The DataNet.
			datanet: DataNetId,
			/// Whose it is.
			owner: T::AccountId,
		},
		/// A DataNet has new curators.
		CuratorsSet {
			/// The DataNet.
			datanet: DataNetId,
			/// Who reviews.
			curators: Vec<T::AccountId>,
		},
		/// Contributions `first..first + count` were added.
		Contributed {
			/// The DataNet.
			datanet: DataNetId,
			/// Who added them.
			contributor: T::AccountId,
			/// The first one's index.
			first: ContributionIndex,
			/// How many.
			count: u32,
		},
		/// A contribution is in every snapshot taken from now on.
		Accepted {
			/// The DataNet.
			datanet: DataNetId,
			/// The contribution.
			index: ContributionIndex,
			/// Its leaf in the DataNet's range.
			leaf: u32,
		},
		/// A contribution was refused.
		Rejected {
			/// The DataNet.
			datanet: DataNetId,
			/// The contribution.
			index: ContributionIndex,
			/// Why.
			reason: Text,
		},
		/// A snapshot was taken.
		SnapshotTaken {
			/// The DataNet and the snapshot.
			snapshot: SnapshotRef,
			/// Its root.
			root: Hash,
			/// How many leaves it covers.
			leaves: u32,
		},
		/// A contribution must not be served, indexed or trained on any more.
		Tombstoned {
			/// The DataNet.
			datanet: DataNetId,
			/// The contribution.
			index: ContributionIndex,
			/// Who asked for it.
			by: T::AccountId,
		},
		/// A contribution that was not accepted was taken back.
		Withdrawn {
			/// The DataNet.
			datanet: DataNetId,
			/// The contribution.
			index: ContributionIndex,
		},
	}

	/// Why DataNets refuse.
	#[pallet::error]
	pub enum Error<T> {
		/// There is no such DataNet. List them with `Datanets.datanets`.
		UnknownDataNet,
		/// There is no such contribution (it may have been withdrawn). List them with
		/// `Datanets.contributions`.
		UnknownContribution,
		/// Only the DataNet's owner may do this. Sign with the owner's account.
		NotOwner,
		/// Only the DataNet's owner or a curator may do this. Ask the owner to be named curator.
		NotCurator,
		/// Only its contributor may withdraw a contribution. Sign with the contributor's account.
		NotContributor,
		/// Only the contributor, a curator or the owner may tombstone. Ask one of them.
		MayNotTombstone,
		/// A name is 1 to 64 bytes of UTF-8. Choose another.
		BadName,
		/// A licence is an SPDX expression of 1 to 64 bytes of UTF-8, such as `CC-BY-4.0`. Name one.
		BadLicence,
		/// Descriptions, metadata and reasons are UTF-8, and a reason is not empty. Correct the text.
		BadText,
		/// The text is empty: its length is 0 bytes. Contribute something.
		EmptyContent,
		/// The batch is empty. Put at least one entry in.
		EmptyBatch,
		/// An account is named twice as curator. Name it once.
		DuplicateCurator,
		/// The DataNet has this content already, or the batch has it twice. Leave it out; find the other
		/// with `Datanets.holder_of`.
		DuplicateContent,
		/// The contribution has been decided already. Leave it out of the review.
		NotPending,
		/// Only an accepted contribution can be tombstoned. Reject or withdraw it instead.
		NotAccepted,
		/// Accepted and tombstoned contributions stay. Tombstone an accepted one to have it erased.
		NotWithdrawable,
		/// Nothing was accepted or erased since the newest snapshot. Use that one.
		NothingNew,
		/// The DataNet or the chain can number no more entries. Create another DataNet.
		Full,
		/// A sum does not fit its type. Nothing was changed.
		Overflow,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			let most = T::BlockWeights::get().get(DispatchClass::Normal).max_extrinsic.unwrap_or(Weight::MAX);
			assert!(T::WeightInfo::contribute(MAX_BATCH).all_lte(most), "a full batch must fit a block");
			assert!(T::WeightInfo::review(MAX_BATCH).all_lte(most), "a full review must fit a block");
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), polkadot_sdk::sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// A DataNet.
		pub fn datanet(id: DataNetId) -> Option<DataNetView> {
			Self::datanet_view(id)
		}

		/// DataNets from id `start` on, at most `limit` (cut to 256).
		pub fn datanets(start: DataNetId, limit: u32) -> Vec<DataNetView> {
			let end = start.saturating_add(limit.min(MAX_PAGE)).min(NextDataNet::<T>::get());
			(start..end).filter_map(Self::datanet_view).collect()
		}

		/// A contribution.
		pub fn contribution(datanet: DataNetId, index: ContributionIndex) -> Option<ContributionView> {
			Self::contribution_view(datanet, index)
		}

		/// Contributions with indices `start..start + limit` (`limit` is cut to 256); withdrawn ones are
		/// missing, so a short page is not the last one: the DataNet's `contributions` says where to stop.
		pub fn contributions(
			datanet: DataNetId,
			start: ContributionIndex,
			limit: u32,
		) -> Vec<ContributionView> {
			let next = DataNets::<T>::get(datanet).map(|known| known.next).unwrap_or_default();
			let end = start.saturating_add(limit.min(MAX_PAGE)).min(next);
			(start..end).filter_map(|index| Self::contribution_view(datanet, index)).collect()
		}

		/// Why a contribution was rejected.
		pub fn reason(datanet: DataNetId, index: ContributionIndex) -> Option<Text> {
			Reasons::<T>::get(datanet, index)
		}

		/// The contribution that holds a content hash in a DataNet.
		pub fn holder_of(datanet: DataNetId, content: Hash) -> Option<ContributionIndex> {
			Contents::<T>::get(datanet, content)
		}

		/// Where in the DataNet's range a contribution is that was ever accepted, and its digest: what
		/// a proof of membership is made of.
		pub fn leaf_of(datanet: DataNetId, index: ContributionIndex) -> Option<(u32, Hash)> {
			let stored = Contributions::<T>::get(datanet, index)?;
			let leaf = stored.status.leaf()?;
			let data = Self::leaf_data(datanet, index, &stored.contributor, stored.item.content);
			Some((leaf, data.digest()))
		}

		/// Contributions that were in a snapshot and have been erased since, in the order of their erasure,
		/// from position `start` on, at most `limit` (cut to 256).
		pub fn erased_from(snapshot: SnapshotRef, start: u32, limit: u32) -> Vec<ContributionIndex> {
			let page = limit.min(MAX_PAGE) as usize;
			Self::erased_since(snapshot).skip(start as usize).take(page).collect()
		}

		/// A snapshot.
		pub fn snapshot_of(datanet: DataNetId, version: SnapshotVersion) -> Option<SnapshotView> {
			Snapshots::<T>::get(datanet, version).map(|snapshot| snapshot.view)
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Creates a DataNet; a deposit for its bytes is held from the signer, its owner.
		///
		/// `Open`: contributions are accepted at once. `Curated`: the owner or a curator decides each.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::create(curators.len() as u32))]
		pub fn create(
			origin: OriginFor<T>,
			name: Name,
			description: Text,
			policy: Policy,
			curators: Curators<T::AccountId>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_create(who, name, description, policy, curators)
		}

		/// Replaces the curators; the owner's deposit follows.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::set_curators(curators.len() as u32))]
		pub fn set_curators(
			origin: OriginFor<T>,
			datanet: DataNetId,
			curators: Curators<T::AccountId>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_curators(&who, datanet, curators)
		}

		/// Adds 1 to 128 texts. A deposit for each is held from the signer: as long as it stands for an
		/// accepted text, until it is withdrawn for others.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::contribute(items.len() as u32))]
		pub fn contribute(origin: OriginFor<T>, datanet: DataNetId, items: Items) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_contribute(who, datanet, items)
		}

		/// Accepts or rejects 1 to 128 pending contributions. Owner and curators only.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::review(decisions.len() as u32))]
		pub fn review(origin: OriginFor<T>, datanet: DataNetId, decisions: Decisions) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_review(&who, datanet, decisions)
		}

		/// Fixes all contributions accepted so far, less those erased, under a Merkle root that training and
		/// agents can name. Owner and curators only; a deposit is held from the signer.
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::snapshot())]
		pub fn snapshot(origin: OriginFor<T>, datanet: DataNetId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_snapshot(who, datanet)
		}

		/// Declares an accepted contribution erased: nobody may serve, index or train on it, its metadata is
		/// deleted, and the pool pays its contributor for one less. Its leaf stays, so that older
		/// snapshots can still be proven, and its content stays refused.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::tombstone())]
		pub fn tombstone(
			origin: OriginFor<T>,
			datanet: DataNetId,
			index: ContributionIndex,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_tombstone(who, datanet, index)
		}

		/// Takes back an own contribution that is pending or rejected; its deposit is returned.
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::withdraw())]
		pub fn withdraw(
			origin: OriginFor<T>,
			datanet: DataNetId,
			index: ContributionIndex,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw(&who, datanet, index)
		}
	}
}
