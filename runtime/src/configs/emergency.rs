//! What may be called at all: safe mode, paused calls, and what the technical committee may not cancel.
//!
//! Batches, proxies and multisigs only wrap: each call in one is filtered again when it is dispatched.

use super::Committee;
use crate::{constants::*, governance::tracks::COMMITTEE, *};
use frame_support::{
	parameter_types,
	traits::{ConstU32, Contains, EitherOf},
	BoundedVec,
};
use frame_system::{EnsureRoot, EnsureRootWithSuccess, EnsureWithSuccess};
use pallet_referenda::{Call as ReferendaCall, ReferendumInfo, ReferendumInfoFor};
use pallet_tx_pause::RuntimeCallNameOf;

/// Calls that are not filtered out. Root's calls pass any filter.
pub struct Allowed;

impl Contains<RuntimeCall> for Allowed {
	fn contains(call: &RuntimeCall) -> bool {
		SafeMode::contains(call) && TxPause::contains(call) && !ends_an_election(call) && !leaves_unpaid(call)
	}
}

/// Whether the call takes a payer's escrow back while workers cannot settle what they have served for it.
fn leaves_unpaid(call: &RuntimeCall) -> bool {
	use pallet_attribution::Call as Attribution;

	let settles = || Some((bounded(b"Attribution")?, bounded(b"submit_batch")?));
	matches!(call, RuntimeCall::Attribution(Attribution::withdraw_channel { .. }))
		&& settles().is_some_and(|settles| TxPause::is_paused(&settles))
}

fn bounded(name: &[u8]) -> Option<BoundedVec<u8, MaxNameLength>> {
	name.to_vec().try_into().ok()
}

/// Whether the call ends a referendum on the track that appoints the committee before its time. The
/// committee may end any other.
fn ends_an_election(call: &RuntimeCall) -> bool {
	let RuntimeCall::Referenda(ReferendaCall::cancel { index } | ReferendaCall::kill { index }) = call else {
		return false;
	};
	matches!(
		ReferendumInfoFor::<Runtime>::get(index),
		Some(ReferendumInfo::Ongoing(status)) if status.track == COMMITTEE
	)
}

/// What goes on in safe mode: blocks and finality, batches, claims and challenges, governance, and what lifts it.
/// Money does not move otherwise.
///
/// Batches go on because what was served is owed: vouchers expire and closing channels are let go by the clock. Who
/// wants them stopped too pauses `submit_batch`, which keeps channels from being withdrawn.
pub struct SafeCalls;

impl Contains<RuntimeCall> for SafeCalls {
	fn contains(call: &RuntimeCall) -> bool {
		use pallet_attribution::Call as Attribution;
		use pallet_treasury::Call as Treasury;
		use pallet_validators::Call as Validators;

		// No arm for the rest: who adds a pallet decides here.
		match call {
			RuntimeCall::System(_)
			| RuntimeCall::Timestamp(_)
			| RuntimeCall::Session(_)
			| RuntimeCall::Grandpa(_)
			| RuntimeCall::Sudo(_)
			| RuntimeCall::Utility(_)
			| RuntimeCall::Multisig(_)
			| RuntimeCall::Proxy(_)
			| RuntimeCall::Preimage(_)
			| RuntimeCall::Scheduler(_)
			| RuntimeCall::ConvictionVoting(_)
			| RuntimeCall::Referenda(_)
			| RuntimeCall::TechnicalCommittee(_)
			| RuntimeCall::SafeMode(_)
			| RuntimeCall::TxPause(_)
			| RuntimeCall::Parameters(_)
			| RuntimeCall::Delays(_) => true,
			RuntimeCall::Treasury(call) => {
				matches!(call, Treasury::spend { .. } | Treasury::void_spend { .. })
			}
			// The set must be kept, and those punished who misbehave.
			RuntimeCall::Validators(call) => !matches!(
				call,
				Validators::bond { .. }
					| Validators::nominate { .. }
					| Validators::unbond { .. }
					| Validators::withdraw_unbonded { .. }
			),
			RuntimeCall::Attribution(call) => matches!(
				call,
				Attribution::submit_batch { .. }
					| Attribution::claim { .. }
					| Attribution::claim_earnings { .. }
					| Attribution::sweep_pool { .. }
					| Attribution::challenge { .. }
					| Attribution::resolve { .. }
					| Attribution::set_parameters { .. }
			),
			RuntimeCall::Balances(_)
			| RuntimeCall::Registry(_)
			| RuntimeCall::Datanets(_)
			| RuntimeCall::Adapters(_)
			| RuntimeCall::Prompts(_)
			| RuntimeCall::Agents(_)
			| RuntimeCall::Workers(_)
			| RuntimeCall::Tools(_)
			| RuntimeCall::Grants(_) => false,
		}
	}
}

parameter_types! {
	pub const SafeModeDuration: BlockNumber = 12 * HOURS;
	pub const NoDeposit: Option<Balance> = None;
	pub const NoRelease: Option<BlockNumber> = None;
}

/// Root or the technical committee, for [`SafeModeDuration`].
type Guard = EitherOf<
	EnsureRootWithSuccess<AccountId, SafeModeDuration>,
	EnsureWithSuccess<Committee, AccountId, SafeModeDuration>,
>;

/// Root or the technical committee: it may take back what it did.
type Lift = EitherOf<EnsureRoot<AccountId>, Committee>;

impl pallet_safe_mode::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type WhitelistedCalls = SafeCalls;
	type EnterDuration = SafeModeDuration;
	type ExtendDuration = SafeModeDuration;
	// Nobody buys safe mode.
	type EnterDepositAmount = NoDeposit;
	type ExtendDepositAmount = NoDeposit;
	type ForceEnterOrigin = Guard;
	type ForceExtendOrigin = Guard;
	type ForceExitOrigin = Lift;
	type ForceDepositOrigin = EnsureRoot<AccountId>;
	type Notify = ();
	type ReleaseDelay = NoRelease;
	type WeightInfo = pallet_safe_mode::weights::SubstrateWeight<Runtime>;
}

/// Longest name of a pallet or call, bytes.
type MaxNameLength = ConstU32<64>;

/// Names of the pallets whose calls may be paused. Not among them: what makes and finalises blocks, what
/// decides, what lifts a pause, and what only wraps other calls, as cold accounts and multisigs vote.
pub const PAUSABLE: [&str; 12] = [
	"Validators",
	"Balances",
	"Treasury",
	"Registry",
	"Datanets",
	"Adapters",
	"Prompts",
	"Agents",
	"Workers",
	"Attribution",
	"Tools",
	"Grants",
];

/// Calls of those pallets that punish: whoever could pause them could misbehave for nothing. A batch can be challenged
/// for as long as its window is open, and no pause holds that up.
pub const PUNISHING: [(&str, &str); 5] = [
	("Validators", "apply_slash"),
	("Validators", "report_equivocation"),
	("Validators", "report_equivocation_unsigned"),
	("Attribution", "challenge"),
	("Attribution", "resolve"),
];

/// Calls of all pallets but those of [`PAUSABLE`], and [`PUNISHING`].
pub struct NeverPaused;

impl Contains<RuntimeCallNameOf<Runtime>> for NeverPaused {
	fn contains((pallet, call): &RuntimeCallNameOf<Runtime>) -> bool {
		let punishes = |known: &(&str, &str)| known.0.as_bytes() == **pallet && known.1.as_bytes() == **call;
		!PAUSABLE.iter().any(|known| known.as_bytes() == **pallet) || PUNISHING.iter().any(punishes)
	}
}

impl pallet_tx_pause::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type PauseOrigin = Lift;
	type UnpauseOrigin = Lift;
	type WhitelistedCalls = NeverPaused;
	type MaxNameLen = MaxNameLength;
	type WeightInfo = pallet_tx_pause::weights::SubstrateWeight<Runtime>;
}
