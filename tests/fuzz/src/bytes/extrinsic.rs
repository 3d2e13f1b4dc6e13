//! Transactions as they reach a node: decoded within limits, and good only as they were signed.

use super::most_memory;
use crate::runtime::AfterGenesis;
use codec::{Decode, Encode};
use polkadot_sdk::{
	frame_system,
	sp_core::H256,
	sp_keyring::Sr25519Keyring,
	sp_runtime::{generic::Preamble, transaction_validity::TransactionSource},
	sp_state_machine::BasicExternalities,
};
use std::{cell::RefCell, sync::OnceLock};
use tributary_fuzz_driver::{peak_of, Input, Trace};
use tributary_runtime::{
	opaque,
	testing::{genesis, signed},
	Executive, Runtime, RuntimeCall, UncheckedExtrinsic,
};

/// A transaction that Alice signed, for the chain that [`AfterGenesis`] begins.
fn good() -> &'static [u8] {
	static GOOD: OnceLock<Vec<u8>> = OnceLock::new();
	GOOD.get_or_init(|| {
		on_chain(|| {
			let call: RuntimeCall =
				frame_system::Call::<Runtime>::remark { remark: b"hello".to_vec() }.into();
			signed(&Sr25519Keyring::Alice.pair(), 0, 0, call).encode()
		})
	})
}

fn on_chain<R>(work: impl FnOnce() -> R) -> R {
	thread_local! {
		static CHAIN: RefCell<BasicExternalities> =
			RefCell::new(AfterGenesis::begun(genesis("development")));
	}
	CHAIN.with(|chain| chain.borrow_mut().execute_with(work))
}

/// Decodes as a node does: as opaque bytes first, so that their length is what they say it is. The runtime's own
/// decoder believes the length before it has seen the bytes, and would reserve as much memory.
fn decode(bytes: &[u8]) -> Result<UncheckedExtrinsic, codec::Error> {
	let opaque = opaque::UncheckedExtrinsic::decode(&mut &bytes[..])?;
	UncheckedExtrinsic::decode(&mut &opaque.encode()[..])
}

/// What a transaction says: sender, extensions and call, whatever the signature.
fn said(bytes: &[u8]) -> Option<Vec<u8>> {
	let UncheckedExtrinsic { preamble, function, .. } = decode(bytes).ok()?;
	let Preamble::Signed(sender, _, extensions) = preamble else { return None };
	Some((sender, extensions, function).encode())
}

/// Whether Alice signed these bytes. She signs with fresh randomness each time, so inputs kept by earlier runs hold other
/// signatures of hers, and those are good as well; `derived` bytes began as [`good`], and only that one is.
fn is_signed(encoded: &[u8], derived: bool) -> bool {
	if derived {
		encoded == good()
	} else {
		said(encoded) == said(good())
	}
}

fn check(bytes: &[u8], derived: bool, trace: &mut Trace) {
	let (decoded, peak) = peak_of(|| decode(bytes));
	assert!(peak <= most_memory(bytes), "{peak} bytes of memory for {} bytes", bytes.len());
	trace.call("decode", "extrinsic", decoded.is_ok());
	let Ok(extrinsic) = decoded else { return };
	let encoded = extrinsic.encode();
	let again = UncheckedExtrinsic::decode(&mut &encoded[..]);
	assert!(again.is_ok_and(|again| again.encode() == encoded), "an encoding does not decode to itself");
	let valid =
		on_chain(|| Executive::validate_transaction(TransactionSource::External, extrinsic, H256::zero()));
	trace.call("validate", "extrinsic", valid.is_ok());
	trace.reached(
		valid
			.as_ref()
			.err()
			.map_or(1, |error| error.encode().iter().fold(2, |sum, byte| sum * 256 + u64::from(*byte))),
	);
	assert!(valid.is_err() || is_signed(&encoded, derived), "a transaction that nobody signed is valid");
}

/// The target: bytes as they arrive, and a good transaction of which the input changes some bytes.
pub fn run(data: &[u8], trace: &mut Trace) {
	check(data, false, trace);
	let mut changed = good().to_vec();
	let length = changed.len();
	let mut input = Input::new(data);
	for _ in 0..input.below(4) {
		let at = input.below(length);
		changed[at] ^= input.byte();
	}
	check(&changed, true, trace);
}

/// The good one.
pub fn seeds() -> Vec<Vec<u8>> {
	vec![good().to_vec(), vec![0; 8]]
}
