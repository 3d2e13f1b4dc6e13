//! Streamable HTTP: the official client, which follows no redirects and tells when an answer was cut off.

use futures::{StreamExt, TryFutureExt};
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::{
	model::ClientJsonRpcMessage,
	transport::{
		common::client_side_sse::BoxedSseResponse,
		streamable_http_client::{
			StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpError,
			StreamableHttpPostResponse,
		},
		StreamableHttpClientTransport,
	},
};
use std::{
	collections::HashMap,
	future::Future,
	sync::{
		atomic::{AtomicU64, Ordering},
		Arc,
	},
	time::Duration,
};

type HttpError = StreamableHttpError<reqwest::Error>;
type Headers = HashMap<HeaderName, HeaderValue>;

/// Time for the TCP and TLS handshakes.
const CONNECT: Duration = Duration::from_secs(10);

/// A client that counts answers that were too large.
#[derive(Clone)]
pub struct Client {
	inner: reqwest::Client,
	oversized: Arc<AtomicU64>,
}

/// A connection to `url` with messages of at most `message_bytes`; `oversized` counts those that were larger.
pub fn connect(
	url: &str,
	token: Option<&str>,
	message_bytes: usize,
	oversized: Arc<AtomicU64>,
) -> reqwest::Result<StreamableHttpClientTransport<Client>> {
	// A redirect could lead past the operator's allow-list. Idle connections are not kept: the client library says
	// that they stall.
	let inner = reqwest::Client::builder()
		.redirect(reqwest::redirect::Policy::none())
		.connect_timeout(CONNECT)
		.pool_max_idle_per_host(0)
		.build()?;
	let mut config = StreamableHttpClientTransportConfig::with_uri(url);
	config.auth_header = token.map(str::to_owned);
	config.max_sse_event_size = message_bytes;
	// A new session may have another tool list: it is begun, and the list read, by us.
	config.reinit_on_expired_session = false;
	Ok(StreamableHttpClientTransport::with_client(Client { inner, oversized }, config))
}

impl Client {
	fn note(&self, error: &HttpError) {
		if matches!(error, StreamableHttpError::ResponseBodyTooLarge { .. }) {
			self.oversized.fetch_add(1, Ordering::Relaxed);
		}
	}

	/// The error of an event that is too large has no public type.
	fn watched(&self, stream: BoxedSseResponse) -> BoxedSseResponse {
		let oversized = self.oversized.clone();
		let stream = stream.inspect(move |event| {
			if event.as_ref().is_err_and(|error| error.to_string().contains("exceeded the maximum size")) {
				oversized.fetch_add(1, Ordering::Relaxed);
			}
		});
		stream.boxed()
	}
}

impl StreamableHttpClient for Client {
	type Error = reqwest::Error;

	fn post_message(
		&self,
		uri: Arc<str>,
		message: ClientJsonRpcMessage,
		session: Option<Arc<str>>,
		auth: Option<String>,
		headers: Headers,
	) -> impl Future<Output = Result<StreamableHttpPostResponse, HttpError>> + Send + '_ {
		self.post_message_with_max_sse_event_size(
			uri,
			message,
			session,
			auth,
			headers,
			crate::MAX_ANSWER_BYTES,
		)
	}

	async fn post_message_with_max_sse_event_size(
		&self,
		uri: Arc<str>,
		message: ClientJsonRpcMessage,
		session: Option<Arc<str>>,
		auth: Option<String>,
		headers: Headers,
		most: usize,
	) -> Result<StreamableHttpPostResponse, HttpError> {
		let posting =
			self.inner.post_message_with_max_sse_event_size(uri, message, session, auth, headers, most);
		match posting.inspect_err(|error| self.note(error)).await? {
			StreamableHttpPostResponse::Sse(stream, session) => {
				Ok(StreamableHttpPostResponse::Sse(self.watched(stream), session))
			}
			response => Ok(response),
		}
	}

	fn delete_session(
		&self,
		uri: Arc<str>,
		session: Arc<str>,
		auth: Option<String>,
		headers: Headers,
	) -> impl Future<Output = Result<(), HttpError>> + Send + '_ {
		self.inner.delete_session(uri, session, auth, headers)
	}

	fn get_stream(
		&self,
		uri: Arc<str>,
		session: Option<Arc<str>>,
		last_event: Option<String>,
		auth: Option<String>,
		headers: Headers,
	) -> impl Future<Output = Result<BoxedSseResponse, HttpError>> + Send + '_ {
		self.get_stream_with_max_sse_event_size(
			uri,
			session,
			last_event,
			auth,
			headers,
			crate::MAX_ANSWER_BYTES,
		)
	}

	async fn get_stream_with_max_sse_event_size(
		&self,
		uri: Arc<str>,
		session: Option<Arc<str>>,
		last_event: Option<String>,
		auth: Option<String>,
		headers: Headers,
		most: usize,
	) -> Result<BoxedSseResponse, HttpError> {
		let opening =
			self.inner.get_stream_with_max_sse_event_size(uri, session, last_event, auth, headers, most);
		opening.await.map(|stream| self.watched(stream))
	}
}
