//! Crediting matured batches.

use super::*;
use crate::WeightInfo;
use tributary_primitives::{batch::Fault, VaultKey};

fn credit(limit: u32) -> DispatchResultWithPostInfo {
	Attribution::credit(signed(3), OPERATOR, limit)
}

#[test]
fn batch_is_credited_when_its_window_has_passed() {
	run(|| {
		let mut worker = Worker::default();
		settle(&mut worker, 700_000 + PLATFORM_FEE);
		pass(WINDOW - 1);
		assert_noop!(credit(1), Error::<Test>::NothingToCredit);
		pass(1);
		assert_ok!(credit(1));
		assert_eq!(last_event(), Event::BatchCredited { worker: OPERATOR, sequence: 0, root_active: true });
		assert_eq!(status(0), BatchStatus::Credited);
		let settlement = Attribution::settlement(OPERATOR);
		assert_eq!((settlement.credited, settlement.pending), (250_000, 0));
		assert_eq!((settlement.root.sum, settlement.root_sequence), (250_000, 0));
		assert_eq!(settlement.oldest_pending, 1);
		assert_eq!(Attribution::vault(VaultKey::Operator(OPERATOR.into())).credited, 300_000);
		assert_eq!(Attribution::vault(VaultKey::Platform).credited, 20_000 + PLATFORM_FEE);
		assert_noop!(credit(1), Error::<Test>::NothingToCredit);
	});
}

#[test]
fn batches_are_credited_in_order_when_a_limit_is_given() {
	run(|| {
		let mut worker = Worker::default();
		for _ in 0..4 {
			settle(&mut worker, 9_000);
			pass(1);
		}
		assert_noop!(credit(0), Error::<Test>::NothingToCredit);
		pass(WINDOW - 2);
		assert_ok!(credit(2));
		assert_eq!(Attribution::settlement(OPERATOR).oldest_pending, 2);
		assert_ok!(credit(u32::MAX));
		// The last is still in its window.
		assert_eq!(Attribution::settlement(OPERATOR).oldest_pending, 3);
		assert_eq!(status(3), BatchStatus::Pending);
	});
}

#[test]
fn crediting_stops_when_it_meets_a_challenged_batch() {
	run(|| {
		let mut worker = Worker::default();
		(0..3).for_each(|_| settle(&mut worker, 9_000));
		let challenge =
			Attribution::challenge(RuntimeOrigin::signed(CHALLENGER), OPERATOR, 1, Fault::Earnings, [0; 32]);
		assert_ok!(challenge);
		pass(WINDOW);
		assert_ok!(credit(8));
		assert_eq!(Attribution::settlement(OPERATOR).oldest_pending, 1);
		assert_noop!(credit(8), Error::<Test>::NothingToCredit);
		assert_eq!((status(1), status(2)), (BatchStatus::Challenged, BatchStatus::Pending));
	});
}

#[test]
fn credit_costs_what_it_did_when_less_was_done_than_declared() {
	run(|| {
		let mut worker = Worker::default();
		settle(&mut worker, 700_000);
		pass(WINDOW);
		let actual = credit(16).unwrap().actual_weight.unwrap();
		assert_eq!(actual, Weights::credit(1, 4));
		assert!(actual.any_lt(Attribution::credit_weight(16)));
	});
}

#[test]
fn matured_batches_are_credited_when_the_next_is_submitted() {
	run(|| {
		let mut worker = Worker::default();
		settle(&mut worker, 700_000);
		pass(WINDOW);
		let charges = [charge(1, &[(0, 1, 9_000)])];
		let post = worker.submit(&[PLAIN], &charges).unwrap();
		assert_eq!(status(0), BatchStatus::Credited);
		let usage = Weights::batch_usage(1, 0).saturating_sub(Weights::batch_usage(0, 0));
		// `batch_parts` is of one channel and twelve agents.
		let once = Weights::batch_parts(0, 0, 0).saturating_sub(Weights::submit_batch(1, 12));
		let submitted = Weights::submit_batch(1, 1).saturating_add(once).saturating_add(usage);
		let expected = submitted.saturating_add(Weights::credit(1, 4));
		assert_eq!(post.actual_weight, Some(expected));
		let declared = Attribution::submit_weight(1, &charges.to_vec().try_into().unwrap());
		assert!(expected.any_lt(declared));
	});
}

#[test]
fn large_batch_is_left_to_the_credit_call_when_a_small_one_is_submitted() {
	run(|| {
		open(1, ENDOWMENT / 2);
		let agents: Vec<_> = (0..16).map(|id| AssetRef { asset: 1_000 + 20 * id, version: 1 }).collect();
		agents.iter().for_each(|agent| {
			let parts =
				tributary_primitives::traits::Parts { base: own(agent.asset + 1), ..bare(agent.asset) };
			Table::insert(*agent, parts);
		});
		let usage: Vec<_> = (0..16).map(|agent| (agent, 1, 1_000_000)).collect();
		let mut worker = Worker::default();
		assert_ok!(worker.submit(&agents, &[charge(1, &usage)]));
		pass(WINDOW);
		settle(&mut worker, 9_000);
		assert_eq!(status(0), BatchStatus::Pending, "34 credits are more than one agent allows");
		assert_ok!(credit(1));
		assert_eq!(status(0), BatchStatus::Credited);
	});
}
