//! vLLM's endpoints to load and unload adapters by name, for the operator: `POST /v1/load_lora_adapter`,
//! `POST /v1/unload_lora_adapter`, `GET /v1/lora_adapters`.

use super::{
	errors::ApiError,
	members::{wrong, Members},
};
use crate::{
	config::parse_hash,
	loaded::{LoadError, Loaded},
	worker::Worker,
};
use axum::{
	body::Bytes,
	extract::{rejection::BytesRejection, State},
	http::{header::AUTHORIZATION, HeaderMap},
	Json,
};
use serde_json::{json, Value};
use std::sync::Arc;
use tributary_primitives::Hash;

/// Refuses who is not the operator.
pub fn authorize(worker: &Worker, headers: &HeaderMap) -> Result<(), ApiError> {
	let sent = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
	Ok(worker.loaded.authorize(sent.and_then(|value| value.strip_prefix("Bearer ")))?)
}

/// Loads an adapter from a folder below `server.adapter_root`.
pub async fn load(
	State(worker): State<Arc<Worker>>,
	headers: HeaderMap,
	body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
	authorize(&worker, &headers)?;
	let members = Members::of(&body?)?;
	let (name, path) = (members.text("lora_name")?, members.text("lora_path")?);
	if worker.catalogue.get(name).is_some() {
		return Err(LoadError::IsAgent(name.into()).into());
	}
	let expected = match members.get("expected_generation") {
		Some(_) => Some(generation(members.text("expected_generation")?)?),
		None => None,
	};
	let in_place = members.flag("load_inplace")?;
	let (loaded, replaced) = worker.loaded.load(&worker.engine, (name, path), in_place, expected).await?;
	tracing::info!(name, path, generation = hex::encode(loaded.generation), "adapter loaded by the operator");
	Ok(Json(describe(name, &loaded, replaced.as_ref())))
}

/// Takes a name away. Requests that run with it end as they began.
pub async fn unload(
	State(worker): State<Arc<Worker>>,
	headers: HeaderMap,
	body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
	authorize(&worker, &headers)?;
	let members = Members::of(&body?)?;
	let name = members.text("lora_name")?;
	let unloaded = worker.loaded.unload(name)?;
	tracing::info!(name, "adapter unloaded by the operator");
	Ok(Json(describe(name, &unloaded, None)))
}

/// What is loaded.
pub async fn list(State(worker): State<Arc<Worker>>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
	authorize(&worker, &headers)?;
	let all = worker.loaded.all();
	let data: Vec<Value> = all.iter().map(|(name, loaded)| describe(name, loaded, None)).collect();
	Ok(Json(json!({ "object": "list", "data": data })))
}

fn describe(name: &str, loaded: &Loaded, replaced: Option<&Loaded>) -> Value {
	let generation = |loaded: &Loaded| format!("0x{}", hex::encode(loaded.generation));
	json!({
		"lora_name": name,
		"lora_path": loaded.path,
		"adapter_generation": generation(loaded),
		"replaced_generation": replaced.map(generation),
	})
}

fn generation(text: &str) -> Result<Hash, ApiError> {
	parse_hash(text).ok_or_else(|| wrong("expected_generation must be 32 bytes in hexadecimal"))
}

impl From<LoadError> for ApiError {
	fn from(error: LoadError) -> Self {
		let message = error.to_string();
		match error {
			LoadError::Disabled => Self::forbidden("loading_disabled", message),
			LoadError::Unauthorized => Self::unauthorized("operator_token", message),
			LoadError::Missing(_) => Self::not_found("lora_not_found", message),
			LoadError::Exists(_) | LoadError::Changed { .. } | LoadError::IsAgent(_) => {
				Self::conflict("lora_name_taken", message)
			}
			LoadError::Full => Self::unavailable("too_many_loras", message, 60),
			LoadError::Name(_) => Self::invalid("invalid_lora_name", message),
			LoadError::Outside(_) => Self::invalid("invalid_lora_path", message),
			LoadError::Content(_) | LoadError::Adapter(_) => Self::invalid("invalid_lora", message),
		}
	}
}
