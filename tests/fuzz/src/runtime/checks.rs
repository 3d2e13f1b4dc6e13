//! What must hold after every block.

use codec::{Decode, Encode};
use polkadot_sdk::{
	frame_support::dispatch::DispatchClass, frame_system, pallet_balances, pallet_multisig, pallet_preimage,
	pallet_proxy, pallet_referenda, pallet_session,
};
use std::collections::BTreeMap;
use tributary_runtime::{
	AccountId, Attribution, Balance, Balances, Runtime, RuntimeEvent, RuntimeHoldReason, System,
};

/// Held amounts by reason and account.
type Holds = BTreeMap<(Vec<u8>, AccountId), Balance>;

/// The money at one time, planck.
#[derive(Clone, Copy, Debug)]
pub struct Money {
	/// All there is. It changes by nothing but what accounts burn: nobody but root can make more, and no step has root
	/// do it.
	issued: Balance,
	/// What the pot has beyond what it owes. It changes by nothing but gifts.
	surplus: Balance,
}

/// What events say that changed the money since the last check, planck.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
	/// Burned by accounts that asked for it.
	burned: Balance,
	/// Transferred to the pot. What is owed comes out of holds, which is another event.
	gifts: Balance,
}

impl Told {
	/// Notes an event.
	pub fn note(&mut self, event: &RuntimeEvent) {
		match event {
			RuntimeEvent::Balances(pallet_balances::Event::Burned { amount, .. }) => self.burned += amount,
			RuntimeEvent::Balances(pallet_balances::Event::Transfer { to, amount, .. })
				if *to == Attribution::pot() =>
			{
				self.gifts += amount
			}
			_ => (),
		}
	}
}

/// The money now; issuance and the pot must add up.
pub fn money() -> Money {
	Money { issued: issuance(), surplus: surplus() }
}

/// The money after some blocks, by what was before and what events told.
pub fn conserved(before: Money, told: Told) -> Money {
	holds();
	let after = money();
	assert_eq!(
		after.issued.checked_add(told.burned),
		Some(before.issued),
		"money was made or lost: {before:?} became {after:?}, and {told:?}"
	);
	assert!(
		(before.surplus..=before.surplus.saturating_add(told.gifts)).contains(&after.surplus),
		"the pot's surplus changed: {before:?} became {after:?}, and {told:?}"
	);
	after
}

/// Now and then: the pallets' own invariants.
pub fn pallets() {
	own();
	#[cfg(feature = "try-runtime")]
	{
		use polkadot_sdk::frame_support::traits::{TryState, TryStateSelect};
		let checked =
			tributary_runtime::AllPalletsWithSystem::try_state(super::chain::now(), TryStateSelect::All);
		assert!(checked.is_ok(), "try_state: {checked:?}");
	}
}

fn own() {
	use tributary_runtime::{
		Adapters, Agents, Datanets, Delays, Grants, Prompts, Registry, Tools, Validators, Workers,
	};
	let checks: [(&str, fn() -> _); 11] = [
		("validators", Validators::do_try_state),
		("delays", Delays::do_try_state),
		("registry", Registry::do_try_state),
		("datanets", Datanets::do_try_state),
		("grants", Grants::do_try_state),
		("adapters", Adapters::do_try_state),
		("prompts", Prompts::do_try_state),
		("tools", Tools::do_try_state),
		("agents", Agents::do_try_state),
		("workers", Workers::do_try_state),
		("attribution", Attribution::do_try_state),
	];
	for (name, check) in checks {
		let checked: Result<(), _> = check();
		assert!(checked.is_ok(), "try_state of {name}: {checked:?}");
	}
}

/// After every block: its weight and length.
pub fn limits() {
	let weights = <Runtime as frame_system::Config>::BlockWeights::get();
	let lengths = <Runtime as frame_system::Config>::BlockLength::get();
	let used = System::block_weight();
	let reserved = weights.get(DispatchClass::Operational).reserved.unwrap_or_default();
	let most = weights.max_block.saturating_add(reserved);
	assert!(used.total().all_lte(most), "the block weighs {used:?}");
	for class in [DispatchClass::Normal, DispatchClass::Operational] {
		if let Some(most) = weights.get(class).max_total {
			assert!(used.get(class).all_lte(most), "{class:?} calls weigh {}", used.get(class));
		}
	}
	let most = *lengths.max.get(DispatchClass::Operational);
	assert!(System::block_size() <= most, "the block has {} bytes", System::block_size());
}

fn issuance() -> Balance {
	let mut sum: Balance = 0;
	for account in frame_system::Account::<Runtime>::iter_values() {
		let whole = account.data.free.checked_add(account.data.reserved).expect("a balance overflows");
		sum = sum.checked_add(whole).expect("the balances overflow");
	}
	assert_eq!(pallet_balances::TotalIssuance::<Runtime>::get(), sum, "issuance is not the sum of balances");
	sum
}

/// What a deposit ticket says is held: its encoding is the amount.
fn amount(ticket: &impl Encode) -> Balance {
	Balance::decode(&mut &ticket.encode()[..]).expect("a ticket is an amount")
}

/// What the pallets think is held, except for bonds and session keys.
fn believed() -> Holds {
	let mut holds = Holds::new();
	let mut add = |reason: RuntimeHoldReason, who: AccountId, amount: Balance| {
		let sum = holds.entry((reason.encode(), who)).or_default();
		*sum = sum.checked_add(amount).expect("a sum of holds overflows");
	};
	let owner_of = |datanet: u32| {
		pallet_datanets::DataNets::<Runtime>::get(datanet).expect("a private DataNet exists").owner
	};

	let escrow = pallet_attribution::HoldReason::Escrow;
	for (payer, _, channel) in pallet_attribution::Channels::<Runtime>::iter() {
		add(escrow.into(), payer, channel.deposit);
	}
	for challenge in pallet_attribution::Challenges::<Runtime>::iter_values() {
		let reason = pallet_attribution::HoldReason::Challenge;
		add(reason.into(), challenge.challenger.into(), challenge.bond);
	}
	for datanet in pallet_datanets::DataNets::<Runtime>::iter_values() {
		add(pallet_datanets::HoldReason::DataNet.into(), datanet.owner, amount(&datanet.ticket));
	}
	for one in pallet_datanets::Contributions::<Runtime>::iter_values() {
		add(pallet_datanets::HoldReason::Contribution.into(), one.contributor, amount(&one.ticket));
	}
	for snapshot in pallet_datanets::Snapshots::<Runtime>::iter_values() {
		add(pallet_datanets::HoldReason::Snapshot.into(), snapshot.depositor, amount(&snapshot.ticket));
	}
	for report in pallet_adapters::Reports::<Runtime>::iter_values().flatten() {
		add(pallet_adapters::HoldReason::Report.into(), report.evaluator, amount(&report.ticket));
	}
	for asset in pallet_registry::Assets::<Runtime>::iter_values() {
		add(pallet_registry::HoldReason::Asset.into(), asset.owner, asset.deposit);
	}
	let deposit = || pallet_grants::HoldReason::Deposit.into();
	for (who, announced) in pallet_grants::Recipients::<Runtime>::iter() {
		add(deposit(), who, amount(&announced.ticket));
	}
	for (datanet, access) in pallet_grants::Accesses::<Runtime>::iter() {
		add(deposit(), owner_of(datanet), amount(&access.ticket));
	}
	for (_, (grantee, _), request) in pallet_grants::Requests::<Runtime>::iter() {
		add(deposit(), grantee.clone(), amount(&request.ticket));
		add(pallet_grants::HoldReason::Price.into(), grantee, request.price);
	}
	for (datanet, _, grant) in pallet_grants::Grants::<Runtime>::iter() {
		add(deposit(), owner_of(datanet), amount(&grant.ticket));
	}
	let stake = || pallet_validators::HoldReason::Stake.into();
	for (staker, _, position) in pallet_validators::Positions::<Runtime>::iter() {
		add(stake(), staker, position.held);
	}
	for (staker, _, chunks) in pallet_validators::Chunks::<Runtime>::iter() {
		for chunk in chunks {
			add(stake(), staker.clone(), chunk.held);
		}
	}
	for status in pallet_preimage::RequestStatusFor::<Runtime>::iter_values() {
		let ticket = match status {
			pallet_preimage::RequestStatus::Unrequested { ticket, .. } => Some(ticket),
			pallet_preimage::RequestStatus::Requested { maybe_ticket, .. } => maybe_ticket,
		};
		if let Some((who, ticket)) = ticket {
			add(pallet_preimage::HoldReason::Preimage.into(), who, amount(&ticket));
		}
	}
	holds.retain(|_, amount| *amount > 0);
	holds
}

/// What referenda have reserved.
fn referenda() -> Balance {
	use pallet_referenda::{ReferendumInfo, ReferendumInfoFor};
	let mut sum = 0;
	for info in ReferendumInfoFor::<Runtime>::iter_values() {
		let deposits = match info {
			ReferendumInfo::Ongoing(status) => [Some(status.submission_deposit), status.decision_deposit],
			ReferendumInfo::Approved(_, submission, decision)
			| ReferendumInfo::Rejected(_, submission, decision)
			| ReferendumInfo::Cancelled(_, submission, decision)
			| ReferendumInfo::TimedOut(_, submission, decision) => [submission, decision],
			ReferendumInfo::Killed(_) => [None, None],
		};
		sum += deposits.into_iter().flatten().map(|deposit| deposit.amount).sum::<Balance>();
	}
	sum
}

/// What is held is what the pallets think is held, and what is reserved beside it is what the older pallets think.
fn holds() {
	let (mut found, mut held) = (Holds::new(), 0);
	for (who, list) in pallet_balances::Holds::<Runtime>::iter() {
		for hold in list {
			held += hold.amount;
			match hold.id {
				RuntimeHoldReason::Workers(_) => assert!(
					pallet_workers::Workers::<Runtime>::contains_key(&who),
					"{who} has a bond and is no operator"
				),
				RuntimeHoldReason::Session(_) => {
					let deposit = <Runtime as pallet_session::Config>::KeyDeposit::get();
					assert_eq!(hold.amount, deposit, "{who} has another deposit for its keys");
					let has_keys = pallet_session::NextKeys::<Runtime>::contains_key(&who);
					assert!(has_keys, "{who} has a deposit for keys and no keys");
				}
				RuntimeHoldReason::SafeMode(_) => panic!("{who} has bought safe mode"),
				reason => {
					found.insert((reason.encode(), who.clone()), hold.amount);
				}
			}
		}
	}
	found.retain(|_, amount| *amount > 0);
	let believed = believed();
	if found != believed {
		let (more, less): (Vec<_>, Vec<_>) = (
			found.iter().filter(|(key, value)| believed.get(key) != Some(value)).collect(),
			believed.iter().filter(|(key, value)| found.get(key) != Some(value)).collect(),
		);
		panic!("held {more:?}, but pallets think {less:?}");
	}
	let reserved: Balance =
		frame_system::Account::<Runtime>::iter_values().map(|account| account.data.reserved).sum();
	let unnamed: Balance = pallet_multisig::Multisigs::<Runtime>::iter_values()
		.map(|one| one.deposit)
		.chain(pallet_proxy::Proxies::<Runtime>::iter_values().map(|(_, deposit)| deposit))
		.chain(pallet_proxy::Announcements::<Runtime>::iter_values().map(|(_, deposit)| deposit))
		.sum();
	assert_eq!(reserved, held + unnamed + referenda(), "more or less is reserved than pallets think");
}

fn surplus() -> Balance {
	let owed = Attribution::liabilities().expect("what the pot owes is a number");
	Balances::free_balance(Attribution::pot()).checked_sub(owed).expect("the pot has less than it owes")
}

#[cfg(test)]
mod tests {
	use super::*;
	use scale_info::{MetaType, TypeDef};

	/// The pallets whose hold reasons [`holds`] accounts for.
	const ACCOUNTED: [&str; 11] = [
		"Adapters",
		"Attribution",
		"Datanets",
		"Grants",
		"Preimage",
		"Registry",
		"SafeMode",
		"Session",
		// Motions take no deposit: a hold would be found and believed by nobody.
		"TechnicalCommittee",
		"Validators",
		"Workers",
	];

	#[test]
	fn every_hold_reason_is_accounted_for_when_a_pallet_has_one() {
		let ty = MetaType::new::<RuntimeHoldReason>().type_info();
		let TypeDef::Variant(reasons) = ty.type_def else { panic!("reasons are an enum") };
		let mut pallets: Vec<_> = reasons.variants.iter().map(|variant| variant.name).collect();
		pallets.sort_unstable();
		assert_eq!(pallets, ACCOUNTED, "tell tests/fuzz/src/runtime/checks.rs what the new pallet holds");
	}
}
