//! An agent's price covers its parts.

use crate::{mock::*, Composition, Error};
use frame::testing_prelude::*;
use polkadot_sdk::polkadot_sdk_frame as frame;
use proptest::prelude::{prop, proptest, ProptestConfig};
use tributary_primitives::fee::Price;

fn compose_at(price: Price) -> DispatchResult {
	Agents::compose(signed(BOB), text("poet"), Composition { price, ..composition() })
}

#[test]
fn compose_is_refused_when_price_is_below_the_parts() {
	test(|| {
		assert_eq!(Agents::floor(composition()), Some(FLOOR));
		assert_noop!(compose_at(Price { input: 8, ..FLOOR }), Error::<Test>::PriceTooLow);
		assert_noop!(compose_at(Price { output: 11, ..FLOOR }), Error::<Test>::PriceTooLow);
		assert_ok!(compose_at(FLOOR));
	});
}

#[test]
fn compose_is_refused_when_prices_overflow() {
	test(|| {
		let most = Price { input: u128::MAX, output: 0 };
		assert_ok!(Registry::set_price(signed(ALICE), PROMPT, most));
		assert_noop!(compose_at(most), Error::<Test>::Overflow);
		assert_eq!(Agents::floor(composition()), None);
	});
}

#[test]
fn price_is_the_versions_own_when_agent_was_recomposed() {
	test(|| {
		assert_ok!(compose_at(FLOOR));
		let dearer = Price { input: 90, output: 91 };
		assert_ok!(Agents::recompose(signed(BOB), AGENT, Composition { price: dearer, ..composition() }));
		let price = |version| Agents::agent(AGENT, version).map(|view| view.price);
		assert_eq!(price(Some(1)), Some(FLOOR));
		assert_eq!(price(Some(2)), Some(dearer));
		assert_eq!(price(None), Some(dearer));
		System::assert_has_event(pallet_registry::Event::PriceSet { asset: AGENT, price: dearer }.into());
	});
}

#[test]
fn recompose_is_refused_when_price_is_below_the_parts() {
	test(|| {
		assert_ok!(compose_at(FLOOR));
		let bare = Composition {
			adapters: Default::default(),
			prompts: Default::default(),
			skills: Default::default(),
			price: Price { input: 1, output: 2 },
			..composition()
		};
		assert_ok!(Agents::recompose(signed(BOB), AGENT, bare.clone()));
		let full = Composition { price: bare.price, ..composition() };
		assert_noop!(Agents::recompose(signed(BOB), AGENT, full), Error::<Test>::PriceTooLow);
	});
}

#[test]
fn set_price_is_refused_when_the_asset_is_an_agent() {
	test(|| {
		assert_ok!(compose_at(FLOOR));
		let set = |who, asset, price| Registry::set_price(signed(who), asset, price);
		let fixed = pallet_registry::Error::<Test>::PriceIsVersioned;
		assert_noop!(set(BOB, AGENT, Price { input: 90, output: 90 }), fixed);
		assert_ok!(set(ALICE, PROMPT, Price::default()));
	});
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(32))]
	#[test]
	fn compose_succeeds_exactly_when_price_covers_all_parts(
		prices in prop::collection::vec((0u128..100, 0u128..100), 3), input in 0u128..300, output in 0u128..300
	) {
		test(|| {
			for (part, (input, output)) in [BASE, ADAPTER, PROMPT].into_iter().zip(&prices) {
				let price = Price { input: *input, output: *output };
				assert_ok!(Registry::set_price(signed(ALICE), part, price));
			}
			let asked = prices.iter().fold((0, 0), |sum, price| (sum.0 + price.0, sum.1 + price.1));
			let composed = compose_at(Price { input, output }).is_ok();
			assert_eq!(composed, input >= asked.0 && output >= asked.1);
		});
	}
}
