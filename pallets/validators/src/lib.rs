//! # Validators
//!
//! A bonded, permissionless validator set.
//!
//! A *candidate* bonds, others *nominate* it with stake of their own; the candidates with most stake are the
//! validators of a session. Stake stays on hold in each staker's own account. A candidate's *pool* knows its
//! stake and shares only, so that a slash or a reward costs the same for one staker and for a million; see
//! [`pool`]. What a slash took from a staker moves to the treasury when the staker is next touched, which
//! anyone may do.
//!
//! The pallet is `pallet-session`'s manager, `pallet-offences`' handler, the judge of Aura equivocations and
//! of validators that make no blocks, and the divider of the stakers' rewards. The README explains it to
//! those who use it.

#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
	not(test),
	deny(
		clippy::arithmetic_side_effects,
		clippy::unwrap_used,
		clippy::expect_used,
		clippy::indexing_slicing,
		clippy::panic,
		clippy::unreachable,
		clippy::todo,
		clippy::unimplemented
	)
)]

extern crate alloc;

// Named in Cargo.toml for its feature.
use pallet_session as _;

#[cfg(feature = "runtime-benchmarks")]
pub mod benchmarking;
pub mod equivocation;
mod impls;
mod key_owners;
pub mod migration;
pub mod pool;
mod try_state;
mod types;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use impls::sessions::{ExposureOf, Sessions};
pub use key_owners::{KeyOwners, MAX_PROOF};
pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

use polkadot_sdk::{
	pallet_session::historical::IdentificationTuple, polkadot_sdk_frame as frame,
	sp_consensus_aura::sr25519::AuthorityId as AuraId,
};

/// Proof that two blocks for one slot were sealed with one key.
pub type AuraEquivocation<Header> = polkadot_sdk::sp_consensus_slots::EquivocationProof<Header, AuraId>;

#[allow(clippy::expect_used, clippy::unreachable, reason = "FRAME's macros expand to them")]
#[frame::pallet]
pub mod pallet {
	use super::*;
	use crate::{
		equivocation::EquivocationOffence,
		pool::{Pool, Position, Stake},
	};
	use alloc::{boxed::Box, vec::Vec};
	use frame::{
		deps::sp_runtime::AccountId32,
		prelude::*,
		token::fungible::{hold::Balanced as BalancedHold, Balanced, Inspect, Mutate, MutateHold},
		traits::OnUnbalanced,
	};
	use polkadot_sdk::{
		frame_support::{traits::fungible::Credit, PalletId},
		frame_system::pallet_prelude::HeaderFor,
		pallet_authorship,
		pallet_session::{self, historical::NoteHistoricalRoot, SessionManager},
		sp_session::MembershipProof,
		sp_staking::{offence::ReportOffence, SessionIndex},
	};
	use tributary_primitives::{
		traits::{VaultHolders, VaultIncome},
		views::{StakeView, ValidatorParametersView, ValidatorView},
		Balance, Ppm,
	};

	/// Version of the storage layout.
	pub(crate) const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// What the runtime decides.
	#[pallet::config]
	pub trait Config:
		polkadot_sdk::frame_system::Config<AccountId = AccountId32, RuntimeEvent: From<Event<Self>>>
		+ pallet_session::Config<ValidatorId = AccountId32>
		+ pallet_session::historical::Config<FullIdentification = Exposure>
		+ pallet_authorship::Config
	{
		/// The runtime's hold reasons.
		type RuntimeHoldReason: From<HoldReason>;

		/// The token that is staked and paid.
		type Token: Inspect<Self::AccountId, Balance = Balance>
			+ Mutate<Self::AccountId>
			+ Balanced<Self::AccountId>
			+ MutateHold<Self::AccountId, Reason = <Self as Config>::RuntimeHoldReason>
			+ BalancedHold<Self::AccountId>;

		/// The vault of the stakers' fee share.
		type Vaults: VaultHolders + VaultIncome;

		/// Where slashed stake goes.
		type Slash: OnUnbalanced<Credit<Self::AccountId, Self::Token>>;

		/// Who keeps the offences that are reported here.
		type Offences: ReportOffence<
			Self::AccountId,
			IdentificationTuple<Self>,
			EquivocationOffence<IdentificationTuple<Self>>,
		>;

		/// The slot of the current block.
		type CurrentSlot: Get<u64>;

		/// Who may change the timing and dismiss validators without bond.
		type AdminOrigin: EnsureOrigin<Self::RuntimeOrigin>;

		/// Derives the account that rewards wait in.
		#[pallet::constant]
		type PalletId: Get<PalletId>;

		/// Least stake of a candidate's own, planck.
		type MinBond: Get<Balance>;

		/// Least stake that a staker has with a candidate, planck.
		type MinNomination: Get<Balance>;

		/// Most candidates that stand for election.
		#[pallet::constant]
		type MaxCandidates: Get<u32>;

		/// Most validators that there is room for.
		#[pallet::constant]
		type MaxAuthorities: Get<u32>;

		/// Most validators of a session.
		type MaxValidators: Get<u32>;

		/// The set is never made smaller than this while validators are there to keep.
		type MinValidators: Get<u32>;

		/// Beyond the least set, a candidate is elected with at least this part of the middle stake of the set
		/// before, ppm.
		type SeatFloor: Get<Ppm>;

		/// Part of a block's transaction fees and tips that goes to its author's pool, ppm.
		type AuthorShare: Get<Ppm>;

		/// Most unbonding sessions that governance may ask for.
		#[pallet::constant]
		type MaxUnbondingSessions: Get<u32>;

		/// Largest commission, ppm.
		type MaxCommission: Get<Ppm>;

		/// Most that a commission may rise at once, ppm.
		#[pallet::constant]
		type MaxCommissionRise: Get<Ppm>;

		/// Sessions between two rises of a commission.
		#[pallet::constant]
		type CommissionDelay: Get<SessionIndex>;

		/// A validator that made no block in a session in which it should have made this many is
		/// unresponsive.
		#[pallet::constant]
		type LivenessBlocks: Get<u32>;

		/// Cost of the calls.
		type WeightInfo: WeightInfo;

		/// Sets up what benchmarks need of other pallets.
		#[cfg(feature = "runtime-benchmarks")]
		type BenchmarkHelper: crate::benchmarking::BenchmarkHelper<<Self as pallet_session::Config>::Keys>;
	}

	/// Why this pallet holds funds.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// Stake, bonded or leaving.
		#[codec(index = 0)]
		Stake,
	}

	/// How long sessions and unbonding take.
	#[pallet::storage]
	pub type CurrentTiming<T: Config> = StorageValue<_, Timing, ValueQuery>;

	/// Candidates, standing or not.
	#[pallet::storage]
	pub type Candidates<T: Config> = CountedStorageMap<_, Blake2_128Concat, T::AccountId, Candidate>;

	/// Accounts that may not stand for election before a session.
	#[pallet::storage]
	pub type Jails<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, SessionIndex>;

	/// The candidates that stand, most stake first.
	#[pallet::storage]
	pub type Ranking<T: Config> = StorageValue<_, BoundedVec<Rank, T::MaxCandidates>, ValueQuery>;

	/// Pools by candidate. A pool stays as long as somebody has stake in it, also after its candidate.
	#[pallet::storage]
	pub type Pools<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Pool>;

	/// Stakers' parts of pools, by staker and candidate.
	#[pallet::storage]
	pub type Positions<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Blake2_128Concat, T::AccountId, Position>;

	/// Stake that left a pool, by candidate and last session whose election counted it.
	#[pallet::storage]
	pub type Tranches<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, SessionIndex, Stake>;

	/// What stakers wait for, by staker and candidate.
	#[pallet::storage]
	pub type Chunks<T: Config> = StorageDoubleMap<
		_,
		Blake2_128Concat,
		T::AccountId,
		Blake2_128Concat,
		T::AccountId,
		BoundedVec<Chunk, ConstU32<MAX_CHUNKS>>,
		ValueQuery,
	>;

	/// Validators of the session and of the next, with what they have at stake.
	#[pallet::storage]
	pub type Elected<T: Config> = StorageMap<
		_,
		Twox64Concat,
		SessionIndex,
		BoundedVec<ElectedValidator, T::MaxAuthorities>,
		ValueQuery,
	>;

	/// Validators that were there before bonds: they stay until they bond, misbehave or are dismissed.
	#[pallet::storage]
	pub type Unbonded<T: Config> = StorageValue<_, BoundedVec<T::AccountId, T::MaxAuthorities>, ValueQuery>;

	/// Validators of the running session with the keys, encoded, that it runs with. They may have registered
	/// others since.
	#[pallet::storage]
	pub type ActiveKeys<T: Config> =
		StorageValue<_, BoundedVec<(T::AccountId, SessionKeyBytes), T::MaxAuthorities>, ValueQuery>;

	/// Slot of the block in which a session began. Slots after it, up to the next session's, are the
	/// session's.
	#[pallet::storage]
	pub type SessionStarts<T: Config> = StorageMap<_, Twox64Concat, SessionIndex, u64>;

	/// The oldest session whose offences are still punished.
	#[pallet::storage]
	pub type OldestSession<T: Config> = StorageValue<_, SessionIndex, ValueQuery>;

	/// Blocks that a validator has made in this session.
	#[pallet::storage]
	pub type Authored<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, u32, ValueQuery>;

	/// The largest part of its exposure in a session that a validator has been slashed by. A second offence
	/// in the session costs what it is worse by.
	#[pallet::storage]
	pub type Slashed<T: Config> =
		StorageDoubleMap<_, Twox64Concat, SessionIndex, Blake2_128Concat, T::AccountId, Perbill, ValueQuery>;

	/// Validators that were caught and are jailed. Where a set has them, they are disabled.
	#[pallet::storage]
	pub type Suspensions<T: Config> = StorageValue<_, BoundedVec<Suspension, T::MaxAuthorities>, ValueQuery>;

	/// The author's part of the fees of the block that is being made, planck.
	#[pallet::storage]
	#[pallet::whitelist_storage]
	pub type AuthorFees<T: Config> = StorageValue<_, Balance, ValueQuery>;

	/// All rewards credited to pools and not paid out, planck.
	#[pallet::storage]
	pub type Unpaid<T: Config> = StorageValue<_, Balance, ValueQuery>;

	/// Validators that are bonded from the beginning.
	#[pallet::genesis_config]
	#[derive(DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// Account, bond in planck, commission in ppm.
		pub candidates: Vec<(T::AccountId, Balance, Ppm)>,
		/// How long sessions and unbonding take.
		pub timing: Timing,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		#[allow(clippy::panic, reason = "a chain must not begin without its validators")]
		fn build(&self) {
			assert!(
				Pallet::<T>::are_valid(&self.timing),
				"validators: a session must have 5 to 100,800 blocks, and unbonding take 2 or more sessions, as many as \
				 the runtime allows"
			);
			CurrentTiming::<T>::put(self.timing);
			for (who, bond, commission) in &self.candidates {
				if let Err(error) = Pallet::<T>::do_bond(who.clone(), *bond, *commission) {
					panic!("validators: candidate {who:?} cannot be bonded at genesis: {error:?}");
				}
			}
			// The first two sets are those with session keys at genesis. This notes what they have at stake, so
			// that their offences can be proven.
			for session in [0, 1] {
				let _ =
					<NoteHistoricalRoot<T, Pallet<T>> as SessionManager<T::AccountId>>::new_session_genesis(
						session,
					);
			}
		}
	}

	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A candidate bonded.
		Bonded {
			/// The candidate.
			candidate: T::AccountId,
			/// On hold, planck.
			amount: Balance,
		},
		/// Stake was added to a candidate's pool.
		Nominated {
			/// Whose stake.
			staker: T::AccountId,
			/// The candidate.
			candidate: T::AccountId,
			/// On hold, planck.
			amount: Balance,
		},
		/// Stake began to leave.
		Unbonding {
			/// Whose stake.
			staker: T::AccountId,
			/// The candidate.
			candidate: T::AccountId,
			/// How much, planck.
			amount: Balance,
			/// First session in which it may be withdrawn.
			unlocks: SessionIndex,
		},
		/// Stake is free again.
		Withdrawn {
			/// Whose stake.
			staker: T::AccountId,
			/// The candidate that it was with.
			candidate: T::AccountId,
			/// How much, planck.
			amount: Balance,
		},
		/// A candidate changed its commission.
		CommissionSet {
			/// The candidate.
			candidate: T::AccountId,
			/// From now on, ppm.
			commission: Ppm,
		},
		/// A candidate stands for election again.
		Resumed {
			/// The candidate.
			candidate: T::AccountId,
		},
		/// A candidate does not stand for election any more.
		Chilled {
			/// The candidate.
			candidate: T::AccountId,
			/// Why.
			reason: ChillReason,
		},
		/// Rewards were paid out.
		Claimed {
			/// To whom.
			staker: T::AccountId,
			/// From whose pool.
			candidate: T::AccountId,
			/// How much, planck.
			amount: Balance,
		},
		/// A pool was credited rewards.
		Rewarded {
			/// Whose pool.
			candidate: T::AccountId,
			/// Commission and the stakers' part together, planck.
			amount: Balance,
		},
		/// A pool was slashed.
		Slashed {
			/// Whose pool.
			candidate: T::AccountId,
			/// Session of the offence.
			session: SessionIndex,
			/// Taken from the pool and from stake that left it since, planck.
			amount: Balance,
		},
		/// What a slash took from a staker has left its account.
		SlashApplied {
			/// Whose stake.
			staker: T::AccountId,
			/// The candidate that misbehaved.
			candidate: T::AccountId,
			/// How much, planck.
			amount: Balance,
		},
		/// Validators were elected for a session.
		ElectionHeld {
			/// The session.
			session: SessionIndex,
			/// How many.
			validators: u32,
		},
		/// A session's surplus was shared among the pools of its validators.
		SessionRewarded {
			/// The session.
			session: SessionIndex,
			/// Shared, planck.
			amount: Balance,
		},
		/// The lengths of sessions and unbonding changed.
		TimingSet {
			/// From now on.
			timing: Timing,
		},
		/// A validator lost its place, or a candidate may not stand for a while.
		Dismissed {
			/// The validator.
			validator: T::AccountId,
		},
	}

	/// Why a candidate does not stand for election.
	#[derive(
		Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
	)]
	pub enum ChillReason {
		/// It asked for it.
		Asked,
		/// It took its own stake out.
		Left,
		/// Others have more stake and the list is full.
		Outbid,
		/// It made no block in a session.
		Unresponsive,
		/// It committed an offence.
		Offence,
		/// Its own stake was slashed below the least.
		BondTooSmall,
		/// It was dismissed.
		Dismissed,
	}

	#[pallet::error]
	pub enum Error<T> {
		/// This account is a candidate already. Use `nominate` with your own account to add stake.
		AlreadyCandidate,
		/// There is no such candidate. Check the account, or use `bond` to become one.
		NotCandidate,
		/// The candidate's own stake is, or would become, less than the parameter `minBond`. Bond at least that
		/// much, or unbond all of it to leave.
		BondTooSmall,
		/// The stake with the candidate is, or would become, less than the parameter `minNomination`. Nominate
		/// at least that much, or unbond all of it.
		NominationTooSmall,
		/// The list of candidates is full and each has at least as much stake. Bring more stake than the last
		/// of `Ranking`.
		Outbid,
		/// The commission is above the parameter `maxCommission`, or rises by more than `MaxCommissionRise`.
		/// Ask for less.
		CommissionTooHigh,
		/// The commission was raised not long ago. Wait `CommissionDelay` sessions after the last rise.
		CommissionTooSoon,
		/// This account has no stake with the candidate. Check both accounts.
		NoStake,
		/// This is more than the stake with the candidate is worth. It may have been slashed: see its position.
		NotEnoughStake,
		/// The pool was slashed to nothing. Its stakers must leave (`apply_slash` for each) before anybody can
		/// stake in it again.
		PoolLost,
		/// Too much stake is leaving in pieces. Use `withdraw_unbonded` when the first piece is unlocked.
		TooManyChunks,
		/// Nothing is unlocked yet. Wait for the session that the chunk names.
		NothingToWithdraw,
		/// There are no rewards to claim. Wait for the end of a session.
		NothingToClaim,
		/// No slash waits to be applied to this stake.
		NothingToSlash,
		/// The candidate does not stand for election. Nothing is to be done.
		NotActive,
		/// The candidate stands for election already. Nothing is to be done.
		AlreadyActive,
		/// The candidate misbehaved, was unresponsive or was dismissed. Try again in the session that `Jails` names.
		Jailed,
		/// Too few validators would be left. Wait until others have bonded.
		TooFewValidators,
		/// A session must have 5 to 100,800 blocks, and unbonding take 2 to `MaxUnbondingSessions` sessions. Choose
		/// others.
		InvalidTiming,
		/// The blocks do not prove an equivocation: they must have the same slot and different hashes, and be
		/// sealed with the key.
		InvalidEquivocationProof,
		/// The key was no validator's in the session of the slot. Make the proof at a block of that session.
		InvalidKeyOwnershipProof,
		/// The slot was another validator's turn, so the blocks are nothing. Nothing is to be done.
		NotItsTurn,
		/// The offence is known. Nothing is to be done.
		DuplicateOffenceReport,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			<T as Config>::WeightInfo::block_hooks()
		}

		fn on_finalize(_: BlockNumberFor<T>) {
			Self::credit_author();
		}

		#[cfg(feature = "std")]
		fn integrity_test() {
			// A runtime may keep them in storage.
			frame::deps::sp_io::TestExternalities::default().execute_with(|| {
				assert!(T::MinNomination::get() > 0, "a staker must have stake: raise MinNomination");
				assert!(T::MaxValidators::get() <= T::MaxAuthorities::get(), "there is no room for so many");
				assert!(T::MinValidators::get() <= T::MaxValidators::get(), "the least is above the most");
			});
			assert!(
				T::MaxCandidates::get() >= T::MaxAuthorities::get(),
				"each validator must be able to be a candidate: raise MaxCandidates",
			);
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), polkadot_sdk::sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// Sessions, delays and limits.
		pub fn parameters() -> ValidatorParametersView {
			Self::parameters_view()
		}

		/// A candidate or validator.
		pub fn validator(who: T::AccountId) -> Option<ValidatorView> {
			Self::view(&who)
		}

		/// All candidates that stand, those of most stake first, then those that do not but validate.
		pub fn validators() -> Vec<ValidatorView> {
			Self::views()
		}

		/// An account's stake, by candidate.
		pub fn stake(staker: T::AccountId) -> Vec<StakeView> {
			Self::stake_views(&staker)
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Makes the signer a candidate: holds `amount` planck of it and keeps `commission` ppm of the pool's
		/// rewards for it. It is elected when it has session keys (`session.setKeys`) and enough stake.
		///
		/// Emits [`Event::Bonded`].
		#[pallet::call_index(0)]
		#[pallet::weight(<T as Config>::WeightInfo::bond())]
		pub fn bond(origin: OriginFor<T>, amount: Balance, commission: Ppm) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_bond(who, amount, commission)
		}

		/// Adds `amount` planck of the signer to a candidate's pool. It shares the pool's rewards and slashes
		/// from now on.
		///
		/// Emits [`Event::Nominated`].
		#[pallet::call_index(1)]
		#[pallet::weight(<T as Config>::WeightInfo::nominate())]
		pub fn nominate(origin: OriginFor<T>, candidate: T::AccountId, amount: Balance) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_nominate(who, candidate, amount)
		}

		/// Begins to take stake out of a candidate's pool: `amount` planck, or all of it. It earns nothing
		/// from now on and stays slashable for the unbonding sessions. A candidate that takes all of its own
		/// stake out is none any more.
		///
		/// Emits [`Event::Unbonding`].
		#[pallet::call_index(2)]
		#[pallet::weight(<T as Config>::WeightInfo::unbond())]
		pub fn unbond(
			origin: OriginFor<T>,
			candidate: T::AccountId,
			amount: Option<Balance>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_unbond(who, candidate, amount)
		}

		/// Frees the signer's unlocked stake. Emits [`Event::Withdrawn`].
		#[pallet::call_index(3)]
		#[pallet::weight(<T as Config>::WeightInfo::withdraw_unbonded())]
		pub fn withdraw_unbonded(origin: OriginFor<T>, candidate: T::AccountId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw(who, candidate)
		}

		/// Sets the signer's commission, ppm. It may fall at any time and rise a little at a time.
		///
		/// Emits [`Event::CommissionSet`].
		#[pallet::call_index(4)]
		#[pallet::weight(<T as Config>::WeightInfo::set_commission())]
		pub fn set_commission(origin: OriginFor<T>, commission: Ppm) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_commission(who, commission)
		}

		/// Stops standing for election. The signer stays a validator until the sets that it was elected for
		/// are over: for the rest of this session and the next. Emits [`Event::Chilled`].
		#[pallet::call_index(5)]
		#[pallet::weight(<T as Config>::WeightInfo::chill())]
		pub fn chill(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_chill(who)
		}

		/// Stands for election again. Emits [`Event::Resumed`].
		#[pallet::call_index(6)]
		#[pallet::weight(<T as Config>::WeightInfo::resume())]
		pub fn resume(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_resume(who)
		}

		/// Pays the signer its rewards from a candidate's pool; a candidate gets its commission with those of
		/// its own pool. Emits [`Event::Claimed`].
		#[pallet::call_index(7)]
		#[pallet::weight(<T as Config>::WeightInfo::claim())]
		pub fn claim(origin: OriginFor<T>, candidate: T::AccountId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_claim(who, candidate)
		}

		/// Pays a staker its rewards, to the staker. Anyone may do it. Emits [`Event::Claimed`].
		#[pallet::call_index(8)]
		#[pallet::weight(<T as Config>::WeightInfo::claim_for())]
		pub fn claim_for(
			origin: OriginFor<T>,
			staker: T::AccountId,
			candidate: T::AccountId,
		) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_claim(staker, candidate)
		}

		/// Moves to the treasury what slashes of a candidate took from a staker. Anyone may do it.
		///
		/// Emits [`Event::SlashApplied`].
		#[pallet::call_index(9)]
		#[pallet::weight(<T as Config>::WeightInfo::apply_slash())]
		pub fn apply_slash(
			origin: OriginFor<T>,
			staker: T::AccountId,
			candidate: T::AccountId,
		) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_apply_slash(staker, candidate)
		}

		/// Reports a validator that sealed two blocks for one slot. A good report is free.
		///
		/// `equivocation` are both headers with their seals; `key_owner` proves whose key it was in the
		/// session of the slot.
		#[pallet::call_index(10)]
		// Not operational: whoever signs a bad one would go before everybody else, at a price that never rises.
		#[pallet::weight(<T as Config>::WeightInfo::report_equivocation())]
		pub fn report_equivocation(
			origin: OriginFor<T>,
			equivocation: Box<AuraEquivocation<HeaderFor<T>>>,
			key_owner: MembershipProof,
		) -> DispatchResultWithPostInfo {
			let reporter = ensure_signed(origin)?;
			Self::do_report(Some(reporter), &equivocation, key_owner)?;
			Ok(Pays::No.into())
		}

		/// As `report_equivocation`, by a block's author: nodes do it by themselves.
		#[pallet::call_index(11)]
		#[pallet::weight((<T as Config>::WeightInfo::report_equivocation_unsigned(), DispatchClass::Operational))]
		pub fn report_equivocation_unsigned(
			origin: OriginFor<T>,
			equivocation: Box<AuraEquivocation<HeaderFor<T>>>,
			key_owner: MembershipProof,
		) -> DispatchResultWithPostInfo {
			ensure_none(origin)?;
			Self::do_report(None, &equivocation, key_owner)?;
			Ok(Pays::No.into())
		}

		/// Sets how long sessions and unbonding take. Emits [`Event::TimingSet`].
		///
		/// Admin only; root only where sessions or the time for which stake stays slashable become shorter: offences
		/// would be forgotten, and the absent found present, sooner than those who staked have agreed to.
		#[pallet::call_index(12)]
		#[pallet::weight(<T as Config>::WeightInfo::set_timing())]
		pub fn set_timing(origin: OriginFor<T>, timing: Timing) -> DispatchResult {
			if timing.is_shorter_than(&CurrentTiming::<T>::get()) {
				ensure_root(origin)?;
			} else {
				T::AdminOrigin::ensure_origin(origin)?;
			}
			ensure!(Self::are_valid(&timing), Error::<T>::InvalidTiming);
			CurrentTiming::<T>::put(timing);
			Self::deposit_event(Event::TimingSet { timing });
			Ok(())
		}

		/// Makes a validator without bond, or a candidate, stand no more, and keeps the account from standing for
		/// the unbonding sessions, also when it has left before. It validates until the sets that it was elected for
		/// are over, and loses nothing. Emits [`Event::Dismissed`], and [`Event::Chilled`] for a candidate that stood.
		///
		/// Admin only; root only where the account is not in [`Unbonded`]: who chooses among the bonded could
		/// choose the set.
		#[pallet::call_index(13)]
		// That of a candidate is a chill besides.
		#[pallet::weight(<T as Config>::WeightInfo::dismiss().saturating_add(<T as Config>::WeightInfo::chill()))]
		pub fn dismiss(origin: OriginFor<T>, validator: T::AccountId) -> DispatchResult {
			if Unbonded::<T>::get().contains(&validator) {
				T::AdminOrigin::ensure_origin(origin)?;
			} else {
				ensure_root(origin)?;
			}
			Self::do_dismiss(validator)
		}
	}

	#[allow(deprecated)] // The new way needs a transaction extension that wallets do not know.
	#[pallet::validate_unsigned]
	impl<T: Config> ValidateUnsigned for Pallet<T> {
		type Call = Call<T>;

		fn validate_unsigned(source: TransactionSource, call: &Self::Call) -> TransactionValidity {
			Self::validate_report(source, call)
		}

		fn pre_dispatch(call: &Self::Call) -> Result<(), TransactionValidityError> {
			Self::check_report(call)
		}
	}

	impl<T: Config> Pallet<T> {
		/// The account that rewards wait in.
		pub fn pot() -> T::AccountId {
			use polkadot_sdk::sp_runtime::traits::AccountIdConversion;
			T::PalletId::get().into_account_truncating()
		}

		/// Whether the runtime can work with the timing.
		pub fn are_valid(timing: &Timing) -> bool {
			timing.is_valid(T::MaxUnbondingSessions::get())
		}

		/// Index of the session.
		pub(crate) fn session() -> SessionIndex {
			pallet_session::CurrentIndex::<T>::get()
		}
	}
}
