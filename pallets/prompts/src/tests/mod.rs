//! Tests of every call and refusal.

use crate::{mock::*, Event};
use frame::testing_prelude::*;
use pallet_registry::NewVersion;
use polkadot_sdk::polkadot_sdk_frame as frame;
use proptest::prelude::{any, prop, proptest, ProptestConfig};
use tributary_primitives::{AssetId, AssetKind, AssetRef};

type RegistryError = pallet_registry::Error<Test>;

fn shares(asset: AssetId, version: u32) -> Vec<(AssetId, u32)> {
	let payees = Registry::payees(AssetRef { asset, version }).unwrap();
	payees.iter().map(|payee| (payee.asset, payee.share)).collect()
}

fn add_version(who: &AccountId, asset: AssetId) -> DispatchResult {
	Prompts::add_version(signed(who.clone()), asset, [3; 32], Default::default())
}

type AccountId = polkadot_sdk::sp_runtime::AccountId32;

fn adapter() -> AssetId {
	let version = NewVersion {
		content: [0; 32],
		hints: Default::default(),
		parents: Default::default(),
		extra_bytes: 0,
	};
	Registry::create(&ALICE, AssetKind::Adapter, text("a"), PRICE, version).unwrap()
}

#[test]
fn create_registers_an_original_when_input_is_good() {
	test(|| {
		create();
		let prompt = Prompts::prompt(0).unwrap();
		assert_eq!((prompt.kind, prompt.name, prompt.price), (AssetKind::Prompt, b"poet".to_vec(), PRICE));
		assert_eq!(Prompts::forked_from(0), None);
		assert_eq!(shares(0, 1), vec![(0, 1_000_000)]);
		assert!(Registry::deposit(0) > 200);
	});
}

#[test]
fn create_is_refused_when_name_deposit_or_signature_is_missing() {
	test(|| {
		let create = |origin, name| Prompts::create(origin, text(name), [1; 32], Default::default(), PRICE);
		assert_noop!(create(signed(ALICE), ""), RegistryError::BadName);
		assert_noop!(create(signed(POOR), "p"), TokenError::FundsUnavailable);
		assert_noop!(create(RuntimeOrigin::none(), "p"), BadOrigin);
	});
}

#[test]
fn fork_pays_its_parent_when_it_is_registered() {
	test(|| {
		create();
		assert_ok!(fork(0, 1));
		let parent = AssetRef { asset: 0, version: 1 };
		System::assert_last_event(Event::Forked { parent, fork: 1, share: 200_000 }.into());
		assert_eq!(Prompts::forked_from(1), Some(parent));
		assert_eq!(shares(1, 1), vec![(1, 800_000), (0, 200_000)]);
		assert_eq!(Registry::get(1).unwrap().owner, BOB);
	});
}

#[test]
fn fork_pays_the_whole_line_when_it_is_a_fork_of_a_fork() {
	test(|| {
		create();
		assert_ok!(fork(0, 1));
		assert_ok!(fork(1, 1));
		assert_eq!(shares(2, 1), vec![(2, 800_000), (1, 160_000), (0, 40_000)]);
	});
}

#[test]
fn fork_is_allowed_when_parent_is_retired() {
	test(|| {
		create();
		assert_ok!(Registry::retire(signed(ALICE), 0));
		assert_ok!(fork(0, 1));
	});
}

#[test]
fn fork_is_refused_when_parent_is_no_prompt_version() {
	test(|| {
		create();
		let other = adapter();
		assert_noop!(fork(0, 2), RegistryError::UnknownVersion);
		assert_noop!(fork(9, 1), RegistryError::UnknownAsset);
		assert_noop!(fork(other, 1), RegistryError::WrongKind);
		let parent = AssetRef { asset: 0, version: 1 };
		let unsigned =
			Prompts::fork(RuntimeOrigin::none(), parent, text("f"), [2; 32], Default::default(), PRICE);
		assert_noop!(unsigned, BadOrigin);
	});
}

#[test]
fn add_version_goes_on_paying_the_parent_when_prompt_is_a_fork() {
	test(|| {
		create();
		assert_ok!(fork(0, 1));
		assert_ok!(add_version(&BOB, 1));
		assert_eq!(shares(1, 2), shares(1, 1));
		assert_eq!(Prompts::prompt(1).unwrap().versions.len(), 2);
	});
}

#[test]
fn add_version_is_refused_when_asset_or_signer_is_wrong() {
	test(|| {
		create();
		let other = adapter();
		assert_noop!(add_version(&BOB, 0), RegistryError::NotOwner);
		assert_noop!(add_version(&ALICE, 9), RegistryError::UnknownAsset);
		assert_noop!(add_version(&ALICE, other), RegistryError::WrongKind);
		assert_noop!(Prompts::add_version(RuntimeOrigin::none(), 0, [3; 32], Default::default()), BadOrigin);
		assert_ok!(Registry::retire(signed(ALICE), 0));
		assert_noop!(add_version(&ALICE, 0), RegistryError::Retired);
	});
}

#[test]
fn reads_are_empty_when_asset_is_no_prompt() {
	test(|| {
		let other = adapter();
		assert_eq!(Prompts::prompt(other), None);
		assert_eq!(Prompts::forked_from(other), None);
		assert_eq!(Prompts::prompt(9), None);
	});
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(32))]
	#[test]
	fn prompts_keep_their_invariants_when_steps_are_random(
		steps in prop::collection::vec((any::<u8>(), 0u32..6, 1u32..3), 1..40)
	) {
		test(|| {
			for (action, asset, version) in steps {
				let _ = match action % 4 {
					0 => Prompts::create(signed(ALICE), text("p"), [1; 32], Default::default(), PRICE),
					1 => fork(asset, version),
					2 => add_version(&ALICE, asset),
					_ => add_version(&BOB, asset),
				};
				Prompts::do_try_state().unwrap();
			}
		});
	}
}
