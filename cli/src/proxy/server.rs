//! The HTTP side: requests in, signed requests out, answers streamed through.

use super::{Ask, Books, BooksError, Signed, Terms, EMBEDDINGS};
use axum::{
	body::{Body, Bytes},
	extract::{DefaultBodyLimit, Request, State},
	http::{header, HeaderMap, HeaderName, HeaderValue, StatusCode, Uri},
	middleware::{from_fn_with_state, Next},
	response::{IntoResponse, Response},
	routing::{get, post},
	Json, Router,
};
use futures::StreamExt;
use std::{
	collections::HashMap,
	sync::{Arc, Mutex, PoisonError},
	time::{Duration, Instant},
};
use tributary_client::{
	http::{ChannelState, ErrorBody, ErrorDetail, Quote},
	keys::address,
	voucher::{to_header, ORDER_HEADER, TRAIL_HEADER, VOUCHER_HEADER},
	Chain,
};
use tributary_primitives::Balance;

/// Most bytes of a request.
const MAX_BODY: usize = 8 << 20;
/// Most bytes of a refusal that is looked into.
const MAX_REFUSAL: usize = 64 << 10;
/// How long a quote is used without asking again.
const QUOTE_LIFETIME: Duration = Duration::from_secs(30);
/// Attempts when the worker's books are ahead of the signed numbers.
const ATTEMPTS: usize = 6;

/// What the proxy is started with.
pub struct Settings {
	/// The worker's URL, without a slash at the end.
	pub worker: String,
	/// The channel, as the chain has it.
	pub terms: Terms,
	/// For reading the channel again when it was reopened.
	pub chain: Chain,
	/// Most that one request may cost, planck.
	pub max_fee: Balance,
	/// Tokens of template, prompts and retrieved context to allow for.
	pub margin: u32,
	/// Key that clients must send as bearer token.
	pub api_key: Option<String>,
	/// Whether only this machine can reach the proxy.
	pub loopback: bool,
}

struct Proxy {
	settings: Settings,
	terms: Mutex<Terms>,
	books: Arc<Books>,
	http: reqwest::Client,
	quotes: Mutex<HashMap<String, (Instant, Quote)>>,
}

/// A refusal in OpenAI's form.
struct Refused(StatusCode, ErrorBody);

impl Refused {
	fn new(status: StatusCode, kind: &str, code: &str, message: impl Into<String>) -> Self {
		let detail =
			ErrorDetail { message: message.into(), kind: kind.into(), code: code.into(), channel: None };
		Self(status, ErrorBody { error: detail })
	}

	fn request(message: impl Into<String>) -> Self {
		Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", "invalid_request", message)
	}

	fn away(error: &reqwest::Error) -> Self {
		let message = format!(
			"the worker does not answer ({error}): is it running? `tributary worker list` shows others"
		);
		Self::new(StatusCode::BAD_GATEWAY, "server_error", "worker_away", message)
	}
}

impl IntoResponse for Refused {
	fn into_response(self) -> Response {
		(self.0, Json(self.1)).into_response()
	}
}

impl From<BooksError> for Refused {
	fn from(error: BooksError) -> Self {
		Self::new(StatusCode::PAYMENT_REQUIRED, "payment_required", "not_signed", error.to_string())
	}
}

/// Serves until `stop` resolves.
pub async fn serve(
	listener: tokio::net::TcpListener,
	settings: Settings,
	books: Books,
	stop: impl std::future::Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
	axum::serve(listener, router(settings, books)?).with_graceful_shutdown(stop).await
}

fn router(settings: Settings, books: Books) -> std::io::Result<Router> {
	let http = reqwest::Client::builder()
		.connect_timeout(Duration::from_secs(10))
		.read_timeout(Duration::from_secs(600))
		.build()
		.map_err(std::io::Error::other)?;
	let terms = Mutex::new(settings.terms);
	let proxy = Arc::new(Proxy { settings, terms, books: Arc::new(books), http, quotes: Mutex::default() });
	Ok(Router::new()
		.route("/v1/chat/completions", post(paid))
		.route("/v1/completions", post(paid))
		.route(EMBEDDINGS, post(paid))
		.route("/v1/models", get(free))
		.route("/v1/models/{id}", get(free))
		.route("/v1/trail/{id}", get(free))
		.route("/v1/quote", get(free))
		.route("/health", get(free))
		.fallback(unknown)
		.layer(from_fn_with_state(proxy.clone(), guard))
		.layer(DefaultBodyLimit::max(MAX_BODY))
		.with_state(proxy))
}

/// Keeps web pages out: one that the payer visits could otherwise spend the channel through the browser.
async fn guard(State(proxy): State<Arc<Proxy>>, request: Request, next: Next) -> Response {
	let headers = request.headers();
	let forbidden = |message: &str| {
		Refused::new(StatusCode::FORBIDDEN, "invalid_request_error", "forbidden", message).into_response()
	};
	if headers.contains_key(header::ORIGIN) {
		return forbidden("requests of web pages are refused: call the proxy from a program");
	}
	let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
	if proxy.settings.loopback && !is_local(host) {
		return forbidden("call the proxy as 127.0.0.1 or localhost");
	}
	if let Some(expected) = &proxy.settings.api_key {
		let sent =
			headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
		// Hashes, so that the time does not tell how much of the key was right.
		if sent.map(|key| blake3::hash(key.as_bytes())) != Some(blake3::hash(expected.as_bytes())) {
			let message = "send the proxy's --api-key as bearer token";
			return Refused::new(
				StatusCode::UNAUTHORIZED,
				"invalid_request_error",
				"invalid_api_key",
				message,
			)
			.into_response();
		}
	}
	next.run(request).await
}

fn is_local(host: &str) -> bool {
	let name = match host.strip_prefix('[') {
		Some(rest) => rest.split(']').next().unwrap_or_default(),
		None => host.split(':').next().unwrap_or_default(),
	};
	matches!(name, "localhost" | "127.0.0.1" | "::1")
}

async fn unknown(uri: Uri) -> Refused {
	let message = format!(
		"the proxy has no {}: see /v1/models, /v1/chat/completions, /v1/completions, /v1/embeddings",
		uri.path()
	);
	Refused::new(StatusCode::NOT_FOUND, "invalid_request_error", "not_found", message)
}

/// Passes a read on.
async fn free(State(proxy): State<Arc<Proxy>>, uri: Uri) -> Result<Response, Refused> {
	let path = uri.path_and_query().map_or("", |path| path.as_str());
	let url = format!("{}{path}", proxy.settings.worker);
	let answer = proxy.http.get(url).send().await.map_err(|e| Refused::away(&e))?;
	Ok(pass_on(answer, None))
}

/// Signs a request and passes it on; signs anew when the worker's books are ahead.
async fn paid(
	State(proxy): State<Arc<Proxy>>,
	uri: Uri,
	headers: HeaderMap,
	body: Bytes,
) -> Result<Response, Refused> {
	let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
	if !kind.trim_start().to_ascii_lowercase().starts_with("application/json") {
		return Err(Refused::request("send the body as application/json"));
	}
	let ask = Ask::of(uri.path(), &body).map_err(Refused::request)?;
	let quote = match proxy.quote(&ask.model).await? {
		Ok(quote) => quote,
		Err(refusal) => return Ok(refusal),
	};
	let max_fee = ask.max_fee(&quote, proxy.settings.margin, proxy.settings.max_fee);
	let max_fee =
		max_fee.ok_or_else(|| Refused::request("the worker's price overflows: ask another worker"))?;
	let url = format!("{}{}", proxy.settings.worker, uri.path());
	let mut state = match proxy.state().await? {
		Ok(state) => state,
		Err(refusal) => return Ok(refusal),
	};
	let mut attempt = 1;
	loop {
		let signed = proxy.sign(&state, &body, max_fee).await?;
		let request = proxy
			.http
			.post(&url)
			.header(header::CONTENT_TYPE, "application/json")
			.header(VOUCHER_HEADER, to_header(&signed.voucher))
			.header(ORDER_HEADER, to_header(&signed.order))
			.body(body.clone());
		let answer = request.send().await.map_err(|e| Refused::away(&e))?;
		let payment = matches!(answer.status(), StatusCode::PAYMENT_REQUIRED | StatusCode::CONFLICT);
		if !payment {
			return Ok(pass_on(answer, Some(signed)));
		}
		// Refused before any work: nothing is charged, so the same body may be signed again.
		let status = answer.status();
		let refusal = read(answer).await?;
		match ahead(status, &refusal) {
			Some(newer) if attempt < ATTEMPTS => {
				tracing::info!(attempt, "the worker's books are ahead, signing again");
				state = newer;
				attempt = attempt.saturating_add(1);
			}
			_ => return Ok(json_response(status, refusal)),
		}
	}
}

/// The worker's newer view, when a larger number is all that it asks for.
fn ahead(status: StatusCode, refusal: &[u8]) -> Option<ChannelState> {
	let error = serde_json::from_slice::<ErrorBody>(refusal).ok()?.error;
	let numbers =
		["order_replayed", "voucher_shrinks", "voucher_too_small", "voucher_expired", "wrong_channel"];
	(status == StatusCode::CONFLICT || numbers.contains(&error.code.as_str()))
		.then_some(error.channel)
		.flatten()
}

fn json_response(status: StatusCode, body: Vec<u8>) -> Response {
	(status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

impl Proxy {
	/// Reads JSON of the worker, or its refusal.
	async fn read<T: serde::de::DeserializeOwned>(
		&self,
		url: String,
	) -> Result<Result<T, Response>, Refused> {
		let answer = self
			.http
			.get(&url)
			.timeout(Duration::from_secs(30))
			.send()
			.await
			.map_err(|e| Refused::away(&e))?;
		let status = answer.status();
		let body = read(answer).await?;
		if !status.is_success() {
			return Ok(Err(json_response(status, body)));
		}
		serde_json::from_slice(&body).map(Ok).map_err(|error| {
			let message =
				format!("{url} answered something else than expected ({error}): is it a Tributary worker?");
			Refused::new(StatusCode::BAD_GATEWAY, "server_error", "worker_answer", message)
		})
	}

	async fn quote(&self, model: &str) -> Result<Result<Quote, Response>, Refused> {
		let quotes = || self.quotes.lock().unwrap_or_else(PoisonError::into_inner);
		if let Some((read_at, quote)) = quotes().get(model) {
			if read_at.elapsed() < QUOTE_LIFETIME {
				return Ok(Ok(*quote));
			}
		}
		let mut url = reqwest::Url::parse(&format!("{}/v1/quote", self.settings.worker))
			.map_err(|e| Refused::request(format!("the worker's URL is wrong: {e}")))?;
		url.query_pairs_mut().append_pair("model", model);
		let read = self.read::<Quote>(url.into()).await?;
		if let Ok(quote) = &read {
			let mut quotes = quotes();
			quotes.retain(|_, (read_at, _)| read_at.elapsed() < QUOTE_LIFETIME);
			quotes.insert(model.into(), (Instant::now(), *quote));
		}
		Ok(read)
	}

	async fn state(&self) -> Result<Result<ChannelState, Response>, Refused> {
		let payer = address(&self.settings.terms.payer);
		self.read(format!("{}/v1/channel/{payer}", self.settings.worker)).await
	}

	/// Signs on the channel that the chain has: when the worker names another, the chain is asked again.
	async fn sign(&self, state: &ChannelState, body: &Bytes, max_fee: Balance) -> Result<Signed, Refused> {
		let known = || *self.terms.lock().unwrap_or_else(PoisonError::into_inner);
		let mut terms = known();
		if terms.check(state) == Err(BooksError::Foreign("channel")) {
			let channel = self.settings.chain.channel(terms.payer, terms.worker).await;
			let away = |message: String| {
				Refused::new(StatusCode::BAD_GATEWAY, "server_error", "chain_away", message)
			};
			if let Some(channel) = channel.map_err(|e| away(e.to_string()))? {
				terms.channel = channel.nonce;
				*self.terms.lock().unwrap_or_else(PoisonError::into_inner) = terms;
			}
		}
		let (books, state, body) = (self.books.clone(), state.clone(), body.clone());
		// The ledger waits for the disk.
		let signing = tokio::task::spawn_blocking(move || books.sign(&terms, &state, &body, max_fee)).await;
		Ok(signing.map_err(|e| BooksError::Ledger(e.to_string()))??)
	}
}

async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, Refused> {
	let mut body = Vec::new();
	while let Some(chunk) = answer.chunk().await.map_err(|e| Refused::away(&e))? {
		if body.len().saturating_add(chunk.len()) > MAX_REFUSAL {
			let message = "the worker's answer is too long: is it a Tributary worker?";
			return Err(Refused::new(StatusCode::BAD_GATEWAY, "server_error", "worker_answer", message));
		}
		body.extend_from_slice(&chunk);
	}
	Ok(body)
}

/// Streams an answer through; the request counts as running until its last byte.
fn pass_on(answer: reqwest::Response, signed: Option<Signed>) -> Response {
	let status = answer.status();
	let mut headers = HeaderMap::new();
	if let Some(signed) = &signed {
		let id = format!("0x{}", hex::encode(signed.order.order.id()));
		headers.extend(HeaderValue::from_str(&id).ok().map(|id| (HeaderName::from_static(TRAIL_HEADER), id)));
	}
	for name in [header::CONTENT_TYPE, header::RETRY_AFTER, header::CACHE_CONTROL] {
		if let Some(value) = answer.headers().get(&name) {
			headers.insert(name, value.clone());
		}
	}
	let stream = answer.bytes_stream().map(move |chunk| {
		let _running = &signed;
		chunk
	});
	let mut response = Response::new(Body::from_stream(stream));
	*response.status_mut() = status;
	*response.headers_mut() = headers;
	response
}

#[cfg(test)]
mod tests;
