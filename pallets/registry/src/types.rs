//! What the registry stores and the traits by which other pallets extend it.

use crate::Config;
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame::prelude::BoundedVec;
use polkadot_sdk::polkadot_sdk_frame as frame;
use scale_info::TypeInfo;
use tributary_primitives::{
	fee::Price,
	limits::{MaxHints, MaxName, MaxParents, MaxUrl, MaxVaultHolders},
	royalty::Payees,
	AssetId, AssetKind, AssetRef, AssetVersion, Balance, BlockNumber, Hash, Ppm,
};

/// A name: 1 to 64 bytes of UTF-8.
pub type Name = BoundedVec<u8, MaxName>;
/// Where content may be found: a URL of 1 to 256 bytes of UTF-8.
pub type Hint = BoundedVec<u8, MaxUrl>;
/// Up to three places where content may be found.
pub type Hints = BoundedVec<Hint, MaxHints>;
/// Who shares an asset's vault, with their weights.
pub type Holders<AccountId> = BoundedVec<(AccountId, u16), MaxVaultHolders>;
/// The asset versions that a version is derived from.
pub type Lineage = BoundedVec<ParentVersion, MaxParents>;
/// An asset of this chain.
pub type AssetOf<T> = Asset<<T as frame::deps::frame_system::Config>::AccountId>;

/// What all kinds of assets share.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Asset<AccountId> {
	/// What it is; never changes.
	pub kind: AssetKind,
	/// Who may change it, and whose money the deposit is.
	pub owner: AccountId,
	/// Its name; never changes.
	pub name: Name,
	/// What it costs now, planck per 1,000 tokens.
	pub price: Price,
	/// Its newest version; the first is 1.
	pub newest: AssetVersion,
	/// Whether it may no longer be used in new agents or get new versions.
	pub retired: bool,
	/// Who shares its vault. Never empty.
	pub holders: Holders<AccountId>,
	/// Held from the owner for the asset, its versions and their documents, planck.
	pub deposit: Balance,
}

/// One version of an asset; never changes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Version {
	/// BLAKE3 of its content (for an agent, blake2-256 of its composition).
	pub content: Hash,
	/// Where the content may be found.
	pub hints: Hints,
	/// What it is derived from.
	pub parents: Lineage,
	/// Who is paid when it is used: `parents` flattened, itself first.
	pub payees: Payees,
	/// Registered at.
	pub created_at: BlockNumber,
}

/// A parent's version and the part of the income that it receives.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ParentVersion {
	/// The version this one is derived from.
	pub parent: AssetRef,
	/// Its part of the income, ppm.
	pub share: Ppm,
}

/// What an owner attached to a version.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Document {
	/// BLAKE3 of its content.
	pub content: Hash,
	/// Where the content may be found.
	pub hints: Hints,
	/// Attached at.
	pub attached_at: BlockNumber,
	/// Its part of the asset's deposit, planck.
	pub deposit: Balance,
}

/// What a kind pallet says about a new version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVersion {
	/// BLAKE3 of its content.
	pub content: Hash,
	/// Where the content may be found.
	pub hints: Hints,
	/// What it is derived from, see [`crate::Pallet::newest_parents`].
	pub parents: Lineage,
	/// Bytes that the kind pallet stores beside it; the owner's deposit covers them.
	pub extra_bytes: u32,
}

/// What adapters run on. Implemented by the adapters pallet.
pub trait AdapterBase {
	/// The base model version that an adapter version was trained on.
	fn base_of(adapter: AssetRef) -> Option<AssetRef>;
}

impl<AccountId> Asset<AccountId> {
	/// The newest version of the asset with this id.
	pub fn newest_ref(&self, asset: AssetId) -> AssetRef {
		AssetRef { asset, version: self.newest }
	}
}

/// The holders of an asset that only its owner holds.
pub(crate) fn sole_holder<T: Config>(owner: &T::AccountId) -> Holders<T::AccountId> {
	let alone: Vec<_> = [(owner.clone(), 1)].into();
	BoundedVec::truncate_from(alone)
}
