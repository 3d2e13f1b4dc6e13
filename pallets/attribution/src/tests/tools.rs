//! Tool calls and skills in batches.

use super::*;
use std::collections::BTreeMap;
use tributary_primitives::{views::AgentTotal, SkillSet, VaultKey};

type Sums = BTreeMap<VaultKey, Balance>;

/// Credits and totals of the newest batch.
fn settled() -> (Sums, Vec<AgentTotal>) {
	let sequence = Attribution::settlement(OPERATOR).next_sequence - 1;
	let money = crate::PendingBatches::<Test>::get(OPERATOR, sequence).unwrap();
	(money.credits.into_iter().collect(), Attribution::batch(OPERATOR, sequence).unwrap().agents)
}

fn refused(agents: &[Served], charge: ChannelCharge, error: Error<Test>) {
	let header = header(0, std::slice::from_ref(&charge), SumNode::default());
	assert_noop!(submit(header, agents, &[charge]), error);
}

fn tooled() -> Served {
	TOOLED.into()
}

#[test]
fn tools_are_paid_their_calls_whole_and_a_part_of_the_rest_when_they_were_called() {
	run(|| {
		open(1, 10_000_000);
		// 3 calls of 700 and 5 of 40, the latter 20% to its parent; 2 records at the platform fee.
		let calls = 2_100 + 200;
		let fee = calls + 2 * PLATFORM_FEE + 500_000;
		assert_ok!(Worker::default().submit(&[tooled()], &[charge_calls(1, 2, fee, &[(0, 3), (1, 5)])]));
		let (credits, totals) = settled();
		assert_eq!(totals, vec![AgentTotal { served: tooled(), records: 2, fee, tools: calls, data: 0 }]);
		// Present: platform 20, worker 300, base 80, tools 50, author 50 of 500 thousandths.
		assert_eq!(credits[&VaultKey::Platform], 20_000 + 2 * PLATFORM_FEE);
		assert_eq!(credits[&VaultKey::Asset(10)], 80_000);
		assert_eq!(credits[&VaultKey::Asset(TOOLED.asset)], 50_000);
		// The tools' 50,000 by what their calls cost: 2,100 to 200. A parent's part is rounded down.
		let (first, second) = (45_652, 4_348);
		assert_eq!(credits[&VaultKey::Asset(51)], 160 + second - 869);
		assert_eq!(credits[&VaultKey::Asset(50)], 2_100 + first + 40 + 869);
		assert_eq!(credits.get(&VaultKey::Asset(52)), None);
		assert_eq!(credits.values().sum::<Balance>(), fee);
	});
}

#[test]
fn tools_share_equally_when_all_that_were_called_are_free() {
	run(|| {
		open(1, 10_000_000);
		let fee = 500_000 + PLATFORM_FEE;
		assert_ok!(Worker::default().submit(&[tooled()], &[charge_calls(1, 1, fee, &[(2, 9)])]));
		let (credits, totals) = settled();
		assert_eq!((totals[0].tools, credits[&VaultKey::Asset(52)]), (0, 50_000));
		assert_eq!(credits.get(&VaultKey::Asset(50)), None);
	});
}

#[test]
fn tools_are_paid_nothing_when_none_was_called() {
	run(|| {
		open(1, 10_000_000);
		let fee = 450_000 + PLATFORM_FEE;
		assert_ok!(Worker::default().submit(&[tooled()], &[charge(1, &[(0, 1, fee)])]));
		let (credits, _) = settled();
		for tool in [50, 51, 52] {
			assert_eq!(credits.get(&VaultKey::Asset(tool)), None);
		}
		assert_eq!(credits[&VaultKey::Asset(10)], 80_000);
	});
}

#[test]
fn tools_are_paid_before_the_platform_when_its_fee_was_raised() {
	run(|| {
		open(1, 10_000_000);
		let fee = 700 + PLATFORM_FEE / 2;
		assert_ok!(Worker::default().submit(&[tooled()], &[charge_calls(1, 1, fee, &[(0, 1)])]));
		let (credits, _) = settled();
		assert_eq!(credits, Sums::from([(VaultKey::Platform, PLATFORM_FEE / 2), (VaultKey::Asset(50), 700)]));
	});
}

#[test]
fn calls_of_channels_are_summed_and_failed_ones_count_nothing_when_a_batch_settles() {
	run(|| {
		(1..=3).for_each(|payer| {
			open(payer, 10_000_000);
		});
		let mut charges = [
			charge_calls(1, 1, 100_000, &[(0, 2)]),
			charge_calls(2, 1, 100_000, &[(0, 1), (1, 1)]),
			charge_calls(3, 1, 100_000, &[(0, 9), (2, 1)]),
		];
		charges[2].signature[0] ^= 1;
		assert_ok!(Worker::default().submit(&[skilled()], &charges));
		let (credits, totals) = settled();
		assert_eq!((totals[0].records, totals[0].fee, totals[0].tools), (2, 200_000, 3 * 700 + 40));
		assert_eq!(credits.get(&VaultKey::Asset(52)), None);
		assert_eq!(credits.values().sum::<Balance>() + totals[0].data, 200_000);
	});
}

#[test]
fn skills_of_a_version_are_split_apart_when_listed_beside_each_other() {
	run(|| {
		open(1, 10_000_000);
		let fee = 450_000 + PLATFORM_FEE;
		let charges = [charge(1, &[(0, 1, fee), (1, 1, fee)])];
		assert_ok!(Worker::default().submit(&[tooled(), skilled()], &charges));
		let (credits, totals) = settled();
		assert_eq!((totals[0].served, totals[0].data), (tooled(), 0));
		assert_eq!(totals[1].served, skilled());
		assert!(totals[1].data > 0 && credits.contains_key(&VaultKey::Asset(21)));
	});
}

#[test]
fn batch_is_refused_when_it_names_skills_that_the_version_lacks() {
	run(|| {
		open(1, 10_000_000);
		let unknown = Served { agent: TOOLED, skills: SkillSet(0b10) };
		refused(&[unknown], charge(1, &[(0, 1, 9_000)]), Error::UnknownAgent);
		refused(&[tooled(), tooled()], charge(1, &[(0, 1, 9_000)]), Error::DuplicateAgent);
	});
}

#[test]
fn batch_is_refused_when_calls_are_unsorted_repeated_empty_or_of_no_tool() {
	run(|| {
		open(1, 10_000_000);
		for used in [&[(1, 1), (0, 1)][..], &[(1, 1), (1, 1)], &[(0, 0)], &[(3, 1)], &[(255, 1)]] {
			refused(&[tooled()], charge_calls(1, 1, 9_000, used), Error::InvalidCalls);
		}
		refused(&[PLAIN.into()], charge_calls(1, 1, 9_000, &[(0, 1)]), Error::InvalidCalls);
	});
}

#[test]
fn batch_is_refused_when_fees_do_not_pay_for_the_calls() {
	run(|| {
		open(1, 10_000_000);
		refused(&[tooled()], charge_calls(1, 1, 699, &[(0, 1)]), Error::CallsExceedFee);
		refused(&[tooled()], charge_calls(1, 1, 10_000, &[(0, 15)]), Error::CallsExceedFee);
		assert_ok!(Worker::default().submit(&[tooled()], &[charge_calls(1, 1, 700, &[(0, 1)])]));
	});
}

#[test]
fn batch_is_refused_when_the_price_of_calls_overflows() {
	run(|| {
		open(1, 10_000_000);
		let mut parts = Table::parts(tooled()).unwrap();
		parts.tools[0].price = Balance::MAX;
		Table::insert(TOOLED, parts);
		refused(&[tooled()], charge_calls(1, 1, 9_000, &[(0, 2)]), Error::CallsExceedFee);
		refused(&[tooled()], charge_calls(1, 1, 9_000, &[(0, 1), (1, 1)]), Error::CallsExceedFee);
	});
}
