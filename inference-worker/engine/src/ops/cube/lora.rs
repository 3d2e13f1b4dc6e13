//! Low-rank updates of rows that use different adapters, each at its own rank, from the adapters' pages: Punica and
//! S-LoRA's shrink and expand.
//!
//! A tile is a few neighbouring rows with the same adapters, a pair a tile and one of its adapters. The first kernel
//! gives each pair, projection and rank a cube, which reads that row of `A` once for all rows of the tile; cubes beyond
//! the adapter's own rank end at once. The second gives each tile, projection and some outputs a cube, whose units have
//! an output each and go through the tile's adapters in the order of the request. Rows without adapters are in no tile
//! and no cube. Nothing is kept between steps, so a row that comes or goes costs nothing.
//!
//! A number of the first kernel is the sum of 128 units' sums, each over every 128th input in order, in a tree; one of
//! the second runs over the ranks in order. Neither depends on the other rows.

use cubecl::prelude::*;

use super::adapter::{factors, place, Widths};

/// Rows of a tile.
pub(super) const ROWS: usize = 8;
/// Numbers of a tile in the plan: first row, rows, first pair, pairs.
pub(super) const TILE: usize = 4;
/// Numbers of a pair in the plan: tile, place of its pages in the plan, bits of its scale.
pub(super) const PAIR: usize = 3;
/// Units of a cube.
const UNITS: usize = 128;

/// What a site's launches share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SiteShape {
	pub(super) widths: Widths,
	pub(super) page_elements: usize,
	/// First projection of the site, and how many it has.
	pub(super) first: usize,
	pub(super) projections: usize,
}

impl SiteShape {
	fn inputs(self) -> usize {
		self.widths.0[self.first].0
	}

	/// Outputs of the site's first projections.
	fn outputs_before(self, projections: usize) -> usize {
		self.widths.0[self.first..self.first + projections].iter().map(|(_, outputs)| outputs).sum()
	}

	fn widest(self) -> usize {
		(0..self.projections).map(|index| self.widths.0[self.first + index].1).max().unwrap_or(0)
	}
}

/// Sizes of a step's plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
	pub(super) rows: usize,
	pub(super) tiles: usize,
	pub(super) pairs: usize,
	/// Highest rank of the site's adapters.
	pub(super) rank: usize,
}

impl Counts {
	/// Numbers between the two kernels.
	pub(super) fn low(self, site: SiteShape) -> usize {
		self.pairs * site.projections * self.rank * ROWS
	}
}

/// `input` `[rows, inputs]`, `low` `[pairs, projections, highest rank, 8]`.
#[cube(launch_unchecked)]
fn shrink_kernel<S: Float>(
	input: &[f32],
	pool: &[S],
	plan: &[u32],
	low: &mut [f32],
	tiles: u32,
	highest: u32,
	#[comptime] site: SiteShape,
	#[define(S)] _stored: ElemType,
) {
	let inputs = comptime!(site.inputs());
	let page_elements = comptime!(site.page_elements);
	let rank_index = CUBE_POS_X as usize;
	let pair = tiles as usize * comptime!(TILE) + CUBE_POS_Y as usize * comptime!(PAIR);
	let tile = plan[pair] as usize * comptime!(TILE);
	let table = plan[pair + 1] as usize;
	let first_row = plan[tile] as usize;
	let rows = plan[tile + 1] as usize;
	let projection = comptime!(site.first) + CUBE_POS_Z as usize;
	let (start, rank) = factors::<S>(pool, plan, table, projection, site.widths, page_elements);
	if rank_index >= rank {
		terminate!();
	}

	let unit = UNIT_POS as usize;
	let mut sums = Array::<f32>::new(ROWS);
	#[unroll]
	for row in 0..ROWS {
		sums[row] = f32::new(0.0);
	}
	let begin = start + rank_index * inputs;
	let mut at = unit;
	while at < inputs {
		let weight = f32::cast_from(pool[place(plan, table, begin + at, page_elements)]);
		#[unroll]
		for row in 0..ROWS {
			if row < rows {
				sums[row] += weight * input[(first_row + row) * inputs + at];
			}
		}
		at += UNITS;
	}
	let mut partial = Shared::new_slice(comptime!(ROWS * UNITS));
	#[unroll]
	for row in 0..ROWS {
		partial[row * UNITS + unit] = sums[row];
	}
	sync_cube();
	let mut apart = comptime!(UNITS / 2).runtime();
	while apart > 0 {
		if unit < apart {
			#[unroll]
			for row in 0..ROWS {
				let other = partial[row * UNITS + unit + apart];
				partial[row * UNITS + unit] += other;
			}
		}
		sync_cube();
		apart /= 2;
	}
	if unit < comptime!(ROWS) {
		let slot = (CUBE_POS_Y as usize * comptime!(site.projections) + CUBE_POS_Z as usize)
			* highest as usize
			+ rank_index;
		low[slot * ROWS + unit] = partial[unit * UNITS];
	}
}

/// Adds to `output`, `[rows, all outputs of the site]`.
#[cube(launch_unchecked)]
fn expand_kernel<S: Float>(
	low: &[f32],
	pool: &[S],
	plan: &[u32],
	output: &mut [f32],
	tiles: u32,
	highest: u32,
	#[comptime] site: SiteShape,
	#[define(S)] _stored: ElemType,
) {
	let page_elements = comptime!(site.page_elements);
	let inputs = comptime!(site.inputs());
	let width = comptime!(site.outputs_before(site.projections));
	let mut outputs = 0usize;
	let mut before = 0usize;
	#[unroll]
	for index in 0..comptime!(site.projections) {
		if index == CUBE_POS_Z as usize {
			outputs = comptime!(site.widths.0[site.first + index].1).runtime();
			before = comptime!(site.outputs_before(index)).runtime();
		}
	}
	let column = CUBE_POS_X as usize * UNITS + UNIT_POS as usize;
	if column >= outputs {
		terminate!();
	}
	let tile = CUBE_POS_Y as usize * comptime!(TILE);
	let first_row = plan[tile] as usize;
	let rows = plan[tile + 1] as usize;
	let first_pair = plan[tile + 2] as usize;
	let pairs = plan[tile + 3] as usize;
	let projection = comptime!(site.first) + CUBE_POS_Z as usize;

	let mut totals = Array::<f32>::new(ROWS);
	#[unroll]
	for row in 0..ROWS {
		totals[row] = f32::new(0.0);
	}
	for pair in first_pair..first_pair + pairs {
		let entry = tiles as usize * comptime!(TILE) + pair * comptime!(PAIR);
		let table = plan[entry + 1] as usize;
		let scale = f32::reinterpret(plan[entry + 2]);
		let (start, rank) = factors::<S>(pool, plan, table, projection, site.widths, page_elements);
		let begin = start + rank * inputs + column;
		let slot = (pair * comptime!(site.projections) + CUBE_POS_Z as usize) * highest as usize;
		let mut sums = Array::<f32>::new(ROWS);
		#[unroll]
		for row in 0..ROWS {
			sums[row] = f32::new(0.0);
		}
		for index in 0..rank {
			let weight = f32::cast_from(pool[place(plan, table, begin + index * outputs, page_elements)]);
			#[unroll]
			for row in 0..ROWS {
				sums[row] += weight * low[(slot + index) * ROWS + row];
			}
		}
		#[unroll]
		for row in 0..ROWS {
			totals[row] += scale * sums[row];
		}
	}
	#[unroll]
	for row in 0..ROWS {
		if row < rows {
			output[(first_row + row) * width + before + column] += totals[row];
		}
	}
}

/// Buffers of the two launches.
pub(super) struct Updates {
	pub(super) input: BufferArg,
	/// As [`Counts::low`] says.
	pub(super) low: (BufferArg, BufferArg),
	pub(super) pool: (BufferArg, BufferArg),
	/// `counts.tiles` tiles, `counts.pairs` pairs, then tables of pages.
	pub(super) plan: (BufferArg, BufferArg),
	pub(super) output: BufferArg,
}

/// Adds the updates of one site.
///
/// # Panics
/// If a buffer does not have the length that `site` and `counts` ask for.
pub(super) fn add(client: &Client, site: SiteShape, counts: Counts, stored: ElemType, buffers: Updates) {
	let Counts { rows, tiles, pairs, rank } = counts;
	assert_eq!(buffers.input.len(), rows * site.inputs());
	assert_eq!(buffers.output.len(), rows * site.outputs_before(site.projections));
	assert_eq!(buffers.low.0.len(), counts.low(site));
	assert!(buffers.plan.0.len() >= tiles * TILE + pairs * PAIR);
	// SAFETY: the lengths are those asserted, and all indices are below them.
	unsafe {
		shrink_kernel::launch_unchecked(
			client,
			CubeCount::Static(rank as u32, pairs as u32, site.projections as u32),
			CubeDim::new_1d(UNITS as u32),
			buffers.input,
			buffers.pool.0,
			buffers.plan.0,
			buffers.low.0,
			tiles as u32,
			rank as u32,
			site,
			stored,
		)
	};
	// SAFETY: the lengths are those asserted, and all indices are below them.
	unsafe {
		expand_kernel::launch_unchecked(
			client,
			CubeCount::Static(site.widest().div_ceil(UNITS) as u32, tiles as u32, site.projections as u32),
			CubeDim::new_1d(UNITS as u32),
			buffers.low.1,
			buffers.pool.1,
			buffers.plan.1,
			buffers.output,
			tiles as u32,
			rank as u32,
			site,
			stored,
		)
	};
}
