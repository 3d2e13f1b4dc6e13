//! What the calls cost. The runtime has measured weights, which `scripts/benchmark-weights.sh` writes.

use polkadot_sdk::polkadot_sdk_frame::prelude::Weight;

/// Weights of the calls.
pub trait WeightInfo {
	/// `register_base`.
	fn register_base() -> Weight;
	/// `register_adapter` with `p` parents, trained on `s` snapshots.
	fn register_adapter(p: u32, s: u32) -> Weight;
	/// `add_version` with `p` parents, trained on `s` snapshots.
	fn add_version(p: u32, s: u32) -> Weight;
	/// `set_evaluators` with `e` evaluators.
	fn set_evaluators(e: u32) -> Weight;
	/// `report`.
	fn report() -> Weight;
	/// `withdraw_report`.
	fn withdraw_report() -> Weight;
}

/// For tests: a picosecond for the call and one for each element of a list.
impl WeightInfo for () {
	fn register_base() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn register_adapter(p: u32, s: u32) -> Weight {
		Weight::from_parts(u64::from(p).saturating_add(s.into()).saturating_add(1), 0)
	}
	fn add_version(p: u32, s: u32) -> Weight {
		Weight::from_parts(u64::from(p).saturating_add(s.into()).saturating_add(1), 0)
	}
	fn set_evaluators(e: u32) -> Weight {
		Weight::from_parts(u64::from(e).saturating_add(1), 0)
	}
	fn report() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn withdraw_report() -> Weight {
		Weight::from_parts(1, 0)
	}
}
