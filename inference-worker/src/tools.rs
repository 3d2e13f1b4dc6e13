//! Tools that a model may call: how it is told of them, how it is held to a call, and how calls are found in its text.
//!
//! The text formats are the models' own ([`ToolFormat`]); a model whose chat template knows no tools is told of
//! `<tool_call>` in the system message.

use serde_json::{json, value::RawValue, Map, Value};
use std::collections::VecDeque;
use tributary_client::voucher::body_hash;
use tributary_engine::{written_plainly, ChatMessage, GrammarSource, ToolFormat};
use tributary_primitives::Hash;

/// Most tools of a request.
pub const MAX_TOOLS: usize = 128;
/// Most calls in one answer that is held to calls.
const MAX_CALLS: usize = 8;
const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";

/// A function that the payer's side can run.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
	/// Its name.
	pub name: String,
	/// Whether arguments must satisfy the schema even when calling is the model's choice.
	pub strict: bool,
	/// JSON schema of its arguments.
	pub parameters: Value,
	/// The definition as it was sent.
	pub definition: Value,
}

/// Whether a tool is called.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Choice {
	/// As the model likes.
	#[default]
	Auto,
	/// Never: the model is not even told.
	None,
	/// Some tool.
	Required,
	/// This one.
	Named(String),
}

/// What a request says about tools.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tools {
	/// The tools.
	pub all: Vec<Tool>,
	/// Whether one is called.
	pub choice: Choice,
	/// Whether several may be called at once.
	pub parallel: bool,
}

impl Tools {
	/// Whether the model may call any.
	pub fn are_on(&self) -> bool {
		!self.all.is_empty() && self.choice != Choice::None
	}

	/// Whether there is a tool to choose, where one must be called. The error says what is wrong.
	pub fn check(&self) -> Result<(), String> {
		match &self.choice {
			Choice::Required if self.all.is_empty() => Err("tool_choice needs tools".into()),
			Choice::Named(name) if !self.all.iter().any(|tool| tool.name == *name) => {
				let names: Vec<&str> = self.all.iter().map(|tool| tool.name.as_str()).collect();
				Err(format!("tool_choice names `{name}`, which is none of the tools: {}", names.join(", ")))
			}
			_ => Ok(()),
		}
	}

	/// What calls look like.
	pub fn style(&self, format: ToolFormat) -> Option<CallStyle> {
		let names = self.all.iter().map(|tool| tool.name.clone()).collect();
		self.are_on().then_some(CallStyle { format, names })
	}

	/// The definitions for the chat template.
	pub fn definitions(&self) -> Vec<Value> {
		let on = self.all.iter().filter(|_| self.are_on());
		on.map(|tool| tool.definition.clone()).collect()
	}

	/// What a model is told whose template knows no tools.
	pub fn instructions(&self) -> Option<String> {
		let lines: Vec<String> = self.definitions().iter().map(Value::to_string).collect();
		let example = r#"{"name": "the tool's name", "arguments": {"argument": "value"}}"#;
		(!lines.is_empty()).then(|| {
			format!(
				"You can call these tools:\n<tools>\n{}\n</tools>\nTo call one, answer with\n{OPEN}\n{example}\n{CLOSE}",
				lines.join("\n")
			)
		})
	}

	/// The grammar that holds an answer to calls; `None` where the model is free.
	pub fn grammar(&self, format: ToolFormat) -> Option<GrammarSource> {
		let is_strict = self.all.iter().any(|tool| tool.strict);
		let (forced, called): (bool, Vec<&Tool>) = match &self.choice {
			Choice::None => return None,
			Choice::Auto if !is_strict || format != ToolFormat::Tagged => return None,
			Choice::Auto => (false, self.all.iter().collect()),
			Choice::Required => (true, self.all.iter().collect()),
			Choice::Named(name) => (true, self.all.iter().filter(|tool| tool.name == *name).collect()),
		};
		let member = match format {
			ToolFormat::Parameters => "parameters",
			ToolFormat::Tagged | ToolFormat::Arguments => "arguments",
		};
		let one = |tool: &&Tool| {
			let parameters = match forced || tool.strict {
				true => tool.parameters.clone(),
				false => json!({ "type": "object" }),
			};
			json!({
				"type": "object",
				"properties": { "name": { "const": tool.name }, member: parameters },
				"required": ["name", member],
				"additionalProperties": false,
			})
		};
		let calls: Vec<Value> = called.iter().map(one).collect();
		if format != ToolFormat::Tagged {
			return Some(GrammarSource::Json(json!({ "anyOf": calls })));
		}
		let named: Vec<String> = (0..calls.len()).map(|number| format!("json_{number}")).collect();
		let rules: Vec<String> = named
			.iter()
			.zip(&calls)
			.map(|(name, schema)| format!("{name}: %json {}", written_plainly(schema)))
			.collect();
		let json = format!("json: {}\n{}", named.join(" | "), rules.join("\n"));
		let more = match self.parallel {
			true => format!(" (\"\\n\" call){{0,{}}}", MAX_CALLS.saturating_sub(1)),
			false => String::new(),
		};
		let call = r#""<tool_call>\n" json "\n</tool_call>""#;
		let lark = match forced {
			true => format!("start: call{more}\ncall: {call}\n{json}"),
			// Free text up to the tag, which ends the text and begins a call.
			false => format!(
				"start: called{{0,{MAX_CALLS}}} text\ncalled: before \"\\n\" json \"\\n</tool_call>\"\nbefore[lazy]: /(?s:.*)/ \"<tool_call>\"\ntext: /(?s:.*)/\n{json}"
			),
		};
		Some(GrammarSource::Lark(lark))
	}
}

/// Messages for a template that knows no tools: calls as the model writes them, results as the user's words.
pub fn without_tool_roles(messages: Vec<ChatMessage>) -> Vec<ChatMessage> {
	let plain = |message: ChatMessage| {
		if message.role == "tool" {
			let content = format!("<tool_response>\n{}\n</tool_response>", message.content);
			return ChatMessage { role: "user".into(), content, ..ChatMessage::default() };
		}
		let calls = message.tool_calls.iter().map(|call| {
			let function = call.get("function").unwrap_or(call);
			format!("{OPEN}\n{function}\n{CLOSE}")
		});
		let words = Some(message.content).filter(|words| !words.is_empty());
		let content = words.into_iter().chain(calls).collect::<Vec<_>>().join("\n");
		ChatMessage { role: message.role, content, ..ChatMessage::default() }
	};
	messages.into_iter().map(plain).collect()
}

/// How calls are found in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct CallStyle {
	/// The model's way.
	pub format: ToolFormat,
	/// Tools that can be called.
	pub names: Vec<String>,
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
	/// Its number in the choice.
	pub index: u32,
	/// The same whenever the order is answered again.
	pub id: String,
	/// The tool.
	pub name: String,
	/// JSON of its arguments, as the model wrote them.
	pub arguments: String,
}

impl Call {
	/// The call with an id made of its place.
	pub fn with_id(self, order: &Hash, choice: u32) -> Self {
		let place = [&order[..], &choice.to_le_bytes(), &self.index.to_le_bytes()].concat();
		let digits = hex::encode(body_hash(&place));
		Self { id: format!("call_{}", digits.get(..24).unwrap_or(&digits)), ..self }
	}
}

/// A part of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
	/// Text.
	Text(String),
	/// A call.
	Call(Call),
}

/// Finds calls in a text that comes in pieces.
pub struct CallReader {
	style: CallStyle,
	/// Text that is not decided yet.
	held: String,
	/// Whether `held` is what follows an opening tag.
	inside: bool,
	/// Whether text was shown, so that an answer that is one JSON object can no longer come.
	shown: bool,
	/// Calls before this reader.
	before: u32,
	calls: u32,
}

impl CallReader {
	/// For what comes after so many calls of the same answer.
	pub fn after(style: CallStyle, before: u32) -> Self {
		Self { style, held: String::new(), inside: false, shown: false, before, calls: 0 }
	}

	/// Whether a call was found.
	pub fn has_called(&self) -> bool {
		self.calls > 0
	}

	/// Calls of the answer so far, those before included.
	pub fn calls(&self) -> u32 {
		self.before.saturating_add(self.calls)
	}

	/// Takes more text.
	pub fn push(&mut self, text: &str) -> Vec<Part> {
		self.held.push_str(text);
		match self.style.format {
			ToolFormat::Tagged => self.read_tagged(),
			ToolFormat::Parameters | ToolFormat::Arguments => self.read_whole(),
		}
	}

	/// At the end of the answer.
	pub fn finish(&mut self) -> Vec<Part> {
		let held = std::mem::take(&mut self.held);
		if std::mem::take(&mut self.inside) {
			// A model may end its answer instead of closing the tag.
			return self.call_or_text(&held, || format!("{OPEN}{held}"));
		}
		if self.style.format == ToolFormat::Tagged || self.shown {
			return self.text(held);
		}
		let parsed = serde_json::from_str::<Value>(&held);
		let calls: VecDeque<String> = match &parsed {
			Ok(Value::Array(list)) => list.iter().map(Value::to_string).collect(),
			_ => VecDeque::from([held.clone()]),
		};
		let calls: Option<Vec<Call>> = calls.iter().map(|call| self.call(call)).collect();
		match calls {
			Some(calls) if !calls.is_empty() => calls.into_iter().map(Part::Call).collect(),
			_ => self.text(held),
		}
	}

	fn read_tagged(&mut self) -> Vec<Part> {
		let mut parts = Vec::new();
		loop {
			let tag = if self.inside { CLOSE } else { OPEN };
			let Some(at) = self.held.find(tag) else { break };
			let rest = self.held.split_off(at + tag.len());
			let before = std::mem::replace(&mut self.held, rest);
			let before = before.get(..at).unwrap_or_default();
			parts.extend(match self.inside {
				true => self.call_or_text(before, || format!("{OPEN}{before}{CLOSE}")),
				false => self.text(before.trim_end().to_owned()),
			});
			self.inside = !self.inside;
		}
		if !self.inside {
			// The space before a call belongs to no text, nor does that between two.
			let kept = undecided(&self.held);
			let rest = self.held.split_off(self.held.len() - kept);
			let shown = std::mem::replace(&mut self.held, rest);
			parts.extend(self.text(shown));
		}
		parts
	}

	fn read_whole(&mut self) -> Vec<Part> {
		let could_call = self.held.trim_start().chars().next().is_none_or(|first| matches!(first, '{' | '['));
		match could_call && !self.shown {
			true => Vec::new(),
			false => {
				let held = std::mem::take(&mut self.held);
				self.text(held)
			}
		}
	}

	fn text(&mut self, text: String) -> Vec<Part> {
		if text.is_empty() || (self.calls > 0 && text.trim().is_empty()) {
			return Vec::new();
		}
		self.shown = true;
		vec![Part::Text(text)]
	}

	fn call_or_text(&mut self, text: &str, all: impl FnOnce() -> String) -> Vec<Part> {
		match self.call(text) {
			Some(call) => vec![Part::Call(call)],
			None => self.text(all()),
		}
	}

	/// The call that a JSON object stands for, if it names a tool.
	fn call(&mut self, text: &str) -> Option<Call> {
		// Raw, so that numbers and the order of members stay as they were written.
		let members: Members<'_> = serde_json::from_str(text.trim()).ok()?;
		let arguments = match members.arguments.or(members.parameters).map(RawValue::get) {
			None | Some("null") => "{}".to_owned(),
			Some(object) if object.starts_with('{') => object.to_owned(),
			Some(text) => serde_json::from_str::<String>(text)
				.ok()
				.filter(|text| serde_json::from_str::<Map<String, Value>>(text).is_ok())?,
		};
		let index = self.calls();
		let name = self.style.names.iter().find(|name| **name == members.name)?.clone();
		self.calls = self.calls.checked_add(1)?;
		Some(Call { index, id: String::new(), name, arguments })
	}
}

#[derive(serde::Deserialize)]
struct Members<'a> {
	name: String,
	#[serde(borrow)]
	arguments: Option<&'a RawValue>,
	#[serde(borrow)]
	parameters: Option<&'a RawValue>,
}

/// Bytes at the end of a text that are white space or may be the beginning of an opening tag.
fn undecided(text: &str) -> usize {
	let tag = (1..OPEN.len()).rev().find(|len| OPEN.get(..*len).is_some_and(|begin| text.ends_with(begin)));
	let before = text.get(..text.len() - tag.unwrap_or(0)).unwrap_or_default();
	text.len() - before.trim_end().len()
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn style(format: ToolFormat) -> CallStyle {
		CallStyle { format, names: vec!["weather".into(), "time".into()] }
	}

	/// Text and calls of an answer that comes in pieces of so many characters.
	fn read(format: ToolFormat, answer: &str, piece: usize) -> (String, Vec<(String, String)>) {
		let mut reader = CallReader::after(style(format), 0);
		let letters: Vec<char> = answer.chars().collect();
		let mut parts: Vec<Part> =
			letters.chunks(piece).flat_map(|piece| reader.push(&piece.iter().collect::<String>())).collect();
		parts.extend(reader.finish());
		let (mut text, mut calls) = (String::new(), Vec::new());
		for part in parts {
			match part {
				Part::Text(more) => text.push_str(&more),
				Part::Call(call) => {
					assert_eq!(call.index as usize, calls.len());
					calls.push((call.name, call.arguments));
				}
			}
		}
		(text, calls)
	}

	fn call(name: &str, arguments: &str) -> (String, String) {
		(name.into(), arguments.into())
	}

	const TWO: &str = "I look.\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"b\": 1.0, \"a\": 2}}\n</tool_call>\n\
		<tool_call>{\"name\": \"time\"}</tool_call>\n";

	#[test]
	fn calls_are_found_when_they_come_in_pieces_of_any_size() {
		for piece in 1..TWO.len() {
			let (text, calls) = read(ToolFormat::Tagged, TWO, piece);
			assert_eq!(text, "I look.", "{piece}");
			assert_eq!(calls, [call("weather", r#"{"b": 1.0, "a": 2}"#), call("time", "{}")]);
		}
	}

	#[test]
	fn call_is_found_when_its_tag_is_not_closed() {
		let answer = r#"<tool_call>{"name": "time", "arguments": "{\"zone\": \"UTC\"}"}"#;
		assert_eq!(read(ToolFormat::Tagged, answer, 5).1, [call("time", r#"{"zone": "UTC"}"#)]);
	}

	#[test]
	fn text_is_left_alone_when_it_is_no_call() {
		for answer in [
			"a < b and <tool_ but no call ",
			"<tool_call>{\"name\": \"unknown\"}</tool_call>",
			"<tool_call>not JSON</tool_call> and on",
			"<tool_call>{\"name\": \"time\", \"arguments\": [1]}",
		] {
			for piece in [1, 3, 100] {
				assert_eq!(read(ToolFormat::Tagged, answer, piece), (answer.into(), vec![]), "{piece}");
			}
		}
	}

	#[test]
	fn calls_are_found_when_the_whole_answer_is_json() {
		let one = r#"{"name": "weather", "parameters": {"city": "Dresden"}}"#;
		let expected = call("weather", r#"{"city": "Dresden"}"#);
		assert_eq!(read(ToolFormat::Parameters, one, 4), (String::new(), vec![expected.clone()]));
		let list = r#"[{"name": "time", "arguments": {}}, {"name": "time"}]"#;
		assert_eq!(read(ToolFormat::Arguments, list, 4).1.len(), 2);
		for text in ["Well, {\"name\": \"time\"}", "{\"river\": \"Elbe\"}", "[]", "{"] {
			assert_eq!(read(ToolFormat::Parameters, text, 4), (text.into(), vec![]));
		}
	}

	proptest! {
		#[test]
		fn nothing_is_lost_when_text_has_no_calls(answer in "[a<>/_{}\\[\\]\" \n]{0,60}", piece in 1usize..9) {
			for format in [ToolFormat::Tagged, ToolFormat::Parameters] {
				prop_assert_eq!(&read(format, &answer, piece).0, &answer);
			}
		}
	}

	fn tools(choice: Choice, strict: bool) -> Tools {
		let parameters = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
		let definition = json!({ "type": "function", "function": { "name": "weather" } });
		let tool = Tool { name: "weather".into(), strict, parameters, definition };
		Tools { all: vec![tool], choice, parallel: true }
	}

	#[test]
	fn answer_is_held_to_calls_when_they_are_required_named_or_strict() {
		let grammar = |choice, strict, format| tools(choice, strict).grammar(format);
		assert_eq!(grammar(Choice::Auto, false, ToolFormat::Tagged), None);
		assert_eq!(grammar(Choice::None, true, ToolFormat::Tagged), None);
		for choice in [Choice::Required, Choice::Named("weather".into())] {
			assert!(matches!(
				grammar(choice.clone(), false, ToolFormat::Tagged),
				Some(GrammarSource::Lark(_))
			));
			assert!(matches!(grammar(choice, false, ToolFormat::Parameters), Some(GrammarSource::Json(_))));
		}
		let Some(GrammarSource::Lark(lark)) = grammar(Choice::Auto, true, ToolFormat::Tagged) else {
			panic!()
		};
		assert!(lark.contains("[lazy]"), "{lark}");
	}

	#[test]
	fn model_is_not_told_of_tools_when_they_are_off() {
		assert_eq!(tools(Choice::None, false).instructions(), None);
		assert!(tools(Choice::None, false).definitions().is_empty());
		assert!(tools(Choice::Auto, false).instructions().unwrap().contains("\"name\":\"weather\""));
	}

	#[test]
	fn messages_are_plain_when_the_template_knows_no_tools() {
		let called =
			json!({ "id": "call_1", "function": { "name": "time", "arguments": { "zone": "UTC" } } });
		let assistant =
			ChatMessage { role: "assistant".into(), tool_calls: vec![called], ..ChatMessage::default() };
		let result = ChatMessage { role: "tool".into(), content: "noon".into(), ..ChatMessage::default() };
		let plain = without_tool_roles(vec![assistant, result]);
		assert_eq!(
			plain[0].content,
			"<tool_call>\n{\"name\":\"time\",\"arguments\":{\"zone\":\"UTC\"}}\n</tool_call>"
		);
		assert_eq!(
			(plain[1].role.as_str(), plain[1].content.as_str()),
			("user", "<tool_response>\nnoon\n</tool_response>")
		);
	}

	#[test]
	fn id_is_of_the_calls_place_when_it_is_given() {
		let call = |index| Call { index, id: String::new(), name: "time".into(), arguments: "{}".into() };
		let id = |index, choice| call(index).with_id(&[1; 32], choice).id;
		assert_eq!((id(0, 0), id(0, 0).len()), (id(0, 0), 29));
		assert!(id(0, 0) != id(1, 0) && id(0, 0) != id(0, 1));
	}
}
