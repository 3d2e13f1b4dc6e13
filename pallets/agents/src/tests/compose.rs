//! Composing and recomposing.

use crate::{mock::*, Composition, Compositions, Error, Event, Skill, MAX_SCALE};
use frame::testing_prelude::*;
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{hash::tagged, AssetKind, AssetRef, Ppm, SnapshotRef, PPM};

type RegistryError = pallet_registry::Error<Test>;

fn refused(composition: Composition, error: impl Into<DispatchError>) {
	let error = error.into();
	assert_noop!(compose("agent", composition.clone()), error);
	assert_ok!(compose("other", Composition { base: first(BASE), ..empty() }));
	let other = Agents::by_name(text("other")).unwrap();
	assert_noop!(Agents::recompose(signed(BOB), other, composition), error);
}

fn empty() -> Composition {
	Composition {
		base: first(BASE),
		adapters: Default::default(),
		prompts: Default::default(),
		datanets: Default::default(),
		tools: Default::default(),
		skills: Default::default(),
		price: FLOOR,
	}
}

/// Everything but skills, whose masks would no longer fit.
fn plain() -> Composition {
	Composition { skills: Default::default(), ..composition() }
}

fn tools(of: &[AssetRef]) -> Composition {
	Composition { tools: of.to_vec().try_into().unwrap(), ..composition() }
}

fn skilled(skill: Skill) -> Composition {
	Composition { skills: vec![skill].try_into().unwrap(), ..composition() }
}

fn adapters(of: &[(AssetRef, Ppm)]) -> Composition {
	Composition { adapters: of.to_vec().try_into().unwrap(), ..plain() }
}

fn prompts(of: &[AssetRef]) -> Composition {
	Composition { prompts: of.to_vec().try_into().unwrap(), ..plain() }
}

fn datanets(of: &[SnapshotRef]) -> Composition {
	Composition { datanets: of.to_vec().try_into().unwrap(), ..plain() }
}

#[test]
fn compose_registers_agent_when_parts_fit() {
	test(|| {
		assert_ok!(compose("river-poet", composition()));
		System::assert_last_event(Event::Composed { agent: first(AGENT), name: text("river-poet") }.into());
		assert_eq!(Registry::get(AGENT).unwrap().kind, AssetKind::Agent);
		assert_eq!(Compositions::<Test>::get(AGENT, 1), Some(composition()));
		assert_eq!(Agents::by_name(text("river-poet")), Some(AGENT));
		let content = Registry::version(first(AGENT)).unwrap().content;
		assert_eq!(content, tagged("tributary/composition", &composition()));
	});
}

#[test]
fn compose_deposit_covers_the_composition_when_it_is_longer() {
	test(|| {
		assert_ok!(compose("small", empty()));
		assert_ok!(compose("large", composition()));
		let more = composition().encoded_size() - empty().encoded_size();
		assert_eq!(Registry::deposit(AGENT + 1) - Registry::deposit(AGENT), more as u128);
	});
}

#[test]
fn compose_is_refused_when_name_is_no_model_name() {
	test(|| {
		for name in ["", "Poet", "river poet", "pöt", "a\n", "a?b"] {
			assert_noop!(compose(name, composition()), Error::<Test>::BadName);
		}
		assert_ok!(compose("org/poet:v1.2_x-3", composition()));
	});
}

#[test]
fn compose_is_refused_when_name_is_taken() {
	test(|| {
		assert_ok!(compose("poet", composition()));
		assert_noop!(compose("poet", composition()), Error::<Test>::NameTaken);
		assert_ok!(Registry::retire(signed(BOB), AGENT));
		assert_noop!(compose("poet", composition()), Error::<Test>::NameTaken);
	});
}

#[test]
fn compose_is_refused_when_a_part_is_unknown() {
	test(|| {
		let unknown = AssetRef { asset: 99, version: 1 };
		refused(Composition { base: unknown, ..composition() }, RegistryError::UnknownAsset);
	});
	test(|| {
		refused(adapters(&[(AssetRef { version: 2, ..first(ADAPTER) }, PPM)]), RegistryError::UnknownVersion)
	});
	test(|| refused(prompts(&[AssetRef { version: 0, ..first(PROMPT) }]), RegistryError::UnknownVersion));
	test(|| refused(datanets(&[SnapshotRef { version: 2, ..snapshot(0) }]), Error::<Test>::UnknownSnapshot));
	test(|| refused(tools(&[AssetRef { version: 2, ..first(TOOL) }]), RegistryError::UnknownVersion));
}

#[test]
fn compose_is_refused_when_a_part_is_of_another_kind() {
	test(|| refused(Composition { base: first(ADAPTER), ..composition() }, RegistryError::WrongKind));
	test(|| refused(adapters(&[(first(PROMPT), PPM)]), RegistryError::WrongKind));
	test(|| refused(prompts(&[first(BASE)]), RegistryError::WrongKind));
	test(|| refused(tools(&[first(PROMPT)]), RegistryError::WrongKind));
}

#[test]
fn compose_is_refused_when_a_part_is_retired() {
	for part in [ADAPTER, PROMPT, TOOL] {
		test(|| {
			assert_ok!(Registry::retire(signed(ALICE), part));
			refused(composition(), RegistryError::Retired);
		});
	}
	test(|| {
		assert_ok!(Registry::retire(signed(ALICE), BASE));
		assert_noop!(compose("agent", composition()), RegistryError::Retired);
	});
}

#[test]
fn compose_is_refused_when_adapter_runs_on_another_base() {
	test(|| {
		register_base();
		register_adapter(4);
		refused(adapters(&[(first(5), PPM)]), Error::<Test>::ForeignBase);
	});
}

#[test]
fn compose_is_refused_when_scale_is_out_of_bounds() {
	for scale in [0, MAX_SCALE + 1] {
		test(|| refused(adapters(&[(first(ADAPTER), scale)]), Error::<Test>::BadScale));
	}
	test(|| {
		assert_ok!(compose("strong", adapters(&[(first(ADAPTER), MAX_SCALE)])));
	});
}

#[test]
fn compose_is_refused_when_a_part_is_there_twice() {
	test(|| refused(adapters(&[(first(ADAPTER), 1), (first(ADAPTER), 2)]), Error::<Test>::Duplicate));
	test(|| refused(prompts(&[first(PROMPT), first(PROMPT)]), Error::<Test>::Duplicate));
	test(|| refused(tools(&[first(TOOL), first(TOOL)]), Error::<Test>::Duplicate));
	test(|| {
		take_snapshot(0);
		refused(
			datanets(&[snapshot(0), SnapshotRef { version: 2, ..snapshot(0) }]),
			Error::<Test>::Duplicate,
		);
	});
}

#[test]
fn compose_is_refused_when_a_skill_is_without_text_or_bounds() {
	test(|| refused(skilled(Skill { description: text(""), ..skill() }), Error::<Test>::BadDescription));
	test(|| {
		let description = vec![0xff].try_into().unwrap();
		refused(skilled(Skill { description, ..skill() }), Error::<Test>::BadDescription);
	});
	for threshold in [-1_000_001, 1_000_001, i32::MIN, i32::MAX] {
		test(|| refused(skilled(Skill { threshold, ..skill() }), Error::<Test>::BadThreshold));
	}
	test(|| {
		assert_ok!(compose("any", skilled(Skill { threshold: -1_000_000, ..skill() })));
		assert_ok!(compose("none", skilled(Skill { threshold: 1_000_000, ..skill() })));
	});
}

#[test]
fn compose_is_refused_when_a_skill_names_no_part_or_one_too_many() {
	let nothing = Skill { adapters: 0, prompts: 0, datanets: 0, ..skill() };
	test(|| refused(skilled(nothing.clone()), Error::<Test>::EmptySkill));
	for mask in [0b10, 0b1000_0000] {
		test(|| refused(skilled(Skill { adapters: mask, ..skill() }), Error::<Test>::ForeignSkill));
		test(|| refused(skilled(Skill { prompts: mask, ..skill() }), Error::<Test>::ForeignSkill));
	}
	test(|| refused(skilled(Skill { datanets: 0b100, ..skill() }), Error::<Test>::ForeignSkill));
	test(|| {
		assert_ok!(compose("full", skilled(Skill { adapters: 1, prompts: 1, datanets: 3, ..skill() })));
	});
}

#[test]
fn compose_is_refused_when_deposit_or_signature_is_missing() {
	test(|| {
		let compose = |origin| Agents::compose(origin, text("poet"), composition());
		assert_noop!(compose(signed(POOR)), TokenError::FundsUnavailable);
		assert_noop!(compose(RuntimeOrigin::none()), BadOrigin);
	});
}

#[test]
fn compose_is_refused_when_agents_are_used_up() {
	test(|| {
		crate::AgentCount::<Test>::put(u32::MAX);
		assert_noop!(compose("poet", composition()), Error::<Test>::Overflow);
		crate::AgentCount::<Test>::put(0);
	});
}

#[test]
fn recompose_adds_a_version_when_author_signs() {
	test(|| {
		assert_ok!(compose("poet", composition()));
		assert_ok!(Agents::recompose(signed(BOB), AGENT, empty()));
		let second = AssetRef { asset: AGENT, version: 2 };
		System::assert_last_event(Event::Composed { agent: second, name: text("poet") }.into());
		assert_eq!(Compositions::<Test>::get(AGENT, 1), Some(composition()));
		assert_eq!(Compositions::<Test>::get(AGENT, 2), Some(empty()));
	});
}

#[test]
fn recompose_is_refused_when_agent_or_signer_is_wrong() {
	test(|| {
		assert_ok!(compose("poet", composition()));
		let recompose = |origin, agent| Agents::recompose(origin, agent, empty());
		assert_noop!(recompose(signed(ALICE), AGENT), RegistryError::NotOwner);
		assert_noop!(recompose(signed(ALICE), PROMPT), RegistryError::WrongKind);
		assert_noop!(recompose(signed(BOB), 99), RegistryError::UnknownAsset);
		assert_noop!(recompose(RuntimeOrigin::none(), AGENT), BadOrigin);
		assert_ok!(Registry::retire(signed(BOB), AGENT));
		assert_noop!(recompose(signed(BOB), AGENT), RegistryError::Retired);
	});
}
