//! A runtime with DataNets alone; vault weights are kept by the registry's stand-in.

use crate::{self as pallet_datanets, HoldReason, Item, Items};
use frame::{
	testing_prelude::*,
	traits::{
		fungible::{HoldConsideration, InspectHold},
		LinearStoragePrice,
	},
};
pub use pallet_registry::mocking::text;
use pallet_registry::mocking::MockVaults;
use polkadot_sdk::{pallet_balances, polkadot_sdk_frame as frame, sp_runtime::AccountId32};
use tributary_primitives::{
	traits::VaultHolders,
	views::{ContributionStatus, Policy},
	Balance, ContributionIndex, DataNetId, VaultKey,
};

construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Datanets: pallet_datanets,
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
	pub const DataNetReason: RuntimeHoldReason = RuntimeHoldReason::Datanets(HoldReason::DataNet);
	pub const ContributionReason: RuntimeHoldReason = RuntimeHoldReason::Datanets(HoldReason::Contribution);
	pub const SnapshotReason: RuntimeHoldReason = RuntimeHoldReason::Datanets(HoldReason::Snapshot);
}

type Price = LinearStoragePrice<ConstU128<100>, ConstU128<1>, Balance>;

impl crate::Config for Test {
	type DataNetDeposit = HoldConsideration<AccountId32, Balances, DataNetReason, Price>;
	type ContributionDeposit = HoldConsideration<AccountId32, Balances, ContributionReason, Price>;
	type SnapshotDeposit = HoldConsideration<AccountId32, Balances, SnapshotReason, Price>;
	type Vaults = MockVaults;
	type WeightInfo = ();
}

/// Owns the test DataNets.
pub const OWNER: AccountId32 = AccountId32::new([1; 32]);
/// Reviews in the curated one.
pub const CURATOR: AccountId32 = AccountId32::new([2; 32]);
pub const ALICE: AccountId32 = AccountId32::new([3; 32]);
pub const BOB: AccountId32 = AccountId32::new([4; 32]);
pub const POOR: AccountId32 = AccountId32::new([9; 32]);
pub const RICH: Balance = 10_000_000;

/// DataNet 0 of [`test`].
pub const OPEN: DataNetId = 0;
/// DataNet 1 of [`test`].
pub const CURATED: DataNetId = 1;

/// Runs `body` in block 5 with an open and a curated DataNet and checks the invariants after it.
pub fn test(body: impl FnOnce()) {
	let balances = [OWNER, CURATOR, ALICE, BOB].map(|who| (who, RICH)).to_vec();
	let genesis = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig { balances, ..Default::default() },
		..Default::default()
	};
	TestState::new(genesis.build_storage().unwrap()).execute_with(|| {
		System::set_block_number(5);
		assert_ok!(Datanets::create(signed(OWNER), text("rivers"), text(""), Policy::Open, curators(&[])));
		let reviewers = curators(&[CURATOR]);
		assert_ok!(Datanets::create(signed(OWNER), text("seas"), text("deep"), Policy::Curated, reviewers));
		body();
		Datanets::do_try_state().unwrap();
	});
}

pub fn signed(who: AccountId32) -> RuntimeOrigin {
	RuntimeOrigin::signed(who)
}

pub fn held(reason: HoldReason, who: &AccountId32) -> Balance {
	Balances::balance_on_hold(&reason.into(), who)
}

pub fn weight(datanet: DataNetId, who: &AccountId32) -> u64 {
	MockVaults::weight(VaultKey::Pool(datanet), who.as_ref())
}

pub fn status(datanet: DataNetId, index: ContributionIndex) -> ContributionStatus {
	Datanets::contribution(datanet, index).unwrap().status
}

pub fn curators(of: &[AccountId32]) -> crate::Curators<AccountId32> {
	of.to_vec().try_into().unwrap()
}

/// A text whose content hash is made of `number`.
pub fn item(number: u32) -> Item {
	let mut content = [0; 32];
	content[..4].copy_from_slice(&number.to_le_bytes());
	Item { content, bytes: 99, licence: text("CC0-1.0"), metadata: text("a title") }
}

pub fn items(numbers: impl IntoIterator<Item = u32>) -> Items {
	numbers.into_iter().map(item).collect::<Vec<_>>().try_into().unwrap()
}

pub fn contribute(who: AccountId32, datanet: DataNetId, numbers: impl IntoIterator<Item = u32>) {
	assert_ok!(Datanets::contribute(signed(who), datanet, items(numbers)));
}

/// Storage without anything a test sets up.
#[cfg(feature = "runtime-benchmarks")]
pub fn empty() -> TestState {
	TestState::new(RuntimeGenesisConfig::default().build_storage().unwrap())
}
