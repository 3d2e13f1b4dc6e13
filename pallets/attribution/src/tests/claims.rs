//! Claims against earnings trees.

use super::*;
use tributary_primitives::{earnings::EarningsLeaf, views::Claimable, VaultKey};

fn earner(seed: u8) -> Earner {
	Earner::Account(account(seed).into())
}

fn claim(seed: u8, cumulative: Balance, proof: &SumProof) -> DispatchResult {
	Attribution::claim_earnings(signed(seed), OPERATOR, cumulative, proof.clone())
}

/// A worker with one credited batch: 250,000 planck of data, half of it the first contributor's.
fn credited() -> Worker {
	let mut worker = Worker::default();
	settle(&mut worker, 700_000 + PLATFORM_FEE);
	credit_all();
	worker
}

fn credit_all() {
	pass(WINDOW);
	assert_ok!(Attribution::credit(signed(3), OPERATOR, 16));
}

#[test]
fn contributor_is_paid_when_its_proof_fits() {
	run(|| {
		let worker = credited();
		let (cumulative, proof) = worker.prove(earner(51));
		assert_eq!(cumulative, 125_000);
		assert_ok!(claim(51, cumulative, &proof));
		let claimed = Event::EarningsClaimed { worker: OPERATOR, who: account(51), amount: 125_000 };
		assert_eq!(last_event(), claimed);
		assert_eq!(Balances::free_balance(account(51)), 125_000);
		assert_eq!(Attribution::earnings_claimed(OPERATOR, earner(51)), 125_000);
		assert_eq!(Attribution::settlement(OPERATOR).claimed, 125_000);
	});
}

#[test]
fn contributor_is_paid_the_difference_when_more_has_come() {
	run(|| {
		let mut worker = credited();
		let (cumulative, proof) = worker.prove(earner(51));
		assert_ok!(claim(51, cumulative, &proof));
		(0..3).for_each(|_| settle(&mut worker, 700_000 + PLATFORM_FEE));
		credit_all();
		let (cumulative, proof) = worker.prove(earner(51));
		assert_eq!(cumulative, 250_000);
		assert_ok!(claim(51, cumulative, &proof));
		assert_eq!(Balances::free_balance(account(51)), 250_000);
	});
}

#[test]
fn claim_is_refused_when_made_twice() {
	run(|| {
		let worker = credited();
		let (cumulative, proof) = worker.prove(earner(51));
		assert_ok!(claim(51, cumulative, &proof));
		assert_noop!(claim(51, cumulative, &proof), Error::<Test>::NothingToClaim);
	});
}

#[test]
fn claim_is_refused_when_the_proof_is_wrong() {
	run(|| {
		let worker = credited();
		let (cumulative, proof) = worker.prove(earner(51));
		// Another account's proof.
		assert_noop!(claim(52, cumulative, &proof), Error::<Test>::InvalidProof);
		// Another amount.
		assert_noop!(claim(51, cumulative + 1, &proof), Error::<Test>::InvalidProof);
		assert_noop!(claim(51, 0, &proof), Error::<Test>::InvalidProof);
		// Another place, a missing or a changed sibling.
		let moved = SumProof { index: 1 - proof.index, ..proof.clone() };
		assert_noop!(claim(51, cumulative, &moved), Error::<Test>::InvalidProof);
		let empty = SumProof { siblings: Default::default(), ..proof.clone() };
		assert_noop!(claim(51, cumulative, &empty), Error::<Test>::InvalidProof);
		let mut changed = proof.clone();
		changed.siblings[0].sum += 1;
		assert_noop!(claim(51, cumulative, &changed), Error::<Test>::InvalidProof);
		// Another worker's tree.
		let other = Attribution::claim_earnings(signed(51), CHALLENGER, cumulative, proof);
		assert_noop!(other, Error::<Test>::InvalidProof);
	});
}

#[test]
fn claim_is_refused_when_the_batch_is_still_pending() {
	run(|| {
		let mut worker = Worker::default();
		settle(&mut worker, 700_000);
		let tree = worker.tree(0);
		let (leaf, proof) = tree.prove(OPERATOR.as_ref(), &earner(51)).unwrap();
		assert_noop!(claim(51, leaf.cumulative, &proof), Error::<Test>::InvalidProof);
	});
}

#[test]
fn claim_waits_when_it_is_below_the_existential_deposit_of_a_new_account() {
	run(|| {
		let mut worker = Worker::default();
		settle(&mut worker, PLATFORM_FEE + 40);
		credit_all();
		let (cumulative, proof) = worker.prove(earner(51));
		assert!(cumulative < EXISTENTIAL_DEPOSIT);
		assert_noop!(claim(51, cumulative, &proof), Error::<Test>::BelowExistentialDeposit);
		assert_ok!(Balances::transfer_keep_alive(signed(4), account(51), EXISTENTIAL_DEPOSIT));
		assert_ok!(claim(51, cumulative, &proof));
		assert_eq!(Balances::free_balance(account(51)), EXISTENTIAL_DEPOSIT + cumulative);
	});
}

#[test]
fn claims_stop_at_what_was_credited_when_a_worker_rewrites_its_tree() {
	run(|| {
		let worker = credited();
		let (cumulative, proof) = worker.prove(earner(51));
		assert_ok!(claim(51, cumulative, &proof));
		// The next tree takes back what was paid and promises all to another account.
		let charges = [charge(1, &[(0, 1, 700_000 + PLATFORM_FEE)])];
		let mut tree = EarningsTree::default();
		tree.credit(earner(52), 500_000).unwrap();
		let root = tree.root(OPERATOR.as_ref()).unwrap();
		assert_ok!(submit(header(1, &charges, root), &[PLAIN], &charges));
		credit_all();
		let (leaf, proof) = tree.prove(OPERATOR.as_ref(), &earner(52)).unwrap();
		assert_noop!(claim(52, leaf.cumulative, &proof), Error::<Test>::TreeOverdrawn);
		assert_noop!(
			Attribution::sweep_pool(signed(3), OPERATOR, 1, leaf.cumulative, proof),
			Error::<Test>::InvalidProof
		);
	});
}

#[test]
fn pool_leaf_moves_into_its_vault_when_swept() {
	run(|| {
		let worker = credited();
		let (cumulative, proof) = worker.prove(Earner::Pool(1));
		let sweep =
			|datanet| Attribution::sweep_pool(signed(3), OPERATOR, datanet, cumulative, proof.clone());
		assert_noop!(sweep(2), Error::<Test>::InvalidProof);
		assert_ok!(sweep(1));
		assert_eq!(last_event(), Event::PoolSwept { worker: OPERATOR, datanet: 1, amount: 125_000 });
		assert_eq!(Attribution::vault(VaultKey::Pool(1)).credited, 125_000);
		assert_noop!(sweep(1), Error::<Test>::NothingToClaim);
		Attribution::set_holder(VaultKey::Pool(1), &account(51), 5).unwrap();
		let owed = Claimable { vault: VaultKey::Pool(1), owed: 125_000 };
		assert_eq!(Attribution::claimable(account(51)), vec![owed]);
		assert_ok!(Attribution::claim(signed(51), VaultKey::Pool(1)));
	});
}

#[test]
fn leaf_of_an_account_cannot_be_swept_when_its_bytes_are_reused() {
	run(|| {
		let worker = credited();
		let (cumulative, proof) = worker.prove(earner(51));
		let pool = EarningsLeaf { earner: Earner::Pool(0), cumulative };
		assert_ne!(pool.node(OPERATOR.as_ref()).hash, [0; 32]);
		let sweep = Attribution::sweep_pool(signed(3), OPERATOR, 0, cumulative, proof);
		assert_noop!(sweep, Error::<Test>::InvalidProof);
	});
}
