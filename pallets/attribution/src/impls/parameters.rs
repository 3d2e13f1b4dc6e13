//! Versions of the parameters.

use crate::*;
use frame::{
	prelude::*,
	token::fungible::{Inspect, Mutate},
};
use tributary_primitives::{
	split::{SplitTable, PARTS},
	views::Parameters,
	Balance, Ppm,
};

fn table(shares: [Ppm; PARTS]) -> SplitTable {
	let [platform, worker, stakers, base_model, adapters, prompts, tools, evaluators, agent, data] = shares;
	SplitTable { platform, worker, stakers, base_model, adapters, prompts, tools, evaluators, agent, data }
}

impl<T: Config> Pallet<T> {
	pub(crate) fn build_genesis(shares: [Ppm; PARTS], platform_fee: Balance) {
		let split = table(shares);
		assert!(split.is_valid(), "genesis: the split's shares must sum to 1,000,000 ppm");
		ParametersOf::<T>::insert(1, Parameters { split, platform_fee });
		ParametersVersion::<T>::put(1);
		let (pot, least) = (Self::pot(), T::Currency::minimum_balance());
		let missing = least.saturating_sub(T::Currency::balance(&pot));
		assert!(
			T::Currency::mint_into(&pot, missing).is_ok(),
			"genesis: the pot must get its existential deposit: put the balances pallet before this one"
		);
	}

	/// The version in force and its parameters.
	pub(crate) fn current_parameters() -> (u32, Parameters) {
		let version = ParametersVersion::<T>::get();
		// A chain whose genesis set none runs on the default table and takes no flat fee.
		let default = Parameters { split: SplitTable::default(), platform_fee: 0 };
		(version, ParametersOf::<T>::get(version).unwrap_or(default))
	}

	pub(crate) fn do_set_parameters(parameters: Parameters) -> DispatchResult {
		ensure!(parameters.split.is_valid(), Error::<T>::InvalidSplit);
		let version = ParametersVersion::<T>::get().checked_add(1).ok_or(ArithmeticError::Overflow)?;
		ParametersOf::<T>::insert(version, parameters);
		ParametersVersion::<T>::put(version);
		Self::deposit_event(Event::ParametersSet { version, parameters });
		Ok(())
	}
}
