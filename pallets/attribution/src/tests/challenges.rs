//! Challenges and verdicts.

use super::*;
use polkadot_sdk::frame_support::traits::fungible::InspectHold;
use tributary_primitives::{
	batch::{Fault, Verdict},
	VaultKey, PPM,
};

fn challenge(sequence: u64) -> DispatchResult {
	let fault = Fault::Fee { record: 3 };
	Attribution::challenge(RuntimeOrigin::signed(CHALLENGER), OPERATOR, sequence, fault, [5; 32])
}

fn resolve(sequence: u64, verdict: Verdict) -> DispatchResultWithPostInfo {
	Attribution::resolve(RuntimeOrigin::root(), OPERATOR, sequence, verdict)
}

const VOID: Verdict = Verdict::Void { slash: PPM / 2 };

fn held(who: &AccountId32) -> Balance {
	<Balances as InspectHold<_>>::total_balance_on_hold(who)
}

#[test]
fn batch_is_frozen_and_a_bond_held_when_challenged() {
	run(|| {
		let mut worker = Worker::default();
		settle(&mut worker, 9_000);
		assert!(!Attribution::is_disputed(&OPERATOR));
		assert_ok!(challenge(0));
		let challenged = Event::BatchChallenged {
			worker: OPERATOR,
			sequence: 0,
			challenger: CHALLENGER,
			fault: Fault::Fee { record: 3 },
			evidence: [5; 32],
		};
		assert_eq!(last_event(), challenged);
		assert_eq!(status(0), BatchStatus::Challenged);
		assert_eq!(held(&CHALLENGER), CHALLENGE_BOND);
		assert!(Attribution::is_disputed(&OPERATOR));
	});
}

#[test]
fn challenge_is_refused_when_it_is_late_repeated_or_about_nothing() {
	run(|| {
		let mut worker = Worker::default();
		assert_noop!(challenge(0), Error::<Test>::UnknownBatch);
		settle(&mut worker, 9_000);
		settle(&mut worker, 9_000);
		assert_ok!(challenge(1));
		assert_noop!(challenge(1), Error::<Test>::AlreadyChallenged);
		pass(WINDOW);
		assert_noop!(challenge(0), Error::<Test>::WindowOver);
		assert_ok!(Attribution::credit(signed(3), OPERATOR, 1));
		assert_noop!(challenge(0), Error::<Test>::WindowOver);
		let poor = Attribution::challenge(signed(51), OPERATOR, 1, Fault::Earnings, [0; 32]);
		assert_noop!(poor, Error::<Test>::AlreadyChallenged);
	});
}

#[test]
fn challenge_is_refused_when_the_bond_is_not_covered() {
	run(|| {
		settle(&mut Worker::default(), 9_000);
		let poor = Attribution::challenge(signed(51), OPERATOR, 0, Fault::Unavailable, [0; 32]);
		assert_noop!(poor, TokenError::FundsUnavailable);
	});
}

#[test]
fn verdict_is_refused_when_it_is_not_the_authoritys_or_about_nothing() {
	run(|| {
		settle(&mut Worker::default(), 9_000);
		let anyone = Attribution::resolve(signed(1), OPERATOR, 0, Verdict::Stand);
		assert_noop!(anyone, BadOrigin);
		assert_noop!(resolve(1, VOID), Error::<Test>::UnknownBatch);
		assert_noop!(resolve(0, VOID), Error::<Test>::NotChallenged);
		assert_ok!(challenge(0));
		assert_noop!(resolve(0, Verdict::Void { slash: PPM + 1 }), Error::<Test>::InvalidSlash);
	});
}

#[test]
fn escrow_returns_to_the_channels_when_a_batch_is_voided() {
	run(|| {
		open(1, 50_000);
		open(2, 50_000);
		let mut worker = Worker::default();
		assert_ok!(worker.submit(&[PLAIN], &[charge(1, &[(0, 1, 9_000)]), charge(2, &[(0, 1, 6_000)])]));
		assert_ok!(challenge(0));
		pass(WINDOW);
		assert_ok!(resolve(0, VOID));
		let (refunded, slashed) = (15_000, MIN_BOND / 2);
		assert_eq!(last_event(), Event::BatchVoided { worker: OPERATOR, sequence: 0, refunded, slashed });
		assert_eq!(status(0), BatchStatus::Voided);
		for payer in [1, 2] {
			assert_eq!((channel(payer).deposit, channel(payer).charged), (50_000, 0));
			assert_eq!(held(&account(payer)), 50_000);
		}
		assert_eq!(Workers::bond(&OPERATOR), MIN_BOND / 2);
		assert_eq!(Balances::free_balance(TREASURY), MIN_BOND / 2);
		assert_eq!(held(&CHALLENGER), 0);
		assert!(!Attribution::is_disputed(&OPERATOR));
		let settlement = Attribution::settlement(OPERATOR);
		assert_eq!((settlement.pending, settlement.oldest_pending), (0, 1));
		assert_noop!(Attribution::credit(signed(3), OPERATOR, 1), Error::<Test>::NothingToCredit);
		// The vouchers are good again: an honest batch may charge the same records.
		assert_ok!(worker.submit(&[PLAIN], &[charge(1, &[(0, 1, 9_000)])]));
	});
}

#[test]
fn escrow_returns_as_free_balance_when_the_channel_is_gone() {
	run(|| {
		let mut worker = Worker::default();
		open(1, 50_000);
		open(2, 50_000);
		assert_ok!(Attribution::close_channel(signed(1), OPERATOR));
		assert_ok!(Attribution::close_channel(signed(2), OPERATOR));
		pass(CLOSING_DELAY - 1);
		assert_ok!(worker.submit(&[PLAIN], &[charge(1, &[(0, 1, 9_000)]), charge(2, &[(0, 1, 9_000)])]));
		assert_ok!(challenge(0));
		pass(1);
		assert_ok!(Attribution::withdraw_channel(signed(1), OPERATOR));
		assert_ok!(Attribution::withdraw_channel(signed(2), OPERATOR));
		// A reopened channel is another one.
		open(2, 50_000);
		assert_ok!(resolve(0, VOID));
		assert_eq!(Balances::free_balance(account(1)), ENDOWMENT);
		assert_eq!(channel(2).deposit, 50_000);
		assert_eq!(Balances::free_balance(account(2)), ENDOWMENT - 50_000);
	});
}

#[test]
fn escrow_waits_in_the_payers_own_vault_when_its_account_is_gone() {
	run(|| {
		let mut worker = Worker::default();
		assert_ok!(Balances::transfer_keep_alive(signed(4), account(61), 1_000));
		open(61, 500);
		let fee = EXISTENTIAL_DEPOSIT - 1;
		assert_ok!(Attribution::close_channel(signed(61), OPERATOR));
		pass(CLOSING_DELAY - 1);
		assert_ok!(worker.submit(&[BARE], &[charge(61, &[(0, 1, fee)])]));
		pass(1);
		assert_ok!(Attribution::withdraw_channel(signed(61), OPERATOR));
		assert_ok!(Balances::transfer_all(signed(61), account(4), false));
		assert_ok!(challenge(0));
		assert_ok!(resolve(0, VOID));
		let own = VaultKey::Operator(account(61).into());
		assert_eq!(Attribution::claimable(account(61))[0].owed, fee);
		assert_noop!(Attribution::claim(signed(61), own), Error::<Test>::BelowExistentialDeposit);
		assert_ok!(Balances::transfer_keep_alive(signed(4), account(61), EXISTENTIAL_DEPOSIT));
		assert_ok!(Attribution::claim(signed(61), own));
	});
}

#[test]
fn later_roots_are_disarmed_when_a_batch_they_counted_on_is_voided() {
	run(|| {
		let mut worker = Worker::default();
		(0..3).for_each(|_| settle(&mut worker, 9_000));
		assert_ok!(challenge(1));
		pass(WINDOW);
		assert_ok!(resolve(1, VOID));
		assert_ok!(Attribution::credit(signed(3), OPERATOR, 16));
		let settlement = Attribution::settlement(OPERATOR);
		assert_eq!((settlement.oldest_pending, settlement.root_sequence), (3, 0));
		assert!(settlement.root.sum < settlement.credited);
		// The next honest batch covers what is left.
		settle(&mut worker, 9_000);
		pass(WINDOW);
		assert_ok!(Attribution::credit(signed(3), OPERATOR, 16));
		let settlement = Attribution::settlement(OPERATOR);
		assert_eq!((settlement.root.sum, settlement.root_sequence), (settlement.credited, 3));
	});
}

#[test]
fn challenger_loses_its_bond_when_the_batch_stands() {
	run(|| {
		settle(&mut Worker::default(), 9_000);
		assert_ok!(challenge(0));
		pass(WINDOW);
		assert_ok!(resolve(0, Verdict::Stand));
		let forfeited = CHALLENGE_BOND;
		assert_eq!(last_event(), Event::BatchUpheld { worker: OPERATOR, sequence: 0, forfeited });
		assert_eq!(Balances::free_balance(TREASURY), CHALLENGE_BOND);
		assert_eq!((status(0), held(&CHALLENGER)), (BatchStatus::Pending, 0));
		assert!(!Attribution::is_disputed(&OPERATOR));
		assert_ok!(Attribution::credit(signed(3), OPERATOR, 1));
		assert_eq!(status(0), BatchStatus::Credited);
	});
}

#[test]
fn worker_keeps_its_bond_locked_when_it_leaves_with_a_challenged_batch() {
	run(|| {
		settle(&mut Worker::default(), 9_000);
		assert_ok!(challenge(0));
		assert_ok!(Workers::unbond(RuntimeOrigin::signed(OPERATOR)));
		pass(30);
		let withdraw = || Workers::withdraw(RuntimeOrigin::signed(OPERATOR));
		assert_noop!(withdraw(), pallet_workers::Error::<Test>::Disputed);
		assert_ok!(resolve(0, Verdict::Void { slash: PPM }));
		assert_eq!(Balances::free_balance(TREASURY), MIN_BOND);
		assert_ok!(withdraw());
	});
}
