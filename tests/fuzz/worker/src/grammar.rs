//! Schemas that a request wants its answer or its tools' arguments to match, compiled and followed for some tokens.

use crate::refused;
use serde_json::{json, Value};
use std::{path::Path, sync::OnceLock};
use tributary_engine::{written_plainly, Grammar, GrammarSource, Grammars, Tokenizer};
use tributary_fuzz_driver::{peak_of, Input, Trace};

/// Memory that a grammar may take beside a multiple of its own size, bytes.
const ROOM: usize = 64 << 20;
/// Most tokens that are drawn.
const MOST_TOKENS: usize = 24;

/// The vocabulary of the model in `models/`.
fn vocabulary() -> &'static (Grammars, usize) {
	static VOCABULARY: OnceLock<(Grammars, usize)> = OnceLock::new();
	VOCABULARY.get_or_init(|| {
		let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../models/tributary-3m");
		let tokenizer = Tokenizer::open(&folder, &[0]).expect("the model's tokenizer");
		let size = tokenizer.vocab_size();
		(Grammars::new(&tokenizer, size).expect("a grammar's vocabulary"), size)
	})
}

/// The target: how many tokens to draw, which ones, where the schema stands, the schema.
pub fn run(data: &[u8], trace: &mut Trace) {
	let mut input = Input::new(data);
	let (tokens, first, is_tool) = (input.below(MOST_TOKENS + 1), input.byte(), input.byte() % 2 == 1);
	let Ok(schema) = serde_json::from_slice::<Value>(input.rest()) else { return };
	let size = data.len();
	let source = match is_tool {
		// As a tool's arguments are asked for.
		true => GrammarSource::Lark(format!(
			"start: \"<tool_call>\\n\" json \"\\n</tool_call>\"\njson: %json {}",
			written_plainly(&json!({ "type": "object", "properties": { "arguments": schema } }))
		)),
		false => GrammarSource::Json(schema),
	};
	let (grammars, vocabulary) = vocabulary();
	let (walked, peak) = peak_of(|| {
		let grammar = grammars.compile(source).map_err(|error| error.to_string())?;
		walk(grammar, *vocabulary, tokens, first)
	});
	assert!(peak <= ROOM + 1_024 * size, "a schema of {size} bytes takes {peak} of memory");
	trace.call("schema", if is_tool { "tool" } else { "answer" }, walked.is_ok());
	match walked {
		Ok(drawn) => trace.reached(drawn as u64),
		Err(reason) => {
			assert!(reason.len() < 2_048, "a refusal repeats {} bytes", reason.len());
			refused(trace, reason);
		}
	}
}

/// Draws tokens that the grammar allows, and says how many.
fn walk(mut grammar: Grammar, vocabulary: usize, tokens: usize, first: u8) -> Result<usize, String> {
	for drawn in 0..tokens {
		let mut logits = vec![0f32; vocabulary];
		grammar.mask(&mut logits).map_err(|error| error.to_string())?;
		let allowed: Vec<usize> =
			logits.iter().enumerate().filter(|(_, logit)| logit.is_finite()).map(|(id, _)| id).collect();
		let place = (usize::from(first) * 31 + drawn * 17) % allowed.len().max(1);
		let id = allowed.get(place).expect("a mask that is no error allows a token");
		grammar.advance(*id as u32).map_err(|error| error.to_string()).inspect_err(|reason| {
			assert!(!reason.contains("satisfy"), "a token that the mask allows is refused: {reason}");
		})?;
	}
	Ok(tokens)
}

/// Schemas with what JSON Schema has, some of which multiplies.
pub fn seeds() -> Vec<Vec<u8>> {
	let schemas = [
		json!({ "type": "object", "properties": { "a": { "type": "string" }, "b": { "type": "integer", "minimum": 3 } }, "required": ["a"], "additionalProperties": false }),
		json!({ "type": "array", "items": { "enum": ["x", 1, null, true] }, "minItems": 1, "maxItems": 40 }),
		json!({ "anyOf": [{ "type": "number", "exclusiveMaximum": 9.5 }, { "const": "never" }] }),
		json!({ "type": "string", "pattern": "^(a|b{2,9})+[0-9]*$", "maxLength": 99 }),
		json!({ "$defs": { "node": { "type": "object", "properties": { "next": { "$ref": "#/$defs/node" } } } }, "$ref": "#/$defs/node" }),
		json!({ "allOf": [{ "type": "object", "properties": { "a": { "format": "date-time" } } }, { "required": ["a"] }] }),
		json!({ "oneOf": [{ "type": "object", "patternProperties": { "^x": { "type": "boolean" } } }, { "type": "null" }] }),
		json!({ "type": "string", "pattern": "(((a{9}){9}){9})", "minLength": 4 }),
		json!({}),
	];
	let mut seeds = Vec::new();
	for (number, schema) in schemas.iter().enumerate() {
		for place in 0..2u8 {
			seeds.push([&[20, number as u8, place][..], schema.to_string().as_bytes()].concat());
		}
	}
	seeds
}
