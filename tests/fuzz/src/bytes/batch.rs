//! Batches: what a worker submits, and what it publishes beside it.

use super::{decoded, vector};
use codec::{Decode, DecodeWithMemLimit, DecodeWithMemTracking, Encode};
use tributary_fuzz_driver::{peak_of, Input, Trace};
use tributary_primitives::{
	batch::{BatchData, BatchHeader, ChannelCharge},
	earnings::{divide, EarningsTree, Weighted},
	merkle_sum,
	record::is_valid_vector,
};

/// The target: the first byte says what the others are.
pub fn run(data: &[u8], trace: &mut Trace) {
	let mut input = Input::new(data);
	let kind = input.byte() % 4;
	let bytes = input.rest();
	match kind {
		0 => {
			decoded::<BatchHeader>("header", bytes, trace);
		}
		1 => charges(bytes, trace),
		2 => {
			decoded::<pallet_attribution::Agents>("agents", bytes, trace);
			tracked::<pallet_attribution::Agents>(bytes);
		}
		_ => published(bytes, trace),
	}
}

fn charges(bytes: &[u8], trace: &mut Trace) {
	tracked::<pallet_attribution::Charges>(bytes);
	let Some(charges) = decoded::<pallet_attribution::Charges>("charges", bytes, trace) else { return };
	trace.reached(charges.len() as u64);
	for charge in &charges {
		let sum = charge.usage.iter().map(|usage| usage.fee).fold(0u128, u128::saturating_add);
		assert!(charge.amount().is_none_or(|amount| amount == sum));
		for usage in &charge.usage {
			assert!(!usage.are_calls_valid(0) || usage.calls.is_empty());
		}
	}
}

/// The runtime decodes transactions within a limit of memory: it must bound what decoding takes.
fn tracked<T: Decode + DecodeWithMemTracking>(bytes: &[u8]) {
	const LIMIT: usize = 16 * 1024;
	let (_, peak) = peak_of(|| T::decode_with_mem_limit(&mut &bytes[..], LIMIT).is_ok());
	// Collections grow to the next power of two, and hold both copies for a moment.
	assert!(peak <= 4 * LIMIT, "{peak} bytes of memory, with a limit of {LIMIT}");
}

fn published(bytes: &[u8], trace: &mut Trace) {
	let Some(data) = decoded::<BatchData>("data", bytes, trace) else { return };
	let leaves: Vec<_> = data.records.iter().map(|record| record.leaf()).collect();
	let sum = data.records.iter().try_fold(0u128, |sum, record| sum.checked_add(record.fee));
	assert_eq!(merkle_sum::root(&leaves).map(|root| root.sum), sum);
	let tree = EarningsTree::from_leaves(&data.settled);
	let root = tree.as_ref().and_then(|tree| tree.root(&data.worker));
	trace.call("tree", "root", root.is_some());
	let good: Vec<_> = data.records.iter().filter(|record| is_valid_vector(&record.vector)).collect();
	let weighted: Vec<_> =
		good.iter().map(|record| Weighted { net: record.net(7), vector: &record.vector }).collect();
	let amount = sum.unwrap_or(u128::MAX);
	let parts = divide(amount, &weighted, &[0, 1]);
	trace.call("divide", "data", parts.is_some());
	if let Some(parts) = parts {
		let whole = parts.iter().try_fold(0u128, |sum, (_, part)| sum.checked_add(*part));
		assert_eq!(whole, Some(amount), "a division lost or made money");
	}
	trace.reached(data.records.len() as u64 | (data.settled.len() as u64) << 32);
}

/// The golden vectors.
pub fn seeds() -> Vec<Vec<u8>> {
	let charge = vector("channel-charge");
	let charges = vec![ChannelCharge::decode(&mut &charge[..]).expect("the vector is a charge"); 2].encode();
	let served =
		vec![tributary_primitives::Served::from(tributary_primitives::AssetRef { asset: 1, version: 1 })];
	[(0, vector("batch-header")), (1, charges), (2, served.encode()), (3, vector("batch-data"))]
		.into_iter()
		.map(|(kind, bytes)| [vec![kind], bytes].concat())
		.collect()
}
