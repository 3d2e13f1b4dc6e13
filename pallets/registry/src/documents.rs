//! Documents that owners attach to versions.

use crate::{
	pallet::*,
	types::{Document, Hints},
};
use alloc::vec::Vec;
use codec::Encode;
use frame::prelude::*;
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{views::DocumentView, AssetRef, DocumentKind, Hash};

/// All kinds of documents, in the order they are listed.
const KINDS: [DocumentKind; 3] =
	[DocumentKind::Ablation, DocumentKind::TrainingRun, DocumentKind::Provenance];

impl<T: Config> Pallet<T> {
	pub(crate) fn do_attach(
		who: &T::AccountId,
		version: AssetRef,
		kind: DocumentKind,
		content: Hash,
		hints: Hints,
	) -> DispatchResult {
		let mut asset = Self::owned(version.asset, who)?;
		Self::versioned(version, asset.kind)?;
		Self::ensure_hints(&hints)?;
		if let Some(old) = Documents::<T>::get((version.asset, version.version, kind)) {
			Self::release(&mut asset, old.deposit)?;
		}
		let attached_at = frame_system::Pallet::<T>::block_number().saturated_into();
		let mut document = Document { content, hints, attached_at, deposit: 0 };
		document.deposit = Self::hold(&mut asset, (version, kind, &document).encoded_size())?;
		Documents::<T>::insert((version.asset, version.version, kind), document);
		Assets::<T>::insert(version.asset, asset);
		Self::deposit_event(Event::Attached { version, kind, content });
		Ok(())
	}

	pub(crate) fn do_detach(who: &T::AccountId, version: AssetRef, kind: DocumentKind) -> DispatchResult {
		let mut asset = Self::owned(version.asset, who)?;
		let document = Documents::<T>::take((version.asset, version.version, kind))
			.ok_or(Error::<T>::UnknownDocument)?;
		Self::release(&mut asset, document.deposit)?;
		Assets::<T>::insert(version.asset, asset);
		Self::deposit_event(Event::Detached { version, kind });
		Ok(())
	}

	pub(crate) fn document_views(version: AssetRef) -> Vec<DocumentView> {
		let view = |kind| {
			let document = Documents::<T>::get((version.asset, version.version, kind))?;
			Some(DocumentView {
				kind,
				content: document.content,
				hints: document.hints.into_iter().map(|hint| hint.into_inner()).collect(),
				attached_at: document.attached_at,
			})
		};
		KINDS.into_iter().filter_map(view).collect()
	}
}
