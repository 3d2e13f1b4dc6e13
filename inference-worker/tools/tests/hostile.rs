//! Servers that hang, die, lie, change or answer with 100 MB: each is contained, and the error says what it did.

mod common;

use common::{hostile, limits, say};
use std::time::{Duration, Instant};
use tributary_tools::{CallId, Limits, Server, ToolError};

async fn connect(mode: &str, folder: &tempfile::TempDir) -> Result<Server, ToolError> {
	Server::connect(hostile(mode, folder), limits()).await
}

async fn echo(server: &Server) -> Result<tributary_tools::Answer, ToolError> {
	server.call("echo", &say("hello"), &CallId("call-1".into()), &limits()).await
}

fn count(folder: &tempfile::TempDir, what: &str) -> usize {
	std::fs::read(folder.path().join(what)).map(|bytes| bytes.len()).unwrap_or(0)
}

#[tokio::test]
async fn call_has_an_answer_when_the_server_behaves() {
	let folder = tempfile::tempdir().unwrap();
	let server = connect("behaves", &folder).await.unwrap();
	assert_eq!(server.listing().identity, "hostile 1.0");
	let answer = echo(&server).await.unwrap();
	assert_eq!((answer.text.as_str(), answer.is_error, answer.attempts), ("hello", false, 1));
	server.verify().await.unwrap();
}

#[tokio::test]
async fn call_ends_at_its_deadline_when_the_server_hangs() {
	let folder = tempfile::tempdir().unwrap();
	let server = connect("hangs", &folder).await.unwrap();
	let began = Instant::now();
	let error = echo(&server).await.unwrap_err();
	assert!(matches!(error, ToolError::Deadline { .. }), "{error}");
	assert!(began.elapsed() < Duration::from_secs(5));
	// The process was ended: another one answers the next check.
	tokio::time::sleep(Duration::from_millis(400)).await;
	server.verify().await.unwrap();
	assert_eq!(count(&folder, "lives"), 2);
}

#[tokio::test]
async fn call_is_tried_again_under_its_id_when_the_server_died() {
	let folder = tempfile::tempdir().unwrap();
	let server = connect("dies-once", &folder).await.unwrap();
	let answer = echo(&server).await.unwrap();
	assert_eq!((answer.text.as_str(), answer.attempts), ("hello", 2));
	assert_eq!(std::fs::read_to_string(folder.path().join("keys")).unwrap(), "call-1\ncall-1\n");
}

#[tokio::test]
async fn call_fails_after_its_attempts_when_the_server_always_dies() {
	let folder = tempfile::tempdir().unwrap();
	let server = connect("dies", &folder).await.unwrap();
	let error = echo(&server).await.unwrap_err();
	assert!(matches!(error, ToolError::Unreachable { .. }), "{error}");
	assert!(error.to_string().contains("out of luck"), "{error}");
	assert_eq!(std::fs::read_to_string(folder.path().join("keys")).unwrap().lines().count(), 3);
	// It is not started over and over: there is a pause now.
	let lives = count(&folder, "lives");
	assert!(server.verify().await.is_err());
	assert_eq!(count(&folder, "lives"), lives);
}

#[tokio::test]
async fn answer_is_cut_off_when_it_is_huge() {
	let folder = tempfile::tempdir().unwrap();
	let server = connect("huge", &folder).await.unwrap();
	let error = echo(&server).await.unwrap_err();
	assert!(matches!(error, ToolError::TooLarge { .. }), "{error}");
	// The process was ended long before it had written its 100 MB.
	tokio::time::sleep(Duration::from_millis(300)).await;
	assert!(count(&folder, "megabytes") < 20, "{} MB were written", count(&folder, "megabytes"));
	assert_eq!(std::fs::read_to_string(folder.path().join("keys")).unwrap().lines().count(), 1);
}

#[tokio::test]
async fn answer_is_refused_when_the_server_lies_about_its_schema() {
	let folder = tempfile::tempdir().unwrap();
	let server = connect("promises", &folder).await.unwrap();
	let error = echo(&server).await.unwrap_err();
	assert!(matches!(&error, ToolError::Output { problem, .. } if problem.contains("/text")), "{error}");
	let folder = tempfile::tempdir().unwrap();
	let error = echo(&connect("other-type", &folder).await.unwrap()).await.unwrap_err();
	assert!(matches!(error, ToolError::Protocol { .. } | ToolError::Deadline { .. }), "{error}");
	let folder = tempfile::tempdir().unwrap();
	let error = echo(&connect("unknown-tool", &folder).await.unwrap()).await.unwrap_err();
	assert!(matches!(&error, ToolError::Refused { problem, .. } if problem == "no such tool"), "{error}");
}

#[tokio::test]
async fn server_is_refused_for_good_when_it_comes_back_with_another_list() {
	let folder = tempfile::tempdir().unwrap();
	let server = connect("changes-list", &folder).await.unwrap();
	echo(&server).await.unwrap();
	let error = server.call("echo", &say("die"), &CallId("2".into()), &limits()).await.unwrap_err();
	assert!(matches!(error, ToolError::ListChanged { .. }), "{error}");
	assert!(error.to_string().contains("tributary tool version"));
	assert_eq!(echo(&server).await.unwrap_err(), error);
}

#[tokio::test]
async fn server_is_refused_when_it_says_that_its_list_changed() {
	let folder = tempfile::tempdir().unwrap();
	let server = connect("changes-list-now", &folder).await.unwrap();
	echo(&server).await.unwrap();
	for _ in 0..50 {
		if let Err(error) = server.verify().await {
			assert!(matches!(error, ToolError::ListChanged { .. }), "{error}");
			return;
		}
		tokio::time::sleep(Duration::from_millis(20)).await;
	}
	panic!("the change went unnoticed");
}

#[tokio::test]
async fn list_is_refused_when_it_is_out_of_bounds() {
	for mode in ["many-tools", "no-object", "endless-list", "empty-pages", "huge-list"] {
		let folder = tempfile::tempdir().unwrap();
		let Err(error) = connect(mode, &folder).await else { panic!("{mode} was taken") };
		assert!(matches!(error, ToolError::List(_)), "{mode}: {error}");
	}
}

#[tokio::test]
async fn server_is_refused_when_it_does_not_greet() {
	let folder = tempfile::tempdir().unwrap();
	let Err(error) = connect("talks-nonsense", &folder).await else { panic!() };
	assert!(matches!(&error, ToolError::Unreachable { .. }), "{error}");
	assert!(error.to_string().contains("I am no MCP server"), "{error}");
	let quick = Limits { connect: Duration::from_millis(300), ..limits() };
	let Err(error) = Server::connect(hostile("never-greets", &folder), quick).await else { panic!() };
	assert!(error.to_string().contains("no greeting"), "{error}");
}

#[tokio::test]
async fn call_is_not_sent_when_arguments_or_tool_are_wrong() {
	let folder = tempfile::tempdir().unwrap();
	let server = connect("behaves", &folder).await.unwrap();
	let call = |tool: &'static str, arguments: serde_json::Value| {
		let arguments = arguments.as_object().unwrap().clone();
		let server = &server;
		async move { server.call(tool, &arguments, &CallId("1".into()), &limits()).await.unwrap_err() }
	};
	let error = call("echo", serde_json::json!({ "text": 1 })).await;
	assert!(matches!(&error, ToolError::Arguments { problem, .. } if problem.contains("/text")), "{error}");
	assert!(matches!(call("sing", serde_json::json!({})).await, ToolError::UnknownTool(_)));
	assert_eq!(count(&folder, "keys"), 0);
}

#[tokio::test]
async fn failure_that_the_tool_tells_is_an_answer() {
	let folder = tempfile::tempdir().unwrap();
	let answer = echo(&connect("fails", &folder).await.unwrap()).await.unwrap();
	assert_eq!((answer.text.as_str(), answer.is_error), ("not today", true));
}

#[tokio::test]
async fn server_is_refused_when_it_asks_for_the_model() {
	let folder = tempfile::tempdir().unwrap();
	let answer = echo(&connect("asks", &folder).await.unwrap()).await.unwrap();
	// Method not found.
	assert_eq!(answer.text, "-32601");
}

#[tokio::test]
async fn calls_run_together_when_there_are_many() {
	let folder = tempfile::tempdir().unwrap();
	let server = connect("behaves", &folder).await.unwrap();
	let calls = (0..50).map(|number| {
		let server = &server;
		async move {
			let id = CallId(number.to_string());
			server.call("echo", &say(&number.to_string()), &id, &limits()).await.unwrap().text
		}
	});
	let texts = futures::future::join_all(calls).await;
	assert!(texts.iter().enumerate().all(|(number, text)| *text == number.to_string()));
}
