//! The validator set over the real runtime: elections, rewards, offences, keys.

use crate::common::{
	alice,
	blocks::{begin, end, next_session, sealed, slot, turn},
	bob, charlie, genesis,
};
use codec::Encode;
use pallet_validators::{ChillReason, Elected, KeyOwners, SessionStarts};
use polkadot_sdk::{
	frame_support::{
		assert_err, assert_ok,
		dispatch::DispatchClass,
		traits::{
			fungible::{Inspect, Mutate},
			KeyOwnerProofSystem,
		},
		BoundedVec,
	},
	frame_system, pallet_balances, pallet_grandpa, pallet_session,
	sp_consensus_aura::sr25519::AuthorityId as AuraId,
	sp_consensus_grandpa::{self, AuthorityId as GrandpaId},
	sp_core::{ed25519, sr25519, Pair},
	sp_keyring::{Ed25519Keyring, Sr25519Keyring},
	sp_runtime::{
		traits::OpaqueKeys,
		transaction_validity::{InvalidTransaction, TransactionSource},
		MultiAddress, Perbill,
	},
	sp_session::MembershipProof,
};
use tributary_primitives::{
	traits::{VaultDeposits, VaultHolders},
	VaultKey,
};
use tributary_runtime::{
	configs::Treasury, constants::*, testing, AccountId, Attribution, Authorship, Balance, Balances,
	Executive, Grandpa, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, Session, SessionKeys, System,
	UncheckedExtrinsic, Validators,
};

fn dave() -> AccountId {
	Sr25519Keyring::Dave.to_account_id()
}

fn eve() -> AccountId {
	Sr25519Keyring::Eve.to_account_id()
}

fn ferdie() -> AccountId {
	Sr25519Keyring::Ferdie.to_account_id()
}

/// Runs a test in the first block of the network preset, and checks after it that the pot can pay.
fn run(test: impl FnOnce()) {
	genesis("network").execute_with(|| {
		begin(&[]);
		test();
		let owed = pallet_validators::Unpaid::<Runtime>::get();
		assert!(Balances::balance(&Validators::pot()) >= owed + EXISTENTIAL_DEPOSIT);
	});
}

fn pool(candidate: &AccountId) -> Balance {
	Validators::pool_stake(candidate)
}

fn keys(seed: u8) -> (SessionKeys, sr25519::Pair, ed25519::Pair) {
	let (aura, grandpa) = (sr25519::Pair::from_seed(&[seed; 32]), ed25519::Pair::from_seed(&[seed; 32]));
	let keys = SessionKeys { aura: aura.public().into(), grandpa: grandpa.public().into() };
	(keys, aura, grandpa)
}

/// The proof that the owner of the keys wants them to be an account's.
fn ownership(owner: &AccountId, aura: &sr25519::Pair, grandpa: &ed25519::Pair) -> Vec<u8> {
	let statement = [b"POP_".as_slice(), &owner.encode()].concat();
	(aura.sign(&statement), grandpa.sign(&statement)).encode()
}

#[test]
fn candidate_is_elected_when_it_has_keys_and_stake() {
	run(|| {
		assert_ok!(Validators::bond(RuntimeOrigin::signed(eve()), 20_000 * TRB, 0));
		next_session(&[]);
		next_session(&[]);
		// Without keys nothing happens.
		assert_eq!(Session::validators().len(), 4);
		let (keys, aura, grandpa) = keys(7);
		let proof = ownership(&eve(), &aura, &grandpa);
		assert!(keys.ownership_proof_is_valid(&eve().encode(), &proof));
		let others = ownership(&alice(), &aura, &grandpa);
		let refused = Session::set_keys(RuntimeOrigin::signed(eve()), keys.clone(), others);
		assert_err!(refused, pallet_session::Error::<Runtime>::InvalidProof);
		assert_ok!(Session::set_keys(RuntimeOrigin::signed(eve()), keys.clone(), proof));
		next_session(&[]);
		next_session(&[]);
		// GRANDPA's set changes when the block ends.
		end();
		begin(&[]);
		assert_eq!(Session::validators()[0], eve());
		assert_eq!(Session::queued_keys()[0], (eve(), keys));
		assert_eq!(Grandpa::grandpa_authorities().len(), 5);
		assert_eq!(Elected::<Runtime>::get(Session::current_index()).len(), 5);
	});
}

#[test]
fn keys_rotate_when_a_validator_sets_others() {
	run(|| {
		let (new, aura, grandpa) = keys(9);
		let proof = ownership(&bob(), &aura, &grandpa);
		assert_ok!(Session::set_keys(RuntimeOrigin::signed(bob()), new.clone(), proof));
		next_session(&[]);
		next_session(&[]);
		end();
		begin(&[]);
		let place = Session::validator_id_to_index(&bob()).expect("Bob validates") as usize;
		let authorities = polkadot_sdk::pallet_aura::Authorities::<Runtime>::get();
		assert_eq!(authorities[place], new.aura);
		assert_eq!(Grandpa::grandpa_authorities()[place].0, new.grandpa);
	});
}

#[test]
fn stakers_fee_share_reaches_validators_and_nominators_when_sessions_end() {
	run(|| {
		assert_ok!(Validators::nominate(RuntimeOrigin::signed(ferdie()), alice(), 10_000 * TRB));
		next_session(&[]);
		next_session(&[]);
		let pot = AccountId::from(<Attribution as VaultDeposits>::pot());
		let issued = Balances::total_issuance();
		let income = 1_000 * TRB;
		assert_eq!(<Attribution as VaultHolders>::total_weight(VaultKey::Stakers), 1);
		assert_ok!(<Balances as Mutate<_>>::transfer(
			&ferdie(),
			&pot,
			income,
			polkadot_sdk::frame_support::traits::tokens::Preservation::Preserve,
		));
		<Attribution as VaultDeposits>::deposit(VaultKey::Stakers, income).expect("it fits");
		next_session(&[]);
		// Alice's pool has two fifths of the stake: 400, of which a tenth is commission.
		let owed = |staker: AccountId, candidate: AccountId| Validators::claimable(&staker, &candidate);
		for (owed, whole) in [
			(owed(alice(), alice()), 220 * TRB),
			(owed(ferdie(), alice()), 180 * TRB),
			(owed(bob(), bob()), 200 * TRB),
		] {
			// What is less than a planck waits.
			assert!(owed == whole || owed + 1 == whole, "{owed} of {whole}");
		}
		let (before, owed) = (Balances::balance(&ferdie()), owed(ferdie(), alice()));
		assert_ok!(Validators::claim_for(RuntimeOrigin::signed(bob()), ferdie(), alice()));
		assert_eq!(Balances::balance(&ferdie()), before + owed);
		assert_eq!(Balances::total_issuance(), issued);
	});
}

/// A transfer of Alice's, with a tip of one TRB.
fn transfer(nonce: u32) -> UncheckedExtrinsic {
	let call = pallet_balances::Call::transfer_keep_alive { dest: MultiAddress::Id(bob()), value: TRB };
	testing::signed(&Sr25519Keyring::Alice.pair(), nonce, TRB, call.into())
}

#[test]
fn author_and_treasury_share_fee_and_tip_when_a_block_ends() {
	run(|| {
		let author = Authorship::author().expect("blocks have authors");
		let (issued, treasury) = (Balances::total_issuance(), Balances::balance(&Treasury::get()));
		let before = Balances::balance(&alice());
		assert!(Executive::apply_extrinsic(transfer(0)).expect("it is valid").is_ok());
		let paid = before - Balances::balance(&alice()) - TRB;
		assert!(paid > TRB);
		end();
		let earned = pallet_validators::Pools::<Runtime>::get(&author).expect("the author is staked").unpaid;
		let kept = Balances::balance(&Treasury::get()) - treasury;
		assert_eq!(earned + kept, paid);
		// Half each, but for the rounding of fee and tip.
		assert!(kept - earned <= 2, "{kept} and {earned}");
		assert_eq!(Balances::total_issuance(), issued);
		begin(&[]);
	});
}

fn aura_equivocation(
	author: &AccountId,
) -> tributary_runtime_api::AuraEquivocation<tributary_runtime::Header> {
	tributary_runtime_api::AuraEquivocation {
		offender: AuraId::from(crate::common::blocks::aura_pair(author).public()),
		slot: slot().into(),
		first_header: sealed(author, slot(), 1),
		second_header: sealed(author, slot(), 2),
	}
}

#[test]
fn right_pool_is_slashed_when_an_author_makes_two_blocks_for_a_slot() {
	run(|| {
		assert_ok!(Validators::nominate(RuntimeOrigin::signed(ferdie()), alice(), 10_000 * TRB));
		assert_ok!(Validators::nominate(RuntimeOrigin::signed(ferdie()), dave(), 10_000 * TRB));
		next_session(&[]);
		next_session(&[]);
		end();
		begin(&[]);
		let author = turn(slot());
		let equivocation = aura_equivocation(&author);
		let proof = Validators::prove_key_owner(&equivocation.offender).expect("the key is of this session");
		let call = RuntimeCall::Validators(pallet_validators::Call::report_equivocation_unsigned {
			equivocation: Box::new(equivocation),
			key_owner: proof,
		});
		let report = || UncheckedExtrinsic::new_bare(call.clone());
		let validate = |source| Executive::validate_transaction(source, report(), Default::default());
		assert!(validate(TransactionSource::External).is_err());
		assert!(validate(TransactionSource::Local).is_ok());
		let exposed = pool(&author);
		assert!(Executive::apply_extrinsic(report()).expect("it is valid").is_ok());
		// One of four: nine sixteenths.
		assert_eq!(pool(&author), exposed - exposed * 9 / 16);
		let place = Session::validator_id_to_index(&author).expect("it still validates");
		assert_eq!(Session::disabled_validators(), [place]);
		let view = Validators::validator(author.clone()).expect("it is a candidate");
		assert!(view.disabled && !view.active);
		assert!(validate(TransactionSource::Local).is_err());
		for other in [alice(), bob(), charlie(), dave()].iter().filter(|other| **other != author) {
			assert_eq!(pool(other) % (10_000 * TRB), 0);
		}
		let taken = exposed * 9 / 16;
		// Its own part and the nominator's come to the treasury when they are asked for.
		let before = Balances::balance(&Treasury::get());
		for staker in [author.clone(), ferdie()] {
			let _ = Validators::apply_slash(RuntimeOrigin::signed(bob()), staker, author.clone());
		}
		assert_eq!(Balances::balance(&Treasury::get()) - before, taken);
		// The chain goes on without it, in this session, the next and after.
		for _ in 0..3 {
			next_session(&[]);
			assert!(pallet_validators::Suspensions::<Runtime>::get().len() <= 1);
		}
		assert!(!Session::validators().contains(&author));
	});
}

/// Two prevotes of one round by one key, in the encoding of `sp_consensus_grandpa`.
fn grandpa_equivocation(
	key: Ed25519Keyring,
	set: u64,
	round: u64,
) -> sp_consensus_grandpa::EquivocationProof<tributary_runtime::Hash, u32> {
	const PREVOTE: u8 = 0;
	let number = System::block_number();
	let vote = |what: u8| {
		let signature = key.pair().sign(&(PREVOTE, [what; 32], number, round, set).encode());
		([what; 32], number, signature)
	};
	let proof = (set, PREVOTE, round, key.public(), vote(1), vote(2)).encode();
	codec::DecodeAll::decode_all(&mut &proof[..]).expect("it is a proof")
}

#[test]
fn unresponsive_validator_is_chilled_when_it_made_no_block_in_a_session() {
	run(|| {
		next_session(&[]);
		next_session(&[charlie()]);
		assert!(!Validators::validator(charlie()).expect("it is a candidate").active);
		assert_eq!(pool(&charlie()), 10_000 * TRB);
		let chilled = RuntimeEvent::Validators(pallet_validators::Event::Chilled {
			candidate: charlie(),
			reason: ChillReason::Unresponsive,
		});
		assert!(System::events().iter().any(|record| record.event == chilled));
		next_session(&[charlie()]);
		next_session(&[charlie()]);
		assert_eq!(Session::validators().len(), 3);
		assert_ok!(Validators::resume(RuntimeOrigin::signed(charlie())));
	});
}

#[test]
fn first_block_of_a_session_counts_for_its_author_when_the_set_changes() {
	run(|| {
		next_session(&[]);
		assert_ok!(Validators::chill(RuntimeOrigin::signed(alice())));
		next_session(&[]);
		let before = Session::validators();
		let session = Session::current_index();
		while Session::current_index() == session {
			end();
			begin(&[]);
		}
		assert_ne!(Session::validators(), before);
		let author = before[slot() as usize % before.len()].clone();
		assert_eq!(Authorship::author(), Some(author));
		assert_eq!(SessionStarts::<Runtime>::get(session + 1), Some(slot()));
	});
}

/// Goes on to a block of the next session; its set of voters, and the proof that Bob is one of them.
fn bob_votes() -> (u64, MembershipProof) {
	next_session(&[]);
	// The block that begins a session has no room for transactions.
	end();
	begin(&[]);
	(pallet_grandpa::CurrentSetId::<Runtime>::get(), voter(Ed25519Keyring::Bob))
}

/// The proof that a key votes in this session.
fn voter(key: Ed25519Keyring) -> MembershipProof {
	let key: GrandpaId = key.public().into();
	let proof = KeyOwners::<Runtime>::prove((sp_consensus_grandpa::KEY_TYPE, key));
	proof.expect("the key is of this session")
}

/// What a node hands in of one who voted twice in a round.
fn report(key: Ed25519Keyring, set: u64, round: u64, key_owner_proof: MembershipProof) -> UncheckedExtrinsic {
	UncheckedExtrinsic::new_bare(RuntimeCall::Grandpa(pallet_grandpa::Call::report_equivocation_unsigned {
		equivocation_proof: Box::new(grandpa_equivocation(key, set, round)),
		key_owner_proof,
	}))
}

#[test]
fn grandpa_voter_is_slashed_when_it_votes_twice_in_a_round() {
	run(|| {
		let (set, proof) = bob_votes();
		let report = report(Ed25519Keyring::Bob, set, 3, proof);
		assert!(Executive::apply_extrinsic(report).expect("it is valid").is_ok());
		assert_eq!(pool(&bob()), 10_000 * TRB - 5_625 * TRB);
		assert_eq!(pool(&alice()), 10_000 * TRB);
		let view = Validators::validator(bob()).expect("it is a candidate");
		assert!(view.disabled && !view.active);
	});
}

#[test]
fn voter_loses_more_when_another_is_reported_for_the_same_round() {
	run(|| {
		let (set, _) = bob_votes();
		for key in [Ed25519Keyring::Bob, Ed25519Keyring::Charlie] {
			let report = report(key, set, 3, voter(key));
			assert!(Executive::apply_extrinsic(report).expect("it is valid").is_ok());
		}
		// Two of four could have made two chains final.
		assert_eq!([bob(), charlie()].map(|who| pool(&who)), [0, 0]);
	});
}

#[test]
fn unsigned_report_of_another_round_is_refused_when_nobody_else_was_reported_for_it() {
	run(|| {
		let (set, proof) = bob_votes();
		let reported = |key, round, proof| Executive::apply_extrinsic(report(key, set, round, proof));
		assert!(reported(Ed25519Keyring::Bob, 3, proof.clone()).expect("it is valid").is_ok());
		let again = || reported(Ed25519Keyring::Bob, 4, proof.clone());
		assert_eq!(again(), Err(InvalidTransaction::Stale.into()));
		let other = voter(Ed25519Keyring::Charlie);
		assert!(reported(Ed25519Keyring::Charlie, 4, other).expect("it is valid").is_ok());
		assert_eq!(pool(&charlie()), 10_000 * TRB - 5_625 * TRB);
		// Two of four could have made two chains final.
		assert!(again().expect("it is valid").is_ok());
		assert_eq!(pool(&charlie()), 0);
	});
}

#[test]
fn double_vote_is_punished_once_when_its_set_is_that_of_several_sessions() {
	run(|| {
		let (set, before) = bob_votes();
		assert_ok!(Validators::nominate(RuntimeOrigin::signed(eve()), bob(), 1_000 * TRB));
		next_session(&[]);
		let (_, after) = bob_votes();
		// So it is after a set that was forced.
		pallet_grandpa::SetIdSession::<Runtime>::insert(set, Session::current_index());
		let reported = |proof| Executive::apply_extrinsic(report(Ed25519Keyring::Bob, set, 3, proof));
		assert!(reported(before).expect("it is valid").is_ok());
		assert_eq!(pool(&bob()), 11_000 * TRB - 5_625 * TRB);
		// He had more at stake then, so to the SDK it is another offence.
		assert_eq!(reported(after), Err(InvalidTransaction::Stale.into()));
		assert_eq!(pool(&bob()), 11_000 * TRB - 5_625 * TRB);
	});
}

#[test]
fn report_costs_what_others_do_when_the_voter_was_slashed_for_the_session_already() {
	run(|| {
		let (set, proof) = bob_votes();
		let reported = |nonce: u32, round| {
			let call = pallet_grandpa::Call::report_equivocation {
				equivocation_proof: Box::new(grandpa_equivocation(Ed25519Keyring::Bob, set, round)),
				key_owner_proof: proof.clone(),
			};
			let before = Balances::balance(&eve());
			let signed = testing::signed(&Sr25519Keyring::Eve.pair(), nonce, 0, call.into());
			assert!(Executive::apply_extrinsic(signed).expect("it is valid").is_ok());
			before - Balances::balance(&eve())
		};
		assert_eq!(reported(0, 3), 0);
		assert_eq!(pool(&bob()), 10_000 * TRB - 5_625 * TRB);
		// Another round is another offence, and proves nothing that is not known.
		let treasury = Balances::balance(&Treasury::get());
		let paid = reported(1, 4);
		assert!(paid > deposit(2, 256), "{paid}");
		assert_eq!(Balances::balance(&Treasury::get()) - treasury, paid);
		assert_eq!(pool(&bob()), 10_000 * TRB - 5_625 * TRB);
	});
}

#[test]
fn report_of_votes_declares_every_slash_that_it_can_make_when_others_were_reported_for_the_round() {
	use pallet_grandpa::WeightInfo;
	use pallet_validators::{Suspension, Suspensions};
	type Limits = <Runtime as frame_system::Config>::BlockWeights;
	let declared = |validators, caught| {
		let suspension =
			|number| Suspension { validator: AccountId::new([number; 32]), severity: 0, until: 9 };
		let suspended: Vec<_> = (0..caught).map(suspension).collect();
		Suspensions::<Runtime>::put(BoundedVec::truncate_from(suspended));
		<Runtime as pallet_grandpa::Config>::WeightInfo::report_equivocation(validators, 0)
	};
	run(|| {
		let read = <Runtime as frame_system::Config>::DbWeight::get().reads(1);
		let one = declared(1, 0) - read;
		// All is lost when a third of the validators are reported; until then each report slashes all of them more.
		for (validators, most) in [(0, 1), (1, 1), (3, 1), (4, 2), (MAX_VALIDATORS, 34), (u32::MAX, 34)] {
			let share = |offenders: u32| {
				Perbill::from_rational(offenders * 3, validators.clamp(1, MAX_VALIDATORS)).square()
			};
			assert!(share(most).is_one() && (most == 1 || !share(most - 1).is_one()), "{validators}");
			for caught in [0, 1, 7, 33, 99] {
				let slashes = most.min(u32::from(caught) + 1);
				let weight = declared(validators, caught) - read;
				assert_eq!(weight, one * u64::from(slashes), "{validators} validators, {caught} caught");
			}
		}
		let most = Limits::get().get(DispatchClass::Normal).max_extrinsic.expect("there is a limit");
		assert!(declared(u32::MAX, 99).all_lte(most), "{:?} of {most:?}", declared(u32::MAX, 99));
		Suspensions::<Runtime>::kill();
	});
}
