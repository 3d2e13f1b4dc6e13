//! A runtime with prompts on the real registry; vault weights are kept by the registry's stand-in.

use crate as pallet_prompts;
use frame::{testing_prelude::*, traits::LinearStoragePrice};
pub use pallet_registry::mocking::text;
use pallet_registry::mocking::MockVaults;
use polkadot_sdk::{pallet_balances, polkadot_sdk_frame as frame, sp_runtime::AccountId32};
use tributary_primitives::{fee::Price, AssetId, AssetRef, Balance};

construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Registry: pallet_registry,
		Prompts: pallet_prompts,
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
	type ForkShare = ConstU32<200_000>;
	type WeightInfo = ();
}

pub const ALICE: AccountId32 = AccountId32::new([1; 32]);
pub const BOB: AccountId32 = AccountId32::new([2; 32]);
pub const POOR: AccountId32 = AccountId32::new([9; 32]);

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
		Prompts::do_try_state().unwrap();
	});
}

pub fn signed(who: AccountId32) -> RuntimeOrigin {
	RuntimeOrigin::signed(who)
}

pub const PRICE: Price = Price { input: 5, output: 6 };

/// ALICE's next prompt.
pub fn create() {
	assert_ok!(Prompts::create(signed(ALICE), text("poet"), [1; 32], Default::default(), PRICE));
}

/// BOB's fork of a prompt's version.
pub fn fork(asset: AssetId, version: u32) -> DispatchResult {
	let parent = AssetRef { asset, version };
	Prompts::fork(signed(BOB), parent, text("fork"), [2; 32], Default::default(), PRICE)
}

/// Storage without anything a test sets up.
#[cfg(feature = "runtime-benchmarks")]
pub fn empty() -> TestState {
	TestState::new(RuntimeGenesisConfig::default().build_storage().unwrap())
}
