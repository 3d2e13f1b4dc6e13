//! What a call gives.

use crate::{canonical, conforms, Hash, Tool, ToolError};
use serde_json::{json, Value};
use std::time::Duration;

/// Names a call to the server: the same for all attempts, so that a server that keeps ids does the work once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallId(pub String);

/// A result.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
	/// As a model reads it.
	pub text: String,
	/// Whether the tool says that it failed: the text says why.
	pub is_error: bool,
	/// BLAKE3 of content, structured content and `isError` in canonical JSON.
	pub hash: Hash,
	/// How often it was tried, this time included.
	pub attempts: u32,
	/// How long it took, all attempts together.
	pub took: Duration,
}

impl Answer {
	/// Reads a `tools/call` result, which must be within `limit` bytes and be what the tool promised.
	pub(crate) fn read(tool: &Tool, result: &Value, limit: usize) -> Result<Self, ToolError> {
		let member = |name: &str| result.get(name).cloned().unwrap_or_default();
		let (content, structured) = (member("content"), result.get("structuredContent"));
		let is_error = result.get("isError").and_then(Value::as_bool).unwrap_or(false);
		let whole = canonical(
			&json!({ "content": content, "structuredContent": member("structuredContent"), "isError": is_error }),
		);
		if whole.len() > limit {
			return Err(ToolError::TooLarge { tool: tool.name.clone(), limit });
		}
		if let (Some(schema), false) = (&tool.output, is_error) {
			let problem = match structured {
				None => Err("it has no structured content".to_owned()),
				Some(structured) => conforms(schema, structured),
			};
			problem.map_err(|problem| ToolError::Output { tool: tool.name.clone(), problem })?;
		}
		let mut parts: Vec<String> = content.as_array().into_iter().flatten().map(shown).collect();
		if parts.is_empty() {
			parts.extend(structured.map(Value::to_string));
		}
		let hash = *blake3::hash(whole.as_bytes()).as_bytes();
		Ok(Self { text: parts.join("\n"), is_error, hash, attempts: 1, took: Duration::ZERO })
	}
}

/// A block of content in words.
fn shown(block: &Value) -> String {
	let text = |pointer: &str| block.pointer(pointer).and_then(Value::as_str);
	let kind = text("/type").unwrap_or("content");
	if let Some(text) = text("/text").or(text("/resource/text")) {
		return text.to_owned();
	}
	let what = text("/uri").or(text("/resource/uri")).or(text("/mimeType")).unwrap_or("no text");
	format!("[{kind}: {what}]")
}

#[cfg(test)]
mod tests {
	use super::*;

	fn tool(output: Option<Value>) -> Tool {
		Tool { name: "time".into(), description: String::new(), input: json!({ "type": "object" }), output }
	}

	fn read(output: Option<Value>, result: Value) -> Result<Answer, ToolError> {
		Answer::read(&tool(output), &result, 1_000)
	}

	#[test]
	fn text_is_of_all_blocks_when_some_have_none() {
		let answer = read(
			None,
			json!({ "content": [
				{ "type": "text", "text": "noon" },
				{ "type": "image", "mimeType": "image/png", "data": "AAAA" },
				{ "type": "resource", "resource": { "uri": "file:///a", "text": "inside" } },
				{ "type": "resource_link", "uri": "file:///b" },
			] }),
		)
		.unwrap();
		assert_eq!(answer.text, "noon\n[image: image/png]\ninside\n[resource_link: file:///b]");
		assert!(!answer.is_error);
		assert_eq!(
			read(None, json!({ "structuredContent": { "hour": 12 } })).unwrap().text,
			r#"{"hour":12}"#
		);
	}

	#[test]
	fn hash_differs_when_anything_that_counts_does() {
		let hash = |result| read(None, result).unwrap().hash;
		let one = hash(json!({ "content": [{ "type": "text", "text": "a" }] }));
		assert_eq!(
			one,
			hash(json!({ "isError": false, "content": [{ "text": "a", "type": "text" }], "_meta": {} }))
		);
		assert_ne!(one, hash(json!({ "content": [{ "type": "text", "text": "b" }] })));
		assert_ne!(one, hash(json!({ "content": [{ "type": "text", "text": "a" }], "isError": true })));
	}

	#[test]
	fn result_is_refused_when_it_is_large_or_not_what_was_promised() {
		let long = json!({ "content": [{ "type": "text", "text": "x".repeat(1_000) }] });
		assert!(matches!(read(None, long), Err(ToolError::TooLarge { limit: 1_000, .. })));
		let schema = json!({ "type": "object", "properties": { "hour": { "type": "integer" } }, "required": ["hour"] });
		for result in [json!({ "content": [] }), json!({ "structuredContent": { "hour": "noon" } })] {
			assert!(matches!(read(Some(schema.clone()), result), Err(ToolError::Output { .. })));
		}
		assert!(read(Some(schema.clone()), json!({ "structuredContent": { "hour": 12 } })).is_ok());
		// A failure need not have the shape of a success.
		assert!(read(Some(schema), json!({ "content": [], "isError": true })).unwrap().is_error);
	}
}
