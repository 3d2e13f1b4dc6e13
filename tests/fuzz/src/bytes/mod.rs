//! Decoders that meet bytes of strangers, and what is believed of what they decode.

pub mod batch;
pub mod extrinsic;
pub mod money;
pub mod proof;
pub mod record;
pub mod voucher;

use codec::{DecodeAll, DecodeLimit, Encode};
use tributary_fuzz_driver::{peak_of, Trace};

/// How deep an encoding may be.
const MOST_DEPTH: u32 = 64;

/// Memory that decoding `bytes` may take: no type of ours is more than this many times larger than its encoding,
/// beside what a decoder reserves at once.
fn most_memory(bytes: &[u8]) -> usize {
	64 * bytes.len() + 64 * 1024
}

/// Decodes, and panics when that takes too much memory or when encoding what was decoded gives other bytes: one
/// value has one encoding, so one record one hash.
fn decoded<T: DecodeLimit + DecodeAll + Encode + PartialEq + core::fmt::Debug>(
	name: &'static str,
	bytes: &[u8],
	trace: &mut Trace,
) -> Option<T> {
	let (value, peak) = peak_of(|| T::decode_all_with_depth_limit(MOST_DEPTH, &mut &bytes[..]));
	assert!(peak <= most_memory(bytes), "{name}: {peak} bytes of memory for {} bytes", bytes.len());
	let value: Option<T> = value.ok();
	trace.call("decode", name, value.is_some());
	if let Some(value) = &value {
		assert_eq!(value.encode(), bytes, "{name} has two encodings");
		assert_eq!(T::decode_all(&mut &bytes[..]).ok().as_ref(), Some(value), "{name} depends on the limit");
	}
	value
}

/// A golden vector's bytes.
pub fn vector(name: &str) -> Vec<u8> {
	let text = match name {
		"voucher" => include_str!("../../../../primitives/vectors/voucher.json"),
		"order" => include_str!("../../../../primitives/vectors/order.json"),
		"record" => include_str!("../../../../primitives/vectors/record.json"),
		"batch-header" => include_str!("../../../../primitives/vectors/batch-header.json"),
		"channel-charge" => include_str!("../../../../primitives/vectors/channel-charge.json"),
		"batch-data" => include_str!("../../../../primitives/vectors/batch-data.json"),
		"earnings-proof" => include_str!("../../../../primitives/vectors/earnings-proof.json"),
		"snapshot-proof" => include_str!("../../../../primitives/vectors/snapshot-proof.json"),
		_ => panic!("no such vector: {name}"),
	};
	let vector: serde_json::Value = serde_json::from_str(text).expect("a vector is JSON");
	let scale = vector["scale"].as_str().expect("a vector has an encoding");
	let digits = scale.trim_start_matches("0x").as_bytes();
	let digit = |byte: u8| (byte as char).to_digit(16).expect("hex") as u8;
	digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
