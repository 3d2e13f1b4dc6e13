//! Whether a JSON value satisfies a JSON schema, within a bounded number of steps.
//!
//! A check of structure: types, required and unknown members, enumerations, bounds and combinations. What it does not
//! know (`pattern`, `format`, conditions) it lets pass: the server checks its arguments itself. A model's arguments are
//! held to the schema by a grammar before they come here.

use serde_json::{Map, Value};

/// Most steps of one check: a small schema can describe exponentially many cases.
const MAX_STEPS: usize = 100_000;
/// Deepest nesting that is looked into.
const MAX_DEPTH: usize = 64;
/// Bytes of a text that are looked at in one step.
const STEP_BYTES: usize = 1 << 10;

/// The error says what is wrong, and where as a JSON pointer.
pub fn conforms(schema: &Value, value: &Value) -> Result<(), String> {
	let mut check = Check { root: schema, steps: 0 };
	let checked = check.value(schema, value, "", 0);
	// An alternative that was not looked at to its end is none that does not fit.
	check.spend(0).and(checked)
}

struct Check<'a> {
	root: &'a Value,
	steps: usize,
}

type Checked = Result<(), String>;

impl<'a> Check<'a> {
	fn spend(&mut self, steps: usize) -> Checked {
		self.steps = self.steps.saturating_add(steps);
		match self.steps > MAX_STEPS {
			true => Err("the schema takes too many steps to check".into()),
			false => Ok(()),
		}
	}

	fn value(&mut self, schema: &'a Value, value: &Value, at: &str, depth: usize) -> Checked {
		self.spend(if depth > MAX_DEPTH { usize::MAX } else { 1 })?;
		let schema = match schema {
			Value::Bool(true) => return Ok(()),
			Value::Object(schema) => schema,
			_ => return wrong(at, "is not allowed"),
		};
		let depth = depth.saturating_add(1);
		if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
			let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
			let target = target
				.ok_or_else(|| format!("the schema refers to `{reference}`, which it does not have"))?;
			self.value(target, value, at, depth)?;
		}
		if let Some(kind) = schema.get("type") {
			let fits = match kind {
				Value::Array(kinds) => kinds.iter().any(|kind| is_of(kind, value)),
				kind => is_of(kind, value),
			};
			if !fits {
				return wrong(at, &format!("is not of type {kind}"));
			}
		}
		if schema.get("const").is_some_and(|only| only != value) {
			return wrong(at, "is not the one value that is allowed");
		}
		if let Some(all) = schema.get("enum").and_then(Value::as_array) {
			self.spend(all.len())?;
			if !all.contains(value) {
				return wrong(at, "is none of the values that are allowed");
			}
		}
		match value {
			Value::Object(members) => self.members(schema, members, at, depth)?,
			Value::Array(items) => self.items(schema, items, at, depth)?,
			Value::String(text) => {
				self.spend(text.len() / STEP_BYTES)?;
				within(schema, ["minLength", "maxLength"], text.chars().count(), at, "characters")?
			}
			Value::Number(number) => number_within(schema, number.as_f64().unwrap_or(f64::NAN), at)?,
			_ => {}
		}
		self.combinations(schema, value, at, depth)
	}

	fn members(
		&mut self,
		schema: &'a Map<String, Value>,
		members: &Map<String, Value>,
		at: &str,
		depth: usize,
	) -> Checked {
		let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
		if let Some(name) = required.filter_map(Value::as_str).find(|name| !members.contains_key(*name)) {
			return wrong(at, &format!("has no `{name}`"));
		}
		within(schema, ["minProperties", "maxProperties"], members.len(), at, "members")?;
		let known = schema.get("properties").and_then(Value::as_object);
		// Names that match a pattern would have to be known too.
		let others = schema.get("additionalProperties").filter(|_| !schema.contains_key("patternProperties"));
		for (name, value) in members {
			let place = format!("{at}/{}", name.chars().take(64).collect::<String>());
			match (known.and_then(|known| known.get(name)), others) {
				(Some(schema), _) => self.value(schema, value, &place, depth)?,
				(None, Some(others)) => self.value(others, value, &place, depth)?,
				(None, None) => {}
			}
		}
		Ok(())
	}

	fn items(&mut self, schema: &'a Map<String, Value>, items: &[Value], at: &str, depth: usize) -> Checked {
		within(schema, ["minItems", "maxItems"], items.len(), at, "items")?;
		let first =
			schema.get("prefixItems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
		for (index, item) in items.iter().enumerate() {
			if let Some(schema) = first.get(index).or(schema.get("items")) {
				self.value(schema, item, &format!("{at}/{index}"), depth)?;
			}
		}
		Ok(())
	}

	fn combinations(
		&mut self,
		schema: &'a Map<String, Value>,
		value: &Value,
		at: &str,
		depth: usize,
	) -> Checked {
		let list = |name: &str| schema.get(name).and_then(Value::as_array);
		for part in list("allOf").into_iter().flatten() {
			self.value(part, value, at, depth)?;
		}
		if let Some(parts) = list("anyOf") {
			let mut fits = parts.iter().map(|part| self.value(part, value, at, depth));
			if !fits.any(|fits| fits.is_ok()) {
				return wrong(at, "fits none of the alternatives");
			}
		}
		if let Some(parts) = list("oneOf") {
			let fitting = parts.iter().filter(|part| self.value(part, value, at, depth).is_ok()).count();
			if fitting != 1 {
				return wrong(at, &format!("fits {fitting} of the alternatives, not one"));
			}
		}
		match schema.get("not") {
			Some(not) if self.value(not, value, at, depth).is_ok() => wrong(at, "is what is not allowed"),
			_ => Ok(()),
		}
	}
}

fn wrong(at: &str, what: &str) -> Checked {
	Err(format!("{} {what}", if at.is_empty() { "it" } else { at }))
}

fn is_of(kind: &Value, value: &Value) -> bool {
	match kind.as_str() {
		Some("object") => value.is_object(),
		Some("array") => value.is_array(),
		Some("string") => value.is_string(),
		Some("boolean") => value.is_boolean(),
		Some("null") => value.is_null(),
		Some("number") => value.is_number(),
		Some("integer") => value.as_f64().is_some_and(|number| number.fract() == 0.0),
		_ => false,
	}
}

fn within(
	schema: &Map<String, Value>,
	[least, most]: [&str; 2],
	count: usize,
	at: &str,
	of: &str,
) -> Checked {
	let count = count as u64;
	let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
	match (bound(least), bound(most)) {
		(Some(least), _) if count < least => {
			wrong(at, &format!("has {count} {of}, at least {least} are needed"))
		}
		(_, Some(most)) if count > most => {
			wrong(at, &format!("has {count} {of}, at most {most} are allowed"))
		}
		_ => Ok(()),
	}
}

fn number_within(schema: &Map<String, Value>, number: f64, at: &str) -> Checked {
	let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
	let low = bound("minimum").is_none_or(|least| number >= least)
		&& bound("exclusiveMinimum").is_none_or(|least| number > least);
	let high = bound("maximum").is_none_or(|most| number <= most)
		&& bound("exclusiveMaximum").is_none_or(|most| number < most);
	match (low, high) {
		(true, true) => Ok(()),
		(false, _) => wrong(at, "is too small"),
		(_, false) => wrong(at, "is too large"),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::json;

	#[test]
	fn value_is_taken_when_it_satisfies_the_schema() {
		let schema = json!({
			"type": "object",
			"properties": {
				"zone": { "type": "string", "minLength": 1, "maxLength": 9 },
				"hours": { "type": "array", "items": { "type": "integer", "minimum": 0, "maximum": 23 }, "maxItems": 3 },
				"place": { "$ref": "#/$defs/place" },
				"unit": { "enum": ["s", "ms"] },
				"note": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
			},
			"required": ["zone"],
			"additionalProperties": false,
			"$defs": { "place": { "oneOf": [{ "type": "string" }, { "type": "number", "exclusiveMinimum": 0 }] } },
		});
		for value in [
			json!({ "zone": "UTC" }),
			json!({ "zone": "UTC", "hours": [1, 2.0], "place": 1.5, "unit": "ms", "note": null }),
		] {
			assert_eq!(conforms(&schema, &value), Ok(()), "{value}");
		}
		for (place, value) in [
			("it", json!([])),
			("`zone`", json!({})),
			("/zone", json!({ "zone": "" })),
			("/zone", json!({ "zone": 1 })),
			("/zone", json!({ "zone": "much too long" })),
			("/other", json!({ "zone": "UTC", "other": 1 })),
			("/hours", json!({ "zone": "UTC", "hours": [1, 2, 3, 4] })),
			("/hours/1", json!({ "zone": "UTC", "hours": [1, 24] })),
			("/hours/0", json!({ "zone": "UTC", "hours": [0.5] })),
			("/place", json!({ "zone": "UTC", "place": 0 })),
			("/unit", json!({ "zone": "UTC", "unit": "h" })),
			("/note", json!({ "zone": "UTC", "note": 1 })),
		] {
			let error = conforms(&schema, &value).unwrap_err();
			assert!(error.contains(place), "{value}: {error}");
		}
	}

	#[test]
	fn combinations_are_refused_when_too_many_or_forbidden_ones_fit() {
		assert!(conforms(&json!({ "oneOf": [{}, {}] }), &json!(1)).is_err());
		assert!(conforms(&json!({ "not": {} }), &json!(1)).is_err());
		assert!(conforms(&json!({ "allOf": [{ "const": 1 }, { "const": 2 }] }), &json!(1)).is_err());
		assert!(conforms(&json!({ "$ref": "#/gone" }), &json!(1)).is_err());
		assert!(conforms(&json!({ "$ref": "https://example.org/schema" }), &json!(1)).is_err());
	}

	#[test]
	fn check_ends_when_a_schema_refers_to_itself_or_explodes() {
		let endless = json!({ "$ref": "#" });
		assert!(conforms(&endless, &json!(1)).unwrap_err().contains("too many"));
		let mut deep = json!({ "const": 1 });
		for _ in 0..20 {
			deep = json!({ "anyOf": [deep, { "const": 3 }] });
		}
		assert!(conforms(&deep, &json!(2)).is_err());
	}

	#[test]
	fn check_ends_when_many_values_or_long_texts_are_compared() {
		let allowed: Vec<u32> = (0..2_000).collect();
		let listed = json!({ "items": { "enum": allowed } });
		assert_eq!(conforms(&listed, &json!([1_999, 1_998])), Ok(()));
		assert!(conforms(&listed, &json!(vec![1_999; 1_000])).unwrap_err().contains("too many"));
		let long = json!({ "allOf": vec![json!({ "minLength": 1 }); 1_000] });
		assert!(conforms(&long, &json!("x".repeat(1 << 18))).unwrap_err().contains("too many"));
	}

	#[test]
	fn value_is_refused_when_a_forbidden_schema_cannot_be_checked_to_its_end() {
		let endless = json!({ "not": { "allOf": [{ "$ref": "#/not" }] } });
		assert!(conforms(&endless, &json!(1)).unwrap_err().contains("too many"));
	}
}
