//! A runtime with the registry alone.

pub use crate::mocking::text;
use crate::{self as pallet_registry, mocking::MockVaults, HoldReason, NewVersion};
use frame::{
	testing_prelude::*,
	traits::{fungible::InspectHold, LinearStoragePrice},
};
use polkadot_sdk::{pallet_balances, polkadot_sdk_frame as frame, sp_runtime::AccountId32};
use tributary_primitives::{fee::Price, AssetId, AssetKind, Balance, VaultKey};

construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Registry: pallet_registry,
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

impl crate::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type DepositPrice = LinearStoragePrice<ConstU128<100>, ConstU128<1>, Balance>;
	type Vaults = MockVaults;
	type WeightInfo = ();
}

pub const ALICE: AccountId32 = AccountId32::new([1; 32]);
pub const BOB: AccountId32 = AccountId32::new([2; 32]);
pub const CHARLIE: AccountId32 = AccountId32::new([3; 32]);
pub const POOR: AccountId32 = AccountId32::new([9; 32]);
pub const RICH: Balance = 1_000_000;

/// Runs `body` in block 1, where all but POOR are rich, and checks the invariants after it.
pub fn test(body: impl FnOnce()) {
	let balances = [ALICE, BOB, CHARLIE].map(|who| (who, RICH)).to_vec();
	let genesis = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig { balances, ..Default::default() },
		..Default::default()
	};
	TestState::new(genesis.build_storage().unwrap()).execute_with(|| {
		System::set_block_number(1);
		body();
		Registry::do_try_state().unwrap();
	});
}

pub fn signed(who: AccountId32) -> RuntimeOrigin {
	RuntimeOrigin::signed(who)
}

pub fn held(who: &AccountId32) -> Balance {
	Balances::balance_on_hold(&HoldReason::Asset.into(), who)
}

pub fn weight(asset: AssetId, holder: &AccountId32) -> u64 {
	use tributary_primitives::traits::VaultHolders;
	MockVaults::weight(VaultKey::Asset(asset), holder.as_ref())
}

/// A version without hints and parents.
pub fn version() -> NewVersion {
	NewVersion { content: [7; 32], hints: Default::default(), parents: Default::default(), extra_bytes: 0 }
}

pub fn price(both: Balance) -> Price {
	Price { input: both, output: both }
}

/// Registers an asset of ALICE.
pub fn prompt() -> AssetId {
	Registry::create(&ALICE, AssetKind::Prompt, text("haiku"), price(5), version()).unwrap()
}

/// Storage without anything a test sets up.
#[cfg(feature = "runtime-benchmarks")]
pub fn empty() -> TestState {
	TestState::new(RuntimeGenesisConfig::default().build_storage().unwrap())
}
