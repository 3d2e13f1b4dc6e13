//! Adapters on the device under a byte budget; the least recently used one that no request holds goes first.

use std::{
	collections::{HashMap, HashSet},
	sync::Arc,
};

use crate::{stats::Counters, ContentHash};

struct Resident<A> {
	adapter: Arc<A>,
	bytes: u64,
	pages: Vec<u32>,
	/// Tick of the last use.
	used: u64,
}

pub(crate) struct AdapterStore<A> {
	budget: u64,
	bytes: u64,
	tick: u64,
	resident: HashMap<ContentHash, Resident<A>>,
	/// Pages of evicted adapters.
	freed: Vec<u32>,
	counters: Arc<Counters>,
}

impl<A> AdapterStore<A> {
	pub(crate) fn new(budget: u64, counters: Arc<Counters>) -> Self {
		Self { budget, bytes: 0, tick: 0, resident: HashMap::new(), freed: Vec::new(), counters }
	}

	pub(crate) fn budget(&self) -> u64 {
		self.budget
	}

	pub(crate) fn contains(&self, hash: &ContentHash) -> bool {
		self.resident.contains_key(hash)
	}

	/// Bytes of an adapter that is resident, else 0.
	pub(crate) fn bytes_of(&self, hash: &ContentHash) -> u64 {
		self.resident.get(hash).map_or(0, |resident| resident.bytes)
	}

	/// The adapter, marked as used now. It stays resident as long as the caller holds it.
	pub(crate) fn get(&mut self, hash: &ContentHash) -> Option<Arc<A>> {
		self.tick += 1;
		let resident = self.resident.get_mut(hash)?;
		resident.used = self.tick;
		Some(resident.adapter.clone())
	}

	/// Evicts until `bytes` more fit. Evicts nothing and returns false if held and protected adapters leave too little.
	pub(crate) fn make_room(&mut self, bytes: u64, protected: &HashSet<ContentHash>) -> bool {
		let evictable = |(hash, resident): &(&ContentHash, &Resident<A>)| {
			Arc::strong_count(&resident.adapter) == 1 && !protected.contains(*hash)
		};
		let mut victims: Vec<(u64, ContentHash, u64)> = self
			.resident
			.iter()
			.filter(evictable)
			.map(|(hash, resident)| (resident.used, *hash, resident.bytes))
			.collect();
		let freed: u64 = victims.iter().map(|(_, _, bytes)| bytes).sum();
		if (self.bytes - freed).saturating_add(bytes) > self.budget {
			return false;
		}
		victims.sort_unstable();
		for (_, hash, _) in victims {
			if self.bytes.saturating_add(bytes) <= self.budget {
				break;
			}
			if let Some(evicted) = self.resident.remove(&hash) {
				self.bytes -= evicted.bytes;
				self.freed.extend(evicted.pages);
				Counters::add(&self.counters.adapter_evictions, 1);
			}
		}
		self.report();
		true
	}

	/// Pages of the adapters evicted since the last call.
	pub(crate) fn freed(&mut self) -> Vec<u32> {
		std::mem::take(&mut self.freed)
	}

	/// Adds an adapter for which room was made.
	pub(crate) fn insert(&mut self, hash: ContentHash, adapter: A, bytes: u64, pages: Vec<u32>) {
		self.tick += 1;
		self.bytes += bytes;
		self.resident.insert(hash, Resident { adapter: Arc::new(adapter), bytes, pages, used: self.tick });
		Counters::add(&self.counters.adapter_loads, 1);
		self.report();
	}

	fn report(&self) {
		Counters::set(&self.counters.resident_adapters, self.resident.len() as u64);
		Counters::set(&self.counters.adapter_bytes, self.bytes);
	}
}
