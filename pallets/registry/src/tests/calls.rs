//! What owners do with their assets.

use crate::{mock::*, Assets, Error, Event};
use frame::testing_prelude::*;
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::AccountId32};
use tributary_primitives::{fee::Price, AssetKind};

fn holders(of: &[(AccountId32, u16)]) -> crate::Holders<AccountId32> {
	of.to_vec().try_into().unwrap()
}

#[test]
fn set_price_changes_price_when_owner_signs() {
	test(|| {
		prompt();
		let new = Price { input: 1, output: 2 };
		assert_ok!(Registry::set_price(signed(ALICE), 0, new));
		assert_eq!(Assets::<Test>::get(0).unwrap().price, new);
		System::assert_last_event(Event::PriceSet { asset: 0, price: new }.into());
	});
}

#[test]
fn set_price_is_refused_when_asset_or_signer_is_wrong() {
	test(|| {
		prompt();
		assert_noop!(Registry::set_price(signed(ALICE), 1, price(1)), Error::<Test>::UnknownAsset);
		assert_noop!(Registry::set_price(signed(BOB), 0, price(1)), Error::<Test>::NotOwner);
		assert_noop!(Registry::set_price(RuntimeOrigin::none(), 0, price(1)), BadOrigin);
	});
}

#[test]
fn set_price_is_refused_when_the_kind_has_versioned_prices() {
	test(|| {
		Registry::create(&ALICE, AssetKind::Agent, text("poet"), price(5), version()).unwrap();
		assert_noop!(Registry::set_price(signed(ALICE), 0, price(6)), Error::<Test>::PriceIsVersioned);
		assert_ok!(Registry::put_price(0, price(6)));
		assert_eq!(Assets::<Test>::get(0).unwrap().price, price(6));
	});
}

#[test]
fn transfer_moves_asset_deposit_and_vault_when_owner_signs() {
	test(|| {
		prompt();
		let deposit = held(&ALICE);
		let total = |who: &AccountId32| System::account(who).data.free + held(who);
		assert_ok!(Registry::transfer(signed(ALICE), 0, BOB));
		System::assert_last_event(Event::Transferred { asset: 0, from: ALICE, to: BOB }.into());
		assert_eq!(Assets::<Test>::get(0).unwrap().owner, BOB);
		assert_eq!((held(&ALICE), held(&BOB)), (0, deposit));
		assert_eq!((total(&ALICE), total(&BOB)), (RICH - deposit, RICH + deposit));
		assert_eq!((weight(0, &ALICE), weight(0, &BOB)), (0, 1));
		assert_noop!(Registry::set_price(signed(ALICE), 0, price(1)), Error::<Test>::NotOwner);
		assert_ok!(Registry::set_price(signed(BOB), 0, price(1)));
	});
}

#[test]
fn transfer_ends_the_old_sharing_when_vault_was_shared() {
	test(|| {
		prompt();
		let shared = holders(&[(BOB, 3), (CHARLIE, 2)]);
		assert_ok!(Registry::set_holders(signed(ALICE), 0, shared));
		assert_ok!(Registry::transfer(signed(ALICE), 0, BOB));
		assert_eq!((weight(0, &BOB), weight(0, &CHARLIE)), (1, 0));
	});
}

#[test]
fn transfer_takes_no_money_of_the_new_owner_when_it_has_none() {
	test(|| {
		prompt();
		let deposit = held(&ALICE);
		assert_noop!(Registry::transfer(signed(ALICE), 0, POOR), TokenError::CannotCreateHold);
		let _ = Balances::force_set_balance(RuntimeOrigin::root(), POOR, 10);
		assert_ok!(Registry::transfer(signed(ALICE), 0, POOR));
		assert_eq!(held(&POOR), deposit);
		assert_eq!(System::account(POOR).data.free, 10);
	});
}

#[test]
fn transfer_is_refused_when_asset_signer_or_receiver_is_wrong() {
	test(|| {
		prompt();
		assert_noop!(Registry::transfer(signed(ALICE), 1, BOB), Error::<Test>::UnknownAsset);
		assert_noop!(Registry::transfer(signed(BOB), 0, BOB), Error::<Test>::NotOwner);
		assert_noop!(Registry::transfer(signed(ALICE), 0, ALICE), Error::<Test>::AlreadyOwner);
		assert_noop!(Registry::transfer(RuntimeOrigin::none(), 0, BOB), BadOrigin);
	});
}

#[test]
fn set_holders_replaces_weights_when_list_changes() {
	test(|| {
		prompt();
		assert_ok!(Registry::set_holders(signed(ALICE), 0, holders(&[(ALICE, 2), (BOB, 3)])));
		assert_eq!((weight(0, &ALICE), weight(0, &BOB)), (2, 3));
		let next = holders(&[(BOB, 1), (CHARLIE, 65_535)]);
		assert_ok!(Registry::set_holders(signed(ALICE), 0, next.clone()));
		assert_eq!((weight(0, &ALICE), weight(0, &BOB), weight(0, &CHARLIE)), (0, 1, 65_535));
		System::assert_last_event(Event::HoldersSet { asset: 0, holders: next.into_inner() }.into());
	});
}

#[test]
fn set_holders_is_refused_when_list_is_bad() {
	test(|| {
		prompt();
		let set = |list: &[_]| Registry::set_holders(signed(ALICE), 0, holders(list));
		assert_noop!(set(&[]), Error::<Test>::NoHolders);
		assert_noop!(set(&[(BOB, 1), (CHARLIE, 0)]), Error::<Test>::ZeroWeight);
		assert_noop!(set(&[(BOB, 1), (BOB, 2)]), Error::<Test>::DuplicateHolder);
	});
}

#[test]
fn set_holders_is_refused_when_asset_or_signer_is_wrong() {
	test(|| {
		prompt();
		let list = holders(&[(BOB, 1)]);
		assert_noop!(Registry::set_holders(signed(ALICE), 1, list.clone()), Error::<Test>::UnknownAsset);
		assert_noop!(Registry::set_holders(signed(BOB), 0, list.clone()), Error::<Test>::NotOwner);
		assert_noop!(Registry::set_holders(RuntimeOrigin::none(), 0, list), BadOrigin);
	});
}

#[test]
fn retire_takes_asset_out_of_use_when_owner_signs() {
	test(|| {
		prompt();
		let deposit = held(&ALICE);
		assert_ok!(Registry::retire(signed(ALICE), 0));
		System::assert_last_event(Event::Retired { asset: 0 }.into());
		assert!(Registry::asset(0).unwrap().retired);
		assert_eq!(held(&ALICE), deposit);
		assert_noop!(Registry::retire(signed(ALICE), 0), Error::<Test>::Retired);
	});
}

#[test]
fn retire_is_refused_when_asset_or_signer_is_wrong() {
	test(|| {
		prompt();
		assert_noop!(Registry::retire(signed(ALICE), 1), Error::<Test>::UnknownAsset);
		assert_noop!(Registry::retire(signed(BOB), 0), Error::<Test>::NotOwner);
		assert_noop!(Registry::retire(RuntimeOrigin::none(), 0), BadOrigin);
	});
}
