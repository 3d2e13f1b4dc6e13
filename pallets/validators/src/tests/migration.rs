//! Chains that had no bonds.

use super::*;
use crate::migration::AdoptValidators;
use frame::traits::OnRuntimeUpgrade;
use polkadot_sdk::pallet_session;

/// A chain whose validators have no bonds, as the release before bonds had it.
fn before(test: impl FnOnce()) {
	genesis(0).execute_with(|| {
		let all: Vec<_> = [1, 2, 3].map(account).into();
		pallet_session::Validators::<Test>::put(&all);
		pallet_session::QueuedKeys::<Test>::put(
			[1, 2, 3].map(|number| (account(number), keys(number))).to_vec(),
		);
		CurrentTiming::<Test>::kill();
		Elected::<Test>::remove(0);
		Elected::<Test>::remove(1);
		SessionStarts::<Test>::remove(0);
		AdoptValidators::<Test>::on_runtime_upgrade();
		next_block();
		test();
		Validators::do_try_state().unwrap();
	});
}

#[test]
fn validators_stay_when_the_chain_is_upgraded() {
	before(|| {
		assert_eq!(Unbonded::<Test>::get().len(), 3);
		assert_eq!(Elected::<Test>::get(0).len(), 3);
		sessions(3);
		assert_eq!(Session::validators(), [1, 2, 3].map(account));
		// Rewards wait for somebody with stake.
		assert_eq!(VAULT.with_borrow(|vault| vault.1), 0);
	});
}

#[test]
fn validator_keeps_its_place_by_stake_when_it_bonds() {
	before(|| {
		assert_ok!(bond(2, MIN_BOND));
		assert_eq!(Unbonded::<Test>::get().len(), 2);
		assert_ok!(bond(5, 2 * MIN_BOND));
		sessions(2);
		assert_eq!(Session::validators(), [1, 3, 5, 2].map(account));
		assert_eq!(VAULT.with_borrow(|vault| vault.1), 1);
	});
}

#[test]
fn validator_without_bond_is_dismissed_when_admin_says_so() {
	before(|| {
		assert_noop!(Validators::dismiss(signed(1), account(1)), DispatchError::BadOrigin);
		assert_ok!(Validators::dismiss(RuntimeOrigin::root(), account(1)));
		assert_eq!(last_event(), Event::Dismissed { validator: account(1) });
		let again = Validators::dismiss(RuntimeOrigin::root(), account(2));
		assert_noop!(again, Error::<Test>::TooFewValidators);
		assert_noop!(bond(1, 10 * MIN_BOND), Error::<Test>::Jailed);
		sessions(2);
		assert_eq!(Session::validators(), [2, 3].map(account));
	});
}

#[test]
fn nothing_changes_when_the_migration_runs_again() {
	before(|| {
		assert_ok!(Validators::dismiss(RuntimeOrigin::root(), account(1)));
		AdoptValidators::<Test>::on_runtime_upgrade();
		assert_eq!(Unbonded::<Test>::get().len(), 2);
	});
}
