//! Pages of the device's memory that hold keys and values: who uses them, and which can be used again for the same
//! tokens.
//!
//! A page holds one block of the KV cache in all layers, 16 tokens; or a part of an adapter, which [`crate::memory`]
//! keeps the books on. A full block is known by its key: the adapters, and all tokens up to its end. A request that
//! begins like an earlier one with the same adapters takes the earlier one's blocks instead of computing them. Blocks
//! that nobody uses keep their content until the page is needed for something else.

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
struct Page {
	users: u32,
	/// The block that it holds, once that is full.
	key: Option<BlockKey>,
	/// When it was last given back.
	released: u64,
}

/// All pages of a device.
pub(crate) struct PagePool {
	pages: Vec<Page>,
	/// Pages without content.
	free: Vec<u32>,
	/// Unused pages with content by the time they were given back.
	idle: BTreeMap<u64, u32>,
	known: HashMap<BlockKey, u32>,
}

impl PagePool {
	pub(crate) fn new(count: usize) -> Self {
		Self {
			pages: vec![Page::default(); count],
			free: (0..count as u32).rev().collect(),
			idle: BTreeMap::new(),
			known: HashMap::new(),
		}
	}

	/// Number of pages, used or not.
	pub(crate) fn count(&self) -> usize {
		self.pages.len()
	}

	/// Pages that can be taken.
	pub(crate) fn free(&self) -> usize {
		self.free.len()
	}

	/// Pages that nobody uses, whose content may be forgotten.
	pub(crate) fn idle(&self) -> usize {
		self.idle.len()
	}

	/// When the page was given back that was not used for the longest time.
	pub(crate) fn oldest(&self) -> Option<u64> {
		self.idle.keys().next().copied()
	}

	/// Frees that page.
	pub(crate) fn forget_oldest(&mut self) {
		let Some((_, number)) = self.idle.pop_first() else { return };
		let Some(page) = self.pages.get_mut(number as usize) else { return };
		if let Some(key) = page.key.take() {
			self.known.remove(&key);
		}
		self.free.push(number);
	}

	/// Uses the block with this content.
	pub(crate) fn share(&mut self, key: &BlockKey) -> Option<u32> {
		let number = *self.known.get(key)?;
		let page = self.pages.get_mut(number as usize)?;
		if page.users == 0 {
			self.idle.remove(&page.released);
		}
		page.users += 1;
		Some(number)
	}

	/// A page to fill, if one is free.
	pub(crate) fn take(&mut self) -> Option<u32> {
		let number = self.free.pop()?;
		self.pages.get_mut(number as usize)?.users = 1;
		Some(number)
	}

	/// Says what a block holds, now that it is full. If another page holds the same, that one stays known.
	pub(crate) fn publish(&mut self, number: u32, key: BlockKey) {
		let Some(page) = self.pages.get_mut(number as usize) else { return };
		if page.key.is_none() && !self.known.contains_key(&key) {
			self.known.insert(key, number);
			page.key = Some(key);
		}
	}

	/// Gives a page back at a time that no other was given back at.
	pub(crate) fn release(&mut self, number: u32, now: u64) {
		let Some(page) = self.pages.get_mut(number as usize) else { return };
		page.users = page.users.saturating_sub(1);
		if page.users > 0 {
			return;
		}
		match page.key {
			Some(_) => {
				page.released = now;
				self.idle.insert(now, number);
			}
			None => self.free.push(number),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

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
}
