//! Benchmarks of the calls.

// A benchmark that cannot be set up shall fail; none runs on chain.
#![allow(
	clippy::arithmetic_side_effects,
	clippy::indexing_slicing,
	clippy::unwrap_used,
	clippy::expect_used,
	clippy::panic
)]

use crate::{Config, Pallet as ToolsPallet, *};
use alloc::vec::Vec;
use frame::{benchmarking::prelude::*, traits::fungible::Mutate};
use pallet_registry::benchmarking::{fund, hints, longest};
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{limits::MAX_URL, Balance};

fn caller<T: Config>() -> T::AccountId
where
	<T as pallet_registry::Config>::Currency: Mutate<T::AccountId>,
{
	let who = whitelisted_caller();
	fund::<T>(&who);
	who
}

fn server() -> Server {
	let mut url: Vec<u8> = b"https://".to_vec();
	url.resize(MAX_URL as usize, b'a');
	url.try_into().expect("as long as a URL may be")
}

#[benchmarks(where <T as pallet_registry::Config>::Currency: Mutate<T::AccountId>)]
mod benches {
	use super::*;

	#[benchmark]
	fn register_tool() {
		let who = caller::<T>();
		#[extrinsic_call]
		_(RawOrigin::Signed(who), longest(), server(), longest(), [1; 32], hints(), Balance::MAX);
		assert!(Tools::<T>::contains_key(0, 1));
	}

	#[benchmark]
	fn add_version() {
		let who = caller::<T>();
		let tool = Tool { server: server(), identity: longest(), price: 1 };
		ToolsPallet::<T>::do_register(&who, longest(), [1; 32], hints(), tool).expect("the owner has funds");
		#[extrinsic_call]
		_(RawOrigin::Signed(who), 0, server(), longest(), [2; 32], hints(), Balance::MAX);
		assert!(Tools::<T>::contains_key(0, 2));
	}

	impl_benchmark_test_suite!(ToolsPallet, crate::mock::empty(), crate::mock::Test);
}
