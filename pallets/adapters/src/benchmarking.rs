//! Benchmarks of the calls.

// A benchmark that cannot be set up shall fail; none runs on chain.
#![allow(
	clippy::arithmetic_side_effects,
	clippy::indexing_slicing,
	clippy::unwrap_used,
	clippy::expect_used,
	clippy::panic
)]

use crate::{Config, Pallet as Adapters, *};
use alloc::vec::Vec;
use frame::{
	benchmarking::prelude::*,
	traits::{fungible::Mutate, Consideration, Footprint},
};
use pallet_registry::{
	benchmarking::{asset, fund, hints, longest, parents},
	Lineage,
};
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{
	fee::Price, limits::MAX_PARENTS, traits::VaultHolders, AccountId, AssetId, AssetKind, AssetRef, Balance,
	SnapshotRef, VaultKey,
};

/// What benchmarks need of other pallets.
pub trait BenchmarkHelper {
	/// Snapshots of private DataNets on which an account may train, by grants.
	fn snapshots(who: &AccountId, count: u32) -> Vec<SnapshotRef>;
}

/// For runtimes in which adapters are not benchmarked.
impl BenchmarkHelper for () {
	fn snapshots(_: &AccountId, _: u32) -> Vec<SnapshotRef> {
		Vec::new()
	}
}

const PRICE: Price = Price { input: Balance::MAX, output: Balance::MAX };

fn caller<T: Config>() -> T::AccountId
where
	<T as pallet_registry::Config>::Currency: Mutate<T::AccountId>,
{
	let who = whitelisted_caller();
	enable::<T>(&who);
	who
}

/// Gives an account more than its deposits.
fn enable<T: Config>(who: &T::AccountId)
where
	<T as pallet_registry::Config>::Currency: Mutate<T::AccountId>,
{
	fund::<T>(who);
	T::ReportDeposit::ensure_successful(who, Footprint::from_parts(1_000, 1_000_000));
}

fn base<T: Config>(owner: &T::AccountId) -> AssetRef {
	AssetRef { asset: asset::<T>(owner, AssetKind::BaseModel, Lineage::new()), version: 1 }
}

fn training(base: AssetRef, snapshots: Vec<SnapshotRef>) -> Training {
	let snapshots = snapshots.try_into().expect("as many as an adapter may name");
	Training { base, rank: MAX_RANK, snapshots, configuration: [1; 32] }
}

/// Snapshots that nobody took, of DataNets from `first` on.
fn unknown(first: u32) -> Vec<SnapshotRef> {
	(first..).take(MAX_SNAPSHOTS as usize).map(|datanet| SnapshotRef { datanet, version: 1 }).collect()
}

/// An adapter with as many parents as possible, all trained on as many snapshots as possible.
fn adapter<T: Config>(owner: &T::AccountId) -> AssetId {
	let base = base::<T>(owner);
	let parents =
		parents::<T>(owner, AssetKind::Adapter, MAX_PARENTS).try_into().expect("as many as allowed");
	let lineage = pallet_registry::Pallet::<T>::newest_parents(&parents).expect("they exist");
	let id = asset::<T>(owner, AssetKind::Adapter, lineage);
	for (index, asset) in parents.iter().map(|parent| parent.asset).chain([id]).enumerate() {
		let first = (index as u32 + 1) * 1_000;
		Trainings::<T>::insert(asset, 1, training(base, unknown(first)));
	}
	id
}

fn evaluators<T: Config>(name: &'static str, count: u32) -> EvaluatorList<T::AccountId> {
	let evaluators: Vec<_> = (0..count).map(|index| account(name, index, 0)).collect();
	evaluators.try_into().expect("as many as an asset may have")
}

fn metric(index: u32) -> Metric {
	let longest: Metric = longest();
	let mut bytes = longest.into_inner();
	bytes[0] = b'a' + index as u8;
	bytes.try_into().expect("as long as before")
}

/// As many reports on the asset's first version as there may be, by as many evaluators as there may be.
fn report_fully<T: Config>(owner: &T::AccountId, asset: AssetId, benchmark: SnapshotRef, last: &T::AccountId)
where
	<T as pallet_registry::Config>::Currency: Mutate<T::AccountId>,
{
	let mut named = evaluators::<T>("evaluator", MAX_EVALUATORS - 1);
	named.try_push(last.clone()).expect("there is room for one");
	Adapters::<T>::do_set_evaluators(owner, asset, named.clone()).expect("they are distinct");
	for evaluator in named {
		enable::<T>(&evaluator);
		for index in 0..MAX_METRICS {
			let version = AssetRef { asset, version: 1 };
			Adapters::<T>::do_report(evaluator.clone(), version, benchmark, metric(index), 1, [1; 32])
				.expect("the evaluator has funds");
		}
	}
}

/// A snapshot that nothing is trained on.
fn benchmark<T: Config>(who: &T::AccountId) -> SnapshotRef {
	T::BenchmarkHelper::snapshots(who.as_ref(), 1).pop().expect("one was asked for")
}

#[benchmarks(where <T as pallet_registry::Config>::Currency: Mutate<T::AccountId>)]
mod benches {
	use super::*;

	#[benchmark]
	fn register_base() {
		let who = caller::<T>();
		#[extrinsic_call]
		_(RawOrigin::Signed(who), longest(), [1; 32], hints(), PRICE);
		assert!(pallet_registry::Pallet::<T>::asset(0).is_some());
	}

	#[benchmark]
	fn register_adapter(p: Linear<0, MAX_PARENTS>, s: Linear<0, MAX_SNAPSHOTS>) {
		let who = caller::<T>();
		let base = base::<T>(&who);
		let parents = parents::<T>(&who, AssetKind::Adapter, p).try_into().expect("as many as allowed");
		let trained = training(base, T::BenchmarkHelper::snapshots(who.as_ref(), s));
		let id = pallet_registry::NextAsset::<T>::get();
		#[extrinsic_call]
		_(RawOrigin::Signed(who), longest(), [1; 32], hints(), PRICE, parents, trained);
		assert!(Trainings::<T>::contains_key(id, 1));
	}

	#[benchmark]
	fn add_version(p: Linear<0, MAX_PARENTS>, s: Linear<0, MAX_SNAPSHOTS>) {
		let who = caller::<T>();
		let base = base::<T>(&who);
		let parents = parents::<T>(&who, AssetKind::Adapter, p).try_into().expect("as many as allowed");
		let trained = training(base, T::BenchmarkHelper::snapshots(who.as_ref(), s));
		let id = asset::<T>(&who, AssetKind::Adapter, Lineage::new());
		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, [1; 32], hints(), parents, Some(trained));
		assert!(Trainings::<T>::contains_key(id, 2));
	}

	/// In the place of as many who have reported.
	#[benchmark]
	fn set_evaluators(e: Linear<0, MAX_EVALUATORS>) {
		let who = caller::<T>();
		let id = asset::<T>(&who, AssetKind::Adapter, Lineage::new());
		let benchmark = super::benchmark::<T>(&who);
		report_fully::<T>(&who, id, benchmark, &account("last", 0, 0));
		let new = evaluators::<T>("new", e);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, new.clone());
		assert_eq!(Evaluators::<T>::get(id), new);
		assert_eq!(T::Vaults::total_weight(VaultKey::Evaluators(id)), 0);
	}

	/// In the place of a report of one who is no evaluator any more.
	#[benchmark]
	fn report() {
		let who = caller::<T>();
		let owner: T::AccountId = account("owner", 0, 0);
		enable::<T>(&owner);
		let id = adapter::<T>(&owner);
		let benchmark = super::benchmark::<T>(&owner);
		report_fully::<T>(&owner, id, benchmark, &account("last", 0, 0));
		// The first one's other reports are on other versions no more.
		ReportCounts::<T>::insert(id, account::<T::AccountId>("evaluator", 0, 0), 1);
		let mut named = evaluators::<T>("new", MAX_EVALUATORS - 1);
		named.try_push(who.clone()).expect("there is room for one");
		Adapters::<T>::do_set_evaluators(&owner, id, named).expect("they are distinct");
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), id, 1, benchmark, metric(0), i64::MAX, [2; 32]);
		assert_eq!(ReportCounts::<T>::get(id, who), 1);
	}

	/// The last one of an evaluator, which is the last of the list.
	#[benchmark]
	fn withdraw_report() {
		let who = caller::<T>();
		let id = asset::<T>(&who, AssetKind::Adapter, Lineage::new());
		let benchmark = super::benchmark::<T>(&who);
		report_fully::<T>(&who, id, benchmark, &who);
		ReportCounts::<T>::insert(id, &who, 1);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), id, 1, metric(MAX_METRICS - 1));
		assert_eq!(ReportCounts::<T>::get(id, who), 0);
	}

	impl_benchmark_test_suite!(Adapters, crate::mock::empty(), crate::mock::Test);
}
