//! Calls that only somebody who keeps books and keys can make: batches, claims, verdicts.

use super::{
	chain::now,
	typed::{account, balance},
	world::{operator, sign, World},
};
use codec::{DecodeLimit, Encode};
use polkadot_sdk::{
	frame_support::storage::{with_transaction, TransactionOutcome},
	frame_system, pallet_session, pallet_sudo,
	sp_core::{ed25519, proof_of_possession::ProofOfPossessionGenerator, sr25519, Pair},
	sp_keyring::Sr25519Keyring,
	sp_runtime::{traits::Dispatchable, DispatchError},
};
use tributary_fuzz_driver::Input;
use tributary_primitives::{
	batch::{AgentUsage, BatchHeader, BatchStatus, ChannelCharge, ToolCalls, Verdict},
	earnings::EarningsTree,
	merkle_sum::{SumNode, SumProof},
	split::SplitTable,
	traits::AgentParts,
	views::Parameters,
	voucher::Voucher,
	AssetRef, Balance, Earner, Served, SkillSet, VaultKey,
};
use tributary_runtime::{
	constants::*, delays::Waits, AccountId, Agents, Attribution, Runtime, RuntimeCall, RuntimeOrigin,
	SessionKeys, System,
};

/// A call and who signs it.
pub type Signed = (AccountId, RuntimeCall);

/// The account that may use sudo.
pub fn alice() -> AccountId {
	Sr25519Keyring::Alice.to_account_id()
}

/// `call` with the rights of root.
pub fn sudo(call: RuntimeCall) -> Signed {
	(alice(), pallet_sudo::Call::<Runtime>::sudo { call: Box::new(call) }.into())
}

/// A call of one of the kinds of this module; `None` when the state has nothing for it.
pub fn any(input: &mut Input, world: &mut World) -> Option<Signed> {
	match input.below(16) {
		0..=4 => batch(input, world),
		5 => credit(input),
		6 => challenge(input),
		7 => resolve(input),
		8 | 9 => claim(input),
		10..=12 => claim_earnings(input, world),
		13 if input.one_in(2) => set_keys(input),
		13 => Some(sudo(set_parameters(input))),
		14 => Some(sudo(set_waits(input))),
		_ => open_channel(input),
	}
}

fn open_channel(input: &mut Input) -> Option<Signed> {
	let worker = operator(input)?;
	let session_key = (input.byte() & 1 == 1).then(|| account(input).into());
	let deposit = (1 + u128::from(input.byte())) * TRB;
	Some((account(input), pallet_attribution::Call::open_channel { worker, deposit, session_key }.into()))
}

/// The agents of a batch: composed ones, under some of their skills.
fn served(input: &mut Input) -> Vec<Served> {
	let count = pallet_agents::AgentCount::<Runtime>::get();
	let mut chosen: Vec<Served> = Vec::new();
	for _ in 0..=input.below(3) {
		let position = input.below(count as usize) as u32;
		let Some(asset) = pallet_agents::Agents::<Runtime>::get(position) else { continue };
		let newest = pallet_registry::Assets::<Runtime>::get(asset).map_or(1, |asset| asset.newest);
		let version = 1 + input.below(newest as usize) as u32;
		let skills = SkillSet(if input.one_in(3) { input.byte() % 4 } else { 0 });
		let served = Served { agent: AssetRef { asset, version }, skills };
		let good = !chosen.contains(&served) && Agents::parts(served).is_some();
		if good || input.one_in(64) {
			chosen.push(served);
		}
	}
	chosen
}

fn usage(input: &mut Input, agent: usize, served: Served, left: Balance) -> AgentUsage {
	let tools = Agents::parts(served).map(|parts| parts.tools).unwrap_or_default();
	let mut calls = Vec::<ToolCalls>::new();
	let mut fee = match input.below(8) {
		0 => 0,
		1 => u128::from(input.byte()),
		2 => balance(input),
		_ => left / (2 + u128::from(input.byte())),
	};
	for (tool, part) in tools.iter().enumerate() {
		if input.byte() & 1 == 1 {
			let count = 1 + u32::from(input.byte() % 4);
			calls.push(ToolCalls { tool: tool as u8, calls: count });
			if !input.one_in(16) {
				fee = fee.saturating_add(part.price.saturating_mul(count.into()));
			}
		}
	}
	let records = if input.one_in(128) { 0 } else { 1 + u32::from(input.byte()) };
	AgentUsage { agent: agent as u8, records, fee, calls: calls.try_into().unwrap_or_default() }
}

fn charges(input: &mut Input, worker: &AccountId, agents: &[Served]) -> Vec<ChannelCharge> {
	let channels = pallet_attribution::Channels::<Runtime>::iter().filter(|(_, to, _)| to == worker);
	let channels: Vec<_> = channels.take(8).collect();
	let mut charges = Vec::new();
	for (payer, _, channel) in &channels {
		if input.one_in(4) {
			continue;
		}
		let usage: Vec<_> = (0..=input.below(2))
			.filter_map(|_| {
				let agent = input.below(agents.len());
				Some(usage(input, agent, *agents.get(agent)?, channel.deposit))
			})
			.collect();
		let amount = usage.iter().fold(0u128, |sum, usage| sum.saturating_add(usage.fee));
		let mut voucher = Voucher {
			genesis: System::block_hash(0).0,
			payer: payer.clone().into(),
			worker: worker.clone().into(),
			channel: channel.nonce,
			cumulative: channel.charged.saturating_add(amount),
			expiry: now() + u32::from(input.byte()),
		};
		match input.byte() {
			0 => voucher.cumulative = voucher.cumulative.saturating_sub(1),
			1 => voucher.channel ^= 1,
			2 => voucher.expiry = now() - 1,
			3..=60 => voucher.cumulative = voucher.cumulative.saturating_add(balance(input)),
			_ => {}
		}
		let session_key = channel.session_key_at(now()).map(AccountId::new);
		let by = if input.one_in(2) { session_key.as_ref().unwrap_or(payer) } else { payer };
		let mut signature = sign(by, &voucher.signing_hash());
		if input.one_in(24) {
			signature[usize::from(input.byte() % 64)] ^= 1;
		}
		charges.push(ChannelCharge {
			payer: voucher.payer,
			channel: voucher.channel,
			cumulative: voucher.cumulative,
			expiry: voucher.expiry,
			signature,
			usage: usage.try_into().unwrap_or_default(),
		});
	}
	if input.one_in(24) {
		charges.extend(charges.first().cloned());
	}
	charges
}

/// The data share of a batch, by trying it: with a charge that fails it may have any earnings root.
fn data_share(
	signer: &AccountId,
	header: &BatchHeader,
	agents: &[Served],
	charges: &[ChannelCharge],
) -> Option<Balance> {
	let worker = pallet_workers::ServiceKeys::<Runtime>::get(signer)?;
	let mut charges = charges.to_vec();
	charges.push(ChannelCharge {
		payer: [0xee; 32],
		channel: 0,
		cumulative: 0,
		expiry: 0,
		signature: [0; 64],
		usage: Default::default(),
	});
	let mut header = *header;
	header.earnings.sum = Balance::MAX;
	let sequence = header.sequence;
	let call = submit(header, agents, &charges)?;
	let signer = RuntimeOrigin::signed(signer.clone());
	let tried: Result<_, DispatchError> = with_transaction(|| {
		let data = call.dispatch(signer).ok().and_then(|_| {
			let batch = pallet_attribution::Batches::<Runtime>::get(&worker, sequence)?;
			Some(batch.agents.iter().map(|total| total.data).sum())
		});
		TransactionOutcome::Rollback(Ok(data))
	});
	tried.ok().flatten()
}

fn submit(header: BatchHeader, agents: &[Served], charges: &[ChannelCharge]) -> Option<RuntimeCall> {
	let (agents, charges) = (agents.to_vec().try_into().ok()?, charges.to_vec().try_into().ok()?);
	Some(pallet_attribution::Call::submit_batch { header, agents, charges }.into())
}

/// To a few contributors, and the rest to a pool.
fn divide(input: &mut Input, data: Balance) -> Vec<(Earner, Balance)> {
	let (mut parts, mut left) = (Vec::new(), data);
	for _ in 0..input.below(3) {
		let who = account(input);
		let part = left / (1 + u128::from(input.byte()));
		left -= part;
		parts.push((Earner::Account(who.into()), part));
	}
	parts.push((Earner::Pool(input.below(3) as u32), left));
	parts.retain(|(_, part)| *part > 0);
	parts
}

/// The tree of all batches up to `until` that are not voided.
fn tree(world: &World, worker: &AccountId, until: u64) -> EarningsTree {
	let mut tree = EarningsTree::default();
	for ((_, sequence), parts) in world.books.range((worker.clone(), 0)..=(worker.clone(), until)) {
		let status = Attribution::batch(worker.clone(), *sequence).map(|batch| batch.status);
		if status.is_none_or(|status| status == BatchStatus::Voided) {
			continue;
		}
		for (earner, amount) in parts {
			tree.credit(*earner, *amount).expect("all money is less than a number can be");
		}
	}
	tree
}

fn batch(input: &mut Input, world: &mut World) -> Option<Signed> {
	let worker = operator(input)?;
	let signer = pallet_workers::Workers::<Runtime>::get(&worker)?.service_key;
	let agents = served(input);
	let charges = charges(input, &worker, &agents);
	let settlement = Attribution::settlement(worker.clone());
	let usage = || charges.iter().flat_map(|charge| charge.usage.iter());
	let mut header = BatchHeader {
		sequence: settlement.next_sequence,
		records_root: SumNode {
			hash: [1; 32],
			sum: usage().fold(0, |sum, usage| usage.fee.saturating_add(sum)),
		},
		records: usage().fold(0, |sum, usage| usage.records.saturating_add(sum)),
		data: [2; 32],
		earnings: SumNode::default(),
	};
	let data = data_share(&signer, &header, &agents, &charges).unwrap_or_default();
	let parts = divide(input, data);
	let mut tree = tree(world, &worker, u64::MAX);
	for (earner, amount) in &parts {
		tree.credit(*earner, *amount)?;
	}
	header.earnings = tree.root(worker.as_ref())?;
	match input.byte() {
		0 => header.earnings.sum = header.earnings.sum.saturating_add(1),
		1 => header.sequence = header.sequence.saturating_add(1),
		2 => header.records = header.records.saturating_add(1),
		3 => header.records_root.sum ^= 1,
		4 => header.earnings.hash = [3; 32],
		_ => {}
	}
	// What the books say of a batch that is refused is overwritten by the next one with its number.
	world.books.insert((worker, header.sequence), parts);
	Some((signer, submit(header, &agents, &charges)?))
}

fn credit(input: &mut Input) -> Option<Signed> {
	let (worker, limit) = (operator(input)?, u32::from(input.byte() % 20));
	let oldest = Attribution::settlement(worker.clone()).oldest_pending;
	let oldest = Attribution::batch(worker.clone(), oldest);
	if oldest.is_none_or(|batch| batch.matures_at > now()) && !input.one_in(8) {
		return None;
	}
	Some((account(input), pallet_attribution::Call::credit { worker, limit }.into()))
}

fn challenge(input: &mut Input) -> Option<Signed> {
	let worker = operator(input)?;
	let settlement = Attribution::settlement(worker.clone());
	let open = settlement.next_sequence.saturating_sub(settlement.oldest_pending);
	let back = input.below(open as usize + 1).min(input.below(3)) as u64;
	let sequence = settlement.next_sequence.saturating_sub(back);
	let fault = tributary_primitives::batch::Fault::Earnings;
	let call = pallet_attribution::Call::challenge { worker, sequence, fault, evidence: [4; 32] };
	Some((account(input), call.into()))
}

fn resolve(input: &mut Input) -> Option<Signed> {
	let open: Vec<_> = pallet_attribution::Challenges::<Runtime>::iter_keys().collect();
	let (worker, sequence) = input.choose(&open).cloned()?;
	let verdict = match input.below(3) {
		0 => Verdict::Stand,
		_ => Verdict::Void { slash: [0, 1, 10_000, 1_000_000, 1_000_001][input.below(5)] },
	};
	Some(sudo(pallet_attribution::Call::resolve { worker, sequence, verdict }.into()))
}

fn claim(input: &mut Input) -> Option<Signed> {
	let who = account(input);
	let owed = Attribution::claimable(who.clone());
	let vault = input.choose(&owed).map_or(VaultKey::Platform, |owed| owed.vault);
	Some((who, pallet_attribution::Call::claim { vault }.into()))
}

fn claim_earnings(input: &mut Input, world: &World) -> Option<Signed> {
	let worker = operator(input)?;
	let settlement = Attribution::settlement(worker.clone());
	let tree = tree(world, &worker, settlement.root_sequence);
	let mut leaves = tree.leaves();
	if !input.one_in(8) {
		leaves.retain(|leaf| Attribution::earnings_claimed(worker.clone(), leaf.earner) < leaf.cumulative);
	}
	let leaf = *input.choose(&leaves)?;
	let (leaf, mut proof): (_, SumProof) = tree.prove(worker.as_ref(), &leaf.earner)?;
	let mut cumulative = leaf.cumulative;
	match input.byte() {
		0 => cumulative += 1,
		1 => proof.index ^= 1,
		2 => proof.leaves = proof.leaves.saturating_add(1),
		3 => {
			if let Some(node) = proof.siblings.iter_mut().next() {
				node.sum = node.sum.saturating_add(1);
			}
		}
		4 => {
			let _ = proof.siblings.pop();
		}
		_ => {}
	}
	Some(match leaf.earner {
		Earner::Account(who) => {
			(who.into(), pallet_attribution::Call::claim_earnings { worker, cumulative, proof }.into())
		}
		Earner::Pool(datanet) => {
			let call = pallet_attribution::Call::sweep_pool { worker, datanet, cumulative, proof };
			(account(input), call.into())
		}
	})
}

fn set_parameters(input: &mut Input) -> RuntimeCall {
	let mut split = SplitTable::default();
	let moved = u32::from(input.byte()) * 100;
	split.worker -= moved;
	split.data += moved;
	if input.one_in(8) {
		split.tools += 1;
	}
	let platform_fee = if input.one_in(4) { 0 } else { balance(input) };
	pallet_attribution::Call::set_parameters { parameters: Parameters { split, platform_fee } }.into()
}

/// Session keys of one of the accounts, with the proof that they are its own.
fn set_keys(input: &mut Input) -> Option<Signed> {
	let owner = account(input);
	let seed = [input.byte() % super::staking::SEEDS; 32];
	let (mut blocks, mut votes) = (sr25519::Pair::from_seed(&seed), ed25519::Pair::from_seed(&seed));
	let keys = SessionKeys { aura: blocks.public().into(), grandpa: votes.public().into() };
	let statement: &[u8] = owner.as_ref();
	let mut proof =
		(blocks.generate_proof_of_possession(statement), votes.generate_proof_of_possession(statement))
			.encode();
	if input.one_in(8) {
		proof[usize::from(input.byte() % 64)] ^= 1;
	}
	Some((owner, pallet_session::Call::set_keys { keys, proof }.into()))
}

fn set_waits(input: &mut Input) -> RuntimeCall {
	let challenge_window = u32::from(input.byte() % 12);
	let waits = Waits {
		challenge_window,
		closing_delay: challenge_window + u32::from(input.byte() % 6),
		unbonding_delay: challenge_window + u32::from(input.byte() % 6),
	};
	tributary_runtime::delays::Call::set { waits }.into()
}

/// Who may make a call, as far as its target knows: the owner of what it is about.
pub fn entitled(call: &RuntimeCall, input: &mut Input) -> Option<AccountId> {
	use pallet_attribution::Call as Attributions;
	use pallet_workers::Call as Workers;
	use polkadot_sdk::{pallet_proxy, sp_runtime::MultiAddress};
	let delegate = |real: &MultiAddress<AccountId, ()>| match real {
		MultiAddress::Id(real) => {
			let (proxies, _) = pallet_proxy::Proxies::<Runtime>::get(real);
			proxies.first().map(|proxy| proxy.delegate.clone())
		}
		_ => None,
	};
	let mut payer = |worker: &AccountId| {
		let channels = pallet_attribution::Channels::<Runtime>::iter();
		let payers: Vec<_> = channels.filter(|(_, to, _)| to == worker).map(|(payer, ..)| payer).collect();
		input.choose(&payers).cloned()
	};
	use pallet_adapters::Call as Adapters;
	use pallet_agents::Call as AgentCalls;
	use pallet_datanets::Call as Datanets;
	use pallet_grants::Call as Grants;
	use pallet_prompts::Call as Prompts;
	use pallet_registry::Call as Registry;
	use pallet_tools::Call as Tools;
	let datanet = |id: &u32| Some(pallet_datanets::DataNets::<Runtime>::get(id)?.owner);
	let asset = |id: &u32| Some(pallet_registry::Assets::<Runtime>::get(id)?.owner);
	match call {
		RuntimeCall::Datanets(
			Datanets::set_curators { datanet: id, .. }
			| Datanets::review { datanet: id, .. }
			| Datanets::snapshot { datanet: id, .. }
			| Datanets::tombstone { datanet: id, .. },
		) => datanet(id),
		RuntimeCall::Datanets(Datanets::withdraw { datanet, index }) => {
			Some(pallet_datanets::Contributions::<Runtime>::get(datanet, index)?.contributor)
		}
		RuntimeCall::Grants(
			Grants::set_recipient { datanet: id, .. }
			| Grants::offer { datanet: id, .. }
			| Grants::refuse { datanet: id, .. }
			| Grants::grant { datanet: id, .. }
			| Grants::revoke { datanet: id, .. },
		) => datanet(id),
		RuntimeCall::Registry(
			Registry::set_price { asset: id, .. }
			| Registry::transfer { asset: id, .. }
			| Registry::set_holders { asset: id, .. }
			| Registry::retire { asset: id, .. }
			| Registry::attach { asset: id, .. }
			| Registry::detach { asset: id, .. },
		) => asset(id),
		RuntimeCall::Adapters(
			Adapters::add_version { asset: id, .. } | Adapters::set_evaluators { asset: id, .. },
		) => asset(id),
		RuntimeCall::Adapters(Adapters::report { asset, .. }) => {
			pallet_adapters::Evaluators::<Runtime>::get(asset).first().cloned()
		}
		RuntimeCall::Adapters(Adapters::withdraw_report { asset, version, .. }) => {
			let reports = pallet_adapters::Reports::<Runtime>::get(asset, version);
			reports.first().map(|report| report.evaluator.clone())
		}
		RuntimeCall::Attribution(
			Attributions::top_up { worker, .. }
			| Attributions::set_session_key { worker, .. }
			| Attributions::close_channel { worker }
			| Attributions::withdraw_channel { worker },
		) => payer(worker),
		RuntimeCall::Workers(
			Workers::update { .. } | Workers::add_bond { .. } | Workers::unbond {} | Workers::withdraw {},
		) => operator(input),
		RuntimeCall::Proxy(
			pallet_proxy::Call::proxy { real, .. }
			| pallet_proxy::Call::announce { real, .. }
			| pallet_proxy::Call::remove_announcement { real, .. },
		) => delegate(real),
		RuntimeCall::Sudo(call) if !matches!(call, pallet_sudo::Call::remove_key {}) => {
			pallet_sudo::Key::<Runtime>::get()
		}
		RuntimeCall::Prompts(Prompts::add_version { asset: id, .. }) => asset(id),
		RuntimeCall::Tools(Tools::add_version { tool: id, .. }) => asset(id),
		RuntimeCall::Agents(AgentCalls::recompose { agent: id, .. }) => asset(id),
		_ => None,
	}
}

/// Whether a call, or one inside it, sets the state itself: root may do that, and no invariant is left then.
pub fn is_beyond_rules(call: &RuntimeCall) -> bool {
	use polkadot_sdk::{
		frame_support::traits::Bounded, pallet_balances, pallet_collective, pallet_grandpa, pallet_multisig,
		pallet_preimage, pallet_proxy, pallet_referenda, pallet_scheduler, pallet_utility,
	};
	// What governance would carry out as root.
	let hides = |bytes: &[u8]| {
		let call = RuntimeCall::decode_with_depth_limit(64, &mut &bytes[..]);
		call.is_ok_and(|call| is_beyond_rules(&sudo(call).1))
	};
	let inner: Vec<&RuntimeCall> = match call {
		RuntimeCall::Sudo(
			pallet_sudo::Call::sudo { call }
			| pallet_sudo::Call::sudo_as { call, .. }
			| pallet_sudo::Call::sudo_unchecked_weight { call, .. },
		) => vec![call],
		RuntimeCall::Utility(
			pallet_utility::Call::batch { calls }
			| pallet_utility::Call::batch_all { calls }
			| pallet_utility::Call::force_batch { calls },
		) => calls.iter().collect(),
		RuntimeCall::Utility(
			pallet_utility::Call::as_derivative { call, .. }
			| pallet_utility::Call::dispatch_as { call, .. }
			| pallet_utility::Call::dispatch_as_fallible { call, .. }
			| pallet_utility::Call::with_weight { call, .. },
		) => vec![call],
		RuntimeCall::Utility(pallet_utility::Call::if_else { main, fallback }) => vec![main, fallback],
		RuntimeCall::Proxy(
			pallet_proxy::Call::proxy { call, .. } | pallet_proxy::Call::proxy_announced { call, .. },
		) => vec![call],
		RuntimeCall::Multisig(
			pallet_multisig::Call::as_multi { call, .. }
			| pallet_multisig::Call::as_multi_threshold_1 { call, .. },
		) => vec![call],
		RuntimeCall::Scheduler(
			pallet_scheduler::Call::schedule { call, .. }
			| pallet_scheduler::Call::schedule_named { call, .. }
			| pallet_scheduler::Call::schedule_after { call, .. }
			| pallet_scheduler::Call::schedule_named_after { call, .. },
		) => vec![call],
		RuntimeCall::TechnicalCommittee(
			pallet_collective::Call::execute { proposal, .. }
			| pallet_collective::Call::propose { proposal, .. },
		) => vec![proposal],
		RuntimeCall::Preimage(pallet_preimage::Call::note_preimage { bytes }) => return hides(bytes),
		RuntimeCall::Referenda(pallet_referenda::Call::submit {
			proposal: Bounded::Inline(bytes), ..
		}) => return hides(bytes),
		_ => vec![],
	};
	let raw = |call: &RuntimeCall| match call {
		RuntimeCall::System(call) => !matches!(call, frame_system::Call::remark { .. }),
		RuntimeCall::Timestamp(_) => true,
		// It doubles the delay without a check, in a hook: one beyond half of all blocks ends the chain.
		RuntimeCall::Grandpa(pallet_grandpa::Call::note_stalled { delay, .. }) => *delay > DAYS,
		RuntimeCall::Balances(call) => matches!(
			call,
			pallet_balances::Call::force_transfer { .. }
				| pallet_balances::Call::force_unreserve { .. }
				| pallet_balances::Call::force_set_balance { .. }
				| pallet_balances::Call::force_adjust_total_issuance { .. }
		),
		_ => false,
	};
	inner.into_iter().any(|call| raw(call) || is_beyond_rules(call))
}
