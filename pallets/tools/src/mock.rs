//! A runtime with tools on the real registry; vault weights are kept by the registry's stand-in.

use crate as pallet_tools;
use frame::{testing_prelude::*, traits::LinearStoragePrice};
pub use pallet_registry::mocking::text;
use pallet_registry::mocking::MockVaults;
use polkadot_sdk::{pallet_balances, polkadot_sdk_frame as frame, sp_runtime::AccountId32};
use tributary_primitives::{AssetId, AssetRef, Balance};

construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Registry: pallet_registry,
		Tools: pallet_tools,
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

impl crate::Config for Test {
	type WeightInfo = ();
}

pub const ALICE: AccountId32 = AccountId32::new([1; 32]);
pub const BOB: AccountId32 = AccountId32::new([2; 32]);
pub const POOR: AccountId32 = AccountId32::new([9; 32]);

pub const SERVER: &str = "https://tools.example/mcp";
pub const IDENTITY: &str = "everything 1.0.0";

/// Runs `body` and checks the invariants after it.
pub fn test(body: impl FnOnce()) {
	let balances = [ALICE, BOB].map(|who| (who, 10_000_000)).to_vec();
	let genesis = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig { balances, ..Default::default() },
		..Default::default()
	};
	TestState::new(genesis.build_storage().unwrap()).execute_with(|| {
		System::set_block_number(1);
		body();
		Tools::do_try_state().unwrap();
	});
}

pub fn signed(who: AccountId32) -> RuntimeOrigin {
	RuntimeOrigin::signed(who)
}

/// A tool of ALICE's.
pub fn register(server: &str, identity: &str, price: Balance) -> DispatchResult {
	let none = Default::default();
	Tools::register_tool(
		signed(ALICE),
		text("calculator"),
		text(server),
		text(identity),
		[1; 32],
		none,
		price,
	)
}

/// The next version of a tool, at [`SERVER`].
pub fn add_version(who: AccountId32, tool: AssetId, price: Balance) -> DispatchResult {
	let hints = vec![text("https://tools.example/list.json")].try_into().unwrap();
	Tools::add_version(signed(who), tool, text(SERVER), text("everything 2.0.0"), [2; 32], hints, price)
}

pub fn version(asset: AssetId, version: u32) -> AssetRef {
	AssetRef { asset, version }
}

/// Storage without anything a test sets up.
#[cfg(feature = "runtime-benchmarks")]
pub fn empty() -> TestState {
	TestState::new(RuntimeGenesisConfig::default().build_storage().unwrap())
}
