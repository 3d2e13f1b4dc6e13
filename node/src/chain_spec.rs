// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! The chains that the node knows by name.

use polkadot_sdk::{
	sc_service::{ChainType, GenericChainSpec, Properties},
	sp_genesis_builder::DEV_RUNTIME_PRESET,
};
use tributary_runtime::{
	constants::{SS58_PREFIX, TOKEN_DECIMALS, TOKEN_SYMBOL},
	genesis_config_presets::{LOCAL_RUNTIME_PRESET, NETWORK_RUNTIME_PRESET},
	WASM_BINARY,
};

/// Chain specification without extensions.
pub type ChainSpec = GenericChainSpec;

/// One authority, Alice, and windows of a few blocks.
pub fn development() -> Result<ChainSpec, String> {
	named("Tributary Development", "tributary_dev", ChainType::Development, DEV_RUNTIME_PRESET)
}

/// Three validators, Alice, Bob and Charlie.
pub fn local() -> Result<ChainSpec, String> {
	named("Tributary Local", "tributary_local", ChainType::Local, LOCAL_RUNTIME_PRESET)
}

/// Four validators, Alice, Bob, Charlie and Dave, and sessions of ten blocks.
pub fn network() -> Result<ChainSpec, String> {
	named("Tributary Network", "tributary_network", ChainType::Local, NETWORK_RUNTIME_PRESET)
}

fn named(name: &str, id: &str, chain_type: ChainType, preset: &str) -> Result<ChainSpec, String> {
	let wasm = WASM_BINARY.ok_or(
		"this node was built with SKIP_WASM_BUILD and has no runtime inside; build it without, or give \
		 --chain a raw chain specification file",
	)?;
	let mut properties = Properties::new();
	properties.insert("tokenSymbol".into(), TOKEN_SYMBOL.into());
	properties.insert("tokenDecimals".into(), TOKEN_DECIMALS.into());
	properties.insert("ss58Format".into(), SS58_PREFIX.into());
	Ok(ChainSpec::builder(wasm, None)
		.with_name(name)
		.with_id(id)
		.with_protocol_id("tributary")
		.with_chain_type(chain_type)
		.with_genesis_config_preset_name(preset)
		.with_properties(properties)
		.build())
}
