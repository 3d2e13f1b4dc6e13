// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! Calls of validators, of those who back them, and of those who catch them.
//!
//! The ranking is full in every scenario whose call reads it.

use super::senders::*;
use crate::weights::chain::{Sender, Transaction};
use pallet_validators::{
	equivocation::MAX_HEADER, pool::Stake, AuraEquivocation, Call, Chunk, Chunks, CurrentTiming, HoldReason,
	Jails, Pools, Ranking, SessionStarts, Timing, Tranches, Unbonded, Unpaid, MAX_CHUNKS,
};
use polkadot_sdk::{
	frame_support::{
		traits::{fungible::MutateHold, ConstU32, Get},
		BoundedVec,
	},
	pallet_session::{self, CurrentIndex, NextKeys, SessionManager},
	sp_consensus_aura::{digests::CompatibleDigestItem, sr25519::AuthoritySignature},
	sp_core::{ed25519, sr25519::Pair, Pair as _},
	sp_runtime::{generic::Digest, traits::Header as _, DigestItem},
	sp_session::MembershipProof,
};
use tributary_primitives::{Balance, TRB};
use tributary_runtime::{
	constants::{MAX_UNBONDING_SESSIONS, MAX_VALIDATORS},
	AccountId, Balances, Header, Runtime, SessionKeys, Validators,
};

/// Staked by each candidate, planck: more than Alice has at genesis.
const STAKE: Balance = 20_000 * TRB;
/// What slashes leave of each pool, planck.
const LEFT: Balance = 5_000 * TRB;
/// A session that comes after everything that is waited for.
const LATE: u32 = 1_000;

/// Most candidates that stand.
fn places() -> u32 {
	<Runtime as pallet_validators::Config>::MaxCandidates::get()
}

/// At most half of what a list holds, where each call makes it shorter: it stays long for all of them.
fn half(count: u32, most: u32) -> u32 {
	count.min(most / 2)
}

/// An account that sends, with funds.
fn sender(number: u32) -> AccountId {
	let who = account(number);
	fund(&who);
	who
}

/// A candidate that stands.
fn candidate(who: &AccountId, stake: Balance) {
	Validators::bond(signed(who), stake, 0).expect("it has funds, and more than the last of the ranking");
}

/// A candidate that does not stand. For these there is always room.
fn retired(who: &AccountId, stake: Balance) {
	candidate(who, stake);
	Validators::chill(signed(who)).expect("Alice still stands");
}

/// Fills the ranking but for `free` places with pools of [`STAKE`]; Alice has the last of those before.
fn rank(free: u32) {
	let there = Ranking::<Runtime>::get().len() as u32;
	for number in there..places() - free {
		candidate(&partner(3_000_000 + number), STAKE);
	}
}

/// Begins a session without ending the one before.
fn session(number: u32) {
	CurrentIndex::<Runtime>::put(number);
}

/// Rewards in a pool that nobody has claimed, commission too, and the pot that pays them.
fn reward(candidate: &AccountId) {
	fund(&Validators::pot());
	Pools::<Runtime>::mutate(candidate, |pool| {
		*pool = pool.and_then(|pool| pool.credit(TRB, TRB));
		assert!(pool.is_some(), "there is a pool with shares");
	});
	Unpaid::<Runtime>::mutate(|unpaid| *unpaid += 2 * TRB);
}

/// Takes what a pool has beyond `left` planck.
fn slash(candidate: &AccountId, left: Balance) {
	Pools::<Runtime>::mutate(candidate, |pool| {
		if let Some(pool) = pool {
			pool.stake = pool.stake.slash(pool.stake.amount.saturating_sub(left));
		}
	});
}

/// Slashes the pools of the ranking down to [`LEFT`].
fn slash_ranking() {
	Ranking::<Runtime>::mutate(|ranking| {
		for rank in ranking.iter_mut() {
			slash(&rank.candidate, LEFT);
			rank.stake = LEFT;
		}
	});
}

/// Stake that left a pool in that many sessions, half of which was slashed since.
fn leave(staker: &AccountId, candidate: &AccountId, sessions: u32) {
	let chunks: BoundedVec<Chunk, ConstU32<MAX_CHUNKS>> = list(sessions, |session| {
		Tranches::<Runtime>::insert(candidate, session, Stake { shares: TRB, amount: TRB / 2 });
		Chunk { counted_until: session, unlocks: 0, shares: TRB, held: TRB }
	});
	let reason = HoldReason::Stake.into();
	Balances::hold(&reason, staker, TRB * Balance::from(sessions)).expect("the staker has funds");
	Chunks::<Runtime>::insert(staker, candidate, chunks);
}

/// In the place of the last of the ranking, after a time in jail.
pub fn bond(count: u32) -> Vec<Transaction> {
	rank(0);
	each(count, |number, who| {
		Jails::<Runtime>::insert(who, 0);
		Call::bond { amount: STAKE + 1 + Balance::from(number), commission: 0 }
	})
}

/// Again, after a slash, so that the candidate moves from last to first.
pub fn nominate(count: u32) -> Vec<Transaction> {
	rank(0);
	let ranking = Ranking::<Runtime>::get();
	let last_first: Vec<_> = ranking.iter().rev().map(|rank| rank.candidate.clone()).collect();
	let candidate = |number: u32| last_first[number as usize % last_first.len()].clone();
	for number in 0..count {
		Validators::nominate(signed(&sender(number)), candidate(number), STAKE).expect("it has funds");
	}
	// In the order of before: all pools have as much.
	Ranking::<Runtime>::put(&ranking);
	slash_ranking();
	each(count, |number, _| Call::nominate {
		candidate: candidate(number),
		amount: STAKE + Balance::from(number),
	})
}

/// All of a candidate's own stake, which nobody else adds to, with rewards that nobody claimed.
pub fn unbond(count: u32) -> Vec<Transaction> {
	let count = half(count, places());
	rank(count);
	for number in 0..count {
		let who = sender(number);
		candidate(&who, STAKE);
		reward(&who);
		leave(&who, &who, MAX_CHUNKS - 1);
	}
	slash_ranking();
	session(LATE);
	each(count, |_, who| Call::unbond { candidate: who.clone(), amount: None })
}

/// As many chunks as possible, all slashed.
pub fn withdraw_unbonded(count: u32) -> Vec<Transaction> {
	each(count, |number, who| {
		let candidate = partner(number);
		leave(who, &candidate, MAX_CHUNKS);
		Call::withdraw_unbonded { candidate }
	})
}

pub fn set_commission(count: u32) -> Vec<Transaction> {
	let commission = <Runtime as pallet_validators::Config>::MaxCommissionRise::get();
	let transactions = each(count, |_, who| {
		retired(who, STAKE);
		Call::set_commission { commission }
	});
	session(LATE);
	transactions
}

pub fn chill(count: u32) -> Vec<Transaction> {
	let count = half(count, places());
	rank(count);
	each(count, |_, who| {
		candidate(who, STAKE);
		Call::chill {}
	})
}

/// In the place of the last of the ranking, after a time in jail.
pub fn resume(count: u32) -> Vec<Transaction> {
	let transactions = each(count, |number, who| {
		retired(who, 2 * STAKE + Balance::from(number));
		Jails::<Runtime>::insert(who, 0);
		Call::resume {}
	});
	rank(0);
	transactions
}

/// By a candidate, with its commission.
pub fn claim(count: u32) -> Vec<Transaction> {
	each(count, |_, who| {
		retired(who, STAKE);
		reward(who);
		Call::claim { candidate: who.clone() }
	})
}

/// For a candidate, with its commission.
pub fn claim_for(count: u32) -> Vec<Transaction> {
	each(count, |number, _| {
		let candidate = partner(number);
		retired(&candidate, STAKE);
		reward(&candidate);
		Call::claim_for { staker: candidate.clone(), candidate }
	})
}

/// To a candidate with as many chunks as possible, all slashed, whose pool was lost with rewards in it.
pub fn apply_slash(count: u32) -> Vec<Transaction> {
	each(count, |number, _| {
		let candidate = partner(number);
		retired(&candidate, STAKE);
		reward(&candidate);
		leave(&candidate, &candidate, MAX_CHUNKS);
		slash(&candidate, 0);
		Call::apply_slash { staker: candidate.clone(), candidate }
	})
}

type Report = (Box<AuraEquivocation<Header>>, MembershipProof);

/// Reports of `count` validators of a set as large as possible, each of a slot of its own, of as many sessions ago
/// as possible. Stake left each pool in every session since.
fn reports(count: u32) -> Vec<Report> {
	let validators: Vec<_> = (0..MAX_VALIDATORS)
		.map(|number| {
			let (who, aura) = (partner(number), pair(4_000_000 + number));
			let grandpa = ed25519::Pair::from_seed(&aura.public().0);
			let keys = SessionKeys { aura: aura.public().into(), grandpa: grandpa.public().into() };
			candidate(&who, STAKE);
			NextKeys::<Runtime>::insert(&who, keys);
			(who, aura)
		})
		.collect();
	rank(0);
	// Of the first session, because stake that leaves in one counts until the next.
	let then = 1;
	let elected = <Runtime as pallet_session::Config>::SessionManager::new_session(then);
	let elected = elected.expect("there are candidates with keys");
	assert_eq!(elected.len(), validators.len());
	pallet_session::Validators::<Runtime>::put(&elected);
	session(then);
	let start = u64::from(MAX_VALIDATORS);
	SessionStarts::<Runtime>::insert(then, start - 1);
	SessionStarts::<Runtime>::insert(then + 1, 2 * start);
	let now = then + MAX_UNBONDING_SESSIONS - 1;
	let reports = validators
		.iter()
		.take(count as usize)
		.map(|(who, aura)| {
			let place = elected.iter().position(|other| other == who).expect("all were elected");
			let slot = start + place as u64;
			for until in then..=now + 1 {
				Tranches::<Runtime>::insert(who, until, Stake { shares: STAKE, amount: STAKE });
			}
			let offender = aura.public().into();
			let key_owner = Validators::prove_key_owner(&offender).expect("the key is of this session");
			let equivocation = AuraEquivocation {
				offender,
				slot: slot.into(),
				first_header: sealed(aura, slot, 1),
				second_header: sealed(aura, slot, 2),
			};
			(Box::new(equivocation), key_owner)
		})
		.collect();
	session(now);
	CurrentTiming::<Runtime>::put(Timing {
		unbonding_sessions: MAX_UNBONDING_SESSIONS,
		..Default::default()
	});
	reports
}

/// A block's header of a slot, as long as a report may have it, sealed with the key.
fn sealed(by: &Pair, slot: u64, what: u8) -> Header {
	// More bytes than the rest of a header with a seal has.
	const REST: usize = 256;
	let slot = CompatibleDigestItem::<AuthoritySignature>::aura_pre_digest(slot.into());
	let text = DigestItem::Other(vec![what; MAX_HEADER - REST]);
	let digest = Digest { logs: vec![slot, text] };
	let mut header = Header::new(1, Default::default(), Default::default(), Default::default(), digest);
	let seal = by.sign(header.hash().as_ref());
	header.digest_mut().push(DigestItem::aura_seal(AuthoritySignature::from(seal)));
	header
}

pub fn report_equivocation(count: u32) -> Vec<Transaction> {
	let mut reports = reports(count).into_iter();
	let count = reports.len() as u32;
	each(count, |_, _| {
		let (equivocation, key_owner) = reports.next().expect("there is one for each");
		Call::<Runtime>::report_equivocation { equivocation, key_owner }
	})
}

/// Without a signature: the node that makes the block reports.
pub fn report_equivocation_unsigned(count: u32) -> Vec<Transaction> {
	let transaction = |(equivocation, key_owner)| Transaction {
		call: Call::<Runtime>::report_equivocation_unsigned { equivocation, key_owner }.into(),
		sender: Sender::Node,
	};
	reports(count).into_iter().map(transaction).collect()
}

pub fn set_timing(count: u32) -> Vec<Transaction> {
	by_root(count, |_| Call::set_timing { timing: Timing::default() })
}

pub fn dismiss(count: u32) -> Vec<Transaction> {
	rank(0);
	let unbonded: BoundedVec<AccountId, ConstU32<MAX_VALIDATORS>> = list(MAX_VALIDATORS, partner);
	Unbonded::<Runtime>::put(unbonded);
	by_root(half(count, MAX_VALIDATORS), |number| Call::dismiss { validator: partner(number) })
}
