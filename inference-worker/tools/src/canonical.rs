//! One text for one JSON value, so that hashes can be compared.

use crate::Hash;
use serde_json::Value;

/// JSON without spaces, members sorted by name. Numbers stay as they were written.
pub fn canonical(value: &Value) -> String {
	let mut value = value.clone();
	value.sort_all_objects();
	value.to_string()
}

/// BLAKE3 of the canonical JSON.
pub fn hash(value: &Value) -> Hash {
	*blake3::hash(canonical(value).as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
	use super::*;

	fn of(text: &str) -> String {
		canonical(&serde_json::from_str(text).unwrap())
	}

	#[test]
	fn text_is_the_same_when_members_or_spaces_differ() {
		let text = r#"{"a":[{"c":null,"d":1}],"b":"é"}"#;
		assert_eq!(of(text), text);
		assert_eq!(of("{ \"b\": \"\\u00e9\",\n \"a\": [ {\"d\": 1, \"c\": null} ] }"), text);
	}

	#[test]
	fn text_differs_when_values_or_the_order_of_a_list_do() {
		assert_ne!(of("[1,2]"), of("[2,1]"));
		assert_ne!(of("1"), of("1.0"));
		assert_ne!(hash(&Value::Null), hash(&Value::Bool(false)));
	}
}
