//! Who validates.

use super::*;
use polkadot_sdk::{
	frame_support::traits::KeyOwnerProofSystem, pallet_session,
	sp_consensus_aura::sr25519::AuthorityId as AuraId, sp_core::Pair, sp_runtime::RuntimeAppPublic,
};

#[test]
fn genesis_candidates_validate_when_the_chain_begins() {
	run(|| {
		assert_eq!(Session::validators(), [1, 2, 3, 4].map(account));
		assert_eq!(Elected::<Test>::get(0).len(), 4);
		assert_eq!(Elected::<Test>::get(1)[0].exposure.stake, 10 * MIN_BOND);
		// Offences of the first sessions can be proven too.
		assert!(polkadot_sdk::pallet_session::historical::HistoricalSessions::<Test>::contains_key(0));
		assert_eq!(VAULT.with_borrow(|vault| vault.1), 1);
	});
}

#[test]
fn most_staked_candidates_are_elected_when_a_session_begins() {
	run(|| {
		assert_ok!(bond(5, 2 * MIN_BOND));
		assert_ok!(nominate(10, 5, 9 * MIN_BOND));
		assert_ok!(nominate(10, 3, MIN_BOND));
		next_session();
		// Elected now, for the session after.
		assert!(events().contains(&Event::ElectionHeld { session: 2, validators: 4 }));
		assert_eq!(Session::validators(), [1, 2, 3, 4].map(account));
		next_session();
		assert_eq!(Session::validators(), [5, 3, 1, 2].map(account));
		assert_eq!(Elected::<Test>::get(2)[0].exposure.stake, 11 * MIN_BOND);
		assert!(Validators::validator(account(5)).unwrap().elected);
	});
}

#[test]
fn first_sets_are_in_the_order_of_keys_when_genesis_bonds_differ() {
	genesis_with(&[MIN_BOND, 2 * MIN_BOND, 3 * MIN_BOND]).execute_with(|| {
		next_block();
		assert_eq!(Session::validators(), [1, 2, 3].map(account));
		for session in [0, 1] {
			let elected: Vec<_> =
				Elected::<Test>::get(session).into_iter().map(|each| each.validator).collect();
			assert_eq!(elected, Session::validators());
		}
		// Whose key it was can be proven from the beginning.
		for number in 1..=3 {
			let proof = Validators::prove_key_owner(&pair(number).public()).unwrap();
			let key = (AuraId::ID, pair(number).public());
			let owner = <KeyOwners<Test> as KeyOwnerProofSystem<_>>::check_proof(key, proof);
			assert_eq!(owner.map(|(owner, _)| owner), Some(account(number)));
		}
		Validators::do_try_state().unwrap();
	});
}

#[test]
fn candidate_is_not_elected_when_it_has_less_than_the_floor() {
	run(|| {
		MaxValidators::set(&5);
		// Half of what the middle one has is a seat's least.
		assert_ok!(bond(5, 5 * MIN_BOND - 1));
		sessions(2);
		assert_eq!(Session::validators(), [1, 2, 3, 4].map(account));
		assert_ok!(nominate(10, 5, MIN_NOMINATION));
		sessions(2);
		assert_eq!(Session::validators(), [1, 2, 3, 4, 5].map(account));
		// One with very much stake keeps nobody out.
		assert_ok!(nominate(10, 1, 10_000 * MIN_BOND));
		sessions(3);
		assert_eq!(Session::validators(), [1, 2, 3, 4, 5].map(account));
	});
}

#[test]
fn candidate_is_elected_below_the_floor_when_the_set_would_be_too_small() {
	run(|| {
		for number in 1..=3 {
			Validators::retire(&account(number), ChillReason::Asked);
		}
		assert_ok!(bond(5, MIN_BOND));
		assert_ok!(bond(6, MIN_BOND));
		sessions(2);
		assert_eq!(Session::validators(), [4, 5].map(account));
	});
}

#[test]
fn set_shrinks_when_governance_lowers_the_most() {
	run(|| {
		MaxValidators::set(&3);
		sessions(2);
		assert_eq!(Session::validators(), [1, 2, 3].map(account));
	});
}

#[test]
fn candidate_is_not_elected_when_it_has_no_session_keys() {
	run(|| {
		assert_ok!(Session::purge_keys(signed(1)));
		assert!(!Validators::validator(account(1)).unwrap().keys);
		sessions(2);
		assert_eq!(Session::validators(), [2, 3, 4].map(account));
		let (keys, proof) = (keys(1), Vec::new());
		// The ownership proof is session's business: without it the keys are refused.
		assert!(Session::set_keys(signed(1), keys, proof).is_err());
	});
}

#[test]
fn validators_stay_when_too_few_stand() {
	run(|| {
		for number in 1..=3 {
			Validators::retire(&account(number), ChillReason::Offence);
		}
		sessions(2);
		// The least is two: one that stands, one that is kept.
		assert_eq!(Session::validators(), [4, 1].map(account));
		Validators::retire(&account(4), ChillReason::Offence);
		sessions(2);
		assert_eq!(Session::validators(), [4, 1].map(account));
	});
}

#[test]
fn set_stays_when_nobody_can_be_elected() {
	run(|| {
		for number in 1..=4 {
			assert_ok!(Session::purge_keys(signed(number)));
		}
		let elected = Elected::<Test>::get(1);
		next_session();
		assert_eq!(Elected::<Test>::get(2), elected);
	});
}

#[test]
fn sessions_have_the_length_that_parameters_say_when_it_changes() {
	run(|| {
		next_session();
		assert_eq!(System::block_number(), 12);
		let timing = Timing { session_blocks: 5, ..TIMING };
		assert_ok!(Validators::set_timing(RuntimeOrigin::root(), timing));
		next_session();
		assert_eq!(System::block_number(), 15);
		use frame::prelude::EstimateNextSessionRotation;
		assert_eq!(Sessions::<Test>::estimate_next_session_rotation(16).0, Some(20));
		assert_eq!(Sessions::<Test>::estimate_next_session_rotation(15).0, Some(20));
		assert_eq!(
			Sessions::<Test>::estimate_current_session_progress(16).0,
			Some(polkadot_sdk::sp_runtime::Permill::from_percent(40))
		);
	});
}

#[test]
fn old_sessions_are_forgotten_when_their_offences_are_punished_no_more() {
	run(|| {
		slash(1, 1, 0);
		sessions(3);
		assert_eq!(OldestSession::<Test>::get(), 1);
		assert!(!SessionStarts::<Test>::contains_key(0));
		assert_eq!(Slashed::<Test>::iter_prefix(0).count(), 0);
		use pallet_session::historical::HistoricalSessions;
		assert!(!HistoricalSessions::<Test>::contains_key(0));
		assert!(HistoricalSessions::<Test>::contains_key(1));
		assert_eq!(Elected::<Test>::iter().count(), 2);
	});
}
