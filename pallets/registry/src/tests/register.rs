//! What kind pallets do: create assets and versions.

use crate::{mock::*, Assets, Error, Event, Lineage, NewVersion, NextAsset, ParentVersion, Versions};
use frame::{deps::frame_support::storage::with_storage_layer, testing_prelude::*};
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::AccountId32};
use tributary_primitives::{
	royalty::{Parent, Payee},
	AssetId, AssetKind, AssetRef, PPM,
};

const PROMPT: AssetKind = AssetKind::Prompt;

fn lineage(parents: &[(AssetId, u32)]) -> Lineage {
	let of = |(asset, share): &(AssetId, u32)| ParentVersion {
		parent: AssetRef { asset: *asset, version: 1 },
		share: *share,
	};
	parents.iter().map(of).collect::<Vec<_>>().try_into().unwrap()
}

fn derived(parents: &[(AssetId, u32)]) -> NewVersion {
	NewVersion { parents: lineage(parents), ..version() }
}

/// As in a call: a refusal undoes everything.
fn create(version: NewVersion) -> Result<AssetId, DispatchError> {
	create_as(&ALICE, PROMPT, version)
}

fn create_as(who: &AccountId32, kind: AssetKind, version: NewVersion) -> Result<AssetId, DispatchError> {
	with_storage_layer(|| Registry::create(who, kind, text("a prompt"), price(5), version))
}

fn add(
	who: &AccountId32,
	kind: AssetKind,
	asset: AssetId,
	version: NewVersion,
) -> Result<AssetRef, DispatchError> {
	with_storage_layer(|| Registry::add_version(who, kind, asset, version))
}

#[test]
fn create_registers_asset_when_input_is_good() {
	test(|| {
		System::set_block_number(8);
		assert_eq!(prompt(), 0);
		System::assert_last_event(Event::Registered { asset: 0, kind: PROMPT, owner: ALICE }.into());
		let asset = Assets::<Test>::get(0).unwrap();
		assert_eq!((asset.owner, asset.newest, asset.retired), (ALICE, 1, false));
		assert_eq!(asset.holders.into_inner(), vec![(ALICE, 1)]);
		assert_eq!(weight(0, &ALICE), 1);
		let version = Versions::<Test>::get(0, 1).unwrap();
		assert_eq!(version.payees.into_inner(), vec![Payee { asset: 0, share: PPM }]);
		assert_eq!(version.created_at, 8);
	});
}

#[test]
fn create_holds_deposit_for_all_bytes_when_kind_stores_more() {
	test(|| {
		create(version()).unwrap();
		let small = held(&ALICE);
		create(NewVersion { extra_bytes: 40, ..version() }).unwrap();
		assert_eq!(held(&ALICE), 2 * small + 40);
	});
}

#[test]
fn create_is_refused_when_deposit_is_not_there() {
	test(|| {
		assert_noop!(create_as(&POOR, PROMPT, version()), TokenError::FundsUnavailable);
	});
}

#[test]
fn create_is_refused_when_name_is_no_text() {
	test(|| {
		for name in [vec![], vec![0xff]] {
			let name = name.try_into().unwrap();
			assert_noop!(Registry::create(&ALICE, PROMPT, name, price(1), version()), Error::<Test>::BadName);
		}
	});
}

#[test]
fn create_is_refused_when_a_hint_is_no_text() {
	test(|| {
		for hint in ["".as_bytes(), &[0xc0]] {
			let hints = vec![hint.to_vec().try_into().unwrap()].try_into().unwrap();
			assert_noop!(create(NewVersion { hints, ..version() }), Error::<Test>::BadHint);
		}
	});
}

#[test]
fn create_is_refused_when_no_id_is_free() {
	test(|| {
		NextAsset::<Test>::put(u32::MAX);
		assert_noop!(create(version()), Error::<Test>::NoFreeId);
		NextAsset::<Test>::put(0);
	});
}

#[test]
fn create_flattens_payees_when_parents_have_parents() {
	test(|| {
		create(version()).unwrap();
		create(derived(&[(0, 100_000)])).unwrap();
		create(derived(&[(1, 200_000)])).unwrap();
		let payees = Registry::payees(AssetRef { asset: 2, version: 1 }).unwrap();
		let shares: Vec<_> = payees.iter().map(|payee| (payee.asset, payee.share)).collect();
		assert_eq!(shares, vec![(2, 800_000), (1, 180_000), (0, 20_000)]);
	});
}

#[test]
fn create_pays_the_named_version_when_parent_has_newer_ones() {
	test(|| {
		create(version()).unwrap();
		create(version()).unwrap();
		Registry::add_version(&ALICE, PROMPT, 1, derived(&[(0, 400_000)])).unwrap();
		create(derived(&[(1, 100_000)])).unwrap();
		let payees = Registry::payees(AssetRef { asset: 2, version: 1 }).unwrap();
		assert_eq!(payees.iter().map(|payee| payee.asset).collect::<Vec<_>>(), vec![2, 1]);
	});
}

#[test]
fn create_is_refused_when_parent_is_unknown() {
	test(|| {
		assert_noop!(create(derived(&[(7, 1)])), Error::<Test>::UnknownAsset);
		create(version()).unwrap();
		let parents = Lineage::truncate_from(vec![ParentVersion {
			parent: AssetRef { asset: 0, version: 2 },
			share: 1,
		}]);
		assert_noop!(create(NewVersion { parents, ..version() }), Error::<Test>::UnknownVersion);
	});
}

#[test]
fn create_is_refused_when_parent_is_of_another_kind() {
	test(|| {
		create(version()).unwrap();
		assert_noop!(create_as(&ALICE, AssetKind::Adapter, derived(&[(0, 1)])), Error::<Test>::BadParent);
	});
}

#[test]
fn create_is_refused_when_parent_is_named_twice() {
	test(|| {
		create(version()).unwrap();
		assert_noop!(create(derived(&[(0, 1), (0, 2)])), Error::<Test>::DuplicateParent);
	});
}

#[test]
fn create_is_refused_when_shares_are_zero_or_above_half() {
	test(|| {
		create(version()).unwrap();
		create(version()).unwrap();
		assert_noop!(create(derived(&[(0, 0)])), Error::<Test>::BadShares);
		assert_noop!(create(derived(&[(0, 250_001), (1, 250_000)])), Error::<Test>::BadShares);
	});
}

#[test]
fn add_version_is_refused_when_asset_is_its_own_parent() {
	test(|| {
		create(version()).unwrap();
		assert_noop!(add(&ALICE, PROMPT, 0, derived(&[(0, 1)])), Error::<Test>::BadParent);
	});
}

#[test]
fn add_version_raises_newest_and_deposit_when_owner_adds() {
	test(|| {
		prompt();
		let before = held(&ALICE);
		let added = AssetRef { asset: 0, version: 2 };
		assert_eq!(Registry::add_version(&ALICE, PROMPT, 0, version()), Ok(added));
		System::assert_last_event(Event::VersionAdded { version: added }.into());
		assert!(held(&ALICE) > before);
		assert_eq!(Registry::deposit(0), held(&ALICE));
	});
}

#[test]
fn add_version_is_refused_when_asset_owner_kind_or_state_is_wrong() {
	test(|| {
		prompt();
		assert_noop!(add(&ALICE, PROMPT, 1, version()), Error::<Test>::UnknownAsset);
		assert_noop!(add(&BOB, PROMPT, 0, version()), Error::<Test>::NotOwner);
		assert_noop!(add(&ALICE, AssetKind::Agent, 0, version()), Error::<Test>::WrongKind);
		assert_ok!(Registry::retire(signed(ALICE), 0));
		assert_noop!(add(&ALICE, PROMPT, 0, version()), Error::<Test>::Retired);
	});
}

#[test]
fn add_version_is_refused_when_numbers_are_used_up() {
	test(|| {
		prompt();
		let asset = Assets::<Test>::get(0).unwrap();
		Assets::<Test>::insert(0, crate::Asset { newest: u32::MAX, ..asset.clone() });
		assert_noop!(add(&ALICE, PROMPT, 0, version()), Error::<Test>::NoFreeId);
		Assets::<Test>::insert(0, crate::Asset { deposit: u128::MAX, ..asset.clone() });
		assert_noop!(add(&ALICE, PROMPT, 0, version()), Error::<Test>::Overflow);
		Assets::<Test>::insert(0, asset);
	});
}

#[test]
fn newest_parents_names_newest_versions_when_parents_have_several() {
	test(|| {
		prompt();
		Registry::add_version(&ALICE, PROMPT, 0, version()).unwrap();
		let parents = vec![Parent { asset: 0, share: 5 }].try_into().unwrap();
		let line = ParentVersion { parent: AssetRef { asset: 0, version: 2 }, share: 5 };
		assert_eq!(Registry::newest_parents(&parents).unwrap().into_inner(), vec![line]);
		let parents = vec![Parent { asset: 1, share: 5 }].try_into().unwrap();
		assert_noop!(Registry::newest_parents(&parents), Error::<Test>::UnknownAsset);
	});
}

#[test]
fn versioned_is_refused_when_kind_or_version_is_wrong() {
	test(|| {
		prompt();
		let id = |version| AssetRef { asset: 0, version };
		assert!(Registry::versioned(id(1), PROMPT).is_ok());
		assert_noop!(Registry::versioned(id(1), AssetKind::Agent), Error::<Test>::WrongKind);
		assert_noop!(Registry::versioned(id(0), PROMPT), Error::<Test>::UnknownVersion);
		assert_noop!(Registry::versioned(id(2), PROMPT), Error::<Test>::UnknownVersion);
		assert_ok!(Registry::retire(signed(ALICE), 0));
		assert!(Registry::versioned(id(1), PROMPT).is_ok());
		assert_noop!(Registry::usable(id(1), PROMPT), Error::<Test>::Retired);
	});
}
