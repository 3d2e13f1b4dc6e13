//! Money is neither made nor lost, whatever happens in whatever order.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
	Bond(u8, Balance),
	Nominate(u8, u8, Balance),
	Unbond(u8, u8, Option<Balance>),
	Withdraw(u8, u8),
	Claim(u8, u8),
	ApplySlash(u8, u8),
	Slash(u8, u32, u32),
	Earn(Balance),
	Fee(Balance),
	Chill(u8),
	Resume(u8),
	Block,
	Session,
}

fn step() -> impl Strategy<Value = Step> {
	let (candidate, staker, amount) = (1u8..7, 1u8..12, 1..50_000u128);
	prop_oneof![
		1 => (candidate.clone(), amount.clone()).prop_map(|(who, amount)| Step::Bond(who, amount)),
		4 => (staker.clone(), candidate.clone(), amount.clone())
			.prop_map(|(who, candidate, amount)| Step::Nominate(who, candidate, amount)),
		3 => (staker.clone(), candidate.clone(), proptest::option::of(amount.clone()))
			.prop_map(|(who, candidate, amount)| Step::Unbond(who, candidate, amount)),
		2 => (staker.clone(), candidate.clone()).prop_map(|(who, candidate)| Step::Withdraw(who, candidate)),
		2 => (staker.clone(), candidate.clone()).prop_map(|(who, candidate)| Step::Claim(who, candidate)),
		2 => (staker, candidate.clone()).prop_map(|(who, candidate)| Step::ApplySlash(who, candidate)),
		2 => (candidate.clone(), 1u32..101, 0u32..3)
			.prop_map(|(candidate, percent, age)| Step::Slash(candidate, percent, age)),
		2 => amount.clone().prop_map(Step::Earn),
		2 => amount.prop_map(Step::Fee),
		1 => candidate.clone().prop_map(Step::Chill),
		1 => candidate.prop_map(Step::Resume),
		3 => Just(Step::Block),
		2 => Just(Step::Session),
	]
}

fn take(step: Step) {
	// Refused calls change nothing, which the checks after each step see too.
	let _ = match step {
		Step::Bond(who, amount) => bond(who, amount),
		Step::Nominate(who, candidate, amount) => nominate(who, candidate, amount),
		Step::Unbond(who, candidate, amount) => unbond(who, candidate, amount),
		Step::Withdraw(who, candidate) => withdraw(who, candidate),
		Step::Claim(who, candidate) => claim(who, candidate),
		Step::ApplySlash(who, candidate) => {
			Validators::apply_slash(signed(12), account(who), account(candidate))
		}
		Step::Slash(candidate, percent, age) => {
			slash(candidate, percent, Session::current_index().saturating_sub(age));
			Ok(())
		}
		Step::Earn(amount) => {
			earn(amount);
			Ok(())
		}
		Step::Fee(amount) => {
			use polkadot_sdk::frame_support::traits::{
				fungible::Balanced,
				tokens::{Fortitude, Precision, Preservation},
				OnUnbalanced,
			};
			let fee = Balances::withdraw(
				&account(20),
				amount,
				Precision::Exact,
				Preservation::Preserve,
				Fortitude::Polite,
			);
			ToTreasury::on_unbalanced(Validators::take_author_part(fee.unwrap()));
			Ok(())
		}
		Step::Chill(who) => Validators::chill(signed(who)),
		Step::Resume(who) => Validators::resume(signed(who)),
		Step::Block => {
			next_block();
			Ok(())
		}
		Step::Session => {
			next_session();
			Ok(())
		}
	};
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(96))]
	#[test]
	fn money_and_invariants_hold_when_anything_happens(steps in proptest::collection::vec(step(), 1..120)) {
		genesis(4).execute_with(|| {
			next_block();
			let (issued, mut earned) = (Balances::total_issuance(), 0);
			for step in steps {
				if let Step::Earn(amount) = step {
					earned += amount;
				}
				take(step.clone());
				let check = Validators::do_try_state();
				assert!(check.is_ok(), "{check:?} after {step:?}");
				let waiting = VAULT.with_borrow(|vault| vault.0);
				assert_eq!(Balances::total_issuance(), issued + earned - waiting, "{step:?}");
				assert!(Session::validators().len() >= 2);
			}
			// Everybody can leave with what is theirs.
			sessions(1);
			for candidate in 1..7 {
				for staker in (1..12).rev() {
					let _ = Validators::apply_slash(signed(12), account(staker), account(candidate));
					let _ = claim(staker, candidate);
					if staker != candidate {
						let _ = unbond(staker, candidate, None);
					}
				}
			}
			sessions(4);
			for candidate in 1..7 {
				for staker in 1..12 {
					if staker != candidate && Chunks::<Test>::contains_key(account(staker), account(candidate)) {
						assert_ok!(withdraw(staker, candidate));
					}
				}
			}
			Validators::do_try_state().unwrap();
			for staker in 7..12 {
				assert_eq!(Validators::held(&account(staker)), 0, "{staker}");
			}
		});
	}
}
