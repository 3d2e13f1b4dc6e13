//! Usage batches: building one, and recomputing every number in one from what its worker published.

mod prepare;
mod verify;

pub use prepare::{fitting, prepare, Draft, Prepared};
pub use verify::{verify, Check, Evidence, Report};

use std::collections::BTreeMap;
use tributary_primitives::{
	earnings::{divide, EarningsTree, Weighted},
	fee::Price,
	record::UsageRecord,
	split::{split, Presence},
	views::{AgentTotal, AgentView, Parameters},
	AccountId, AssetRef, Balance, DataNetId,
};

/// Most bytes of published batch data: 4,096 records with full vectors stay below it.
pub const MAX_BATCH_BYTES: u64 = 32 << 20;

/// Why a batch cannot be built or recomputed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
	/// A record names an agent version that is not among the batch's.
	#[error("a record names agent {}, version {}, which the batch does not list", .0.asset, .0.version)]
	UnknownAgent(AssetRef),
	/// An amount does not fit.
	#[error("an amount overflows")]
	Overflow,
	/// Data money, but the agent has no DataNet.
	#[error("agent {}, version {}, has data money but no DataNet", .0.asset, .0.version)]
	NowhereToGo(AssetRef),
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

/// What fees and shares of an agent version follow from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentTerms {
	/// The agent version.
	pub agent: AssetRef,
	/// Planck per 1,000 tokens.
	pub price: Price,
	/// Which parts of the split it has.
	pub presence: Presence,
	/// Its DataNets.
	pub datanets: Vec<DataNetId>,
}

impl From<&AgentView> for AgentTerms {
	fn from(view: &AgentView) -> Self {
		let datanets = view.datanets.iter().map(|snapshot| snapshot.datanet).collect();
		Self { agent: view.agent, price: view.price, presence: view.presence(), datanets }
	}
}

/// What each agent version earned with `records`, in the order of `terms`: what the chain will compute if
/// every channel settles.
pub fn totals<'a>(
	records: impl IntoIterator<Item = &'a UsageRecord>,
	terms: &[AgentTerms],
	parameters: &Parameters,
) -> Result<Vec<AgentTotal>, BatchError> {
	let mut sums: BTreeMap<AssetRef, (u32, Balance)> =
		terms.iter().map(|terms| (terms.agent, (0, 0))).collect();
	for record in records {
		let (count, fee) = sums.get_mut(&record.agent).ok_or(BatchError::UnknownAgent(record.agent))?;
		*count = count.checked_add(1).ok_or(BatchError::Overflow)?;
		*fee = fee.checked_add(record.fee).ok_or(BatchError::Overflow)?;
	}
	let total = |terms: &AgentTerms| {
		let (records, fee) = sums.get(&terms.agent).copied().unwrap_or_default();
		let data = data_share(records, fee, terms.presence, parameters)?;
		Ok(AgentTotal { agent: terms.agent, records, fee, data })
	};
	terms.iter().map(total).collect()
}

/// The data part of an agent version's fees in a batch, planck. As on chain, the platform's flat fee takes at
/// most what was paid: it may have been raised since the answers were given.
fn data_share(
	records: u32,
	fee: Balance,
	presence: Presence,
	parameters: &Parameters,
) -> Result<Balance, BatchError> {
	let flat = parameters.platform_fee.checked_mul(records.into()).ok_or(BatchError::Overflow)?;
	let net = fee.saturating_sub(flat);
	Ok(split(net, &parameters.split, presence).ok_or(BatchError::Overflow)?.data)
}

/// The earnings tree after a batch: `before`, and each agent version's data share divided among its
/// records' vectors by what each paid above `platform_fee`, that of the batch's parameters. Records of the
/// `failed` payers count for nothing; `totals` are what the chain settled (or [`totals`] for a batch that is
/// yet to be sent).
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
		let Some(terms) = terms.iter().find(|terms| terms.agent == total.agent) else {
			return Err(BatchError::UnknownAgent(total.agent));
		};
		let settled = records
			.iter()
			.filter(|record| record.agent == total.agent && !failed.contains(&record.order.order.payer));
		let weighted: Vec<_> = settled
			.map(|record| Weighted {
				net: record.fee.saturating_sub(platform_fee),
				vector: record.vector.as_slice(),
			})
			.collect();
		let parts =
			divide(total.data, &weighted, &terms.datanets).ok_or(BatchError::NowhereToGo(total.agent))?;
		for (earner, part) in parts {
			tree.credit(earner, part).ok_or(BatchError::Overflow)?;
		}
	}
	Ok(tree)
}

#[cfg(test)]
mod tests;
