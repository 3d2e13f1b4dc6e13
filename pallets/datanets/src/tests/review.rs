//! Accepting and rejecting.

use crate::{mock::*, Decision, Decisions, Error, Event, HoldReason, Review};
use frame::testing_prelude::*;
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::views::ContributionStatus;

fn accept(index: u32) -> Decision {
	Decision { index, verdict: Review::Accept }
}

fn reject(index: u32) -> Decision {
	Decision { index, verdict: Review::Reject(text("off topic")) }
}

fn decisions(of: &[Decision]) -> Decisions {
	of.to_vec().try_into().unwrap()
}

#[test]
fn review_accepts_and_rejects_when_curator_or_owner_decides() {
	test(|| {
		contribute(ALICE, CURATED, 0..2);
		contribute(BOB, CURATED, 2..4);
		assert_ok!(Datanets::review(signed(CURATOR), CURATED, decisions(&[reject(0), accept(2)])));
		assert_ok!(Datanets::review(signed(OWNER), CURATED, decisions(&[accept(1), accept(3)])));
		assert_eq!(status(CURATED, 0), ContributionStatus::Rejected);
		assert_eq!(status(CURATED, 2), ContributionStatus::Accepted { leaf: 0 });
		assert_eq!(status(CURATED, 1), ContributionStatus::Accepted { leaf: 1 });
		assert_eq!((weight(CURATED, &ALICE), weight(CURATED, &BOB)), (1, 2));
		assert_eq!(Datanets::reason(CURATED, 0), Some(text("off topic")));
		let rejected = Event::Rejected { datanet: CURATED, index: 0, reason: text("off topic") };
		System::assert_has_event(rejected.into());
		System::assert_has_event(Event::Accepted { datanet: CURATED, index: 2, leaf: 0 }.into());
	});
}

#[test]
fn review_returns_the_reason_deposit_when_it_accepts() {
	test(|| {
		contribute(ALICE, CURATED, [0]);
		let pending = held(HoldReason::Contribution, &ALICE);
		assert_ok!(Datanets::review(signed(CURATOR), CURATED, decisions(&[accept(0)])));
		contribute(BOB, OPEN, [0]);
		assert_eq!(held(HoldReason::Contribution, &ALICE), held(HoldReason::Contribution, &BOB));
		assert!(held(HoldReason::Contribution, &ALICE) < pending);
	});
}

#[test]
fn review_frees_the_content_when_it_rejects() {
	test(|| {
		contribute(BOB, CURATED, [0]);
		assert_ok!(Datanets::review(signed(CURATOR), CURATED, decisions(&[reject(0)])));
		contribute(ALICE, CURATED, [0]);
		assert_eq!(Datanets::holder_of(CURATED, item(0).content), Some(1));
		assert_ok!(Datanets::withdraw(signed(BOB), CURATED, 0));
		assert_eq!(Datanets::holder_of(CURATED, item(0).content), Some(1));
	});
}

#[test]
fn review_is_refused_when_signer_is_no_curator() {
	test(|| {
		contribute(ALICE, CURATED, [0]);
		let accepted = decisions(&[accept(0)]);
		assert_noop!(Datanets::review(signed(ALICE), CURATED, accepted.clone()), Error::<Test>::NotCurator);
		assert_noop!(Datanets::review(RuntimeOrigin::none(), CURATED, accepted.clone()), BadOrigin);
		assert_ok!(Datanets::set_curators(signed(OWNER), CURATED, curators(&[])));
		assert_noop!(Datanets::review(signed(CURATOR), CURATED, accepted), Error::<Test>::NotCurator);
	});
}

#[test]
fn review_is_refused_when_contribution_is_decided_or_unknown() {
	test(|| {
		contribute(ALICE, CURATED, 0..2);
		let review = |of: &[_]| Datanets::review(signed(CURATOR), CURATED, decisions(of));
		assert_noop!(review(&[accept(0), reject(0)]), Error::<Test>::NotPending);
		assert_noop!(review(&[accept(0), accept(2)]), Error::<Test>::UnknownContribution);
		assert_noop!(review(&[]), Error::<Test>::EmptyBatch);
		assert_noop!(
			Datanets::review(signed(CURATOR), 2, decisions(&[accept(0)])),
			Error::<Test>::UnknownDataNet
		);
	});
}

#[test]
fn review_is_refused_when_reason_is_no_text() {
	test(|| {
		contribute(ALICE, CURATED, [0]);
		for reason in [vec![], vec![0xff]] {
			let verdict = Review::Reject(reason.try_into().unwrap());
			let review = decisions(&[Decision { index: 0, verdict }]);
			assert_noop!(Datanets::review(signed(CURATOR), CURATED, review), Error::<Test>::BadText);
		}
	});
}
