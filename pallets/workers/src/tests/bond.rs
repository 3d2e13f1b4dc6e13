//! Bonds: adding, leaving, slashing.

use super::*;
use tributary_primitives::{traits::Workers as _, PPM};

fn unbond_and_wait() {
	assert_ok!(Workers::unbond(RuntimeOrigin::signed(OPERATOR)));
	System::set_block_number(System::block_number() + UNBONDING_DELAY);
}

#[test]
fn bond_grows_when_added_to() {
	run(|| {
		assert_ok!(register(OPERATOR, KEY, MIN_BOND));
		assert_ok!(Workers::add_bond(RuntimeOrigin::signed(OPERATOR), 5));
		assert_eq!(last_event(), Event::BondAdded { operator: OPERATOR, amount: 5 });
		assert_eq!(Workers::bond(&OPERATOR), MIN_BOND + 5);
	});
}

#[test]
fn add_bond_is_refused_when_it_makes_no_sense() {
	run(|| {
		let add = |amount| Workers::add_bond(RuntimeOrigin::signed(OPERATOR), amount);
		assert_noop!(add(1), Error::<Test>::NotRegistered);
		assert_ok!(register(OPERATOR, KEY, MIN_BOND));
		assert_noop!(add(0), Error::<Test>::ZeroAmount);
		assert_noop!(add(ENDOWMENT), TokenError::FundsUnavailable);
		assert_ok!(Workers::unbond(RuntimeOrigin::signed(OPERATOR)));
		assert_noop!(add(1), Error::<Test>::Unbonding);
	});
}

#[test]
fn worker_stops_at_once_when_it_unbonds() {
	run(|| {
		assert_ok!(register(OPERATOR, KEY, MIN_BOND));
		assert_ok!(Workers::unbond(RuntimeOrigin::signed(OPERATOR)));
		let unbonds_at = 1 + UNBONDING_DELAY;
		assert_eq!(last_event(), Event::Unbonding { operator: OPERATOR, unbonds_at });
		assert_eq!(Workers::worker(OPERATOR).unwrap().unbonds_at, Some(unbonds_at));
		assert_eq!(Workers::operator_of(KEY.as_ref()), None);
		assert!(!Workers::is_active(OPERATOR.as_ref()));
		assert_noop!(Workers::unbond(RuntimeOrigin::signed(OPERATOR)), Error::<Test>::Unbonding);
		assert_noop!(Workers::unbond(RuntimeOrigin::signed(OTHER)), Error::<Test>::NotRegistered);
	});
}

#[test]
fn bond_returns_when_withdrawn_after_the_delay() {
	run(|| {
		assert_ok!(register(OPERATOR, KEY, MIN_BOND));
		unbond_and_wait();
		assert_ok!(Workers::withdraw(RuntimeOrigin::signed(OPERATOR)));
		assert_eq!(last_event(), Event::Withdrawn { operator: OPERATOR, amount: MIN_BOND });
		assert_eq!(Balances::free_balance(OPERATOR), ENDOWMENT);
		assert_eq!(Workers::worker(OPERATOR), None);
		assert_ok!(register(OTHER, KEY, MIN_BOND));
	});
}

#[test]
fn withdraw_is_refused_when_too_early() {
	run(|| {
		let withdraw = || Workers::withdraw(RuntimeOrigin::signed(OPERATOR));
		assert_noop!(withdraw(), Error::<Test>::NotRegistered);
		assert_ok!(register(OPERATOR, KEY, MIN_BOND));
		assert_noop!(withdraw(), Error::<Test>::NotUnbonding);
		assert_ok!(Workers::unbond(RuntimeOrigin::signed(OPERATOR)));
		System::set_block_number(UNBONDING_DELAY);
		assert_noop!(withdraw(), Error::<Test>::StillBonded);
	});
}

#[test]
fn withdraw_is_refused_when_a_batch_is_challenged() {
	run(|| {
		assert_ok!(register(OPERATOR, KEY, MIN_BOND));
		unbond_and_wait();
		InDispute::set(&true);
		assert_noop!(Workers::withdraw(RuntimeOrigin::signed(OPERATOR)), Error::<Test>::Disputed);
		InDispute::set(&false);
		assert_ok!(Workers::withdraw(RuntimeOrigin::signed(OPERATOR)));
	});
}

#[test]
fn slash_moves_part_of_the_bond_when_active_or_unbonding() {
	run(|| {
		assert_ok!(register(OPERATOR, KEY, MIN_BOND));
		assert_eq!(Workers::slash(OPERATOR.as_ref(), PPM / 4), MIN_BOND / 4);
		assert_eq!(last_event(), Event::Slashed { operator: OPERATOR, amount: MIN_BOND / 4 });
		assert_eq!(Balances::free_balance(TREASURY), MIN_BOND / 4);
		assert_ok!(Workers::unbond(RuntimeOrigin::signed(OPERATOR)));
		assert_eq!(Workers::slash(OPERATOR.as_ref(), PPM), MIN_BOND * 3 / 4);
		assert_eq!(Balances::free_balance(TREASURY), MIN_BOND);
		assert_eq!(Balances::total_issuance(), 2 * ENDOWMENT);
		System::set_block_number(1 + UNBONDING_DELAY);
		assert_ok!(Workers::withdraw(RuntimeOrigin::signed(OPERATOR)));
		assert_eq!(Balances::free_balance(OPERATOR), ENDOWMENT - MIN_BOND);
	});
}

#[test]
fn slashed_worker_takes_no_channels_when_below_the_least_bond() {
	run(|| {
		assert_ok!(register(OPERATOR, KEY, MIN_BOND));
		Workers::slash(OPERATOR.as_ref(), PPM / 2);
		assert!(!Workers::is_active(OPERATOR.as_ref()));
		assert_eq!(Workers::operator_of(KEY.as_ref()), Some(OPERATOR.into()));
		assert_ok!(Workers::add_bond(RuntimeOrigin::signed(OPERATOR), MIN_BOND / 2));
		assert!(Workers::is_active(OPERATOR.as_ref()));
	});
}

#[test]
fn slash_takes_no_more_than_the_bond_when_the_share_is_absurd() {
	run(|| {
		assert_eq!(Workers::slash(OTHER.as_ref(), PPM), 0);
		assert_ok!(register(OPERATOR, KEY, MIN_BOND));
		assert_eq!(Workers::slash(OPERATOR.as_ref(), u32::MAX), MIN_BOND);
	});
}
