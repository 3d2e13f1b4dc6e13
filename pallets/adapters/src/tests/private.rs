//! Private DataNets, held-out benchmarks and erased texts.

use crate::{mock::*, Error, Training};
use frame::testing_prelude::*;
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::AccountId32};
use tributary_primitives::{fee::Price, AssetRef, DataNetId, Purpose, SnapshotRef};

/// The next DataNet, private, with one text and a snapshot.
fn private() -> SnapshotRef {
	let datanet = pallet_datanets::NextDataNet::<Test>::get();
	create(datanet);
	assert_ok!(Grants::set_recipient(signed(ALICE), datanet, [7; 32]));
	fill(datanet);
	SnapshotRef { datanet, version: 1 }
}

fn register(who: AccountId32, snapshots: &[SnapshotRef]) -> DispatchResult {
	derive(who, snapshots, &[])
}

fn derive(who: AccountId32, snapshots: &[SnapshotRef], of: &[(u32, u32)]) -> DispatchResult {
	let training = Training { snapshots: snapshots.to_vec().try_into().unwrap(), ..training() };
	let (hints, price) = (Default::default(), Price::default());
	Adapters::register_adapter(signed(who), text("a"), [4; 32], hints, price, parents(of), training)
}

fn grant(datanet: DataNetId, purpose: Purpose) {
	assert_ok!(Grants::grant(signed(ALICE), datanet, BOB, purpose, vec![1].try_into().unwrap()));
}

#[test]
fn register_adapter_is_refused_when_a_datanet_is_private_and_not_granted() {
	test(|| {
		let secret = private();
		assert_noop!(register(BOB, &[SNAPSHOT, secret]), Error::<Test>::NotGranted);
		assert_ok!(Grants::announce(signed(BOB), [8; 32]));
		grant(secret.datanet, Purpose::Retrieve);
		assert_noop!(register(BOB, &[secret]), Error::<Test>::NotGranted);
		grant(secret.datanet, Purpose::Train);
		assert_ok!(register(BOB, &[SNAPSHOT, secret]));
		assert_ok!(register(ALICE, &[secret]));
	});
}

#[test]
fn add_version_is_refused_when_the_grant_was_revoked() {
	test(|| {
		let secret = private();
		assert_ok!(Grants::announce(signed(BOB), [8; 32]));
		grant(secret.datanet, Purpose::Train);
		assert_ok!(register(BOB, &[secret]));
		assert_ok!(Grants::revoke(signed(ALICE), secret.datanet, BOB, Purpose::Train));
		let training = Training { snapshots: vec![secret].try_into().unwrap(), ..training() };
		let add = |training| {
			let (hints, parents) = (Default::default(), parents(&[]));
			Adapters::add_version(signed(BOB), ADAPTER + 1, [5; 32], hints, parents, Some(training))
		};
		assert_noop!(add(training.clone()), Error::<Test>::NotGranted);
		assert_ok!(add(Training { snapshots: Default::default(), ..training }));
	});
}

#[test]
fn report_is_refused_when_the_benchmark_was_trained_on() {
	test(|| {
		assert_ok!(Adapters::set_evaluators(signed(ALICE), ADAPTER, vec![BOB].try_into().unwrap()));
		let on =
			|benchmark| Adapters::report(signed(BOB), ADAPTER, 1, benchmark, text("perplexity"), 1, [6; 32]);
		assert_noop!(on(SNAPSHOT), Error::<Test>::TrainedOnBenchmark);
		// A later snapshot of the same DataNet has the same texts.
		contribute(SNAPSHOT.datanet, 9);
		assert_ok!(Datanets::snapshot(signed(ALICE), SNAPSHOT.datanet));
		assert_noop!(on(SnapshotRef { version: 2, ..SNAPSHOT }), Error::<Test>::TrainedOnBenchmark);
		assert_noop!(on(SnapshotRef { version: 2, ..BENCHMARK }), Error::<Test>::UnknownSnapshot);
		assert_ok!(on(BENCHMARK));
	});
}

#[test]
fn report_is_refused_when_a_parent_was_trained_on_the_benchmark() {
	test(|| {
		assert_ok!(derive(ALICE, &[BENCHMARK], &[(ADAPTER, 100_000)]));
		let derived = ADAPTER + 1;
		assert_ok!(Adapters::set_evaluators(signed(ALICE), derived, vec![BOB].try_into().unwrap()));
		let on = |asset, benchmark| {
			Adapters::report(signed(BOB), asset, 1, benchmark, text("perplexity"), 1, [6; 32])
		};
		for benchmark in [SNAPSHOT, BENCHMARK] {
			assert_noop!(on(derived, benchmark), Error::<Test>::TrainedOnBenchmark);
		}
		create(2);
		fill(2);
		assert_ok!(on(derived, SnapshotRef { datanet: 2, version: 1 }));
		// A base model has no training record.
		assert_ok!(Adapters::set_evaluators(signed(ALICE), BASE, vec![BOB].try_into().unwrap()));
		assert_ok!(on(BASE, SNAPSHOT));
	});
}

#[test]
fn report_replaces_the_benchmark_when_metric_is_the_same() {
	test(|| {
		create(2);
		fill(2);
		let other = SnapshotRef { datanet: 2, version: 1 };
		assert_ok!(Adapters::set_evaluators(signed(ALICE), ADAPTER, vec![BOB].try_into().unwrap()));
		for benchmark in [BENCHMARK, other] {
			let metric = text("perplexity");
			assert_ok!(Adapters::report(signed(BOB), ADAPTER, 1, benchmark, metric, 1, [6; 32]));
		}
		let evaluations = Adapters::evaluations(ADAPTER);
		assert_eq!((evaluations.len(), evaluations[0].benchmark), (1, other));
	});
}

#[test]
fn erased_marks_a_version_and_those_derived_from_it_when_a_text_is_tombstoned() {
	test(|| {
		assert_ok!(derive(ALICE, &[BENCHMARK], &[(ADAPTER, 100_000)]));
		let version = |asset| AssetRef { asset, version: 1 };
		let erased = |asset| Adapters::erased(version(asset), 0, 9);
		assert!(erased(ADAPTER).is_empty() && erased(ADAPTER + 1).is_empty());
		assert_ok!(Datanets::tombstone(signed(BOB), SNAPSHOT.datanet, 0));
		assert_eq!(erased(ADAPTER), vec![(SNAPSHOT.datanet, 0)]);
		assert_eq!(erased(ADAPTER + 1), vec![(SNAPSHOT.datanet, 0)]);
		assert_ok!(Datanets::tombstone(signed(BOB), BENCHMARK.datanet, 0));
		assert_eq!(erased(ADAPTER + 1), vec![(BENCHMARK.datanet, 0), (SNAPSHOT.datanet, 0)]);
		assert_eq!(Adapters::erased(version(ADAPTER + 1), 1, 9), vec![(SNAPSHOT.datanet, 0)]);
		assert!(erased(BASE).is_empty() && erased(9).is_empty());
	});
}

#[test]
fn erased_lists_a_contribution_once_when_it_was_in_two_snapshots() {
	test(|| {
		contribute(SNAPSHOT.datanet, 9);
		assert_ok!(Datanets::snapshot(signed(ALICE), SNAPSHOT.datanet));
		assert_ok!(register(BOB, &[SNAPSHOT, SnapshotRef { version: 2, ..SNAPSHOT }]));
		assert_ok!(Datanets::tombstone(signed(BOB), SNAPSHOT.datanet, 1));
		assert_ok!(Datanets::tombstone(signed(BOB), SNAPSHOT.datanet, 0));
		let erased = Adapters::erased(AssetRef { asset: ADAPTER + 1, version: 1 }, 0, u32::MAX);
		assert_eq!(erased, vec![(SNAPSHOT.datanet, 0), (SNAPSHOT.datanet, 1)]);
	});
}
