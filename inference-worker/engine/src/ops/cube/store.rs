//! Rotary embedding of queries and keys, and keys and values into their pages, in one launch.
//!
//! A cube is a row. Its units take the pairs of the query and key heads, neighbours in turn, then the values: reads and
//! writes of neighbouring units lie side by side. Nothing is summed.

use cubecl::prelude::*;

use crate::executor::BLOCK_TOKENS;

/// Units of a cube.
const UNITS: u32 = 128;

/// Heads of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Heads {
	pub(super) heads: usize,
	pub(super) kv_heads: usize,
	pub(super) head_dim: usize,
}

impl Heads {
	pub(super) fn q_width(self) -> usize {
		self.heads * self.head_dim
	}

	pub(super) fn kv_width(self) -> usize {
		self.kv_heads * self.head_dim
	}

	pub(super) fn page_elements(self) -> usize {
		2 * BLOCK_TOKENS * self.kv_width()
	}
}

/// `qkv` `[rows, q_width + 2 · kv_width]`, `cos` and `sin` `[positions, head_dim / 2]`, `places` `[rows, 2]`: position
/// and page. Writes `queries` `[rows, q_width]`, scaled, and one token of `pool` a row.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)] // The buffers of one launch.
fn store_kernel<S: Float>(
	qkv: &[f32],
	cos: &[f32],
	sin: &[f32],
	places: &[u32],
	queries: &mut [f32],
	pool: &mut [S],
	scale: f32,
	#[comptime] shape: Heads,
	#[define(S)] _stored: ElemType,
) {
	let head_dim = comptime!(shape.head_dim);
	let half = comptime!(shape.head_dim / 2);
	let q_width = comptime!(shape.q_width());
	let kv_width = comptime!(shape.kv_width());
	let row = CUBE_POS_X as usize;
	let units = CUBE_DIM_X as usize;
	let position = places[2 * row] as usize;
	let page = places[2 * row + 1] as usize * comptime!(shape.page_elements());
	let token = page + position % comptime!(BLOCK_TOKENS) * kv_width;
	let from = row * comptime!(shape.q_width() + 2 * shape.kv_width());

	let mut pair = UNIT_POS as usize;
	while pair < comptime!((shape.heads + shape.kv_heads) * (shape.head_dim / 2)) {
		let place = pair / half * head_dim + pair % half;
		let first = qkv[from + place];
		let second = qkv[from + place + half];
		let cosine = cos[position * half + pair % half];
		let sine = sin[position * half + pair % half];
		let turned_first = first * cosine - second * sine;
		let turned_second = second * cosine + first * sine;
		if place < q_width {
			queries[row * q_width + place] = turned_first * scale;
			queries[row * q_width + place + half] = turned_second * scale;
		} else {
			pool[token + place - q_width] = S::cast_from(turned_first);
			pool[token + place - q_width + half] = S::cast_from(turned_second);
		}
		pair += units;
	}
	let values = token + comptime!(BLOCK_TOKENS) * kv_width;
	let mut place = UNIT_POS as usize;
	while place < kv_width {
		pool[values + place] = S::cast_from(qkv[from + q_width + kv_width + place]);
		place += units;
	}
}

/// Buffers of a launch; `rows` rows.
pub(super) struct Store {
	pub(super) qkv: BufferArg,
	pub(super) cos: BufferArg,
	pub(super) sin: BufferArg,
	pub(super) places: BufferArg,
	pub(super) queries: BufferArg,
	pub(super) pool: BufferArg,
}

/// Launches the kernel for `rows` rows. `stored` is how numbers are kept in the pool.
///
/// # Panics
/// If a buffer does not hold `rows` rows.
pub(super) fn launch(client: &Client, rows: usize, shape: Heads, stored: ElemType, buffers: Store) {
	assert_eq!(buffers.qkv.len(), rows * (shape.q_width() + 2 * shape.kv_width()));
	assert_eq!(buffers.queries.len(), rows * shape.q_width());
	assert_eq!(buffers.places.len(), rows * 2);
	// SAFETY: the lengths are those asserted, and all indices are below them.
	unsafe {
		store_kernel::launch_unchecked(
			client,
			CubeCount::Static(rows as u32, 1, 1),
			CubeDim::new_1d(UNITS),
			buffers.qkv,
			buffers.cos,
			buffers.sin,
			buffers.places,
			buffers.queries,
			buffers.pool,
			(shape.head_dim as f32).sqrt().recip(),
			shape,
			stored,
		)
	};
}
