//! Capsules: a DataNet's keys, encrypted to one grantee, as the chain keeps them in a grant.

use super::{seal, DataNetKeys, Identity, PrivateError};
use codec::{DecodeAll, Encode};
use tributary_primitives::{limits::MAX_CAPSULE, DataNetId};
use zeroize::Zeroizing;

/// Written before the keys, so that another form can be told apart.
const FORMAT: u8 = 1;
/// Format, DataNet, epoch, state.
type Content = (u8, DataNetId, u32, [u8; 32]);
const CONTENT: usize = 1 + 4 + 4 + 32;

impl DataNetKeys {
	/// Encrypts the keys to a grantee; at most [`MAX_CAPSULE`] bytes.
	pub fn capsule(&self, grantee: &[u8; 32]) -> Result<Vec<u8>, PrivateError> {
		let mut content = Zeroizing::new(Vec::with_capacity(CONTENT));
		(FORMAT, self.datanet(), self.epoch()).encode_to(&mut *content);
		content.extend_from_slice(self.state.as_slice());
		seal(grantee, &content)
	}

	/// Opens a capsule that a grant carries. `epoch` is the grant's.
	pub fn from_capsule(
		capsule: &[u8],
		grantee: &Identity,
		datanet: DataNetId,
		epoch: u32,
	) -> Result<Self, PrivateError> {
		let wrong = || PrivateError::Capsule(datanet, epoch);
		if capsule.len() > MAX_CAPSULE as usize {
			return Err(wrong());
		}
		let content = grantee.open(capsule, CONTENT).map_err(|error| match error {
			PrivateError::TooLarge { .. } | PrivateError::NotAge => wrong(),
			other => other,
		})?;
		let (format, named, up_to, state) =
			Content::decode_all(&mut content.as_slice()).map_err(|_| wrong())?;
		let state = Zeroizing::new(state);
		if (format, named, up_to) != (FORMAT, datanet, epoch) {
			return Err(wrong());
		}
		Self::from_state(datanet, epoch, state)
	}
}
