//! Bad channels: each is skipped and named, the others settle.

use super::*;
use polkadot_sdk::frame_support::traits::fungible::MutateFreeze;
use tributary_primitives::batch::ChannelFault;

/// Submits `bad` beside a good charge by payer 2; payer 1 must keep its money.
fn assert_skipped(bad: ChannelCharge, fault: ChannelFault) {
	let before = Attribution::channel(account(1), OPERATOR);
	let sequence = Attribution::settlement(OPERATOR).next_sequence;
	let charged = channel(2).charged;
	let charges = [bad, charge(2, &[(0, 1, 700)])];
	let header = header(sequence, &charges, Attribution::settlement(OPERATOR).root);
	assert_ok!(submit(header, &[BARE], &charges));
	let skipped = Event::ChannelSkipped { payer: account(1), worker: OPERATOR, sequence, fault };
	assert!(events().contains(&skipped), "{fault:?} is not named");
	let view = Attribution::batch(OPERATOR, sequence).unwrap();
	assert_eq!(view.failed, vec![(account(1).into(), fault)]);
	assert_eq!(view.escrow, 700);
	assert_eq!(channel(2).charged, charged + 700);
	assert_eq!(Attribution::channel(account(1), OPERATOR), before);
	check();
}

fn run_with_channels(test: impl FnOnce()) {
	run(|| {
		open(1, 5_000);
		open(2, 50_000);
		test();
	});
}

#[test]
fn channel_is_skipped_when_it_does_not_exist_or_was_withdrawn() {
	run(|| {
		open(2, 50_000);
		assert_skipped(charge(1, &[(0, 1, 900)]), ChannelFault::NoChannel);
		open(1, 5_000);
		let late = charge(1, &[(0, 1, 900)]);
		assert_ok!(Attribution::close_channel(signed(1), OPERATOR));
		pass(CLOSING_DELAY);
		assert_ok!(Attribution::withdraw_channel(signed(1), OPERATOR));
		assert_skipped(late, ChannelFault::NoChannel);
	});
}

#[test]
fn channel_is_charged_when_its_delay_is_over_and_it_was_not_withdrawn() {
	run_with_channels(|| {
		assert_ok!(Attribution::close_channel(signed(1), OPERATOR));
		pass(CLOSING_DELAY + 1);
		let charges = [charge(1, &[(0, 1, 900)])];
		assert_ok!(submit(header(0, &charges, Attribution::settlement(OPERATOR).root), &[BARE], &charges));
		assert_eq!(channel(1).charged, 900);
		check();
	});
}

#[test]
fn channel_is_skipped_when_the_voucher_is_of_an_earlier_channel() {
	run_with_channels(|| {
		let old = charge(1, &[(0, 1, 900)]);
		assert_ok!(Attribution::close_channel(signed(1), OPERATOR));
		pass(CLOSING_DELAY);
		assert_ok!(Attribution::withdraw_channel(signed(1), OPERATOR));
		open(1, 5_000);
		assert_skipped(old, ChannelFault::WrongChannel);
	});
}

#[test]
fn channel_is_skipped_when_somebody_else_signed() {
	run_with_channels(|| {
		assert_skipped(charge_by(3, voucher(1, 0, 900), &[(0, 1, 900)]), ChannelFault::BadSignature);
	});
}

#[test]
fn channel_is_skipped_when_the_voucher_is_of_another_chain() {
	run_with_channels(|| {
		let foreign = Voucher { genesis: [7; 32], ..voucher(1, 0, 900) };
		assert_skipped(charge_by(1, foreign, &[(0, 1, 900)]), ChannelFault::BadSignature);
	});
}

#[test]
fn channel_is_skipped_when_the_voucher_is_for_another_worker() {
	run_with_channels(|| {
		let foreign = Voucher { worker: CHALLENGER.into(), ..voucher(1, 0, 900) };
		assert_skipped(charge_by(1, foreign, &[(0, 1, 900)]), ChannelFault::BadSignature);
	});
}

#[test]
fn channel_is_skipped_when_a_number_was_changed_after_signing() {
	run_with_channels(|| {
		let raised = ChannelCharge { cumulative: 1_000, ..charge(1, &[(0, 1, 900)]) };
		assert_skipped(raised, ChannelFault::BadSignature);
		let extended = charge(1, &[(0, 1, 900)]);
		assert_skipped(ChannelCharge { expiry: u32::MAX, ..extended }, ChannelFault::BadSignature);
	});
}

#[test]
fn channel_is_skipped_when_the_session_key_was_replaced_long_ago() {
	run(|| {
		open(2, 50_000);
		let session = Some(account(77).into());
		assert_ok!(Attribution::open_channel(signed(1), OPERATOR, 5_000, session));
		assert_ok!(Attribution::set_session_key(signed(1), OPERATOR, None));
		let charge = || charge_by(77, voucher(1, 1, 900), &[(0, 1, 900)]);
		pass(CLOSING_DELAY - 1);
		let header = header(0, &[charge()], SumNode::default());
		hypothetically!({
			assert_ok!(submit(header, &[BARE], &[charge()]));
			assert_eq!(channel(1).charged, 900);
		});
		pass(1);
		assert_skipped(charge(), ChannelFault::BadSignature);
	});
}

#[test]
fn channel_is_skipped_when_the_voucher_expired() {
	run_with_channels(|| {
		let expiry = System::block_number() + 3;
		let voucher = Voucher { expiry, ..voucher(1, 0, 900) };
		let charge = charge_by(1, voucher, &[(0, 1, 900)]);
		pass(3);
		hypothetically!({
			let charges = [charge.clone()];
			assert_ok!(submit(header(0, &charges, SumNode::default()), &[BARE], &charges));
			assert_eq!(channel(1).charged, 900);
		});
		pass(1);
		assert_skipped(charge, ChannelFault::Expired);
	});
}

#[test]
fn channel_is_skipped_when_the_voucher_is_replayed_or_shrinks() {
	run_with_channels(|| {
		let first = charge(1, &[(0, 1, 900)]);
		let charges = [first.clone()];
		assert_ok!(submit(header(0, &charges, SumNode::default()), &[BARE], &charges));
		assert_skipped(first, ChannelFault::OverVoucher);
		let shrunk = charge_by(1, voucher(1, 0, 899), &[(0, 1, 1)]);
		assert_skipped(shrunk, ChannelFault::OverVoucher);
	});
}

#[test]
fn channel_is_skipped_when_more_is_charged_than_the_voucher_allows() {
	run_with_channels(|| {
		let over = charge_by(1, voucher(1, 0, 899), &[(0, 1, 900)]);
		assert_skipped(over, ChannelFault::OverVoucher);
	});
}

#[test]
fn channel_is_skipped_when_more_is_charged_than_it_holds() {
	run_with_channels(|| assert_skipped(charge(1, &[(0, 1, 5_001)]), ChannelFault::OverDeposit));
}

#[test]
fn channel_is_charged_once_when_it_is_listed_twice() {
	run_with_channels(|| {
		let twice = [charge(1, &[(0, 1, 900)]), charge_by(1, voucher(1, 0, 1_800), &[(0, 1, 900)])];
		assert_ok!(submit(header(0, &twice, SumNode::default()), &[BARE], &twice));
		let failed = Attribution::batch(OPERATOR, 0).unwrap().failed;
		assert_eq!(failed, vec![(account(1).into(), ChannelFault::Repeated)]);
		assert_eq!(channel(1).charged, 900);
	});
}

#[test]
fn channel_is_skipped_when_its_funds_are_frozen() {
	run_with_channels(|| {
		// More is frozen than the payer has free: its hold cannot be moved.
		assert_ok!(<Balances as MutateFreeze<_>>::set_freeze(&0, &account(1), ENDOWMENT));
		assert_skipped(charge(1, &[(0, 1, 900)]), ChannelFault::TransferFailed);
	});
}

#[test]
fn root_is_passed_over_when_a_channel_failed() {
	run(|| {
		let mut worker = Worker::default();
		open(1, 50_000);
		open(2, 50_000);
		let bad = charge_by(3, voucher(2, 1, 9_000), &[(0, 1, 9_000)]);
		assert_ok!(worker.submit(&[PLAIN], &[charge(1, &[(0, 1, 9_000)]), bad]));
		pass(WINDOW);
		assert_ok!(Attribution::credit(signed(3), OPERATOR, 1));
		assert_eq!(last_event(), Event::BatchCredited { worker: OPERATOR, sequence: 0, root_active: false });
		let settlement = Attribution::settlement(OPERATOR);
		assert_eq!(settlement.root, SumNode::default());
		assert!(settlement.credited > 0);
		// The next batch's root covers both.
		settle(&mut worker, 9_000);
		pass(WINDOW);
		assert_ok!(Attribution::credit(signed(3), OPERATOR, 1));
		let settlement = Attribution::settlement(OPERATOR);
		assert_eq!(settlement.root.sum, settlement.credited);
		assert_eq!(settlement.root_sequence, 1);
	});
}
