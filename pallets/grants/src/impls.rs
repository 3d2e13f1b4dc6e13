//! What the calls do, and what other pallets may ask.

use crate::{pallet::*, types::*};
use frame::{
	prelude::*,
	traits::{
		fungible::hold::Mutate,
		tokens::{Fortitude, Precision, Restriction},
		Consideration, Footprint,
	},
};
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{
	traits::{AccessGrants, DataNets, Overflow, VaultDeposits, VaultHolders},
	AccountId, Balance, BlockNumber, DataNetId, Purpose, Recipient, VaultKey,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_announce(who: T::AccountId, recipient: Recipient) -> DispatchResult {
		ensure!(is_key(&recipient), Error::<T>::BadRecipient);
		let ticket = match Recipients::<T>::get(&who) {
			Some(known) => known.ticket,
			None => T::Deposit::new(&who, Footprint::from_encodable((&who, recipient)))?,
		};
		Recipients::<T>::insert(&who, Announcement { recipient, ticket });
		Self::deposit_event(Event::Announced { who, recipient });
		Ok(())
	}

	pub(crate) fn do_withdraw_recipient(who: T::AccountId) -> DispatchResult {
		let known = Recipients::<T>::take(&who).ok_or(Error::<T>::NotAnnounced)?;
		known.ticket.drop(&who)?;
		Self::deposit_event(Event::RecipientWithdrawn { who });
		Ok(())
	}

	pub(crate) fn do_set_recipient(
		who: &T::AccountId,
		datanet: DataNetId,
		recipient: Recipient,
	) -> DispatchResult {
		Self::ensure_owner(who, datanet)?;
		ensure!(is_key(&recipient), Error::<T>::BadRecipient);
		let access = match Accesses::<T>::get(datanet) {
			Some(access) => {
				ensure!(access.recipient != recipient, Error::<T>::SameRecipient);
				let epoch = access.epoch.checked_add(1).ok_or(Error::<T>::Overflow)?;
				Access { recipient, epoch, ..access }
			}
			None => {
				ensure!(!T::DataNets::has_contributions(datanet), Error::<T>::HasContributions);
				let ticket = T::Deposit::new(who, access_footprint())?;
				Access { recipient, epoch: 1, train: None, retrieve: None, ticket }
			}
		};
		Self::deposit_event(Event::RecipientSet { datanet, recipient, epoch: access.epoch });
		Accesses::<T>::insert(datanet, access);
		Ok(())
	}

	pub(crate) fn do_offer(
		who: &T::AccountId,
		datanet: DataNetId,
		purpose: Purpose,
		price: Option<Balance>,
	) -> DispatchResult {
		let mut access = Self::owned(who, datanet)?;
		access.set_price(purpose, price);
		Accesses::<T>::insert(datanet, access);
		Self::deposit_event(Event::Offered { datanet, purpose, price });
		Ok(())
	}

	pub(crate) fn do_request(
		grantee: T::AccountId,
		datanet: DataNetId,
		purpose: Purpose,
		most: Balance,
	) -> DispatchResult {
		let owner = T::DataNets::owner(datanet).ok_or(Error::<T>::UnknownDataNet)?;
		let access = Accesses::<T>::get(datanet).ok_or(Error::<T>::NotPrivate)?;
		ensure!(grantee != owner.into(), Error::<T>::OwnDataNet);
		ensure!(Recipients::<T>::contains_key(&grantee), Error::<T>::NoRecipient);
		let price = access.price(purpose).ok_or(Error::<T>::NotOffered)?;
		ensure!(price <= most, Error::<T>::PriceAbove);
		let key = (grantee.clone(), purpose);
		ensure!(!Grants::<T>::contains_key(datanet, &key), Error::<T>::AlreadyGranted);
		ensure!(!Requests::<T>::contains_key(datanet, &key), Error::<T>::AlreadyRequested);
		T::Currency::hold(&HoldReason::Price.into(), &grantee, price)?;
		let at = Self::now();
		let ticket = T::Deposit::new(&grantee, Footprint::from_encodable((datanet, &key, price, at)))?;
		Requests::<T>::insert(datanet, key, Request { price, at, ticket });
		Self::deposit_event(Event::Requested { datanet, grantee, purpose, price });
		Ok(())
	}

	pub(crate) fn do_withdraw_request(
		grantee: T::AccountId,
		datanet: DataNetId,
		purpose: Purpose,
	) -> DispatchResult {
		Self::close_request(datanet, &grantee, purpose)?;
		Self::deposit_event(Event::RequestWithdrawn { datanet, grantee, purpose });
		Ok(())
	}

	pub(crate) fn do_refuse(
		who: &T::AccountId,
		datanet: DataNetId,
		grantee: T::AccountId,
		purpose: Purpose,
	) -> DispatchResult {
		Self::owned(who, datanet)?;
		Self::close_request(datanet, &grantee, purpose)?;
		Self::deposit_event(Event::Refused { datanet, grantee, purpose });
		Ok(())
	}

	pub(crate) fn do_grant(
		who: &T::AccountId,
		datanet: DataNetId,
		grantee: T::AccountId,
		purpose: Purpose,
		capsule: Capsule,
	) -> DispatchResult {
		let access = Self::owned(who, datanet)?;
		ensure!(!capsule.is_empty(), Error::<T>::EmptyCapsule);
		ensure!(Recipients::<T>::contains_key(&grantee), Error::<T>::NoRecipient);
		let key = (grantee.clone(), purpose);
		let standing = Grants::<T>::get(datanet, &key);
		let (paid, to_pool) = match Requests::<T>::take(datanet, &key) {
			Some(Request { price, ticket, .. }) => {
				ticket.drop(&grantee)?;
				(price, Self::pay(datanet, &grantee, who, price)?)
			}
			None => {
				// Who takes its request back right before this call must not be let in for nothing.
				let is_free = standing.is_some() || access.price(purpose).unwrap_or_default() == 0;
				ensure!(is_free, Error::<T>::NotRequested);
				(0, false)
			}
		};
		let (epoch, granted_at) = (access.epoch, Self::now());
		let footprint = Footprint::from_encodable((datanet, &key, epoch, &capsule, granted_at));
		let ticket = match standing {
			Some(known) => known.ticket.update(who, footprint)?,
			None => T::Deposit::new(who, footprint)?,
		};
		Grants::<T>::insert(datanet, key, Grant { epoch, capsule, granted_at, ticket });
		Self::deposit_event(Event::Granted { datanet, grantee, purpose, epoch, paid, to_pool });
		Ok(())
	}

	pub(crate) fn do_revoke(
		who: &T::AccountId,
		datanet: DataNetId,
		grantee: T::AccountId,
		purpose: Purpose,
	) -> DispatchResult {
		Self::owned(who, datanet)?;
		Self::end_grant(who, datanet, &grantee, purpose)?;
		Self::deposit_event(Event::Revoked { datanet, grantee, purpose });
		Ok(())
	}

	pub(crate) fn do_renounce(grantee: T::AccountId, datanet: DataNetId, purpose: Purpose) -> DispatchResult {
		let owner = T::DataNets::owner(datanet).ok_or(Error::<T>::UnknownDataNet)?;
		Self::end_grant(&owner.into(), datanet, &grantee, purpose)?;
		Self::deposit_event(Event::Renounced { datanet, grantee, purpose });
		Ok(())
	}

	/// Removes a request and gives price and deposit back.
	fn close_request(datanet: DataNetId, grantee: &T::AccountId, purpose: Purpose) -> DispatchResult {
		let request = Requests::<T>::take(datanet, (grantee, purpose)).ok_or(Error::<T>::UnknownRequest)?;
		request.ticket.drop(grantee)?;
		T::Currency::release(&HoldReason::Price.into(), grantee, request.price, Precision::Exact)?;
		Ok(())
	}

	/// Removes a grant and gives the owner its deposit back.
	fn end_grant(
		owner: &T::AccountId,
		datanet: DataNetId,
		grantee: &T::AccountId,
		purpose: Purpose,
	) -> DispatchResult {
		let grant = Grants::<T>::take(datanet, (grantee, purpose)).ok_or(Error::<T>::UnknownGrant)?;
		grant.ticket.drop(owner)
	}

	/// Moves a held price to the DataNet's pool, or to its owner while nobody holds the pool; whether it
	/// was the pool.
	fn pay(
		datanet: DataNetId,
		grantee: &T::AccountId,
		owner: &T::AccountId,
		price: Balance,
	) -> Result<bool, DispatchError> {
		if price == 0 {
			return Ok(false);
		}
		let pool = VaultKey::Pool(datanet);
		let to_pool = T::Vaults::total_weight(pool) > 0;
		let payee = if to_pool { T::Vaults::pot().into() } else { owner.clone() };
		T::Currency::transfer_on_hold(
			&HoldReason::Price.into(),
			grantee,
			&payee,
			price,
			Precision::Exact,
			Restriction::Free,
			Fortitude::Polite,
		)?;
		if to_pool {
			T::Vaults::deposit(pool, price).map_err(|Overflow| Error::<T>::Overflow)?;
		}
		Ok(to_pool)
	}

	fn ensure_owner(who: &T::AccountId, datanet: DataNetId) -> DispatchResult {
		let owner = T::DataNets::owner(datanet).ok_or(Error::<T>::UnknownDataNet)?;
		ensure!(*who == owner.into(), Error::<T>::NotOwner);
		Ok(())
	}

	/// A private DataNet of which `who` is the owner.
	fn owned(who: &T::AccountId, datanet: DataNetId) -> Result<Access<T::Deposit>, DispatchError> {
		Self::ensure_owner(who, datanet)?;
		Accesses::<T>::get(datanet).ok_or_else(|| Error::<T>::NotPrivate.into())
	}

	pub(crate) fn is_allowed(who: &T::AccountId, datanet: DataNetId, purpose: Purpose) -> bool {
		!Accesses::<T>::contains_key(datanet)
			|| Grants::<T>::contains_key(datanet, (who, purpose))
			|| T::DataNets::owner(datanet).is_some_and(|owner| *who == owner.into())
	}

	fn now() -> BlockNumber {
		frame_system::Pallet::<T>::block_number().saturated_into()
	}
}

impl<T: Config> AccessGrants for Pallet<T> {
	fn may(who: &AccountId, datanet: DataNetId, purpose: Purpose) -> bool {
		Self::is_allowed(&(*who).into(), datanet, purpose)
	}
}

/// All zeros is a point that any key agrees on: nothing encrypted to it would be secret.
fn is_key(recipient: &Recipient) -> bool {
	*recipient != [0; 32]
}

/// What a private DataNet occupies with both prices set, so that offers need no deposit.
fn access_footprint() -> Footprint {
	Footprint::from_parts(1, DataNetId::max_encoded_len().saturating_add(Access::<()>::max_encoded_len()))
}
