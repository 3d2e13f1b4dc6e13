//! How a request wants its answer. What would change the answer and is not supported is refused by name; what would
//! not is ignored.

use super::{
	errors::ApiError,
	members::{unsupported, wrong, Members},
};
use crate::{
	answer::Generation,
	tools::{Choice, Tool, Tools, MAX_TOOLS},
};
use serde_json::{json, Value};
use tributary_engine::{
	GrammarSource, Sampling, Steering, MAX_BIAS, MAX_BIASES, MAX_PENALTY, MAX_TOP_LOGPROBS,
};

/// Most stop texts.
const MAX_STOPS: usize = 4;
/// Most choices of one request.
const MAX_CHOICES: i64 = 8;
/// Longest name of a tool.
const MAX_NAME: usize = 64;

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
	/// `/v1/chat/completions`
	Chat,
	/// `/v1/completions`
	Completions,
}

/// How to answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
	/// Most tokens of each choice; `None` for the worker's default.
	pub max_tokens: Option<usize>,
	/// Whether to answer by server-sent events.
	pub stream: bool,
	/// Whether a stream ends with the usage.
	pub include_usage: bool,
	/// How tokens are chosen.
	pub generation: Generation,
	/// What the text must match.
	pub format: Option<GrammarSource>,
	/// Tools that the model may call.
	pub tools: Tools,
}

impl Options {
	/// Reads and checks the options.
	pub fn of(body: &Members, endpoint: Endpoint) -> Result<Self, ApiError> {
		body.refuse(&["functions", "function_call", "suffix", "echo"])?;
		if endpoint == Endpoint::Completions {
			body.refuse(&["tools"])?;
		}
		let limits = 1..=i64::from(u32::MAX);
		let max_tokens = match body.integer("max_completion_tokens", limits.clone())? {
			Some(tokens) => Some(tokens),
			None => body.integer("max_tokens", limits)?,
		};
		let stream_options = body.get("stream_options").and_then(|options| options.get("include_usage"));
		let (tools, format) = (read_tools(body)?, format(body)?);
		if tools.are_on() && format.is_some() {
			let message = "response_format cannot be used together with tools: leave one of them out, or set tool_choice to none";
			return Err(wrong(message));
		}
		Ok(Self {
			max_tokens: max_tokens.and_then(|tokens| usize::try_from(tokens).ok()),
			stream: body.flag("stream")?,
			include_usage: stream_options.and_then(Value::as_bool).unwrap_or(false),
			generation: generation(body, endpoint)?,
			format,
			tools,
		})
	}
}

fn generation(body: &Members, endpoint: Endpoint) -> Result<Generation, ApiError> {
	let choices = body.integer("n", 1..=MAX_CHOICES)?.unwrap_or(1);
	if body.integer("best_of", 1..=MAX_CHOICES)?.is_some_and(|best_of| best_of != choices) {
		return Err(wrong("best_of must be the same as n: this worker shows every choice that is billed"));
	}
	let penalty = f64::from(MAX_PENALTY);
	Ok(Generation {
		sampling: Sampling {
			temperature: body.number("temperature", 0.0..=2.0)?.unwrap_or(1.0),
			top_p: top_p(body)?,
			top_k: top_k(body)?,
			min_p: body.number("min_p", 0.0..=1.0)?.unwrap_or(0.0),
			seed: [0; 32],
		},
		seed: body.integer("seed", i64::MIN..=i64::MAX)?,
		steering: Steering {
			logit_bias: logit_bias(body)?,
			repetition_penalty: body.number("repetition_penalty", 0.01..=2.0)?.unwrap_or(1.0),
			frequency_penalty: body.number("frequency_penalty", -penalty..=penalty)?.unwrap_or(0.0),
			presence_penalty: body.number("presence_penalty", -penalty..=penalty)?.unwrap_or(0.0),
			grammar: None,
		},
		stop: body.texts("stop", MAX_STOPS)?,
		choices: u32::try_from(choices).unwrap_or(1),
		logprobs: logprobs(body, endpoint)?,
	})
}

fn top_p(body: &Members) -> Result<f32, ApiError> {
	let top_p = body.number("top_p", 0.0..=1.0)?.unwrap_or(1.0);
	(top_p > 0.0).then_some(top_p).ok_or_else(|| wrong("top_p must be above 0 and at most 1"))
}

/// Unlike OpenAI's, vLLM's API has it; -1 keeps all there.
fn top_k(body: &Members) -> Result<usize, ApiError> {
	let top_k = body.integer("top_k", -1..=i64::from(u32::MAX))?.unwrap_or(0);
	Ok(usize::try_from(top_k).unwrap_or(0))
}

fn logprobs(body: &Members, endpoint: Endpoint) -> Result<Option<usize>, ApiError> {
	let most = i64::try_from(MAX_TOP_LOGPROBS).unwrap_or(i64::MAX);
	let count = |count: i64| usize::try_from(count).unwrap_or(0);
	if endpoint == Endpoint::Completions {
		body.refuse(&["top_logprobs"])?;
		return Ok(body.integer("logprobs", 0..=most)?.map(count));
	}
	let top = body.integer("top_logprobs", 0..=most)?;
	match (body.flag("logprobs")?, top) {
		(true, top) => Ok(Some(count(top.unwrap_or(0)))),
		(false, None | Some(0)) => Ok(None),
		(false, Some(_)) => Err(wrong("top_logprobs needs logprobs: true")),
	}
}

fn logit_bias(body: &Members) -> Result<Vec<(u32, f32)>, ApiError> {
	let Some(value) = body.get("logit_bias") else { return Ok(Vec::new()) };
	let refused = || {
		wrong(format!(
			"logit_bias takes at most {MAX_BIASES} members, token ids with numbers between -{MAX_BIAS} and {MAX_BIAS}"
		))
	};
	let map = value.as_object().filter(|map| map.len() <= MAX_BIASES).ok_or_else(refused)?;
	let mut biases = map
		.iter()
		.map(|(token, bias)| Some((token.parse().ok()?, bias.as_f64()? as f32)))
		.map(|bias| bias.filter(|(_, bias)| (-MAX_BIAS..=MAX_BIAS).contains(bias)))
		.collect::<Option<Vec<(u32, f32)>>>()
		.ok_or_else(refused)?;
	biases.sort_by_key(|(token, _)| *token);
	// "7" and "07" are the same token.
	match biases.windows(2).any(|pair| matches!(pair, [a, b] if a.0 == b.0)) {
		true => Err(wrong("logit_bias names a token twice")),
		false => Ok(biases),
	}
}

fn format(body: &Members) -> Result<Option<GrammarSource>, ApiError> {
	let Some(format) = body.get("response_format") else { return Ok(None) };
	match format.get("type").and_then(Value::as_str) {
		Some("text") => Ok(None),
		Some("json_object") => Ok(Some(GrammarSource::Json(json!({ "type": "object" })))),
		Some("json_schema") => {
			let schema = format.pointer("/json_schema/schema").filter(|schema| schema.is_object());
			let schema = schema.ok_or_else(|| {
				wrong("response_format: json_schema.schema must be there and be a JSON object")
			})?;
			Ok(Some(GrammarSource::Json(schema.clone())))
		}
		_ => Err(wrong("response_format: type must be text, json_object or json_schema")),
	}
}

fn read_tools(body: &Members) -> Result<Tools, ApiError> {
	let list = match body.get("tools") {
		None => &Vec::new(),
		Some(Value::Array(list)) if list.len() <= MAX_TOOLS => list,
		Some(_) => return Err(wrong(format!("tools takes a list of at most {MAX_TOOLS} tools"))),
	};
	let all = list.iter().map(read_tool).collect::<Result<Vec<Tool>, _>>()?;
	let mut names: Vec<&str> = all.iter().map(|tool| tool.name.as_str()).collect();
	names.sort_unstable();
	if names.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
		return Err(wrong("tools: two have the same name"));
	}
	let parallel = match body.get("parallel_tool_calls") {
		None => true,
		Some(_) => body.flag("parallel_tool_calls")?,
	};
	let choice = tool_choice(body.get("tool_choice"))?;
	Ok(Tools { all, choice, parallel })
}

fn read_tool(definition: &Value) -> Result<Tool, ApiError> {
	if definition.get("type").and_then(Value::as_str) != Some("function") {
		return Err(wrong("tools: type must be function"));
	}
	let function = definition.get("function");
	let member =
		|name: &str| function.and_then(|function| function.get(name)).filter(|value| !value.is_null());
	let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
	let name = member("name")
		.and_then(Value::as_str)
		.filter(|name| (1..=MAX_NAME).contains(&name.len()) && name.chars().all(is_letter))
		.ok_or_else(|| {
			wrong(format!(
				"tools: function.name must be 1 to {MAX_NAME} letters, digits, underscores or dashes"
			))
		})?;
	let parameters = match member("parameters") {
		None => json!({ "type": "object", "properties": {} }),
		Some(schema) if schema.is_object() => schema.clone(),
		Some(_) => return Err(wrong("tools: function.parameters must be a JSON schema, an object")),
	};
	let strict = match member("strict") {
		None => false,
		Some(strict) => {
			strict.as_bool().ok_or_else(|| wrong("tools: function.strict must be true or false"))?
		}
	};
	Ok(Tool { name: name.into(), strict, parameters, definition: definition.clone() })
}

/// Which tool, if any: whether there is one of this name depends on the agent too.
fn tool_choice(value: Option<&Value>) -> Result<Choice, ApiError> {
	let choice = match value {
		None => return Ok(Choice::Auto),
		Some(Value::String(text)) => match text.as_str() {
			"none" => Some(Choice::None),
			"auto" => Some(Choice::Auto),
			"required" => Some(Choice::Required),
			_ => None,
		},
		Some(object) => {
			object.pointer("/function/name").and_then(Value::as_str).map(|name| Choice::Named(name.into()))
		}
	};
	choice.ok_or_else(|| {
		wrong("tool_choice must be none, auto, required or {\"type\": \"function\", \"function\": {\"name\": one of the tools'}}")
	})
}

/// The one prompt of a completion.
pub fn prompt(body: &Members) -> Result<String, ApiError> {
	match body.get("prompt") {
		Some(Value::String(text)) => Ok(text.clone()),
		Some(Value::Array(list)) => match list.as_slice() {
			[Value::String(text)] => Ok(text.clone()),
			_ => Err(ApiError::invalid("unsupported_parameter", "prompt: send one text per request")),
		},
		Some(_) => Err(unsupported("prompt of another kind than text")),
		None => Err(ApiError::invalid("invalid_body", "the body has no `prompt`. Send a text.")),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn options(mut body: Value, endpoint: Endpoint) -> Result<Options, ApiError> {
		body["model"] = json!("guide");
		Options::of(&Members::of(body.to_string().as_bytes()).unwrap(), endpoint)
	}

	fn chat(body: Value) -> Result<Options, ApiError> {
		options(body, Endpoint::Chat)
	}

	fn tool(name: &str) -> Value {
		json!({ "type": "function", "function": { "name": name, "parameters": { "type": "object" } } })
	}

	#[test]
	fn options_are_openais_defaults_when_none_are_given() {
		let generation = Generation {
			sampling: Sampling::default(),
			seed: None,
			steering: Steering::default(),
			stop: vec![],
			choices: 1,
			logprobs: None,
		};
		let expected = Options {
			max_tokens: None,
			stream: false,
			include_usage: false,
			generation,
			format: None,
			tools: Tools { parallel: true, ..Tools::default() },
		};
		assert_eq!(chat(json!({})).unwrap(), expected);
	}

	#[test]
	fn options_are_read_when_a_client_sends_many() {
		let options = chat(json!({
			"max_tokens": 5, "max_completion_tokens": 7, "temperature": 0, "stop": ["a", "b"], "stream": true,
			"stream_options": { "include_usage": true }, "user": "me", "seed": -4, "n": 3, "best_of": 3, "tools": [],
			"logprobs": true, "top_logprobs": 2, "response_format": { "type": "text" }, "min_p": 0.1, "top_k": -1,
			"frequency_penalty": 0.5, "presence_penalty": -0.5, "repetition_penalty": 1.1,
			"logit_bias": { "9": -100, "4": 1.5 }, "service_tier": "auto"
		}))
		.unwrap();
		let generation = &options.generation;
		assert_eq!(
			(options.max_tokens, generation.sampling.temperature, generation.stop.len()),
			(Some(7), 0.0, 2)
		);
		assert!(options.stream && options.include_usage && options.format.is_none());
		assert_eq!((generation.seed, generation.choices, generation.logprobs), (Some(-4), 3, Some(2)));
		assert_eq!((generation.sampling.min_p, generation.sampling.top_k), (0.1, 0));
		assert_eq!(generation.steering.logit_bias, [(4, 1.5), (9, -100.0)]);
		assert_eq!(generation.steering.frequency_penalty, 0.5);
		let completion = options_of_completion(json!({ "logprobs": 3 })).unwrap();
		assert_eq!(completion.generation.logprobs, Some(3));
	}

	fn options_of_completion(body: Value) -> Result<Options, ApiError> {
		options(body, Endpoint::Completions)
	}

	#[test]
	fn format_and_tools_are_read_when_they_are_sent() {
		let schema = json!({ "type": "object", "properties": { "a": { "type": "integer" } } });
		let format = json!({ "type": "json_schema", "json_schema": { "name": "x", "schema": schema } });
		let options = chat(json!({ "response_format": format })).unwrap();
		assert_eq!(options.format, Some(GrammarSource::Json(schema)));
		let body = json!({ "tools": [tool("a"), tool("b")], "tool_choice": "required", "parallel_tool_calls": false });
		let tools = chat(body).unwrap().tools;
		assert_eq!((tools.all.len(), &tools.choice, tools.parallel), (2, &Choice::Required, false));
		let named = json!({ "type": "function", "function": { "name": "b" } });
		let tools = chat(json!({ "tools": [tool("a"), tool("b")], "tool_choice": named })).unwrap().tools;
		assert_eq!(tools.choice, Choice::Named("b".into()));
	}

	#[test]
	fn request_is_refused_by_name_when_it_asks_for_what_is_not_supported() {
		for (name, value) in [
			("functions", json!([{}])),
			("function_call", json!("auto")),
			("suffix", json!("x")),
			("echo", json!(true)),
		] {
			let error = chat(json!({ name: value })).unwrap_err().body().error;
			assert!(error.message.contains(name), "{name}");
			assert_eq!(error.code, "unsupported_parameter");
		}
		let error = options_of_completion(json!({ "tools": [tool("a")] })).unwrap_err().body().error;
		assert_eq!(error.code, "unsupported_parameter");
	}

	#[test]
	fn request_is_refused_by_name_when_values_are_out_of_range() {
		let two = json!([tool("a"), tool("a")]);
		let json_tools = json!({ "type": "json_object" });
		for (name, body) in [
			("temperature", json!({ "temperature": 2.5 })),
			("temperature", json!({ "temperature": "hot" })),
			("top_p", json!({ "top_p": 0 })),
			("min_p", json!({ "min_p": 1.5 })),
			("top_k", json!({ "top_k": -2 })),
			("max_tokens", json!({ "max_tokens": 0 })),
			("stop", json!({ "stop": ["", "a"] })),
			("stop", json!({ "stop": ["a", "b", "c", "d", "e"] })),
			("seed", json!({ "seed": 1.5 })),
			("n", json!({ "n": 0 })),
			("n", json!({ "n": 9 })),
			("best_of", json!({ "n": 1, "best_of": 2 })),
			("logprobs", json!({ "logprobs": 3 })),
			("top_logprobs", json!({ "logprobs": true, "top_logprobs": 21 })),
			("top_logprobs", json!({ "top_logprobs": 2 })),
			("frequency_penalty", json!({ "frequency_penalty": 2.1 })),
			("presence_penalty", json!({ "presence_penalty": -2.1 })),
			("repetition_penalty", json!({ "repetition_penalty": 0 })),
			("logit_bias", json!({ "logit_bias": { "a": 1 } })),
			("logit_bias", json!({ "logit_bias": { "1": 101 } })),
			("logit_bias", json!({ "logit_bias": { "1": 1, "01": 2 } })),
			("logit_bias", json!({ "logit_bias": [1] })),
			("response_format", json!({ "response_format": "json" })),
			("response_format", json!({ "response_format": { "type": "xml" } })),
			("response_format", json!({ "response_format": { "type": "json_schema" } })),
			("response_format", json!({ "response_format": json_tools, "tools": [tool("a")] })),
			("tools", json!({ "tools": {} })),
			("tools", json!({ "tools": [{ "type": "mcp" }] })),
			("tools", json!({ "tools": [tool("a b")] })),
			("tools", json!({ "tools": two })),
			("tool_choice", json!({ "tools": [tool("a")], "tool_choice": "maybe" })),
			("tool_choice", json!({ "tools": [tool("a")], "tool_choice": { "function": {} } })),
			("parallel_tool_calls", json!({ "parallel_tool_calls": "no" })),
		] {
			let error = chat(body.clone()).expect_err(&body.to_string()).body().error;
			assert_eq!(error.code, "invalid_value", "{body}");
			assert!(error.message.contains(name), "{name}: {}", error.message);
		}
		let error = options_of_completion(json!({ "logprobs": 21 })).unwrap_err().body().error;
		assert!(error.message.contains("logprobs"));
	}

	#[test]
	fn choice_is_refused_when_there_is_no_such_tool() {
		let check = |body: Value| chat(body).unwrap().tools.check();
		let named =
			|name: &str| json!({ "tools": [tool("a")], "tool_choice": { "function": { "name": name } } });
		assert!(check(named("a")).is_ok() && check(json!({})).is_ok());
		assert!(check(named("b")).unwrap_err().contains("tool_choice"));
		assert!(check(json!({ "tool_choice": "required" })).unwrap_err().contains("tool_choice"));
	}

	#[test]
	fn completion_takes_one_prompt_when_it_is_text_or_a_list_of_one() {
		let prompt =
			|value: Value| prompt(&Members::of(json!({ "prompt": value }).to_string().as_bytes()).unwrap());
		assert_eq!(prompt(json!("a")).unwrap(), "a");
		assert_eq!(prompt(json!(["a"])).unwrap(), "a");
		for bad in [json!(["a", "b"]), json!([1, 2]), json!(7)] {
			assert_eq!(prompt(bad).unwrap_err().body().error.code, "unsupported_parameter");
		}
		assert_eq!(prompt(Value::Null).unwrap_err().body().error.code, "invalid_body");
	}
}
