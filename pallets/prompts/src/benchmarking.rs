//! Benchmarks of the calls.

// A benchmark that cannot be set up shall fail; none runs on chain.
#![allow(
	clippy::arithmetic_side_effects,
	clippy::indexing_slicing,
	clippy::unwrap_used,
	clippy::expect_used,
	clippy::panic
)]

use crate::{Config, Pallet as Prompts, *};
use frame::{benchmarking::prelude::*, traits::fungible::Mutate};
use pallet_registry::{
	benchmarking::{descendant, fund, hints, longest},
	Pallet as Registry,
};
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{fee::Price, AssetKind, AssetRef, Balance};

const PRICE: Price = Price { input: Balance::MAX, output: Balance::MAX };

fn caller<T: Config>() -> T::AccountId
where
	<T as pallet_registry::Config>::Currency: Mutate<T::AccountId>,
{
	let who = whitelisted_caller();
	fund::<T>(&who);
	who
}

#[benchmarks(where <T as pallet_registry::Config>::Currency: Mutate<T::AccountId>)]
mod benches {
	use super::*;

	#[benchmark]
	fn create() {
		let who = caller::<T>();
		#[extrinsic_call]
		_(RawOrigin::Signed(who), longest(), [1; 32], hints(), PRICE);
		assert!(Registry::<T>::asset(0).is_some());
	}

	#[benchmark]
	fn fork() {
		let who = caller::<T>();
		let parent = AssetRef { asset: descendant::<T>(&who, AssetKind::Prompt), version: 1 };
		#[extrinsic_call]
		_(RawOrigin::Signed(who), parent, longest(), [1; 32], hints(), PRICE);
		assert_eq!(Prompts::<T>::forked_from(parent.asset + 1), Some(parent));
	}

	/// Of a fork.
	#[benchmark]
	fn add_version() {
		let who = caller::<T>();
		let id = descendant::<T>(&who, AssetKind::Prompt);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, [1; 32], hints());
		assert!(Registry::<T>::version(AssetRef { asset: id, version: 2 }).is_some());
	}

	impl_benchmark_test_suite!(Prompts, crate::mock::empty(), crate::mock::Test);
}
