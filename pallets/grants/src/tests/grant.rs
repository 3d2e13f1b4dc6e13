//! Granting, revoking, renouncing.

use crate::{mock::*, Error, Event, HoldReason};
use frame::{testing_prelude::*, traits::fungible::Inspect};
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::AccountId32};
use tributary_primitives::{traits::AccessGrants, Purpose, VaultKey};

fn request(who: AccountId32) {
	assert_ok!(Grants::request(signed(who), PRIVATE, Purpose::Train, PRICE));
}

fn grant(grantee: AccountId32) -> DispatchResult {
	Grants::grant(signed(OWNER), PRIVATE, grantee, Purpose::Train, capsule(200))
}

fn may(who: &AccountId32, purpose: Purpose) -> bool {
	<Grants as AccessGrants>::may(who.as_ref(), PRIVATE, purpose)
}

#[test]
fn grant_pays_the_pool_when_it_has_holders() {
	test(|| {
		contribute(PRIVATE, 1);
		request(ALICE);
		assert_ok!(grant(ALICE));
		let granted = Event::Granted {
			datanet: PRIVATE,
			grantee: ALICE,
			purpose: Purpose::Train,
			epoch: 1,
			paid: PRICE,
			to_pool: true,
		};
		System::assert_last_event(granted.into());
		assert!(may(&ALICE, Purpose::Train) && !may(&ALICE, Purpose::Retrieve) && !may(&BOB, Purpose::Train));
		assert_eq!(held(HoldReason::Price, &ALICE), 0);
		let pool = VaultKey::Pool(PRIVATE);
		assert_eq!(Attribution::vault(pool).credited, PRICE);
		let before = Balances::free_balance(&CONTRIBUTOR);
		assert_ok!(Attribution::claim(signed(CONTRIBUTOR), pool));
		assert_eq!(Balances::free_balance(&CONTRIBUTOR), before + PRICE);
	});
}

#[test]
fn grant_pays_the_owner_when_nobody_holds_the_pool() {
	test(|| {
		request(ALICE);
		let before = Balances::total_balance(&OWNER);
		assert_ok!(grant(ALICE));
		assert_eq!(Balances::total_balance(&OWNER), before + PRICE);
		assert_eq!(Attribution::vault(VaultKey::Pool(PRIVATE)).credited, 0);
	});
}

#[test]
fn grant_is_free_when_no_price_is_asked() {
	test(|| {
		let before = Balances::free_balance(&ALICE);
		for price in [None, Some(0)] {
			assert_ok!(Grants::offer(signed(OWNER), PRIVATE, Purpose::Train, price));
			assert_ok!(grant(ALICE));
			assert!(may(&ALICE, Purpose::Train));
			assert_eq!(Balances::free_balance(&ALICE), before);
			assert_ok!(Grants::renounce(signed(ALICE), PRIVATE, Purpose::Train));
		}
	});
}

#[test]
fn grant_is_refused_when_the_request_was_taken_back_before_it() {
	test(|| {
		request(ALICE);
		assert_ok!(Grants::withdraw_request(signed(ALICE), PRIVATE, Purpose::Train));
		assert_noop!(grant(ALICE), Error::<Test>::NotRequested);
		assert!(!may(&ALICE, Purpose::Train));
	});
}

#[test]
fn grant_replaces_the_capsule_without_pay_when_it_stands() {
	test(|| {
		request(ALICE);
		assert_ok!(grant(ALICE));
		let deposit = held(HoldReason::Deposit, &OWNER);
		let free = Balances::free_balance(&ALICE);
		assert_ok!(Grants::set_recipient(signed(OWNER), PRIVATE, [11; 32]));
		assert!(may(&ALICE, Purpose::Train));
		assert_eq!(Grants::grant_of(PRIVATE, ALICE, Purpose::Train).unwrap().epoch, 1);
		System::set_block_number(7);
		assert_ok!(Grants::grant(signed(OWNER), PRIVATE, ALICE, Purpose::Train, capsule(250)));
		let view = Grants::grant_of(PRIVATE, ALICE, Purpose::Train).unwrap();
		assert_eq!((view.epoch, view.capsule.len(), view.granted_at), (2, 250, 7));
		assert_eq!(Balances::free_balance(&ALICE), free);
		assert_eq!(held(HoldReason::Deposit, &OWNER), deposit + 50);
	});
}

#[test]
fn grant_is_refused_when_capsule_grantee_or_signer_is_wrong() {
	test(|| {
		let grant = |who, datanet, grantee, bytes| {
			Grants::grant(who, datanet, grantee, Purpose::Train, capsule(bytes))
		};
		assert_noop!(grant(signed(OWNER), PRIVATE, ALICE, 0), Error::<Test>::EmptyCapsule);
		assert_noop!(grant(signed(OWNER), PRIVATE, EVE, 1), Error::<Test>::NoRecipient);
		assert_noop!(grant(signed(ALICE), PRIVATE, ALICE, 1), Error::<Test>::NotOwner);
		assert_noop!(grant(signed(OWNER), PUBLIC, ALICE, 1), Error::<Test>::NotPrivate);
		assert_noop!(grant(signed(OWNER), 9, ALICE, 1), Error::<Test>::UnknownDataNet);
		assert_noop!(grant(RuntimeOrigin::none(), PRIVATE, ALICE, 1), BadOrigin);
	});
}

#[test]
fn grant_is_refused_when_the_pool_overflows() {
	test(|| {
		contribute(PRIVATE, 1);
		request(ALICE);
		let pool = VaultKey::Pool(PRIVATE);
		let credited = |amount| {
			pallet_attribution::Vaults::<Test>::mutate(pool, |vault| vault.credited = amount);
		};
		credited(u128::MAX);
		assert_noop!(grant(ALICE), Error::<Test>::Overflow);
		credited(0);
	});
}

#[test]
fn revoke_ends_the_right_at_once_when_owner_signs() {
	test(|| {
		let deposit = held(HoldReason::Deposit, &OWNER);
		request(ALICE);
		assert_ok!(grant(ALICE));
		let free = Balances::free_balance(&ALICE);
		assert_ok!(Grants::revoke(signed(OWNER), PRIVATE, ALICE, Purpose::Train));
		let revoked = Event::Revoked { datanet: PRIVATE, grantee: ALICE, purpose: Purpose::Train };
		System::assert_last_event(revoked.into());
		assert!(!may(&ALICE, Purpose::Train));
		assert_eq!(Balances::free_balance(&ALICE), free);
		assert_eq!(held(HoldReason::Deposit, &OWNER), deposit);
		request(ALICE);
	});
}

#[test]
fn revoke_is_refused_when_grant_or_signer_is_wrong() {
	test(|| {
		request(ALICE);
		assert_ok!(grant(ALICE));
		let revoke = |who, datanet, grantee| Grants::revoke(who, datanet, grantee, Purpose::Train);
		assert_noop!(revoke(signed(OWNER), PRIVATE, BOB), Error::<Test>::UnknownGrant);
		assert_noop!(revoke(signed(ALICE), PRIVATE, ALICE), Error::<Test>::NotOwner);
		assert_noop!(revoke(signed(OWNER), PUBLIC, ALICE), Error::<Test>::NotPrivate);
		assert_noop!(revoke(signed(OWNER), 9, ALICE), Error::<Test>::UnknownDataNet);
		assert_noop!(revoke(RuntimeOrigin::none(), PRIVATE, ALICE), BadOrigin);
	});
}

#[test]
fn renounce_returns_the_owner_its_deposit_when_grantee_signs() {
	test(|| {
		let deposit = held(HoldReason::Deposit, &OWNER);
		request(ALICE);
		assert_ok!(grant(ALICE));
		assert_ok!(Grants::renounce(signed(ALICE), PRIVATE, Purpose::Train));
		let renounced = Event::Renounced { datanet: PRIVATE, grantee: ALICE, purpose: Purpose::Train };
		System::assert_last_event(renounced.into());
		assert!(!may(&ALICE, Purpose::Train));
		assert_eq!(held(HoldReason::Deposit, &OWNER), deposit);
	});
}

#[test]
fn renounce_is_refused_when_there_is_no_grant() {
	test(|| {
		let renounce = |who, datanet| Grants::renounce(who, datanet, Purpose::Train);
		assert_noop!(renounce(signed(ALICE), PRIVATE), Error::<Test>::UnknownGrant);
		assert_noop!(renounce(signed(ALICE), 9), Error::<Test>::UnknownDataNet);
		assert_noop!(renounce(RuntimeOrigin::none(), PRIVATE), BadOrigin);
	});
}
