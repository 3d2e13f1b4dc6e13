//! Vouchers and orders: what a payer signs, and only that.

use super::{decoded, vector};
use codec::{DecodeAll, Encode};
use polkadot_sdk::{
	sp_core::{sr25519, Pair},
	sp_io::crypto::sr25519_verify,
	sp_keyring::Sr25519Keyring,
};
use std::sync::OnceLock;
use tributary_fuzz_driver::{Input, Trace};
use tributary_primitives::{
	request::SignedOrder,
	voucher::{SignedVoucher, Voucher},
};

/// A voucher that Alice signed.
fn good() -> &'static SignedVoucher {
	static GOOD: OnceLock<SignedVoucher> = OnceLock::new();
	GOOD.get_or_init(|| {
		let alice = Sr25519Keyring::Alice.pair();
		let voucher = Voucher {
			genesis: [1; 32],
			payer: alice.public().0,
			worker: [2; 32],
			channel: 3,
			cumulative: 4_000_000,
			expiry: 500,
		};
		SignedVoucher { voucher, signature: alice.sign(&voucher.signing_hash()).0 }
	})
}

fn verifies(signed: &SignedVoucher) -> bool {
	let (signature, payer) =
		(sr25519::Signature::from_raw(signed.signature), sr25519::Public::from_raw(signed.voucher.payer));
	sr25519_verify(&signature, &signed.voucher.signing_hash(), &payer)
}

/// The target: bytes as they arrive, and a good voucher of which the input changes some bytes.
pub fn run(data: &[u8], trace: &mut Trace) {
	let _ = decoded::<SignedVoucher>("voucher", data, trace);
	if let Some(order) = decoded::<SignedOrder>("order", data, trace) {
		let _ = (order.order.signing_hash(), order.order.id());
	}
	let mut changed = good().encode();
	let length = changed.len();
	let mut input = Input::new(data);
	for _ in 0..1 + input.below(4) {
		let at = input.below(length);
		changed[at] ^= input.byte();
	}
	let changed = SignedVoucher::decode_all(&mut &changed[..]).expect("vouchers have a fixed size");
	let same = changed == *good();
	assert_eq!(verifies(&changed), same, "a changed voucher is as good as the signed one");
	trace.call("verify", "voucher", same);
	trace.reached(u64::from(same));
}

/// The golden vectors.
pub fn seeds() -> Vec<Vec<u8>> {
	vec![vector("voucher"), vector("order"), vec![0; 16]]
}
