//! Becoming a candidate, commission, standing and not standing.

use super::*;
use polkadot_sdk::frame_support::traits::fungible::Mutate;

#[test]
fn candidate_is_ranked_by_stake_when_it_bonds() {
	run(|| {
		assert_ok!(bond(5, 20 * MIN_BOND));
		assert_eq!(last_event(), Event::Bonded { candidate: account(5), amount: 20 * MIN_BOND });
		assert_eq!(Ranking::<Test>::get()[0].candidate, account(5));
		assert_eq!(Validators::held(&account(5)), 20 * MIN_BOND);
		assert_eq!(Balances::free_balance(account(5)), ENDOWMENT - 20 * MIN_BOND);
		let view = Validators::validator(account(5)).unwrap();
		assert_eq!(
			(view.own, view.stake, view.active, view.keys),
			(20 * MIN_BOND, 20 * MIN_BOND, true, true)
		);
		assert!(!view.elected);
	});
}

#[test]
fn bond_is_refused_when_it_makes_no_sense() {
	run(|| {
		assert_noop!(bond(1, MIN_BOND), Error::<Test>::AlreadyCandidate);
		assert_noop!(bond(5, MIN_BOND - 1), Error::<Test>::BondTooSmall);
		assert_noop!(bond(5, 2 * ENDOWMENT), TokenError::FundsUnavailable);
		assert_noop!(Validators::bond(signed(5), MIN_BOND, 300_001), Error::<Test>::CommissionTooHigh);
	});
}

#[test]
fn newcomer_takes_the_last_place_when_the_list_is_full() {
	run(|| {
		assert_ok!(bond(5, 2 * MIN_BOND));
		assert_ok!(bond(6, 3 * MIN_BOND));
		assert_noop!(bond(7, 2 * MIN_BOND), Error::<Test>::Outbid);
		assert_ok!(bond(7, 2 * MIN_BOND + 1));
		assert_eq!(Ranking::<Test>::get().last().unwrap().candidate, account(7));
		let reason = ChillReason::Outbid;
		assert!(events().contains(&Event::Chilled { candidate: account(5), reason }));
		assert_noop!(Validators::resume(signed(5)), Error::<Test>::Outbid);
		assert_ok!(nominate(5, 5, MIN_BOND));
		assert_ok!(Validators::resume(signed(5)));
		assert_eq!(last_event(), Event::Resumed { candidate: account(5) });
	});
}

#[test]
fn commission_is_bounded_when_it_changes() {
	run(|| {
		let set = |commission| Validators::set_commission(signed(1), commission);
		assert_noop!(Validators::set_commission(signed(9), 1), Error::<Test>::NotCandidate);
		assert_noop!(set(300_001), Error::<Test>::CommissionTooHigh);
		assert_noop!(set(COMMISSION + 50_001), Error::<Test>::CommissionTooHigh);
		assert_noop!(set(COMMISSION + 1), Error::<Test>::CommissionTooSoon);
		assert_ok!(set(COMMISSION - 1));
		sessions(2);
		assert_ok!(set(COMMISSION + 49_999));
		assert_eq!(
			last_event(),
			Event::CommissionSet { candidate: account(1), commission: COMMISSION + 49_999 }
		);
		assert_noop!(set(COMMISSION + 50_000), Error::<Test>::CommissionTooSoon);
		assert_ok!(set(0));
	});
}

#[test]
fn commission_is_bounded_when_a_candidate_leaves_nominators_and_bonds_again() {
	run(|| {
		let again = |commission| Validators::bond(signed(1), MIN_BOND, commission);
		assert_ok!(nominate(10, 1, MIN_BOND));
		sessions(2);
		assert_ok!(unbond(1, 1, None));
		assert_noop!(again(COMMISSION + 50_001), Error::<Test>::CommissionTooHigh);
		assert_ok!(again(COMMISSION + 50_000));
		assert_ok!(unbond(1, 1, None));
		assert_noop!(again(COMMISSION + 50_001), Error::<Test>::CommissionTooSoon);
		assert_ok!(again(COMMISSION));
		// Whose pool nobody else is in begins anew.
		assert_ok!(unbond(2, 2, None));
		assert_ok!(Validators::bond(signed(2), MIN_BOND, 300_000));
	});
}

#[test]
fn commission_counts_no_more_than_the_largest_when_governance_lowers_it() {
	run(|| {
		MaxCommission::set(&50_000);
		let pot = Validators::pot();
		assert_ok!(Balances::mint_into(&pot, 1_000));
		assert!(Validators::reward(&account(1), 1_000));
		assert_eq!(Pools::<Test>::get(account(1)).unwrap().commission, 50);
		sessions(2);
		let set = |commission| Validators::set_commission(signed(1), commission);
		assert_noop!(set(COMMISSION + 1), Error::<Test>::CommissionTooHigh);
		assert_ok!(set(COMMISSION - 1));
	});
}

#[test]
fn candidate_leaves_the_set_when_it_chills_and_comes_back_when_it_resumes() {
	run(|| {
		assert_noop!(Validators::chill(signed(9)), Error::<Test>::NotCandidate);
		assert_noop!(Validators::resume(signed(9)), Error::<Test>::NotCandidate);
		assert_noop!(Validators::resume(signed(1)), Error::<Test>::AlreadyActive);
		assert_ok!(Validators::chill(signed(1)));
		assert_eq!(last_event(), Event::Chilled { candidate: account(1), reason: ChillReason::Asked });
		assert_noop!(Validators::chill(signed(1)), Error::<Test>::NotActive);
		sessions(2);
		assert!(!Session::validators().contains(&account(1)));
		assert_ok!(Validators::resume(signed(1)));
		sessions(2);
		assert!(Session::validators().contains(&account(1)));
	});
}

#[test]
fn chill_is_refused_when_too_few_would_be_left() {
	run(|| {
		assert_ok!(Validators::chill(signed(1)));
		assert_ok!(Validators::chill(signed(2)));
		assert_noop!(Validators::chill(signed(3)), Error::<Test>::TooFewValidators);
		assert_noop!(unbond(3, 3, None), Error::<Test>::TooFewValidators);
	});
}

#[test]
fn candidate_stands_no_more_when_root_dismisses_it() {
	run(|| {
		assert_noop!(Validators::dismiss(signed(1), account(2)), DispatchError::BadOrigin);
		assert_ok!(Validators::dismiss(RuntimeOrigin::root(), account(2)));
		let chilled = Event::Chilled { candidate: account(2), reason: ChillReason::Dismissed };
		assert_eq!(events(), [chilled, Event::Dismissed { validator: account(2) }]);
		// It lost nothing and works on in the sets that have it.
		assert_eq!(Validators::pool_stake(&account(2)), 10 * MIN_BOND);
		assert!(Session::disabled_validators().is_empty());
		assert_noop!(Validators::resume(signed(2)), Error::<Test>::Jailed);
		sessions(2);
		assert_eq!(Session::validators(), [1, 3, 4].map(account));
		sessions(1);
		assert_ok!(Validators::resume(signed(2)));
	});
}

#[test]
fn dismissed_account_stays_away_when_it_left_before_it_was_dismissed() {
	run(|| {
		assert_ok!(nominate(10, 2, 10 * MIN_BOND));
		assert_ok!(unbond(2, 2, None));
		// It must not stop the referendum that dismisses others too, nor come back to its nominators.
		assert_ok!(Validators::dismiss(RuntimeOrigin::root(), account(2)));
		assert_noop!(bond(2, MIN_BOND), Error::<Test>::Jailed);
		sessions(TIMING.unbonding_sessions);
		assert_ok!(bond(2, MIN_BOND));
	});
}

#[test]
fn bonded_are_dismissed_by_root_alone_when_the_admin_may_dismiss_the_others() {
	run(|| {
		assert_noop!(Validators::dismiss(signed(ADMIN), account(2)), DispatchError::BadOrigin);
		assert_noop!(Validators::dismiss(signed(ADMIN), account(9)), DispatchError::BadOrigin);
		Unbonded::<Test>::put(BoundedVec::truncate_from(vec![account(9)]));
		assert_noop!(Validators::dismiss(signed(1), account(9)), DispatchError::BadOrigin);
		assert_ok!(Validators::dismiss(signed(ADMIN), account(9)));
	});
}

#[test]
fn dismissal_is_refused_when_too_few_would_be_left() {
	run(|| {
		for number in [1, 2] {
			assert_ok!(Validators::dismiss(RuntimeOrigin::root(), account(number)));
		}
		let third = Validators::dismiss(RuntimeOrigin::root(), account(3));
		assert_noop!(third, Error::<Test>::TooFewValidators);
	});
}

#[test]
fn timing_changes_when_admin_says_so() {
	run(|| {
		let timing = Timing { session_blocks: 5, ..TIMING };
		assert_noop!(Validators::set_timing(signed(1), timing), DispatchError::BadOrigin);
		for timing in [
			Timing { session_blocks: MIN_SESSION_BLOCKS - 1, ..TIMING },
			Timing { session_blocks: MAX_SESSION_BLOCKS + 1, ..TIMING },
			Timing { unbonding_sessions: 1, ..TIMING },
			Timing { unbonding_sessions: 201, ..TIMING },
		] {
			assert_noop!(Validators::set_timing(RuntimeOrigin::root(), timing), Error::<Test>::InvalidTiming);
		}
		assert_ok!(Validators::set_timing(RuntimeOrigin::root(), timing));
		assert_eq!(last_event(), Event::TimingSet { timing });
		assert_eq!(Validators::parameters().session_blocks, 5);
	});
}

#[test]
fn timing_is_shortened_by_root_alone_when_admin_may_lengthen_it() {
	run(|| {
		for shorter in [
			Timing {
				session_blocks: TIMING.session_blocks - 1,
				unbonding_sessions: TIMING.unbonding_sessions + 2,
			},
			Timing { unbonding_sessions: TIMING.unbonding_sessions - 1, ..TIMING },
		] {
			assert_noop!(Validators::set_timing(signed(ADMIN), shorter), DispatchError::BadOrigin);
		}
		let longer = Timing {
			session_blocks: TIMING.session_blocks * 2,
			unbonding_sessions: TIMING.unbonding_sessions.div_ceil(2),
		};
		for timing in [longer, Timing { unbonding_sessions: longer.unbonding_sessions + 1, ..longer }] {
			assert_ok!(Validators::set_timing(signed(ADMIN), timing));
		}
		assert_noop!(Validators::set_timing(signed(ADMIN), longer), DispatchError::BadOrigin);
		assert_ok!(Validators::set_timing(RuntimeOrigin::root(), longer));
	});
}
