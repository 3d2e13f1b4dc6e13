//! What a payer signs for each request, and how it travels.
//!
//! Both go as HTTP headers: base64 of the SCALE encoding of [`SignedVoucher`] and [`SignedOrder`].

use crate::keys::{verify, Keypair};
use base64::{engine::general_purpose::STANDARD, Engine};
use codec::{DecodeAll, Encode};
use tributary_primitives::{
	request::{RequestOrder, SignedOrder},
	voucher::{SignedVoucher, Voucher},
	Hash,
};

/// Header of the voucher.
pub const VOUCHER_HEADER: &str = "x-tributary-voucher";
/// Header of the order.
pub const ORDER_HEADER: &str = "x-tributary-order";
/// Header of an answer: the order's id, `0x` and hex. Its trail is found by it.
pub const TRAIL_HEADER: &str = "x-tributary-trail";

/// Longest header value that is looked at: both types have a fixed size far below it.
const MAX_HEADER: usize = 1_024;

/// Why a header is not what it should be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
	/// Too long, not base64 or not the expected type.
	#[error("the header is not base64 of a SCALE-encoded {0}: send what `tributary proxy` sends")]
	Malformed(&'static str),
}

/// blake2-256 of a request body, as [`RequestOrder::body`] holds it.
pub fn body_hash(body: &[u8]) -> Hash {
	sp_crypto_hashing::blake2_256(body)
}

/// Signs a voucher with the payer's key or the channel's session key.
pub fn sign_voucher(voucher: Voucher, key: &Keypair) -> SignedVoucher {
	SignedVoucher { voucher, signature: key.sign(&voucher.signing_hash()) }
}

/// Signs an order with the payer's key or the channel's session key.
pub fn sign_order(order: RequestOrder, key: &Keypair) -> SignedOrder {
	SignedOrder { order, signature: key.sign(&order.signing_hash()) }
}

/// Whether the payer or the channel's session key signed the voucher.
pub fn verify_voucher(signed: &SignedVoucher, session_key: Option<&[u8; 32]>) -> bool {
	signed_by_either(&signed.voucher.payer, session_key, &signed.signature, &signed.voucher.signing_hash())
}

/// Whether the payer or the channel's session key signed the order.
pub fn verify_order(signed: &SignedOrder, session_key: Option<&[u8; 32]>) -> bool {
	signed_by_either(&signed.order.payer, session_key, &signed.signature, &signed.order.signing_hash())
}

fn signed_by_either(payer: &[u8; 32], session: Option<&[u8; 32]>, signature: &[u8; 64], hash: &Hash) -> bool {
	verify(payer, signature, hash) || session.is_some_and(|key| verify(key, signature, hash))
}

/// A header's value.
pub fn to_header<T: Encode>(value: &T) -> String {
	STANDARD.encode(value.encode())
}

/// Reads a voucher header.
pub fn voucher_from_header(text: &str) -> Result<SignedVoucher, HeaderError> {
	from_header(text).ok_or(HeaderError::Malformed("SignedVoucher"))
}

/// Reads an order header.
pub fn order_from_header(text: &str) -> Result<SignedOrder, HeaderError> {
	from_header(text).ok_or(HeaderError::Malformed("SignedOrder"))
}

fn from_header<T: DecodeAll>(text: &str) -> Option<T> {
	if text.len() > MAX_HEADER {
		return None;
	}
	T::decode_all(&mut STANDARD.decode(text).ok()?.as_slice()).ok()
}

#[cfg(test)]
mod tests {
	use super::*;

	fn voucher(key: &Keypair) -> Voucher {
		Voucher {
			genesis: [1; 32],
			payer: key.account(),
			worker: [2; 32],
			channel: 3,
			cumulative: 4,
			expiry: 5,
		}
	}

	fn order(key: &Keypair) -> RequestOrder {
		RequestOrder {
			genesis: [1; 32],
			payer: key.account(),
			worker: [2; 32],
			channel: 3,
			nonce: 4,
			body: body_hash(b"{}"),
			max_fee: 5,
		}
	}

	#[test]
	fn voucher_and_order_survive_when_sent_as_headers() {
		let alice = Keypair::from_uri("//Alice").unwrap();
		let (voucher, order) = (sign_voucher(voucher(&alice), &alice), sign_order(order(&alice), &alice));
		assert_eq!(voucher_from_header(&to_header(&voucher)), Ok(voucher));
		assert_eq!(order_from_header(&to_header(&order)), Ok(order));
		assert!(verify_voucher(&voucher, None));
		assert!(verify_order(&order, None));
	}

	#[test]
	fn voucher_is_refused_when_any_field_changes() {
		let alice = Keypair::from_uri("//Alice").unwrap();
		let signed = sign_voucher(voucher(&alice), &alice);
		let changes: [fn(&mut Voucher); 6] = [
			|v| v.genesis = [9; 32],
			|v| v.payer = [9; 32],
			|v| v.worker = [9; 32],
			|v| v.channel += 1,
			|v| v.cumulative += 1,
			|v| v.expiry += 1,
		];
		for change in changes {
			let mut changed = signed;
			change(&mut changed.voucher);
			assert!(!verify_voucher(&changed, None));
		}
	}

	#[test]
	fn signature_of_session_key_is_accepted_when_the_channel_names_it() {
		let (alice, session) =
			(Keypair::from_uri("//Alice").unwrap(), Keypair::from_uri("//Session").unwrap());
		let (voucher, order) = (sign_voucher(voucher(&alice), &session), sign_order(order(&alice), &session));
		assert!(!verify_voucher(&voucher, None) && !verify_order(&order, None));
		assert!(verify_voucher(&voucher, Some(&session.account())));
		assert!(verify_order(&order, Some(&session.account())));
	}

	#[test]
	fn order_signature_is_refused_when_used_as_a_voucher_signature() {
		let alice = Keypair::from_uri("//Alice").unwrap();
		let signature = sign_order(order(&alice), &alice).signature;
		assert!(!verify_voucher(&SignedVoucher { voucher: voucher(&alice), signature }, None));
	}

	#[test]
	fn header_is_refused_when_malformed_long_or_with_spare_bytes() {
		let alice = Keypair::from_uri("//Alice").unwrap();
		let mut spare = sign_voucher(voucher(&alice), &alice).encode();
		spare.push(0);
		for text in ["", "not base64!", "AAAA", &"A".repeat(2_000), &STANDARD.encode(spare)] {
			assert_eq!(voucher_from_header(text), Err(HeaderError::Malformed("SignedVoucher")));
		}
	}
}
