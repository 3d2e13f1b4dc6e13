//! Low-rank updates of rows that use different adapters: grouped by set of adapters, each at its own rank.
//!
//! A row's update is `x · A · B`, first the few numbers of the rank, then the outputs; weights are never merged. Rows
//! without adapters are in no group and cost nothing. Rows of one group read their factors once.

use half::f16;
use rayon::prelude::*;

use super::{
	columns::Columns,
	simd::{dispatched, sum, Level, Vector, LANES},
	store::Number,
};
use crate::{
	config::ModelConfig,
	lora::{reader::HostAdapter, set::AdapterSet},
	projection::{Projection, Site},
};

/// Rows of one task.
const ROWS: usize = 16;
/// Ranks computed together.
const RANKS: usize = 4;
/// Vectors of outputs in registers.
const WIDE: usize = 8;

enum Factors {
	Full(Pair<f32>),
	Half(Pair<f16>),
}

/// `a` is `[rank, inputs]`, `b` is `[rank, outputs]`.
struct Pair<S> {
	rank: usize,
	a: Vec<S>,
	b: Vec<S>,
}

/// An adapter in memory.
pub(crate) struct Adapter {
	layers: Vec<[Option<Factors>; 7]>,
}

impl Adapter {
	/// Keeps an adapter in 32 bits, or 16 if `half`.
	pub(crate) fn new(host: HostAdapter, half: bool) -> Self {
		fn pair<S: Number>(rank: usize, a: &[f32], b: &[f32]) -> Pair<S> {
			let of = |values: &[f32]| values.iter().copied().map(S::of).collect();
			Pair { rank, a: of(a), b: of(b) }
		}
		let layers = host
			.layers
			.into_iter()
			.map(|layer| {
				layer.map(|factors| {
					let factors = factors?;
					Some(match half {
						true => Factors::Half(pair(factors.rank, &factors.a, &factors.b)),
						false => Factors::Full(pair(factors.rank, &factors.a, &factors.b)),
					})
				})
			})
			.collect();
		Self { layers }
	}

	fn factors(&self, layer: usize, projection: Projection) -> Option<&Factors> {
		self.layers.get(layer)?.get(projection.index())?.as_ref()
	}
}

/// Rows of a step that use the same adapters.
pub(crate) struct Group<'a> {
	set: &'a AdapterSet<Adapter>,
	rows: Vec<usize>,
}

/// Groups rows, given as runs of rows with one set, by their sets; each task gets few rows.
pub(crate) fn group<'a>(runs: impl Iterator<Item = (&'a AdapterSet<Adapter>, usize)>) -> Vec<Group<'a>> {
	let mut sets: Vec<Group<'a>> = Vec::new();
	let mut known = std::collections::HashMap::new();
	let mut end = 0;
	for (set, count) in runs {
		let rows = end..end + count;
		end = rows.end;
		if set.is_empty() {
			continue;
		}
		let index = *known.entry(set.key()).or_insert_with(|| {
			sets.push(Group { set, rows: Vec::new() });
			sets.len() - 1
		});
		sets[index].rows.extend(rows);
	}
	let tasks = |group: &Group<'a>| {
		let set = group.set;
		group.rows.chunks(ROWS).map(move |rows| Group { set, rows: rows.to_vec() }).collect::<Vec<_>>()
	};
	sets.iter().flat_map(tasks).collect()
}

/// Adds the updates of a site to `output`, `[rows, all outputs of the site]`, computed from `input`,
/// `[rows, inputs]`.
pub(crate) fn add_to(
	level: Level,
	config: &ModelConfig,
	groups: &[Group<'_>],
	(layer, site): (usize, Site),
	input: &[f32],
	output: &mut [f32],
) {
	if groups.is_empty() {
		return;
	}
	let projections = site.projections();
	let mut start = 0;
	let places: Vec<_> = projections
		.iter()
		.map(|projection| {
			let (inputs, outputs) = projection.widths(config);
			start += outputs;
			(*projection, inputs, start - outputs..start)
		})
		.collect();
	let columns = Columns::new(output, start);
	let tasks = groups.len() * places.len();
	(0..tasks).into_par_iter().for_each_init(Vec::new, |low, task| {
		let group = &groups[task / places.len()];
		let (projection, inputs, outputs) = &places[task % places.len()];
		let rows = Rows { input, inputs: *inputs, rows: &group.rows, columns: &columns, outputs };
		for (scale, adapter) in group.set.members() {
			match adapter.factors(layer, *projection) {
				Some(Factors::Full(pair)) => add_pair(level, &rows, pair, scale, low),
				Some(Factors::Half(pair)) => add_pair(level, &rows, pair, scale, low),
				None => {}
			}
		}
	});
}

/// What a task reads and writes. No other task has the same rows and outputs.
struct Rows<'a> {
	input: &'a [f32],
	inputs: usize,
	rows: &'a [usize],
	columns: &'a Columns<'a>,
	outputs: &'a std::ops::Range<usize>,
}

dispatched! {
	/// Adds one adapter's update of a projection.
	fn add_pair<S: Number>(rows: &Rows<'_>, pair: &Pair<S>, scale: f32, low: &mut Vec<f32>) = add_pair_with
}

#[inline(always)]
unsafe fn add_pair_with<V: Vector, S: Number>(
	rows: &Rows<'_>,
	pair: &Pair<S>,
	scale: f32,
	low: &mut Vec<f32>,
) {
	let (inputs, outputs) = (rows.inputs, rows.outputs.len());
	assert!(pair.a.len() == pair.rank * inputs && pair.b.len() == pair.rank * outputs);
	low.clear();
	low.resize(rows.rows.len() * pair.rank, 0.0);
	let mut rank = 0;
	while rank < pair.rank {
		let count = (pair.rank - rank).min(RANKS);
		for (row, low) in rows.rows.iter().zip(low.chunks_exact_mut(pair.rank)) {
			let input = &rows.input[row * inputs..(row + 1) * inputs];
			let (a, low) = (&pair.a[rank * inputs..(rank + count) * inputs], &mut low[rank..rank + count]);
			// SAFETY: promised by the caller.
			unsafe {
				match count {
					RANKS => shrink::<V, S, RANKS>(input, a, scale, low),
					3 => shrink::<V, S, 3>(input, a, scale, low),
					2 => shrink::<V, S, 2>(input, a, scale, low),
					_ => shrink::<V, S, 1>(input, a, scale, low),
				}
			}
		}
		rank += count;
	}
	// The same few columns of `b` for all rows, while they are near.
	let step = WIDE * LANES;
	let mut start = 0;
	while start < outputs {
		let end = (start + step).min(outputs);
		for (row, low) in rows.rows.iter().zip(low.chunks_exact(pair.rank)) {
			let at = rows.outputs.start + start..rows.outputs.start + end;
			// SAFETY: no other task has these rows and outputs; the rest is promised by the caller.
			unsafe {
				let output = rows.columns.columns(*row, at);
				expand::<V, S>(low, &pair.b, outputs, start, output);
			}
		}
		start = end;
	}
}

/// `low[r] = scale · (input · a[r])`.
#[inline(always)]
unsafe fn shrink<V: Vector, S: Number, const R: usize>(input: &[f32], a: &[S], scale: f32, low: &mut [f32]) {
	let inputs = input.len();
	let whole = inputs / LANES * LANES;
	assert!(a.len() == R * inputs && low.len() == R);
	// SAFETY: indices stay below the lengths asserted above.
	unsafe {
		let mut sums = [[V::zero(); 2]; R];
		let mut at = 0;
		// Two sums a rank, so that additions do not wait for each other.
		while at + 2 * LANES <= whole {
			let (x, y) = (V::load(input.as_ptr().add(at)), V::load(input.as_ptr().add(at + LANES)));
			for r in 0..R {
				let a = a.as_ptr().add(r * inputs + at);
				sums[r][0] = x.mul_add(S::load::<V>(a), sums[r][0]);
				sums[r][1] = y.mul_add(S::load::<V>(a.add(LANES)), sums[r][1]);
			}
			at += 2 * LANES;
		}
		if at < whole {
			let x = V::load(input.as_ptr().add(at));
			for r in 0..R {
				sums[r][0] = x.mul_add(S::load::<V>(a.as_ptr().add(r * inputs + at)), sums[r][0]);
			}
		}
		for r in 0..R {
			let mut total = sum(sums[r][0].add(sums[r][1]));
			for at in whole..inputs {
				total = input[at].mul_add(a[r * inputs + at].value(), total);
			}
			low[r] = total * scale;
		}
	}
}

/// Adds `low · b` to the outputs from `start` on, at most 128 of them.
#[inline(always)]
unsafe fn expand<V: Vector, S: Number>(
	low: &[f32],
	b: &[S],
	stride: usize,
	start: usize,
	output: &mut [f32],
) {
	let vectors = output.len() / LANES;
	assert!(start + output.len() <= stride && b.len() == low.len() * stride && vectors <= WIDE);
	// SAFETY: indices stay below the lengths asserted above.
	unsafe {
		let mut totals = [V::zero(); WIDE];
		if vectors == WIDE {
			for wide in 0..WIDE {
				totals[wide] = V::load(output.as_ptr().add(wide * LANES));
			}
			for (rank, low) in low.iter().enumerate() {
				let (low, b) = (V::splat(*low), b.as_ptr().add(rank * stride + start));
				for wide in 0..WIDE {
					totals[wide] = low.mul_add(S::load::<V>(b.add(wide * LANES)), totals[wide]);
				}
			}
			for wide in 0..WIDE {
				totals[wide].store(output.as_mut_ptr().add(wide * LANES));
			}
			return;
		}
		for wide in 0..vectors {
			let mut total = V::load(output.as_ptr().add(wide * LANES));
			for (rank, low) in low.iter().enumerate() {
				let b = b.as_ptr().add(rank * stride + start + wide * LANES);
				total = V::splat(*low).mul_add(S::load::<V>(b), total);
			}
			total.store(output.as_mut_ptr().add(wide * LANES));
		}
	}
	for (at, output) in output.iter_mut().enumerate().skip(vectors * LANES) {
		for (rank, low) in low.iter().enumerate() {
			*output = low.mul_add(b[rank * stride + start + at].value(), *output);
		}
	}
}
