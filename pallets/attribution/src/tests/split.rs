//! The split of an agent's fees.

use super::*;
use std::collections::BTreeMap;
use tributary_primitives::{traits::VaultHolders, VaultKey};

/// Credits and data share of `records` records that paid `fee` planck in all.
fn divide(agent: AssetRef, records: u32, fee: Balance) -> (BTreeMap<VaultKey, Balance>, Balance) {
	let (_, parameters) = Attribution::parameters();
	let (parts, mut credits) = (Table::parts(agent.into()).unwrap(), Credits::default());
	let usage = Usage { records, fee, ..Default::default() };
	let (_, data) = Attribution::divide_fees(&OPERATOR, &parts, &usage, &parameters, &mut credits).unwrap();
	(credits.into_sums().into_iter().collect(), data)
}

fn hold(key: VaultKey) {
	assert_eq!(Attribution::set_weight(key, account(9).as_ref(), 1), Ok(()));
}

const OPERATORS: VaultKey = VaultKey::Operator([0xa1; 32]);

#[test]
fn fee_is_divided_by_the_table_when_all_parts_are_present() {
	run(|| {
		hold(VaultKey::Stakers);
		hold(VaultKey::Evaluators(10));
		hold(VaultKey::Evaluators(21));
		// No tool was called: its 50,000 ppm are divided among the others.
		let (credits, data) = divide(FULL, 1, 950_000 + PLATFORM_FEE);
		assert_eq!(data, 250_000);
		assert_eq!(credits[&VaultKey::Platform], 20_000 + PLATFORM_FEE);
		assert_eq!(credits[&OPERATORS], 300_000);
		assert_eq!(credits[&VaultKey::Stakers], 50_000);
		assert_eq!(credits[&VaultKey::Asset(10)], 80_000);
		// Adapters 120,000 by price 3 to 1; adapter 22 passes a fifth on to 21.
		assert_eq!(credits[&VaultKey::Asset(22)], 24_000);
		assert_eq!(credits[&VaultKey::Asset(21)], 90_000 + 6_000);
		// The prompt passes a fifth on to the one it was forked from.
		assert_eq!(credits[&VaultKey::Asset(30)], 40_000);
		assert_eq!(credits[&VaultKey::Asset(31)], 10_000);
		assert_eq!(credits[&VaultKey::Asset(40)], 50_000);
		// Model 22 is evaluated too, but nobody holds its evaluators' vault.
		assert_eq!(credits[&VaultKey::Evaluators(10)], 15_000);
		assert_eq!(credits[&VaultKey::Evaluators(21)], 15_000);
		assert_eq!(credits.values().sum::<Balance>() + data, 950_000 + PLATFORM_FEE);
	});
}

#[test]
fn absent_parts_go_to_the_present_ones_when_an_agent_is_bare() {
	run(|| {
		// Present: platform 20, worker 300, base 80, author 50 of 450 thousandths.
		let (credits, data) = divide(BARE, 1, 450_000 + PLATFORM_FEE);
		assert_eq!(data, 0);
		assert_eq!(credits[&VaultKey::Platform], 20_000 + PLATFORM_FEE);
		assert_eq!(credits[&OPERATORS], 300_000);
		assert_eq!(credits[&VaultKey::Asset(10)], 80_000);
		assert_eq!(credits[&VaultKey::Asset(41)], 50_000);
		assert_eq!(credits.len(), 4);
	});
}

#[test]
fn platform_takes_no_more_than_the_fee_when_requests_are_cheap() {
	run(|| {
		let (credits, data) = divide(PLAIN, 10, 10 * PLATFORM_FEE - 1);
		assert_eq!(data, 0);
		assert_eq!(credits, BTreeMap::from([(VaultKey::Platform, 10 * PLATFORM_FEE - 1)]));
		assert_eq!(divide(PLAIN, 0, 0), (BTreeMap::new(), 0));
	});
}

#[test]
fn credits_of_agents_are_added_up_when_they_share_assets() {
	run(|| {
		open(1, 50_000_000);
		let charges = [charge(1, &[(0, 1, 450_000 + PLATFORM_FEE), (1, 1, 700_000 + PLATFORM_FEE)])];
		assert_ok!(Worker::default().submit(&[BARE, PLAIN], &charges));
		let money = crate::PendingBatches::<Test>::get(OPERATOR, 0).unwrap();
		let credits: BTreeMap<_, _> = money.credits.into_iter().collect();
		assert_eq!(credits[&VaultKey::Asset(10)], 160_000);
		assert_eq!(credits[&OPERATORS], 600_000);
		assert_eq!(money.data, 250_000);
	});
}
