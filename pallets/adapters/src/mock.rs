//! A runtime with adapters on the real registry and DataNets; vault weights are kept by the registry's
//! stand-in.

use crate::{self as pallet_adapters, HoldReason, Training};
use frame::{
	testing_prelude::*,
	traits::{
		fungible::{HoldConsideration, InspectHold},
		LinearStoragePrice,
	},
};
use pallet_datanets::{Curators, Item};
pub use pallet_registry::mocking::text;
use pallet_registry::mocking::MockVaults;
use polkadot_sdk::{pallet_balances, polkadot_sdk_frame as frame, sp_runtime::AccountId32};
use tributary_primitives::{
	fee::Price, royalty::Parent, traits::VaultHolders, views::Policy, AssetId, AssetRef, Balance, DataNetId,
	SnapshotRef, VaultKey,
};

construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Registry: pallet_registry,
		Datanets: pallet_datanets,
		Grants: pallet_grants,
		Adapters: pallet_adapters,
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

parameter_types! {
	pub const ReportReason: RuntimeHoldReason = RuntimeHoldReason::Adapters(HoldReason::Report);
}

type StoragePrice = LinearStoragePrice<ConstU128<100>, ConstU128<1>, Balance>;

impl pallet_registry::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type DepositPrice = StoragePrice;
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

impl pallet_grants::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type Deposit = ();
	type DataNets = Datanets;
	type Vaults = MockVaults;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = ();
}

impl crate::Config for Test {
	type Snapshots = Datanets;
	type Access = Grants;
	type ReportDeposit = HoldConsideration<AccountId32, Balances, ReportReason, StoragePrice>;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = Helper;
}

/// Owns the test assets.
pub const ALICE: AccountId32 = AccountId32::new([1; 32]);
pub const BOB: AccountId32 = AccountId32::new([2; 32]);
pub const EVE: AccountId32 = AccountId32::new([3; 32]);
pub const POOR: AccountId32 = AccountId32::new([99; 32]);
pub const RICH: Balance = 10_000_000;

/// The base model of [`test`].
pub const BASE: AssetId = 0;
/// The adapter of [`test`].
pub const ADAPTER: AssetId = 1;
/// The snapshot of [`test`].
pub const SNAPSHOT: SnapshotRef = SnapshotRef { datanet: 0, version: 1 };

/// The snapshot of [`test`] that nothing is trained on.
pub const BENCHMARK: SnapshotRef = SnapshotRef { datanet: 1, version: 1 };

/// Runs `body` with a base model, two DataNets' snapshots and an adapter trained on the first, and checks
/// the invariants after it.
pub fn test(body: impl FnOnce()) {
	let balances = (1..=20).map(|number| (AccountId32::new([number; 32]), RICH)).collect();
	let genesis = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig { balances, ..Default::default() },
		..Default::default()
	};
	TestState::new(genesis.build_storage().unwrap()).execute_with(|| {
		System::set_block_number(1);
		take_snapshot(SNAPSHOT.datanet);
		take_snapshot(BENCHMARK.datanet);
		register_base();
		register_adapter(training()).unwrap();
		body();
		Adapters::do_try_state().unwrap();
	});
}

fn take_snapshot(datanet: DataNetId) {
	create(datanet);
	fill(datanet);
}

/// ALICE's next DataNet, which gets this id.
pub fn create(datanet: DataNetId) {
	assert_eq!(pallet_datanets::NextDataNet::<Test>::get(), datanet);
	let none: Curators<AccountId32> = Default::default();
	assert_ok!(Datanets::create(signed(ALICE), text("rivers"), text(""), Policy::Open, none));
}

/// Adds a text of BOB, whose hash is made of `number`.
pub fn contribute(datanet: DataNetId, number: u8) {
	let item = Item { content: [number; 32], bytes: 1, licence: text("CC0-1.0"), metadata: text("") };
	assert_ok!(Datanets::contribute(signed(BOB), datanet, vec![item].try_into().unwrap()));
}

/// Adds the first text and takes the first snapshot.
pub fn fill(datanet: DataNetId) {
	contribute(datanet, 1);
	assert_ok!(Datanets::snapshot(signed(ALICE), datanet));
}

pub fn register_base() {
	let price = Price { input: 1, output: 2 };
	assert_ok!(Adapters::register_base(signed(ALICE), text("base"), [1; 32], Default::default(), price));
}

pub fn register_adapter(training: Training) -> DispatchResult {
	let (price, parents) = (Price { input: 3, output: 4 }, parents(&[]));
	Adapters::register_adapter(
		signed(ALICE),
		text("lora"),
		[2; 32],
		Default::default(),
		price,
		parents,
		training,
	)
}

pub fn training() -> Training {
	Training {
		base: AssetRef { asset: BASE, version: 1 },
		rank: 8,
		snapshots: vec![SNAPSHOT].try_into().unwrap(),
		configuration: [3; 32],
	}
}

pub fn parents<S: Get<u32>>(of: &[(AssetId, u32)]) -> BoundedVec<Parent, S> {
	let parents: Vec<_> = of.iter().map(|(asset, share)| Parent { asset: *asset, share: *share }).collect();
	parents.try_into().unwrap()
}

pub fn signed(who: AccountId32) -> RuntimeOrigin {
	RuntimeOrigin::signed(who)
}

pub fn held(who: &AccountId32) -> Balance {
	Balances::balance_on_hold(&HoldReason::Report.into(), who)
}

pub fn weight(asset: AssetId, evaluator: &AccountId32) -> u64 {
	MockVaults::weight(VaultKey::Evaluators(asset), evaluator.as_ref())
}

/// Storage without anything a test sets up.
#[cfg(feature = "runtime-benchmarks")]
pub fn empty() -> TestState {
	TestState::new(RuntimeGenesisConfig::default().build_storage().unwrap())
}

/// Takes snapshots of private DataNets.
#[cfg(feature = "runtime-benchmarks")]
pub struct Helper;

#[cfg(feature = "runtime-benchmarks")]
impl crate::benchmarking::BenchmarkHelper for Helper {
	fn snapshots(who: &[u8; 32], count: u32) -> Vec<SnapshotRef> {
		use tributary_primitives::Purpose;
		assert_ok!(Grants::announce(signed((*who).into()), [1; 32]));
		let first = pallet_datanets::NextDataNet::<Test>::get();
		let take = |datanet| {
			create(datanet);
			assert_ok!(Grants::set_recipient(signed(ALICE), datanet, [2; 32]));
			let capsule = vec![7].try_into().unwrap();
			assert_ok!(Grants::grant(signed(ALICE), datanet, (*who).into(), Purpose::Train, capsule));
			fill(datanet);
			SnapshotRef { datanet, version: 1 }
		};
		(first..first + count).map(take).collect()
	}
}
