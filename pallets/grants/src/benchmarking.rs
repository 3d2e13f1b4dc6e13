//! Benchmarks of the calls.

// A benchmark that cannot be set up shall fail; none runs on chain.
#![allow(
	clippy::arithmetic_side_effects,
	clippy::indexing_slicing,
	clippy::unwrap_used,
	clippy::expect_used,
	clippy::panic
)]

use crate::{Config, Pallet as Grants, *};
use alloc::vec;
use frame::{
	benchmarking::prelude::*,
	traits::{fungible::Mutate, Consideration, Footprint},
};
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{
	limits::MAX_CAPSULE, traits::VaultHolders, AccountId, Balance, DataNetId, Purpose, VaultKey,
};

/// What benchmarks need of other pallets.
pub trait BenchmarkHelper {
	/// A new DataNet of an account, without contributions.
	fn datanet(owner: &AccountId) -> DataNetId;
}

/// For runtimes in which grants are not benchmarked.
impl BenchmarkHelper for () {
	fn datanet(_: &AccountId) -> DataNetId {
		0
	}
}

/// Of a grant, planck.
const PRICE: Balance = 1 << 50;
/// More than prices and deposits of a benchmark, planck.
const FUNDS: Balance = 1 << 80;
const PURPOSE: Purpose = Purpose::Train;

fn fund<T: Config>(who: &T::AccountId)
where
	T::Currency: Mutate<T::AccountId>,
{
	T::Currency::set_balance(who, FUNDS);
	T::Deposit::ensure_successful(who, Footprint::from_parts(1_000, 1_000_000));
}

fn caller<T: Config>() -> T::AccountId
where
	T::Currency: Mutate<T::AccountId>,
{
	let who = whitelisted_caller();
	fund::<T>(&who);
	who
}

fn funded<T: Config>(name: &'static str) -> T::AccountId
where
	T::Currency: Mutate<T::AccountId>,
{
	let who = account(name, 0, 0);
	fund::<T>(&who);
	who
}

/// A private DataNet that somebody has contributed to, with an offer.
fn private<T: Config>(owner: &T::AccountId) -> DataNetId {
	let id = T::BenchmarkHelper::datanet(owner.as_ref());
	Grants::<T>::do_set_recipient(owner, id, [1; 32]).expect("the owner has funds");
	Grants::<T>::do_offer(owner, id, PURPOSE, Some(PRICE)).expect("the DataNet is private");
	assert!(T::Vaults::set_weight(VaultKey::Pool(id), &[7; 32], 1).is_ok());
	id
}

fn capsule() -> Capsule {
	vec![7; MAX_CAPSULE as usize].try_into().expect("as long as a capsule may be")
}

fn request<T: Config>(grantee: &T::AccountId, datanet: DataNetId) {
	Grants::<T>::do_announce(grantee.clone(), [2; 32]).expect("the grantee has funds");
	Grants::<T>::do_request(grantee.clone(), datanet, PURPOSE, PRICE).expect("it is offered");
}

fn grant<T: Config>(owner: &T::AccountId, grantee: &T::AccountId, datanet: DataNetId) {
	request::<T>(grantee, datanet);
	Grants::<T>::do_grant(owner, datanet, grantee.clone(), PURPOSE, capsule()).expect("it was asked for");
}

#[benchmarks(where T::Currency: Mutate<T::AccountId>)]
mod benches {
	use super::*;

	#[benchmark]
	fn announce() {
		let who = caller::<T>();
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), [3; 32]);
		assert!(Recipients::<T>::contains_key(who));
	}

	#[benchmark]
	fn withdraw_recipient() {
		let who = caller::<T>();
		Grants::<T>::do_announce(who.clone(), [3; 32]).expect("the account has funds");
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));
		assert!(!Recipients::<T>::contains_key(who));
	}

	/// The first one, for which a deposit is held.
	#[benchmark]
	fn set_recipient() {
		let who = caller::<T>();
		let id = T::BenchmarkHelper::datanet(who.as_ref());
		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, [3; 32]);
		assert_eq!(Accesses::<T>::get(id).map(|access| access.epoch), Some(1));
	}

	#[benchmark]
	fn offer() {
		let who = caller::<T>();
		let id = private::<T>(&who);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, PURPOSE, Some(Balance::MAX));
		assert_eq!(Accesses::<T>::get(id).and_then(|access| access.price(PURPOSE)), Some(Balance::MAX));
	}

	#[benchmark]
	fn request() {
		let who = caller::<T>();
		let id = private::<T>(&funded::<T>("owner"));
		Grants::<T>::do_announce(who.clone(), [2; 32]).expect("the grantee has funds");
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), id, PURPOSE, PRICE);
		assert!(Requests::<T>::contains_key(id, (who, PURPOSE)));
	}

	#[benchmark]
	fn withdraw_request() {
		let who = caller::<T>();
		let id = private::<T>(&funded::<T>("owner"));
		super::request::<T>(&who, id);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), id, PURPOSE);
		assert!(!Requests::<T>::contains_key(id, (who, PURPOSE)));
	}

	#[benchmark]
	fn refuse() {
		let who = caller::<T>();
		let id = private::<T>(&who);
		let grantee = funded::<T>("grantee");
		super::request::<T>(&grantee, id);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, grantee.clone(), PURPOSE);
		assert!(!Requests::<T>::contains_key(id, (grantee, PURPOSE)));
	}

	/// To one who asked, and who has an older grant whose capsule is replaced.
	#[benchmark]
	fn grant() {
		let who = caller::<T>();
		let id = private::<T>(&who);
		let grantee = funded::<T>("grantee");
		super::request::<T>(&grantee, id);
		let short = vec![1].try_into().expect("one byte is allowed");
		let ticket = T::Deposit::new(&who, Footprint::from_parts(1, 1)).expect("the owner has funds");
		let older = Grant { epoch: 1, capsule: short, granted_at: 0, ticket };
		crate::Grants::<T>::insert(id, (&grantee, PURPOSE), older);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, grantee.clone(), PURPOSE, capsule());
		assert_eq!(crate::Grants::<T>::get(id, (grantee, PURPOSE)).map(|made| made.capsule), Some(capsule()));
	}

	#[benchmark]
	fn revoke() {
		let who = caller::<T>();
		let id = private::<T>(&who);
		let grantee = funded::<T>("grantee");
		super::grant::<T>(&who, &grantee, id);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, grantee.clone(), PURPOSE);
		assert!(!crate::Grants::<T>::contains_key(id, (grantee, PURPOSE)));
	}

	#[benchmark]
	fn renounce() {
		let who = caller::<T>();
		let owner = funded::<T>("owner");
		let id = private::<T>(&owner);
		super::grant::<T>(&owner, &who, id);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), id, PURPOSE);
		assert!(!crate::Grants::<T>::contains_key(id, (who, PURPOSE)));
	}

	impl_benchmark_test_suite!(Grants, crate::mock::empty(), crate::mock::Test);
}
