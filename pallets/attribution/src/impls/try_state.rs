//! Invariants of the money.

use crate::{
	vault::{Holder, Vault},
	*,
};
use alloc::collections::BTreeMap;
use frame::{
	prelude::*,
	token::fungible::{Inspect, InspectHold},
};
use polkadot_sdk::sp_runtime::TryRuntimeError;
use tributary_primitives::{batch::BatchStatus, Balance};

fn add(sum: &mut Balance, amount: Balance) -> Result<(), TryRuntimeError> {
	*sum = sum.checked_add(amount).ok_or("a sum of money overflows")?;
	Ok(())
}

impl<T: Config> Pallet<T> {
	/// Checks every invariant.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::check_holds()?;
		Self::check_settlements()?;
		Self::check_vaults()?;
		// Anyone may send the pot a gift, so it may have more than it owes, never less.
		let least = Self::liabilities()?
			.checked_add(T::Currency::minimum_balance())
			.ok_or("a sum of money overflows")?;
		ensure!(T::Currency::balance(&Self::pot()) >= least, "the pot has less than it owes");
		Ok(())
	}

	/// What the pot owes: escrow of pending batches, vaults, and data shares credited and not claimed.
	pub fn liabilities() -> Result<Balance, TryRuntimeError> {
		let mut owed = 0;
		for money in PendingBatches::<T>::iter_values() {
			add(&mut owed, money.data)?;
			for (_, amount) in &money.credits {
				add(&mut owed, *amount)?;
			}
		}
		for vault in Vaults::<T>::iter_values() {
			add(&mut owed, vault.credited.checked_sub(vault.claimed).ok_or("a vault paid too much")?)?;
		}
		for settlement in Settlements::<T>::iter_values() {
			let open = settlement.credited.checked_sub(settlement.claimed);
			add(&mut owed, open.ok_or("a tree paid more than was credited to it")?)?;
		}
		Ok(owed)
	}

	/// What is held of each account is what its channels and challenges say.
	fn check_holds() -> Result<(), TryRuntimeError> {
		let mut escrow = BTreeMap::<T::AccountId, Balance>::new();
		for (payer, _, channel) in Channels::<T>::iter() {
			ensure!(channel.nonce < NextChannel::<T>::get(), "a channel has a nonce of the future");
			add(escrow.entry(payer).or_default(), channel.deposit)?;
		}
		let mut bonds = BTreeMap::<T::AccountId, Balance>::new();
		for (_, _, challenge) in Challenges::<T>::iter() {
			add(bonds.entry(challenge.challenger.into()).or_default(), challenge.bond)?;
		}
		for (reason, sums) in [(HoldReason::Escrow, escrow), (HoldReason::Challenge, bonds)] {
			let reason = reason.into();
			for (who, sum) in sums {
				ensure!(T::Currency::balance_on_hold(&reason, &who) == sum, "a hold is not what it is for");
			}
		}
		Ok(())
	}

	/// Each settlement agrees with its batches, challenges and claims.
	fn check_settlements() -> Result<(), TryRuntimeError> {
		for (worker, settlement) in Settlements::<T>::iter() {
			let (mut data, mut challenged, mut count) = (0, 0u32, 0u64);
			for (sequence, money) in PendingBatches::<T>::iter_prefix(&worker) {
				let batch = Batches::<T>::get(&worker, sequence).ok_or("a pending batch has no summary")?;
				let (mut escrow, mut paid) = (0, money.data);
				for charged in &money.charged {
					add(&mut escrow, charged.amount)?;
				}
				for (_, amount) in &money.credits {
					add(&mut paid, *amount)?;
				}
				ensure!(
					escrow == batch.escrow && escrow == paid,
					"a pending batch pays more or less than it took"
				);
				let is_challenged = batch.status == BatchStatus::Challenged;
				ensure!(is_challenged || batch.status == BatchStatus::Pending, "a settled batch is pending");
				ensure!(
					Challenges::<T>::contains_key(&worker, sequence) == is_challenged,
					"a batch is frozen without a challenge, or the other way round"
				);
				ensure!(
					(settlement.oldest_pending..settlement.next_sequence).contains(&sequence),
					"a pending batch is outside its worker's range"
				);
				add(&mut data, money.data)?;
				challenged = challenged.saturating_add(is_challenged.into());
				count = count.saturating_add(1);
			}
			ensure!(count <= T::MaxPending::get().into(), "a worker has too many pending batches");
			ensure!(settlement.pending == data, "a worker's pending data shares are wrong");
			ensure!(settlement.challenges == challenged, "a worker's open challenges are miscounted");
			ensure!(settlement.root.sum <= settlement.credited, "an active root promises too much");
			let mut claimed = 0;
			for amount in Claimed::<T>::iter_prefix_values(&worker) {
				add(&mut claimed, amount)?;
			}
			ensure!(settlement.claimed == claimed, "a worker's claims do not add up");
		}
		Ok(())
	}

	/// Each vault's weights and money are those of its holders.
	fn check_vaults() -> Result<(), TryRuntimeError> {
		let mut held = BTreeMap::<_, (u64, Balance)>::new();
		for (_, key, holder) in Holders::<T>::iter() {
			let vault: Vault = Vaults::<T>::get(key);
			let settled: Holder = holder.settle(&vault).ok_or("a holder's share overflows")?;
			let entry = held.entry(key).or_default();
			entry.0 = entry.0.checked_add(holder.weight).ok_or("a sum of weights overflows")?;
			add(&mut entry.1, settled.owed)?;
		}
		for (key, vault) in Vaults::<T>::iter() {
			let (weight, mut whole) = held.remove(&key).unwrap_or_default();
			ensure!(weight == vault.total_weight, "a vault's weights are not its holders'");
			add(&mut whole, vault.claimed)?;
			add(&mut whole, vault.rest)?;
			ensure!(whole == vault.credited, "a vault lost or made money");
		}
		ensure!(held.is_empty(), "a holder has no vault");
		Ok(())
	}
}
