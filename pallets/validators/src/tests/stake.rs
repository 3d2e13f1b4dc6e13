//! Nominating, unbonding, withdrawing.

use super::*;

#[test]
fn stake_is_held_in_the_stakers_account_when_nominated() {
	run(|| {
		assert_ok!(nominate(10, 1, 500));
		assert_eq!(
			last_event(),
			Event::Nominated { staker: account(10), candidate: account(1), amount: 500 }
		);
		assert_eq!((Validators::held(&account(10)), staked(10, 1)), (500, 500));
		assert_eq!(Validators::pool_stake(&account(1)), 10 * MIN_BOND + 500);
		assert_ok!(nominate(10, 1, 1));
		assert_eq!(staked(10, 1), 501);
		let view = Validators::stake(account(10)).pop().unwrap();
		assert_eq!((view.candidate, view.staked, view.slashed), (account(1).into(), 501, 0));
	});
}

#[test]
fn nominate_is_refused_when_it_makes_no_sense() {
	run(|| {
		assert_noop!(nominate(10, 9, 500), Error::<Test>::NotCandidate);
		assert_noop!(nominate(10, 1, MIN_NOMINATION - 1), Error::<Test>::NominationTooSmall);
		assert_noop!(nominate(10, 1, 2 * ENDOWMENT), TokenError::FundsUnavailable);
	});
}

#[test]
fn stake_waits_the_unbonding_sessions_when_it_leaves() {
	run(|| {
		assert_ok!(nominate(10, 1, 500));
		assert_ok!(unbond(10, 1, Some(200)));
		let unlocks = 1 + TIMING.unbonding_sessions;
		assert_eq!(
			last_event(),
			Event::Unbonding { staker: account(10), candidate: account(1), amount: 200, unlocks }
		);
		assert_eq!((staked(10, 1), Validators::held(&account(10))), (300, 500));
		assert_eq!(Validators::stake(account(10))[0].leaving, [(200, unlocks)]);
		for _ in 0..unlocks {
			assert_noop!(withdraw(10, 1), Error::<Test>::NothingToWithdraw);
			next_session();
		}
		assert_ok!(withdraw(10, 1));
		assert_eq!(
			last_event(),
			Event::Withdrawn { staker: account(10), candidate: account(1), amount: 200 }
		);
		assert_eq!(Validators::held(&account(10)), 300);
		assert_noop!(withdraw(10, 1), Error::<Test>::NothingToWithdraw);
		assert_eq!(Tranches::<Test>::iter().count(), 0);
	});
}

#[test]
fn unbond_is_refused_when_it_makes_no_sense() {
	run(|| {
		assert_noop!(unbond(10, 1, None), Error::<Test>::NoStake);
		assert_noop!(unbond(10, 9, None), Error::<Test>::NoStake);
		assert_ok!(nominate(10, 1, 500));
		assert_noop!(unbond(10, 1, Some(501)), Error::<Test>::NotEnoughStake);
		assert_noop!(unbond(10, 1, Some(MIN_NOMINATION - 1)), Error::<Test>::NominationTooSmall);
		assert_noop!(unbond(10, 1, Some(450)), Error::<Test>::NominationTooSmall);
		assert_noop!(unbond(1, 1, Some(9 * MIN_BOND + 1)), Error::<Test>::BondTooSmall);
		assert_ok!(unbond(1, 1, Some(9 * MIN_BOND)));
	});
}

#[test]
fn unbond_is_refused_when_too_many_pieces_wait() {
	run(|| {
		assert_ok!(nominate(10, 1, 100 * MIN_NOMINATION));
		let timing = Timing { unbonding_sessions: 8, ..TIMING };
		assert_ok!(Validators::set_timing(RuntimeOrigin::root(), timing));
		for _ in 0..MAX_CHUNKS {
			assert_ok!(unbond(10, 1, Some(MIN_NOMINATION)));
			assert_ok!(unbond(10, 1, Some(MIN_NOMINATION)));
			next_session();
		}
		assert_noop!(unbond(10, 1, Some(MIN_NOMINATION)), Error::<Test>::TooManyChunks);
		assert_ok!(withdraw(10, 1));
		assert_ok!(unbond(10, 1, Some(MIN_NOMINATION)));
	});
}

#[test]
fn candidate_is_none_any_more_when_it_takes_its_own_stake_out() {
	run(|| {
		assert_ok!(nominate(10, 1, 500));
		assert_ok!(unbond(1, 1, None));
		let reason = ChillReason::Left;
		assert!(events().contains(&Event::Chilled { candidate: account(1), reason }));
		assert_noop!(nominate(10, 1, 500), Error::<Test>::NotCandidate);
		sessions(2);
		assert_eq!(Validators::validator(account(1)), None);
		// Whoever stays in its pool can still leave, and then nothing is left of it.
		assert_ok!(unbond(10, 1, None));
		assert_eq!(Pools::<Test>::get(account(1)), None);
		sessions(4);
		assert_ok!(withdraw(10, 1));
		assert_ok!(withdraw(1, 1));
		assert_eq!(Balances::free_balance(account(1)), ENDOWMENT);
		assert_ok!(bond(1, MIN_BOND));
	});
}
