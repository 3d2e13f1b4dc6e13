// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! That no call is forgotten: each has a scenario, or a reason to have none.

use super::{calls::Scenario, Result};
use polkadot_sdk::frame_support::traits::GetCallMetadata;
use std::collections::BTreeSet;
use tributary_runtime::RuntimeCall;

/// Pallets, or single calls as `pallet.call`, that have no scenario.
struct Exemption {
	/// Why.
	reason: &'static str,
	/// Their names, in lower case.
	names: &'static [&'static str],
}

const EXEMPTIONS: [Exemption; 1] = [Exemption {
	reason: "it comes with the SDK, as does its weight",
	names: &[
		"system",
		"timestamp",
		"session",
		"grandpa",
		"balances",
		"sudo",
		"utility",
		"multisig",
		"proxy",
		"preimage",
		"scheduler",
		"convictionvoting",
		"referenda",
		"treasury",
		"technicalcommittee",
		"safemode",
		"txpause",
		"parameters",
	],
}];

/// Fails with a line for each call of the runtime that has neither a scenario nor a reason to have none, and for
/// each scenario and exemption that is of no such call.
pub fn check(scenarios: &[Scenario]) -> Result<()> {
	let names: Vec<_> = scenarios.iter().map(|scenario| scenario.name).collect();
	let faults = faults(&calls(), &names, &EXEMPTIONS);
	if faults.is_empty() {
		Ok(())
	} else {
		Err(faults.join("\n").into())
	}
}

/// All calls of the runtime, as `pallet.call`.
fn calls() -> BTreeSet<String> {
	RuntimeCall::get_module_names()
		.iter()
		.flat_map(|pallet| {
			let name = move |call: &&str| format!("{}.{call}", pallet.to_lowercase());
			RuntimeCall::get_call_names(pallet).iter().map(name)
		})
		.collect()
}

fn faults(calls: &BTreeSet<String>, scenarios: &[&str], exemptions: &[Exemption]) -> Vec<String> {
	let is_of = |call: &str, name: &str| {
		call == name || call.split_once('.').is_some_and(|(pallet, _)| pallet == name)
	};
	let is_exempt =
		|call: &str| exemptions.iter().any(|exemption| exemption.names.iter().any(|name| is_of(call, name)));
	let forgotten =
		calls.iter().filter(|call| !scenarios.contains(&call.as_str()) && !is_exempt(call)).map(|call| {
			format!("{call} has no scenario: write one in weights/calls, or say in weights/coverage why not")
		});
	let unknown = scenarios
		.iter()
		.filter(|name| !calls.contains(**name))
		.map(|name| format!("the scenario {name} is of no call of the runtime: rename or remove it"));
	let idle = exemptions.iter().flat_map(|Exemption { reason, names }| {
		names
			.iter()
			.filter(|name| !calls.iter().any(|call| is_of(call, name) && !scenarios.contains(&call.as_str())))
			.map(move |name| format!("{name} needs no exemption ({reason}): remove it"))
	});
	forgotten.chain(unknown).chain(idle).collect()
}

#[cfg(test)]
mod tests {
	use super::*;

	const EXEMPT: [Exemption; 1] = [Exemption { reason: "a test", names: &["a", "b.two"] }];

	fn found(calls: &[&str], scenarios: &[&str]) -> Vec<String> {
		let calls = calls.iter().map(|call| call.to_string()).collect();
		faults(&calls, scenarios, &EXEMPT)
	}

	#[test]
	fn coverage_holds_when_the_runtime_is_ours() {
		let outcome = check(&crate::weights::calls::all());
		assert!(outcome.is_ok(), "{outcome:?}");
	}

	#[test]
	fn coverage_holds_when_each_call_has_a_scenario_or_an_exemption() {
		assert!(found(&["a.one", "a.two", "b.one", "b.two"], &["b.one"]).is_empty());
	}

	#[test]
	fn coverage_fails_when_a_call_has_neither_scenario_nor_exemption() {
		let faults = found(&["a.one", "b.one", "b.two", "c.one"], &["b.one"]);
		assert_eq!(faults.len(), 1);
		assert!(faults[0].starts_with("c.one "), "{faults:?}");
	}

	#[test]
	fn coverage_fails_when_a_scenario_is_of_no_call() {
		let faults = found(&["a.one", "b.two"], &["b.one"]);
		assert_eq!(faults.len(), 1);
		assert!(faults[0].contains("b.one"), "{faults:?}");
	}

	#[test]
	fn coverage_fails_when_an_exemption_is_idle() {
		// One of a call with a scenario, one of no call.
		assert_eq!(found(&["b.two"], &["b.two"]).len(), 2);
	}
}
