//! How an adapter lies in pages: of each layer one vector of numbers, number `e` in the adapter's page `e / size` of
//! that layer's pool at `e % size`.
//!
//! ```text
//! 8 numbers: the rank of each projection, 0 where the adapter leaves it alone, and a 0
//! per projection with a rank:  A [rank, inputs], B [rank, outputs], B multiplied by the adapter's own scaling
//! ```
//!
//! Ranks stand in the pages, so that a kernel finds everything from the table of pages alone and what the host sends
//! for a step is the same for all layers. Ranks up to 2,048 are exact in 16 bits.

use cubecl::prelude::*;

use crate::{
	config::ModelConfig,
	lora::reader::{HostAdapter, HostFactors},
	projection::Projection,
};

/// Numbers before the factors.
pub(super) const HEADER: usize = 8;
/// Units of a cube.
const UNITS: u32 = 256;

/// Inputs and outputs of every projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Widths(pub(super) [(usize, usize); 7]);

impl Widths {
	pub(super) fn new(config: &ModelConfig) -> Self {
		Self(Projection::ALL.map(|projection| projection.widths(config)))
	}
}

/// Numbers of an adapter's largest layer.
pub(in crate::ops) fn elements(adapter: &HostAdapter) -> usize {
	let factors = |factors: &HostFactors| factors.a.len() + factors.b.len();
	let layers = adapter.layers.iter();
	HEADER + layers.map(|layer| layer.iter().flatten().map(factors).sum::<usize>()).max().unwrap_or(0)
}

/// A layer's vector, filled up with zeros to `length` numbers.
pub(super) fn layer_vector(layer: &[Option<HostFactors>; 7], length: usize) -> Vec<f32> {
	let mut vector = Vec::with_capacity(length);
	vector.extend(layer.iter().map(|factors| factors.as_ref().map_or(0.0, |factors| factors.rank as f32)));
	vector.resize(HEADER, 0.0);
	for factors in layer.iter().flatten() {
		vector.extend_from_slice(&factors.a);
		vector.extend_from_slice(&factors.b);
	}
	vector.resize(length, 0.0);
	vector
}

/// Where a number of the vector lies in the pool. `table` is the place in `plan` of the adapter's pages.
#[cube]
pub(super) fn place(plan: &[u32], table: usize, element: usize, #[comptime] page_elements: usize) -> usize {
	plan[table + element / page_elements] as usize * page_elements + element % page_elements
}

/// Where the factors of a projection begin in the vector, and their rank.
#[cube]
pub(super) fn factors<S: Float>(
	pool: &[S],
	plan: &[u32],
	table: usize,
	projection: usize,
	#[comptime] widths: Widths,
	#[comptime] page_elements: usize,
) -> (usize, usize) {
	let mut start = comptime!(HEADER).runtime();
	let mut rank = 0usize;
	#[unroll]
	for other in 0..7usize {
		let own = u32::cast_from(pool[place(plan, table, other, page_elements)]) as usize;
		if other < projection {
			start += own * comptime!(widths.0[other].0 + widths.0[other].1);
		}
		if other == projection {
			rank = own;
		}
	}
	(start, rank)
}

/// A unit copies a number, neighbours neighbouring ones.
#[cube(launch_unchecked)]
fn upload_kernel<S: Float>(
	values: &[S],
	pages: &[u32],
	pool: &mut [S],
	#[comptime] page_elements: usize,
	#[define(S)] _stored: ElemType,
) {
	let at = ABSOLUTE_POS;
	if at < values.len() {
		pool[place(pages, 0usize, at, page_elements)] = values[at];
	}
}

/// Copies a vector of whole pages into them.
///
/// # Panics
/// If `values` is not as long as the pages together.
pub(super) fn upload(
	client: &Client,
	page_elements: usize,
	stored: ElemType,
	(values, pages, pool): (BufferArg, BufferArg, BufferArg),
) {
	assert_eq!(values.len(), pages.len() * page_elements);
	let cubes = values.len().div_ceil(UNITS as usize) as u32;
	// A dimension of the grid has at most 65,535 cubes.
	let count = CubeCount::Static(cubes.min(32_768), cubes.div_ceil(32_768), 1);
	// SAFETY: the lengths are those asserted, and all indices are below them.
	unsafe {
		upload_kernel::launch_unchecked(
			client,
			count,
			CubeDim::new_1d(UNITS),
			values,
			pages,
			pool,
			page_elements,
			stored,
		)
	};
}
