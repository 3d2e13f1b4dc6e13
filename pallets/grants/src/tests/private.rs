//! Recipients of accounts and DataNets, and offers.

use crate::{mock::*, Error, Event, HoldReason, Recipients};
use frame::testing_prelude::*;
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{traits::AccessGrants, views::AccessView, Purpose};

#[test]
fn announce_stores_the_recipient_and_holds_a_deposit_once_when_it_is_repeated() {
	test(|| {
		let held = || held(HoldReason::Deposit, &EVE);
		assert_ok!(Grants::announce(signed(EVE), [1; 32]));
		System::assert_last_event(Event::Announced { who: EVE, recipient: [1; 32] }.into());
		assert_eq!(held(), 100 + 64);
		assert_ok!(Grants::announce(signed(EVE), [2; 32]));
		assert_eq!((Grants::recipient_of(EVE), held()), (Some([2; 32]), 100 + 64));
	});
}

#[test]
fn announce_is_refused_when_key_money_or_signature_is_missing() {
	test(|| {
		assert_noop!(Grants::announce(signed(EVE), [0; 32]), Error::<Test>::BadRecipient);
		assert_noop!(Grants::announce(signed(POOR), [1; 32]), TokenError::FundsUnavailable);
		assert_noop!(Grants::announce(RuntimeOrigin::none(), [1; 32]), BadOrigin);
	});
}

#[test]
fn withdraw_recipient_returns_the_deposit_when_one_is_announced() {
	test(|| {
		assert_ok!(Grants::withdraw_recipient(signed(ALICE)));
		System::assert_last_event(Event::RecipientWithdrawn { who: ALICE }.into());
		assert_eq!(held(HoldReason::Deposit, &ALICE), 0);
		assert!(!Recipients::<Test>::contains_key(&ALICE));
		assert_noop!(Grants::withdraw_recipient(signed(ALICE)), Error::<Test>::NotAnnounced);
		assert_noop!(Grants::withdraw_recipient(RuntimeOrigin::none()), BadOrigin);
	});
}

#[test]
fn set_recipient_makes_a_datanet_private_when_it_is_empty() {
	test(|| {
		let may = |who: &_| <Grants as AccessGrants>::may(who, PUBLIC, Purpose::Train);
		assert!(may(ALICE.as_ref()) && may(OWNER.as_ref()));
		let deposit = held(HoldReason::Deposit, &OWNER);
		assert_ok!(Grants::set_recipient(signed(OWNER), PUBLIC, [1; 32]));
		let set = Event::RecipientSet { datanet: PUBLIC, recipient: [1; 32], epoch: 1 };
		System::assert_last_event(set.into());
		assert!(held(HoldReason::Deposit, &OWNER) > deposit);
		assert!(!may(ALICE.as_ref()) && may(OWNER.as_ref()));
	});
}

#[test]
fn set_recipient_begins_an_epoch_when_the_datanet_is_private() {
	test(|| {
		contribute(PRIVATE, 1);
		let deposit = held(HoldReason::Deposit, &OWNER);
		assert_ok!(Grants::set_recipient(signed(OWNER), PRIVATE, [11; 32]));
		let access = AccessView { recipient: [11; 32], epoch: 2, train: Some(PRICE), retrieve: None };
		assert_eq!(Grants::access(PRIVATE), Some(access));
		assert_eq!(held(HoldReason::Deposit, &OWNER), deposit);
	});
}

#[test]
fn set_recipient_is_refused_when_key_datanet_or_signer_is_wrong() {
	test(|| {
		let set = |who, datanet, recipient| Grants::set_recipient(who, datanet, recipient);
		assert_noop!(set(signed(OWNER), PRIVATE, [10; 32]), Error::<Test>::SameRecipient);
		assert_noop!(set(signed(OWNER), PRIVATE, [0; 32]), Error::<Test>::BadRecipient);
		assert_noop!(set(signed(ALICE), PRIVATE, [1; 32]), Error::<Test>::NotOwner);
		assert_noop!(set(signed(OWNER), 9, [1; 32]), Error::<Test>::UnknownDataNet);
		assert_noop!(set(RuntimeOrigin::none(), PRIVATE, [1; 32]), BadOrigin);
		contribute(PUBLIC, 1);
		assert_noop!(set(signed(OWNER), PUBLIC, [1; 32]), Error::<Test>::HasContributions);
	});
}

#[test]
fn set_recipient_is_refused_when_epochs_are_used_up() {
	test(|| {
		let epoch =
			|epoch| crate::Accesses::<Test>::mutate(PRIVATE, |access| access.as_mut().unwrap().epoch = epoch);
		epoch(u32::MAX);
		assert_noop!(Grants::set_recipient(signed(OWNER), PRIVATE, [1; 32]), Error::<Test>::Overflow);
		epoch(1);
	});
}

#[test]
fn offer_sets_each_purpose_price_when_owner_signs() {
	test(|| {
		assert_ok!(Grants::offer(signed(OWNER), PRIVATE, Purpose::Retrieve, Some(3)));
		let offered = Event::Offered { datanet: PRIVATE, purpose: Purpose::Retrieve, price: Some(3) };
		System::assert_last_event(offered.into());
		assert_ok!(Grants::offer(signed(OWNER), PRIVATE, Purpose::Train, None));
		let access = Grants::access(PRIVATE).unwrap();
		assert_eq!((access.train, access.retrieve), (None, Some(3)));
	});
}

#[test]
fn offer_is_refused_when_datanet_or_signer_is_wrong() {
	test(|| {
		let offer = |who, datanet| Grants::offer(who, datanet, Purpose::Train, Some(1));
		assert_noop!(offer(signed(OWNER), PUBLIC), Error::<Test>::NotPrivate);
		assert_noop!(offer(signed(ALICE), PRIVATE), Error::<Test>::NotOwner);
		assert_noop!(offer(signed(OWNER), 9), Error::<Test>::UnknownDataNet);
		assert_noop!(offer(RuntimeOrigin::none(), PRIVATE), BadOrigin);
	});
}
