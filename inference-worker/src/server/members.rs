//! Members of a request's JSON, read by name: what is wrong with one is told with its name and what is allowed.

use super::errors::ApiError;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// A JSON object; `null` is the same as leaving a member out.
pub struct Members(Map<String, Value>);

/// 400: a member has a wrong value.
pub fn wrong(message: impl Into<String>) -> ApiError {
	ApiError::invalid("invalid_value", message)
}

/// 400: a member that would change the answer is not supported.
pub fn unsupported(name: &str) -> ApiError {
	let message = format!("`{name}` is not supported by this worker. Leave it out.");
	ApiError::invalid("unsupported_parameter", message)
}

impl Members {
	/// Reads a body.
	pub fn of(body: &[u8]) -> Result<Self, ApiError> {
		serde_json::from_slice(body).map(Self).map_err(|error| {
			let message = format!("the body is not a valid request: {error}. See OpenAI's API reference.");
			ApiError::invalid("invalid_body", message)
		})
	}

	/// A member as it is.
	pub fn get(&self, name: &str) -> Option<&Value> {
		self.0.get(name).filter(|value| !value.is_null())
	}

	/// Text that must be there.
	pub fn text(&self, name: &str) -> Result<&str, ApiError> {
		self.get(name).and_then(Value::as_str).ok_or_else(|| {
			ApiError::invalid(
				"invalid_body",
				format!("the body has no `{name}`, or it is no text. Send one."),
			)
		})
	}

	/// A boolean; false when it is left out.
	pub fn flag(&self, name: &str) -> Result<bool, ApiError> {
		match self.get(name) {
			None => Ok(false),
			Some(value) => value.as_bool().ok_or_else(|| wrong(format!("{name} must be true or false"))),
		}
	}

	/// A number within bounds.
	pub fn number(&self, name: &str, bounds: RangeInclusive<f64>) -> Result<Option<f32>, ApiError> {
		let (low, high) = (bounds.start(), bounds.end());
		match self.get(name) {
			None => Ok(None),
			Some(value) => match value.as_f64().filter(|number| bounds.contains(number)) {
				Some(number) => Ok(Some(number as f32)),
				None => Err(wrong(format!("{name} must be a number between {low} and {high}"))),
			},
		}
	}

	/// A whole number within bounds.
	pub fn integer(&self, name: &str, bounds: RangeInclusive<i64>) -> Result<Option<i64>, ApiError> {
		let (low, high) = (bounds.start(), bounds.end());
		match self.get(name) {
			None => Ok(None),
			Some(value) => match value.as_i64().filter(|number| bounds.contains(number)) {
				Some(number) => Ok(Some(number)),
				None => Err(wrong(format!("{name} must be a whole number between {low} and {high}"))),
			},
		}
	}

	/// A text or a list of at most `most` texts.
	pub fn texts(&self, name: &str, most: usize) -> Result<Vec<String>, ApiError> {
		let list = match self.get(name) {
			None => return Ok(Vec::new()),
			Some(Value::String(text)) => Some(vec![text.clone()]),
			Some(Value::Array(list)) => list.iter().map(|text| text.as_str().map(str::to_owned)).collect(),
			Some(_) => None,
		};
		list.filter(|list| list.len() <= most && !list.iter().any(String::is_empty)).ok_or_else(|| {
			wrong(format!("{name} takes a text or a list of at most {most} texts, none of them empty"))
		})
	}

	/// Refuses members that are there and say something else than nothing.
	pub fn refuse(&self, names: &[&str]) -> Result<(), ApiError> {
		let asked = |value: &Value| match value {
			Value::Bool(asked) => *asked,
			Value::Array(list) => !list.is_empty(),
			Value::Object(map) => !map.is_empty(),
			_ => true,
		};
		match names.iter().find(|name| self.get(name).is_some_and(asked)) {
			Some(name) => Err(unsupported(name)),
			None => Ok(()),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::json;

	fn members(value: Value) -> Members {
		Members::of(value.to_string().as_bytes()).unwrap_or_else(|_| panic!("{value}"))
	}

	#[test]
	fn member_is_told_by_name_when_its_type_or_value_is_wrong() {
		let body = members(json!({ "a": "x", "b": 3.5, "c": [1], "d": ["x", ""], "e": -1 }));
		let message = |error: ApiError| error.body().error.message;
		assert_eq!(message(body.flag("a").unwrap_err()), "a must be true or false");
		assert_eq!(message(body.number("b", 0.0..=2.0).unwrap_err()), "b must be a number between 0 and 2");
		assert_eq!(message(body.number("a", 0.0..=2.0).unwrap_err()), "a must be a number between 0 and 2");
		assert!(message(body.integer("b", 0..=9).unwrap_err()).starts_with("b must be a whole number"));
		assert!(message(body.integer("e", 0..=9).unwrap_err()).starts_with("e must be a whole number"));
		assert!(message(body.texts("c", 4).unwrap_err()).starts_with("c takes"));
		assert!(message(body.texts("d", 4).unwrap_err()).starts_with("d takes"));
		assert!(message(body.text("z").unwrap_err()).contains("`z`"));
		assert!(message(body.refuse(&["z", "c"]).unwrap_err()).contains("`c`"));
	}

	#[test]
	fn member_is_absent_when_it_is_null() {
		let body = members(json!({ "a": null, "b": [], "c": false }));
		assert_eq!(body.number("a", 0.0..=1.0).unwrap(), None);
		assert!(body.refuse(&["a", "b", "c"]).is_ok());
	}

	#[test]
	fn body_is_refused_when_it_is_no_object() {
		for body in ["", "[]", "{", "1"] {
			assert!(Members::of(body.as_bytes()).is_err(), "{body}");
		}
	}
}
