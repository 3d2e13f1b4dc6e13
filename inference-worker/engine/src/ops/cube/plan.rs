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
