//! Counters of the engine, readable from any thread.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A snapshot of the engine's counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
	/// Requests in the batch.
	pub running: u64,
	/// Requests in the queue.
	pub waiting: u64,
	/// Tokens generated since the start.
	pub generated_tokens: u64,
	/// Prompt tokens processed since the start.
	pub prompt_tokens: u64,
	/// Pages of the device's memory, for keys, values and adapters.
	pub pages: u64,
	/// Those that hold keys and values of running requests.
	pub cache_pages: u64,
	/// Those that hold keys and values for requests that may begin the same.
	pub idle_pages: u64,
	/// Those that hold nothing.
	pub free_pages: u64,
	/// Adapters on the device.
	pub resident_adapters: u64,
	/// Their pages, bytes.
	pub adapter_bytes: u64,
	/// Adapters that requests named since the start.
	pub adapter_lookups: u64,
	/// Those of them that were on the device when the request came.
	pub adapter_hits: u64,
	/// Adapters in host memory beside a device that has its own.
	pub host_adapters: u64,
	/// Their size, bytes.
	pub host_bytes: u64,
	/// Adapters taken from host memory since the start.
	pub host_hits: u64,
	/// Adapters read from their folders since the start.
	pub folder_reads: u64,
	/// Adapters put on the device since the start.
	pub adapter_loads: u64,
	/// Adapters removed to make room since the start.
	pub adapter_evictions: u64,
	/// Tokens guessed ahead since the start.
	pub drafted_tokens: u64,
	/// Those of them that were drawn.
	pub accepted_tokens: u64,
	/// Prompt tokens of requests that joined the batch since the start.
	pub prefix_lookups: u64,
	/// Those of them whose keys and values were there already.
	pub prefix_hits: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
	pub(crate) running: AtomicU64,
	pub(crate) waiting: AtomicU64,
	pub(crate) generated_tokens: AtomicU64,
	pub(crate) prompt_tokens: AtomicU64,
	pub(crate) pages: AtomicU64,
	pub(crate) cache_pages: AtomicU64,
	pub(crate) idle_pages: AtomicU64,
	pub(crate) free_pages: AtomicU64,
	pub(crate) resident_adapters: AtomicU64,
	pub(crate) adapter_bytes: AtomicU64,
	pub(crate) adapter_lookups: AtomicU64,
	pub(crate) adapter_hits: AtomicU64,
	pub(crate) host_adapters: AtomicU64,
	pub(crate) host_bytes: AtomicU64,
	pub(crate) host_hits: AtomicU64,
	pub(crate) folder_reads: AtomicU64,
	pub(crate) adapter_loads: AtomicU64,
	pub(crate) adapter_evictions: AtomicU64,
	pub(crate) drafted_tokens: AtomicU64,
	pub(crate) accepted_tokens: AtomicU64,
	pub(crate) prefix_lookups: AtomicU64,
	pub(crate) prefix_hits: AtomicU64,
	pub(crate) finished: AtomicU64,
	/// Milliseconds that finished requests spent in the batch.
	pub(crate) served_ms: AtomicU64,
}

impl Counters {
	pub(crate) fn add(counter: &AtomicU64, amount: u64) {
		counter.fetch_add(amount, Relaxed);
	}

	pub(crate) fn set(counter: &AtomicU64, value: u64) {
		counter.store(value, Relaxed);
	}

	/// Takes places in the queue, if so many of `limit` are free.
	pub(crate) fn enqueue(&self, places: u64, limit: u64) -> bool {
		self.waiting
			.fetch_update(Relaxed, Relaxed, |waiting| {
				let taken = waiting.checked_add(places)?;
				(taken <= limit).then_some(taken)
			})
			.is_ok()
	}

	/// Gives the place back.
	pub(crate) fn dequeue(&self) {
		self.waiting.fetch_sub(1, Relaxed);
	}

	/// Seconds until a place is free, from the mean time of the requests so far; 1 to 60.
	pub(crate) fn retry_after_secs(&self, max_batch: usize) -> u64 {
		let mean_ms = self.served_ms.load(Relaxed) / self.finished.load(Relaxed).max(1);
		let rounds = self.waiting.load(Relaxed) / (max_batch as u64).max(1) + 1;
		mean_ms.saturating_mul(rounds).div_ceil(1000).clamp(1, 60)
	}

	pub(crate) fn snapshot(&self) -> Stats {
		Stats {
			running: self.running.load(Relaxed),
			waiting: self.waiting.load(Relaxed),
			generated_tokens: self.generated_tokens.load(Relaxed),
			prompt_tokens: self.prompt_tokens.load(Relaxed),
			pages: self.pages.load(Relaxed),
			cache_pages: self.cache_pages.load(Relaxed),
			idle_pages: self.idle_pages.load(Relaxed),
			free_pages: self.free_pages.load(Relaxed),
			resident_adapters: self.resident_adapters.load(Relaxed),
			adapter_bytes: self.adapter_bytes.load(Relaxed),
			adapter_lookups: self.adapter_lookups.load(Relaxed),
			adapter_hits: self.adapter_hits.load(Relaxed),
			host_adapters: self.host_adapters.load(Relaxed),
			host_bytes: self.host_bytes.load(Relaxed),
			host_hits: self.host_hits.load(Relaxed),
			folder_reads: self.folder_reads.load(Relaxed),
			adapter_loads: self.adapter_loads.load(Relaxed),
			adapter_evictions: self.adapter_evictions.load(Relaxed),
			drafted_tokens: self.drafted_tokens.load(Relaxed),
			accepted_tokens: self.accepted_tokens.load(Relaxed),
			prefix_lookups: self.prefix_lookups.load(Relaxed),
			prefix_hits: self.prefix_hits.load(Relaxed),
		}
	}
}
