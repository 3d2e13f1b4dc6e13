//! Keys and values in blocks of 16 tokens, and grouped-query attention over them.
//!
//! In a block, keys lie with the 16 tokens side by side, so that one vector holds a query's products with 16 keys;
//! values lie with the numbers of a head side by side. A query sees its keys in order, whatever other queries are
//! computed beside it.

use half::f16;

use super::{
	elementwise::exp,
	simd::{dispatched, largest, sum, Level, Vector, LANES},
	store::Number,
};

/// Query heads that share a pass over the keys.
const GROUP: usize = 4;
/// Vectors of a value in registers.
const WIDE: usize = 4;

/// Keys and values of a block in all layers, one after the other: keys `[heads, head_dim, 16]`, then values
/// `[heads, 16, padded head_dim]`. None until something is stored there.
type Page<S> = Option<Box<[S]>>;

/// Keys and values of all blocks.
pub(crate) struct Cache {
	shape: Shape,
	layers: usize,
	pages: Pages,
}

enum Pages {
	Full(Vec<Page<f32>>),
	Half(Vec<Page<f16>>),
}

/// Keys and values of one layer.
struct Layer<'a, S> {
	pages: &'a [Page<S>],
	/// Where the layer begins in a page.
	first: usize,
}

impl<S> Layer<'_, S> {
	/// The layer's numbers of a page; none if nothing is stored there.
	fn block(&self, page: u32, size: usize) -> Option<&[S]> {
		self.pages.get(page as usize)?.as_ref()?.get(self.first..self.first + size)
	}
}

/// The query heads of one token that share a head of keys.
#[derive(Clone, Copy)]
pub(crate) struct Query<'a> {
	/// The head of keys and values.
	pub(crate) kv_head: usize,
	/// Blocks of the token's sequence.
	pub(crate) table: &'a [u32],
	/// Tokens up to the last that is seen.
	pub(crate) length: usize,
	/// The first token that is seen.
	pub(crate) start: usize,
	/// `[heads / kv_heads, head_dim]`, scaled already.
	pub(crate) queries: &'a [f32],
}

/// Sizes of the heads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
	pub(crate) kv_heads: usize,
	pub(crate) head_dim: usize,
}

impl Shape {
	fn padded(self) -> usize {
		self.head_dim.next_multiple_of(LANES)
	}

	/// Numbers of keys in a block of a layer.
	fn keys(self) -> usize {
		self.kv_heads * self.head_dim * LANES
	}

	/// Numbers of keys and values in a block of a layer.
	fn block(self) -> usize {
		self.keys() + self.kv_heads * self.padded() * LANES
	}
}

impl Cache {
	/// Room for `pages` blocks, in 16 bits if `half`. Memory is taken when a block is first written.
	pub(crate) fn new(layers: usize, pages: usize, shape: Shape, half: bool) -> Self {
		let pages = match half {
			true => Pages::Half(vec![None; pages]),
			false => Pages::Full(vec![None; pages]),
		};
		Self { shape, layers, pages }
	}

	/// Bytes of a block in all layers.
	pub(crate) fn page_bytes(layers: usize, shape: Shape, half: bool) -> u64 {
		(shape.block() * layers * if half { 2 } else { 4 }) as u64
	}

	/// Gives the memory of pages back.
	pub(crate) fn free(&mut self, pages: &[u32]) {
		fn free<S>(all: &mut [Page<S>], pages: &[u32]) {
			for page in pages {
				if let Some(page) = all.get_mut(*page as usize) {
					*page = None;
				}
			}
		}
		match &mut self.pages {
			Pages::Full(all) => free(all, pages),
			Pages::Half(all) => free(all, pages),
		}
	}

	/// Stores a token's key and value, `[kv_heads · head_dim]` each.
	pub(crate) fn put(&mut self, layer: usize, (page, offset): (u32, usize), key: &[f32], value: &[f32]) {
		fn put<S: Number>(
			page: &mut Page<S>,
			(layers, layer): (usize, usize),
			shape: Shape,
			offset: usize,
			(key, value): (&[f32], &[f32]),
		) {
			let (padded, size) = (shape.padded(), shape.block());
			let page = page.get_or_insert_with(|| S::zeros(layers * size).into_boxed_slice());
			let (keys, values) = page[layer * size..(layer + 1) * size].split_at_mut(shape.keys());
			for (tokens, number) in keys.chunks_exact_mut(LANES).zip(key) {
				tokens[offset] = S::of(*number);
			}
			for (head, numbers) in value.chunks_exact(shape.head_dim).enumerate() {
				let start = (head * LANES + offset) * padded;
				for (to, number) in values[start..].iter_mut().zip(numbers) {
					*to = S::of(*number);
				}
			}
		}
		let (at, token) = ((self.layers, layer), (key, value));
		match &mut self.pages {
			Pages::Full(pages) => put(&mut pages[page as usize], at, self.shape, offset, token),
			Pages::Half(pages) => put(&mut pages[page as usize], at, self.shape, offset, token),
		}
	}

	/// Attention of a query; `output` is as its queries are. `scratch` is any memory.
	pub(crate) fn attend(
		&self,
		level: Level,
		layer: usize,
		query: Query<'_>,
		output: &mut [f32],
		scratch: &mut Vec<f32>,
	) {
		// Blocks before the first token are not read.
		let table = &query.table[query.start / LANES..query.length.div_ceil(LANES)];
		let skipped = query.start / LANES * LANES;
		let (start, length) = (query.start - skipped, query.length - skipped);
		let blocks = table.len();
		scratch.resize(GROUP * (blocks * LANES + self.shape.padded()), 0.0);
		let numbers = GROUP * self.shape.head_dim;
		for (queries, output) in query.queries.chunks(numbers).zip(output.chunks_mut(numbers)) {
			let query = Query { queries, table, start, length, ..query };
			let first = layer * self.shape.block();
			match &self.pages {
				Pages::Full(pages) => {
					attend_group(level, Layer { pages, first }, self.shape, query, output, scratch);
				}
				Pages::Half(pages) => {
					attend_group(level, Layer { pages, first }, self.shape, query, output, scratch);
				}
			}
		}
	}
}

dispatched! {
	/// At most [`GROUP`] query heads.
	fn attend_group<S: Number>(
		layer: Layer<'_, S>, shape: Shape, query: Query<'_>, output: &mut [f32], scratch: &mut [f32],
	) = attend_group_with
}

#[inline(always)]
unsafe fn attend_group_with<V: Vector, S: Number>(
	layer: Layer<'_, S>,
	shape: Shape,
	query: Query<'_>,
	output: &mut [f32],
	scratch: &mut [f32],
) {
	// SAFETY: promised by the caller.
	unsafe {
		match query.queries.len() / shape.head_dim {
			1 => heads::<V, S, 1>(layer, shape, query, output, scratch),
			2 => heads::<V, S, 2>(layer, shape, query, output, scratch),
			3 => heads::<V, S, 3>(layer, shape, query, output, scratch),
			_ => heads::<V, S, 4>(layer, shape, query, output, scratch),
		}
	}
}

/// `G` query heads.
#[inline(always)]
unsafe fn heads<V: Vector, S: Number, const G: usize>(
	layer: Layer<'_, S>,
	shape: Shape,
	query: Query<'_>,
	output: &mut [f32],
	scratch: &mut [f32],
) {
	let Query { kv_head, table, length, start, queries } = query;
	let (head_dim, padded) = (shape.head_dim, shape.padded());
	let (size, keys) = (shape.block(), shape.keys());
	let stride = table.len() * LANES;
	assert!(queries.len() == G * head_dim && output.len() == G * head_dim && kv_head < shape.kv_heads);
	assert!(start < length && length <= stride && scratch.len() >= G * (stride + padded));
	assert!(table.iter().all(|page| layer.block(*page, size).is_some()));
	// SAFETY: asserted above.
	let block = |page: u32| unsafe { layer.block(page, size).unwrap_unchecked().as_ptr() };
	let (scores, sums) = scratch.split_at_mut(G * stride);

	// Queries times keys, two blocks at a time for the processor to have enough to do.
	// SAFETY: blocks exist and the scratch is large enough, as asserted.
	unsafe {
		let head_keys = |index: usize| block(*table.get_unchecked(index)).add(kv_head * head_dim * LANES);
		let mut index = 0;
		while index < table.len() {
			let second = (index + 1).min(table.len() - 1);
			let (first_keys, second_keys) = (head_keys(index), head_keys(second));
			let mut products = [[V::zero(); 2]; G];
			for number in 0..head_dim {
				let first = S::load::<V>(first_keys.add(number * LANES));
				let other = S::load::<V>(second_keys.add(number * LANES));
				for g in 0..G {
					let query = V::splat(*queries.get_unchecked(g * head_dim + number));
					products[g][0] = query.mul_add(first, products[g][0]);
					products[g][1] = query.mul_add(other, products[g][1]);
				}
			}
			for g in 0..G {
				products[g][0].store(scores.as_mut_ptr().add(g * stride + index * LANES));
				products[g][1].store(scores.as_mut_ptr().add(g * stride + second * LANES));
			}
			index += 2;
		}
	}

	let mut inverse = [0f32; G];
	for g in 0..G {
		let scores = &mut scores[g * stride..(g + 1) * stride];
		scores[..start].fill(f32::NEG_INFINITY);
		scores[length..].fill(f32::NEG_INFINITY);
		// SAFETY: whole vectors.
		unsafe {
			let mut most = V::splat(f32::NEG_INFINITY);
			for chunk in scores.chunks_exact(LANES) {
				most = most.max(V::load(chunk.as_ptr()));
			}
			let most = largest(most);
			let mut total = V::zero();
			for chunk in scores.chunks_exact_mut(LANES) {
				for score in &mut *chunk {
					*score = exp(*score - most);
				}
				total = total.add(V::load(chunk.as_ptr()));
			}
			inverse[g] = 1.0 / sum(total);
		}
	}

	// Weights times values, up to 64 numbers of a head at a time.
	let vectors = padded / LANES;
	let mut first = 0;
	while first < vectors {
		let count = (vectors - first).min(WIDE);
		// SAFETY: blocks exist and the scratch is large enough, as asserted.
		unsafe {
			let mut totals = [[V::zero(); WIDE]; G];
			for (index, page) in table.iter().enumerate() {
				let hidden = if index == 0 { start } else { 0 };
				let tokens = (length - index * LANES).min(LANES);
				let values = block(*page).add(keys + kv_head * LANES * padded + first * LANES);
				for token in hidden..tokens {
					let weights: [V; G] = std::array::from_fn(|g| {
						V::splat(*scores.get_unchecked(g * stride + index * LANES + token))
					});
					if count == WIDE {
						for wide in 0..WIDE {
							let value = S::load::<V>(values.add(token * padded + wide * LANES));
							for g in 0..G {
								totals[g][wide] = weights[g].mul_add(value, totals[g][wide]);
							}
						}
					} else {
						for wide in 0..count {
							let value = S::load::<V>(values.add(token * padded + wide * LANES));
							for g in 0..G {
								totals[g][wide] = weights[g].mul_add(value, totals[g][wide]);
							}
						}
					}
				}
			}
			for g in 0..G {
				for wide in 0..count {
					let scaled = totals[g][wide].mul(V::splat(inverse[g]));
					scaled.store(sums.as_mut_ptr().add(g * padded + (first + wide) * LANES));
				}
			}
		}
		first += count;
	}
	for (output, sums) in output.chunks_exact_mut(head_dim).zip(sums.chunks_exact(padded)) {
		output.copy_from_slice(&sums[..head_dim]);
	}
}
