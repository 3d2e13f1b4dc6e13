//! What tests and measurements need to run this runtime without a node: genesis states, and signed transactions.
//! Not part of the compiled runtime. Panics on wrong input.

use crate::{genesis_config_presets::get_preset, *};
use codec::Encode;
use serde_json::Value;
use sp_core::{sr25519::Pair, Pair as _};
use sp_runtime::{generic::Era, BuildStorage};

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

/// A preset's whole genesis configuration, as a node makes it.
pub fn genesis_config(preset: &str) -> RuntimeGenesisConfig {
	let patch = get_preset(&preset.into()).expect("the preset exists");
	let mut config = serde_json::to_value(RuntimeGenesisConfig::default()).expect("the default is JSON");
	merge(&mut config, serde_json::from_slice(&patch).expect("the preset is JSON"));
	serde_json::from_value(config).expect("the preset fits the runtime")
}

/// A preset's genesis state.
pub fn genesis(preset: &str) -> sp_storage::Storage {
	genesis_config(preset).build_storage().expect("the preset builds")
}

/// What a transaction that never expires carries besides its call; `tip` in planck.
pub fn extension(nonce: Nonce, tip: Balance) -> TxExtension {
	(
		frame_system::CheckNonZeroSender::new(),
		frame_system::CheckSpecVersion::new(),
		frame_system::CheckTxVersion::new(),
		frame_system::CheckGenesis::new(),
		frame_system::CheckEra::from(Era::Immortal),
		frame_system::CheckNonce::from(nonce),
		frame_system::CheckWeight::new(),
		pallet_transaction_payment::ChargeTransactionPayment::from(tip),
		frame_metadata_hash_extension::CheckMetadataHash::new(false),
		frame_system::WeightReclaim::new(),
	)
}

/// A transaction that `pair` signed for the chain whose state this runs in; `tip` in planck.
pub fn signed(pair: &Pair, nonce: Nonce, tip: Balance, call: RuntimeCall) -> UncheckedExtrinsic {
	let extension = extension(nonce, tip);
	let payload = SignedPayload::new(call, extension).expect("the extensions know their implicit parts");
	let signature = payload.using_encoded(|bytes| pair.sign(bytes));
	let (call, extension, _) = payload.deconstruct();
	UncheckedExtrinsic::new_signed(call, MultiAddress::Id(pair.public().into()), signature.into(), extension)
}
