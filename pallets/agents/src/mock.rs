//! A runtime with agents on the real registry, DataNets, adapters, prompts and tools; vault weights are kept
//! by the registry's stand-in.

use crate::{self as pallet_agents, Composition, Skill};
use frame::{testing_prelude::*, traits::LinearStoragePrice};
use pallet_adapters::Training;
use pallet_datanets::Item;
pub use pallet_registry::mocking::text;
use pallet_registry::mocking::MockVaults;
use polkadot_sdk::{pallet_balances, polkadot_sdk_frame as frame, sp_runtime::AccountId32};
use tributary_primitives::{
	fee::Price, views::Policy, AssetId, AssetRef, Balance, DataNetId, SnapshotRef, PPM,
};

construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Registry: pallet_registry,
		Datanets: pallet_datanets,
		Adapters: pallet_adapters,
		Prompts: pallet_prompts,
		Tools: pallet_tools,
		Agents: pallet_agents,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = MockBlock<Test>;
	type AccountId = AccountId32;
	type Lookup = IdentityLookup<AccountId32>;
	type DbWeight = frame::deps::frame_support::weights::constants::RocksDbWeight;
	type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type Balance = Balance;
	type ExistentialDeposit = ConstU128<10>;
	type AccountStore = System;
}

impl pallet_registry::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type DepositPrice = LinearStoragePrice<ConstU128<100>, ConstU128<1>, Balance>;
	type Vaults = MockVaults;
	type WeightInfo = ();
}

impl pallet_datanets::Config for Test {
	type DataNetDeposit = ();
	type ContributionDeposit = ();
	type SnapshotDeposit = ();
	type Vaults = MockVaults;
	type WeightInfo = ();
}

impl pallet_adapters::Config for Test {
	type Snapshots = Datanets;
	type Access = ();
	type ReportDeposit = ();
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = ();
}

impl pallet_prompts::Config for Test {
	type ForkShare = ConstU32<200_000>;
	type WeightInfo = ();
}

impl pallet_tools::Config for Test {
	type WeightInfo = ();
}

impl crate::Config for Test {
	type Bases = Adapters;
	type Snapshots = Datanets;
	type Tools = Tools;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = Helper;
}

/// Owns the parts.
pub const ALICE: AccountId32 = AccountId32::new([1; 32]);
/// Composes.
pub const BOB: AccountId32 = AccountId32::new([2; 32]);
pub const POOR: AccountId32 = AccountId32::new([9; 32]);

/// The base model of [`test`]: asks 1 in, 2 out.
pub const BASE: AssetId = 0;
/// An adapter on it: asks 3 in, 4 out.
pub const ADAPTER: AssetId = 1;
/// A prompt: asks 5 in, 6 out.
pub const PROMPT: AssetId = 2;
/// A tool: asks 30 a call.
pub const TOOL: AssetId = 3;
/// What they ask together.
pub const FLOOR: Price = Price { input: 9, output: 12 };
/// The id that the first agent gets.
pub const AGENT: AssetId = 4;

/// Runs `body` with a base model, an adapter, a prompt, a tool and two DataNets' snapshots, and checks the
/// invariants after it.
pub fn test(body: impl FnOnce()) {
	let balances = [ALICE, BOB].map(|who| (who, 100_000_000)).to_vec();
	let genesis = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig { balances, ..Default::default() },
		..Default::default()
	};
	TestState::new(genesis.build_storage().unwrap()).execute_with(|| {
		System::set_block_number(1);
		take_snapshot(0);
		take_snapshot(1);
		register_base();
		register_adapter(BASE);
		create_prompt();
		register_tool(30);
		body();
		Agents::do_try_state().unwrap();
	});
}

pub fn take_snapshot(datanet: DataNetId) {
	if Datanets::datanet(datanet).is_none() {
		let none = Default::default();
		assert_ok!(Datanets::create(signed(ALICE), text("rivers"), text(""), Policy::Open, none));
	}
	let content = [Datanets::datanet(datanet).unwrap().contributions as u8; 32];
	let item = Item { content, bytes: 1, licence: text("CC0-1.0"), metadata: text("") };
	assert_ok!(Datanets::contribute(signed(ALICE), datanet, vec![item].try_into().unwrap()));
	assert_ok!(Datanets::snapshot(signed(ALICE), datanet));
}

pub fn register_base() {
	let price = Price { input: 1, output: 2 };
	assert_ok!(Adapters::register_base(signed(ALICE), text("base"), [1; 32], Default::default(), price));
}

pub fn register_adapter(base: AssetId) {
	assert_ok!(Adapters::register_adapter(
		signed(ALICE),
		text("lora"),
		[2; 32],
		Default::default(),
		Price { input: 3, output: 4 },
		Default::default(),
		training(base),
	));
}

pub fn training(base: AssetId) -> Training {
	let base = AssetRef { asset: base, version: 1 };
	Training { base, rank: 8, snapshots: Default::default(), configuration: [0; 32] }
}

pub fn create_prompt() {
	let price = Price { input: 5, output: 6 };
	assert_ok!(Prompts::create(signed(ALICE), text("poet"), [3; 32], Default::default(), price));
}

pub fn register_tool(price: Balance) {
	let (server, identity) = (text("stdio:git"), text("git 1.0"));
	let none = Default::default();
	assert_ok!(Tools::register_tool(signed(ALICE), text("git"), server, identity, [4; 32], none, price));
}

/// The first version of an asset.
pub fn first(asset: AssetId) -> AssetRef {
	AssetRef { asset, version: 1 }
}

pub fn snapshot(datanet: DataNetId) -> SnapshotRef {
	SnapshotRef { datanet, version: 1 }
}

/// A skill of the composition's adapter and its second DataNet.
pub fn skill() -> Skill {
	Skill {
		description: text("Answers about rivers."),
		threshold: 250_000,
		adapters: 1,
		prompts: 0,
		datanets: 2,
	}
}

/// A composition of everything there is.
pub fn composition() -> Composition {
	Composition {
		base: first(BASE),
		adapters: vec![(first(ADAPTER), PPM)].try_into().unwrap(),
		prompts: vec![first(PROMPT)].try_into().unwrap(),
		datanets: vec![snapshot(0), snapshot(1)].try_into().unwrap(),
		tools: vec![first(TOOL)].try_into().unwrap(),
		skills: vec![skill()].try_into().unwrap(),
		price: FLOOR,
	}
}

pub fn compose(name: &str, composition: Composition) -> DispatchResult {
	Agents::compose(signed(BOB), text(name), composition)
}

pub fn signed(who: AccountId32) -> RuntimeOrigin {
	RuntimeOrigin::signed(who)
}

/// Storage without anything a test sets up.
#[cfg(feature = "runtime-benchmarks")]
pub fn empty() -> TestState {
	TestState::new(RuntimeGenesisConfig::default().build_storage().unwrap())
}

/// Takes snapshots, and says what adapters were trained on.
#[cfg(feature = "runtime-benchmarks")]
pub struct Helper;

#[cfg(feature = "runtime-benchmarks")]
impl crate::benchmarking::BenchmarkHelper for Helper {
	fn snapshots(count: u32) -> Vec<SnapshotRef> {
		let first = pallet_datanets::NextDataNet::<Test>::get();
		(first..first + count)
			.map(|datanet| {
				take_snapshot(datanet);
				snapshot(datanet)
			})
			.collect()
	}

	fn train(adapter: AssetRef, base: AssetRef) {
		let training = Training { base, ..training(base.asset) };
		pallet_adapters::Trainings::<Test>::insert(adapter.asset, adapter.version, training);
	}
}
