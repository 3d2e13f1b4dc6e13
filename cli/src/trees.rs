//! Workers' published batches, and the earnings trees that follow from them.

use crate::{context::Context, failure::Failure, output::address};
use codec::DecodeAll;
use std::collections::BTreeMap;
use tributary_client::{
	batch::{advance, AgentTerms, MAX_BATCH_BYTES},
	content::hash_bytes,
	Chain,
};
use tributary_primitives::{
	batch::BatchData,
	earnings::EarningsTree,
	views::{AgentView, BatchView, Parameters, WorkerView},
	AccountId, Balance, Hash, Served,
};

/// Published bytes of a batch, by the hash on chain: from the content store, else from the worker.
pub async fn published(context: &Context, view: &BatchView) -> Result<Vec<u8>, Failure> {
	let hash: Hash = view.header.data;
	if let Ok(bytes) = context.store()?.get_within(&hash, MAX_BATCH_BYTES).await {
		return Ok(bytes.into());
	}
	let sequence = view.header.sequence;
	let worker = context.chain().await?.worker(view.worker).await?;
	let gone = || {
		Failure::Usage(format!(
			"batch {sequence} of {} is not in the content store and its worker is no longer registered: name a store that has it with --store",
			address(&view.worker)
		))
	};
	let endpoint = String::from_utf8(worker.ok_or_else(gone)?.endpoint).map_err(|_| gone())?;
	let url = format!("{}/v1/batches/{sequence}", endpoint.trim_end_matches('/'));
	let bytes = context.get(&url, usize::try_from(MAX_BATCH_BYTES).unwrap_or(usize::MAX)).await?;
	if hash_bytes(&bytes) != hash {
		return Err(Failure::Wrong(format!(
			"{url} gives other bytes than the chain's hash 0x{}: the worker's data is not what it committed to",
			hex::encode(hash)
		)));
	}
	Ok(bytes)
}

/// The agent versions that a batch lists, each once.
pub async fn agents(chain: &Chain, listed: &[Served]) -> Result<Vec<AgentView>, Failure> {
	let mut views: Vec<AgentView> = Vec::new();
	for Served { agent, .. } in listed {
		if !views.iter().any(|known| known.agent == *agent) {
			views.extend(chain.agent(agent.asset, Some(agent.version)).await?);
		}
	}
	Ok(views)
}

/// The parameters that a batch was split by.
pub async fn parameters(chain: &Chain, version: u32) -> Result<Parameters, Failure> {
	let missing = || Failure::Other(format!("the chain has no parameters of version {version}"));
	chain.parameters_of(version).await?.ok_or_else(missing)
}

/// The tree after a batch, as the chain settled it.
pub async fn after(context: &Context, view: &BatchView) -> Result<EarningsTree, Failure> {
	let bytes = published(context, view).await?;
	let wrong = |what: &str| {
		Failure::Wrong(format!(
			"batch {} of {}: {what}. See `tributary verify batch`",
			view.header.sequence,
			address(&view.worker)
		))
	};
	let data =
		BatchData::decode_all(&mut bytes.as_slice()).map_err(|_| wrong("its data is no batch data"))?;
	let before =
		EarningsTree::from_leaves(&data.settled).ok_or_else(|| wrong("an earner is listed twice"))?;
	let chain = context.chain().await?;
	let terms = AgentTerms::all(data.agents.iter().copied(), &agents(chain, &data.agents).await?);
	let flat = parameters(chain, view.parameters).await?.platform_fee;
	let failed: Vec<AccountId> = view.failed.iter().map(|(payer, _)| *payer).collect();
	advance(&before, &data.records, &failed, &view.agents, &terms, flat)
		.map_err(|error| wrong(&error.to_string()))
}

/// A worker's tree that claims are proven against now; `None` before its first batch is credited.
pub async fn claimable(context: &Context, worker: &WorkerView) -> Result<Option<EarningsTree>, Failure> {
	let chain = context.chain().await?;
	let settlement = chain.settlement(worker.operator).await?;
	if settlement.root.sum == 0 {
		return Ok(None);
	}
	let missing = || Failure::Other(format!("the chain does not show batch {}", settlement.root_sequence));
	let view = chain.batch(worker.operator, settlement.root_sequence).await?.ok_or_else(missing)?;
	let tree = after(context, &view).await?;
	if tree.root(&worker.operator) != Some(settlement.root) {
		return Err(Failure::Wrong(format!(
			"the published batch {} of {} does not give the root on chain: see `tributary verify batch`",
			settlement.root_sequence,
			address(&worker.operator)
		)));
	}
	Ok(Some(tree))
}

/// Session keys of the payers of a batch.
pub async fn session_keys(chain: &Chain, data: &BatchData) -> Result<BTreeMap<AccountId, [u8; 32]>, Failure> {
	let mut keys = BTreeMap::new();
	for record in &data.records {
		let payer = record.order.order.payer;
		if let std::collections::btree_map::Entry::Vacant(entry) = keys.entry(payer) {
			let channel = chain.channel(payer, data.worker).await?;
			entry.insert(channel.and_then(|channel| channel.session_key));
		}
	}
	Ok(keys.into_iter().filter_map(|(payer, key)| Some((payer, key?))).collect())
}

/// Sum that does not overflow silently.
pub fn sum(amounts: impl IntoIterator<Item = Balance>) -> Balance {
	amounts.into_iter().fold(0, Balance::saturating_add)
}
