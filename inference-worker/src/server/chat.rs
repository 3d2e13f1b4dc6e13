//! `POST /v1/chat/completions`

use super::{
	admission::begin,
	errors::ApiError,
	openai::{Answer, AssistantMessage, ChatChoice, ChatDelta, ChatRequest, Delta},
	reply::{parse, whole, Reply},
};
use crate::{answer::Ending, prompt::Ask, worker::Worker};
use axum::{
	body::Bytes,
	extract::{rejection::BytesRejection, State},
	http::HeaderMap,
	response::Response,
};
use std::sync::Arc;

/// Answers a conversation.
pub async fn chat(
	State(worker): State<Arc<Worker>>,
	headers: HeaderMap,
	body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
	let body = body?;
	let request: ChatRequest = parse(&body)?;
	let (options, model) = (request.common.options()?, request.common.model.clone());
	let ask = Ask::Chat(request.messages()?);
	let include_usage = options.include_usage;
	let begun = begin(&worker, &headers, &body, &model, ask, options).await?;
	let reply = ChatReply::new(&begun.id, model);
	if request.common.stream {
		return Ok(super::reply::stream(begun, reply, include_usage));
	}
	whole(begun, reply).await
}

struct ChatReply {
	id: String,
	created: u64,
	model: String,
}

impl ChatReply {
	fn new(id: &[u8; 32], model: String) -> Self {
		Self { id: format!("chatcmpl-{}", hex::encode(id)), created: crate::worker::unix_ms() / 1_000, model }
	}

	fn chunk(&self, delta: Delta, finish_reason: Option<&'static str>) -> Answer<ChatDelta> {
		self.chunk_of(vec![ChatDelta { index: 0, delta, finish_reason }], None)
	}

	fn chunk_of(&self, choices: Vec<ChatDelta>, usage: Option<Ending>) -> Answer<ChatDelta> {
		Answer {
			id: self.id.clone(),
			object: "chat.completion.chunk",
			created: self.created,
			model: self.model.clone(),
			choices,
			usage: usage.map(Into::into),
		}
	}
}

impl Reply for ChatReply {
	type Whole = Answer<ChatChoice>;
	type Chunk = Answer<ChatDelta>;

	fn whole(&self, text: String, ending: Ending) -> Self::Whole {
		let message = AssistantMessage { role: "assistant", content: text };
		Answer {
			id: self.id.clone(),
			object: "chat.completion",
			created: self.created,
			model: self.model.clone(),
			choices: vec![ChatChoice { index: 0, message, finish_reason: ending.reason }],
			usage: Some(ending.into()),
		}
	}

	fn first(&self) -> Option<Self::Chunk> {
		Some(self.chunk(Delta { role: Some("assistant"), content: Some(String::new()) }, None))
	}

	fn text(&self, text: String) -> Self::Chunk {
		self.chunk(Delta { role: None, content: Some(text) }, None)
	}

	fn last(&self, ending: Ending) -> Self::Chunk {
		self.chunk(Delta::default(), Some(ending.reason))
	}

	fn usage(&self, ending: Ending) -> Self::Chunk {
		self.chunk_of(vec![], Some(ending))
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::json;

	#[test]
	fn stream_begins_with_the_role_and_ends_with_the_reason_when_serialized() {
		let reply = ChatReply { id: "chatcmpl-1".into(), created: 5, model: "guide".into() };
		let value = |chunk| serde_json::to_value::<Answer<ChatDelta>>(chunk).unwrap();
		let choice = |chunk| value(chunk)["choices"][0].clone();
		assert_eq!(choice(reply.first().unwrap())["delta"]["role"], "assistant");
		assert_eq!(choice(reply.text("hi".into()))["delta"], json!({ "content": "hi" }));
		let ending = Ending { reason: "length", tokens_in: 1, tokens_out: 2 };
		assert_eq!(choice(reply.last(ending)), json!({ "index": 0, "delta": {}, "finish_reason": "length" }));
		let usage = value(reply.usage(ending));
		assert_eq!((&usage["choices"], &usage["usage"]["total_tokens"]), (&json!([]), &json!(3)));
	}
}
