//! Base models, adapters and their versions.

use crate::{mock::*, Error, Event, Training};
use frame::testing_prelude::*;
use pallet_registry::AdapterBase;
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{fee::Price, royalty::Payee, AssetKind, AssetRef, SnapshotRef};

type RegistryError = pallet_registry::Error<Test>;

fn add(training: Option<Training>) -> DispatchResult {
	Adapters::add_version(signed(ALICE), ADAPTER, [5; 32], Default::default(), parents(&[]), training)
}

#[test]
fn register_base_creates_asset_when_input_is_good() {
	test(|| {
		let asset = Registry::asset(BASE).unwrap();
		assert_eq!((asset.kind, asset.name), (AssetKind::BaseModel, b"base".to_vec()));
		assert_eq!(asset.price, Price { input: 1, output: 2 });
		assert_eq!(Adapters::training(AssetRef { asset: BASE, version: 1 }), None);
	});
}

#[test]
fn register_base_is_refused_when_name_deposit_or_signature_is_missing() {
	test(|| {
		let register = |origin, name: &str| {
			Adapters::register_base(origin, text(name), [1; 32], Default::default(), Price::default())
		};
		assert_noop!(register(signed(ALICE), ""), RegistryError::BadName);
		assert_noop!(register(signed(POOR), "base"), TokenError::FundsUnavailable);
		assert_noop!(register(RuntimeOrigin::none(), "base"), BadOrigin);
	});
}

#[test]
fn register_adapter_records_training_when_input_is_good() {
	test(|| {
		let adapter = AssetRef { asset: ADAPTER, version: 1 };
		assert_eq!(Registry::asset(ADAPTER).unwrap().kind, AssetKind::Adapter);
		assert_eq!(Adapters::training(adapter), Some(training().into()));
		assert_eq!(<Adapters as AdapterBase>::base_of(adapter), Some(training().base));
		System::assert_last_event(Event::Trained { adapter, base: training().base }.into());
	});
}

#[test]
fn register_adapter_deposit_covers_the_training_record_when_it_is_longer() {
	test(|| {
		let before = Registry::deposit(ADAPTER);
		register_adapter(Training { snapshots: Default::default(), ..training() }).unwrap();
		assert_eq!(before - Registry::deposit(ADAPTER + 1), 8);
	});
}

#[test]
fn register_adapter_pays_parents_when_it_is_derived() {
	test(|| {
		assert_ok!(Adapters::register_adapter(
			signed(BOB),
			text("derived"),
			[4; 32],
			Default::default(),
			Price::default(),
			parents(&[(ADAPTER, 100_000)]),
			training(),
		));
		let payees = Registry::payees(AssetRef { asset: 2, version: 1 }).unwrap();
		assert_eq!(payees.last(), Some(&Payee { asset: ADAPTER, share: 100_000 }));
	});
}

#[test]
fn register_adapter_is_refused_when_parent_is_a_base_model() {
	test(|| {
		let derived = Adapters::register_adapter(
			signed(BOB),
			text("derived"),
			[4; 32],
			Default::default(),
			Price::default(),
			parents(&[(BASE, 100_000)]),
			training(),
		);
		assert_noop!(derived, RegistryError::BadParent);
	});
}

#[test]
fn register_adapter_is_refused_when_rank_is_out_of_bounds() {
	test(|| {
		for rank in [0, 513] {
			assert_noop!(register_adapter(Training { rank, ..training() }), Error::<Test>::BadRank);
		}
		assert_ok!(register_adapter(Training { rank: 512, ..training() }));
	});
}

#[test]
fn register_adapter_is_refused_when_base_is_no_base_model() {
	test(|| {
		let on =
			|asset, version| register_adapter(Training { base: AssetRef { asset, version }, ..training() });
		assert_noop!(on(ADAPTER, 1), RegistryError::WrongKind);
		assert_noop!(on(BASE, 2), RegistryError::UnknownVersion);
		assert_noop!(on(9, 1), RegistryError::UnknownAsset);
	});
}

#[test]
fn register_adapter_is_refused_when_snapshot_is_unknown_or_twice() {
	test(|| {
		let on = |snapshots: Vec<SnapshotRef>| {
			register_adapter(Training { snapshots: snapshots.try_into().unwrap(), ..training() })
		};
		let unknown = SnapshotRef { version: 2, ..SNAPSHOT };
		assert_noop!(on(vec![SNAPSHOT, unknown]), Error::<Test>::UnknownSnapshot);
		assert_noop!(on(vec![SNAPSHOT, SNAPSHOT]), Error::<Test>::DuplicateSnapshot);
	});
}

#[test]
fn add_version_records_training_when_adapter_grows() {
	test(|| {
		let next = Training { rank: 16, ..training() };
		assert_ok!(add(Some(next.clone())));
		let second = AssetRef { asset: ADAPTER, version: 2 };
		assert_eq!(Adapters::training(second), Some(next.into()));
		assert_eq!(Registry::version(second).unwrap().content, [5; 32]);
	});
}

#[test]
fn add_version_takes_no_training_when_asset_is_a_base_model() {
	test(|| {
		let add = |training| {
			Adapters::add_version(signed(ALICE), BASE, [5; 32], Default::default(), parents(&[]), training)
		};
		assert_noop!(add(Some(training())), Error::<Test>::UnexpectedTraining);
		assert_ok!(add(None));
		assert_eq!(Registry::get(BASE).unwrap().newest, 2);
	});
}

#[test]
fn add_version_is_refused_when_training_is_missing_or_bad() {
	test(|| {
		assert_noop!(add(None), Error::<Test>::NoTraining);
		assert_noop!(add(Some(Training { rank: 0, ..training() })), Error::<Test>::BadRank);
	});
}

#[test]
fn add_version_is_refused_when_asset_or_signer_is_wrong() {
	test(|| {
		let add = |origin, asset| {
			Adapters::add_version(origin, asset, [5; 32], Default::default(), parents(&[]), Some(training()))
		};
		assert_noop!(add(signed(ALICE), 9), RegistryError::UnknownAsset);
		assert_noop!(add(signed(BOB), ADAPTER), RegistryError::NotOwner);
		assert_noop!(add(RuntimeOrigin::none(), ADAPTER), BadOrigin);
		let prompt = pallet_registry::NewVersion {
			content: [0; 32],
			hints: Default::default(),
			parents: Default::default(),
			extra_bytes: 0,
		};
		let prompt = Registry::create(&ALICE, AssetKind::Prompt, text("p"), Price::default(), prompt);
		assert_noop!(add(signed(ALICE), prompt.unwrap()), Error::<Test>::NotEvaluable);
		assert_ok!(Registry::retire(signed(ALICE), ADAPTER));
		assert_noop!(add(signed(ALICE), ADAPTER), RegistryError::Retired);
	});
}
