//! A runtime with grants on the real DataNets and the real vaults.

use crate::{self as pallet_grants, Capsule, HoldReason};
use frame::{
	testing_prelude::*,
	traits::{
		fungible::{HoldConsideration, InspectHold},
		Contains, LinearStoragePrice,
	},
};
use polkadot_sdk::{pallet_balances, polkadot_sdk_frame as frame, sp_runtime::AccountId32};
use tributary_primitives::{
	split::SplitTable,
	traits::{AgentParts, Parts},
	views::Policy,
	Balance, DataNetId, Purpose, Served,
};

construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Datanets: pallet_datanets,
		Workers: pallet_workers,
		Attribution: pallet_attribution,
		Grants: pallet_grants,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = MockBlockU32<Test>;
	type AccountId = AccountId32;
	type Lookup = IdentityLookup<AccountId32>;
	type DbWeight = frame::weights_prelude::ParityDbWeight;
	type AccountData = pallet_balances::AccountData<Balance>;
}

/// Least balance of an account.
pub const EXISTENTIAL_DEPOSIT: Balance = 10;

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type Balance = Balance;
	type ExistentialDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
	type AccountStore = System;
}

parameter_types! {
	pub const Treasury: AccountId32 = AccountId32::new([0xfe; 32]);
	pub const PotId: PalletId = PalletId(*b"trb/test");
	pub const DepositReason: RuntimeHoldReason = RuntimeHoldReason::Grants(HoldReason::Deposit);
}

/// No batch is submitted in these tests, so no operator has a dispute and no agent is paid.
pub struct Nothing;

impl Contains<AccountId32> for Nothing {
	fn contains(_: &AccountId32) -> bool {
		false
	}
}

impl AgentParts for Nothing {
	fn parts(_: Served) -> Option<Parts> {
		None
	}
}

impl pallet_datanets::Config for Test {
	type DataNetDeposit = ();
	type ContributionDeposit = ();
	type SnapshotDeposit = ();
	type Vaults = Attribution;
	type WeightInfo = ();
}

impl pallet_workers::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type BlockNumberProvider = System;
	type Disputed = Nothing;
	type Treasury = Treasury;
	type MinBond = ConstU128<1_000>;
	type UnbondingDelay = ConstU32<30>;
	type ChallengeWindow = ConstU32<10>;
	type WeightInfo = ();
}

impl pallet_attribution::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type BlockNumberProvider = System;
	type Workers = Workers;
	type Agents = Nothing;
	type AdminOrigin = EnsureRoot<AccountId32>;
	type AuthorityOrigin = EnsureRoot<AccountId32>;
	type Voters = Nothing;
	type Treasury = Treasury;
	type PalletId = PotId;
	type MinDeposit = ConstU128<100>;
	type ChallengeWindow = ConstU32<10>;
	type ClosingDelay = ConstU32<20>;
	type ChallengeBond = ConstU128<500>;
	type MaxPending = ConstU32<6>;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = ();
}

impl crate::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type Deposit = HoldConsideration<
		AccountId32,
		Balances,
		DepositReason,
		LinearStoragePrice<ConstU128<100>, ConstU128<1>, Balance>,
	>;
	type DataNets = Datanets;
	type Vaults = Attribution;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = Nothing;
}

/// Owns the test DataNets.
pub const OWNER: AccountId32 = AccountId32::new([1; 32]);
/// Contributes.
pub const CONTRIBUTOR: AccountId32 = AccountId32::new([2; 32]);
/// Have announced a recipient.
pub const ALICE: AccountId32 = AccountId32::new([3; 32]);
pub const BOB: AccountId32 = AccountId32::new([4; 32]);
/// Has not.
pub const EVE: AccountId32 = AccountId32::new([5; 32]);
pub const POOR: AccountId32 = AccountId32::new([9; 32]);
pub const RICH: Balance = 1_000_000;

/// DataNet 0 of [`test`]: private, without contributions; training costs [`PRICE`].
pub const PRIVATE: DataNetId = 0;
/// DataNet 1 of [`test`]: public, without contributions.
pub const PUBLIC: DataNetId = 1;
pub const PRICE: Balance = 5_000;

/// Runs `body` in block 1 and checks the invariants after it, and that no planck was made or lost.
pub fn test(body: impl FnOnce()) {
	let balances: Vec<_> = [OWNER, CONTRIBUTOR, ALICE, BOB, EVE].map(|who| (who, RICH)).into();
	let genesis = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig { balances, ..Default::default() },
		attribution: pallet_attribution::GenesisConfig {
			split: SplitTable::default().shares(),
			..Default::default()
		},
		..Default::default()
	};
	TestState::new(genesis.build_storage().unwrap()).execute_with(|| {
		System::set_block_number(1);
		for _ in [PRIVATE, PUBLIC] {
			let curators = Default::default();
			assert_ok!(Datanets::create(signed(OWNER), text("n"), text(""), Policy::Open, curators));
		}
		assert_ok!(Grants::set_recipient(signed(OWNER), PRIVATE, [10; 32]));
		assert_ok!(Grants::offer(signed(OWNER), PRIVATE, Purpose::Train, Some(PRICE)));
		assert_ok!(Grants::announce(signed(ALICE), [13; 32]));
		assert_ok!(Grants::announce(signed(BOB), [14; 32]));
		body();
		check();
	});
}

/// Checks every invariant, that the pot has exactly what it owes, and that no planck was made or lost.
pub fn check() {
	Grants::do_try_state().unwrap();
	let vaults = pallet_attribution::Vaults::<Test>::iter_values();
	let owed: Balance = vaults.map(|vault| vault.credited - vault.claimed).sum();
	assert_eq!(Balances::free_balance(Attribution::pot()), owed + EXISTENTIAL_DEPOSIT);
	assert_eq!(Balances::total_issuance(), 5 * RICH + EXISTENTIAL_DEPOSIT);
}

pub fn signed(who: AccountId32) -> RuntimeOrigin {
	RuntimeOrigin::signed(who)
}

pub fn held(reason: HoldReason, who: &AccountId32) -> Balance {
	Balances::balance_on_hold(&reason.into(), who)
}

pub fn text<S: Get<u32>>(text: &str) -> BoundedVec<u8, S> {
	text.as_bytes().to_vec().try_into().unwrap()
}

pub fn capsule(bytes: usize) -> Capsule {
	vec![7; bytes].try_into().unwrap()
}

/// One text, whose content hash is made of `number`, by CONTRIBUTOR.
pub fn contribute(datanet: DataNetId, number: u8) {
	let item = pallet_datanets::Item {
		content: [number; 32],
		bytes: 1,
		licence: text("CC0-1.0"),
		metadata: text(""),
	};
	assert_ok!(Datanets::contribute(signed(CONTRIBUTOR), datanet, vec![item].try_into().unwrap()));
}

/// Storage without anything a test sets up.
#[cfg(feature = "runtime-benchmarks")]
pub fn empty() -> TestState {
	TestState::new(RuntimeGenesisConfig::default().build_storage().unwrap())
}

#[cfg(feature = "runtime-benchmarks")]
impl crate::benchmarking::BenchmarkHelper for Nothing {
	fn datanet(owner: &[u8; 32]) -> DataNetId {
		let id = pallet_datanets::NextDataNet::<Test>::get();
		let owner = signed((*owner).into());
		assert_ok!(Datanets::create(owner, text("n"), text(""), Policy::Open, Default::default()));
		id
	}
}
