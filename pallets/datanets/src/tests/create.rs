//! Creating DataNets and naming curators.

use crate::{mock::*, DataNets, Error, Event, HoldReason, NextDataNet};
use frame::testing_prelude::*;
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::views::Policy;

#[test]
fn create_stores_datanet_and_holds_deposit_when_input_is_good() {
	test(|| {
		let few = curators(&[BOB]);
		assert_ok!(Datanets::create(signed(ALICE), text("lakes"), text("x"), Policy::Curated, few));
		System::assert_last_event(Event::Created { datanet: 2, owner: ALICE }.into());
		let view = Datanets::datanet(2).unwrap();
		assert_eq!((view.owner, view.name), ([3; 32], b"lakes".to_vec()));
		assert_eq!((view.policy, view.curators), (Policy::Curated, vec![[4; 32]]));
		assert!(held(HoldReason::DataNet, &ALICE) > 100);
	});
}

#[test]
fn create_is_refused_when_name_is_no_text() {
	test(|| {
		for name in [vec![], vec![0xff]] {
			let name = name.try_into().unwrap();
			let refused = Datanets::create(signed(ALICE), name, text(""), Policy::Open, curators(&[]));
			assert_noop!(refused, Error::<Test>::BadName);
		}
	});
}

#[test]
fn create_is_refused_when_description_is_no_text() {
	test(|| {
		let bytes = vec![0xff].try_into().unwrap();
		let refused = Datanets::create(signed(ALICE), text("a"), bytes, Policy::Open, curators(&[]));
		assert_noop!(refused, Error::<Test>::BadText);
	});
}

#[test]
fn create_is_refused_when_a_curator_is_named_twice() {
	test(|| {
		let twice = curators(&[BOB, BOB]);
		let refused = Datanets::create(signed(ALICE), text("a"), text(""), Policy::Open, twice);
		assert_noop!(refused, Error::<Test>::DuplicateCurator);
	});
}

#[test]
fn create_is_refused_when_deposit_or_signature_is_missing() {
	test(|| {
		let create = |origin| Datanets::create(origin, text("a"), text(""), Policy::Open, curators(&[]));
		assert_noop!(create(signed(POOR)), TokenError::FundsUnavailable);
		assert_noop!(create(RuntimeOrigin::none()), BadOrigin);
	});
}

#[test]
fn create_is_refused_when_no_id_is_free() {
	test(|| {
		NextDataNet::<Test>::put(u32::MAX);
		let full = Datanets::create(signed(ALICE), text("a"), text(""), Policy::Open, curators(&[]));
		assert_noop!(full, Error::<Test>::Full);
		NextDataNet::<Test>::put(2);
	});
}

#[test]
fn set_curators_moves_deposit_with_the_list_when_owner_signs() {
	test(|| {
		let before = held(HoldReason::DataNet, &OWNER);
		assert_ok!(Datanets::set_curators(signed(OWNER), OPEN, curators(&[ALICE, BOB])));
		let curators_set = Event::CuratorsSet { datanet: OPEN, curators: vec![ALICE, BOB] };
		System::assert_last_event(curators_set.into());
		assert_eq!(held(HoldReason::DataNet, &OWNER), before + 64);
		assert_ok!(Datanets::set_curators(signed(OWNER), OPEN, curators(&[])));
		assert_eq!(held(HoldReason::DataNet, &OWNER), before);
		assert!(DataNets::<Test>::get(OPEN).unwrap().curators.is_empty());
	});
}

#[test]
fn set_curators_is_refused_when_list_datanet_or_signer_is_wrong() {
	test(|| {
		let set = |origin, datanet, list: &[_]| Datanets::set_curators(origin, datanet, curators(list));
		assert_noop!(set(signed(OWNER), 2, &[]), Error::<Test>::UnknownDataNet);
		assert_noop!(set(signed(CURATOR), CURATED, &[]), Error::<Test>::NotOwner);
		assert_noop!(set(signed(OWNER), CURATED, &[BOB, BOB]), Error::<Test>::DuplicateCurator);
		assert_noop!(set(RuntimeOrigin::none(), CURATED, &[]), BadOrigin);
	});
}
