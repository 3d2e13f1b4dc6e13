//! Usage batches: building one, and recomputing every number in one from what its worker published.

mod prepare;
mod terms;
mod verify;

pub use prepare::{fitting, prepare, Draft, Prepared};
pub use terms::AgentTerms;
pub use verify::{verify, Check, Evidence, Report};

use std::collections::BTreeMap;
use tributary_primitives::{
	earnings::{divide, EarningsTree, Weighted},
	record::UsageRecord,
	split::{split, Presence},
	views::{AgentTotal, Parameters},
	AccountId, AssetRef, Balance, Served,
};

/// Most bytes of published batch data: 4,096 records with full vectors stay below it.
pub const MAX_BATCH_BYTES: u64 = 32 << 20;

/// Why a batch cannot be built or recomputed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
	/// A record names an agent version, or skills of it, that are not among the batch's.
	#[error("a record names {}, which the batch does not list", name(.0))]
	UnknownAgent(Served),
	/// A record names a tool that its agent version lacks.
	#[error("a record of {} names tool {}, version {}, which the agent lacks", name(.0), .1.asset, .1.version)]
	UnknownTool(Served, AssetRef),
	/// Fees that do not pay for the tool calls in them.
	#[error("the fees of {} do not pay for its tool calls", name(.0))]
	CallsExceedFee(Served),
	/// An amount does not fit.
	#[error("an amount overflows")]
	Overflow,
	/// Data money, but no DataNet was active.
	#[error("{} has data money but no DataNet", name(.0))]
	NowhereToGo(Served),
	/// More records, channels or agents than a batch may have.
	#[error("too many {0} for one batch: send them in the next")]
	TooMany(&'static str),
	/// No records.
	#[error("a batch needs at least one record")]
	Empty,
	/// A payer without a voucher.
	#[error("there is no voucher for a payer's records")]
	NoVoucher(AccountId),
	/// A payer used two channels.
	#[error("a payer has records on two channels: send the later ones in the next batch")]
	TwoChannels(AccountId),
}

/// An agent version and its active skills, for messages.
fn name(served: &Served) -> String {
	let Served { agent, skills } = served;
	format!("agent {}, version {}, with skills {:#b}", agent.asset, agent.version, skills.0)
}

/// What the records of an agent version with its active skills come to.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
	records: u32,
	fee: Balance,
	/// Price of the tool calls, planck.
	tools: Balance,
	/// Whether there were any.
	called: bool,
}

impl Sum {
	fn add(&mut self, record: &UsageRecord, terms: &AgentTerms) -> Result<(), BatchError> {
		let tools = terms.price_of(&record.calls)?;
		self.records = self.records.checked_add(1).ok_or(BatchError::Overflow)?;
		self.fee = self.fee.checked_add(record.fee).ok_or(BatchError::Overflow)?;
		self.tools = self.tools.checked_add(tools).ok_or(BatchError::Overflow)?;
		self.called |= !record.calls.is_empty();
		Ok(())
	}
}

/// What each agent version with its active skills earned with `records`, in the order of `terms`: what the
/// chain will compute if every channel settles.
pub fn totals<'a>(
	records: impl IntoIterator<Item = &'a UsageRecord>,
	terms: &[AgentTerms],
	parameters: &Parameters,
) -> Result<Vec<AgentTotal>, BatchError> {
	let known: BTreeMap<Served, &AgentTerms> = terms.iter().map(|terms| (terms.served, terms)).collect();
	let mut sums: BTreeMap<Served, Sum> = BTreeMap::new();
	for record in records {
		let served = record.served();
		let terms = known.get(&served).ok_or(BatchError::UnknownAgent(served))?;
		sums.entry(served).or_default().add(record, terms)?;
	}
	let total = |terms: &AgentTerms| {
		let served = terms.served;
		let Sum { records, fee, tools, called } = sums.get(&served).copied().unwrap_or_default();
		let total = AgentTotal { served, records, fee, tools, data: 0 };
		let presence = Presence { tools: called, ..terms.presence };
		Ok(AgentTotal { data: data_share(&total, presence, parameters)?, ..total })
	};
	terms.iter().map(total).collect()
}

/// The data part of an agent version's fees in a batch, planck. As on chain, tools are paid first and the
/// platform's flat fee takes at most what is left: it may have been raised since the answers were given.
fn data_share(
	total: &AgentTotal,
	presence: Presence,
	parameters: &Parameters,
) -> Result<Balance, BatchError> {
	let flat = parameters.platform_fee.checked_mul(total.records.into()).ok_or(BatchError::Overflow)?;
	let left = total.fee.checked_sub(total.tools).ok_or(BatchError::CallsExceedFee(total.served))?;
	let net = left.saturating_sub(flat);
	Ok(split(net, &parameters.split, presence).ok_or(BatchError::Overflow)?.data)
}

/// The earnings tree after a batch: `before`, and the data share of each agent version with its active skills
/// divided among its records' vectors by what each paid above its tool calls and `platform_fee`, that of the
/// batch's parameters. Records of the `failed` payers count for nothing; `totals` are what the chain settled
/// (or [`totals`] for a batch that is yet to be sent).
pub fn advance(
	before: &EarningsTree,
	records: &[UsageRecord],
	failed: &[AccountId],
	totals: &[AgentTotal],
	terms: &[AgentTerms],
	platform_fee: Balance,
) -> Result<EarningsTree, BatchError> {
	let mut tree = before.clone();
	for total in totals {
		let Some(terms) = terms.iter().find(|terms| terms.served == total.served) else {
			return Err(BatchError::UnknownAgent(total.served));
		};
		let settled = records
			.iter()
			.filter(|record| record.served() == total.served && !failed.contains(&record.order.order.payer));
		let weighted: Vec<_> = settled
			.map(|record| Weighted { net: record.net(platform_fee), vector: record.vector.as_slice() })
			.collect();
		let parts =
			divide(total.data, &weighted, &terms.datanets).ok_or(BatchError::NowhereToGo(total.served))?;
		for (earner, part) in parts {
			tree.credit(earner, part).ok_or(BatchError::Overflow)?;
		}
	}
	Ok(tree)
}

#[cfg(test)]
mod tests;
