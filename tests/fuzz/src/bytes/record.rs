//! Usage records.

use super::{decoded, vector};
use codec::Encode;
use tributary_fuzz_driver::Trace;
use tributary_primitives::record::{are_valid_calls, is_valid_vector, UsageRecord};

/// The target.
pub fn run(data: &[u8], trace: &mut Trace) {
	let Some(record) = decoded::<UsageRecord>("record", data, trace) else { return };
	let (vector, calls) = (is_valid_vector(&record.vector), are_valid_calls(&record.calls));
	trace.call("check", "vector", vector);
	trace.call("check", "calls", calls);
	trace.reached(u64::from(vector) << 32 | u64::from(calls) << 16 | record.vector.len() as u64);
	let leaf = record.leaf();
	assert_eq!(leaf.sum, record.fee);
	assert!(record.net(0) <= record.fee);
	let other = UsageRecord { at: record.at ^ 1, ..record.clone() };
	assert_ne!(other.leaf().hash, leaf.hash, "two records have one leaf");
	assert_ne!(other.encode(), data);
}

/// The golden vector.
pub fn seeds() -> Vec<Vec<u8>> {
	vec![vector("record")]
}
