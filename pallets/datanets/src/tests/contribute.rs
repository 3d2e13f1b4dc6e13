//! Adding contributions.

use crate::{mock::*, DataNets, Error, Event, HoldReason, Item, MAX_BATCH};
use frame::testing_prelude::*;
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::views::ContributionStatus;

fn refused(item: Item, error: Error<Test>) {
	let items = vec![item].try_into().unwrap();
	assert_noop!(Datanets::contribute(signed(ALICE), OPEN, items), error);
}

#[test]
fn contribute_accepts_at_once_when_datanet_is_open() {
	test(|| {
		contribute(ALICE, OPEN, 0..3);
		contribute(BOB, OPEN, [3]);
		for index in 0..4 {
			assert_eq!(status(OPEN, index), ContributionStatus::Accepted { leaf: index });
		}
		assert_eq!((weight(OPEN, &ALICE), weight(OPEN, &BOB)), (3, 1));
		System::assert_has_event(
			Event::Contributed { datanet: OPEN, contributor: ALICE, first: 0, count: 3 }.into(),
		);
		System::assert_has_event(Event::Accepted { datanet: OPEN, index: 3, leaf: 3 }.into());
	});
}

#[test]
fn contribute_waits_for_review_when_datanet_is_curated() {
	test(|| {
		contribute(ALICE, CURATED, 0..2);
		assert_eq!(status(CURATED, 1), ContributionStatus::Pending);
		assert_eq!(weight(CURATED, &ALICE), 0);
	});
}

#[test]
fn contribute_holds_a_deposit_for_each_item_when_batch_is_full() {
	test(|| {
		contribute(ALICE, OPEN, [1_000]);
		let one = held(HoldReason::Contribution, &ALICE);
		contribute(BOB, OPEN, 0..MAX_BATCH);
		assert_eq!(held(HoldReason::Contribution, &BOB), one * u128::from(MAX_BATCH));
	});
}

#[test]
fn contribute_is_refused_when_content_is_there_already() {
	test(|| {
		contribute(ALICE, OPEN, [7]);
		assert_noop!(Datanets::contribute(signed(BOB), OPEN, items([7])), Error::<Test>::DuplicateContent);
		assert_noop!(
			Datanets::contribute(signed(BOB), OPEN, items([8, 9, 8])),
			Error::<Test>::DuplicateContent
		);
		assert_ok!(Datanets::contribute(signed(BOB), CURATED, items([7])));
	});
}

#[test]
fn contribute_is_refused_when_item_is_bad() {
	test(|| {
		refused(Item { bytes: 0, ..item(1) }, Error::EmptyContent);
		refused(Item { licence: text(""), ..item(1) }, Error::BadLicence);
		refused(Item { licence: vec![0xff].try_into().unwrap(), ..item(1) }, Error::BadLicence);
		refused(Item { metadata: vec![0xff].try_into().unwrap(), ..item(1) }, Error::BadText);
	});
}

#[test]
fn contribute_is_refused_when_batch_datanet_or_signer_is_wrong() {
	test(|| {
		assert_noop!(Datanets::contribute(signed(ALICE), OPEN, items([])), Error::<Test>::EmptyBatch);
		assert_noop!(Datanets::contribute(signed(ALICE), 2, items([1])), Error::<Test>::UnknownDataNet);
		assert_noop!(Datanets::contribute(signed(POOR), OPEN, items([1])), TokenError::FundsUnavailable);
		assert_noop!(Datanets::contribute(RuntimeOrigin::none(), OPEN, items([1])), BadOrigin);
	});
}

#[test]
fn contribute_is_refused_when_indices_are_used_up() {
	test(|| {
		let next = |next| DataNets::<Test>::mutate(OPEN, |known| known.as_mut().unwrap().next = next);
		next(u32::MAX);
		assert_noop!(Datanets::contribute(signed(ALICE), OPEN, items([1])), Error::<Test>::Full);
		next(0);
	});
}

#[test]
fn contribute_is_refused_when_pool_weight_overflows() {
	use pallet_registry::mocking::MockVaults;
	use tributary_primitives::{traits::VaultHolders, VaultKey};
	test(|| {
		MockVaults::set_weight(VaultKey::Pool(OPEN), ALICE.as_ref(), u64::MAX).unwrap();
		assert_noop!(Datanets::contribute(signed(ALICE), OPEN, items([1])), Error::<Test>::Overflow);
		assert_noop!(Datanets::contribute(signed(BOB), OPEN, items([1])), Error::<Test>::Overflow);
		MockVaults::set_weight(VaultKey::Pool(OPEN), ALICE.as_ref(), 0).unwrap();
	});
}
