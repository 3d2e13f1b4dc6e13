//! Snapshots and proofs of membership.

use crate::{mock::*, Decision, Error, Event, HoldReason, Review};
use frame::testing_prelude::*;
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{
	range,
	traits::Snapshots,
	views::{ContributionLeaf, SnapshotView},
	ContributionIndex, DataNetId, Hash, SnapshotRef,
};

/// The leaves that anyone can read, in order.
fn leaves(datanet: DataNetId) -> Vec<Hash> {
	let indices = 0..Datanets::datanet(datanet).unwrap().contributions;
	let mut leaves: Vec<_> = indices.filter_map(|index| Datanets::leaf_of(datanet, index)).collect();
	leaves.sort();
	leaves.into_iter().map(|(_, digest)| digest).collect()
}

fn is_member(datanet: DataNetId, version: u32, index: ContributionIndex) -> bool {
	let snapshot = Datanets::snapshot_of(datanet, version).unwrap();
	let (leaf, digest) = Datanets::leaf_of(datanet, index).unwrap();
	let covered = &leaves(datanet)[..snapshot.leaves as usize];
	range::prove(covered, leaf).is_some_and(|proof| range::verify(&snapshot.root, digest, &proof))
}

#[test]
fn snapshot_fixes_accepted_contributions_when_something_is_new() {
	test(|| {
		contribute(ALICE, OPEN, 0..5);
		assert_ok!(Datanets::snapshot(signed(OWNER), OPEN));
		let expected = range::Range::from_leaves(&leaves(OPEN)).unwrap().root();
		let snapshot = SnapshotRef { datanet: OPEN, version: 1 };
		assert_eq!(
			Datanets::snapshot_of(OPEN, 1),
			Some(SnapshotView { root: expected, leaves: 5, erased: 0, at: 5 })
		);
		System::assert_last_event(Event::SnapshotTaken { snapshot, root: expected, leaves: 5 }.into());
		assert!(<Datanets as Snapshots>::exists(snapshot));
		assert!(!<Datanets as Snapshots>::exists(SnapshotRef { datanet: OPEN, version: 2 }));
		assert!(held(HoldReason::Snapshot, &OWNER) > 100);
	});
}

#[test]
fn snapshot_leaf_is_what_primitives_say_when_contribution_is_accepted() {
	test(|| {
		contribute(ALICE, OPEN, [42]);
		let leaf = ContributionLeaf {
			datanet: OPEN,
			index: 0,
			contributor: ALICE.into(),
			content: item(42).content,
		};
		assert_eq!(Datanets::leaf_of(OPEN, 0), Some((0, leaf.digest())));
	});
}

#[test]
fn membership_is_provable_when_later_leaves_and_tombstones_follow() {
	test(|| {
		contribute(ALICE, OPEN, 0..7);
		assert_ok!(Datanets::snapshot(signed(OWNER), OPEN));
		contribute(BOB, OPEN, 7..20);
		assert_ok!(Datanets::tombstone(signed(ALICE), OPEN, 3));
		assert_ok!(Datanets::tombstone(signed(ALICE), OPEN, 5));
		assert_ok!(Datanets::snapshot(signed(OWNER), OPEN));
		assert!((0..7).all(|index| is_member(OPEN, 1, index)));
		assert!((0..20).all(|index| is_member(OPEN, 2, index)));
		assert!(!is_member(OPEN, 1, 7));
	});
}

#[test]
fn snapshot_leaves_undecided_out_when_datanet_is_curated() {
	test(|| {
		contribute(ALICE, CURATED, 0..3);
		assert_noop!(Datanets::snapshot(signed(CURATOR), CURATED), Error::<Test>::NothingNew);
		let accepted = vec![Decision { index: 1, verdict: Review::Accept }].try_into().unwrap();
		assert_ok!(Datanets::review(signed(CURATOR), CURATED, accepted));
		assert_ok!(Datanets::snapshot(signed(CURATOR), CURATED));
		assert_eq!(Datanets::snapshot_of(CURATED, 1).unwrap().leaves, 1);
		assert_eq!(Datanets::leaf_of(CURATED, 0), None);
	});
}

#[test]
fn snapshot_is_refused_when_nothing_is_new() {
	test(|| {
		assert_noop!(Datanets::snapshot(signed(OWNER), OPEN), Error::<Test>::NothingNew);
		contribute(ALICE, OPEN, [0]);
		assert_ok!(Datanets::snapshot(signed(OWNER), OPEN));
		assert_noop!(Datanets::snapshot(signed(OWNER), OPEN), Error::<Test>::NothingNew);
		contribute(ALICE, OPEN, [1]);
		assert_ok!(Datanets::snapshot(signed(OWNER), OPEN));
		assert_eq!(Datanets::datanet(OPEN).unwrap().snapshots, 2);
	});
}

#[test]
fn snapshot_without_the_erased_is_taken_when_nothing_else_is_new() {
	test(|| {
		contribute(ALICE, OPEN, 0..3);
		assert_ok!(Datanets::snapshot(signed(OWNER), OPEN));
		assert_ok!(Datanets::tombstone(signed(ALICE), OPEN, 1));
		assert_ok!(Datanets::snapshot(signed(OWNER), OPEN));
		let (first, second) =
			(Datanets::snapshot_of(OPEN, 1).unwrap(), Datanets::snapshot_of(OPEN, 2).unwrap());
		assert_eq!((first.erased, second.erased), (0, 1));
		// The leaf stays, so the root does.
		assert_eq!((first.root, first.leaves), (second.root, second.leaves));
		assert_noop!(Datanets::snapshot(signed(OWNER), OPEN), Error::<Test>::NothingNew);
	});
}

#[test]
fn snapshot_is_refused_when_datanet_or_signer_is_wrong() {
	test(|| {
		contribute(ALICE, OPEN, [0]);
		assert_noop!(Datanets::snapshot(signed(ALICE), OPEN), Error::<Test>::NotCurator);
		assert_noop!(Datanets::snapshot(signed(OWNER), 2), Error::<Test>::UnknownDataNet);
		assert_noop!(Datanets::snapshot(RuntimeOrigin::none(), OPEN), BadOrigin);
	});
}

#[test]
fn snapshot_is_refused_when_versions_are_used_up() {
	test(|| {
		contribute(ALICE, OPEN, [0]);
		let newest = |version| {
			crate::DataNets::<Test>::mutate(OPEN, |known| known.as_mut().unwrap().snapshots = version)
		};
		newest(u32::MAX);
		assert_noop!(Datanets::snapshot(signed(OWNER), OPEN), Error::<Test>::Full);
		newest(0);
	});
}
