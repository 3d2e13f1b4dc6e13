//! Blocks of 32 numbers that share a scale: weights in 8 or 4 bits, activations in 8.

use half::f16;

use super::simd::{dispatched, largest, Level, Vector, LANES};

/// Numbers that share a scale.
pub(crate) const BLOCK: usize = 32;

/// Activations `[rows, inputs]` in 8 bits with one scale a block.
#[derive(Default)]
pub(crate) struct Activations {
	pub(crate) rows: usize,
	/// Blocks of a row.
	pub(crate) blocks: usize,
	/// `[rows, blocks, 32]`.
	pub(crate) values: Vec<i8>,
	/// `[rows, blocks]`.
	pub(crate) scales: Vec<f32>,
	/// `[rows, blocks]`: sum of the values of a block.
	pub(crate) sums: Vec<i32>,
}

impl Activations {
	/// Quantizes rows of `width` numbers, replacing what was there.
	pub(crate) fn quantize(&mut self, level: Level, input: &[f32], width: usize) {
		self.rows = input.len() / width;
		self.blocks = width.div_ceil(BLOCK);
		let blocks = self.rows * self.blocks;
		self.values.resize(blocks * BLOCK, 0);
		self.scales.resize(blocks, 0.0);
		self.sums.resize(blocks, 0);
		for (row, input) in input.chunks_exact(width).enumerate() {
			let at = row * self.blocks..(row + 1) * self.blocks;
			let values = &mut self.values[at.start * BLOCK..at.end * BLOCK];
			quantize_row(level, input, values, &mut self.scales[at.clone()], &mut self.sums[at]);
		}
	}
}

dispatched! {
	/// Quantizes a row; the last block is filled up with zeros.
	fn quantize_row(input: &[f32], values: &mut [i8], scales: &mut [f32], sums: &mut [i32]) = quantize_row_with
}

#[inline(always)]
unsafe fn quantize_row_with<V: Vector>(
	input: &[f32],
	values: &mut [i8],
	scales: &mut [f32],
	sums: &mut [i32],
) {
	let blocks = input.chunks(BLOCK).zip(values.chunks_exact_mut(BLOCK)).zip(scales.iter_mut().zip(sums));
	for ((numbers, values), (scale, sum)) in blocks {
		let mut block = [0f32; BLOCK];
		block[..numbers.len()].copy_from_slice(numbers);
		// SAFETY: two vectors of 16.
		let greatest = unsafe {
			let (low, high) = (V::load(block.as_ptr()), V::load(block.as_ptr().add(LANES)));
			let minus = V::splat(-1.0);
			largest(low.max(high).max(low.max(high).mul(minus)).max(low.mul(minus).max(high.mul(minus))))
		};
		let inverse = if greatest > 0.0 { 127.0 / greatest } else { 0.0 };
		// Adding and taking away 1.5 · 2^23 rounds to the nearest integer, ties to even, whose bits stay in the low
		// ones of the sum.
		const ROUND: f32 = 12_582_912.0;
		let mut rounded = [0f32; BLOCK];
		// SAFETY: two vectors of 16.
		unsafe {
			for half in [0, LANES] {
				let scaled = V::load(block.as_ptr().add(half)).mul(V::splat(inverse)).add(V::splat(ROUND));
				scaled.store(rounded.as_mut_ptr().add(half));
			}
		}
		let mut total = 0i32;
		for (value, rounded) in values.iter_mut().zip(rounded) {
			let integer = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
			total += integer;
			*value = integer as i8;
		}
		(*scale, *sum) = (greatest / 127.0, total);
	}
}

/// Quantizes a block of weights symmetrically to `-most..=most`; the scale is what is stored.
pub(crate) fn quantize_weights(values: &[f32], most: f32) -> (f16, [i32; BLOCK]) {
	let greatest = values.iter().fold(0f32, |greatest, value| greatest.max(value.abs()));
	let scale = f16::from_f32(greatest / most);
	let inverse = if scale > f16::ZERO { scale.to_f32().recip() } else { 0.0 };
	let mut quantized = [0; BLOCK];
	for (to, value) in quantized.iter_mut().zip(values) {
		*to = (value * inverse).round_ties_even().clamp(-most, most) as i32;
	}
	(scale, quantized)
}
