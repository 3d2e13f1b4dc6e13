//! Tests of every call and every error.

mod candidates;
mod conservation;
mod elections;
mod equivocations;
mod liveness;
mod migration;
mod rewards;
mod slashing;
mod stake;

use crate::{mock::*, *};
use frame::testing_prelude::*;
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::Perbill};
use tributary_primitives::Balance;

fn signed(number: u8) -> RuntimeOrigin {
	RuntimeOrigin::signed(account(number))
}

fn bond(number: u8, amount: Balance) -> DispatchResult {
	Validators::bond(signed(number), amount, COMMISSION)
}

fn nominate(number: u8, candidate: u8, amount: Balance) -> DispatchResult {
	Validators::nominate(signed(number), account(candidate), amount)
}

fn unbond(number: u8, candidate: u8, amount: Option<Balance>) -> DispatchResult {
	Validators::unbond(signed(number), account(candidate), amount)
}

fn withdraw(number: u8, candidate: u8) -> DispatchResult {
	Validators::withdraw_unbonded(signed(number), account(candidate))
}

fn claim(number: u8, candidate: u8) -> DispatchResult {
	Validators::claim(signed(number), account(candidate))
}

fn staked(number: u8, candidate: u8) -> Balance {
	Validators::staked(&account(number), &account(candidate))
}

/// Slashes a candidate as an offence in a session does.
fn slash(candidate: u8, percent: u32, session: u32) {
	let exposure = Exposure { stake: Validators::pool_stake(&account(candidate)) };
	Validators::punish(&account(candidate), exposure, Perbill::from_percent(percent), session);
}

fn events() -> Vec<Event<Test>> {
	System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::Validators(event) => Some(event),
			_ => None,
		})
		.collect()
}

fn last_event() -> Event<Test> {
	events().pop().unwrap()
}

fn sessions(count: u32) {
	for _ in 0..count {
		next_session();
	}
}

/// Pays the stakers' fee share.
fn earn(amount: Balance) {
	VAULT.with_borrow_mut(|vault| vault.0 += amount);
}
