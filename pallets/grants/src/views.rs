//! Reads.

use crate::{pallet::*, types::*, MAX_PAGE};
use alloc::vec::Vec;
use tributary_primitives::{
	views::{GrantView, RequestView},
	DataNetId,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn grant_view((grantee, purpose): Key<T::AccountId>, grant: Grant<T::Deposit>) -> GrantView {
		GrantView {
			grantee: grantee.into(),
			purpose,
			epoch: grant.epoch,
			capsule: grant.capsule.into_inner(),
			granted_at: grant.granted_at,
		}
	}

	pub(crate) fn grant_views(datanet: DataNetId, start: u32, limit: u32) -> Vec<GrantView> {
		let grants = Grants::<T>::iter_prefix(datanet);
		page(grants, start, limit).map(|(key, grant)| Self::grant_view(key, grant)).collect()
	}

	pub(crate) fn request_views(datanet: DataNetId, start: u32, limit: u32) -> Vec<RequestView> {
		let view = |((grantee, purpose), request): (Key<T::AccountId>, Request<T::Deposit>)| RequestView {
			recipient: Recipients::<T>::get(&grantee).map(|announcement| announcement.recipient),
			grantee: grantee.into(),
			purpose,
			price: request.price,
			at: request.at,
		};
		page(Requests::<T>::iter_prefix(datanet), start, limit).map(view).collect()
	}
}

fn page<I: Iterator>(all: I, start: u32, limit: u32) -> impl Iterator<Item = I::Item> {
	all.skip(start as usize).take(limit.min(MAX_PAGE) as usize)
}
