//! Building a batch from records.

use super::{advance, totals, AgentTerms, BatchError};
use codec::Encode;
use std::collections::BTreeMap;
use tributary_primitives::{
	batch::{AgentUsage, BatchData, BatchHeader, ChannelCharge, ToolCalls},
	earnings::EarningsTree,
	limits::{MAX_AGENTS_PER_BATCH, MAX_CHANNELS_PER_BATCH, MAX_RECORDS_PER_BATCH},
	merkle_sum,
	record::UsageRecord,
	views::{AgentTotal, Parameters},
	voucher::SignedVoucher,
	AccountId, Balance, Hash, Served,
};

/// What a batch is built from.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
	/// Genesis hash.
	pub genesis: Hash,
	/// The operator.
	pub worker: AccountId,
	/// The sequence number that the chain expects next.
	pub sequence: u64,
	/// Version of the parameters in force.
	pub parameters_version: u32,
	/// The parameters in force.
	pub parameters: Parameters,
	/// Terms of every agent version and skill set that occurs in the records; more do no harm.
	pub terms: &'a [AgentTerms],
	/// The records.
	pub records: Vec<UsageRecord>,
	/// Each payer's last voucher on the channel of its records.
	pub vouchers: &'a BTreeMap<AccountId, SignedVoucher>,
	/// The tree over all batches so far that are credited or pending, as the chain settled them.
	pub settled: &'a EarningsTree,
}

/// A batch, ready to be published and submitted.
#[derive(Clone, Debug)]
pub struct Prepared {
	/// Argument of `submit_batch`.
	pub header: BatchHeader,
	/// Argument of `submit_batch`.
	pub agents: Vec<Served>,
	/// Argument of `submit_batch`.
	pub charges: Vec<ChannelCharge>,
	/// What is published; `header.data` is the BLAKE3 of [`Prepared::bytes`].
	pub data: BatchData,
	/// SCALE of `data`.
	pub bytes: Vec<u8>,
	/// What the chain will compute if every channel settles.
	pub totals: Vec<AgentTotal>,
	/// The tree if every channel settles; its root is in the header.
	pub tree: EarningsTree,
}

/// How many records from the front fit into one batch.
pub fn fitting(records: &[UsageRecord]) -> usize {
	let (mut channels, mut agents) = (BTreeMap::new(), Vec::new());
	let limit = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
	for (index, record) in records.iter().enumerate() {
		let order = &record.order.order;
		let channel = *channels.entry(order.payer).or_insert(order.channel);
		if !agents.contains(&record.served()) {
			agents.push(record.served());
		}
		let full = index >= limit(MAX_RECORDS_PER_BATCH)
			|| channels.len() > limit(MAX_CHANNELS_PER_BATCH)
			|| agents.len() > limit(MAX_AGENTS_PER_BATCH);
		if full || channel != order.channel {
			return index;
		}
	}
	records.len()
}

/// Builds a batch: charges, fee tree, shares, earnings tree and the bytes to publish.
pub fn prepare(draft: Draft<'_>) -> Result<Prepared, BatchError> {
	let records = &draft.records;
	if records.is_empty() {
		return Err(BatchError::Empty);
	}
	let count = u32::try_from(records.len()).map_err(|_| BatchError::TooMany("records"))?;
	if count > MAX_RECORDS_PER_BATCH {
		return Err(BatchError::TooMany("records"));
	}
	let mut agents: Vec<Served> = records.iter().map(UsageRecord::served).collect();
	agents.sort_unstable();
	agents.dedup();
	let terms = agents
		.iter()
		.map(|served| draft.terms.iter().find(|terms| terms.served == *served).cloned())
		.zip(&agents)
		.map(|(found, served)| found.ok_or(BatchError::UnknownAgent(*served)))
		.collect::<Result<Vec<_>, _>>()?;
	let charges = charges(records, &terms, draft.vouchers)?;
	let totals = totals(records, &terms, &draft.parameters)?;
	let tree = advance(draft.settled, records, &[], &totals, &terms, draft.parameters.platform_fee)?;
	let leaves: Vec<_> = records.iter().map(UsageRecord::leaf).collect();
	let data = BatchData {
		genesis: draft.genesis,
		worker: draft.worker,
		sequence: draft.sequence,
		parameters: draft.parameters_version,
		agents: agents.clone(),
		records: draft.records,
		settled: draft.settled.leaves(),
	};
	let bytes = data.encode();
	let header = BatchHeader {
		sequence: draft.sequence,
		records_root: merkle_sum::root(&leaves).ok_or(BatchError::Overflow)?,
		records: count,
		data: crate::content::hash_bytes(&bytes),
		earnings: tree.root(&draft.worker).ok_or(BatchError::Overflow)?,
	};
	Ok(Prepared { header, agents, charges, data, bytes, totals, tree })
}

/// What a channel used of one agent version with its active skills.
#[derive(Default)]
struct Used {
	records: u32,
	fee: Balance,
	/// Calls by the tool's place in the version.
	calls: BTreeMap<u8, u32>,
}

impl Used {
	fn add(&mut self, record: &UsageRecord, terms: &AgentTerms) -> Result<(), BatchError> {
		self.records = self.records.checked_add(1).ok_or(BatchError::Overflow)?;
		self.fee = self.fee.checked_add(record.fee).ok_or(BatchError::Overflow)?;
		for used in &record.calls {
			let (place, _) = terms.tool(used.tool)?;
			let place = u8::try_from(place).map_err(|_| BatchError::TooMany("tools"))?;
			let calls = self.calls.entry(place).or_default();
			*calls = calls.checked_add(used.calls).ok_or(BatchError::Overflow)?;
		}
		Ok(())
	}

	fn usage(self, agent: u8) -> Result<AgentUsage, BatchError> {
		let calls: Vec<_> = self.calls.into_iter().map(|(tool, calls)| ToolCalls { tool, calls }).collect();
		let calls = calls.try_into().map_err(|_| BatchError::TooMany("tools"))?;
		Ok(AgentUsage { agent, records: self.records, fee: self.fee, calls })
	}
}

/// `terms` are those of the batch's list, in its order.
fn charges(
	records: &[UsageRecord],
	terms: &[AgentTerms],
	vouchers: &BTreeMap<AccountId, SignedVoucher>,
) -> Result<Vec<ChannelCharge>, BatchError> {
	let mut used: BTreeMap<AccountId, (u64, BTreeMap<u8, Used>)> = BTreeMap::new();
	for record in records {
		let order = &record.order.order;
		let (channel, by_agent) = used.entry(order.payer).or_insert((order.channel, BTreeMap::new()));
		if *channel != order.channel {
			return Err(BatchError::TwoChannels(order.payer));
		}
		let served = record.served();
		let found = terms.iter().enumerate().find(|(_, terms)| terms.served == served);
		let (position, terms) = found.ok_or(BatchError::UnknownAgent(served))?;
		let agent = u8::try_from(position).map_err(|_| BatchError::TooMany("agents"))?;
		by_agent.entry(agent).or_default().add(record, terms)?;
	}
	if used.len() > usize::try_from(MAX_CHANNELS_PER_BATCH).unwrap_or(usize::MAX) {
		return Err(BatchError::TooMany("channels"));
	}
	let charge = |(payer, (channel, by_agent)): (AccountId, (u64, BTreeMap<u8, Used>))| {
		let signed = vouchers.get(&payer).filter(|signed| signed.voucher.channel == channel);
		let SignedVoucher { voucher, signature } = *signed.ok_or(BatchError::NoVoucher(payer))?;
		let usage = by_agent.into_iter().map(|(agent, used)| used.usage(agent));
		let usage = usage.collect::<Result<Vec<_>, _>>()?;
		let usage = usage.try_into().map_err(|_| BatchError::TooMany("agents"))?;
		Ok(ChannelCharge {
			payer,
			channel,
			cumulative: voucher.cumulative,
			expiry: voucher.expiry,
			signature,
			usage,
		})
	};
	used.into_iter().map(charge).collect()
}
