//! A conversation, as OpenAI's API sends it, for the chat template.

use super::{errors::ApiError, members::Members};
use serde::Deserialize;
use serde_json::{json, Value};
use tributary_engine::ChatMessage;

#[derive(Debug, Deserialize)]
struct Message {
	role: String,
	content: Option<Content>,
	name: Option<String>,
	tool_call_id: Option<String>,
	tool_calls: Option<Vec<ToolCall>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
	Text(String),
	Parts(Vec<ContentPart>),
}

#[derive(Debug, Deserialize)]
struct ContentPart {
	#[serde(rename = "type")]
	kind: String,
	text: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ToolCall {
	id: String,
	function: Function,
}

#[derive(Debug, Deserialize)]
struct Function {
	name: String,
	arguments: String,
}

fn refused(message: impl Into<String>) -> ApiError {
	ApiError::invalid("invalid_messages", message)
}

/// The conversation of a request.
pub fn messages(body: &Members) -> Result<Vec<ChatMessage>, ApiError> {
	let list = body.get("messages").cloned().unwrap_or_default();
	let messages: Vec<Message> = serde_json::from_value(list)
		.map_err(|error| refused(format!("messages must be a list of messages: {error}")))?;
	if messages.is_empty() {
		return Err(refused("messages is empty: send at least one"));
	}
	messages.into_iter().map(Message::into_chat).collect()
}

impl Message {
	fn into_chat(self) -> Result<ChatMessage, ApiError> {
		// What OpenAI calls `developer` since 2024 is `system` in all chat templates.
		let role = match self.role.as_str() {
			"developer" | "system" => "system",
			"user" => "user",
			"assistant" => "assistant",
			"tool" if self.tool_call_id.is_some() => "tool",
			"tool" => return Err(refused("messages: role tool needs the tool_call_id that it answers")),
			other => {
				let message =
					format!("messages: role `{other}` is not supported: use system, user, assistant or tool");
				return Err(refused(message));
			}
		};
		let calls = self.tool_calls.unwrap_or_default();
		if !calls.is_empty() && role != "assistant" {
			return Err(refused("messages: tool_calls belong to role assistant"));
		}
		let content = match self.content {
			None => String::new(),
			Some(Content::Text(text)) => text,
			Some(Content::Parts(parts)) => {
				let texts = parts.iter().map(|part| part.text.as_deref().filter(|_| part.kind == "text"));
				texts
					.collect::<Option<Vec<_>>>()
					.map(|texts| texts.concat())
					.ok_or_else(|| refused("messages: only content parts of type `text` are supported"))?
			}
		};
		Ok(ChatMessage {
			role: role.into(),
			content,
			tool_calls: calls.into_iter().map(ToolCall::into_json).collect::<Result<_, _>>()?,
			tool_call_id: self.tool_call_id,
			name: self.name,
		})
	}
}

impl ToolCall {
	/// With arguments as a value, which is what chat templates expect.
	fn into_json(self) -> Result<Value, ApiError> {
		let arguments: Value =
			serde_json::from_str(&self.function.arguments)
				.ok()
				.filter(Value::is_object)
				.ok_or_else(|| refused("messages: arguments of tool_calls must be the JSON of an object"))?;
		let function = json!({ "name": self.function.name, "arguments": arguments });
		Ok(json!({ "id": self.id, "type": "function", "function": function }))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn read(messages: Value) -> Result<Vec<ChatMessage>, ApiError> {
		let body = json!({ "messages": messages }).to_string();
		super::messages(&Members::of(body.as_bytes()).unwrap())
	}

	#[test]
	fn content_is_joined_when_it_comes_in_parts() {
		let parts = json!([{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }]);
		let messages = read(json!([{ "role": "developer", "content": parts }])).unwrap();
		assert_eq!((messages[0].role.as_str(), messages[0].content.as_str()), ("system", "ab"));
	}

	#[test]
	fn calls_and_results_are_read_when_a_conversation_had_some() {
		let call = json!({ "id": "call_1", "type": "function",
			"function": { "name": "time", "arguments": "{\"zone\": \"UTC\"}" } });
		let messages = read(json!([
			{ "role": "assistant", "content": null, "tool_calls": [call] },
			{ "role": "tool", "tool_call_id": "call_1", "content": "noon" },
		]))
		.unwrap();
		assert_eq!(messages[0].tool_calls[0]["function"]["arguments"], json!({ "zone": "UTC" }));
		assert_eq!(
			(messages[1].role.as_str(), messages[1].tool_call_id.as_deref()),
			("tool", Some("call_1"))
		);
	}

	#[test]
	fn messages_are_refused_when_empty_of_another_role_with_images_or_broken_calls() {
		let call =
			|arguments: &str| json!([{ "id": "c", "function": { "name": "f", "arguments": arguments } }]);
		for messages in [
			json!([]),
			Value::Null,
			json!("hi"),
			json!([{ "role": "robot", "content": "x" }]),
			json!([{ "role": "tool", "content": "x" }]),
			json!([{ "role": "user", "content": "x", "tool_calls": call("{}") }]),
			json!([{ "role": "assistant", "tool_calls": call("[") }]),
			json!([{ "role": "user", "content": [{ "type": "image_url" }] }]),
		] {
			let error = read(messages.clone()).unwrap_err().body().error;
			assert_eq!(error.code, "invalid_messages", "{messages}");
			assert!(error.message.contains("messages"), "{messages}");
		}
	}
}
