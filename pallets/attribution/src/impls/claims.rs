//! Claims against earnings trees.

use crate::*;
use frame::prelude::*;
use tributary_primitives::{
	earnings::EarningsLeaf,
	merkle_sum::{verify, SumProof},
	Balance, DataNetId, Earner, VaultKey,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_claim_earnings(
		who: T::AccountId,
		worker: T::AccountId,
		cumulative: Balance,
		proof: SumProof,
	) -> DispatchResult {
		let leaf = EarningsLeaf { earner: Earner::Account(who.clone().into()), cumulative };
		let amount = Self::take_earnings(&worker, leaf, &proof)?;
		Self::pay(&who, amount)?;
		Self::deposit_event(Event::EarningsClaimed { worker, who, amount });
		Ok(())
	}

	pub(crate) fn do_sweep_pool(
		worker: T::AccountId,
		datanet: DataNetId,
		cumulative: Balance,
		proof: SumProof,
	) -> DispatchResult {
		let leaf = EarningsLeaf { earner: Earner::Pool(datanet), cumulative };
		let amount = Self::take_earnings(&worker, leaf, &proof)?;
		Self::credit_vault(VaultKey::Pool(datanet), amount).ok_or(ArithmeticError::Overflow)?;
		Self::deposit_event(Event::PoolSwept { worker, datanet, amount });
		Ok(())
	}

	/// Books what a proven leaf is owed beyond earlier claims. All claims against a tree together never
	/// exceed what was credited to it, whatever its worker wrote into it.
	fn take_earnings(
		worker: &T::AccountId,
		leaf: EarningsLeaf,
		proof: &SumProof,
	) -> Result<Balance, DispatchError> {
		let mut settlement = Settlements::<T>::get(worker);
		let node = leaf.node(worker.as_ref());
		ensure!(verify(&settlement.root, node, proof), Error::<T>::InvalidProof);
		let before = Claimed::<T>::get(worker, leaf.earner);
		let amount = leaf.cumulative.saturating_sub(before);
		ensure!(amount > 0, Error::<T>::NothingToClaim);
		settlement.claimed = settlement.claimed.checked_add(amount).ok_or(ArithmeticError::Overflow)?;
		ensure!(settlement.claimed <= settlement.credited, Error::<T>::TreeOverdrawn);
		Claimed::<T>::insert(worker, leaf.earner, leaf.cumulative);
		Settlements::<T>::insert(worker, settlement);
		Ok(amount)
	}
}
