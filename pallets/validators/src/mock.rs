//! A runtime with balances, sessions, offences and validators. A slot is a block; the validators take turns.

use crate as pallet_validators;
use crate::Timing;
use frame::testing_prelude::*;
pub use polkadot_sdk::sp_runtime::AccountId32;
use polkadot_sdk::{
	frame_support::{
		traits::{
			fungible::{Balanced, Credit, Mutate},
			EitherOfDiverse, FindAuthor, IsInVec, OnFinalize, OnInitialize, OnUnbalanced,
		},
		PalletId,
	},
	pallet_authorship, pallet_balances, pallet_offences,
	pallet_session::{self, disabling::UpToLimitWithReEnablingDisablingStrategy, historical},
	polkadot_sdk_frame as frame,
	sp_consensus_aura::sr25519::{AuthorityId as AuraId, AuthorityPair},
	sp_core::Pair,
	sp_runtime::{impl_opaque_keys, traits::ConvertInto, BoundToRuntimeAppPublic, ConsensusEngineId},
};
use std::cell::RefCell;
use tributary_primitives::{
	traits::{Overflow, VaultHolders, VaultIncome},
	Balance, VaultKey,
};

pub const EXISTENTIAL_DEPOSIT: Balance = 10;
pub const ENDOWMENT: Balance = 1_000_000_000;
pub const MIN_BOND: Balance = 1_000;
pub const MIN_NOMINATION: Balance = 100;
pub const COMMISSION: u32 = 100_000;
pub const TIMING: Timing = Timing { session_blocks: 12, unbonding_sessions: 3 };

/// Number of the account that is administrator, beside root.
pub const ADMIN: u8 = 15;

pub const TREASURY: AccountId32 = AccountId32::new([0xfe; 32]);

/// An account by number. 1 to 4 are the validators at genesis.
pub fn account(number: u8) -> AccountId32 {
	AccountId32::new([number; 32])
}

/// Its Aura key.
pub fn pair(number: u8) -> AuthorityPair {
	AuthorityPair::from_seed(&[number; 32])
}

impl_opaque_keys! {
	pub struct Keys {
		pub aura: Aura,
	}
}

pub fn keys(number: u8) -> Keys {
	Keys { aura: pair(number).public() }
}

/// Aura's part of the session keys, without Aura.
pub struct Aura;

impl BoundToRuntimeAppPublic for Aura {
	type Public = AuraId;
}

impl frame::traits::OneSessionHandler<AccountId32> for Aura {
	type Key = AuraId;

	fn on_genesis_session<'a, I: 'a + Iterator<Item = (&'a AccountId32, AuraId)>>(_: I) {}
	fn on_new_session<'a, I: 'a + Iterator<Item = (&'a AccountId32, AuraId)>>(_: bool, _: I, _: I) {}
	fn on_disabled(_: u32) {}
}

construct_runtime!(
	pub enum Test {
		System: frame_system,
		Session: pallet_session,
		Historical: historical,
		Offences: pallet_offences,
		Balances: pallet_balances,
		Validators: pallet_validators,
		Authorship: pallet_authorship,
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

thread_local! {
	/// Validators that make no blocks.
	pub static SLEEPING: RefCell<Vec<AccountId32>> = const { RefCell::new(Vec::new()) };
	/// What the stakers' vault has, and its holder's weight.
	pub static VAULT: RefCell<(Balance, u64)> = const { RefCell::new((0, 0)) };
}

/// Whose turn it is in this block.
pub struct Turn;

impl FindAuthor<AccountId32> for Turn {
	fn find_author<'a, I: 'a + IntoIterator<Item = (ConsensusEngineId, &'a [u8])>>(
		_: I,
	) -> Option<AccountId32> {
		let validators = Session::validators();
		let place = CurrentSlot::get() as usize % validators.len().max(1);
		validators.get(place).cloned()
	}
}

impl pallet_authorship::Config for Test {
	type FindAuthor = Turn;
	type EventHandler = Validators;
}

impl pallet_session::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type ValidatorId = AccountId32;
	type ValidatorIdOf = ConvertInto;
	type ShouldEndSession = pallet_validators::Sessions<Test>;
	type NextSessionRotation = pallet_validators::Sessions<Test>;
	type SessionManager = historical::NoteHistoricalRoot<Test, Validators>;
	type SessionHandler = (Aura,);
	type Keys = Keys;
	type DisablingStrategy = UpToLimitWithReEnablingDisablingStrategy;
	type WeightInfo = ();
	type Currency = Balances;
	type KeyDeposit = ();
}

impl historical::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type FullIdentification = crate::Exposure;
	type FullIdentificationOf = crate::ExposureOf<Test>;
}

impl pallet_offences::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type IdentificationTuple = historical::IdentificationTuple<Test>;
	type OnOffenceHandler = Validators;
}

/// The stakers' vault.
pub struct MockVaults;

impl VaultHolders for MockVaults {
	fn set_weight(vault: VaultKey, holder: &[u8; 32], weight: u64) -> Result<(), Overflow> {
		assert_eq!((vault, holder), (VaultKey::Stakers, &<[u8; 32]>::from(Validators::pot())));
		VAULT.with_borrow_mut(|vault| vault.1 = weight);
		Ok(())
	}

	fn weight(_: VaultKey, _: &[u8; 32]) -> u64 {
		VAULT.with_borrow(|vault| vault.1)
	}

	fn total_weight(_: VaultKey) -> u64 {
		VAULT.with_borrow(|vault| vault.1)
	}
}

impl VaultIncome for MockVaults {
	fn collect(_: VaultKey, holder: &[u8; 32]) -> Balance {
		let amount = VAULT.with_borrow_mut(|vault| core::mem::take(&mut vault.0));
		if amount > 0 {
			Balances::mint_into(&(*holder).into(), amount).unwrap();
		}
		amount
	}
}

/// Pays slashes to the treasury.
pub struct ToTreasury;

impl OnUnbalanced<Credit<AccountId32, Balances>> for ToTreasury {
	fn on_nonzero_unbalanced(credit: Credit<AccountId32, Balances>) {
		Balances::resolve(&TREASURY, credit).unwrap();
	}
}

parameter_types! {
	pub const Pot: PalletId = PalletId(*b"trb/stak");
	/// Who is administrator, beside root.
	pub Admins: Vec<AccountId32> = vec![account(ADMIN)];
	/// Most validators of a session.
	pub storage MaxValidators: u32 = 4;
	/// Least validators of a session.
	pub storage MinValidators: u32 = 2;
	/// Largest commission, ppm.
	pub storage MaxCommission: u32 = 300_000;
	/// The slot of the current block.
	pub storage CurrentSlot: u64 = 0;
}

impl pallet_validators::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Token = Balances;
	type Vaults = MockVaults;
	type Slash = ToTreasury;
	type Offences = Offences;
	type CurrentSlot = CurrentSlot;
	type AdminOrigin = EitherOfDiverse<EnsureRoot<AccountId32>, EnsureSignedBy<IsInVec<Admins>, AccountId32>>;
	type PalletId = Pot;
	type MinBond = ConstU128<MIN_BOND>;
	type MinNomination = ConstU128<MIN_NOMINATION>;
	type MaxCandidates = ConstU32<6>;
	type MaxAuthorities = ConstU32<5>;
	type MaxValidators = MaxValidators;
	type MinValidators = MinValidators;
	type SeatFloor = ConstU32<500_000>;
	type AuthorShare = ConstU32<500_000>;
	type MaxUnbondingSessions = ConstU32<200>;
	type MaxCommission = MaxCommission;
	type MaxCommissionRise = ConstU32<50_000>;
	type CommissionDelay = ConstU32<2>;
	type LivenessBlocks = ConstU32<2>;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = Helper;
}

/// The state at genesis: validators 1 to `validators` bonded ten times the least; everybody has keys.
pub fn genesis(validators: u8) -> TestState {
	genesis_with(&vec![10 * MIN_BOND; validators.into()])
}

/// The state at genesis: as many validators as bonds, from 1 on; everybody has keys.
pub fn genesis_with(bonds: &[Balance]) -> TestState {
	let validators = bonds.len() as u8;
	SLEEPING.take();
	VAULT.set((0, 0));
	let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
	let mut balances: Vec<_> = (1..=20).map(|number| (account(number), ENDOWMENT)).collect();
	balances.extend([(TREASURY, EXISTENTIAL_DEPOSIT), (Validators::pot(), EXISTENTIAL_DEPOSIT)]);
	RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig { balances, ..Default::default() },
		validators: pallet_validators::GenesisConfig {
			candidates: (1..).zip(bonds).map(|(number, bond)| (account(number), *bond, COMMISSION)).collect(),
			timing: TIMING,
		},
		session: pallet_session::GenesisConfig {
			keys: (1..=validators).map(|number| (account(number), account(number), keys(number))).collect(),
			non_authority_keys: (validators + 1..=20)
				.map(|number| (account(number), account(number), keys(number)))
				.collect(),
		},
		..Default::default()
	}
	.assimilate_storage(&mut storage)
	.unwrap();
	TestState::new(storage)
}

/// Runs a test on a fresh chain with four validators and checks the invariants after it.
pub fn run(test: impl FnOnce()) {
	genesis(4).execute_with(|| {
		next_block();
		test();
		Validators::do_try_state().unwrap();
	});
}

/// Ends the block and begins the next in the next slot whose validator is awake.
pub fn next_block() {
	AllPalletsWithSystem::on_finalize(System::block_number());
	let block = System::block_number() + 1;
	System::reset_events();
	System::set_block_number(block);
	loop {
		CurrentSlot::set(&(CurrentSlot::get() + 1));
		let author = Turn::find_author(Vec::new());
		let place = author.as_ref().and_then(Session::validator_id_to_index);
		let disabled = place.is_some_and(|place| Session::disabled_validators().contains(&place));
		if !disabled && !author.is_some_and(|author| SLEEPING.with_borrow(|all| all.contains(&author))) {
			break;
		}
	}
	AllPalletsWithSystem::on_initialize(block);
}

/// Goes on to the first block of the next session.
pub fn next_session() {
	let session = Session::current_index();
	while Session::current_index() == session {
		next_block();
	}
}

/// Makes session keys.
#[cfg(feature = "runtime-benchmarks")]
pub struct Helper;

#[cfg(feature = "runtime-benchmarks")]
impl crate::benchmarking::BenchmarkHelper<Keys> for Helper {
	fn keys(aura: AuraId) -> Keys {
		Keys { aura }
	}
}

/// The state at genesis, and a keystore.
#[cfg(feature = "runtime-benchmarks")]
pub fn with_keys() -> TestState {
	use polkadot_sdk::sp_keystore::{testing::MemoryKeystore, KeystoreExt};
	let mut state = genesis(4);
	state.register_extension(KeystoreExt::new(MemoryKeystore::new()));
	state
}
