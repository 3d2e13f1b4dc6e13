//! Crediting matured batches.

use crate::*;
use frame::prelude::*;
use tributary_primitives::{batch::BatchStatus, limits::MAX_CREDITS_PER_BATCH};

/// Batches that one `credit` call credits at most.
pub(crate) const MAX_CREDITED: u32 = 16;

/// What was credited.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
	/// Batches.
	pub batches: u32,
	/// Credits to vaults.
	pub credits: u32,
}

impl<T: Config> Pallet<T> {
	/// Weight of crediting up to `limit` batches of the largest kind.
	pub(crate) fn credit_weight(limit: u32) -> Weight {
		let batches = limit.min(MAX_CREDITED);
		T::WeightInfo::credit(batches, batches.saturating_mul(MAX_CREDITS_PER_BATCH))
	}

	pub(crate) fn do_credit(worker: T::AccountId, limit: u32) -> DispatchResultWithPostInfo {
		let mut settlement = Settlements::<T>::get(&worker);
		let done = Self::credit_matured(&worker, &mut settlement, limit.min(MAX_CREDITED), u32::MAX)?;
		ensure!(done.batches > 0, Error::<T>::NothingToCredit);
		Settlements::<T>::insert(&worker, settlement);
		Ok(Some(T::WeightInfo::credit(done.batches, done.credits)).into())
	}

	/// Credits matured batches in order, at most `batches` of them and `credits` vault credits; stops
	/// at one in its window or challenged. The caller stores `settlement`.
	pub(crate) fn credit_matured(
		worker: &T::AccountId,
		settlement: &mut Settlement,
		batches: u32,
		credits: u32,
	) -> Result<Done, DispatchError> {
		let mut done = Done::default();
		while done.batches < batches {
			let sequence = settlement.oldest_pending;
			let Some(mut batch) = Batches::<T>::get(worker, sequence) else { break };
			if batch.status != BatchStatus::Pending || Self::now() < batch.matures_at {
				break;
			}
			let Some(money) = PendingBatches::<T>::get(worker, sequence) else { break };
			let after = done.credits.saturating_add(money.credits.len().saturated_into());
			if after > credits {
				break;
			}
			for (vault, amount) in &money.credits {
				Self::credit_vault(*vault, *amount).ok_or(ArithmeticError::Overflow)?;
			}
			settlement.pending =
				settlement.pending.checked_sub(money.data).ok_or(ArithmeticError::Underflow)?;
			settlement.credited =
				settlement.credited.checked_add(money.data).ok_or(ArithmeticError::Overflow)?;
			let root_active = batch.header.earnings.sum == settlement.credited;
			if root_active {
				settlement.root = batch.header.earnings;
				settlement.root_sequence = sequence;
			}
			batch.status = BatchStatus::Credited;
			Batches::<T>::insert(worker, sequence, batch);
			PendingBatches::<T>::remove(worker, sequence);
			Self::advance(worker, settlement);
			Self::deposit_event(Event::BatchCredited { worker: worker.clone(), sequence, root_active });
			done = Done { batches: done.batches.saturating_add(1), credits: after };
		}
		Ok(done)
	}

	/// Moves `oldest_pending` past batches that are credited or voided. Returns the steps taken.
	pub(crate) fn advance(worker: &T::AccountId, settlement: &mut Settlement) -> u32 {
		let mut steps = 0u32;
		while settlement.oldest_pending < settlement.next_sequence
			&& !PendingBatches::<T>::contains_key(worker, settlement.oldest_pending)
		{
			settlement.oldest_pending = settlement.oldest_pending.saturating_add(1);
			steps = steps.saturating_add(1);
		}
		steps
	}
}
