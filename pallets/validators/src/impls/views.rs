//! What users read.

use crate::*;
use alloc::{collections::BTreeMap, vec::Vec};
use frame::prelude::*;
use polkadot_sdk::pallet_session;
use tributary_primitives::views::{StakeView, ValidatorParametersView, ValidatorView};

impl<T: Config> Pallet<T> {
	pub(crate) fn parameters_view() -> ValidatorParametersView {
		let timing = CurrentTiming::<T>::get();
		ValidatorParametersView {
			session: Self::session(),
			session_blocks: timing.session_blocks,
			unbonding_sessions: timing.unbonding_sessions,
			min_validators: T::MinValidators::get(),
			max_validators: T::MaxValidators::get(),
			author_share: T::AuthorShare::get(),
			min_bond: T::MinBond::get(),
			min_nomination: T::MinNomination::get(),
			max_commission: T::MaxCommission::get(),
		}
	}

	pub(crate) fn view(who: &T::AccountId) -> Option<ValidatorView> {
		let candidate = Candidates::<T>::get(who);
		let validators = pallet_session::Pallet::<T>::validators();
		let place = validators.iter().position(|validator| validator == who);
		if candidate.is_none() && place.is_none() {
			return None;
		}
		let place = place.and_then(|place| u32::try_from(place).ok());
		let disabled = pallet_session::Pallet::<T>::disabled_validators();
		Some(ValidatorView {
			account: who.clone().into(),
			own: Self::own_stake(who),
			stake: Self::pool_stake(who),
			commission: candidate.map(|candidate| candidate.commission).unwrap_or_default(),
			active: candidate.is_some_and(|candidate| candidate.active),
			keys: pallet_session::Pallet::<T>::load_keys(who).is_some(),
			elected: place.is_some(),
			disabled: place.is_some_and(|place| disabled.contains(&place)),
			jailed_until: Jails::<T>::get(who),
			blocks: Authored::<T>::get(who),
		})
	}

	pub(crate) fn views() -> Vec<ValidatorView> {
		let mut who: Vec<_> = Ranking::<T>::get().into_iter().map(|rank| rank.candidate).collect();
		for validator in pallet_session::Pallet::<T>::validators() {
			if !who.contains(&validator) {
				who.push(validator);
			}
		}
		who.iter().filter_map(Self::view).collect()
	}

	pub(crate) fn stake_views(staker: &T::AccountId) -> Vec<StakeView> {
		let mut views = BTreeMap::<T::AccountId, StakeView>::new();
		let empty = |candidate: &T::AccountId| StakeView {
			candidate: candidate.clone().into(),
			staked: 0,
			claimable: Self::claimable(staker, candidate),
			slashed: 0,
			leaving: Vec::new(),
		};
		for (candidate, position) in Positions::<T>::iter_prefix(staker) {
			let view = views.entry(candidate.clone()).or_insert_with(|| empty(&candidate));
			view.staked = Self::staked(staker, &candidate);
			view.slashed = position.held.saturating_sub(view.staked);
		}
		for (candidate, chunks) in Chunks::<T>::iter_prefix(staker) {
			let view = views.entry(candidate.clone()).or_insert_with(|| empty(&candidate));
			for chunk in chunks {
				let tranche = Tranches::<T>::get(&candidate, chunk.counted_until).unwrap_or_default();
				let worth = chunk.held.min(tranche.value(chunk.shares));
				view.slashed = view.slashed.saturating_add(chunk.held.saturating_sub(worth));
				view.leaving.push((worth, chunk.unlocks));
			}
		}
		views.into_values().collect()
	}
}
