//! Whole batches: what is stored, and what refuses them.

use super::*;
use crate::{WeightInfo, KEPT_BATCHES};
use tributary_primitives::{batch::ChannelFault, views::AgentTotal};

#[test]
fn batch_is_pending_with_its_escrow_in_the_pot_when_submitted() {
	run(|| {
		open(1, 50_000);
		open(2, 50_000);
		let charges = [charge(1, &[(0, 2, 20_000), (1, 1, 5_000)]), charge(2, &[(1, 3, 10_000)])];
		let data = data_share(&[FULL, BARE], &charges);
		assert_ok!(Worker::default().submit(&[FULL, BARE], &charges));
		let matures_at = System::block_number() + WINDOW;
		let submitted =
			Event::BatchSubmitted { worker: OPERATOR, sequence: 0, escrow: 35_000, data, matures_at };
		assert_eq!(last_event(), submitted);
		let view = Attribution::batch(OPERATOR, 0).unwrap();
		assert_eq!((view.status, view.escrow, view.parameters), (BatchStatus::Pending, 35_000, 1));
		assert_eq!((view.submitted_at, view.matures_at), (1, matures_at));
		assert!(view.failed.is_empty());
		let total = |agent: AssetRef, records, fee, data| AgentTotal {
			served: agent.into(),
			records,
			fee,
			tools: 0,
			data,
		};
		assert_eq!(view.agents, vec![total(FULL, 2, 20_000, data), total(BARE, 4, 15_000, 0)]);
		let settlement = Attribution::settlement(OPERATOR);
		assert_eq!((settlement.next_sequence, settlement.oldest_pending), (1, 0));
		assert_eq!((settlement.pending, settlement.credited), (data, 0));
		assert_eq!((channel(1).charged, channel(1).deposit), (25_000, 25_000));
		assert_eq!(Balances::free_balance(Attribution::pot()), 35_000 + EXISTENTIAL_DEPOSIT);
	});
}

#[test]
fn voucher_is_good_when_the_session_key_signed_it() {
	run(|| {
		let session: [u8; 32] = account(77).into();
		assert_ok!(Attribution::open_channel(signed(1), OPERATOR, 50_000, Some(session)));
		let charge = charge_by(77, voucher(1, 0, 9_000), &[(0, 1, 9_000)]);
		assert_ok!(Worker::default().submit(&[BARE], &[charge]));
		assert_eq!(channel(1).charged, 9_000);
	});
}

#[test]
fn batch_is_refused_when_the_signer_is_no_service_key() {
	run(|| {
		open(1, 50_000);
		let charges = vec![charge(1, &[(0, 1, 9_000)])];
		let header = Worker::default().header(&[BARE], &charges);
		let submit = |who: AccountId32| {
			Attribution::submit_batch(
				RuntimeOrigin::signed(who),
				header,
				vec![Served::from(BARE)].try_into().unwrap(),
				charges.clone().try_into().unwrap(),
			)
		};
		assert_noop!(submit(OPERATOR), Error::<Test>::UnknownWorker);
		assert_noop!(submit(account(1)), Error::<Test>::UnknownWorker);
		assert_ok!(Workers::unbond(RuntimeOrigin::signed(OPERATOR)));
		assert_noop!(submit(SERVICE_KEY), Error::<Test>::UnknownWorker);
	});
}

#[test]
fn batch_is_refused_when_its_sequence_is_stale_or_skipped() {
	run(|| {
		let mut worker = Worker::default();
		settle(&mut worker, 9_000);
		let charges = [charge(1, &[(0, 1, 9_000)])];
		let good = worker.header(&[PLAIN], &charges);
		for sequence in [0, 2, u64::MAX] {
			let header = BatchHeader { sequence, ..good };
			assert_noop!(submit(header, &[PLAIN], &charges), Error::<Test>::WrongSequence);
		}
		assert_ok!(submit(good, &[PLAIN], &charges));
	});
}

#[test]
fn batch_is_refused_when_its_numbers_disagree() {
	run(|| {
		open(1, 50_000);
		let charges = [charge(1, &[(0, 2, 9_000)])];
		let good = Worker::default().header(&[PLAIN], &charges);
		let records = |records| BatchHeader { records, ..good };
		assert_noop!(submit(records(0), &[PLAIN], &charges), Error::<Test>::EmptyBatch);
		assert_noop!(submit(records(4_097), &[PLAIN], &charges), Error::<Test>::TooManyRecords);
		assert_noop!(submit(records(1), &[PLAIN], &charges), Error::<Test>::RecordCountMismatch);
		assert_noop!(submit(good, &[PLAIN], &[]), Error::<Test>::RecordCountMismatch);
		for sum in [8_999, 9_001, 0, u128::MAX] {
			let header = BatchHeader { records_root: SumNode { sum, ..good.records_root }, ..good };
			assert_noop!(submit(header, &[PLAIN], &charges), Error::<Test>::SumMismatch);
		}
		assert_ok!(submit(good, &[PLAIN], &charges));
	});
}

#[test]
fn batch_is_refused_when_its_sums_overflow() {
	run(|| {
		open(1, 50_000);
		let good = Worker::default().header(&[BARE], &[charge(1, &[(0, 1, 1)])]);
		let huge = voucher(1, 0, u128::MAX);
		let fees = [charge_by(1, huge, &[(0, 1, u128::MAX), (0, 1, 1)])];
		let header = BatchHeader { records: 2, ..good };
		assert_noop!(submit(header, &[BARE], &fees), Error::<Test>::SumMismatch);
		let records = [charge_by(1, huge, &[(0, u32::MAX, 1), (0, 1, 1)])];
		assert_noop!(submit(header, &[BARE], &records), Error::<Test>::RecordCountMismatch);
	});
}

#[test]
fn batch_is_refused_when_its_agents_are_wrong() {
	run(|| {
		open(1, 50_000);
		let charges = [charge(1, &[(0, 1, 9_000)])];
		let good = Worker::default().header(&[BARE], &charges);
		assert_noop!(submit(good, &[BARE, BARE], &charges), Error::<Test>::DuplicateAgent);
		assert_noop!(submit::<Served>(good, &[], &charges), Error::<Test>::AgentOutOfRange);
		let beyond = [charge(1, &[(1, 1, 9_000)])];
		assert_noop!(submit(good, &[BARE], &beyond), Error::<Test>::AgentOutOfRange);
		let unused = [charge(1, &[(0, 1, 8_000), (0, 0, 1_000)])];
		assert_noop!(submit(good, &[BARE], &unused), Error::<Test>::EmptyUsage);
		let unknown = AssetRef { version: BARE.version + 1, ..BARE };
		assert_noop!(submit(good, &[unknown], &charges), Error::<Test>::UnknownAgent);
	});
}

#[test]
fn batch_is_refused_when_it_credits_too_many_vaults() {
	run(|| {
		open(1, ENDOWMENT / 2);
		// Each agent has 17 vaults of its own: 32 of them exceed 512.
		let agents: Vec<_> = (0..32).map(|id| AssetRef { asset: 1_000 + 20 * id, version: 1 }).collect();
		for agent in &agents {
			let parts = (1..=16)
				.map(|id| tributary_primitives::traits::Part { weight: 1, payees: own(agent.asset + id) });
			Table::insert(
				*agent,
				tributary_primitives::traits::Parts { adapters: parts.collect(), ..bare(agent.asset) },
			);
		}
		let usage: Vec<_> = (0..32).map(|agent| (agent, 1, 1_000_000)).collect();
		let charges = [charge(1, &usage)];
		let mut worker = Worker::default();
		assert_noop!(worker.submit(&agents, &charges), Error::<Test>::TooManyCredits);
		assert_ok!(worker.submit(&agents[..16], &[charge(1, &usage[..16])]));
	});
}

#[test]
fn batch_is_refused_when_its_earnings_root_falls_or_exceeds() {
	run(|| {
		let mut worker = Worker::default();
		settle(&mut worker, 90_000);
		let charges = [charge(1, &[(0, 1, 9_000)])];
		let good = worker.header(&[PLAIN], &charges);
		let with = |sum| BatchHeader { earnings: SumNode { sum, ..good.earnings }, ..good };
		let before = Attribution::settlement(OPERATOR).pending;
		assert!(before > 0 && good.earnings.sum > before);
		for sum in [0, before - 1] {
			assert_noop!(submit(with(sum), &[PLAIN], &charges), Error::<Test>::EarningsFall);
		}
		for sum in [before, good.earnings.sum - 1, good.earnings.sum + 1, u128::MAX] {
			assert_noop!(submit(with(sum), &[PLAIN], &charges), Error::<Test>::EarningsMismatch);
		}
		assert_ok!(submit(good, &[PLAIN], &charges));
	});
}

#[test]
fn batch_is_refused_when_too_many_are_pending() {
	run(|| {
		let mut worker = Worker::default();
		for _ in 0..MAX_PENDING {
			settle(&mut worker, 9_000);
		}
		let charges = [charge(1, &[(0, 1, 9_000)])];
		assert_noop!(worker.submit(&[PLAIN], &charges), Error::<Test>::TooManyPending);
		pass(WINDOW);
		// The matured ones are credited on the way.
		assert_ok!(worker.submit(&[PLAIN], &charges));
		assert_eq!(Attribution::settlement(OPERATOR).oldest_pending, 4);
	});
}

#[test]
fn batch_is_accepted_when_every_channel_failed() {
	run(|| {
		let mut worker = Worker::default();
		assert_ok!(worker.submit(&[PLAIN], &[charge(1, &[(0, 1, 9_000)])]));
		let view = Attribution::batch(OPERATOR, 0).unwrap();
		assert_eq!(view.failed, vec![(account(1).into(), ChannelFault::NoChannel)]);
		assert_eq!(view.escrow, 0);
		pass(WINDOW);
		settle(&mut worker, 9_000);
		assert_eq!(status(0), BatchStatus::Credited);
	});
}

#[test]
fn old_summaries_are_forgotten_when_there_are_too_many() {
	run(|| {
		let mut worker = Worker::default();
		settle(&mut worker, 9_000);
		pass(WINDOW);
		crate::Settlements::<Test>::mutate(OPERATOR, |settlement| {
			assert_ok!(Attribution::credit_matured(&OPERATOR, settlement, 1, 100));
			// As if the batches between had come and gone.
			settlement.next_sequence = KEPT_BATCHES.into();
			settlement.oldest_pending = KEPT_BATCHES.into();
		});
		open(2, 50_000);
		let charges = [charge(2, &[(0, 1, 500)])];
		let root = Attribution::settlement(OPERATOR).root;
		assert_ok!(submit(header(KEPT_BATCHES.into(), &charges, root), &[BARE], &charges));
		assert_eq!(Attribution::batch(OPERATOR, 0), None);
		assert!(Attribution::batch(OPERATOR, KEPT_BATCHES.into()).is_some());
	});
}

#[test]
fn batch_costs_what_its_parts_do_when_agents_are_not_the_largest() {
	run(|| {
		open(1, 50_000);
		let mut worker = Worker::default();
		let mut cost = |agent: AssetRef, cumulative| {
			let charge = charge_by(1, voucher(1, 0, cumulative), &[(0, 1, 9_000)]);
			worker.submit(&[agent], &[charge]).unwrap().actual_weight.unwrap()
		};
		let (bare, full) = (cost(BARE, 9_000), cost(FULL, 18_000));
		// Two adapters and a prompt.
		let parts = Weights::batch_parts(2, 1, 0).saturating_sub(Weights::batch_parts(0, 0, 0));
		assert_eq!(full, bare.saturating_add(parts));
		assert!(parts.ref_time() > 0);
	});
}
