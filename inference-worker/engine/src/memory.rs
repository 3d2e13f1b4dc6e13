//! Memory of the device: one budget of pages for the KV cache and the adapters.
//!
//! What a request needs is its own until it ends. What no request needs stays for the next one, blocks of the KV cache
//! and adapters alike, until its pages are wanted: then what was not used for the longest time goes first. So adapters
//! may fill what the caches leave, and caches what the adapters leave.

use std::{
	collections::{HashMap, HashSet},
	sync::Arc,
};

use crate::{
	pages::{BlockKey, PagePool},
	stats::Counters,
	ContentHash,
};

/// An adapter on the device.
struct Resident<A> {
	adapter: Arc<A>,
	pages: Vec<u32>,
	/// When it was last used.
	used: u64,
}

pub(crate) struct Memory<A> {
	pages: PagePool,
	/// Bytes of a page.
	page_bytes: u64,
	adapters: HashMap<ContentHash, Resident<A>>,
	/// Adapters that go last.
	pinned: HashSet<ContentHash>,
	clock: u64,
	counters: Arc<Counters>,
}

impl<A> Memory<A> {
	/// `count` pages of `page_bytes` bytes.
	pub(crate) fn new(count: usize, page_bytes: u64, counters: Arc<Counters>) -> Self {
		let memory = Self {
			pages: PagePool::new(count),
			page_bytes,
			adapters: HashMap::new(),
			pinned: HashSet::new(),
			clock: 0,
			counters,
		};
		memory.report();
		memory
	}

	/// Forgets everything but what is pinned.
	pub(crate) fn reset(&mut self) {
		self.pages = PagePool::new(self.pages.count());
		self.adapters.clear();
		self.report();
	}

	/// Number of pages, used or not.
	pub(crate) fn count(&self) -> usize {
		self.pages.count()
	}

	/// All of them in bytes.
	pub(crate) fn bytes(&self) -> u64 {
		self.bytes_of(self.count())
	}

	/// So many pages in bytes.
	pub(crate) fn bytes_of(&self, pages: usize) -> u64 {
		(pages as u64).saturating_mul(self.page_bytes)
	}

	/// Whether an adapter is on the device.
	pub(crate) fn contains(&self, adapter: &ContentHash) -> bool {
		self.adapters.contains_key(adapter)
	}

	/// Pages of an adapter that is on the device, else 0.
	pub(crate) fn pages_of(&self, adapter: &ContentHash) -> usize {
		self.adapters.get(adapter).map_or(0, |resident| resident.pages.len())
	}

	/// An adapter on the device, which stays there as long as the caller holds it.
	pub(crate) fn get(&mut self, adapter: &ContentHash) -> Option<Arc<A>> {
		let now = self.tick();
		let resident = self.adapters.get_mut(adapter)?;
		resident.used = now;
		Some(resident.adapter.clone())
	}

	/// Frees pages until `count` are free. Forgets nothing and returns false if what is in use, what is `kept` and
	/// what is pinned leave fewer; what is pinned goes too if there is `need`.
	pub(crate) fn make_room(&mut self, count: usize, kept: &HashSet<ContentHash>, need: bool) -> bool {
		if self.pages.free() >= count {
			return true;
		}
		let mut idle: Vec<(bool, u64, ContentHash, usize)> = self
			.adapters
			.iter()
			.filter(|(hash, resident)| Arc::strong_count(&resident.adapter) == 1 && !kept.contains(*hash))
			.map(|(hash, resident)| (self.pinned.contains(hash), resident.used, *hash, resident.pages.len()))
			.filter(|(pinned, ..)| need || !pinned)
			.collect();
		let adapters: usize = idle.iter().map(|(.., pages)| pages).sum();
		if self.pages.free() + self.pages.idle() + adapters < count {
			return false;
		}
		// The last of the list goes first.
		idle.sort_unstable_by(|one, other| other.cmp(one));
		while self.pages.free() < count {
			match (idle.last(), self.pages.oldest()) {
				(Some((pinned, used, hash, _)), block)
					if block.is_none_or(|block| !pinned && *used < block) =>
				{
					let hash = *hash;
					idle.pop();
					self.evict(&hash);
				}
				(_, Some(_)) => self.pages.forget_oldest(),
				_ => return false,
			}
		}
		self.report();
		true
	}

	/// Pages for which room was made.
	pub(crate) fn take(&mut self, count: usize) -> Vec<u32> {
		let pages = (0..count).map_while(|_| self.pages.take()).collect();
		self.report();
		pages
	}

	/// Adds an adapter that was put into `pages`.
	pub(crate) fn insert(&mut self, hash: ContentHash, adapter: A, pages: Vec<u32>) {
		let used = self.tick();
		self.adapters.insert(hash, Resident { adapter: Arc::new(adapter), pages, used });
		Counters::add(&self.counters.adapter_loads, 1);
		self.report();
	}

	/// Adapters that go last from now on.
	pub(crate) fn pin(&mut self, adapters: HashSet<ContentHash>) {
		self.pinned = adapters;
	}

	/// Pinned adapters that are not on the device.
	pub(crate) fn missing_pins(&self) -> impl Iterator<Item = &ContentHash> {
		self.pinned.iter().filter(|hash| !self.contains(hash))
	}

	/// Lets a pinned adapter go as others do. Whether it was pinned.
	pub(crate) fn unpin(&mut self, adapter: &ContentHash) -> bool {
		self.pinned.remove(adapter)
	}

	/// Whether an adapter is pinned.
	pub(crate) fn is_pinned(&self, adapter: &ContentHash) -> bool {
		self.pinned.contains(adapter)
	}

	/// Uses the block with this content.
	pub(crate) fn share(&mut self, key: &BlockKey) -> Option<u32> {
		self.pages.share(key)
	}

	/// Says what a block holds, now that it is full.
	pub(crate) fn publish(&mut self, block: u32, key: BlockKey) {
		self.pages.publish(block, key);
	}

	/// Gives the blocks of a sequence back, the last one first: what many sequences may begin with is forgotten last.
	pub(crate) fn release(&mut self, blocks: &[u32]) {
		for block in blocks.iter().rev() {
			let now = self.tick();
			self.pages.release(*block, now);
		}
		self.report();
	}

	fn evict(&mut self, adapter: &ContentHash) {
		let Some(evicted) = self.adapters.remove(adapter) else { return };
		for page in evicted.pages {
			let now = self.tick();
			self.pages.release(page, now);
		}
		Counters::add(&self.counters.adapter_evictions, 1);
	}

	fn tick(&mut self) -> u64 {
		self.clock += 1;
		self.clock
	}

	fn report(&self) {
		let of_adapters: usize = self.adapters.values().map(|resident| resident.pages.len()).sum();
		let unused = self.pages.free() + self.pages.idle();
		Counters::set(&self.counters.resident_adapters, self.adapters.len() as u64);
		Counters::set(&self.counters.adapter_bytes, self.bytes_of(of_adapters));
		Counters::set(&self.counters.pages, self.count() as u64);
		Counters::set(&self.counters.cache_pages, (self.count() - unused - of_adapters) as u64);
		Counters::set(&self.counters.idle_pages, self.pages.idle() as u64);
		Counters::set(&self.counters.free_pages, self.pages.free() as u64);
	}
}

#[cfg(test)]
mod tests {
	use proptest::prelude::*;

	use super::*;
	use crate::pages::{next_key, root_key};

	fn memory(pages: usize) -> Memory<()> {
		Memory::new(pages, 100, Arc::new(Counters::default()))
	}

	fn key(of: u8) -> BlockKey {
		next_key(&root_key(&Vec::new()), &[u32::from(of)])
	}

	/// Takes a page as a request would.
	fn take(memory: &mut Memory<()>, of: u8) -> u32 {
		assert!(memory.make_room(1, &HashSet::new(), false));
		let block = memory.take(1)[0];
		memory.publish(block, key(of));
		block
	}

	fn place(memory: &mut Memory<()>, adapter: u8, pages: usize) {
		assert!(memory.make_room(pages, &HashSet::new(), false));
		let pages = memory.take(pages);
		memory.insert([adapter; 32], (), pages);
	}

	fn resident(memory: &Memory<()>) -> Vec<u8> {
		(0..9).filter(|adapter| memory.contains(&[*adapter; 32])).collect()
	}

	#[test]
	fn block_is_shared_when_its_content_is_wanted_again() {
		let mut memory = memory(2);
		let block = take(&mut memory, 1);
		assert_eq!(memory.share(&key(1)), Some(block));
		memory.release(&[block]);
		memory.release(&[block]);
		assert_eq!(memory.share(&key(1)), Some(block));
		assert!(memory.make_room(1, &HashSet::new(), true) && !memory.make_room(2, &HashSet::new(), true));
	}

	#[test]
	fn least_recently_used_goes_first_when_blocks_and_adapters_share_pages() {
		let mut memory = memory(4);
		let first = take(&mut memory, 1);
		place(&mut memory, 1, 1);
		let second = take(&mut memory, 2);
		place(&mut memory, 2, 1);
		memory.release(&[second]);
		memory.release(&[first]);
		// By the time of the last use: adapter 1, adapter 2, block 2, block 1.
		drop(memory.get(&[1; 32]));
		// Now: adapter 2, block 2, block 1, adapter 1.
		place(&mut memory, 3, 1);
		assert_eq!(resident(&memory), [1, 3]);
		place(&mut memory, 4, 1);
		assert_eq!((memory.share(&key(2)), resident(&memory)), (None, vec![1, 3, 4]));
		assert_eq!(memory.share(&key(1)), Some(first));
		place(&mut memory, 5, 1);
		assert_eq!(resident(&memory), [3, 4, 5]);
	}

	#[test]
	fn beginning_outlasts_the_end_when_a_sequence_is_forgotten() {
		let mut memory = memory(3);
		let blocks: Vec<u32> = (1..=3).map(|of| take(&mut memory, of)).collect();
		memory.release(&blocks);
		place(&mut memory, 1, 2);
		assert_eq!((memory.share(&key(3)), memory.share(&key(2))), (None, None));
		assert_eq!(memory.share(&key(1)), Some(blocks[0]));
	}

	#[test]
	fn adapter_stays_when_it_is_held_kept_or_pinned() {
		let mut memory = memory(4);
		(0..4).for_each(|adapter| place(&mut memory, adapter, 1));
		let held = memory.get(&[0; 32]);
		memory.pin(HashSet::from([[2; 32]]));
		let kept = HashSet::from([[1; 32]]);
		assert!(!memory.make_room(2, &kept, false));
		assert_eq!(resident(&memory), [0, 1, 2, 3]);
		assert!(memory.make_room(1, &kept, false));
		assert_eq!(resident(&memory), [0, 1, 2]);
		// What is pinned goes only when there is need.
		assert!(memory.make_room(2, &kept, true));
		assert_eq!(resident(&memory), [0, 1]);
		assert_eq!(memory.missing_pins().collect::<Vec<_>>(), [&[2; 32]]);
		drop(held);
		assert!(memory.make_room(4, &HashSet::new(), false));
		assert_eq!(memory.counters.snapshot().adapter_evictions, 4);
	}

	proptest! {
		#[test]
		fn pages_are_neither_lost_nor_used_twice_when_use_is_random(
			steps in proptest::collection::vec((0u8..5, 0u8..6), 1..200)
		) {
			let mut memory = memory(8);
			let (mut held, mut adapters): (Vec<u32>, Vec<Arc<()>>) = (Vec::new(), Vec::new());
			for (step, of) in steps {
				match step {
					0 => if memory.make_room(1, &HashSet::new(), false) {
						let block = memory.take(1)[0];
						prop_assert!(!held.contains(&block));
						memory.publish(block, key(of));
						held.push(block);
					},
					1 => held.extend(memory.share(&key(of))),
					2 => if !held.is_empty() {
						let block = held.swap_remove(usize::from(of) % held.len());
						memory.release(&[block]);
					},
					3 => if !memory.contains(&[of; 32]) && memory.make_room(2, &HashSet::new(), false) {
						let pages = memory.take(2);
						prop_assert!(pages.iter().all(|page| !held.contains(page)));
						memory.insert([of; 32], (), pages);
					},
					_ => match memory.get(&[of; 32]) {
						Some(adapter) if adapters.len() < 2 => adapters.push(adapter),
						_ => adapters.clear(),
					},
				}
				let mut used = held.clone();
				used.sort_unstable();
				used.dedup();
				let of_adapters = memory.adapters.values().flat_map(|resident| resident.pages.clone());
				used.extend(of_adapters);
				let count = used.len();
				used.sort_unstable();
				used.dedup();
				prop_assert_eq!(used.len(), count);
				prop_assert_eq!(count + memory.pages.free() + memory.pages.idle(), 8);
			}
		}
	}
}
