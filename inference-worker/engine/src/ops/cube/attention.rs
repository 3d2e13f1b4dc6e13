//! Grouped-query attention through block tables, with an online softmax (Milakov and Gimelshein 2018; FlashAttention,
//! Dao et al. 2022): no matrix of scores in memory, prompts and single tokens in one launch.
//!
//! A tile is a few neighbouring rows of one chunk. A cube takes a tile, some query heads that share keys, and a
//! segment of the positions (FlashDecoding), and goes through the segment page by page: keys of 16 tokens into shared
//! memory, a score for every query and token, the softmax's running maximum and sum while the values take the keys'
//! place, and their sums, of which a unit has the columns of its own number. So keys and values are read once for all
//! queries of the tile, neighbours by neighbours. Where a sequence has several segments, a second kernel adds them up
//! in order.
//!
//! A row's sums run over its head's width in order, and over the tokens in order, page by page and segment by segment.
//! Segments begin where the row's own position says. What other rows the tile or step has, changes no operand of these
//! sums: hidden tokens add exact zeros. So a row's result has the same bits in any company.

use cubecl::prelude::*;

use super::store::Heads;
use crate::executor::BLOCK_TOKENS;

/// Numbers of a tile in the plan.
pub(super) const TILE: usize = 5;
/// Fewest tokens of a segment.
const SEGMENT: usize = 256;
/// Most segments of a sequence.
const SEGMENTS: usize = 16;
/// Most queries of a cube, and numbers of them: what fits into registers and shared memory.
const QUERIES: usize = 32;
const QUERY_NUMBERS: usize = 2048;
/// Widest head.
pub(super) const MAX_HEAD_DIM: usize = 256;
/// Below every score.
const LEAST: f32 = -1e30;

/// How the work is cut; follows from the model alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tiling {
	shape: Heads,
	/// Query heads of a cube.
	heads: usize,
	/// Most rows of a tile.
	pub(super) rows: usize,
	/// Units of a cube.
	units: usize,
	/// Columns of a unit.
	columns: usize,
}

impl Tiling {
	/// # Panics
	/// If a head is wider than [`MAX_HEAD_DIM`].
	pub(super) fn new(shape: Heads) -> Self {
		assert!(shape.head_dim <= MAX_HEAD_DIM, "heads are at most {MAX_HEAD_DIM} wide");
		let units = if shape.head_dim <= 64 { 64 } else { 128 };
		let columns = shape.head_dim.div_ceil(units);
		let most = (QUERIES / columns).min(QUERY_NUMBERS / shape.head_dim).max(1);
		let group = shape.heads / shape.kv_heads;
		let heads = (1..=group.min(most)).rev().find(|heads| group.is_multiple_of(*heads)).unwrap_or(1);
		Self { shape, heads, rows: (most / heads).max(1), units, columns }
	}

	/// Numbers between the heads of two tokens in shared memory: one more than a head has, so that units read from
	/// different banks.
	fn stride(self) -> usize {
		self.shape.head_dim + 1
	}

	/// Numbers that are read together: 4 where heads are whole lines of them.
	fn line(self) -> usize {
		if self.shape.head_dim.is_multiple_of(4) {
			4
		} else {
			1
		}
	}

	/// Queries of a full tile.
	fn queries(self) -> usize {
		self.heads * self.rows
	}

	fn group(self) -> usize {
		self.shape.heads / self.shape.kv_heads
	}
}

/// Tokens of a segment of the row at this position: no row has more than [`SEGMENTS`] of them.
pub(super) fn segment_tokens(position: usize) -> usize {
	((position + 1).div_ceil(SEGMENTS)).next_power_of_two().max(SEGMENT)
}

/// Puts 16 tokens' numbers of one head, from `from` on in the pool, into shared memory; units take lines in turn.
#[cube]
fn load<S: Float, N: Size>(
	pool: &[Vector<S, N>],
	from: usize,
	numbers: &mut Shared<[f32]>,
	#[comptime] tiling: Tiling,
) {
	let width = N::value();
	let head_dim = comptime!(tiling.shape.head_dim);
	let mut at = UNIT_POS as usize * width;
	while at < comptime!(BLOCK_TOKENS * tiling.shape.head_dim) {
		let slot = at / head_dim;
		let column = at % head_dim;
		let line = pool[(from + slot * comptime!(tiling.shape.kv_width()) + column) / width];
		#[unroll]
		for lane in 0..width {
			numbers[slot * comptime!(tiling.stride()) + column + lane] = f32::cast_from(line.extract(lane));
		}
		at += comptime!(tiling.units) * width;
	}
}

/// `queries` `[rows, heads, head_dim]`, `pool` in lines. `plan`: [`TILE`] numbers a tile (first row, rows, place of its
/// block table in the plan, position of the first row, tokens of a segment). Writes `output`, `[rows, heads, segments,
/// head_dim]`, and maximum and sum of the softmax, `stats` `[rows, heads, segments, 2]`; with one segment, `output` is
/// the result.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)] // The buffers of one launch.
fn attention_kernel<S: Float, N: Size>(
	queries: &[f32],
	pool: &[Vector<S, N>],
	plan: &[u32],
	output: &mut [f32],
	stats: &mut [f32],
	window: u32,
	segments: u32,
	#[comptime] tiling: Tiling,
	#[define(S)] _stored: ElemType,
) {
	let head_dim = comptime!(tiling.shape.head_dim);
	let kv_width = comptime!(tiling.shape.kv_width());
	let heads = comptime!(tiling.heads);
	let units = comptime!(tiling.units);
	let columns = comptime!(tiling.columns);
	let tokens = comptime!(BLOCK_TOKENS);
	let stride = comptime!(tiling.stride());
	let mut asked = Shared::new_slice(comptime!(tiling.queries() * tiling.shape.head_dim));
	// A page's keys, then its values.
	let mut numbers = Shared::new_slice(comptime!(BLOCK_TOKENS * tiling.stride()));
	let mut scores = Shared::new_slice(comptime!(tiling.queries() * BLOCK_TOKENS));
	let mut greatest = Shared::new_slice(comptime!(tiling.queries()));
	let mut totals = Shared::new_slice(comptime!(tiling.queries()));
	let mut factors = Shared::new_slice(comptime!(tiling.queries()));

	let unit = UNIT_POS as usize;
	let tile = CUBE_POS_X as usize * comptime!(TILE);
	let first_row = plan[tile] as usize;
	let rows = plan[tile + 1] as usize;
	let table = plan[tile + 2] as usize;
	let position = plan[tile + 3] as usize;
	let segment_tokens = plan[tile + 4] as usize;
	let window = window as usize;
	let first_head = CUBE_POS_Y as usize * heads;
	let from = first_head / comptime!(tiling.group()) * head_dim;
	let segment = CUBE_POS_Z as usize;
	let count = rows * heads;

	let mut at = unit;
	while at < count * head_dim {
		let query = at / head_dim;
		let head = (first_row + query / heads) * comptime!(tiling.shape.heads) + first_head + query % heads;
		asked[at] = queries[head * head_dim + at % head_dim];
		at += units;
	}
	if unit < count {
		greatest[unit] = f32::new(LEAST);
		totals[unit] = f32::new(0.0);
	}
	sync_cube();

	let mut sums = Array::<f32>::new(comptime!(tiling.queries() * tiling.columns));
	#[unroll]
	for at in 0..comptime!(tiling.queries() * tiling.columns) {
		sums[at] = f32::new(0.0);
	}
	let mut token = segment * segment_tokens;
	let mut end = token + segment_tokens;
	if end > position + rows {
		end = position + rows;
	}
	if window > 0 && position + 1 > window {
		// Pages that no row of the tile sees any more.
		let first = (position + 1 - window) / tokens * tokens;
		if first > token {
			token = first;
		}
	}
	while token < end {
		let page = plan[table + token / tokens] as usize * comptime!(tiling.shape.page_elements()) + from;
		load::<S, N>(pool, page, &mut numbers, tiling);
		sync_cube();

		let mut at = unit;
		while at < count * tokens {
			let query = at / tokens * head_dim;
			let key = at % tokens * stride;
			let mut score = f32::new(0.0);
			for column in 0..head_dim {
				score += asked[query + column] * numbers[key + column];
			}
			scores[at] = score;
			at += units;
		}
		sync_cube();

		load::<S, N>(pool, page + tokens * kv_width, &mut numbers, tiling);
		if unit < count {
			let stop = position + unit / heads + 1;
			let mut start = 0usize;
			if window > 0 && stop > window {
				start = stop - window;
			}
			let before = greatest[unit];
			let mut most = before;
			for slot in 0..tokens {
				if token + slot >= start && token + slot < stop {
					most = max(most, scores[unit * tokens + slot]);
				}
			}
			let factor = (before - most).exp();
			let mut total = totals[unit] * factor;
			for slot in 0..tokens {
				let mut share = f32::new(0.0);
				if token + slot >= start && token + slot < stop {
					share = (scores[unit * tokens + slot] - most).exp();
				}
				scores[unit * tokens + slot] = share;
				total += share;
			}
			greatest[unit] = most;
			totals[unit] = total;
			factors[unit] = factor;
		}
		sync_cube();

		#[unroll]
		for query in 0..comptime!(tiling.queries()) {
			if query < count {
				#[unroll]
				for column in 0..columns {
					sums[query * columns + column] *= factors[query];
				}
			}
		}
		for slot in 0..tokens {
			// What lies behind the last token may be anything.
			if token + slot < end {
				#[unroll]
				for column in 0..columns {
					let place = unit + column * units;
					if place < head_dim {
						let value = numbers[slot * stride + place];
						#[unroll]
						for query in 0..comptime!(tiling.queries()) {
							if query < count {
								sums[query * columns + column] += scores[query * tokens + slot] * value;
							}
						}
					}
				}
			}
		}
		sync_cube();
		token += tokens;
	}

	let segments = segments as usize;
	#[unroll]
	for query in 0..comptime!(tiling.queries()) {
		if query < count {
			let head =
				(first_row + query / heads) * comptime!(tiling.shape.heads) + first_head + query % heads;
			let part = head * segments + segment;
			#[unroll]
			for column in 0..columns {
				let place = unit + column * units;
				if place < head_dim {
					let mut sum = sums[query * columns + column];
					if segments == 1 {
						sum /= totals[query];
					}
					output[part * head_dim + place] = sum;
				}
			}
			if unit == 0 {
				stats[2 * part] = greatest[query];
				stats[2 * part + 1] = totals[query];
			}
		}
	}
}

/// Adds the segments of one row and head a cube: `parts` `[rows, heads, segments, head_dim]` and `stats`, as the
/// attention left them, to `output` `[rows, heads, head_dim]`.
#[cube(launch_unchecked)]
fn merge_kernel(parts: &[f32], stats: &[f32], output: &mut [f32], segments: u32, #[comptime] tiling: Tiling) {
	let head_dim = comptime!(tiling.shape.head_dim);
	let segments = segments as usize;
	let head = CUBE_POS_X as usize * comptime!(tiling.shape.heads) + CUBE_POS_Y as usize;
	let first = head * segments;
	let mut most = f32::new(LEAST);
	for segment in 0..segments {
		most = max(most, stats[2 * (first + segment)]);
	}
	let mut place = UNIT_POS as usize;
	while place < head_dim {
		let mut sum = f32::new(0.0);
		let mut total = f32::new(0.0);
		for segment in 0..segments {
			let factor = (stats[2 * (first + segment)] - most).exp();
			sum += factor * parts[(first + segment) * head_dim + place];
			total += factor * stats[2 * (first + segment) + 1];
		}
		output[head * head_dim + place] = sum / total;
		place += comptime!(tiling.units);
	}
}

/// Buffers of a launch of the attention.
pub(super) struct Attention {
	pub(super) queries: BufferArg,
	pub(super) pool: BufferArg,
	pub(super) plan: BufferArg,
	pub(super) output: BufferArg,
	pub(super) stats: BufferArg,
}

/// Launches the attention over `tiles` tiles.
///
/// # Panics
/// If a buffer does not hold `rows` rows of `segments` segments.
pub(super) fn attend(
	client: &Client,
	tiling: Tiling,
	(rows, tiles, segments): (usize, usize, usize),
	window: Option<usize>,
	stored: ElemType,
	buffers: Attention,
) {
	let shape = tiling.shape;
	assert_eq!(buffers.queries.len(), rows * shape.q_width());
	assert_eq!(buffers.output.len(), rows * shape.q_width() * segments);
	assert_eq!(buffers.stats.len(), rows * shape.heads * segments * 2);
	assert!(buffers.plan.len() >= tiles * TILE);
	// SAFETY: the lengths are those asserted, and all indices are below them.
	unsafe {
		attention_kernel::launch_unchecked(
			client,
			CubeCount::Static(tiles as u32, (shape.heads / tiling.heads) as u32, segments as u32),
			CubeDim::new_1d(tiling.units as u32),
			tiling.line(),
			buffers.queries,
			buffers.pool,
			buffers.plan,
			buffers.output,
			buffers.stats,
			window.unwrap_or(0) as u32,
			segments as u32,
			tiling,
			stored,
		)
	};
}

/// Launches the sum of the segments.
///
/// # Panics
/// If a buffer does not hold `rows` rows of `segments` segments.
pub(super) fn merge(
	client: &Client,
	tiling: Tiling,
	(rows, segments): (usize, usize),
	(parts, stats, output): (BufferArg, BufferArg, BufferArg),
) {
	let shape = tiling.shape;
	assert_eq!(parts.len(), rows * shape.q_width() * segments);
	assert_eq!(stats.len(), rows * shape.heads * segments * 2);
	assert_eq!(output.len(), rows * shape.q_width());
	// SAFETY: the lengths are those asserted, and all indices are below them.
	unsafe {
		merge_kernel::launch_unchecked(
			client,
			CubeCount::Static(rows as u32, shape.heads as u32, 1),
			CubeDim::new_1d(tiling.units as u32),
			parts,
			stats,
			output,
			segments as u32,
			tiling,
		)
	};
}
