//! What must hold in every block.

#![cfg(any(feature = "std", feature = "try-runtime"))]

use crate::pallet::*;
use alloc::collections::BTreeMap;
use frame::{prelude::*, traits::fungible::Inspect};
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_core::U256, sp_runtime::TryRuntimeError};
use tributary_primitives::Balance;

/// A sum that cannot overflow unnoticed.
fn add(sum: &mut u128, part: u128) -> Result<(), TryRuntimeError> {
	*sum = sum.checked_add(part).ok_or("a sum overflows")?;
	Ok(())
}

impl<T: Config> Pallet<T> {
	/// - What is on hold for a staker is what its positions and chunks say.
	/// - The shares of pools and tranches are those of their stakers.
	/// - Rewards that pools owe are those of their stakers and candidates, to the last fraction.
	/// - The pot has what all pools owe.
	/// - The ranking is sorted and has the active candidates, with the stake of their pools.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let mut held = BTreeMap::<T::AccountId, Balance>::new();
		let mut shares = BTreeMap::<T::AccountId, u128>::new();
		let mut rewards = BTreeMap::<T::AccountId, U256>::new();
		for (staker, candidate, position) in Positions::<T>::iter() {
			let pool = Pools::<T>::get(&candidate).ok_or("a position is in no pool")?;
			let position = position.settle(&pool).ok_or("a position does not settle")?;
			ensure!(position.shares > 0, "a position has no shares");
			add(held.entry(staker).or_default(), position.held)?;
			add(shares.entry(candidate.clone()).or_default(), position.shares)?;
			let owed = U256::from(position.owed)
				.checked_mul(U256::from(crate::pool::ONE))
				.and_then(|owed| owed.checked_add(position.fraction.into()))
				.ok_or("rewards overflow")?;
			let sum = rewards.entry(candidate).or_default();
			*sum = sum.checked_add(owed).ok_or("rewards overflow")?;
		}
		let mut leaving = BTreeMap::<(T::AccountId, u32), u128>::new();
		for (staker, candidate, chunks) in Chunks::<T>::iter() {
			for chunk in chunks {
				add(held.entry(staker.clone()).or_default(), chunk.held)?;
				add(leaving.entry((candidate.clone(), chunk.counted_until)).or_default(), chunk.shares)?;
			}
		}
		for (staker, sum) in held {
			ensure!(Self::held(&staker) == sum, "what is on hold is not what was staked");
		}
		for (candidate, session, tranche) in Tranches::<T>::iter() {
			let sum = leaving.remove(&(candidate, session)).unwrap_or_default();
			ensure!(tranche.shares == sum, "a tranche's shares are not its chunks'");
		}
		ensure!(leaving.values().all(|sum| *sum == 0), "a chunk is in no tranche");

		let mut unpaid: Balance = 0;
		for (candidate, pool) in Pools::<T>::iter() {
			let sum = shares.remove(&candidate).unwrap_or_default();
			ensure!(pool.stake.shares == sum && sum > 0, "a pool's shares are not its positions'");
			let owed = U256::from(pool.commission)
				.checked_mul(U256::from(crate::pool::ONE))
				.and_then(|owed| owed.checked_add(pool.rest.into()))
				.and_then(|owed| owed.checked_add(rewards.remove(&candidate).unwrap_or_default()))
				.ok_or("rewards overflow")?;
			let counted = U256::from(pool.unpaid)
				.checked_mul(U256::from(crate::pool::ONE))
				.ok_or("rewards overflow")?;
			ensure!(owed == counted, "a pool owes other rewards than it counts");
			add(&mut unpaid, pool.unpaid)?;
		}
		ensure!(shares.is_empty(), "a position is in no pool");
		ensure!(Unpaid::<T>::get() == unpaid, "the pools' rewards are not what is unpaid");
		let kept = if unpaid == 0 { 0 } else { T::Token::minimum_balance() };
		ensure!(
			T::Token::balance(&Self::pot()) >= unpaid.saturating_add(kept),
			"the pot has less than the pools owe"
		);

		let ranking = Ranking::<T>::get();
		ensure!(ranking.iter().is_sorted_by(|a, b| a.stake >= b.stake), "the ranking is not sorted");
		for rank in &ranking {
			ensure!(rank.stake == Self::pool_stake(&rank.candidate), "a rank is not of its pool's stake");
			let active = Candidates::<T>::get(&rank.candidate).is_some_and(|candidate| candidate.active);
			ensure!(active, "one that does not stand is in the ranking");
		}
		let active = Candidates::<T>::iter_values().filter(|candidate| candidate.active).count();
		ensure!(active == ranking.len(), "a candidate is in the ranking twice or not at all");
		Ok(())
	}
}
