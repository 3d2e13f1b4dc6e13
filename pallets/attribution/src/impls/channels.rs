//! Opening, topping up and closing channels.

use crate::*;
use frame::{
	prelude::*,
	token::{fungible::MutateHold, Precision},
};
use tributary_primitives::{traits::Workers, Balance};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_open_channel(
		payer: T::AccountId,
		worker: T::AccountId,
		deposit: Balance,
		session_key: Option<Key>,
	) -> DispatchResult {
		ensure!(!Channels::<T>::contains_key(&payer, &worker), Error::<T>::ChannelExists);
		ensure!(T::Workers::is_active(worker.as_ref()), Error::<T>::WorkerNotActive);
		ensure!(deposit >= T::MinDeposit::get(), Error::<T>::DepositTooSmall);
		ensure!(!T::Voters::contains(&payer), Error::<T>::Voting);
		let nonce = NextChannel::<T>::get();
		NextChannel::<T>::put(nonce.checked_add(1).ok_or(ArithmeticError::Overflow)?);
		T::Currency::hold(&HoldReason::Escrow.into(), &payer, deposit)?;
		let channel =
			Channel { nonce, deposit, charged: 0, session_key, next_session_key: None, closes_at: None };
		Channels::<T>::insert(&payer, &worker, channel);
		Self::deposit_event(Event::ChannelOpened { payer, worker, nonce, deposit });
		Ok(())
	}

	pub(crate) fn do_top_up(payer: T::AccountId, worker: T::AccountId, amount: Balance) -> DispatchResult {
		ensure!(amount > 0, Error::<T>::ZeroAmount);
		let mut channel = Self::staying_channel(&payer, &worker)?;
		T::Currency::hold(&HoldReason::Escrow.into(), &payer, amount)?;
		channel.deposit = channel.deposit.checked_add(amount).ok_or(ArithmeticError::Overflow)?;
		Channels::<T>::insert(&payer, &worker, channel);
		Self::deposit_event(Event::ChannelToppedUp { payer, worker, amount });
		Ok(())
	}

	pub(crate) fn do_set_session_key(
		payer: T::AccountId,
		worker: T::AccountId,
		session_key: Option<Key>,
	) -> DispatchResult {
		let mut channel = Channels::<T>::get(&payer, &worker).ok_or(Error::<T>::NoChannel)?;
		let now = Self::now();
		channel.session_key = channel.session_key_at(now);
		let from = if channel.session_key.is_none() || channel.session_key == session_key {
			channel.session_key = session_key;
			channel.next_session_key = None;
			now
		} else {
			let from = Self::after(T::ClosingDelay::get())?;
			channel.next_session_key = Some((session_key, from));
			from
		};
		Channels::<T>::insert(&payer, &worker, channel);
		Self::deposit_event(Event::SessionKeySet { payer, worker, session_key, from });
		Ok(())
	}

	pub(crate) fn do_close_channel(payer: T::AccountId, worker: T::AccountId) -> DispatchResult {
		let mut channel = Self::staying_channel(&payer, &worker)?;
		let closes_at = Self::after(T::ClosingDelay::get())?;
		channel.closes_at = Some(closes_at);
		Channels::<T>::insert(&payer, &worker, channel);
		Self::deposit_event(Event::ChannelClosing { payer, worker, closes_at });
		Ok(())
	}

	pub(crate) fn do_withdraw_channel(payer: T::AccountId, worker: T::AccountId) -> DispatchResult {
		let channel = Channels::<T>::take(&payer, &worker).ok_or(Error::<T>::NoChannel)?;
		let closes_at = channel.closes_at.ok_or(Error::<T>::ChannelNotClosing)?;
		ensure!(Self::now() >= closes_at, Error::<T>::ClosingDelayed);
		let released = channel.deposit;
		T::Currency::release(&HoldReason::Escrow.into(), &payer, released, Precision::Exact)?;
		Self::deposit_event(Event::ChannelClosed { payer, worker, released });
		Ok(())
	}

	/// A channel that nobody asked to close.
	fn staying_channel(payer: &T::AccountId, worker: &T::AccountId) -> Result<Channel, DispatchError> {
		let channel = Channels::<T>::get(payer, worker).ok_or(Error::<T>::NoChannel)?;
		ensure!(channel.closes_at.is_none(), Error::<T>::ChannelClosing);
		Ok(channel)
	}
}
