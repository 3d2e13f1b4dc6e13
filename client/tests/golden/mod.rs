//! The golden vectors of `primitives/vectors`, for the tests of worker, client and command line.

use serde_json::Value;

/// One vector.
pub struct Golden(Value);

impl Golden {
	/// The vector of this name. The package must lie beside `primitives/`.
	pub fn load(name: &str) -> Self {
		let path = format!("{}/../primitives/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
		Self(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
	}

	/// The SCALE encoding.
	pub fn scale(&self) -> Vec<u8> {
		bytes(self.0["scale"].as_str().unwrap())
	}

	/// A digest or number derived from the value, as text.
	pub fn derived(&self, name: &str) -> &str {
		self.0["derived"][name].as_str().unwrap()
	}

	/// A digest derived from the value.
	pub fn digest(&self, name: &str) -> Vec<u8> {
		bytes(self.derived(name))
	}
}

fn bytes(hex: &str) -> Vec<u8> {
	hex::decode(hex.trim_start_matches("0x")).unwrap()
}
