//! Fuzz targets of the chain: random calls against the real runtime, and untrusted bytes against every decoder that
//! meets them. Each target is a function of bytes that panics when something is wrong; any engine can run it.

// The runtime's types are deeply nested.
#![recursion_limit = "256"]

mod runtime;

use tributary_fuzz_driver::Target;

/// All targets.
pub fn targets() -> Vec<Target> {
	vec![Target { name: "runtime", longest: 3_000, shares: 6, run: runtime::run, seeds: runtime::seeds }]
}
