//! Benchmarks of the calls.

// A benchmark that cannot be set up shall fail; none runs on chain.
#![allow(
	clippy::arithmetic_side_effects,
	clippy::indexing_slicing,
	clippy::unwrap_used,
	clippy::expect_used,
	clippy::panic
)]

use crate::{Config, Pallet as WorkersPallet, *};
use alloc::vec::Vec;
use frame::{benchmarking::prelude::*, token::fungible::Mutate};
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{limits::MAX_URL, Balance};

/// More than a bond, planck.
const FUNDS: Balance = 1 << 80;

fn endpoint() -> Endpoint {
	let mut url: Vec<u8> = b"https://".to_vec();
	url.resize(MAX_URL as usize, b'a');
	url.try_into().expect("as long as a URL may be")
}

/// In the order that takes longest to sort.
fn models() -> Models {
	(0..MAX_MODELS).rev().collect::<Vec<_>>().try_into().expect("as many as a worker may serve")
}

fn caller<T: Config>() -> T::AccountId {
	let who = whitelisted_caller();
	T::Currency::set_balance(&who, FUNDS);
	who
}

fn registered<T: Config>() -> T::AccountId {
	let who = caller::<T>();
	let key = account("key", 0, 0);
	WorkersPallet::<T>::do_register(who.clone(), key, endpoint(), models(), T::MinBond::get())
		.expect("the operator has funds");
	who
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn register() {
		let who = caller::<T>();
		let bond = T::MinBond::get();
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), account("key", 0, 0), endpoint(), models(), bond);
		assert!(Workers::<T>::contains_key(who));
	}

	#[benchmark]
	fn update() {
		let who = registered::<T>();
		let key: T::AccountId = account("new", 0, 0);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), key.clone(), endpoint(), models());
		assert!(ServiceKeys::<T>::contains_key(key));
	}

	#[benchmark]
	fn add_bond() {
		let who = registered::<T>();
		let bond = WorkersPallet::<T>::bond(&who);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), 1);
		assert_eq!(WorkersPallet::<T>::bond(&who), bond + 1);
	}

	#[benchmark]
	fn unbond() {
		let who = registered::<T>();
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));
		assert!(Workers::<T>::get(who).is_some_and(|worker| worker.unbonds_at.is_some()));
	}

	#[benchmark]
	fn withdraw() {
		let who = registered::<T>();
		WorkersPallet::<T>::do_unbond(who.clone()).expect("the worker is registered");
		let unbonds_at = Workers::<T>::get(&who).and_then(|worker| worker.unbonds_at);
		T::BlockNumberProvider::set_block_number(unbonds_at.expect("it is leaving"));
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));
		assert!(!Workers::<T>::contains_key(who));
	}

	impl_benchmark_test_suite!(WorkersPallet, crate::mock::empty(), crate::mock::Test);
}
