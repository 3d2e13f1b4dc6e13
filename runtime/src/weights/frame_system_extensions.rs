//! Weights of the transaction extensions of `frame_system`: those that come with the SDK. scripts/benchmark-weights.sh replaces
//! this file.

use polkadot_sdk::*;

/// See the module.
pub type WeightInfo<T> = frame_system::SubstrateExtensionsWeight<T>;
