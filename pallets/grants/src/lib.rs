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
		traits::{fungible, Consideration, Footprint},
	};
	use polkadot_sdk::sp_runtime::AccountId32;
	use tributary_primitives::{
		traits::{DataNets, VaultDeposits, VaultHolders},
		views::{AccessView, GrantView, RequestView},
		Balance, DataNetId, Purpose, Recipient,
	};

	/// Version of the storage layout.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	/// Private DataNets and who may use them.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// What grants need from the runtime.
	#[pallet::config]
	pub trait Config:
		polkadot_sdk::frame_system::Config<AccountId = AccountId32, RuntimeEvent: From<Event<Self>>>
	{
		/// The runtime's hold reasons.
		type RuntimeHoldReason: From<HoldReason>;
		/// Holds prices and pays them.
		type Currency: fungible::hold::Mutate<
			Self::AccountId,
			Reason = Self::RuntimeHoldReason,
			Balance = Balance,
		>;
		/// Deposit for what is stored.
		type Deposit: Consideration<Self::AccountId, Footprint>;
		/// Which DataNets there are.
		type DataNets: DataNets;
		/// Pays DataNets' pools.
		type Vaults: VaultHolders + VaultDeposits;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
		/// Sets up what benchmarks need of other pallets.
		#[cfg(feature = "runtime-benchmarks")]
		type BenchmarkHelper: crate::benchmarking::BenchmarkHelper;
	}

	/// Why grants hold money.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// Deposits for recipients, private DataNets, requests and grants.
		#[codec(index = 0)]
		Deposit,
		/// Prices of open requests.
		#[codec(index = 1)]
		Price,
	}

	/// Whom capsules for an account are encrypted to.
	#[pallet::storage]
	pub type Recipients<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Announcement<T::Deposit>>;

	/// The private DataNets; any other is public.
	#[pallet::storage]
	pub type Accesses<T: Config> = StorageMap<_, Blake2_128Concat, DataNetId, Access<T::Deposit>>;

	/// Open requests.
	#[pallet::storage]
	pub type Requests<T: Config> = StorageDoubleMap<
		_,
		Blake2_128Concat,
		DataNetId,
		Blake2_128Concat,
		Key<T::AccountId>,
		Request<T::Deposit>,
	>;

	/// Grants that stand.
	#[pallet::storage]
	pub type Grants<T: Config> = StorageDoubleMap<
		_,
		Blake2_128Concat,
		DataNetId,
		Blake2_128Concat,
		Key<T::AccountId>,
		Grant<T::Deposit>,
	>;

	/// What grants announce.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// An account says whom capsules for it are encrypted to.
		Announced {
			/// The account.
			who: T::AccountId,
			/// Its recipient.
			recipient: Recipient,
		},
		/// An account took its recipient back.
		RecipientWithdrawn {
			/// The account.
			who: T::AccountId,
		},
		/// A DataNet is private, or begins a new epoch.
		RecipientSet {
			/// The DataNet.
			datanet: DataNetId,
			/// Whom new contributions are encrypted to.
			recipient: Recipient,
			/// Number of that recipient.
			epoch: u32,
		},
		/// A DataNet's use has a new price.
		Offered {
			/// The DataNet.
			datanet: DataNetId,
			/// What for.
			purpose: Purpose,
			/// Planck; `None` when it is no longer offered.
			price: Option<Balance>,
		},
		/// An account asks for a grant.
		Requested {
			/// The DataNet.
			datanet: DataNetId,
			/// Who asks.
			grantee: T::AccountId,
			/// What for.
			purpose: Purpose,
			/// Held, planck.
			price: Balance,
		},
		/// An account took its request back; its price is free again.
		RequestWithdrawn {
			/// The DataNet.
			datanet: DataNetId,
			/// Who asked.
			grantee: T::AccountId,
			/// What for.
			purpose: Purpose,
		},
		/// A request was refused; its price is free again.
		Refused {
			/// The DataNet.
			datanet: DataNetId,
			/// Who asked.
			grantee: T::AccountId,
			/// What for.
			purpose: Purpose,
		},
		/// An account may use a DataNet, or has a new capsule.
		Granted {
			/// The DataNet.
			datanet: DataNetId,
			/// Who may.
			grantee: T::AccountId,
			/// What for.
			purpose: Purpose,
			/// The newest epoch whose identity the capsule has.
			epoch: u32,
			/// What the grantee paid, planck.
			paid: Balance,
			/// Whether it went to the DataNet's pool. A pool without holders leaves it to the owner.
			to_pool: bool,
		},
		/// The owner took a grant back.
		Revoked {
			/// The DataNet.
			datanet: DataNetId,
			/// Who may no more.
			grantee: T::AccountId,
			/// What for.
			purpose: Purpose,
		},
		/// A grantee gave its grant up.
		Renounced {
			/// The DataNet.
			datanet: DataNetId,
			/// Who may no more.
			grantee: T::AccountId,
			/// What for.
			purpose: Purpose,
		},
	}

	/// Why grants refuse.
	#[pallet::error]
	pub enum Error<T> {
		/// There is no such DataNet. List them with `Datanets.datanets`.
		UnknownDataNet,
		/// Only the DataNet's owner may do this. Sign with the owner's account.
		NotOwner,
		/// The DataNet is public: everybody may use it. Use it without a grant.
		NotPrivate,
		/// The DataNet has contributions, which anyone can read. Create another DataNet and make it private
		/// before its first contribution.
		HasContributions,
		/// A recipient is an X25519 public key and not all zeros. Give the key of an age recipient.
		BadRecipient,
		/// This is the recipient in force. Make a new key to begin the next epoch.
		SameRecipient,
		/// The grantee has announced no recipient that a capsule could be encrypted to. It must call
		/// `Grants.announce` first.
		NoRecipient,
		/// The account has announced no recipient. Nothing to do.
		NotAnnounced,
		/// The DataNet's owner offers no grants for this purpose. Ask the owner, or use another DataNet.
		NotOffered,
		/// The grant costs more than the request allows. Read the price with `Grants.access` and ask again.
		PriceAbove,
		/// The owner of a DataNet needs no grant. Use it without.
		OwnDataNet,
		/// Such a request is open already. Wait for the owner, or withdraw it first.
		AlreadyRequested,
		/// Such a grant stands already. Ask the owner for a new capsule, which is free; or renounce first.
		AlreadyGranted,
		/// There is no such request. List the open ones with `Grants.requests`.
		UnknownRequest,
		/// There is no such grant. List those that stand with `Grants.grants`.
		UnknownGrant,
		/// The capsule is empty. Encrypt the DataNet's identities to the grantee's recipient.
		EmptyCapsule,
		/// A number does not fit its type. Nothing was changed.
		Overflow,
		/// Grants for this purpose have a price, and the grantee has no open request to pay it from. Wait for
		/// its `Grants.request`; to grant for free, end the offer with `Grants.offer` first.
		NotRequested,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), polkadot_sdk::sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// How a private DataNet is encrypted and what its use costs; `None` for a public one.
		pub fn access(datanet: DataNetId) -> Option<AccessView> {
			Accesses::<T>::get(datanet).map(|access| access.view())
		}

		/// Whether an account may use a DataNet for a purpose: it is public, the account's own, or a
		/// grant stands.
		pub fn may_use(who: T::AccountId, datanet: DataNetId, purpose: Purpose) -> bool {
			Self::is_allowed(&who, datanet, purpose)
		}

		/// A grant that stands.
		pub fn grant_of(datanet: DataNetId, grantee: T::AccountId, purpose: Purpose) -> Option<GrantView> {
			let grant = Grants::<T>::get(datanet, (&grantee, purpose))?;
			Some(Self::grant_view((grantee, purpose), grant))
		}

		/// The grants of a DataNet from position `start` on, at most `limit` (cut to 256).
		pub fn grants(datanet: DataNetId, start: u32, limit: u32) -> Vec<GrantView> {
			Self::grant_views(datanet, start, limit)
		}

		/// The open requests to a DataNet from position `start` on, at most `limit` (cut to 256).
		pub fn requests(datanet: DataNetId, start: u32, limit: u32) -> Vec<RequestView> {
			Self::request_views(datanet, start, limit)
		}

		/// Whom capsules for an account are encrypted to.
		pub fn recipient_of(who: T::AccountId) -> Option<Recipient> {
			Recipients::<T>::get(who).map(|announcement| announcement.recipient)
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Says whom capsules for the signer are encrypted to, or changes it. A deposit is held.
		///
		/// - `recipient`: X25519 public key.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::announce())]
		pub fn announce(origin: OriginFor<T>, recipient: Recipient) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_announce(who, recipient)
		}

		/// Takes the signer's recipient back; its deposit is returned. Grants stand, but get no new capsules.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::withdraw_recipient())]
		pub fn withdraw_recipient(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw_recipient(who)
		}

		/// Sets whom new contributions to a DataNet are encrypted to. Owner only.
		///
		/// The first one makes the DataNet private for good, and must come before its first contribution; a
		/// deposit is held. Each later one begins the next epoch: grants stand, but their capsules cannot
		/// read what comes from now on until the owner grants anew.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::set_recipient())]
		pub fn set_recipient(
			origin: OriginFor<T>,
			datanet: DataNetId,
			recipient: Recipient,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_recipient(&who, datanet, recipient)
		}

		/// Sets what a grant costs, planck, or ends the offer. Open requests keep their price. Owner only.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::offer())]
		pub fn offer(
			origin: OriginFor<T>,
			datanet: DataNetId,
			purpose: Purpose,
			price: Option<Balance>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_offer(&who, datanet, purpose, price)
		}

		/// Asks for a grant. The price and a deposit are held from the signer, who must have announced a
		/// recipient.
		///
		/// - `most`: the highest price the signer agrees to, planck.
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::request())]
		pub fn request(
			origin: OriginFor<T>,
			datanet: DataNetId,
			purpose: Purpose,
			most: Balance,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_request(who, datanet, purpose, most)
		}

		/// Takes the signer's open request back; price and deposit are returned.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::withdraw_request())]
		pub fn withdraw_request(
			origin: OriginFor<T>,
			datanet: DataNetId,
			purpose: Purpose,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw_request(who, datanet, purpose)
		}

		/// Refuses an open request; price and deposit go back to the grantee. Owner only.
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::refuse())]
		pub fn refuse(
			origin: OriginFor<T>,
			datanet: DataNetId,
			grantee: T::AccountId,
			purpose: Purpose,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_refuse(&who, datanet, grantee, purpose)
		}

		/// Lets an account use a DataNet for a purpose. Owner only; a deposit for the capsule is held.
		///
		/// The price of an open request goes to the DataNet's pool, or to the owner while nobody holds the
		/// pool. Without a request a grant is free, and refused while its purpose is offered for a price: the
		/// grantee may have taken its request back. Granting again replaces the capsule and costs the grantee
		/// nothing.
		///
		/// - `capsule`: the DataNet's identities, encrypted to the grantee's recipient.
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::grant())]
		pub fn grant(
			origin: OriginFor<T>,
			datanet: DataNetId,
			grantee: T::AccountId,
			purpose: Purpose,
			capsule: Capsule,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_grant(&who, datanet, grantee, purpose, capsule)
		}

		/// Takes a grant back at once; nothing is paid back. Owner only.
		#[pallet::call_index(8)]
		#[pallet::weight(T::WeightInfo::revoke())]
		pub fn revoke(
			origin: OriginFor<T>,
			datanet: DataNetId,
			grantee: T::AccountId,
			purpose: Purpose,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_revoke(&who, datanet, grantee, purpose)
		}

		/// Gives the signer's grant up; nothing is paid back.
		#[pallet::call_index(9)]
		#[pallet::weight(T::WeightInfo::renounce())]
		pub fn renounce(origin: OriginFor<T>, datanet: DataNetId, purpose: Purpose) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_renounce(who, datanet, purpose)
		}
	}
}
