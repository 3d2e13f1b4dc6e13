//! Numbers of the protocol that governance changes without a new runtime.
//!
//! A value out of its range does not decode, so no call, stored item or referendum can carry one: see
//! [`Within`]. Without a stored value the default is in force. What must stay known by version, the split of
//! usage fees, is in `pallet-attribution`; waiting times are in [`crate::delays`].

use crate::{constants::*, Balance, Runtime};
use codec::{Decode, DecodeWithMemTracking, Encode, Error, Input, MaxEncodedLen};
use core::marker::PhantomData;
use polkadot_sdk::{
	frame_support::{
		dynamic_params::{dynamic_pallet_params, dynamic_params},
		traits::{dynamic_params::Key, Get},
	},
	pallet_parameters,
};
use scale_info::{Type, TypeInfo};
use tributary_primitives::{Ppm, PPM};

pub use ranged::{attribution, deposits, fees, prompts, validators, workers};

/// A number from `MIN` to `MAX`, both included. It is encoded, and shown in metadata, as the number alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, MaxEncodedLen)]
pub struct Within<T, const MIN: u128, const MAX: u128>(T);

impl<T: Copy + Into<u128>, const MIN: u128, const MAX: u128> Within<T, MIN, MAX> {
	/// The number, `None` when it is out of the range.
	pub fn new(number: T) -> Option<Self> {
		(MIN..=MAX).contains(&number.into()).then_some(Self(number))
	}
}

impl<T: Decode + Copy + Into<u128>, const MIN: u128, const MAX: u128> Decode for Within<T, MIN, MAX> {
	fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
		Self::new(T::decode(input)?).ok_or_else(|| "parameter out of its range".into())
	}
}

impl<T: DecodeWithMemTracking + Copy + Into<u128>, const MIN: u128, const MAX: u128> DecodeWithMemTracking
	for Within<T, MIN, MAX>
{
}

impl<T: TypeInfo + 'static, const MIN: u128, const MAX: u128> TypeInfo for Within<T, MIN, MAX> {
	type Identity = T::Identity;
	fn type_info() -> Type {
		T::type_info()
	}
}

impl<const MIN: u128, const MAX: u128> From<Within<u32, MIN, MAX>> for u32 {
	fn from(within: Within<u32, MIN, MAX>) -> Self {
		within.0
	}
}

impl<const MIN: u128, const MAX: u128> From<Within<u128, MIN, MAX>> for u128 {
	fn from(within: Within<u128, MIN, MAX>) -> Self {
		within.0
	}
}

/// The number in force of parameter `P`, for the configuration of pallets.
pub struct Value<P>(PhantomData<P>);

impl<P, N> Get<N> for Value<P>
where
	P: Key + Get<<P as Key>::Value>,
	<P as Key>::Value: Into<N>,
{
	fn get() -> N {
		// FRAME generates a unit test that runs `integrity_test` without storage; tests/genesis.rs runs it on
		// the storage of each preset.
		#[cfg(test)]
		return polkadot_sdk::sp_io::TestExternalities::default().execute_with(|| P::get().into());
		#[cfg(not(test))]
		P::get().into()
	}
}

/// The least number of validators: never above the most.
pub struct MinValidators;

impl Get<u32> for MinValidators {
	fn get() -> u32 {
		let least: u32 = Value::<validators::MinValidators>::get();
		least.min(Value::<validators::MaxValidators>::get())
	}
}

type Part<const MIN: u128, const MAX: u128> = Within<Ppm, MIN, MAX>;
type Amount<const MIN: u128, const MAX: u128> = Within<Balance, MIN, MAX>;
type Number<const MIN: u128, const MAX: u128> = Within<u32, MIN, MAX>;

/// All of something, ppm.
const WHOLE: u128 = PPM as u128;
/// Half of something, ppm.
const HALF: u128 = WHOLE / 2;
/// Most of a prompt's income that its parents may receive, ppm.
const MOST_TO_PARENTS: u128 = tributary_primitives::royalty::MAX_PARENTS_SHARE as u128;
/// Least number of seats that the set may be limited to: a few could cut the others off by a referendum otherwise.
const LEAST_SEATS: u128 = 16;
/// Most validators that the pallets have room for.
const ROOM: u128 = MAX_VALIDATORS as u128;

/// The parameters. Indices are part of stored keys: never change one.
#[dynamic_params(RuntimeParameters, pallet_parameters::Parameters::<Runtime>)]
pub mod ranged {
	use super::*;

	/// Transaction fees.
	#[dynamic_pallet_params]
	#[codec(index = 0)]
	pub mod fees {
		/// Part of transaction fees and tips that goes to the author of the block, ppm; the rest goes to the
		/// treasury. 0 to 1,000,000.
		#[codec(index = 0)]
		pub static AuthorShare: Part<0, WHOLE> = Within(500_000);
	}

	/// The validator set.
	#[dynamic_pallet_params]
	#[codec(index = 1)]
	pub mod validators {
		/// Most validators of a session. 16 to 100.
		#[codec(index = 0)]
		pub static MaxValidators: Number<LEAST_SEATS, ROOM> = Within(MAX_VALIDATORS);

		/// Least validators of a session: a smaller set never replaces a larger one. 1 to 100; above
		/// `MaxValidators` it counts as `MaxValidators`.
		#[codec(index = 1)]
		pub static MinValidators: Number<1, ROOM> = Within(1);

		/// Least bond of a candidate, planck. 1 to 1,000,000 TRB.
		#[codec(index = 2)]
		pub static MinBond: Amount<TRB, { 1_000_000 * TRB }> = Within(1_000 * TRB);

		/// Least nomination, planck. 0.1 to 10,000 TRB.
		#[codec(index = 3)]
		pub static MinNomination: Amount<{ 100 * MILLI_TRB }, { 10_000 * TRB }> = Within(10 * TRB);

		/// Most of its nominators' rewards that a validator may keep, ppm. 0 to 1,000,000.
		#[codec(index = 4)]
		pub static MaxCommission: Part<0, WHOLE> = Within(500_000);

		/// Beyond the least set, a seat takes at least this part of the middle stake of the set before, ppm. 0 to
		/// 500,000.
		#[codec(index = 5)]
		pub static SeatFloor: Part<0, HALF> = Within(500_000);
	}

	/// Deposits for storage.
	#[dynamic_pallet_params]
	#[codec(index = 2)]
	pub mod deposits {
		/// For each item, planck. 0.0001 to 1 TRB.
		#[codec(index = 0)]
		pub static PerItem: Amount<{ 100 * MICRO_TRB }, TRB> = Within(deposit(1, 0));

		/// For each byte, planck. 0.000001 to 0.001 TRB.
		#[codec(index = 1)]
		pub static PerByte: Amount<MICRO_TRB, MILLI_TRB> = Within(deposit(0, 1));
	}

	/// Challenges.
	#[dynamic_pallet_params]
	#[codec(index = 3)]
	pub mod attribution {
		/// Hold for challenging a batch, planck. 0.1 to 10,000 TRB.
		#[codec(index = 0)]
		pub static ChallengeBond: Amount<{ 100 * MILLI_TRB }, { 10_000 * TRB }> = Within(10 * TRB);
	}

	/// Workers.
	#[dynamic_pallet_params]
	#[codec(index = 4)]
	pub mod workers {
		/// Least bond of a worker that serves, planck. 1 to 1,000,000 TRB.
		#[codec(index = 0)]
		pub static MinBond: Amount<TRB, { 1_000_000 * TRB }> = Within(100 * TRB);
	}

	/// Prompts.
	#[dynamic_pallet_params]
	#[codec(index = 5)]
	pub mod prompts {
		/// Part of a forked prompt's income that its parent receives, ppm. 1 to 500,000.
		#[codec(index = 0)]
		pub static ForkShare: Part<1, MOST_TO_PARENTS> = Within(200_000);
	}
}
