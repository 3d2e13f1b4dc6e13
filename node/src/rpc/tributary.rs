// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! `tributary_*`: reads of the protocol's state as JSON that a person can read.
//!
//! All methods answer from the best block, or from the block whose hash is their last argument. What is
//! not there is `null`. See [`super::json`] for the form of the values.

use super::json;
use crate::service::FullClient;
use jsonrpsee::{
	core::RpcResult,
	proc_macros::rpc,
	types::{error::INTERNAL_ERROR_CODE, ErrorObjectOwned},
};
use polkadot_sdk::{
	sp_api::{ApiError, ProvideRuntimeApi},
	sp_blockchain::HeaderBackend,
};
use serde_json::Value;
use std::sync::Arc;
use tributary_primitives::{AssetId, DataNetId};
use tributary_runtime::{AccountId, Hash};
use tributary_runtime_api::TributaryApi as _;

/// Reads of the protocol's state.
#[rpc(server)]
pub trait TributaryApi {
	/// What an account can claim from vaults: a list of vaults with the planck owed, and their sum.
	#[method(name = "tributary_claimable")]
	fn claimable(&self, account: AccountId, at: Option<Hash>) -> RpcResult<Value>;

	/// The lineage of an asset: what it is made of, trained on and judged by, and who is paid for it.
	#[method(name = "tributary_trail")]
	fn trail(&self, asset: AssetId, at: Option<Hash>) -> RpcResult<Value>;

	/// A worker's batch and where it stands.
	#[method(name = "tributary_batchStatus")]
	fn batch_status(&self, worker: AccountId, sequence: u64, at: Option<Hash>) -> RpcResult<Value>;

	/// The newest version of an agent.
	#[method(name = "tributary_agent")]
	fn agent(&self, asset: AssetId, at: Option<Hash>) -> RpcResult<Value>;

	/// A DataNet.
	#[method(name = "tributary_datanet")]
	fn datanet(&self, datanet: DataNetId, at: Option<Hash>) -> RpcResult<Value>;

	/// The channel of a payer to a worker.
	#[method(name = "tributary_channel")]
	fn channel(&self, payer: AccountId, worker: AccountId, at: Option<Hash>) -> RpcResult<Value>;
}

/// Answers from a client's chain.
pub struct Tributary {
	client: Arc<FullClient>,
}

impl Tributary {
	/// Over a client.
	pub fn new(client: Arc<FullClient>) -> Self {
		Self { client }
	}

	fn at(&self, block: Option<Hash>) -> Hash {
		block.unwrap_or_else(|| self.client.info().best_hash)
	}
}

fn failed(error: ApiError) -> ErrorObjectOwned {
	ErrorObjectOwned::owned(
		INTERNAL_ERROR_CODE,
		"the runtime could not answer; is the block known, and its state not pruned?",
		Some(error.to_string()),
	)
}

impl TributaryApiServer for Tributary {
	fn claimable(&self, account: AccountId, at: Option<Hash>) -> RpcResult<Value> {
		let at = self.at(at);
		let claims = self.client.runtime_api().claimable(at, account.into()).map_err(failed)?;
		Ok(json::claimable(&claims))
	}

	fn trail(&self, asset: AssetId, at: Option<Hash>) -> RpcResult<Value> {
		let at = self.at(at);
		let trail = self.client.runtime_api().trail(at, asset).map_err(failed)?;
		Ok(trail.as_ref().map_or(Value::Null, json::trail))
	}

	fn batch_status(&self, worker: AccountId, sequence: u64, at: Option<Hash>) -> RpcResult<Value> {
		let at = self.at(at);
		let batch = self.client.runtime_api().batch(at, worker.into(), sequence).map_err(failed)?;
		Ok(batch.as_ref().map_or(Value::Null, json::batch))
	}

	fn agent(&self, asset: AssetId, at: Option<Hash>) -> RpcResult<Value> {
		let at = self.at(at);
		let agent = self.client.runtime_api().agent(at, asset, None).map_err(failed)?;
		Ok(agent.as_ref().map_or(Value::Null, json::agent))
	}

	fn datanet(&self, datanet: DataNetId, at: Option<Hash>) -> RpcResult<Value> {
		let at = self.at(at);
		let datanet = self.client.runtime_api().datanet(at, datanet).map_err(failed)?;
		Ok(datanet.as_ref().map_or(Value::Null, json::datanet))
	}

	fn channel(&self, payer: AccountId, worker: AccountId, at: Option<Hash>) -> RpcResult<Value> {
		let at = self.at(at);
		let channel = self.client.runtime_api().channel(at, payer.into(), worker.into()).map_err(failed)?;
		Ok(channel.as_ref().map_or(Value::Null, json::channel))
	}
}
