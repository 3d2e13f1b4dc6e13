//! Offences and what they cost.

use super::*;
use polkadot_sdk::{
	pallet_session::historical::IdentificationTuple,
	sp_staking::offence::{OffenceDetails, OnOffenceHandler},
};

/// What pallet-offences does for a proven offence of the session.
fn offend(number: u8, percent: u32, session: u32) {
	let exposure = Exposure { stake: 10 * MIN_BOND };
	let details: OffenceDetails<AccountId32, IdentificationTuple<Test>> =
		OffenceDetails { offender: (account(number), exposure), reporters: Vec::new() };
	Validators::on_offence(&[details], &[Perbill::from_percent(percent)], session);
}

#[test]
fn all_stakers_of_a_pool_lose_the_same_part_when_it_is_slashed() {
	run(|| {
		assert_ok!(nominate(10, 1, 10 * MIN_BOND));
		slash(1, 25, 0);
		assert_eq!(last_event(), Event::Slashed { candidate: account(1), session: 0, amount: 5 * MIN_BOND });
		assert_eq!((staked(1, 1), staked(10, 1)), (7_500, 7_500));
		assert_eq!(Ranking::<Test>::get()[0].stake, 15 * MIN_BOND);
		// The hold follows when somebody asks.
		assert_eq!(Validators::held(&account(10)), 10_000);
		assert_eq!(Validators::stake(account(10))[0].slashed, 2_500);
		assert_ok!(Validators::apply_slash(signed(2), account(10), account(1)));
		assert_eq!(
			last_event(),
			Event::SlashApplied { staker: account(10), candidate: account(1), amount: 2_500 }
		);
		assert_eq!(Validators::held(&account(10)), 7_500);
		assert_eq!(Balances::free_balance(TREASURY), EXISTENTIAL_DEPOSIT + 2_500);
		let again = Validators::apply_slash(signed(2), account(10), account(1));
		assert_noop!(again, Error::<Test>::NothingToSlash);
	});
}

#[test]
fn slash_is_applied_when_the_staker_does_anything() {
	run(|| {
		assert_ok!(nominate(10, 1, 10 * MIN_BOND));
		assert_ok!(nominate(11, 1, 10 * MIN_BOND));
		slash(1, 50, 0);
		assert_ok!(nominate(10, 1, 1_000));
		assert_eq!((Validators::held(&account(10)), staked(10, 1)), (6_000, 6_000));
		assert_ok!(unbond(11, 1, Some(2_000)));
		assert_eq!((Validators::held(&account(11)), staked(11, 1)), (5_000, 3_000));
		assert_eq!(Balances::free_balance(TREASURY), EXISTENTIAL_DEPOSIT + 10_000);
	});
}

#[test]
fn stake_that_left_is_slashed_when_the_offence_is_older() {
	run(|| {
		assert_ok!(nominate(10, 1, 10 * MIN_BOND));
		assert_ok!(unbond(10, 1, None));
		// It was counted in the elections for sessions 0 and 1.
		sessions(2);
		slash(1, 50, 1);
		assert_eq!((staked(1, 1), Validators::stake(account(10))[0].leaving[0].0), (7_500, 7_500));
		sessions(2);
		assert_ok!(withdraw(10, 1));
		assert_eq!(Balances::free_balance(account(10)), ENDOWMENT - 2_500);
		assert_eq!(Balances::free_balance(TREASURY), EXISTENTIAL_DEPOSIT + 2_500);
	});
}

#[test]
fn stake_that_left_is_spared_when_the_offence_is_younger() {
	run(|| {
		assert_ok!(nominate(10, 1, 10 * MIN_BOND));
		assert_ok!(unbond(10, 1, None));
		sessions(2);
		slash(1, 50, 2);
		assert_eq!((staked(1, 1), Validators::stake(account(10))[0].leaving[0].0), (5_000, 10_000));
	});
}

#[test]
fn validator_is_slashed_by_the_worst_only_when_it_offends_twice_in_a_session() {
	run(|| {
		offend(1, 20, 0);
		assert_eq!(Validators::pool_stake(&account(1)), 8_000);
		offend(1, 10, 0);
		assert_eq!(Validators::pool_stake(&account(1)), 8_000);
		offend(1, 30, 0);
		assert_eq!(Validators::pool_stake(&account(1)), 7_000);
		next_session();
		offend(1, 10, 1);
		assert_eq!(Validators::pool_stake(&account(1)), 6_000);
	});
}

#[test]
fn offender_is_disabled_until_its_sets_are_over_and_jailed_for_the_unbonding_sessions() {
	run(|| {
		offend(2, 10, 0);
		let reason = ChillReason::Offence;
		assert!(events().contains(&Event::Chilled { candidate: account(2), reason }));
		assert_eq!(Session::disabled_validators(), [1]);
		let view = Validators::validator(account(2)).unwrap();
		assert_eq!((view.disabled, view.jailed_until), (true, Some(TIMING.unbonding_sessions)));
		// It was elected for the next session too.
		next_session();
		assert!(Session::validators().contains(&account(2)));
		assert_eq!(Session::disabled_validators(), [1]);
		next_session();
		assert!(!Session::validators().contains(&account(2)));
		assert!(Session::disabled_validators().is_empty());
		assert_noop!(Validators::resume(signed(2)), Error::<Test>::Jailed);
		next_session();
		assert_ok!(Validators::resume(signed(2)));
		sessions(2);
		assert!(Suspensions::<Test>::get().is_empty());
		assert!(Session::validators().contains(&account(2)));
		assert!(Session::disabled_validators().is_empty());
	});
}

#[test]
fn leaving_is_no_way_out_of_jail_when_one_bonds_again() {
	run(|| {
		offend(2, 10, 0);
		assert_ok!(unbond(2, 2, None));
		assert_noop!(bond(2, MIN_BOND), Error::<Test>::Jailed);
		sessions(TIMING.unbonding_sessions);
		assert_ok!(bond(2, MIN_BOND));
		assert_eq!(Jails::<Test>::get(account(2)), None);
	});
}

#[test]
fn candidate_stands_no_more_when_its_own_stake_is_slashed_below_the_least() {
	run(|| {
		assert_ok!(nominate(10, 1, 10 * MIN_BOND));
		slash(1, 95, 0);
		let reason = ChillReason::BondTooSmall;
		assert_eq!(last_event(), Event::Chilled { candidate: account(1), reason });
		assert_noop!(Validators::resume(signed(1)), Error::<Test>::BondTooSmall);
		assert_ok!(nominate(1, 1, MIN_BOND));
		assert_ok!(Validators::resume(signed(1)));
	});
}

#[test]
fn pool_begins_anew_when_all_was_slashed_and_its_stakers_are_gone() {
	run(|| {
		assert_ok!(nominate(10, 1, 10 * MIN_BOND));
		slash(1, 100, 0);
		assert_noop!(nominate(11, 1, MIN_BOND), Error::<Test>::PoolLost);
		assert_noop!(unbond(10, 1, None), Error::<Test>::PoolLost);
		assert_ok!(Validators::apply_slash(signed(3), account(10), account(1)));
		assert_ok!(Validators::apply_slash(signed(3), account(1), account(1)));
		assert_eq!(Pools::<Test>::get(account(1)), None);
		assert_eq!(Balances::free_balance(account(10)), ENDOWMENT - 10 * MIN_BOND);
		assert_eq!(Validators::held(&account(10)), 0);
		assert_ok!(nominate(1, 1, MIN_BOND));
		assert_ok!(Validators::resume(signed(1)));
	});
}

#[test]
fn offence_is_not_punished_when_it_is_too_old() {
	run(|| {
		sessions(3);
		offend(1, 50, 0);
		assert_eq!(Validators::pool_stake(&account(1)), 10 * MIN_BOND);
		assert!(Candidates::<Test>::get(account(1)).unwrap().active);
	});
}

#[test]
fn caught_validator_stays_disabled_when_the_set_would_be_too_small_without_it() {
	run(|| {
		MinValidators::set(&4);
		offend(1, 20, 0);
		assert_ok!(unbond(1, 1, None));
		sessions(3);
		assert_eq!(Session::validators(), [2, 3, 4, 1].map(account));
		assert_eq!(Session::disabled_validators(), [3]);
		// Another that stands takes its place.
		assert_ok!(bond(5, 10 * MIN_BOND));
		sessions(2);
		assert_eq!(Session::validators(), [2, 3, 4, 5].map(account));
		assert!(Session::disabled_validators().is_empty());
	});
}
