//! A runtime with balances and workers.

use crate as pallet_workers;
use frame::{testing_prelude::*, traits::Contains};
pub use polkadot_sdk::sp_runtime::AccountId32;
use polkadot_sdk::{pallet_balances, polkadot_sdk_frame as frame};
use tributary_primitives::Balance;

pub const EXISTENTIAL_DEPOSIT: Balance = 10;
pub const ENDOWMENT: Balance = 1_000_000;
pub const MIN_BOND: Balance = 1_000;
pub const UNBONDING_DELAY: u32 = 20;

pub const TREASURY: AccountId32 = AccountId32::new([0xfe; 32]);
pub const OPERATOR: AccountId32 = AccountId32::new([1; 32]);
pub const OTHER: AccountId32 = AccountId32::new([2; 32]);
pub const KEY: AccountId32 = AccountId32::new([11; 32]);
pub const OTHER_KEY: AccountId32 = AccountId32::new([12; 32]);

construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Workers: pallet_workers,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = MockBlockU32<Test>;
	type AccountId = AccountId32;
	type Lookup = IdentityLookup<AccountId32>;
	type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type Balance = Balance;
	type ExistentialDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
	type AccountStore = System;
}

parameter_types! {
	pub const Treasury: AccountId32 = TREASURY;
	pub storage InDispute: bool = false;
}

/// Every operator, while [`InDispute`] is set.
pub struct Disputed;

impl Contains<AccountId32> for Disputed {
	fn contains(_: &AccountId32) -> bool {
		InDispute::get()
	}
}

impl pallet_workers::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type BlockNumberProvider = System;
	type Disputed = Disputed;
	type Treasury = Treasury;
	type MinBond = ConstU128<MIN_BOND>;
	type UnbondingDelay = ConstU32<UNBONDING_DELAY>;
	type ChallengeWindow = ConstU32<10>;
	type WeightInfo = ();
}

/// Runs a test on a fresh chain at block 1 and checks the invariants after it.
pub fn run(test: impl FnOnce()) {
	let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
	pallet_balances::GenesisConfig::<Test> {
		balances: vec![(OPERATOR, ENDOWMENT), (OTHER, ENDOWMENT)],
		..Default::default()
	}
	.assimilate_storage(&mut storage)
	.unwrap();
	TestState::new(storage).execute_with(|| {
		System::set_block_number(1);
		test();
		Workers::do_try_state().unwrap();
	});
}

/// Storage without anything a test sets up.
#[cfg(feature = "runtime-benchmarks")]
pub fn empty() -> TestState {
	TestState::new(RuntimeGenesisConfig::default().build_storage().unwrap())
}
