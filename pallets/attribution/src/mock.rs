//! A runtime with balances, the real workers pallet and a table of agents.

use crate as pallet_attribution;
use frame::{testing_prelude::*, traits::Contains};
pub use polkadot_sdk::sp_runtime::AccountId32;
use polkadot_sdk::{pallet_balances, polkadot_sdk_frame as frame};
use std::{cell::RefCell, collections::BTreeMap};
use tributary_primitives::{
	royalty::{flatten, Parent, Payees},
	split::SplitTable,
	traits::{AgentParts, Part, Parts, ToolPart, VaultHolders},
	AssetId, AssetRef, Balance, Served, SkillSet, VaultKey,
};

pub const EXISTENTIAL_DEPOSIT: Balance = 10;
pub const ENDOWMENT: Balance = 1_000_000_000_000;
pub const MIN_BOND: Balance = 1_000;
pub const MIN_DEPOSIT: Balance = 100;
pub const CHALLENGE_BOND: Balance = 500;
pub const PLATFORM_FEE: Balance = 100;
pub const WINDOW: u32 = 10;
pub const CLOSING_DELAY: u32 = 20;
pub const MAX_PENDING: u32 = 6;

pub const TREASURY: AccountId32 = AccountId32::new([0xfe; 32]);
pub const OPERATOR: AccountId32 = AccountId32::new([0xa1; 32]);
pub const SERVICE_KEY: AccountId32 = AccountId32::new([0xa2; 32]);
pub const CHALLENGER: AccountId32 = AccountId32::new([0xa3; 32]);

/// A base model, two adapters (22 derived from 21), a prompt forked from 31, evaluators on 10 and 21,
/// two DataNets.
pub const FULL: AssetRef = AssetRef { asset: 40, version: 1 };
/// Nothing but a base model.
pub const BARE: AssetRef = AssetRef { asset: 41, version: 3 };
/// A base model and a DataNet.
pub const PLAIN: AssetRef = AssetRef { asset: 42, version: 1 };

/// A base model and three tools: 50 asks 700 a call, 51 (derived from 50) asks 40, 52 nothing. Under its one
/// skill also adapter 21 and a DataNet: see [`skilled`].
pub const TOOLED: AssetRef = AssetRef { asset: 43, version: 1 };

/// [`TOOLED`] with its skill.
pub fn skilled() -> Served {
	Served { agent: TOOLED, skills: SkillSet(1) }
}

construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Workers: pallet_workers,
		Attribution: pallet_attribution,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = MockBlockU32<Test>;
	type AccountId = AccountId32;
	type Lookup = IdentityLookup<AccountId32>;
	type AccountData = pallet_balances::AccountData<Balance>;
	type DbWeight = frame::weights_prelude::ParityDbWeight;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type Balance = Balance;
	type ExistentialDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
	type AccountStore = System;
	type FreezeIdentifier = u8;
	type MaxFreezes = ConstU32<1>;
}

parameter_types! {
	pub const Treasury: AccountId32 = TREASURY;
	pub const PotId: PalletId = PalletId(*b"trb/test");
}

pub struct Disputed;

impl Contains<AccountId32> for Disputed {
	fn contains(operator: &AccountId32) -> bool {
		Attribution::is_disputed(operator)
	}
}

pub struct Voters;

impl Contains<AccountId32> for Voters {
	fn contains(who: &AccountId32) -> bool {
		System::account(who).data.frozen > 0
	}
}

impl pallet_workers::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type BlockNumberProvider = System;
	type Disputed = Disputed;
	type Treasury = Treasury;
	type MinBond = ConstU128<MIN_BOND>;
	type UnbondingDelay = ConstU32<30>;
	type ChallengeWindow = ConstU32<WINDOW>;
	type WeightInfo = ();
}

impl pallet_attribution::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type BlockNumberProvider = System;
	type Workers = Workers;
	type Agents = Table;
	type AdminOrigin = EnsureRoot<AccountId32>;
	type AuthorityOrigin = EnsureRoot<AccountId32>;
	type Voters = Voters;
	type Treasury = Treasury;
	type PalletId = PotId;
	type MinDeposit = ConstU128<MIN_DEPOSIT>;
	type ChallengeWindow = ConstU32<WINDOW>;
	type ClosingDelay = ConstU32<CLOSING_DELAY>;
	type ChallengeBond = ConstU128<CHALLENGE_BOND>;
	type MaxPending = ConstU32<MAX_PENDING>;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = Table;
}

thread_local! {
	static AGENTS: RefCell<BTreeMap<Served, Parts>> = const { RefCell::new(BTreeMap::new()) };
}

/// Agents that a test sets.
pub struct Table;

impl Table {
	pub fn insert(agent: impl Into<Served>, parts: Parts) {
		AGENTS.with_borrow_mut(|agents| agents.insert(agent.into(), parts));
	}
}

impl AgentParts for Table {
	fn parts(served: Served) -> Option<Parts> {
		let mut parts = AGENTS.with_borrow(|agents| agents.get(&served).cloned())?;
		parts.evaluated.retain(|asset| Attribution::total_weight(VaultKey::Evaluators(*asset)) > 0);
		Some(parts)
	}
}

/// Payees of an asset without parents.
pub fn own(asset: AssetId) -> Payees {
	flatten(asset, &[]).unwrap()
}

/// Payees of an asset that passes 200,000 ppm to its parent.
pub fn derived(asset: AssetId, parent: AssetId) -> Payees {
	flatten(asset, &[(Parent { asset: parent, share: 200_000 }, own(parent))]).unwrap()
}

/// An agent of a base model alone.
pub fn bare(agent: AssetId) -> Parts {
	Parts {
		agent: own(agent),
		base: own(10),
		adapters: vec![],
		prompts: vec![],
		tools: vec![],
		evaluated: vec![10],
		datanets: vec![],
	}
}

fn insert_agents() {
	Table::insert(BARE, bare(BARE.asset));
	Table::insert(PLAIN, Parts { datanets: vec![1], ..bare(PLAIN.asset) });
	let adapters = vec![Part { weight: 300, payees: own(21) }, Part { weight: 100, payees: derived(22, 21) }];
	let full = Parts {
		adapters,
		prompts: vec![Part { weight: 0, payees: derived(30, 31) }],
		evaluated: vec![10, 21, 22],
		datanets: vec![1, 2],
		..bare(FULL.asset)
	};
	Table::insert(FULL, full);
	let tool = |price, payees| ToolPart { price, payees };
	let tools = vec![tool(700, own(50)), tool(40, derived(51, 50)), tool(0, own(52))];
	let tooled = Parts { tools, ..bare(TOOLED.asset) };
	Table::insert(TOOLED, tooled.clone());
	let adapters = vec![Part { weight: 300, payees: own(21) }];
	Table::insert(skilled(), Parts { adapters, datanets: vec![1], ..tooled });
}

/// Runs a test on a fresh chain at block 1 with one registered worker. Afterwards checks the invariants,
/// that the pot has exactly what it owes, and that no planck was made or lost.
pub fn run(test: impl FnOnce()) {
	let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
	let payers = crate::tests::PAYERS.map(crate::tests::account);
	let balances: Vec<_> =
		[OPERATOR, CHALLENGER].into_iter().chain(payers).map(|who| (who, ENDOWMENT)).collect();
	let issued = ENDOWMENT * Balance::try_from(balances.len()).unwrap() + EXISTENTIAL_DEPOSIT;
	pallet_balances::GenesisConfig::<Test> { balances, ..Default::default() }
		.assimilate_storage(&mut storage)
		.unwrap();
	pallet_attribution::GenesisConfig::<Test> {
		split: SplitTable::default().shares(),
		platform_fee: PLATFORM_FEE,
		..Default::default()
	}
	.assimilate_storage(&mut storage)
	.unwrap();
	TestState::new(storage).execute_with(|| {
		System::set_block_number(1);
		insert_agents();
		let url = b"https://worker.example".to_vec().try_into().unwrap();
		let models = vec![10].try_into().unwrap();
		Workers::register(RuntimeOrigin::signed(OPERATOR), SERVICE_KEY, url, models, MIN_BOND).unwrap();
		test();
		check();
		assert_eq!(Balances::total_issuance(), issued);
	});
}

/// Checks every invariant, and that the pot has exactly what it owes.
pub fn check() {
	Attribution::do_try_state().unwrap();
	let owed = Attribution::liabilities().unwrap();
	assert_eq!(Balances::free_balance(Attribution::pot()), owed + EXISTENTIAL_DEPOSIT);
}

/// Lets `blocks` blocks pass.
pub fn pass(blocks: u32) {
	System::set_block_number(System::block_number() + blocks);
}

#[cfg(feature = "runtime-benchmarks")]
impl crate::benchmarking::BenchmarkHelper for Table {
	fn worker(operator: &[u8; 32], service_key: &[u8; 32]) {
		let url = b"https://worker.example".to_vec().try_into().unwrap();
		let operator = RuntimeOrigin::signed((*operator).into());
		Workers::register(operator, (*service_key).into(), url, Default::default(), MIN_BOND).unwrap();
	}

	fn agents(parts: &[[u32; 3]]) -> Vec<Served> {
		let part = |asset| Part { weight: 1, payees: own(asset) };
		let agent = |(index, [adapters, prompts, tools]): (u32, &[u32; 3])| {
			let first = 1_000 * index;
			let parts = Parts {
				base: own(first),
				adapters: (1..=*adapters).map(|asset| part(first + asset)).collect(),
				prompts: (9..9 + prompts).map(|asset| part(first + asset)).collect(),
				tools: (17..17 + tools)
					.map(|tool| ToolPart { price: 1, payees: own(first + tool) })
					.collect(),
				evaluated: (0..=*adapters).map(|asset| first + asset).collect(),
				..bare(first + 25)
			};
			let served = Served { agent: AssetRef { asset: first + 25, version: 1 }, skills: SkillSet(0xff) };
			Table::insert(served, parts);
			served
		};
		(1..).zip(parts).map(agent).collect()
	}
}

/// Storage without anything a test sets up, and a keystore.
#[cfg(feature = "runtime-benchmarks")]
pub fn with_keys() -> TestState {
	use polkadot_sdk::sp_keystore::{testing::MemoryKeystore, KeystoreExt};
	let mut state = TestState::new(RuntimeGenesisConfig::default().build_storage().unwrap());
	state.register_extension(KeystoreExt::new(MemoryKeystore::new()));
	state
}
