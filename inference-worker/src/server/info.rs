//! Reads: models, quotes, channels, published batches, health, metrics.

use super::{
	admission::{channel_state, ensure_channel, find_agent, no_channel},
	errors::ApiError,
	loras::authorize,
};
use crate::{agents::Standing, loaded::Loaded, metrics, worker::Worker};
use axum::{
	extract::{Path, Query, State},
	http::{header::CONTENT_TYPE, HeaderMap},
	response::{IntoResponse, Response},
	Json,
};
use serde::Deserialize;
use serde_json::{json, Value};
use std::sync::Arc;
use tributary_client::{
	http::{ChannelState, Quote},
	keys,
};
use tributary_primitives::views::AgentView;

/// `GET /v1/models`: the agents that are served; for the operator also the adapters that are loaded.
pub async fn models(State(worker): State<Arc<Worker>>, headers: HeaderMap) -> Json<Value> {
	let all = worker.catalogue.all();
	let served = all.iter().filter(|(_, listed)| matches!(listed.standing, Standing::Ready(_)));
	let mut data: Vec<Value> = served.map(|(name, listed)| model_json(&worker, name, &listed.view)).collect();
	if authorize(&worker, &headers).is_ok() {
		data.extend(worker.loaded.all().iter().map(|(name, loaded)| trial_json(&worker, name, loaded)));
	}
	Json(json!({ "object": "list", "data": data }))
}

/// `GET /v1/models/{name}`: one agent.
pub async fn model(
	State(worker): State<Arc<Worker>>,
	Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
	let agent = find_agent(&worker, &name)?;
	Ok(Json(model_json(&worker, &name, &agent.view)))
}

fn model_json(worker: &Worker, name: &str, view: &AgentView) -> Value {
	json!({
		"id": name,
		"object": "model",
		"created": worker.started,
		"owned_by": keys::address(&view.owner),
		"root": format!("{}/{}", view.agent.asset, view.agent.version),
		"parent": format!("{}/{}", view.base.asset, view.base.version),
		"max_model_len": worker.engine.context(),
	})
}

fn trial_json(worker: &Worker, name: &str, loaded: &Loaded) -> Value {
	json!({
		"id": name,
		"object": "model",
		"created": worker.started,
		"owned_by": keys::address(&worker.operator),
		"root": format!("0x{}", hex::encode(loaded.generation)),
		"parent": Value::Null,
		"max_model_len": worker.engine.context(),
	})
}

/// Query of a quote.
#[derive(Deserialize)]
pub struct QuoteQuery {
	model: String,
}

/// `GET /v1/quote?model=`: what a request costs.
pub async fn quote(
	State(worker): State<Arc<Worker>>,
	Query(query): Query<QuoteQuery>,
) -> Result<Json<Quote>, ApiError> {
	let agent = find_agent(&worker, &query.model)?;
	let dearest = agent.tools.iter().map(|tool| tool.view.price).max();
	Ok(Json(Quote {
		price_input: agent.view.price.input,
		price_output: agent.view.price.output,
		platform_fee: worker.head.get().parameters.platform_fee,
		max_context: u32::try_from(worker.engine.context()).unwrap_or(u32::MAX),
		price_call: dearest.unwrap_or(0),
		max_calls: dearest.map_or(0, |_| worker.config.tools.calls_per_request),
	}))
}

/// `GET /v1/channel/{payer}`: the worker's view of a channel.
pub async fn channel(
	State(worker): State<Arc<Worker>>,
	Path(payer): Path<String>,
) -> Result<Json<ChannelState>, ApiError> {
	let payer = keys::parse_account(&payer)
		.map_err(|error| ApiError::invalid("invalid_account", error.to_string()))?;
	ensure_channel(&worker, &payer).await?;
	channel_state(&worker, &payer).map(Json).ok_or_else(|| {
		let error = no_channel(&worker, &payer).body().error;
		ApiError::not_found("no_channel", error.message)
	})
}

/// `GET /v1/batches/{sequence}`: SCALE of the published batch data.
pub async fn batch(
	State(worker): State<Arc<Worker>>,
	Path(sequence): Path<u64>,
) -> Result<Response, ApiError> {
	let known =
		worker.records.batch(sequence).map_err(|error| ApiError::internal("records", error.to_string()))?;
	let data =
		worker.records.data(sequence).map_err(|error| ApiError::internal("records", error.to_string()))?;
	match (known, data) {
		(Some(_), Some(bytes)) => Ok(([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response()),
		_ => {
			let message = format!("this worker has no batch {sequence} on chain. Ask for an earlier one.");
			Err(ApiError::not_found("batch_not_found", message))
		}
	}
}

/// `GET /health`: 200 while the worker serves.
pub async fn health(State(worker): State<Arc<Worker>>) -> Json<Value> {
	let all = worker.catalogue.all();
	let standing = |standing: &Standing| match standing {
		Standing::Ready(_) => "served".to_owned(),
		Standing::Missing(reason) => reason.clone(),
		Standing::Foreign => "runs on another base model".to_owned(),
	};
	let agents: serde_json::Map<String, Value> =
		all.iter().map(|(name, listed)| (name.clone(), standing(&listed.standing).into())).collect();
	let (head, totals) = (worker.head.get(), worker.records.totals());
	let endpoint = worker.chain.endpoint();
	Json(json!({
		"status": "ok",
		"genesis": format!("0x{}", hex::encode(worker.genesis)),
		"operator": keys::address(&worker.operator),
		"agents": agents,
		"chain": {
			"block": head.block,
			"finalized": head.finalized,
			"age_secs": head.read_at.elapsed().as_secs(),
			"endpoint": endpoint.number,
			"endpoints": endpoint.of,
			"failovers": endpoint.failovers,
		},
		"unsettled": { "records": totals.records, "fees": totals.fees.to_string() },
	}))
}

/// `GET /metrics`: Prometheus text.
pub async fn prometheus(State(worker): State<Arc<Worker>>) -> Response {
	([(CONTENT_TYPE, "text/plain; version=0.0.4")], metrics::render(&worker)).into_response()
}

/// Everything else.
pub async fn unknown_path() -> ApiError {
	ApiError::not_found(
		"unknown_path",
		"there is nothing here. Try /v1/models, /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/quote, /v1/channel/{payer}, \
		 /v1/trail/{id}, /v1/batches/{sequence}, /factory, /health or /metrics.",
	)
}
