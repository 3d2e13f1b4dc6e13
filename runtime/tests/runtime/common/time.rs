//! Blocks by hand: hooks and inherents as in a real block, without headers' roots. Blocks in which nothing is
//! scheduled are passed over, so that weeks take no time.

use super::alice;
use codec::Encode;
use polkadot_sdk::{
	frame_support::{
		assert_ok,
		storage::storage_prefix,
		traits::{schedule::DispatchTime, OnFinalize, OnInitialize, StorePreimage},
	},
	pallet_aura,
	pallet_conviction_voting::{self, AccountVote, Conviction, Vote},
	pallet_referenda::{self, TracksInfo},
	pallet_scheduler, pallet_timestamp,
	sp_consensus_aura::{Slot, AURA_ENGINE_ID},
	sp_io::storage::exists,
	sp_keyring::Sr25519Keyring,
	sp_runtime::{traits::Dispatchable, Digest, DigestItem, DispatchResult},
};
use tributary_runtime::{
	constants::*, governance::tracks::Tracks, AccountId, AllPalletsWithSystem, Balance, Balances,
	BlockNumber, OriginCaller, Preimage, Referenda, Runtime, RuntimeCall, RuntimeOrigin, System,
};

/// Dispatches a call as the runtime does: through the filter.
pub fn call(origin: RuntimeOrigin, call: impl Into<RuntimeCall>) -> DispatchResult {
	call.into().dispatch(origin).map(drop).map_err(|failure| failure.error)
}

/// Starts block `number`, in the slot after the last block's.
fn start_block(number: BlockNumber) {
	let slot = Slot::from(u64::from(pallet_aura::CurrentSlot::<Runtime>::get()) + 1);
	let digest = Digest { logs: vec![DigestItem::PreRuntime(AURA_ENGINE_ID, slot.encode())] };
	System::reset_events();
	// Blocks are numbered without a gap.
	System::set_block_number(number - 1);
	System::initialize(&number, &Default::default(), &digest);
	AllPalletsWithSystem::on_initialize(number);
	let now = u64::from(slot) * BLOCK_MILLIS;
	assert_ok!(call(RuntimeOrigin::none(), pallet_timestamp::Call::set { now }));
}

/// The next block after `now` with something on the agenda, or left on it by a full block.
fn next_due(now: BlockNumber) -> Option<BlockNumber> {
	pallet_scheduler::Agenda::<Runtime>::iter_keys().map(|at| at.max(now + 1)).min()
}

/// Passes `blocks` blocks; the last is left open.
pub fn pass(blocks: BlockNumber) {
	let end = System::block_number() + blocks;
	while System::block_number() < end {
		let now = System::block_number();
		// The state of a chain has no open block.
		if exists(&storage_prefix(b"Timestamp", b"DidUpdate")) {
			AllPalletsWithSystem::on_finalize(now);
		}
		start_block(next_due(now).unwrap_or(end).min(end));
	}
}

/// All who have tokens at genesis.
pub fn holders() -> Vec<AccountId> {
	Sr25519Keyring::iter()
		.map(|key| key.to_account_id())
		.filter(|who| Balances::free_balance(who) > TRB)
		.collect()
}

/// Submits a referendum by Alice, with its decision deposit. Returns its index.
pub fn propose(origin: impl Into<OriginCaller>, proposal: impl Into<RuntimeCall>) -> u32 {
	let index = pallet_referenda::ReferendumCount::<Runtime>::get();
	let proposal = proposal.into();
	let bound = <Preimage as StorePreimage>::bound(proposal).expect("a call has a bound");
	assert_ok!(Referenda::submit(
		RuntimeOrigin::signed(alice()),
		Box::new(origin.into()),
		bound,
		DispatchTime::After(0),
	));
	assert_ok!(Referenda::place_decision_deposit(RuntimeOrigin::signed(alice()), index));
	index
}

/// A vote of `balance`, locked for one period.
pub fn vote(poll_index: u32, aye: bool, balance: Balance) -> RuntimeCall {
	let vote = AccountVote::Standard { vote: Vote { aye, conviction: Conviction::Locked1x }, balance };
	pallet_conviction_voting::Call::vote { poll_index, vote }.into()
}

/// All holders say aye with most of what they have.
pub fn all_say_aye(index: u32) {
	for who in holders() {
		assert_ok!(call(RuntimeOrigin::signed(who), vote(index, true, 900_000 * TRB)));
	}
}

/// Has all holders say aye and runs blocks until the referendum is carried out.
pub fn carry_out(origin: impl Into<OriginCaller>, proposal: impl Into<RuntimeCall>) {
	let origin = origin.into();
	let track = Tracks::track_for(&origin).expect("there is a track for the origin");
	let track = Tracks::info(track).expect("the track exists");
	all_say_aye(propose(origin, proposal));
	pass(track.prepare_period + track.confirm_period + track.min_enactment_period + 5);
}
