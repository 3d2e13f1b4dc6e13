//! What the calls do.

use crate::*;
use frame::{
	prelude::*,
	token::{
		fungible::{hold::Mutate as _, InspectHold},
		Fortitude, Precision,
	},
	traits::tokens::Restriction,
};
use tributary_primitives::{math::mul_div, views::WorkerView, Balance, Ppm, PPM};

/// Whether text is an HTTP URL that a client can open: the scheme, a host, printable ASCII only.
fn is_url(text: &[u8]) -> bool {
	let rest = text.strip_prefix(b"https://").or_else(|| text.strip_prefix(b"http://"));
	rest.is_some_and(|host| !host.is_empty() && host.iter().all(u8::is_ascii_graphic))
}

fn ensure_described<T: Config>(endpoint: &Endpoint, models: &Models) -> DispatchResult {
	ensure!(is_url(endpoint), Error::<T>::InvalidEndpoint);
	let mut sorted = models.to_vec();
	sorted.sort_unstable();
	sorted.dedup();
	ensure!(sorted.len() == models.len(), Error::<T>::DuplicateModel);
	Ok(())
}

impl<T: Config> Pallet<T> {
	/// The bond held for an operator, planck.
	pub fn bond(operator: &T::AccountId) -> Balance {
		T::Currency::balance_on_hold(&HoldReason::Bond.into(), operator)
	}

	pub(crate) fn do_register(
		operator: T::AccountId,
		service_key: T::AccountId,
		endpoint: Endpoint,
		models: Models,
		bond: Balance,
	) -> DispatchResult {
		ensure!(!Workers::<T>::contains_key(&operator), Error::<T>::AlreadyRegistered);
		ensure!(!ServiceKeys::<T>::contains_key(&service_key), Error::<T>::ServiceKeyInUse);
		ensure!(bond >= T::MinBond::get(), Error::<T>::BondTooSmall);
		ensure_described::<T>(&endpoint, &models)?;
		T::Currency::hold(&HoldReason::Bond.into(), &operator, bond)?;
		ServiceKeys::<T>::insert(&service_key, &operator);
		let worker = Worker { service_key: service_key.clone(), endpoint, models, unbonds_at: None };
		Workers::<T>::insert(&operator, worker);
		Self::deposit_event(Event::Registered { operator, service_key, bond });
		Ok(())
	}

	pub(crate) fn do_update(
		operator: T::AccountId,
		service_key: T::AccountId,
		endpoint: Endpoint,
		models: Models,
	) -> DispatchResult {
		let worker = Self::staying(&operator)?;
		ensure_described::<T>(&endpoint, &models)?;
		if worker.service_key != service_key {
			ensure!(!ServiceKeys::<T>::contains_key(&service_key), Error::<T>::ServiceKeyInUse);
			ServiceKeys::<T>::remove(&worker.service_key);
			ServiceKeys::<T>::insert(&service_key, &operator);
		}
		let worker = Worker { service_key: service_key.clone(), endpoint, models, unbonds_at: None };
		Workers::<T>::insert(&operator, worker);
		Self::deposit_event(Event::Updated { operator, service_key });
		Ok(())
	}

	pub(crate) fn do_add_bond(operator: T::AccountId, amount: Balance) -> DispatchResult {
		ensure!(amount > 0, Error::<T>::ZeroAmount);
		Self::staying(&operator)?;
		T::Currency::hold(&HoldReason::Bond.into(), &operator, amount)?;
		Self::deposit_event(Event::BondAdded { operator, amount });
		Ok(())
	}

	pub(crate) fn do_unbond(operator: T::AccountId) -> DispatchResult {
		let mut worker = Self::staying(&operator)?;
		let unbonds_at = T::BlockNumberProvider::current_block_number()
			.checked_add(T::UnbondingDelay::get())
			.ok_or(ArithmeticError::Overflow)?;
		worker.unbonds_at = Some(unbonds_at);
		Workers::<T>::insert(&operator, worker);
		Self::deposit_event(Event::Unbonding { operator, unbonds_at });
		Ok(())
	}

	pub(crate) fn do_withdraw(operator: T::AccountId) -> DispatchResult {
		let worker = Workers::<T>::get(&operator).ok_or(Error::<T>::NotRegistered)?;
		let unbonds_at = worker.unbonds_at.ok_or(Error::<T>::NotUnbonding)?;
		ensure!(T::BlockNumberProvider::current_block_number() >= unbonds_at, Error::<T>::StillBonded);
		ensure!(!T::Disputed::contains(&operator), Error::<T>::Disputed);
		let amount = T::Currency::release_all(&HoldReason::Bond.into(), &operator, Precision::Exact)?;
		ServiceKeys::<T>::remove(&worker.service_key);
		Workers::<T>::remove(&operator);
		Self::deposit_event(Event::Withdrawn { operator, amount });
		Ok(())
	}

	/// The operator whose service key this is, while it is not leaving.
	pub(crate) fn operator_by_key(service_key: &T::AccountId) -> Option<T::AccountId> {
		let operator = ServiceKeys::<T>::get(service_key)?;
		Self::staying(&operator).ok()?;
		Some(operator)
	}

	/// Whether channels may be opened to the operator: not leaving, and its bond is not slashed below
	/// the least.
	pub(crate) fn may_serve(operator: &T::AccountId) -> bool {
		Self::staying(operator).is_ok() && Self::bond(operator) >= T::MinBond::get()
	}

	/// Moves `share` of the bond to the treasury; returns what was moved.
	pub(crate) fn do_slash(operator: &T::AccountId, share: Ppm) -> Balance {
		let reason = HoldReason::Bond.into();
		let amount = mul_div(Self::bond(operator), share.min(PPM).into(), PPM.into()).unwrap_or_default();
		if amount == 0 {
			return 0;
		}
		let taken = T::Currency::transfer_on_hold(
			&reason,
			operator,
			&T::Treasury::get(),
			amount,
			Precision::BestEffort,
			Restriction::Free,
			Fortitude::Force,
		)
		.unwrap_or_default();
		Self::deposit_event(Event::Slashed { operator: operator.clone(), amount: taken });
		taken
	}

	pub(crate) fn view(operator: T::AccountId, worker: Worker) -> WorkerView {
		WorkerView {
			bond: Self::bond(&operator),
			operator: operator.into(),
			service_key: worker.service_key.into(),
			endpoint: worker.endpoint.into_inner(),
			models: worker.models.into_inner(),
			unbonds_at: worker.unbonds_at,
		}
	}

	fn staying(operator: &T::AccountId) -> Result<Worker, DispatchError> {
		let worker = Workers::<T>::get(operator).ok_or(Error::<T>::NotRegistered)?;
		ensure!(worker.unbonds_at.is_none(), Error::<T>::Unbonding);
		Ok(worker)
	}

	/// Every worker is found by its service key, and by no other.
	#[cfg(any(feature = "std", feature = "try-runtime"))]
	pub fn do_try_state() -> Result<(), polkadot_sdk::sp_runtime::TryRuntimeError> {
		for (operator, worker) in Workers::<T>::iter() {
			ensure!(
				ServiceKeys::<T>::get(&worker.service_key) == Some(operator),
				"a worker is not found by its service key"
			);
		}
		let keys = ServiceKeys::<T>::iter_keys().count();
		ensure!(u32::try_from(keys) == Ok(Workers::<T>::count()), "a service key has no worker");
		Ok(())
	}
}
