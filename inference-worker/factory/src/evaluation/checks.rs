//! The judge's checks: each passes or fails on an answer, and needs no model.
//!
//! Errors never repeat what is written there: the benchmark may be private.

use regex::{Regex, RegexBuilder};
use serde_json::Value;

/// Largest compiled expression, bytes.
const MAX_REGEX_BYTES: usize = 1 << 20;
/// Deepest nesting of `not`.
const MAX_DEPTH: usize = 4;

/// One condition on an answer.
#[derive(Debug, Clone)]
pub enum Check {
	/// The answer contains the text, in its case.
	Contains(String),
	/// The expression matches somewhere; `regex` syntax, linear time.
	Matches(Regex),
	/// The inner check fails.
	Not(Box<Check>),
	/// The answer is JSON, and an object with these keys if any are named.
	Json(Vec<String>),
}

impl Check {
	/// Reads `{"contains": "…"}`, `{"regex": "…"}`, `{"not": {…}}` or `{"json": true}`, which may list the keys that the
	/// object must have instead.
	pub fn parse(value: &Value) -> Result<Self, String> {
		Self::parse_at(value, 0)
	}

	fn parse_at(value: &Value, depth: usize) -> Result<Self, String> {
		let wrong =
			|| "has something else than a check: write one of contains, regex, not and json".to_owned();
		let entries = value.as_object().filter(|entries| entries.len() == 1).ok_or_else(wrong)?;
		let (kind, given) = entries.iter().next().ok_or_else(wrong)?;
		match (kind.as_str(), given) {
			("contains", Value::String(text)) if !text.is_empty() => Ok(Self::Contains(text.clone())),
			("regex", Value::String(text)) => RegexBuilder::new(text)
				.size_limit(MAX_REGEX_BYTES)
				.build()
				.map(Self::Matches)
				.map_err(unusable),
			("not", _) if depth < MAX_DEPTH => Ok(Self::Not(Box::new(Self::parse_at(given, depth + 1)?))),
			("json", Value::Bool(true)) => Ok(Self::Json(Vec::new())),
			("json", Value::Array(keys)) => {
				let keys = keys.iter().map(|key| key.as_str().map(str::to_owned)).collect::<Option<_>>();
				keys.map(Self::Json).ok_or_else(wrong)
			}
			_ => Err(wrong()),
		}
	}

	/// Whether an answer passes.
	pub fn passes(&self, answer: &str) -> bool {
		match self {
			Self::Contains(text) => answer.contains(text.as_str()),
			Self::Matches(regex) => regex.is_match(answer),
			Self::Not(inner) => !inner.passes(answer),
			Self::Json(keys) => match serde_json::from_str::<Value>(answer.trim()) {
				Ok(value) => keys.iter().all(|key| value.get(key).is_some()),
				Err(_) => false,
			},
		}
	}
}

fn unusable(error: regex::Error) -> String {
	match error {
		regex::Error::CompiledTooBig(most) => format!("has a regex that takes more than {most} bytes"),
		_ => "has a regex of wrong syntax".into(),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::json;

	#[test]
	fn check_passes_or_fails_when_an_answer_is_judged() {
		for (check, answer, passes) in [
			(json!({ "contains": "git" }), "use git add", true),
			(json!({ "contains": "Git" }), "use git add", false),
			(json!({ "regex": "^[0-9]+$" }), "42", true),
			(json!({ "regex": "^[0-9]+$" }), "42 or so", false),
			(json!({ "not": { "contains": "sorry" } }), "sorry", false),
			(json!({ "json": true }), " [1, 2] ", true),
			(json!({ "json": ["a"] }), "{\"a\": null}", true),
			(json!({ "json": ["a"] }), "{\"b\": 1}", false),
			(json!({ "json": true }), "{", false),
		] {
			assert_eq!(Check::parse(&check).expect("a check").passes(answer), passes, "{check} {answer}");
		}
	}

	#[test]
	fn check_is_refused_when_it_is_unknown_or_unbounded() {
		let deep = (0..6).fold(json!({ "json": true }), |inner, _| json!({ "not": inner }));
		for check in [
			json!({ "equals": "x" }),
			json!({ "contains": "" }),
			json!({ "contains": "a", "regex": "b" }),
			json!({ "json": [1] }),
			json!({ "regex": "a{1000}{1000}{1000}" }),
			json!("contains"),
			deep,
		] {
			assert!(Check::parse(&check).is_err(), "{check}");
		}
	}

	#[test]
	fn check_is_not_repeated_when_it_is_refused() {
		for check in
			[json!({ "regex": "(zebra" }), json!({ "zebra": "zebra" }), json!({ "json": ["zebra", 1] })]
		{
			let reason = Check::parse(&check).expect_err("no check");
			assert!(reason.starts_with("has ") && !reason.contains("zebra"), "{reason}");
		}
	}
}
