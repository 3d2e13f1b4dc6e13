//! OpenAI's request and answer bodies, as far as they are supported. What would change the answer and is
//! not supported is refused by name; what would not is ignored.

use super::errors::ApiError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tributary_engine::ChatMessage;

/// Most stop texts.
const MAX_STOPS: usize = 4;

/// Members that both endpoints share.
#[derive(Debug, Deserialize)]
pub struct Common {
	/// The agent.
	pub model: String,
	max_tokens: Option<u32>,
	max_completion_tokens: Option<u32>,
	temperature: Option<f32>,
	top_p: Option<f32>,
	top_k: Option<usize>,
	stop: Option<OneOrMore>,
	/// Whether to answer by server-sent events.
	#[serde(default)]
	pub stream: bool,
	stream_options: Option<StreamOptions>,
	n: Option<u32>,
	best_of: Option<u32>,
	frequency_penalty: Option<f32>,
	presence_penalty: Option<f32>,
	logit_bias: Option<Value>,
	logprobs: Option<Value>,
	tools: Option<Value>,
	functions: Option<Value>,
	response_format: Option<Value>,
	suffix: Option<Value>,
	echo: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
	#[serde(default)]
	include_usage: bool,
}

/// A text or a list of texts.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore {
	/// One.
	One(String),
	/// Several.
	More(Vec<String>),
}

/// How to generate.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
	/// Most tokens; `None` for the worker's default.
	pub max_tokens: Option<usize>,
	/// 0 for the most probable token.
	pub temperature: f32,
	/// Nucleus.
	pub top_p: f32,
	/// Most probable tokens kept; 0 for all.
	pub top_k: usize,
	/// Texts that end the answer.
	pub stop: Vec<String>,
	/// Whether a stream ends with the usage.
	pub include_usage: bool,
}

impl Common {
	/// Checks the options.
	pub fn options(&self) -> Result<Options, ApiError> {
		self.refuse_unsupported()?;
		let range = |name: &str, value: Option<f32>, low: f32, high: f32| match value {
			Some(value) if !(low..=high).contains(&value) => {
				Err(ApiError::invalid("invalid_value", format!("{name} must be between {low} and {high}")))
			}
			_ => Ok(()),
		};
		range("temperature", self.temperature, 0.0, 2.0)?;
		range("top_p", self.top_p, f32::MIN_POSITIVE, 1.0)?;
		let stop = match &self.stop {
			None => Vec::new(),
			Some(OneOrMore::One(text)) => vec![text.clone()],
			Some(OneOrMore::More(texts)) => texts.clone(),
		};
		if stop.len() > MAX_STOPS || stop.iter().any(String::is_empty) {
			let message = format!("stop takes at most {MAX_STOPS} texts, none of them empty");
			return Err(ApiError::invalid("invalid_value", message));
		}
		let max_tokens = self.max_completion_tokens.or(self.max_tokens);
		if max_tokens == Some(0) {
			return Err(ApiError::invalid("invalid_value", "max_tokens must be at least 1"));
		}
		Ok(Options {
			max_tokens: max_tokens.and_then(|tokens| usize::try_from(tokens).ok()),
			temperature: self.temperature.unwrap_or(1.0),
			top_p: self.top_p.unwrap_or(1.0),
			top_k: self.top_k.unwrap_or(0),
			stop,
			include_usage: self.stream_options.as_ref().is_some_and(|options| options.include_usage),
		})
	}

	fn refuse_unsupported(&self) -> Result<(), ApiError> {
		let asked = |value: &Option<Value>| match value {
			None | Some(Value::Null | Value::Bool(false)) => false,
			Some(Value::Array(list)) => !list.is_empty(),
			Some(Value::Object(map)) => !map.is_empty(),
			Some(_) => true,
		};
		let text_format =
			|format: &Value| matches!(format.get("type").and_then(Value::as_str), None | Some("text"));
		let unsupported = [
			("n", self.n.is_some_and(|n| n != 1)),
			("best_of", self.best_of.is_some_and(|n| n != 1)),
			("frequency_penalty", self.frequency_penalty.is_some_and(|penalty| penalty != 0.0)),
			("presence_penalty", self.presence_penalty.is_some_and(|penalty| penalty != 0.0)),
			("logit_bias", asked(&self.logit_bias)),
			("logprobs", asked(&self.logprobs)),
			("tools", asked(&self.tools)),
			("functions", asked(&self.functions)),
			("response_format", self.response_format.as_ref().is_some_and(|format| !text_format(format))),
			("suffix", asked(&self.suffix)),
			("echo", self.echo == Some(true)),
		];
		match unsupported.into_iter().find(|(_, asked)| *asked) {
			Some((name, _)) => {
				let message = format!("`{name}` is not supported by this worker. Leave it out.");
				Err(ApiError::invalid("unsupported_parameter", message))
			}
			None => Ok(()),
		}
	}
}

/// `POST /v1/chat/completions`
#[derive(Debug, Deserialize)]
pub struct ChatRequest {
	/// Shared members.
	#[serde(flatten)]
	pub common: Common,
	/// The conversation.
	pub messages: Vec<Message>,
}

/// A message of a conversation.
#[derive(Debug, Deserialize)]
pub struct Message {
	role: String,
	content: Option<Content>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
	Text(String),
	Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
struct Part {
	#[serde(rename = "type")]
	kind: String,
	text: Option<String>,
}

impl ChatRequest {
	/// The conversation for the chat template.
	pub fn messages(&self) -> Result<Vec<ChatMessage>, ApiError> {
		if self.messages.is_empty() {
			return Err(ApiError::invalid("invalid_messages", "messages is empty: send at least one"));
		}
		self.messages.iter().map(Message::to_chat).collect()
	}
}

impl Message {
	fn to_chat(&self) -> Result<ChatMessage, ApiError> {
		// What OpenAI calls `developer` since 2024 is `system` in all chat templates.
		let role = match self.role.as_str() {
			"developer" | "system" => "system",
			"user" => "user",
			"assistant" => "assistant",
			other => {
				let message = format!("role `{other}` is not supported: use system, user or assistant");
				return Err(ApiError::invalid("invalid_messages", message));
			}
		};
		let content = match &self.content {
			None => String::new(),
			Some(Content::Text(text)) => text.clone(),
			Some(Content::Parts(parts)) => {
				let texts = parts.iter().map(|part| part.text.as_deref().filter(|_| part.kind == "text"));
				texts.collect::<Option<Vec<_>>>().map(|texts| texts.concat()).ok_or_else(|| {
					ApiError::invalid("invalid_messages", "only content parts of type `text` are supported")
				})?
			}
		};
		Ok(ChatMessage { role: role.into(), content })
	}
}

/// `POST /v1/completions`
#[derive(Debug, Deserialize)]
pub struct CompletionRequest {
	/// Shared members.
	#[serde(flatten)]
	pub common: Common,
	/// Text to continue.
	pub prompt: OneOrMore,
}

impl CompletionRequest {
	/// The one prompt.
	pub fn prompt(&self) -> Result<String, ApiError> {
		match &self.prompt {
			OneOrMore::One(text) => Ok(text.clone()),
			OneOrMore::More(texts) => match texts.as_slice() {
				[text] => Ok(text.clone()),
				_ => Err(ApiError::invalid("unsupported_parameter", "send one prompt per request")),
			},
		}
	}
}

/// Tokens of an answer.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Usage {
	prompt_tokens: u32,
	completion_tokens: u32,
	total_tokens: u32,
}

impl From<crate::answer::Ending> for Usage {
	fn from(ending: crate::answer::Ending) -> Self {
		Self {
			prompt_tokens: ending.tokens_in,
			completion_tokens: ending.tokens_out,
			total_tokens: ending.tokens_in.saturating_add(ending.tokens_out),
		}
	}
}

/// An answer or a chunk of one; the endpoints differ only in `object` and their choice.
#[derive(Debug, Serialize)]
pub struct Answer<C> {
	/// Made of the order's id.
	pub id: String,
	/// What this is.
	pub object: &'static str,
	/// Unix seconds.
	pub created: u64,
	/// The agent.
	pub model: String,
	/// The one choice; none in the last chunk of a stream with usage.
	pub choices: Vec<C>,
	/// Tokens, when known.
	#[serde(skip_serializing_if = "Option::is_none")]
	pub usage: Option<Usage>,
}

/// Choice of a chat completion.
#[derive(Debug, Serialize)]
pub struct ChatChoice {
	/// Always 0.
	pub index: u32,
	/// The message.
	pub message: AssistantMessage,
	/// `stop` or `length`.
	pub finish_reason: &'static str,
}

/// The assistant's message.
#[derive(Debug, Serialize)]
pub struct AssistantMessage {
	/// Always `assistant`.
	pub role: &'static str,
	/// Its text.
	pub content: String,
}

/// Choice of a streamed chunk of a chat completion.
#[derive(Debug, Serialize)]
pub struct ChatDelta {
	/// Always 0.
	pub index: u32,
	/// What is new.
	pub delta: Delta,
	/// `stop` or `length` in the last.
	pub finish_reason: Option<&'static str>,
}

/// What is new in a chunk.
#[derive(Debug, Default, Serialize)]
pub struct Delta {
	/// In the first chunk.
	#[serde(skip_serializing_if = "Option::is_none")]
	pub role: Option<&'static str>,
	/// More text.
	#[serde(skip_serializing_if = "Option::is_none")]
	pub content: Option<String>,
}

/// Choice of a completion, streamed or not.
#[derive(Debug, Serialize)]
pub struct TextChoice {
	/// Always 0.
	pub index: u32,
	/// The text.
	pub text: String,
	/// `stop` or `length` at the end.
	pub finish_reason: Option<&'static str>,
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::json;

	fn chat(body: Value) -> ChatRequest {
		serde_json::from_value(body).unwrap()
	}

	fn code(error: ApiError) -> String {
		error.body().error.code
	}

	#[test]
	fn options_are_openais_defaults_when_none_are_given() {
		let request = chat(json!({ "model": "guide", "messages": [{ "role": "user", "content": "why?" }] }));
		let expected = Options {
			max_tokens: None,
			temperature: 1.0,
			top_p: 1.0,
			top_k: 0,
			stop: vec![],
			include_usage: false,
		};
		assert_eq!(request.common.options().unwrap(), expected);
		assert!(!request.common.stream);
	}

	#[test]
	fn options_are_read_when_a_client_sends_many() {
		let request = chat(json!({
			"model": "guide", "messages": [], "max_tokens": 5, "max_completion_tokens": 7, "temperature": 0,
			"stop": ["a", "b"], "stream": true, "stream_options": { "include_usage": true }, "user": "me",
			"seed": 4, "n": 1, "tools": [], "logprobs": false, "response_format": { "type": "text" }
		}));
		let options = request.common.options().unwrap();
		assert_eq!((options.max_tokens, options.temperature, options.stop.len()), (Some(7), 0.0, 2));
		assert!(request.common.stream && options.include_usage);
	}

	#[test]
	fn request_is_refused_by_name_when_it_asks_for_what_is_not_supported() {
		for (name, value) in [
			("n", json!(2)),
			("tools", json!([{}])),
			("logit_bias", json!({ "1": 2 })),
			("logprobs", json!(true)),
			("frequency_penalty", json!(0.5)),
			("response_format", json!({ "type": "json_object" })),
		] {
			let error =
				chat(json!({ "model": "guide", "messages": [], name: value })).common.options().unwrap_err();
			assert!(error.body().error.message.contains(name), "{name}");
			assert_eq!(code(error), "unsupported_parameter");
		}
	}

	#[test]
	fn request_is_refused_when_values_are_out_of_range() {
		for (name, value) in [
			("temperature", json!(2.5)),
			("temperature", json!(-1)),
			("top_p", json!(0)),
			("max_tokens", json!(0)),
			("stop", json!(["", "a"])),
			("stop", json!(["a", "b", "c", "d", "e"])),
		] {
			let error =
				chat(json!({ "model": "guide", "messages": [], name: value })).common.options().unwrap_err();
			assert_eq!(code(error), "invalid_value", "{name}");
		}
	}

	#[test]
	fn content_is_joined_when_it_comes_in_parts() {
		let parts = json!([{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }]);
		let request = chat(json!({ "model": "m", "messages": [{ "role": "developer", "content": parts }] }));
		let messages = request.messages().unwrap();
		assert_eq!((messages[0].role.as_str(), messages[0].content.as_str()), ("system", "ab"));
	}

	#[test]
	fn messages_are_refused_when_empty_of_another_role_or_with_images() {
		for messages in [
			json!([]),
			json!([{ "role": "tool", "content": "x" }]),
			json!([{ "role": "user", "content": [{ "type": "image_url" }] }]),
		] {
			let error = chat(json!({ "model": "m", "messages": messages })).messages().unwrap_err();
			assert_eq!(code(error), "invalid_messages");
		}
	}

	#[test]
	fn completion_takes_one_prompt_when_it_is_text_or_a_list_of_one() {
		let prompt = |prompt| {
			serde_json::from_value::<CompletionRequest>(json!({ "model": "m", "prompt": prompt }))
				.unwrap()
				.prompt()
		};
		assert_eq!(prompt(json!("a")).unwrap(), "a");
		assert_eq!(prompt(json!(["a"])).unwrap(), "a");
		assert_eq!(code(prompt(json!(["a", "b"])).unwrap_err()), "unsupported_parameter");
	}

	#[test]
	fn answer_has_openais_shape_when_serialized() {
		let ending = crate::answer::Ending { reason: "stop", tokens_in: 3, tokens_out: 2 };
		let message = AssistantMessage { role: "assistant", content: "yes".into() };
		let answer = Answer {
			id: "chatcmpl-1".into(),
			object: "chat.completion",
			created: 5,
			model: "guide".into(),
			choices: vec![ChatChoice { index: 0, message, finish_reason: "stop" }],
			usage: Some(ending.into()),
		};
		let expected = json!({
			"id": "chatcmpl-1", "object": "chat.completion", "created": 5, "model": "guide",
			"choices": [{ "index": 0, "message": { "role": "assistant", "content": "yes" }, "finish_reason": "stop" }],
			"usage": { "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5 }
		});
		assert_eq!(serde_json::to_value(answer).unwrap(), expected);
	}
}
