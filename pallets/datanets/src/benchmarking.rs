//! Benchmarks of the calls.

// A benchmark that cannot be set up shall fail; none runs on chain.
#![allow(
	clippy::arithmetic_side_effects,
	clippy::indexing_slicing,
	clippy::unwrap_used,
	clippy::expect_used,
	clippy::panic
)]

use crate::{Config, Pallet as Datanets, *};
use alloc::{vec, vec::Vec};
use frame::{
	benchmarking::prelude::*,
	traits::{Consideration, Footprint},
};
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{
	limits::{MAX_NAME, MAX_TEXT},
	range::Range,
	views::{ContributionStatus, Policy},
	DataNetId,
};

fn text<S: Get<u32>>(length: u32) -> BoundedVec<u8, S> {
	vec![b'a'; length as usize].try_into().expect("within the bound")
}

/// Gives an account enough for the deposits of a full batch.
fn fund<T: Config>(who: &T::AccountId) {
	let much = Footprint::from_parts(1_000, 1_000_000);
	T::DataNetDeposit::ensure_successful(who, much);
	T::ContributionDeposit::ensure_successful(who, much);
	T::SnapshotDeposit::ensure_successful(who, much);
}

fn funded<T: Config>(name: &'static str, index: u32) -> T::AccountId {
	let who = account(name, index, 0);
	fund::<T>(&who);
	who
}

fn caller<T: Config>() -> T::AccountId {
	let who: T::AccountId = whitelisted_caller();
	fund::<T>(&who);
	who
}

fn curators<T: Config>(name: &'static str, count: u32) -> Curators<T::AccountId> {
	let curators: Vec<_> = (0..count).map(|index| account(name, index, 0)).collect();
	curators.try_into().expect("as many as a DataNet may have")
}

/// A DataNet with the longest texts and as many curators as possible, `who` the last one asked.
fn datanet<T: Config>(owner: T::AccountId, who: &T::AccountId, policy: Policy) -> DataNetId {
	let id = NextDataNet::<T>::get();
	let mut reviewers = curators::<T>("curator", MAX_CURATORS - 1);
	reviewers.try_push(who.clone()).expect("there is room for one");
	Datanets::<T>::do_create(owner, text(MAX_NAME), text(MAX_TEXT), policy, reviewers)
		.expect("the owner has funds");
	id
}

/// Accepted texts of a DataNet whose next one closes as many trees as possible.
const LEAVES: u32 = (1 << PEAKS) - 1;
const PEAKS: u8 = 31;

/// Gives a DataNet [`LEAVES`], which nobody has contributed.
fn fill<T: Config>(datanet: DataNetId) {
	let peaks: Vec<_> = (0..PEAKS).map(|index| [index; 32]).collect();
	let peaks = peaks.try_into().expect("one for each bit of the leaves");
	Ranges::<T>::insert(datanet, Range { leaves: LEAVES, peaks });
}

fn item(number: u32) -> Item {
	let mut content = [7; 32];
	content[..4].copy_from_slice(&number.to_le_bytes());
	Item { content, bytes: u64::MAX, licence: text(MAX_LICENCE), metadata: text(MAX_TEXT) }
}

fn items(count: u32) -> Items {
	(0..count).map(item).collect::<Vec<_>>().try_into().expect("as many as one call takes")
}

/// One text of each of `count` contributors.
fn contribute<T: Config>(datanet: DataNetId, count: u32) {
	for index in 0..count {
		let one = vec![item(index)].try_into().expect("one is allowed");
		Datanets::<T>::do_contribute(funded::<T>("contributor", index), datanet, one)
			.expect("the contributor has funds");
	}
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn create(c: Linear<0, MAX_CURATORS>) {
		let who = caller::<T>();
		let reviewers = curators::<T>("curator", c);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), text(MAX_NAME), text(MAX_TEXT), Policy::Curated, reviewers);
		assert_eq!(NextDataNet::<T>::get(), 1);
	}

	#[benchmark]
	fn set_curators(c: Linear<0, MAX_CURATORS>) {
		let who = caller::<T>();
		let id = datanet::<T>(who.clone(), &account("reviewer", 0, 0), Policy::Curated);
		let reviewers = curators::<T>("new", c);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, reviewers.clone());
		assert_eq!(DataNets::<T>::get(id).map(|datanet| datanet.curators), Some(reviewers));
	}

	/// Into an open DataNet, where they are accepted at once.
	#[benchmark]
	fn contribute(n: Linear<1, MAX_BATCH>) {
		let who = caller::<T>();
		let id = datanet::<T>(funded::<T>("owner", 0), &account("reviewer", 0, 0), Policy::Open);
		fill::<T>(id);
		let texts = items(n);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, texts);
		assert_eq!(Ranges::<T>::get(id).leaves, LEAVES + n);
	}

	/// Accepts texts of different contributors.
	#[benchmark]
	fn review(n: Linear<1, MAX_BATCH>) {
		let who = caller::<T>();
		let id = datanet::<T>(funded::<T>("owner", 0), &who, Policy::Curated);
		super::contribute::<T>(id, n);
		fill::<T>(id);
		let decisions: Vec<_> = (0..n).map(|index| Decision { index, verdict: Review::Accept }).collect();
		let decisions: Decisions = decisions.try_into().expect("as many as one call takes");
		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, decisions);
		assert_eq!(Ranges::<T>::get(id).leaves, LEAVES + n);
	}

	#[benchmark]
	fn snapshot() {
		let who = caller::<T>();
		let id = datanet::<T>(funded::<T>("owner", 0), &who, Policy::Open);
		// Not the first: the newest one is read.
		super::contribute::<T>(id, 1);
		Datanets::<T>::do_snapshot(who.clone(), id).expect("there is a text");
		fill::<T>(id);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), id);
		assert_eq!(DataNets::<T>::get(id).map(|datanet| datanet.snapshots), Some(2));
	}

	/// By a curator, of a text with metadata.
	#[benchmark]
	fn tombstone() {
		let who = caller::<T>();
		let id = datanet::<T>(funded::<T>("owner", 0), &who, Policy::Open);
		super::contribute::<T>(id, 1);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, 0);
		let stored = Contributions::<T>::get(id, 0).map(|stored| ContributionStatus::from(stored.status));
		assert_eq!(stored, Some(ContributionStatus::Tombstoned));
	}

	#[benchmark]
	fn withdraw() {
		let who = caller::<T>();
		let id = datanet::<T>(funded::<T>("owner", 0), &account("reviewer", 0, 0), Policy::Curated);
		Datanets::<T>::do_contribute(who.clone(), id, items(1)).expect("the contributor has funds");
		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, 0);
		assert!(Contributions::<T>::get(id, 0).is_none());
	}

	impl_benchmark_test_suite!(Datanets, crate::mock::empty(), crate::mock::Test);
}
