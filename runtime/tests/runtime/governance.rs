//! Referenda, the treasury and the technical committee.

use crate::common::{alice, bob, by_alice, by_bob, by_committee, charlie, genesis, time::*};
use codec::Encode;
use polkadot_sdk::{
	frame_support::{
		assert_err, assert_noop, assert_ok,
		traits::{schedule::DispatchTime, Bounded, Get},
	},
	frame_system::{self, RawOrigin},
	pallet_balances, pallet_collective, pallet_conviction_voting, pallet_parameters, pallet_referenda,
	pallet_referenda::TracksInfo,
	pallet_safe_mode, pallet_sudo, pallet_treasury,
	sp_runtime::{
		traits::{BlakeTwo256, Hash},
		DispatchError, MultiAddress, Perbill, TokenError,
	},
};
use tributary_primitives::{batch::Verdict, split::SplitTable, views::Parameters as Split};
use tributary_runtime::{
	configs::{CommitteeInstance, Treasury as TreasuryAccount},
	constants::*,
	governance::{
		origins::{Origin, BIG_SPEND, SMALL_SPEND},
		tracks::{self, Tracks},
	},
	parameters::{fees, RuntimeParameters, Value, Within},
	AccountId, Attribution, Balance, Balances, OriginCaller, Runtime, RuntimeCall, RuntimeOrigin, Treasury,
};

fn author_share(ppm: u32) -> RuntimeCall {
	let share = Within::new(ppm).expect("the share is in its range");
	let key_value = RuntimeParameters::Fees(fees::Parameters::AuthorShare(fees::AuthorShare, Some(share)));
	pallet_parameters::Call::set_parameter { key_value }.into()
}

fn author_share_in_force() -> u32 {
	Value::<fees::AuthorShare>::get()
}

fn spend(amount: Balance, beneficiary: AccountId) -> pallet_treasury::Call<Runtime> {
	pallet_treasury::Call::spend {
		asset_kind: Box::new(()),
		amount,
		beneficiary: Box::new(beneficiary),
		valid_from: None,
	}
}

/// Runs `test` in the first block of a local chain.
fn run(test: impl FnOnce()) {
	genesis("local").execute_with(|| {
		pass(1);
		test()
	})
}

#[test]
fn parameter_changes_when_a_referendum_passes() {
	run(|| {
		assert_eq!(author_share_in_force(), 500_000);
		carry_out(Origin::Protocol, author_share(750_000));
		assert_eq!(author_share_in_force(), 750_000);
	});
}

#[test]
fn split_of_usage_fees_changes_when_a_referendum_passes() {
	run(|| {
		let default = SplitTable::default();
		let split = SplitTable { worker: default.worker + 10_000, data: default.data - 10_000, ..default };
		let parameters = Split { split, platform_fee: 7 };
		carry_out(Origin::Protocol, pallet_attribution::Call::set_parameters { parameters });
		assert_eq!(Attribution::parameters(), (2, parameters));
		assert_eq!(Attribution::parameters_of(1).map(|first| first.split), Some(default));
	});
}

#[test]
fn parameter_stays_when_a_track_may_not_set_it() {
	run(|| {
		carry_out(Origin::Arbiter, author_share(750_000));
		assert_eq!(author_share_in_force(), 500_000);
	});
}

#[test]
fn referendum_is_rejected_when_few_support_it() {
	run(|| {
		let index = propose(Origin::Arbiter, author_share(750_000));
		assert_ok!(call(by_alice(), vote(index, true, TRB)));
		let track = Tracks::info(tracks::CHALLENGES).expect("the track exists");
		pass(track.prepare_period + track.decision_period + 5);
		assert!(matches!(
			pallet_referenda::ReferendumInfoFor::<Runtime>::get(index),
			Some(pallet_referenda::ReferendumInfo::Rejected(..))
		));
	});
}

#[test]
fn sudo_key_is_removed_when_a_root_referendum_says_so() {
	run(|| {
		assert_eq!(pallet_sudo::Key::<Runtime>::get(), Some(alice()));
		carry_out(RawOrigin::Root, pallet_sudo::Call::remove_key {});
		assert_eq!(pallet_sudo::Key::<Runtime>::get(), None);
		let remark = frame_system::Call::<Runtime>::set_heap_pages { pages: 1 };
		let sudo = pallet_sudo::Call::sudo { call: Box::new(remark.into()) };
		assert!(call(by_alice(), sudo).is_err());
	});
}

#[test]
fn referendum_is_refused_when_no_track_has_its_origin() {
	run(|| {
		let submit = pallet_referenda::Call::submit {
			proposal_origin: Box::new(OriginCaller::system(RawOrigin::Signed(bob()))),
			proposal: Bounded::Inline(Default::default()),
			enactment_moment: DispatchTime::After(0),
		};
		assert_noop!(call(by_alice(), submit), pallet_referenda::Error::<Runtime>::NoTrack);
	});
}

#[test]
fn tracks_are_sound_when_listed() {
	assert_ok!(Tracks::check_integrity());
	for track in Tracks::tracks() {
		let info = &track.info;
		let end = Perbill::one();
		assert!(info.min_approval.threshold(end).deconstruct() >= 500_000_000, "track {}", track.id);
		assert!(info.min_support.threshold(end).deconstruct() >= 10_000_000, "track {}", track.id);
		assert!(info.confirm_period >= 6 * HOURS && info.confirm_period < info.decision_period);
		assert!(info.decision_deposit >= 20 * TRB && info.min_enactment_period > 0);
	}
	let root = Tracks::info(tracks::ROOT).expect("root has a track");
	for track in Tracks::tracks().filter(|track| track.id != tracks::ROOT) {
		assert!(track.info.decision_deposit <= root.decision_deposit);
		assert!(track.info.min_enactment_period <= root.min_enactment_period);
	}
}

#[test]
fn treasury_is_the_account_that_fees_went_to_when_it_became_a_pallet() {
	run(|| assert_eq!(Treasury::account_id(), TreasuryAccount::get()));
}

#[test]
fn treasury_pays_when_a_spend_passes() {
	run(|| {
		let fund = pallet_balances::Call::transfer_keep_alive {
			dest: MultiAddress::Id(TreasuryAccount::get()),
			value: 5_000 * TRB,
		};
		assert_ok!(call(by_alice(), fund));
		let payee = AccountId::new([7; 32]);
		carry_out(Origin::SmallSpender, spend(SMALL_SPEND, payee.clone()));
		assert_ok!(call(by_bob(), pallet_treasury::Call::payout { index: 0 }));
		assert_eq!(Balances::free_balance(&payee), SMALL_SPEND);
		let again = call(by_bob(), pallet_treasury::Call::payout { index: 0 });
		assert_err!(again, pallet_treasury::Error::<Runtime>::AlreadyAttempted);
	});
}

#[test]
fn spend_is_refused_when_it_is_above_the_tracks_limit() {
	run(|| {
		let denied: DispatchError = pallet_treasury::Error::<Runtime>::InsufficientPermission.into();
		for (origin, limit) in [(Origin::SmallSpender, SMALL_SPEND), (Origin::BigSpender, BIG_SPEND)] {
			assert_err!(call(origin.into(), spend(limit + 1, bob())), denied);
			assert_ok!(call(origin.into(), spend(limit, bob())));
		}
		assert_ok!(call(RuntimeOrigin::root(), spend(BIG_SPEND + 1, bob())));
		for origin in [by_alice(), Origin::Protocol.into(), Origin::Elector.into()] {
			assert_err!(call(origin, spend(1, bob())), DispatchError::BadOrigin);
		}
	});
}

#[test]
fn committee_is_refused_when_it_does_more_than_guard() {
	run(|| {
		let force_transfer = pallet_balances::Call::force_transfer {
			source: MultiAddress::Id(alice()),
			dest: MultiAddress::Id(bob()),
			value: TRB,
		};
		let members =
			pallet_collective::Call::set_members { new_members: vec![bob()], prime: None, old_count: 3 };
		let parameters = Split { split: SplitTable::default(), platform_fee: 0 };
		let calls: Vec<RuntimeCall> = vec![
			spend(1, bob()).into(),
			pallet_treasury::Call::void_spend { index: 0 }.into(),
			force_transfer.into(),
			RuntimeCall::TechnicalCommittee(members),
			author_share(1),
			pallet_attribution::Call::set_parameters { parameters }.into(),
			pallet_attribution::Call::resolve { worker: bob(), sequence: 0, verdict: Verdict::Stand }.into(),
			frame_system::Call::set_code { code: vec![1] }.into(),
			frame_system::Call::authorize_upgrade { code_hash: Default::default() }.into(),
			pallet_sudo::Call::remove_key {}.into(),
		];
		for proposal in calls {
			assert_err!(call(by_committee(), proposal.clone()), DispatchError::BadOrigin);
		}
	});
}

#[test]
fn safe_mode_starts_when_two_thirds_of_the_committee_agree() {
	run(|| {
		let proposal: RuntimeCall = pallet_safe_mode::Call::force_enter {}.into();
		let (length_bound, proposal_hash) = (proposal.encoded_size() as u32, BlakeTwo256::hash_of(&proposal));
		let committee = |origin, motion| call(origin, RuntimeCall::TechnicalCommittee(motion));
		let propose =
			pallet_collective::Call::propose { threshold: 2, proposal: Box::new(proposal), length_bound };
		assert_err!(
			committee(RuntimeOrigin::signed(AccountId::new([9; 32])), propose.clone()),
			pallet_collective::Error::<Runtime, CommitteeInstance>::NotMember
		);
		assert_ok!(committee(by_alice(), propose));
		let say_aye = pallet_collective::Call::vote { proposal: proposal_hash, index: 0, approve: true };
		assert_ok!(committee(by_alice(), say_aye.clone()));
		let close = pallet_collective::Call::close {
			proposal_hash,
			index: 0,
			proposal_weight_bound: BLOCK_WEIGHT / 4,
			length_bound,
		};
		assert!(committee(by_bob(), close.clone()).is_err());
		assert_ok!(committee(by_bob(), say_aye));
		assert_ok!(committee(RuntimeOrigin::signed(charlie()), close));
		assert!(pallet_safe_mode::EnteredUntil::<Runtime>::exists());
	});
}

#[test]
fn committee_is_refused_when_too_few_agree() {
	run(|| {
		let one: RuntimeOrigin = pallet_collective::RawOrigin::Members(1, 3).into();
		assert_err!(call(one, pallet_safe_mode::Call::force_enter {}), DispatchError::BadOrigin);
	});
}

#[test]
fn committee_cancels_a_referendum_when_it_is_not_its_own_election() {
	run(|| {
		for origin in [OriginCaller::from(RawOrigin::Root), Origin::BigSpender.into()] {
			let index = propose(origin, author_share(1));
			assert_ok!(call(by_committee(), pallet_referenda::Call::cancel { index }));
		}
		let new_members = vec![AccountId::new([9; 32])];
		let members = pallet_collective::Call::set_members { new_members, prime: None, old_count: 3 };
		let index = propose(Origin::Elector, RuntimeCall::TechnicalCommittee(members.clone()));
		let filtered: DispatchError = frame_system::Error::<Runtime>::CallFiltered.into();
		assert_err!(call(by_committee(), pallet_referenda::Call::cancel { index }), filtered);
		assert_err!(call(by_committee(), pallet_referenda::Call::kill { index }), filtered);
		assert_ok!(call(RuntimeOrigin::root(), pallet_referenda::Call::cancel { index }));
	});
}

#[test]
fn committee_is_replaced_when_holders_elect_another_in_safe_mode() {
	run(|| {
		assert_ok!(call(by_committee(), pallet_safe_mode::Call::force_enter {}));
		let new_members = vec![AccountId::new([9; 32])];
		let members = pallet_collective::Call::set_members {
			new_members: new_members.clone(),
			prime: None,
			old_count: 3,
		};
		carry_out(Origin::Elector, RuntimeCall::TechnicalCommittee(members));
		assert_eq!(pallet_collective::Members::<Runtime, CommitteeInstance>::get(), new_members);
	});
}

#[test]
fn killed_referendum_loses_its_deposit_to_the_treasury() {
	run(|| {
		let index = propose(Origin::Protocol, author_share(1));
		let before = Balances::free_balance(TreasuryAccount::get());
		assert_ok!(call(by_committee(), pallet_referenda::Call::kill { index }));
		let deposit = Tracks::info(tracks::PROTOCOL).expect("the track exists").decision_deposit;
		assert_eq!(Balances::free_balance(TreasuryAccount::get()), before + deposit + 10 * TRB);
	});
}

#[test]
fn voted_tokens_stay_when_the_vote_is_locked() {
	run(|| {
		let index = propose(Origin::Protocol, author_share(1));
		assert_ok!(call(by_bob(), vote(index, true, 900_000 * TRB)));
		let transfer =
			|value| pallet_balances::Call::transfer_keep_alive { dest: MultiAddress::Id(alice()), value };
		assert_err!(call(by_bob(), transfer(200_000 * TRB)), TokenError::Frozen);
		assert_ok!(call(by_bob(), transfer(50_000 * TRB)));
	});
}

/// Registers Charlie as a worker.
fn worker() -> AccountId {
	let register = pallet_workers::Call::register {
		service_key: AccountId::new([3; 32]),
		endpoint: b"https://worker.example".to_vec().try_into().expect("the endpoint is short"),
		models: Default::default(),
		bond: 100 * TRB,
	};
	assert_ok!(call(RuntimeOrigin::signed(charlie()), register));
	charlie()
}

#[test]
fn vote_is_refused_when_the_account_has_channels() {
	run(|| {
		let worker = worker();
		let open = pallet_attribution::Call::open_channel { worker, deposit: TRB, session_key: None };
		assert_ok!(call(by_bob(), open));
		let index = propose(Origin::Protocol, author_share(1));
		let no_votes: DispatchError = pallet_conviction_voting::Error::<Runtime>::InsufficientFunds.into();
		assert_err!(call(by_bob(), vote(index, true, TRB)), no_votes);
		let delegate = pallet_conviction_voting::Call::delegate {
			class: tracks::PROTOCOL,
			to: MultiAddress::Id(alice()),
			conviction: pallet_conviction_voting::Conviction::None,
			balance: TRB,
		};
		assert_err!(call(by_bob(), delegate), no_votes);
	});
}

#[test]
fn channel_is_refused_when_the_account_votes() {
	run(|| {
		let worker = worker();
		let index = propose(Origin::Protocol, author_share(1));
		assert_ok!(call(by_bob(), vote(index, true, TRB)));
		let open = pallet_attribution::Call::open_channel { worker, deposit: TRB, session_key: None };
		assert_err!(call(by_bob(), open), pallet_attribution::Error::<Runtime>::Voting);
	});
}

#[test]
fn bond_votes_when_it_is_held() {
	run(|| {
		worker();
		let index = propose(Origin::Protocol, author_share(1));
		let all = Balances::free_balance(charlie()) + 100 * TRB;
		assert_ok!(call(RuntimeOrigin::signed(charlie()), vote(index, true, all)));
	});
}
