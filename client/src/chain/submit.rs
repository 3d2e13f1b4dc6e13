//! Signing, sending and waiting for a transaction.

use super::{event, Call, CallError, Chain, ChainError, ChainEvent, Link};
use crate::keys::Keypair;
use std::{sync::Arc, time::Duration};
use subxt::{
	client::OnlineClientAtBlockImpl,
	config::{substrate::H256, transaction_extensions::Params, DefaultExtrinsicParamsBuilder},
	error::{DispatchError, TransactionEventsError},
	rpcs::{rpc_params, UserError},
	transactions::{TransactionInBlock, TransactionProgress, TransactionStatus},
	SubstrateConfig,
};
use tributary_primitives::{AssetId, AssetRef, DataNetId, Hash};

/// Blocks that a signed transaction stays valid for.
const MORTALITY: u64 = 64;
/// Longest wait for inclusion.
const INCLUSION_TIMEOUT: Duration = Duration::from_secs(180);
/// Attempts when another process takes the same nonce.
const ATTEMPTS: usize = 4;

/// What to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
	/// The best chain has it.
	#[default]
	InBlock,
	/// No reorganisation can remove it.
	Finalized,
}

/// A transaction that succeeded in a block.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Included {
	/// The block, `0x` hex.
	pub block: String,
	/// The transaction, `0x` hex.
	pub transaction: String,
	/// Its events.
	pub events: Vec<ChainEvent>,
	/// Why single calls of a [`Call::Each`] failed.
	pub failures: Vec<CallError>,
}

impl Included {
	/// The asset it registered.
	pub fn registered_asset(&self) -> Option<AssetId> {
		event::registered_asset(&self.events)
	}

	/// The asset version it added.
	pub fn added_version(&self) -> Option<AssetRef> {
		event::added_version(&self.events)
	}

	/// The DataNet it created.
	pub fn created_datanet(&self) -> Option<DataNetId> {
		event::created_datanet(&self.events)
	}

	/// The first event of this name.
	pub fn event(&self, pallet: &str, name: &str) -> Option<&ChainEvent> {
		self.events.iter().find(|event| event.is(pallet, name))
	}
}

type AtBlock = OnlineClientAtBlockImpl<SubstrateConfig>;

impl Chain {
	/// Signs a call, sends it and waits. An error of the call itself is [`ChainError::Call`].
	pub async fn submit(&self, call: &Call, signer: &Keypair, wait: Wait) -> Result<Included, ChainError> {
		let progress = self.send(call, signer).await?;
		let hash = progress.extrinsic_hash();
		let unknown = |reason: String| ChainError::Unknown { hash: hex::encode(hash), reason };
		let waited = tokio::time::timeout(INCLUSION_TIMEOUT, self.wait(progress, wait)).await;
		waited.map_err(|_| unknown(format!("not in a block within {} s", INCLUSION_TIMEOUT.as_secs())))?
	}

	/// The call's bytes, as the node's runtime numbers it: for multisigs, proxies and proposals.
	pub async fn encode_call(&self, call: &Call) -> Result<Vec<u8>, ChainError> {
		let link = self.link().await?;
		let best = self.best_hash().await?;
		let client = link.online.at_block(best).await.map_err(|e| self.lost(&e))?;
		call.encoded(client.metadata_ref())
			.map_err(|reason| ChainError::UnknownCall { call: call.name(), reason })
	}

	async fn send(
		&self,
		call: &Call,
		signer: &Keypair,
	) -> Result<TransactionProgress<SubstrateConfig, AtBlock>, ChainError> {
		let _turn = self.inner.submitting.lock().await;
		let mut refused = String::new();
		for attempt in 0..ATTEMPTS {
			// A fresh read opens a lost connection again before anything is signed.
			let nonce = self.next_nonce(signer).await?;
			let link = self.link().await?;
			match self.try_send(&link, call, signer, nonce).await? {
				Ok(progress) => return Ok(progress),
				Err(reason) if is_nonce_race(&reason) => {
					tracing::debug!(attempt, reason, "another transaction took the nonce");
					refused = reason;
					tokio::time::sleep(Duration::from_millis(250)).await;
				}
				Err(reason) => return Err(ChainError::Invalid(reason)),
			}
		}
		Err(ChainError::Invalid(refused))
	}

	/// The inner error is the pool's refusal.
	async fn try_send(
		&self,
		link: &Arc<Link>,
		call: &Call,
		signer: &Keypair,
		nonce: u64,
	) -> Result<Result<TransactionProgress<SubstrateConfig, AtBlock>, String>, ChainError> {
		let unknown_call = |reason: String| ChainError::UnknownCall { call: call.name(), reason };
		let best = self.best_hash().await?;
		let client = link.online.at_block(best).await.map_err(|e| self.lost(&e))?;
		let raw = call.raw(client.metadata_ref()).map_err(unknown_call)?;
		let transactions = client.transactions();
		let bytes = transactions.call_data(&raw).map_err(|e| unknown_call(e.to_string()))?;
		// Decoding by the node's own types refuses arguments that this runtime would read as something else.
		transactions.from_call_data_bytes(&bytes).map_err(|e| unknown_call(e.to_string()))?;
		let mut params =
			DefaultExtrinsicParamsBuilder::<SubstrateConfig>::new().nonce(nonce).mortal(MORTALITY).build();
		Params::<SubstrateConfig>::inject_block(&mut params, client.block_number(), client.block_hash());
		let mut signable =
			transactions.create_signable_offline(&raw, params).map_err(|e| unknown_call(e.to_string()))?;
		let signed = signable.sign(signer).map_err(|e| unknown_call(e.to_string()))?;
		let hash = signed.hash();
		match signed.submit_and_watch().await {
			Ok(progress) => Ok(Ok(progress)),
			Err(error) => match refusal(&error) {
				Some(reason) => Ok(Err(reason)),
				// Lost on the way: the pool may have it.
				None => Err(ChainError::Unknown { hash: hex::encode(hash), reason: error.to_string() }),
			},
		}
	}

	async fn wait(
		&self,
		mut progress: TransactionProgress<SubstrateConfig, AtBlock>,
		wait: Wait,
	) -> Result<Included, ChainError> {
		let hash = progress.extrinsic_hash();
		let unknown = |reason: String| ChainError::Unknown { hash: hex::encode(hash), reason };
		while let Some(status) = progress.next().await {
			match status.map_err(|e| unknown(e.to_string()))? {
				TransactionStatus::InBestBlock(block) if wait == Wait::InBlock => {
					return included(block).await
				}
				TransactionStatus::InFinalizedBlock(block) => return included(block).await,
				TransactionStatus::Invalid { message } => return Err(ChainError::Invalid(message)),
				TransactionStatus::Dropped { message } | TransactionStatus::Error { message } => {
					return Err(unknown(message));
				}
				_ => {}
			}
		}
		Err(unknown("the node closed the connection".into()))
	}

	async fn next_nonce(&self, signer: &Keypair) -> Result<u64, ChainError> {
		self.request("system_accountNextIndex", || rpc_params![signer.address()]).await
	}

	async fn best_hash(&self) -> Result<H256, ChainError> {
		self.request("chain_getBlockHash", || rpc_params![]).await
	}

	fn lost(&self, error: &dyn std::fmt::Display) -> ChainError {
		ChainError::Away { urls: self.inner.urls.join(", "), reason: error.to_string() }
	}
}

async fn included(block: TransactionInBlock<SubstrateConfig, AtBlock>) -> Result<Included, ChainError> {
	let hash: Hash = block.extrinsic_hash().0;
	let unknown = |reason: String| ChainError::Unknown { hash: hex::encode(hash), reason };
	let events = match block.wait_for_success().await {
		Ok(events) => events,
		Err(TransactionEventsError::ExtrinsicFailed(error)) => return Err(call_error(error)),
		Err(error) => return Err(unknown(error.to_string())),
	};
	let at = block.at().await.map_err(|e| unknown(e.to_string()))?;
	let (mut decoded, mut failures) = (Vec::new(), Vec::new());
	for event in events.iter().filter_map(Result::ok) {
		decoded.extend(ChainEvent::of(&event));
		// A call inside a call fails without failing the transaction.
		let inner = match (event.pallet_name(), event.event_name(), event.field_bytes()) {
			("Utility", "ItemFailed", error) | ("Sudo", "Sudid", [1, error @ ..]) => error,
			_ => continue,
		};
		let error = DispatchError::decode_from(inner, at.metadata()).map_err(|e| unknown(e.to_string()))?;
		failures.push(CallError::from(error));
	}
	Ok(Included {
		block: super::prefixed(&block.block_hash().0),
		transaction: super::prefixed(&hash),
		events: decoded,
		failures,
	})
}

fn call_error(error: DispatchError) -> ChainError {
	ChainError::Call(CallError::from(error))
}

/// The pool's answers when a transaction of the same account came first, or blocks faster than this one.
fn is_nonce_race(reason: &str) -> bool {
	["Priority is too low", "outdated", "Already Imported", "Temporarily Banned", "ancient birth block"]
		.iter()
		.any(|text| reason.contains(text))
}

/// What the node said, when it is the node that refused.
fn refusal(error: &(dyn std::error::Error + 'static)) -> Option<String> {
	let mut error = error;
	while let Some(source) = error.source() {
		error = source;
	}
	let said: &UserError = error.downcast_ref()?;
	let data = said.data.as_ref().map(|data| data.get().trim_matches('"').to_string());
	Some(data.map_or_else(|| said.message.clone(), |data| format!("{}: {data}", said.message)))
}
