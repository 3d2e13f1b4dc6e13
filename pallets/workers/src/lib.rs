//! # Workers
//!
//! Bonded operators of inference processes.
//!
//! An operator holds a bond, names the *service key* that submits its usage batches, the endpoint it
//! serves at and the base models it serves. It leaves by unbonding: from then on it can neither be
//! chosen nor submit, and gets its bond back after a delay that outlasts the challenge window of its
//! last batch. Until then a verdict may still slash the bond.
//!
//! The bond is one hold per operator; the hold is the only record of its size.

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
mod types;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

use polkadot_sdk::polkadot_sdk_frame as frame;

#[allow(clippy::expect_used, clippy::unreachable, reason = "FRAME's macros expand to them")]
#[frame::pallet]
pub mod pallet {
	use super::*;
	use alloc::vec::Vec;
	use frame::{
		deps::sp_runtime::AccountId32,
		prelude::*,
		token::fungible::{Inspect, Mutate, MutateHold},
	};
	use tributary_primitives::{views::WorkerView, Balance, BlockNumber, Ppm};

	/// Version of the storage layout.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// What the runtime decides.
	#[pallet::config]
	pub trait Config:
		polkadot_sdk::frame_system::Config<AccountId = AccountId32, RuntimeEvent: From<Event<Self>>>
	{
		/// The runtime's hold reasons.
		type RuntimeHoldReason: From<HoldReason>;

		/// The token bonds are held in.
		type Currency: Inspect<Self::AccountId, Balance = Balance>
			+ Mutate<Self::AccountId>
			+ MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;

		/// What time is measured in.
		type BlockNumberProvider: BlockNumberProvider<BlockNumber = BlockNumber>;

		/// Operators with an open challenge: their bond stays until the verdict.
		type Disputed: Contains<Self::AccountId>;

		/// Account that slashed bonds go to.
		#[pallet::constant]
		type Treasury: Get<Self::AccountId>;

		/// Least bond of an active worker, planck.
		#[pallet::constant]
		type MinBond: Get<Balance>;

		/// Blocks between unbonding and withdrawing.
		#[pallet::constant]
		type UnbondingDelay: Get<BlockNumber>;

		/// Blocks in which a batch may be challenged. Must be less than [`Config::UnbondingDelay`].
		#[pallet::constant]
		type ChallengeWindow: Get<BlockNumber>;

		/// Cost of the calls.
		type WeightInfo: WeightInfo;
	}

	/// Why this pallet holds funds.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// An operator's bond.
		#[codec(index = 0)]
		Bond,
	}

	/// Workers by operator.
	#[pallet::storage]
	pub type Workers<T: Config> = CountedStorageMap<_, Blake2_128Concat, T::AccountId, Worker>;

	/// Operators by service key.
	#[pallet::storage]
	pub type ServiceKeys<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, T::AccountId>;

	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// An operator registered its worker.
		Registered {
			/// The operator.
			operator: T::AccountId,
			/// The key that submits its batches.
			service_key: T::AccountId,
			/// Held, planck.
			bond: Balance,
		},
		/// An operator changed its worker's description.
		Updated {
			/// The operator.
			operator: T::AccountId,
			/// The key that submits its batches from now on.
			service_key: T::AccountId,
		},
		/// An operator added to its bond.
		BondAdded {
			/// The operator.
			operator: T::AccountId,
			/// Added, planck.
			amount: Balance,
		},
		/// An operator began to leave.
		Unbonding {
			/// The operator.
			operator: T::AccountId,
			/// First block at which it may withdraw.
			unbonds_at: BlockNumber,
		},
		/// An operator left and got its bond back.
		Withdrawn {
			/// The operator.
			operator: T::AccountId,
			/// Returned, planck.
			amount: Balance,
		},
		/// Part of an operator's bond went to the treasury.
		Slashed {
			/// The operator.
			operator: T::AccountId,
			/// Taken, planck.
			amount: Balance,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// This account already has a worker. Use `update` to change it, or `unbond` and `withdraw` first.
		AlreadyRegistered,
		/// This account has no worker. Use `register` first.
		NotRegistered,
		/// The bond is less than the `MinBond` constant. Offer at least that much.
		BondTooSmall,
		/// The service key belongs to another worker. Make a new key for this one.
		ServiceKeyInUse,
		/// The endpoint is not an `http://` or `https://` URL of printable ASCII. Give the URL clients use.
		InvalidEndpoint,
		/// A model is listed twice. List each base model once.
		DuplicateModel,
		/// The worker is leaving. Withdraw the bond when the delay is over, then register again.
		Unbonding,
		/// The worker is not leaving. Use `unbond` first, then wait for the delay.
		NotUnbonding,
		/// The delay is not over. Withdraw at the block that `unbonds_at` of the worker's view names.
		StillBonded,
		/// A batch of this worker is challenged. Withdraw when the verdict is in.
		Disputed,
		/// Nothing to add. Name an amount above zero.
		ZeroAmount,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		#[cfg(feature = "std")]
		fn integrity_test() {
			// A runtime may keep its delays in storage.
			frame::deps::sp_io::TestExternalities::default().execute_with(|| {
				assert!(
					T::UnbondingDelay::get() > T::ChallengeWindow::get(),
					"a bond must outlast the challenge window of its last batch: raise UnbondingDelay",
				);
				assert!(
					T::MinBond::get() >= T::Currency::minimum_balance(),
					"a slashed bond must be able to open the treasury's account: raise MinBond",
				);
			});
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), polkadot_sdk::sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// The worker of an operator.
		pub fn worker(operator: T::AccountId) -> Option<WorkerView> {
			Workers::<T>::get(&operator).map(|worker| Self::view(operator, worker))
		}

		/// All workers: `limit` of them after the first `start`, in the order of storage.
		pub fn workers(start: u32, limit: u32) -> Vec<WorkerView> {
			let (start, limit) = (start.saturated_into(), limit.saturated_into());
			Workers::<T>::iter()
				.skip(start)
				.take(limit)
				.map(|(operator, worker)| Self::view(operator, worker))
				.collect()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Registers the signer as an operator and holds `bond` planck of it.
		///
		/// `service_key` signs the worker's batches and may be another account than the operator, so
		/// that the bonded key stays offline. `models` are the asset ids of the base models served.
		///
		/// Emits [`Event::Registered`].
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::register())]
		pub fn register(
			origin: OriginFor<T>,
			service_key: T::AccountId,
			endpoint: Endpoint,
			models: Models,
			bond: Balance,
		) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_register(operator, service_key, endpoint, models, bond)
		}

		/// Replaces the worker's service key, endpoint and models. Emits [`Event::Updated`].
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::update())]
		pub fn update(
			origin: OriginFor<T>,
			service_key: T::AccountId,
			endpoint: Endpoint,
			models: Models,
		) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_update(operator, service_key, endpoint, models)
		}

		/// Adds `amount` planck to the bond, for example after a slash. Emits [`Event::BondAdded`].
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::add_bond())]
		pub fn add_bond(origin: OriginFor<T>, amount: Balance) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_add_bond(operator, amount)
		}

		/// Begins to leave: no new channels and no more batches from now on. Submit what is unsettled
		/// first. Emits [`Event::Unbonding`].
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::unbond())]
		pub fn unbond(origin: OriginFor<T>) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_unbond(operator)
		}

		/// Returns the bond after the delay and forgets the worker. Emits [`Event::Withdrawn`].
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::withdraw())]
		pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_withdraw(operator)
		}
	}

	impl<T: Config> tributary_primitives::traits::Workers for Pallet<T> {
		fn operator_of(service_key: &[u8; 32]) -> Option<[u8; 32]> {
			Self::operator_by_key(&(*service_key).into()).map(Into::into)
		}

		fn is_active(operator: &[u8; 32]) -> bool {
			Self::may_serve(&(*operator).into())
		}

		fn slash(operator: &[u8; 32], share: Ppm) -> Balance {
			Self::do_slash(&(*operator).into(), share)
		}
	}
}
