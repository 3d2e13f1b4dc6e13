//! The HTTP server: OpenAI's API and what payers and auditors ask.

mod admission;
mod chat;
mod completions;
mod embeddings;
mod errors;
mod factory;
mod info;
mod loras;
mod members;
mod messages;
mod openai;
mod options;
mod reply;
mod trail;

use crate::worker::Worker;
use axum::{
	extract::DefaultBodyLimit,
	routing::{get, post},
	Router,
};
use members::Members;
use options::{Endpoint, Options};
use std::sync::Arc;
use tower_http::cors::CorsLayer;
use tributary_client::http::ErrorBody;

/// All routes.
pub fn router(worker: Arc<Worker>) -> Router {
	let limit = worker.config.server.max_body_bytes;
	Router::new()
		.route("/v1/chat/completions", post(chat::chat))
		.route("/v1/completions", post(completions::completions))
		.route("/v1/embeddings", post(embeddings::embeddings))
		.route("/v1/models", get(info::models))
		.route("/v1/models/{name}", get(info::model))
		.route("/v1/load_lora_adapter", post(loras::load))
		.route("/v1/unload_lora_adapter", post(loras::unload))
		.route("/v1/lora_adapters", get(loras::list))
		.route("/v1/quote", get(info::quote))
		.route("/v1/channel/{payer}", get(info::channel))
		.route("/v1/trail/{id}", get(trail::trail))
		.route("/v1/trail/{id}/evidence", get(trail::evidence))
		.route("/v1/batches/{sequence}", get(info::batch))
		.route("/factory", get(factory::page))
		.route("/factory/{file}", get(factory::picture))
		.route("/metrics", get(info::prometheus))
		.route("/health", get(info::health))
		.fallback(info::unknown_path)
		.layer(DefaultBodyLimit::max(limit))
		.layer(CorsLayer::permissive())
		.with_state(worker)
}

/// Reads a request's body as the endpoint at `path` does before it knows who asks; the error's body when it is wrong.
pub fn read_body(path: &str, body: &[u8]) -> Result<(), Box<ErrorBody>> {
	let read = || {
		let members = Members::of(body)?;
		members.text("model")?;
		match path {
			"/v1/chat/completions" => {
				Options::of(&members, Endpoint::Chat)?;
				messages::messages(&members).map(drop)
			}
			"/v1/completions" => {
				Options::of(&members, Endpoint::Completions)?;
				options::prompt(&members).map(drop)
			}
			_ => embeddings::inputs(&members).map(drop),
		}
	};
	read().map_err(|refused: errors::ApiError| Box::new(refused.body()))
}

#[cfg(test)]
mod tests;
