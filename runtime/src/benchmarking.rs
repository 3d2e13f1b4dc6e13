//! What is benchmarked, and what benchmarks need of several pallets.

use crate::{constants::TRB, *};
use alloc::{string::String, vec, vec::Vec};
use frame_benchmarking::{define_benchmarks, BenchmarkBatch, BenchmarkConfig, BenchmarkList};
use frame_support::traits::{Get, StorageInfo, StorageInfoTrait, TrackedStorageKey, WhitelistedStorageKeys};
use frame_system_benchmarking::extensions::Pallet as SystemExtensions;
use pallet_agents::benchmarking::{composition, Ancestors};
use pallet_datanets::Item;
use tributary_primitives::{
	limits::MAX_AGENT_SKILLS, views::Policy, AccountId as Id, AssetRef, DataNetId, Purpose, Served, SkillSet,
	SnapshotRef,
};

define_benchmarks!(
	[frame_system_extensions, SystemExtensions::<Runtime>]
	[pallet_transaction_payment, TransactionPayment]
	[delays, Delays]
	[pallet_registry, Registry]
	[pallet_datanets, Datanets]
	[pallet_grants, Grants]
	[pallet_adapters, Adapters]
	[pallet_prompts, Prompts]
	[pallet_tools, Tools]
	[pallet_agents, Agents]
	[pallet_workers, Workers]
	[pallet_validators, Validators]
	[pallet_attribution, Attribution]
);

impl frame_system_benchmarking::Config for Runtime {}
impl pallet_transaction_payment::BenchmarkConfig for Runtime {}

/// Which benchmarks there are, and the storage they touch.
pub fn metadata(extra: bool) -> (Vec<BenchmarkList>, Vec<StorageInfo>) {
	let mut list = Vec::<BenchmarkList>::new();
	list_benchmarks!(list, extra);
	(list, AllPalletsWithSystem::storage_info())
}

/// Runs benchmarks.
pub fn dispatch(config: BenchmarkConfig) -> Result<Vec<BenchmarkBatch>, String> {
	let whitelist: Vec<TrackedStorageKey> = AllPalletsWithSystem::whitelisted_storage_keys();
	let mut batches = Vec::<BenchmarkBatch>::new();
	let params = (&config, &whitelist);
	add_benchmarks!(params, batches);
	Ok(batches)
}

/// Sets up what benchmarks need of other pallets, through their calls.
pub struct Helper;

/// Owns what benchmarks use.
const OWNER: AccountId = AccountId::new([0xb0; 32]);

/// [`OWNER`], with funds for any deposit.
fn owner() -> RuntimeOrigin {
	fund(&OWNER);
	RuntimeOrigin::signed(OWNER)
}

fn fund(who: &AccountId) {
	use frame_support::traits::fungible::Mutate;
	Balances::set_balance(who, 1_000_000_000 * TRB);
}

/// A new DataNet of an account.
fn datanet(owner: RuntimeOrigin) -> DataNetId {
	let id = pallet_datanets::NextDataNet::<Runtime>::get();
	let name = vec![b'a'].try_into().expect("one byte is allowed");
	Datanets::create(owner, name, Default::default(), Policy::Open, Default::default())
		.expect("the owner has funds");
	id
}

/// The first snapshot of a DataNet, of one text.
fn snapshot(datanet: DataNetId) -> SnapshotRef {
	let licence = vec![b'a'].try_into().expect("one byte is allowed");
	let item = Item { content: [1; 32], bytes: 1, licence, metadata: Default::default() };
	let items = vec![item].try_into().expect("one is allowed");
	Datanets::contribute(owner(), datanet, items).expect("the owner has funds");
	Datanets::snapshot(owner(), datanet).expect("there is a text");
	SnapshotRef { datanet, version: 1 }
}

impl pallet_validators::benchmarking::BenchmarkHelper<SessionKeys> for Helper {
	fn keys(aura: sp_consensus_aura::sr25519::AuthorityId) -> SessionKeys {
		let grandpa =
			sp_core::ed25519::Public::from_raw(sp_io::hashing::blake2_256(&codec::Encode::encode(&aura)));
		SessionKeys { aura, grandpa: grandpa.into() }
	}
}

impl pallet_grants::benchmarking::BenchmarkHelper for Helper {
	fn datanet(owner: &Id) -> DataNetId {
		let owner = AccountId::new(*owner);
		fund(&owner);
		datanet(RuntimeOrigin::signed(owner))
	}
}

impl pallet_adapters::benchmarking::BenchmarkHelper for Helper {
	fn snapshots(who: &Id, count: u32) -> Vec<SnapshotRef> {
		let who = AccountId::new(*who);
		fund(&who);
		Grants::announce(RuntimeOrigin::signed(who.clone()), [1; 32]).expect("the account has funds");
		let private = |_| {
			let id = datanet(owner());
			Grants::set_recipient(owner(), id, [2; 32]).expect("the DataNet is empty");
			let capsule = vec![7].try_into().expect("one byte is allowed");
			Grants::grant(owner(), id, who.clone(), Purpose::Train, capsule).expect("the owner has funds");
			snapshot(id)
		};
		(0..count).map(private).collect()
	}
}

impl pallet_agents::benchmarking::BenchmarkHelper for Helper {
	fn snapshots(count: u32) -> Vec<SnapshotRef> {
		(0..count).map(|_| snapshot(datanet(owner()))).collect()
	}

	fn train(adapter: AssetRef, base: AssetRef) {
		let training = pallet_adapters::Training {
			base,
			rank: 1,
			snapshots: Default::default(),
			configuration: [0; 32],
		};
		pallet_adapters::Trainings::<Runtime>::insert(adapter.asset, adapter.version, training);
	}
}

impl pallet_attribution::benchmarking::BenchmarkHelper for Helper {
	fn worker(operator: &Id, service_key: &Id) {
		let endpoint = b"https://worker.example".to_vec().try_into().expect("shorter than a URL may be");
		let bond = <Runtime as pallet_workers::Config>::MinBond::get();
		let operator = RuntimeOrigin::signed(AccountId::new(*operator));
		Workers::register(operator, (*service_key).into(), endpoint, Default::default(), bond)
			.expect("the operator has funds");
	}

	fn agents(parts: &[[u32; 3]]) -> Vec<Served> {
		fund(&OWNER);
		let ancestors = Ancestors::new::<Runtime>(&OWNER);
		let agent = |(index, [adapters, prompts, tools]): (usize, &[u32; 3])| {
			// A skill is of at least one part.
			let skills = if adapters + prompts > 0 { MAX_AGENT_SKILLS } else { 0 };
			let counts = [*adapters, *prompts, 0, *tools, skills];
			let parts = composition::<Runtime>(&OWNER, &ancestors, counts);
			for tool in &parts.tools {
				let price =
					pallet_tools::Tool { server: Default::default(), identity: Default::default(), price: 1 };
				pallet_tools::Tools::<Runtime>::insert(tool.asset, tool.version, price);
			}
			for model in parts.models() {
				evaluate(model);
			}
			let name =
				alloc::format!("{index:064}").into_bytes().try_into().expect("as long as a name may be");
			let asset = pallet_registry::NextAsset::<Runtime>::get();
			Agents::compose(owner(), name, parts).expect("its parts exist");
			let skills = SkillSet(if skills > 0 { u8::MAX } else { 0 });
			Served { agent: AssetRef { asset, version: 1 }, skills }
		};
		parts.iter().enumerate().map(agent).collect()
	}
}

/// Gives an asset's evaluation income to somebody.
fn evaluate(model: u32) {
	use tributary_primitives::{traits::VaultHolders, VaultKey};
	assert!(Attribution::set_weight(VaultKey::Evaluators(model), &[3; 32], 1).is_ok());
}
