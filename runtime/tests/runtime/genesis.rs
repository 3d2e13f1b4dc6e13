//! The genesis presets.

use crate::common::{alice, bob, genesis};
use polkadot_sdk::{
	frame_support::{
		assert_noop, assert_ok,
		traits::{fungible::Inspect, IntegrityTest},
	},
	pallet_aura::Authorities,
	pallet_sudo,
	sp_runtime::{BuildStorage, DispatchError},
};
use tributary_runtime::{
	configs::Treasury, constants::*, delays, genesis_config_presets::*, testing::genesis_config,
	AllPalletsWithSystem, Balances, Delays, Grandpa, Runtime, RuntimeGenesisConfig, RuntimeOrigin, Session,
	System, Validators,
};

fn presets() -> Vec<String> {
	preset_names().iter().map(|id| id.to_string()).collect()
}

#[test]
fn presets_pass_all_integrity_tests_when_built() {
	assert_eq!(presets(), ["development", "local", "network"]);
	for preset in presets() {
		genesis(&preset).execute_with(|| {
			AllPalletsWithSystem::integrity_test();
			assert!(delays::InForce::<Runtime>::get().is_valid(), "{preset}");
			assert_eq!(Balances::total_balance(&alice()), 1_000_000 * TRB, "{preset}");
			assert!(Balances::free_balance(Treasury::get()) >= EXISTENTIAL_DEPOSIT, "{preset}");
		});
	}
}

#[test]
fn preset_is_absent_when_unknown() {
	assert_eq!(get_preset(&"mainnet".into()), None);
}

#[test]
fn development_has_one_validator_and_a_short_window_when_built() {
	genesis("development").execute_with(|| {
		assert_eq!(Session::validators(), [alice()]);
		assert_eq!(Authorities::<Runtime>::get().len(), 1);
		assert!(delays::InForce::<Runtime>::get().challenge_window <= 10);
		assert_eq!(pallet_sudo::Key::<Runtime>::get(), Some(alice()));
	});
}

#[test]
fn local_has_three_validators_when_built() {
	genesis("local").execute_with(|| {
		assert_eq!(Session::validators().len(), 3);
		assert_eq!(Authorities::<Runtime>::get().len(), 3);
		assert_eq!(Grandpa::grandpa_authorities().len(), 3);
	});
}

#[test]
fn sudo_key_is_unset_when_no_preset_is_used() {
	let config = RuntimeGenesisConfig::default();
	assert_eq!(config.sudo.key, None);
	assert!(config.delays.waits.challenge_window >= DAYS);
}

#[test]
#[should_panic(expected = "delays")]
fn genesis_is_refused_when_bonds_could_leave_before_batches_settle() {
	let mut config = genesis_config("development");
	config.delays.waits.unbonding_delay = config.delays.waits.challenge_window;
	let _ = config.build_storage();
}

#[test]
fn waits_change_when_root_says_so() {
	genesis("development").execute_with(|| {
		System::set_block_number(1);
		let waits = delays::Waits { challenge_window: 7, closing_delay: 7, unbonding_delay: 8 };
		assert_noop!(Delays::set(RuntimeOrigin::signed(bob()), waits), DispatchError::BadOrigin);
		assert_ok!(Delays::set(RuntimeOrigin::root(), waits));
		assert_eq!(Delays::in_force(), waits);
		System::assert_last_event(delays::Event::Changed { waits }.into());
	});
}

#[test]
fn waits_are_refused_when_too_short() {
	genesis("development").execute_with(|| {
		for (challenge_window, closing_delay, unbonding_delay) in [(0, 1, 1), (5, 4, 6), (5, 5, 5)] {
			let waits = delays::Waits { challenge_window, closing_delay, unbonding_delay };
			assert_noop!(Delays::set(RuntimeOrigin::root(), waits), delays::Error::<Runtime>::TooShort);
		}
	});
}

#[test]
fn validators_are_bonded_when_a_preset_is_built() {
	for (preset, count) in [("development", 1), ("local", 3), ("network", 4)] {
		genesis(preset).execute_with(|| {
			assert_eq!(Session::validators().len(), count, "{preset}");
			for view in Validators::validators() {
				assert_eq!((view.own, view.active, view.keys), (10_000 * TRB, true, true), "{preset}");
			}
		});
	}
}
