//! What the calls cost. The runtime has measured weights, which `scripts/benchmark-weights.sh` writes.

use polkadot_sdk::polkadot_sdk_frame::prelude::Weight;

/// Weights of the calls.
pub trait WeightInfo {
	/// `create` with `c` curators.
	fn create(c: u32) -> Weight;
	/// `set_curators` with `c` curators.
	fn set_curators(c: u32) -> Weight;
	/// `contribute` with `n` texts.
	fn contribute(n: u32) -> Weight;
	/// `review` with `n` decisions.
	fn review(n: u32) -> Weight;
	/// `snapshot`.
	fn snapshot() -> Weight;
	/// `tombstone`.
	fn tombstone() -> Weight;
	/// `withdraw`.
	fn withdraw() -> Weight;
}

/// For tests: a picosecond for the call and one for each element of a list.
impl WeightInfo for () {
	fn create(c: u32) -> Weight {
		Weight::from_parts(u64::from(c).saturating_add(1), 0)
	}
	fn set_curators(c: u32) -> Weight {
		Weight::from_parts(u64::from(c).saturating_add(1), 0)
	}
	fn contribute(n: u32) -> Weight {
		Weight::from_parts(u64::from(n).saturating_add(1), 0)
	}
	fn review(n: u32) -> Weight {
		Weight::from_parts(u64::from(n).saturating_add(1), 0)
	}
	fn snapshot() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn tombstone() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn withdraw() -> Weight {
		Weight::from_parts(1, 0)
	}
}
