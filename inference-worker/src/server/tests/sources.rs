//! Where the context of an answer comes from, and how the answer says so.

use super::*;
use crate::embedder::EngineEmbedder;
use async_trait::async_trait;
use tributary_attribution::Chunk;
use tributary_client::keys::address;
use tributary_retrieval::{
	ChunkIndex, ChunkStore, Embedder, Found, Progress, Query, RetrievalError, Summary,
};

/// Serves the agent with another index of its DataNet.
fn serve(scene: &Scene, chunks: Arc<dyn ChunkIndex>) {
	let mut agents = (*scene.worker.catalogue.all()).clone();
	let Some(Listed { view, standing: Standing::Ready(agent) }) = agents.remove("guide") else {
		panic!("the scene has an agent")
	};
	let old = &agent.indexes[0];
	let spans = SnapshotIndex::build(3, &[]).unwrap();
	let index = DataNetIndex { snapshot: old.snapshot, name: old.name.clone(), spans, chunks };
	let agent = Agent {
		view: view.clone(),
		name: agent.name.clone(),
		adapters: vec![],
		prompts: vec![],
		indexes: vec![Arc::new(index)],
		tools: vec![],
		skills: vec![],
	};
	agents.insert("guide".into(), Listed { view, standing: Standing::Ready(Arc::new(agent)) });
	scene.worker.catalogue.replace(agents);
}

fn space(vectors: bool) -> Space {
	Space::of(SnapshotRef { datanet: 3, version: 1 }, &[0; 32], [0; 32], [], 16, vectors)
}

/// Chunks about birds, one of each contribution.
fn birds(scene: &Scene) -> Chunks {
	// No five words in a row are in two of them: such chunks would count as copies.
	let text = |n: u32| {
		let name = |n: u32| hex::encode(&blake3::hash(&n.to_le_bytes()).as_bytes()[..4]);
		format!("Bird {} sings {} at {}.", name(n), name(n + 1_000), name(n + 2_000))
	};
	let document = |contribution: u32| Document {
		contribution,
		contributor: [contribution as u8 + 40; 32],
		tokens: scene.worker.engine.tokenizer().encode(&text(contribution), false).unwrap(),
		text: text(contribution),
	};
	Chunks::cut(&(0..40).map(document).collect::<Vec<_>>(), 96)
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_cites_the_sources_in_its_context_when_it_has_some() {
	let scene = Scene::new(|_| ()).await;
	let expected = json!([{
		"mark": 1,
		"datanet": 3,
		"contribution": 0,
		"contributor": address(&[40; 32]),
		"start": 0,
		"end": 13,
		"text": format!("0x{}", blake3::hash(b"owls see well").to_hex()),
	}]);
	let whole: Value = scene.chat(1, &ask(json!({}))).await.json().await.unwrap();
	assert_eq!(whole["x_tributary"]["citations"], expected);

	let text = scene.chat(2, &ask(json!({ "stream": true }))).await.text().await.unwrap();
	let events = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
	let chunks: Vec<Value> = events.map(|data| serde_json::from_str(data).unwrap()).collect();
	let (last, before) = chunks.split_last().unwrap();
	assert_eq!(last["x_tributary"]["citations"], expected);
	assert!(before.iter().all(|chunk| chunk.get("x_tributary").is_none()), "{text}");

	let id = whole["id"].as_str().unwrap();
	let trail: Value = scene.get(&format!("/v1/trail/{id}")).await.json().await.unwrap();
	let chunk = &trail["evidence"]["chunks"][0];
	assert_eq!((&chunk["contribution"], &chunk["start"], &chunk["end"]), (&json!(0), &json!(0), &json!(13)));
	assert_eq!(chunk["ranks"], json!({ "keyword": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_cites_nothing_when_nothing_was_found() {
	let scene = Scene::new(|config| config.retrieval.chunks = 0).await;
	let whole: Value = scene.chat(1, &ask(json!({}))).await.json().await.unwrap();
	assert!(whole["choices"][0].is_object() && whole.get("x_tributary").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn source_is_found_by_words_and_by_vectors_when_the_engine_embedded_it() {
	let scene = Scene::with_model("../models/tributary-3m", 16, |config| config.retrieval.chunks = 3).await;
	let embedder = EngineEmbedder(scene.worker.engine.clone());
	let chunks = birds(&scene);
	let store = Memory::default();
	let index =
		store.build(&space(true), chunks.clone(), Some(&embedder), &Progress::default()).await.unwrap();
	assert!(index.summary().dimensions.is_some_and(|width| width > 0));
	let vectors = embedder.embed(vec![chunks.chunks[7].text.clone()]).await.unwrap();
	let query = Query::new("", vectors.into_iter().next());
	assert_eq!(index.by_vector(&query, 1).await.unwrap()[0].row, 7);
	serve(&scene, index.clone());
	let mut body = ask(json!({ "max_tokens": 3 }));
	body["messages"][0]["content"] = json!(chunks.chunks[7].text);
	let whole: Value = scene.chat(1, &body).await.json().await.unwrap();
	let id = whole["id"].as_str().unwrap();
	let trail: Value = scene.get(&format!("/v1/trail/{id}")).await.json().await.unwrap();
	let (first, source) = (&trail["evidence"]["chunks"][0], chunks.chunks[7].contribution);
	assert_eq!(first["contribution"], source);
	assert_eq!(first["ranks"]["keyword"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_served_while_chunks_are_embedded() {
	// One place in the queue: whoever comes second waits, or is refused and comes again.
	let scene = Scene::with_model("../models/tributary-3m", 1, |_| ()).await;
	let embedder = EngineEmbedder(scene.worker.engine.clone());
	let chunks = birds(&scene);
	let texts: Vec<String> = chunks.chunks.iter().map(|chunk| chunk.text.clone()).collect();
	let count = texts.len();
	let embedding = tokio::spawn(async move { embedder.embed(texts).await });
	let mut answered = 0;
	for nonce in 1..100 {
		let response = scene.chat(nonce, &ask(json!({ "max_tokens": 2 }))).await;
		answered += usize::from(response.status() == 200);
		if embedding.is_finished() {
			break;
		}
	}
	assert!(answered > 0, "answers find a place");
	assert_eq!(embedding.await.unwrap().unwrap().len(), count, "and no chunk is lost");
}

/// An index whose server is away.
struct Away(Space);

#[async_trait]
impl ChunkIndex for Away {
	fn space(&self) -> &Space {
		&self.0
	}
	fn summary(&self) -> Summary {
		Summary { chunks: 1, copies: 0, dimensions: None, near: 1.0 }
	}
	async fn by_keywords(&self, _: &Query, _: usize) -> Result<Vec<Found>, RetrievalError> {
		Err(RetrievalError::Database { doing: "search by keywords", reason: "connection closed".into() })
	}
	async fn by_vector(&self, _: &Query, _: usize) -> Result<Vec<Found>, RetrievalError> {
		Ok(vec![])
	}
	async fn chunks(&self, _: &[u32]) -> Result<Vec<Chunk>, RetrievalError> {
		Ok(vec![])
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn request_is_refused_and_not_billed_when_the_sources_cannot_be_searched() {
	let scene = Scene::new(|_| ()).await;
	serve(&scene, Arc::new(Away(space(false))));
	let response = scene.chat(1, &ask(json!({}))).await;
	assert!(response.headers().contains_key("retry-after"));
	let (status, code, error) = error_of(response).await;
	assert_eq!((status, code.as_str()), (503, "retrieval_unavailable"));
	assert!(error["message"].as_str().unwrap().contains("PostgreSQL"), "{error}");
	assert_eq!(scene.worker.records.totals().records, 0);
	assert_eq!(scene.worker.credit(), 0);
}
