use super::*;
use crate::proxy::Ledger;
use axum::extract::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use tributary_client::{
	voucher::{body_hash, order_from_header, verify_order, verify_voucher, voucher_from_header},
	Keypair,
};

const WORKER: [u8; 32] = [2; 32];
const GENESIS: [u8; 32] = [1; 32];

/// What the pretended worker does and has seen. The real one is tested in its own crate; this one gives the
/// answers that a test asks for.
#[derive(Default)]
struct Worker {
	state: Mutex<Option<ChannelState>>,
	conflicts: AtomicUsize,
	requests: Mutex<Vec<(u64, Balance, Balance)>>,
}

fn state() -> ChannelState {
	ChannelState {
		genesis: format!("0x{}", hex::encode(GENESIS)),
		worker: address(&WORKER),
		worker_hex: format!("0x{}", hex::encode(WORKER)),
		channel: 3,
		charged: 0,
		deposit: 1 << 60,
		last_order_nonce: 0,
		last_cumulative: 0,
		block: 10,
	}
}

async fn answer(State(worker): State<Arc<Worker>>, headers: HeaderMap, body: Bytes) -> Response {
	let text = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_string();
	let order = order_from_header(&text(ORDER_HEADER)).unwrap();
	let voucher = voucher_from_header(&text(VOUCHER_HEADER)).unwrap();
	assert!(verify_order(&order, None) && verify_voucher(&voucher, None));
	assert_eq!(order.order.body, body_hash(&body));
	let seen = (order.order.nonce, voucher.voucher.cumulative, order.order.max_fee);
	worker.requests.lock().unwrap().push(seen);
	if worker.conflicts.load(Ordering::SeqCst) > 0 {
		worker.conflicts.fetch_sub(1, Ordering::SeqCst);
		let newer = ChannelState { last_order_nonce: order.order.nonce + 10, ..state() };
		let mut refusal =
			Refused::new(StatusCode::CONFLICT, "payment_required", "order_replayed", "replayed");
		refusal.1.error.channel = Some(newer);
		return refusal.into_response();
	}
	let chunks = ["data: one\n\n", "data: two\n\n"].map(|chunk| Ok::<_, std::io::Error>(Bytes::from(chunk)));
	let body = Body::from_stream(futures::stream::iter(chunks));
	([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

struct Scene {
	worker: Arc<Worker>,
	url: String,
	_folder: tempfile::TempDir,
}

async fn listen(router: Router) -> String {
	let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
	let url = format!("http://{}", listener.local_addr().unwrap());
	tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
	url
}

async fn scene(api_key: Option<&str>) -> Scene {
	let worker = Arc::new(Worker::default());
	let quote = Quote {
		price_input: 1_000,
		price_output: 1_000,
		platform_fee: 0,
		max_context: 100,
		price_call: 0,
		max_calls: 0,
	};
	let view = |State(worker): State<Arc<Worker>>, Path(_): Path<String>| async move {
		Json(worker.state.lock().unwrap().clone().unwrap_or_else(state))
	};
	let there = Router::new()
		.route("/v1/chat/completions", post(answer))
		.route("/v1/quote", get(move || async move { Json(quote) }))
		.route("/v1/models", get(|| async { "models" }))
		.route("/v1/channel/{payer}", get(view))
		.with_state(worker.clone());
	let key = Keypair::from_uri("//Alice").unwrap();
	let folder = tempfile::tempdir().unwrap();
	let ledger = Ledger::open(&folder.path().join("ledger.redb")).unwrap();
	let settings = Settings {
		worker: listen(there).await,
		terms: Terms { genesis: GENESIS, payer: key.account(), worker: WORKER, channel: 3 },
		chain: Chain::known(["ws://127.0.0.1:9"], GENESIS),
		max_fee: 1_000_000,
		margin: 10,
		api_key: api_key.map(str::to_string),
		loopback: true,
	};
	let url = listen(router(settings, Books::new(key, ledger, false)).unwrap()).await;
	Scene { worker, url, _folder: folder }
}

fn ask(scene: &Scene) -> reqwest::RequestBuilder {
	let url = format!("{}/v1/chat/completions", scene.url);
	let body = serde_json::json!({ "model": "guide", "max_tokens": 5, "messages": [] });
	reqwest::Client::new().post(url).json(&body)
}

async fn code(response: reqwest::Response) -> (u16, String) {
	let status = response.status().as_u16();
	(status, response.json::<ErrorBody>().await.unwrap().error.code)
}

#[tokio::test]
async fn answer_is_streamed_through_with_its_trail_when_the_worker_takes_the_order() {
	let scene = scene(None).await;
	let response = ask(&scene).send().await.unwrap();
	assert_eq!(response.status(), 200);
	assert!(response.headers()[TRAIL_HEADER].to_str().unwrap().starts_with("0x"));
	assert_eq!(response.headers()["content-type"], "text/event-stream");
	assert_eq!(response.text().await.unwrap(), "data: one\n\ndata: two\n\n");
	// 46 bytes of body, a margin of 10 and 5 tokens of answer at one planck each.
	assert_eq!(*scene.worker.requests.lock().unwrap(), [(1, 61, 61)]);
}

#[tokio::test]
async fn request_is_signed_anew_when_the_workers_books_are_ahead() {
	let scene = scene(None).await;
	scene.worker.conflicts.store(2, Ordering::SeqCst);
	assert_eq!(ask(&scene).send().await.unwrap().status(), 200);
	let nonces: Vec<_> = scene.worker.requests.lock().unwrap().iter().map(|(nonce, ..)| *nonce).collect();
	assert_eq!(nonces, [1, 12, 23]);
}

#[tokio::test]
async fn refusal_is_passed_on_when_signing_anew_does_not_help() {
	let scene = scene(None).await;
	scene.worker.conflicts.store(100, Ordering::SeqCst);
	assert_eq!(code(ask(&scene).send().await.unwrap()).await, (409, "order_replayed".into()));
	assert_eq!(scene.worker.requests.lock().unwrap().len(), ATTEMPTS);
}

#[tokio::test]
async fn nothing_is_signed_when_the_worker_claims_too_much_or_is_foreign() {
	let scene = scene(None).await;
	assert_eq!(ask(&scene).send().await.unwrap().status(), 200);
	*scene.worker.state.lock().unwrap() = Some(ChannelState { charged: 1_000, ..state() });
	assert_eq!(code(ask(&scene).send().await.unwrap()).await, (402, "not_signed".into()));
	*scene.worker.state.lock().unwrap() = Some(ChannelState { worker_hex: "0x00".into(), ..state() });
	assert_eq!(code(ask(&scene).send().await.unwrap()).await, (402, "not_signed".into()));
	assert_eq!(scene.worker.requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn request_is_refused_when_it_is_no_request() {
	let scene = scene(None).await;
	let url = format!("{}/v1/chat/completions", scene.url);
	let client = reqwest::Client::new();
	let text = client.post(&url).header("content-type", "text/plain").body("{}").send().await.unwrap();
	assert_eq!(text.status(), 400);
	let empty = client.post(&url).header("content-type", "application/json").body("{}").send().await.unwrap();
	assert_eq!(empty.status(), 400);
	assert_eq!(client.get(format!("{}/v1/images", scene.url)).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn web_page_is_kept_out_when_it_calls_the_proxy() {
	let scene = scene(None).await;
	let page = ask(&scene).header("origin", "https://example.org").send().await.unwrap();
	assert_eq!(code(page).await, (403, "forbidden".into()));
	let rebound = ask(&scene).header("host", "example.org").send().await.unwrap();
	assert_eq!(code(rebound).await, (403, "forbidden".into()));
	assert!(scene.worker.requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn client_needs_the_api_key_when_one_is_set() {
	let scene = scene(Some("open sesame")).await;
	assert_eq!(code(ask(&scene).send().await.unwrap()).await, (401, "invalid_api_key".into()));
	assert_eq!(ask(&scene).bearer_auth("open sesame").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn reads_are_passed_on_when_they_cost_nothing() {
	let scene = scene(None).await;
	let models = reqwest::get(format!("{}/v1/models", scene.url)).await.unwrap();
	assert_eq!(models.text().await.unwrap(), "models");
}

#[test]
fn host_is_local_when_it_names_this_machine() {
	for host in ["localhost", "localhost:8787", "127.0.0.1:8787", "[::1]:8787"] {
		assert!(is_local(host), "{host}");
	}
	for host in ["", "example.org", "localhost.example.org", "127.0.0.1.nip.io:80", "[::2]"] {
		assert!(!is_local(host), "{host}");
	}
}
