//! What OpenAI's clients may ask for, of the model that ships with the project.

use super::*;

const MODEL: &str = "../models/tributary-3m";

async fn scene() -> Scene {
	Scene::with_model(MODEL, 16, |_| ()).await
}

async fn answer(scene: &Scene, nonce: u64, extra: Value) -> Value {
	let response = scene.chat(nonce, &ask(extra)).await;
	let status = response.status();
	let body: Value = response.json().await.unwrap();
	assert_eq!(status, 200, "{body}");
	body
}

/// The chunks of a streamed answer.
async fn chunks(scene: &Scene, nonce: u64, extra: Value) -> Vec<Value> {
	let mut body = ask(extra);
	body["stream"] = json!(true);
	let text = scene.chat(nonce, &body).await.text().await.unwrap();
	let events = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
	events.map(|data| serde_json::from_str(data).unwrap()).collect()
}

async fn refused(scene: &Scene, nonce: u64, extra: Value) -> String {
	let (status, code, error) = error_of(scene.chat(nonce, &ask(extra)).await).await;
	assert_eq!((status, code.as_str()), (400, "invalid_value"));
	error["message"].as_str().unwrap().to_owned()
}

async fn paid(scene: &Scene, nonce: u64, path: &str, body: &Value, max_fee: Balance) -> Response {
	let body = body.to_string();
	let order = scene.order(nonce, max_fee, &body);
	scene.post(path, &body, order, scene.voucher(u128::from(nonce) * 1_000)).send().await.unwrap()
}

fn record(scene: &Scene, answer: &Value) -> (tributary_primitives::record::UsageRecord, Evidence) {
	let id = answer["id"].as_str().unwrap().split_once('-').unwrap().1;
	let id: [u8; 32] = hex::decode(id).unwrap().try_into().unwrap();
	let evidence = scene.worker.records.evidence(&id).unwrap().unwrap();
	let record = scene.worker.records.get(&id).unwrap().unwrap().record;
	assert_eq!(Evidence::from_bytes(&evidence).unwrap().hash(), record.evidence);
	(record, Evidence::from_bytes(&evidence).unwrap())
}

fn bytes(token: &Value) -> Vec<u8> {
	serde_json::from_value(token["bytes"].clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_make_up_the_text_when_logprobs_are_asked_for() {
	let scene = scene().await;
	let options = json!({ "logprobs": true, "top_logprobs": 2, "max_tokens": 12, "seed": 3 });
	let whole = answer(&scene, 1, options.clone()).await;
	let choice = &whole["choices"][0];
	let tokens = choice["logprobs"]["content"].as_array().unwrap();
	let text: Vec<u8> = tokens.iter().flat_map(bytes).collect();
	assert_eq!(String::from_utf8(text).unwrap(), choice["message"]["content"].as_str().unwrap());
	for token in tokens {
		let top = token["top_logprobs"].as_array().unwrap();
		assert!(top.len() == 2 && token["logprob"].as_f64() <= top[0]["logprob"].as_f64(), "{token}");
	}
	let streamed = chunks(&scene, 2, options).await;
	let parts = streamed.iter().filter_map(|chunk| chunk["choices"][0]["logprobs"]["content"].as_array());
	assert_eq!(&parts.flatten().cloned().collect::<Vec<_>>(), tokens);

	let body =
		json!({ "model": "guide", "prompt": "Owls", "max_tokens": 5, "logprobs": 1, "temperature": 0 });
	let whole: Value = paid(&scene, 3, "/v1/completions", &body, 1_000).await.json().await.unwrap();
	let logprobs = &whole["choices"][0]["logprobs"];
	let count = logprobs["tokens"].as_array().unwrap().len();
	assert!(count > 0 && logprobs["text_offset"][0] == 0);
	for name in ["token_logprobs", "top_logprobs", "text_offset"] {
		assert_eq!(logprobs[name].as_array().unwrap().len(), count, "{name}");
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_repeats_when_the_payers_seed_does() {
	let scene = scene().await;
	let text = |nonce, seed: Value| {
		let scene = &scene;
		async move {
			let answer =
				answer(scene, nonce, json!({ "seed": seed, "max_tokens": 12, "temperature": 1.5 })).await;
			answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
		}
	};
	let first = text(1, json!(7)).await;
	assert_eq!(text(2, json!(7)).await, first);
	assert_ne!(text(3, json!(8)).await, first);
	assert_ne!(text(4, Value::Null).await, text(5, Value::Null).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn choices_share_one_bill_when_several_are_asked_for() {
	let scene = scene().await;
	let options = |n: u32| json!({ "n": n, "best_of": n, "seed": 7, "max_tokens": 10, "temperature": 1.5 });
	let one = answer(&scene, 1, options(1)).await;
	let three = answer(&scene, 2, options(3)).await;
	let choices = three["choices"].as_array().unwrap();
	assert_eq!(choices.iter().map(|choice| choice["index"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
	assert_eq!(choices[0]["message"], one["choices"][0]["message"]);
	assert_ne!(choices[1]["message"], choices[0]["message"]);
	let (record, evidence) = record(&scene, &three);
	assert_eq!(three["usage"]["completion_tokens"], record.tokens_out);
	assert_eq!(three["usage"]["prompt_tokens"], one["usage"]["prompt_tokens"]);
	assert_eq!(evidence.choices().iter().sum::<usize>(), record.tokens_out as usize);
	let price = view(7, "guide").price;
	assert_eq!(Some(record.fee), fee(price, record.tokens_in, record.tokens_out, 0, PLATFORM_FEE));
	// The prompt was there from the first request, all but its last block.
	let cached = three["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap();
	assert!(cached >= 16 && cached < u64::from(record.tokens_in), "{cached}");
	assert_eq!(one["usage"]["prompt_tokens_details"]["cached_tokens"], 0);

	let streamed = chunks(&scene, 3, options(3)).await;
	for (index, choice) in choices.iter().enumerate() {
		let own = streamed.iter().map(|chunk| &chunk["choices"][0]).filter(|own| own["index"] == index);
		let text: String = own.filter_map(|own| own["delta"]["content"].as_str()).collect();
		assert_eq!(choice["message"]["content"], text);
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn fee_stays_below_the_maximum_when_many_choices_could_exceed_it() {
	let scene = scene().await;
	let body = ask(json!({ "n": 8, "max_tokens": 200, "temperature": 0 }));
	let tokens_in =
		u32::try_from(answer(&scene, 1, json!({})).await["usage"]["prompt_tokens"].as_u64().unwrap())
			.unwrap();
	let enough = fee(view(7, "guide").price, tokens_in, 3 * 8 + 4, 0, PLATFORM_FEE).unwrap();
	let whole: Value = paid(&scene, 2, "/v1/chat/completions", &body, enough).await.json().await.unwrap();
	let (record, _) = record(&scene, &whole);
	assert!(record.fee <= enough && record.tokens_out <= 3 * 8, "{record:?}");
	let too_little = fee(view(7, "guide").price, tokens_in, 7, 0, PLATFORM_FEE).unwrap();
	let refused = paid(&scene, 3, "/v1/chat/completions", &body, too_little).await;
	assert_eq!(error_of(refused).await.1, "max_fee_too_small");
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_satisfies_the_schema_when_one_is_sent() {
	let scene = scene().await;
	let schema = json!({
		"type": "object", "required": ["river", "km"], "additionalProperties": false,
		"properties": { "river": { "enum": ["Elbe", "Spree"] }, "km": { "type": "integer", "minimum": 1, "maximum": 999 } }
	});
	for nonce in 1..4 {
		let format = json!({ "type": "json_schema", "json_schema": { "name": "river", "schema": schema, "strict": true } });
		let whole = answer(&scene, nonce, json!({ "response_format": format, "max_tokens": 60 })).await;
		let text = whole["choices"][0]["message"]["content"].as_str().unwrap();
		let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
		assert!((1..1_000).contains(&value["km"].as_i64().unwrap()) && value["river"].is_string(), "{text}");
		assert_eq!(whole["choices"][0]["finish_reason"], "stop");
	}
	let wrong = json!({ "type": "json_schema", "json_schema": { "schema": { "type": "river" } } });
	let message = refused(&scene, 4, json!({ "response_format": wrong })).await;
	assert!(message.contains("response_format") && message.contains("river"), "{message}");
	let message = refused(&scene, 5, json!({ "logit_bias": { "999999": 1 } })).await;
	assert!(message.contains("logit_bias") && message.contains("999999"), "{message}");
}

fn tool() -> Value {
	json!({ "type": "function", "function": { "name": "level", "description": "Water level", "parameters": {
		"type": "object", "required": ["river"], "additionalProperties": false,
		"properties": { "river": { "enum": ["Elbe", "Spree"] } }
	} } })
}

#[tokio::test(flavor = "multi_thread")]
async fn tool_is_called_with_valid_arguments_when_a_call_is_required() {
	let scene = scene().await;
	let named = json!({ "type": "function", "function": { "name": "level" } });
	for (nonce, choice) in [(1, json!("required")), (3, named)] {
		let options = json!({
			"tools": [tool()], "tool_choice": choice, "parallel_tool_calls": false, "max_tokens": 80, "seed": 1
		});
		let whole = answer(&scene, nonce, options.clone()).await;
		let choice = &whole["choices"][0];
		assert_eq!(choice["finish_reason"], "tool_calls", "{choice}");
		assert_eq!(choice["message"]["content"], Value::Null);
		let call = &choice["message"]["tool_calls"][0];
		assert_eq!((&call["type"], &call["function"]["name"]), (&json!("function"), &json!("level")));
		let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
		assert!(["Elbe", "Spree"].contains(&arguments["river"].as_str().unwrap()), "{arguments}");

		let streamed = chunks(&scene, nonce + 1, options).await;
		let calls: Vec<&Value> =
			streamed.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].get(0)).collect();
		assert_eq!(calls.len(), 1);
		assert_eq!(calls[0]["function"], call["function"]);
		assert_ne!(calls[0]["id"], call["id"]);
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_is_text_or_whole_calls_when_calls_are_free_but_strict() {
	let scene = scene().await;
	let mut strict = tool();
	strict["function"]["strict"] = json!(true);
	let mut other = tool();
	other["function"]["name"] = json!("depth");
	for (nonce, choice) in [(1, json!("auto")), (2, json!("required"))] {
		let options =
			json!({ "tools": [strict, other], "tool_choice": choice, "max_tokens": 200, "temperature": 0.5 });
		let whole = answer(&scene, nonce, options).await;
		let message = &whole["choices"][0]["message"];
		let calls = message["tool_calls"].as_array().map_or(0, Vec::len);
		let reason = whole["choices"][0]["finish_reason"].as_str().unwrap();
		// A weak model may call until its tokens are used up.
		assert!(reason == "length" || (reason == "tool_calls") == (calls > 0), "{whole}");
		assert!(calls > 0 || (nonce == 1 && message["content"].is_string()), "{whole}");
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn conversation_goes_on_when_a_tool_has_answered() {
	let scene = scene().await;
	let call = json!({ "id": "call_1", "type": "function",
		"function": { "name": "level", "arguments": "{\"river\": \"Elbe\"}" } });
	let messages = json!([
		{ "role": "user", "content": "How high is the Elbe?" },
		{ "role": "assistant", "content": null, "tool_calls": [call] },
		{ "role": "tool", "tool_call_id": "call_1", "content": "2 m" },
	]);
	let told = answer(&scene, 1, json!({ "messages": messages.clone(), "tools": [tool()] })).await;
	let untold =
		answer(&scene, 2, json!({ "messages": messages, "tools": [tool()], "tool_choice": "none" })).await;
	let tokens = |answer: &Value| answer["usage"]["prompt_tokens"].as_u64().unwrap();
	// What it may call is in the prompt only where it may.
	assert!(tokens(&told) > tokens(&untold) + 20, "{told} {untold}");
}

#[tokio::test(flavor = "multi_thread")]
async fn embeddings_have_length_one_and_a_record_when_paid() {
	let scene = scene().await;
	let body = |format: &str| json!({ "model": "guide", "input": ["owls see", "larks sing"], "encoding_format": format });
	let response = paid(&scene, 1, "/v1/embeddings", &body("float"), 1_000).await;
	let trail = response.headers().get(TRAIL_HEADER).unwrap().to_str().unwrap().to_owned();
	let whole: Value = response.json().await.unwrap();
	let data = whole["data"].as_array().unwrap();
	let numbers: Vec<Vec<f32>> =
		data.iter().map(|one| serde_json::from_value(one["embedding"].clone()).unwrap()).collect();
	for numbers in &numbers {
		let length: f32 = numbers.iter().map(|number| number * number).sum();
		assert!((length - 1.0).abs() < 1e-4, "{length}");
	}
	let id: [u8; 32] = hex::decode(&trail[2..]).unwrap().try_into().unwrap();
	let record = scene.worker.records.get(&id).unwrap().unwrap().record;
	assert_eq!(
		(whole["usage"]["prompt_tokens"].as_u64(), record.tokens_out),
		(Some(record.tokens_in.into()), 0)
	);
	let flat: Vec<u8> = numbers.concat().iter().flat_map(|number| number.to_le_bytes()).collect();
	assert_eq!(record.output, body_hash(&flat));
	assert!(is_valid_vector(&record.vector) && !record.vector.is_empty());

	use base64::{engine::general_purpose::STANDARD, Engine as _};
	let whole: Value = paid(&scene, 2, "/v1/embeddings", &body("base64"), 1_000).await.json().await.unwrap();
	let first = STANDARD.decode(whole["data"][0]["embedding"].as_str().unwrap()).unwrap();
	assert_eq!(first, flat[..flat.len() / 2]);

	let refused = paid(&scene, 3, "/v1/embeddings", &body("float"), 6).await;
	assert_eq!(error_of(refused).await.1, "max_fee_too_small");
	for (nonce, (name, value)) in
		(4..).zip([("input", json!([])), ("input", json!([[9_999_999]])), ("encoding_format", json!("int8"))])
	{
		let mut wrong = body("float");
		wrong[name] = value;
		let (status, _, error) = error_of(paid(&scene, nonce, "/v1/embeddings", &wrong, 1_000).await).await;
		assert!(status == 400 && error["message"].as_str().unwrap().contains(name), "{error}");
	}
	assert_eq!(scene.worker.records.totals().records, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_with_adapters_are_in_the_metrics_when_they_are_read() {
	let scene = scene().await;
	let text = scene.get("/metrics").await.text().await.unwrap();
	assert!(text.contains("vllm:lora_requests_info{max_lora=\"16\",running_lora_adapters=\"\""), "{text}");
}
