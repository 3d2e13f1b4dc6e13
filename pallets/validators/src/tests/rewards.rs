//! Rewards: dividing and claiming.

use super::*;
use polkadot_sdk::frame_support::traits::fungible::Balanced;

#[test]
fn fee_share_is_divided_by_stake_after_commission_when_a_session_ends() {
	run(|| {
		assert_ok!(nominate(10, 1, 10 * MIN_BOND));
		sessions(2);
		earn(500_000);
		next_session();
		assert!(events().contains(&Event::SessionRewarded { session: 2, amount: 500_000 }));
		// Validator 1 has two fifths of the stake: 200,000, of which a tenth is commission.
		assert_eq!(Validators::claimable(&account(1), &account(1)), 20_000 + 90_000);
		assert_eq!(Validators::claimable(&account(10), &account(1)), 90_000);
		assert_eq!(Validators::claimable(&account(2), &account(2)), 100_000);
		let before = Balances::free_balance(account(10));
		assert_ok!(claim(10, 1));
		assert_eq!(
			last_event(),
			Event::Claimed { staker: account(10), candidate: account(1), amount: 90_000 }
		);
		assert_eq!(Balances::free_balance(account(10)), before + 90_000);
		assert_noop!(claim(10, 1), Error::<Test>::NothingToClaim);
		assert_noop!(claim(10, 9), Error::<Test>::NoStake);
		assert_ok!(Validators::claim_for(signed(10), account(1), account(1)));
		assert_eq!(
			last_event(),
			Event::Claimed { staker: account(1), candidate: account(1), amount: 110_000 }
		);
	});
}

#[test]
fn author_gets_its_part_when_fees_are_paid() {
	run(|| {
		let author = Authorship::author().unwrap();
		let rest = Validators::take_author_part(Balances::issue(101));
		assert_eq!(polkadot_sdk::frame_support::traits::Imbalance::peek(&rest), 51);
		drop(rest);
		next_block();
		let pool = Pools::<Test>::get(&author).unwrap();
		assert_eq!((pool.unpaid, pool.commission), (50, 5));
		assert_eq!(AuthorFees::<Test>::get(), 0);
	});
}

#[test]
fn fees_go_elsewhere_when_the_author_has_no_pool() {
	genesis(4).execute_with(|| {
		next_block();
		let author = Authorship::author().unwrap();
		Pools::<Test>::remove(&author);
		let rest = Validators::take_author_part(Balances::issue(101));
		assert_eq!(polkadot_sdk::frame_support::traits::Imbalance::peek(&rest), 101);
	});
}

#[test]
fn rewards_wait_when_nobody_is_staked() {
	genesis(4).execute_with(|| {
		next_block();
		sessions(1);
		for number in 1..=4 {
			Pools::<Test>::remove(account(number));
			Positions::<Test>::remove(account(number), account(number));
		}
		Ranking::<Test>::kill();
		earn(100);
		Validators::share_out(1, &[]);
		assert_eq!((Validators::surplus(), Unpaid::<Test>::get()), (100, 0));
	});
}

#[test]
fn rewards_are_paid_when_a_staker_leaves() {
	run(|| {
		assert_ok!(nominate(10, 1, 10 * MIN_BOND));
		sessions(2);
		earn(500_000);
		next_session();
		let before = Balances::free_balance(account(10));
		assert_ok!(unbond(10, 1, None));
		assert_eq!(Balances::free_balance(account(10)), before + 90_000);
		assert_eq!(Positions::<Test>::get(account(10), account(1)), None);
	});
}

#[test]
fn what_nobody_can_be_given_is_shared_again_when_a_pool_dissolves() {
	run(|| {
		assert_ok!(bond(5, 20 * MIN_BOND));
		sessions(2);
		earn(7_001);
		next_session();
		let before = Balances::free_balance(account(5));
		let claimable = Validators::claimable(&account(5), &account(5));
		assert!(claimable > 2_000);
		assert_ok!(unbond(5, 5, None));
		assert_eq!(Pools::<Test>::get(account(5)), None);
		assert_eq!(Balances::free_balance(account(5)), before + claimable);
	});
}

#[test]
fn absent_validator_gets_nothing_when_a_session_ends() {
	run(|| {
		next_session();
		SLEEPING.set(vec![account(3)]);
		earn(18_750);
		next_session();
		let claimable = |number| Validators::claimable(&account(number), &account(number));
		assert_eq!([1, 2, 3, 4].map(claimable), [6_250, 6_250, 0, 6_250]);
	});
}

#[test]
fn caught_validator_gets_nothing_when_its_sessions_end() {
	run(|| {
		next_session();
		let suspension = Suspension { validator: account(3), severity: 1, until: 2 };
		Suspensions::<Test>::put(BoundedVec::truncate_from(vec![suspension]));
		earn(18_750);
		next_session();
		let claimable = |number| Validators::claimable(&account(number), &account(number));
		assert_eq!([1, 2, 3, 4].map(claimable), [6_250, 6_250, 0, 6_250]);
	});
}

#[test]
fn pool_earns_for_what_is_left_when_stake_leaves_after_the_election() {
	run(|| {
		assert_ok!(nominate(10, 1, 90 * MIN_BOND));
		sessions(2);
		assert_ok!(unbond(10, 1, None));
		earn(25_000);
		next_session();
		assert_eq!(Validators::claimable(&account(1), &account(1)), 6_250);
	});
}
