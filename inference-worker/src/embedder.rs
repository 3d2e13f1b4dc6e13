//! Embeddings by the worker's own engine: of chunks while an index is built, and of questions.

use futures::{stream, StreamExt, TryStreamExt};
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;
use tributary_engine::{AdapterUse, Cancel, Engine, Event, Request, Sink, SubmitError};
use tributary_primitives::AccountId;
use tributary_retrieval::Embedder;

/// Chunks embedded at the same time: few, so that answers find places in the queue and the batch.
const CHUNKS_AT_ONCE: usize = 2;
/// Tokens of a text that are embedded; what is beyond them is left out.
const MAX_TOKENS: usize = 512;
/// Whose the requests for chunks are. The engine serves payers in turns by what they had so far, so that a long build
/// comes after everybody else.
const NOBODY: AccountId = [0; 32];

/// Why there is no embedding.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
	/// The engine did not take it.
	#[error(transparent)]
	Refused(#[from] SubmitError),
	/// The engine failed, or the text has no words for it.
	#[error("{0}")]
	Failed(String),
}

/// The embedding of one text by the base model alone, of length 1.
pub async fn embed(engine: &Engine, text: &str, payer: AccountId) -> Result<Vec<f32>, EmbedError> {
	let encoded = engine.tokenizer().encode(text, true);
	let mut prompt = encoded.map_err(|error| EmbedError::Failed(error.to_string()))?;
	prompt.truncate(MAX_TOKENS.min(engine.context()));
	let embeddings = embed_all(engine, vec![prompt], &[], payer).await?;
	Ok(embeddings.into_iter().next().unwrap_or_default())
}

/// The embeddings of prompts, in their order. When one fails, or nobody waits any more, all are called off.
pub async fn embed_all(
	engine: &Engine,
	prompts: Vec<Vec<u32>>,
	adapters: &[AdapterUse],
	payer: AccountId,
) -> Result<Vec<Vec<f32>>, EmbedError> {
	let cancel = CancelOnDrop(Cancel::default());
	let mut embeddings = vec![Vec::new(); prompts.len()];
	let (events_in, mut events) = unbounded_channel();
	let requests = prompts.into_iter().enumerate().map(|(index, prompt)| {
		let (adapters, cancel) = (adapters.to_vec(), cancel.0.clone());
		let request = Request { prompt, adapters, embed: true, payer, cancel, ..Request::default() };
		let events = events_in.clone();
		let sink: Sink = Box::new(move |event| events.send((index, event)).is_ok());
		(request, sink)
	});
	engine.submit_all(requests.collect())?;
	drop(events_in);
	while let Some((index, event)) = events.recv().await {
		match (event, embeddings.get_mut(index)) {
			(Event::Embedding(vector), Some(place)) => *place = vector,
			(Event::Failed(error), _) => return Err(EmbedError::Failed(error.to_string())),
			_ => {}
		}
	}
	match embeddings.iter().any(Vec::is_empty) {
		true => Err(EmbedError::Failed("the engine stopped before the embedding was complete".into())),
		false => Ok(embeddings),
	}
}

/// The same for the worker itself, waiting where the queue is full: answers go first.
pub async fn embed_patiently(engine: &Engine, text: &str) -> Result<Vec<f32>, String> {
	loop {
		match embed(engine, text, NOBODY).await {
			Err(EmbedError::Refused(SubmitError::QueueFull { retry_after_secs })) => {
				tokio::time::sleep(Duration::from_secs(retry_after_secs.clamp(1, 10))).await;
			}
			result => return result.map_err(|error| error.to_string()),
		}
	}
}

/// Calls a request off when nobody waits for it any more.
struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
	fn drop(&mut self) {
		self.0.cancel();
	}
}

/// Embeds chunks.
pub struct EngineEmbedder(pub Engine);

#[async_trait::async_trait]
impl Embedder for EngineEmbedder {
	async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, String> {
		let each = stream::iter(texts).map(|text| async move { embed_patiently(&self.0, &text).await });
		each.buffered(CHUNKS_AT_ONCE).try_collect().await
	}
}
