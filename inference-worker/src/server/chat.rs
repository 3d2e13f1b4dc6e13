//! `POST /v1/chat/completions`

use super::{
	admission::begin,
	errors::ApiError,
	members::Members,
	messages::messages,
	openai::{Answer, ChatChoice, ChatDelta, Head},
	options::{Endpoint, Options},
	reply::{answer, Reply},
};
use crate::{
	answer::{Delta, Ending},
	prompt::Ask,
	worker::Worker,
};
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
	let members = Members::of(&body)?;
	let (model, options) = (members.text("model")?, Options::of(&members, Endpoint::Chat)?);
	let ask = Ask::Chat(messages(&members)?);
	let begun = begin(&worker, &headers, &body, model, ask, &options).await?;
	let reply = ChatReply {
		head: begun.head(&worker, "chatcmpl", model),
		choices: options.generation.choices,
		logprobs: options.generation.logprobs.is_some(),
	};
	answer(begun, reply, &options).await
}

struct ChatReply {
	head: Head,
	choices: u32,
	logprobs: bool,
}

impl ChatReply {
	fn chunk(&self, choices: Vec<ChatDelta>, usage: Option<&Ending>) -> Answer<ChatDelta> {
		self.head.answer("chat.completion.chunk", choices, usage)
	}
}

impl Reply for ChatReply {
	type Whole = Answer<ChatChoice>;
	type Chunk = Answer<ChatDelta>;

	fn choices(&self) -> u32 {
		self.choices
	}

	fn whole(&self, choices: Vec<Delta>, ending: &Ending) -> Self::Whole {
		let whole = choices.into_iter().zip(&ending.reasons);
		let choices =
			whole.map(|(choice, reason)| ChatChoice::whole(choice, self.logprobs, reason)).collect();
		self.head.answer("chat.completion", choices, Some(ending)).citing(ending)
	}

	fn first(&self, choice: u32) -> Option<Self::Chunk> {
		Some(self.chunk(vec![ChatDelta::first(choice)], None))
	}

	fn more(&self, delta: Delta) -> Self::Chunk {
		self.chunk(vec![ChatDelta::more(delta)], None)
	}

	fn last(&self, choice: u32, reason: &'static str, ending: &Ending) -> Self::Chunk {
		self.chunk(vec![ChatDelta::last(choice, reason)], None).citing(ending)
	}

	fn usage(&self, ending: &Ending) -> Self::Chunk {
		self.chunk(vec![], Some(ending))
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::billing::Recorded;
	use serde_json::json;

	#[test]
	fn stream_begins_with_the_role_and_ends_with_the_reason_when_serialized() {
		let head =
			Head { id: "chatcmpl-1".into(), created: 5, model: "guide".into(), fingerprint: "fp".into() };
		let reply = ChatReply { head, choices: 2, logprobs: false };
		let value = |chunk| serde_json::to_value::<Answer<ChatDelta>>(chunk).unwrap();
		let choice = |chunk| value(chunk)["choices"][0].clone();
		assert_eq!(choice(reply.first(1).unwrap())["delta"]["role"], "assistant");
		let more = choice(reply.more(Delta { choice: 1, text: "hi".into(), ..Delta::default() }));
		assert_eq!((&more["delta"], &more["index"]), (&json!({ "content": "hi" }), &json!(1)));
		let tokens = Recorded { tokens_in: 1, tokens_out: 2 };
		let ending = Ending { reasons: vec!["length"], tokens, cached: 0, skills: vec![], receipts: vec![] };
		let last = choice(reply.last(1, "length", &ending));
		assert_eq!(last, json!({ "index": 1, "delta": {}, "finish_reason": "length" }));
		let usage = value(reply.usage(&ending));
		assert_eq!((&usage["choices"], &usage["usage"]["total_tokens"]), (&json!([]), &json!(3)));
	}
}
