//! Channels: opening, topping up, session keys, closing.

use super::*;
use frame::token::fungible::MutateFreeze;
use tributary_primitives::PPM;

#[test]
fn channel_holds_the_deposit_when_opened() {
	run(|| {
		assert_ok!(Attribution::open_channel(signed(1), OPERATOR, 5_000, Some([9; 32])));
		let opened = Event::ChannelOpened { payer: account(1), worker: OPERATOR, nonce: 0, deposit: 5_000 };
		assert_eq!(last_event(), opened);
		assert_eq!(Balances::free_balance(account(1)), ENDOWMENT - 5_000);
		let view = channel(1);
		assert_eq!((view.nonce, view.deposit, view.charged), (0, 5_000, 0));
		assert_eq!((view.session_key, view.closes_at), (Some([9; 32]), None));
		assert_eq!(open(2, MIN_DEPOSIT), 1);
		assert_eq!(Attribution::channel(account(3), OPERATOR), None);
	});
}

#[test]
fn open_channel_is_refused_when_the_worker_is_not_active() {
	run(|| {
		let open = |worker| Attribution::open_channel(signed(1), worker, 5_000, None);
		assert_noop!(open(CHALLENGER), Error::<Test>::WorkerNotActive);
		<Workers as tributary_primitives::traits::Workers>::slash(OPERATOR.as_ref(), PPM / 2);
		assert_noop!(open(OPERATOR), Error::<Test>::WorkerNotActive);
		assert_ok!(Workers::add_bond(RuntimeOrigin::signed(OPERATOR), MIN_BOND));
		assert_ok!(Workers::unbond(RuntimeOrigin::signed(OPERATOR)));
		assert_noop!(open(OPERATOR), Error::<Test>::WorkerNotActive);
	});
}

#[test]
fn open_channel_is_refused_when_its_input_is_bad() {
	run(|| {
		let open = |deposit| Attribution::open_channel(signed(1), OPERATOR, deposit, None);
		assert_noop!(open(MIN_DEPOSIT - 1), Error::<Test>::DepositTooSmall);
		assert_noop!(open(ENDOWMENT + 1), TokenError::FundsUnavailable);
		assert_ok!(open(MIN_DEPOSIT));
		assert_noop!(open(MIN_DEPOSIT), Error::<Test>::ChannelExists);
	});
}

#[test]
fn open_channel_is_refused_when_the_payers_balance_is_locked() {
	run(|| {
		assert_ok!(Balances::set_freeze(&0, &account(1), 1));
		let open = || Attribution::open_channel(signed(1), OPERATOR, MIN_DEPOSIT, None);
		assert_noop!(open(), Error::<Test>::Voting);
		assert_ok!(Balances::thaw(&0, &account(1)));
		assert_ok!(open());
	});
}

#[test]
fn deposit_grows_when_topped_up() {
	run(|| {
		open(1, 5_000);
		assert_ok!(Attribution::top_up(signed(1), OPERATOR, 700));
		assert_eq!(last_event(), Event::ChannelToppedUp { payer: account(1), worker: OPERATOR, amount: 700 });
		assert_eq!(channel(1).deposit, 5_700);
	});
}

#[test]
fn top_up_is_refused_when_it_makes_no_sense() {
	run(|| {
		assert_noop!(Attribution::top_up(signed(1), OPERATOR, 1), Error::<Test>::NoChannel);
		open(1, 5_000);
		assert_noop!(Attribution::top_up(signed(1), OPERATOR, 0), Error::<Test>::ZeroAmount);
		assert_noop!(Attribution::top_up(signed(1), OPERATOR, ENDOWMENT), TokenError::FundsUnavailable);
		assert_ok!(Attribution::close_channel(signed(1), OPERATOR));
		assert_noop!(Attribution::top_up(signed(1), OPERATOR, 1), Error::<Test>::ChannelClosing);
	});
}

#[test]
fn first_session_key_is_good_at_once_when_set() {
	run(|| {
		open(1, 5_000);
		assert_ok!(Attribution::set_session_key(signed(1), OPERATOR, Some([9; 32])));
		let set = Event::SessionKeySet {
			payer: account(1),
			worker: OPERATOR,
			session_key: Some([9; 32]),
			from: System::block_number(),
		};
		assert_eq!(last_event(), set);
		assert_eq!(channel(1).session_key, Some([9; 32]));
	});
}

#[test]
fn old_session_key_stays_good_for_the_delay_when_replaced_or_removed() {
	run(|| {
		assert_ok!(Attribution::open_channel(signed(1), OPERATOR, 5_000, Some([9; 32])));
		let set = |key| Attribution::set_session_key(signed(1), OPERATOR, key);
		assert_ok!(set(None));
		pass(CLOSING_DELAY - 1);
		assert_eq!(channel(1).session_key, Some([9; 32]));
		pass(1);
		assert_eq!(channel(1).session_key, None);
		assert_ok!(set(Some([8; 32])));
		assert_ok!(set(Some([7; 32])));
		assert_eq!(channel(1).session_key, Some([8; 32]));
		// Naming the one in use takes the change back.
		assert_ok!(set(Some([8; 32])));
		pass(CLOSING_DELAY);
		assert_eq!(channel(1).session_key, Some([8; 32]));
	});
}

#[test]
fn set_session_key_is_refused_when_there_is_no_channel() {
	run(|| {
		let set = Attribution::set_session_key(signed(1), OPERATOR, None);
		assert_noop!(set, Error::<Test>::NoChannel);
	});
}

#[test]
fn rest_is_released_when_a_closed_channel_is_withdrawn() {
	run(|| {
		open(1, 5_000);
		assert_ok!(Attribution::close_channel(signed(1), OPERATOR));
		let closes_at = System::block_number() + CLOSING_DELAY;
		assert_eq!(last_event(), Event::ChannelClosing { payer: account(1), worker: OPERATOR, closes_at });
		// The worker charges until the delay ends.
		pass(CLOSING_DELAY - 1);
		assert_ok!(Worker::default().submit(&[BARE], &[charge(1, &[(0, 1, 1_500)])]));
		pass(1);
		assert_ok!(Attribution::withdraw_channel(signed(1), OPERATOR));
		let closed = Event::ChannelClosed { payer: account(1), worker: OPERATOR, released: 3_500 };
		assert_eq!(last_event(), closed);
		assert_eq!(Balances::free_balance(account(1)), ENDOWMENT - 1_500);
		assert_eq!(Attribution::channel(account(1), OPERATOR), None);
		assert_eq!(open(1, 5_000), 1, "a reopened channel has another nonce");
	});
}

#[test]
fn close_and_withdraw_are_refused_when_out_of_order() {
	run(|| {
		let close = || Attribution::close_channel(signed(1), OPERATOR);
		let withdraw = || Attribution::withdraw_channel(signed(1), OPERATOR);
		assert_noop!(close(), Error::<Test>::NoChannel);
		assert_noop!(withdraw(), Error::<Test>::NoChannel);
		open(1, 5_000);
		assert_noop!(withdraw(), Error::<Test>::ChannelNotClosing);
		assert_ok!(close());
		assert_noop!(close(), Error::<Test>::ChannelClosing);
		pass(CLOSING_DELAY - 1);
		assert_noop!(withdraw(), Error::<Test>::ClosingDelayed);
	});
}
