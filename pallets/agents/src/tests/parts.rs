//! What the attribution pallet learns about an agent.

use crate::mock::*;
use frame::testing_prelude::*;
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{
	fee::Price,
	traits::{AgentParts, Part, Parts, ToolPart},
	AssetId, AssetRef, Served, SkillSet, SnapshotRef,
};

fn own(asset: AssetId) -> tributary_primitives::royalty::Payees {
	Registry::payees(first(asset)).unwrap()
}

/// The parts of the first version of the first agent under a skill set.
fn parts(skills: u8) -> Option<Parts> {
	<Agents as AgentParts>::parts(Served { agent: first(AGENT), skills: SkillSet(skills) })
}

#[test]
fn parts_name_payees_and_weights_when_agent_is_complete() {
	test(|| {
		assert_ok!(compose("poet", composition()));
		let parts = parts(1).unwrap();
		assert_eq!((parts.agent, parts.base), (own(AGENT), own(BASE)));
		assert_eq!(parts.adapters, vec![Part { weight: 7, payees: own(ADAPTER) }]);
		assert_eq!(parts.prompts, vec![Part { weight: 11, payees: own(PROMPT) }]);
		assert_eq!(parts.datanets, vec![0, 1]);
		assert_eq!(parts.tools, vec![ToolPart { price: 30, payees: own(TOOL) }]);
		assert!(parts.evaluated.is_empty());
	});
}

#[test]
fn parts_are_the_active_ones_when_a_skill_is_not_used() {
	test(|| {
		assert_ok!(compose("poet", composition()));
		assert_ok!(Adapters::set_evaluators(signed(ALICE), ADAPTER, vec![BOB].try_into().unwrap()));
		let benchmark = SnapshotRef { datanet: 0, version: 1 };
		assert_ok!(Adapters::report(signed(BOB), ADAPTER, 1, benchmark, text("perplexity"), 1, [0; 32]));
		let without = parts(0).unwrap();
		assert!(without.adapters.is_empty() && without.evaluated.is_empty());
		assert_eq!((without.prompts.len(), without.tools.len()), (1, 1));
		assert_eq!(without.datanets, vec![0]);
		let with = parts(1).unwrap();
		assert_eq!((with.adapters.len(), with.evaluated), (1, vec![ADAPTER]));
		assert_eq!(with.datanets, vec![0, 1]);
	});
}

#[test]
fn parts_agree_with_the_view_when_skills_overlap() {
	test(|| {
		let both = crate::Skill { prompts: 1, datanets: 3, ..skill() };
		let skills = vec![skill(), both].try_into().unwrap();
		assert_ok!(compose("poet", crate::Composition { skills, ..composition() }));
		let view = Agents::agent(AGENT, None).unwrap();
		for set in 0..4 {
			let (parts, active) = (parts(set).unwrap(), view.active(SkillSet(set)).unwrap());
			let datanets: Vec<_> = active.datanets.iter().map(|snapshot| snapshot.datanet).collect();
			assert_eq!(parts.datanets, datanets);
			let presence = view.presence(SkillSet(set), false).unwrap();
			assert_eq!(presence.adapters, !parts.adapters.is_empty());
			assert_eq!(presence.prompts, !parts.prompts.is_empty());
			assert_eq!(presence.data, !parts.datanets.is_empty());
			assert_eq!(presence.evaluators, !parts.evaluated.is_empty());
		}
	});
}

#[test]
fn parts_are_none_when_the_set_names_a_skill_that_the_version_lacks() {
	test(|| {
		assert_ok!(compose("poet", composition()));
		assert!(parts(1).is_some());
		for set in [0b10, 0b11, 0b1000_0000] {
			assert_eq!(parts(set), None);
			assert_eq!(Agents::agent(AGENT, None).unwrap().active(SkillSet(set)), None);
		}
	});
}

#[test]
fn tools_keep_the_price_of_their_version_when_a_newer_one_is_dearer() {
	test(|| {
		assert_ok!(compose("poet", composition()));
		let (server, identity) = (text("stdio:git"), text("git 2.0"));
		assert_ok!(Tools::add_version(
			signed(ALICE),
			TOOL,
			server,
			identity,
			[5; 32],
			Default::default(),
			90
		));
		assert_eq!(parts(0).unwrap().tools[0].price, 30);
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
		let forked = crate::Composition { prompts: vec![first(4)].try_into().unwrap(), ..composition() };
		assert_ok!(compose("poet", forked));
		let parts = <Agents as AgentParts>::parts(first(5).into()).unwrap();
		let payees: Vec<_> = parts.prompts[0].payees.iter().map(|payee| (payee.asset, payee.share)).collect();
		assert_eq!(payees, vec![(4, 800_000), (PROMPT, 200_000)]);
	});
}

#[test]
fn parts_name_evaluated_models_when_somebody_reported() {
	test(|| {
		assert_ok!(compose("poet", composition()));
		let evaluators = vec![BOB].try_into().unwrap();
		assert_ok!(Adapters::set_evaluators(signed(ALICE), ADAPTER, evaluators));
		let evaluated = || parts(1).unwrap().evaluated;
		assert!(evaluated().is_empty());
		let benchmark = SnapshotRef { datanet: 0, version: 1 };
		assert_ok!(Adapters::report(signed(BOB), ADAPTER, 1, benchmark, text("perplexity"), 1, [0; 32]));
		assert_eq!(evaluated(), vec![ADAPTER]);
		assert_eq!(Agents::agent(AGENT, None).unwrap().evaluated, vec![ADAPTER]);
		assert_ok!(Adapters::set_evaluators(signed(ALICE), ADAPTER, Default::default()));
		assert!(evaluated().is_empty());
	});
}

#[test]
fn parts_are_still_known_when_agent_and_parts_are_retired() {
	test(|| {
		assert_ok!(compose("poet", composition()));
		for (owner, asset) in [(BOB, AGENT), (ALICE, BASE), (ALICE, ADAPTER), (ALICE, PROMPT), (ALICE, TOOL)]
		{
			assert_ok!(Registry::retire(signed(owner), asset));
		}
		assert!(parts(1).is_some());
	});
}

#[test]
fn parts_are_none_when_agent_version_is_unknown() {
	test(|| {
		assert_ok!(compose("poet", composition()));
		assert_eq!(<Agents as AgentParts>::parts(AssetRef { asset: AGENT, version: 2 }.into()), None);
		assert_eq!(<Agents as AgentParts>::parts(first(PROMPT).into()), None);
	});
}
