//! How an answer leaves: whole or as server-sent events. Either way the end follows the durable record.

use super::{admission::Begun, errors::ApiError};
use crate::answer::{Ending, Piece};
use axum::{
	http::HeaderValue,
	response::{
		sse::{Event, KeepAlive, Sse},
		IntoResponse, Response,
	},
	Json,
};
use futures::{stream::iter, Stream, StreamExt};
use serde::{de::DeserializeOwned, Serialize};
use std::convert::Infallible;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tributary_client::voucher::TRAIL_HEADER;

/// The bodies of one endpoint.
pub trait Reply: Send + 'static {
	/// All at once.
	type Whole: Serialize;
	/// One event.
	type Chunk: Serialize;

	/// All at once.
	fn whole(&self, text: String, ending: Ending) -> Self::Whole;
	/// Before any text.
	fn first(&self) -> Option<Self::Chunk>;
	/// More text.
	fn text(&self, text: String) -> Self::Chunk;
	/// Why it ended.
	fn last(&self, ending: Ending) -> Self::Chunk;
	/// What it cost in tokens.
	fn usage(&self, ending: Ending) -> Self::Chunk;
}

/// Reads a JSON body.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
	serde_json::from_slice(body).map_err(|error| {
		ApiError::invalid(
			"invalid_body",
			format!("the body is not a valid request: {error}. See OpenAI's API reference."),
		)
	})
}

/// Waits for the end and answers all at once.
pub async fn whole<R: Reply>(mut begun: Begun, reply: R) -> Result<Response, ApiError> {
	let mut text = String::new();
	while let Some(piece) = begun.pieces.recv().await {
		match piece {
			Piece::Text(more) => text.push_str(&more),
			Piece::End(ending) => {
				return Ok(with_trail(&begun.id, Json(reply.whole(text, ending)).into_response()))
			}
			Piece::Failed(reason) => return Err(ApiError::internal("inference_failed", reason)),
		}
	}
	Err(ApiError::internal("inference_failed", "the answer was lost. Send the request again."))
}

/// Answers by server-sent events.
pub fn stream<R: Reply>(begun: Begun, reply: R, include_usage: bool) -> Response {
	let first = reply.first().map(|chunk| event(&chunk));
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
		Piece::Text(text) => vec![event(&reply.text(text))],
		Piece::End(ending) => {
			let mut events = vec![event(&reply.last(ending))];
			if include_usage {
				events.push(event(&reply.usage(ending)));
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

fn with_trail(id: &[u8; 32], mut response: Response) -> Response {
	if let Ok(value) = HeaderValue::from_str(&format!("0x{}", hex::encode(id))) {
		response.headers_mut().insert(TRAIL_HEADER, value);
	}
	response
}
