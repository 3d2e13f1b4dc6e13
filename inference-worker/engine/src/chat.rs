//! The chat template of the model: messages to prompt text, in the Jinja dialect of Hugging Face.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use minijinja::{
	value::{Serde, ValueKind},
	Environment, Error, ErrorKind, Value,
};
use serde_json::Value as Json;

use crate::{
	config::MAX_JSON_BYTES,
	error::{EngineError, ModelError},
	loading,
};

const NAME: &str = "chat";
/// Deepest value that `tojson` writes.
const MAX_DEPTH: usize = 32;

/// A message of a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ChatMessage {
	/// `system`, `user`, `assistant`, `tool` or what else the template knows.
	pub role: String,
	/// Text.
	pub content: String,
	/// Calls that an assistant made, as in OpenAI's API but with `arguments` as a value.
	#[serde(default, skip_serializing_if = "Vec::is_empty")]
	pub tool_calls: Vec<Json>,
	/// The call that a tool's message answers.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub tool_call_id: Option<String>,
	/// Name of the tool or the speaker.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub name: Option<String>,
}

/// How a model writes that it calls a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolFormat {
	/// `<tool_call>`, a JSON object with `name` and `arguments`, `</tool_call>`; Hermes' and Qwen's way, and that of
	/// models whose template knows no tools.
	Tagged,
	/// The whole answer is a JSON object with `name` and `parameters`: Llama's way.
	Parameters,
	/// The same with `arguments`.
	Arguments,
}

/// The compiled template with the special tokens that it may name.
pub struct ChatTemplate {
	environment: Environment<'static>,
	knows_tools: bool,
	tool_format: ToolFormat,
	tokens: Vec<(&'static str, String)>,
}

impl ChatTemplate {
	/// Reads `chat_template.jinja`, or `chat_template` of `tokenizer_config.json`. None if there is neither.
	pub fn open(dir: &Path) -> Result<Option<Self>, ModelError> {
		let config = match dir.join("tokenizer_config.json").exists() {
			true => loading::read_json(dir, "tokenizer_config.json", MAX_JSON_BYTES)?,
			false => Json::Null,
		};
		let file = dir.join("chat_template.jinja");
		let source = match file.exists() {
			true => Some(
				String::from_utf8(loading::read_bounded(&file, MAX_JSON_BYTES)?)
					.map_err(|error| ModelError::Template(error.to_string()))?,
			),
			false => template_of(&config),
		};
		let tokens = ["bos_token", "eos_token", "pad_token", "unk_token"]
			.into_iter()
			.filter_map(|name| Some((name, token_of(config.get(name)?)?)))
			.collect();
		source.map(|source| Self::new(source, tokens)).transpose()
	}

	fn new(source: String, tokens: Vec<(&'static str, String)>) -> Result<Self, ModelError> {
		let mut environment = Environment::new();
		environment.set_syntax(
			minijinja::syntax::SyntaxConfig::builder()
				.trim_blocks(true)
				.lstrip_blocks(true)
				.build()
				.map_err(|error| ModelError::Template(error.to_string()))?,
		);
		environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
		environment.add_function("raise_exception", raise_exception);
		environment.add_function("strftime_now", strftime_now);
		environment.add_filter("tojson", to_json);
		let tool_format = match () {
			() if source.contains("<tool_call>") => ToolFormat::Tagged,
			() if source.contains("\"parameters\"") => ToolFormat::Parameters,
			() => ToolFormat::Arguments,
		};
		environment
			.add_template_owned(NAME, source)
			.map_err(|error| ModelError::Template(format!("{error:#}")))?;
		let template = environment.get_template(NAME);
		let knows_tools =
			template.is_ok_and(|template| template.undeclared_variables(false).contains("tools"));
		let tool_format = if knows_tools { tool_format } else { ToolFormat::Tagged };
		Ok(Self { environment, knows_tools, tool_format, tokens })
	}

	/// Whether it tells the model of tools.
	pub fn knows_tools(&self) -> bool {
		self.knows_tools
	}

	/// How the model calls them.
	pub fn tool_format(&self) -> ToolFormat {
		self.tool_format
	}

	/// Prompt text of a conversation; `tools` are function definitions as in OpenAI's API, and `add_generation_prompt`
	/// opens the answer of the assistant.
	pub fn render(
		&self,
		messages: &[ChatMessage],
		tools: &[Json],
		add_generation_prompt: bool,
	) -> Result<String, EngineError> {
		let messages: Value = messages.iter().map(|message| Value::from(Serde(message))).collect();
		let mut context: BTreeMap<&str, Value> =
			self.tokens.iter().map(|(name, token)| (*name, Value::from(token))).collect();
		context.insert("messages", messages);
		if !tools.is_empty() {
			context.insert("tools", Value::from(Serde(tools)));
		}
		context.insert("add_generation_prompt", Value::from(add_generation_prompt));
		self.environment
			.get_template(NAME)
			.and_then(|template| template.render(Value::from(context)))
			.map_err(|error| EngineError::Render(error.to_string()))
	}
}

/// The template as text, or the one named `default` of a list of named templates.
fn template_of(config: &Json) -> Option<String> {
	match config.get("chat_template")? {
		Json::String(source) => Some(source.clone()),
		Json::Array(list) => list
			.iter()
			.find(|entry| entry.get("name").and_then(Json::as_str) == Some("default"))
			.and_then(|entry| Some(entry.get("template")?.as_str()?.to_owned())),
		_ => None,
	}
}

/// A special token as text, or as an object with `content`.
fn token_of(value: &Json) -> Option<String> {
	value.as_str().or_else(|| value.get("content")?.as_str()).map(str::to_owned)
}

fn raise_exception(message: String) -> Result<Value, Error> {
	Err(Error::new(ErrorKind::InvalidOperation, message))
}

/// The date of today in UTC by a strftime format; codes of the time of day are refused, as prompts carry none.
fn strftime_now(format: String) -> Result<String, Error> {
	let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
	strftime(&format, now.as_secs() / 86_400)
}

fn strftime(format: &str, days: u64) -> Result<String, Error> {
	const MONTHS: [&str; 12] = [
		"January",
		"February",
		"March",
		"April",
		"May",
		"June",
		"July",
		"August",
		"September",
		"October",
		"November",
		"December",
	];
	const WEEKDAYS: [&str; 7] =
		["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
	let (year, month, day) = civil(days);
	let month_name = MONTHS.get(month as usize - 1).copied().unwrap_or_default();
	let weekday = WEEKDAYS.get((days % 7) as usize).copied().unwrap_or_default();
	let mut out = String::new();
	let mut letters = format.chars();
	while let Some(letter) = letters.next() {
		if letter != '%' {
			out.push(letter);
			continue;
		}
		let written = match letters.next() {
			Some('Y') => write!(out, "{year}"),
			Some('y') => write!(out, "{:02}", year % 100),
			Some('m') => write!(out, "{month:02}"),
			Some('d') => write!(out, "{day:02}"),
			Some('e') => write!(out, "{day:2}"),
			Some('B') => write!(out, "{month_name}"),
			Some('b') => write!(out, "{month_name:.3}"),
			Some('A') => write!(out, "{weekday}"),
			Some('a') => write!(out, "{weekday:.3}"),
			Some('F') => write!(out, "{year}-{month:02}-{day:02}"),
			Some('%') => write!(out, "%"),
			other => {
				let code = other.map_or(String::new(), String::from);
				return Err(Error::new(
					ErrorKind::InvalidOperation,
					format!("strftime_now does not know %{code}"),
				));
			}
		};
		written.map_err(|_| Error::new(ErrorKind::WriteFailure, "cannot write the date"))?;
	}
	Ok(out)
}

/// Year, month and day of a day since 1970-01-01 (Hinnant's algorithm for the proleptic Gregorian calendar).
fn civil(days: u64) -> (u64, u64, u64) {
	let shifted = days + 719_468;
	let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
	let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
	let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	let shifted_month = (5 * day_of_year + 2) / 153;
	let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
	let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
	(era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// JSON as Python's `json.dumps(.., ensure_ascii=False)` writes it: no HTML escapes, which would change the prompt.
fn to_json(value: &Value) -> Result<Value, Error> {
	let mut out = String::new();
	write_json(value, &mut out, MAX_DEPTH)?;
	Ok(Value::from_safe_string(out))
}

fn write_json(value: &Value, out: &mut String, depth: usize) -> Result<(), Error> {
	let refused = |reason: &str| Error::new(ErrorKind::InvalidOperation, format!("tojson: {reason}"));
	let deeper = depth.checked_sub(1).ok_or_else(|| refused("the value is too deep"))?;
	match value.kind() {
		ValueKind::None | ValueKind::Undefined => out.push_str("null"),
		ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
		ValueKind::Number => out.push_str(&value.to_string()),
		ValueKind::String => out.push_str(&Json::from(value.to_string()).to_string()),
		ValueKind::Seq | ValueKind::Iterable => {
			out.push('[');
			for (index, item) in value.try_iter()?.enumerate() {
				out.push_str(if index == 0 { "" } else { ", " });
				write_json(&item, out, deeper)?;
			}
			out.push(']');
		}
		ValueKind::Map => {
			out.push('{');
			for (index, key) in value.try_iter()?.enumerate() {
				out.push_str(if index == 0 { "" } else { ", " });
				out.push_str(&Json::from(key.to_string()).to_string());
				out.push_str(": ");
				write_json(&value.get_item(&key)?, out, deeper)?;
			}
			out.push('}');
		}
		_ => return Err(refused("the value is not data")),
	}
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;

	fn render(source: &str) -> Result<String, EngineError> {
		let tokens = vec![("bos_token", "<s>".to_owned())];
		let messages = [message("system", " be <brief> \"now\" "), message("user", "hi")];
		ChatTemplate::new(source.into(), tokens).unwrap().render(&messages, &[], true)
	}

	fn message(role: &str, content: &str) -> ChatMessage {
		ChatMessage { role: role.into(), content: content.into(), ..ChatMessage::default() }
	}

	#[test]
	fn tools_and_calls_reach_the_template_in_their_order_when_it_knows_them() {
		let source = "{% if tools %}{% for tool in tools %}{{ tool | tojson }}{% endfor %}{% endif %}\
			{% for m in messages %}{% if m.tool_calls %}{{ m.tool_calls[0].function.arguments | tojson }}{% endif %}\
			{{ m.tool_call_id }}{% endfor %}<tool_call>";
		let template = ChatTemplate::new(source.into(), vec![]).unwrap();
		assert!(template.knows_tools() && template.tool_format() == ToolFormat::Tagged);
		let tool: Json =
			serde_json::from_str(r#"{"type": "function", "function": {"name": "f", "a": 1}}"#).unwrap();
		let call = serde_json::json!({ "function": { "name": "f", "arguments": { "x": 1, "b": 2 } } });
		let messages = [
			ChatMessage { tool_calls: vec![call], ..message("assistant", "") },
			ChatMessage { tool_call_id: Some("call_1".into()), ..message("tool", "3") },
		];
		let expected =
			r#"{"type": "function", "function": {"name": "f", "a": 1}}{"x": 1, "b": 2}call_1<tool_call>"#;
		assert_eq!(template.render(&messages, &[tool], true).unwrap(), expected);
	}

	#[test]
	fn tool_format_follows_the_template_when_it_is_read() {
		let format = |source: &str| ChatTemplate::new(source.into(), vec![]).unwrap().tool_format();
		assert_eq!(format("{{ messages }}"), ToolFormat::Tagged);
		assert_eq!(format("{{ tools }}{\"name\": .., \"parameters\": ..}"), ToolFormat::Parameters);
		assert_eq!(format("[TOOL_CALLS]{{ tools }}"), ToolFormat::Arguments);
	}

	#[test]
	fn render_follows_the_template_when_it_uses_python_methods() {
		let source = "{{ bos_token }}{% for m in messages %}\n  {% if m['role'] == 'user' %}U{% endif %}\n\
			{{ m['content'].strip() }};{% endfor %}{% if add_generation_prompt %}A:{% endif %}";
		assert_eq!(render(source).unwrap(), "<s>be <brief> \"now\";Uhi;A:");
	}

	#[test]
	fn tojson_writes_python_style_when_html_is_inside() {
		let text = render("{{ messages[0] | tojson }}{{ [1, true, none] | tojson }}").unwrap();
		assert!(text.contains(r#""content": " be <brief> \"now\" ""#), "{text}");
		assert!(text.ends_with("[1, true, null]"), "{text}");
	}

	#[test]
	fn render_fails_with_the_message_when_the_template_raises() {
		let error = render("{{ raise_exception('roles must alternate') }}").unwrap_err();
		assert!(error.to_string().contains("roles must alternate"), "{error}");
	}

	#[test]
	fn open_fails_when_the_template_does_not_compile() {
		assert!(matches!(ChatTemplate::new("{% for %}".into(), Vec::new()), Err(ModelError::Template(_))));
	}

	#[test]
	fn strftime_writes_the_date_when_the_codes_are_known() {
		assert_eq!(strftime("%d %b %Y, %A %F", 20_777).unwrap(), "20 Nov 2026, Friday 2026-11-20");
		assert_eq!(strftime("%Y-%m-%d", 0).unwrap(), "1970-01-01");
		assert_eq!(strftime("%F", 19_782).unwrap(), "2024-02-29");
		assert!(strftime("%H", 0).is_err());
	}
}
