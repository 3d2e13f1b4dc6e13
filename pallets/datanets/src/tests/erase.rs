//! Tombstones and withdrawals.

use crate::{mock::*, Contributions, Decision, Error, Event, HoldReason, Review};
use frame::testing_prelude::*;
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::AccountId32};
use tributary_primitives::{traits::Snapshots, views::ContributionStatus, SnapshotRef};

fn decide(index: u32, verdict: Review) {
	let decisions = vec![Decision { index, verdict }].try_into().unwrap();
	assert_ok!(Datanets::review(signed(CURATOR), CURATED, decisions));
}

#[test]
fn tombstone_erases_metadata_and_weight_when_contributor_asks() {
	test(|| {
		contribute(ALICE, OPEN, 0..2);
		let before = held(HoldReason::Contribution, &ALICE);
		let leaf = Datanets::leaf_of(OPEN, 1);
		assert_ok!(Datanets::tombstone(signed(ALICE), OPEN, 1));
		System::assert_last_event(Event::Tombstoned { datanet: OPEN, index: 1, by: ALICE }.into());
		let view = Datanets::contribution(OPEN, 1).unwrap();
		assert_eq!((view.status, view.metadata), (ContributionStatus::Tombstoned, vec![]));
		assert_eq!(weight(OPEN, &ALICE), 1);
		assert_eq!(held(HoldReason::Contribution, &ALICE), before - "a title".len() as u128);
		assert_eq!(Datanets::leaf_of(OPEN, 1), leaf);
	});
}

#[test]
fn tombstone_keeps_content_refused_when_somebody_adds_it_again() {
	test(|| {
		contribute(ALICE, OPEN, [0]);
		assert_ok!(Datanets::tombstone(signed(OWNER), OPEN, 0));
		assert_noop!(Datanets::contribute(signed(ALICE), OPEN, items([0])), Error::<Test>::DuplicateContent);
	});
}

#[test]
fn tombstone_is_granted_when_owner_or_curator_asks() {
	test(|| {
		contribute(ALICE, CURATED, 0..2);
		decide(0, Review::Accept);
		decide(1, Review::Accept);
		let tombstone = |who: AccountId32, index| Datanets::tombstone(signed(who), CURATED, index);
		assert_noop!(tombstone(BOB, 0), Error::<Test>::MayNotTombstone);
		assert_ok!(tombstone(OWNER, 0));
		assert_ok!(tombstone(CURATOR, 1));
		assert_eq!(weight(CURATED, &ALICE), 0);
	});
}

#[test]
fn tombstone_is_refused_when_contribution_is_not_accepted() {
	test(|| {
		contribute(ALICE, CURATED, 0..3);
		decide(1, Review::Reject(text("no")));
		decide(2, Review::Accept);
		assert_ok!(Datanets::tombstone(signed(ALICE), CURATED, 2));
		for index in 0..3 {
			assert_noop!(Datanets::tombstone(signed(ALICE), CURATED, index), Error::<Test>::NotAccepted);
		}
	});
}

#[test]
fn tombstone_is_refused_when_entry_or_signature_is_missing() {
	test(|| {
		assert_noop!(Datanets::tombstone(signed(OWNER), OPEN, 0), Error::<Test>::UnknownContribution);
		assert_noop!(Datanets::tombstone(signed(OWNER), 2, 0), Error::<Test>::UnknownDataNet);
		assert_noop!(Datanets::tombstone(RuntimeOrigin::none(), OPEN, 0), BadOrigin);
	});
}

#[test]
fn erased_lists_what_was_in_a_snapshot_when_it_is_erased_later() {
	test(|| {
		contribute(ALICE, OPEN, 0..4);
		assert_ok!(Datanets::tombstone(signed(ALICE), OPEN, 3));
		assert_ok!(Datanets::snapshot(signed(OWNER), OPEN));
		contribute(ALICE, OPEN, 4..6);
		assert_ok!(Datanets::snapshot(signed(OWNER), OPEN));
		for index in [5, 2, 0] {
			assert_ok!(Datanets::tombstone(signed(ALICE), OPEN, index));
		}
		let snapshot = |version| SnapshotRef { datanet: OPEN, version };
		// Contribution 3 was erased before the first snapshot, 5 came after it.
		assert_eq!(<Datanets as Snapshots>::erased(snapshot(1), u32::MAX), vec![2, 0]);
		assert_eq!(<Datanets as Snapshots>::erased(snapshot(2), u32::MAX), vec![5, 2, 0]);
		assert_eq!(<Datanets as Snapshots>::erased(snapshot(2), 2), vec![5, 2]);
		assert_eq!(Datanets::erased_from(snapshot(2), 1, 1), vec![2]);
		assert!(<Datanets as Snapshots>::erased(snapshot(3), 9).is_empty());
	});
}

#[test]
fn withdraw_returns_the_deposit_when_contribution_is_pending() {
	test(|| {
		contribute(ALICE, CURATED, [0]);
		assert_ok!(Datanets::withdraw(signed(ALICE), CURATED, 0));
		System::assert_last_event(Event::Withdrawn { datanet: CURATED, index: 0 }.into());
		assert_eq!(held(HoldReason::Contribution, &ALICE), 0);
		assert!(!Contributions::<Test>::contains_key(CURATED, 0));
		contribute(BOB, CURATED, [0]);
		assert_eq!(Datanets::holder_of(CURATED, item(0).content), Some(1));
	});
}

#[test]
fn withdraw_returns_the_deposit_when_contribution_was_rejected() {
	test(|| {
		contribute(ALICE, CURATED, [0]);
		decide(0, Review::Reject(text("no")));
		assert!(held(HoldReason::Contribution, &ALICE) > 0);
		assert_ok!(Datanets::withdraw(signed(ALICE), CURATED, 0));
		assert_eq!(held(HoldReason::Contribution, &ALICE), 0);
		assert_eq!(Datanets::reason(CURATED, 0), None);
	});
}

#[test]
fn withdraw_is_refused_when_contribution_stays() {
	test(|| {
		contribute(ALICE, OPEN, 0..2);
		assert_ok!(Datanets::tombstone(signed(ALICE), OPEN, 1));
		assert_noop!(Datanets::withdraw(signed(ALICE), OPEN, 0), Error::<Test>::NotWithdrawable);
		assert_noop!(Datanets::withdraw(signed(ALICE), OPEN, 1), Error::<Test>::NotWithdrawable);
	});
}

#[test]
fn withdraw_is_refused_when_entry_or_signer_is_wrong() {
	test(|| {
		contribute(ALICE, CURATED, [0]);
		assert_noop!(Datanets::withdraw(signed(OWNER), CURATED, 0), Error::<Test>::NotContributor);
		assert_noop!(Datanets::withdraw(signed(ALICE), CURATED, 1), Error::<Test>::UnknownContribution);
		assert_noop!(Datanets::withdraw(RuntimeOrigin::none(), CURATED, 0), BadOrigin);
	});
}
