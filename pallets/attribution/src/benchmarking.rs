//! Benchmarks of the calls.
//!
//! The dearest of each: every channel is charged by a voucher of its session key, so that the payer's signature is
//! looked for first; every part has as many payees as possible, and whatever may be evaluated is.

// A benchmark that cannot be set up shall fail; none runs on chain.
#![allow(
	clippy::arithmetic_side_effects,
	clippy::indexing_slicing,
	clippy::unwrap_used,
	clippy::expect_used,
	clippy::panic
)]

use crate::{
	impls::batches::LARGE_AGENTS,
	vault::{Holder, Vault},
	Config, HoldReason, Pallet as Attribution, *,
};
use alloc::{vec, vec::Vec};
use frame::{
	benchmarking::prelude::*,
	deps::{
		sp_core::{crypto::KeyTypeId, sr25519::Public},
		sp_io::crypto::{sr25519_generate, sr25519_sign},
		sp_runtime::AccountId32,
	},
	token::fungible::{Mutate, MutateHold},
};
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{
	batch::{AgentUsage, BatchHeader, BatchStatus, ChannelCharge, ChannelFault, Fault, ToolCalls, Verdict},
	earnings::EarningsLeaf,
	limits::{
		MAX_AGENTS_PER_BATCH, MAX_AGENT_ADAPTERS, MAX_AGENT_PROMPTS, MAX_AGENT_TOOLS, MAX_CHANNELS_PER_BATCH,
		MAX_CREDITS_PER_BATCH,
	},
	merkle_sum::{parent, SumNode, SumProof},
	split::SplitTable,
	views::{AgentTotal, Parameters},
	voucher::Voucher,
	AccountId, AssetRef, Balance, Earner, Served, VaultKey, PPM,
};

/// What benchmarks need of other pallets.
pub trait BenchmarkHelper {
	/// Registers a worker that may submit batches.
	fn worker(operator: &AccountId, service_key: &AccountId);
	/// Registers agents with so many adapters, prompts and tools each, none of which two have in common, and with all
	/// skills. They name no DataNets: a batch's earnings root then needs no knowledge of the split.
	fn agents(parts: &[[u32; 3]]) -> Vec<Served>;
}

/// For runtimes in which settlement is not benchmarked.
impl BenchmarkHelper for () {
	fn worker(_: &AccountId, _: &AccountId) {}
	fn agents(_: &[[u32; 3]]) -> Vec<Served> {
		Vec::new()
	}
}

/// More than the deposits and bonds of a benchmark, planck.
const FUNDS: Balance = 1 << 80;
/// What a channel holds, planck.
const DEPOSIT: Balance = 1 << 70;
/// Paid for one use of an agent: enough that every part gets something, planck.
const FEE: Balance = 1 << 50;
/// Siblings in the longest proof that can be right: indices have 32 bits.
const LEVELS: u32 = 32;
/// Of the keys that payers sign with.
const KEYS: KeyTypeId = KeyTypeId(*b"bnch");
const WORKER: AccountId32 = AccountId32::new([0xa1; 32]);

fn caller<T: Config>() -> T::AccountId {
	let who = whitelisted_caller();
	T::Currency::set_balance(&who, FUNDS);
	who
}

/// A key pair of the keystore.
fn key(number: u32) -> Public {
	sr25519_generate(KEYS, Some(alloc::format!("0x{number:064x}").into_bytes()))
}

/// An active worker with its service key, and a pot that can pay.
fn worker<T: Config>() -> T::AccountId {
	let service_key = caller::<T>();
	T::Currency::set_balance(&WORKER, FUNDS);
	T::BenchmarkHelper::worker(WORKER.as_ref(), service_key.as_ref());
	T::Currency::set_balance(&Attribution::<T>::pot(), FUNDS);
	service_key
}

/// A channel of a payer to the worker.
fn channel<T: Config>(payer: &T::AccountId, nonce: u64, session_key: Option<Key>) -> Channel {
	T::Currency::set_balance(payer, FUNDS);
	T::Currency::hold(&HoldReason::Escrow.into(), payer, DEPOSIT).expect("the payer has funds");
	let next = Some((session_key, Attribution::<T>::now()));
	let channel =
		Channel { nonce, deposit: DEPOSIT, charged: 0, session_key, next_session_key: next, closes_at: None };
	Channels::<T>::insert(payer, WORKER, channel);
	channel
}

/// A charge by a voucher that the payer's session key signed.
fn charge<T: Config>(index: u32, usage: Vec<AgentUsage>) -> ChannelCharge {
	let (payer, session) = (key(index + 1), key(u32::MAX));
	let channel = channel::<T>(&AccountId32::new(payer.0), index.into(), Some(session.0));
	let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::default());
	let voucher = Voucher {
		genesis: genesis.as_ref().try_into().expect("a hash has 32 bytes"),
		payer: payer.0,
		worker: WORKER.into(),
		channel: channel.nonce,
		cumulative: DEPOSIT,
		expiry: u32::MAX,
	};
	let signature = sr25519_sign(KEYS, &session, &voucher.signing_hash()).expect("the key was generated");
	ChannelCharge {
		payer: payer.0,
		channel: channel.nonce,
		cumulative: DEPOSIT,
		expiry: u32::MAX,
		signature: signature.0,
		usage: usage.try_into().expect("as many as a channel may name"),
	}
}

fn agents<T: Config>(parts: &[[u32; 3]]) -> Agents {
	T::BenchmarkHelper::agents(parts).try_into().expect("as many as a batch may have")
}

/// Submits a batch, which is decoded first, as those that arrive are.
fn submit<T: Config>(service_key: T::AccountId, header: BatchHeader, agents: Agents, charges: Charges) {
	let call = codec::Encode::encode(&Call::<T>::submit_batch { header, agents, charges });
	let call: Call<T> = codec::Decode::decode(&mut call.as_slice()).expect("it was encoded");
	call.dispatch_bypass_filter(RawOrigin::Signed(service_key).into()).expect("the batch is valid");
}

fn header(sequence: u64, charges: &Charges) -> BatchHeader {
	let usage = charges.iter().flat_map(|charge| charge.usage.iter());
	let (records, fees) =
		usage.fold((0, 0), |(records, fees), usage| (records + usage.records, fees + usage.fee));
	BatchHeader {
		sequence,
		records_root: SumNode { hash: [1; 32], sum: fees },
		records,
		data: [2; 32],
		earnings: SumNode { hash: [3; 32], sum: 0 },
	}
}

/// A record as large as that of a batch can be.
fn batch(sequence: u64) -> Batch {
	let served = AssetRef { asset: u32::MAX, version: 1 }.into();
	let total = AgentTotal { served, records: u32::MAX, fee: FEE, tools: FEE, data: FEE };
	let failed = vec![([4; 32], ChannelFault::BadSignature); MAX_CHANNELS_PER_BATCH as usize];
	Batch {
		header: header(sequence, &Charges::new()),
		status: BatchStatus::Pending,
		submitted_at: 0,
		matures_at: 0,
		parameters: 1,
		escrow: FEE,
		agents: vec![total; MAX_AGENTS_PER_BATCH as usize].try_into().expect("as many as a batch may have"),
		failed: failed.try_into().expect("as many as a batch may have"),
	}
}

/// As many charges as a batch can have.
fn charged(count: u32) -> Vec<Charged> {
	(0..count)
		.map(|index| Charged { payer: payer(index).into(), channel: index.into(), amount: FEE })
		.collect()
}

fn payer(index: u32) -> AccountId32 {
	account("payer", index, 0)
}

/// A worker's settlement in which batch `oldest` is next to be credited and `next` is next to come.
fn settlement<T: Config>(oldest: u64, next: u64) {
	let settlement = Settlement { oldest_pending: oldest, next_sequence: next, ..Default::default() };
	Settlements::<T>::insert(WORKER, settlement);
}

/// A tree in which the earner's leaf has as many levels above it as there are `siblings`; the proof, and the
/// leaf's amount. The worker's root is the tree's.
fn proof<T: Config>(earner: Earner, siblings: u32) -> (Balance, SumProof) {
	let cumulative = FEE;
	let node = EarningsLeaf { earner, cumulative }.node(WORKER.as_ref());
	let sibling = SumNode { hash: [5; 32], sum: FEE };
	let root = (0..siblings).fold(node, |node, _| parent(&node, &sibling).expect("the sums are small"));
	settlement::<T>(1, 1);
	Settlements::<T>::mutate(&WORKER, |settlement| {
		settlement.credited = root.sum;
		settlement.claimed = FEE / 2;
		settlement.root = root;
	});
	Claimed::<T>::insert(WORKER, earner, FEE / 2);
	// The first of so many leaves has a sibling on every level.
	let leaves = (1u64 << siblings).min(u64::from(u32::MAX) - 1) as u32;
	let siblings = vec![sibling; siblings as usize].try_into().expect("as many as a proof may have");
	(cumulative, SumProof { index: 0, leaves, siblings })
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn open_channel() {
		let service_key = worker::<T>();
		#[extrinsic_call]
		_(RawOrigin::Signed(service_key.clone()), WORKER, T::MinDeposit::get(), Some([1; 32]));
		assert!(Channels::<T>::contains_key(service_key, WORKER));
	}

	#[benchmark]
	fn top_up() {
		let who = caller::<T>();
		channel::<T>(&who, 0, Some([1; 32]));
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), WORKER, 1);
		assert_eq!(Channels::<T>::get(who, WORKER).map(|channel| channel.deposit), Some(DEPOSIT + 1));
	}

	#[benchmark]
	fn set_session_key() {
		let who = caller::<T>();
		channel::<T>(&who, 0, Some([1; 32]));
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), WORKER, Some([2; 32]));
		let next = Channels::<T>::get(who, WORKER).and_then(|channel| channel.next_session_key);
		assert_eq!(next.map(|(key, _)| key), Some(Some([2; 32])));
	}

	#[benchmark]
	fn close_channel() {
		let who = caller::<T>();
		channel::<T>(&who, 0, Some([1; 32]));
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), WORKER);
		assert!(Channels::<T>::get(who, WORKER).is_some_and(|channel| channel.closes_at.is_some()));
	}

	#[benchmark]
	fn withdraw_channel() {
		let who = caller::<T>();
		let channel = channel::<T>(&who, 0, Some([1; 32]));
		Channels::<T>::insert(&who, WORKER, Channel { closes_at: Some(0), ..channel });
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), WORKER);
		assert!(!Channels::<T>::contains_key(who, WORKER));
	}

	/// Every channel names one agent; none has more than a base model.
	#[benchmark]
	fn submit_batch(c: Linear<1, MAX_CHANNELS_PER_BATCH>, a: Linear<1, MAX_AGENTS_PER_BATCH>) {
		let service_key = worker::<T>();
		let agents = agents::<T>(&vec![[0; 3]; a as usize]);
		let charges: Charges = (0..c)
			.map(|index| {
				let agent = (index % a) as u8;
				charge::<T>(
					index,
					vec![AgentUsage { agent, records: 1, fee: FEE, calls: Default::default() }],
				)
			})
			.collect::<Vec<_>>()
			.try_into()
			.expect("as many as a batch may have");
		// So many batches came before that the oldest is forgotten.
		let sequence = u64::from(KEPT_BATCHES);
		settlement::<T>(sequence, sequence);
		Batches::<T>::insert(WORKER, 0, batch(0));
		let head = header(sequence, &charges);
		#[extrinsic_call]
		_(RawOrigin::Signed(service_key), head, agents, charges);
		let stored = Batches::<T>::get(WORKER, sequence).expect("the batch was accepted");
		assert!(stored.failed.is_empty());
		assert_eq!(stored.escrow, head.records_root.sum);
		assert!(!Batches::<T>::contains_key(WORKER, 0));
	}

	/// One channel names agents, which have as many parts as they may, one after another until there are none left, and
	/// calls each of their tools.
	#[benchmark]
	fn batch_parts(
		m: Linear<0, { LARGE_AGENTS * MAX_AGENT_ADAPTERS }>,
		p: Linear<0, { LARGE_AGENTS * MAX_AGENT_PROMPTS }>,
		t: Linear<0, { LARGE_AGENTS * MAX_AGENT_TOOLS }>,
	) {
		let service_key = worker::<T>();
		let parts: Vec<[u32; 3]> = (0..LARGE_AGENTS)
			.map(|agent| {
				[(m, MAX_AGENT_ADAPTERS), (p, MAX_AGENT_PROMPTS), (t, MAX_AGENT_TOOLS)]
					.map(|(count, most)| count.saturating_sub(agent * most).min(most))
			})
			.collect();
		let agents = agents::<T>(&parts);
		let usage = |(agent, [_, _, tools]): (usize, &[u32; 3])| {
			let calls: Vec<_> =
				(0..*tools).map(|tool| ToolCalls { tool: tool as u8, calls: 1 << 20 }).collect();
			let calls = calls.try_into().expect("as many tools as an agent may have");
			AgentUsage { agent: agent as u8, records: 1, fee: FEE, calls }
		};
		let usage = parts.iter().enumerate().map(usage).collect();
		let charges: Charges = vec![charge::<T>(0, usage)].try_into().expect("as many as a batch may have");
		let head = header(0, &charges);
		#[block]
		{
			submit::<T>(service_key, head, agents, charges);
		}
		assert!(Batches::<T>::get(WORKER, 0).is_some_and(|batch| batch.failed.is_empty()));
	}

	/// The first channel names an agent again and again; the second calls its tools.
	#[benchmark]
	fn batch_usage(
		u: Linear<1, MAX_AGENTS_PER_BATCH>,
		t: Linear<0, { MAX_AGENTS_PER_BATCH * MAX_AGENT_TOOLS }>,
	) {
		let service_key = worker::<T>();
		let agents = agents::<T>(&[[MAX_AGENT_ADAPTERS, MAX_AGENT_PROMPTS, MAX_AGENT_TOOLS]]);
		let usage = |calls| AgentUsage { agent: 0, records: 1, fee: FEE, calls };
		let calls = |entry: u32| {
			let count = t.saturating_sub(entry * MAX_AGENT_TOOLS).min(MAX_AGENT_TOOLS);
			let calls: Vec<_> =
				(0..count).map(|tool| ToolCalls { tool: tool as u8, calls: 1 << 20 }).collect();
			calls.try_into().expect("as many tools as an agent may have")
		};
		let named = (0..u).map(|_| usage(Default::default())).collect();
		let called = (0..MAX_AGENTS_PER_BATCH).map(|entry| usage(calls(entry))).collect();
		let charges: Charges = vec![charge::<T>(0, named), charge::<T>(1, called)]
			.try_into()
			.expect("as many as a batch may have");
		let head = header(0, &charges);
		#[block]
		{
			submit::<T>(service_key, head, agents, charges);
		}
		assert!(Batches::<T>::get(WORKER, 0).is_some_and(|batch| batch.failed.is_empty()));
	}

	/// All vaults are credited by the first batch; two of them for the first time.
	#[benchmark]
	fn credit(b: Linear<1, 16>, c: Linear<2, MAX_CREDITS_PER_BATCH>) {
		let who = caller::<T>();
		settlement::<T>(0, b.into());
		for sequence in 0..b.into() {
			Batches::<T>::insert(WORKER, sequence, batch(sequence));
			let mut money = PendingBatch {
				charged: charged(MAX_CHANNELS_PER_BATCH).try_into().expect("as many as a batch may have"),
				..Default::default()
			};
			if sequence == 0 {
				let mut credits = vec![(VaultKey::Platform, FEE), (VaultKey::Operator(WORKER.into()), FEE)];
				for asset in 2..c {
					let key = VaultKey::Asset(asset);
					Vaults::<T>::insert(key, Vault { total_weight: 3, credited: FEE, ..Default::default() });
					credits.push((key, FEE));
				}
				money.credits = credits.try_into().expect("as many as a batch may have");
			}
			PendingBatches::<T>::insert(WORKER, sequence, money);
		}
		#[extrinsic_call]
		_(RawOrigin::Signed(who), WORKER, b);
		assert_eq!(Settlements::<T>::get(&WORKER).oldest_pending, u64::from(b));
	}

	#[benchmark]
	fn challenge() {
		let who = caller::<T>();
		settlement::<T>(0, 1);
		Batches::<T>::insert(WORKER, 0, Batch { matures_at: u32::MAX, ..batch(0) });
		#[extrinsic_call]
		_(RawOrigin::Signed(who), WORKER, 0, Fault::Fee { record: u32::MAX }, [1; 32]);
		assert!(Challenges::<T>::contains_key(WORKER, 0));
	}

	/// Voids the oldest of the pending batches; all channels are still open.
	#[benchmark]
	fn resolve(
		c: Linear<0, MAX_CHANNELS_PER_BATCH>,
		s: Linear<1, { T::MaxPending::get() }>,
	) -> Result<(), BenchmarkError> {
		worker::<T>();
		settlement::<T>(0, s.into());
		Settlements::<T>::mutate(&WORKER, |settlement| settlement.challenges = 1);
		let challenger = payer(u32::MAX);
		T::Currency::set_balance(&challenger, FUNDS);
		T::Currency::hold(&HoldReason::Challenge.into(), &challenger, T::ChallengeBond::get())
			.expect("the challenger has funds");
		// A name that is not a benchmark's: those are types here.
		let made = Challenge {
			challenger: challenger.into(),
			bond: T::ChallengeBond::get(),
			fault: Fault::Earnings,
			evidence: [1; 32],
		};
		Challenges::<T>::insert(WORKER, 0, made);
		Batches::<T>::insert(WORKER, 0, Batch { status: BatchStatus::Challenged, ..batch(0) });
		for index in 0..c {
			let open = channel::<T>(&payer(index), index.into(), Some([1; 32]));
			Channels::<T>::insert(payer(index), WORKER, Channel { charged: FEE, ..open });
		}
		let money = PendingBatch {
			charged: charged(c).try_into().expect("as many as a batch may have"),
			..Default::default()
		};
		PendingBatches::<T>::insert(WORKER, 0, money);
		let origin = T::AuthorityOrigin::try_successful_origin()
			.map_err(|_| BenchmarkError::Stop("the runtime has no authority"))?;
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, WORKER, 0, Verdict::Void { slash: PPM });
		assert_eq!(Settlements::<T>::get(&WORKER).oldest_pending, u64::from(s));
		assert!((0..c).all(
			|index| Channels::<T>::get(payer(index), WORKER).is_some_and(|channel| channel.charged == 0)
		));
		Ok(())
	}

	#[benchmark]
	fn claim() {
		let who = caller::<T>();
		T::Currency::set_balance(&Attribution::<T>::pot(), FUNDS);
		let vault = VaultKey::Asset(0);
		Vaults::<T>::insert(vault, Vault { total_weight: 3, rest: FEE, credited: FEE, ..Default::default() });
		Holders::<T>::insert(&who, vault, Holder { weight: 1, ..Default::default() });
		#[extrinsic_call]
		_(RawOrigin::Signed(who), vault);
		assert!(Vaults::<T>::get(vault).claimed > 0);
	}

	#[benchmark]
	fn claim_earnings(s: Linear<0, LEVELS>) {
		let who = caller::<T>();
		T::Currency::set_balance(&Attribution::<T>::pot(), FUNDS);
		let earner = Earner::Account(who.clone().into());
		let (cumulative, proof) = proof::<T>(earner, s);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), WORKER, cumulative, proof);
		assert_eq!(Claimed::<T>::get(WORKER, earner), cumulative);
	}

	#[benchmark]
	fn sweep_pool(s: Linear<0, LEVELS>) {
		let who = caller::<T>();
		Vaults::<T>::insert(VaultKey::Pool(0), Vault { total_weight: 3, ..Default::default() });
		let (cumulative, proof) = proof::<T>(Earner::Pool(0), s);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), WORKER, 0, cumulative, proof);
		assert_eq!(Claimed::<T>::get(WORKER, Earner::Pool(0)), cumulative);
	}

	#[benchmark]
	fn set_parameters() -> Result<(), BenchmarkError> {
		let parameters = Parameters { split: SplitTable::default(), platform_fee: Balance::MAX };
		let origin = T::AdminOrigin::try_successful_origin()
			.map_err(|_| BenchmarkError::Stop("the runtime has no administrator"))?;
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, parameters);
		assert_eq!(ParametersOf::<T>::get(ParametersVersion::<T>::get()), Some(parameters));
		Ok(())
	}

	impl_benchmark_test_suite!(Attribution, crate::mock::with_keys(), crate::mock::Test);
}
