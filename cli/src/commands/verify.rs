//! `tributary verify`.

use super::worker::batch_json;
use crate::{context::Context, failure::Failure, output::*, parse, trees};
use clap::Subcommand;
use codec::DecodeAll;
use serde_json::{json, Value};
use std::{
	collections::{BTreeMap, BTreeSet},
	path::PathBuf,
};
use tributary_client::batch::{verify, Evidence, Report};
use tributary_primitives::{
	batch::{BatchData, BatchStatus},
	earnings::EarningsTree,
	record::{ToolUse, UsageRecord},
	views::BatchView,
	AccountId,
};

/// Recompute what others say they did.
#[derive(Debug, Subcommand)]
pub enum VerifyCommand {
	/// Recompute a worker's batch from its published records: fees, vectors, shares and both trees. Exit
	/// code 7 when something is wrong.
	Batch {
		/// The operator.
		#[arg(value_parser = parse::account)]
		worker: AccountId,
		/// The batch's number.
		sequence: u64,
		/// Published data as a file; else it is fetched by its hash.
		#[arg(long, value_name = "FILE")]
		data: Option<PathBuf>,
		/// Recompute every earlier batch that the chain keeps too, instead of taking the tree before the
		/// previous one on the worker's word.
		#[arg(long)]
		all: bool,
	},
}

impl VerifyCommand {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		let Self::Batch { worker, sequence, data, all } = self;
		let view = batch(context, worker, sequence).await?;
		let before = before(context, &view, all).await?;
		let bytes = match data {
			Some(path) => std::fs::read(&path).map_err(|e| Failure::file(&path, e))?,
			None => trees::published(context, &view).await?,
		};
		let report = check(context, &view, &bytes, before.as_ref()).await?;
		report_output(&view, &report)
	}
}

async fn batch(context: &Context, worker: AccountId, sequence: u64) -> Result<BatchView, Failure> {
	let missing = || {
		Failure::Usage(format!(
			"there is no batch {sequence} of {}: see `tributary worker status`",
			address(&worker)
		))
	};
	context.chain().await?.batch(worker, sequence).await?.ok_or_else(missing)
}

/// The tree before a batch; `None` when the chain no longer keeps the batches that it follows from.
async fn before(context: &Context, view: &BatchView, all: bool) -> Result<Option<EarningsTree>, Failure> {
	let (chain, last) = (context.chain().await?, view.header.sequence);
	if !all {
		// That of the last batch before it that was not voided.
		for sequence in (0..last).rev() {
			match chain.batch(view.worker, sequence).await? {
				Some(earlier) if earlier.status == BatchStatus::Voided => {}
				Some(earlier) => return trees::after(context, &earlier).await.map(Some),
				None => return Ok(None),
			}
		}
		return Ok(Some(EarningsTree::default()));
	}
	let bar = crate::texts::progress(usize::try_from(last).unwrap_or(usize::MAX), "batches before");
	let mut tree = Some(EarningsTree::default());
	for sequence in 0..last {
		bar.inc(1);
		let Some(earlier) = chain.batch(view.worker, sequence).await? else {
			tree = None;
			continue;
		};
		let bytes = trees::published(context, &earlier).await?;
		let report = check(context, &earlier, &bytes, tree.as_ref()).await?;
		report_output(&earlier, &report)?;
		if earlier.status != BatchStatus::Voided {
			tree = report.tree;
		}
	}
	bar.finish_and_clear();
	Ok(tree)
}

async fn check(
	context: &Context,
	view: &BatchView,
	bytes: &[u8],
	settled: Option<&EarningsTree>,
) -> Result<Report, Failure> {
	let chain = context.chain().await?;
	let mut versions = BTreeSet::from([view.parameters]);
	let (agents, session_keys) = match BatchData::decode_all(&mut &bytes[..]) {
		Ok(data) => {
			versions.extend(data.records.iter().map(|record| record.parameters));
			(trees::agents(chain, &data.agents).await?, trees::session_keys(chain, &data).await?)
		}
		Err(_) => Default::default(),
	};
	let mut parameters = BTreeMap::new();
	for version in versions {
		// One that the chain does not have is a fault of the batch: the report says so.
		if let Some(known) = chain.parameters_of(version).await? {
			parameters.insert(version, known);
		}
	}
	Ok(verify(&Evidence {
		genesis: chain.genesis(),
		view,
		data: bytes,
		parameters: &parameters,
		agents: &agents,
		session_keys: &session_keys,
		settled,
	}))
}

fn report_output(view: &BatchView, report: &Report) -> Result<Output, Failure> {
	let row = |check: &tributary_client::batch::Check| {
		vec![if check.passed { "ok" } else { "WRONG" }.into(), check.name.into(), check.detail.clone()]
	};
	let checks = table(&["", "check", "found"], report.checks.iter().map(row).collect());
	let head = format!("batch {} of {}", view.header.sequence, address(&view.worker));
	if !report.is_right() {
		let fault = "anyone can challenge it while it is pending (call attribution.challenge)";
		return Err(Failure::Wrong(format!("{head} is wrong; {fault}\n{checks}")));
	}
	let json = json!({
		"right": true,
		"batch": batch_json(view),
		"checks": report.checks,
		"records": report.data.iter().flat_map(|data| &data.records).map(record_json).collect::<Vec<_>>(),
	});
	Ok(Output::new(json, format!("{checks}\n{head} is right\n")))
}

fn call_json(used: &ToolUse) -> Value {
	json!({ "tool": version(used.tool), "calls": used.calls })
}

fn record_json(record: &UsageRecord) -> Value {
	json!({
		"id": hex32(&record.order.order.id()),
		"payer": address(&record.order.order.payer),
		"agent": version(record.agent),
		"skills": skill_numbers(record.skills),
		"calls": record.calls.iter().map(call_json).collect::<Vec<_>>(),
		"tools": record.tools.to_string(),
		"tokens_in": record.tokens_in,
		"tokens_out": record.tokens_out,
		"fee": record.fee.to_string(),
	})
}
