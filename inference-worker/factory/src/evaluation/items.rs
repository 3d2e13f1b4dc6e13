//! A benchmark's contributions as items: JSON lines, or plain text.
//!
//! Errors name contribution and line. They never repeat what stands there: it may be private.

use std::fmt;

use serde::Deserialize;
use serde_json::error::Category;

use super::{checks::Check, error::EvaluationError};

/// Most items of an evaluation.
pub const MAX_ITEMS: usize = 10_000;
/// Longest line of JSON, bytes.
const MAX_LINE: usize = 64 << 10;
/// Longest plain text, bytes.
const MAX_TEXT: usize = 4 << 20;
/// Most choices of a question, accepted answers, and checks of an answer.
const MAX_LIST: usize = 32;

/// A contribution of a benchmark DataNet, open.
#[derive(Clone, PartialEq, Eq)]
pub struct Contribution {
	/// Its index in the DataNet.
	pub index: u32,
	/// Its text.
	pub text: String,
}

// Benchmarks may be private, and what is debugged is logged.
impl fmt::Debug for Contribution {
	fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(formatter, "Contribution({}, {} bytes)", self.index, self.text.len())
	}
}

/// What is asked of the model.
#[derive(Clone)]
pub enum Task {
	/// To predict a text.
	Text(String),
	/// To answer a prompt as one of the references does.
	Answer {
		/// The prompt.
		prompt: String,
		/// Accepted answers; at least one.
		references: Vec<String>,
	},
	/// To prefer the right choice.
	Choice {
		/// The question.
		question: String,
		/// At least two.
		choices: Vec<String>,
		/// Index of the right one.
		answer: usize,
	},
	/// To answer a prompt so that every check passes.
	Judged {
		/// The prompt.
		prompt: String,
		/// At least one.
		checks: Vec<Check>,
	},
}

impl fmt::Debug for Task {
	fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
		formatter.write_str(match self {
			Self::Text(_) => "Text",
			Self::Answer { .. } => "Answer",
			Self::Choice { .. } => "Choice",
			Self::Judged { .. } => "Judged",
		})
	}
}

/// One item of a benchmark.
#[derive(Debug, Clone)]
pub struct Item {
	/// Index of its contribution in the DataNet.
	pub contribution: u32,
	/// Its line there, from 1.
	pub line: usize,
	/// What is asked.
	pub task: Task,
}

/// A line as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
	prompt: Option<String>,
	question: Option<String>,
	choices: Option<Vec<String>>,
	answer: Option<Written>,
	checks: Option<Vec<serde_json::Value>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
	Index(usize),
	Text(String),
	Several(Vec<String>),
}

/// Items of a benchmark, in the order of its contributions and lines. A contribution whose first line begins with `{`
/// is JSON lines; any other is one plain text.
pub fn read_items(contributions: &[Contribution]) -> Result<Vec<Item>, EvaluationError> {
	let mut items = Vec::new();
	for Contribution { index, text } in contributions {
		let wrong =
			|line: usize, reason: String| EvaluationError::Item { contribution: *index, line, reason };
		if !text.trim_start().starts_with('{') {
			if text.len() > MAX_TEXT {
				return Err(wrong(
					1,
					format!("{} bytes of text, at most {MAX_TEXT} are measured", text.len()),
				));
			}
			if text.trim().is_empty() {
				return Err(wrong(1, "is empty".into()));
			}
			items.push(Item { contribution: *index, line: 1, task: Task::Text(text.clone()) });
		} else {
			for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
				let task = task(line).map_err(|reason| wrong(number + 1, reason))?;
				items.push(Item { contribution: *index, line: number + 1, task });
			}
		}
		if items.len() > MAX_ITEMS {
			break;
		}
	}
	if !(1..=MAX_ITEMS).contains(&items.len()) {
		return Err(EvaluationError::Size { items: items.len(), most: MAX_ITEMS });
	}
	Ok(items)
}

fn task(line: &str) -> Result<Task, String> {
	if line.len() > MAX_LINE {
		return Err(format!("{} bytes, an item has at most {MAX_LINE}", line.len()));
	}
	let line: Line = serde_json::from_str(line).map_err(|error| match error.classify() {
		Category::Data => format!(
			"has an unknown field, one twice or one of another type at column {}; known are prompt, question, choices, \
			 answer and checks",
			error.column()
		),
		_ => format!("is no JSON from column {} on", error.column()),
	})?;
	match line {
		Line { prompt: Some(prompt), question: None, choices: None, answer: Some(answer), checks: None } => {
			let references = match answer {
				Written::Text(text) => vec![text],
				Written::Several(texts) => texts,
				Written::Index(_) => return Err("`answer` to a `prompt` is text".into()),
			};
			bounded("answer", references.len(), 1)?;
			Ok(Task::Answer { prompt: filled("prompt", prompt)?, references })
		}
		Line {
			prompt: None,
			question: Some(question),
			choices: Some(choices),
			answer: Some(answer),
			checks: None,
		} => {
			bounded("choices", choices.len(), 2)?;
			if choices.iter().any(|choice| choice.trim().is_empty()) {
				return Err("a choice is empty".into());
			}
			let place = match answer {
				Written::Index(index) => Some(index).filter(|index| *index < choices.len()),
				Written::Text(text) => choices.iter().position(|choice| *choice == text),
				Written::Several(_) => None,
			};
			let answer = place.ok_or("`answer` is neither one of the choices nor its index from 0")?;
			Ok(Task::Choice { question: filled("question", question)?, choices, answer })
		}
		Line { prompt: Some(prompt), question: None, choices: None, answer: None, checks: Some(checks) } => {
			bounded("checks", checks.len(), 1)?;
			let checks = checks.iter().map(Check::parse).collect::<Result<_, _>>()?;
			Ok(Task::Judged { prompt: filled("prompt", prompt)?, checks })
		}
		_ => Err(
			"an item has `prompt` and `answer`, `question`, `choices` and `answer`, or `prompt` and `checks`"
				.into(),
		),
	}
}

fn filled(name: &str, text: String) -> Result<String, String> {
	if text.trim().is_empty() {
		return Err(format!("`{name}` is empty"));
	}
	Ok(text)
}

fn bounded(name: &str, found: usize, least: usize) -> Result<(), String> {
	if (least..=MAX_LIST).contains(&found) {
		return Ok(());
	}
	Err(format!("`{name}` has {found} entries, it takes {least} to {MAX_LIST}"))
}

#[cfg(test)]
mod tests {
	use super::*;

	fn read(text: &str) -> Result<Vec<Item>, EvaluationError> {
		read_items(&[Contribution { index: 7, text: text.into() }])
	}

	#[test]
	fn items_are_read_when_lines_are_of_each_kind() {
		let text = r#"{"prompt": "2 + 2?", "answer": "4"}
{"prompt": "A vowel?", "answer": ["a", "e"]}

{"question": "Which?", "choices": ["x", "y"], "answer": 1}
{"question": "Which?", "choices": ["x", "y"], "answer": "x"}
{"prompt": "Write JSON.", "checks": [{"json": ["name"]}, {"not": {"contains": "sorry"}}]}"#;
		let items = read(text).expect("items");
		assert_eq!(items.iter().map(|item| item.line).collect::<Vec<_>>(), [1, 2, 4, 5, 6]);
		assert!(matches!(&items[2].task, Task::Choice { answer: 1, .. }));
		assert!(matches!(&items[3].task, Task::Choice { answer: 0, .. }));
		assert!(matches!(&items[4].task, Task::Judged { checks, .. } if checks.len() == 2));
		assert!(matches!(read("Plain text.\nMore.").expect("text")[0].task, Task::Text(_)));
	}

	#[test]
	fn item_is_refused_with_contribution_and_line_when_it_is_malformed() {
		for (line, named) in [
			("{\"prompt\": \"a\"", "is no JSON from column 14 on"),
			("{\"prompt\": \"a\"}", "an item has"),
			("{\"prompt\": \"a\", \"answer\": 3}", "is text"),
			("{\"prompt\": \" \", \"answer\": \"3\"}", "`prompt` is empty"),
			("{\"prompt\": \"a\", \"anwser\": \"3\"}", "an unknown field"),
			("{\"prompt\": \"a\", \"answer\": [\"zebra\", 3]}", "of another type"),
			("{\"prompt\": 3, \"answer\": \"zebra\"}", "of another type"),
			("{\"question\": \"a\", \"choices\": [\"x\"], \"answer\": 0}", "2 to 32"),
			("{\"question\": \"a\", \"choices\": [\"x\", \"y\"], \"answer\": 2}", "index from 0"),
			("{\"question\": \"a\", \"choices\": [\"x\", \"\"], \"answer\": 0}", "a choice is empty"),
			("{\"prompt\": \"a\", \"checks\": []}", "1 to 32"),
			("{\"prompt\": \"a\", \"checks\": [{\"regex\": \"(\"}]}", "regex"),
		] {
			let error =
				read(&format!("{{\"prompt\": \"good\", \"answer\": \"g\"}}\n{line}")).expect_err(line);
			let text = error.to_string();
			assert!(text.contains("contribution 7, line 2") && text.contains(named), "{text}");
			assert!(!text.contains("zebra") && !text.contains("anwser"), "{text}");
		}
	}

	#[test]
	fn benchmark_is_refused_when_it_is_empty_or_too_large() {
		assert!(matches!(read_items(&[]), Err(EvaluationError::Size { items: 0, .. })));
		assert!(matches!(read("  \n"), Err(EvaluationError::Item { .. })));
		let many = "{\"prompt\": \"a\", \"answer\": \"b\"}\n".repeat(MAX_ITEMS + 1);
		assert!(matches!(read(&many), Err(EvaluationError::Size { .. })));
	}
}
