//! `POST /v1/embeddings`
//!
//! Texts go to the model as they are, with the agent's adapters and without its prompts and sources. Their tokens are
//! billed like those of a prompt, and the record's output is the hash of the numbers.

use super::{
	admission::{find_agent, fingerprint, open_bill},
	errors::ApiError,
	members::{wrong, Members},
	reply::with_trail,
};
use crate::{
	billing::{record, Bill, Work},
	embedder::{embed_all, EmbedError},
	metrics,
	worker::Worker,
};
use axum::{
	body::Bytes,
	extract::{rejection::BytesRejection, State},
	http::HeaderMap,
	response::{IntoResponse, Response},
	Json,
};
use base64::{engine::general_purpose::STANDARD, Engine as _};
use serde_json::{json, Value};
use std::{sync::Arc, time::Instant};
use tributary_primitives::{fee::fee, SkillSet};

/// Most texts of one request.
const MAX_INPUTS: usize = 64;

/// Embeds texts.
pub async fn embeddings(
	State(worker): State<Arc<Worker>>,
	headers: HeaderMap,
	body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
	let body = body?;
	let members = Members::of(&body)?;
	members.refuse(&["dimensions"])?;
	let model = members.text("model")?;
	let as_base64 = match members.get("encoding_format").map(Value::as_str) {
		None | Some(Some("float")) => false,
		Some(Some("base64")) => true,
		Some(_) => return Err(wrong("encoding_format must be float or base64")),
	};
	let inputs = inputs(&members)?;
	// Texts are not about skills: only what is always active takes part.
	let agent = find_agent(&worker, model)?;
	let agent = agent.with(SkillSet::default()).map_or(agent, Arc::new);
	let bill = open_bill(&worker, &headers, &body, agent).await?;
	let id = bill.order.order.id();
	// Goes on when the client leaves: what was computed is recorded all the same.
	let done = tokio::spawn(embed(worker.clone(), bill, inputs)).await;
	let (embeddings, tokens) =
		done.map_err(|error| ApiError::internal("inference_failed", error.to_string()))??;
	let data: Vec<Value> =
		(0u32..).zip(&embeddings).map(|(index, numbers)| shown(index, numbers, as_base64)).collect();
	let answer = json!({
		"object": "list",
		"data": data,
		"model": model,
		"system_fingerprint": fingerprint(&worker),
		"usage": { "prompt_tokens": tokens, "total_tokens": tokens },
	});
	Ok(with_trail(&id, Json(answer).into_response()))
}

/// A text, or its tokens.
#[derive(Debug, PartialEq)]
pub enum Input {
	Text(String),
	Tokens(Vec<u32>),
}

/// The texts or tokens of a request.
pub fn inputs(members: &Members) -> Result<Vec<Input>, ApiError> {
	let tokens = |list: &[Value]| -> Option<Input> {
		let ids = list.iter().map(|id| u32::try_from(id.as_u64()?).ok()).collect::<Option<Vec<u32>>>()?;
		Some(Input::Tokens(ids)).filter(|_| !list.is_empty())
	};
	let one = |value: &Value| match value {
		Value::String(text) if !text.is_empty() => Some(Input::Text(text.clone())),
		Value::Array(list) => tokens(list),
		_ => None,
	};
	let inputs = match members.get("input") {
		Some(Value::Array(list)) if list.iter().all(Value::is_number) => {
			tokens(list).map(|tokens| vec![tokens])
		}
		Some(Value::Array(list)) if list.len() <= MAX_INPUTS => list.iter().map(one).collect(),
		Some(value @ Value::String(_)) => one(value).map(|text| vec![text]),
		_ => None,
	};
	inputs.filter(|inputs| !inputs.is_empty()).ok_or_else(|| {
		wrong(format!(
			"input takes a text, a list of token ids, or a list of at most {MAX_INPUTS} of either, none of them empty"
		))
	})
}

/// Embeds and records. Gives the embeddings and their tokens.
async fn embed(
	worker: Arc<Worker>,
	bill: Bill,
	inputs: Vec<Input>,
) -> Result<(Vec<Vec<f32>>, u32), ApiError> {
	let _running = worker.running.clone();
	let began = Instant::now();
	let encoding = worker.clone();
	let prompts = tokio::task::spawn_blocking(move || encode(&encoding, inputs)).await;
	let prompts = prompts.map_err(|error| ApiError::internal("prompt", error.to_string()))??;
	let tokens_in: usize = prompts.iter().map(Vec::len).sum();
	let (price, max_fee) = (bill.agent.view.price, bill.order.order.max_fee);
	let cost = u32::try_from(tokens_in).ok().and_then(|tokens| fee(price, tokens, 0, 0, bill.platform_fee));
	if cost.is_none_or(|cost| cost > max_fee) {
		let message = format!(
			"embedding {tokens_in} tokens costs {} planck, the order allows {max_fee}. Sign a larger max_fee.",
			cost.unwrap_or(u128::MAX)
		);
		return Err(ApiError::payment("max_fee_too_small", message));
	}
	let embedding = embed_all(&worker.engine, prompts, &bill.agent.adapters, bill.order.order.payer);
	let embeddings = embedding.await.map_err(|error| match error {
		EmbedError::Refused(error) => ApiError::from(error),
		EmbedError::Failed(reason) => {
			ApiError::internal("inference_failed", format!("{reason}. Send it again."))
		}
	})?;
	let recording = tokio::task::spawn_blocking(move || {
		let numbers: Vec<f32> = embeddings.concat();
		record(&worker, bill, tokens_in, &Work::Embeddings(&numbers))
			.map(|recorded| (embeddings, recorded.tokens_in))
	});
	let recorded = recording.await.map_err(|error| error.to_string()).and_then(|recorded| recorded);
	metrics::embedded(began.elapsed());
	recorded.map_err(|error| {
		tracing::error!(error, "embeddings could not be recorded and are not billed");
		ApiError::internal("inference_failed", format!("not recorded and not billed: {error}"))
	})
}

fn encode(worker: &Worker, inputs: Vec<Input>) -> Result<Vec<Vec<u32>>, ApiError> {
	let (engine, mut prompts) = (&worker.engine, Vec::new());
	for input in inputs {
		let prompt = match input {
			Input::Text(text) => engine.tokenizer().encode(&text, true)?,
			Input::Tokens(ids) => ids,
		};
		if let Some(id) = prompt.iter().find(|id| **id as usize >= engine.vocabulary()) {
			let vocabulary = engine.vocabulary();
			return Err(wrong(format!("input: token {id} is not in the vocabulary of {vocabulary} tokens")));
		}
		prompts.push(prompt);
	}
	Ok(prompts)
}

fn shown(index: u32, numbers: &[f32], as_base64: bool) -> Value {
	let embedding = match as_base64 {
		true => {
			let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
			STANDARD.encode(bytes).into()
		}
		false => json!(numbers),
	};
	json!({ "object": "embedding", "index": index, "embedding": embedding })
}

#[cfg(test)]
mod tests {
	use super::*;

	fn read(input: Value) -> Result<Vec<Input>, ApiError> {
		inputs(&Members::of(json!({ "input": input }).to_string().as_bytes()).unwrap())
	}

	#[test]
	fn inputs_are_read_when_they_are_texts_or_tokens() {
		let text = |text: &str| Input::Text(text.into());
		assert_eq!(read(json!("a")).unwrap(), [text("a")]);
		assert_eq!(read(json!(["a", "b"])).unwrap(), [text("a"), text("b")]);
		assert_eq!(read(json!([1, 2])).unwrap(), [Input::Tokens(vec![1, 2])]);
		assert_eq!(read(json!([[1], [2, 3]])).unwrap(), [Input::Tokens(vec![1]), Input::Tokens(vec![2, 3])]);
	}

	#[test]
	fn inputs_are_refused_by_name_when_they_are_empty_or_something_else() {
		let many = json!(vec!["a"; MAX_INPUTS + 1]);
		for input in
			[json!(""), json!([]), json!(["a", ""]), json!([[]]), json!([-1]), json!({}), json!(null), many]
		{
			let error = read(input.clone()).unwrap_err().body().error;
			assert!(error.message.contains("input"), "{input}");
		}
	}

	#[test]
	fn numbers_are_the_same_when_written_in_base64() {
		let numbers = [0.25f32, -1.5];
		assert_eq!(shown(1, &numbers, false)["embedding"], json!([0.25, -1.5]));
		let bytes = STANDARD.decode(shown(1, &numbers, true)["embedding"].as_str().unwrap()).unwrap();
		assert_eq!(bytes, [0.25f32.to_le_bytes(), (-1.5f32).to_le_bytes()].concat());
	}
}
