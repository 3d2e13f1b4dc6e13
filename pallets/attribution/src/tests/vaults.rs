//! Vaults: holders and claims.

use super::*;
use tributary_primitives::{
	traits::{Overflow, VaultDeposits, VaultHolders},
	views::Claimable,
	VaultKey,
};

const VAULT: VaultKey = VaultKey::Asset(10);

/// Credits a vault as a batch would: the money comes into the pot first.
fn credit(key: VaultKey, amount: Balance) {
	use polkadot_sdk::frame_support::traits::{fungible::Mutate, tokens::Preservation};
	let pot = Attribution::pot();
	assert_ok!(<Balances as Mutate<_>>::transfer(&account(4), &pot, amount, Preservation::Preserve));
	assert_eq!(Attribution::credit_vault(key, amount), Some(()));
}

fn set(key: VaultKey, seed: u8, weight: u64) {
	assert_eq!(Attribution::set_weight(key, account(seed).as_ref(), weight), Ok(()));
}

fn claim(seed: u8) -> DispatchResult {
	Attribution::claim(signed(seed), VAULT)
}

#[test]
fn holders_are_paid_by_weight_when_they_claim() {
	run(|| {
		set(VAULT, 51, 3);
		set(VAULT, 52, 1);
		credit(VAULT, 1_003);
		assert_eq!(Attribution::claimable(account(51)), vec![Claimable { vault: VAULT, owed: 750 }]);
		assert_ok!(claim(51));
		assert_eq!(last_event(), Event::VaultClaimed { vault: VAULT, who: account(51), amount: 750 });
		assert_eq!(Balances::free_balance(account(51)), 750);
		assert!(Attribution::claimable(account(51)).is_empty());
		let view = Attribution::vault(VAULT);
		assert_eq!((view.total_weight, view.credited), (4, 1_003));
		assert_eq!((view.undistributed, view.claimed), (3, 750));
		// The rest counts at the next credit.
		credit(VAULT, 1);
		assert_ok!(claim(52));
		assert_eq!(Balances::free_balance(account(52)), 251);
	});
}

#[test]
fn claim_is_refused_when_nothing_is_owed() {
	run(|| {
		assert_noop!(claim(51), Error::<Test>::NothingToClaim);
		set(VAULT, 51, 1);
		credit(VAULT, 100);
		assert_noop!(claim(52), Error::<Test>::NothingToClaim);
		assert_ok!(claim(51));
		assert_noop!(claim(51), Error::<Test>::NothingToClaim);
	});
}

#[test]
fn claim_waits_when_it_is_below_the_existential_deposit_of_a_new_account() {
	run(|| {
		set(VAULT, 51, 1);
		credit(VAULT, EXISTENTIAL_DEPOSIT - 1);
		assert_noop!(claim(51), Error::<Test>::BelowExistentialDeposit);
		credit(VAULT, 1);
		assert_ok!(claim(51));
		assert_eq!(Balances::free_balance(account(51)), EXISTENTIAL_DEPOSIT);
		// An account that exists may claim any amount.
		credit(VAULT, 1);
		assert_ok!(claim(51));
	});
}

#[test]
fn money_waits_when_a_vault_has_no_holder() {
	run(|| {
		credit(VAULT, 1_000);
		assert_eq!(Attribution::vault(VAULT).undistributed, 1_000);
		set(VAULT, 51, 7);
		assert_eq!(Attribution::claimable(account(51)), vec![Claimable { vault: VAULT, owed: 994 }]);
		assert_ok!(claim(51));
		assert_eq!(Attribution::vault(VAULT).undistributed, 6);
	});
}

#[test]
fn earnings_stay_with_the_old_holder_when_a_vault_changes_hands() {
	run(|| {
		set(VAULT, 51, 1);
		credit(VAULT, 100);
		set(VAULT, 51, 0);
		set(VAULT, 52, 1);
		credit(VAULT, 40);
		assert_eq!(Attribution::weight(VAULT, account(51).as_ref()), 0);
		assert_eq!(Attribution::total_weight(VAULT), 1);
		assert_ok!(claim(51));
		assert_ok!(claim(52));
		assert_eq!((Balances::free_balance(account(51)), Balances::free_balance(account(52))), (100, 40));
		assert!(!crate::Holders::<Test>::contains_key(account(51), VAULT), "an empty holder is forgotten");
	});
}

#[test]
fn set_weight_fails_when_the_total_overflows() {
	run(|| {
		set(VAULT, 51, u64::MAX);
		assert_eq!(Attribution::set_weight(VAULT, account(52).as_ref(), 1), Err(Overflow));
		assert_eq!(Attribution::total_weight(VAULT), u64::MAX);
	});
}

#[test]
fn operator_is_paid_when_it_claims_its_own_vault() {
	run(|| {
		let key = VaultKey::Operator(OPERATOR.into());
		credit(key, 100);
		assert_noop!(Attribution::claim(signed(1), key), Error::<Test>::NothingToClaim);
		let before = Balances::free_balance(OPERATOR);
		assert_ok!(Attribution::claim(RuntimeOrigin::signed(OPERATOR), key));
		assert_eq!(Balances::free_balance(OPERATOR), before + 100);
	});
}

#[test]
fn treasury_is_paid_when_anyone_claims_the_platform_vault() {
	run(|| {
		credit(VaultKey::Platform, 100);
		assert_ok!(Attribution::claim(signed(1), VaultKey::Platform));
		let claimed = Event::VaultClaimed { vault: VaultKey::Platform, who: TREASURY, amount: 100 };
		assert_eq!(last_event(), claimed);
		assert_eq!(Balances::free_balance(TREASURY), 100);
	});
}

#[test]
fn pot_owes_no_less_when_somebody_sends_it_a_gift() {
	run(|| {
		hypothetically!({
			assert_ok!(Balances::transfer_keep_alive(signed(1), Attribution::pot(), 5));
			assert_ok!(Attribution::do_try_state());
		});
	});
}

#[test]
fn deposit_pays_the_holders_when_the_money_is_in_the_pot() {
	use polkadot_sdk::frame_support::traits::{fungible::Mutate, tokens::Preservation};
	run(|| {
		let pool = VaultKey::Pool(1);
		set(pool, 51, 1);
		let pot = <Attribution as VaultDeposits>::pot().into();
		assert_eq!(pot, Attribution::pot());
		assert_ok!(<Balances as Mutate<_>>::transfer(&account(4), &pot, 70, Preservation::Preserve));
		assert_eq!(<Attribution as VaultDeposits>::deposit(pool, 70), Ok(()));
		check();
		assert_ok!(Attribution::claim(signed(51), pool));
		assert_eq!(Balances::free_balance(account(51)), 70);
	});
}

#[test]
fn deposit_fails_when_it_overflows() {
	run(|| {
		hypothetically!({
			let deposit = |amount| <Attribution as VaultDeposits>::deposit(VAULT, amount);
			assert_eq!(deposit(Balance::MAX), Ok(()));
			assert_eq!(deposit(1), Err(Overflow));
		});
	});
}
