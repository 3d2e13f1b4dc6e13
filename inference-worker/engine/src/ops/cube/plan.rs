//! What the host works out for a step: tables of u32 that the kernels read, the same for all layers.

use std::collections::HashMap;

use super::{attention, lora, Adapter};
use crate::{
	executor::{Chunk, BLOCK_TOKENS},
	projection::Site,
};

/// Rows of a step for storing and attention.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AttentionPlan {
	/// `[rows, 2]`: position and page.
	pub(super) places: Vec<u32>,
	/// Tiles, then block tables.
	pub(super) numbers: Vec<u32>,
	pub(super) tiles: usize,
	/// Most segments of a row.
	pub(super) segments: usize,
}

impl AttentionPlan {
	/// Cuts chunks into tiles of at most `tile_rows` rows.
	pub(super) fn new<A>(tile_rows: usize, chunks: &[Chunk<'_, A>]) -> Self {
		let (mut places, mut tiles, mut tables) = (Vec::new(), Vec::new(), Vec::new());
		let (mut row, mut segments) = (0, 1);
		for chunk in chunks {
			let end = chunk.start + chunk.tokens.len();
			let mut position = chunk.start;
			while position < end {
				let segment = attention::segment_tokens(position);
				// Rows of a tile have segments of one size.
				let rows = (position..end.min(position + tile_rows))
					.take_while(|position| attention::segment_tokens(*position) == segment)
					.count();
				tiles.push([row, rows, tables.len(), position, segment]);
				segments = segments.max((position + rows).div_ceil(segment));
				row += rows;
				position += rows;
			}
			places.extend(
				(chunk.start..end)
					.flat_map(|position| [position as u32, chunk.blocks[position / BLOCK_TOKENS]]),
			);
			tables.extend_from_slice(&chunk.blocks[..end.div_ceil(BLOCK_TOKENS)]);
		}
		let head = tiles.len() * attention::TILE;
		let mut numbers = Vec::with_capacity(head + tables.len());
		for [row, rows, table, position, segment] in &tiles {
			numbers.extend([*row, *rows, head + *table, *position, *segment].map(|number| number as u32));
		}
		numbers.extend(tables);
		Self { places, numbers, tiles: tiles.len(), segments }
	}
}

/// Rows of a step that have adapters.
pub(super) struct UpdatePlan {
	/// Tiles, pairs, then the adapters' pages.
	pub(super) numbers: Vec<u32>,
	pub(super) tiles: usize,
	pub(super) pairs: usize,
	/// Highest rank per layer and site.
	ranks: Vec<[usize; 4]>,
}

impl UpdatePlan {
	pub(super) fn new(chunks: &[Chunk<'_, Adapter>]) -> Self {
		let (mut tiles, mut pairs, mut pages) = (Vec::new(), Vec::new(), Vec::<u32>::new());
		let mut ranks: Vec<[usize; 4]> = Vec::new();
		let mut tables: HashMap<*const Adapter, usize> = HashMap::new();
		let mut start = 0;
		for chunk in chunks {
			let rows = start..start + chunk.tokens.len();
			start = rows.end;
			let members: Vec<(f32, usize)> = chunk
				.adapters
				.members()
				.map(|(scale, adapter)| {
					let table = *tables.entry(adapter as *const Adapter).or_insert_with(|| {
						pages.extend_from_slice(&adapter.pages);
						raise(&mut ranks, &adapter.ranks);
						pages.len() - adapter.pages.len()
					});
					(scale, table)
				})
				.collect();
			if members.is_empty() {
				continue;
			}
			for first in rows.clone().step_by(lora::ROWS) {
				let count = lora::ROWS.min(rows.end - first);
				let tile = tiles.len();
				tiles.push([first, count, pairs.len(), members.len()]);
				pairs.extend(members.iter().map(|(scale, table)| (tile, *table, *scale)));
			}
		}
		let head = tiles.len() * lora::TILE + pairs.len() * lora::PAIR;
		let mut numbers: Vec<u32> = Vec::with_capacity(head + pages.len());
		numbers.extend(tiles.iter().flatten().map(|number| *number as u32));
		for (tile, table, scale) in &pairs {
			numbers.extend([*tile as u32, (head + table) as u32, scale.to_bits()]);
		}
		numbers.extend(pages);
		Self { numbers, tiles: tiles.len(), pairs: pairs.len(), ranks }
	}

	/// Highest rank of the adapters at a site; 0 if none has it as a target.
	pub(super) fn rank(&self, layer: usize, site: Site) -> usize {
		self.ranks.get(layer).map_or(0, |ranks| ranks[site.index()])
	}
}

/// Raises every number to at least what `others` has in its place.
fn raise(ranks: &mut Vec<[usize; 4]>, others: &[[usize; 4]]) {
	ranks.resize(ranks.len().max(others.len()), [0; 4]);
	for (ranks, others) in ranks.iter_mut().zip(others) {
		for (rank, other) in ranks.iter_mut().zip(others) {
			*rank = (*rank).max(*other);
		}
	}
}

#[cfg(test)]
mod tests {
	use std::sync::Arc;

	use proptest::prelude::*;

	use super::*;
	use crate::{executor::Want, lora::set::AdapterSet};

	fn chunk<'a, A>(
		tokens: &'a [u32],
		start: usize,
		blocks: &'a [u32],
		adapters: &'a AdapterSet<A>,
	) -> Chunk<'a, A> {
		Chunk { tokens, start, blocks, adapters, want: Want::Logits(0) }
	}

	#[test]
	fn tiles_end_where_the_size_of_segments_changes_when_a_chunk_crosses_it() {
		let base = AdapterSet::<()>::new(Vec::new());
		let blocks: Vec<u32> = (0..300).rev().collect();
		let (long, single) = ([0; 12], [0]);
		let chunks = [chunk(&long, 4_090, &blocks, &base), chunk(&single, 17, &[5, 9], &base)];
		let plan = AttentionPlan::new(8, &chunks);
		assert_eq!((plan.tiles, plan.segments), (3, 16));
		// First row, rows, place of the table, position, tokens of a segment.
		assert_eq!(plan.numbers[..5], [0, 6, 15, 4_090, 256]);
		assert_eq!(plan.numbers[5..10], [6, 6, 15, 4_096, 512]);
		assert_eq!(plan.numbers[10..15], [12, 1, 15 + 257, 17, 256]);
		// Blocks of 4,102 tokens, then of 18.
		assert_eq!(plan.numbers[15..18], [299, 298, 297]);
		assert_eq!(plan.numbers[15 + 257..], [5, 9]);
		assert_eq!(plan.places[..2], [4_090, 299 - 255]);
		assert_eq!(plan.places[24..], [17, 9]);
	}

	#[test]
	fn base_rows_are_in_no_tile_when_others_have_adapters() {
		let first = Arc::new(Adapter { pages: vec![40, 41], ranks: vec![[8, 0, 4, 0]] });
		let second = Arc::new(Adapter { pages: vec![50], ranks: vec![[2, 16, 0, 0]] });
		let base = AdapterSet::new(Vec::new());
		let both = AdapterSet::new(vec![([1; 32], 0.5, first.clone()), ([2; 32], 2.0, second)]);
		let one = AdapterSet::new(vec![([1; 32], 1.0, first)]);
		let (long, single) = ([0; 9], [0]);
		let chunks = [
			chunk(&single, 0, &[0], &base),
			chunk(&long, 0, &[1], &both),
			chunk(&single, 0, &[2], &one),
			chunk(&single, 0, &[3], &base),
		];
		let plan = UpdatePlan::new(&chunks);
		assert_eq!((plan.tiles, plan.pairs), (3, 5));
		// First row, rows, first pair, pairs.
		assert_eq!(plan.numbers[..12], [1, 8, 0, 2, 9, 1, 2, 2, 10, 1, 4, 1]);
		let (half, twice, once) = (0.5f32.to_bits(), 2f32.to_bits(), 1f32.to_bits());
		// Tile, place of the pages, scale.
		assert_eq!(plan.numbers[12..27], [0, 27, half, 0, 29, twice, 1, 27, half, 1, 29, twice, 2, 27, once]);
		assert_eq!(plan.numbers[27..], [40, 41, 50]);
		let ranks = Site::ALL.map(|site| plan.rank(0, site));
		assert_eq!((ranks, plan.rank(1, Site::O)), ([8, 16, 4, 0], 0));
		assert_eq!(UpdatePlan::new(&chunks[..1]).pairs, 0);
	}

	proptest! {
		#[test]
		fn segments_are_at_most_16_and_whole_pages_when_a_sequence_is_long(position in 0usize..1 << 21) {
			let tokens = attention::segment_tokens(position);
			prop_assert!((position + 1).div_ceil(tokens) <= 16);
			prop_assert!(tokens.is_multiple_of(BLOCK_TOKENS));
		}
	}
}
