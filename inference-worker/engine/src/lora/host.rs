//! Adapters in host memory, read and checked already, for devices with a memory of their own.

use std::{
	collections::HashMap,
	sync::{Arc, Mutex, PoisonError},
};

use super::reader::HostAdapter;
use crate::{stats::Counters, ContentHash};

/// What is kept under a byte budget; the least recently used one goes first. Shared by the loader threads.
pub(crate) struct HostTier {
	budget: u64,
	kept: Mutex<Kept>,
	counters: Arc<Counters>,
}

#[derive(Default)]
struct Kept {
	bytes: u64,
	clock: u64,
	adapters: HashMap<ContentHash, (u64, Arc<HostAdapter>)>,
}

impl HostTier {
	/// Keeps nothing with a budget of 0: where the device's memory is the host's.
	pub(crate) fn new(budget: u64, counters: Arc<Counters>) -> Self {
		Self { budget, kept: Mutex::default(), counters }
	}

	pub(crate) fn get(&self, hash: &ContentHash) -> Option<Arc<HostAdapter>> {
		let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
		kept.clock += 1;
		let now = kept.clock;
		let (used, adapter) = kept.adapters.get_mut(hash)?;
		*used = now;
		Counters::add(&self.counters.host_hits, 1);
		Some(adapter.clone())
	}

	pub(crate) fn put(&self, hash: ContentHash, adapter: &Arc<HostAdapter>) {
		if adapter.bytes > self.budget {
			return;
		}
		let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
		kept.clock += 1;
		let now = kept.clock;
		if let Some((_, replaced)) = kept.adapters.insert(hash, (now, adapter.clone())) {
			kept.bytes -= replaced.bytes;
		}
		kept.bytes += adapter.bytes;
		while kept.bytes > self.budget {
			let oldest = kept.adapters.iter().min_by_key(|(_, (used, _))| *used).map(|(hash, _)| *hash);
			let Some((_, evicted)) = oldest.and_then(|hash| kept.adapters.remove(&hash)) else { break };
			kept.bytes -= evicted.bytes;
		}
		Counters::set(&self.counters.host_adapters, kept.adapters.len() as u64);
		Counters::set(&self.counters.host_bytes, kept.bytes);
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn adapter(bytes: u64) -> Arc<HostAdapter> {
		Arc::new(HostAdapter { layers: Vec::new(), bytes })
	}

	#[test]
	fn least_recently_used_adapter_goes_when_the_budget_is_exceeded() {
		let counters = Arc::new(Counters::default());
		let tier = HostTier::new(100, counters.clone());
		for (hash, bytes) in [(1, 40), (2, 40), (3, 101)] {
			tier.put([hash; 32], &adapter(bytes));
		}
		assert!(tier.get(&[1; 32]).is_some() && tier.get(&[3; 32]).is_none());
		tier.put([4; 32], &adapter(50));
		assert!(tier.get(&[2; 32]).is_none());
		// The same again takes its own place.
		tier.put([4; 32], &adapter(60));
		let stats = counters.snapshot();
		assert_eq!((stats.host_adapters, stats.host_bytes, stats.host_hits), (2, 100, 1));
	}

	#[test]
	fn nothing_is_kept_when_the_budget_is_zero() {
		let tier = HostTier::new(0, Arc::default());
		tier.put([1; 32], &adapter(1));
		assert!(tier.get(&[1; 32]).is_none());
	}
}
