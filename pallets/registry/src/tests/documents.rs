//! Documents of versions.

use crate::{mock::*, Error, Event, Hints};
use frame::testing_prelude::*;
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{views::DocumentView, AssetKind, AssetRef, DocumentKind};

const FIRST: AssetRef = AssetRef { asset: 0, version: 1 };

fn attach(kind: DocumentKind, content: u8) -> DispatchResult {
	Registry::attach(signed(ALICE), 0, 1, kind, [content; 32], Hints::default())
}

#[test]
fn attach_adds_one_document_of_each_kind_when_owner_signs() {
	test(|| {
		prompt();
		let deposit = held(&ALICE);
		assert_ok!(attach(DocumentKind::Provenance, 1));
		let kind = DocumentKind::Provenance;
		System::assert_last_event(Event::Attached { version: FIRST, kind, content: [1; 32] }.into());
		assert!(held(&ALICE) > deposit + 32);
		let hint = text("https://store.example");
		let hints = vec![hint].try_into().unwrap();
		assert_ok!(Registry::attach(signed(ALICE), 0, 1, DocumentKind::Ablation, [2; 32], hints));
		let view = |kind, content, hints: Vec<Vec<u8>>| DocumentView { kind, content, hints, attached_at: 1 };
		assert_eq!(
			Registry::documents(FIRST),
			vec![
				view(DocumentKind::Ablation, [2; 32], vec![b"https://store.example".to_vec()]),
				view(DocumentKind::Provenance, [1; 32], vec![]),
			]
		);
		assert_eq!(held(&ALICE), Registry::deposit(0));
	});
}

#[test]
fn attach_replaces_the_document_and_its_deposit_when_the_kind_is_the_same() {
	test(|| {
		prompt();
		assert_ok!(attach(DocumentKind::Ablation, 1));
		let deposit = held(&ALICE);
		let hints = vec![text("12345")].try_into().unwrap();
		assert_ok!(Registry::attach(signed(ALICE), 0, 1, DocumentKind::Ablation, [2; 32], hints));
		assert_eq!(held(&ALICE), deposit + 6);
		assert_ok!(attach(DocumentKind::Ablation, 3));
		assert_eq!(held(&ALICE), deposit);
		let documents = Registry::documents(FIRST);
		assert_eq!((documents.len(), documents[0].content), (1, [3; 32]));
	});
}

#[test]
fn attach_is_refused_when_version_hint_or_signer_is_wrong() {
	test(|| {
		prompt();
		let attach = |who, asset, version, hints: Hints| {
			Registry::attach(who, asset, version, DocumentKind::Ablation, [1; 32], hints)
		};
		let none = Hints::default;
		assert_noop!(attach(signed(ALICE), 1, 1, none()), Error::<Test>::UnknownAsset);
		assert_noop!(attach(signed(ALICE), 0, 2, none()), Error::<Test>::UnknownVersion);
		assert_noop!(attach(signed(ALICE), 0, 0, none()), Error::<Test>::UnknownVersion);
		assert_noop!(attach(signed(BOB), 0, 1, none()), Error::<Test>::NotOwner);
		assert_noop!(attach(RuntimeOrigin::none(), 0, 1, none()), BadOrigin);
		let empty = vec![text("")].try_into().unwrap();
		assert_noop!(attach(signed(ALICE), 0, 1, empty), Error::<Test>::BadHint);
	});
}

#[test]
fn attach_is_refused_when_the_deposit_is_missing() {
	test(|| {
		prompt();
		assert_ok!(Balances::force_set_balance(RuntimeOrigin::root(), ALICE, 20));
		assert_noop!(attach(DocumentKind::Ablation, 1), TokenError::FundsUnavailable);
	});
}

#[test]
fn detach_returns_the_deposit_when_a_document_is_attached() {
	test(|| {
		prompt();
		let deposit = held(&ALICE);
		assert_ok!(attach(DocumentKind::TrainingRun, 1));
		assert_ok!(Registry::detach(signed(ALICE), 0, 1, DocumentKind::TrainingRun));
		let detached = Event::Detached { version: FIRST, kind: DocumentKind::TrainingRun };
		System::assert_last_event(detached.into());
		assert_eq!(held(&ALICE), deposit);
		assert!(Registry::documents(FIRST).is_empty());
	});
}

#[test]
fn detach_is_refused_when_document_or_signer_is_wrong() {
	test(|| {
		prompt();
		assert_ok!(attach(DocumentKind::TrainingRun, 1));
		let detach = |who, kind| Registry::detach(who, 0, 1, kind);
		assert_noop!(detach(signed(ALICE), DocumentKind::Ablation), Error::<Test>::UnknownDocument);
		assert_noop!(detach(signed(BOB), DocumentKind::TrainingRun), Error::<Test>::NotOwner);
		assert_noop!(detach(RuntimeOrigin::none(), DocumentKind::TrainingRun), BadOrigin);
		let unknown = Registry::detach(signed(ALICE), 1, 1, DocumentKind::TrainingRun);
		assert_noop!(unknown, Error::<Test>::UnknownAsset);
	});
}

#[test]
fn documents_and_their_deposits_go_with_the_asset_when_it_is_transferred() {
	test(|| {
		prompt();
		assert_ok!(attach(DocumentKind::Ablation, 1));
		let deposit = held(&ALICE);
		assert_ok!(Registry::transfer(signed(ALICE), 0, BOB));
		assert_eq!((held(&ALICE), held(&BOB)), (0, deposit));
		assert_ok!(Registry::detach(signed(BOB), 0, 1, DocumentKind::Ablation));
		assert!(held(&BOB) < deposit);
	});
}

#[test]
fn documents_stay_with_their_version_when_another_is_added() {
	test(|| {
		prompt();
		assert_ok!(attach(DocumentKind::Ablation, 1));
		assert_ok!(Registry::add_version(&ALICE, AssetKind::Prompt, 0, version()));
		assert!(Registry::documents(AssetRef { asset: 0, version: 2 }).is_empty());
		assert_eq!(Registry::documents(FIRST).len(), 1);
	});
}
