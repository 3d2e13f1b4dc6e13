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
	/// When a transaction arrives.
	Instant,
	/// When a transaction arrives, and at this interval.
	Interval(Duration),
}

impl FromStr for Sealing {
	type Err = String;

	fn from_str(text: &str) -> Result<Self, String> {
		match text.split_once('=') {
			None if text == "none" => Ok(Self::None),
			None if text == "instant" => Ok(Self::Instant),
			Some(("interval", millis)) => match millis.parse() {
				Ok(millis @ 1..) => Ok(Self::Interval(Duration::from_millis(millis))),
				_ => Err(format!("`{millis}` is no interval: give milliseconds, for example interval=1000")),
			},
			_ => Err("must be none, instant, or interval=MS".into()),
		}
	}
}

/// What a block maker needs.
pub struct Params<'a> {
	/// When to make blocks.
	pub sealing: Sealing,
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
	let Params { sealing, commands, client, pool, select_chain, task_manager, registry, telemetry } = params;
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
		commands_stream: stream::select(commands, triggers(sealing, client.clone(), pool, spawner)),
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
	sealing: Sealing,
	client: Arc<FullClient>,
	pool: Arc<FullPool>,
	spawner: SpawnTaskHandle,
) -> impl Stream<Item = EngineCommand<Hash>> + Unpin {
	let arrivals = pool.import_notification_stream().ready_chunks(BURST).map(|_| false);
	// Transactions that arrived while a block was being made go into the next.
	let leftovers = client.import_notification_stream().map(|_| false);
	let heartbeat = match sealing {
		Sealing::Interval(interval) => stream::unfold((), move |()| async move {
			tokio::time::sleep(interval).await;
			Some((true, ()))
		})
		.left_stream(),
		Sealing::Instant | Sealing::None => stream::pending().right_stream(),
	};
	Box::pin(
		stream::select(stream::select(arrivals, leftovers), heartbeat)
			.map(move |create_empty| seal(create_empty, &spawner)),
	)
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
		assert_eq!("none".parse(), Ok(Sealing::None));
		assert_eq!("instant".parse(), Ok(Sealing::Instant));
		assert_eq!("interval=250".parse(), Ok(Sealing::Interval(Duration::from_millis(250))));
	}

	#[test]
	fn sealing_is_refused_when_malformed() {
		for text in ["", "interval", "interval=", "interval=0", "interval=-1", "interval=1s", "manual"] {
			assert!(text.parse::<Sealing>().is_err(), "{text}");
		}
	}
}
