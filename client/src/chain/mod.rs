//! Access to a node: reads through the runtime API, calls, submission.
//!
//! Types come from `tributary_primitives`; only the numbers of pallets and calls are looked up in the node's
//! metadata, and a call whose bytes do not fit the metadata is refused before it is signed.

mod call;
mod error;
mod event;
mod read;
mod submit;

pub use call::{Call, Composition, Decision, Item, Review, ToolServer};
pub use error::{CallError, ChainError};
pub use event::ChainEvent;
pub use read::{AccountBalance, MAX_PAGE};
pub use submit::{Included, Wait};

use codec::{DecodeAll, Encode};
use serde::de::DeserializeOwned;
use std::{
	sync::{Arc, OnceLock},
	time::Duration,
};
use subxt::{
	backend::LegacyBackend,
	rpcs::{client::RpcParams, rpc_params, Error as RpcError, RpcClient},
	OnlineClient, SubstrateConfig,
};
use tokio::sync::Mutex;
use tributary_primitives::Hash;

/// Where a node listens unless told otherwise.
pub const DEFAULT_NODE: &str = "ws://127.0.0.1:9944";
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A chain, reached through any of several nodes. Cheap to clone. A lost connection is opened anew, on the
/// next node if need be; a node of another chain is refused.
#[derive(Clone)]
pub struct Chain {
	inner: Arc<Inner>,
}

struct Inner {
	urls: Vec<String>,
	genesis: OnceLock<Hash>,
	link: Mutex<Option<Arc<Link>>>,
	/// Held from reading a nonce until the pool has the transaction, so that two never share one.
	submitting: Mutex<()>,
}

/// One connection.
struct Link {
	rpc: RpcClient,
	online: OnlineClient<SubstrateConfig>,
}

impl std::fmt::Debug for Chain {
	fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		write!(formatter, "Chain({})", self.inner.urls.join(", "))
	}
}

impl Chain {
	/// Connects to the first of `urls` (`ws://` or `wss://`) that answers.
	pub async fn connect<S: Into<String>>(urls: impl IntoIterator<Item = S>) -> Result<Self, ChainError> {
		let chain = Self::new(urls, None);
		chain.link().await?;
		Ok(chain)
	}

	/// A chain whose genesis is known, without connecting: for a worker that starts while every node is
	/// away. The first use connects.
	pub fn known<S: Into<String>>(urls: impl IntoIterator<Item = S>, genesis: Hash) -> Self {
		Self::new(urls, Some(genesis))
	}

	fn new<S: Into<String>>(urls: impl IntoIterator<Item = S>, genesis: Option<Hash>) -> Self {
		let known = genesis.map_or_else(OnceLock::new, OnceLock::from);
		let urls = urls.into_iter().map(Into::into).collect();
		let (link, submitting) = (Mutex::new(None), Mutex::new(()));
		Self { inner: Arc::new(Inner { urls, genesis: known, link, submitting }) }
	}

	/// Hash of the genesis block: what vouchers and orders name. All zero before the first connection of a
	/// chain that was never known.
	pub fn genesis(&self) -> Hash {
		self.inner.genesis.get().copied().unwrap_or_default()
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

	/// Calls a JSON-RPC method; opens the connection anew once when it is lost.
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
		let mut lost = String::new();
		for _ in 0..2 {
			let link = self.link().await?;
			let params = params.make().map_err(|e| ChainError::refused(method, e))?;
			match tokio::time::timeout(ANSWER_TIMEOUT, link.rpc.request(method, params)).await {
				Ok(Ok(answer)) => return Ok(answer),
				Ok(Err(RpcError::Client(error))) => lost = error.to_string(),
				Ok(Err(error)) => return Err(ChainError::refused(method, error)),
				Err(_) => lost = format!("no answer to {method} within {} s", ANSWER_TIMEOUT.as_secs()),
			}
			self.drop_link(&link).await;
		}
		Err(ChainError::Away { urls: self.inner.urls.join(", "), reason: lost })
	}

	async fn link(&self) -> Result<Arc<Link>, ChainError> {
		let mut held = self.inner.link.lock().await;
		if let Some(link) = &*held {
			return Ok(link.clone());
		}
		let mut reasons = Vec::new();
		for url in &self.inner.urls {
			match tokio::time::timeout(CONNECT_TIMEOUT, open(url)).await {
				Ok(Ok(link)) => {
					let found = link.online.genesis_hash().0;
					let expected = *self.inner.genesis.get_or_init(|| found);
					if found != expected {
						return Err(ChainError::WrongChain {
							url: url.clone(),
							expected: hex::encode(expected),
							found: hex::encode(found),
						});
					}
					let link = Arc::new(link);
					*held = Some(link.clone());
					return Ok(link);
				}
				Ok(Err(reason)) => reasons.push(reason),
				Err(_) => reasons.push(format!("no connection within {} s", CONNECT_TIMEOUT.as_secs())),
			}
		}
		Err(ChainError::Away { urls: self.inner.urls.join(", "), reason: reasons.join("; ") })
	}

	async fn drop_link(&self, lost: &Arc<Link>) {
		let mut held = self.inner.link.lock().await;
		if held.as_ref().is_some_and(|link| Arc::ptr_eq(link, lost)) {
			*held = None;
		}
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

async fn open(url: &str) -> Result<Link, String> {
	let failed = |e: &dyn std::fmt::Display| format!("{url}: {e}");
	let rpc = RpcClient::from_insecure_url(url).await.map_err(|e| failed(&e))?;
	let backend = LegacyBackend::builder().build(rpc.clone());
	let online = OnlineClient::from_backend(Arc::new(backend)).await.map_err(|e| failed(&e))?;
	Ok(Link { rpc, online })
}

fn prefixed(bytes: &[u8]) -> String {
	format!("0x{}", hex::encode(bytes))
}

fn decode_hex<R: DecodeAll>(text: &str, method: &str) -> Result<R, ChainError> {
	let wrong = |reason: String| ChainError::Decode { method: method.into(), reason };
	let bytes = hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|e| wrong(e.to_string()))?;
	R::decode_all(&mut bytes.as_slice()).map_err(|e| wrong(e.to_string()))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[tokio::test]
	async fn connecting_fails_with_the_next_step_when_no_node_listens() {
		let error = Chain::connect(["ws://127.0.0.1:9", "ws://127.0.0.1:11"]).await.unwrap_err();
		assert!(matches!(error, ChainError::Away { .. }));
		let text = error.to_string();
		assert!(text.contains("ws://127.0.0.1:9") && text.contains("tributary-node"), "{text}");
	}

	#[tokio::test]
	async fn chain_keeps_its_genesis_when_it_is_known_but_away() {
		let chain = Chain::known(["ws://127.0.0.1:9"], [7; 32]);
		assert_eq!(chain.genesis(), [7; 32]);
		assert!(!chain.is_reachable().await);
	}

	#[test]
	fn answer_is_refused_when_it_has_spare_bytes() {
		assert!(matches!(decode_hex::<u32>("0x0100000000", "test"), Err(ChainError::Decode { .. })));
		assert!(matches!(decode_hex::<u32>("0xzz", "test"), Err(ChainError::Decode { .. })));
	}
}
