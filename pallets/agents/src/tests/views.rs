//! What users read.

use crate::{mock::*, Composition};
use pallet_registry::mocking::MockVaults;
use tributary_primitives::{traits::VaultHolders, views::AgentView, VaultKey, PPM};

#[test]
fn agent_shows_its_parts_when_it_is_known() {
	test(|| {
		compose("poet", composition()).unwrap();
		let expected = AgentView {
			agent: first(AGENT),
			name: b"poet".to_vec(),
			owner: [2; 32],
			price: FLOOR,
			base: first(BASE),
			adapters: vec![(first(ADAPTER), PPM)],
			prompts: vec![first(PROMPT)],
			datanets: vec![snapshot(0), snapshot(1)],
			tools: vec![Tools::tool(TOOL, None).unwrap()],
			skills: vec![skill().into()],
			retired: false,
			evaluated: vec![],
			staked: false,
		};
		assert_eq!(Agents::agent(AGENT, None), Some(expected.clone()));
		assert_eq!(Agents::agent(AGENT, Some(1)), Some(expected));
		assert_eq!(Agents::agent(AGENT, Some(2)), None);
		assert_eq!(Agents::agent(PROMPT, None), None);
		assert_eq!(Agents::agent(99, None), None);
	});
}

#[test]
fn agent_shows_the_named_version_when_there_are_newer_ones() {
	test(|| {
		compose("poet", composition()).unwrap();
		let bare = Composition { prompts: Default::default(), ..composition() };
		Agents::recompose(signed(BOB), AGENT, bare).unwrap();
		assert_eq!(Agents::agent(AGENT, Some(1)).unwrap().prompts.len(), 1);
		assert_eq!(Agents::agent(AGENT, None).unwrap().agent.version, 2);
		assert!(Agents::agent(AGENT, None).unwrap().prompts.is_empty());
	});
}

#[test]
fn agent_is_staked_when_somebody_holds_the_stakers_vault() {
	test(|| {
		compose("poet", composition()).unwrap();
		assert!(!Agents::agent(AGENT, None).unwrap().staked);
		MockVaults::set_weight(VaultKey::Stakers, ALICE.as_ref(), 1).unwrap();
		assert!(Agents::agent(AGENT, None).unwrap().staked);
	});
}

#[test]
fn agents_are_paged_by_id_when_other_assets_lie_between() {
	test(|| {
		for name in ["a", "b", "c"] {
			compose(name, composition()).unwrap();
			create_prompt();
		}
		let ids = |start, limit| -> Vec<_> {
			Agents::agents(start, limit).into_iter().map(|agent| agent.agent.asset).collect()
		};
		assert_eq!(ids(0, u32::MAX), vec![4, 6, 8]);
		assert_eq!(ids(4, 2), vec![4, 6]);
		assert_eq!(ids(5, 2), vec![6, 8]);
		assert_eq!(ids(8, 2), vec![8]);
		assert!(ids(9, 2).is_empty());
		assert!(ids(0, 0).is_empty());
	});
}
