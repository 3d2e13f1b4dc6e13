//! Real servers: the time server from PyPI over standard streams, and one made with the official Python SDK over
//! streamable HTTP. They run when `scripts/test.sh` has installed them: TRIBUTARY_PYTHON is the interpreter.

mod common;

use common::limits;
use serde_json::{json, Map, Value};
use std::{collections::BTreeMap, path::Path, process::Stdio, time::Duration};
use tokio::io::{AsyncBufReadExt, BufReader};
use tributary_tools::{CallId, Server, ToolError, Transport};

fn python() -> String {
	std::env::var("TRIBUTARY_PYTHON").expect("run scripts/test.sh tools, which sets TRIBUTARY_PYTHON")
}

fn arguments(value: Value) -> Map<String, Value> {
	value.as_object().unwrap().clone()
}

#[tokio::test]
#[ignore = "needs the servers that scripts/test.sh installs"]
async fn time_is_told_when_the_server_from_pypi_is_asked() {
	let args = ["-m", "mcp_server_time", "--local-timezone", "UTC"].map(str::to_owned).to_vec();
	let server =
		Server::connect(Transport::Stdio { command: python(), args, env: BTreeMap::new() }, limits())
			.await
			.unwrap();
	assert!(server.listing().identity.starts_with("mcp-time"), "{}", server.listing().identity);
	let names: Vec<_> = server.listing().tools.iter().map(|tool| tool.name.as_str()).collect();
	assert_eq!(names, ["convert_time", "get_current_time"]);
	let call = |zone: &str| {
		let arguments = arguments(json!({ "timezone": zone }));
		let server = &server;
		async move { server.call("get_current_time", &arguments, &CallId("1".into()), &limits()).await }
	};
	let answer = call("Europe/Berlin").await.unwrap();
	let told: Value = serde_json::from_str(&answer.text).unwrap();
	assert_eq!((told["timezone"].as_str(), answer.is_error), (Some("Europe/Berlin"), false));
	assert!(call("Europe/Nowhere").await.unwrap().is_error);
	let wrong = server
		.call("get_current_time", &arguments(json!({ "zone": 1 })), &CallId("2".into()), &limits())
		.await;
	assert!(matches!(wrong, Err(ToolError::Arguments { .. })));
}

#[tokio::test]
#[ignore = "needs the servers that scripts/test.sh installs"]
async fn river_is_measured_when_a_server_of_the_sdk_is_asked_over_http() {
	let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/flows/river_server.py");
	let mut child = tokio::process::Command::new(python())
		.args([script.to_str().unwrap(), "--port", "0"])
		.stdout(Stdio::piped())
		.kill_on_drop(true)
		.spawn()
		.unwrap();
	let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
	let url =
		tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await.unwrap().unwrap().unwrap();
	let server = Server::connect(Transport::Http { url, token: None }, limits()).await.unwrap();
	assert!(server.listing().identity.starts_with("rivers "), "{}", server.listing().identity);
	let level = |river: &str| {
		let arguments = arguments(json!({ "river": river }));
		let server = &server;
		async move { server.call("water_level", &arguments, &CallId("1".into()), &limits()).await }
	};
	let answer = level("Elbe").await.unwrap();
	assert!(answer.text.contains("cm") && !answer.is_error, "{answer:?}");
	assert!(matches!(level("Nile").await, Err(ToolError::Arguments { .. })));
	server.verify().await.unwrap();
}
