//! Which records a batch takes. Pure; what its channels pay follows in `tributary_client::batch`.

use crate::records::StoredRecord;
use std::collections::{BTreeMap, BTreeSet};
use tributary_client::voucher::verify_voucher;
use tributary_primitives::{
	batch::ChannelFault,
	limits::{MAX_AGENTS_PER_BATCH, MAX_CHANNELS_PER_BATCH, MAX_RECORDS_PER_BATCH},
	views::ChannelView,
	voucher::SignedVoucher,
	AccountId, Balance, BlockNumber,
};

/// Blocks that a batch may need to be included.
const INCLUSION_BLOCKS: BlockNumber = 2;
/// Records wait this long for a better voucher or a top-up, then they are given up, milliseconds.
const PATIENCE_MS: u64 = 24 * 60 * 60 * 1_000;

/// A channel that is not there may be in a block that the node does not have, or has not any more: records wait this
/// long for it, milliseconds.
const GONE_MS: u64 = 10 * 60 * 1_000;

/// A channel that unsettled records charge.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
	/// The chain's view now; `None` when there is no channel.
	pub view: Option<ChannelView>,
	/// The voucher that allows most, and the nonce of the channel it is for.
	pub voucher: SignedVoucher,
}

/// Most that a batch may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
	/// Records.
	pub records: usize,
	/// Distinct agent versions with their active skills.
	pub agents: usize,
	/// Channels.
	pub channels: usize,
}

impl Default for Limits {
	fn default() -> Self {
		Self {
			records: MAX_RECORDS_PER_BATCH as usize,
			agents: MAX_AGENTS_PER_BATCH as usize,
			channels: MAX_CHANNELS_PER_BATCH as usize,
		}
	}
}

/// What to do with the unsettled records.
#[derive(Debug, Default)]
pub struct Plan {
	/// Records of the batch and their numbers, oldest first.
	pub records: Vec<(u64, StoredRecord)>,
	/// Records that nobody will ever pay, and why.
	pub lost: Vec<(u64, ChannelFault)>,
	/// Records that wait for a better voucher, a top-up or the next batch.
	pub waiting: usize,
}

/// Plans the next batch. Channels that the chain would refuse now are left out of it: their records wait,
/// or are lost when the channel is gone.
pub fn plan(
	unsettled: Vec<(u64, StoredRecord)>,
	channels: &BTreeMap<AccountId, Standing>,
	block: BlockNumber,
	now_ms: u64,
	limits: Limits,
) -> Plan {
	let mut plan = Plan::default();
	let mut agents = BTreeSet::new();
	let mut spent: BTreeMap<AccountId, Balance> = BTreeMap::new();
	for (number, stored) in unsettled {
		let order = &stored.record.order.order;
		let already = spent.get(&order.payer).copied();
		let age_ms = now_ms.saturating_sub(stored.record.at);
		let fault = match channels.get(&order.payer) {
			Some(standing) => {
				refused(standing, order.channel, already.unwrap_or(0), stored.record.fee, block)
			}
			None => Some(ChannelFault::NoChannel),
		};
		match fault {
			None => {}
			Some(fault @ (ChannelFault::NoChannel | ChannelFault::WrongChannel)) if age_ms >= GONE_MS => {
				plan.lost.push((number, fault));
				continue;
			}
			Some(fault) if age_ms >= PATIENCE_MS => {
				plan.lost.push((number, fault));
				continue;
			}
			Some(_) => {
				plan.waiting = plan.waiting.saturating_add(1);
				continue;
			}
		}
		let full = plan.records.len() >= limits.records
			|| (!agents.contains(&stored.record.served()) && agents.len() >= limits.agents)
			|| (already.is_none() && spent.len() >= limits.channels);
		if full {
			plan.waiting = plan.waiting.saturating_add(1);
			continue;
		}
		agents.insert(stored.record.served());
		spent.insert(order.payer, already.unwrap_or(0).saturating_add(stored.record.fee));
		plan.records.push((number, stored));
	}
	plan
}

/// Why the chain would not charge `already + fee` to a channel now.
pub(super) fn refused(
	standing: &Standing,
	channel: u64,
	already: Balance,
	fee: Balance,
	block: BlockNumber,
) -> Option<ChannelFault> {
	let Some(view) = &standing.view else { return Some(ChannelFault::NoChannel) };
	let voucher = &standing.voucher.voucher;
	if view.nonce != channel || voucher.channel != channel {
		return Some(ChannelFault::WrongChannel);
	}
	if voucher.expiry < block.saturating_add(INCLUSION_BLOCKS) {
		return Some(ChannelFault::Expired);
	}
	let amount = already.saturating_add(fee);
	if view.charged.saturating_add(amount) > voucher.cumulative {
		return Some(ChannelFault::OverVoucher);
	}
	if amount > view.deposit {
		return Some(ChannelFault::OverDeposit);
	}
	// Once per channel is enough: the signature costs more than all other checks.
	if already == 0 && !verify_voucher(&standing.voucher, view.session_key.as_ref()) {
		return Some(ChannelFault::BadSignature);
	}
	None
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::records::tests::{payer, stored_by, voucher_by};
	use tributary_client::Keypair;

	fn standing(key: &Keypair) -> Standing {
		let view = ChannelView { nonce: 1, deposit: 100, charged: 0, session_key: None, closes_at: None };
		Standing { view: Some(view), voucher: voucher_by(key, 100) }
	}

	fn two() -> (Keypair, Keypair, BTreeMap<AccountId, Standing>) {
		let (alice, bob) = (payer("//Alice"), payer("//Bob"));
		let channels = BTreeMap::from([(alice.account(), standing(&alice)), (bob.account(), standing(&bob))]);
		(alice, bob, channels)
	}

	fn run(unsettled: Vec<StoredRecord>, channels: &BTreeMap<AccountId, Standing>, limits: Limits) -> Plan {
		let numbered =
			unsettled.into_iter().enumerate().map(|(number, stored)| (number as u64, stored)).collect();
		plan(numbered, channels, 10, 1_000, limits)
	}

	fn numbers(plan: &Plan) -> Vec<u64> {
		plan.records.iter().map(|(number, _)| *number).collect()
	}

	#[test]
	fn batch_takes_everything_oldest_first_when_all_channels_are_good() {
		let (alice, bob, channels) = two();
		let plan = run(
			vec![stored_by(&alice, 1, 7), stored_by(&bob, 1, 9), stored_by(&alice, 3, 2)],
			&channels,
			Limits::default(),
		);
		assert_eq!((numbers(&plan), plan.waiting, plan.lost.len()), (vec![0, 1, 2], 0, 0));
	}

	#[test]
	fn records_are_lost_when_their_channel_is_gone_or_reopened() {
		let (alice, bob, mut channels) = two();
		channels.get_mut(&alice.account()).unwrap().view = None;
		channels.get_mut(&bob.account()).unwrap().view.as_mut().unwrap().nonce = 2;
		let unsettled = || vec![(0, stored_by(&alice, 1, 7)), (1, stored_by(&bob, 1, 7))];
		let early = plan(unsettled(), &channels, 10, 1_000, Limits::default());
		assert_eq!((early.waiting, early.lost.len(), early.records.len()), (2, 0, 0));
		let plan = plan(unsettled(), &channels, 10, GONE_MS + 2, Limits::default());
		assert_eq!(plan.lost, vec![(0, ChannelFault::NoChannel), (1, ChannelFault::WrongChannel)]);
		assert!(plan.records.is_empty());
	}

	#[test]
	fn records_wait_when_the_chain_would_skip_their_channel_now() {
		let changes: [fn(&mut Standing); 4] = [
			|standing| standing.voucher.voucher.expiry = 11,
			|standing| standing.view.as_mut().unwrap().charged = 94,
			|standing| standing.view.as_mut().unwrap().deposit = 6,
			|standing| standing.voucher.signature = [0; 64],
		];
		for change in changes {
			let (alice, bob, mut channels) = two();
			change(channels.get_mut(&alice.account()).unwrap());
			let plan =
				run(vec![stored_by(&alice, 1, 7), stored_by(&bob, 1, 7)], &channels, Limits::default());
			assert_eq!((numbers(&plan), plan.waiting, plan.lost.len()), (vec![1], 1, 0));
		}
	}

	#[test]
	fn records_are_given_up_when_they_waited_a_day() {
		let (alice, _, mut channels) = two();
		channels.get_mut(&alice.account()).unwrap().voucher.voucher.expiry = 0;
		let plan =
			plan(vec![(0, stored_by(&alice, 1, 7))], &channels, 10, PATIENCE_MS + 2, Limits::default());
		assert_eq!(plan.lost, vec![(0, ChannelFault::Expired)]);
	}

	#[test]
	fn batch_takes_as_many_records_as_the_deposit_covers_when_it_is_small() {
		let (alice, _, mut channels) = two();
		channels.get_mut(&alice.account()).unwrap().view.as_mut().unwrap().deposit = 10;
		let records = (1..=3).map(|nonce| stored_by(&alice, nonce, 5)).collect();
		let plan = run(records, &channels, Limits::default());
		assert_eq!((numbers(&plan), plan.waiting), (vec![0, 1], 1));
	}

	#[test]
	fn batch_stays_within_its_limits_when_more_is_unsettled() {
		let (alice, bob, channels) = two();
		let mut other = stored_by(&alice, 2, 5);
		other.record.agent.asset = 3;
		let records = vec![stored_by(&alice, 1, 7), other, stored_by(&bob, 1, 9), stored_by(&alice, 3, 2)];
		let limited = |records_limit, agents, channels_limit| {
			let limits = Limits { records: records_limit, agents, channels: channels_limit };
			numbers(&run(records.clone(), &channels, limits))
		};
		assert_eq!(limited(2, 9, 9), vec![0, 1]);
		assert_eq!(limited(9, 1, 9), vec![0, 2, 3]);
		assert_eq!(limited(9, 9, 1), vec![0, 1, 3]);
	}
}
