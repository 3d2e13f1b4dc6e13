//! Who stands for election, in which order.

use crate::*;
use frame::prelude::*;
use polkadot_sdk::sp_staking::SessionIndex;
use tributary_primitives::{Balance, Ppm, PPM};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_bond(who: T::AccountId, amount: Balance, commission: Ppm) -> DispatchResult {
		ensure!(!Candidates::<T>::contains_key(&who), Error::<T>::AlreadyCandidate);
		ensure!(commission <= T::MaxCommission::get(), Error::<T>::CommissionTooHigh);
		Self::leave_jail(&who)?;
		let raised = match Pools::<T>::get(&who).and_then(|pool| pool.left) {
			Some((last, raised)) => Self::raised(last, raised, commission)?,
			None => Self::session(),
		};
		let candidate = Candidate { commission, raised, active: true };
		Candidates::<T>::insert(&who, candidate);
		Self::add_stake(&who, &who, amount)?;
		ensure!(Self::own_stake(&who) >= T::MinBond::get(), Error::<T>::BondTooSmall);
		Self::enter_ranking(&who)?;
		Unbonded::<T>::mutate(|unbonded| unbonded.retain(|other| *other != who));
		Self::deposit_event(Event::Bonded { candidate: who, amount });
		Ok(())
	}

	pub(crate) fn do_set_commission(who: T::AccountId, commission: Ppm) -> DispatchResult {
		let mut candidate = Candidates::<T>::get(&who).ok_or(Error::<T>::NotCandidate)?;
		candidate.raised = Self::raised(candidate.commission, candidate.raised, commission)?;
		candidate.commission = commission;
		Candidates::<T>::insert(&who, candidate);
		Self::deposit_event(Event::CommissionSet { candidate: who, commission });
		Ok(())
	}

	/// When a commission that goes from `from` to `to` ppm was last raised; refused when that is too much or too
	/// soon. It may always fall, also to what is still above the largest.
	fn raised(from: Ppm, raised: SessionIndex, to: Ppm) -> Result<SessionIndex, DispatchError> {
		let rise = to.saturating_sub(from);
		if rise == 0 {
			return Ok(raised);
		}
		let most = T::MaxCommission::get().min(PPM);
		ensure!(to <= most && rise <= T::MaxCommissionRise::get(), Error::<T>::CommissionTooHigh);
		let earliest = raised.saturating_add(T::CommissionDelay::get());
		ensure!(Self::session() >= earliest, Error::<T>::CommissionTooSoon);
		Ok(Self::session())
	}

	pub(crate) fn do_chill(who: T::AccountId) -> DispatchResult {
		let candidate = Candidates::<T>::get(&who).ok_or(Error::<T>::NotCandidate)?;
		ensure!(candidate.active, Error::<T>::NotActive);
		ensure!(Self::can_spare_one(), Error::<T>::TooFewValidators);
		Self::retire(&who, ChillReason::Asked);
		Ok(())
	}

	pub(crate) fn do_resume(who: T::AccountId) -> DispatchResult {
		let candidate = Candidates::<T>::get(&who).ok_or(Error::<T>::NotCandidate)?;
		ensure!(!candidate.active, Error::<T>::AlreadyActive);
		Self::leave_jail(&who)?;
		ensure!(Self::own_stake(&who) >= T::MinBond::get(), Error::<T>::BondTooSmall);
		Candidates::<T>::insert(&who, Candidate { active: true, ..candidate });
		Self::enter_ranking(&who)?;
		Self::deposit_event(Event::Resumed { candidate: who });
		Ok(())
	}

	pub(crate) fn do_dismiss(validator: T::AccountId) -> DispatchResult {
		let stands = Candidates::<T>::get(&validator).is_some_and(|candidate| candidate.active)
			|| Unbonded::<T>::get().contains(&validator);
		ensure!(!stands || Self::can_spare_one(), Error::<T>::TooFewValidators);
		Self::retire(&validator, ChillReason::Dismissed);
		Self::forget_unbonded(&validator);
		Self::jail(&validator, Self::session().saturating_add(CurrentTiming::<T>::get().unbonding_sessions));
		Self::deposit_event(Event::Dismissed { validator });
		Ok(())
	}

	/// Takes a validator off the list of those without bond; returns whether it was there.
	pub(crate) fn forget_unbonded(validator: &T::AccountId) -> bool {
		Unbonded::<T>::mutate(|unbonded| {
			let before = unbonded.len();
			unbonded.retain(|other| other != validator);
			unbonded.len() < before
		})
	}

	/// What a candidate's own stake is worth, planck.
	pub fn own_stake(candidate: &T::AccountId) -> Balance {
		Self::staked(candidate, candidate)
	}

	/// Whether the set keeps its least size when one leaves.
	pub(crate) fn can_spare_one() -> bool {
		let there = Ranking::<T>::decode_len()
			.unwrap_or_default()
			.saturating_add(Unbonded::<T>::decode_len().unwrap_or_default());
		there > T::MinValidators::get() as usize
	}

	/// Makes a candidate stand no more, whatever becomes of the set's size: the election keeps whom it must.
	pub(crate) fn retire(who: &T::AccountId, reason: ChillReason) {
		let stands = Candidates::<T>::mutate(who, |candidate| {
			candidate.as_mut().is_some_and(|candidate| core::mem::replace(&mut candidate.active, false))
		});
		if stands {
			Ranking::<T>::mutate(|ranking| ranking.retain(|rank| rank.candidate != *who));
			Self::deposit_event(Event::Chilled { candidate: who.clone(), reason });
		}
	}

	/// Keeps an account from standing before a session.
	pub(crate) fn jail(who: &T::AccountId, until: SessionIndex) {
		Jails::<T>::mutate(who, |jail| *jail = Some(jail.unwrap_or_default().max(until)));
	}

	fn leave_jail(who: &T::AccountId) -> DispatchResult {
		if let Some(until) = Jails::<T>::get(who) {
			ensure!(until <= Self::session(), Error::<T>::Jailed);
			Jails::<T>::remove(who);
		}
		Ok(())
	}

	/// Puts an active candidate where its stake belongs. When the list is full, it takes the place of the
	/// last, which must have less.
	fn enter_ranking(who: &T::AccountId) -> DispatchResult {
		let rank = Rank { candidate: who.clone(), stake: Self::pool_stake(who) };
		let displaced = Ranking::<T>::try_mutate(|ranking| {
			let place = ranking.partition_point(|other| other.stake >= rank.stake);
			let full = ranking.len() >= T::MaxCandidates::get() as usize;
			ensure!(!full || place < ranking.len(), Error::<T>::Outbid);
			let displaced = if full { ranking.pop() } else { None };
			ranking.try_insert(place, rank).map_err(|_| Error::<T>::Outbid)?;
			Ok::<_, DispatchError>(displaced)
		})?;
		if let Some(displaced) = displaced {
			// It is off the list already.
			Self::retire(&displaced.candidate, ChillReason::Outbid);
		}
		Ok(())
	}

	/// Moves a candidate to where its stake belongs now.
	pub(crate) fn update_rank(who: &T::AccountId) {
		let stake = Self::pool_stake(who);
		Ranking::<T>::mutate(|ranking| {
			let Some(place) = ranking.iter().position(|rank| rank.candidate == *who) else { return };
			let mut rank = ranking.remove(place);
			rank.stake = stake;
			let place = ranking.partition_point(|other| other.stake >= rank.stake);
			// There is room: one was removed.
			let inserted = ranking.try_insert(place, rank);
			debug_assert!(inserted.is_ok());
		});
	}

	/// Stake of a candidate's pool, planck.
	pub fn pool_stake(candidate: &T::AccountId) -> Balance {
		Pools::<T>::get(candidate).map(|pool| pool.stake.amount).unwrap_or_default()
	}
}
