//! What the calls cost. The runtime has measured weights, which `scripts/benchmark-weights.sh` writes.

use polkadot_sdk::polkadot_sdk_frame::prelude::Weight;

/// Weights of the calls.
pub trait WeightInfo {
	/// `compose` with `a` adapters, `p` prompts, `d` DataNets, `t` tools and `s` skills.
	fn compose(a: u32, p: u32, d: u32, t: u32, s: u32) -> Weight;
	/// `recompose` with `a` adapters, `p` prompts, `d` DataNets, `t` tools and `s` skills.
	fn recompose(a: u32, p: u32, d: u32, t: u32, s: u32) -> Weight;
}

/// For tests: a picosecond for the call and one for each element of a list.
impl WeightInfo for () {
	fn compose(a: u32, p: u32, d: u32, t: u32, s: u32) -> Weight {
		Weight::from_parts(
			u64::from(a)
				.saturating_add(p.into())
				.saturating_add(d.into())
				.saturating_add(t.into())
				.saturating_add(s.into())
				.saturating_add(1),
			0,
		)
	}
	fn recompose(a: u32, p: u32, d: u32, t: u32, s: u32) -> Weight {
		Weight::from_parts(
			u64::from(a)
				.saturating_add(p.into())
				.saturating_add(d.into())
				.saturating_add(t.into())
				.saturating_add(s.into())
				.saturating_add(1),
			0,
		)
	}
}
