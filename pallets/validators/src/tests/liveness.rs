//! Validators that make no blocks.

use super::*;

fn sleep(numbers: &[u8]) {
	SLEEPING.set(numbers.iter().copied().map(account).collect());
}

#[test]
fn validator_is_chilled_when_it_made_no_block_in_a_session() {
	run(|| {
		next_session();
		sleep(&[3]);
		next_session();
		let reason = ChillReason::Unresponsive;
		assert!(events().contains(&Event::Chilled { candidate: account(3), reason }));
		// One is few: nothing is slashed.
		assert_eq!(Validators::pool_stake(&account(3)), 10 * MIN_BOND);
		assert_noop!(Validators::resume(signed(3)), Error::<Test>::Jailed);
		// The set is of three when the session that was elected before is over.
		sessions(2);
		assert_eq!(Session::validators(), [1, 2, 4].map(account));
		sleep(&[]);
		assert_ok!(Validators::resume(signed(3)));
		sessions(2);
		assert_eq!(Session::validators().len(), 4);
	});
}

#[test]
fn validators_are_slashed_when_many_make_no_block() {
	run(|| {
		next_session();
		sleep(&[2, 3, 4]);
		next_session();
		// Three of four, one and a tenth of them tolerated: 7 %.
		for number in 2..=4 {
			assert_eq!(Validators::pool_stake(&account(number)), 9_300);
		}
		// At most a third is chilled in a session.
		assert_eq!(Ranking::<Test>::get().len(), 3);
		assert_eq!(Validators::pool_stake(&account(1)), 10 * MIN_BOND);
	});
}

#[test]
fn validator_stays_when_too_few_would_be_left() {
	run(|| {
		assert_ok!(Validators::chill(signed(1)));
		assert_ok!(Validators::chill(signed(2)));
		sessions(2);
		assert_eq!(Session::validators(), [3, 4].map(account));
		sleep(&[3]);
		next_session();
		assert!(Candidates::<Test>::get(account(3)).unwrap().active);
	});
}

#[test]
fn nobody_is_blamed_when_too_few_blocks_were_made() {
	run(|| {
		let timing = Timing { session_blocks: 6, ..TIMING };
		assert_ok!(Validators::set_timing(RuntimeOrigin::root(), timing));
		next_session();
		sleep(&[3]);
		next_session();
		assert!(Candidates::<Test>::get(account(3)).unwrap().active);
	});
}

#[test]
fn blocks_are_counted_when_validators_make_them() {
	run(|| {
		// Its first block counts for the set before.
		next_session();
		for _ in 0..4 {
			next_block();
		}
		for number in 1..=4 {
			assert_eq!(Validators::validator(account(number)).unwrap().blocks, 1, "{number}");
		}
	});
}
