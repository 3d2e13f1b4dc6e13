//! Tests of every call and every error; money in random sequences of calls.

mod batches;
mod challenges;
mod channels;
mod claims;
mod conservation;
mod credits;
mod faults;
mod parameters;
mod split;
mod tools;
mod vaults;
mod vectors;

use crate::{
	impls::{charges::Usage, split::Credits},
	mock::*,
	Error, Event,
};
use frame::testing_prelude::*;
use polkadot_sdk::{
	polkadot_sdk_frame as frame,
	sp_core::{sr25519, Pair},
};
use tributary_primitives::{
	batch::{AgentUsage, BatchHeader, BatchStatus, ChannelCharge, ToolCalls},
	earnings::EarningsTree,
	merkle_sum::{SumNode, SumProof},
	traits::AgentParts,
	voucher::Voucher,
	AssetRef, Balance, Earner, Served,
};

/// Seeds of the payers, who have funds.
pub const PAYERS: [u8; 4] = [1, 2, 3, 4];
/// Seeds of the contributors, who have none.
pub const CONTRIBUTORS: [u8; 3] = [51, 52, 53];

type Weights = <Test as crate::Config>::WeightInfo;

pub fn pair(seed: u8) -> sr25519::Pair {
	sr25519::Pair::from_seed(&[seed; 32])
}

pub fn account(seed: u8) -> AccountId32 {
	pair(seed).public().into()
}

fn signed(seed: u8) -> RuntimeOrigin {
	RuntimeOrigin::signed(account(seed))
}

fn service() -> RuntimeOrigin {
	RuntimeOrigin::signed(SERVICE_KEY)
}

fn open(seed: u8, deposit: Balance) -> u64 {
	Attribution::open_channel(signed(seed), OPERATOR, deposit, None).unwrap();
	channel(seed).nonce
}

fn channel(seed: u8) -> tributary_primitives::views::ChannelView {
	Attribution::channel(account(seed), OPERATOR).unwrap()
}

/// A voucher as its payer fills it in today.
fn voucher(payer: u8, channel: u64, cumulative: Balance) -> Voucher {
	Voucher {
		genesis: System::block_hash(0).0,
		payer: account(payer).into(),
		worker: OPERATOR.into(),
		channel,
		cumulative,
		expiry: System::block_number() + 1_000,
	}
}

/// `usage`: agent index, records, fee.
fn charge_by(signer: u8, voucher: Voucher, usage: &[(u8, u32, Balance)]) -> ChannelCharge {
	let usage: Vec<_> = usage
		.iter()
		.map(|(agent, records, fee)| AgentUsage {
			agent: *agent,
			records: *records,
			fee: *fee,
			calls: Default::default(),
		})
		.collect();
	ChannelCharge {
		payer: voucher.payer,
		channel: voucher.channel,
		cumulative: voucher.cumulative,
		expiry: voucher.expiry,
		signature: pair(signer).sign(&voucher.signing_hash()).0,
		usage: usage.try_into().unwrap(),
	}
}

/// A charge of `usage` under a voucher for exactly that and what was charged before.
fn charge(payer: u8, usage: &[(u8, u32, Balance)]) -> ChannelCharge {
	let (nonce, charged) = Attribution::channel(account(payer), OPERATOR)
		.map(|channel| (channel.nonce, channel.charged))
		.unwrap_or_default();
	let fee: Balance = usage.iter().map(|(_, _, fee)| fee).sum();
	charge_by(payer, voucher(payer, nonce, charged + fee), usage)
}

/// `calls`: tool index, number of calls.
fn calls(calls: &[(u8, u32)]) -> BoundedVec<ToolCalls, tributary_primitives::limits::MaxAgentTools> {
	let calls: Vec<_> = calls.iter().map(|(tool, calls)| ToolCalls { tool: *tool, calls: *calls }).collect();
	calls.try_into().unwrap()
}

/// [`charge`] for the first agent, with tool calls.
fn charge_calls(payer: u8, records: u32, fee: Balance, used: &[(u8, u32)]) -> ChannelCharge {
	let mut charge = charge(payer, &[(0, records, fee)]);
	charge.usage[0].calls = calls(used);
	charge
}

fn last_event() -> Event<Test> {
	events().pop().unwrap()
}

fn events() -> Vec<Event<Test>> {
	let ours = |record: frame_system::EventRecord<RuntimeEvent, _>| match record.event {
		RuntimeEvent::Attribution(event) => Some(event),
		_ => None,
	};
	System::events().into_iter().filter_map(ours).collect()
}

/// Data share of `charges`, all of them good. Nothing where fees do not pay for the calls: such a batch is
/// refused whatever it promises.
fn data_share<A: Into<Served> + Copy>(agents: &[A], charges: &[ChannelCharge]) -> Balance {
	let (_, parameters) = Attribution::parameters();
	let usage = || charges.iter().flat_map(|charge| charge.usage.iter());
	(0u8..)
		.zip(agents)
		.map(|(index, agent)| {
			let mut used = Usage::default();
			usage().filter(|usage| usage.agent == index).for_each(|usage| used.add(usage).unwrap());
			let parts = Table::parts((*agent).into()).unwrap();
			let mut credits = Credits::default();
			Attribution::divide_fees(&OPERATOR, &parts, &used, &parameters, &mut credits)
				.map_or(0, |(_, data)| data)
		})
		.sum()
}

fn header(sequence: u64, charges: &[ChannelCharge], earnings: SumNode) -> BatchHeader {
	let usage = || charges.iter().flat_map(|charge| charge.usage.iter());
	BatchHeader {
		sequence,
		records_root: SumNode { hash: [1; 32], sum: usage().map(|usage| usage.fee).sum() },
		records: usage().map(|usage| usage.records).sum(),
		data: [2; 32],
		earnings,
	}
}

/// What an honest worker keeps: which data shares it owes to whom, by batch.
#[derive(Default)]
struct Worker(Vec<Vec<(Earner, Balance)>>);

impl Worker {
	/// Half to one contributor, half to the pool of DataNet 1.
	fn divide(&self, data: Balance) -> Vec<(Earner, Balance)> {
		let who = CONTRIBUTORS[self.0.len() % CONTRIBUTORS.len()];
		let half = data / 2;
		let parts = [(Earner::Account(account(who).into()), half), (Earner::Pool(1), data - half)];
		parts.into_iter().filter(|(_, amount)| *amount > 0).collect()
	}

	/// The tree of all batches that are not voided, up to number `until`.
	fn tree(&self, until: u64) -> EarningsTree {
		let mut tree = EarningsTree::default();
		for (sequence, parts) in (0u64..=until).zip(&self.0) {
			if Attribution::batch(OPERATOR, sequence).unwrap().status != BatchStatus::Voided {
				parts.iter().for_each(|(earner, amount)| tree.credit(*earner, *amount).unwrap());
			}
		}
		tree
	}

	/// The next batch as an honest worker would submit it.
	fn header<A: Into<Served> + Copy>(&self, agents: &[A], charges: &[ChannelCharge]) -> BatchHeader {
		let mut tree = self.tree(u64::MAX);
		for (earner, amount) in self.divide(data_share(agents, charges)) {
			tree.credit(earner, amount).unwrap();
		}
		let root = tree.root(OPERATOR.as_ref()).unwrap();
		header(Attribution::settlement(OPERATOR).next_sequence, charges, root)
	}

	/// Submits the next batch and books what was really settled.
	fn submit<A: Into<Served> + Copy>(
		&mut self,
		agents: &[A],
		charges: &[ChannelCharge],
	) -> DispatchResultWithPostInfo {
		let header = self.header(agents, charges);
		let post = submit(header, agents, charges)?;
		let view = Attribution::batch(OPERATOR, header.sequence).unwrap();
		self.0.push(self.divide(view.agents.iter().map(|total| total.data).sum()));
		Ok(post)
	}

	/// Proof of an earner's leaf in the tree that the active root commits to.
	fn prove(&self, earner: Earner) -> (Balance, SumProof) {
		let settlement = Attribution::settlement(OPERATOR);
		let tree = self.tree(settlement.root_sequence);
		let (leaf, proof) = tree.prove(OPERATOR.as_ref(), &earner).unwrap();
		(leaf.cumulative, proof)
	}
}

fn submit<A: Into<Served> + Copy>(
	header: BatchHeader,
	agents: &[A],
	charges: &[ChannelCharge],
) -> DispatchResultWithPostInfo {
	let agents: Vec<Served> = agents.iter().map(|agent| (*agent).into()).collect();
	Attribution::submit_batch(
		service(),
		header,
		agents.try_into().unwrap(),
		charges.to_vec().try_into().unwrap(),
	)
}

/// One batch of one record of `fee` planck by payer 1 for the agent with a DataNet.
fn settle(worker: &mut Worker, fee: Balance) {
	if Attribution::channel(account(1), OPERATOR).is_none() {
		open(1, ENDOWMENT / 2);
	}
	worker.submit(&[PLAIN], &[charge(1, &[(0, 1, fee)])]).unwrap();
}

fn status(sequence: u64) -> BatchStatus {
	Attribution::batch(OPERATOR, sequence).unwrap().status
}
