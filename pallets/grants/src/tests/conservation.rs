//! Random sequences of calls: after each, every invariant; no planck is made or lost.

use crate::{mock::*, HoldReason};
use polkadot_sdk::sp_runtime::AccountId32;
use proptest::prelude::*;
use tributary_primitives::{Balance, Purpose, VaultKey};

#[derive(Clone, Debug)]
enum Step {
	Announce(u8),
	WithdrawRecipient(u8),
	NextEpoch(u8),
	Offer(Option<u32>),
	Request(u8, bool),
	WithdrawRequest(u8, bool),
	Refuse(u8, bool),
	Grant(u8, bool, usize),
	Revoke(u8, bool),
	Renounce(u8, bool),
	Contribute(u8),
	Claim,
}

fn step() -> impl Strategy<Value = Step> {
	let who = 3u8..6;
	let whose = (who.clone(), any::<bool>());
	prop_oneof![
		1 => who.clone().prop_map(Step::Announce),
		1 => who.prop_map(Step::WithdrawRecipient),
		1 => any::<u8>().prop_map(Step::NextEpoch),
		1 => proptest::option::of(0u32..20_000).prop_map(Step::Offer),
		4 => whose.clone().prop_map(|(who, train)| Step::Request(who, train)),
		1 => whose.clone().prop_map(|(who, train)| Step::WithdrawRequest(who, train)),
		1 => whose.clone().prop_map(|(who, train)| Step::Refuse(who, train)),
		3 => (whose.clone(), 0usize..900).prop_map(|((who, train), bytes)| Step::Grant(who, train, bytes)),
		2 => whose.clone().prop_map(|(who, train)| Step::Revoke(who, train)),
		1 => whose.prop_map(|(who, train)| Step::Renounce(who, train)),
		1 => any::<u8>().prop_map(Step::Contribute),
		1 => Just(Step::Claim),
	]
}

fn account(number: u8) -> AccountId32 {
	AccountId32::new([number; 32])
}

fn purpose(train: bool) -> Purpose {
	if train {
		Purpose::Train
	} else {
		Purpose::Retrieve
	}
}

/// Refusals are part of the test: they must change nothing.
fn carry_out(step: Step) {
	let owner = || signed(OWNER);
	let _ = match step {
		Step::Announce(who) => Grants::announce(signed(account(who)), [who; 32]),
		Step::WithdrawRecipient(who) => Grants::withdraw_recipient(signed(account(who))),
		Step::NextEpoch(key) => Grants::set_recipient(owner(), PRIVATE, [key; 32]),
		Step::Offer(price) => Grants::offer(owner(), PRIVATE, Purpose::Retrieve, price.map(Balance::from)),
		Step::Request(who, train) => Grants::request(signed(account(who)), PRIVATE, purpose(train), 10_000),
		Step::WithdrawRequest(who, train) => {
			Grants::withdraw_request(signed(account(who)), PRIVATE, purpose(train))
		}
		Step::Refuse(who, train) => Grants::refuse(owner(), PRIVATE, account(who), purpose(train)),
		Step::Grant(who, train, bytes) => {
			Grants::grant(owner(), PRIVATE, account(who), purpose(train), capsule(bytes))
		}
		Step::Revoke(who, train) => Grants::revoke(owner(), PRIVATE, account(who), purpose(train)),
		Step::Renounce(who, train) => Grants::renounce(signed(account(who)), PRIVATE, purpose(train)),
		Step::Contribute(number) => {
			if Datanets::holder_of(PRIVATE, [number; 32]).is_none() {
				contribute(PRIVATE, number);
			}
			Ok(())
		}
		Step::Claim => Attribution::claim(signed(CONTRIBUTOR), VaultKey::Pool(PRIVATE)),
	};
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(128))]
	#[test]
	fn every_planck_is_accounted_for_when_calls_come_in_any_order(
		steps in proptest::collection::vec(step(), 1..80)
	) {
		test(|| {
			for step in steps {
				carry_out(step);
				check();
			}
			// Whatever is ended gives everything back that was held for it.
			for number in 3..6 {
				for train in [true, false] {
					carry_out(Step::WithdrawRequest(number, train));
					carry_out(Step::Revoke(number, train));
				}
				carry_out(Step::WithdrawRecipient(number));
				for reason in [HoldReason::Deposit, HoldReason::Price] {
					assert_eq!(held(reason, &account(number)), 0);
				}
			}
		});
	}
}
