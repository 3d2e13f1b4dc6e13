//! Who makes and finalises blocks, and what becomes of those who do it wrong.

use super::fees::{ToTreasury, Treasury};
use crate::{
	constants::*,
	governance::origins::EnsureValidatorSet,
	parameters::{self, Value},
	*,
};
use codec::Encode;
use frame_support::{
	dispatch::DispatchInfo,
	parameter_types,
	traits::{
		fungible::Mutate, tokens::Preservation, ConstBool, ConstU32, ConstU64, EitherOf, Get,
		KeyOwnerProofSystem,
	},
	weights::Weight,
	PalletId,
};
use frame_system::EnsureRoot;
use pallet_session::{disabling::UpToLimitWithReEnablingDisablingStrategy, historical};
use pallet_validators::KeyOwners;
use sp_consensus_grandpa::AuthorityId as GrandpaId;
use sp_runtime::{
	traits::ConvertInto,
	transaction_validity::{InvalidTransaction, TransactionValidityError},
	DispatchError, KeyTypeId, SaturatedConversion,
};
use sp_session::{GetSessionNumber, GetValidatorCount};
use sp_staking::offence::{Offence, OffenceError, OffenceReportSystem, ReportOffence};
use tributary_primitives::Ppm;

impl pallet_aura::Config for Runtime {
	type AuthorityId = sp_consensus_aura::sr25519::AuthorityId;
	type MaxAuthorities = ConstU32<MAX_VALIDATORS>;
	type DisabledValidators = Session;
	type AllowMultipleBlocksPerSlot = ConstBool<false>;
	type SlotDuration = ConstU64<BLOCK_MILLIS>;
}

impl pallet_authorship::Config for Runtime {
	type FindAuthor = pallet_session::FindAccountFromAuthorIndex<Runtime, Aura>;
	type EventHandler = Validators;
}

/// Blocks for which a report of an equivocation may wait in a pool.
pub struct ReportLongevity;

impl Get<u64> for ReportLongevity {
	fn get() -> u64 {
		let timing = pallet_validators::CurrentTiming::<Runtime>::get();
		u64::from(timing.session_blocks).saturating_mul(timing.unbonding_sessions.into())
	}
}

/// A report of two finality votes costs what reports of two blocks do: they prove who owns a key and slash all of a pool
/// and of what is leaving it, which the pallet's own figures do not know of. Those who were reported for the same round
/// are slashed again, until all is lost: that is when they are a third of the validators.
pub struct FinalityWeights;

impl pallet_grandpa::WeightInfo for FinalityWeights {
	/// The proof does not hold unless `validators` is the number that its session had.
	fn report_equivocation(validators: u32, nominators: u32) -> Weight {
		use pallet_validators::{Suspensions, WeightInfo};
		// The same weight is for what an account signs and for what a node hands in.
		let blocks = <weights::Validators as WeightInfo>::report_equivocation()
			.max(<weights::Validators as WeightInfo>::report_equivocation_unsigned());
		// Who was reported for the round is suspended for as long as the round can be reported. One that is alone, and
		// can vote twice in many rounds, must not fill blocks with slashes that nobody gets.
		let caught = Suspensions::<Runtime>::decode_len().unwrap_or_default().saturating_add(1);
		let validators = validators.min(MAX_VALIDATORS);
		let slashed = validators.div_ceil(3).min(caught.saturated_into()).max(1);
		<() as pallet_grandpa::WeightInfo>::report_equivocation(validators, nominators)
			.max(blocks.saturating_mul(slashed.into()))
			.saturating_add(<Runtime as frame_system::Config>::DbWeight::get().reads(1))
	}

	fn note_stalled() -> Weight {
		<() as pallet_grandpa::WeightInfo>::note_stalled()
	}
}

impl pallet_grandpa::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = FinalityWeights;
	type MaxAuthorities = ConstU32<MAX_VALIDATORS>;
	// A slash costs the same for any number of them.
	type MaxNominators = ConstU32<0>;
	// There is a set for each session. A report asks for the set before its own, too.
	type MaxSetIdSessionEntries = ConstU64<{ MAX_UNBONDING_SESSIONS as u64 + 2 }>;
	type KeyOwnerProof = sp_session::MembershipProof;
	type EquivocationReportSystem = FinalityReports;
}

type Offender = historical::IdentificationTuple<Runtime>;
type VoteOffence = pallet_grandpa::EquivocationOffence<Offender>;

/// Takes one report of a validator and a round. The SDK's own takes one for each exposure that the validator had, and
/// a set may be that of several sessions.
pub struct OncePerRound;

impl OncePerRound {
	/// Reports of a round so far.
	fn reports(round: &pallet_grandpa::TimeSlot) -> Vec<Hash> {
		pallet_offences::ConcurrentReportsIndex::<Runtime>::get(VoteOffence::ID, round.encode())
	}

	fn is_reported((validator, _): &Offender, round: &pallet_grandpa::TimeSlot) -> bool {
		let mut known = Self::reports(round).into_iter().filter_map(pallet_offences::Reports::<Runtime>::get);
		known.any(|report| report.offender.0 == *validator)
	}
}

impl ReportOffence<AccountId, Offender, VoteOffence> for OncePerRound {
	fn report_offence(reporters: Vec<AccountId>, offence: VoteOffence) -> Result<(), OffenceError> {
		if Self::is_known_offence(&offence.offenders(), &offence.slot()) {
			return Err(OffenceError::DuplicateReport);
		}
		Offences::report_offence(reporters, offence)
	}

	fn is_known_offence(offenders: &[Offender], round: &pallet_grandpa::TimeSlot) -> bool {
		offenders.iter().all(|offender| Self::is_reported(offender, round))
	}
}

type StockReports =
	pallet_grandpa::EquivocationReportSystem<Runtime, OncePerRound, KeyOwners<Runtime>, ReportLongevity>;
type FinalityEvidence = (
	sp_consensus_grandpa::EquivocationProof<Hash, BlockNumber>,
	<KeyOwners<Runtime> as KeyOwnerProofSystem<(KeyTypeId, GrandpaId)>>::Proof,
);

/// Reports of two finality votes. They are free, but for those of a validator that has been slashed for the session
/// already: a key can vote twice in any number of rounds, and every round is an offence of its own that the chain
/// remembers, so one that is lost would be free transactions for a week. Whoever signs one pays for it; without a
/// signature it is taken where others were reported for the round, whose slash grows with it.
pub struct FinalityReports;

impl FinalityReports {
	fn is_repeated((votes, owner): &FinalityEvidence) -> bool {
		let key = (sp_consensus_grandpa::KEY_TYPE, votes.offender().clone());
		let session = owner.session();
		KeyOwners::<Runtime>::check_proof(key, owner.clone()).is_some_and(|(validator, _)| {
			pallet_validators::Slashed::<Runtime>::contains_key(session, validator)
		})
	}

	/// What any transaction of this size and weight costs, and what is stored of it.
	fn price(evidence: &FinalityEvidence) -> Balance {
		let validators = evidence.1.validator_count();
		let weight = <FinalityWeights as pallet_grandpa::WeightInfo>::report_equivocation(validators, 0);
		let info = DispatchInfo { call_weight: weight, ..Default::default() };
		let bytes = evidence.encoded_size() as u32;
		TransactionPayment::compute_fee(bytes, &info, 0).saturating_add(deposit(2, 256))
	}
}

impl OffenceReportSystem<Option<AccountId>, FinalityEvidence> for FinalityReports {
	type Longevity = ReportLongevity;

	fn publish_evidence(evidence: FinalityEvidence) -> Result<(), ()> {
		StockReports::publish_evidence(evidence)
	}

	// Of those without a signature only.
	fn check_evidence(evidence: FinalityEvidence) -> Result<(), TransactionValidityError> {
		let round = pallet_grandpa::TimeSlot { set_id: evidence.0.set_id(), round: evidence.0.round() };
		if OncePerRound::reports(&round).is_empty() && Self::is_repeated(&evidence) {
			return Err(InvalidTransaction::Stale.into());
		}
		StockReports::check_evidence(evidence)
	}

	fn process_evidence(
		reporter: Option<AccountId>,
		evidence: FinalityEvidence,
	) -> Result<(), DispatchError> {
		if let Some(reporter) = reporter.as_ref().filter(|_| Self::is_repeated(&evidence)) {
			let price = Self::price(&evidence);
			Balances::transfer(reporter, &Treasury::get(), price, Preservation::Preserve)?;
		}
		StockReports::process_evidence(reporter, evidence)
	}
}

parameter_types! {
	pub const SessionKeyDeposit: Balance = deposit(2, 160);
}

impl pallet_session::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type ValidatorId = AccountId;
	// Anyone may register keys: one needs them before one can be elected.
	type ValidatorIdOf = ConvertInto;
	type ShouldEndSession = pallet_validators::Sessions<Runtime>;
	type NextSessionRotation = pallet_validators::Sessions<Runtime>;
	type SessionManager = historical::NoteHistoricalRoot<Runtime, Validators>;
	type SessionHandler = <SessionKeys as sp_runtime::traits::OpaqueKeys>::KeyTypeIdProviders;
	type Keys = SessionKeys;
	// At most a third, so that the others can finalise.
	type DisablingStrategy = UpToLimitWithReEnablingDisablingStrategy;
	type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
	type Currency = Balances;
	type KeyDeposit = SessionKeyDeposit;
}

impl historical::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type FullIdentification = pallet_validators::Exposure;
	type FullIdentificationOf = pallet_validators::ExposureOf<Runtime>;
}

impl pallet_offences::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type IdentificationTuple = historical::IdentificationTuple<Runtime>;
	type OnOffenceHandler = Validators;
}

/// The slot of the current block.
pub struct CurrentSlot;

impl Get<u64> for CurrentSlot {
	fn get() -> u64 {
		pallet_aura::CurrentSlot::<Runtime>::get().into()
	}
}

parameter_types! {
	pub const ValidatorsPot: PalletId = PalletId(*b"trb/stak");
	pub const MaxCommissionRise: Ppm = 50_000;
}

impl pallet_validators::Config for Runtime {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Token = Balances;
	type Vaults = Attribution;
	type Slash = ToTreasury;
	type Offences = Offences;
	type CurrentSlot = CurrentSlot;
	type AdminOrigin = EitherOf<EnsureRoot<AccountId>, EnsureValidatorSet>;
	type PalletId = ValidatorsPot;
	type MinBond = Value<parameters::validators::MinBond>;
	type MinNomination = Value<parameters::validators::MinNomination>;
	type MaxCandidates = ConstU32<256>;
	type MaxAuthorities = ConstU32<MAX_VALIDATORS>;
	type MaxValidators = Value<parameters::validators::MaxValidators>;
	type MinValidators = parameters::MinValidators;
	type SeatFloor = Value<parameters::validators::SeatFloor>;
	type AuthorShare = Value<parameters::fees::AuthorShare>;
	type MaxUnbondingSessions = ConstU32<MAX_UNBONDING_SESSIONS>;
	type MaxCommission = Value<parameters::validators::MaxCommission>;
	type MaxCommissionRise = MaxCommissionRise;
	// A day.
	type CommissionDelay = ConstU32<{ DAYS / HOURS }>;
	type LivenessBlocks = ConstU32<2>;
	type WeightInfo = weights::Validators;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = crate::benchmarking::Helper;
}

impl<LocalCall> frame_system::offchain::CreateTransactionBase<LocalCall> for Runtime
where
	RuntimeCall: From<LocalCall>,
{
	type Extrinsic = UncheckedExtrinsic;
	type RuntimeCall = RuntimeCall;
}

impl<LocalCall> frame_system::offchain::CreateBare<LocalCall> for Runtime
where
	RuntimeCall: From<LocalCall>,
{
	fn create_bare(call: RuntimeCall) -> UncheckedExtrinsic {
		UncheckedExtrinsic::new_bare(call)
	}
}
