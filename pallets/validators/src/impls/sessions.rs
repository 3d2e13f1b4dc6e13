//! Sessions: when they end, who validates in them.

use crate::*;
use alloc::vec::Vec;
use frame::prelude::*;
use polkadot_sdk::{
	frame_support::traits::EstimateNextSessionRotation,
	pallet_authorship,
	pallet_session::{self, historical, ShouldEndSession},
	sp_runtime::{traits::Convert, Permill},
	sp_staking::{offence::OffenceSeverity, SessionIndex},
};
use tributary_primitives::{math::mul_div, Balance, PPM};

/// Blocks of the session before this one.
fn done<T: Config>(now: BlockNumberFor<T>) -> BlockNumberFor<T> {
	now.checked_rem(&Sessions::<T>::average_session_length()).unwrap_or_default()
}

/// Ends sessions after as many blocks as the timing says.
pub struct Sessions<T>(PhantomData<T>);

impl<T: Config> ShouldEndSession<BlockNumberFor<T>> for Sessions<T> {
	fn should_end_session(now: BlockNumberFor<T>) -> bool {
		done::<T>(now).is_zero()
	}
}

impl<T: Config> EstimateNextSessionRotation<BlockNumberFor<T>> for Sessions<T> {
	fn average_session_length() -> BlockNumberFor<T> {
		CurrentTiming::<T>::get().session_blocks.max(1).into()
	}

	fn estimate_current_session_progress(now: BlockNumberFor<T>) -> (Option<Permill>, Weight) {
		let length = Self::average_session_length();
		let done = done::<T>(now).saturating_add(One::one());
		(Some(Permill::from_rational(done, length)), T::DbWeight::get().reads(1))
	}

	fn estimate_next_session_rotation(now: BlockNumberFor<T>) -> (Option<BlockNumberFor<T>>, Weight) {
		let length = Self::average_session_length();
		let left = length.saturating_sub(done::<T>(now));
		(Some(now.saturating_add(left)), T::DbWeight::get().reads(1))
	}
}

/// What a validator has at stake in this session.
pub struct ExposureOf<T>(PhantomData<T>);

impl<T: Config> Convert<T::AccountId, Option<Exposure>> for ExposureOf<T> {
	fn convert(validator: T::AccountId) -> Option<Exposure> {
		let elected = Elected::<T>::get(Pallet::<T>::session());
		elected.iter().find(|elected| elected.validator == validator).map(|elected| elected.exposure)
	}
}

impl<T: Config> Pallet<T> {
	/// Chooses the validators of a session: those that were there before bonds, then candidates by stake, down to
	/// the floor, all with session keys. When they are fewer than the least size, the floor does not count, and
	/// validators of the present set stay, the caught ones last.
	pub(crate) fn elect(session: SessionIndex) -> Option<Vec<(T::AccountId, Exposure)>> {
		let most = T::MaxValidators::get().min(T::MaxAuthorities::get()) as usize;
		let least = (T::MinValidators::get() as usize).min(most);
		let ready = |who: &T::AccountId| pallet_session::Pallet::<T>::load_keys(who).is_some();
		let mut chosen: Vec<ElectedValidator> =
			Unbonded::<T>::get().into_iter().filter(ready).take(most).map(Self::exposed).collect();
		let floor = Self::seat_floor(session);
		let candidates = Ranking::<T>::get().into_iter().map(|rank| rank.candidate).filter(ready);
		for candidate in candidates.take(most.saturating_sub(chosen.len())).map(Self::exposed) {
			// Those after it have no more.
			if chosen.len() >= least && candidate.exposure.stake < floor {
				break;
			}
			chosen.push(candidate);
		}
		if chosen.len() < least {
			let missing = least.saturating_sub(chosen.len());
			let mut kept = pallet_session::Pallet::<T>::validators();
			kept.retain(|who| ready(who) && !chosen.iter().any(|other| other.validator == *who));
			kept.sort_by_key(|who| Jails::<T>::contains_key(who));
			chosen.extend(kept.into_iter().take(missing).map(Self::exposed));
		}
		if chosen.is_empty() {
			// The set stays; so does what it has at stake.
			Self::hold_vault(false);
			Elected::<T>::insert(session, Elected::<T>::get(session.saturating_sub(1)));
			return None;
		}
		let validators = chosen.len().saturated_into();
		let seated = Self::seat(session, chosen);
		Self::deposit_event(Event::ElectionHeld { session, validators });
		Some(seated)
	}

	/// Notes who validates in a session; returns them as sessions take them.
	fn seat(session: SessionIndex, chosen: Vec<ElectedValidator>) -> Vec<(T::AccountId, Exposure)> {
		Self::hold_vault(chosen.iter().any(|elected| elected.exposure.stake > 0));
		let seated = chosen.iter().map(|elected| (elected.validator.clone(), elected.exposure)).collect();
		Elected::<T>::insert(session, BoundedVec::truncate_from(chosen));
		seated
	}

	/// The least stake of a seat beyond the least set, planck: a part of the middle stake of the set that was elected
	/// for the session before. Seats have equal votes; were they as cheap as the least bond, finality would be too.
	/// The middle, because a few with much stake could raise a mean until others have no seat.
	fn seat_floor(session: SessionIndex) -> Balance {
		let mut stakes: Vec<_> = Elected::<T>::get(session.saturating_sub(1))
			.into_iter()
			.map(|elected| elected.exposure.stake)
			.collect();
		stakes.sort_unstable();
		let middle = stakes.len().saturating_sub(1) / 2;
		let stake = stakes.get(middle).copied().unwrap_or_default();
		mul_div(stake, T::SeatFloor::get().min(PPM).into(), PPM.into()).unwrap_or_default()
	}

	fn exposed(validator: T::AccountId) -> ElectedValidator {
		let exposure = Exposure { stake: Self::pool_stake(&validator) };
		ElectedValidator { validator, exposure }
	}

	fn begin(session: SessionIndex) {
		SessionStarts::<T>::insert(session, T::CurrentSlot::get());
		Self::note_keys();
		Elected::<T>::remove(session.saturating_sub(1));
		Self::suspend_again(session);
		Self::forget_old(session);
	}

	/// A set may have those that were caught, because it was elected before or is too small without them: they are
	/// disabled in it.
	fn suspend_again(session: SessionIndex) {
		let mut suspensions = Suspensions::<T>::get();
		if suspensions.is_empty() {
			return;
		}
		suspensions.retain(|suspension| suspension.until >= session);
		for suspension in &suspensions {
			let severity = OffenceSeverity(Perbill::from_parts(suspension.severity));
			pallet_session::Pallet::<T>::report_offence(suspension.validator.clone(), severity);
		}
		Suspensions::<T>::put(suspensions);
	}

	/// Forgets sessions whose offences are not punished any more.
	fn forget_old(session: SessionIndex) {
		let kept = CurrentTiming::<T>::get().unbonding_sessions;
		// Offences must be less than that many sessions old.
		let oldest = session.saturating_add(1).saturating_sub(kept);
		let before = OldestSession::<T>::get();
		if oldest <= before {
			return;
		}
		for old in before..oldest {
			SessionStarts::<T>::remove(old);
			// At most as many as a session has validators.
			let _ = Slashed::<T>::clear_prefix(old, T::MaxAuthorities::get(), None);
		}
		historical::Pallet::<T>::prune_up_to(oldest);
		OldestSession::<T>::put(oldest);
	}

	fn end(session: SessionIndex) {
		// It is remembered now: the set changes before the author is asked for again.
		if let Some(author) = pallet_authorship::Pallet::<T>::author() {
			Self::count_block(author);
		}
		let absent = Self::judge_liveness(session);
		Self::share_out(session, &absent);
	}
}

impl<T: Config> pallet_session::SessionManager<T::AccountId> for Pallet<T> {
	fn new_session(session: SessionIndex) -> Option<Vec<T::AccountId>> {
		Self::elect(session).map(|elected| elected.into_iter().map(|(validator, _)| validator).collect())
	}

	fn start_session(session: SessionIndex) {
		Self::begin(session);
	}

	fn end_session(session: SessionIndex) {
		Self::end(session);
	}
}

impl<T: Config> historical::SessionManager<T::AccountId, Exposure> for Pallet<T> {
	fn new_session(session: SessionIndex) -> Option<Vec<(T::AccountId, Exposure)>> {
		Self::elect(session)
	}

	/// The first sets are those with session keys at genesis, in that order: blocks and proofs count by it.
	fn new_session_genesis(session: SessionIndex) -> Option<Vec<(T::AccountId, Exposure)>> {
		let validators = pallet_session::Pallet::<T>::validators();
		if validators.is_empty() {
			return None;
		}
		Some(Self::seat(session, validators.into_iter().map(Self::exposed).collect()))
	}

	fn start_session(session: SessionIndex) {
		Self::begin(session);
	}

	fn end_session(session: SessionIndex) {
		Self::end(session);
	}
}
