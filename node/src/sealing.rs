// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! Making blocks on demand, for development: no slots to wait for, every block final at once.

use crate::service::{FullBackend, FullClient, FullPool, FullSelectChain};
use futures::{
	channel::{mpsc, oneshot},
	stream, Stream, StreamExt,
};
use jsonrpsee::tokio;
use polkadot_sdk::*;
use sc_client_api::BlockchainEvents;
use sc_consensus_manual_seal::{
	consensus::{aura::AuraConsensusDataProvider, timestamp::SlotTimestampProvider},
	run_manual_seal, CreatedBlock, EngineCommand, Error, ManualSealParams,
};
use sc_service::{SpawnTaskHandle, TaskManager};
use sc_telemetry::{log, TelemetryHandle};
use sc_transaction_pool_api::TransactionPool;
use std::{str::FromStr, sync::Arc, time::Duration};
use substrate_prometheus_endpoint::Registry;
use tributary_runtime::Hash;

/// Transactions that one block answers when they arrive together.
const BURST: usize = 1_024;

/// How blocks are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
	/// By Aura and GRANDPA.
	None,
	/// On demand.
	OnDemand {
		/// When a transaction arrives.
		instant: bool,
		/// This often, also without transactions.
		every: Option<Duration>,
	},
}

impl Sealing {
	/// When a transaction arrives, only then.
	pub const INSTANT: Self = Self::OnDemand { instant: true, every: None };
}

impl FromStr for Sealing {
	type Err = String;

	fn from_str(text: &str) -> Result<Self, String> {
		let (instant, millis) = match text {
			"none" => return Ok(Self::None),
			"instant" => return Ok(Self::INSTANT),
			text => match (text.strip_prefix("instant+"), text.strip_prefix("interval=")) {
				(Some(millis), _) => (true, millis),
				(_, Some(millis)) => (false, millis),
				_ => return Err("must be none, instant, instant+MS or interval=MS".into()),
			},
		};
		match millis.parse() {
			Ok(millis @ 1..) => Ok(Self::OnDemand { instant, every: Some(Duration::from_millis(millis)) }),
			_ => Err(format!("`{millis}` is no interval: give milliseconds, for example instant+1000")),
		}
	}
}

/// What a block maker needs.
pub struct Params<'a> {
	/// Whether a transaction's arrival makes a block.
	pub instant: bool,
	/// How often a block is made in any case.
	pub every: Option<Duration>,
	/// Commands by RPC.
	pub commands: mpsc::Receiver<EngineCommand<Hash>>,
	/// The chain.
	pub client: Arc<FullClient>,
	/// Its transactions.
	pub pool: Arc<FullPool>,
	/// Its best block.
	pub select_chain: FullSelectChain,
	/// Runs it.
	pub task_manager: &'a TaskManager,
	/// Counts.
	pub registry: Option<&'a Registry>,
	/// Reports.
	pub telemetry: Option<TelemetryHandle>,
}

/// Makes blocks until the node stops.
pub fn spawn(params: Params) {
	let Params { instant, every, commands, client, pool, select_chain, task_manager, registry, telemetry } =
		params;
	let spawner = task_manager.spawn_handle();
	let env = sc_basic_authorship::ProposerFactory::new(
		spawner.clone(),
		client.clone(),
		pool.clone(),
		registry,
		telemetry,
	);
	let timed_client = client.clone();
	let maker = run_manual_seal::<_, _, FullBackend, _, _, _, _, _, _>(ManualSealParams {
		block_import: client.clone(),
		env,
		client: client.clone(),
		pool: pool.clone(),
		commands_stream: stream::select(commands, triggers(instant, every, client.clone(), pool, spawner)),
		select_chain,
		consensus_data_provider: Some(Box::new(AuraConsensusDataProvider::new(client))),
		// The clock follows the chain: one slot after the parent's, whatever the time of day.
		create_inherent_data_providers: move |_, ()| {
			let client = timed_client.clone();
			async move { SlotTimestampProvider::new_aura(client).map_err(Into::into) }
		},
	});
	task_manager.spawn_essential_handle().spawn_blocking("sealing", Some("block-authoring"), maker);
}

/// A command for each moment at which a block may be due.
fn triggers(
	instant: bool,
	every: Option<Duration>,
	client: Arc<FullClient>,
	pool: Arc<FullPool>,
	spawner: SpawnTaskHandle,
) -> impl Stream<Item = EngineCommand<Hash>> + Unpin {
	let arrivals = if instant {
		// Transactions that arrive while a block is being made go into the next: hence the second stream.
		let pooled = pool.import_notification_stream().ready_chunks(BURST).map(|_| ());
		let made = client.import_notification_stream().map(|_| ());
		stream::select(pooled, made).left_stream()
	} else {
		stream::pending().right_stream()
	};
	let heartbeat = stream::unfold(every, |every| async move {
		tokio::time::sleep(every?).await;
		Some(((), every))
	});
	let arrivals = arrivals.map(|()| false);
	// The heartbeat makes empty blocks too.
	let heartbeat = heartbeat.map(|()| true);
	Box::pin(stream::select(arrivals, heartbeat).map(move |create_empty| seal(create_empty, &spawner)))
}

/// A command to make a block; what becomes of it is logged.
fn seal(create_empty: bool, spawner: &SpawnTaskHandle) -> EngineCommand<Hash> {
	let (sender, outcome) = oneshot::channel::<Result<CreatedBlock<Hash>, Error>>();
	spawner.spawn("sealed", Some("block-authoring"), async move {
		match outcome.await {
			// Nothing to do, or the node stops.
			Ok(Err(Error::EmptyTransactionPool)) | Err(_) => {}
			Ok(Ok(block)) => log::debug!(target: "sealing", "made block {:?}", block.hash),
			Ok(Err(error)) => log::error!(target: "sealing", "could not make a block: {error}"),
		}
	});
	EngineCommand::SealNewBlock { create_empty, finalize: true, parent_hash: None, sender: Some(sender) }
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn sealing_is_read_when_well_formed() {
		let every = Some(Duration::from_millis(250));
		assert_eq!("none".parse(), Ok(Sealing::None));
		assert_eq!("instant".parse(), Ok(Sealing::INSTANT));
		assert_eq!("instant+250".parse(), Ok(Sealing::OnDemand { instant: true, every }));
		assert_eq!("interval=250".parse(), Ok(Sealing::OnDemand { instant: false, every }));
	}

	#[test]
	fn sealing_is_refused_when_malformed() {
		for text in
			["", "instant+", "instant+0", "interval", "interval=", "interval=-1", "interval=1s", "manual"]
		{
			assert!(text.parse::<Sealing>().is_err(), "{text}");
		}
	}
}
