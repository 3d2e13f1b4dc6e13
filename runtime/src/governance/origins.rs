//! Origins that referenda are carried out with. Each may do what the calls that ask for it do, no more.

pub use pallet::*;

use polkadot_sdk::frame_support::traits::{EnsureOrigin, OriginTrait};

use crate::{constants::TRB, Balance};

/// See the module.
#[polkadot_sdk::frame_support::pallet]
pub mod pallet {
	use polkadot_sdk::frame_support::pallet_prelude::*;

	#[pallet::config]
	pub trait Config: polkadot_sdk::frame_system::Config {}

	#[pallet::pallet]
	pub struct Pallet<T>(_);

	/// Origins besides root. Indices are part of stored referenda: never change one.
	#[pallet::origin]
	#[derive(
		Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
	)]
	pub enum Origin {
		/// Sets the parameters of the protocol and the split of usage fees.
		#[codec(index = 0)]
		Protocol,
		/// Sets the limits of the validator set.
		#[codec(index = 1)]
		ValidatorSet,
		/// Decides challenges of batches.
		#[codec(index = 2)]
		Arbiter,
		/// Appoints the technical committee.
		#[codec(index = 3)]
		Elector,
		/// Spends up to [`super::SMALL_SPEND`] of the treasury at once.
		#[codec(index = 4)]
		SmallSpender,
		/// Spends up to [`super::BIG_SPEND`] of the treasury at once.
		#[codec(index = 5)]
		BigSpender,
	}
}

/// Most that one referendum on the track of small spends may spend, planck.
pub const SMALL_SPEND: Balance = 1_000 * TRB;
/// Most that one referendum on the track of big spends may spend, planck.
pub const BIG_SPEND: Balance = 100_000 * TRB;

/// Defines a type that lets one origin through.
macro_rules! ensure {
	($name:ident, $origin:ident) => {
		#[doc = concat!("Lets [`Origin::", stringify!($origin), "`] through.")]
		pub struct $name;

		impl<O: OriginTrait + From<Origin>> EnsureOrigin<O> for $name
		where
			for<'a> &'a O::PalletsOrigin: TryInto<&'a Origin>,
		{
			type Success = ();

			fn try_origin(origin: O) -> Result<(), O> {
				let passes = matches!(origin.caller().try_into(), Ok(Origin::$origin));
				passes.then_some(()).ok_or(origin)
			}

			#[cfg(feature = "runtime-benchmarks")]
			fn try_successful_origin() -> Result<O, ()> {
				Ok(Origin::$origin.into())
			}
		}
	};
}

ensure!(EnsureProtocol, Protocol);
ensure!(EnsureValidatorSet, ValidatorSet);
ensure!(EnsureArbiter, Arbiter);
ensure!(EnsureElector, Elector);
ensure!(EnsureSmallSpender, SmallSpender);
ensure!(EnsureBigSpender, BigSpender);
