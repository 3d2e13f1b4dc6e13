//! What an answer costs, and its durable record.

use crate::{
	agents::Agent,
	channels::Reservation,
	metrics,
	records::{RecordState, StoredRecord},
	worker::{unix_ms, Worker},
};
use std::sync::Arc;
use tributary_attribution::{Evidence, Hit, SkillScore, Span, ToolReceipt};
use tributary_client::{batch::AgentTerms, voucher::body_hash};
use tributary_primitives::{
	fee::{fee, Price},
	record::{ToolUse, UsageRecord},
	request::{payer_seed, sampling_seed, SignedOrder},
	voucher::SignedVoucher,
	AccountId, Balance, Hash, SkillSet,
};

/// Who answers, who pays, and on which terms.
pub struct Bill {
	/// Who answers.
	pub agent: Arc<Agent>,
	/// The payer's order.
	pub order: SignedOrder,
	/// The payer's voucher.
	pub voucher: SignedVoucher,
	/// Hold on the channel.
	pub reservation: Reservation,
	/// Its active skills: the agent has their parts alone.
	pub skills: SkillSet,
	/// Why these.
	pub scores: Vec<SkillScore>,
	/// Version of the parameters in force.
	pub parameters: u32,
	/// Flat fee, planck.
	pub platform_fee: Balance,
}

/// A trial of an adapter that is not published, by the operator.
pub struct Trial {
	/// Who answers.
	pub agent: Arc<Agent>,
	/// Number of the trial, unlike any other.
	pub id: Hash,
	/// The operator.
	pub operator: AccountId,
}

/// On which terms an answer is given.
pub enum Terms {
	/// Paid, recorded, attributed and settled.
	Paid(Box<Bill>),
	/// Neither paid nor recorded.
	Trial(Trial),
}

impl Terms {
	/// Who answers.
	pub fn agent(&self) -> &Arc<Agent> {
		match self {
			Self::Paid(bill) => &bill.agent,
			Self::Trial(trial) => &trial.agent,
		}
	}

	/// What the answer is known by.
	pub fn id(&self) -> Hash {
		match self {
			Self::Paid(bill) => bill.order.order.id(),
			Self::Trial(trial) => trial.id,
		}
	}

	/// Whose turn it is.
	pub fn payer(&self) -> AccountId {
		match self {
			Self::Paid(bill) => bill.order.order.payer,
			Self::Trial(trial) => trial.operator,
		}
	}

	/// Seed of the first choice, where the body names `seed` or not. Nothing in a paid one is the worker's to choose.
	pub fn seed(&self, seed: Option<i64>) -> Hash {
		match (seed, self) {
			(Some(seed), _) => payer_seed(&self.payer(), seed),
			(None, Self::Paid(bill)) => {
				let order = &bill.order.order;
				sampling_seed(&bill.order.signature, &order.worker, order.nonce)
			}
			(None, Self::Trial(trial)) => trial.id,
		}
	}

	/// What may be spent.
	pub fn purse(&self) -> Purse {
		match self {
			Self::Paid(bill) => Purse::Limited {
				price: bill.agent.view.price,
				platform_fee: bill.platform_fee,
				max_fee: bill.order.order.max_fee,
			},
			Self::Trial(_) => Purse::Free,
		}
	}

	/// Ends an answer: with a record if it is paid. Blocks until the disk has it.
	pub fn settle(self, worker: &Worker, tokens_in: usize, work: &Work<'_>) -> Result<Recorded, String> {
		match self {
			Self::Paid(bill) => record(worker, *bill, tokens_in, work),
			Self::Trial(_) => Recorded::of(tokens_in, work),
		}
	}
}

/// What an answer may cost.
#[derive(Clone, Copy, Debug)]
pub enum Purse {
	/// At most `max_fee`, planck.
	Limited {
		/// Of tokens.
		price: Price,
		/// Flat fee, planck.
		platform_fee: Balance,
		/// The order's.
		max_fee: Balance,
	},
	/// Anything.
	Free,
}

impl Purse {
	/// Most tokens of an answer after a prompt of `tokens_in` and tool calls for `tools` planck, at most `limit`.
	pub fn affordable(&self, tokens_in: u32, tools: Balance, limit: u32) -> u32 {
		match self {
			Self::Limited { price, platform_fee, max_fee } => {
				let fixed = platform_fee.saturating_add(tools);
				affordable(*price, tokens_in, fixed, *max_fee, limit).unwrap_or(0)
			}
			Self::Free => limit,
		}
	}
}

/// What was done for it.
pub enum Work<'a> {
	/// The tokens of each choice, and the chunks that were in the prompt.
	Answer {
		/// At least one choice, one of them with a token.
		choices: &'a [Vec<u32>],
		/// In the order of their marks.
		hits: &'a [Hit],
		/// Tool calls that the model made: sorted by tool, each tool once.
		calls: &'a [ToolUse],
		/// The same calls one by one, with those that cost nothing.
		receipts: &'a [ToolReceipt],
	},
	/// The embeddings, one after the other.
	Embeddings(&'a [f32]),
}

impl Work<'_> {
	fn tokens_out(&self) -> usize {
		match self {
			Self::Answer { choices, .. } => choices.iter().map(Vec::len).sum(),
			Self::Embeddings(_) => 0,
		}
	}

	/// What the record says about the output.
	fn hash(&self) -> Hash {
		let bytes: Vec<u8> = match self {
			Self::Answer { choices, .. } => {
				choices.iter().flatten().flat_map(|token| token.to_le_bytes()).collect()
			}
			Self::Embeddings(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
		};
		body_hash(&bytes)
	}

	/// The tools that were called.
	fn calls(&self) -> &[ToolUse] {
		match self {
			Self::Answer { calls, .. } => calls,
			Self::Embeddings(_) => &[],
		}
	}

	/// Only what was active can have shaped it.
	fn evidence(&self, worker: &Worker, bill: &Bill) -> Result<Evidence, String> {
		let rules = &worker.config.attribution;
		let active = bill.agent.view.active(bill.skills).ok_or("its agent lacks one of its skills")?.datanets;
		let datanets: Vec<u32> = active.iter().map(|snapshot| snapshot.datanet).collect();
		let indexes = || bill.agent.indexes.iter();
		Ok(match self {
			Self::Answer { choices, hits, receipts, .. } => {
				let mut spans = Vec::new();
				let mut begin = 0usize;
				// Each choice by itself: no span goes from one to the next.
				for tokens in *choices {
					let found = indexes().flat_map(|index| index.spans.spans(tokens, rules.min_span));
					spans.extend(found.map(|span| Span { start: span.start.saturating_add(begin), ..span }));
					begin = begin.saturating_add(tokens.len());
				}
				let lengths: Vec<usize> = choices.iter().map(Vec::len).collect();
				Evidence::collect(rules, &datanets, begin, &spans, hits)
					.with_choices(&lengths)
					.with_receipts(receipts.to_vec())
					.with_skills(bill.scores.clone())
			}
			Self::Embeddings(_) => Evidence::collect(rules, &datanets, 0, &[], &[]),
		})
	}
}

/// Attributes an answer and writes its record: tokens of prompt and answer. Blocks until the disk has it.
pub fn record(worker: &Worker, bill: Bill, tokens_in: usize, work: &Work<'_>) -> Result<Recorded, String> {
	let evidence = work.evidence(worker, &bill)?;
	let terms = AgentTerms::of(&bill.agent.view, bill.skills).ok_or("its agent lacks one of its skills")?;
	let tools = terms.price_of(work.calls()).map_err(|error| error.to_string())?;
	let calls = work.calls().to_vec().try_into().map_err(|_| "it called too many tools")?;
	let recorded = Recorded::of(tokens_in, work)?;
	let Recorded { tokens_in, tokens_out } = recorded;
	let fee = fee(bill.agent.view.price, tokens_in, tokens_out, tools, bill.platform_fee)
		.filter(|fee| *fee <= bill.order.order.max_fee)
		.ok_or("its fee exceeds the order's maximum")?;
	let record = UsageRecord {
		order: bill.order,
		agent: bill.agent.view.agent,
		skills: bill.skills,
		tokens_in,
		tokens_out,
		calls,
		tools,
		parameters: bill.parameters,
		fee,
		output: work.hash(),
		evidence: evidence.hash(),
		profile: worker.engine.profile(),
		at: unix_ms(),
		vector: evidence.vector(),
	};
	let stored = StoredRecord { record, state: RecordState::Unsettled };
	let (settled, evidence) = (bill.reservation.settled, evidence.to_bytes());
	let commit =
		bill.reservation.end_with(|| worker.records.commit(&stored, &bill.voucher, settled, &evidence));
	commit.map_err(|error| error.to_string())?;
	metrics::recorded(tokens_in, tokens_out, fee);
	Ok(recorded)
}

/// What a record counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
	/// Prompt tokens.
	pub tokens_in: u32,
	/// Generated tokens.
	pub tokens_out: u32,
}

impl Recorded {
	fn of(tokens_in: usize, work: &Work<'_>) -> Result<Self, String> {
		let count = |tokens: usize| u32::try_from(tokens).map_err(|_| "too many tokens".to_owned());
		Ok(Self { tokens_in: count(tokens_in)?, tokens_out: count(work.tokens_out())? })
	}
}

/// Most tokens that `max_fee` pays for after a prompt of `tokens_in` and a `fixed` sum (platform fee, tool
/// calls), at most `limit`. `None` when it does not even pay for one.
pub fn affordable(price: Price, tokens_in: u32, fixed: Balance, max_fee: Balance, limit: u32) -> Option<u32> {
	let fits = |more: u32| {
		let out = more.checked_add(1);
		out.and_then(|out| fee(price, tokens_in, out, 0, fixed)).is_some_and(|fee| fee <= max_fee)
	};
	most(limit.checked_sub(1)?, fits)?.checked_add(1)
}

/// The largest number up to `limit` that fits, where all below one that fits do too; `None` when not even 0 fits.
pub fn most(limit: u32, fits: impl Fn(u32) -> bool) -> Option<u32> {
	if !fits(0) {
		return None;
	}
	let (mut low, mut high) = (0u32, limit);
	while low < high {
		let middle = low + (high - low).div_ceil(2);
		if fits(middle) {
			low = middle;
		} else {
			high = middle - 1;
		}
	}
	Some(low)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	proptest! {
		#[test]
		fn affordable_is_the_largest_that_fits_when_the_fee_is_bounded(
			input in 0u128..1_000_000, output in 0u128..1_000_000, tokens_in in 0u32..5_000,
			platform in 0u128..1_000, max_fee in 0u128..10_000_000, limit in 0u32..5_000
		) {
			let price = Price { input, output };
			let cost = |out| fee(price, tokens_in, out, 0, platform).unwrap();
			match affordable(price, tokens_in, platform, max_fee, limit) {
				Some(out) => {
					prop_assert!(out >= 1 && out <= limit && cost(out) <= max_fee);
					prop_assert!(out == limit || cost(out + 1) > max_fee);
				},
				None => prop_assert!(limit == 0 || cost(1) > max_fee),
			}
		}
	}

	#[test]
	fn output_hash_covers_ids_in_order_when_tokens_repeat() {
		let hash =
			|choices: &[Vec<u32>]| Work::Answer { choices, hits: &[], calls: &[], receipts: &[] }.hash();
		assert_ne!(hash(&[vec![1, 2]]), hash(&[vec![2, 1]]));
		assert_eq!(hash(&[vec![1]]), body_hash(&[1, 0, 0, 0]));
		assert_eq!(hash(&[vec![1], vec![2, 3]]), hash(&[vec![1, 2, 3]]));
		assert_eq!(Work::Embeddings(&[1.0]).hash(), body_hash(&1f32.to_le_bytes()));
	}
}
