//! What users read.

use crate::mock::*;
use frame::testing_prelude::*;
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::AccountId32};
use tributary_primitives::{
	views::{GrantView, RequestView},
	Purpose,
};

#[test]
fn access_is_none_when_datanet_is_public_or_unknown() {
	test(|| {
		assert_eq!((Grants::access(PUBLIC), Grants::access(9)), (None, None));
		assert!(Grants::may_use(EVE, PUBLIC, Purpose::Retrieve));
		assert!(!Grants::may_use(EVE, PRIVATE, Purpose::Retrieve));
		assert!(Grants::may_use(OWNER, PRIVATE, Purpose::Retrieve));
	});
}

#[test]
fn requests_show_price_and_recipient_when_open() {
	test(|| {
		assert_ok!(Grants::request(signed(ALICE), PRIVATE, Purpose::Train, PRICE));
		let view = |recipient| RequestView {
			grantee: ALICE.into(),
			purpose: Purpose::Train,
			recipient,
			price: PRICE,
			at: 1,
		};
		assert_eq!(Grants::requests(PRIVATE, 0, 9), vec![view(Some([13; 32]))]);
		assert_ok!(Grants::withdraw_recipient(signed(ALICE)));
		assert_eq!(Grants::requests(PRIVATE, 0, 9), vec![view(None)]);
		assert!(Grants::requests(PUBLIC, 0, 9).is_empty());
	});
}

#[test]
fn grants_show_epoch_and_capsule_when_they_stand() {
	test(|| {
		assert_ok!(Grants::grant(signed(OWNER), PRIVATE, BOB, Purpose::Retrieve, capsule(2)));
		let view = GrantView {
			grantee: BOB.into(),
			purpose: Purpose::Retrieve,
			epoch: 1,
			capsule: vec![7, 7],
			granted_at: 1,
		};
		assert_eq!(Grants::grants(PRIVATE, 0, 9), vec![view.clone()]);
		assert_eq!(Grants::grant_of(PRIVATE, BOB, Purpose::Retrieve), Some(view));
		assert_eq!(Grants::grant_of(PRIVATE, BOB, Purpose::Train), None);
	});
}

#[test]
fn lists_are_paged_when_they_are_long() {
	test(|| {
		let grantees = (0..=crate::MAX_PAGE).map(|number| {
			let mut bytes = [40; 32];
			bytes[..4].copy_from_slice(&number.to_le_bytes());
			AccountId32::new(bytes)
		});
		for grantee in grantees {
			assert_ok!(Balances::transfer_keep_alive(signed(EVE), grantee.clone(), 1_000));
			assert_ok!(Grants::announce(signed(grantee.clone()), [1; 32]));
			assert_ok!(Grants::grant(signed(OWNER), PRIVATE, grantee, Purpose::Retrieve, capsule(1)));
		}
		let page = |start, limit| -> Vec<_> {
			Grants::grants(PRIVATE, start, limit).into_iter().map(|one| one.grantee).collect()
		};
		let (first, rest) = (page(0, u32::MAX), page(crate::MAX_PAGE, u32::MAX));
		assert_eq!((first.len(), rest.len()), (crate::MAX_PAGE as usize, 1));
		assert!(!first.contains(&rest[0]));
		assert_eq!(page(3, 2), first[3..5]);
	});
}
