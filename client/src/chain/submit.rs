//! Signing, sending and waiting for a transaction.

use super::{
	event,
	nodes::{height, Link},
	Call, CallError, Chain, ChainError, ChainEvent,
};
use crate::keys::Keypair;
use std::{sync::Arc, time::Duration};
use subxt::{
	client::OnlineClientAtBlockImpl,
	config::{substrate::H256, transaction_extensions::Params, DefaultExtrinsicParamsBuilder},
	error::{DispatchError, ExtrinsicError, TransactionEventsError},
	rpcs::{rpc_params, UserError},
	transactions::{TransactionInBlock, TransactionProgress, TransactionStatus},
	SubstrateConfig,
};
use tokio::time::timeout;
use tributary_primitives::{AssetId, AssetRef, DataNetId, Hash};

/// Blocks that a signed transaction stays valid for.
const MORTALITY: u64 = 64;
/// Longest wait for inclusion.
const INCLUSION_TIMEOUT: Duration = Duration::from_secs(180);
/// Longest wait for the runtime's metadata, which is megabytes.
const METADATA_TIMEOUT: Duration = Duration::from_secs(60);
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
type ClientAtBlock = subxt::client::ClientAtBlock<SubstrateConfig, AtBlock>;

impl Chain {
	/// Signs a call, sends it and waits. An error of the call itself is [`ChainError::Call`].
	pub async fn submit(&self, call: &Call, signer: &Keypair, wait: Wait) -> Result<Included, ChainError> {
		let (progress, link) = self.send(call, signer).await?;
		let hash = progress.extrinsic_hash();
		let unknown = |reason: String| ChainError::Unknown { hash: hex::encode(hash), reason };
		tokio::select! {
			waited = timeout(INCLUSION_TIMEOUT, self.wait(progress, wait)) => waited
				.map_err(|_| unknown(format!("not in a block within {} s", INCLUSION_TIMEOUT.as_secs())))?,
			() = link.wait_until_left() => Err(unknown("the node is not asked any more".into())),
		}
	}

	/// The call's bytes, as the node's runtime numbers it: for multisigs, proxies and proposals.
	pub async fn encode_call(&self, call: &Call) -> Result<Vec<u8>, ChainError> {
		let link = self.inner.nodes.link().await?;
		let best = self.ask(&link, "chain_getBlockHash", rpc_params![]).await?;
		let client = self.at(&link, best).await?;
		call.encoded(client.metadata_ref())
			.map_err(|reason| ChainError::UnknownCall { call: call.name(), reason })
	}

	async fn send(
		&self,
		call: &Call,
		signer: &Keypair,
	) -> Result<(TransactionProgress<SubstrateConfig, AtBlock>, Arc<Link>), ChainError> {
		let _turn = self.inner.submitting.lock().await;
		let mut refused = None;
		for attempt in 0..ATTEMPTS {
			let link = self.inner.nodes.link().await?;
			match self.try_send(&link, call, signer).await {
				Ok(Ok(progress)) => return Ok((progress, link)),
				Ok(Err(reason)) if is_nonce_race(&reason) => {
					tracing::debug!(attempt, reason, "another transaction took the nonce");
					refused = Some(ChainError::Invalid(reason));
					tokio::time::sleep(Duration::from_millis(250)).await;
				}
				Ok(Err(reason)) => return Err(ChainError::Invalid(reason)),
				// Nothing was sent yet: the next node may answer.
				Err(error) if error.is_away() => refused = Some(error),
				Err(error) => return Err(error),
			}
		}
		Err(refused.unwrap_or_else(|| self.inner.nodes.away("no node took the transaction".into())))
	}

	/// The inner error is the pool's refusal.
	async fn try_send(
		&self,
		link: &Arc<Link>,
		call: &Call,
		signer: &Keypair,
	) -> Result<Result<TransactionProgress<SubstrateConfig, AtBlock>, String>, ChainError> {
		let unknown_call = |reason: String| ChainError::UnknownCall { call: call.name(), reason };
		let nonce: u64 = self.ask(link, "system_accountNextIndex", rpc_params![signer.address()]).await?;
		let best: H256 = self.ask(link, "chain_getBlockHash", rpc_params![]).await?;
		let client = self.at(link, best).await?;
		let birth = self.birth(link, client.block_number(), best).await?;
		let raw = call.raw(client.metadata_ref()).map_err(unknown_call)?;
		let transactions = client.transactions();
		let bytes = transactions.call_data(&raw).map_err(|e| unknown_call(e.to_string()))?;
		// Decoding by the node's own types refuses arguments that this runtime would read as something else.
		transactions.from_call_data_bytes(&bytes).map_err(|e| unknown_call(e.to_string()))?;
		let mut params =
			DefaultExtrinsicParamsBuilder::<SubstrateConfig>::new().nonce(nonce).mortal(MORTALITY).build();
		Params::<SubstrateConfig>::inject_block(&mut params, birth.0, birth.1);
		let mut signable =
			transactions.create_signable_offline(&raw, params).map_err(|e| unknown_call(e.to_string()))?;
		let signed = signable.sign(signer).map_err(|e| unknown_call(e.to_string()))?;
		let hash = signed.hash();
		let unknown = |reason: String| ChainError::Unknown { hash: hex::encode(hash), reason };
		let patience = self.inner.nodes.patience.answer;
		let Ok(submitted) = timeout(patience, signed.submit_and_watch()).await else {
			let reason = format!("no answer to the transaction within {} s", patience.as_secs());
			self.inner.nodes.leave(link, &reason).await;
			return Err(unknown(reason));
		};
		match submitted {
			Ok(progress) => Ok(Ok(progress)),
			Err(error) => match refusal(&error) {
				Some(reason) => Ok(Err(reason)),
				// Lost on the way: the pool may have it.
				None => Err(unknown(error.to_string())),
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

	/// The client at a block. Its metadata is fetched once per connection.
	async fn at(&self, link: &Arc<Link>, block: H256) -> Result<ClientAtBlock, ChainError> {
		let nodes = &self.inner.nodes;
		let reason = match timeout(METADATA_TIMEOUT, link.online.at_block(block)).await {
			Ok(Ok(client)) => return Ok(client),
			Ok(Err(error)) => error.to_string(),
			Err(_) => format!("no metadata within {} s", METADATA_TIMEOUT.as_secs()),
		};
		nodes.leave(link, &reason).await;
		Err(nodes.away(reason))
	}

	/// The block that a transaction's life begins at: the last final one, so that it outlives a reorganisation, or the
	/// best one while finality is far behind, so that it is not dead at birth.
	async fn birth(&self, link: &Arc<Link>, number: u64, best: H256) -> Result<(u64, H256), ChainError> {
		let hash: H256 = self.ask(link, "chain_getFinalizedHead", rpc_params![]).await?;
		let header: serde_json::Value = self.ask(link, "chain_getHeader", rpc_params![hash]).await?;
		let digits = header.get("number").and_then(|number| number.as_str()).unwrap_or_default();
		Ok(birth((number, best), height(digits).map(|finalized| (finalized.into(), hash))))
	}
}

/// Of the best block and the last final one.
fn birth<H>(best: (u64, H), finalized: Option<(u64, H)>) -> (u64, H) {
	match finalized {
		Some(finalized) if best.0.saturating_sub(finalized.0) <= MORTALITY / 4 => finalized,
		_ => best,
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
	// subxt does not name what is inside this one as its source.
	let mut error = match error.downcast_ref() {
		Some(ExtrinsicError::ErrorSubmittingTransaction(inside)) => inside,
		_ => error,
	};
	while let Some(source) = error.source() {
		error = source;
	}
	let said: &UserError = error.downcast_ref()?;
	let data = said.data.as_ref().map(|data| data.get().trim_matches('"').to_string());
	Some(data.map_or_else(|| said.message.clone(), |data| format!("{}: {data}", said.message)))
}

#[cfg(test)]
mod tests {
	use super::{birth, refusal, ExtrinsicError, UserError};
	use subxt::{error::BackendError, rpcs::Error as RpcError};

	#[test]
	fn refusal_is_known_when_the_pool_says_why() {
		let said = UserError { code: 1010, message: "Invalid Transaction".into(), data: None };
		let inside = BackendError::Rpc(RpcError::User(said).into());
		let error = ExtrinsicError::ErrorSubmittingTransaction(inside);
		assert_eq!(refusal(&error).as_deref(), Some("Invalid Transaction"));
		let lost = BackendError::Rpc(RpcError::Client("the connection is closed".into()).into());
		assert_eq!(refusal(&ExtrinsicError::ErrorSubmittingTransaction(lost)), None);
	}

	#[test]
	fn transaction_begins_at_the_final_block_when_finality_keeps_up() {
		assert_eq!(birth((20, 'b'), Some((18, 'f'))), (18, 'f'));
		assert_eq!(birth((20, 'b'), Some((20, 'b'))), (20, 'b'));
	}

	#[test]
	fn transaction_begins_at_the_best_block_when_finality_is_far_behind_or_unknown() {
		assert_eq!(birth((80, 'b'), Some((18, 'f'))), (80, 'b'));
		assert_eq!(birth((80, 'b'), None), (80, 'b'));
	}
}
