//! What settling costs: arithmetic, not time.

use super::*;
use crate::Charges;

const PICOSECONDS_PER_MICROSECOND: f64 = 1_000_000.0;

/// Charges of `channels`, each using `agents` agents and each of these `tools`.
fn charges(channels: u16, agents: u8, tools: &[(u8, u32)]) -> Charges {
	let usage: Vec<_> = (0..agents).map(|agent| (agent, 1, 1)).collect();
	let mut charge = charge_by(1, voucher(1, 0, 1), &usage);
	charge.usage.iter_mut().for_each(|usage| usage.calls = calls(tools));
	vec![charge; channels.into()].try_into().unwrap()
}

/// Declared weight in µs and bytes of the call, for a batch of `records` with 8 agents.
fn cost(records: u32, channels: u8) -> (f64, usize) {
	let agents: Vec<_> = (0..8).map(|id| AssetRef { asset: 100_000 + id, version: 9 }.into()).collect();
	let per_usage = records / (u32::from(channels) * 8);
	let usage: Vec<_> = (0..8).map(|agent| (agent, per_usage, 1_234_567_890)).collect();
	let charges: Vec<_> =
		(0..channels).map(|seed| charge_by(seed, voucher(seed, 70_000, 98_765_432_109), &usage)).collect();
	let head = header(1_000, &charges, SumNode { hash: [3; 32], sum: 1 << 60 });
	assert_eq!(head.records, records);
	let call = crate::Call::<Test>::submit_batch {
		header: head,
		agents: agents.try_into().unwrap(),
		charges: charges.try_into().unwrap(),
	};
	let weight = call.get_dispatch_info().call_weight.ref_time() as f64 / PICOSECONDS_PER_MICROSECOND;
	// Pallet index and call; the rest of an extrinsic is its signature and extensions.
	(weight, call.encoded_size() + 1)
}

#[test]
fn settling_stays_below_the_goal_when_a_batch_is_full() {
	run(|| {
		for (records, channels) in [(64, 8), (4_096, 32)] {
			let (weight, bytes) = cost(records, channels);
			let (each, size) = (weight / f64::from(records), bytes as f64 / f64::from(records));
			println!("{records} records, {channels} channels, 8 agents: {each:.2} µs, {size:.2} bytes each");
		}
		let (weight, bytes) = cost(4_096, 32);
		assert!(weight <= 5.0 * 4_096.0, "{weight} µs");
		assert!(bytes <= 2 * 4_096, "{bytes} bytes");
	});
}

#[test]
fn largest_batch_fits_a_block_when_declared() {
	run(|| {
		let all_tools: Vec<_> = (0..8).map(|tool| (tool, u32::MAX)).collect();
		let most = Attribution::submit_weight(32, &charges(256, 32, &all_tools));
		assert!(most.ref_time() < 500_000_000_000, "{most:?} is more than half a second");
	});
}

#[test]
fn settling_costs_more_when_channels_use_more_agents_and_tools() {
	run(|| {
		let declared = |agents, tools: &[(u8, u32)]| {
			Attribution::submit_weight(8, &charges(4, agents, tools)).ref_time()
		};
		assert!(declared(2, &[]) > declared(1, &[]));
		assert!(declared(1, &[(0, 1), (1, 1)]) > declared(1, &[(0, 1)]));
	});
}
