//! Asking for grants, and what becomes of the price.

use crate::{mock::*, Error, Event, HoldReason};
use frame::{
	testing_prelude::*,
	traits::{fungible::hold::Mutate, tokens::Precision},
};
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::AccountId32};
use tributary_primitives::Purpose;

fn request(who: AccountId32) -> DispatchResult {
	Grants::request(signed(who), PRIVATE, Purpose::Train, PRICE)
}

fn price(who: &AccountId32) -> u128 {
	held(HoldReason::Price, who)
}

#[test]
fn request_holds_price_and_deposit_when_grantee_has_a_recipient() {
	test(|| {
		let deposit = held(HoldReason::Deposit, &ALICE);
		assert_ok!(request(ALICE));
		let requested =
			Event::Requested { datanet: PRIVATE, grantee: ALICE, purpose: Purpose::Train, price: PRICE };
		System::assert_last_event(requested.into());
		assert_eq!(price(&ALICE), PRICE);
		assert!(held(HoldReason::Deposit, &ALICE) > deposit);
	});
}

#[test]
fn request_holds_the_price_of_its_time_when_the_offer_changes() {
	test(|| {
		assert_ok!(request(ALICE));
		assert_ok!(Grants::offer(signed(OWNER), PRIVATE, Purpose::Train, Some(PRICE - 1)));
		assert_ok!(request(BOB));
		assert_eq!((price(&ALICE), price(&BOB)), (PRICE, PRICE - 1));
	});
}

#[test]
fn request_is_refused_when_it_is_open_or_granted_already() {
	test(|| {
		assert_ok!(request(ALICE));
		assert_noop!(request(ALICE), Error::<Test>::AlreadyRequested);
		assert_ok!(Grants::grant(signed(OWNER), PRIVATE, ALICE, Purpose::Train, capsule(1)));
		assert_noop!(request(ALICE), Error::<Test>::AlreadyGranted);
	});
}

#[test]
fn request_is_refused_when_price_or_offer_does_not_fit() {
	test(|| {
		let most = |most| Grants::request(signed(ALICE), PRIVATE, Purpose::Train, most);
		assert_noop!(most(PRICE - 1), Error::<Test>::PriceAbove);
		let retrieve = Grants::request(signed(ALICE), PRIVATE, Purpose::Retrieve, PRICE);
		assert_noop!(retrieve, Error::<Test>::NotOffered);
		assert_ok!(Grants::offer(signed(OWNER), PRIVATE, Purpose::Train, Some(2 * RICH)));
		assert_noop!(most(2 * RICH), TokenError::FundsUnavailable);
	});
}

#[test]
fn request_is_refused_when_grantee_or_datanet_is_wrong() {
	test(|| {
		assert_noop!(request(EVE), Error::<Test>::NoRecipient);
		assert_noop!(request(OWNER), Error::<Test>::OwnDataNet);
		let on = |who, datanet| Grants::request(who, datanet, Purpose::Train, PRICE);
		assert_noop!(on(signed(ALICE), PUBLIC), Error::<Test>::NotPrivate);
		assert_noop!(on(signed(ALICE), 9), Error::<Test>::UnknownDataNet);
		assert_noop!(on(RuntimeOrigin::none(), PRIVATE), BadOrigin);
	});
}

#[test]
fn withdraw_request_returns_price_and_deposit_when_it_is_open() {
	test(|| {
		let free = Balances::free_balance(&ALICE);
		assert_ok!(request(ALICE));
		assert_ok!(Grants::withdraw_request(signed(ALICE), PRIVATE, Purpose::Train));
		let withdrawn = Event::RequestWithdrawn { datanet: PRIVATE, grantee: ALICE, purpose: Purpose::Train };
		System::assert_last_event(withdrawn.into());
		assert_eq!((Balances::free_balance(&ALICE), price(&ALICE)), (free, 0));
		let again = Grants::withdraw_request(signed(ALICE), PRIVATE, Purpose::Train);
		assert_noop!(again, Error::<Test>::UnknownRequest);
		let unsigned = Grants::withdraw_request(RuntimeOrigin::none(), PRIVATE, Purpose::Train);
		assert_noop!(unsigned, BadOrigin);
	});
}

#[test]
fn refuse_returns_price_and_deposit_when_owner_signs() {
	test(|| {
		let free = Balances::free_balance(&ALICE);
		assert_ok!(request(ALICE));
		assert_ok!(Grants::refuse(signed(OWNER), PRIVATE, ALICE, Purpose::Train));
		let refused = Event::Refused { datanet: PRIVATE, grantee: ALICE, purpose: Purpose::Train };
		System::assert_last_event(refused.into());
		assert_eq!(Balances::free_balance(&ALICE), free);
		assert!(!Grants::may_use(ALICE, PRIVATE, Purpose::Train));
	});
}

#[test]
fn refuse_is_refused_when_request_or_signer_is_wrong() {
	test(|| {
		assert_ok!(request(ALICE));
		let refuse = |who, datanet, grantee| Grants::refuse(who, datanet, grantee, Purpose::Train);
		assert_noop!(refuse(signed(OWNER), PRIVATE, BOB), Error::<Test>::UnknownRequest);
		assert_noop!(refuse(signed(BOB), PRIVATE, ALICE), Error::<Test>::NotOwner);
		assert_noop!(refuse(signed(OWNER), PUBLIC, ALICE), Error::<Test>::NotPrivate);
		assert_noop!(refuse(signed(OWNER), 9, ALICE), Error::<Test>::UnknownDataNet);
		assert_noop!(refuse(RuntimeOrigin::none(), PRIVATE, ALICE), BadOrigin);
	});
}

#[test]
fn invariants_fail_when_a_price_is_held_without_a_request() {
	test(|| {
		let reason = HoldReason::Price.into();
		assert_ok!(Balances::hold(&reason, &EVE, 7));
		assert!(Grants::do_try_state().is_err());
		assert_ok!(Balances::release(&reason, &EVE, 7, Precision::Exact));
	});
}
