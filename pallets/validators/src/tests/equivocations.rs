//! Two blocks for one slot, with real keys.

use super::*;
use crate::equivocation::{is_proven, MAX_HEADER};
use frame::deps::sp_runtime::{traits::Header as _, transaction_validity::*};
use polkadot_sdk::{
	sp_consensus_aura::{digests::CompatibleDigestItem, sr25519::AuthoritySignature},
	sp_core::Pair,
	sp_runtime::{Digest, DigestItem},
	sp_session::MembershipProof,
};

type Header = polkadot_sdk::frame_system::pallet_prelude::HeaderFor<Test>;

/// A block of a slot that says `what`, sealed by a validator.
fn header(number: u8, slot: u64, what: u8) -> Header {
	let mut header = Header::new(
		7,
		Default::default(),
		[what; 32].into(),
		Default::default(),
		Digest { logs: vec![CompatibleDigestItem::<AuthoritySignature>::aura_pre_digest(slot.into())] },
	);
	let seal = pair(number).sign(header.hash().as_ref());
	header.digest_mut().push(DigestItem::aura_seal(seal));
	header
}

fn equivocation(number: u8, slot: u64) -> AuraEquivocation<Header> {
	AuraEquivocation {
		offender: pair(number).public(),
		slot: slot.into(),
		first_header: header(number, slot, 1),
		second_header: header(number, slot, 2),
	}
}

fn key_owner(number: u8) -> MembershipProof {
	Validators::prove_key_owner(&pair(number).public()).unwrap()
}

/// Goes on to a block in a validator's turn; returns its slot.
fn turn(number: u8) -> u64 {
	loop {
		next_block();
		if Authorship::author() == Some(account(number)) {
			return CurrentSlot::get();
		}
	}
}

fn report(equivocation: AuraEquivocation<Header>, key_owner: MembershipProof) -> DispatchResult {
	Validators::report_equivocation(signed(10), Box::new(equivocation), key_owner)
		.map(|_| ())
		.map_err(|error| error.error)
}

#[test]
fn equivocator_is_slashed_and_disabled_when_reported() {
	run(|| {
		assert_ok!(nominate(10, 1, 10 * MIN_BOND));
		sessions(2);
		let slot = turn(1);
		assert_ok!(report(equivocation(1, slot), key_owner(1)));
		// One of four: (3/4)^2.
		assert_eq!(Validators::pool_stake(&account(1)), 20 * MIN_BOND - 11_250);
		assert_eq!(Session::disabled_validators(), [0]);
		assert!(!Candidates::<Test>::get(account(1)).unwrap().active);
		// Once for a session, however many slots it was.
		for slot in [slot, slot + 4] {
			CurrentSlot::set(&slot);
			let again = report(equivocation(1, slot), key_owner(1));
			assert_noop!(again, Error::<Test>::DuplicateOffenceReport);
		}
	});
}

#[test]
fn good_report_is_free_when_signed() {
	run(|| {
		let call =
			Validators::report_equivocation(signed(10), Box::new(equivocation(1, turn(1))), key_owner(1));
		assert_eq!(call.unwrap().pays_fee, Pays::No);
	});
}

#[test]
fn equivocation_is_proven_by_history_when_it_is_reported_in_a_later_session() {
	run(|| {
		next_session();
		let (slot, proof) = (turn(1), key_owner(1));
		sessions(2);
		assert_ok!(report(equivocation(1, slot), proof));
		assert_eq!(Validators::pool_stake(&account(1)), 10 * MIN_BOND - 5_625);
	});
}

#[test]
fn report_is_refused_when_it_is_too_old() {
	run(|| {
		let (slot, proof) = (turn(1), key_owner(1));
		sessions(3);
		assert_noop!(report(equivocation(1, slot), proof), Error::<Test>::InvalidKeyOwnershipProof);
	});
}

#[test]
fn report_is_refused_when_the_blocks_prove_nothing() {
	run(|| {
		let slot = turn(1);
		let good = equivocation(1, slot);
		assert!(is_proven(&good));
		let mut same = good.clone();
		same.second_header = same.first_header.clone();
		let mut other_slot = good.clone();
		other_slot.second_header = header(1, slot + 1, 2);
		let mut other_key = good.clone();
		other_key.second_header = header(2, slot, 2);
		let mut unsealed = good.clone();
		unsealed.second_header.digest_mut().pop();
		let mut large = good.clone();
		large.second_header.digest_mut().logs.insert(0, DigestItem::Other(vec![0; MAX_HEADER]));
		for bad in [same, other_slot, other_key, unsealed, large] {
			assert!(!is_proven(&bad));
			assert_noop!(report(bad, key_owner(1)), Error::<Test>::InvalidEquivocationProof);
		}
	});
}

#[test]
fn report_is_refused_when_the_key_is_not_the_owners() {
	run(|| {
		let slot = turn(1);
		assert_noop!(report(equivocation(1, slot), key_owner(2)), Error::<Test>::InvalidKeyOwnershipProof);
		assert_noop!(
			report(equivocation(1, slot + 9), key_owner(1)),
			Error::<Test>::InvalidKeyOwnershipProof
		);
		let mut large = key_owner(1);
		large.trie_nodes.push(vec![0; MAX_PROOF]);
		assert_noop!(report(equivocation(1, slot), large), Error::<Test>::InvalidKeyOwnershipProof);
	});
}

#[test]
fn report_is_good_when_keys_were_changed_before_the_offence() {
	run(|| {
		// What the session runs with was queued before.
		for number in 1..=4 {
			pallet_session::NextKeys::<Test>::insert(account(number), keys(number + 100));
		}
		let slot = turn(1);
		let proof = key_owner(1);
		assert_eq!(Session::load_keys(&account(1)), Some(keys(101)));
		pallet_session::NextKeys::<Test>::remove(account(1));
		assert_eq!(key_owner(1), proof);
		// A proof that was made before others change their keys stays good.
		pallet_session::NextKeys::<Test>::insert(account(2), keys(200));
		assert_ok!(report(equivocation(1, slot), proof));
		assert_eq!(Validators::pool_stake(&account(1)), 10 * MIN_BOND - 5_625);
	});
}

#[test]
fn old_key_is_nobodys_when_the_session_runs_with_another() {
	run(|| {
		pallet_session::NextKeys::<Test>::insert(account(1), keys(101));
		sessions(2);
		let slot = turn(1);
		let of_nobody = report(equivocation(1, slot), key_owner(1));
		assert_noop!(of_nobody, Error::<Test>::InvalidKeyOwnershipProof);
		assert_ok!(report(equivocation(101, slot), key_owner(101)));
		assert_eq!(Validators::pool_stake(&account(1)), 10 * MIN_BOND - 5_625);
	});
}

#[test]
fn report_is_refused_when_it_was_not_the_validators_turn() {
	run(|| {
		let slot = turn(1);
		assert_noop!(report(equivocation(2, slot), key_owner(2)), Error::<Test>::NotItsTurn);
	});
}

#[test]
fn slash_is_no_larger_when_others_equivocate_too() {
	run(|| {
		for number in [1, 2] {
			let slot = turn(number);
			assert_ok!(report(equivocation(number, slot), key_owner(number)));
		}
		for number in [1, 2] {
			assert_eq!(Validators::pool_stake(&account(number)), 10 * MIN_BOND - 5_625);
		}
	});
}

#[test]
fn proof_is_refused_when_it_has_more_than_it_needs() {
	run(|| {
		let slot = turn(1);
		let mut spare = key_owner(1);
		spare.trie_nodes.push(vec![1]);
		let mut of_other_session = key_owner(1);
		of_other_session.session += 1;
		let mut of_fewer = key_owner(1);
		of_fewer.validator_count -= 1;
		for bad in [spare, of_other_session, of_fewer] {
			assert_noop!(report(equivocation(1, slot), bad), Error::<Test>::InvalidKeyOwnershipProof);
		}
	});
}

#[test]
fn slot_belongs_to_the_session_whose_set_may_make_it_when_sessions_change() {
	run(|| {
		next_session();
		let start = SessionStarts::<Test>::get(1).unwrap();
		assert!(Validators::is_slot_of(start, 0));
		assert!(!Validators::is_slot_of(start, 1));
		assert!(!Validators::is_slot_of(start + 1, 1));
		next_block();
		assert!(Validators::is_slot_of(CurrentSlot::get(), 1));
		assert!(!Validators::is_slot_of(CurrentSlot::get(), 0));
	});
}

#[test]
fn unsigned_report_is_taken_when_it_comes_from_the_node_itself_only() {
	run(|| {
		let slot = turn(1);
		let call = || crate::Call::<Test>::report_equivocation_unsigned {
			equivocation: Box::new(equivocation(1, slot)),
			key_owner: key_owner(1),
		};
		let validate = |source, call| Validators::validate_report(source, &call);
		assert!(validate(TransactionSource::Local, call()).is_ok());
		assert!(validate(TransactionSource::InBlock, call()).is_ok());
		assert_eq!(validate(TransactionSource::External, call()), InvalidTransaction::Call.into());
		let other = crate::Call::<Test>::chill {};
		assert_eq!(validate(TransactionSource::Local, other), InvalidTransaction::Call.into());
		assert_ok!(Validators::check_report(&call()));
		assert_ok!(Validators::report_equivocation_unsigned(
			RuntimeOrigin::none(),
			Box::new(equivocation(1, slot)),
			key_owner(1),
		));
		assert_eq!(validate(TransactionSource::Local, call()), InvalidTransaction::Stale.into());
		let bad = crate::Call::<Test>::report_equivocation_unsigned {
			equivocation: Box::new(equivocation(2, slot)),
			key_owner: key_owner(1),
		};
		assert_eq!(validate(TransactionSource::Local, bad), InvalidTransaction::BadProof.into());
	});
}
