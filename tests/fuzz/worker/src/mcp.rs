//! What tool servers say: their lists and their answers.

use crate::{size_of, taken};
use serde_json::{json, Value};
use tributary_fuzz_driver::{Input, Trace};
use tributary_tools::{canonical, conforms, hash, Listing, Tool};

/// The target: a JSON text that is a list of tools, an answer and its schema.
pub fn run(data: &[u8], trace: &mut Trace) {
	let mut input = Input::new(data);
	let kind = input.byte();
	let Ok(value) = serde_json::from_slice::<Value>(input.rest()) else { return };
	let text = canonical(&value);
	let again: Value = serde_json::from_str(&text).expect("canonical JSON is JSON");
	assert_eq!(canonical(&again), text, "canonical JSON has two forms");
	assert_eq!(hash(&again), hash(&value));
	match kind & 1 {
		0 => listing(value, trace),
		_ => answer(&value, trace),
	}
}

fn listing(value: Value, trace: &mut Trace) {
	let text = |tool: &Value, name: &str| tool[name].as_str().unwrap_or_default().to_owned();
	let tools = value["tools"].as_array().into_iter().flatten().map(|tool| Tool {
		name: text(tool, "name"),
		description: text(tool, "description"),
		input: tool["inputSchema"].clone(),
		output: tool.get("outputSchema").cloned(),
	});
	let listed = Listing::of(text(&value, "identity"), tools.collect());
	let Some(listing) = taken(trace, "listing", "of", listed) else { return };
	assert_eq!(hash(&serde_json::from_str(&listing.text).expect("it is JSON")), listing.hash);
	for tool in &listing.tools {
		assert!(listing.tool(&tool.name).is_ok());
	}
	trace.reached(size_of(listing.tools.len() as u64));
}

fn answer(value: &Value, trace: &mut Trace) {
	let conforming = conforms(&value["schema"], &value["value"]);
	if taken(trace, "schema", "conforms", conforming).is_some() {
		trace.reached(1);
	}
}

/// A list, and answers to schemas of every kind.
pub fn seeds() -> Vec<Vec<u8>> {
	let schema = json!({
		"type": "object",
		"properties": { "a": { "type": "array", "items": { "type": "integer", "minimum": 0 } }, "b": { "enum": ["x", 1] } },
		"required": ["a"],
		"additionalProperties": false,
	});
	let list = json!({
		"identity": "server 1.0",
		"tools": [{ "name": "f", "description": "d", "inputSchema": schema, "outputSchema": { "type": "object" } }],
	});
	[
		(0u8, list),
		(1, json!({ "schema": schema, "value": { "a": [1, 2], "b": "x" } })),
		(1, json!({ "schema": { "anyOf": [{ "type": "string", "pattern": "^a+$" }, { "$ref": "#" }] }, "value": "aa" })),
	]
	.into_iter()
	.map(|(kind, value)| [&[kind][..], value.to_string().as_bytes()].concat())
	.collect()
}
