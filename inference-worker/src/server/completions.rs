//! `POST /v1/completions`

use super::{
	admission::begin,
	errors::ApiError,
	openai::{Answer, CompletionRequest, TextChoice},
	reply::{parse, stream, whole, Reply},
};
use crate::{answer::Ending, prompt::Ask, worker::Worker};
use axum::{
	body::Bytes,
	extract::{rejection::BytesRejection, State},
	http::HeaderMap,
	response::Response,
};
use std::sync::Arc;

/// Continues a text.
pub async fn completions(
	State(worker): State<Arc<Worker>>,
	headers: HeaderMap,
	body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
	let body = body?;
	let request: CompletionRequest = parse(&body)?;
	let (options, model) = (request.common.options()?, request.common.model.clone());
	let ask = Ask::Completion(request.prompt()?);
	let include_usage = options.include_usage;
	let begun = begin(&worker, &headers, &body, &model, ask, options).await?;
	let (id, created) = (format!("cmpl-{}", hex::encode(begun.id)), crate::worker::unix_ms() / 1_000);
	let reply = TextReply { id, created, model };
	if request.common.stream {
		return Ok(stream(begun, reply, include_usage));
	}
	whole(begun, reply).await
}

struct TextReply {
	id: String,
	created: u64,
	model: String,
}

impl TextReply {
	fn answer(&self, choices: Vec<TextChoice>, usage: Option<Ending>) -> Answer<TextChoice> {
		Answer {
			id: self.id.clone(),
			object: "text_completion",
			created: self.created,
			model: self.model.clone(),
			choices,
			usage: usage.map(Into::into),
		}
	}
}

impl Reply for TextReply {
	type Whole = Answer<TextChoice>;
	type Chunk = Answer<TextChoice>;

	fn whole(&self, text: String, ending: Ending) -> Self::Whole {
		self.answer(vec![TextChoice { index: 0, text, finish_reason: Some(ending.reason) }], Some(ending))
	}

	fn first(&self) -> Option<Self::Chunk> {
		None
	}

	fn text(&self, text: String) -> Self::Chunk {
		self.answer(vec![TextChoice { index: 0, text, finish_reason: None }], None)
	}

	fn last(&self, ending: Ending) -> Self::Chunk {
		self.answer(
			vec![TextChoice { index: 0, text: String::new(), finish_reason: Some(ending.reason) }],
			None,
		)
	}

	fn usage(&self, ending: Ending) -> Self::Chunk {
		self.answer(vec![], Some(ending))
	}
}
