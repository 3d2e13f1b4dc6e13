// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! Calls of workers, of the settlement of what they did, and of its waiting times.

use super::{
	assets::{agent_name, composition, first},
	senders::*,
};
use crate::weights::chain::{genesis, Transaction};
use polkadot_sdk::{frame_support::traits::fungible::MutateHold, sp_core::Pair as _};
use tributary_primitives::{
	batch::{AgentUsage, BatchHeader, BatchStatus, ChannelCharge, Fault, Verdict},
	earnings::EarningsLeaf,
	limits::MAX_CREDITS_PER_BATCH,
	merkle_sum::{parent, SumNode, SumProof},
	split::SplitTable,
	views::Parameters,
	voucher::Voucher,
	Balance, Earner, Served, SkillSet, VaultKey, PPM, TRB,
};
use tributary_runtime::{AccountId, Agents, Attribution, Balances, Runtime, RuntimeCall, Workers};

fn endpoint() -> pallet_workers::Endpoint {
	b"https://worker.example".to_vec().try_into().expect("shorter than a URL may be")
}

const BOND: Balance = 1_000 * TRB;

fn register(operator: &AccountId, service_key: AccountId) {
	fund(operator);
	Workers::register(signed(operator), service_key, endpoint(), list(16, |model| model), BOND)
		.expect("the operator has funds");
}

fn pot() {
	fund(&Attribution::pot());
}

const FEE: Balance = TRB;

/// An open channel.
fn channel(payer: &AccountId, worker: &AccountId, number: u32) -> pallet_attribution::Channel {
	let reason = pallet_attribution::HoldReason::Escrow.into();
	Balances::hold(&reason, payer, 100 * TRB).expect("the payer has funds");
	let channel = pallet_attribution::Channel {
		nonce: number.into(),
		deposit: 100 * TRB,
		charged: FEE,
		session_key: Some(HASH),
		next_session_key: None,
		closes_at: None,
	};
	pallet_attribution::Channels::<Runtime>::insert(payer, worker, channel);
	channel
}

fn batch(sequence: u64) -> pallet_attribution::Batch {
	let node = SumNode { hash: HASH, sum: 0 };
	pallet_attribution::Batch {
		header: BatchHeader { sequence, records_root: node, records: 1, data: HASH, earnings: node },
		status: BatchStatus::Pending,
		submitted_at: 0,
		matures_at: 0,
		parameters: 1,
		escrow: FEE,
		agents: Default::default(),
		failed: Default::default(),
	}
}

/// A worker whose first batch waits, with this money.
fn pending(worker: &AccountId, batch: pallet_attribution::Batch, money: pallet_attribution::PendingBatch) {
	let challenges = u32::from(batch.status == BatchStatus::Challenged);
	let settlement = pallet_attribution::Settlement { next_sequence: 1, challenges, ..Default::default() };
	pallet_attribution::Settlements::<Runtime>::insert(worker, settlement);
	pallet_attribution::Batches::<Runtime>::insert(worker, 0, batch);
	pallet_attribution::PendingBatches::<Runtime>::insert(worker, 0, money);
}

/// A worker's active root over 2^17 leaves, and the proof of one.
fn proof(worker: &AccountId, earner: Earner) -> SumProof {
	let node = EarningsLeaf { earner, cumulative: FEE }.node(worker.as_ref());
	let sibling = SumNode { hash: HASH, sum: 1 };
	let root = (0..17).fold(node, |node, _| parent(&node, &sibling).expect("the sums are small"));
	let settlement = pallet_attribution::Settlement { credited: root.sum, root, ..Default::default() };
	pallet_attribution::Settlements::<Runtime>::insert(worker, settlement);
	SumProof { index: 0, leaves: 1 << 17, siblings: list(17, |_| sibling) }
}

/// A full batch: 4,096 records on 32 channels and 8 agents with as many parts as possible.
fn full_batch(service_key: &AccountId, number: u32, agents: &[Served]) -> RuntimeCall {
	let (channels, each) = (32, 4_096 / 32 / 2);
	let worker = partner(number);
	register(&worker, service_key.clone());
	let charge = |index: u32| {
		let session = pair(1_000_000);
		let payer = account(2_000_000 + number * channels + index);
		fund(&payer);
		let open = channel(&payer, &worker, index);
		let open = pallet_attribution::Channel { session_key: Some(session.public().0), charged: 0, ..open };
		pallet_attribution::Channels::<Runtime>::insert(&payer, &worker, open);
		let voucher = Voucher {
			genesis: genesis().0,
			payer: payer.clone().into(),
			worker: worker.clone().into(),
			channel: index.into(),
			cumulative: 100 * TRB,
			expiry: u32::MAX,
		};
		let usage = |agent| AgentUsage { agent, records: each, fee: FEE, calls: Default::default() };
		ChannelCharge {
			payer: payer.into(),
			channel: index.into(),
			cumulative: 100 * TRB,
			expiry: u32::MAX,
			signature: session.sign(&voucher.signing_hash()).0,
			usage: vec![usage((index % 8) as u8), usage(((index + 1) % 8) as u8)]
				.try_into()
				.expect("fewer than a channel may name"),
		}
	};
	let charges = list(channels, charge);
	let fees = FEE * Balance::from(channels) * 2;
	let header = BatchHeader {
		sequence: 0,
		records_root: SumNode { hash: HASH, sum: fees },
		records: 4_096,
		data: HASH,
		earnings: SumNode { hash: HASH, sum: 0 },
	};
	let agents = agents.to_vec().try_into().expect("fewer than a batch may have");
	pallet_attribution::Call::submit_batch { header, agents, charges }.into()
}

pub mod workers {
	use super::*;
	use pallet_workers::Call;

	pub fn register(count: u32) -> Vec<Transaction> {
		each(count, |number, _| Call::register {
			service_key: partner(number),
			endpoint: endpoint(),
			models: list(16, |model| model),
			bond: BOND,
		})
	}

	pub fn update(count: u32) -> Vec<Transaction> {
		each(count, |number, who| {
			super::register(who, partner(number));
			let (service_key, models) = (partner(1_000_000 + number), list(16, |model| model));
			Call::update { service_key, endpoint: endpoint(), models }
		})
	}

	pub fn add_bond(count: u32) -> Vec<Transaction> {
		each(count, |number, who| {
			super::register(who, partner(number));
			Call::add_bond { amount: 1 }
		})
	}

	pub fn unbond(count: u32) -> Vec<Transaction> {
		each(count, |number, who| {
			super::register(who, partner(number));
			Call::unbond {}
		})
	}

	pub fn withdraw(count: u32) -> Vec<Transaction> {
		each(count, |number, who| {
			super::register(who, partner(number));
			pallet_workers::Workers::<Runtime>::mutate(who, |worker| {
				if let Some(worker) = worker {
					worker.unbonds_at = Some(0);
				}
			});
			Call::withdraw {}
		})
	}
}

pub mod attribution {
	use super::*;
	use pallet_attribution::{Call, Channels, PendingBatch};

	fn worker() -> AccountId {
		let worker = partner(9_000_000);
		super::register(&worker, partner(9_000_001));
		worker
	}

	pub fn open_channel(count: u32) -> Vec<Transaction> {
		let worker = worker();
		each(count, |_, _| Call::open_channel {
			worker: worker.clone(),
			deposit: TRB,
			session_key: Some(HASH),
		})
	}

	pub fn top_up(count: u32) -> Vec<Transaction> {
		let worker = worker();
		each(count, |number, who| {
			channel(who, &worker, number);
			Call::top_up { worker: worker.clone(), amount: 1 }
		})
	}

	pub fn set_session_key(count: u32) -> Vec<Transaction> {
		let worker = worker();
		each(count, |number, who| {
			channel(who, &worker, number);
			Call::set_session_key { worker: worker.clone(), session_key: Some([8; 32]) }
		})
	}

	pub fn close_channel(count: u32) -> Vec<Transaction> {
		let worker = worker();
		each(count, |number, who| {
			channel(who, &worker, number);
			Call::close_channel { worker: worker.clone() }
		})
	}

	pub fn withdraw_channel(count: u32) -> Vec<Transaction> {
		let worker = worker();
		each(count, |number, who| {
			let closed = pallet_attribution::Channel { closes_at: Some(0), ..channel(who, &worker, number) };
			Channels::<Runtime>::insert(who, &worker, closed);
			Call::withdraw_channel { worker: worker.clone() }
		})
	}

	pub fn submit_batch(count: u32) -> Vec<Transaction> {
		pot();
		let owner = other();
		let agents: Vec<_> = (0..8)
			.map(|number| {
				let parts = pallet_agents::Composition { datanets: Default::default(), ..composition() };
				let skills =
					parts.skills.iter().cloned().map(|skill| pallet_agents::Skill { datanets: 0, ..skill });
				let skills = skills.collect::<Vec<_>>().try_into().expect("as many as before");
				let agent = pallet_registry::NextAsset::<Runtime>::get();
				let parts = pallet_agents::Composition { skills, ..parts };
				Agents::compose(signed(&owner), agent_name(number), parts).expect("its parts exist");
				Served { agent: first(agent), skills: SkillSet(u8::MAX) }
			})
			.collect();
		each(count, |number, who| full_batch(who, number, &agents))
	}

	/// One batch with as many credits as possible.
	pub fn credit(count: u32) -> Vec<Transaction> {
		each(count, |number, _| {
			let worker = partner(number);
			let first = number * MAX_CREDITS_PER_BATCH;
			let credits = list(MAX_CREDITS_PER_BATCH, |index| (VaultKey::Asset(first + index), 1));
			pending(&worker, batch(0), PendingBatch { credits, ..Default::default() });
			Call::credit { worker, limit: 1 }
		})
	}

	pub fn challenge(count: u32) -> Vec<Transaction> {
		each(count, |number, _| {
			let (worker, fault) = (partner(number), Fault::Earnings);
			let batch = pallet_attribution::Batch { matures_at: u32::MAX, ..batch(0) };
			pending(&worker, batch, PendingBatch::default());
			Call::challenge { worker, sequence: 0, fault, evidence: HASH }
		})
	}

	/// Voids a batch of 256 channels.
	pub fn resolve(count: u32) -> Vec<Transaction> {
		pot();
		by_root(count, |number| {
			let (worker, challenger) = (partner(number), other());
			super::register(&worker, partner(1_000_000 + number));
			let charged = list(256, |index| {
				let payer = partner(2_000_000 + index);
				channel(&payer, &worker, index);
				pallet_attribution::Charged { payer: payer.into(), channel: index.into(), amount: 1 }
			});
			let batch = pallet_attribution::Batch { status: BatchStatus::Challenged, ..batch(0) };
			pending(&worker, batch, PendingBatch { charged, ..Default::default() });
			let reason = pallet_attribution::HoldReason::Challenge.into();
			Balances::hold(&reason, &challenger, 10 * TRB).expect("it has funds");
			let challenge = pallet_attribution::Challenge {
				challenger: challenger.into(),
				bond: 10 * TRB,
				fault: Fault::Earnings,
				evidence: HASH,
			};
			pallet_attribution::Challenges::<Runtime>::insert(&worker, 0, challenge);
			Call::resolve { worker, sequence: 0, verdict: Verdict::Void { slash: PPM } }
		})
	}

	pub fn claim(count: u32) -> Vec<Transaction> {
		pot();
		each(count, |number, who| {
			use pallet_attribution::vault::{Holder, Vault};
			let vault = VaultKey::Asset(number);
			let state = Vault { total_weight: 1, rest: FEE, credited: FEE, ..Default::default() };
			pallet_attribution::Vaults::<Runtime>::insert(vault, state);
			pallet_attribution::Holders::<Runtime>::insert(
				who,
				vault,
				Holder { weight: 1, ..Default::default() },
			);
			Call::claim { vault }
		})
	}

	/// With 17 siblings: a tree of 131,072 earners.
	pub fn claim_earnings(count: u32) -> Vec<Transaction> {
		pot();
		each(count, |number, who| {
			let worker = partner(number);
			let proof = proof(&worker, Earner::Account(who.clone().into()));
			Call::claim_earnings { worker, cumulative: FEE, proof }
		})
	}

	pub fn sweep_pool(count: u32) -> Vec<Transaction> {
		each(count, |number, _| {
			let worker = partner(number);
			let proof = proof(&worker, Earner::Pool(number));
			Call::sweep_pool { worker, datanet: number, cumulative: FEE, proof }
		})
	}

	pub fn set_parameters(count: u32) -> Vec<Transaction> {
		let parameters = Parameters { split: SplitTable::default(), platform_fee: 1 };
		by_root(count, |_| Call::set_parameters { parameters })
	}
}

pub mod delays {
	use super::*;
	use tributary_runtime::delays::{pallet::Waits, Call};

	pub fn set(count: u32) -> Vec<Transaction> {
		by_root(count, |_| Call::set { waits: Waits::default() })
	}
}
