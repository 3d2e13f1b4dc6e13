//! Benchmarks of the calls.

// A benchmark that cannot be set up shall fail; none runs on chain.
#![allow(
	clippy::arithmetic_side_effects,
	clippy::indexing_slicing,
	clippy::unwrap_used,
	clippy::expect_used,
	clippy::panic
)]

use crate::{Config, Pallet as Validators, *};
use alloc::{boxed::Box, vec, vec::Vec};
use codec::{Decode, Encode};
use frame::{
	benchmarking::prelude::*,
	deps::sp_runtime::{
		traits::{Header as _, TrailingZeroInput},
		Digest, DigestItem, RuntimeAppPublic,
	},
	token::fungible::Mutate,
	traits::Hooks,
};
use polkadot_sdk::{
	frame_system::pallet_prelude::{BlockNumberFor, HeaderFor},
	pallet_session::{self, Pallet as Session},
	polkadot_sdk_frame as frame,
	sp_consensus_aura::{digests::CompatibleDigestItem, sr25519::AuthoritySignature},
	sp_runtime::Perbill,
};
use tributary_primitives::Balance;

/// More than stakes of a benchmark, planck.
const FUNDS: Balance = 1 << 90;
/// Any commission, ppm.
const COMMISSION: u32 = 0;

fn funded<T: Config>(name: &'static str, index: u32) -> T::AccountId {
	let who = account(name, index, 0);
	T::Token::set_balance(&who, FUNDS);
	who
}

fn caller<T: Config>() -> T::AccountId {
	let who = whitelisted_caller();
	T::Token::set_balance(&who, FUNDS);
	who
}

fn stake<T: Config>() -> Balance {
	T::MinBond::get().max(T::MinNomination::get())
}

/// As many candidates as may stand, with growing stake.
fn crowd<T: Config>(count: u32) {
	T::Token::set_balance(&Validators::<T>::pot(), FUNDS);
	for index in 0..count {
		let who = funded::<T>("candidate", index);
		Validators::<T>::do_bond(who, stake::<T>() + Balance::from(index), COMMISSION)
			.expect("there is room");
	}
}

/// A candidate with much stake beside as many others as may stand.
fn candidate<T: Config>() -> T::AccountId {
	let who = caller::<T>();
	let there = Ranking::<T>::decode_len().unwrap_or_default() as u32;
	crowd::<T>(T::MaxCandidates::get().saturating_sub(there).saturating_sub(1));
	Validators::<T>::do_bond(who.clone(), 100 * stake::<T>(), COMMISSION).expect("it outbids");
	who
}

fn slash<T: Config>(who: &T::AccountId) {
	let exposure = Exposure { stake: Validators::<T>::pool_stake(who) };
	Validators::<T>::punish(who, exposure, Perbill::from_percent(10), Validators::<T>::session());
}

fn reward<T: Config>(who: &T::AccountId) {
	assert!(Validators::<T>::reward(who, stake::<T>()), "the pot has funds");
}

fn later<T: Config>(sessions: u32) {
	pallet_session::CurrentIndex::<T>::mutate(|session| *session += sessions);
}

/// A block of a slot, sealed with a key of the keystore.
fn sealed<T: Config>(key: &AuraId, slot: u64, what: u8) -> HeaderFor<T> {
	let root = T::Hash::decode(&mut TrailingZeroInput::new(&[what])).expect("zeros are a hash");
	let padding = DigestItem::Other(vec![0; equivocation::MAX_HEADER - 1_024]);
	let turn = CompatibleDigestItem::<AuthoritySignature>::aura_pre_digest(slot.into());
	let mut header = HeaderFor::<T>::new(
		1u32.into(),
		root,
		root,
		Default::default(),
		Digest { logs: vec![turn, padding] },
	);
	let seal = key.sign(&header.hash().as_ref()).expect("the key is in the keystore");
	header.digest_mut().push(DigestItem::aura_seal(seal));
	header
}

#[benchmarks(where T::Keys: Decode)]
mod benches {
	use super::*;

	/// Into a full list: the last candidate leaves it.
	#[benchmark]
	fn bond() {
		let there = Ranking::<T>::decode_len().unwrap_or_default() as u32;
		crowd::<T>(T::MaxCandidates::get().saturating_sub(there));
		let who = caller::<T>();
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), 100 * stake::<T>(), COMMISSION);
		assert!(Candidates::<T>::get(who).is_some_and(|candidate| candidate.active));
	}

	/// After a slash, which is made good first.
	#[benchmark]
	fn nominate() {
		let candidate = candidate::<T>();
		let who = funded::<T>("staker", 0);
		Validators::<T>::do_nominate(who.clone(), candidate.clone(), 10 * stake::<T>())
			.expect("it has funds");
		slash::<T>(&candidate);
		Candidates::<T>::mutate(&candidate, |candidate| candidate.as_mut().expect("it bonded").active = true);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), candidate.clone(), stake::<T>());
		assert!(Validators::<T>::staked(&who, &candidate) > 9 * stake::<T>());
	}

	/// All, by the candidate, with rewards, after a slash.
	#[benchmark]
	fn unbond() {
		let who = candidate::<T>();
		slash::<T>(&who);
		reward::<T>(&who);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), who.clone(), None);
		assert!(!Candidates::<T>::contains_key(&who));
		assert!(Chunks::<T>::contains_key(&who, &who));
	}

	/// As many chunks as there may be, each in a tranche of its own.
	#[benchmark]
	fn withdraw_unbonded() {
		let candidate = candidate::<T>();
		let who = funded::<T>("staker", 0);
		Validators::<T>::do_nominate(who.clone(), candidate.clone(), 100 * stake::<T>())
			.expect("it has funds");
		for _ in 0..MAX_CHUNKS {
			Validators::<T>::do_unbond(who.clone(), candidate.clone(), Some(stake::<T>()))
				.expect("it has stake");
			later::<T>(1);
		}
		slash::<T>(&candidate);
		later::<T>(T::MaxUnbondingSessions::get() + 1);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), candidate.clone());
		assert!(!Chunks::<T>::contains_key(&who, &candidate));
	}

	#[benchmark]
	fn set_commission() {
		let who = candidate::<T>();
		later::<T>(T::CommissionDelay::get());
		let commission = T::MaxCommissionRise::get().min(T::MaxCommission::get());
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), commission);
		assert_eq!(Candidates::<T>::get(who).map(|candidate| candidate.commission), Some(commission));
	}

	#[benchmark]
	fn chill() {
		let who = candidate::<T>();
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));
		assert!(Candidates::<T>::get(who).is_some_and(|candidate| !candidate.active));
	}

	/// Out of jail, into a full list.
	#[benchmark]
	fn resume() {
		let who = candidate::<T>();
		Validators::<T>::retire(&who, ChillReason::Unresponsive);
		Validators::<T>::jail(&who, 1);
		later::<T>(2);
		Validators::<T>::do_bond(funded::<T>("last", 0), stake::<T>(), COMMISSION).expect("there is room");
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));
		assert!(Candidates::<T>::get(who).is_some_and(|candidate| candidate.active));
	}

	/// With a commission.
	#[benchmark]
	fn claim() {
		let who = candidate::<T>();
		reward::<T>(&who);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), who.clone());
		assert_eq!(Validators::<T>::claimable(&who, &who), 0);
	}

	/// A position and as many chunks as there may be.
	#[benchmark]
	fn apply_slash() {
		let candidate = candidate::<T>();
		let who = funded::<T>("staker", 0);
		Validators::<T>::do_nominate(who.clone(), candidate.clone(), 100 * stake::<T>())
			.expect("it has funds");
		for _ in 0..MAX_CHUNKS {
			Validators::<T>::do_unbond(who.clone(), candidate.clone(), Some(stake::<T>()))
				.expect("it has stake");
			later::<T>(1);
		}
		let oldest = Validators::<T>::session() - MAX_CHUNKS;
		let exposure = Exposure { stake: Validators::<T>::pool_stake(&candidate) };
		Validators::<T>::punish(&candidate, exposure, Perbill::from_percent(10), oldest);
		let held = Validators::<T>::held(&who);
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), who.clone(), candidate);
		assert!(Validators::<T>::held(&who) < held);
	}

	/// In a full set, with a tranche for each session that can be slashed.
	#[benchmark]
	fn report_equivocation() {
		let count = T::MaxAuthorities::get();
		let mut validators = Vec::new();
		let mut first = None;
		for index in 0..count {
			let who = funded::<T>("validator", index);
			let key = AuraId::generate_pair(None);
			let seed = (&key, index).using_encoded(|bytes| bytes.to_vec());
			let keys = T::Keys::decode(&mut TrailingZeroInput::new(&seed)).expect("keys are bytes");
			pallet_session::NextKeys::<T>::insert(&who, keys);
			validators.push(ElectedValidator {
				validator: who.clone(),
				exposure: Exposure { stake: 100 * stake::<T>() },
			});
			first.get_or_insert((who, key));
		}
		let (who, key) = first.expect("there are validators");
		T::Token::set_balance(&Validators::<T>::pot(), FUNDS);
		Validators::<T>::do_bond(who.clone(), 200 * stake::<T>(), COMMISSION).expect("it has funds");
		let tranches = T::MaxUnbondingSessions::get();
		later::<T>(tranches);
		let session = Validators::<T>::session();
		for until in session..=session + 1 {
			Tranches::<T>::insert(&who, until, pool::Stake { shares: 1, amount: 1 });
		}
		pallet_session::Validators::<T>::put(
			validators.iter().map(|elected| elected.validator.clone()).collect::<Vec<_>>(),
		);
		Elected::<T>::insert(session, BoundedVec::truncate_from(validators));
		let slot = T::CurrentSlot::get();
		SessionStarts::<T>::insert(session, slot.saturating_sub(1));
		// Without a block of its own the slot is zero, which no session has.
		let slot = slot.max(1);
		SessionStarts::<T>::insert(session, slot - 1);
		SessionStarts::<T>::insert(session + 1, slot);
		let equivocation = AuraEquivocation {
			offender: key.clone(),
			slot: slot.into(),
			first_header: sealed::<T>(&key, slot, 1),
			second_header: sealed::<T>(&key, slot, 2),
		};
		let key_owner = Validators::<T>::prove_key_owner(&key).expect("the key is of this session");
		let reporter = caller::<T>();
		#[extrinsic_call]
		_(RawOrigin::Signed(reporter), Box::new(equivocation), key_owner);
		assert!(Slashed::<T>::contains_key(session, &who));
		assert!(Session::<T>::validators().len() as u32 == count);
	}

	#[benchmark]
	fn set_timing() -> Result<(), BenchmarkError> {
		let origin = T::AdminOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
		let timing = Timing { session_blocks: 7, unbonding_sessions: 1 };
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, timing);
		assert_eq!(CurrentTiming::<T>::get(), timing);
		Ok(())
	}

	#[benchmark]
	fn dismiss() -> Result<(), BenchmarkError> {
		let origin = T::AdminOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
		candidate::<T>();
		let all: Vec<T::AccountId> =
			(0..T::MaxAuthorities::get()).map(|index| account("old", index, 0)).collect();
		let last = all.last().cloned().expect("there are validators");
		Unbonded::<T>::put(BoundedVec::truncate_from(all));
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, last.clone());
		assert!(!Unbonded::<T>::get().contains(&last));
		Ok(())
	}

	/// What every block costs.
	#[benchmark]
	fn block_hooks() {
		let who = candidate::<T>();
		AuthorFees::<T>::put(stake::<T>());
		#[block]
		{
			<Validators<T> as Hooks<BlockNumberFor<T>>>::on_initialize(1u32.into());
			AuthorFees::<T>::kill();
			Validators::<T>::reward(&who, 1);
		}
		assert!(Validators::<T>::claimable(&who, &who) > 0);
	}
}
