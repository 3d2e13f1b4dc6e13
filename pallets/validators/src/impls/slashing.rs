//! Offences: what they cost.

use crate::*;
use alloc::vec::Vec;
use frame::prelude::*;
use polkadot_sdk::{
	pallet_session::{self, historical::IdentificationTuple},
	sp_staking::{
		offence::{OffenceDetails, OffenceSeverity, OnOffenceHandler},
		SessionIndex,
	},
};
use tributary_primitives::{math::mul_div, Balance};

impl<T: Config> Pallet<T> {
	/// Takes `amount` planck from a pool and from what left it since a session, all alike; returns what was
	/// taken.
	pub(crate) fn slash_pool(candidate: &T::AccountId, session: SessionIndex, amount: Balance) -> Balance {
		// Stake that leaves now is in the tranche of the next session.
		let newest = Self::session().saturating_add(1);
		let tranches: Vec<_> = (session..=newest)
			.filter_map(|until| Some((until, Tranches::<T>::try_get(candidate, until).ok()?)))
			.collect();
		let pool = Pools::<T>::get(candidate);
		let staked = pool.map(|pool| pool.stake.amount).unwrap_or_default();
		let total = tranches.iter().fold(staked, |sum, (_, tranche)| sum.saturating_add(tranche.amount));
		let amount = amount.min(total);
		let mut left = amount;
		for (until, tranche) in tranches {
			let part = mul_div(amount, tranche.amount, total).unwrap_or_default();
			left = left.saturating_sub(part);
			Tranches::<T>::insert(candidate, until, tranche.slash(part));
		}
		if let Some(mut pool) = pool {
			let part = left.min(staked);
			pool.stake = pool.stake.slash(part);
			left = left.saturating_sub(part);
			Pools::<T>::insert(candidate, pool);
			Self::update_rank(candidate);
		}
		amount.saturating_sub(left)
	}

	/// Slashes a validator for an offence: `fraction` of what it had at stake, less what it has been slashed
	/// by in the same session.
	pub(crate) fn punish(
		validator: &T::AccountId,
		exposure: Exposure,
		fraction: Perbill,
		session: SessionIndex,
	) {
		let before = Slashed::<T>::get(session, validator);
		if fraction > before {
			Slashed::<T>::insert(session, validator, fraction);
			let part = fraction.saturating_sub(before);
			let amount = Self::slash_pool(validator, session, part.mul_floor(exposure.stake));
			Self::deposit_event(Event::Slashed { candidate: validator.clone(), session, amount });
		}
		if Self::own_stake(validator) < T::MinBond::get() {
			Self::retire(validator, ChillReason::BondTooSmall);
		}
	}

	/// Takes a caught validator out of the work of sessions until its jail ends, and off the candidates.
	fn expel(validator: &T::AccountId, fraction: Perbill, timing: &Timing) {
		let session = Self::session();
		Self::retire(validator, ChillReason::Offence);
		if Self::forget_unbonded(validator) {
			Self::deposit_event(Event::Dismissed { validator: validator.clone() });
		}
		let until = session.saturating_add(timing.unbonding_sessions);
		Self::jail(validator, until);
		pallet_session::Pallet::<T>::report_offence(validator.clone(), OffenceSeverity(fraction));
		Suspensions::<T>::mutate(|suspensions| {
			let severity = fraction.deconstruct();
			match suspensions.iter_mut().find(|suspension| suspension.validator == *validator) {
				Some(suspension) => {
					suspension.severity = suspension.severity.max(severity);
					suspension.until = until;
				}
				None => {
					let suspension = Suspension { validator: validator.clone(), severity, until };
					// When there is no place left, the oldest goes: it is long out of the set, unless there are hardly
					// any others.
					if suspensions.is_full() {
						suspensions.remove(0);
					}
					let pushed = suspensions.try_push(suspension);
					debug_assert!(pushed.is_ok());
				}
			}
		});
	}
}

impl<T: Config> OnOffenceHandler<T::AccountId, IdentificationTuple<T>, Weight> for Pallet<T> {
	fn on_offence(
		offenders: &[OffenceDetails<T::AccountId, IdentificationTuple<T>>],
		fractions: &[Perbill],
		session: SessionIndex,
	) -> Weight {
		if session < OldestSession::<T>::get() {
			return T::DbWeight::get().reads(1);
		}
		let timing = CurrentTiming::<T>::get();
		for (details, fraction) in offenders.iter().zip(fractions) {
			let (validator, exposure) = &details.offender;
			// First, so that the event says why it stands no more.
			Self::expel(validator, *fraction, &timing);
			Self::punish(validator, *exposure, *fraction, session);
		}
		<T as Config>::WeightInfo::report_equivocation()
	}
}
