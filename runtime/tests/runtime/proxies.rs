//! What each type of proxy may do.

use codec::Encode;
use polkadot_sdk::{
	frame_support::traits::InstanceFilter,
	frame_system, pallet_balances, pallet_collective, pallet_conviction_voting, pallet_preimage,
	pallet_proxy, pallet_referenda, pallet_safe_mode, pallet_session, pallet_treasury, pallet_tx_pause,
	pallet_utility,
	sp_runtime::{AccountId32, MultiAddress},
};
use tributary_primitives::VaultKey;
use tributary_runtime::{configs::ProxyType, RuntimeCall};

const ALL: [ProxyType; 8] = [
	ProxyType::Any,
	ProxyType::NonTransfer,
	ProxyType::Contributor,
	ProxyType::Curator,
	ProxyType::Author,
	ProxyType::Operator,
	ProxyType::Governance,
	ProxyType::Staking,
];

fn account() -> AccountId32 {
	AccountId32::new([1; 32])
}

fn allowed(call: RuntimeCall) -> Vec<ProxyType> {
	ALL.into_iter().filter(|proxy| proxy.filter(&call)).collect()
}

#[test]
fn transfer_is_for_any_only_when_proxied() {
	let call = pallet_balances::Call::transfer_all { dest: MultiAddress::Id(account()), keep_alive: false };
	assert_eq!(allowed(call.into()), [ProxyType::Any]);
}

#[test]
fn spending_on_answers_is_for_any_only_when_proxied() {
	let call = pallet_attribution::Call::top_up { worker: account(), amount: 1 };
	assert_eq!(allowed(call.into()), [ProxyType::Any]);
	let call = pallet_attribution::Call::set_session_key { worker: account(), session_key: Some([1; 32]) };
	assert_eq!(allowed(call.into()), [ProxyType::Any]);
}

#[test]
fn asking_for_a_grant_is_for_any_only_when_proxied() {
	let call =
		pallet_grants::Call::request { datanet: 0, purpose: tributary_primitives::Purpose::Train, most: 1 };
	assert_eq!(allowed(call.into()), [ProxyType::Any]);
	let call = pallet_grants::Call::announce { recipient: [1; 32] };
	assert_eq!(allowed(call.into()), [ProxyType::Any, ProxyType::NonTransfer]);
}

#[test]
fn handing_an_asset_over_is_for_any_only_when_proxied() {
	let call = pallet_registry::Call::transfer { asset: 0, new_owner: account() };
	assert_eq!(allowed(call.into()), [ProxyType::Any]);
	let call = pallet_registry::Call::set_holders { asset: 0, holders: Default::default() };
	assert_eq!(allowed(call.into()), [ProxyType::Any]);
}

#[test]
fn adding_a_proxy_is_for_any_only_when_proxied() {
	let call = pallet_proxy::Call::add_proxy {
		delegate: MultiAddress::Id(account()),
		proxy_type: ProxyType::Any,
		delay: 0,
	};
	assert_eq!(allowed(call.into()), [ProxyType::Any]);
}

#[test]
fn contributing_is_for_contributors_when_proxied() {
	let call = pallet_datanets::Call::contribute { datanet: 0, items: Default::default() };
	assert_eq!(allowed(call.into()), [ProxyType::Any, ProxyType::NonTransfer, ProxyType::Contributor]);
}

#[test]
fn reviewing_is_for_curators_when_proxied() {
	let call = pallet_datanets::Call::review { datanet: 0, decisions: Default::default() };
	assert_eq!(allowed(call.into()), [ProxyType::Any, ProxyType::NonTransfer, ProxyType::Curator]);
}

#[test]
fn claiming_is_for_all_who_earn_when_proxied() {
	let call = pallet_attribution::Call::claim { vault: VaultKey::Platform };
	assert_eq!(
		allowed(call.into()),
		[
			ProxyType::Any,
			ProxyType::NonTransfer,
			ProxyType::Contributor,
			ProxyType::Author,
			ProxyType::Operator
		]
	);
}

#[test]
fn unbonding_is_not_for_operators_when_proxied() {
	let call = pallet_workers::Call::unbond {};
	assert_eq!(allowed(call.into()), [ProxyType::Any, ProxyType::NonTransfer]);
	let call = pallet_attribution::Call::credit { worker: account(), limit: 1 };
	assert_eq!(allowed(call.into()), [ProxyType::Any, ProxyType::NonTransfer, ProxyType::Operator]);
}

#[test]
fn batch_is_for_all_when_proxied_because_each_call_in_it_is_filtered() {
	let calls = vec![frame_system::Call::remark { remark: vec![] }.into()];
	let call = pallet_utility::Call::batch_all { calls };
	assert_eq!(allowed(call.into()), ALL);
	let call = pallet_utility::Call::as_derivative {
		index: 0,
		call: Box::new(frame_system::Call::remark { remark: vec![] }.into()),
	};
	assert_eq!(allowed(call.into()), [ProxyType::Any]);
}

#[test]
fn proxy_is_superset_when_it_allows_at_least_the_same() {
	for proxy in ALL {
		assert!(ProxyType::Any.is_superset(&proxy));
		assert!(proxy.is_superset(&proxy));
		assert_eq!(proxy.is_superset(&ProxyType::Any), proxy == ProxyType::Any);
	}
	assert!(ProxyType::NonTransfer.is_superset(&ProxyType::Operator));
	assert!(!ProxyType::Operator.is_superset(&ProxyType::NonTransfer));
	assert!(ProxyType::NonTransfer.is_superset(&ProxyType::Governance));
	assert!(ProxyType::NonTransfer.is_superset(&ProxyType::Staking));
	assert!(!ProxyType::Operator.is_superset(&ProxyType::Curator));
	assert!(!ProxyType::Governance.is_superset(&ProxyType::Staking));
}

#[test]
fn publishing_a_tool_is_for_authors_when_proxied() {
	let call = pallet_tools::Call::register_tool {
		name: Default::default(),
		server: Default::default(),
		identity: Default::default(),
		content: [0; 32],
		hints: Default::default(),
		price: 1,
	};
	assert_eq!(allowed(call.into()), [ProxyType::Any, ProxyType::NonTransfer, ProxyType::Author]);
}

#[test]
fn voting_is_for_governance_when_proxied() {
	let all = [ProxyType::Any, ProxyType::NonTransfer, ProxyType::Governance];
	let call = pallet_conviction_voting::Call::undelegate { class: 0 };
	assert_eq!(allowed(call.into()), all);
	let call = pallet_referenda::Call::place_decision_deposit { index: 0 };
	assert_eq!(allowed(call.into()), all);
	let call = pallet_preimage::Call::note_preimage { bytes: vec![] };
	assert_eq!(allowed(call.into()), all);
	let call = pallet_collective::Call::vote { proposal: Default::default(), index: 0, approve: true };
	assert_eq!(allowed(RuntimeCall::TechnicalCommittee(call)), all);
}

#[test]
fn session_keys_are_for_staking_when_proxied() {
	let call = pallet_session::Call::purge_keys {};
	assert_eq!(allowed(call.into()), [ProxyType::Any, ProxyType::NonTransfer, ProxyType::Staking]);
}

#[test]
fn treasury_and_emergency_are_for_any_only_when_proxied() {
	let calls: [RuntimeCall; 3] = [
		pallet_treasury::Call::payout { index: 0 }.into(),
		pallet_safe_mode::Call::enter {}.into(),
		pallet_tx_pause::Call::unpause { ident: Default::default() }.into(),
	];
	for call in calls {
		assert_eq!(allowed(call), [ProxyType::Any]);
	}
}

#[test]
fn proxy_type_keeps_its_index_when_another_is_added() {
	for (index, proxy) in ALL.into_iter().enumerate() {
		assert_eq!(proxy.encode(), [index as u8]);
	}
}

#[test]
fn staking_is_for_stakers_when_proxied() {
	let call = pallet_validators::Call::bond { amount: 1, commission: 0 };
	assert_eq!(allowed(call.into()), [ProxyType::Any, ProxyType::NonTransfer, ProxyType::Staking]);
}
