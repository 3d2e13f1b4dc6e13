//! Benchmarks of the calls, and of what each block costs.

// A benchmark that cannot be set up shall fail; none runs on chain.
#![allow(
	clippy::arithmetic_side_effects,
	clippy::indexing_slicing,
	clippy::unwrap_used,
	clippy::expect_used,
	clippy::panic
)]

use crate::{
	pool::{Pool, Position, Stake},
	Config, HoldReason, Pallet as ValidatorsPallet, *,
};
use alloc::{boxed::Box, vec, vec::Vec};
use frame::{
	benchmarking::prelude::*,
	deps::sp_runtime::{traits::Header as _, Digest, RuntimeAppPublic},
	token::fungible::{Mutate, MutateHold},
};
use polkadot_sdk::{
	frame_support::{
		storage::{storage_prefix, unhashed},
		traits::PalletInfoAccess,
	},
	pallet_authorship,
	pallet_session::{self, SessionManager},
	polkadot_sdk_frame as frame,
	sp_consensus_aura::{digests::CompatibleDigestItem, sr25519::AuthoritySignature},
	sp_runtime::DigestItem,
	sp_session::MembershipProof,
};
use tributary_primitives::Balance;

/// What benchmarks need of the runtime's session keys.
pub trait BenchmarkHelper<Keys> {
	/// Session keys with this one for Aura; the others are different for each.
	fn keys(aura: AuraId) -> Keys;
}

/// More than what is staked in a benchmark, planck.
const FUNDS: Balance = 1 << 90;
/// Staked by everybody, planck: more than any least stake.
const STAKE: Balance = 1 << 80;

fn fund<T: Config>(who: &T::AccountId) {
	T::Token::set_balance(who, FUNDS);
}

fn caller<T: Config>() -> T::AccountId {
	let who = whitelisted_caller();
	fund::<T>(&who);
	who
}

fn funded<T: Config>(name: &'static str, index: u32) -> T::AccountId {
	let who = account(name, index, 0);
	fund::<T>(&who);
	who
}

/// A candidate with a pool of [`STAKE`].
fn candidate<T: Config>(who: &T::AccountId) {
	ValidatorsPallet::<T>::do_bond(who.clone(), STAKE, 0).expect("the candidate has funds and there is room");
}

/// Fills the ranking but for `free` places.
fn rank<T: Config>(free: u32) {
	let there = Ranking::<T>::decode_len().unwrap_or_default() as u32;
	for index in there..T::MaxCandidates::get() - free {
		candidate::<T>(&funded::<T>("candidate", index));
	}
}

/// Session `number`, of which everybody's stake may leave.
fn session<T: Config>(number: u32) {
	pallet_session::CurrentIndex::<T>::put(number);
}

/// Rewards for a pool, and the pot that pays them.
fn reward<T: Config>(candidate: &T::AccountId) {
	fund::<T>(&ValidatorsPallet::<T>::pot());
	assert!(ValidatorsPallet::<T>::reward(candidate, STAKE));
}

/// As many chunks as a staker may have with a candidate; each is worth half of what is on hold for it.
fn leave<T: Config>(staker: &T::AccountId, candidate: &T::AccountId) {
	let chunk = |until| Chunk { counted_until: until, unlocks: 0, shares: STAKE / 64, held: STAKE / 64 };
	let chunks: Vec<_> = (0..MAX_CHUNKS).map(chunk).collect();
	for chunk in &chunks {
		T::Token::hold(&HoldReason::Stake.into(), staker, chunk.held).expect("the staker has funds");
		let tranche = Stake { shares: 2 * chunk.shares, amount: chunk.held };
		Tranches::<T>::insert(candidate, chunk.counted_until, tranche);
	}
	Chunks::<T>::insert(staker, candidate, BoundedVec::truncate_from(chunks));
}

/// Takes half of what is in a pool.
fn slash<T: Config>(candidate: &T::AccountId) {
	Pools::<T>::mutate(candidate, |pool| {
		if let Some(Pool { stake, .. }) = pool {
			*stake = stake.slash(stake.amount / 2);
		}
	});
}

/// As many validators as possible, with keys of their own; the first one's report, and the proof of its key. The
/// report is of as many sessions ago as possible, and from each of them stake leaves.
fn equivocation<T: Config>() -> (AuraEquivocation<HeaderFor<T>>, MembershipProof) {
	let first = funded::<T>("validator", 0);
	let mut queued = Vec::new();
	let mut offender = None;
	for index in 0..T::MaxAuthorities::get() {
		let aura = AuraId::generate_pair(Some(alloc::format!("0x{:064x}", index + 1).into_bytes()));
		let validator = funded::<T>("validator", index);
		candidate::<T>(&validator);
		let keys = T::BenchmarkHelper::keys(aura.clone());
		pallet_session::NextKeys::<T>::insert(&validator, keys.clone());
		queued.push((validator, keys));
		offender.get_or_insert(aura);
	}
	pallet_session::QueuedKeys::<T>::put(queued);
	let validators = <T as pallet_session::Config>::SessionManager::new_session(0)
		.expect("there are candidates with keys");
	pallet_session::Validators::<T>::put(validators);
	SessionStarts::<T>::insert(0, 0);
	// The first validator's turn is the last slot of the session.
	let slot = u64::from(T::MaxAuthorities::get());
	SessionStarts::<T>::insert(1, slot);
	let offender = offender.expect("there is a validator");
	// The proof is of the present session; it ends now, and more follow.
	let key_owner = ValidatorsPallet::<T>::prove_key_owner(&offender).expect("the key is a validator's");
	let sessions = T::MaxUnbondingSessions::get();
	session::<T>(sessions);
	for until in 0..=sessions {
		Tranches::<T>::insert(&first, until, Stake { shares: STAKE, amount: STAKE });
	}
	let header = |what: u8| {
		let slot = CompatibleDigestItem::<AuthoritySignature>::aura_pre_digest(slot.into());
		let digest = Digest { logs: vec![slot, DigestItem::Other(vec![what])] };
		let mut header = HeaderFor::<T>::new(
			7u32.into(),
			Default::default(),
			Default::default(),
			Default::default(),
			digest,
		);
		let seal = offender.sign(&header.hash().as_ref()).expect("the key was generated");
		header.digest_mut().push(DigestItem::aura_seal(seal));
		header
	};
	let (first_header, second_header) = (header(1), header(2));
	(AuraEquivocation { offender, slot: slot.into(), first_header, second_header }, key_owner)
}

#[benchmarks]
mod benches {
	use super::*;

	/// In the place of the last of a full ranking, after a time in jail.
	#[benchmark]
	fn bond() {
		rank::<T>(0);
		let who = caller::<T>();
		Jails::<T>::insert(&who, 0);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), 2 * STAKE, 0);
		assert!(Candidates::<T>::contains_key(who));
	}

	/// Again, after a slash, so that the candidate moves from last to first.
	#[benchmark]
	fn nominate() {
		rank::<T>(1);
		let (who, last) = (caller::<T>(), funded::<T>("last", 0));
		candidate::<T>(&last);
		ValidatorsPallet::<T>::do_nominate(who.clone(), last.clone(), STAKE / 2).expect("it is a candidate");
		slash::<T>(&last);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), last.clone(), 2 * STAKE);
		assert_eq!(Ranking::<T>::get().first().map(|rank| rank.candidate.clone()), Some(last));
	}

	/// All of a candidate's own stake, which nobody else adds to, with rewards that nobody claimed.
	#[benchmark]
	fn unbond() {
		rank::<T>(1);
		let who = caller::<T>();
		candidate::<T>(&who);
		reward::<T>(&who);
		slash::<T>(&who);
		leave::<T>(&who, &who);
		Chunks::<T>::mutate(&who, &who, |chunks| chunks.truncate(MAX_CHUNKS as usize - 1));
		session::<T>(1_000);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), who.clone(), None);
		assert!(!Candidates::<T>::contains_key(who));
	}

	/// As many chunks as possible, all slashed.
	#[benchmark]
	fn withdraw_unbonded() {
		let (who, other) = (caller::<T>(), funded::<T>("candidate", 0));
		leave::<T>(&who, &other);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), other.clone());
		assert!(Chunks::<T>::get(who, other).is_empty());
	}

	#[benchmark]
	fn set_commission() {
		let who = caller::<T>();
		candidate::<T>(&who);
		session::<T>(1_000);
		let commission = T::MaxCommissionRise::get().min(T::MaxCommission::get());
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), commission);
		assert_eq!(Candidates::<T>::get(who).map(|candidate| candidate.commission), Some(commission));
	}

	#[benchmark]
	fn chill() {
		rank::<T>(1);
		let who = caller::<T>();
		candidate::<T>(&who);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));
		assert_eq!(Candidates::<T>::get(who).map(|candidate| candidate.active), Some(false));
	}

	/// In the place of the last of a full ranking, after a time in jail.
	#[benchmark]
	fn resume() {
		rank::<T>(1);
		let who = caller::<T>();
		candidate::<T>(&who);
		ValidatorsPallet::<T>::do_nominate(who.clone(), who.clone(), STAKE).expect("it is a candidate");
		ValidatorsPallet::<T>::retire(&who, ChillReason::Asked);
		rank::<T>(0);
		Jails::<T>::insert(&who, 0);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));
		assert_eq!(Candidates::<T>::get(who).map(|candidate| candidate.active), Some(true));
	}

	/// By a candidate, with its commission.
	#[benchmark]
	fn claim() {
		let who = caller::<T>();
		candidate::<T>(&who);
		Candidates::<T>::mutate(&who, |candidate| {
			if let Some(candidate) = candidate {
				candidate.commission = 100_000;
			}
		});
		reward::<T>(&who);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), who.clone());
		assert_eq!(ValidatorsPallet::<T>::claimable(&who, &who), 0);
	}

	/// For a candidate, with its commission.
	#[benchmark]
	fn claim_for() {
		let (who, other) = (caller::<T>(), funded::<T>("candidate", 0));
		candidate::<T>(&other);
		reward::<T>(&other);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), other.clone(), other.clone());
		assert_eq!(ValidatorsPallet::<T>::claimable(&other, &other), 0);
	}

	/// To a staker with as many chunks as possible, all slashed, in a pool that was lost.
	#[benchmark]
	fn apply_slash() {
		let (who, other) = (caller::<T>(), funded::<T>("candidate", 0));
		candidate::<T>(&other);
		reward::<T>(&other);
		leave::<T>(&other, &other);
		Pools::<T>::mutate(&other, |pool| {
			if let Some(Pool { stake, .. }) = pool {
				*stake = stake.slash(STAKE);
			}
		});
		#[extrinsic_call]
		_(RawOrigin::Signed(who), other.clone(), other.clone());
		assert!(Positions::<T>::get(&other, &other).is_none_or(|Position { held, .. }| held == 0));
	}

	#[benchmark]
	fn report_equivocation() {
		let who = caller::<T>();
		let (equivocation, key_owner) = equivocation::<T>();
		#[extrinsic_call]
		_(RawOrigin::Signed(who), Box::new(equivocation), key_owner);
		assert_eq!(Suspensions::<T>::get().len(), 1);
	}

	/// With the check that comes before it.
	#[benchmark]
	fn report_equivocation_unsigned() {
		let (equivocation, key_owner) = equivocation::<T>();
		let call =
			Call::<T>::report_equivocation_unsigned { equivocation: Box::new(equivocation), key_owner };
		#[block]
		{
			ValidatorsPallet::<T>::check_report(&call).expect("the report is good");
			call.dispatch_bypass_filter(RawOrigin::None.into()).expect("the report is good");
		}
		assert_eq!(Suspensions::<T>::get().len(), 1);
	}

	#[benchmark]
	fn set_timing() -> Result<(), BenchmarkError> {
		let timing = Timing { session_blocks: 17, unbonding_sessions: 2 };
		// Root may shorten it too.
		#[extrinsic_call]
		_(RawOrigin::Root, timing);
		assert_eq!(CurrentTiming::<T>::get(), timing);
		Ok(())
	}

	#[benchmark]
	fn dismiss() -> Result<(), BenchmarkError> {
		rank::<T>(0);
		let count = T::MaxAuthorities::get();
		let there: Vec<T::AccountId> = (0..count).map(|index| account("unbonded", index, 0)).collect();
		Unbonded::<T>::put(BoundedVec::truncate_from(there.clone()));
		let origin = T::AdminOrigin::try_successful_origin()
			.map_err(|_| BenchmarkError::Stop("the runtime has no administrator"))?;
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, there[count as usize - 1].clone());
		assert_eq!(Unbonded::<T>::decode_len(), Some(count as usize - 1));
		Ok(())
	}

	/// A block with fees for its author.
	#[benchmark]
	fn block_hooks() {
		let author = funded::<T>("author", 0);
		candidate::<T>(&author);
		fund::<T>(&ValidatorsPallet::<T>::pot());
		// Who the author is, as the pallet remembers it within a block.
		let pallet = <pallet_authorship::Pallet<T> as PalletInfoAccess>::name();
		unhashed::put(&storage_prefix(pallet.as_bytes(), b"Author"), &author);
		AuthorFees::<T>::put(STAKE);
		let now = frame_system::Pallet::<T>::block_number();
		#[block]
		{
			<ValidatorsPallet<T> as pallet_authorship::EventHandler<_, _>>::note_author(author.clone());
			ValidatorsPallet::<T>::on_finalize(now);
		}
		assert!(Unpaid::<T>::get() > 0);
	}

	impl_benchmark_test_suite!(ValidatorsPallet, crate::mock::with_keys(), crate::mock::Test);
}
