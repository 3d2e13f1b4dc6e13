//! An agent's tools, called for its model; the servers are real processes.

use super::*;
use crate::{
	offers::AgentTool,
	tool_servers::tests::{listing, settings, tool},
};
use tributary_attribution::CallOutcome;
use tributary_primitives::record::{ToolUse, UsageRecord};
use tributary_tools::Server;

const PRICE: Balance = 30;

/// A worker whose agent has the hostile server of the tests as its tool.
async fn scene(mode: &str, price: Balance, change: impl FnOnce(&mut Config)) -> (Scene, tempfile::TempDir) {
	let folder = tempfile::tempdir().unwrap();
	let settings = settings(mode, folder.path());
	let scene = Scene::with_model("../models/tributary-3m", 16, |config| {
		config.tools = settings.clone();
		config.retrieval.chunks = 0;
		change(config);
	})
	.await;
	let listing = listing(&settings).await;
	let server = Server::connect(settings.transport("stdio:echo").unwrap(), settings.limits()).await.unwrap();
	let mut view = tool(5, "stdio:echo", &listing.identity, listing.hash);
	view.price = price;
	serve(&scene, |agent| {
		agent.view.tools = vec![view.clone()];
		agent.tools = vec![AgentTool { view, server: Arc::new(server) }];
	});
	(scene, folder)
}

/// Changes the agent.
pub fn serve(scene: &Scene, change: impl FnOnce(&mut Agent)) {
	let mut agents = (*scene.worker.catalogue.all()).clone();
	let Some(Listed { standing: Standing::Ready(agent), .. }) = agents.remove("guide") else { panic!() };
	let mut agent = (*agent).clone();
	change(&mut agent);
	let view = agent.view.clone();
	agents.insert("guide".into(), Listed { view, standing: Standing::Ready(Arc::new(agent)) });
	scene.worker.catalogue.replace(agents);
}

fn record_of(scene: &Scene, id: &str) -> (UsageRecord, Evidence) {
	let id: [u8; 32] = hex::decode(id.trim_start_matches("chatcmpl-")).unwrap().try_into().unwrap();
	let record = scene.worker.records.get(&id).unwrap().unwrap().record;
	let evidence = Evidence::from_bytes(&scene.worker.records.evidence(&id).unwrap().unwrap()).unwrap();
	assert_eq!(evidence.hash(), record.evidence);
	(record, evidence)
}

/// The answer to a request that must call a tool, its record and evidence.
async fn forced(scene: &Scene, extra: Value) -> (Value, UsageRecord, Evidence) {
	let mut options = json!({ "tool_choice": "required", "max_tokens": 120, "temperature": 0 });
	options.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
	let response = scene.chat(1, &ask(options)).await;
	let status = response.status();
	let answer: Value = response.json().await.unwrap();
	assert_eq!(status, 200, "{answer}");
	let (record, evidence) = record_of(scene, answer["id"].as_str().unwrap());
	(answer, record, evidence)
}

#[tokio::test(flavor = "multi_thread")]
async fn tool_is_called_and_paid_once_when_the_model_calls_it() {
	let (scene, _folder) = scene("behaves", PRICE, |_| ()).await;
	let (answer, record, evidence) = forced(&scene, json!({})).await;
	let choice = &answer["choices"][0];
	assert!(
		choice["message"].get("tool_calls").is_none() && choice["finish_reason"] != "tool_calls",
		"{answer}"
	);
	let receipts = evidence.receipts();
	let done = receipts.iter().filter(|receipt| receipt.outcome == CallOutcome::Done).count() as u32;
	assert!(done >= 1, "{receipts:?}: {answer}");
	assert_eq!((receipts[0].asset, receipts[0].name.as_str(), receipts[0].price), (5, "echo", PRICE));
	assert!(receipts[0].result.is_some() && receipts[0].call.starts_with("call_"));
	let tool = tributary_primitives::AssetRef { asset: 5, version: 1 };
	assert_eq!(record.calls.to_vec(), [ToolUse { tool, calls: done }]);
	let paid = PRICE * Balance::from(done);
	assert_eq!(record.tools, paid);
	let price = view(7, "guide").price;
	assert_eq!(Some(record.fee), fee(price, record.tokens_in, record.tokens_out, paid, PLATFORM_FEE));
	assert_eq!(answer["usage"]["completion_tokens"], record.tokens_out);
	assert_eq!(evidence.answer_tokens() as u32, record.tokens_out);
	assert!(evidence.choices().len() >= 2, "the rounds are told apart");
	assert_eq!(answer["x_tributary"]["receipts"][0]["price"], "30");

	let id = answer["id"].as_str().unwrap();
	let trail: Value = scene.get(&format!("/v1/trail/{id}")).await.json().await.unwrap();
	assert_eq!(trail["calls"][0]["name"], "echo-tool");
	assert_eq!(trail["evidence"]["receipts"][0]["outcome"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_tokens_alone_are_counted_when_there_are_rounds() {
	let (scene, _folder) = scene("behaves", PRICE, |config| config.tools.calls_per_request = 1).await;
	let (answer, record, evidence) = forced(&scene, json!({})).await;
	// The same request without its call, to know the first prompt.
	let plain = scene.chat(2, &ask(json!({ "max_tokens": 1 }))).await.json::<Value>().await.unwrap();
	let first = plain["usage"]["prompt_tokens"].as_u64().unwrap() as u32;
	assert_eq!(evidence.receipts().len(), 1);
	// The last round is without tools, so that its prompt may be shorter than what was read and written before.
	assert!(
		record.tokens_in >= first && record.tokens_in < 2 * first,
		"{} of {first}: {answer}",
		record.tokens_in
	);
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_tells_of_calls_in_comments_when_the_agents_tools_are_called() {
	let (scene, _folder) = scene("behaves", PRICE, |_| ()).await;
	let options = json!({ "tool_choice": "required", "max_tokens": 120, "temperature": 0, "stream": true });
	let text = scene.chat(1, &ask(options)).await.text().await.unwrap();
	assert!(text.contains(": calling echo"), "{text}");
	assert!(!text.contains("tool_calls\":[") && text.trim_end().ends_with("data: [DONE]"), "{text}");
	assert!(text.contains("\"receipts\":[{"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn client_gets_its_own_call_when_names_are_the_same() {
	let (scene, _folder) = scene("behaves", PRICE, |_| ()).await;
	let parameters = json!({ "type": "object", "properties": { "n": { "enum": [1, 2] } }, "required": ["n"], "additionalProperties": false });
	let own = json!({ "type": "function", "function": { "name": "echo", "parameters": parameters } });
	let choice = json!({ "type": "function", "function": { "name": "echo" } });
	let extra = json!({ "tools": [own], "tool_choice": choice, "parallel_tool_calls": false });
	let (answer, record, evidence) = forced(&scene, extra).await;
	let choice = &answer["choices"][0];
	assert_eq!(choice["finish_reason"], "tool_calls");
	let arguments: Value =
		serde_json::from_str(choice["message"]["tool_calls"][0]["function"]["arguments"].as_str().unwrap())
			.unwrap();
	assert!(arguments["n"].is_number());
	assert!(record.calls.is_empty() && record.tools == 0 && evidence.receipts().is_empty());
	// The agent's has another name then.
	let choice = json!({ "type": "function", "function": { "name": "tool5_echo" } });
	let mut body =
		ask(json!({ "tools": [own_tool()], "tool_choice": choice, "max_tokens": 120, "temperature": 0 }));
	body["messages"][0]["content"] = json!("Say it.");
	let answer: Value = scene.chat(2, &body).await.json().await.unwrap();
	assert_eq!(answer["x_tributary"]["receipts"][0]["name"], "echo", "{answer}");
}

fn own_tool() -> Value {
	json!({ "type": "function", "function": { "name": "echo", "parameters": { "type": "object", "properties": {} } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn call_without_a_result_is_free_when_the_tool_fails() {
	for (mode, outcome) in [
		("fails", CallOutcome::ToolError),
		("hangs", CallOutcome::Failed),
		("huge", CallOutcome::Failed),
		("dies", CallOutcome::Failed),
		("promises", CallOutcome::Failed),
	] {
		let (scene, _folder) = scene(mode, PRICE, |config| {
			config.tools.calls_per_request = 1;
			config.tools.call_secs = 1;
		})
		.await;
		let (answer, record, evidence) = forced(&scene, json!({})).await;
		let receipts = evidence.receipts();
		assert_eq!(receipts.iter().map(|receipt| receipt.outcome).collect::<Vec<_>>(), [outcome], "{mode}");
		assert_eq!((receipts[0].price, record.tools, record.calls.len()), (0, 0, 0), "{mode}");
		assert!(answer["choices"][0]["message"]["content"].is_string(), "{mode}: {answer}");
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn call_is_paid_once_when_it_is_tried_again() {
	let (scene, _folder) = scene("dies-once", PRICE, |config| config.tools.calls_per_request = 1).await;
	let (_, record, evidence) = forced(&scene, json!({})).await;
	assert_eq!((evidence.receipts()[0].attempts, record.tools), (2, PRICE));
}

#[tokio::test(flavor = "multi_thread")]
async fn result_is_cut_when_the_context_has_no_room_for_it() {
	let (scene, _folder) = scene("long", PRICE, |config| config.tools.calls_per_request = 1).await;
	let (answer, record, evidence) = forced(&scene, json!({})).await;
	assert_eq!(evidence.receipts()[0].outcome, CallOutcome::Done);
	let context = scene.worker.engine.context() as u32;
	assert!(
		record.tokens_in + 60 < context && record.tokens_in > context / 3,
		"{} of {context}: {answer}",
		record.tokens_in
	);
}

#[tokio::test(flavor = "multi_thread")]
async fn tool_is_not_offered_when_the_fee_or_the_operator_does_not_allow_a_call() {
	let (scene, _folder) = scene("behaves", 10_000, |_| ()).await;
	let (status, code, error) =
		error_of(scene.chat(1, &ask(json!({ "tool_choice": "required" }))).await).await;
	assert_eq!((status, code.as_str()), (400, "invalid_value"));
	assert!(error["message"].as_str().unwrap().contains("tool_choice"));
	let answer: Value = scene.chat(2, &ask(json!({}))).await.json().await.unwrap();
	assert!(answer["choices"][0]["message"]["content"].is_string(), "{answer}");

	for extra in [
		json!({ "tool_choice": "none" }),
		json!({ "n": 2 }),
		json!({ "response_format": { "type": "json_object" } }),
	] {
		let (scene, _folder) = self::scene("behaves", PRICE, |_| ()).await;
		let answer: Value = scene.chat(1, &ask(extra)).await.json().await.unwrap();
		assert!(answer.get("x_tributary").is_none() && answer["choices"].is_array(), "{answer}");
	}
	let (scene, _folder) = self::scene("behaves", PRICE, |config| config.tools.calls_per_request = 0).await;
	assert_eq!(scene.chat(1, &ask(json!({ "tool_choice": "required" }))).await.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn fee_stays_below_its_maximum_when_the_tool_is_dear() {
	// One call fits beside the tokens, a second does not.
	let (scene, _folder) = scene("behaves", 400, |_| ()).await;
	let (_, record, _) = forced(&scene, json!({})).await;
	assert!(record.fee <= record.order.order.max_fee && record.tools == 400, "{record:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_is_recorded_when_little_of_the_fee_is_left_after_a_call() {
	// A tool that costs nothing is offered to the end, so that each prompt is longer than what came before.
	let (scene, _folder) = scene("behaves", 0, |_| ()).await;
	let plain: Value = scene.chat(1, &ask(json!({ "max_tokens": 1 }))).await.json().await.unwrap();
	let first = Balance::from(plain["usage"]["prompt_tokens"].as_u64().unwrap());
	let options = json!({ "tool_choice": "required", "max_tokens": 120, "temperature": 0 });
	let whole: Value = scene.chat(2, &ask(options.clone())).await.json().await.unwrap();
	let (_, evidence) = record_of(&scene, whole["id"].as_str().unwrap());
	let written = evidence.choices()[0] as Balance;
	// Pays for the call, and for a little more each time: up to the result, a part of it, and an answer.
	let least = PLATFORM_FEE + first + 2 * (written + 1);
	let mut prompts = Vec::new();
	for more in (0..160).step_by(4) {
		let (nonce, max_fee) = (3 + more, least + Balance::from(more));
		let body = ask(options.clone()).to_string();
		let order = scene.order(nonce, max_fee, &body);
		let request =
			scene.post("/v1/chat/completions", &body, order, scene.voucher(nonce as Balance * 1_000));
		let response = request.send().await.unwrap();
		let status = response.status();
		let answer: Value = response.json().await.unwrap();
		assert_eq!(status, 200, "{max_fee} of {least}: {answer}");
		let (record, evidence) = record_of(&scene, answer["id"].as_str().unwrap());
		assert!(record.fee <= max_fee && !evidence.receipts().is_empty(), "{record:?}");
		// What no round read is not paid.
		let is_read = evidence.choices().len() > 1;
		assert!(is_read || Balance::from(record.tokens_in) == first, "{max_fee} of {least}: {record:?}");
		prompts.push(is_read);
	}
	assert!(prompts.contains(&true), "{prompts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_recorded_when_the_client_leaves_during_a_call() {
	let (scene, folder) = scene("hangs", PRICE, |config| config.tools.call_secs = 60).await;
	let options = json!({ "tool_choice": "required", "max_tokens": 120, "temperature": 0, "stream": true });
	let mut response = scene.chat(1, &ask(options)).await;
	let mut seen = String::new();
	while !seen.contains(": calling") {
		seen.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
	}
	// The call has reached the server.
	while !folder.path().join("keys").exists() {
		tokio::time::sleep(std::time::Duration::from_millis(10)).await;
	}
	drop(response);
	for _ in 0..200 {
		if scene.worker.records.totals().records == 1 {
			break;
		}
		tokio::time::sleep(std::time::Duration::from_millis(20)).await;
	}
	let (_, stored) = scene.worker.records.unsettled(1).unwrap().remove(0);
	let (record, evidence) = record_of(&scene, &hex::encode(stored.record.order.order.id()));
	assert!(record.tokens_out > 0 && record.tools == 0);
	assert_eq!(evidence.receipts()[0].outcome, CallOutcome::Abandoned);
	assert_eq!(scene.worker.channels.reserved(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn quote_tells_of_calls_when_the_agent_has_tools() {
	let (scene, _folder) = scene("behaves", PRICE, |_| ()).await;
	let quote: Value = scene.get("/v1/quote?model=guide").await.json().await.unwrap();
	assert_eq!((&quote["price_call"], &quote["max_calls"]), (&json!("30"), &json!(4)));
}
