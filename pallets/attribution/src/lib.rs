//! # Attribution
//!
//! The money: escrow, usage batches, split, vaults, earnings, challenges and claims. The rules are in
//! `docs/architecture.md`, section Money; the maths is in `tributary-primitives`.
//!
//! A payer opens a *channel* to a worker with a held deposit. The worker's service key submits *batches*;
//! each moves what its good channels owe from their holds into the *pot*, this pallet's account. When
//! the challenge window has passed, the batch is credited: static shares to *vaults*, the data share to
//! the worker's *earnings tree*. Holders of either claim from the pot.
//!
//! At every block: pot = its own existential deposit + escrow of pending batches + what vaults owe and
//! keep + data shares credited and not claimed. `try_state` checks it.

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

#[cfg(feature = "runtime-benchmarks")]
pub mod benchmarking;
mod impls;
mod types;
pub mod vault;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

use polkadot_sdk::polkadot_sdk_frame as frame;

#[allow(clippy::expect_used, clippy::unreachable, reason = "FRAME's macros expand to them")]
#[frame::pallet]
pub mod pallet {
	use super::*;
	use crate::vault::{Holder, Vault};
	use alloc::vec::Vec;
	use frame::{
		deps::sp_runtime::AccountId32,
		prelude::*,
		token::fungible::{Inspect, Mutate, MutateHold},
	};
	use tributary_primitives::{
		batch::{BatchHeader, ChannelFault, Fault, Verdict},
		limits::MAX_CHANNELS_PER_BATCH,
		merkle_sum::SumProof,
		split::{SplitTable, PARTS},
		traits::{AgentParts, Overflow, VaultHolders, Workers},
		views::{BatchView, ChannelView, Claimable, Parameters, SettlementView, VaultView},
		Balance, BlockNumber, DataNetId, Earner, Hash, Ppm, VaultKey,
	};

	/// Version of the storage layout.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	/// Flat fee of a request at genesis when none is given: 0.00001 TRB.
	pub const DEFAULT_PLATFORM_FEE: Balance = 10_000_000;

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// What the runtime decides.
	#[pallet::config]
	pub trait Config:
		polkadot_sdk::frame_system::Config<AccountId = AccountId32, RuntimeEvent: From<Event<Self>>>
	{
		/// The runtime's hold reasons.
		type RuntimeHoldReason: From<HoldReason>;

		/// The token everything is paid in.
		type Currency: Inspect<Self::AccountId, Balance = Balance>
			+ Mutate<Self::AccountId>
			+ MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;

		/// What time is measured in.
		type BlockNumberProvider: BlockNumberProvider<BlockNumber = BlockNumber>;

		/// Bonded operators.
		type Workers: Workers;

		/// What agent versions are made of.
		type Agents: AgentParts;

		/// Who may change the parameters.
		type AdminOrigin: EnsureOrigin<Self::RuntimeOrigin>;

		/// Who decides challenges.
		type AuthorityOrigin: EnsureOrigin<Self::RuntimeOrigin>;

		/// Accounts whose balance is locked by votes. They may not open channels: a lock may lie on held
		/// money, which a worker could then not charge.
		type Voters: Contains<Self::AccountId>;

		/// Account that the platform's share and lost bonds go to.
		#[pallet::constant]
		type Treasury: Get<Self::AccountId>;

		/// The pot's account is derived from it.
		#[pallet::constant]
		type PalletId: Get<PalletId>;

		/// Least deposit of a new channel, planck.
		#[pallet::constant]
		type MinDeposit: Get<Balance>;

		/// Blocks between a batch's inclusion and its credit, in which it may be challenged.
		#[pallet::constant]
		type ChallengeWindow: Get<BlockNumber>;

		/// Blocks between asking to close a channel and getting the rest back; also how long a replaced
		/// session key stays good. At least [`Config::ChallengeWindow`].
		#[pallet::constant]
		type ClosingDelay: Get<BlockNumber>;

		/// Hold for challenging a batch, planck.
		#[pallet::constant]
		type ChallengeBond: Get<Balance>;

		/// Most batches of a worker that wait at the same time. At most [`KEPT_BATCHES`].
		#[pallet::constant]
		type MaxPending: Get<u32>;

		/// Cost of the calls.
		type WeightInfo: WeightInfo;

		/// Sets up what benchmarks need of other pallets.
		#[cfg(feature = "runtime-benchmarks")]
		type BenchmarkHelper: crate::benchmarking::BenchmarkHelper;
	}

	/// Why this pallet holds funds.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// Deposits of a payer's channels.
		#[codec(index = 0)]
		Escrow,
		/// Bonds of a challenger.
		#[codec(index = 1)]
		Challenge,
	}

	/// Version of the parameters in force.
	#[pallet::storage]
	pub type ParametersVersion<T> = StorageValue<_, u32, ValueQuery>;

	/// Parameters by version; the first is 1.
	#[pallet::storage]
	pub type ParametersOf<T> = StorageMap<_, Twox64Concat, u32, Parameters>;

	/// Nonce of the next channel.
	#[pallet::storage]
	pub type NextChannel<T> = StorageValue<_, u64, ValueQuery>;

	/// Channels by payer and worker.
	#[pallet::storage]
	pub type Channels<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Blake2_128Concat, T::AccountId, Channel>;

	/// Settlements by worker.
	#[pallet::storage]
	pub type Settlements<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Settlement, ValueQuery>;

	/// Summaries of the newest [`KEPT_BATCHES`] batches by worker and number.
	#[pallet::storage]
	pub type Batches<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, u64, Batch>;

	/// Money of the batches that are neither credited nor voided, by worker and number.
	#[pallet::storage]
	pub type PendingBatches<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, u64, PendingBatch>;

	/// Open challenges by worker and batch number.
	#[pallet::storage]
	pub type Challenges<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, u64, Challenge>;

	/// Vaults.
	#[pallet::storage]
	pub type Vaults<T> = StorageMap<_, Blake2_128Concat, VaultKey, Vault, ValueQuery>;

	/// Holders, by account first so that an account's vaults are listed together.
	#[pallet::storage]
	pub type Holders<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Blake2_128Concat, VaultKey, Holder, ValueQuery>;

	/// Claimed against a worker's earnings tree, by worker and earner, planck.
	#[pallet::storage]
	pub type Claimed<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Blake2_128Concat, Earner, Balance, ValueQuery>;

	/// Parameters of the first version. The balances pallet must come before this one in the runtime:
	/// the pot is given its existential deposit here.
	#[pallet::genesis_config]
	pub struct GenesisConfig<T: Config> {
		/// Shares of a net fee in ppm, in the order of [`SplitTable`]'s fields.
		pub split: [Ppm; PARTS],
		/// Flat fee of each request, planck.
		pub platform_fee: Balance,
		#[doc(hidden)]
		#[serde(skip)]
		pub _config: PhantomData<T>,
	}

	impl<T: Config> Default for GenesisConfig<T> {
		fn default() -> Self {
			Self {
				split: SplitTable::default().shares(),
				platform_fee: DEFAULT_PLATFORM_FEE,
				_config: PhantomData,
			}
		}
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			Pallet::<T>::build_genesis(self.split, self.platform_fee);
		}
	}

	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A payer opened a channel.
		ChannelOpened {
			/// Who pays.
			payer: T::AccountId,
			/// The operator who may charge.
			worker: T::AccountId,
			/// The channel's nonce.
			nonce: u64,
			/// Held, planck.
			deposit: Balance,
		},
		/// A payer added to a channel's deposit.
		ChannelToppedUp {
			/// Who pays.
			payer: T::AccountId,
			/// The operator who may charge.
			worker: T::AccountId,
			/// Added, planck.
			amount: Balance,
		},
		/// A payer changed the key that may sign vouchers instead of its own.
		SessionKeySet {
			/// Who pays.
			payer: T::AccountId,
			/// The operator who may charge.
			worker: T::AccountId,
			/// The key.
			session_key: Option<Key>,
			/// First block at which it is the one to use.
			from: BlockNumber,
		},
		/// A payer asked to close a channel.
		ChannelClosing {
			/// Who pays.
			payer: T::AccountId,
			/// The operator who may charge until then.
			worker: T::AccountId,
			/// First block at which the rest may be withdrawn.
			closes_at: BlockNumber,
		},
		/// A channel ended.
		ChannelClosed {
			/// Who paid.
			payer: T::AccountId,
			/// The operator who charged.
			worker: T::AccountId,
			/// Released, planck.
			released: Balance,
		},
		/// A channel of a batch was not charged; the others were.
		ChannelSkipped {
			/// Who was to pay.
			payer: T::AccountId,
			/// The operator.
			worker: T::AccountId,
			/// The batch's number.
			sequence: u64,
			/// Why.
			fault: ChannelFault,
		},
		/// A batch was accepted and waits for the end of its challenge window.
		BatchSubmitted {
			/// The operator.
			worker: T::AccountId,
			/// The batch's number.
			sequence: u64,
			/// Escrow moved to the pot, planck.
			escrow: Balance,
			/// Its data share, planck.
			data: Balance,
			/// First block at which it may be credited.
			matures_at: BlockNumber,
		},
		/// A batch was credited to vaults and earnings.
		BatchCredited {
			/// The operator.
			worker: T::AccountId,
			/// The batch's number.
			sequence: u64,
			/// Whether claims are proven against its earnings root from now on.
			root_active: bool,
		},
		/// A batch was challenged.
		BatchChallenged {
			/// The operator.
			worker: T::AccountId,
			/// The batch's number.
			sequence: u64,
			/// Who challenged.
			challenger: T::AccountId,
			/// What is said to be wrong.
			fault: Fault,
			/// BLAKE3 of the published evidence.
			evidence: Hash,
		},
		/// A challenged batch was voided.
		BatchVoided {
			/// The operator.
			worker: T::AccountId,
			/// The batch's number.
			sequence: u64,
			/// Escrow given back, planck.
			refunded: Balance,
			/// Taken from the operator's bond, planck.
			slashed: Balance,
		},
		/// A challenged batch stands.
		BatchUpheld {
			/// The operator.
			worker: T::AccountId,
			/// The batch's number.
			sequence: u64,
			/// Taken from the challenger, planck.
			forfeited: Balance,
		},
		/// A vault paid a holder.
		VaultClaimed {
			/// The vault.
			vault: VaultKey,
			/// Who was paid.
			who: T::AccountId,
			/// How much, planck.
			amount: Balance,
		},
		/// An earnings tree paid a contributor.
		EarningsClaimed {
			/// The tree's worker.
			worker: T::AccountId,
			/// Who was paid.
			who: T::AccountId,
			/// How much, planck.
			amount: Balance,
		},
		/// A pool's leaf of an earnings tree was moved into the pool's vault.
		PoolSwept {
			/// The tree's worker.
			worker: T::AccountId,
			/// The pool's DataNet.
			datanet: DataNetId,
			/// How much, planck.
			amount: Balance,
		},
		/// The parameters changed; batches submitted from now on use them.
		ParametersSet {
			/// Their version.
			version: u32,
			/// What they are.
			parameters: Parameters,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// The worker takes no channels: not registered, leaving, or its bond was slashed. Choose another.
		WorkerNotActive,
		/// A channel to this worker is open. Use `top_up`, or close it first.
		ChannelExists,
		/// There is no channel to this worker. Use `open_channel` first.
		NoChannel,
		/// The deposit is less than the `MinDeposit` constant. Offer at least that much.
		DepositTooSmall,
		/// Nothing to add. Name an amount above zero.
		ZeroAmount,
		/// The channel is closing. Wait for its end, withdraw it, then open a new one.
		ChannelClosing,
		/// The channel is not closing. Use `close_channel` first, then wait for the delay.
		ChannelNotClosing,
		/// The delay is not over. Withdraw at the block that `closes_at` of the channel's view names.
		ClosingDelayed,
		/// The signer is not the service key of a worker that may submit. Sign with the registered key;
		/// a worker that is leaving submits no more.
		UnknownWorker,
		/// The batch's number is not the next one: it was included already, or an earlier one is missing.
		/// Read `next_sequence` of the worker's settlement and submit the batch with that number.
		WrongSequence,
		/// Too many batches wait for their window. Submit again when the oldest has matured; if it has,
		/// use `credit` first.
		TooManyPending,
		/// The batch has no records. Submit when there is something to settle.
		EmptyBatch,
		/// The batch has more than 4,096 records. Divide it into several.
		TooManyRecords,
		/// The channels' record counts do not add up to the header's. Count again from the records.
		RecordCountMismatch,
		/// The charges do not add up to the sum of the records root. Build both from the same records.
		SumMismatch,
		/// A charge names an agent by an index outside the batch's list. List every agent version used.
		AgentOutOfRange,
		/// A charge names an agent without any record. Leave out agents that a channel did not use.
		EmptyUsage,
		/// An agent version is listed twice with the same skills. List each once.
		DuplicateAgent,
		/// An agent version does not exist, or has no such skills. Only versions registered on this chain can
		/// be settled, under skills that they have.
		UnknownAgent,
		/// A channel's tool calls are not sorted by tool, name a tool twice, without calls, or one that the
		/// agent version lacks. Sum the records' calls by the index of the tool in the composition.
		InvalidCalls,
		/// A channel's fee for an agent version is less than its tool calls cost. The price of calls is part of
		/// every fee: recompute the records' fees.
		CallsExceedFee,
		/// The batch would credit more than 512 vaults. Divide it so that each has fewer agents.
		TooManyCredits,
		/// The earnings root's sum is below what the worker's earlier batches already promised. The tree is
		/// cumulative: build it on the newest settlement.
		EarningsFall,
		/// The earnings root's sum is not what the data shares of all settled and pending batches, this one
		/// included, add up to. Rebuild the tree from the newest settlement; a voided batch counts no more.
		EarningsMismatch,
		/// No batch of this worker can be credited now: none waits, the oldest is in its window or is
		/// challenged, or `limit` is zero. Read the batch's `matures_at`.
		NothingToCredit,
		/// There is no such batch, or it is too old to be kept. Check worker and number.
		UnknownBatch,
		/// The batch is challenged already. Wait for the verdict.
		AlreadyChallenged,
		/// The batch's window is over, or it is settled. Challenges come before `matures_at`.
		WindowOver,
		/// The batch is not challenged, so there is nothing to decide.
		NotChallenged,
		/// A slash is more than one whole. Name at most 1,000,000 ppm.
		InvalidSlash,
		/// Nothing is owed now. Come back after the next credit.
		NothingToClaim,
		/// The amount is below the existential deposit and the account does not exist. It waits: claim when
		/// more has come, or send the account some funds first.
		BelowExistentialDeposit,
		/// The proof does not lead from this account and amount to the worker's active root. Get a fresh
		/// proof for the root in the worker's settlement; each account claims its own leaf.
		InvalidProof,
		/// The worker's tree promises more than was credited to it. Nothing is lost: challenge the worker's
		/// pending batches, or wait until more is credited.
		TreeOverdrawn,
		/// The shares do not sum to 1,000,000 ppm, or the worker's is zero. Correct the table.
		InvalidSplit,
		/// The account's balance is locked by votes. Open the channel from another account, or remove the
		/// votes and unlock first.
		Voting,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		#[cfg(feature = "std")]
		fn integrity_test() {
			// A runtime may keep its delays in storage.
			frame::deps::sp_io::TestExternalities::default().execute_with(|| {
				assert!(
					T::ClosingDelay::get() >= T::ChallengeWindow::get(),
					"a channel must stay open for at least the challenge window: raise ClosingDelay",
				);
				assert!(
					T::MaxPending::get() > 0 && T::MaxPending::get() <= KEPT_BATCHES,
					"pending batches must be kept: MaxPending is 1 to KEPT_BATCHES",
				);
				assert!(
					T::ChallengeBond::get() >= T::Currency::minimum_balance(),
					"a lost bond must be able to open the treasury's account: raise ChallengeBond",
				);
			});
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), polkadot_sdk::sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// The parameters in force and their version.
		pub fn parameters() -> (u32, Parameters) {
			Self::current_parameters()
		}

		/// The parameters of a version.
		pub fn parameters_of(version: u32) -> Option<Parameters> {
			ParametersOf::<T>::get(version)
		}

		/// The channel of a payer to a worker.
		pub fn channel(payer: T::AccountId, worker: T::AccountId) -> Option<ChannelView> {
			Channels::<T>::get(payer, worker).map(|channel| channel.view(Self::now()))
		}

		/// A worker's settlement state.
		pub fn settlement(worker: T::AccountId) -> SettlementView {
			Settlements::<T>::get(worker).view()
		}

		/// A batch.
		pub fn batch(worker: T::AccountId, sequence: u64) -> Option<BatchView> {
			Self::batch_view(worker, sequence)
		}

		/// What an account can claim from vaults.
		pub fn claimable(who: T::AccountId) -> Vec<Claimable> {
			Self::claimable_of(&who)
		}

		/// What an earner has claimed against a worker's tree, planck.
		pub fn earnings_claimed(worker: T::AccountId, earner: Earner) -> Balance {
			Claimed::<T>::get(worker, earner)
		}

		/// A vault.
		pub fn vault(key: VaultKey) -> VaultView {
			Vaults::<T>::get(key).view(key)
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Opens a channel from the signer to `worker` and holds `deposit` planck for it.
		///
		/// `session_key` may sign vouchers instead of the payer. Emits [`Event::ChannelOpened`].
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::open_channel())]
		pub fn open_channel(
			origin: OriginFor<T>,
			worker: T::AccountId,
			deposit: Balance,
			session_key: Option<Key>,
		) -> DispatchResult {
			let payer = ensure_signed(origin)?;
			Self::do_open_channel(payer, worker, deposit, session_key)
		}

		/// Adds `amount` planck to the deposit of the signer's channel to `worker`.
		///
		/// Emits [`Event::ChannelToppedUp`].
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::top_up())]
		pub fn top_up(origin: OriginFor<T>, worker: T::AccountId, amount: Balance) -> DispatchResult {
			let payer = ensure_signed(origin)?;
			Self::do_top_up(payer, worker, amount)
		}

		/// Sets or removes the key that may sign vouchers of the signer's channel to `worker`.
		///
		/// A first key is good at once. A key that is replaced or removed stays good for the closing
		/// delay, so that a payer cannot take back vouchers it was served for; so long the new one is not.
		/// Emits [`Event::SessionKeySet`].
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::set_session_key())]
		pub fn set_session_key(
			origin: OriginFor<T>,
			worker: T::AccountId,
			session_key: Option<Key>,
		) -> DispatchResult {
			let payer = ensure_signed(origin)?;
			Self::do_set_session_key(payer, worker, session_key)
		}

		/// Asks to close the signer's channel to `worker`. The worker may charge it until the delay ends.
		///
		/// Emits [`Event::ChannelClosing`].
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::close_channel())]
		pub fn close_channel(origin: OriginFor<T>, worker: T::AccountId) -> DispatchResult {
			let payer = ensure_signed(origin)?;
			Self::do_close_channel(payer, worker)
		}

		/// Releases what is left of the signer's closed channel to `worker`.
		///
		/// Emits [`Event::ChannelClosed`].
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::withdraw_channel())]
		pub fn withdraw_channel(origin: OriginFor<T>, worker: T::AccountId) -> DispatchResult {
			let payer = ensure_signed(origin)?;
			Self::do_withdraw_channel(payer, worker)
		}

		/// Submits a usage batch. The signer is a worker's service key.
		///
		/// `agents` lists the agent versions with their active skills, `charges` what each channel pays and
		/// the voucher for it. A channel with a fault is skipped and named; everything else wrong refuses the
		/// batch. Matured batches of the worker are credited on the way, as many as fit the declared weight. That
		/// is of agents as large as they may be; fee and block are in the end charged for the parts there are.
		///
		/// Emits [`Event::BatchSubmitted`], and [`Event::ChannelSkipped`] for each channel not charged.
		#[pallet::call_index(5)]
		#[pallet::weight(Pallet::<T>::submit_weight(agents.len(), charges))]
		pub fn submit_batch(
			origin: OriginFor<T>,
			header: BatchHeader,
			agents: Agents,
			charges: Charges,
		) -> DispatchResultWithPostInfo {
			let service_key = ensure_signed(origin)?;
			Self::do_submit_batch(service_key, header, agents, charges)
		}

		/// Credits up to `limit` matured batches of `worker`, oldest first; at most 16 in one call. Stops
		/// at a challenged one. Anyone may do so.
		///
		/// Emits [`Event::BatchCredited`] for each.
		#[pallet::call_index(6)]
		#[pallet::weight(Pallet::<T>::credit_weight(*limit))]
		pub fn credit(origin: OriginFor<T>, worker: T::AccountId, limit: u32) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			Self::do_credit(worker, limit)
		}

		/// Challenges a pending batch and holds the challenge bond of the signer. The batch is frozen until
		/// the verdict.
		///
		/// `evidence` is the BLAKE3 hash of what the signer published. Emits [`Event::BatchChallenged`].
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::challenge())]
		pub fn challenge(
			origin: OriginFor<T>,
			worker: T::AccountId,
			sequence: u64,
			fault: Fault,
			evidence: Hash,
		) -> DispatchResult {
			let challenger = ensure_signed(origin)?;
			Self::do_challenge(challenger, worker, sequence, fault, evidence)
		}

		/// Decides a challenge: voids the batch, or lets it stand.
		///
		/// Emits [`Event::BatchVoided`] or [`Event::BatchUpheld`].
		#[pallet::call_index(8)]
		#[pallet::weight(T::WeightInfo::resolve(MAX_CHANNELS_PER_BATCH, T::MaxPending::get()))]
		pub fn resolve(
			origin: OriginFor<T>,
			worker: T::AccountId,
			sequence: u64,
			verdict: Verdict,
		) -> DispatchResultWithPostInfo {
			T::AuthorityOrigin::ensure_origin(origin)?;
			Self::do_resolve(worker, sequence, verdict)
		}

		/// Pays the signer what `vault` owes it. The platform's vault pays the treasury, whoever asks.
		///
		/// Emits [`Event::VaultClaimed`].
		#[pallet::call_index(9)]
		#[pallet::weight(T::WeightInfo::claim())]
		pub fn claim(origin: OriginFor<T>, vault: VaultKey) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_claim(who, vault)
		}

		/// Pays the signer its leaf of `worker`'s earnings tree, less what it claimed before.
		///
		/// `cumulative` is the leaf's amount in planck, `proof` its way to the active root. Emits
		/// [`Event::EarningsClaimed`].
		#[pallet::call_index(10)]
		#[pallet::weight(T::WeightInfo::claim_earnings(proof.siblings.len().saturated_into()))]
		pub fn claim_earnings(
			origin: OriginFor<T>,
			worker: T::AccountId,
			cumulative: Balance,
			proof: SumProof,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_claim_earnings(who, worker, cumulative, proof)
		}

		/// Moves the leaf of a DataNet's pool in `worker`'s earnings tree into the pool's vault. Anyone may
		/// do so.
		///
		/// Emits [`Event::PoolSwept`].
		#[pallet::call_index(11)]
		#[pallet::weight(T::WeightInfo::sweep_pool(proof.siblings.len().saturated_into()))]
		pub fn sweep_pool(
			origin: OriginFor<T>,
			worker: T::AccountId,
			datanet: DataNetId,
			cumulative: Balance,
			proof: SumProof,
		) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_sweep_pool(worker, datanet, cumulative, proof)
		}

		/// Sets the parameters that batches submitted from now on are split by.
		///
		/// Emits [`Event::ParametersSet`].
		#[pallet::call_index(12)]
		#[pallet::weight(T::WeightInfo::set_parameters())]
		pub fn set_parameters(origin: OriginFor<T>, parameters: Parameters) -> DispatchResult {
			T::AdminOrigin::ensure_origin(origin)?;
			Self::do_set_parameters(parameters)
		}
	}

	impl<T: Config> VaultHolders for Pallet<T> {
		fn set_weight(key: VaultKey, holder: &[u8; 32], weight: u64) -> Result<(), Overflow> {
			Self::set_holder(key, &(*holder).into(), weight).ok_or(Overflow)
		}

		fn weight(key: VaultKey, holder: &[u8; 32]) -> u64 {
			Holders::<T>::get(T::AccountId::from(*holder), key).weight
		}

		fn total_weight(key: VaultKey) -> u64 {
			Vaults::<T>::get(key).total_weight
		}
	}
}
