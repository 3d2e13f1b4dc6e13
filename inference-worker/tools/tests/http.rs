//! Servers over streamable HTTP that misbehave.

mod common;

use axum::{
	body::{Body, Bytes},
	extract::State,
	http::{header, HeaderMap, StatusCode},
	response::{IntoResponse, Redirect, Response},
	routing::post,
	Json, Router,
};
use common::{limits, say};
use serde_json::{json, Value};
use std::{
	sync::{
		atomic::{AtomicUsize, Ordering},
		Arc,
	},
	time::Duration,
};
use tributary_tools::{CallId, Server, ToolError, Transport};

/// How a server behaves, and how often it was called.
#[derive(Clone)]
struct Behaviour {
	mode: &'static str,
	calls: Arc<AtomicUsize>,
	/// Bytes of an answer that were taken from it.
	sent: Arc<AtomicUsize>,
	/// How often it was asked for its list.
	lists: Arc<AtomicUsize>,
	/// How often its redirect was followed.
	followed: Arc<AtomicUsize>,
}

async fn answer(
	State(behaviour): State<Behaviour>,
	headers: HeaderMap,
	Json(message): Json<Value>,
) -> Response {
	let result = |result: Value| {
		Json(json!({ "jsonrpc": "2.0", "id": message["id"], "result": result })).into_response()
	};
	if behaviour.mode == "private"
		&& headers.get(header::AUTHORIZATION).is_none_or(|sent| sent != "Bearer secret")
	{
		return StatusCode::UNAUTHORIZED.into_response();
	}
	match message["method"].as_str().unwrap() {
		"initialize" => result(json!({
			"protocolVersion": "2025-06-18",
			"capabilities": { "tools": {} },
			"serverInfo": { "name": "hostile", "version": "1.0" },
		})),
		"tools/list" => {
			if behaviour.lists.fetch_add(1, Ordering::SeqCst) > 0 && behaviour.mode == "lists-once" {
				tokio::time::sleep(Duration::from_secs(1_000)).await;
			}
			result(json!({ "tools": [{ "name": "echo", "inputSchema": { "type": "object" } }] }))
		}
		"tools/call" => {
			let before = behaviour.calls.fetch_add(1, Ordering::SeqCst);
			match behaviour.mode {
				"huge" | "huge-events" => huge(&behaviour),
				"hangs" => {
					tokio::time::sleep(Duration::from_secs(1_000)).await;
					StatusCode::OK.into_response()
				}
				"stumbles" if before == 0 => StatusCode::BAD_GATEWAY.into_response(),
				"falls" => StatusCode::BAD_GATEWAY.into_response(),
				"redirects" => Redirect::temporary("/elsewhere").into_response(),
				"lists-once" => {
					let result = json!({ "content": [{ "type": "text", "text": "hello" }] });
					let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
					if message["params"]["arguments"]["text"] == "wait" {
						tokio::time::sleep(Duration::from_secs(1)).await;
						return Json(answer).into_response();
					}
					let note = json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" });
					let events = format!("data: {note}\n\ndata: {answer}\n\n");
					([(header::CONTENT_TYPE, "text/event-stream")], events).into_response()
				}
				_ => result(json!({ "content": [{ "type": "text", "text": "hello" }] })),
			}
		}
		_ => StatusCode::ACCEPTED.into_response(),
	}
}

/// 100 MB, sent as fast as they are read.
fn huge(behaviour: &Behaviour) -> Response {
	let (sent, is_stream) = (behaviour.sent.clone(), behaviour.mode == "huge-events");
	let begin: &[u8] = if is_stream { b"data: " } else { b"{\"jsonrpc\":\"2.0\",\"x\":\"" };
	let chunks = std::iter::once(Bytes::from_static(begin)).chain((0..1_600).map(move |_| {
		sent.fetch_add(64 << 10, Ordering::SeqCst);
		Bytes::from(vec![b'x'; 64 << 10])
	}));
	let body = Body::from_stream(futures::stream::iter(chunks.map(Ok::<_, std::io::Error>)));
	let kind = if is_stream { "text/event-stream" } else { "application/json" };
	([(header::CONTENT_TYPE, kind)], body).into_response()
}

async fn serve(mode: &'static str) -> (String, Behaviour) {
	let [calls, sent, lists, followed] = Default::default();
	let behaviour = Behaviour { mode, calls, sent, lists, followed };
	let elsewhere = |State(behaviour): State<Behaviour>| async move {
		behaviour.followed.fetch_add(1, Ordering::SeqCst);
	};
	let router = Router::new().route("/mcp", post(answer)).route("/elsewhere", post(elsewhere));
	let router = router.with_state(behaviour.clone());
	let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
	let url = format!("http://{}/mcp", listener.local_addr().unwrap());
	tokio::spawn(async move { axum::serve(listener, router).await });
	(url, behaviour)
}

async fn call(mode: &'static str) -> (Result<tributary_tools::Answer, ToolError>, Behaviour) {
	let (url, behaviour) = serve(mode).await;
	let server = Server::connect(Transport::Http { url, token: None }, limits()).await.unwrap();
	(server.call("echo", &say("hello"), &CallId("1".into()), &limits()).await, behaviour)
}

#[tokio::test]
async fn call_is_tried_again_when_the_server_stumbles() {
	let (answer, behaviour) = call("stumbles").await;
	let answer = answer.unwrap();
	assert_eq!((answer.text.as_str(), answer.attempts), ("hello", 2));
	assert_eq!(behaviour.calls.load(Ordering::SeqCst), 2);
	let (answer, behaviour) = call("falls").await;
	assert!(matches!(answer, Err(ToolError::Unreachable { .. })), "{answer:?}");
	assert_eq!(behaviour.calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn answer_is_cut_off_when_it_is_huge() {
	for mode in ["huge", "huge-events"] {
		let (answer, behaviour) = call(mode).await;
		assert!(matches!(answer, Err(ToolError::TooLarge { .. })), "{mode}: {answer:?}");
		// What was not read, the server could not send, but for what sockets hold.
		let sent = behaviour.sent.load(Ordering::SeqCst);
		assert!(sent < 30 << 20, "{mode}: {sent} bytes");
		assert_eq!(behaviour.calls.load(Ordering::SeqCst), 1, "{mode}");
	}
}

#[tokio::test]
async fn call_ends_at_its_deadline_when_the_server_hangs() {
	let (answer, _) = call("hangs").await;
	assert!(matches!(answer, Err(ToolError::Deadline { .. })), "{answer:?}");
}

#[tokio::test]
async fn redirect_is_not_followed_when_a_server_sends_one() {
	let (answer, behaviour) = call("redirects").await;
	assert!(answer.is_err());
	assert_eq!(behaviour.followed.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn call_has_its_answer_in_time_when_the_list_hangs_meanwhile() {
	let (url, behaviour) = serve("lists-once").await;
	let server = Server::connect(Transport::Http { url, token: None }, limits()).await.unwrap();
	let server = Arc::new(server);
	let call = |text: &'static str| {
		let server = server.clone();
		async move { server.call("echo", &say(text), &CallId(text.into()), &limits()).await }
	};
	let began = std::time::Instant::now();
	let waiting = tokio::spawn(call("wait"));
	while behaviour.calls.load(Ordering::SeqCst) == 0 {
		tokio::time::sleep(Duration::from_millis(10)).await;
	}
	// The server says that its list changed, and does not tell the new one.
	call("note").await.unwrap();
	tokio::time::sleep(Duration::from_millis(200)).await;
	let looking = server.clone();
	let looking = tokio::spawn(async move { looking.verify().await });
	assert_eq!(waiting.await.unwrap().unwrap().text, "hello");
	assert!(began.elapsed() < limits().call);
	assert_eq!(behaviour.lists.load(Ordering::SeqCst), 2);
	// Whoever gives up waiting for the list leaves it to be read by the next.
	looking.abort();
	let _ = looking.await;
	let next = tokio::time::timeout(Duration::from_millis(500), server.verify()).await;
	assert!(next.is_err(), "{next:?}");
	assert_eq!(behaviour.lists.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn server_is_reached_when_the_token_is_right() {
	let (url, _) = serve("private").await;
	let connect = |token: Option<&str>| {
		let transport = Transport::Http { url: url.clone(), token: token.map(str::to_owned) };
		Server::connect(transport, limits())
	};
	assert!(connect(Some("secret")).await.is_ok());
	assert!(connect(Some("other")).await.is_err() && connect(None).await.is_err());
}

#[tokio::test]
async fn connection_fails_when_nothing_listens() {
	let transport = Transport::Http { url: "http://127.0.0.1:9/mcp".into(), token: None };
	let Err(error) = Server::connect(transport, limits()).await else { panic!() };
	assert!(matches!(error, ToolError::Unreachable { .. }), "{error}");
}
