//! What the attribution pallet learns about an agent.

use crate::mock::*;
use frame::testing_prelude::*;
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{
	fee::Price,
	traits::{AgentParts, Part},
	AssetId, AssetRef, SnapshotRef,
};

fn own(asset: AssetId) -> tributary_primitives::royalty::Payees {
	Registry::payees(first(asset)).unwrap()
}

#[test]
fn parts_name_payees_and_weights_when_agent_is_complete() {
	test(|| {
		assert_ok!(compose("poet", composition()));
		let parts = <Agents as AgentParts>::parts(first(AGENT)).unwrap();
		assert_eq!((parts.agent, parts.base), (own(AGENT), own(BASE)));
		assert_eq!(parts.adapters, vec![Part { weight: 7, payees: own(ADAPTER) }]);
		assert_eq!(parts.prompts, vec![Part { weight: 11, payees: own(PROMPT) }]);
		assert_eq!(parts.datanets, vec![0, 1]);
		assert!(parts.evaluated.is_empty());
	});
}

#[test]
fn parts_name_the_lineage_when_a_prompt_is_a_fork() {
	test(|| {
		let fork = Prompts::fork(
			signed(BOB),
			first(PROMPT),
			text("fork"),
			[4; 32],
			Default::default(),
			Price::default(),
		);
		assert_ok!(fork);
		let forked = crate::Composition { prompts: vec![first(3)].try_into().unwrap(), ..composition() };
		assert_ok!(compose("poet", forked));
		let parts = <Agents as AgentParts>::parts(first(4)).unwrap();
		let payees: Vec<_> = parts.prompts[0].payees.iter().map(|payee| (payee.asset, payee.share)).collect();
		assert_eq!(payees, vec![(3, 800_000), (PROMPT, 200_000)]);
	});
}

#[test]
fn parts_name_evaluated_models_when_somebody_reported() {
	test(|| {
		assert_ok!(compose("poet", composition()));
		let evaluators = vec![BOB].try_into().unwrap();
		assert_ok!(Adapters::set_evaluators(signed(ALICE), ADAPTER, evaluators));
		let evaluated = || <Agents as AgentParts>::parts(first(AGENT)).unwrap().evaluated;
		assert!(evaluated().is_empty());
		let benchmark = SnapshotRef { datanet: 0, version: 1 };
		assert_ok!(Adapters::report(signed(BOB), ADAPTER, 1, benchmark, text("perplexity"), 1, [0; 32]));
		assert_eq!(evaluated(), vec![ADAPTER]);
		assert!(Agents::agent(AGENT, None).unwrap().evaluated);
		assert_ok!(Adapters::set_evaluators(signed(ALICE), ADAPTER, Default::default()));
		assert!(evaluated().is_empty());
	});
}

#[test]
fn parts_are_still_known_when_agent_and_parts_are_retired() {
	test(|| {
		assert_ok!(compose("poet", composition()));
		for (owner, asset) in [(BOB, AGENT), (ALICE, BASE), (ALICE, ADAPTER), (ALICE, PROMPT)] {
			assert_ok!(Registry::retire(signed(owner), asset));
		}
		assert!(<Agents as AgentParts>::parts(first(AGENT)).is_some());
	});
}

#[test]
fn parts_are_none_when_agent_version_is_unknown() {
	test(|| {
		assert_ok!(compose("poet", composition()));
		assert_eq!(<Agents as AgentParts>::parts(AssetRef { asset: AGENT, version: 2 }), None);
		assert_eq!(<Agents as AgentParts>::parts(first(PROMPT)), None);
	});
}
