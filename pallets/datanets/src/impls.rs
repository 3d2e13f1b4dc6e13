//! What the calls do.

use crate::{pallet::*, types::*};
use alloc::collections::BTreeSet;
use codec::Encode;
use frame::{
	prelude::*,
	traits::{Consideration, Footprint},
};
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{
	limits::{HOLDER_BYTES, VAULT_BYTES},
	range::Range,
	traits::{self, VaultHolders},
	views::{Policy, SnapshotView},
	ContributionIndex, DataNetId, SnapshotRef, SnapshotVersion, VaultKey,
};

type DataNetOf<T> = DataNet<<T as frame_system::Config>::AccountId, <T as Config>::DataNetDeposit>;
type ContributionOf<T> =
	Contribution<<T as frame_system::Config>::AccountId, <T as Config>::ContributionDeposit>;

impl<T: Config> Pallet<T> {
	pub(crate) fn do_create(
		owner: T::AccountId,
		name: Name,
		description: Text,
		policy: Policy,
		curators: Curators<T::AccountId>,
	) -> DispatchResult {
		ensure!(!name.is_empty() && is_utf8(&name), Error::<T>::BadName);
		ensure!(is_utf8(&description), Error::<T>::BadText);
		Self::ensure_distinct(&curators)?;
		let id = NextDataNet::<T>::get();
		let next = id.checked_add(1).ok_or(Error::<T>::Full)?;
		let ticket = T::DataNetDeposit::new(&owner, datanet_footprint::<T>(&name, &description, &curators))?;
		let datanet = DataNet {
			owner: owner.clone(),
			name,
			description,
			policy,
			curators,
			next: 0,
			snapshots: 0,
			ticket,
		};
		NextDataNet::<T>::put(next);
		DataNets::<T>::insert(id, datanet);
		Self::deposit_event(Event::Created { datanet: id, owner });
		Ok(())
	}

	pub(crate) fn do_set_curators(
		who: &T::AccountId,
		id: DataNetId,
		curators: Curators<T::AccountId>,
	) -> DispatchResult {
		let mut datanet = Self::get(id)?;
		ensure!(datanet.owner == *who, Error::<T>::NotOwner);
		Self::ensure_distinct(&curators)?;
		let footprint = datanet_footprint::<T>(&datanet.name, &datanet.description, &curators);
		datanet.ticket = datanet.ticket.update(who, footprint)?;
		datanet.curators = curators.clone();
		DataNets::<T>::insert(id, datanet);
		Self::deposit_event(Event::CuratorsSet { datanet: id, curators: curators.into_inner() });
		Ok(())
	}

	pub(crate) fn do_contribute(contributor: T::AccountId, id: DataNetId, items: Items) -> DispatchResult {
		let mut datanet = Self::get(id)?;
		let count = items.len() as u32;
		ensure!(count > 0, Error::<T>::EmptyBatch);
		let first = datanet.next;
		datanet.next = first.checked_add(count).ok_or(Error::<T>::Full)?;
		Self::deposit_event(Event::Contributed {
			datanet: id,
			contributor: contributor.clone(),
			first,
			count,
		});
		let open = datanet.policy == Policy::Open;
		let mut range = if open { Ranges::<T>::get(id) } else { Range::default() };
		for (index, item) in (first..datanet.next).zip(items) {
			ensure!(item.bytes > 0, Error::<T>::EmptyContent);
			ensure!(!item.licence.is_empty() && is_utf8(&item.licence), Error::<T>::BadLicence);
			ensure!(is_utf8(&item.metadata), Error::<T>::BadText);
			ensure!(!Contents::<T>::contains_key(id, item.content), Error::<T>::DuplicateContent);
			Contents::<T>::insert(id, item.content, index);
			let mut status = Status::Pending;
			if open {
				status = Self::append(&mut range, id, index, &contributor, &item)?;
			}
			let ticket = T::ContributionDeposit::new(&contributor, footprint::<T>(&item, status))?;
			let contribution = Contribution { contributor: contributor.clone(), item, status, ticket };
			Contributions::<T>::insert(id, index, contribution);
		}
		if open {
			Ranges::<T>::insert(id, range);
			Self::add_weight(id, &contributor, count.into())?;
		}
		DataNets::<T>::insert(id, datanet);
		Ok(())
	}

	pub(crate) fn do_review(who: &T::AccountId, id: DataNetId, decisions: Decisions) -> DispatchResult {
		let datanet = Self::get(id)?;
		ensure!(may_review(&datanet, who), Error::<T>::NotCurator);
		ensure!(!decisions.is_empty(), Error::<T>::EmptyBatch);
		let mut range = Ranges::<T>::get(id);
		for Decision { index, verdict } in decisions {
			let contribution = Self::contribution_of(id, index)?;
			ensure!(contribution.status == Status::Pending, Error::<T>::NotPending);
			match verdict {
				Review::Accept => Self::accept(&mut range, id, index, contribution)?,
				Review::Reject(reason) => Self::reject(id, index, contribution, reason)?,
			}
		}
		Ranges::<T>::insert(id, range);
		Ok(())
	}

	pub(crate) fn do_snapshot(depositor: T::AccountId, id: DataNetId) -> DispatchResult {
		let mut datanet = Self::get(id)?;
		ensure!(may_review(&datanet, &depositor), Error::<T>::NotCurator);
		let range = Ranges::<T>::get(id);
		let erased = ErasureCounts::<T>::get(id);
		let newest = Snapshots::<T>::get(id, datanet.snapshots).map(|newest| newest.view);
		let covered = newest.map_or((0, 0), |newest| (newest.leaves, newest.erased));
		ensure!(range.leaves > covered.0 || erased > covered.1, Error::<T>::NothingNew);
		datanet.snapshots = datanet.snapshots.checked_add(1).ok_or(Error::<T>::Full)?;
		let view = SnapshotView {
			root: range.root(),
			leaves: range.leaves,
			erased,
			at: frame_system::Pallet::<T>::block_number().saturated_into(),
		};
		let bytes = Snapshot::<T::AccountId, T::SnapshotDeposit>::max_encoded_len();
		let ticket = T::SnapshotDeposit::new(&depositor, Footprint::from_parts(1, bytes))?;
		let snapshot = SnapshotRef { datanet: id, version: datanet.snapshots };
		Snapshots::<T>::insert(id, snapshot.version, Snapshot { view, depositor, ticket });
		DataNets::<T>::insert(id, datanet);
		Self::deposit_event(Event::SnapshotTaken { snapshot, root: view.root, leaves: view.leaves });
		Ok(())
	}

	pub(crate) fn do_tombstone(by: T::AccountId, id: DataNetId, index: ContributionIndex) -> DispatchResult {
		let datanet = Self::get(id)?;
		let mut contribution = Self::contribution_of(id, index)?;
		ensure!(may_review(&datanet, &by) || contribution.contributor == by, Error::<T>::MayNotTombstone);
		let Status::Accepted { leaf } = contribution.status else {
			return Err(Error::<T>::NotAccepted.into());
		};
		contribution.status = Status::Tombstoned { leaf };
		contribution.item.metadata = Text::new();
		let footprint = footprint::<T>(&contribution.item, contribution.status);
		contribution.ticket = contribution.ticket.update(&contribution.contributor, footprint)?;
		let vault = VaultKey::Pool(id);
		let weight = T::Vaults::weight(vault, contribution.contributor.as_ref());
		let less = weight.checked_sub(1).ok_or(Error::<T>::Overflow)?;
		T::Vaults::set_weight(vault, contribution.contributor.as_ref(), less)
			.map_err(|traits::Overflow| Error::<T>::Overflow)?;
		Contributions::<T>::insert(id, index, contribution);
		let erasure = ErasureCounts::<T>::get(id);
		ErasureCounts::<T>::insert(id, erasure.checked_add(1).ok_or(Error::<T>::Full)?);
		Erasures::<T>::insert(id, erasure, index);
		Self::deposit_event(Event::Tombstoned { datanet: id, index, by });
		Ok(())
	}

	pub(crate) fn do_withdraw(who: &T::AccountId, id: DataNetId, index: ContributionIndex) -> DispatchResult {
		let contribution = Self::contribution_of(id, index)?;
		ensure!(contribution.contributor == *who, Error::<T>::NotContributor);
		match contribution.status {
			// A rejected one has lost its hold on the content already; another may have it now.
			Status::Rejected => Reasons::<T>::remove(id, index),
			Status::Pending => Contents::<T>::remove(id, contribution.item.content),
			Status::Accepted { .. } | Status::Tombstoned { .. } => {
				return Err(Error::<T>::NotWithdrawable.into())
			}
		}
		contribution.ticket.drop(who)?;
		Contributions::<T>::remove(id, index);
		Self::deposit_event(Event::Withdrawn { datanet: id, index });
		Ok(())
	}

	fn accept(
		range: &mut Range,
		id: DataNetId,
		index: ContributionIndex,
		mut contribution: ContributionOf<T>,
	) -> DispatchResult {
		let Contribution { contributor, item, .. } = &contribution;
		contribution.status = Self::append(range, id, index, contributor, item)?;
		Self::add_weight(id, &contribution.contributor, 1)?;
		let footprint = footprint::<T>(&contribution.item, contribution.status);
		contribution.ticket = contribution.ticket.update(&contribution.contributor, footprint)?;
		Contributions::<T>::insert(id, index, contribution);
		Ok(())
	}

	/// Frees the content hash: whoever squats on another's text and is rejected must not lock its author
	/// out.
	fn reject(
		id: DataNetId,
		index: ContributionIndex,
		mut contribution: ContributionOf<T>,
		reason: Text,
	) -> DispatchResult {
		ensure!(!reason.is_empty() && is_utf8(&reason), Error::<T>::BadText);
		contribution.status = Status::Rejected;
		Contents::<T>::remove(id, contribution.item.content);
		Reasons::<T>::insert(id, index, reason.clone());
		Contributions::<T>::insert(id, index, contribution);
		Self::deposit_event(Event::Rejected { datanet: id, index, reason });
		Ok(())
	}

	/// Appends a contribution's leaf.
	fn append(
		range: &mut Range,
		datanet: DataNetId,
		index: ContributionIndex,
		contributor: &T::AccountId,
		item: &Item,
	) -> Result<Status, DispatchError> {
		let leaf = range.leaves;
		let data = Self::leaf_data(datanet, index, contributor, item.content);
		range.append(data.digest()).ok_or(Error::<T>::Full)?;
		Self::deposit_event(Event::Accepted { datanet, index, leaf });
		Ok(Status::Accepted { leaf })
	}

	fn add_weight(id: DataNetId, contributor: &T::AccountId, more: u64) -> DispatchResult {
		let vault = VaultKey::Pool(id);
		let weight = T::Vaults::weight(vault, contributor.as_ref());
		let weight = weight.checked_add(more).ok_or(Error::<T>::Overflow)?;
		T::Vaults::set_weight(vault, contributor.as_ref(), weight)
			.map_err(|traits::Overflow| Error::<T>::Overflow.into())
	}

	fn get(id: DataNetId) -> Result<DataNetOf<T>, Error<T>> {
		DataNets::<T>::get(id).ok_or(Error::<T>::UnknownDataNet)
	}

	fn contribution_of(id: DataNetId, index: ContributionIndex) -> Result<ContributionOf<T>, Error<T>> {
		Contributions::<T>::get(id, index).ok_or(Error::<T>::UnknownContribution)
	}

	fn ensure_distinct(curators: &Curators<T::AccountId>) -> DispatchResult {
		let distinct: BTreeSet<_> = curators.iter().collect();
		ensure!(distinct.len() == curators.len(), Error::<T>::DuplicateCurator);
		Ok(())
	}
}

fn may_review<AccountId: PartialEq, Ticket>(datanet: &DataNet<AccountId, Ticket>, who: &AccountId) -> bool {
	datanet.owner == *who || datanet.curators.contains(who)
}

fn is_utf8(bytes: &[u8]) -> bool {
	core::str::from_utf8(bytes).is_ok()
}

/// What a DataNet occupies: its record with everything of fixed size, its count of erasures, its range when it is
/// full, and its pool.
fn datanet_footprint<T: Config>(
	name: &Name,
	description: &Text,
	curators: &Curators<T::AccountId>,
) -> Footprint {
	let bytes = (name, description, curators).encoded_size();
	let fixed = T::AccountId::max_encoded_len()
		.saturating_add(Policy::max_encoded_len())
		.saturating_add(ContributionIndex::max_encoded_len())
		.saturating_add(SnapshotVersion::max_encoded_len())
		.saturating_add(T::DataNetDeposit::max_encoded_len())
		.saturating_add(Range::max_encoded_len())
		.saturating_add(u32::max_encoded_len())
		.saturating_add(VAULT_BYTES as usize);
	Footprint::from_parts(1, bytes.saturating_add(fixed))
}

/// What a contribution occupies: its record, its content index, its contributor's place in the pool and, should it
/// be erased, its entry there; while it is pending or rejected, also room for a reason, which its contributor
/// thereby has paid for.
fn footprint<T: Config>(item: &Item, status: Status) -> Footprint {
	let record = item
		.encoded_size()
		.saturating_add(T::AccountId::max_encoded_len())
		.saturating_add(Status::max_encoded_len())
		.saturating_add(T::ContributionDeposit::max_encoded_len());
	let index = item.content.encoded_size().saturating_add(ContributionIndex::max_encoded_len());
	let reason = match status {
		Status::Pending | Status::Rejected => Text::max_encoded_len(),
		Status::Accepted { .. } | Status::Tombstoned { .. } => 0,
	};
	let erasure = u32::max_encoded_len().saturating_add(ContributionIndex::max_encoded_len());
	let bytes = record
		.saturating_add(index)
		.saturating_add(HOLDER_BYTES as usize)
		.saturating_add(erasure)
		.saturating_add(reason);
	Footprint::from_parts(1, bytes)
}
