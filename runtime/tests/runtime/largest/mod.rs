//! The largest of each call: the longest texts, the most elements, the greatest numbers.

use pallet_adapters as adapters;
use pallet_agents as agents;
use pallet_attribution as attribution;
use pallet_datanets as datanets;
use pallet_grants as grants;
use pallet_prompts as prompts;
use pallet_registry as registry;
use pallet_tools as tools;
use pallet_validators as validators;
use pallet_workers as workers;
use polkadot_sdk::{
	frame_support::{traits::Get, BoundedVec},
	sp_keyring::Sr25519Keyring,
	sp_runtime::{traits::Header as _, AccountId32, Digest, DigestItem},
	sp_session::MembershipProof,
};
use tributary_primitives::{
	batch::{AgentUsage, BatchHeader, ChannelCharge, Fault, ToolCalls, Verdict},
	fee::Price,
	limits::{MAX_AGENTS_PER_BATCH, MAX_AGENT_TOOLS, MAX_CHANNELS_PER_BATCH, MAX_RECORDS_PER_BATCH},
	merkle_sum::{SumNode, SumProof},
	royalty::Parent,
	split::SplitTable,
	views::{Parameters, Policy},
	AssetRef, DocumentKind, Purpose, Served, SnapshotRef, VaultKey, PPM,
};
use tributary_runtime::{delays, Header, RuntimeCall};

const WHO: AccountId32 = AccountId32::new([0xff; 32]);
const HASH: [u8; 32] = [0xff; 32];
const PRICE: Price = Price { input: u128::MAX, output: u128::MAX };
const ASSET: AssetRef = AssetRef { asset: u32::MAX, version: u32::MAX };
const SNAPSHOT: SnapshotRef = SnapshotRef { datanet: u32::MAX, version: u32::MAX };
const NODE: SumNode = SumNode { hash: HASH, sum: u128::MAX };

/// As many as the bound allows.
fn full<E: Clone, S: Get<u32>>(element: E) -> BoundedVec<E, S> {
	vec![element; S::get() as usize]
		.try_into()
		.unwrap_or_else(|_| unreachable!("as many as the bound allows"))
}

fn proof() -> SumProof {
	SumProof { index: u32::MAX, leaves: u32::MAX, siblings: full(NODE) }
}

fn training() -> adapters::Training {
	adapters::Training { base: ASSET, rank: u16::MAX, snapshots: full(SNAPSHOT), configuration: HASH }
}

fn parents<S: Get<u32>>() -> BoundedVec<Parent, S> {
	full(Parent { asset: u32::MAX, share: u32::MAX })
}

fn composition() -> agents::Composition {
	let skill = agents::Skill {
		description: full(b'a'),
		threshold: i32::MAX,
		adapters: u8::MAX,
		prompts: u8::MAX,
		datanets: u8::MAX,
	};
	agents::Composition {
		base: ASSET,
		adapters: full((ASSET, u32::MAX)),
		prompts: full(ASSET),
		datanets: full(SNAPSHOT),
		tools: full(ASSET),
		skills: full(skill),
		price: PRICE,
	}
}

/// The largest batch: all channels, each using `agents_each` of all agents and `tools_each` tools of each.
pub fn batch(agents_each: u32, tools_each: u32) -> RuntimeCall {
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
	RuntimeCall::Attribution(attribution::Call::submit_batch {
		header: BatchHeader {
			sequence: u64::MAX,
			records_root: NODE,
			records: MAX_RECORDS_PER_BATCH,
			data: HASH,
			earnings: NODE,
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

/// One of each call of this project's pallets.
pub fn calls() -> Vec<RuntimeCall> {
	[
		registry_calls(),
		datanet_calls(),
		grant_calls(),
		adapter_calls(),
		author_calls(),
		worker_calls(),
		validator_calls(),
		channel_calls(),
		settlement_calls(),
	]
	.concat()
}

fn registry_calls() -> Vec<RuntimeCall> {
	use registry::Call;
	let (asset, version, kind) = (u32::MAX, u32::MAX, DocumentKind::Provenance);
	[
		Call::set_price { asset, price: PRICE },
		Call::transfer { asset, new_owner: WHO },
		Call::set_holders { asset, holders: full((WHO, u16::MAX)) },
		Call::retire { asset },
		Call::attach { asset, version, kind, content: HASH, hints: full(full(b'a')) },
		Call::detach { asset, version, kind },
	]
	.map(RuntimeCall::Registry)
	.to_vec()
}

fn datanet_calls() -> Vec<RuntimeCall> {
	use datanets::{Call, Decision, Item, Review};
	let (datanet, index) = (u32::MAX, u32::MAX);
	let item = Item { content: HASH, bytes: u64::MAX, licence: full(b'a'), metadata: full(b'a') };
	let decision = Decision { index, verdict: Review::Reject(full(b'a')) };
	[
		Call::create {
			name: full(b'a'),
			description: full(b'a'),
			policy: Policy::Curated,
			curators: full(WHO),
		},
		Call::set_curators { datanet, curators: full(WHO) },
		Call::contribute { datanet, items: full(item) },
		Call::review { datanet, decisions: full(decision) },
		Call::snapshot { datanet },
		Call::tombstone { datanet, index },
		Call::withdraw { datanet, index },
	]
	.map(RuntimeCall::Datanets)
	.to_vec()
}

fn grant_calls() -> Vec<RuntimeCall> {
	use grants::Call;
	let (datanet, grantee, purpose) = (u32::MAX, WHO, Purpose::Train);
	[
		Call::announce { recipient: HASH },
		Call::withdraw_recipient {},
		Call::set_recipient { datanet, recipient: HASH },
		Call::offer { datanet, purpose, price: Some(u128::MAX) },
		Call::request { datanet, purpose, most: u128::MAX },
		Call::withdraw_request { datanet, purpose },
		Call::refuse { datanet, grantee: grantee.clone(), purpose },
		Call::grant { datanet, grantee: grantee.clone(), purpose, capsule: full(7) },
		Call::revoke { datanet, grantee, purpose },
		Call::renounce { datanet, purpose },
	]
	.map(RuntimeCall::Grants)
	.to_vec()
}

fn adapter_calls() -> Vec<RuntimeCall> {
	use adapters::Call;
	let (asset, version, metric) = (u32::MAX, u32::MAX, full(b'a'));
	let (name, hints) = (full(b'a'), full(full(b'a')));
	[
		Call::register_base { name, content: HASH, hints, price: PRICE },
		Call::register_adapter {
			name: full(b'a'),
			content: HASH,
			hints: full(full(b'a')),
			price: PRICE,
			parents: parents(),
			training: training(),
		},
		Call::add_version {
			asset,
			content: HASH,
			hints: full(full(b'a')),
			parents: parents(),
			training: Some(training()),
		},
		Call::set_evaluators { asset, evaluators: full(WHO) },
		Call::report { asset, version, benchmark: SNAPSHOT, metric, score: i64::MAX, report: HASH },
		Call::withdraw_report { asset, version, metric: full(b'a') },
	]
	.map(RuntimeCall::Adapters)
	.to_vec()
}

/// Of prompts, tools and agents.
fn author_calls() -> Vec<RuntimeCall> {
	let (asset, tool, agent) = (u32::MAX, u32::MAX, u32::MAX);
	let (server, identity, price) = (full(b'a'), full(b'a'), u128::MAX);
	let prompts = [
		prompts::Call::create { name: full(b'a'), content: HASH, hints: full(full(b'a')), price: PRICE },
		prompts::Call::fork {
			parent: ASSET,
			name: full(b'a'),
			content: HASH,
			hints: full(full(b'a')),
			price: PRICE,
		},
		prompts::Call::add_version { asset, content: HASH, hints: full(full(b'a')) },
	]
	.map(RuntimeCall::Prompts);
	let tools = [
		tools::Call::register_tool {
			name: full(b'a'),
			server: full(b'a'),
			identity: full(b'a'),
			content: HASH,
			hints: full(full(b'a')),
			price,
		},
		tools::Call::add_version { tool, server, identity, content: HASH, hints: full(full(b'a')), price },
	]
	.map(RuntimeCall::Tools);
	let agents = [
		agents::Call::compose { name: full(b'a'), composition: composition() },
		agents::Call::recompose { agent, composition: composition() },
	]
	.map(RuntimeCall::Agents);
	prompts.into_iter().chain(tools).chain(agents).collect()
}

/// Of workers, and of waiting times.
fn worker_calls() -> Vec<RuntimeCall> {
	use workers::Call;
	let calls = [
		Call::register { service_key: WHO, endpoint: full(b'a'), models: full(u32::MAX), bond: u128::MAX },
		Call::update { service_key: WHO, endpoint: full(b'a'), models: full(u32::MAX) },
		Call::add_bond { amount: u128::MAX },
		Call::unbond {},
		Call::withdraw {},
	];
	let waits = delays::pallet::Waits {
		challenge_window: u32::MAX,
		closing_delay: u32::MAX,
		unbonding_delay: u32::MAX,
	};
	let waits = RuntimeCall::Delays(delays::Call::set { waits });
	calls.map(RuntimeCall::Workers).into_iter().chain([waits]).collect()
}

/// Reports name headers and proofs as long as they may be.
fn validator_calls() -> Vec<RuntimeCall> {
	use validators::{equivocation::*, Call, MAX_PROOF};
	let (candidate, staker, validator) = (WHO, WHO, WHO);
	let digest = Digest { logs: vec![DigestItem::Other(vec![0; MAX_HEADER - 256])] };
	let header = Header::new(7, Default::default(), Default::default(), Default::default(), digest);
	let equivocation = Box::new(validators::AuraEquivocation {
		offender: Sr25519Keyring::Alice.public().into(),
		slot: 1.into(),
		first_header: header.clone(),
		second_header: header,
	});
	let trie_nodes = vec![vec![0; MAX_PROOF - 64]];
	let key_owner = MembershipProof { session: u32::MAX, trie_nodes, validator_count: u32::MAX };
	let timing = validators::Timing { session_blocks: u32::MAX, unbonding_sessions: u32::MAX };
	[
		Call::bond { amount: u128::MAX, commission: u32::MAX },
		Call::nominate { candidate: candidate.clone(), amount: u128::MAX },
		Call::unbond { candidate: candidate.clone(), amount: Some(u128::MAX) },
		Call::withdraw_unbonded { candidate: candidate.clone() },
		Call::set_commission { commission: u32::MAX },
		Call::chill {},
		Call::resume {},
		Call::claim { candidate: candidate.clone() },
		Call::claim_for { staker: staker.clone(), candidate: candidate.clone() },
		Call::apply_slash { staker, candidate },
		Call::report_equivocation { equivocation: equivocation.clone(), key_owner: key_owner.clone() },
		Call::report_equivocation_unsigned { equivocation, key_owner },
		Call::set_timing { timing },
		Call::dismiss { validator },
	]
	.map(RuntimeCall::Validators)
	.to_vec()
}

fn channel_calls() -> Vec<RuntimeCall> {
	use attribution::Call;
	let worker = WHO;
	[
		Call::open_channel { worker: worker.clone(), deposit: u128::MAX, session_key: Some(HASH) },
		Call::top_up { worker: worker.clone(), amount: u128::MAX },
		Call::set_session_key { worker: worker.clone(), session_key: Some(HASH) },
		Call::close_channel { worker: worker.clone() },
		Call::withdraw_channel { worker },
	]
	.map(RuntimeCall::Attribution)
	.to_vec()
}

fn settlement_calls() -> Vec<RuntimeCall> {
	use attribution::Call;
	let (worker, sequence, cumulative) = (WHO, u64::MAX, u128::MAX);
	let parameters = Parameters { split: SplitTable::default(), platform_fee: u128::MAX };
	let calls = [
		Call::credit { worker: worker.clone(), limit: u32::MAX },
		Call::challenge {
			worker: worker.clone(),
			sequence,
			fault: Fault::Fee { record: u32::MAX },
			evidence: HASH,
		},
		Call::resolve { worker: worker.clone(), sequence, verdict: Verdict::Void { slash: PPM } },
		Call::claim { vault: VaultKey::Operator(HASH) },
		Call::claim_earnings { worker: worker.clone(), cumulative, proof: proof() },
		Call::sweep_pool { worker, datanet: u32::MAX, cumulative, proof: proof() },
		Call::set_parameters { parameters },
	]
	.map(RuntimeCall::Attribution);
	let batch = batch(MAX_AGENTS_PER_BATCH, MAX_AGENT_TOOLS);
	calls.into_iter().chain([batch]).collect()
}
