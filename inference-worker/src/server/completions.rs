//! `POST /v1/completions`

use super::{
	admission::begin,
	errors::ApiError,
	members::Members,
	openai::{Answer, Head, TextChoice},
	options::{prompt, Endpoint, Options},
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

/// Continues a text.
pub async fn completions(
	State(worker): State<Arc<Worker>>,
	headers: HeaderMap,
	body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
	let body = body?;
	let members = Members::of(&body)?;
	let (model, options) = (members.text("model")?, Options::of(&members, Endpoint::Completions)?);
	let ask = Ask::Completion(prompt(&members)?);
	let begun = begin(&worker, &headers, &body, model, ask, &options).await?;
	let reply = TextReply {
		head: begun.head(&worker, "cmpl", model),
		choices: options.generation.choices,
		logprobs: options.generation.logprobs.is_some(),
	};
	answer(begun, reply, &options).await
}

struct TextReply {
	head: Head,
	choices: u32,
	logprobs: bool,
}

impl TextReply {
	fn answer(&self, choices: Vec<TextChoice>, usage: Option<&Ending>) -> Answer<TextChoice> {
		self.head.answer("text_completion", choices, usage)
	}
}

impl Reply for TextReply {
	type Whole = Answer<TextChoice>;
	type Chunk = Answer<TextChoice>;

	fn choices(&self) -> u32 {
		self.choices
	}

	fn whole(&self, choices: Vec<Delta>, ending: &Ending) -> Self::Whole {
		let whole = choices.into_iter().zip(&ending.reasons);
		let choices =
			whole.map(|(choice, reason)| TextChoice::whole(choice, self.logprobs, reason)).collect();
		self.answer(choices, Some(ending)).citing(ending)
	}

	fn first(&self, _: u32) -> Option<Self::Chunk> {
		None
	}

	fn more(&self, delta: Delta) -> Self::Chunk {
		self.answer(vec![TextChoice::more(delta)], None)
	}

	fn last(&self, choice: u32, reason: &'static str, ending: &Ending) -> Self::Chunk {
		self.answer(vec![TextChoice::last(choice, reason)], None).citing(ending)
	}

	fn usage(&self, ending: &Ending) -> Self::Chunk {
		self.answer(vec![], Some(ending))
	}
}
