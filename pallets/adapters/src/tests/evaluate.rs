//! Evaluators and their reports.

use crate::{mock::*, Error, EvaluatorList, Event, Reports, MAX_EVALUATORS, MAX_METRICS, MAX_REPORTS};
use frame::testing_prelude::*;
use pallet_registry::mocking::MockVaults;
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::AccountId32};
use proptest::prelude::{any, prop, proptest, ProptestConfig};
use tributary_primitives::{traits::VaultHolders, views::EvaluationView, AssetRef, VaultKey};

type RegistryError = pallet_registry::Error<Test>;

fn list(of: &[AccountId32]) -> EvaluatorList<AccountId32> {
	of.to_vec().try_into().unwrap()
}

fn name(of: &[AccountId32]) {
	assert_ok!(Adapters::set_evaluators(signed(ALICE), ADAPTER, list(of)));
}

fn report(who: &AccountId32, metric: &str, score: i64) -> DispatchResult {
	Adapters::report(signed(who.clone()), ADAPTER, 1, BENCHMARK, text(metric), score, [6; 32])
}

fn scores() -> Vec<(AccountId32, Vec<u8>, i64)> {
	let evaluations = Adapters::evaluations(ADAPTER).into_iter();
	evaluations.map(|one| (one.evaluator.into(), one.metric, one.score)).collect()
}

#[test]
fn set_evaluators_names_who_may_report_when_owner_signs() {
	test(|| {
		name(&[BOB, EVE]);
		assert_eq!(Adapters::evaluators(ADAPTER), vec![BOB, EVE]);
		System::assert_last_event(Event::EvaluatorsSet { asset: ADAPTER, evaluators: vec![BOB, EVE] }.into());
		assert_eq!(MockVaults::total_weight(VaultKey::Evaluators(ADAPTER)), 0);
	});
}

#[test]
fn set_evaluators_ends_income_when_an_evaluator_is_dropped() {
	test(|| {
		name(&[BOB, EVE]);
		assert_ok!(report(&BOB, "perplexity", 1));
		assert_ok!(report(&EVE, "perplexity", 2));
		name(&[EVE]);
		assert_eq!((weight(ADAPTER, &BOB), weight(ADAPTER, &EVE)), (0, 1));
		assert_eq!(scores().len(), 2);
		name(&[BOB]);
		assert_eq!(weight(ADAPTER, &BOB), 0);
		assert_ok!(report(&BOB, "perplexity", 3));
		assert_eq!(weight(ADAPTER, &BOB), 1);
	});
}

#[test]
fn set_evaluators_is_refused_when_list_asset_or_signer_is_wrong() {
	test(|| {
		let set = |origin, asset, of: &[_]| Adapters::set_evaluators(origin, asset, list(of));
		assert_noop!(set(signed(ALICE), ADAPTER, &[BOB, BOB]), Error::<Test>::DuplicateEvaluator);
		assert_noop!(set(signed(BOB), ADAPTER, &[BOB]), RegistryError::NotOwner);
		assert_noop!(set(signed(ALICE), 9, &[BOB]), RegistryError::UnknownAsset);
		assert_noop!(set(RuntimeOrigin::none(), ADAPTER, &[BOB]), BadOrigin);
		let prompt = pallet_registry::NewVersion {
			content: [0; 32],
			hints: Default::default(),
			parents: Default::default(),
			extra_bytes: 0,
		};
		let kind = tributary_primitives::AssetKind::Prompt;
		let prompt = Registry::create(&ALICE, kind, text("p"), Default::default(), prompt).unwrap();
		assert_noop!(set(signed(ALICE), prompt, &[BOB]), Error::<Test>::NotEvaluable);
	});
}

#[test]
fn report_is_stored_and_earns_when_evaluator_is_named() {
	test(|| {
		name(&[BOB]);
		assert_ok!(report(&BOB, "perplexity", -12));
		let version = AssetRef { asset: ADAPTER, version: 1 };
		let metric = text("perplexity");
		System::assert_last_event(
			Event::Reported { version, evaluator: BOB, benchmark: BENCHMARK, metric, score: -12 }.into(),
		);
		assert_eq!(
			Adapters::evaluations(ADAPTER),
			vec![EvaluationView {
				version: 1,
				evaluator: [2; 32],
				benchmark: BENCHMARK,
				metric: b"perplexity".to_vec(),
				score: -12,
				report: [6; 32],
			}]
		);
		assert_eq!(weight(ADAPTER, &BOB), 1);
		assert!(held(&BOB) > 100);
	});
}

#[test]
fn report_replaces_the_earlier_one_when_metric_is_the_same() {
	test(|| {
		name(&[BOB]);
		assert_ok!(report(&BOB, "perplexity", 1));
		let deposit = held(&BOB);
		assert_ok!(report(&BOB, "perplexity", 2));
		assert_eq!(scores(), vec![(BOB, b"perplexity".to_vec(), 2)]);
		assert_eq!((held(&BOB), weight(ADAPTER, &BOB)), (deposit, 1));
	});
}

#[test]
fn report_is_refused_when_evaluator_metric_or_version_is_wrong() {
	test(|| {
		name(&[BOB, POOR]);
		assert_noop!(report(&EVE, "perplexity", 1), Error::<Test>::NotEvaluator);
		assert_noop!(report(&BOB, "", 1), Error::<Test>::BadMetric);
		assert_noop!(report(&POOR, "perplexity", 1), TokenError::FundsUnavailable);
		let on = |origin, asset, version| {
			Adapters::report(origin, asset, version, BENCHMARK, text("m"), 1, [0; 32])
		};
		assert_noop!(on(signed(BOB), ADAPTER, 2), RegistryError::UnknownVersion);
		assert_noop!(on(signed(BOB), 9, 1), RegistryError::UnknownAsset);
		assert_noop!(on(RuntimeOrigin::none(), ADAPTER, 1), BadOrigin);
		let bytes = vec![0xff].try_into().unwrap();
		assert_noop!(
			Adapters::report(signed(BOB), ADAPTER, 1, BENCHMARK, bytes, 1, [0; 32]),
			Error::<Test>::BadMetric
		);
	});
}

#[test]
fn report_is_refused_when_vault_weight_overflows() {
	test(|| {
		name(&[BOB]);
		MockVaults::set_weight(VaultKey::Evaluators(ADAPTER), EVE.as_ref(), u64::MAX).unwrap();
		assert_noop!(report(&BOB, "perplexity", 1), Error::<Test>::Overflow);
		MockVaults::set_weight(VaultKey::Evaluators(ADAPTER), EVE.as_ref(), 0).unwrap();
	});
}

#[test]
fn report_is_refused_when_evaluator_has_used_its_metrics() {
	test(|| {
		name(&[BOB]);
		for metric in 0..MAX_METRICS {
			assert_ok!(report(&BOB, &format!("metric {metric}"), 1));
		}
		assert_noop!(report(&BOB, "one more", 1), Error::<Test>::TooManyReports);
		assert_ok!(report(&BOB, "metric 0", 2));
	});
}

#[test]
fn report_displaces_a_former_evaluator_when_the_list_is_full() {
	test(|| {
		let evaluators: Vec<_> = (1..=MAX_EVALUATORS).map(|n| AccountId32::new([n as u8; 32])).collect();
		name(&evaluators);
		for evaluator in &evaluators {
			for metric in 0..MAX_METRICS {
				assert_ok!(report(evaluator, &format!("metric {metric}"), 1));
			}
		}
		assert_eq!(scores().len(), MAX_REPORTS as usize);
		let (former, new) = (evaluators[2].clone(), AccountId32::new([20; 32]));
		let next: Vec<_> =
			evaluators.iter().filter(|one| **one != former).cloned().chain([new.clone()]).collect();
		name(&next);
		let deposit = held(&former);
		assert_ok!(report(&new, "perplexity", 1));
		assert_eq!(scores().len(), MAX_REPORTS as usize);
		assert!(held(&former) < deposit);
		let removed = Event::ReportRemoved {
			version: AssetRef { asset: ADAPTER, version: 1 },
			evaluator: former,
			metric: text("metric 0"),
		};
		System::assert_has_event(removed.into());
	});
}

#[test]
fn withdraw_report_returns_the_deposit_when_it_is_ones_own() {
	test(|| {
		name(&[BOB]);
		assert_ok!(report(&BOB, "perplexity", 1));
		assert_ok!(report(&BOB, "accuracy", 1));
		assert_ok!(Adapters::withdraw_report(signed(BOB), ADAPTER, 1, text("perplexity")));
		assert_eq!(scores(), vec![(BOB, b"accuracy".to_vec(), 1)]);
		assert_ok!(Adapters::withdraw_report(signed(BOB), ADAPTER, 1, text("accuracy")));
		assert_eq!(held(&BOB), 0);
		assert!(!Reports::<Test>::contains_key(ADAPTER, 1));
	});
}

#[test]
fn withdraw_report_ends_income_when_it_was_the_last() {
	test(|| {
		assert_ok!(Adapters::add_version(
			signed(ALICE),
			ADAPTER,
			[5; 32],
			Default::default(),
			Default::default(),
			Some(training()),
		));
		name(&[BOB]);
		assert_ok!(report(&BOB, "perplexity", 1));
		assert_ok!(Adapters::report(signed(BOB), ADAPTER, 2, BENCHMARK, text("perplexity"), 1, [6; 32]));
		assert_ok!(Adapters::withdraw_report(signed(BOB), ADAPTER, 1, text("perplexity")));
		assert_eq!(weight(ADAPTER, &BOB), 1);
		assert_ok!(Adapters::withdraw_report(signed(BOB), ADAPTER, 2, text("perplexity")));
		assert_eq!(weight(ADAPTER, &BOB), 0);
		assert_ok!(report(&BOB, "perplexity", 2));
		assert_eq!(weight(ADAPTER, &BOB), 1);
	});
}

#[test]
fn withdraw_report_is_refused_when_it_is_unknown_or_anothers() {
	test(|| {
		name(&[BOB, EVE]);
		assert_ok!(report(&BOB, "perplexity", 1));
		let withdraw = |origin, metric| Adapters::withdraw_report(origin, ADAPTER, 1, text(metric));
		assert_noop!(withdraw(signed(EVE), "perplexity"), Error::<Test>::UnknownReport);
		assert_noop!(withdraw(signed(BOB), "accuracy"), Error::<Test>::UnknownReport);
		assert_noop!(withdraw(RuntimeOrigin::none(), "perplexity"), BadOrigin);
	});
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(32))]
	#[test]
	fn evaluations_keep_their_invariants_when_steps_are_random(
		steps in prop::collection::vec((any::<u8>(), 1u8..20, 0u8..6), 1..80)
	) {
		test(|| {
			for (action, number, metric) in steps {
				let who = AccountId32::new([number; 32]);
				let metric = format!("metric {metric}");
				let _ = match action % 4 {
					0 => {
						let named: Vec<_> = (number..20).take(8).map(|n| AccountId32::new([n; 32])).collect();
						Adapters::set_evaluators(signed(ALICE), ADAPTER, list(&named))
					},
					1 | 2 => report(&who, &metric, number.into()),
					_ => Adapters::withdraw_report(signed(who), ADAPTER, 1, text(&metric)),
				};
				Adapters::do_try_state().unwrap();
			}
		});
	}
}
