//! The waiting times of settlement, in one storage item, so that a development chain can have windows of
//! a few blocks without another runtime.
//!
//! They are set at genesis and changed by root. A change holds for what starts waiting after it: pallets
//! store the block at which a wait ends.

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

pub use pallet::*;

/// See the module.
#[allow(clippy::expect_used, clippy::unreachable, reason = "FRAME's macros expand to them")]
#[polkadot_sdk::frame_support::pallet]
pub mod pallet {
	use crate::{constants::DAYS, BlockNumber};
	use polkadot_sdk::{
		frame_support::{pallet_prelude::*, traits::Get},
		frame_system::pallet_prelude::*,
	};

	/// Weights of the calls.
	pub trait WeightInfo {
		/// `set`.
		fn set() -> Weight;
	}

	/// For benchmarks, which measure them.
	impl WeightInfo for () {
		fn set() -> Weight {
			Weight::from_parts(1, 0)
		}
	}

	/// Waiting times, blocks.
	#[derive(
		Clone,
		Copy,
		Debug,
		PartialEq,
		Eq,
		Encode,
		Decode,
		DecodeWithMemTracking,
		MaxEncodedLen,
		TypeInfo,
		serde::Serialize,
		serde::Deserialize,
	)]
	#[serde(rename_all = "camelCase")]
	pub struct Waits {
		/// Between a batch's inclusion and its credit.
		pub challenge_window: BlockNumber,
		/// Between asking to close a channel and getting its deposit back.
		pub closing_delay: BlockNumber,
		/// Between unbonding and withdrawing a worker's bond.
		pub unbonding_delay: BlockNumber,
	}

	impl Default for Waits {
		fn default() -> Self {
			Self { challenge_window: DAYS, closing_delay: 2 * DAYS, unbonding_delay: 7 * DAYS }
		}
	}

	impl Waits {
		/// Whether no bond or deposit can leave before the batches that it answers for are settled.
		pub fn is_valid(&self) -> bool {
			self.challenge_window > 0
				&& self.closing_delay >= self.challenge_window
				&& self.unbonding_delay > self.challenge_window
		}
	}

	/// Version of the storage layout.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), polkadot_sdk::sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::config]
	pub trait Config: polkadot_sdk::frame_system::Config {
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	/// The waiting times in force.
	#[pallet::storage]
	pub type InForce<T: Config> = StorageValue<_, Waits, ValueQuery>;

	/// The waiting times at genesis.
	#[pallet::genesis_config]
	#[derive(polkadot_sdk::frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// Waiting times.
		pub waits: Waits,
		#[serde(skip)]
		pub _config: core::marker::PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			assert!(
				self.waits.is_valid(),
				"delays: the closing delay must be at least, the unbonding delay longer than the challenge window"
			);
			InForce::<T>::put(self.waits);
		}
	}

	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// The waiting times changed.
		Changed {
			/// From now on.
			waits: Waits,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// A bond or deposit could leave before its batches are settled. Make the closing delay at least
		/// as long as the challenge window, and the unbonding delay longer.
		TooShort,
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Sets the waiting times for what starts waiting from now on. Root only.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::set())]
		pub fn set(origin: OriginFor<T>, waits: Waits) -> DispatchResult {
			ensure_root(origin)?;
			ensure!(waits.is_valid(), Error::<T>::TooShort);
			InForce::<T>::put(waits);
			Self::deposit_event(Event::Changed { waits });
			Ok(())
		}
	}

	impl<T: Config> Pallet<T> {
		/// The waiting times let no bond or deposit leave too early.
		#[cfg(any(feature = "std", feature = "try-runtime"))]
		pub fn do_try_state() -> Result<(), polkadot_sdk::sp_runtime::TryRuntimeError> {
			ensure!(
				Self::in_force().is_valid(),
				"a bond or deposit could leave before its batches are settled"
			);
			Ok(())
		}

		/// The waiting times in force.
		pub fn in_force() -> Waits {
			// FRAME generates a unit test that runs `integrity_test` without storage; tests/genesis.rs runs
			// it on the storage of each preset.
			#[cfg(test)]
			return Waits::default();
			#[cfg(not(test))]
			InForce::<T>::get()
		}
	}

	/// Waiting time of a batch, blocks.
	pub struct ChallengeWindow<T>(core::marker::PhantomData<T>);
	impl<T: Config> Get<BlockNumber> for ChallengeWindow<T> {
		fn get() -> BlockNumber {
			Pallet::<T>::in_force().challenge_window
		}
	}

	/// Waiting time of a closing channel, blocks.
	pub struct ClosingDelay<T>(core::marker::PhantomData<T>);
	impl<T: Config> Get<BlockNumber> for ClosingDelay<T> {
		fn get() -> BlockNumber {
			Pallet::<T>::in_force().closing_delay
		}
	}

	/// Waiting time of a worker's bond, blocks.
	pub struct UnbondingDelay<T>(core::marker::PhantomData<T>);
	impl<T: Config> Get<BlockNumber> for UnbondingDelay<T> {
		fn get() -> BlockNumber {
			Pallet::<T>::in_force().unbonding_delay
		}
	}
}

#[cfg(feature = "runtime-benchmarks")]
mod benches {
	use super::*;
	use polkadot_sdk::{frame_benchmarking::v2::*, frame_system::RawOrigin};

	#[benchmarks]
	mod all {
		use super::*;

		#[benchmark]
		fn set() {
			let waits = Waits::default();
			#[extrinsic_call]
			_(RawOrigin::Root, waits);
			assert_eq!(InForce::<T>::get(), waits);
		}
	}
}
