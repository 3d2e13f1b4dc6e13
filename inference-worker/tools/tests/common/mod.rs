//! What the tests of servers share.

use serde_json::{json, Map, Value};
use std::{collections::BTreeMap, path::Path, time::Duration};
use tributary_tools::{Limits, Transport};

/// Limits for tests.
pub fn limits() -> Limits {
	Limits {
		connect: Duration::from_secs(20),
		call: Duration::from_secs(3),
		answer_bytes: 64 << 10,
		attempts: 3,
	}
}

/// The server in `servers/hostile.py`, misbehaving as `mode` says, counting in `folder`.
#[allow(dead_code, reason = "not every test file needs it")]
pub fn hostile(mode: &str, folder: &tempfile::TempDir) -> Transport {
	let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/hostile.py");
	let args = [script.to_str().unwrap(), mode, folder.path().to_str().unwrap()];
	Transport::Stdio {
		command: "python3".into(),
		args: args.map(str::to_owned).to_vec(),
		env: BTreeMap::new(),
	}
}

/// Arguments of `echo`.
#[allow(dead_code, reason = "not every test file needs it")]
pub fn say(text: &str) -> Map<String, Value> {
	json!({ "text": text }).as_object().unwrap().clone()
}
