//! Challenges and verdicts.

use crate::*;
use frame::{
	deps::frame_support::storage::with_storage_layer,
	prelude::*,
	token::{fungible::MutateHold, Fortitude, Precision, Preservation},
	traits::tokens::Restriction,
};
use tributary_primitives::{
	batch::{BatchStatus, Fault, Verdict},
	traits::Workers,
	Balance, Hash, VaultKey, PPM,
};

impl<T: Config> Pallet<T> {
	/// Whether a batch of the worker is challenged: its bond must stay until the verdict.
	pub fn is_disputed(worker: &T::AccountId) -> bool {
		Settlements::<T>::get(worker).challenges > 0
	}

	pub(crate) fn do_challenge(
		challenger: T::AccountId,
		worker: T::AccountId,
		sequence: u64,
		fault: Fault,
		evidence: Hash,
	) -> DispatchResult {
		let mut batch = Batches::<T>::get(&worker, sequence).ok_or(Error::<T>::UnknownBatch)?;
		ensure!(batch.status != BatchStatus::Challenged, Error::<T>::AlreadyChallenged);
		ensure!(batch.status == BatchStatus::Pending, Error::<T>::WindowOver);
		ensure!(Self::now() < batch.matures_at, Error::<T>::WindowOver);
		let bond = T::ChallengeBond::get();
		T::Currency::hold(&HoldReason::Challenge.into(), &challenger, bond)?;
		let challenge = Challenge { challenger: challenger.clone().into(), bond, fault, evidence };
		Challenges::<T>::insert(&worker, sequence, challenge);
		batch.status = BatchStatus::Challenged;
		Batches::<T>::insert(&worker, sequence, batch);
		let mut settlement = Settlements::<T>::get(&worker);
		settlement.challenges = settlement.challenges.checked_add(1).ok_or(ArithmeticError::Overflow)?;
		Settlements::<T>::insert(&worker, settlement);
		Self::deposit_event(Event::BatchChallenged { worker, sequence, challenger, fault, evidence });
		Ok(())
	}

	pub(crate) fn do_resolve(
		worker: T::AccountId,
		sequence: u64,
		verdict: Verdict,
	) -> DispatchResultWithPostInfo {
		let mut batch = Batches::<T>::get(&worker, sequence).ok_or(Error::<T>::UnknownBatch)?;
		let challenge = Challenges::<T>::take(&worker, sequence).ok_or(Error::<T>::NotChallenged)?;
		let mut settlement = Settlements::<T>::get(&worker);
		settlement.challenges = settlement.challenges.checked_sub(1).ok_or(ArithmeticError::Underflow)?;
		let (mut channels, mut steps) = (0, 0);
		match verdict {
			Verdict::Stand => {
				let forfeited = Self::forfeit(&challenge)?;
				batch.status = BatchStatus::Pending;
				Self::deposit_event(Event::BatchUpheld { worker: worker.clone(), sequence, forfeited });
			}
			Verdict::Void { slash } => {
				ensure!(slash <= PPM, Error::<T>::InvalidSlash);
				let money = PendingBatches::<T>::take(&worker, sequence).ok_or(Error::<T>::UnknownBatch)?;
				for charged in &money.charged {
					Self::refund(&worker, charged)?;
				}
				T::Currency::release(
					&HoldReason::Challenge.into(),
					&challenge.challenger.into(),
					challenge.bond,
					Precision::Exact,
				)?;
				let slashed = T::Workers::slash(worker.as_ref(), slash);
				settlement.pending =
					settlement.pending.checked_sub(money.data).ok_or(ArithmeticError::Underflow)?;
				batch.status = BatchStatus::Voided;
				channels = money.charged.len().saturated_into();
				steps = Self::advance(&worker, &mut settlement);
				let refunded = batch.escrow;
				Self::deposit_event(Event::BatchVoided {
					worker: worker.clone(),
					sequence,
					refunded,
					slashed,
				});
			}
		}
		Batches::<T>::insert(&worker, sequence, batch);
		Settlements::<T>::insert(&worker, settlement);
		Ok(Some(T::WeightInfo::resolve(channels, steps)).into())
	}

	/// Moves a challenger's bond to the treasury.
	fn forfeit(challenge: &Challenge) -> Result<Balance, DispatchError> {
		T::Currency::transfer_on_hold(
			&HoldReason::Challenge.into(),
			&challenge.challenger.into(),
			&T::Treasury::get(),
			challenge.bond,
			Precision::BestEffort,
			Restriction::Free,
			Fortitude::Force,
		)
	}

	/// Gives a charge back: into the channel's hold while the same channel is open, else as free
	/// balance. A payer whose account is gone and whom the amount cannot bring back finds it in the
	/// vault that pays its account alone.
	fn refund(worker: &T::AccountId, charged: &Charged) -> DispatchResult {
		if charged.amount == 0 {
			return Ok(());
		}
		let payer: T::AccountId = charged.payer.into();
		if with_storage_layer(|| Self::refund_channel(&payer, worker, charged)).is_ok()
			|| with_storage_layer(|| Self::pay(&payer, charged.amount)).is_ok()
		{
			return Ok(());
		}
		let owed = Self::credit_vault(VaultKey::Operator(charged.payer), charged.amount);
		Ok(owed.ok_or(ArithmeticError::Overflow)?)
	}

	fn refund_channel(payer: &T::AccountId, worker: &T::AccountId, charged: &Charged) -> DispatchResult {
		let mut channel = Channels::<T>::get(payer, worker)
			.filter(|channel| channel.nonce == charged.channel)
			.ok_or(Error::<T>::NoChannel)?;
		channel.deposit = channel.deposit.checked_add(charged.amount).ok_or(ArithmeticError::Overflow)?;
		channel.charged = channel.charged.checked_sub(charged.amount).ok_or(ArithmeticError::Underflow)?;
		Channels::<T>::insert(payer, worker, channel);
		T::Currency::transfer_and_hold(
			&HoldReason::Escrow.into(),
			&Self::pot(),
			payer,
			charged.amount,
			Precision::Exact,
			Preservation::Preserve,
			Fortitude::Polite,
		)?;
		Ok(())
	}
}
