//! Errors as OpenAI clients expect them: a status, and `{"error": {"message", "type", "code"}}`.

use crate::{embedder::EmbedError, metrics, orders::Refusal, prompt::PromptError};
use axum::{
	extract::rejection::BytesRejection,
	http::{header::RETRY_AFTER, HeaderValue, StatusCode},
	response::{IntoResponse, Response},
	Json,
};
use tributary_client::http::{ChannelState, ErrorBody, ErrorDetail};
use tributary_engine::{EngineError, SubmitError};

/// A refused or failed request.
#[derive(Clone, Debug)]
pub struct ApiError {
	status: StatusCode,
	kind: &'static str,
	code: &'static str,
	message: String,
	retry_after: Option<u64>,
	channel: Option<Box<ChannelState>>,
}

impl ApiError {
	fn new(status: StatusCode, kind: &'static str, code: &'static str, message: impl Into<String>) -> Self {
		Self { status, kind, code, message: message.into(), retry_after: None, channel: None }
	}

	/// 400: the request itself is wrong.
	pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
		Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", code, message)
	}

	/// 402: order or voucher is missing, wrong or too small.
	pub fn payment(code: &'static str, message: impl Into<String>) -> Self {
		Self::new(StatusCode::PAYMENT_REQUIRED, "payment_required", code, message)
	}

	/// 401.
	pub fn unauthorized(code: &'static str, message: impl Into<String>) -> Self {
		Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", code, message)
	}

	/// 403.
	pub fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
		Self::new(StatusCode::FORBIDDEN, "invalid_request_error", code, message)
	}

	/// 409: it was otherwise than the request says.
	pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
		Self::new(StatusCode::CONFLICT, "invalid_request_error", code, message)
	}

	/// 404.
	pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
		Self::new(StatusCode::NOT_FOUND, "invalid_request_error", code, message)
	}

	/// 503: later it works.
	pub fn unavailable(code: &'static str, message: impl Into<String>, retry_after: u64) -> Self {
		let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", code, message);
		Self { retry_after: Some(retry_after), ..error }
	}

	/// 500: our fault.
	pub fn internal(code: &'static str, message: impl Into<String>) -> Self {
		Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", code, message)
	}

	/// The same with the worker's view of the channel, so that a proxy can sign anew.
	pub fn with_channel(self, channel: Option<ChannelState>) -> Self {
		Self { channel: channel.map(Box::new), ..self }
	}

	/// The body.
	pub fn body(&self) -> ErrorBody {
		ErrorBody {
			error: ErrorDetail {
				message: self.message.clone(),
				kind: self.kind.into(),
				code: self.code.into(),
				channel: self.channel.as_deref().cloned(),
			},
		}
	}
}

impl From<BytesRejection> for ApiError {
	fn from(rejection: BytesRejection) -> Self {
		let status = rejection.status();
		let message = format!("the body cannot be read: {}. Send a shorter one.", rejection.body_text());
		let code = if status == StatusCode::PAYLOAD_TOO_LARGE { "body_too_large" } else { "invalid_body" };
		Self::new(status, "invalid_request_error", code, message)
	}
}

impl From<Refusal> for ApiError {
	fn from(refusal: Refusal) -> Self {
		let error = Self::payment(refusal.code(), refusal.to_string());
		match refusal {
			// The proxy's books are behind ours: the answer carries what it needs to catch up.
			Refusal::Replayed { .. } | Refusal::Shrinking { .. } => {
				Self { status: StatusCode::CONFLICT, ..error }
			}
			_ => error,
		}
	}
}

impl From<SubmitError> for ApiError {
	fn from(error: SubmitError) -> Self {
		let message = error.to_string();
		match error {
			SubmitError::QueueFull { retry_after_secs } => {
				let error =
					Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "queue_full", message);
				Self { retry_after: Some(retry_after_secs), ..error }
			}
			SubmitError::TooLong { .. } => Self::invalid("context_length_exceeded", message),
			SubmitError::Empty => Self::invalid("empty_prompt", message),
			SubmitError::ShuttingDown => Self::unavailable("shutting_down", message, 30),
		}
	}
}

impl From<EmbedError> for ApiError {
	fn from(error: EmbedError) -> Self {
		match error {
			EmbedError::Refused(error) => error.into(),
			EmbedError::Failed(reason) => Self::internal(
				"routing_failed",
				format!("the request was not routed: {reason}. Send it again."),
			),
		}
	}
}

/// What the engine refuses before it starts is wrong with the request.
impl From<EngineError> for ApiError {
	fn from(error: EngineError) -> Self {
		Self::invalid("invalid_value", error.to_string())
	}
}

impl From<PromptError> for ApiError {
	fn from(error: PromptError) -> Self {
		let code = match error {
			PromptError::TooLong { .. } => "context_length_exceeded",
			PromptError::Refused(_) => "invalid_messages",
		};
		Self::invalid(code, error.to_string())
	}
}

impl IntoResponse for ApiError {
	fn into_response(self) -> Response {
		metrics::refused(self.code);
		let mut response = (self.status, Json(self.body())).into_response();
		if let Some(seconds) = self.retry_after {
			response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
		}
		response
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn error_has_openais_shape_when_serialized() {
		let json =
			serde_json::to_value(ApiError::payment("voucher_missing", "send a voucher").body()).unwrap();
		let expected = serde_json::json!({
			"error": { "message": "send a voucher", "type": "payment_required", "code": "voucher_missing" }
		});
		assert_eq!(json, expected);
	}

	#[test]
	fn full_queue_says_when_to_come_back_when_refused() {
		let response = ApiError::from(SubmitError::QueueFull { retry_after_secs: 7 }).into_response();
		assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
		assert_eq!(response.headers().get(RETRY_AFTER).unwrap(), "7");
	}

	#[test]
	fn status_follows_the_cause_when_a_request_is_refused() {
		let status = |error: ApiError| error.status.as_u16();
		assert_eq!(status(Refusal::WrongBody.into()), 402);
		assert_eq!(status(Refusal::Replayed { got: 1, last: 1 }.into()), 409);
		assert_eq!(status(SubmitError::TooLong { tokens: 9, context: 8 }.into()), 400);
		assert_eq!(status(SubmitError::ShuttingDown.into()), 503);
		assert_eq!(status(PromptError::TooLong { tokens: 9, context: 8 }.into()), 400);
	}
}
