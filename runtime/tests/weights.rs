//! Declared weights and lengths against the block's limits.

use polkadot_sdk::{
	frame_support::{
		dispatch::{DispatchClass, GetDispatchInfo},
		weights::Weight,
	},
	frame_system,
	sp_runtime::AccountId32,
};
use tributary_primitives::{
	batch::{AgentUsage, BatchHeader, ChannelCharge, ToolCalls},
	limits::{MAX_AGENTS_PER_BATCH, MAX_AGENT_TOOLS, MAX_CHANNELS_PER_BATCH, MAX_RECORDS_PER_BATCH},
	merkle_sum::SumNode,
	AssetRef, Served,
};
use tributary_runtime::{constants::*, Runtime, RuntimeCall};

/// Most weight that one ordinary transaction may have.
fn most() -> Weight {
	let weights = <Runtime as frame_system::Config>::BlockWeights::get();
	weights.get(DispatchClass::Normal).max_extrinsic.expect("ordinary transactions are limited")
}

/// The largest batch: all channels, each using `agents_each` of all agents and `tools_each` tools of each.
fn full_batch(agents_each: u32, tools_each: u32) -> RuntimeCall {
	let node = SumNode { hash: [0xff; 32], sum: u128::MAX };
	let calls: Vec<_> = (0..tools_each).map(|tool| ToolCalls { tool: tool as u8, calls: u32::MAX }).collect();
	let charge = |payer: u32| ChannelCharge {
		payer: [payer as u8; 32],
		channel: u64::MAX,
		cumulative: u128::MAX,
		expiry: u32::MAX,
		signature: [0xff; 64],
		usage: (0..agents_each)
			.map(|agent| AgentUsage {
				agent: agent as u8,
				records: u32::MAX,
				fee: u128::MAX,
				calls: calls.clone().try_into().expect("as many tools as an agent may have"),
			})
			.collect::<Vec<_>>()
			.try_into()
			.expect("as many agents as a batch may have"),
	};
	RuntimeCall::Attribution(pallet_attribution::Call::submit_batch {
		header: BatchHeader {
			sequence: u64::MAX,
			records_root: node,
			records: MAX_RECORDS_PER_BATCH,
			data: [0xff; 32],
			earnings: node,
		},
		agents: (0..MAX_AGENTS_PER_BATCH)
			.map(|asset| Served::from(AssetRef { asset, version: 1 }))
			.collect::<Vec<_>>()
			.try_into()
			.expect("as many agents as a batch may have"),
		charges: (0..MAX_CHANNELS_PER_BATCH)
			.map(charge)
			.collect::<Vec<_>>()
			.try_into()
			.expect("as many channels as a batch may have"),
	})
}

#[test]
fn batch_fits_a_block_when_it_is_the_largest() {
	let call = full_batch(MAX_AGENTS_PER_BATCH, MAX_AGENT_TOOLS);
	let weight = call.get_dispatch_info().call_weight;
	assert!(weight.all_lte(most()), "{weight} of {}", most());
	let length = codec::Encode::encoded_size(&call) as u32;
	assert!(length < NORMAL_RATIO * BLOCK_BYTES, "{length} bytes");
}

#[test]
fn batch_costs_at_most_5_us_an_inference_when_full_of_records() {
	// 16 payers with 256 records each, on two agents.
	let RuntimeCall::Attribution(pallet_attribution::Call::submit_batch { header, agents, charges }) =
		full_batch(2, 1)
	else {
		unreachable!("full_batch makes a batch")
	};
	let call = RuntimeCall::Attribution(pallet_attribution::Call::submit_batch {
		header,
		agents: agents[..2].to_vec().try_into().expect("fewer"),
		charges: charges[..16].to_vec().try_into().expect("fewer"),
	});
	let weight = call.get_dispatch_info().call_weight.ref_time();
	assert!(weight / u64::from(MAX_RECORDS_PER_BATCH) <= 5_000_000, "{weight} ps");
	let length = codec::Encode::encoded_size(&call) as u32;
	assert!(length / MAX_RECORDS_PER_BATCH <= 2, "{length} bytes");
}

#[test]
fn contribute_fits_a_block_when_it_is_the_largest() {
	let item = pallet_datanets::Item {
		content: [0; 32],
		bytes: u64::MAX,
		licence: vec![b'a'; 64].try_into().expect("as long as a licence may be"),
		metadata: vec![b'a'; 256].try_into().expect("as long as metadata may be"),
	};
	let items =
		vec![item; pallet_datanets::MAX_BATCH as usize].try_into().expect("as many as one call takes");
	let call = RuntimeCall::Datanets(pallet_datanets::Call::contribute { datanet: 0, items });
	assert!(call.get_dispatch_info().call_weight.all_lte(most()));
	assert!((codec::Encode::encoded_size(&call) as u32) < NORMAL_RATIO * BLOCK_BYTES);
}

#[test]
fn credit_fits_a_block_when_its_limit_is_absurd() {
	let worker = AccountId32::new([1; 32]);
	let call = RuntimeCall::Attribution(pallet_attribution::Call::credit { worker, limit: u32::MAX });
	assert!(call.get_dispatch_info().call_weight.all_lte(most()));
}
