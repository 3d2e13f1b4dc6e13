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
	/// Chooses the validators of a session: those that were there before bonds, then candidates by stake, all
	/// with session keys. When they are fewer than the least size, validators of the present set stay.
	pub(crate) fn elect(session: SessionIndex) -> Option<Vec<(T::AccountId, Exposure)>> {
		let most = T::MaxValidators::get().min(T::MaxAuthorities::get()) as usize;
		let ready = |who: &T::AccountId| pallet_session::Pallet::<T>::load_keys(who).is_some();
		let mut chosen: Vec<ElectedValidator> = Unbonded::<T>::get()
			.into_iter()
			.chain(Ranking::<T>::get().into_iter().map(|rank| rank.candidate))
			.filter(ready)
			.take(most)
			.map(Self::exposed)
			.collect();
		let least = (T::MinValidators::get() as usize).min(most);
		if chosen.len() < least {
			let missing = least.saturating_sub(chosen.len());
			let kept: Vec<_> = pallet_session::Pallet::<T>::validators()
				.into_iter()
				.filter(|who| ready(who) && !chosen.iter().any(|other| other.validator == *who))
				.take(missing)
				.map(Self::exposed)
				.collect();
			chosen.extend(kept);
		}
		Self::hold_vault(chosen.iter().any(|elected| elected.exposure.stake > 0));
		if chosen.is_empty() {
			// The set stays; so does what it has at stake.
			Elected::<T>::insert(session, Elected::<T>::get(session.saturating_sub(1)));
			return None;
		}
		let validators = chosen.len().saturated_into();
		let ids = chosen.iter().map(|elected| (elected.validator.clone(), elected.exposure)).collect();
		Elected::<T>::insert(session, BoundedVec::truncate_from(chosen));
		Self::deposit_event(Event::ElectionHeld { session, validators });
		Some(ids)
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

	/// A new set was elected before some of it were caught: they are disabled in it too.
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

	fn start_session(session: SessionIndex) {
		Self::begin(session);
	}

	fn end_session(session: SessionIndex) {
		Self::end(session);
	}
}
