//! Adapters that the operator loads by name.

use super::*;
use reqwest::RequestBuilder;

const TOKEN: &str = "of the operator";

/// A worker whose operator has folders `plain` and `rslora` to load from.
async fn scene() -> Scene {
	Scene::new(|config| {
		config.server.adapter_root =
			Some(concat!(env!("CARGO_MANIFEST_DIR"), "/engine/tests/fixtures/llama").into());
		config.server.operator_token = Some(TOKEN.into());
	})
	.await
}

fn operator(scene: &Scene, path: &str, body: &Value) -> RequestBuilder {
	scene.client.post(format!("{}{path}", scene.url)).bearer_auth(TOKEN).body(body.to_string())
}

async fn load(scene: &Scene, body: Value) -> Response {
	operator(scene, "/v1/load_lora_adapter", &body).send().await.unwrap()
}

fn question(model: &str) -> Value {
	json!({
		"model": model, "max_tokens": 12, "temperature": 0, "seed": 7,
		"messages": [{ "role": "user", "content": "owls" }],
	})
}

async fn answer(scene: &Scene) -> String {
	let response = operator(scene, "/v1/chat/completions", &question("poems")).send().await.unwrap();
	assert_eq!(response.status(), 200);
	let body: Value = response.json().await.unwrap();
	assert_eq!(body["usage"]["completion_tokens"], 12);
	body["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn adapter_answers_for_the_operator_alone_when_it_is_loaded_replaced_and_unloaded() {
	let scene = scene().await;
	let loaded = load(&scene, json!({ "lora_name": "poems", "lora_path": "plain" })).await;
	assert_eq!(loaded.status(), 200);
	let first: Value = loaded.json().await.unwrap();
	let before = answer(&scene).await;
	assert_eq!(answer(&scene).await, before);

	// Payers are not served, and see nothing of it.
	let body = question("poems").to_string();
	let order = scene.order(1, 1_000, &body);
	let paid = scene.post("/v1/chat/completions", &body, order, scene.voucher(1_000)).send().await.unwrap();
	assert_eq!(error_of(paid).await.1, "operator_token");
	let names = |models: Value| -> Vec<String> {
		let data = models["data"].as_array().unwrap().clone();
		data.iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
	};
	assert_eq!(names(scene.get("/v1/models").await.json().await.unwrap()), ["guide"]);
	let models = scene.client.get(format!("{}/v1/models", scene.url)).bearer_auth(TOKEN);
	assert_eq!(names(models.send().await.unwrap().json().await.unwrap()), ["guide", "poems"]);

	// Another content under the name.
	let again = json!({ "lora_name": "poems", "lora_path": "rslora" });
	assert_eq!(error_of(load(&scene, again.clone()).await).await.0, 409);
	let mut in_place = again;
	in_place["load_inplace"] = true.into();
	in_place["expected_generation"] = format!("0x{}", "ab".repeat(32)).into();
	assert_eq!(error_of(load(&scene, in_place.clone()).await).await.0, 409);
	in_place["expected_generation"] = first["adapter_generation"].clone();
	let replaced: Value = load(&scene, in_place).await.json().await.unwrap();
	assert_eq!(replaced["replaced_generation"], first["adapter_generation"]);
	assert_ne!(replaced["adapter_generation"], first["adapter_generation"]);
	assert_ne!(answer(&scene).await, before);

	let unload = json!({ "lora_name": "poems" });
	assert_eq!(operator(&scene, "/v1/unload_lora_adapter", &unload).send().await.unwrap().status(), 200);
	let gone = operator(&scene, "/v1/unload_lora_adapter", &unload).send().await.unwrap();
	assert_eq!(error_of(gone).await.1, "lora_not_found");
	let asked = operator(&scene, "/v1/chat/completions", &question("poems")).send().await.unwrap();
	assert_eq!(error_of(asked).await.1, "model_not_found");
	// Nothing of this was recorded.
	assert_eq!(scene.worker.records.totals().records, 0);
}

#[tokio::test]
async fn loading_is_refused_when_token_name_path_or_adapter_are_wrong() {
	let scene = scene().await;
	let without = scene.client.post(format!("{}/v1/load_lora_adapter", scene.url));
	let body = json!({ "lora_name": "poems", "lora_path": "plain" });
	let refused = without.body(body.to_string()).send().await.unwrap();
	let (status, code, _) = error_of(refused).await;
	assert_eq!((status, code.as_str()), (401, "operator_token"));
	for (name, path, status, code) in [
		("a b", "plain", 400, "invalid_lora_name"),
		("guide", "plain", 409, "lora_name_taken"),
		("poems", "../llama3/plain", 400, "invalid_lora_path"),
		("poems", "nowhere", 400, "invalid_lora_path"),
	] {
		let found = error_of(load(&scene, json!({ "lora_name": name, "lora_path": path })).await).await;
		assert_eq!((found.0, found.1.as_str()), (status, code), "{name} {path}");
	}
	let disabled = Scene::new(|_| {}).await;
	let found = error_of(load(&disabled, body).await).await;
	assert_eq!((found.0, found.1.as_str()), (403, "loading_disabled"));
}
