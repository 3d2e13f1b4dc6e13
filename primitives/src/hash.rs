//! Domain-separated blake2-256 of SCALE encodings.

use crate::Hash;
use alloc::vec::Vec;
use codec::Encode;

/// `blake2_256(len(domain) || domain || SCALE(value))`.
///
/// The domain names what is hashed (`"tributary/voucher"`), so that a hash or signature made for one
/// purpose is never valid for another.
pub fn tagged<T: Encode>(domain: &str, value: &T) -> Hash {
	let mut bytes: Vec<u8> = domain.encode();
	value.encode_to(&mut bytes);
	sp_crypto_hashing::blake2_256(&bytes)
}
