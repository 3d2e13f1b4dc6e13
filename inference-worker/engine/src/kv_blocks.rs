//! Blocks of the KV cache: who uses them, and which can be used again for the same tokens.
//!
//! A full block is known by its key: the adapters, and all tokens up to its end. A request that begins like an
//! earlier one with the same adapters takes the earlier one's blocks instead of computing them. Blocks that nobody
//! uses keep their content until they are needed for something else, the least recently used first.

use std::collections::{BTreeMap, HashMap};

use crate::{executor::BLOCK_TOKENS, lora::set::SetKey};

/// What a full block holds: a hash over adapters and tokens from the start.
pub(crate) type BlockKey = [u8; 32];

/// Key before the first block of sequences with these adapters.
pub(crate) fn root_key(adapters: &SetKey) -> BlockKey {
	let mut hasher = blake3::Hasher::new();
	for (hash, scale) in adapters {
		hasher.update(hash).update(&scale.to_le_bytes());
	}
	*hasher.finalize().as_bytes()
}

/// Key of the block of `tokens` that follows the block `before`.
pub(crate) fn next_key(before: &BlockKey, tokens: &[u32]) -> BlockKey {
	let mut hasher = blake3::Hasher::new_keyed(before);
	for token in tokens {
		hasher.update(&token.to_le_bytes());
	}
	*hasher.finalize().as_bytes()
}

/// Blocks that `tokens` tokens need.
pub(crate) fn blocks_for(tokens: usize) -> usize {
	tokens.div_ceil(BLOCK_TOKENS)
}

#[derive(Clone, Default)]
struct Block {
	users: u32,
	/// What it holds, once it is full.
	key: Option<BlockKey>,
	/// When it was last given back.
	released: u64,
}

/// All blocks of a KV cache.
pub(crate) struct BlockPool {
	blocks: Vec<Block>,
	/// Blocks without content.
	free: Vec<u32>,
	/// Unused blocks with content by the time they were given back.
	idle: BTreeMap<u64, u32>,
	known: HashMap<BlockKey, u32>,
	clock: u64,
}

impl BlockPool {
	pub(crate) fn new(count: usize) -> Self {
		let mut pool = Self {
			blocks: Vec::new(),
			free: Vec::new(),
			idle: BTreeMap::new(),
			known: HashMap::new(),
			clock: 0,
		};
		pool.reset(count);
		pool
	}

	/// Forgets everything.
	pub(crate) fn reset(&mut self, count: usize) {
		self.blocks = vec![Block::default(); count];
		self.free = (0..count as u32).rev().collect();
		self.idle.clear();
		self.known.clear();
	}

	/// Number of blocks, used or not.
	pub(crate) fn count(&self) -> usize {
		self.blocks.len()
	}

	/// Blocks that can be taken.
	pub(crate) fn available(&self) -> usize {
		self.free.len() + self.idle.len()
	}

	/// Uses the block with this content.
	pub(crate) fn share(&mut self, key: &BlockKey) -> Option<u32> {
		let number = *self.known.get(key)?;
		let block = self.blocks.get_mut(number as usize)?;
		if block.users == 0 {
			self.idle.remove(&block.released);
		}
		block.users += 1;
		Some(number)
	}

	/// A block to fill. Forgets the content of the least recently used one if no other is free.
	pub(crate) fn take(&mut self) -> Option<u32> {
		let number = match self.free.pop() {
			Some(number) => number,
			None => self.idle.pop_first()?.1,
		};
		let block = self.blocks.get_mut(number as usize)?;
		if let Some(key) = block.key.take() {
			self.known.remove(&key);
		}
		block.users = 1;
		Some(number)
	}

	/// Says what a block holds, now that it is full. If another block holds the same, that one stays known.
	pub(crate) fn publish(&mut self, number: u32, key: BlockKey) {
		let Some(block) = self.blocks.get_mut(number as usize) else { return };
		if block.key.is_none() && !self.known.contains_key(&key) {
			self.known.insert(key, number);
			block.key = Some(key);
		}
	}

	/// Gives the blocks of a sequence back, the last one first: what many sequences may begin with is forgotten last.
	pub(crate) fn release_all(&mut self, blocks: &[u32]) {
		blocks.iter().rev().for_each(|block| self.release(*block));
	}

	fn release(&mut self, number: u32) {
		let Some(block) = self.blocks.get_mut(number as usize) else { return };
		block.users = block.users.saturating_sub(1);
		if block.users > 0 {
			return;
		}
		match block.key {
			Some(_) => {
				self.clock += 1;
				block.released = self.clock;
				self.idle.insert(self.clock, number);
			}
			None => self.free.push(number),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn key(of: u8) -> BlockKey {
		next_key(&root_key(&Vec::new()), &[u32::from(of)])
	}

	#[test]
	fn block_is_shared_when_its_content_is_wanted_again() {
		let mut pool = BlockPool::new(2);
		let block = pool.take().unwrap();
		pool.publish(block, key(1));
		assert_eq!(pool.share(&key(1)), Some(block));
		pool.release(block);
		pool.release(block);
		assert_eq!(pool.available(), 2);
		assert_eq!(pool.share(&key(1)), Some(block));
		assert_eq!(pool.available(), 1);
	}

	#[test]
	fn least_recently_used_content_is_forgotten_when_blocks_run_out() {
		let mut pool = BlockPool::new(2);
		let blocks = [pool.take().unwrap(), pool.take().unwrap()];
		for (block, of) in blocks.into_iter().zip(1..) {
			pool.publish(block, key(of));
		}
		assert_eq!(pool.take(), None);
		pool.release(blocks[1]);
		pool.release(blocks[0]);
		assert_eq!(pool.take(), Some(blocks[1]));
		assert_eq!((pool.share(&key(2)), pool.share(&key(1))), (None, Some(blocks[0])));
	}

	#[test]
	fn beginning_outlasts_the_end_when_a_sequence_is_forgotten() {
		let mut pool = BlockPool::new(3);
		let blocks: Vec<u32> = (1..=3)
			.map(|of| {
				let block = pool.take().unwrap();
				pool.publish(block, key(of));
				block
			})
			.collect();
		pool.release_all(&blocks);
		assert_eq!((pool.take(), pool.take()), (Some(blocks[2]), Some(blocks[1])));
		assert_eq!(pool.share(&key(1)), Some(blocks[0]));
	}

	#[test]
	fn key_differs_when_adapters_scale_or_tokens_differ() {
		let set = |scale: f32| vec![([7u8; 32], scale.to_bits())];
		let keys = [root_key(&Vec::new()), root_key(&set(1.0)), root_key(&set(0.5))];
		let mut all: Vec<_> =
			keys.iter().flat_map(|root| [next_key(root, &[1]), next_key(root, &[2])]).collect();
		all.sort_unstable();
		all.dedup();
		assert_eq!(all.len(), 6);
	}

	proptest! {
		#[test]
		fn blocks_are_neither_lost_nor_used_twice_when_use_is_random(
			steps in proptest::collection::vec((0u8..3, 0u8..6), 1..200)
		) {
			let mut pool = BlockPool::new(5);
			let mut held: Vec<u32> = Vec::new();
			for (step, of) in steps {
				match step {
					0 => if let Some(block) = pool.take() {
						prop_assert!(!held.contains(&block));
						held.push(block);
						pool.publish(block, key(of));
					},
					1 => held.extend(pool.share(&key(of))),
					_ => if !held.is_empty() { pool.release(held.swap_remove(usize::from(of) % held.len())) },
				}
				let mut distinct = held.clone();
				distinct.sort_unstable();
				distinct.dedup();
				prop_assert_eq!(distinct.len() + pool.available(), 5);
			}
		}
	}
}
