// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! The protocol's views as JSON: accounts as SS58 addresses, hashes as 0x hex, planck as decimal strings
//! (they exceed what a JSON number holds exactly), names and texts as text, shares in ppm.

use polkadot_sdk::sp_core::crypto::{AccountId32, Ss58AddressFormat, Ss58Codec};
use serde_json::{json, Value};
use tributary_primitives::{
	batch::{BatchHeader, BatchStatus, ChannelFault},
	fee::Price,
	merkle_sum::SumNode,
	royalty::Payee,
	views::*,
	AccountId, AssetKind, AssetRef, Balance, Hash, SnapshotRef, VaultKey,
};
use tributary_runtime::constants::SS58_PREFIX;

fn account(id: &AccountId) -> Value {
	AccountId32::new(*id).to_ss58check_with_version(Ss58AddressFormat::custom(SS58_PREFIX)).into()
}

fn hash(hash: &Hash) -> Value {
	format!("0x{}", hex(hash)).into()
}

fn hex(bytes: &[u8]) -> String {
	bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn planck(amount: Balance) -> Value {
	amount.to_string().into()
}

/// Bytes that a user entered as text; what is not UTF-8 shows as replacement characters.
fn text(bytes: &[u8]) -> Value {
	String::from_utf8_lossy(bytes).into()
}

fn list<T>(items: &[T], each: impl Fn(&T) -> Value) -> Value {
	items.iter().map(each).collect()
}

fn price(price: &Price) -> Value {
	json!({ "inputPer1000": planck(price.input), "outputPer1000": planck(price.output) })
}

fn asset_ref(asset: &AssetRef) -> Value {
	json!({ "asset": asset.asset, "version": asset.version })
}

fn snapshot_ref(snapshot: &SnapshotRef) -> Value {
	json!({ "datanet": snapshot.datanet, "version": snapshot.version })
}

fn sum_node(node: &SumNode) -> Value {
	json!({ "hash": hash(&node.hash), "sum": planck(node.sum) })
}

fn payee(payee: &Payee) -> Value {
	json!({ "asset": payee.asset, "share": payee.share })
}

fn kind(kind: AssetKind) -> &'static str {
	match kind {
		AssetKind::BaseModel => "baseModel",
		AssetKind::Adapter => "adapter",
		AssetKind::Prompt => "prompt",
		AssetKind::Tool => "tool",
		AssetKind::Agent => "agent",
	}
}

fn vault_key(key: &VaultKey) -> Value {
	match key {
		VaultKey::Platform => json!({ "kind": "platform" }),
		VaultKey::Stakers => json!({ "kind": "stakers" }),
		VaultKey::Operator(operator) => json!({ "kind": "operator", "operator": account(operator) }),
		VaultKey::Asset(asset) => json!({ "kind": "asset", "asset": asset }),
		VaultKey::Evaluators(asset) => json!({ "kind": "evaluators", "asset": asset }),
		VaultKey::Pool(datanet) => json!({ "kind": "pool", "datanet": datanet }),
	}
}

/// What an account can claim from vaults.
pub fn claimable(claims: &[Claimable]) -> Value {
	let total = claims.iter().fold(0u128, |sum, claim| sum.saturating_add(claim.owed));
	json!({
		"vaults": list(claims, |claim| json!({ "vault": vault_key(&claim.vault), "owed": planck(claim.owed) })),
		"total": planck(total),
	})
}

fn version(version: &VersionView) -> Value {
	json!({
		"version": version.version,
		"content": hash(&version.content),
		"hints": list(&version.hints, |hint| text(hint)),
		"payees": list(&version.payees, payee),
		"createdAt": version.created_at,
	})
}

fn asset(asset: &AssetView) -> Value {
	json!({
		"id": asset.id,
		"kind": kind(asset.kind),
		"owner": account(&asset.owner),
		"name": text(&asset.name),
		"price": price(&asset.price),
		"retired": asset.retired,
		"versions": list(&asset.versions, version),
	})
}

fn training(training: &TrainingView) -> Value {
	json!({
		"base": asset_ref(&training.base),
		"rank": training.rank,
		"snapshots": list(&training.snapshots, snapshot_ref),
		"configuration": hash(&training.configuration),
	})
}

fn evaluation(evaluation: &EvaluationView) -> Value {
	json!({
		"version": evaluation.version,
		"evaluator": account(&evaluation.evaluator),
		"benchmark": snapshot_ref(&evaluation.benchmark),
		"metric": text(&evaluation.metric),
		"scoreMillionths": evaluation.score,
		"report": hash(&evaluation.report),
	})
}

/// An agent version.
pub fn agent(agent: &AgentView) -> Value {
	json!({
		"agent": asset_ref(&agent.agent),
		"name": text(&agent.name),
		"owner": account(&agent.owner),
		"price": price(&agent.price),
		"base": asset_ref(&agent.base),
		"adapters": list(&agent.adapters, |(adapter, scale)| {
			json!({ "asset": adapter.asset, "version": adapter.version, "scale": scale })
		}),
		"prompts": list(&agent.prompts, asset_ref),
		"datanets": list(&agent.datanets, snapshot_ref),
		"retired": agent.retired,
		"evaluated": agent.evaluated,
		"staked": agent.staked,
	})
}

/// The lineage of an asset.
pub fn trail(trail: &TrailView) -> Value {
	json!({
		"asset": asset(&trail.asset),
		"training": trail.training.as_ref().map(training),
		"erased": trail.erased,
		"evaluations": list(&trail.evaluations, evaluation),
		"agent": trail.agent.as_ref().map(agent),
	})
}

/// A DataNet.
pub fn datanet(datanet: &DataNetView) -> Value {
	json!({
		"id": datanet.id,
		"owner": account(&datanet.owner),
		"name": text(&datanet.name),
		"description": text(&datanet.description),
		"policy": match datanet.policy {
			Policy::Open => "open",
			Policy::Curated => "curated",
		},
		"curators": list(&datanet.curators, account),
		"contributions": datanet.contributions,
		"accepted": datanet.accepted,
		"snapshots": datanet.snapshots,
	})
}

/// A channel.
pub fn channel(channel: &ChannelView) -> Value {
	json!({
		"nonce": channel.nonce,
		"deposit": planck(channel.deposit),
		"charged": planck(channel.charged),
		"sessionKey": channel.session_key.as_ref().map(hash),
		"closesAt": channel.closes_at,
	})
}

fn header(header: &BatchHeader) -> Value {
	json!({
		"sequence": header.sequence,
		"recordsRoot": sum_node(&header.records_root),
		"records": header.records,
		"data": hash(&header.data),
		"earnings": sum_node(&header.earnings),
	})
}

fn channel_fault(fault: ChannelFault) -> &'static str {
	match fault {
		ChannelFault::NoChannel => "noChannel",
		ChannelFault::WrongChannel => "wrongChannel",
		ChannelFault::BadSignature => "badSignature",
		ChannelFault::Expired => "expired",
		ChannelFault::OverVoucher => "overVoucher",
		ChannelFault::OverDeposit => "overDeposit",
		ChannelFault::Repeated => "repeated",
		ChannelFault::TransferFailed => "transferFailed",
	}
}

/// A batch.
pub fn batch(batch: &BatchView) -> Value {
	json!({
		"worker": account(&batch.worker),
		"header": header(&batch.header),
		"status": match batch.status {
			BatchStatus::Pending => "pending",
			BatchStatus::Challenged => "challenged",
			BatchStatus::Credited => "credited",
			BatchStatus::Voided => "voided",
		},
		"submittedAt": batch.submitted_at,
		"maturesAt": batch.matures_at,
		"parameters": batch.parameters,
		"escrow": planck(batch.escrow),
		"agents": list(&batch.agents, |total| json!({
			"agent": asset_ref(&total.agent),
			"records": total.records,
			"fee": planck(total.fee),
			"data": planck(total.data),
		})),
		"failed": list(&batch.failed, |(payer, fault)| {
			json!({ "payer": account(payer), "fault": channel_fault(*fault) })
		}),
	})
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn claimable_sums_vaults_when_there_are_several() {
		let claims = [
			Claimable { vault: VaultKey::Asset(3), owed: u128::MAX - 2 },
			Claimable { vault: VaultKey::Pool(1), owed: 2 },
		];
		assert_eq!(
			claimable(&claims),
			json!({
				"vaults": [
					{ "vault": { "kind": "asset", "asset": 3 }, "owed": "340282366920938463463374607431768211453" },
					{ "vault": { "kind": "pool", "datanet": 1 }, "owed": "2" },
				],
				"total": "340282366920938463463374607431768211455",
			})
		);
	}

	#[test]
	fn account_is_an_address_when_shown() {
		let alice = polkadot_sdk::sp_keyring::Sr25519Keyring::Alice.to_raw_public();
		assert_eq!(account(&alice), json!("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"));
	}

	#[test]
	fn text_is_readable_when_not_utf8() {
		assert_eq!(text(b"a\xff"), json!("a\u{fffd}"));
	}
}
