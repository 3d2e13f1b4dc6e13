//! Fuzz targets of the chain: random calls against the real runtime, and untrusted bytes against every decoder that
//! meets them. Each target is a function of bytes that panics when something is wrong; any engine can run it.

// The runtime's types are deeply nested.
#![recursion_limit = "256"]

mod bytes;
mod runtime;

use bytes::{batch, extrinsic, money, proof, record, voucher};
use tributary_fuzz_driver::Target;

/// All targets.
pub fn targets() -> Vec<Target> {
	let target = |name, longest, shares, run, seeds| Target { name, longest, shares, run, seeds };
	vec![
		target("runtime", 3_000, 12, runtime::run, runtime::seeds),
		target("extrinsic", 1_024, 2, extrinsic::run, extrinsic::seeds),
		target("voucher", 256, 1, voucher::run, voucher::seeds),
		target("record", 2_048, 1, record::run, record::seeds),
		target("batch", 4_096, 1, batch::run, batch::seeds),
		target("proof", 512, 1, proof::run, proof::seeds),
		target("money", 512, 1, money::run, money::seeds),
	]
}
