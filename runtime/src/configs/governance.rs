//! Referenda, voting, the treasury, the technical committee, parameters.

use super::{tributary::Deposit, Treasury as TreasuryAccount};
use crate::{
	constants::*,
	governance::{origins::*, tracks::Tracks, Votable},
	parameters::{RuntimeParameters, RuntimeParametersKey},
	*,
};
use frame_support::{
	parameter_types,
	traits::{
		tokens::{PayFromAccount, UnityAssetBalanceConversion},
		ActiveIssuanceOf, AsEnsureOriginWithArg, ConstU128, ConstU32, EitherOf, EnsureOrigin,
		EnsureOriginWithArg, EqualPrivilegeOnly,
	},
	weights::Weight,
	PalletId,
};
use frame_system::{EnsureRoot, EnsureRootWithSuccess, EnsureSigned, EnsureWithSuccess};
use pallet_collective::EnsureProportionAtLeast;
use sp_runtime::{traits::IdentityLookup, Perbill, Permill};

type Root = EnsureRoot<AccountId>;

/// Instance of the technical committee's pallet.
pub type CommitteeInstance = pallet_collective::Instance1;
/// Two thirds of the technical committee.
pub type Committee = EnsureProportionAtLeast<AccountId, CommitteeInstance, 2, 3>;

parameter_types! {
	pub const PreimageReason: RuntimeHoldReason =
		RuntimeHoldReason::Preimage(pallet_preimage::HoldReason::Preimage);
	pub MaxScheduledWeight: Weight = Perbill::from_percent(60) * BLOCK_WEIGHT;
	pub MaxMotionWeight: Weight = Perbill::from_percent(25) * BLOCK_WEIGHT;
}

impl pallet_preimage::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_preimage::weights::SubstrateWeight<Runtime>;
	type Currency = Balances;
	type ManagerOrigin = Root;
	type Consideration = Deposit<PreimageReason>;
}

impl pallet_scheduler::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeOrigin = RuntimeOrigin;
	type PalletsOrigin = OriginCaller;
	type RuntimeCall = RuntimeCall;
	type MaximumWeight = MaxScheduledWeight;
	type ScheduleOrigin = Root;
	type OriginPrivilegeCmp = EqualPrivilegeOnly;
	type MaxScheduledPerBlock = ConstU32<50>;
	type WeightInfo = pallet_scheduler::weights::SubstrateWeight<Runtime>;
	type Preimages = Preimage;
	type BlockNumberProvider = System;
}

impl pallet_conviction_voting::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_conviction_voting::weights::SubstrateWeight<Runtime>;
	type Currency = Votable;
	type Polls = Referenda;
	// What the treasury has cannot vote.
	type MaxTurnout = ActiveIssuanceOf<Balances, AccountId>;
	type MaxVotes = ConstU32<128>;
	type VoteLockingPeriod = ConstU32<{ 7 * DAYS }>;
	type BlockNumberProvider = System;
	type VotingHooks = ();
}

impl pallet_referenda::Config for Runtime {
	type RuntimeCall = RuntimeCall;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_referenda::weights::SubstrateWeight<Runtime>;
	type Scheduler = Scheduler;
	type Currency = Balances;
	type SubmitOrigin = AsEnsureOriginWithArg<EnsureSigned<AccountId>>;
	type CancelOrigin = EitherOf<Root, Committee>;
	type KillOrigin = EitherOf<Root, Committee>;
	type Slash = Treasury;
	type Votes = pallet_conviction_voting::VotesOf<Runtime>;
	type Tally = pallet_conviction_voting::TallyOf<Runtime>;
	type SubmissionDeposit = ConstU128<{ 10 * TRB }>;
	type MaxQueued = ConstU32<100>;
	type UndecidingTimeout = ConstU32<{ 14 * DAYS }>;
	type AlarmInterval = ConstU32<1>;
	type Tracks = Tracks;
	type Preimages = Preimage;
	type BlockNumberProvider = System;
}

impl governance::origins::Config for Runtime {}

parameter_types! {
	// The account that fees went to before there was a treasury pallet: `configs::Treasury`.
	pub const TreasuryId: PalletId = PalletId(*b"trb/trsy");
	pub const NoBurn: Permill = Permill::zero();
	pub const SmallSpend: Balance = SMALL_SPEND;
	pub const BigSpend: Balance = BIG_SPEND;
	pub const AnySpend: Balance = Balance::MAX;
}

impl pallet_treasury::Config for Runtime {
	type Currency = Balances;
	type RejectOrigin = EitherOf<Root, EnsureBigSpender>;
	type RuntimeEvent = RuntimeEvent;
	type SpendPeriod = ConstU32<DAYS>;
	type Burn = NoBurn;
	type PalletId = TreasuryId;
	type BurnDestination = ();
	type WeightInfo = pallet_treasury::weights::SubstrateWeight<Runtime>;
	type SpendFunds = ();
	type MaxApprovals = ConstU32<100>;
	type SpendOrigin = EitherOf<
		EnsureRootWithSuccess<AccountId, AnySpend>,
		EitherOf<
			EnsureWithSuccess<EnsureSmallSpender, AccountId, SmallSpend>,
			EnsureWithSuccess<EnsureBigSpender, AccountId, BigSpend>,
		>,
	>;
	type AssetKind = ();
	type Beneficiary = AccountId;
	type BeneficiaryLookup = IdentityLookup<AccountId>;
	type Paymaster = PayFromAccount<Balances, TreasuryAccount>;
	type BalanceConverter = UnityAssetBalanceConversion;
	type PayoutPeriod = ConstU32<{ 30 * DAYS }>;
	type BlockNumberProvider = System;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = ();
}

impl pallet_collective::Config<CommitteeInstance> for Runtime {
	type RuntimeOrigin = RuntimeOrigin;
	type Proposal = RuntimeCall;
	type RuntimeEvent = RuntimeEvent;
	type MotionDuration = ConstU32<{ 3 * DAYS }>;
	type MaxProposals = ConstU32<50>;
	type MaxMembers = ConstU32<21>;
	type DefaultVote = pallet_collective::MoreThanMajorityThenPrimeDefaultVote;
	type WeightInfo = pallet_collective::weights::SubstrateWeight<Runtime>;
	type SetMembersOrigin = EitherOf<Root, EnsureElector>;
	type MaxProposalWeight = MaxMotionWeight;
	type DisapproveOrigin = Root;
	type KillOrigin = Root;
	type Consideration = ();
}

/// Who may set which parameter.
pub struct ParameterAdmin;

impl EnsureOriginWithArg<RuntimeOrigin, RuntimeParametersKey> for ParameterAdmin {
	type Success = ();

	fn try_origin(origin: RuntimeOrigin, key: &RuntimeParametersKey) -> Result<(), RuntimeOrigin> {
		match key {
			RuntimeParametersKey::Validators(_) => {
				EitherOf::<Root, EnsureValidatorSet>::try_origin(origin).map(drop)
			}
			_ => EitherOf::<Root, EnsureProtocol>::try_origin(origin).map(drop),
		}
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn try_successful_origin(_: &RuntimeParametersKey) -> Result<RuntimeOrigin, ()> {
		Ok(RuntimeOrigin::root())
	}
}

impl pallet_parameters::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeParameters = RuntimeParameters;
	type AdminOrigin = ParameterAdmin;
	// The pallet keeps its `SubstrateWeight` to itself.
	type WeightInfo = ();
}
