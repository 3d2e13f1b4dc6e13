//! Weights packed for the CPU: 16 outputs side by side in a panel, in 32, 8 or 4 bits.
//!
//! The product of a row and a panel runs over the inputs in order, in registers, whatever rows are computed beside
//! it. 8- and 4-bit weights are multiplied as integers with activations in 8 bits; one multiplication by the scales
//! of weight and activation follows per block of 32 inputs.

use std::{fmt, ops::Range, str::FromStr};

use half::f16;
use rayon::prelude::*;

use super::{
	columns::Columns,
	quantize::{Activations, BLOCK},
	simd::{dispatched, Level, Vector, LANES},
};
use crate::quantized::{Matrix, Quantized};

/// Inputs that one integer instruction adds up per output.
const QUAD: usize = 4;
/// Such groups in a block.
const QUADS: usize = BLOCK / QUAD;
/// Rows of a tile.
const TILE: usize = 6;
/// Fewest panels worth another thread.
const GRAIN: usize = 8;

/// How the weights of the large matrices are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
	/// 32-bit floats, as exact as the checkpoint.
	#[default]
	Full,
	/// 16-bit floats; on GPUs only.
	Half,
	/// 8 bits and a scale per 32 weights: 8.5 bits a weight.
	Int8,
	/// 4 bits and a scale per 32 weights: 4.5 bits a weight.
	Int4,
}

/// A panel's weights of 32 inputs in 8 bits: 8 quads of 16 outputs of 4 inputs, offset by 128.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Block8([u8; BLOCK * LANES]);

/// A panel's weights of 32 inputs in 4 bits, offset by 8: each byte holds an input of quad `q` in its low half and the
/// same one of quad `q + 4` in its high half.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Block4([u8; BLOCK * LANES / 2]);

impl Precision {
	/// Bits of a weight without its scale.
	pub(crate) fn bits(self) -> u64 {
		match self {
			Self::Full => 32,
			Self::Half => 16,
			Self::Int8 => 8,
			Self::Int4 => 4,
		}
	}

	/// Bytes of so many weights, their scales included.
	pub fn bytes(self, weights: u64) -> u64 {
		match self {
			Self::Full => weights.saturating_mul(4),
			Self::Half => weights.saturating_mul(2),
			Self::Int8 => weights.saturating_mul(34) / 32,
			Self::Int4 => weights.saturating_mul(18) / 32,
		}
	}
}

impl fmt::Display for Precision {
	fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
		formatter.write_str(match self {
			Self::Full => "full",
			Self::Half => "half",
			Self::Int8 => "int8",
			Self::Int4 => "int4",
		})
	}
}

impl FromStr for Precision {
	type Err = String;

	fn from_str(text: &str) -> Result<Self, Self::Err> {
		[Self::Full, Self::Half, Self::Int8, Self::Int4]
			.into_iter()
			.find(|precision| precision.to_string() == text)
			.ok_or_else(|| format!("{text:?} is no precision; use full, half, int8 or int4"))
	}
}

enum Packed {
	/// `[panels, inputs]` of 16 outputs.
	Full(Vec<[f32; LANES]>),
	/// `[panels, blocks]` each.
	Int8(Vec<Block8>, Vec<[f16; LANES]>),
	/// `[panels, blocks]` each.
	Int4(Vec<Block4>, Vec<[f16; LANES]>),
}

impl Packed {
	fn full(values: &[f32], outputs: usize, inputs: usize) -> Self {
		assert_eq!(values.len(), outputs * inputs);
		let mut packed = vec![[0f32; LANES]; outputs.div_ceil(LANES) * inputs];
		for (output, row) in values.chunks_exact(inputs).enumerate() {
			let (panel, lane) = (output / LANES, output % LANES);
			for (to, value) in packed[panel * inputs..(panel + 1) * inputs].iter_mut().zip(row) {
				to[lane] = *value;
			}
		}
		Self::Full(packed)
	}

	fn integer(quantized: &Quantized, outputs: usize, inputs: usize) -> Self {
		let blocks = inputs.div_ceil(BLOCK);
		let (values, cells) = (quantized.values.chunks_exact(BLOCK), outputs.div_ceil(LANES) * blocks);
		assert_eq!((values.len(), quantized.scales.len()), (outputs * blocks, outputs * blocks));
		let at =
			|number: usize| (number / blocks / LANES * blocks + number % blocks, number / blocks % LANES);
		let mut scales = vec![[f16::ZERO; LANES]; cells];
		for (number, scale) in quantized.scales.iter().enumerate() {
			let (cell, lane) = at(number);
			scales[cell][lane] = *scale;
		}
		if quantized.precision == Precision::Int4 {
			let mut packed = vec![Block4([0x88; BLOCK * LANES / 2]); cells];
			for (number, values) in values.enumerate() {
				let (cell, lane) = at(number);
				for index in 0..BLOCK / 2 {
					let at = (index / QUAD * LANES + lane) * QUAD + index % QUAD;
					let (low, high) = (values[index] + 8, values[index + BLOCK / 2] + 8);
					packed[cell].0[at] = low as u8 | (high as u8) << 4;
				}
			}
			return Self::Int4(packed, scales);
		}
		let mut packed = vec![Block8([128; BLOCK * LANES]); cells];
		for (number, values) in values.enumerate() {
			let (cell, lane) = at(number);
			for (index, value) in values.iter().enumerate() {
				let at = (index / QUAD * LANES + lane) * QUAD + index % QUAD;
				packed[cell].0[at] = (i32::from(*value) + 128) as u8;
			}
		}
		Self::Int8(packed, scales)
	}
}

/// A weight `[outputs, inputs]`.
pub(crate) struct Weights {
	outputs: usize,
	inputs: usize,
	packed: Packed,
}

/// Rows that are multiplied, in the form that the weights want.
pub(crate) enum Input<'a> {
	Full(&'a [f32]),
	Int8(&'a Activations),
}

impl Weights {
	/// Packs a weight as a checkpoint holds it.
	pub(crate) fn pack(matrix: Matrix, outputs: usize, inputs: usize, precision: Precision) -> Self {
		let packed = match precision {
			// The model refuses half: there is no kernel for it.
			Precision::Full | Precision::Half => Packed::full(&matrix.into_full(inputs), outputs, inputs),
			_ => Packed::integer(&matrix.into_quantized(inputs, precision), outputs, inputs),
		};
		Self { outputs, inputs, packed }
	}

	pub(crate) fn outputs(&self) -> usize {
		self.outputs
	}

	/// Whether rows are multiplied in 8 bits.
	pub(crate) fn wants_int8(&self) -> bool {
		!matches!(self.packed, Packed::Full(_))
	}

	/// Size in memory.
	pub(crate) fn bytes(&self) -> u64 {
		let bytes = match &self.packed {
			Packed::Full(values) => size_of_val(values.as_slice()),
			Packed::Int8(values, scales) => size_of_val(values.as_slice()) + size_of_val(scales.as_slice()),
			Packed::Int4(values, scales) => size_of_val(values.as_slice()) + size_of_val(scales.as_slice()),
		};
		bytes as u64
	}

	/// As [`Self::multiply`], of rows that are brought into the form that the weights want.
	pub(crate) fn multiply_rows(
		&self,
		level: Level,
		rows: usize,
		input: &[f32],
		activations: &mut Activations,
		output: &mut [f32],
	) {
		let input = match self.wants_int8() {
			true => {
				activations.quantize(level, input, input.len() / rows);
				Input::Int8(activations)
			}
			false => Input::Full(input),
		};
		self.multiply(level, &input, rows, output);
	}

	/// `output[row] = weights · input[row]` for all rows; `output` is `[rows, outputs]`. Threads share the outputs.
	pub(crate) fn multiply(&self, level: Level, input: &Input<'_>, rows: usize, output: &mut [f32]) {
		match (input, &self.packed) {
			(Input::Full(values), Packed::Full(_)) => assert_eq!(values.len(), rows * self.inputs),
			(Input::Int8(values), Packed::Int8(..) | Packed::Int4(..)) => {
				assert_eq!((values.rows, values.blocks), (rows, self.inputs.div_ceil(BLOCK)));
			}
			_ => panic!("the input is not in the form of the weights"),
		}
		let columns = Columns::new(output, self.outputs);
		let panels = self.outputs.div_ceil(LANES);
		let parts = (panels / GRAIN).clamp(1, 2 * rayon::current_num_threads());
		if parts == 1 {
			return self.panels(level, input, rows, 0..panels, &columns);
		}
		(0..parts).into_par_iter().for_each(|part| {
			// Pairs of panels stay together.
			let bound = |part: usize| if part == parts { panels } else { (panels * part / parts) & !1 };
			self.panels(level, input, rows, bound(part)..bound(part + 1), &columns);
		});
	}

	fn panels(
		&self,
		level: Level,
		input: &Input<'_>,
		rows: usize,
		panels: Range<usize>,
		output: &Columns<'_>,
	) {
		let mut panel = panels.start;
		while panel < panels.end {
			let pair = panels.end - panel >= 2;
			let mut row = 0;
			while row < rows {
				let taken = (rows - row).min(TILE);
				match (taken, pair) {
					(6, true) => self.tile::<6, 2>(level, input, row, panel, output),
					(5, true) => self.tile::<5, 2>(level, input, row, panel, output),
					(4, true) => self.tile::<4, 2>(level, input, row, panel, output),
					(3, true) => self.tile::<3, 2>(level, input, row, panel, output),
					(2, true) => self.tile::<2, 2>(level, input, row, panel, output),
					(1, true) => self.tile::<1, 2>(level, input, row, panel, output),
					(6, false) => self.tile::<6, 1>(level, input, row, panel, output),
					(5, false) => self.tile::<5, 1>(level, input, row, panel, output),
					(4, false) => self.tile::<4, 1>(level, input, row, panel, output),
					(3, false) => self.tile::<3, 1>(level, input, row, panel, output),
					(2, false) => self.tile::<2, 1>(level, input, row, panel, output),
					_ => self.tile::<1, 1>(level, input, row, panel, output),
				}
				row += taken;
			}
			panel += if pair { 2 } else { 1 };
		}
	}

	/// `R` rows times `P` panels.
	fn tile<const R: usize, const P: usize>(
		&self,
		level: Level,
		input: &Input<'_>,
		row: usize,
		panel: usize,
		output: &Columns<'_>,
	) {
		let mut sums = [[[0f32; LANES]; P]; R];
		match (input, &self.packed) {
			(Input::Full(values), Packed::Full(weights)) => {
				let inputs = self.inputs;
				let rows = std::array::from_fn(|r| &values[(row + r) * inputs..(row + r + 1) * inputs]);
				let panels =
					std::array::from_fn(|p| &weights[(panel + p) * inputs..(panel + p + 1) * inputs]);
				full::<R, P>(level, &rows, &panels, &mut sums);
			}
			(Input::Int8(values), Packed::Int8(weights, scales)) => {
				let (rows, cells) = self.integer_parts::<R, P>(values, row, panel);
				let panels = cells.map(|cells| (&weights[cells.clone()], &scales[cells]));
				int8::<R, P>(level, &rows, &panels, &mut sums);
			}
			(Input::Int8(values), Packed::Int4(weights, scales)) => {
				let (rows, cells) = self.integer_parts::<R, P>(values, row, panel);
				let panels = cells.map(|cells| (&weights[cells.clone()], &scales[cells]));
				int4::<R, P>(level, &rows, &panels, &mut sums);
			}
			_ => {}
		}
		for (r, sums) in sums.iter().enumerate() {
			for (p, sums) in sums.iter().enumerate() {
				let start = (panel + p) * LANES;
				let end = (start + LANES).min(self.outputs);
				// SAFETY: each panel belongs to one thread.
				unsafe { output.columns(row + r, start..end) }.copy_from_slice(&sums[..end - start]);
			}
		}
	}

	fn integer_parts<'a, const R: usize, const P: usize>(
		&self,
		input: &'a Activations,
		row: usize,
		panel: usize,
	) -> ([Row<'a>; R], [Range<usize>; P]) {
		let blocks = self.inputs.div_ceil(BLOCK);
		let rows = std::array::from_fn(|r| {
			let cells = (row + r) * blocks..(row + r + 1) * blocks;
			Row {
				values: &input.values[cells.start * BLOCK..cells.end * BLOCK],
				scales: &input.scales[cells.clone()],
				sums: &input.sums[cells],
			}
		});
		(rows, std::array::from_fn(|p| (panel + p) * blocks..(panel + p + 1) * blocks))
	}
}

/// A row of activations.
#[derive(Clone, Copy)]
struct Row<'a> {
	values: &'a [i8],
	scales: &'a [f32],
	sums: &'a [i32],
}

type Sums<const R: usize, const P: usize> = [[[f32; LANES]; P]; R];
type Panel<'a, B> = (&'a [B], &'a [[f16; LANES]]);

dispatched! {
	fn full[const R, const P](rows: &[&[f32]; R], panels: &[&[[f32; LANES]]; P], sums: &mut Sums<R, P>) = full_with
}

#[inline(always)]
unsafe fn full_with<V: Vector, const R: usize, const P: usize>(
	rows: &[&[f32]; R],
	panels: &[&[[f32; LANES]]; P],
	sums: &mut Sums<R, P>,
) {
	let inputs = panels[0].len();
	assert!(rows.iter().all(|row| row.len() == inputs) && panels.iter().all(|panel| panel.len() == inputs));
	// SAFETY: all indices are below the lengths asserted above.
	unsafe {
		let mut totals = [[V::zero(); P]; R];
		for input in 0..inputs {
			let weights: [V; P] =
				std::array::from_fn(|p| V::load(panels.get_unchecked(p).get_unchecked(input).as_ptr()));
			for r in 0..R {
				let value = V::splat(*rows.get_unchecked(r).get_unchecked(input));
				for p in 0..P {
					totals[r][p] = value.mul_add(weights[p], totals[r][p]);
				}
			}
		}
		for r in 0..R {
			for p in 0..P {
				totals[r][p].store(sums[r][p].as_mut_ptr());
			}
		}
	}
}

/// Checks what the integer kernels rely on.
fn check<B, const R: usize, const P: usize>(rows: &[Row<'_>; R], panels: &[Panel<'_, B>; P]) {
	let blocks = panels[0].0.len();
	let row = |row: &Row<'_>| {
		row.values.len() == blocks * BLOCK && row.scales.len() == blocks && row.sums.len() == blocks
	};
	assert!(rows.iter().all(row));
	assert!(panels.iter().all(|(weights, scales)| weights.len() == blocks && scales.len() == blocks));
}

fn int8<const R: usize, const P: usize>(
	level: Level,
	rows: &[Row<'_>; R],
	panels: &[Panel<'_, Block8>; P],
	sums: &mut Sums<R, P>,
) {
	check(rows, panels);
	match level {
		#[cfg(target_arch = "x86_64")]
		// SAFETY: the level was detected on this processor.
		Level::Avx512 => unsafe { x86::int8(rows, panels, sums) },
		#[cfg(target_arch = "x86_64")]
		// SAFETY: the level was detected on this processor.
		Level::Avx2 => unsafe { x86::int8_avx2(rows, panels, sums) },
		Level::Portable => integers(rows, panels, sums, int8_of),
	}
}

fn int4<const R: usize, const P: usize>(
	level: Level,
	rows: &[Row<'_>; R],
	panels: &[Panel<'_, Block4>; P],
	sums: &mut Sums<R, P>,
) {
	check(rows, panels);
	match level {
		#[cfg(target_arch = "x86_64")]
		// SAFETY: the level was detected on this processor.
		Level::Avx512 => unsafe { x86::int4(rows, panels, sums) },
		#[cfg(target_arch = "x86_64")]
		// SAFETY: the level was detected on this processor.
		Level::Avx2 => unsafe { x86::int4_avx2(rows, panels, sums) },
		Level::Portable => integers(rows, panels, sums, int4_of),
	}
}

/// Weight of an output for an input of a block.
#[inline(always)]
fn int8_of(block: &Block8, quad: usize, lane: usize, part: usize) -> i32 {
	i32::from(block.0[(quad * LANES + lane) * QUAD + part]) - 128
}

/// Weight of an output for an input of a block.
#[inline(always)]
fn int4_of(block: &Block4, quad: usize, lane: usize, part: usize) -> i32 {
	let both = block.0[(quad % (QUADS / 2) * LANES + lane) * QUAD + part];
	let half = if quad < QUADS / 2 { both & 15 } else { both >> 4 };
	i32::from(half) - 8
}

/// The product for any processor. The integer sums are exact, so that every level gives the same bits.
#[inline(always)]
fn integers<B, const R: usize, const P: usize>(
	rows: &[Row<'_>; R],
	panels: &[Panel<'_, B>; P],
	sums: &mut Sums<R, P>,
	weight: impl Fn(&B, usize, usize, usize) -> i32,
) {
	for (row, sums) in rows.iter().zip(sums) {
		for ((weights, scales), totals) in panels.iter().zip(sums) {
			let blocks = row.values.chunks_exact(BLOCK).zip(row.scales).zip(weights.iter().zip(*scales));
			for ((values, scale), (weights, scales)) in blocks {
				let mut integers = [0i32; LANES];
				for (quad, values) in values.chunks_exact(QUAD).enumerate() {
					for (lane, integer) in integers.iter_mut().enumerate() {
						for (part, value) in values.iter().enumerate() {
							*integer += weight(weights, quad, lane, part) * i32::from(*value);
						}
					}
				}
				for lane in 0..LANES {
					let both = scales[lane].to_f32() * scale;
					totals[lane] = (integers[lane] as f32).mul_add(both, totals[lane]);
				}
			}
		}
	}
}

#[cfg(target_arch = "x86_64")]
mod x86 {
	use super::*;
	use std::arch::x86_64::*;

	/// As [`super::integers`], with 64 products an instruction.
	#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
	pub(super) unsafe fn int8<const R: usize, const P: usize>(
		rows: &[Row<'_>; R],
		panels: &[Panel<'_, Block8>; P],
		sums: &mut Sums<R, P>,
	) {
		// SAFETY: `check` compared all lengths; the indices stay below them.
		unsafe {
			let mut totals = [[_mm512_setzero_ps(); P]; R];
			for block in 0..panels[0].0.len() {
				let mut integers: [[__m512i; P]; R] = std::array::from_fn(|r| {
					[_mm512_set1_epi32(-128 * *rows[r].sums.get_unchecked(block)); P]
				});
				for quad in 0..QUADS {
					let weights: [__m512i; P] = std::array::from_fn(|p| {
						let weights = panels[p].0.get_unchecked(block).0.as_ptr();
						_mm512_load_si512(weights.add(quad * LANES * QUAD).cast())
					});
					for r in 0..R {
						let four = four(&rows[r], block, quad);
						for p in 0..P {
							integers[r][p] = _mm512_dpbusd_epi32(integers[r][p], weights[p], four);
						}
					}
				}
				scale(rows, panels, block, &integers, &mut totals);
			}
			store(&totals, sums);
		}
	}

	/// As [`super::integers`], with 64 products an instruction.
	#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
	pub(super) unsafe fn int4<const R: usize, const P: usize>(
		rows: &[Row<'_>; R],
		panels: &[Panel<'_, Block4>; P],
		sums: &mut Sums<R, P>,
	) {
		// SAFETY: `check` compared all lengths; the indices stay below them.
		unsafe {
			let mut totals = [[_mm512_setzero_ps(); P]; R];
			let half = _mm512_set1_epi8(15);
			for block in 0..panels[0].0.len() {
				let mut integers: [[__m512i; P]; R] =
					std::array::from_fn(|r| [_mm512_set1_epi32(-8 * *rows[r].sums.get_unchecked(block)); P]);
				for quad in 0..QUADS / 2 {
					let both: [__m512i; P] = std::array::from_fn(|p| {
						let weights = panels[p].0.get_unchecked(block).0.as_ptr();
						_mm512_load_si512(weights.add(quad * LANES * QUAD).cast())
					});
					let low = both.map(|both| _mm512_and_si512(both, half));
					let high = both.map(|both| _mm512_and_si512(_mm512_srli_epi16::<4>(both), half));
					for r in 0..R {
						let (first, second) =
							(four(&rows[r], block, quad), four(&rows[r], block, quad + QUADS / 2));
						for p in 0..P {
							integers[r][p] = _mm512_dpbusd_epi32(integers[r][p], low[p], first);
							integers[r][p] = _mm512_dpbusd_epi32(integers[r][p], high[p], second);
						}
					}
				}
				scale(rows, panels, block, &integers, &mut totals);
			}
			store(&totals, sums);
		}
	}

	/// Four activations, repeated.
	#[inline(always)]
	unsafe fn four(row: &Row<'_>, block: usize, quad: usize) -> __m512i {
		// SAFETY: promised by the caller.
		unsafe {
			let at = row.values.as_ptr().add(block * BLOCK + quad * QUAD).cast::<i32>();
			_mm512_set1_epi32(at.read_unaligned())
		}
	}

	/// Adds a block's integers times both scales to the totals.
	#[inline(always)]
	unsafe fn scale<B, const R: usize, const P: usize>(
		rows: &[Row<'_>; R],
		panels: &[Panel<'_, B>; P],
		block: usize,
		integers: &[[__m512i; P]; R],
		totals: &mut [[__m512; P]; R],
	) {
		// SAFETY: promised by the caller.
		unsafe {
			for p in 0..P {
				let scales = panels[p].1.get_unchecked(block).as_ptr();
				let scales = _mm512_cvtph_ps(_mm256_loadu_si256(scales.cast()));
				for r in 0..R {
					let both = _mm512_mul_ps(scales, _mm512_set1_ps(*rows[r].scales.get_unchecked(block)));
					totals[r][p] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(integers[r][p]), both, totals[r][p]);
				}
			}
		}
	}

	#[inline(always)]
	unsafe fn store<const R: usize, const P: usize>(totals: &[[__m512; P]; R], sums: &mut Sums<R, P>) {
		for r in 0..R {
			for p in 0..P {
				// SAFETY: 16 numbers.
				unsafe { _mm512_storeu_ps(sums[r][p].as_mut_ptr(), totals[r][p]) };
			}
		}
	}

	/// As [`super::integers`], compiled for AVX2.
	#[target_feature(enable = "avx2,fma,f16c")]
	pub(super) unsafe fn int8_avx2<const R: usize, const P: usize>(
		rows: &[Row<'_>; R],
		panels: &[Panel<'_, Block8>; P],
		sums: &mut Sums<R, P>,
	) {
		integers(rows, panels, sums, int8_of);
	}

	/// As [`super::integers`], compiled for AVX2.
	#[target_feature(enable = "avx2,fma,f16c")]
	pub(super) unsafe fn int4_avx2<const R: usize, const P: usize>(
		rows: &[Row<'_>; R],
		panels: &[Panel<'_, Block4>; P],
		sums: &mut Sums<R, P>,
	) {
		integers(rows, panels, sums, int4_of);
	}
}
