//! What the parts of a running worker share.

use crate::{
	agents::Catalogue, channels::Channels, config::Config, loaded::LoadedAdapters,
	lora_requests::LoraRequests, orders::Here, records::Records,
};
use std::{
	sync::{Arc, RwLock},
	time::{Instant, SystemTime, UNIX_EPOCH},
};
use tokio::sync::mpsc;
use tributary_client::{Chain, ChainError, Keypair, Store};
use tributary_engine::Engine;
use tributary_primitives::{views::Parameters, AccountId, Balance, BlockNumber, Hash};

/// A running worker.
pub struct Worker {
	/// As configured.
	pub config: Config,
	/// Genesis of the chain.
	pub genesis: Hash,
	/// The operator that is paid.
	pub operator: AccountId,
	/// Signs batches.
	pub service_key: Keypair,
	/// The chain.
	pub chain: Chain,
	/// The content store.
	pub store: Store,
	/// Inference.
	pub engine: Engine,
	/// Records on disk.
	pub records: Arc<Records>,
	/// Books on channels.
	pub channels: Arc<Channels>,
	/// Agents.
	pub catalogue: Catalogue,
	/// Adapters that the operator tries.
	pub loaded: LoadedAdapters,
	/// Head of the chain.
	pub head: Head,
	/// Prometheus text.
	pub metrics: metrics_exporter_prometheus::PrometheusHandle,
	/// Agents with adapters that have requests.
	pub lora_requests: LoraRequests,
	/// Each running answer holds a clone; all are dropped when the last has ended.
	pub running: mpsc::Sender<()>,
	/// When the worker started, Unix seconds.
	pub started: u64,
}

impl Worker {
	/// What orders are checked against now.
	pub fn here(&self) -> Here {
		Here {
			genesis: self.genesis,
			worker: self.operator,
			block: self.head.get().block,
			expiry_margin: self.config.settlement.expiry_margin,
		}
	}

	/// Served and not settled, running requests included, planck.
	pub fn credit(&self) -> Balance {
		self.records.totals().fees.saturating_add(self.channels.reserved())
	}

	/// Asks the chain for a channel.
	pub async fn read_channel(&self, payer: &AccountId) -> Result<(), ReadError> {
		let epoch = self.channels.epoch();
		let view = self.chain.channel(*payer, self.operator).await?;
		self.channels.update(payer, view.as_ref(), epoch)?;
		Ok(())
	}
}

/// Why a channel could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
	/// The chain.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// The database.
	#[error(transparent)]
	Records(#[from] crate::records::RecordsError),
}

/// What the chain said last.
#[derive(Clone, Copy, Debug)]
pub struct HeadState {
	/// Best block.
	pub block: BlockNumber,
	/// Last final block.
	pub finalized: BlockNumber,
	/// Version of the parameters in force.
	pub parameters_version: u32,
	/// The parameters in force.
	pub parameters: Parameters,
	/// When it said so.
	pub read_at: Instant,
}

/// The head of the chain, refreshed in the background; stale while the chain is away.
pub struct Head(RwLock<HeadState>);

impl Head {
	/// Reads the head.
	pub async fn read(chain: &Chain) -> Result<HeadState, ChainError> {
		let block = chain.block_number().await?;
		let finalized = chain.finalized_number().await?;
		let (parameters_version, parameters) = chain.parameters().await?;
		Ok(HeadState { block, finalized, parameters_version, parameters, read_at: Instant::now() })
	}

	/// Starts from what was read.
	pub fn new(state: HeadState) -> Self {
		Self(RwLock::new(state))
	}

	/// What is known.
	pub fn get(&self) -> HeadState {
		*self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner())
	}

	/// Takes over what was read.
	pub fn set(&self, state: HeadState) {
		*self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = state;
	}
}

/// Unix time in milliseconds.
pub fn unix_ms() -> u64 {
	let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
	u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
