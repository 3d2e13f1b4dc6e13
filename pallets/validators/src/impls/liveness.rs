//! Validators that make no blocks.
//!
//! Aura's turns follow from slots, so blocks alone say who was there: no heartbeats are needed.

use crate::*;
use alloc::{collections::BTreeMap, vec::Vec};
use frame::prelude::*;
use polkadot_sdk::{pallet_authorship, pallet_session, sp_staking::SessionIndex};

impl<T: Config> pallet_authorship::EventHandler<T::AccountId, BlockNumberFor<T>> for Pallet<T> {
	fn note_author(author: T::AccountId) {
		// The block that begins a session is of the set before, and was counted when that one's session ended.
		let begins = SessionStarts::<T>::get(Pallet::<T>::session()) == Some(T::CurrentSlot::get());
		if !begins {
			Self::count_block(author);
		}
	}
}

/// Slots in `(start, end]` that are the turn of the `index`-th of `count` validators.
pub(crate) fn turns(start: u64, end: u64, index: u64, count: u64) -> u64 {
	// Slots below `slot` that are its turn.
	let before = |slot: u64| {
		let shifted = slot.saturating_add(count).saturating_sub(1).saturating_sub(index);
		shifted.checked_div(count).unwrap_or_default()
	};
	before(end.saturating_add(1)).saturating_sub(before(start.saturating_add(1)))
}

/// Part of its stake that each of `missing` unresponsive among `count` validators loses: nothing while at
/// most a tenth and one are missing, then growing to 7 % when a third more are.
pub(crate) fn unresponsive_fraction(missing: u32, count: u32) -> Perbill {
	let tolerated = count.checked_div(10).unwrap_or_default().saturating_add(1);
	let beyond = missing.saturating_sub(tolerated);
	let part = Perbill::from_rational(beyond.saturating_mul(3), count.max(1));
	Perbill::from_percent(7).saturating_mul(part)
}

impl<T: Config> Pallet<T> {
	/// Counts a block for its author.
	pub(crate) fn count_block(author: T::AccountId) {
		Authored::<T>::mutate(author, |blocks| *blocks = blocks.saturating_add(1));
	}

	/// Finds those that made no block though it was their turn often enough. Chills them, at most a third of
	/// the set in a session and while it stays large enough; slashes them when they are many. Returns them.
	pub(crate) fn judge_liveness(session: SessionIndex) -> Vec<T::AccountId> {
		let elected = Elected::<T>::get(session);
		let authored: BTreeMap<_, _> = Authored::<T>::drain().collect();
		let blocks = |validator: &T::AccountId| authored.get(validator).copied().unwrap_or_default();
		let (start, now) = (SessionStarts::<T>::get(session).unwrap_or_default(), T::CurrentSlot::get());
		let count = elected.len().saturated_into::<u32>();
		let made = authored.values().fold(0u32, |sum, blocks| sum.saturating_add(*blocks));
		let least = T::LivenessBlocks::get();
		// Slots while the whole chain stood still are nobody's fault: blocks must have been made, too.
		if made.checked_div(count).unwrap_or_default() < least {
			return Vec::new();
		}
		let disabled = pallet_session::Pallet::<T>::disabled_validators();
		// A turn is a place in the set that the session began with.
		let validators = pallet_session::Pallet::<T>::validators();
		let missing: Vec<&ElectedValidator> = elected
			.iter()
			.filter(|ElectedValidator { validator, .. }| {
				let place = validators.iter().position(|other| other == validator);
				let Some(place) = place.and_then(|place| u32::try_from(place).ok()) else { return false };
				blocks(validator) == 0
					&& !disabled.contains(&place)
					&& turns(start, now, place.into(), count.into()) >= least.into()
			})
			.collect();
		let fraction = unresponsive_fraction(missing.len().saturated_into(), count);
		let most = count.checked_div(3).unwrap_or_default();
		for (ElectedValidator { validator, exposure }, chilled) in missing.iter().zip(0u32..) {
			if chilled < most && Self::can_spare_one() {
				Self::retire(validator, ChillReason::Unresponsive);
				if Self::forget_unbonded(validator) {
					Self::deposit_event(Event::Dismissed { validator: validator.clone() });
				}
				Self::jail(validator, session.saturating_add(2));
			}
			if !fraction.is_zero() {
				Self::punish(validator, *exposure, fraction, session);
			}
		}
		missing.into_iter().map(|missing| missing.validator.clone()).collect()
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn turns_are_counted_when_compared_with_every_slot() {
		for count in 1..6u64 {
			for index in 0..count {
				for (start, end) in [(0, 0), (0, 17), (5, 5), (5, 6), (7, 30), (10, 11)] {
					let counted = (start + 1..=end).filter(|slot| slot % count == index).count() as u64;
					assert_eq!(turns(start, end, index, count), counted, "{start} {end} {index} {count}");
				}
			}
		}
		assert_eq!(turns(1, 9, 0, 0), 0);
	}

	#[test]
	fn unresponsive_lose_nothing_when_they_are_few() {
		assert!(unresponsive_fraction(1, 4).is_zero());
		assert!(unresponsive_fraction(11, 100).is_zero());
		assert_eq!(unresponsive_fraction(12, 100), Perbill::from_parts(2_100_000));
		assert_eq!(unresponsive_fraction(100, 100), Perbill::from_percent(7));
		assert!(unresponsive_fraction(1, 0).is_zero());
	}
}
