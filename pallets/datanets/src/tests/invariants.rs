//! What must hold after any calls.

use crate::{mock::*, Decision, HoldReason, Review};
use frame::testing_prelude::*;
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::AccountId32};
use proptest::prelude::{any, prop, prop_oneof, proptest, ProptestConfig, Strategy};
use tributary_primitives::DataNetId;

#[derive(Clone, Debug)]
enum Step {
	Contribute { who: bool, datanet: DataNetId, numbers: Vec<u32> },
	Review { decisions: Vec<(u32, bool)> },
	Snapshot { datanet: DataNetId },
	Tombstone { who: bool, datanet: DataNetId, index: u32 },
	Withdraw { who: bool, datanet: DataNetId, index: u32 },
}

fn step() -> impl Strategy<Value = Step> {
	let datanet = || 0u32..2;
	prop_oneof![
		(any::<bool>(), datanet(), prop::collection::vec(0u32..40, 0..6))
			.prop_map(|(who, datanet, numbers)| Step::Contribute { who, datanet, numbers }),
		prop::collection::vec((0u32..20, any::<bool>()), 0..4)
			.prop_map(|decisions| Step::Review { decisions }),
		datanet().prop_map(|datanet| Step::Snapshot { datanet }),
		(any::<bool>(), datanet(), 0u32..20).prop_map(|(who, datanet, index)| Step::Tombstone {
			who,
			datanet,
			index
		}),
		(any::<bool>(), datanet(), 0u32..20).prop_map(|(who, datanet, index)| Step::Withdraw {
			who,
			datanet,
			index
		}),
	]
}

fn account(who: bool) -> AccountId32 {
	if who {
		ALICE
	} else {
		BOB
	}
}

/// Refusals are part of the test: they must change nothing.
fn run(step: Step) -> DispatchResult {
	match step {
		Step::Contribute { who, datanet, numbers } => {
			Datanets::contribute(signed(account(who)), datanet, items(numbers))
		}
		Step::Review { decisions } => {
			let decision = |(index, accept)| Decision {
				index,
				verdict: if accept { Review::Accept } else { Review::Reject(text("no")) },
			};
			let decisions: Vec<_> = decisions.into_iter().map(decision).collect();
			Datanets::review(signed(CURATOR), CURATED, decisions.try_into().unwrap())
		}
		Step::Snapshot { datanet } => Datanets::snapshot(signed(OWNER), datanet),
		Step::Tombstone { who, datanet, index } => Datanets::tombstone(signed(account(who)), datanet, index),
		Step::Withdraw { who, datanet, index } => Datanets::withdraw(signed(account(who)), datanet, index),
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]
	#[test]
	fn datanets_keep_their_invariants_when_steps_are_random(steps in prop::collection::vec(step(), 1..60)) {
		test(|| {
			for step in steps {
				let _ = run(step);
				Datanets::do_try_state().unwrap();
			}
			for index in 0..Datanets::datanet(CURATED).unwrap().contributions {
				let _ = Datanets::withdraw(signed(ALICE), CURATED, index);
				let _ = Datanets::withdraw(signed(BOB), CURATED, index);
			}
			let kept = |datanet| Datanets::contributions(datanet, 0, u32::MAX).len();
			let held = held(HoldReason::Contribution, &ALICE) + held(HoldReason::Contribution, &BOB);
			assert_eq!(held > 0, kept(OPEN) + kept(CURATED) > 0);
		});
	}
}
