//! The adapters of one request.

use std::sync::Arc;

use crate::ContentHash;

/// The adapters of one request with their scales, as an executor keeps them. Empty for the base model.
pub(crate) struct AdapterSet<A> {
	members: Vec<(ContentHash, f32, Arc<A>)>,
}

/// What distinguishes one set from another.
pub(crate) type SetKey = Vec<(ContentHash, u32)>;

impl<A> AdapterSet<A> {
	pub(crate) fn new(members: Vec<(ContentHash, f32, Arc<A>)>) -> Self {
		Self { members }
	}

	pub(crate) fn is_empty(&self) -> bool {
		self.members.is_empty()
	}

	pub(crate) fn key(&self) -> SetKey {
		self.members.iter().map(|(hash, scale, _)| (*hash, scale.to_bits())).collect()
	}

	/// Scales and adapters, in the order of the request.
	pub(crate) fn members(&self) -> impl Iterator<Item = (f32, &A)> {
		self.members.iter().map(|(_, scale, adapter)| (*scale, &**adapter))
	}
}
