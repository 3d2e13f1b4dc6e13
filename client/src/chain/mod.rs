//! Access to a node: reads through the runtime API, calls, submission.
//!
//! Types come from `tributary_primitives`; only the numbers of pallets and calls are looked up in the node's
//! metadata, and a call whose bytes do not fit the metadata is refused before it is signed.

mod call;
mod error;
mod event;
mod nodes;
mod read;
mod submit;
#[cfg(test)]
mod tests;

pub use call::{Call, Composition, Decision, Item, Review, SessionKeys, ToolServer};
pub use error::{CallError, ChainError};
pub use event::ChainEvent;
pub use nodes::Endpoint;
pub use read::{AccountBalance, MAX_PAGE};
pub use submit::{Included, Wait};

use codec::{DecodeAll, Encode};
use nodes::{Link, Nodes, Patience, WebSocket};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use subxt::rpcs::{client::RpcParams, rpc_params, Error as RpcError};
use tokio::{sync::Mutex, time::timeout};
use tributary_primitives::Hash;

/// Where a node listens unless told otherwise.
pub const DEFAULT_NODE: &str = "ws://127.0.0.1:9944";

/// A chain, reached through any of several nodes. Cheap to clone. Reads go on with the next node when one is lost,
/// hangs or is behind; a node of another chain is never asked.
#[derive(Clone)]
pub struct Chain {
	inner: Arc<Inner>,
}

struct Inner {
	nodes: Nodes,
	/// Held from reading a nonce until the pool has the transaction, so that two never share one.
	submitting: Mutex<()>,
}

impl std::fmt::Debug for Chain {
	fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		write!(formatter, "Chain({})", self.inner.nodes.names())
	}
}

impl Chain {
	/// Connects to the first of `urls` (`ws://` or `wss://`) that answers.
	pub async fn connect<S: Into<String>>(urls: impl IntoIterator<Item = S>) -> Result<Self, ChainError> {
		let chain = Self::new(urls, None);
		chain.inner.nodes.link().await?;
		Ok(chain)
	}

	/// A chain whose genesis is known, without connecting: for a worker that starts while every node is
	/// away. The first use connects.
	pub fn known<S: Into<String>>(urls: impl IntoIterator<Item = S>, genesis: Hash) -> Self {
		Self::new(urls, Some(genesis))
	}

	fn new<S: Into<String>>(urls: impl IntoIterator<Item = S>, genesis: Option<Hash>) -> Self {
		let urls = urls.into_iter().map(Into::into).collect();
		Self::of(Nodes::new(urls, genesis, Box::new(WebSocket), Patience::default()))
	}

	fn of(nodes: Nodes) -> Self {
		Self { inner: Arc::new(Inner { nodes, submitting: Mutex::new(()) }) }
	}

	/// Hash of the genesis block: what vouchers and orders name. All zero before the first connection of a
	/// chain that was never known.
	pub fn genesis(&self) -> Hash {
		self.inner.nodes.genesis().unwrap_or_default()
	}

	/// Which node is asked.
	pub fn endpoint(&self) -> Endpoint {
		self.inner.nodes.endpoint()
	}

	/// Looks whether the node that is asked keeps up, and goes to one that is ahead when it does not. To be called
	/// now and then by who runs for long.
	pub async fn check(&self) -> Result<(), ChainError> {
		self.inner.nodes.check().await
	}

	/// Whether a node answers now.
	pub async fn is_reachable(&self) -> bool {
		self.request::<serde_json::Value>("system_health", || rpc_params![]).await.is_ok()
	}

	/// Calls a runtime API at the best block. `arguments` is a tuple of the method's arguments in order.
	pub async fn state_call<A: Encode, R: DecodeAll>(
		&self,
		method: &str,
		arguments: &A,
	) -> Result<R, ChainError> {
		self.state_call_at(method, arguments, None).await
	}

	/// Calls a runtime API at a block.
	pub async fn state_call_at<A: Encode, R: DecodeAll>(
		&self,
		method: &str,
		arguments: &A,
		block: Option<Hash>,
	) -> Result<R, ChainError> {
		let data = prefixed(&arguments.encode());
		let at = block.map(|hash| prefixed(&hash));
		let text: String = self.request("state_call", || rpc_params![method, &data, &at]).await?;
		decode_hex(&text, method)
	}

	/// Reads raw storage at the best block.
	pub(crate) async fn storage<R: DecodeAll>(&self, key: &[u8]) -> Result<Option<R>, ChainError> {
		let key = prefixed(key);
		let text: Option<String> = self.request("state_getStorage", || rpc_params![&key]).await?;
		text.map(|text| decode_hex(&text, "state_getStorage")).transpose()
	}

	/// Calls a JSON-RPC method; goes on with the next node when one is lost.
	pub async fn rpc<R: DeserializeOwned>(
		&self,
		method: &str,
		params: serde_json::Value,
	) -> Result<R, ChainError> {
		let list = match params {
			serde_json::Value::Array(list) => list,
			serde_json::Value::Null => Vec::new(),
			one => vec![one],
		};
		self.request(method, || {
			let mut params = RpcParams::new();
			for value in &list {
				params.push(value)?;
			}
			Ok::<_, RpcError>(params)
		})
		.await
	}

	async fn request<R: DeserializeOwned>(&self, method: &str, params: impl Params) -> Result<R, ChainError> {
		let nodes = &self.inner.nodes;
		let mut lost = None;
		for _ in 0..=nodes.count() {
			let link = nodes.link().await?;
			let params = params.make().map_err(|e| ChainError::refused(method, e))?;
			match self.ask(&link, method, params).await {
				Err(error) if error.is_away() => lost = Some(error),
				answered => return answered,
			}
		}
		Err(lost.unwrap_or_else(|| nodes.away("no node is configured".into())))
	}

	/// One request to one node, which is left when it gives no answer.
	async fn ask<R: DeserializeOwned>(
		&self,
		link: &Arc<Link>,
		method: &str,
		params: RpcParams,
	) -> Result<R, ChainError> {
		let nodes = &self.inner.nodes;
		let reason = match timeout(nodes.patience.answer, link.rpc.request(method, params)).await {
			Ok(Ok(answer)) => return Ok(answer),
			Ok(Err(RpcError::Client(error))) => error.to_string(),
			Ok(Err(error)) => return Err(ChainError::refused(method, error)),
			Err(_) => format!("no answer to {method} within {} s", nodes.patience.answer.as_secs()),
		};
		nodes.leave(link, &reason).await;
		Err(nodes.away(reason))
	}
}

/// Makes the parameters of a request anew for each attempt.
trait Params {
	fn make(&self) -> Result<RpcParams, RpcError>;
}

impl<F: Fn() -> M, M: IntoParams> Params for F {
	fn make(&self) -> Result<RpcParams, RpcError> {
		self().into_params()
	}
}

trait IntoParams {
	fn into_params(self) -> Result<RpcParams, RpcError>;
}

impl IntoParams for RpcParams {
	fn into_params(self) -> Result<RpcParams, RpcError> {
		Ok(self)
	}
}

impl IntoParams for Result<RpcParams, RpcError> {
	fn into_params(self) -> Result<RpcParams, RpcError> {
		self
	}
}

fn prefixed(bytes: &[u8]) -> String {
	format!("0x{}", hex::encode(bytes))
}

fn decode_hex<R: DecodeAll>(text: &str, method: &str) -> Result<R, ChainError> {
	let wrong = |reason: String| ChainError::Decode { method: method.into(), reason };
	let bytes = hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|e| wrong(e.to_string()))?;
	R::decode_all(&mut bytes.as_slice()).map_err(|e| wrong(e.to_string()))
}
