//! Stake: how it comes, leaves and is made good for slashes.

use crate::{
	pool::{Pool, Position},
	*,
};
use frame::{
	prelude::*,
	token::{
		fungible::{
			hold::{Balanced as _, Mutate as _},
			InspectHold as _,
		},
		Precision,
	},
	traits::OnUnbalanced,
};
use polkadot_sdk::sp_staking::SessionIndex;
use tributary_primitives::Balance;

impl<T: Config> Pallet<T> {
	pub(crate) fn do_nominate(
		staker: T::AccountId,
		candidate: T::AccountId,
		amount: Balance,
	) -> DispatchResult {
		ensure!(Candidates::<T>::contains_key(&candidate), Error::<T>::NotCandidate);
		Self::add_stake(&staker, &candidate, amount)?;
		Self::update_rank(&candidate);
		Self::deposit_event(Event::Nominated { staker, candidate, amount });
		Ok(())
	}

	/// Holds `amount` planck of a staker and adds it to a pool.
	pub(crate) fn add_stake(
		staker: &T::AccountId,
		candidate: &T::AccountId,
		amount: Balance,
	) -> DispatchResult {
		let mut pool = Pools::<T>::get(candidate).unwrap_or_default();
		ensure!(!pool.stake.is_lost(), Error::<T>::PoolLost);
		let position = Positions::<T>::get(staker, candidate).unwrap_or_default();
		let mut position = position.settle(&pool).ok_or(ArithmeticError::Overflow)?;
		Self::take_held(staker, candidate, Self::make_good(&pool, &mut position));
		T::Token::hold(&HoldReason::Stake.into(), staker, amount)?;
		let (stake, shares) = pool.stake.add(amount).ok_or(ArithmeticError::Overflow)?;
		pool.stake = stake;
		position.shares = position.shares.checked_add(shares).ok_or(ArithmeticError::Overflow)?;
		position.held = position.held.checked_add(amount).ok_or(ArithmeticError::Overflow)?;
		ensure!(pool.stake.value(position.shares) >= T::MinNomination::get(), Error::<T>::NominationTooSmall);
		Pools::<T>::insert(candidate, pool);
		Positions::<T>::insert(staker, candidate, position);
		Ok(())
	}

	pub(crate) fn do_unbond(
		staker: T::AccountId,
		candidate: T::AccountId,
		amount: Option<Balance>,
	) -> DispatchResult {
		let pool = Pools::<T>::get(&candidate).ok_or(Error::<T>::NoStake)?;
		let position = Positions::<T>::get(&staker, &candidate).ok_or(Error::<T>::NoStake)?;
		ensure!(!pool.stake.is_lost(), Error::<T>::PoolLost);
		let mut position = position.settle(&pool).ok_or(ArithmeticError::Overflow)?;
		Self::take_held(&staker, &candidate, Self::make_good(&pool, &mut position));
		let worth = pool.stake.value(position.shares);
		let all = amount.is_none_or(|amount| amount == worth);
		let shares = if all {
			position.shares
		} else {
			let amount = amount.unwrap_or(worth);
			ensure!(amount <= worth, Error::<T>::NotEnoughStake);
			ensure!(amount >= T::MinNomination::get(), Error::<T>::NominationTooSmall);
			pool.stake.shares_for(amount).ok_or(ArithmeticError::Overflow)?.min(position.shares)
		};
		ensure!(shares > 0, Error::<T>::NoStake);
		let own = staker == candidate && Candidates::<T>::contains_key(&candidate);
		if own && all && Candidates::<T>::get(&candidate).is_some_and(|candidate| candidate.active) {
			ensure!(Self::can_spare_one(), Error::<T>::TooFewValidators);
		}

		let (stake, worth) = pool.stake.remove(shares).ok_or(Error::<T>::NotEnoughStake)?;
		let pool = Pool { stake, ..pool };
		position.shares = position.shares.checked_sub(shares).ok_or(ArithmeticError::Underflow)?;
		let held = if position.shares == 0 { position.held } else { worth.min(position.held) };
		position.held = position.held.checked_sub(held).ok_or(ArithmeticError::Underflow)?;
		if position.shares > 0 {
			let left = pool.stake.value(position.shares);
			ensure!(left >= T::MinNomination::get(), Error::<T>::NominationTooSmall);
			ensure!(!own || left >= T::MinBond::get(), Error::<T>::BondTooSmall);
		}
		let unlocks = Self::add_chunk(&staker, &candidate, worth, held)?;
		if position.shares > 0 {
			Pools::<T>::insert(&candidate, pool);
			Positions::<T>::insert(&staker, &candidate, position);
		} else {
			Self::close(&staker, &candidate, pool, &position)?;
		}
		if own && all {
			// First, so that the event says why.
			Self::retire(&candidate, ChillReason::Left);
			let terms = Candidates::<T>::take(&candidate);
			Pools::<T>::mutate_extant(&candidate, |pool| {
				pool.left = terms.map(|candidate| (candidate.commission, candidate.raised));
			});
		} else {
			Self::update_rank(&candidate);
		}
		Self::deposit_event(Event::Unbonding { staker, candidate, amount: held, unlocks });
		Ok(())
	}

	/// Puts what left a pool today into the session's tranche; returns when it unlocks.
	fn add_chunk(
		staker: &T::AccountId,
		candidate: &T::AccountId,
		worth: Balance,
		held: Balance,
	) -> Result<SessionIndex, DispatchError> {
		// The next session's validators have been elected already.
		let counted_until = Self::session().checked_add(1).ok_or(ArithmeticError::Overflow)?;
		let unlocks = counted_until
			.checked_add(CurrentTiming::<T>::get().unbonding_sessions)
			.ok_or(ArithmeticError::Overflow)?;
		let tranche = Tranches::<T>::get(candidate, counted_until).unwrap_or_default();
		let (tranche, shares) = tranche.add(worth).ok_or(Error::<T>::PoolLost)?;
		Chunks::<T>::try_mutate(staker, candidate, |chunks| {
			let same = chunks.iter_mut().find(|chunk| chunk.counted_until == counted_until);
			if let Some(chunk) = same {
				chunk.shares = chunk.shares.checked_add(shares).ok_or(ArithmeticError::Overflow)?;
				chunk.held = chunk.held.checked_add(held).ok_or(ArithmeticError::Overflow)?;
				chunk.unlocks = chunk.unlocks.max(unlocks);
				return Ok(());
			}
			chunks
				.try_push(Chunk { counted_until, unlocks, shares, held })
				.map_err(|_| DispatchError::from(Error::<T>::TooManyChunks))
		})?;
		Tranches::<T>::insert(candidate, counted_until, tranche);
		Ok(unlocks)
	}

	pub(crate) fn do_withdraw(staker: T::AccountId, candidate: T::AccountId) -> DispatchResult {
		let session = Self::session();
		let mut chunks = Chunks::<T>::get(&staker, &candidate);
		ensure!(chunks.iter().any(|chunk| chunk.unlocks <= session), Error::<T>::NothingToWithdraw);
		let (mut amount, mut taken): (Balance, Balance) = (0, 0);
		for chunk in chunks.iter_mut().filter(|chunk| chunk.unlocks <= session) {
			taken = taken.saturating_add(Self::make_chunk_good(&candidate, chunk));
			amount = amount.checked_add(chunk.held).ok_or(ArithmeticError::Overflow)?;
			let tranche = Tranches::<T>::get(&candidate, chunk.counted_until).unwrap_or_default();
			let (tranche, _) = tranche.remove(chunk.shares).ok_or(ArithmeticError::Underflow)?;
			if tranche.shares == 0 {
				Tranches::<T>::remove(&candidate, chunk.counted_until);
			} else {
				Tranches::<T>::insert(&candidate, chunk.counted_until, tranche);
			}
		}
		chunks.retain(|chunk| chunk.unlocks > session);
		Self::store_chunks(&staker, &candidate, chunks);
		Self::take_held(&staker, &candidate, taken);
		let amount = T::Token::release(&HoldReason::Stake.into(), &staker, amount, Precision::BestEffort)?;
		Self::deposit_event(Event::Withdrawn { staker, candidate, amount });
		Ok(())
	}

	pub(crate) fn do_apply_slash(staker: T::AccountId, candidate: T::AccountId) -> DispatchResult {
		let mut taken: Balance = 0;
		let mut lost = false;
		if let (Some(pool), Some(mut position)) =
			(Pools::<T>::get(&candidate), Positions::<T>::get(&staker, &candidate))
		{
			taken = Self::make_good(&pool, &mut position);
			lost = pool.stake.is_lost();
			if lost {
				// Nothing is left: the shares go, so that the pool can begin anew.
				let mut position = position.settle(&pool).ok_or(ArithmeticError::Overflow)?;
				let (stake, _) = pool.stake.remove(position.shares).ok_or(ArithmeticError::Underflow)?;
				position.shares = 0;
				Self::close(&staker, &candidate, Pool { stake, ..pool }, &position)?;
			} else {
				Positions::<T>::insert(&staker, &candidate, position);
			}
		}
		let mut chunks = Chunks::<T>::get(&staker, &candidate);
		for chunk in chunks.iter_mut() {
			taken = taken.saturating_add(Self::make_chunk_good(&candidate, chunk));
		}
		Self::store_chunks(&staker, &candidate, chunks);
		Self::take_held(&staker, &candidate, taken);
		ensure!(taken > 0 || lost, Error::<T>::NothingToSlash);
		Ok(())
	}

	/// What a staker's stake with a candidate is worth, planck.
	pub fn staked(staker: &T::AccountId, candidate: &T::AccountId) -> Balance {
		let position = Positions::<T>::get(staker, candidate).unwrap_or_default();
		Pools::<T>::get(candidate).map(|pool| pool.stake.value(position.shares)).unwrap_or_default()
	}

	/// Pays a position without shares its last rewards and forgets it.
	fn close(
		staker: &T::AccountId,
		candidate: &T::AccountId,
		pool: Pool,
		position: &Position,
	) -> DispatchResult {
		let (pool, position, owed) = pool.pay(position).ok_or(ArithmeticError::Overflow)?;
		let pool = pool.forget(&position).ok_or(ArithmeticError::Overflow)?;
		Positions::<T>::remove(staker, candidate);
		Pools::<T>::insert(candidate, pool);
		if owed > 0 {
			Self::pay_out(staker, owed)?;
			Self::deposit_event(Event::Claimed {
				staker: staker.clone(),
				candidate: candidate.clone(),
				amount: owed,
			});
		}
		if pool.stake.shares == 0 {
			Self::dissolve(candidate, pool)?;
		}
		Ok(())
	}

	/// Forgets a pool that nobody has shares of.
	fn dissolve(candidate: &T::AccountId, pool: Pool) -> DispatchResult {
		let (pool, commission) = pool.pay_commission().ok_or(ArithmeticError::Overflow)?;
		// What was never divided is shared out with the next session's rewards.
		Self::release_unpaid(pool.unpaid)?;
		Pools::<T>::remove(candidate);
		if commission > 0 && Self::pay_out(candidate, commission).is_err() {
			// The candidate's account is gone: its commission is shared out too.
			Self::release_unpaid(commission)?;
		}
		Ok(())
	}

	/// Forgets what is on hold for a position beyond what its shares are worth; returns how much, to be taken.
	fn make_good(pool: &Pool, position: &mut Position) -> Balance {
		let excess = position.held.saturating_sub(pool.stake.value(position.shares));
		position.held = position.held.saturating_sub(excess);
		excess
	}

	/// As [`Self::make_good`], for stake that leaves.
	fn make_chunk_good(candidate: &T::AccountId, chunk: &mut Chunk) -> Balance {
		let tranche = Tranches::<T>::get(candidate, chunk.counted_until).unwrap_or_default();
		let excess = chunk.held.saturating_sub(tranche.value(chunk.shares));
		chunk.held = chunk.held.saturating_sub(excess);
		excess
	}

	/// Sends to the treasury what slashes took from a staker.
	fn take_held(staker: &T::AccountId, candidate: &T::AccountId, amount: Balance) {
		if amount == 0 {
			return;
		}
		let (credit, missing) = T::Token::slash(&HoldReason::Stake.into(), staker, amount);
		debug_assert_eq!(missing, 0, "what a position says is on hold is on hold");
		T::Slash::on_unbalanced(credit);
		Self::deposit_event(Event::SlashApplied {
			staker: staker.clone(),
			candidate: candidate.clone(),
			amount,
		});
	}

	fn store_chunks(
		staker: &T::AccountId,
		candidate: &T::AccountId,
		chunks: BoundedVec<Chunk, ConstU32<MAX_CHUNKS>>,
	) {
		if chunks.is_empty() {
			Chunks::<T>::remove(staker, candidate);
		} else {
			Chunks::<T>::insert(staker, candidate, chunks);
		}
	}

	/// What is on hold for a staker as stake, planck.
	pub fn held(staker: &T::AccountId) -> Balance {
		T::Token::balance_on_hold(&HoldReason::Stake.into(), staker)
	}
}
