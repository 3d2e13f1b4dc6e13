//! What a server says that it can do, within bounds, and the hash of it.

use crate::{canonical, hash, Hash, ToolError};
use serde_json::{json, Value};

/// Most tools of a server.
pub const MAX_TOOLS: usize = 64;
/// Longest name of a tool, bytes.
pub const MAX_NAME: usize = 64;
/// Longest description of a tool, bytes.
pub const MAX_DESCRIPTION: usize = 8 << 10;
/// Largest schema of a tool, bytes of canonical JSON.
pub const MAX_SCHEMA: usize = 32 << 10;
/// Largest list, bytes of canonical JSON.
pub const MAX_LIST: usize = 256 << 10;
/// Longest name and version of a server together, bytes.
const MAX_IDENTITY: usize = 128;

/// A tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
	/// Its name.
	pub name: String,
	/// What it is for, as a model reads it.
	pub description: String,
	/// JSON schema of its arguments, an object.
	pub input: Value,
	/// JSON schema of its structured answer.
	pub output: Option<Value>,
}

/// A server's tools.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
	/// What the server calls itself: `name version`.
	pub identity: String,
	/// The tools, by name.
	pub tools: Vec<Tool>,
	/// The list in canonical JSON.
	pub text: String,
	/// BLAKE3 of `text`.
	pub hash: Hash,
}

impl Listing {
	/// Checks a list. What models read and callers rely on is in the hash: name, description and the schemas.
	/// Titles, icons and the order of the list are not.
	pub fn of(identity: String, mut tools: Vec<Tool>) -> Result<Self, ToolError> {
		let refused = |problem: String| Err(ToolError::List(problem));
		if identity.is_empty() || identity.len() > MAX_IDENTITY || identity.chars().any(char::is_control) {
			return refused(format!(
				"the server's name and version must have 1 to {MAX_IDENTITY} bytes of text"
			));
		}
		if tools.is_empty() || tools.len() > MAX_TOOLS {
			return refused(format!("it has {} tools, 1 to {MAX_TOOLS} are allowed", tools.len()));
		}
		tools.iter().try_for_each(check)?;
		tools.sort_unstable_by(|a, b| a.name.cmp(&b.name));
		if let Some([twice, _]) = tools.windows(2).find(|pair| matches!(pair, [a, b] if a.name == b.name)) {
			return refused(format!("it names `{}` twice", twice.name));
		}
		let list: Value = tools.iter().map(Tool::to_json).collect();
		let text = canonical(&list);
		if text.len() > MAX_LIST {
			return refused(format!("it has {} bytes, {MAX_LIST} are allowed", text.len()));
		}
		Ok(Self { identity, tools, hash: hash(&list), text })
	}

	/// The tool of this name.
	pub fn tool(&self, name: &str) -> Result<&Tool, ToolError> {
		let found = self.tools.iter().find(|tool| tool.name == name);
		found.ok_or_else(|| ToolError::UnknownTool(name.chars().take(MAX_NAME).collect()))
	}
}

impl Tool {
	fn to_json(&self) -> Value {
		let mut value =
			json!({ "name": self.name, "description": self.description, "inputSchema": self.input });
		if let (Some(members), Some(output)) = (value.as_object_mut(), &self.output) {
			members.insert("outputSchema".into(), output.clone());
		}
		value
	}
}

fn check(tool: &Tool) -> Result<(), ToolError> {
	// The characters that MCP allows.
	let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
	if tool.name.is_empty() || tool.name.len() > MAX_NAME || !tool.name.bytes().all(is_plain) {
		let shown: String = tool.name.chars().take(MAX_NAME).collect();
		let problem =
			format!("the name {shown:?} is not 1 to {MAX_NAME} letters, digits, `_`, `-`, `.` or `/`");
		return Err(ToolError::List(problem));
	}
	let name = &tool.name;
	if tool.description.len() > MAX_DESCRIPTION {
		return Err(ToolError::List(format!(
			"the description of `{name}` has more than {MAX_DESCRIPTION} bytes"
		)));
	}
	if tool.input.get("type").and_then(Value::as_str) != Some("object") {
		return Err(ToolError::List(format!("the input schema of `{name}` is not of type object")));
	}
	if tool.output.as_ref().is_some_and(|schema| !schema.is_object()) {
		return Err(ToolError::List(format!("the output schema of `{name}` is no schema")));
	}
	let is_large = |schema: &Value| canonical(schema).len() > MAX_SCHEMA;
	match is_large(&tool.input) || tool.output.as_ref().is_some_and(is_large) {
		true => Err(ToolError::List(format!("a schema of `{name}` has more than {MAX_SCHEMA} bytes"))),
		false => Ok(()),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn tool(name: &str) -> Tool {
		let input = json!({ "type": "object", "properties": { "zone": { "type": "string" } } });
		Tool { name: name.into(), description: "Tells the time".into(), input, output: None }
	}

	fn list(tools: Vec<Tool>) -> Result<Listing, ToolError> {
		Listing::of("clock 1.0".into(), tools)
	}

	#[test]
	fn hash_is_the_same_when_the_order_differs_and_another_when_a_tool_does() {
		let hash = list(vec![tool("a"), tool("b")]).unwrap().hash;
		assert_eq!(list(vec![tool("b"), tool("a")]).unwrap().hash, hash);
		for other in [
			Tool { description: "Tells the date".into(), ..tool("b") },
			Tool { input: json!({ "type": "object" }), ..tool("b") },
			Tool { output: Some(json!({ "type": "object" })), ..tool("b") },
			tool("c"),
		] {
			assert_ne!(list(vec![tool("a"), other]).unwrap().hash, hash);
		}
	}

	#[test]
	fn text_is_canonical_json_when_a_list_is_taken() {
		let text = list(vec![tool("a")]).unwrap().text;
		let expected = concat!(
			r#"[{"description":"Tells the time","inputSchema":{"properties":{"zone":{"type":"string"}},"#,
			r#""type":"object"},"name":"a"}]"#
		);
		assert_eq!(text, expected);
	}

	#[test]
	fn list_is_refused_when_it_is_empty_long_large_or_has_odd_tools() {
		let many = (0..=MAX_TOOLS).map(|number| tool(&format!("t{number}"))).collect();
		let large =
			|number: usize| Tool { description: "x".repeat(MAX_DESCRIPTION), ..tool(&format!("t{number}")) };
		let schema = json!({ "type": "object", "description": "x".repeat(MAX_SCHEMA) });
		for tools in [
			vec![],
			many,
			(0..40).map(large).collect(),
			vec![tool("a"), tool("a")],
			vec![tool("")],
			vec![tool("a b")],
			vec![tool(&"a".repeat(65))],
			vec![Tool { description: "x".repeat(MAX_DESCRIPTION + 1), ..tool("a") }],
			vec![Tool { input: json!({ "type": "string" }), ..tool("a") }],
			vec![Tool { input: json!([]), ..tool("a") }],
			vec![Tool { input: schema.clone(), ..tool("a") }],
			vec![Tool { output: Some(schema), ..tool("a") }],
			vec![Tool { output: Some(json!(true)), ..tool("a") }],
		] {
			assert!(matches!(list(tools), Err(ToolError::List(_))));
		}
		for identity in ["", "a\nb", &"x".repeat(129)] {
			assert!(Listing::of(identity.into(), vec![tool("a")]).is_err(), "{identity:?}");
		}
	}
}
