//! Tests of every call, error and read.

use crate::{mock::*, Error, Event, ToolCount};
use frame::testing_prelude::*;
use pallet_registry::NewVersion;
use polkadot_sdk::polkadot_sdk_frame as frame;
use proptest::prelude::{any, prop, proptest, ProptestConfig};
use tributary_primitives::{fee::Price, traits::Tools as _, views::ToolView, AssetId, AssetKind};

type RegistryError = pallet_registry::Error<Test>;

fn adapter() -> AssetId {
	let version = NewVersion {
		content: [0; 32],
		hints: Default::default(),
		parents: Default::default(),
		extra_bytes: 0,
	};
	Registry::create(&ALICE, AssetKind::Adapter, text("a"), Price::default(), version).unwrap()
}

#[test]
fn register_keeps_server_identity_and_price_when_input_is_good() {
	test(|| {
		assert_ok!(register(SERVER, IDENTITY, 30));
		System::assert_last_event(Event::Offered { tool: version(0, 1), price: 30 }.into());
		let expected = ToolView {
			tool: version(0, 1),
			name: b"calculator".to_vec(),
			owner: [1; 32],
			server: SERVER.into(),
			identity: IDENTITY.into(),
			content: [1; 32],
			hints: vec![],
			price: 30,
			retired: false,
		};
		assert_eq!(Tools::tool(0, None), Some(expected.clone()));
		assert_eq!(<Tools as tributary_primitives::traits::Tools>::view(version(0, 1)), Some(expected));
		assert_eq!(Registry::get(0).unwrap().kind, AssetKind::Tool);
	});
}

#[test]
fn register_deposit_covers_the_texts_when_they_are_longer() {
	test(|| {
		assert_ok!(register("stdio:a", "b", 0));
		assert_ok!(register("stdio:aa", "bbb", 0));
		assert_eq!(Registry::deposit(1) - Registry::deposit(0), 3);
	});
}

#[test]
fn register_takes_http_and_stdio_when_they_are_well_formed() {
	test(|| {
		for server in ["http://127.0.0.1:8000/mcp", "https://a", "stdio:git", "stdio:@scope/server-1.0_x"] {
			assert_ok!(register(server, IDENTITY, 0));
		}
	});
}

#[test]
fn register_is_refused_when_server_is_no_place() {
	test(|| {
		let bad =
			["", "https://", "http://", "ftp://a", "stdio:", "stdio:a b", "stdio:rm;ls", "https://a b", "a"];
		for server in bad {
			assert_noop!(register(server, IDENTITY, 0), Error::<Test>::BadServer);
		}
		assert_noop!(register("https://a\u{e9}", IDENTITY, 0), Error::<Test>::BadServer);
	});
}

#[test]
fn register_is_refused_when_identity_is_no_text() {
	test(|| {
		for identity in ["", "a\n", "a\u{7f}"] {
			assert_noop!(register(SERVER, identity, 0), Error::<Test>::BadIdentity);
		}
		let bytes = vec![0xff].try_into().unwrap();
		let none = Default::default();
		let call = Tools::register_tool(signed(ALICE), text("t"), text(SERVER), bytes, [1; 32], none, 0);
		assert_noop!(call, Error::<Test>::BadIdentity);
	});
}

#[test]
fn register_is_refused_when_name_hint_deposit_or_signature_is_missing() {
	test(|| {
		let register = |origin, name, hints: pallet_registry::Hints| {
			Tools::register_tool(origin, text(name), text(SERVER), text(IDENTITY), [1; 32], hints, 1)
		};
		let none = pallet_registry::Hints::default;
		assert_noop!(register(signed(ALICE), "", none()), RegistryError::BadName);
		let empty = vec![text("")].try_into().unwrap();
		assert_noop!(register(signed(ALICE), "t", empty), RegistryError::BadHint);
		assert_noop!(register(signed(POOR), "t", none()), TokenError::FundsUnavailable);
		assert_noop!(register(RuntimeOrigin::none(), "t", none()), BadOrigin);
	});
}

#[test]
fn register_is_refused_when_tools_are_used_up() {
	test(|| {
		ToolCount::<Test>::put(u32::MAX);
		assert_noop!(register(SERVER, IDENTITY, 0), Error::<Test>::Overflow);
		ToolCount::<Test>::put(0);
	});
}

#[test]
fn add_version_may_change_everything_when_owner_signs() {
	test(|| {
		assert_ok!(register("stdio:git", IDENTITY, 30));
		assert_ok!(add_version(ALICE, 0, 45));
		System::assert_last_event(Event::Offered { tool: version(0, 2), price: 45 }.into());
		let newest = Tools::tool(0, None).unwrap();
		assert_eq!((newest.tool, newest.price, newest.content), (version(0, 2), 45, [2; 32]));
		assert_eq!((newest.server, newest.identity), (SERVER.into(), b"everything 2.0.0".to_vec()));
		assert_eq!(newest.hints.len(), 1);
		let first = Tools::tool(0, Some(1)).unwrap();
		assert_eq!((first.server, first.price), (b"stdio:git".to_vec(), 30));
		assert_eq!((Tools::price(version(0, 1)), Tools::price(version(0, 2))), (Some(30), Some(45)));
	});
}

#[test]
fn add_version_is_refused_when_tool_or_signer_is_wrong() {
	test(|| {
		assert_ok!(register(SERVER, IDENTITY, 30));
		let other = adapter();
		assert_noop!(add_version(BOB, 0, 1), RegistryError::NotOwner);
		assert_noop!(add_version(ALICE, 9, 1), RegistryError::UnknownAsset);
		assert_noop!(add_version(ALICE, other, 1), RegistryError::WrongKind);
		let with = |origin, server, identity| {
			Tools::add_version(origin, 0, text(server), text(identity), [2; 32], Default::default(), 1)
		};
		assert_noop!(with(signed(ALICE), "nowhere", IDENTITY), Error::<Test>::BadServer);
		assert_noop!(with(signed(ALICE), SERVER, ""), Error::<Test>::BadIdentity);
		assert_noop!(with(RuntimeOrigin::none(), SERVER, IDENTITY), BadOrigin);
		assert_ok!(Registry::retire(signed(ALICE), 0));
		assert_noop!(add_version(ALICE, 0, 1), RegistryError::Retired);
	});
}

#[test]
fn set_price_is_refused_when_the_asset_is_a_tool() {
	test(|| {
		assert_ok!(register(SERVER, IDENTITY, 30));
		let price = Price { input: 1, output: 1 };
		assert_noop!(Registry::set_price(signed(ALICE), 0, price), RegistryError::PriceIsVersioned);
	});
}

#[test]
fn price_is_still_known_when_tool_is_retired() {
	test(|| {
		assert_ok!(register(SERVER, IDENTITY, 30));
		assert_ok!(Registry::retire(signed(ALICE), 0));
		assert_eq!(Tools::price(version(0, 1)), Some(30));
		assert!(Tools::tool(0, None).unwrap().retired);
	});
}

#[test]
fn reads_are_empty_when_there_is_no_such_tool() {
	test(|| {
		assert_ok!(register(SERVER, IDENTITY, 30));
		let other = adapter();
		assert_eq!(Tools::tool(other, None), None);
		assert_eq!(Tools::tool(9, None), None);
		assert_eq!(Tools::tool(0, Some(2)), None);
		assert_eq!(Tools::price(version(other, 1)), None);
	});
}

#[test]
fn tools_are_paged_by_id_when_other_assets_lie_between() {
	test(|| {
		for _ in 0..3 {
			assert_ok!(register(SERVER, IDENTITY, 1));
			adapter();
		}
		let ids = |start, limit| -> Vec<_> {
			Tools::tools(start, limit).into_iter().map(|tool| tool.tool.asset).collect()
		};
		assert_eq!(ids(0, u32::MAX), vec![0, 2, 4]);
		assert_eq!(ids(1, 1), vec![2]);
		assert!(ids(5, 9).is_empty() && ids(0, 0).is_empty());
	});
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(32))]
	#[test]
	fn tools_keep_their_invariants_when_steps_are_random(
		steps in prop::collection::vec((any::<u8>(), 0u32..6, any::<u64>()), 1..40)
	) {
		test(|| {
			for (action, asset, price) in steps {
				let _ = match action % 4 {
					0 => register(SERVER, IDENTITY, price.into()),
					1 => add_version(ALICE, asset, price.into()),
					2 => register("nowhere", IDENTITY, price.into()),
					_ => Registry::retire(signed(ALICE), asset),
				};
				Tools::do_try_state().unwrap();
			}
		});
	}
}
