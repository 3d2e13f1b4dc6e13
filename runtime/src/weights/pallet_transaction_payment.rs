//! Weights of `pallet_transaction_payment`: those that come with the SDK. scripts/benchmark-weights.sh replaces
//! this file.

use polkadot_sdk::*;

/// See the module.
pub type WeightInfo<T> = pallet_transaction_payment::weights::SubstrateWeight<T>;
