//! What users read.

use crate::{mock::*, MAX_PAGE};
use tributary_primitives::{views::VersionView, AssetKind, AssetRef};

#[test]
fn asset_shows_all_versions_when_it_has_several() {
	test(|| {
		prompt();
		let second = crate::NewVersion { content: [8; 32], ..version() };
		Registry::add_version(&ALICE, AssetKind::Prompt, 0, second).unwrap();
		let asset = Registry::asset(0).unwrap();
		assert_eq!((asset.id, asset.kind, asset.name), (0, AssetKind::Prompt, b"haiku".to_vec()));
		assert_eq!(asset.owner, [1; 32]);
		let contents: Vec<_> = asset.versions.iter().map(|v| (v.version, v.content)).collect();
		assert_eq!(contents, vec![(1, [7; 32]), (2, [8; 32])]);
		let one: VersionView = Registry::version(AssetRef { asset: 0, version: 2 }).unwrap();
		assert_eq!(Some(&one), asset.versions.get(1));
	});
}

#[test]
fn reads_are_empty_when_asset_is_unknown() {
	test(|| {
		let none = AssetRef { asset: 0, version: 1 };
		assert_eq!(Registry::asset(0), None);
		assert_eq!(Registry::version(none), None);
		assert_eq!(Registry::parents(none), vec![]);
		assert_eq!(Registry::holders(0), vec![]);
		assert_eq!(Registry::deposit(0), 0);
	});
}

#[test]
fn assets_are_cut_to_a_page_when_limit_is_long() {
	test(|| {
		let _ = Balances::force_set_balance(RuntimeOrigin::root(), ALICE, u128::MAX / 2);
		for _ in 0..MAX_PAGE + 2 {
			prompt();
		}
		let page = Registry::assets(1, u32::MAX);
		assert_eq!((page.len() as u32, page[0].id), (MAX_PAGE, 1));
		let last = Registry::assets(MAX_PAGE, 10);
		assert_eq!(last.iter().map(|asset| asset.id).collect::<Vec<_>>(), vec![MAX_PAGE, MAX_PAGE + 1]);
		assert!(Registry::assets(u32::MAX, 10).is_empty());
	});
}
