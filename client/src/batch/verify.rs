//! Checking a batch from what its worker published: anyone can, and nothing is taken on trust but the
//! chain's own state.

use super::{advance, data_share, name, totals, AgentTerms, BatchError};
use crate::{content::hash_bytes, keys::address, money::format_trb, voucher::verify_order};
use codec::DecodeAll;
use std::collections::{BTreeMap, BTreeSet};
use tributary_primitives::{
	batch::BatchData,
	earnings::EarningsTree,
	fee::fee,
	limits::MAX_RECORDS_PER_BATCH,
	merkle_sum,
	record::{are_valid_calls, is_valid_vector, UsageRecord},
	split::Presence,
	views::{AgentTotal, AgentView, BatchView, Parameters},
	AccountId, Hash, Served,
};

/// What a batch is checked against.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
	/// Genesis hash of the chain.
	pub genesis: Hash,
	/// The batch on chain.
	pub view: &'a BatchView,
	/// The published bytes.
	pub data: &'a [u8],
	/// The parameters of the versions that the batch and its records name.
	pub parameters: &'a BTreeMap<u32, Parameters>,
	/// The batch's agent versions.
	pub agents: &'a [AgentView],
	/// Session keys of payers' channels to the worker.
	pub session_keys: &'a BTreeMap<AccountId, [u8; 32]>,
	/// The tree before the batch, recomputed from the batches before it; `None` when it is not known, then
	/// the published one is used and that check is left out.
	pub settled: Option<&'a EarningsTree>,
}

/// One check and its result.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Check {
	/// What was checked.
	pub name: &'static str,
	/// Whether it holds.
	pub passed: bool,
	/// What was found.
	pub detail: String,
}

/// The result of all checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
	/// In the order they were made.
	pub checks: Vec<Check>,
	/// The published data, when it could be read.
	pub data: Option<BatchData>,
	/// The tree after the batch as the chain settled it, when it could be computed.
	pub tree: Option<EarningsTree>,
}

impl Report {
	/// Whether every check holds.
	pub fn is_right(&self) -> bool {
		self.checks.iter().all(|check| check.passed)
	}

	/// The check of this name.
	pub fn check(&self, name: &str) -> Option<&Check> {
		self.checks.iter().find(|check| check.name == name)
	}

	fn add(&mut self, name: &'static str, result: Result<String, String>) -> bool {
		let passed = result.is_ok();
		let (Ok(detail) | Err(detail)) = result;
		self.checks.push(Check { name, passed, detail });
		passed
	}
}

/// Recomputes hashes, signatures, fees, vectors, totals, shares and both trees of a batch.
pub fn verify(evidence: &Evidence<'_>) -> Report {
	let mut report = Report { checks: Vec::new(), data: None, tree: None };
	let header = &evidence.view.header;
	let found = hash_bytes(evidence.data);
	report.add("data hash", same(&hex::encode(header.data), &hex::encode(found), "BLAKE3"));
	let data = match BatchData::decode_all(&mut &evidence.data[..]) {
		Ok(data) => data,
		Err(error) => {
			report.add("data format", Err(format!("not batch data: {error}")));
			return report;
		}
	};
	report.add("identity", identity(evidence, &data));
	let terms = AgentTerms::all(data.agents.iter().copied(), evidence.agents);
	report.add("agents", agents_known(&data, &terms));
	report.add("orders", orders(evidence, &data));
	let Some(parameters) = evidence.parameters.get(&evidence.view.parameters) else {
		report.add(
			"parameters",
			Err(format!("the chain has no parameters of version {}", evidence.view.parameters)),
		);
		return report;
	};
	report.add("calls", each(&data.records, |record| calls_follow(record, &terms)));
	report.add("fees", each(&data.records, |record| fee_follows(record, &terms, evidence)));
	report.add("vectors", each(&data.records, |record| vector_follows(record, &terms)));
	report.add("records root", records_root(evidence, &data));
	let failed: Vec<AccountId> = evidence.view.failed.iter().map(|(payer, _)| *payer).collect();
	let terms = as_settled(&terms, &data.records, &failed, &evidence.view.agents, parameters);
	report.add("totals", settled_totals(evidence, &data, &failed, &terms, parameters));
	let before = match published_tree(evidence, &data) {
		Ok((tree, detail)) => {
			report.add("tree before", Ok(detail));
			Some(tree)
		}
		Err((tree, reason)) => {
			report.add("tree before", Err(reason));
			tree
		}
	};
	if let Some(before) = before {
		report.add("earnings root", earnings_root(evidence, &data, &before, &terms, parameters));
		let flat = parameters.platform_fee;
		report.tree = advance(&before, &data.records, &failed, &evidence.view.agents, &terms, flat).ok();
	}
	report.data = Some(data);
	report
}

fn same(expected: &str, found: &str, what: &str) -> Result<String, String> {
	if expected == found {
		Ok(format!("{what} {found}"))
	} else {
		Err(format!("the chain has {what} {expected}, the data gives {found}"))
	}
}

fn identity(evidence: &Evidence<'_>, data: &BatchData) -> Result<String, String> {
	let view = evidence.view;
	let count = u32::try_from(data.records.len()).unwrap_or(u32::MAX);
	if data.genesis != evidence.genesis {
		return Err("the data is of another chain".into());
	}
	if data.worker != view.worker || data.sequence != view.header.sequence {
		return Err(format!("the data is of batch {} of {}", data.sequence, address(&data.worker)));
	}
	if data.parameters != view.parameters {
		return Err(format!("the data names parameters {}, the chain {}", data.parameters, view.parameters));
	}
	if count != view.header.records || count == 0 || count > MAX_RECORDS_PER_BATCH {
		return Err(format!("the data has {count} records, the chain {}", view.header.records));
	}
	Ok(format!("batch {} of {}, {count} records", data.sequence, address(&data.worker)))
}

fn agents_known(data: &BatchData, terms: &[AgentTerms]) -> Result<String, String> {
	let listed: BTreeSet<_> = data.agents.iter().collect();
	if listed.len() != data.agents.len() {
		return Err("an agent version is listed twice with the same skills".into());
	}
	for served in &data.agents {
		if !terms.iter().any(|terms| terms.served == *served) {
			return Err(format!("{} is not on chain", name(served)));
		}
	}
	match data.records.iter().find(|record| !listed.contains(&record.served())) {
		Some(record) => Err(BatchError::UnknownAgent(record.served()).to_string()),
		None => Ok(format!("{} agent versions with their skills", data.agents.len())),
	}
}

/// Runs a check on each record; names the first that fails.
fn each(
	records: &[UsageRecord],
	check: impl Fn(&UsageRecord) -> Result<(), String>,
) -> Result<String, String> {
	for (index, record) in records.iter().enumerate() {
		check(record).map_err(|reason| format!("record {index}: {reason}"))?;
	}
	Ok(format!("{} records", records.len()))
}

fn orders(evidence: &Evidence<'_>, data: &BatchData) -> Result<String, String> {
	let mut seen = BTreeSet::new();
	for (index, record) in data.records.iter().enumerate() {
		let order = &record.order.order;
		let wrong = |reason: &str| Err(format!("record {index}: {reason}"));
		if order.genesis != evidence.genesis || order.worker != data.worker {
			return wrong("the order is for another chain or worker");
		}
		if !verify_order(&record.order, evidence.session_keys.get(&order.payer)) {
			return wrong("the order is not signed by its payer or the channel's present session key");
		}
		if !seen.insert((order.payer, order.channel, order.nonce)) {
			return wrong("the order is charged twice");
		}
		if record.fee > order.max_fee {
			return wrong("the fee is above what the payer allowed");
		}
	}
	Ok(format!("{} signatures", data.records.len()))
}

fn terms_of<'a>(record: &UsageRecord, terms: &'a [AgentTerms]) -> Result<&'a AgentTerms, String> {
	let found = terms.iter().find(|terms| terms.served == record.served());
	found.ok_or_else(|| "its agent with these skills is not on chain".into())
}

fn calls_follow(record: &UsageRecord, terms: &[AgentTerms]) -> Result<(), String> {
	let terms = terms_of(record, terms)?;
	if !are_valid_calls(&record.calls) {
		return Err("its tool calls are not sorted, counted and each tool once".into());
	}
	let computed = terms.price_of(&record.calls).map_err(|e| e.to_string())?;
	if computed == record.tools {
		return Ok(());
	}
	let (charged, computed) = (format_trb(record.tools), format_trb(computed));
	Err(format!("{charged} was charged for tool calls, {computed} follows from the tool versions' prices"))
}

fn fee_follows(record: &UsageRecord, terms: &[AgentTerms], evidence: &Evidence<'_>) -> Result<(), String> {
	let terms = terms_of(record, terms)?;
	let version = record.parameters;
	let parameters = evidence.parameters.get(&version).filter(|_| version <= evidence.view.parameters);
	let parameters =
		parameters.ok_or_else(|| format!("parameters {version} were not in force before the batch"))?;
	let flat = parameters.platform_fee;
	let computed = fee(terms.price, record.tokens_in, record.tokens_out, record.tools, flat)
		.ok_or("its fee overflows")?;
	if computed == record.fee {
		return Ok(());
	}
	let (charged, computed) = (format_trb(record.fee), format_trb(computed));
	Err(format!("{charged} was charged, {computed} follows from tokens and the agent version's price"))
}

fn vector_follows(record: &UsageRecord, terms: &[AgentTerms]) -> Result<(), String> {
	let terms = terms_of(record, terms)?;
	if !is_valid_vector(&record.vector) {
		return Err("its vector is not sorted, complete and free of empty shares".into());
	}
	if record.vector.is_empty() != terms.datanets.is_empty() {
		return Err("its vector is empty although DataNets were active, or the other way round".into());
	}
	match record.vector.iter().find(|share| !terms.datanets.contains(&share.datanet)) {
		Some(share) => Err(format!(
			"its vector pays DataNet {}, which its agent does not use under these skills",
			share.datanet
		)),
		None => Ok(()),
	}
}

fn records_root(evidence: &Evidence<'_>, data: &BatchData) -> Result<String, String> {
	let leaves: Vec<_> = data.records.iter().map(UsageRecord::leaf).collect();
	let root = merkle_sum::root(&leaves).ok_or("the fees overflow")?;
	let expected = &evidence.view.header.records_root;
	if root.sum != expected.sum {
		let (found, expected) = (format_trb(root.sum), format_trb(expected.sum));
		return Err(format!("the records sum to {found}, the root on chain to {expected}"));
	}
	same(&hex::encode(expected.hash), &hex::encode(root.hash), "root")
}

/// Terms with the presence that the chain saw when it split the batch: whether evaluators and stakers took
/// part may have changed since, and the settled data share tells.
fn as_settled(
	terms: &[AgentTerms],
	records: &[UsageRecord],
	failed: &[AccountId],
	settled: &[AgentTotal],
	parameters: &Parameters,
) -> Vec<AgentTerms> {
	let called: BTreeSet<Served> = records
		.iter()
		.filter(|record| !record.calls.is_empty() && !failed.contains(&record.order.order.payer))
		.map(UsageRecord::served)
		.collect();
	let fit = |terms: &AgentTerms| {
		let total = settled.iter().find(|total| total.served == terms.served)?;
		let options = [(false, false), (false, true), (true, false), (true, true)];
		let now = std::iter::once(terms.presence);
		let others = options.map(|(stakers, evaluators)| Presence { stakers, evaluators, ..terms.presence });
		let tools = called.contains(&terms.served);
		now.chain(others)
			.find(|presence| data_share(total, Presence { tools, ..*presence }, parameters) == Ok(total.data))
	};
	let with =
		|terms: &AgentTerms| AgentTerms { presence: fit(terms).unwrap_or(terms.presence), ..terms.clone() };
	terms.iter().map(with).collect()
}

fn settled_totals(
	evidence: &Evidence<'_>,
	data: &BatchData,
	failed: &[AccountId],
	terms: &[AgentTerms],
	parameters: &Parameters,
) -> Result<String, String> {
	let settled = data.records.iter().filter(|record| !failed.contains(&record.order.order.payer));
	let computed = totals(settled, terms, parameters).map_err(|e| e.to_string())?;
	for total in &computed {
		let on_chain = evidence.view.agents.iter().find(|on_chain| on_chain.served == total.served);
		if on_chain.map_or(total.records > 0, |on_chain| on_chain != total) {
			return Err(format!(
				"{}: {} records, {} of fees, {} of it for tools, and {} of data follow from the records, not what the chain settled",
				name(&total.served),
				total.records,
				format_trb(total.fee),
				format_trb(total.tools),
				format_trb(total.data)
			));
		}
	}
	let sum = computed.iter().fold(0u128, |sum, total| sum.saturating_add(total.fee));
	if sum != evidence.view.escrow {
		return Err(format!(
			"the settled fees are {}, the escrow moved {}",
			format_trb(sum),
			format_trb(evidence.view.escrow)
		));
	}
	let unpaid = if failed.is_empty() {
		String::new()
	} else {
		format!(", {} channels were not charged", failed.len())
	};
	Ok(format!("{} of fees settled{unpaid}", format_trb(sum)))
}

/// The tree before the batch; with an error, the tree to go on with if there is one.
#[allow(clippy::type_complexity)] // Both outcomes carry a tree and a line of text.
fn published_tree(
	evidence: &Evidence<'_>,
	data: &BatchData,
) -> Result<(EarningsTree, String), (Option<EarningsTree>, String)> {
	let Some(published) = EarningsTree::from_leaves(&data.settled) else {
		return Err((evidence.settled.cloned(), "an earner is listed twice".into()));
	};
	match evidence.settled {
		Some(recomputed) if *recomputed != published => {
			Err((Some(recomputed.clone()), "it is not what the batches before this one add up to".into()))
		}
		Some(_) => Ok((published, format!("{} earners, as the batches before give", data.settled.len()))),
		None => Ok((published, format!("{} earners, taken as published", data.settled.len()))),
	}
}

fn earnings_root(
	evidence: &Evidence<'_>,
	data: &BatchData,
	before: &EarningsTree,
	terms: &[AgentTerms],
	parameters: &Parameters,
) -> Result<String, String> {
	let text = |error: BatchError| error.to_string();
	let all = totals(&data.records, terms, parameters).map_err(text)?;
	let flat = parameters.platform_fee;
	let tree = advance(before, &data.records, &[], &all, terms, flat).map_err(text)?;
	let root = tree.root(&data.worker).ok_or("the tree's sum overflows")?;
	let expected = &evidence.view.header.earnings;
	if root.sum != expected.sum {
		let (found, expected) = (format_trb(root.sum), format_trb(expected.sum));
		return Err(format!("the shares sum to {found}, the root on chain to {expected}"));
	}
	let passed_over =
		if evidence.view.failed.is_empty() { "" } else { "; passed over, since a channel failed" };
	same(&hex::encode(expected.hash), &hex::encode(root.hash), "root").map(|detail| {
		format!("{detail}, {} earners, {}{passed_over}", tree.leaves().len(), format_trb(root.sum))
	})
}
