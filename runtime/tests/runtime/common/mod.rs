//! Chain states made from the genesis presets, as the node makes them.

pub mod blocks;
pub mod time;

use polkadot_sdk::{sp_io::TestExternalities, sp_keyring::Sr25519Keyring, sp_runtime::BuildStorage};
use serde_json::Value;
use tributary_runtime::{genesis_config_presets::get_preset, AccountId, RuntimeGenesisConfig, RuntimeOrigin};

/// Puts `patch` over `base`: objects merge, everything else replaces.
fn merge(base: &mut Value, patch: Value) {
	match (base, patch) {
		(Value::Object(base), Value::Object(patch)) => {
			for (key, value) in patch {
				merge(base.entry(key).or_insert(Value::Null), value);
			}
		}
		(base, patch) => *base = patch,
	}
}

/// The preset's whole genesis configuration.
pub fn config(preset: &str) -> RuntimeGenesisConfig {
	let patch = get_preset(&preset.into()).expect("the preset exists");
	let mut config = serde_json::to_value(RuntimeGenesisConfig::default()).expect("the default is JSON");
	merge(&mut config, serde_json::from_slice(&patch).expect("the preset is JSON"));
	serde_json::from_value(config).expect("the preset fits the runtime")
}

/// The preset's genesis state.
pub fn genesis(preset: &str) -> TestExternalities {
	config(preset).build_storage().expect("the preset builds").into()
}

/// Alice's account.
pub fn alice() -> AccountId {
	Sr25519Keyring::Alice.to_account_id()
}

/// Bob's account.
pub fn bob() -> AccountId {
	Sr25519Keyring::Bob.to_account_id()
}

/// Charlie's account.
pub fn charlie() -> AccountId {
	Sr25519Keyring::Charlie.to_account_id()
}

/// Origin of Alice's transactions.
pub fn by_alice() -> RuntimeOrigin {
	RuntimeOrigin::signed(alice())
}

/// Origin of Bob's transactions.
pub fn by_bob() -> RuntimeOrigin {
	RuntimeOrigin::signed(bob())
}

/// Origin of what the whole technical committee agreed to.
pub fn by_committee() -> RuntimeOrigin {
	polkadot_sdk::pallet_collective::RawOrigin::Members(3, 3).into()
}
