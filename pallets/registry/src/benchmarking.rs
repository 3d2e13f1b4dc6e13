//! Benchmarks of the calls, and the assets that other pallets' benchmarks are made of.

// A benchmark that cannot be set up shall fail; none runs on chain.
#![allow(
	clippy::arithmetic_side_effects,
	clippy::indexing_slicing,
	clippy::unwrap_used,
	clippy::expect_used,
	clippy::panic
)]

use crate::{Config, Pallet as Registry, *};
use alloc::{vec, vec::Vec};
use frame::{benchmarking::prelude::*, traits::fungible::Mutate};
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{
	fee::Price,
	limits::{MAX_HINTS, MAX_PAYEES, MAX_URL, MAX_VAULT_HOLDERS},
	royalty::{Parent, MAX_PARENTS_SHARE},
	traits::VaultHolders,
	AssetId, AssetKind, AssetRef, Balance, DocumentKind, VaultKey,
};

/// More than any deposit of a benchmark, planck.
pub const FUNDS: Balance = 1 << 80;

/// Text as long as its type allows.
pub fn longest<S: Get<u32>>() -> BoundedVec<u8, S> {
	vec![b'a'; S::get() as usize].try_into().expect("as long as the bound")
}

/// As many hints as a version may have, each as long as it may be.
pub fn hints() -> Hints {
	let hint: Hint = vec![b'a'; MAX_URL as usize].try_into().expect("as long as a hint may be");
	vec![hint; MAX_HINTS as usize].try_into().expect("as many as a version may have")
}

/// An account with [`FUNDS`].
pub fn funded<T: Config>(name: &'static str, index: u32) -> T::AccountId
where
	T::Currency: Mutate<T::AccountId>,
{
	let who = account(name, index, 0);
	fund::<T>(&who);
	who
}

/// Gives an account [`FUNDS`].
pub fn fund<T: Config>(who: &T::AccountId)
where
	T::Currency: Mutate<T::AccountId>,
{
	T::Currency::set_balance(who, FUNDS);
}

/// A new asset derived from others.
pub fn asset<T: Config>(owner: &T::AccountId, kind: AssetKind, parents: Lineage) -> AssetId {
	let version = NewVersion { content: [1; 32], hints: hints(), parents, extra_bytes: 0 };
	let price = Price { input: 3, output: 4 };
	Registry::<T>::create(owner, kind, longest(), price, version).expect("the owner has funds")
}

/// A new asset with as many payees as an asset may have: it is the last of a line in which each passes half of
/// its income on.
pub fn descendant<T: Config>(owner: &T::AccountId, kind: AssetKind) -> AssetId {
	let mut last = asset::<T>(owner, kind, Lineage::new());
	for _ in 1..MAX_PAYEES {
		last = child::<T>(owner, kind, last);
	}
	last
}

/// A new asset that passes half of its income on to `parent`.
pub fn child<T: Config>(owner: &T::AccountId, kind: AssetKind, parent: AssetId) -> AssetId {
	let parent = ParentVersion { parent: AssetRef { asset: parent, version: 1 }, share: MAX_PARENTS_SHARE };
	asset::<T>(owner, kind, vec![parent].try_into().expect("one parent is allowed"))
}

/// New assets with as many payees as possible, as parents.
pub fn parents<T: Config>(owner: &T::AccountId, kind: AssetKind, count: u32) -> Vec<Parent> {
	let share = MAX_PARENTS_SHARE.checked_div(count).unwrap_or_default();
	(0..count).map(|_| Parent { asset: descendant::<T>(owner, kind), share }).collect()
}

/// A new prompt whose vault has as many holders as it may have, and its owner.
fn shared<T: Config>() -> (T::AccountId, AssetId)
where
	T::Currency: Mutate<T::AccountId>,
{
	let owner: T::AccountId = whitelisted_caller();
	fund::<T>(&owner);
	let id = asset::<T>(&owner, AssetKind::Prompt, Lineage::new());
	Registry::<T>::do_set_holders(&owner, id, holders::<T>("old", MAX_VAULT_HOLDERS))
		.expect("they are distinct and have weights");
	(owner, id)
}

fn holders<T: Config>(name: &'static str, count: u32) -> Holders<T::AccountId> {
	let holders: Vec<_> = (0..count).map(|index| (account(name, index, 0), u16::MAX)).collect();
	holders.try_into().expect("as many as a vault may have")
}

fn document<T: Config>(owner: &T::AccountId, asset: AssetId) {
	let version = AssetRef { asset, version: 1 };
	Registry::<T>::do_attach(owner, version, DocumentKind::Provenance, [1; 32], hints())
		.expect("the owner has funds");
}

#[benchmarks(where T::Currency: Mutate<T::AccountId>)]
mod benches {
	use super::*;

	#[benchmark]
	fn set_price() {
		let (owner, id) = shared::<T>();
		let price = Price { input: Balance::MAX, output: Balance::MAX };
		#[extrinsic_call]
		_(RawOrigin::Signed(owner), id, price);
		assert_eq!(Assets::<T>::get(id).map(|asset| asset.price), Some(price));
	}

	#[benchmark]
	fn transfer() {
		let (owner, id) = shared::<T>();
		let new = funded::<T>("new", 0);
		#[extrinsic_call]
		_(RawOrigin::Signed(owner), id, new.clone());
		assert_eq!(Assets::<T>::get(id).map(|asset| asset.owner), Some(new));
	}

	#[benchmark]
	fn set_holders(n: Linear<1, MAX_VAULT_HOLDERS>) {
		let (owner, id) = shared::<T>();
		let new = holders::<T>("new", n);
		#[extrinsic_call]
		_(RawOrigin::Signed(owner), id, new);
		assert_eq!(T::Vaults::total_weight(VaultKey::Asset(id)), u64::from(n) * u64::from(u16::MAX));
	}

	#[benchmark]
	fn retire() {
		let (owner, id) = shared::<T>();
		#[extrinsic_call]
		_(RawOrigin::Signed(owner), id);
		assert_eq!(Assets::<T>::get(id).map(|asset| asset.retired), Some(true));
	}

	#[benchmark]
	fn attach() {
		let (owner, id) = shared::<T>();
		// A document in whose place the new one comes.
		document::<T>(&owner, id);
		#[extrinsic_call]
		_(RawOrigin::Signed(owner), id, 1, DocumentKind::Provenance, [2; 32], hints());
		let stored = Documents::<T>::get((id, 1, DocumentKind::Provenance));
		assert_eq!(stored.map(|document| document.content), Some([2; 32]));
	}

	#[benchmark]
	fn detach() {
		let (owner, id) = shared::<T>();
		document::<T>(&owner, id);
		#[extrinsic_call]
		_(RawOrigin::Signed(owner), id, 1, DocumentKind::Provenance);
		assert!(Documents::<T>::get((id, 1, DocumentKind::Provenance)).is_none());
	}

	impl_benchmark_test_suite!(Registry, crate::mock::empty(), crate::mock::Test);
}
