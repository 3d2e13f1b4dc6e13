//! One scenario for each call of this project's pallets: as many senders as asked for, each with what its call
//! needs, lists at their longest.

use super::chain::{genesis, Transaction};
use pallet_registry::{Hints, Lineage, NewVersion, ParentVersion};
use polkadot_sdk::{
	frame_support::{
		traits::{
			fungible::{Mutate, MutateHold},
			Get,
		},
		BoundedVec,
	},
	sp_core::{sr25519::Pair, Pair as _},
	sp_keyring::Sr25519Keyring,
};
use tributary_primitives::{
	batch::{AgentUsage, BatchHeader, BatchStatus, ChannelCharge, Fault, Verdict},
	earnings::EarningsLeaf,
	fee::Price,
	limits::{MAX_CREDITS_PER_BATCH, MAX_PARENTS},
	merkle_sum::{parent, SumNode, SumProof},
	royalty::{Parent, MAX_PARENTS_SHARE},
	split::SplitTable,
	traits::VaultHolders,
	views::{Parameters, Policy},
	voucher::Voucher,
	AssetId, AssetKind, AssetRef, Balance, DataNetId, DocumentKind, Earner, Purpose, Served, SkillSet,
	SnapshotRef, VaultKey, PPM, TRB,
};
use tributary_runtime::{
	delays::{self, pallet::Waits},
	AccountId, Adapters, Agents, Attribution, Balances, Datanets, Grants, Registry, Runtime, RuntimeCall,
	RuntimeOrigin, Workers,
};

/// A call, and how to set up a number of transactions with it.
pub struct Scenario {
	/// Pallet and call.
	pub name: &'static str,
	/// Sets the state up for that many senders; what they send.
	pub prepare: fn(u32) -> Vec<Transaction>,
}

macro_rules! scenarios {
	($($pallet:ident { $($call:ident),* $(,)? })*) => {
		/// Every call of this project's pallets.
		pub fn all() -> Vec<Scenario> {
			vec![$($(Scenario {
				name: concat!(stringify!($pallet), ".", stringify!($call)),
				prepare: $pallet::$call,
			},)*)*]
		}
	};
}

const PRICE: Price = Price { input: 5, output: 6 };
const HASH: [u8; 32] = [7; 32];
const RICH: Balance = 1_000_000_000 * TRB;

/// The key pair of a number.
fn pair(number: u32) -> Pair {
	let mut seed = [0x5e; 32];
	seed[..4].copy_from_slice(&number.to_le_bytes());
	Pair::from_seed(&seed)
}

fn account(number: u32) -> AccountId {
	pair(number).public().into()
}

/// An account that sends nothing, with funds.
fn other() -> AccountId {
	let who = AccountId::new([0xee; 32]);
	fund(&who);
	who
}

fn fund(who: &AccountId) {
	Balances::set_balance(who, RICH);
}

fn signed(who: &AccountId) -> RuntimeOrigin {
	RuntimeOrigin::signed(who.clone())
}

/// `count` senders with funds, and the call of each.
fn each<C: Into<RuntimeCall>>(count: u32, mut call: impl FnMut(u32, &AccountId) -> C) -> Vec<Transaction> {
	(0..count)
		.map(|number| {
			let by = pair(number);
			let who = by.public().into();
			fund(&who);
			Transaction { call: call(number, &who).into(), by, nonce: 0 }
		})
		.collect()
}

/// The same, sent by the development chain's root.
fn by_root<C: Into<RuntimeCall>>(count: u32, mut call: impl FnMut(u32) -> C) -> Vec<Transaction> {
	use polkadot_sdk::pallet_sudo::Call;
	(0..count)
		.map(|nonce| {
			let call = Box::new(call(nonce).into());
			Transaction { call: Call::sudo { call }.into(), by: Sr25519Keyring::Alice.pair(), nonce }
		})
		.collect()
}

fn full<E: Clone, S: Get<u32>>(element: E) -> BoundedVec<E, S> {
	list(S::get(), |_| element.clone())
}

fn list<E, S: Get<u32>>(count: u32, element: impl FnMut(u32) -> E) -> BoundedVec<E, S> {
	(0..count)
		.map(element)
		.collect::<Vec<_>>()
		.try_into()
		.unwrap_or_else(|_| unreachable!("as many as allowed"))
}

fn hints() -> Hints {
	full(full(b'a'))
}

/// A new asset.
fn asset(owner: &AccountId, kind: AssetKind, parents: Lineage) -> AssetId {
	let version = NewVersion { content: HASH, hints: hints(), parents, extra_bytes: 0 };
	Registry::create(owner, kind, full(b'a'), PRICE, version).expect("the owner has funds")
}

fn plain(owner: &AccountId, kind: AssetKind) -> AssetId {
	asset(owner, kind, Lineage::new())
}

/// A new asset with as many payees as possible.
fn descendant(kind: AssetKind) -> AssetId {
	let owner = other();
	(0..15).fold(plain(&owner, kind), |last, _| child(&owner, kind, last))
}

fn child(owner: &AccountId, kind: AssetKind, parent: AssetId) -> AssetId {
	let parent = ParentVersion { parent: first(parent), share: MAX_PARENTS_SHARE };
	asset(owner, kind, vec![parent].try_into().expect("one is allowed"))
}

fn first(asset: AssetId) -> AssetRef {
	AssetRef { asset, version: 1 }
}

fn parents<S: Get<u32>>() -> BoundedVec<Parent, S> {
	list(MAX_PARENTS, |_| Parent {
		asset: descendant(AssetKind::Adapter),
		share: MAX_PARENTS_SHARE / MAX_PARENTS,
	})
}

fn datanet(owner: &AccountId, policy: Policy, curator: &AccountId) -> DataNetId {
	let id = pallet_datanets::NextDataNet::<Runtime>::get();
	let mut curators: BoundedVec<_, _> = list(15, |number| AccountId::new([number as u8; 32]));
	curators.try_push(curator.clone()).expect("one more is allowed");
	Datanets::create(signed(owner), full(b'a'), full(b'a'), policy, curators).expect("the owner has funds");
	id
}

fn items(count: u32) -> pallet_datanets::Items {
	list(count, |number| {
		let mut content = HASH;
		content[..4].copy_from_slice(&number.to_le_bytes());
		pallet_datanets::Item { content, bytes: 1, licence: full(b'a'), metadata: full(b'a') }
	})
}

fn snapshots<S: Get<u32>>(count: u32) -> BoundedVec<SnapshotRef, S> {
	let owner = other();
	list(count, |_| {
		let datanet = datanet(&owner, Policy::Open, &owner);
		Datanets::contribute(signed(&owner), datanet, items(1)).expect("the owner has funds");
		Datanets::snapshot(signed(&owner), datanet).expect("there is a text");
		SnapshotRef { datanet, version: 1 }
	})
}

fn training(base: AssetRef) -> pallet_adapters::Training {
	pallet_adapters::Training { base, rank: 1, snapshots: snapshots(8), configuration: HASH }
}

fn capsule() -> pallet_grants::Capsule {
	full(7)
}

/// A private DataNet with an offer.
fn private(owner: &AccountId) -> DataNetId {
	let id = datanet(owner, Policy::Open, owner);
	Grants::set_recipient(signed(owner), id, HASH).expect("the DataNet is empty");
	Grants::offer(signed(owner), id, Purpose::Train, Some(TRB)).expect("the DataNet is private");
	id
}

fn ask(grantee: &AccountId, datanet: DataNetId) {
	Grants::announce(signed(grantee), HASH).expect("the grantee has funds");
	Grants::request(signed(grantee), datanet, Purpose::Train, TRB).expect("it is offered");
}

/// An account for each sender that sends nothing itself.
fn partner(number: u32) -> AccountId {
	let mut bytes = [0xdd; 32];
	bytes[..4].copy_from_slice(&number.to_le_bytes());
	let who = AccountId::new(bytes);
	fund(&who);
	who
}

/// A composition of as many parts as possible.
fn composition() -> pallet_agents::Composition {
	let owner = other();
	let base = first(descendant(AssetKind::BaseModel));
	let [adapter, prompt, tool] = [AssetKind::Adapter, AssetKind::Prompt, AssetKind::Tool].map(descendant);
	let trained = pallet_adapters::Training { snapshots: Default::default(), ..training(base) };
	pallet_agents::Composition {
		base,
		adapters: list(8, |_| {
			let id = child(&owner, AssetKind::Adapter, adapter);
			pallet_adapters::Trainings::<Runtime>::insert(id, 1, trained.clone());
			(first(id), PPM)
		}),
		prompts: list(8, |_| first(child(&owner, AssetKind::Prompt, prompt))),
		datanets: snapshots(8),
		tools: list(8, |_| {
			let id = child(&owner, AssetKind::Tool, tool);
			let tool = pallet_tools::Tool { server: full(b'a'), identity: full(b'a'), price: 1 };
			pallet_tools::Tools::<Runtime>::insert(id, 1, tool);
			first(id)
		}),
		skills: full(pallet_agents::Skill {
			description: full(b'a'),
			threshold: 0,
			adapters: u8::MAX,
			prompts: u8::MAX,
			datanets: u8::MAX,
		}),
		price: Price { input: TRB, output: TRB },
	}
}

fn agent_name(number: u32) -> pallet_registry::Name {
	format!("{number:064}").into_bytes().try_into().expect("as long as a name may be")
}

fn endpoint() -> pallet_workers::Endpoint {
	b"https://worker.example".to_vec().try_into().expect("shorter than a URL may be")
}

const BOND: Balance = 1_000 * TRB;

fn register(operator: &AccountId, service_key: AccountId) {
	fund(operator);
	Workers::register(signed(operator), service_key, endpoint(), list(16, |model| model), BOND)
		.expect("the operator has funds");
}

fn pot() {
	fund(&Attribution::pot());
}

const FEE: Balance = TRB;

/// An open channel.
fn channel(payer: &AccountId, worker: &AccountId, number: u32) -> pallet_attribution::Channel {
	let reason = pallet_attribution::HoldReason::Escrow.into();
	Balances::hold(&reason, payer, 100 * TRB).expect("the payer has funds");
	let channel = pallet_attribution::Channel {
		nonce: number.into(),
		deposit: 100 * TRB,
		charged: FEE,
		session_key: Some(HASH),
		next_session_key: None,
		closes_at: None,
	};
	pallet_attribution::Channels::<Runtime>::insert(payer, worker, channel);
	channel
}

fn batch(sequence: u64) -> pallet_attribution::Batch {
	let node = SumNode { hash: HASH, sum: 0 };
	pallet_attribution::Batch {
		header: BatchHeader { sequence, records_root: node, records: 1, data: HASH, earnings: node },
		status: BatchStatus::Pending,
		submitted_at: 0,
		matures_at: 0,
		parameters: 1,
		escrow: FEE,
		agents: Default::default(),
		failed: Default::default(),
	}
}

/// A worker whose first batch waits, with this money.
fn pending(worker: &AccountId, batch: pallet_attribution::Batch, money: pallet_attribution::PendingBatch) {
	let challenges = u32::from(batch.status == BatchStatus::Challenged);
	let settlement = pallet_attribution::Settlement { next_sequence: 1, challenges, ..Default::default() };
	pallet_attribution::Settlements::<Runtime>::insert(worker, settlement);
	pallet_attribution::Batches::<Runtime>::insert(worker, 0, batch);
	pallet_attribution::PendingBatches::<Runtime>::insert(worker, 0, money);
}

/// A worker's active root over 2^17 leaves, and the proof of one.
fn proof(worker: &AccountId, earner: Earner) -> SumProof {
	let node = EarningsLeaf { earner, cumulative: FEE }.node(worker.as_ref());
	let sibling = SumNode { hash: HASH, sum: 1 };
	let root = (0..17).fold(node, |node, _| parent(&node, &sibling).expect("the sums are small"));
	let settlement = pallet_attribution::Settlement { credited: root.sum, root, ..Default::default() };
	pallet_attribution::Settlements::<Runtime>::insert(worker, settlement);
	SumProof { index: 0, leaves: 1 << 17, siblings: list(17, |_| sibling) }
}

/// A full batch: 4,096 records on 32 channels and 8 agents with as many parts as possible.
fn full_batch(service_key: &AccountId, number: u32, agents: &[Served]) -> RuntimeCall {
	let (channels, each) = (32, 4_096 / 32 / 2);
	let worker = partner(number);
	register(&worker, service_key.clone());
	let charge = |index: u32| {
		let session = pair(1_000_000);
		let payer = account(2_000_000 + number * channels + index);
		fund(&payer);
		let open = channel(&payer, &worker, index);
		let open = pallet_attribution::Channel { session_key: Some(session.public().0), charged: 0, ..open };
		pallet_attribution::Channels::<Runtime>::insert(&payer, &worker, open);
		let voucher = Voucher {
			genesis: genesis().0,
			payer: payer.clone().into(),
			worker: worker.clone().into(),
			channel: index.into(),
			cumulative: 100 * TRB,
			expiry: u32::MAX,
		};
		let usage = |agent| AgentUsage { agent, records: each, fee: FEE, calls: Default::default() };
		ChannelCharge {
			payer: payer.into(),
			channel: index.into(),
			cumulative: 100 * TRB,
			expiry: u32::MAX,
			signature: session.sign(&voucher.signing_hash()).0,
			usage: vec![usage((index % 8) as u8), usage(((index + 1) % 8) as u8)]
				.try_into()
				.expect("fewer than a channel may name"),
		}
	};
	let charges = list(channels, charge);
	let fees = FEE * Balance::from(channels) * 2;
	let header = BatchHeader {
		sequence: 0,
		records_root: SumNode { hash: HASH, sum: fees },
		records: 4_096,
		data: HASH,
		earnings: SumNode { hash: HASH, sum: 0 },
	};
	let agents = agents.to_vec().try_into().expect("fewer than a batch may have");
	pallet_attribution::Call::submit_batch { header, agents, charges }.into()
}

scenarios! {
	registry { set_price, transfer, set_holders, retire, attach, detach }
	datanets { create, set_curators, contribute, review, snapshot, tombstone, withdraw }
	grants {
		announce, withdraw_recipient, set_recipient, offer, request, withdraw_request, refuse, grant, revoke, renounce,
	}
	adapters { register_base, register_adapter, add_version, set_evaluators, report, withdraw_report }
	prompts { create, fork, add_version }
	tools { register_tool, add_version }
	agents { compose, recompose }
	workers { register, update, add_bond, unbond, withdraw }
	attribution {
		open_channel, top_up, set_session_key, close_channel, withdraw_channel, submit_batch, credit, challenge,
		resolve, claim, claim_earnings, sweep_pool, set_parameters,
	}
	waits { set }
}

mod registry {
	use super::*;
	use pallet_registry::Call;

	fn attached(owner: &AccountId) -> AssetId {
		let asset = plain(owner, AssetKind::Prompt);
		Registry::attach(signed(owner), asset, 1, DocumentKind::Provenance, HASH, hints())
			.expect("it has funds");
		asset
	}

	pub fn set_price(count: u32) -> Vec<Transaction> {
		each(count, |_, who| Call::set_price { asset: plain(who, AssetKind::Prompt), price: PRICE })
	}

	pub fn transfer(count: u32) -> Vec<Transaction> {
		each(count, |number, who| {
			let asset = plain(who, AssetKind::Prompt);
			let holders = list(8, |index| (AccountId::new([index as u8; 32]), 1));
			Registry::set_holders(signed(who), asset, holders).expect("they are distinct");
			Call::transfer { asset, new_owner: partner(number) }
		})
	}

	pub fn set_holders(count: u32) -> Vec<Transaction> {
		each(count, |_, who| {
			let asset = plain(who, AssetKind::Prompt);
			let old = list(8, |index| (AccountId::new([index as u8; 32]), 1));
			Registry::set_holders(signed(who), asset, old).expect("they are distinct");
			Call::set_holders { asset, holders: list(8, |index| (AccountId::new([index as u8 + 8; 32]), 1)) }
		})
	}

	pub fn retire(count: u32) -> Vec<Transaction> {
		each(count, |_, who| Call::retire { asset: plain(who, AssetKind::Prompt) })
	}

	pub fn attach(count: u32) -> Vec<Transaction> {
		let kind = DocumentKind::Provenance;
		each(count, |_, who| Call::attach {
			asset: attached(who),
			version: 1,
			kind,
			content: HASH,
			hints: hints(),
		})
	}

	pub fn detach(count: u32) -> Vec<Transaction> {
		each(count, |_, who| Call::detach {
			asset: attached(who),
			version: 1,
			kind: DocumentKind::Provenance,
		})
	}
}

mod datanets {
	use super::*;
	use pallet_datanets::{Call, Decision, Review};

	pub fn create(count: u32) -> Vec<Transaction> {
		each(count, |_, _| Call::create {
			name: full(b'a'),
			description: full(b'a'),
			policy: Policy::Curated,
			curators: list(16, |number| AccountId::new([number as u8; 32])),
		})
	}

	pub fn set_curators(count: u32) -> Vec<Transaction> {
		each(count, |_, who| Call::set_curators {
			datanet: datanet(who, Policy::Curated, who),
			curators: list(16, |number| AccountId::new([number as u8 + 16; 32])),
		})
	}

	pub fn contribute(count: u32) -> Vec<Transaction> {
		let owner = other();
		each(count, |_, who| Call::contribute {
			datanet: datanet(&owner, Policy::Open, who),
			items: items(128),
		})
	}

	pub fn review(count: u32) -> Vec<Transaction> {
		let owner = other();
		each(count, |_, who| {
			let datanet = datanet(&owner, Policy::Curated, who);
			let (senders, texts) = (128, items(128));
			for (number, item) in (0..senders).zip(texts) {
				let item = vec![item].try_into().expect("one is allowed");
				Datanets::contribute(signed(&partner(number)), datanet, item).expect("it has funds");
			}
			Call::review {
				datanet,
				decisions: list(128, |index| Decision { index, verdict: Review::Accept }),
			}
		})
	}

	pub fn snapshot(count: u32) -> Vec<Transaction> {
		let owner = other();
		each(count, |_, who| {
			let datanet = datanet(&owner, Policy::Open, who);
			Datanets::contribute(signed(&owner), datanet, items(127)).expect("the owner has funds");
			Call::snapshot { datanet }
		})
	}

	pub fn tombstone(count: u32) -> Vec<Transaction> {
		let owner = other();
		each(count, |_, who| {
			let datanet = datanet(&owner, Policy::Open, who);
			Datanets::contribute(signed(&owner), datanet, items(1)).expect("the owner has funds");
			Call::tombstone { datanet, index: 0 }
		})
	}

	pub fn withdraw(count: u32) -> Vec<Transaction> {
		let owner = other();
		each(count, |_, who| {
			let datanet = datanet(&owner, Policy::Curated, &owner);
			Datanets::contribute(signed(who), datanet, items(1)).expect("the contributor has funds");
			Call::withdraw { datanet, index: 0 }
		})
	}
}

mod grants {
	use super::*;
	use pallet_grants::Call;

	const PURPOSE: Purpose = Purpose::Train;

	fn granted(owner: &AccountId, grantee: &AccountId) -> DataNetId {
		let datanet = private(owner);
		ask(grantee, datanet);
		Grants::grant(signed(owner), datanet, grantee.clone(), PURPOSE, capsule()).expect("it was asked for");
		datanet
	}

	pub fn announce(count: u32) -> Vec<Transaction> {
		each(count, |_, _| Call::announce { recipient: HASH })
	}

	pub fn withdraw_recipient(count: u32) -> Vec<Transaction> {
		each(count, |_, who| {
			Grants::announce(signed(who), HASH).expect("it has funds");
			Call::withdraw_recipient {}
		})
	}

	pub fn set_recipient(count: u32) -> Vec<Transaction> {
		each(count, |_, who| Call::set_recipient {
			datanet: datanet(who, Policy::Open, who),
			recipient: HASH,
		})
	}

	pub fn offer(count: u32) -> Vec<Transaction> {
		each(count, |_, who| Call::offer { datanet: private(who), purpose: PURPOSE, price: Some(1) })
	}

	pub fn request(count: u32) -> Vec<Transaction> {
		let owner = other();
		each(count, |_, who| {
			Grants::announce(signed(who), HASH).expect("it has funds");
			Call::request { datanet: private(&owner), purpose: PURPOSE, most: TRB }
		})
	}

	pub fn withdraw_request(count: u32) -> Vec<Transaction> {
		let owner = other();
		each(count, |_, who| {
			let datanet = private(&owner);
			ask(who, datanet);
			Call::withdraw_request { datanet, purpose: PURPOSE }
		})
	}

	pub fn refuse(count: u32) -> Vec<Transaction> {
		each(count, |number, who| {
			let (datanet, grantee) = (private(who), partner(number));
			ask(&grantee, datanet);
			Call::refuse { datanet, grantee, purpose: PURPOSE }
		})
	}

	pub fn grant(count: u32) -> Vec<Transaction> {
		each(count, |number, who| {
			let (datanet, grantee) = (private(who), partner(number));
			ask(&grantee, datanet);
			Call::grant { datanet, grantee, purpose: PURPOSE, capsule: capsule() }
		})
	}

	pub fn revoke(count: u32) -> Vec<Transaction> {
		each(count, |number, who| {
			let grantee = partner(number);
			Call::revoke { datanet: granted(who, &grantee), grantee, purpose: PURPOSE }
		})
	}

	pub fn renounce(count: u32) -> Vec<Transaction> {
		let owner = other();
		each(count, |_, who| Call::renounce { datanet: granted(&owner, who), purpose: PURPOSE })
	}
}

mod adapters {
	use super::*;
	use pallet_adapters::Call;

	fn metric(number: u32) -> pallet_adapters::Metric {
		list(64, |_| b'a' + number as u8)
	}

	/// An adapter on which 8 evaluators, the last named here, have 4 reports each.
	fn reported(last: &AccountId, benchmark: SnapshotRef) -> AssetId {
		let owner = other();
		let asset = plain(&owner, AssetKind::Adapter);
		let mut evaluators: pallet_adapters::EvaluatorList<_> = list(7, |number| partner(1_000_000 + number));
		evaluators.try_push(last.clone()).expect("one more is allowed");
		Adapters::set_evaluators(signed(&owner), asset, evaluators.clone()).expect("they are distinct");
		for evaluator in evaluators {
			for number in 0..4 {
				Adapters::report(signed(&evaluator), asset, 1, benchmark, metric(number), 1, HASH)
					.expect("it has funds");
			}
		}
		asset
	}

	fn benchmark() -> SnapshotRef {
		snapshots::<polkadot_sdk::frame_support::traits::ConstU32<1>>(1)[0]
	}

	pub fn register_base(count: u32) -> Vec<Transaction> {
		each(count, |_, _| Call::register_base {
			name: full(b'a'),
			content: HASH,
			hints: hints(),
			price: PRICE,
		})
	}

	pub fn register_adapter(count: u32) -> Vec<Transaction> {
		let training = training(first(plain(&other(), AssetKind::BaseModel)));
		let parents = parents();
		each(count, |_, _| Call::register_adapter {
			name: full(b'a'),
			content: HASH,
			hints: hints(),
			price: PRICE,
			parents: parents.clone(),
			training: training.clone(),
		})
	}

	pub fn add_version(count: u32) -> Vec<Transaction> {
		let training = training(first(plain(&other(), AssetKind::BaseModel)));
		let parents = parents();
		each(count, |_, who| Call::add_version {
			asset: plain(who, AssetKind::Adapter),
			content: HASH,
			hints: hints(),
			parents: parents.clone(),
			training: Some(training.clone()),
		})
	}

	pub fn set_evaluators(count: u32) -> Vec<Transaction> {
		each(count, |_, who| {
			let asset = plain(who, AssetKind::Adapter);
			let old = list(8, |number| partner(1_000_000 + number));
			Adapters::set_evaluators(signed(who), asset, old).expect("they are distinct");
			for number in 0..8 {
				let vault = VaultKey::Evaluators(asset);
				assert!(Attribution::set_weight(vault, partner(1_000_000 + number).as_ref(), 1).is_ok());
			}
			Call::set_evaluators { asset, evaluators: list(8, |number| partner(2_000_000 + number)) }
		})
	}

	/// In the place of one of 32.
	pub fn report(count: u32) -> Vec<Transaction> {
		let benchmark = benchmark();
		each(count, |_, who| {
			let asset = reported(&other(), benchmark);
			let new = vec![who.clone()].try_into().expect("one is allowed");
			Adapters::set_evaluators(signed(&other()), asset, new).expect("it is one");
			Call::report { asset, version: 1, benchmark, metric: metric(0), score: 1, report: HASH }
		})
	}

	pub fn withdraw_report(count: u32) -> Vec<Transaction> {
		let benchmark = benchmark();
		each(count, |_, who| Call::withdraw_report {
			asset: reported(who, benchmark),
			version: 1,
			metric: metric(3),
		})
	}
}

mod prompts {
	use super::*;
	use pallet_prompts::Call;

	pub fn create(count: u32) -> Vec<Transaction> {
		each(count, |_, _| Call::create { name: full(b'a'), content: HASH, hints: hints(), price: PRICE })
	}

	pub fn fork(count: u32) -> Vec<Transaction> {
		let parent = first(descendant(AssetKind::Prompt));
		each(count, |_, _| Call::fork {
			parent,
			name: full(b'a'),
			content: HASH,
			hints: hints(),
			price: PRICE,
		})
	}

	pub fn add_version(count: u32) -> Vec<Transaction> {
		let parent = descendant(AssetKind::Prompt);
		each(count, |_, who| Call::add_version {
			asset: child(who, AssetKind::Prompt, parent),
			content: HASH,
			hints: hints(),
		})
	}
}

mod tools {
	use super::*;
	use pallet_tools::{Call, Server};

	fn server() -> Server {
		let mut url = b"https://".to_vec();
		url.resize(256, b'a');
		url.try_into().expect("as long as a URL may be")
	}

	pub fn register_tool(count: u32) -> Vec<Transaction> {
		each(count, |_, _| Call::register_tool {
			name: full(b'a'),
			server: server(),
			identity: full(b'a'),
			content: HASH,
			hints: hints(),
			price: 1,
		})
	}

	pub fn add_version(count: u32) -> Vec<Transaction> {
		each(count, |_, who| Call::add_version {
			tool: plain(who, AssetKind::Tool),
			server: server(),
			identity: full(b'a'),
			content: HASH,
			hints: hints(),
			price: 1,
		})
	}
}

mod agents {
	use super::*;
	use pallet_agents::Call;

	pub fn compose(count: u32) -> Vec<Transaction> {
		let composition = composition();
		each(count, |number, _| Call::compose { name: agent_name(number), composition: composition.clone() })
	}

	pub fn recompose(count: u32) -> Vec<Transaction> {
		let composition = composition();
		each(count, |number, who| {
			let agent = pallet_registry::NextAsset::<Runtime>::get();
			Agents::compose(signed(who), agent_name(number), composition.clone()).expect("its parts exist");
			let price = Price { input: 2 * TRB, output: TRB };
			Call::recompose {
				agent,
				composition: pallet_agents::Composition { price, ..composition.clone() },
			}
		})
	}
}

mod workers {
	use super::*;
	use pallet_workers::Call;

	pub fn register(count: u32) -> Vec<Transaction> {
		each(count, |number, _| Call::register {
			service_key: partner(number),
			endpoint: endpoint(),
			models: list(16, |model| model),
			bond: BOND,
		})
	}

	pub fn update(count: u32) -> Vec<Transaction> {
		each(count, |number, who| {
			super::register(who, partner(number));
			let (service_key, models) = (partner(1_000_000 + number), list(16, |model| model));
			Call::update { service_key, endpoint: endpoint(), models }
		})
	}

	pub fn add_bond(count: u32) -> Vec<Transaction> {
		each(count, |number, who| {
			super::register(who, partner(number));
			Call::add_bond { amount: 1 }
		})
	}

	pub fn unbond(count: u32) -> Vec<Transaction> {
		each(count, |number, who| {
			super::register(who, partner(number));
			Call::unbond {}
		})
	}

	pub fn withdraw(count: u32) -> Vec<Transaction> {
		each(count, |number, who| {
			super::register(who, partner(number));
			pallet_workers::Workers::<Runtime>::mutate(who, |worker| {
				if let Some(worker) = worker {
					worker.unbonds_at = Some(0);
				}
			});
			Call::withdraw {}
		})
	}
}

mod attribution {
	use super::*;
	use pallet_attribution::{Call, Channels, PendingBatch};

	fn worker() -> AccountId {
		let worker = partner(9_000_000);
		super::register(&worker, partner(9_000_001));
		worker
	}

	pub fn open_channel(count: u32) -> Vec<Transaction> {
		let worker = worker();
		each(count, |_, _| Call::open_channel {
			worker: worker.clone(),
			deposit: TRB,
			session_key: Some(HASH),
		})
	}

	pub fn top_up(count: u32) -> Vec<Transaction> {
		let worker = worker();
		each(count, |number, who| {
			channel(who, &worker, number);
			Call::top_up { worker: worker.clone(), amount: 1 }
		})
	}

	pub fn set_session_key(count: u32) -> Vec<Transaction> {
		let worker = worker();
		each(count, |number, who| {
			channel(who, &worker, number);
			Call::set_session_key { worker: worker.clone(), session_key: Some([8; 32]) }
		})
	}

	pub fn close_channel(count: u32) -> Vec<Transaction> {
		let worker = worker();
		each(count, |number, who| {
			channel(who, &worker, number);
			Call::close_channel { worker: worker.clone() }
		})
	}

	pub fn withdraw_channel(count: u32) -> Vec<Transaction> {
		let worker = worker();
		each(count, |number, who| {
			let closed = pallet_attribution::Channel { closes_at: Some(0), ..channel(who, &worker, number) };
			Channels::<Runtime>::insert(who, &worker, closed);
			Call::withdraw_channel { worker: worker.clone() }
		})
	}

	pub fn submit_batch(count: u32) -> Vec<Transaction> {
		pot();
		let owner = other();
		let agents: Vec<_> = (0..8)
			.map(|number| {
				let parts = pallet_agents::Composition { datanets: Default::default(), ..composition() };
				let skills =
					parts.skills.iter().cloned().map(|skill| pallet_agents::Skill { datanets: 0, ..skill });
				let skills = skills.collect::<Vec<_>>().try_into().expect("as many as before");
				let agent = pallet_registry::NextAsset::<Runtime>::get();
				let parts = pallet_agents::Composition { skills, ..parts };
				Agents::compose(signed(&owner), agent_name(number), parts).expect("its parts exist");
				Served { agent: first(agent), skills: SkillSet(u8::MAX) }
			})
			.collect();
		each(count, |number, who| full_batch(who, number, &agents))
	}

	/// One batch with as many credits as possible.
	pub fn credit(count: u32) -> Vec<Transaction> {
		each(count, |number, _| {
			let worker = partner(number);
			let first = number * MAX_CREDITS_PER_BATCH;
			let credits = list(MAX_CREDITS_PER_BATCH, |index| (VaultKey::Asset(first + index), 1));
			pending(&worker, batch(0), PendingBatch { credits, ..Default::default() });
			Call::credit { worker, limit: 1 }
		})
	}

	pub fn challenge(count: u32) -> Vec<Transaction> {
		each(count, |number, _| {
			let (worker, fault) = (partner(number), Fault::Earnings);
			let batch = pallet_attribution::Batch { matures_at: u32::MAX, ..batch(0) };
			pending(&worker, batch, PendingBatch::default());
			Call::challenge { worker, sequence: 0, fault, evidence: HASH }
		})
	}

	/// Voids a batch of 256 channels.
	pub fn resolve(count: u32) -> Vec<Transaction> {
		pot();
		by_root(count, |number| {
			let (worker, challenger) = (partner(number), other());
			super::register(&worker, partner(1_000_000 + number));
			let charged = list(256, |index| {
				let payer = partner(2_000_000 + index);
				channel(&payer, &worker, index);
				pallet_attribution::Charged { payer: payer.into(), channel: index.into(), amount: 1 }
			});
			let batch = pallet_attribution::Batch { status: BatchStatus::Challenged, ..batch(0) };
			pending(&worker, batch, PendingBatch { charged, ..Default::default() });
			let reason = pallet_attribution::HoldReason::Challenge.into();
			Balances::hold(&reason, &challenger, 10 * TRB).expect("it has funds");
			let challenge = pallet_attribution::Challenge {
				challenger: challenger.into(),
				bond: 10 * TRB,
				fault: Fault::Earnings,
				evidence: HASH,
			};
			pallet_attribution::Challenges::<Runtime>::insert(&worker, 0, challenge);
			Call::resolve { worker, sequence: 0, verdict: Verdict::Void { slash: PPM } }
		})
	}

	pub fn claim(count: u32) -> Vec<Transaction> {
		pot();
		each(count, |number, who| {
			use pallet_attribution::vault::{Holder, Vault};
			let vault = VaultKey::Asset(number);
			let state = Vault { total_weight: 1, rest: FEE, credited: FEE, ..Default::default() };
			pallet_attribution::Vaults::<Runtime>::insert(vault, state);
			pallet_attribution::Holders::<Runtime>::insert(
				who,
				vault,
				Holder { weight: 1, ..Default::default() },
			);
			Call::claim { vault }
		})
	}

	/// With 17 siblings: a tree of 131,072 earners.
	pub fn claim_earnings(count: u32) -> Vec<Transaction> {
		pot();
		each(count, |number, who| {
			let worker = partner(number);
			let proof = proof(&worker, Earner::Account(who.clone().into()));
			Call::claim_earnings { worker, cumulative: FEE, proof }
		})
	}

	pub fn sweep_pool(count: u32) -> Vec<Transaction> {
		each(count, |number, _| {
			let worker = partner(number);
			let proof = proof(&worker, Earner::Pool(number));
			Call::sweep_pool { worker, datanet: number, cumulative: FEE, proof }
		})
	}

	pub fn set_parameters(count: u32) -> Vec<Transaction> {
		let parameters = Parameters { split: SplitTable::default(), platform_fee: 1 };
		by_root(count, |_| Call::set_parameters { parameters })
	}
}

mod waits {
	use super::*;

	pub fn set(count: u32) -> Vec<Transaction> {
		by_root(count, |_| delays::Call::set { waits: Waits::default() })
	}
}
