// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! The node's RPC beyond the standard modules of the service.

mod json;
mod tributary;

use crate::service::{FullBackend, FullClient, FullPool};
use futures::channel::mpsc;
use jsonrpsee::RpcModule;
use polkadot_sdk::*;
use sc_consensus_grandpa::{
	FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState,
};
use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
use sc_consensus_manual_seal::{
	rpc::{ManualSeal, ManualSealApiServer},
	EngineCommand,
};
use sc_rpc::SubscriptionTaskExecutor;
use std::sync::Arc;
use substrate_frame_rpc_system::{System, SystemApiServer};
use tributary_runtime::{opaque::Block, BlockNumber, Hash};

/// What the RPC modules read from.
#[derive(Clone)]
pub struct Deps {
	/// The chain.
	pub client: Arc<FullClient>,
	/// Its transactions.
	pub pool: Arc<FullPool>,
	/// GRANDPA's voters.
	pub authority_set: SharedAuthoritySet<Hash, BlockNumber>,
	/// GRANDPA's rounds.
	pub voter_state: SharedVoterState,
	/// Blocks as they are finalised.
	pub justifications: GrandpaJustificationStream<Block>,
	/// Proofs that a block is final.
	pub finality_proofs: Arc<FinalityProofProvider<FullBackend, Block>>,
	/// Commands to the block maker of a development chain.
	pub seal_commands: Option<mpsc::Sender<EngineCommand<Hash>>>,
}

/// Builds the modules. It fails when two have a method of the same name.
pub fn build(
	deps: Deps,
	executor: SubscriptionTaskExecutor,
) -> Result<RpcModule<()>, Box<dyn std::error::Error + Send + Sync>> {
	use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
	use tributary::{Tributary, TributaryApiServer};

	let Deps { client, pool, authority_set, voter_state, justifications, finality_proofs, seal_commands } =
		deps;
	let mut module = RpcModule::new(());
	module.merge(System::new(client.clone(), pool).into_rpc())?;
	module.merge(TransactionPayment::new(client.clone()).into_rpc())?;
	module.merge(
		Grandpa::new(executor, authority_set, voter_state, justifications, finality_proofs).into_rpc(),
	)?;
	module.merge(Tributary::new(client).into_rpc())?;
	if let Some(commands) = seal_commands {
		module.merge(ManualSeal::new(commands).into_rpc())?;
	}
	Ok(module)
}
