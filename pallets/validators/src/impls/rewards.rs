//! Rewards: how they come in, are divided and paid.
//!
//! All wait in one account, the pot. Beyond its existential deposit and what pools are owed (`Unpaid`), what
//! the pot has is surplus, which the end of the session shares out: the stakers' part of usage fees, what
//! could not be credited to an author, and whatever somebody sends there.

use crate::*;
use alloc::vec::Vec;
use frame::{
	prelude::*,
	token::{
		fungible::{Balanced as _, Inspect as _, Mutate as _},
		Preservation,
	},
};
use polkadot_sdk::{
	frame_support::traits::{fungible::Credit, Imbalance},
	pallet_authorship,
	sp_staking::SessionIndex,
};
use tributary_primitives::{
	math::{largest_remainder, mul_div},
	traits::{VaultHolders, VaultIncome},
	Balance, VaultKey, PPM,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_claim(staker: T::AccountId, candidate: T::AccountId) -> DispatchResult {
		let pool = Pools::<T>::get(&candidate).ok_or(Error::<T>::NoStake)?;
		let position = Positions::<T>::get(&staker, &candidate);
		let (mut pool, position, mut amount) = match position {
			Some(position) => {
				let (pool, position, amount) = pool.pay(&position).ok_or(ArithmeticError::Overflow)?;
				(pool, Some(position), amount)
			}
			None => (pool, None, 0),
		};
		if staker == candidate {
			let commission;
			(pool, commission) = pool.pay_commission().ok_or(ArithmeticError::Overflow)?;
			amount = amount.checked_add(commission).ok_or(ArithmeticError::Overflow)?;
		}
		ensure!(amount > 0, Error::<T>::NothingToClaim);
		Pools::<T>::insert(&candidate, pool);
		if let Some(position) = position {
			Positions::<T>::insert(&staker, &candidate, position);
		}
		Self::pay_out(&staker, amount)?;
		Self::deposit_event(Event::Claimed { staker, candidate, amount });
		Ok(())
	}

	/// What a staker could claim from a pool now, planck.
	pub fn claimable(staker: &T::AccountId, candidate: &T::AccountId) -> Balance {
		let Some(pool) = Pools::<T>::get(candidate) else { return 0 };
		let position = Positions::<T>::get(staker, candidate).and_then(|position| position.settle(&pool));
		let owed = position.map(|position| position.owed).unwrap_or_default();
		let commission = if staker == candidate { pool.commission } else { 0 };
		owed.saturating_add(commission)
	}

	/// Pays rewards that pools have stopped counting.
	pub(crate) fn pay_out(who: &T::AccountId, amount: Balance) -> DispatchResult {
		T::Token::transfer(&Self::pot(), who, amount, Preservation::Preserve)?;
		Self::release_unpaid(amount)
	}

	/// Makes what pools have stopped counting surplus.
	pub(crate) fn release_unpaid(amount: Balance) -> DispatchResult {
		Unpaid::<T>::try_mutate(|unpaid| {
			*unpaid = unpaid.checked_sub(amount).ok_or(ArithmeticError::Underflow)?;
			Ok(())
		})
	}

	/// What the pot has beyond its existential deposit and what it owes, planck.
	pub(crate) fn surplus() -> Balance {
		let kept = T::Token::minimum_balance().saturating_add(Unpaid::<T>::get());
		T::Token::balance(&Self::pot()).saturating_sub(kept)
	}

	/// Credits a pool from the surplus, its candidate's commission first. Returns whether it could; otherwise
	/// the money stays surplus.
	pub(crate) fn reward(candidate: &T::AccountId, amount: Balance) -> bool {
		let commission = Candidates::<T>::get(candidate).map(|candidate| candidate.commission);
		// Governance may have lowered it below what was agreed.
		let most = T::MaxCommission::get().min(PPM);
		let credited = (|| {
			let pool = Pools::<T>::get(candidate)?;
			let commission = mul_div(amount, commission.unwrap_or_default().min(most).into(), PPM.into())?;
			let pool = pool.credit(commission, amount.checked_sub(commission)?)?;
			Some((pool, Unpaid::<T>::get().checked_add(amount)?))
		})();
		let Some((pool, unpaid)) = credited else { return false };
		Pools::<T>::insert(candidate, pool);
		Unpaid::<T>::put(unpaid);
		Self::deposit_event(Event::Rewarded { candidate: candidate.clone(), amount });
		true
	}

	/// Takes the author's part of a transaction's fee or tip; what comes back is for others. An author
	/// without a pool gets nothing.
	pub fn take_author_part(credit: Credit<T::AccountId, T::Token>) -> Credit<T::AccountId, T::Token> {
		let part =
			mul_div(credit.peek(), T::AuthorShare::get().min(PPM).into(), PPM.into()).unwrap_or_default();
		let rewarded = pallet_authorship::Pallet::<T>::author()
			.and_then(Pools::<T>::get)
			.is_some_and(|pool| pool.stake.shares > 0);
		if part == 0 || !rewarded {
			return credit;
		}
		let fees = AuthorFees::<T>::get().saturating_add(part);
		let (part, rest) = credit.split(part);
		match T::Token::resolve(&Self::pot(), part) {
			Ok(()) => {
				AuthorFees::<T>::put(fees);
				rest
			}
			Err(part) => rest.merge(part),
		}
	}

	/// Credits the block's author with its part of the block's fees.
	pub(crate) fn credit_author() {
		let fees = AuthorFees::<T>::take();
		if fees == 0 {
			return;
		}
		// The first fees that the pot ever gets may be less than its existential deposit.
		let fees = fees.min(Self::surplus());
		if let Some(author) = pallet_authorship::Pallet::<T>::author().filter(|_| fees > 0) {
			Self::reward(&author, fees);
		}
	}

	/// Shares the surplus among the pools of the session's validators, by the stake they were elected with as far
	/// as it is still there. Those that were absent or caught get nothing.
	pub(crate) fn share_out(session: SessionIndex, absent: &[T::AccountId]) {
		T::Vaults::collect(VaultKey::Stakers, &Self::pot().into());
		let elected = Elected::<T>::get(session);
		let suspensions = Suspensions::<T>::get();
		let worked = |who: &T::AccountId| {
			!absent.contains(who) && !suspensions.iter().any(|suspension| suspension.validator == *who)
		};
		let weights: Vec<u128> = elected
			.iter()
			.map(
				|ElectedValidator { validator, exposure }| {
					if worked(validator) {
						exposure.stake.min(Self::pool_stake(validator))
					} else {
						0
					}
				},
			)
			.collect();
		let surplus = Self::surplus();
		let Some(parts) = largest_remainder(surplus, &weights) else { return };
		let mut shared: Balance = 0;
		for (elected, part) in elected.iter().zip(parts) {
			if part > 0 && Self::reward(&elected.validator, part) {
				shared = shared.saturating_add(part);
			}
		}
		if shared > 0 {
			Self::deposit_event(Event::SessionRewarded { session, amount: shared });
		}
	}

	/// Lets the pot have the stakers' vault while somebody has stake in an elected pool.
	pub(crate) fn hold_vault(staked: bool) {
		let pot = Self::pot().into();
		let weight = u64::from(staked);
		if T::Vaults::weight(VaultKey::Stakers, &pot) != weight {
			// The only holder's weight is at most one: nothing to overflow.
			let set = T::Vaults::set_weight(VaultKey::Stakers, &pot, weight);
			debug_assert!(set.is_ok());
		}
	}
}
