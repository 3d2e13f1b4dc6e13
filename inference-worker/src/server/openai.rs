//! OpenAI's answer bodies.

use crate::answer::{Delta, Ending, TokenLogprob};
use crate::retrieve::Citation;
use crate::tools::Call;
use serde::Serialize;
use std::collections::BTreeMap;

/// Tokens of an answer.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Usage {
	prompt_tokens: u32,
	completion_tokens: u32,
	total_tokens: u32,
	prompt_tokens_details: PromptDetails,
}

/// Which prompt tokens cost the worker nothing; they are billed like the others.
#[derive(Clone, Copy, Debug, Serialize)]
struct PromptDetails {
	cached_tokens: u32,
}

impl From<&Ending> for Usage {
	fn from(ending: &Ending) -> Self {
		let tokens = ending.tokens;
		Self {
			prompt_tokens: tokens.tokens_in,
			completion_tokens: tokens.tokens_out,
			total_tokens: tokens.tokens_in.saturating_add(tokens.tokens_out),
			prompt_tokens_details: PromptDetails { cached_tokens: ending.cached },
		}
	}
}

/// What all bodies of one answer have in common.
#[derive(Clone, Debug)]
pub struct Head {
	/// Made of the order's id.
	pub id: String,
	/// Unix seconds.
	pub created: u64,
	/// The agent.
	pub model: String,
	/// Names the numerics profile: with the same one, the same seed gives the same answer.
	pub fingerprint: String,
}

impl Head {
	/// A body with these choices.
	pub fn answer<C>(&self, object: &'static str, choices: Vec<C>, usage: Option<&Ending>) -> Answer<C> {
		Answer {
			id: self.id.clone(),
			object,
			created: self.created,
			model: self.model.clone(),
			system_fingerprint: self.fingerprint.clone(),
			choices,
			usage: usage.map(Into::into),
			x_tributary: None,
		}
	}
}

/// What OpenAI's bodies have no place for.
#[derive(Debug, Serialize)]
struct Extra {
	/// What the marks `[1]`, `[2]` in the answer's sources stand for.
	citations: Vec<Citation>,
}

/// An answer or a chunk of one; the endpoints differ only in `object` and their choice.
#[derive(Debug, Serialize)]
pub struct Answer<C> {
	id: String,
	object: &'static str,
	created: u64,
	model: String,
	system_fingerprint: String,
	/// None in the last chunk of a stream with usage.
	choices: Vec<C>,
	#[serde(skip_serializing_if = "Option::is_none")]
	usage: Option<Usage>,
	/// In whole answers and in the last chunk of each choice, where the context held sources.
	#[serde(skip_serializing_if = "Option::is_none")]
	x_tributary: Option<Extra>,
}

impl<C> Answer<C> {
	/// The same with the citations of the answer.
	pub fn citing(mut self, ending: &Ending) -> Self {
		let citations = ending.citations.clone();
		self.x_tributary = (!citations.is_empty()).then_some(Extra { citations });
		self
	}
}

/// Choice of a chat completion.
#[derive(Debug, Serialize)]
pub struct ChatChoice {
	index: u32,
	message: AssistantMessage,
	#[serde(skip_serializing_if = "Option::is_none")]
	logprobs: Option<ChatLogprobs>,
	finish_reason: &'static str,
}

/// The assistant's message.
#[derive(Debug, Serialize)]
struct AssistantMessage {
	role: &'static str,
	/// `null` when there are calls and no text.
	content: Option<String>,
	#[serde(skip_serializing_if = "Vec::is_empty")]
	tool_calls: Vec<ToolCall>,
}

/// Choice of a streamed chunk of a chat completion.
#[derive(Debug, Serialize)]
pub struct ChatDelta {
	index: u32,
	delta: MessageDelta,
	#[serde(skip_serializing_if = "Option::is_none")]
	logprobs: Option<ChatLogprobs>,
	/// In the last one.
	finish_reason: Option<&'static str>,
}

#[derive(Debug, Default, Serialize)]
struct MessageDelta {
	#[serde(skip_serializing_if = "Option::is_none")]
	role: Option<&'static str>,
	#[serde(skip_serializing_if = "Option::is_none")]
	content: Option<String>,
	#[serde(skip_serializing_if = "Vec::is_empty")]
	tool_calls: Vec<ToolCall>,
}

#[derive(Debug, Serialize)]
struct ToolCall {
	/// In streams only.
	#[serde(skip_serializing_if = "Option::is_none")]
	index: Option<u32>,
	id: String,
	#[serde(rename = "type")]
	kind: &'static str,
	function: CalledFunction,
}

#[derive(Debug, Serialize)]
struct CalledFunction {
	name: String,
	arguments: String,
}

impl ToolCall {
	fn of(call: Call, is_streamed: bool) -> Self {
		let function = CalledFunction { name: call.name, arguments: call.arguments };
		Self { index: is_streamed.then_some(call.index), id: call.id, kind: "function", function }
	}
}

#[derive(Debug, Serialize)]
struct ChatLogprobs {
	content: Vec<ChatLogprob>,
}

#[derive(Debug, Serialize)]
struct ChatLogprob {
	#[serde(flatten)]
	token: LikelyToken,
	top_logprobs: Vec<LikelyToken>,
}

#[derive(Debug, Serialize)]
struct LikelyToken {
	token: String,
	logprob: f32,
	bytes: Vec<u8>,
}

impl LikelyToken {
	fn of(bytes: Vec<u8>, logprob: f32) -> Self {
		Self { token: String::from_utf8_lossy(&bytes).into_owned(), logprob, bytes }
	}
}

impl ChatLogprobs {
	fn of(tokens: Vec<TokenLogprob>) -> Self {
		let one = |TokenLogprob { bytes, logprob, top, .. }| ChatLogprob {
			token: LikelyToken::of(bytes, logprob),
			top_logprobs: top.into_iter().map(|(bytes, logprob)| LikelyToken::of(bytes, logprob)).collect(),
		};
		Self { content: tokens.into_iter().map(one).collect() }
	}
}

impl ChatChoice {
	/// A whole choice; `logprobs` says whether they were asked for.
	pub fn whole(choice: Delta, logprobs: bool, finish_reason: &'static str) -> Self {
		let tool_calls: Vec<ToolCall> =
			choice.calls.into_iter().map(|call| ToolCall::of(call, false)).collect();
		let content = (tool_calls.is_empty() || !choice.text.is_empty()).then_some(choice.text);
		Self {
			index: choice.choice,
			message: AssistantMessage { role: "assistant", content, tool_calls },
			logprobs: logprobs.then(|| ChatLogprobs::of(choice.logprobs)),
			finish_reason,
		}
	}
}

impl ChatDelta {
	/// Before any text.
	pub fn first(index: u32) -> Self {
		let delta =
			MessageDelta { role: Some("assistant"), content: Some(String::new()), ..MessageDelta::default() };
		Self { index, delta, logprobs: None, finish_reason: None }
	}

	/// More of a choice.
	pub fn more(choice: Delta) -> Self {
		let tool_calls: Vec<ToolCall> =
			choice.calls.into_iter().map(|call| ToolCall::of(call, true)).collect();
		let content = (tool_calls.is_empty() || !choice.text.is_empty()).then_some(choice.text);
		Self {
			index: choice.choice,
			delta: MessageDelta { role: None, content, tool_calls },
			logprobs: (!choice.logprobs.is_empty()).then(|| ChatLogprobs::of(choice.logprobs)),
			finish_reason: None,
		}
	}

	/// Why a choice ended.
	pub fn last(index: u32, reason: &'static str) -> Self {
		Self { index, delta: MessageDelta::default(), logprobs: None, finish_reason: Some(reason) }
	}
}

/// Choice of a completion, streamed or not.
#[derive(Debug, Serialize)]
pub struct TextChoice {
	index: u32,
	text: String,
	#[serde(skip_serializing_if = "Option::is_none")]
	logprobs: Option<TextLogprobs>,
	/// At the end.
	finish_reason: Option<&'static str>,
}

/// Log-probabilities in the shape that completions have.
#[derive(Debug, Default, Serialize)]
struct TextLogprobs {
	tokens: Vec<String>,
	token_logprobs: Vec<f32>,
	/// Where two tokens have the same text, the likelier one stands.
	top_logprobs: Vec<BTreeMap<String, f32>>,
	text_offset: Vec<usize>,
}

impl TextLogprobs {
	fn of(tokens: Vec<TokenLogprob>) -> Self {
		let mut all = Self::default();
		for TokenLogprob { bytes, logprob, offset, top } in tokens {
			let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
			all.tokens.push(text(&bytes));
			all.token_logprobs.push(logprob);
			all.top_logprobs.push(top.iter().rev().map(|(bytes, logprob)| (text(bytes), *logprob)).collect());
			all.text_offset.push(offset);
		}
		all
	}
}

impl TextChoice {
	/// A whole choice; `logprobs` says whether they were asked for.
	pub fn whole(choice: Delta, logprobs: bool, reason: &'static str) -> Self {
		let logprobs = logprobs.then(|| TextLogprobs::of(choice.logprobs));
		Self { index: choice.choice, text: choice.text, logprobs, finish_reason: Some(reason) }
	}

	/// More of a choice.
	pub fn more(choice: Delta) -> Self {
		let logprobs = (!choice.logprobs.is_empty()).then(|| TextLogprobs::of(choice.logprobs));
		Self { index: choice.choice, text: choice.text, logprobs, finish_reason: None }
	}

	/// Why a choice ended.
	pub fn last(index: u32, reason: &'static str) -> Self {
		Self { index, text: String::new(), logprobs: None, finish_reason: Some(reason) }
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::billing::Recorded;
	use serde_json::{json, to_value};

	fn token(bytes: &[u8], offset: usize) -> TokenLogprob {
		TokenLogprob {
			bytes: bytes.into(),
			logprob: -0.5,
			offset,
			top: vec![(bytes.into(), -0.5), (b"no".to_vec(), -2.0)],
		}
	}

	#[test]
	fn answer_has_openais_shape_when_serialized() {
		let tokens = Recorded { tokens_in: 3, tokens_out: 2 };
		let ending = Ending { reasons: vec!["stop"], tokens, cached: 1, citations: vec![] };
		let head =
			Head { id: "chatcmpl-1".into(), created: 5, model: "guide".into(), fingerprint: "fp_1".into() };
		let choice = ChatChoice::whole(Delta { text: "yes".into(), ..Delta::default() }, false, "stop");
		let expected = json!({
			"id": "chatcmpl-1", "object": "chat.completion", "created": 5, "model": "guide", "system_fingerprint": "fp_1",
			"choices": [{ "index": 0, "message": { "role": "assistant", "content": "yes" }, "finish_reason": "stop" }],
			"usage": {
				"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5,
				"prompt_tokens_details": { "cached_tokens": 1 }
			}
		});
		assert_eq!(to_value(head.answer("chat.completion", vec![choice], Some(&ending))).unwrap(), expected);
	}

	#[test]
	fn logprobs_have_both_shapes_when_serialized() {
		let delta = Delta {
			text: "é".into(),
			logprobs: vec![token(&[0xc3], 0), token(&[0xa9], 1)],
			..Delta::default()
		};
		let chat = to_value(ChatChoice::whole(delta.clone(), true, "stop")).unwrap();
		let first = &chat["logprobs"]["content"][0];
		assert_eq!((&first["token"], &first["bytes"]), (&json!("\u{fffd}"), &json!([0xc3])));
		assert_eq!(first["top_logprobs"][1], json!({ "token": "no", "logprob": -2.0, "bytes": [110, 111] }));
		assert_eq!(to_value(ChatDelta::more(delta.clone())).unwrap()["logprobs"], chat["logprobs"]);
		let text = to_value(TextChoice::whole(delta, true, "stop")).unwrap();
		let expected = json!({
			"tokens": ["\u{fffd}", "\u{fffd}"], "token_logprobs": [-0.5, -0.5], "text_offset": [0, 1],
			"top_logprobs": [{ "\u{fffd}": -0.5, "no": -2.0 }, { "\u{fffd}": -0.5, "no": -2.0 }]
		});
		assert_eq!(text["logprobs"], expected);
	}

	#[test]
	fn calls_have_openais_shape_when_serialized() {
		let call = Call { index: 0, id: "call_1".into(), name: "time".into(), arguments: "{}".into() };
		let delta = Delta { choice: 2, calls: vec![call], ..Delta::default() };
		let whole = to_value(ChatChoice::whole(delta.clone(), false, "tool_calls")).unwrap();
		let function = json!({ "name": "time", "arguments": "{}" });
		let expected = json!({ "id": "call_1", "type": "function", "function": function });
		assert_eq!(
			whole["message"],
			json!({ "role": "assistant", "content": null, "tool_calls": [expected] })
		);
		let streamed = to_value(ChatDelta::more(delta)).unwrap();
		assert_eq!(
			(&streamed["index"], &streamed["delta"]["tool_calls"][0]["index"]),
			(&json!(2), &json!(0))
		);
	}
}
