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

#[cfg(test)]
mod tests {
	use super::*;
	use std::path::Path;
	use tributary_fuzz_driver::{load, mutate, run_once, Random, Trace};

	/// Calls that need keys, books or the right state: where none of them is ever good, fuzzing looks at the surface.
	const DEEP: [(&str, &str); 18] = [
		("Attribution", "submit_batch"),
		("Attribution", "claim"),
		("Attribution", "claim_earnings"),
		("Attribution", "sweep_pool"),
		("Attribution", "resolve"),
		("Agents", "compose"),
		("Adapters", "report"),
		("Datanets", "review"),
		("Grants", "grant"),
		("Session", "set_keys"),
		("Validators", "bond"),
		("Validators", "nominate"),
		("Validators", "unbond"),
		("Validators", "withdraw_unbonded"),
		("Validators", "apply_slash"),
		("Validators", "claim"),
		("Validators", "report_equivocation"),
		("Grandpa", "report_equivocation"),
	];

	#[test]
	fn kept_inputs_pass_when_they_are_replayed() {
		for target in targets() {
			let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
			let kept = load(&folder).unwrap();
			assert!(!kept.is_empty(), "no input of {} is kept", target.name);
			for input in kept.into_iter().chain((target.seeds)()) {
				let outcome = run_once(&target, &input, &mut Trace::default());
				assert_eq!(outcome, Ok(()), "{}", target.name);
			}
		}
	}

	#[test]
	fn deep_calls_are_good_when_the_runtime_is_fuzzed() {
		let target = targets().remove(0);
		let (mut random, mut trace) = (Random::new(1), Trace::default());
		let pool = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/runtime")).unwrap();
		for _ in 0..200 {
			let (one, other) = (&pool[random.below(pool.len())], &pool[random.below(pool.len())]);
			let input = mutate(&mut random, one, other, target.longest);
			assert_eq!(run_once(&target, &input, &mut trace), Ok(()));
		}
		for call in DEEP {
			let outcomes = trace.calls().get(&call).copied().unwrap_or_default();
			assert!(outcomes.good > 0, "{call:?} was never good in {} calls", trace.total());
		}
	}
}
