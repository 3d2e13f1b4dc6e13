//! What the calls cost. The runtime has measured weights, which `scripts/benchmark-weights.sh` writes.

use polkadot_sdk::polkadot_sdk_frame::prelude::Weight;

/// Weights of the calls.
pub trait WeightInfo {
	/// `set_price`.
	fn set_price() -> Weight;
	/// `transfer`.
	fn transfer() -> Weight;
	/// `set_holders` with `n` holders.
	fn set_holders(n: u32) -> Weight;
	/// `retire`.
	fn retire() -> Weight;
	/// `attach`.
	fn attach() -> Weight;
	/// `detach`.
	fn detach() -> Weight;
}

/// For tests: a picosecond for the call and one for each element of a list.
impl WeightInfo for () {
	fn set_price() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn transfer() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn set_holders(n: u32) -> Weight {
		Weight::from_parts(u64::from(n).saturating_add(1), 0)
	}
	fn retire() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn attach() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn detach() -> Weight {
		Weight::from_parts(1, 0)
	}
}
