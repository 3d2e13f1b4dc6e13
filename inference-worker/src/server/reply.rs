//! How an answer leaves: whole or as server-sent events. Either way the end follows the durable record.

use super::{admission::Begun, errors::ApiError, options::Options};
use crate::answer::{Delta, Ending, Piece};
use axum::{
	http::HeaderValue,
	response::{
		sse::{Event, KeepAlive, Sse},
		IntoResponse, Response,
	},
	Json,
};
use futures::{stream::iter, Stream, StreamExt};
use serde::Serialize;
use std::convert::Infallible;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tributary_client::voucher::TRAIL_HEADER;

/// The bodies of one endpoint.
pub trait Reply: Send + 'static {
	/// All at once.
	type Whole: Serialize;
	/// One event.
	type Chunk: Serialize;

	/// How many choices there are.
	fn choices(&self) -> u32;
	/// All at once.
	fn whole(&self, choices: Vec<Delta>, ending: &Ending) -> Self::Whole;
	/// Before any text of a choice.
	fn first(&self, choice: u32) -> Option<Self::Chunk>;
	/// More of a choice.
	fn more(&self, delta: Delta) -> Self::Chunk;
	/// Why a choice ended, and what its marks stand for.
	fn last(&self, choice: u32, reason: &'static str, ending: &Ending) -> Self::Chunk;
	/// What it cost in tokens.
	fn usage(&self, ending: &Ending) -> Self::Chunk;
}

/// Answers as the request wants it.
pub async fn answer<R: Reply>(begun: Begun, reply: R, options: &Options) -> Result<Response, ApiError> {
	match options.stream {
		true => Ok(stream(begun, reply, options.include_usage)),
		false => whole(begun, reply).await,
	}
}

/// Waits for the end and answers all at once.
async fn whole<R: Reply>(mut begun: Begun, reply: R) -> Result<Response, ApiError> {
	let mut choices: Vec<Delta> =
		(0..reply.choices()).map(|choice| Delta { choice, ..Delta::default() }).collect();
	while let Some(piece) = begun.pieces.recv().await {
		match piece {
			Piece::More(delta) => {
				if let Some(choice) = choices.get_mut(delta.choice as usize) {
					choice.extend(delta);
				}
			}
			Piece::End(ending) => {
				let body = Json(reply.whole(choices, &ending)).into_response();
				return Ok(with_trail(&begun.id, body));
			}
			Piece::Failed(reason) => return Err(ApiError::internal("inference_failed", reason)),
		}
	}
	Err(ApiError::internal("inference_failed", "the answer was lost. Send the request again."))
}

/// Answers by server-sent events.
fn stream<R: Reply>(begun: Begun, reply: R, include_usage: bool) -> Response {
	let first: Vec<Event> =
		(0..reply.choices()).filter_map(|choice| reply.first(choice)).map(|chunk| event(&chunk)).collect();
	let rest = UnboundedReceiverStream::new(begun.pieces)
		.flat_map(move |piece| iter(events(&reply, piece, include_usage)));
	let all = iter(first).chain(rest).map(Ok::<_, Infallible>);
	with_trail(&begun.id, sse(all))
}

fn sse(events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
	Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

fn events<R: Reply>(reply: &R, piece: Piece, include_usage: bool) -> Vec<Event> {
	match piece {
		Piece::More(delta) => vec![event(&reply.more(delta))],
		Piece::End(ending) => {
			let reasons = (0..).zip(&ending.reasons);
			let mut events: Vec<Event> =
				reasons.map(|(choice, reason)| event(&reply.last(choice, reason, &ending))).collect();
			if include_usage {
				events.push(event(&reply.usage(&ending)));
			}
			events.push(Event::default().data("[DONE]"));
			events
		}
		// No [DONE]: clients see that the answer is not whole.
		Piece::Failed(reason) => vec![event(&ApiError::internal("inference_failed", reason).body())],
	}
}

fn event(value: &impl Serialize) -> Event {
	Event::default().json_data(value).unwrap_or_else(|error| Event::default().comment(error.to_string()))
}

/// Names the answer in a header.
pub fn with_trail(id: &[u8; 32], mut response: Response) -> Response {
	if let Ok(value) = HeaderValue::from_str(&format!("0x{}", hex::encode(id))) {
		response.headers_mut().insert(TRAIL_HEADER, value);
	}
	response
}
