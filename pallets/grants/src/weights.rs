//! What the calls cost. The runtime has measured weights, which `scripts/benchmark-weights.sh` writes.

use polkadot_sdk::polkadot_sdk_frame::prelude::Weight;

/// Weights of the calls.
pub trait WeightInfo {
	/// `announce`.
	fn announce() -> Weight;
	/// `withdraw_recipient`.
	fn withdraw_recipient() -> Weight;
	/// `set_recipient`.
	fn set_recipient() -> Weight;
	/// `offer`.
	fn offer() -> Weight;
	/// `request`.
	fn request() -> Weight;
	/// `withdraw_request`.
	fn withdraw_request() -> Weight;
	/// `refuse`.
	fn refuse() -> Weight;
	/// `grant`.
	fn grant() -> Weight;
	/// `revoke`.
	fn revoke() -> Weight;
	/// `renounce`.
	fn renounce() -> Weight;
}

/// For tests: a picosecond for the call and one for each element of a list.
impl WeightInfo for () {
	fn announce() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn withdraw_recipient() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn set_recipient() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn offer() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn request() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn withdraw_request() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn refuse() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn grant() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn revoke() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn renounce() -> Weight {
		Weight::from_parts(1, 0)
	}
}
