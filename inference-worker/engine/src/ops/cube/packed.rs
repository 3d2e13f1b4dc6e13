//! Products with weights in 8 or 4 bits, read as they are stored: 32 neighbouring inputs of an output share a scale, as
//! on the CPU ([`crate::cpu`]); activations stay f32.
//!
//! A word of u32 holds 4 or 8 weights of neighbouring inputs, the first lowest, offset by 128 or 8 to be unsigned.
//!
//! Few rows, where reading the weights is all that takes time, go through [`few_kernel`]: a cube has 2 or 4 outputs,
//! whose words its units share, 16 bytes each in turn, for up to 8 rows at once. A number is the sum of 64 units' sums,
//! each over its words in order, in a tree.
//!
//! Many rows go through [`many_kernel`]: a cube computes 64 rows times 64 outputs, block by block of 32 inputs, which
//! it puts into shared memory once as f32; a unit has 4 rows times 4 outputs in registers. A number is one sum over the
//! inputs in order.

use cubecl::prelude::*;

use super::floats::{drain, grid, ROWS, UNITS};
use crate::{cpu::BLOCK, ops::Bits, quantized::Quantized};

/// Words of a unit's turn where rows are few.
const LINE: usize = 4;
/// Rows, and outputs, of a cube where rows are many; each of its 16 · 16 units has 4 · 4 of them.
const TILE: usize = 64;
const SIDE: usize = 16;
const PART: usize = TILE / SIDE;
/// A row of a tile in shared memory: one longer, so that units write to different banks.
const STRIDE: usize = TILE + 1;

impl Bits {
	fn count(self) -> usize {
		match self {
			Self::Eight => 8,
			Self::Four => 4,
		}
	}

	/// Added to make a weight unsigned.
	fn offset(self) -> i32 {
		1 << (self.count() - 1)
	}

	fn mask(self) -> u32 {
		(1 << self.count()) - 1
	}
}

/// Sizes of a packed weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shape {
	pub(super) outputs: usize,
	pub(super) inputs: usize,
	pub(super) bits: Bits,
}

impl Shape {
	/// Blocks of an output.
	pub(super) fn blocks(self) -> usize {
		self.inputs.div_ceil(BLOCK)
	}

	/// Weights of a word.
	fn per_word(self) -> usize {
		32 / self.bits.count()
	}

	/// Words of a block.
	fn words(self) -> usize {
		BLOCK / self.per_word()
	}

	/// Weights of a unit's turn.
	fn per_line(self) -> usize {
		LINE * self.per_word()
	}

	/// Outputs of a cube where rows are few: what fits into registers.
	fn together(self) -> usize {
		64 / self.per_line()
	}

	fn lines(self) -> usize {
		self.blocks() * self.words() / LINE
	}

	/// Whether the last block is not full.
	fn is_ragged(self) -> bool {
		!self.inputs.is_multiple_of(BLOCK)
	}
}

/// Words `[outputs, blocks, words of a block]` of weights.
pub(super) fn pack(quantized: &Quantized, shape: Shape) -> Vec<u32> {
	assert_eq!(quantized.values.len(), shape.outputs * shape.blocks() * BLOCK);
	let words = quantized.values.chunks_exact(shape.per_word()).map(|values| {
		let places = values.iter().zip((0u32..).step_by(shape.bits.count()));
		places.fold(0, |word, (value, place)| {
			word | ((i32::from(*value) + shape.bits.offset()) as u32) << place
		})
	});
	words.collect()
}

/// A weight of a word as a number, without its scale.
#[cube]
fn weight(word: u32, index: usize, #[comptime] bits: Bits) -> f32 {
	let shifted = word >> (index as u32 * comptime!(bits.count() as u32));
	f32::cast_from(shifted & comptime!(bits.mask())) - comptime!(bits.offset() as f32)
}

/// `input` `[rows, inputs]`, `words` and `scales` as [`pack`] gives them, `output` `[rows, outputs]`.
#[cube(launch_unchecked)]
fn few_kernel<S: Float>(
	input: &[f32],
	words: &[Vector<u32, Const<4>>],
	scales: &[S],
	output: &mut [f32],
	rows: u32,
	#[comptime] shape: Shape,
	#[define(S)] _stored: ElemType,
) {
	let inputs = comptime!(shape.inputs);
	let outputs = comptime!(shape.outputs);
	let together = comptime!(shape.together());
	let per_line = comptime!(shape.per_line());
	let per_word = comptime!(shape.per_word());
	let unit = UNIT_POS as usize;
	let first_output = (CUBE_POS_Z * CUBE_COUNT_X + CUBE_POS_X) as usize * together;
	let first_row = CUBE_POS_Y as usize * ROWS;
	let left = rows as usize - first_row;

	let mut sums = Array::<f32>::new(comptime!(ROWS * shape.together()));
	#[unroll]
	for at in 0..comptime!(ROWS * shape.together()) {
		sums[at] = f32::new(0.0);
	}
	let mut line = unit;
	while line < comptime!(shape.lines()) {
		let first_input = line * per_line;
		let mut weights = Array::<f32>::new(comptime!(shape.together() * shape.per_line()));
		#[unroll]
		for other in 0..together {
			// The last cube may have outputs to spare: it computes the last one again.
			let output = min(first_output + other, outputs - 1);
			let packed = words[output * comptime!(shape.lines()) + line];
			let scale =
				f32::cast_from(scales[output * comptime!(shape.blocks()) + first_input / comptime!(BLOCK)]);
			#[unroll]
			for index in 0..per_line {
				let word = packed.extract(comptime!(index / per_word));
				weights[other * per_line + index] =
					weight(word, comptime!(index % per_word), shape.bits) * scale;
			}
		}
		#[unroll]
		for row in 0..ROWS {
			if row < left {
				let from = (first_row + row) * inputs + first_input;
				#[unroll]
				for index in 0..per_line {
					let mut value = f32::new(0.0);
					if comptime!(shape.is_ragged()) {
						if first_input + index < inputs {
							value = input[from + index];
						}
					} else {
						value = input[from + index];
					}
					#[unroll]
					for other in 0..together {
						sums[row * together + other] += weights[other * per_line + index] * value;
					}
				}
			}
		}
		line += UNITS;
	}

	drain(&sums, output, (first_row, left), (first_output, outputs), together);
}

/// As [`few_kernel`], `words` one by one.
#[cube(launch_unchecked)]
fn many_kernel<S: Float>(
	input: &[f32],
	words: &[u32],
	scales: &[S],
	output: &mut [f32],
	rows: u32,
	#[comptime] shape: Shape,
	#[define(S)] _stored: ElemType,
) {
	let inputs = comptime!(shape.inputs);
	let outputs = comptime!(shape.outputs);
	let per_word = comptime!(shape.per_word());
	let block_words = comptime!(shape.words());
	let unit = UNIT_POS as usize;
	let first_output = CUBE_POS_X as usize * TILE;
	let first_row = CUBE_POS_Y as usize * TILE;
	let rows = rows as usize;
	let (unit_row, unit_output) = (unit / SIDE, unit % SIDE);

	let mut values = Shared::new_slice(comptime!(BLOCK * STRIDE));
	let mut weights = Shared::new_slice(comptime!(BLOCK * STRIDE));
	let mut sums = Array::<f32>::new(comptime!(PART * PART));
	#[unroll]
	for at in 0..comptime!(PART * PART) {
		sums[at] = f32::new(0.0);
	}
	for block in 0..comptime!(shape.blocks()) {
		let mut at = unit;
		while at < comptime!(TILE * BLOCK) {
			let (row, index) = (at / comptime!(BLOCK), at % comptime!(BLOCK));
			let place = block * comptime!(BLOCK) + index;
			let mut value = f32::new(0.0);
			if first_row + row < rows && place < inputs {
				value = input[(first_row + row) * inputs + place];
			}
			values[index * STRIDE + row] = value;
			at += comptime!(SIDE * SIDE);
		}
		let mut at = unit;
		while at < TILE * block_words {
			let (column, index) = (at / block_words, at % block_words);
			// The last cube may have outputs to spare: it takes the last one again.
			let cell = min(first_output + column, outputs - 1) * comptime!(shape.blocks()) + block;
			let word = words[cell * block_words + index];
			let scale = f32::cast_from(scales[cell]);
			#[unroll]
			for part in 0..per_word {
				weights[(index * per_word + part) * STRIDE + column] = weight(word, part, shape.bits) * scale;
			}
			at += comptime!(SIDE * SIDE);
		}
		sync_cube();
		for index in 0..comptime!(BLOCK) {
			let mut others = Array::<f32>::new(PART);
			#[unroll]
			for column in 0..PART {
				others[column] = weights[index * STRIDE + unit_output + column * SIDE];
			}
			#[unroll]
			for row in 0..PART {
				let value = values[index * STRIDE + unit_row + row * SIDE];
				#[unroll]
				for column in 0..PART {
					sums[row * PART + column] += value * others[column];
				}
			}
		}
		sync_cube();
	}
	#[unroll]
	for row in 0..PART {
		#[unroll]
		for column in 0..PART {
			let to_row = first_row + unit_row + row * SIDE;
			let to_column = first_output + unit_output + column * SIDE;
			if to_row < rows && to_column < outputs {
				output[to_row * outputs + to_column] = sums[row * PART + column];
			}
		}
	}
}

/// `output = input · weightᵀ` for `rows` rows.
///
/// # Panics
/// If a buffer does not have the length that `shape` and `rows` ask for.
pub(super) fn multiply(
	client: &Client,
	(rows, few): (usize, bool),
	shape: Shape,
	scales_type: ElemType,
	(input, words, scales, output): (BufferArg, BufferArg, BufferArg, BufferArg),
) {
	assert_eq!(input.len(), rows * shape.inputs);
	assert_eq!(scales.len(), shape.outputs * shape.blocks());
	assert_eq!(words.len(), scales.len() * shape.words());
	assert_eq!(output.len(), rows * shape.outputs);
	if few {
		let count = grid(rows, shape.outputs, shape.together());
		let dim = CubeDim::new_1d(UNITS as u32);
		// SAFETY: the lengths are those asserted, and all indices are below them.
		unsafe {
			few_kernel::launch_unchecked(
				client,
				count,
				dim,
				input,
				words,
				scales,
				output,
				rows as u32,
				shape,
				scales_type,
			)
		};
	} else {
		let count = CubeCount::Static(shape.outputs.div_ceil(TILE) as u32, rows.div_ceil(TILE) as u32, 1);
		let dim = CubeDim::new_1d((SIDE * SIDE) as u32);
		// SAFETY: the lengths are those asserted, and all indices are below them.
		unsafe {
			many_kernel::launch_unchecked(
				client,
				count,
				dim,
				input,
				words,
				scales,
				output,
				rows as u32,
				shape,
				scales_type,
			)
		};
	}
}
