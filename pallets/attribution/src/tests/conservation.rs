//! Random sequences of calls: after each, every invariant; at the end, every planck is somewhere.

use super::*;
use proptest::prelude::*;
use tributary_primitives::{
	batch::{Fault, Verdict},
	VaultKey,
};

#[derive(Clone, Debug)]
enum Step {
	Open {
		payer: u8,
		deposit: Balance,
	},
	TopUp {
		payer: u8,
		amount: Balance,
	},
	Close {
		payer: u8,
	},
	Withdraw {
		payer: u8,
	},
	/// Fees by payer, with calls of the tools; a payer's bit in `bad` spoils its signature.
	Batch {
		fees: Vec<Fee>,
		bad: u8,
	},
	Pass {
		blocks: u32,
	},
	Credit {
		limit: u32,
	},
	Challenge {
		back: u64,
	},
	Resolve {
		void: bool,
	},
	Hold {
		vault: u8,
		who: u8,
		weight: u64,
	},
	/// By a contributor, or 0 for the operator and 1 for the treasury.
	Claim {
		who: u8,
	},
	ClaimEarnings {
		who: u8,
	},
	Sweep,
}

/// Payer, index in [`agents`], planck, calls of the first two tools of an agent that has some.
type Fee = (u8, u8, Balance, (u32, u32));

/// Everything from bare to all parts, with and without skills.
fn agents() -> [Served; 5] {
	[FULL.into(), BARE.into(), PLAIN.into(), TOOLED.into(), skilled()]
}

fn payer() -> impl Strategy<Value = u8> {
	1u8..=4
}

fn step() -> impl Strategy<Value = Step> {
	let usage = (payer(), 0u8..5, 0u64..2_000_000, (0u32..4, 0u32..4))
		.prop_map(|(payer, agent, fee, calls)| (payer, agent, fee.into(), calls));
	prop_oneof![
		3 => (payer(), 0u64..20_000_000).prop_map(|(payer, deposit)| Step::Open { payer, deposit: deposit.into() }),
		1 => (payer(), 0u64..5_000_000).prop_map(|(payer, amount)| Step::TopUp { payer, amount: amount.into() }),
		1 => payer().prop_map(|payer| Step::Close { payer }),
		1 => payer().prop_map(|payer| Step::Withdraw { payer }),
		6 => (proptest::collection::vec(usage, 1..8), any::<u8>(), any::<bool>())
			.prop_map(|(fees, bad, spoil)| Step::Batch { fees, bad: if spoil { bad } else { 0 } }),
		4 => (1u32..16).prop_map(|blocks| Step::Pass { blocks }),
		2 => (0u32..6).prop_map(|limit| Step::Credit { limit }),
		1 => (1u64..4).prop_map(|back| Step::Challenge { back }),
		2 => any::<bool>().prop_map(|void| Step::Resolve { void }),
		3 => (0u8..11, 51u8..=53, 0u64..1_000).prop_map(|(vault, who, weight)| Step::Hold { vault, who, weight }),
		3 => prop_oneof![Just(0u8), Just(1), 51u8..=53].prop_map(|who| Step::Claim { who }),
		3 => (51u8..=53).prop_map(|who| Step::ClaimEarnings { who }),
		1 => Just(Step::Sweep),
	]
}

/// The vaults that holders change in.
fn vault(index: u8) -> VaultKey {
	match index {
		0 => VaultKey::Asset(10),
		1 => VaultKey::Asset(21),
		2 => VaultKey::Asset(22),
		3 => VaultKey::Asset(31),
		4 => VaultKey::Asset(40),
		5 => VaultKey::Evaluators(10),
		6 => VaultKey::Evaluators(21),
		7 => VaultKey::Stakers,
		8 => VaultKey::Asset(50),
		9 => VaultKey::Asset(51),
		_ => VaultKey::Pool(1),
	}
}

fn charges(fees: &[Fee], bad: u8) -> Vec<ChannelCharge> {
	PAYERS
		.into_iter()
		.filter_map(|payer| {
			let of_payer: Vec<_> = fees.iter().filter(|fee| fee.0 == payer).collect();
			let usage: Vec<_> = of_payer.iter().map(|(_, agent, fee, _)| (*agent, 1, *fee)).collect();
			let mut charge = (!usage.is_empty()).then(|| charge(payer, &usage))?;
			for (usage, (_, agent, _, used)) in charge.usage.iter_mut().zip(&of_payer) {
				if *agent >= 3 {
					let used: Vec<_> =
						[(0, used.0), (1, used.1)].into_iter().filter(|used| used.1 > 0).collect();
					usage.calls = calls(&used);
				}
			}
			if bad & (1 << payer) != 0 {
				charge.signature[0] ^= 1;
			}
			Some(charge)
		})
		.collect()
}

/// Carries out one step. A refused call is a fine outcome: it must change nothing, and the check after
/// it sees to that.
fn carry_out(worker: &mut Worker, step: Step) {
	let newest = Attribution::settlement(OPERATOR).next_sequence;
	match step {
		Step::Open { payer, deposit } => {
			let _ = Attribution::open_channel(signed(payer), OPERATOR, deposit, None);
		}
		Step::TopUp { payer, amount } => {
			let _ = Attribution::top_up(signed(payer), OPERATOR, amount);
		}
		Step::Close { payer } => {
			let _ = Attribution::close_channel(signed(payer), OPERATOR);
		}
		Step::Withdraw { payer } => {
			let _ = Attribution::withdraw_channel(signed(payer), OPERATOR);
		}
		Step::Batch { fees, bad } => {
			let _ = worker.submit(&agents(), &charges(&fees, bad));
		}
		Step::Pass { blocks } => pass(blocks),
		Step::Credit { limit } => {
			let _ = Attribution::credit(signed(1), OPERATOR, limit);
		}
		Step::Challenge { back } => {
			let sequence = newest.saturating_sub(back);
			let by = RuntimeOrigin::signed(CHALLENGER);
			let _ = Attribution::challenge(by, OPERATOR, sequence, Fault::Earnings, [0; 32]);
		}
		Step::Resolve { void } => {
			let verdict = if void { Verdict::Void { slash: 10_000 } } else { Verdict::Stand };
			let open = crate::Challenges::<Test>::iter_key_prefix(OPERATOR).next();
			let _ = Attribution::resolve(RuntimeOrigin::root(), OPERATOR, open.unwrap_or(newest), verdict);
		}
		Step::Hold { vault: index, who, weight } => {
			Attribution::set_holder(vault(index), &account(who), weight).unwrap();
		}
		Step::Claim { who } => {
			let who = match who {
				0 => OPERATOR,
				1 => TREASURY,
				who => account(who),
			};
			for owed in Attribution::claimable(who.clone()) {
				let _ = Attribution::claim(RuntimeOrigin::signed(who.clone()), owed.vault);
			}
		}
		Step::ClaimEarnings { who } => claim_earnings(worker, Earner::Account(account(who).into())),
		Step::Sweep => claim_earnings(worker, Earner::Pool(1)),
	}
}

fn claim_earnings(worker: &Worker, earner: Earner) {
	let settlement = Attribution::settlement(OPERATOR);
	let tree = worker.tree(settlement.root_sequence);
	let Some((leaf, proof)) = tree.prove(OPERATOR.as_ref(), &earner) else { return };
	let _ = match earner {
		Earner::Account(who) => {
			let who = RuntimeOrigin::signed(who.into());
			Attribution::claim_earnings(who, OPERATOR, leaf.cumulative, proof)
		}
		Earner::Pool(datanet) => {
			Attribution::sweep_pool(signed(1), OPERATOR, datanet, leaf.cumulative, proof)
		}
	};
}

/// Escrow of credited batches, and what became of it.
fn account_for_everything() {
	let settlement = Attribution::settlement(OPERATOR);
	let spent: Balance = (0..settlement.next_sequence)
		.filter_map(|sequence| Attribution::batch(OPERATOR, sequence))
		.filter(|batch| batch.status == BatchStatus::Credited)
		.map(|batch| batch.escrow)
		.sum();
	let vaults: Vec<_> = crate::Vaults::<Test>::iter().map(|(key, vault)| vault.view(key)).collect();
	let holders = || crate::Holders::<Test>::iter();
	let owed: Balance =
		holders().map(|(_, key, holder)| holder.settle(&crate::Vaults::<Test>::get(key)).unwrap().owed).sum();
	let claimed: Balance = vaults.iter().map(|vault| vault.claimed).sum();
	let rests: Balance = vaults.iter().map(|vault| vault.undistributed).sum();
	// Swept pools are counted in their vaults.
	let swept = Attribution::earnings_claimed(OPERATOR, Earner::Pool(1));
	let unclaimed = settlement.credited - settlement.claimed;
	let earned = settlement.claimed - swept;
	assert_eq!(spent, claimed + earned + owed + rests + unclaimed);
}

proptest! {
	#[test]
	fn every_planck_is_accounted_for_when_calls_come_in_any_order(
		steps in proptest::collection::vec(step(), 1..80)
	) {
		run(|| {
			let mut worker = Worker::default();
			// Open channels and held vaults, so that most steps succeed.
			PAYERS.into_iter().for_each(|payer| { open(payer, 50_000_000); });
			for index in 0..6 {
				Attribution::set_holder(vault(index), &account(51 + index % 3), 3).unwrap();
			}
			for step in steps {
				carry_out(&mut worker, step);
				check();
			}
			account_for_everything();
		});
	}
}
