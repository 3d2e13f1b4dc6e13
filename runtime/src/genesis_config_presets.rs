//! Genesis states that the node can start from by name. All are for development and tests: their keys are
//! public, and their sudo key is Alice's.

use crate::{
	configs::{Treasury, ValidatorsPot},
	constants::*,
	delays::Waits,
	*,
};
use alloc::{vec, vec::Vec};
use frame_support::build_struct_json_patch;
use pallet_validators::Timing;
use serde_json::Value;
use sp_genesis_builder::{PresetId, DEV_RUNTIME_PRESET};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

/// Three validators, Alice, Bob and Charlie, on one machine or network.
pub const LOCAL_RUNTIME_PRESET: &str = "local";
/// Four validators, Alice, Bob, Charlie and Dave, with sessions of ten blocks: for tests of networks.
pub const NETWORK_RUNTIME_PRESET: &str = "network";

/// Balance of each well-known account at genesis, planck.
const ENDOWMENT: Balance = 1_000_000 * TRB;
/// Bond of each validator at genesis, planck.
const BOND: Balance = 10_000 * TRB;
/// Commission of each validator at genesis, ppm.
const COMMISSION: u32 = 100_000;

/// Alice to Ferdie, and their stashes.
fn accounts() -> Vec<AccountId> {
	Sr25519Keyring::iter()
		.filter(|key| !matches!(key, Sr25519Keyring::One | Sr25519Keyring::Two))
		.map(|key| key.to_account_id())
		.collect()
}

fn validator(name: Sr25519Keyring, finality: Ed25519Keyring) -> (AccountId, AccountId, SessionKeys) {
	let keys = SessionKeys { aura: name.public().into(), grandpa: finality.public().into() };
	(name.to_account_id(), name.to_account_id(), keys)
}

fn genesis(validators: Vec<(AccountId, AccountId, SessionKeys)>, waits: Waits, timing: Timing) -> Value {
	let mut balances: Vec<_> = accounts().into_iter().map(|account| (account, ENDOWMENT)).collect();
	// So that the first fees and rewards, however small, have an account to go to.
	let pot = sp_runtime::traits::AccountIdConversion::into_account_truncating(&ValidatorsPot::get());
	balances.extend([Treasury::get(), pot].map(|account| (account, EXISTENTIAL_DEPOSIT)));
	let committee = [Sr25519Keyring::Alice, Sr25519Keyring::Bob, Sr25519Keyring::Charlie];
	let committee: Vec<_> = committee.iter().map(|key| key.to_account_id()).collect();
	let candidates: Vec<_> =
		validators.iter().map(|(account, ..)| (account.clone(), BOND, COMMISSION)).collect();
	build_struct_json_patch!(RuntimeGenesisConfig {
		balances: BalancesConfig { balances },
		session: SessionConfig { keys: validators },
		sudo: SudoConfig { key: Some(Sr25519Keyring::Alice.to_account_id()) },
		technical_committee: TechnicalCommitteeConfig { members: committee },
		delays: DelaysConfig { waits },
		validators: ValidatorsConfig { candidates, timing },
	})
}

/// Alice alone; a batch is credited after five blocks.
fn development() -> Value {
	genesis(
		vec![validator(Sr25519Keyring::Alice, Ed25519Keyring::Alice)],
		Waits { challenge_window: 5, closing_delay: 10, unbonding_delay: 10 },
		// The block that begins a session has no room for transactions: not too often.
		Timing { unbonding_sessions: 2, ..Default::default() },
	)
}

/// Alice, Bob and Charlie; a batch is credited after five minutes.
fn local() -> Value {
	genesis(
		vec![
			validator(Sr25519Keyring::Alice, Ed25519Keyring::Alice),
			validator(Sr25519Keyring::Bob, Ed25519Keyring::Bob),
			validator(Sr25519Keyring::Charlie, Ed25519Keyring::Charlie),
		],
		Waits { challenge_window: 50, closing_delay: 100, unbonding_delay: 100 },
		Timing { session_blocks: 100, unbonding_sessions: 6 },
	)
}

/// Alice, Bob, Charlie and Dave; everything changes within minutes.
fn network() -> Value {
	genesis(
		vec![
			validator(Sr25519Keyring::Alice, Ed25519Keyring::Alice),
			validator(Sr25519Keyring::Bob, Ed25519Keyring::Bob),
			validator(Sr25519Keyring::Charlie, Ed25519Keyring::Charlie),
			validator(Sr25519Keyring::Dave, Ed25519Keyring::Dave),
		],
		Waits { challenge_window: 5, closing_delay: 10, unbonding_delay: 10 },
		Timing { session_blocks: 10, unbonding_sessions: 6 },
	)
}

/// The preset's JSON, `None` when there is no such preset.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
	let patch = match id.as_ref() {
		DEV_RUNTIME_PRESET => development(),
		LOCAL_RUNTIME_PRESET => local(),
		NETWORK_RUNTIME_PRESET => network(),
		_ => return None,
	};
	serde_json::to_vec(&patch).ok()
}

/// Names of the presets.
pub fn preset_names() -> Vec<PresetId> {
	vec![DEV_RUNTIME_PRESET.into(), LOCAL_RUNTIME_PRESET.into(), NETWORK_RUNTIME_PRESET.into()]
}
