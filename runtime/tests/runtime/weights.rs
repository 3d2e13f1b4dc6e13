//! Declared weights and lengths against the block's limits, and that every call has a measured weight.

use codec::Encode;
use polkadot_sdk::{
	frame_support::{
		dispatch::{DispatchClass, GetDispatchInfo},
		traits::{GetCallMetadata, PalletsInfoAccess},
		weights::Weight,
	},
	frame_system,
	sp_runtime::AccountId32,
};
use std::{
	collections::{BTreeMap, BTreeSet},
	fs,
	path::Path,
};
use tributary_primitives::limits::{MAX_AGENTS_PER_BATCH, MAX_AGENT_TOOLS, MAX_RECORDS_PER_BATCH};
use tributary_runtime::{constants::*, AllPalletsWithSystem, Runtime, RuntimeCall};

/// Most weight that one ordinary transaction may have.
fn most() -> Weight {
	let weights = <Runtime as frame_system::Config>::BlockWeights::get();
	weights.get(DispatchClass::Normal).max_extrinsic.expect("ordinary transactions are limited")
}

/// This project's pallets: the name in the runtime, and that of the crate or module.
fn own_pallets() -> BTreeMap<&'static str, &'static str> {
	let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pallets");
	let own: BTreeSet<String> = fs::read_dir(folder)
		.expect("the pallets are beside the runtime")
		.map(|entry| format!("pallet_{}", entry.expect("it can be read").file_name().to_string_lossy()))
		.chain(["crate::delays".to_string(), "delays".to_string()])
		.collect();
	AllPalletsWithSystem::infos()
		.into_iter()
		.filter(|info| own.contains(info.module_name))
		.map(|info| (info.name, info.module_name.trim_start_matches("crate::")))
		.collect()
}

/// Names of the functions in a source file, in order.
fn functions(source: &str) -> impl Iterator<Item = &str> {
	let name = |line: &'_ str| -> Option<usize> { line.find(['(', '<']) };
	source
		.lines()
		.filter_map(|line| line.trim_start().strip_prefix("fn "))
		.filter_map(move |line| name(line).map(|end| &line[..end]))
}

/// Names of the benchmarks in a source file: each mark is of the function after it.
fn benchmarks(source: &str) -> BTreeSet<&str> {
	source.split("#[benchmark").skip(1).filter_map(|rest| functions(rest).next()).collect()
}

fn read(path: &str) -> String {
	let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
	fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_call_has_a_benchmark_and_its_weight() {
	let own = own_pallets();
	assert!(own.len() >= 10, "{own:?}");
	for (name, module) in own {
		let source = match module.strip_prefix("pallet_") {
			Some(folder) => read(&format!("../pallets/{folder}/src/benchmarking.rs")),
			None => read(&format!("src/{module}.rs")),
		};
		let benchmarks = benchmarks(&source);
		let weights = read(&format!("src/weights/{module}.rs"));
		for call in RuntimeCall::get_call_names(name) {
			assert!(benchmarks.contains(call), "{module} has no benchmark of `{call}`: write one");
			let measured = functions(&weights).any(|measured| measured == *call);
			assert!(measured, "`{call}` of {module} was not measured: run scripts/benchmark-weights.sh");
		}
	}
}

#[test]
fn every_call_fits_a_block_when_it_is_the_largest() {
	let mut seen = BTreeSet::new();
	for call in crate::largest::calls() {
		let metadata = call.get_call_metadata();
		let weight = call.get_dispatch_info().call_weight;
		assert!(weight.ref_time() > 0, "{metadata:?} costs nothing");
		assert!(weight.all_lte(most()), "{metadata:?}: {weight} of {}", most());
		let length = call.encoded_size() as u32;
		assert!(length < NORMAL_RATIO * BLOCK_BYTES, "{metadata:?}: {length} bytes");
		seen.insert((metadata.pallet_name, metadata.function_name));
	}
	let own = own_pallets();
	let all = own.keys().flat_map(|name| RuntimeCall::get_call_names(name).iter().map(|call| (*name, *call)));
	let missing: Vec<_> = all.filter(|call| !seen.contains(call)).collect();
	assert!(
		missing.is_empty(),
		"runtime/tests/runtime/largest lacks {missing:?}: add the largest call of each"
	);
}

#[test]
fn batch_declares_at_most_7_us_an_inference_when_full_of_records() {
	// 5 µs are the goal, which agents as large as they may be miss: docs/benchmarks.md says by how much and why.
	// 32 payers with 128 records each, on two of eight agents.
	let RuntimeCall::Attribution(pallet_attribution::Call::submit_batch { header, agents, charges }) =
		crate::largest::batch(2, 0)
	else {
		unreachable!("`batch` makes a batch")
	};
	let call = RuntimeCall::Attribution(pallet_attribution::Call::submit_batch {
		header,
		agents: agents[..8].to_vec().try_into().expect("fewer"),
		charges: charges[..32].to_vec().try_into().expect("fewer"),
	});
	let weight = call.get_dispatch_info().call_weight.ref_time();
	assert!(weight / u64::from(MAX_RECORDS_PER_BATCH) <= 7_000_000, "{weight} ps");
	let length = call.encoded_size() as u32;
	assert!(length / MAX_RECORDS_PER_BATCH <= 2, "{length} bytes");
}

#[test]
fn batch_costs_more_when_anything_in_it_is_more() {
	let weight = |call: RuntimeCall| call.get_dispatch_info().call_weight.ref_time();
	let largest = weight(crate::largest::batch(MAX_AGENTS_PER_BATCH, MAX_AGENT_TOOLS));
	assert!(weight(crate::largest::batch(1, MAX_AGENT_TOOLS)) < largest);
	let RuntimeCall::Attribution(pallet_attribution::Call::submit_batch { header, agents, charges }) =
		crate::largest::batch(MAX_AGENTS_PER_BATCH, MAX_AGENT_TOOLS)
	else {
		unreachable!("`batch` makes a batch")
	};
	let fewer = RuntimeCall::Attribution(pallet_attribution::Call::submit_batch {
		header,
		agents: agents[..1].to_vec().try_into().expect("fewer"),
		charges: charges.clone(),
	});
	assert!(weight(fewer) < largest);
	let fewer = RuntimeCall::Attribution(pallet_attribution::Call::submit_batch {
		header,
		agents,
		charges: charges[..1].to_vec().try_into().expect("fewer"),
	});
	assert!(weight(fewer) < largest);
}

#[test]
fn credit_fits_a_block_when_its_limit_is_absurd() {
	let worker = AccountId32::new([1; 32]);
	let call = RuntimeCall::Attribution(pallet_attribution::Call::credit { worker, limit: u32::MAX });
	assert!(call.get_dispatch_info().call_weight.all_lte(most()));
}
