//! What the calls cost. The runtime has measured weights, which `scripts/benchmark-weights.sh` writes.

use polkadot_sdk::polkadot_sdk_frame::prelude::Weight;

/// Weights of the calls.
pub trait WeightInfo {
	/// `register`.
	fn register() -> Weight;
	/// `update`.
	fn update() -> Weight;
	/// `add_bond`.
	fn add_bond() -> Weight;
	/// `unbond`.
	fn unbond() -> Weight;
	/// `withdraw`.
	fn withdraw() -> Weight;
}

/// For tests: a picosecond for the call and one for each element of a list.
impl WeightInfo for () {
	fn register() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn update() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn add_bond() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn unbond() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn withdraw() -> Weight {
		Weight::from_parts(1, 0)
	}
}
