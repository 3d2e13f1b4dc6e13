//! What the calls cost. The runtime has measured weights, which `scripts/benchmark-weights.sh` writes.

use polkadot_sdk::polkadot_sdk_frame::prelude::Weight;

/// Weights of the calls.
pub trait WeightInfo {
	/// `open_channel`.
	fn open_channel() -> Weight;
	/// `top_up`.
	fn top_up() -> Weight;
	/// `set_session_key`.
	fn set_session_key() -> Weight;
	/// `close_channel`.
	fn close_channel() -> Weight;
	/// `withdraw_channel`.
	fn withdraw_channel() -> Weight;
	/// `submit_batch` of `c` channels and `a` agents, without what it credits, and without what
	/// [`WeightInfo::batch_parts`] and [`WeightInfo::batch_usage`] count.
	fn submit_batch(c: u32, a: u32) -> Weight;
	/// A batch of one channel and twelve agents that have together `m` adapters, `p` prompts and `t` tools, each called.
	fn batch_parts(m: u32, p: u32, t: u32) -> Weight;
	/// A batch in which channels name agents `u` times and their tools `t` times: only what each adds counts.
	fn batch_usage(u: u32, t: u32) -> Weight;
	/// `credit` of `b` batches with `c` credits to vaults.
	fn credit(b: u32, c: u32) -> Weight;
	/// `challenge`.
	fn challenge() -> Weight;
	/// `resolve` with `c` channels refunded and `s` steps of the oldest pending batch.
	fn resolve(c: u32, s: u32) -> Weight;
	/// `claim`.
	fn claim() -> Weight;
	/// `claim_earnings` with `s` siblings in the proof.
	fn claim_earnings(s: u32) -> Weight;
	/// `sweep_pool` with `s` siblings in the proof.
	fn sweep_pool(s: u32) -> Weight;
	/// `set_parameters`.
	fn set_parameters() -> Weight;
}

/// For tests: a picosecond for the call and one for each element of a list.
impl WeightInfo for () {
	fn open_channel() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn top_up() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn set_session_key() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn close_channel() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn withdraw_channel() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn submit_batch(c: u32, a: u32) -> Weight {
		Weight::from_parts(u64::from(c).saturating_add(a.into()).saturating_add(1), 0)
	}
	fn batch_parts(m: u32, p: u32, t: u32) -> Weight {
		let parts = u64::from(m).saturating_add(p.into()).saturating_add(t.into());
		Weight::from_parts(parts.saturating_add(1), 0)
	}
	fn batch_usage(u: u32, t: u32) -> Weight {
		Weight::from_parts(u64::from(u).saturating_add(t.into()).saturating_add(1), 0)
	}
	fn credit(b: u32, c: u32) -> Weight {
		Weight::from_parts(u64::from(b).saturating_add(c.into()).saturating_add(1), 0)
	}
	fn challenge() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn resolve(c: u32, s: u32) -> Weight {
		Weight::from_parts(u64::from(c).saturating_add(s.into()).saturating_add(1), 0)
	}
	fn claim() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn claim_earnings(s: u32) -> Weight {
		Weight::from_parts(u64::from(s).saturating_add(1), 0)
	}
	fn sweep_pool(s: u32) -> Weight {
		Weight::from_parts(u64::from(s).saturating_add(1), 0)
	}
	fn set_parameters() -> Weight {
		Weight::from_parts(1, 0)
	}
}
