//! Two blocks for one slot: how it is proven on chain.
//!
//! The SDK reports GRANDPA's equivocations; for Aura this is the counterpart.

use crate::*;
use alloc::{vec, vec::Vec};
use codec::Encode;
use frame::{
	deps::sp_runtime::{transaction_validity::*, RuntimeAppPublic},
	prelude::*,
};
use polkadot_sdk::{
	frame_support::traits::KeyOwnerProofSystem,
	pallet_authorship,
	sp_consensus_aura::digests::CompatibleDigestItem,
	sp_consensus_aura::sr25519::AuthoritySignature,
	sp_core::crypto::{key_types, KeyTypeId},
	sp_session::{GetSessionNumber, GetValidatorCount, MembershipProof},
	sp_staking::{
		offence::{Kind, Offence, OffenceError, ReportOffence},
		SessionIndex,
	},
};

/// Longest header that a report may have, bytes. The largest that a chain makes names a whole new set twice.
pub const MAX_HEADER: usize = 32 * 1024;

/// A validator made two blocks for one slot. All that it did in a session is one offence, as it is punished once.
pub struct EquivocationOffence<Offender> {
	/// The slot's session.
	pub session: SessionIndex,
	/// The key that sealed the blocks.
	pub key: AuraId,
	/// How many validators the session has.
	pub validators: u32,
	/// Who.
	pub offender: Offender,
}

impl<Offender: Clone> Offence<Offender> for EquivocationOffence<Offender> {
	const ID: Kind = *b"aura:equivocatio";
	type Slot = (SessionIndex, AuraId);

	fn offenders(&self) -> Vec<Offender> {
		vec![self.offender.clone()]
	}

	fn session_index(&self) -> SessionIndex {
		self.session
	}

	fn validator_set_count(&self) -> u32 {
		self.validators
	}

	/// Its own for each offender: a slot is one validator's, and nobody's offence may make another's worse.
	fn slot(&self) -> Self::Slot {
		(self.session, self.key.clone())
	}

	/// `min((3 / n)^2, 1)` for one of `n`: much where few validators are trusted, little where they are many.
	fn slash_fraction(&self, offenders: u32) -> Perbill {
		Perbill::from_rational(offenders.saturating_mul(3), self.validators.max(1)).square()
	}
}

/// Whether the header is of the slot and sealed with the key.
fn is_sealed<H: frame::traits::Header>(mut header: H, slot: u64, key: &AuraId) -> bool {
	let of_slot = header
		.digest()
		.logs()
		.iter()
		.find_map(CompatibleDigestItem::<AuthoritySignature>::as_aura_pre_digest)
		.is_some_and(|found| u64::from(found) == slot);
	let seal: Option<AuthoritySignature> = header.digest_mut().pop().and_then(|seal| seal.as_aura_seal());
	of_slot && seal.is_some_and(|seal| key.verify(&header.hash().as_ref(), &seal))
}

/// Whether both headers are different blocks of the slot, sealed with the key.
pub fn is_proven<H: frame::traits::Header>(equivocation: &AuraEquivocation<H>) -> bool {
	let AuraEquivocation { offender, slot, first_header, second_header } = equivocation;
	let slot = u64::from(*slot);
	first_header.encoded_size() <= MAX_HEADER
		&& second_header.encoded_size() <= MAX_HEADER
		&& first_header.hash() != second_header.hash()
		&& is_sealed(first_header.clone(), slot, offender)
		&& is_sealed(second_header.clone(), slot, offender)
}

type Key = (KeyTypeId, Vec<u8>);

impl<T: Config> Pallet<T> {
	/// Whether a slot is one of a session. The block that begins a session is made by the set before it.
	pub fn is_slot_of(slot: u64, session: SessionIndex) -> bool {
		let Some(start) = SessionStarts::<T>::get(session) else { return false };
		let end =
			session.checked_add(1).and_then(SessionStarts::<T>::get).unwrap_or_else(T::CurrentSlot::get);
		start < slot && slot <= end
	}

	/// The proof that a key is a validator's in this session.
	pub fn prove_key_owner(key: &AuraId) -> Option<MembershipProof> {
		let key: Key = (key_types::AURA, key.encode());
		<KeyOwners<T> as KeyOwnerProofSystem<Key>>::prove(key)
	}

	fn check(
		equivocation: &AuraEquivocation<HeaderFor<T>>,
		key_owner: MembershipProof,
	) -> Result<EquivocationOffence<IdentificationTuple<T>>, Error<T>> {
		let slot = u64::from(equivocation.slot);
		let (session, validators) = (key_owner.session(), key_owner.validator_count());
		ensure!(Self::is_slot_of(slot, session), Error::<T>::InvalidKeyOwnershipProof);
		ensure!(is_proven(equivocation), Error::<T>::InvalidEquivocationProof);
		let key = equivocation.offender.clone();
		let (place, offender) = KeyOwners::<T>::find((key_types::AURA, key.as_ref()), key_owner)
			.ok_or(Error::<T>::InvalidKeyOwnershipProof)?;
		// Blocks for others' slots are never taken, so they do no harm.
		ensure!(slot.checked_rem(validators.into()) == Some(place.into()), Error::<T>::NotItsTurn);
		Ok(EquivocationOffence { session, key, validators, offender })
	}

	pub(crate) fn do_report(
		reporter: Option<T::AccountId>,
		equivocation: &AuraEquivocation<HeaderFor<T>>,
		key_owner: MembershipProof,
	) -> DispatchResult {
		let offence = Self::check(equivocation, key_owner)?;
		let reporter = reporter.or_else(pallet_authorship::Pallet::<T>::author);
		T::Offences::report_offence(reporter.into_iter().collect(), offence).map_err(
			|error| match error {
				OffenceError::DuplicateReport => Error::<T>::DuplicateOffenceReport,
				OffenceError::Other(_) => Error::<T>::InvalidEquivocationProof,
			},
		)?;
		Ok(())
	}

	/// Whether a report from the node itself or a block would be new and good.
	pub(crate) fn check_report(call: &Call<T>) -> Result<(), TransactionValidityError> {
		let Call::report_equivocation_unsigned { equivocation, key_owner } = call else {
			return Err(InvalidTransaction::Call.into());
		};
		let offence =
			Self::check(equivocation, key_owner.clone()).map_err(|_| InvalidTransaction::BadProof)?;
		let slot = offence.slot();
		if T::Offences::is_known_offence(&[offence.offender], &slot) {
			return Err(InvalidTransaction::Stale.into());
		}
		Ok(())
	}

	pub(crate) fn validate_report(source: TransactionSource, call: &Call<T>) -> TransactionValidity {
		// From others, free transactions would be a way to make a node verify for nothing.
		if matches!(source, TransactionSource::External) {
			return InvalidTransaction::Call.into();
		}
		Self::check_report(call)?;
		let Call::report_equivocation_unsigned { equivocation, key_owner } = call else {
			return InvalidTransaction::Call.into();
		};
		let timing = CurrentTiming::<T>::get();
		let longevity = u64::from(timing.session_blocks).saturating_mul(timing.unbonding_sessions.into());
		ValidTransaction::with_tag_prefix("AuraEquivocation")
			.priority(TransactionPriority::MAX)
			.and_provides((equivocation.offender.clone(), key_owner.session()))
			.longevity(longevity)
			.propagate(false)
			.build()
	}

	/// Hands a report to the node's transaction pool when it is new and good. For the node, by runtime API.
	pub fn submit_report(
		equivocation: AuraEquivocation<HeaderFor<T>>,
		key_owner: MembershipProof,
	) -> Option<()>
	where
		T: CreateBare<Call<T>>,
	{
		let call = Call::report_equivocation_unsigned {
			equivocation: alloc::boxed::Box::new(equivocation),
			key_owner,
		};
		Self::check_report(&call).ok()?;
		SubmitTransaction::<T, Call<T>>::submit_transaction(T::create_bare(call.into())).ok()
	}
}
