//! What the calls cost. The runtime has measured weights, which `scripts/benchmark-weights.sh` writes.

use polkadot_sdk::polkadot_sdk_frame::prelude::Weight;

/// Weights of the calls.
pub trait WeightInfo {
	/// `bond`.
	fn bond() -> Weight;
	/// `nominate`.
	fn nominate() -> Weight;
	/// `unbond`.
	fn unbond() -> Weight;
	/// `withdraw_unbonded`.
	fn withdraw_unbonded() -> Weight;
	/// `set_commission`.
	fn set_commission() -> Weight;
	/// `chill`.
	fn chill() -> Weight;
	/// `resume`.
	fn resume() -> Weight;
	/// `claim`.
	fn claim() -> Weight;
	/// `claim_for`.
	fn claim_for() -> Weight;
	/// `apply_slash`.
	fn apply_slash() -> Weight;
	/// `report_equivocation`, with its slash.
	fn report_equivocation() -> Weight;
	/// `report_equivocation_unsigned`, with its slash and the check before it.
	fn report_equivocation_unsigned() -> Weight;
	/// `set_timing`.
	fn set_timing() -> Weight;
	/// `dismiss`.
	fn dismiss() -> Weight;
	/// What every block costs: its author is noted and credited.
	fn block_hooks() -> Weight;
}

/// For tests: a picosecond each.
impl WeightInfo for () {
	fn bond() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn nominate() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn unbond() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn withdraw_unbonded() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn set_commission() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn chill() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn resume() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn claim() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn claim_for() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn apply_slash() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn report_equivocation() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn report_equivocation_unsigned() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn set_timing() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn dismiss() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn block_hooks() -> Weight {
		Weight::from_parts(1, 0)
	}
}
