//! Requests over HTTP to a worker with a real engine (a tiny random model), real books and no chain: what
//! it knows of a channel it serves on.

mod factory;
mod loras;
mod skills;
mod sources;
mod surface;
mod tools;

use crate::{
	agents::{tests::view, Agent, Catalogue, Listed, Standing},
	channels::Channels,
	config::Config,
	indexes::DataNetIndex,
	loaded::LoadedAdapters,
	records::{
		tests::{payer, GENESIS, WORKER},
		Records,
	},
	worker::{unix_ms, Head, HeadState, Worker},
};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{json, Value};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Instant};
use tributary_attribution::{Chunks, Document, Evidence, SnapshotIndex};
use tributary_client::{
	voucher::{body_hash, sign_order, sign_voucher, to_header, ORDER_HEADER, TRAIL_HEADER, VOUCHER_HEADER},
	Chain, Keypair, Store,
};
use tributary_engine::{AdapterSource, ContentHash, DeviceChoice, Engine, EngineConfig};
use tributary_primitives::{
	fee::fee,
	record::is_valid_vector,
	request::RequestOrder,
	split::SplitTable,
	views::{ChannelView, Parameters},
	voucher::Voucher,
	AccountId, Balance, SnapshotRef, PPM,
};
use tributary_retrieval::{Memory, Space};

const PLATFORM_FEE: Balance = 5;
const DEPOSIT: Balance = 1_000_000;

/// Adapters that were fetched already.
struct Fetched(PathBuf);

impl AdapterSource for Fetched {
	fn folder(&self, hash: &ContentHash) -> Result<PathBuf, String> {
		let folder = self.0.join(hex::encode(hash));
		folder.is_dir().then_some(folder).ok_or_else(|| "there is none".into())
	}
}

/// A worker and a payer with an open channel to it.
struct Scene {
	_folder: tempfile::TempDir,
	url: String,
	worker: Arc<Worker>,
	key: Keypair,
	client: Client,
}

fn index(engine: &Engine, texts: &[&str]) -> DataNetIndex {
	let document = |(number, text): (usize, &&str)| Document {
		contribution: number as u32,
		contributor: [number as u8 + 40; 32],
		tokens: engine.tokenizer().encode(text, false).unwrap(),
		text: text.to_string(),
	};
	let documents: Vec<_> = texts.iter().enumerate().map(document).collect();
	let snapshot = SnapshotRef { datanet: 3, version: 1 };
	let space = Space::of(snapshot, &[0; 32], [0; 32], [], 16, false);
	DataNetIndex {
		snapshot,
		name: "birds".into(),
		spans: SnapshotIndex::build(3, &documents).unwrap(),
		chunks: Memory::by_keywords(space, &Chunks::cut(&documents, 16)).unwrap(),
	}
}

impl Scene {
	async fn new(change: impl FnOnce(&mut Config)) -> Self {
		Self::with_model("engine/tests/fixtures/llama", 2, change).await
	}

	/// With a model of the repository and so many places in the queue.
	async fn with_model(model: &str, queue: usize, change: impl FnOnce(&mut Config)) -> Self {
		let folder = tempfile::tempdir().unwrap();
		let mut config: Config = toml::from_str(crate::config::EXAMPLE).unwrap();
		config.data = folder.path().into();
		config.chain.operator = WORKER;
		config.retrieval.chunks = 1;
		change(&mut config);
		let engine_config = EngineConfig {
			model_dir: std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(model),
			device: DeviceChoice::Cpu,
			max_batch: 2,
			queue,
			..EngineConfig::default()
		};
		let engine = Engine::start(engine_config, Arc::new(Fetched(config.content_cache()))).unwrap();
		let indexes = vec![Arc::new(index(&engine, &["owls see well", "larks sing early"]))];
		let mut agent_view = view(7, "guide");
		agent_view.datanets = vec![SnapshotRef { datanet: 3, version: 1 }];
		let agent = Agent {
			view: agent_view.clone(),
			name: "guide".into(),
			adapters: vec![],
			prompts: vec!["Be kind.".into()],
			indexes,
			tools: vec![],
			skills: vec![],
		};
		let catalogue = Catalogue::default();
		let missing =
			Listed { view: view(8, "poet"), standing: Standing::Missing("its prompt is gone".into()) };
		let ready = Listed { view: agent_view, standing: Standing::Ready(Arc::new(agent)) };
		catalogue.replace(BTreeMap::from([("guide".into(), ready), ("poet".into(), missing)]));
		let records =
			Arc::new(Records::open(&folder.path().join("records.redb"), &GENESIS, &WORKER).unwrap());
		let channels = Arc::new(Channels::new(records.clone()));
		let key = payer("//Alice");
		let channel =
			ChannelView { nonce: 1, deposit: DEPOSIT, charged: 0, session_key: None, closes_at: None };
		channels.update(&key.account(), Some(&channel), channels.epoch()).unwrap();
		let parameters = Parameters { split: SplitTable::default(), platform_fee: PLATFORM_FEE };
		let head =
			HeadState { block: 10, finalized: 8, parameters_version: 1, parameters, read_at: Instant::now() };
		let (root, token) = (config.server.adapter_root.clone(), config.server.operator_token.clone());
		let loaded = LoadedAdapters::new(
			root.as_deref(),
			token.as_deref(),
			Store::open(folder.path().join("loaded").to_str().unwrap()).unwrap(),
			config.content_cache(),
		)
		.unwrap();
		let worker = Arc::new(Worker {
			genesis: GENESIS,
			operator: WORKER,
			service_key: payer("//Bob"),
			chain: Chain::known(["ws://127.0.0.1:9"], GENESIS),
			store: Store::open(folder.path().join("store").to_str().unwrap()).unwrap(),
			engine,
			records,
			channels,
			catalogue,
			loaded,
			head: Head::new(head),
			metrics: metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle(),
			lora_requests: Default::default(),
			running: tokio::sync::mpsc::channel(1).0,
			started: unix_ms() / 1_000,
			config,
		});
		let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
		let url = format!("http://{}", listener.local_addr().unwrap());
		let router = super::router(worker.clone());
		tokio::spawn(async move { axum::serve(listener, router).await });
		Self { _folder: folder, url, worker, key, client: Client::new() }
	}

	fn order(&self, nonce: u64, max_fee: Balance, body: &str) -> RequestOrder {
		RequestOrder {
			genesis: GENESIS,
			payer: self.key.account(),
			worker: WORKER,
			channel: 1,
			nonce,
			body: body_hash(body.as_bytes()),
			max_fee,
		}
	}

	fn voucher(&self, cumulative: Balance) -> Voucher {
		let payer = self.key.account();
		Voucher { genesis: GENESIS, payer, worker: WORKER, channel: 1, cumulative, expiry: 1_000 }
	}

	fn post(&self, path: &str, body: &str, order: RequestOrder, voucher: Voucher) -> RequestBuilder {
		self.client
			.post(format!("{}{path}", self.url))
			.header(ORDER_HEADER, to_header(&sign_order(order, &self.key)))
			.header(VOUCHER_HEADER, to_header(&sign_voucher(voucher, &self.key)))
			.body(body.to_owned())
	}

	/// A paid chat request.
	async fn chat(&self, nonce: u64, body: &Value) -> Response {
		let body = body.to_string();
		let order = self.order(nonce, 1_000, &body);
		self.post("/v1/chat/completions", &body, order, self.voucher(u128::from(nonce) * 1_000))
			.send()
			.await
			.unwrap()
	}

	async fn get(&self, path: &str) -> Response {
		self.client.get(format!("{}{path}", self.url)).send().await.unwrap()
	}
}

fn ask(extra: Value) -> Value {
	let mut body =
		json!({ "model": "guide", "max_tokens": 6, "messages": [{ "role": "user", "content": "owls?" }] });
	body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
	body
}

async fn error_of(response: Response) -> (u16, String, Value) {
	let status = response.status().as_u16();
	let body: Value = response.json().await.unwrap();
	(status, body["error"]["code"].as_str().unwrap().to_owned(), body["error"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_is_on_disk_with_its_trail_when_it_arrives() {
	let scene = Scene::new(|_| ()).await;
	let response = scene.chat(1, &ask(json!({}))).await;
	assert_eq!(response.status(), 200);
	let trail = response.headers().get(TRAIL_HEADER).unwrap().to_str().unwrap().to_owned();
	let answer: Value = response.json().await.unwrap();
	assert_eq!(answer["object"], "chat.completion");
	assert_eq!(answer["id"], format!("chatcmpl-{}", &trail[2..]));
	let id: [u8; 32] = hex::decode(&trail[2..]).unwrap().try_into().unwrap();
	let record = scene.worker.records.get(&id).unwrap().unwrap().record;
	assert_eq!(answer["usage"]["prompt_tokens"], record.tokens_in);
	assert_eq!(answer["usage"]["completion_tokens"], record.tokens_out);
	let price = view(7, "guide").price;
	assert_eq!(Some(record.fee), fee(price, record.tokens_in, record.tokens_out, 0, PLATFORM_FEE));
	assert!(is_valid_vector(&record.vector) && !record.vector.is_empty());

	let evidence = scene.get(&format!("/v1/trail/{trail}/evidence")).await.bytes().await.unwrap();
	let evidence = Evidence::from_bytes(&evidence).unwrap();
	assert_eq!((evidence.hash(), evidence.vector()), (record.evidence, record.vector));
	let shown: Value = scene.get(&format!("/v1/trail/{trail}")).await.json().await.unwrap();
	let ppm: u64 =
		shown["shares"].as_array().unwrap().iter().map(|share| share["ppm"].as_u64().unwrap()).sum();
	assert_eq!(ppm, u64::from(PPM));
	assert_eq!(shown["settlement"]["status"], "unsettled");
	// The owls' contributor was retrieved for a question about owls.
	assert_eq!(evidence.chunks()[0].contributor, [40; 32]);
}

#[tokio::test(flavor = "multi_thread")]
async fn same_order_gets_the_same_answer_when_the_worker_is_another() {
	let (one, two) = (Scene::new(|_| ()).await, Scene::new(|_| ()).await);
	let body = ask(json!({})).to_string();
	let (order, voucher) = (sign_order(one.order(1, 1_000, &body), &one.key), one.voucher(1_000));
	let text = |scene: &Scene| {
		let request = scene
			.client
			.post(format!("{}/v1/chat/completions", scene.url))
			.header(ORDER_HEADER, to_header(&order))
			.header(VOUCHER_HEADER, to_header(&sign_voucher(voucher, &scene.key)))
			.body(body.clone());
		async { request.send().await.unwrap().json::<Value>().await.unwrap()["choices"].clone() }
	};
	assert_eq!(text(&one).await, text(&two).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_ends_with_usage_and_done_when_asked_for() {
	let scene = Scene::new(|_| ()).await;
	let options = json!({ "stream": true, "stream_options": { "include_usage": true } });
	let response = scene.chat(1, &ask(options)).await;
	assert_eq!(response.headers().get("content-type").unwrap(), "text/event-stream");
	let text = response.text().await.unwrap();
	let events: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
	assert_eq!(events.last(), Some(&"[DONE]"));
	let usage: Value = serde_json::from_str(events[events.len() - 2]).unwrap();
	let totals = scene.worker.records.totals();
	assert!(usage["usage"]["completion_tokens"].as_u64().unwrap() > 0 && totals.records == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn completion_continues_a_text_when_paid() {
	let scene = Scene::new(|_| ()).await;
	let body = json!({ "model": "guide", "prompt": "larks", "max_tokens": 3, "temperature": 0 }).to_string();
	let order = scene.order(1, 1_000, &body);
	let response = scene.post("/v1/completions", &body, order, scene.voucher(1_000)).send().await.unwrap();
	let answer: Value = response.json().await.unwrap();
	assert_eq!(answer["object"], "text_completion");
	assert!(answer["choices"][0]["text"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_generated_is_billed_when_the_client_leaves() {
	let scene = Scene::new(|_| ()).await;
	let body = ask(json!({ "stream": true, "max_tokens": 40 }));
	let mut response = scene.chat(1, &body).await;
	// The first event only names the role; the second says that something was generated.
	let mut seen = String::new();
	while seen.matches("data: ").count() < 2 {
		seen.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
	}
	drop(response);
	for _ in 0..200 {
		if scene.worker.records.totals().records == 1 {
			break;
		}
		tokio::time::sleep(std::time::Duration::from_millis(20)).await;
	}
	assert_eq!(scene.worker.records.totals().records, 1);
	assert!(scene.worker.records.totals().fees > PLATFORM_FEE);
	assert_eq!(scene.worker.channels.reserved(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn hold_is_released_when_the_client_leaves_at_once() {
	let scene = Scene::new(|_| ()).await;
	let (pieces, worker) =
		(scene.chat(1, &ask(json!({ "stream": true, "max_tokens": 40 }))).await, &scene.worker);
	drop(pieces);
	for _ in 0..200 {
		if worker.channels.reserved() == 0 {
			break;
		}
		tokio::time::sleep(std::time::Duration::from_millis(20)).await;
	}
	// Either nothing was generated, or what was has its record: never a hold that stays.
	assert_eq!(worker.channels.reserved(), 0);
	let state = worker.channels.get(&scene.key.account()).unwrap().0;
	assert_eq!(state.unsettled, worker.records.totals().fees);
}

#[tokio::test(flavor = "multi_thread")]
async fn request_is_refused_when_it_is_not_paid() {
	let scene = Scene::new(|_| ()).await;
	let body = ask(json!({})).to_string();
	let unsigned = scene.client.post(format!("{}/v1/chat/completions", scene.url)).body(body.clone());
	let (status, code, _) = error_of(unsigned.send().await.unwrap()).await;
	assert_eq!((status, code.as_str()), (402, "order_missing"));

	let refused = |order, voucher| {
		let request = scene.post("/v1/chat/completions", &body, order, voucher);
		async { error_of(request.send().await.unwrap()).await }
	};
	let (status, code, error) = refused(scene.order(1, 1_000, &body), scene.voucher(999)).await;
	assert_eq!((status, code.as_str()), (402, "voucher_too_small"));
	assert_eq!(error["channel"]["charged"], "0");
	let (status, code, _) = refused(scene.order(1, 6, &body), scene.voucher(1_000)).await;
	assert_eq!((status, code.as_str()), (402, "max_fee_too_small"));
	let (status, code, error) = refused(scene.order(1, 1_000, &body), scene.voucher(1_000)).await;
	assert_eq!((status, code.as_str()), (409, "order_replayed"));
	assert_eq!(error["channel"]["last_order_nonce"], 1);
	let (_, code, _) = refused(scene.order(2, 1_000, "other"), scene.voucher(1_000)).await;
	assert_eq!(code, "wrong_body");
	assert_eq!(scene.worker.records.totals().records, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn request_is_refused_when_agent_context_or_body_do_not_fit() {
	let scene = Scene::new(|config| config.server.max_body_bytes = 2_000).await;
	let (status, code, error) = error_of(scene.chat(1, &ask(json!({ "model": "sage" }))).await).await;
	assert_eq!((status, code.as_str()), (404, "model_not_found"));
	assert!(error["message"].as_str().unwrap().contains("guide"));
	let (status, code, _) = error_of(scene.chat(1, &ask(json!({ "model": "poet" }))).await).await;
	assert_eq!((status, code.as_str()), (503, "agent_not_ready"));
	let long = json!([{ "role": "user", "content": "owl ".repeat(200) }]);
	let (status, code, _) = error_of(scene.chat(1, &ask(json!({ "messages": long }))).await).await;
	assert_eq!((status, code.as_str()), (400, "context_length_exceeded"));
	let huge = json!([{ "role": "user", "content": "owl ".repeat(900) }]);
	let (status, code, _) = error_of(scene.chat(2, &ask(json!({ "messages": huge }))).await).await;
	assert_eq!((status, code.as_str()), (413, "body_too_large"));
	let bad = scene.client.post(format!("{}/v1/chat/completions", scene.url)).body("{");
	assert_eq!(error_of(bad.send().await.unwrap()).await.1, "invalid_body");
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_serves_up_to_its_credit_when_the_chain_is_away() {
	let scene = Scene::new(|config| config.settlement.credit_limit = 1_010).await;
	assert_eq!(scene.chat(1, &ask(json!({}))).await.status(), 200);
	let response = scene.chat(2, &ask(json!({}))).await;
	assert!(response.headers().contains_key("retry-after"));
	let (status, code, _) = error_of(response).await;
	assert_eq!((status, code.as_str()), (503, "credit_exhausted"));
	assert_eq!(scene.worker.records.totals().records, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn stranger_is_told_to_wait_when_the_chain_is_away() {
	let mut scene = Scene::new(|_| ()).await;
	scene.key = payer("//Eve");
	let response = scene.chat(1, &ask(json!({}))).await;
	assert!(response.headers().contains_key("retry-after"));
	assert_eq!(error_of(response).await.1, "chain_away");
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_answers_429_when_it_is_full() {
	let scene = Scene::new(|_| ()).await;
	let body = ask(json!({ "max_tokens": 50 }));
	let mut refused = 0;
	// Orders are taken one after the other, answers run together: two decoded, two waiting, the rest refused.
	let mut answers = Vec::new();
	for nonce in 1..=12 {
		let text = body.to_string();
		let order = scene.order(nonce, 1_000, &text);
		let request =
			scene.post("/v1/chat/completions", &text, order, scene.voucher(u128::from(nonce) * 1_000));
		answers.push(tokio::spawn(request.send()));
		tokio::time::sleep(std::time::Duration::from_millis(2)).await;
	}
	for answer in answers {
		let response = answer.await.unwrap().unwrap();
		match response.status().as_u16() {
			429 => {
				assert!(response.headers().contains_key("retry-after"));
				refused += 1;
			}
			status => assert!(status == 200 || status == 409, "{status}"),
		}
	}
	let recorded = scene.worker.records.totals().records;
	assert!(recorded + refused <= 12, "{recorded} recorded, {refused} refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_answer_when_nothing_was_asked_yet() {
	let scene = Scene::new(|_| ()).await;
	let models: Value = scene.get("/v1/models").await.json().await.unwrap();
	assert_eq!(models["data"].as_array().unwrap().len(), 1);
	assert_eq!(models["data"][0]["id"], "guide");
	let model: Value = scene.get("/v1/models/guide").await.json().await.unwrap();
	assert_eq!(model, models["data"][0]);
	let quote: Value = scene.get("/v1/quote?model=guide").await.json().await.unwrap();
	assert_eq!((&quote["price_input"], &quote["platform_fee"]), (&json!("1000"), &json!("5")));
	let payer: AccountId = scene.key.account();
	let channel: Value =
		scene.get(&format!("/v1/channel/0x{}", hex::encode(payer))).await.json().await.unwrap();
	assert_eq!((&channel["channel"], &channel["deposit"]), (&json!(1), &json!(DEPOSIT.to_string())));
	let health: Value = scene.get("/health").await.json().await.unwrap();
	assert_eq!(health["agents"]["poet"], "its prompt is gone");
	assert_eq!(scene.get("/metrics").await.status(), 200);
	for (path, code) in [
		("/v1/batches/0", "batch_not_found"),
		("/v1/trail/0x12", "invalid_id"),
		("/v1/nothing", "unknown_path"),
		("/v1/channel/nobody", "invalid_account"),
	] {
		assert_eq!(error_of(scene.get(path).await).await.1, code, "{path}");
	}
	let unknown = format!("/v1/trail/0x{}", "00".repeat(32));
	assert_eq!(error_of(scene.get(&unknown).await).await.1, "trail_not_found");
}
