//! `GET /v1/trail/{id}`: who shaped an answer, who is paid for it, and where that stands.

use super::errors::ApiError;
use crate::{
	config::parse_hash,
	records::{BatchState, RecordState, StoredRecord},
	worker::Worker,
};
use axum::{
	extract::{Path, State},
	http::header::CONTENT_TYPE,
	response::{IntoResponse, Response},
	Json,
};
use serde_json::{json, Value};
use std::sync::Arc;
use tributary_client::keys::address;
use tributary_primitives::{
	record::{Method, Share, ToolUse, UsageRecord},
	split::split,
	views::{AgentView, SkillView},
	Earner,
};

/// The order id in `0x..`, `chatcmpl-..` or `cmpl-..`.
fn parse_id(text: &str) -> Result<[u8; 32], ApiError> {
	let digits = text.strip_prefix("chatcmpl-").or_else(|| text.strip_prefix("cmpl-")).unwrap_or(text);
	parse_hash(digits).ok_or_else(|| {
		ApiError::invalid(
			"invalid_id",
			format!("`{text}` is no trail: send the x-tributary-trail header of an answer"),
		)
	})
}

fn find(worker: &Worker, text: &str) -> Result<([u8; 32], StoredRecord), ApiError> {
	let id = parse_id(text)?;
	match worker.records.get(&id) {
		Ok(Some(stored)) => Ok((id, stored)),
		Ok(None) => {
			let message = format!("this worker has no answer `{text}`. Ask the worker that gave it.");
			Err(ApiError::not_found("trail_not_found", message))
		}
		Err(error) => Err(ApiError::internal("records", error.to_string())),
	}
}

/// The trail as JSON.
pub async fn trail(
	State(worker): State<Arc<Worker>>,
	Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
	let (id, stored) = find(&worker, &id)?;
	let evidence =
		worker.records.evidence(&id).map_err(|error| ApiError::internal("records", error.to_string()))?;
	let evidence: Value =
		evidence.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(Value::Null);
	let agents = worker.catalogue.all();
	let (name, view) = agents
		.iter()
		.find(|(_, listed)| listed.view.agent == stored.record.agent)
		.map(|(name, listed)| (Some(name.clone()), Some(listed.view.clone())))
		.unwrap_or_default();
	let view = match view {
		Some(view) => Some(view),
		// Recomposed since: the chain keeps every version.
		None => {
			let agent = stored.record.agent;
			worker.chain.agent(agent.asset, Some(agent.version)).await.unwrap_or_default()
		}
	};
	Ok(Json(render(&worker, &id, &stored, name, view.as_ref(), evidence)))
}

/// The exact bytes whose hash is in the record.
pub async fn evidence(
	State(worker): State<Arc<Worker>>,
	Path(id): Path<String>,
) -> Result<Response, ApiError> {
	let (id, _) = find(&worker, &id)?;
	match worker.records.evidence(&id) {
		Ok(Some(bytes)) => Ok(([(CONTENT_TYPE, "application/json")], bytes).into_response()),
		Ok(None) => Err(ApiError::not_found("evidence_not_found", "there is no evidence for this answer")),
		Err(error) => Err(ApiError::internal("records", error.to_string())),
	}
}

fn render(
	worker: &Worker,
	id: &[u8; 32],
	stored: &StoredRecord,
	name: Option<String>,
	view: Option<&AgentView>,
	evidence: Value,
) -> Value {
	let record = &stored.record;
	let order = &record.order.order;
	let name = name.or(view.map(|view| String::from_utf8_lossy(&view.name).into_owned()));
	json!({
		"id": format!("0x{}", hex::encode(id)),
		"agent": { "id": record.agent.asset, "version": record.agent.version, "name": name },
		"made_of": view.map(made_of),
		"payer": address(&order.payer),
		"worker": address(&order.worker),
		"channel": order.channel,
		"nonce": order.nonce,
		"at_ms": record.at,
		"tokens_in": record.tokens_in,
		"tokens_out": record.tokens_out,
		"skills": view.map(|view| skills(record, view)),
		"calls": calls(record, view),
		"tools": record.tools.to_string(),
		"fee": record.fee.to_string(),
		"max_fee": order.max_fee.to_string(),
		"output": format!("0x{}", hex::encode(record.output)),
		"profile": format!("0x{}", hex::encode(record.profile)),
		"parts": view.map(|view| parts(worker, record, view)),
		"shares": record.vector.iter().map(share).collect::<Vec<_>>(),
		"evidence_hash": format!("0x{}", hex::encode(record.evidence)),
		"evidence": evidence,
		"settlement": settlement(worker, stored.state),
	})
}

fn made_of(view: &AgentView) -> Value {
	let version =
		|asset: &tributary_primitives::AssetRef| json!({ "id": asset.asset, "version": asset.version });
	json!({
		"author": address(&view.owner),
		"base": version(&view.base),
		"adapters": view.adapters.iter().map(|(adapter, scale)| {
			json!({ "id": adapter.asset, "version": adapter.version, "scale_ppm": scale })
		}).collect::<Vec<_>>(),
		"prompts": view.prompts.iter().map(version).collect::<Vec<_>>(),
		"datanets": view.datanets.iter().map(|snapshot| {
			json!({ "id": snapshot.datanet, "snapshot": snapshot.version })
		}).collect::<Vec<_>>(),
		"tools": view.tools.iter().map(|tool| version(&tool.tool)).collect::<Vec<_>>(),
	})
}

/// The agent version's skills, and which were active.
fn skills(record: &UsageRecord, view: &AgentView) -> Value {
	let skill = |(index, skill): (usize, &SkillView)| {
		json!({
			"description": String::from_utf8_lossy(&skill.description),
			"active": record.skills.contains(index),
		})
	};
	view.skills.iter().enumerate().map(skill).collect()
}

/// Which tools were called, and what a call costs.
fn calls(record: &UsageRecord, view: Option<&AgentView>) -> Value {
	let call = |used: &ToolUse| {
		let tool = view.and_then(|view| view.tools.iter().find(|tool| tool.tool == used.tool));
		json!({
			"tool": { "id": used.tool.asset, "version": used.tool.version },
			"name": tool.map(|tool| String::from_utf8_lossy(&tool.name)),
			"calls": used.calls,
			"price": tool.map(|tool| tool.price.to_string()),
		})
	};
	record.calls.iter().map(call).collect()
}

/// How this answer's fee divides, planck. The chain divides the batch's sum, so single planck may fall
/// differently there.
fn parts(worker: &Worker, record: &UsageRecord, view: &AgentView) -> Value {
	let parameters = worker.head.get().parameters;
	let presence = view.presence(record.skills, !record.calls.is_empty());
	let net = record.net(parameters.platform_fee);
	let Some(split) = presence.and_then(|presence| split(net, &parameters.split, presence)) else {
		return Value::Null;
	};
	json!({
		"platform": split.platform.saturating_add(parameters.platform_fee).to_string(),
		"worker": split.worker.to_string(),
		"stakers": split.stakers.to_string(),
		"base_model": split.base_model.to_string(),
		"adapters": split.adapters.to_string(),
		"prompts": split.prompts.to_string(),
		"tools": split.tools.saturating_add(record.tools).to_string(),
		"evaluators": split.evaluators.to_string(),
		"agent": split.agent.to_string(),
		"data": split.data.to_string(),
	})
}

fn share(share: &Share) -> Value {
	let method = match share.method {
		Method::Span => "span",
		Method::Retrieval => "retrieval",
		Method::Influence => "influence",
		Method::Pool => "pool",
	};
	let earner = match share.earner {
		Earner::Account(account) => address(&account),
		Earner::Pool(datanet) => format!("pool of DataNet {datanet}"),
	};
	json!({
		"datanet": share.datanet,
		"contribution": share.contribution,
		"method": method,
		"earner": earner,
		"ppm": share.ppm,
	})
}

fn settlement(worker: &Worker, state: RecordState) -> Value {
	let batch = |sequence: u64| match worker.records.batch(sequence).ok().flatten().map(|row| row.state) {
		Some(BatchState::Included) => json!({ "status": "included" }),
		Some(BatchState::Pending { matures_at }) => json!({ "status": "pending", "matures_at": matures_at }),
		Some(BatchState::Credited) => json!({ "status": "credited" }),
		Some(BatchState::Voided) => json!({ "status": "voided" }),
		None => json!({ "status": "unknown" }),
	};
	match state {
		RecordState::Unsettled => json!({ "status": "unsettled" }),
		RecordState::Settled { sequence } => {
			let mut value = batch(sequence);
			if let Some(object) = value.as_object_mut() {
				object.insert("batch".into(), sequence.into());
			}
			value
		}
		RecordState::Failed { sequence, fault } => {
			json!({ "status": "failed", "batch": sequence, "fault": format!("{fault:?}") })
		}
		RecordState::Voided { sequence } => json!({ "status": "voided", "batch": sequence }),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn id_is_read_when_it_comes_as_header_or_completion_id() {
		let digits = "ab".repeat(32);
		for text in
			[digits.clone(), format!("0x{digits}"), format!("chatcmpl-{digits}"), format!("cmpl-{digits}")]
		{
			assert_eq!(parse_id(&text).unwrap(), [0xab; 32], "{text}");
		}
		assert!(parse_id("0x12").is_err());
	}

	#[test]
	fn share_names_its_pool_when_no_contributor_earned_it() {
		let pool = Share {
			datanet: 3,
			contribution: None,
			method: Method::Pool,
			earner: Earner::Pool(3),
			ppm: 1_000_000,
		};
		assert_eq!(share(&pool)["earner"], "pool of DataNet 3");
	}
}
