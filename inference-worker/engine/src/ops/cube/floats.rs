//! Products of few rows with weights in 32 or 16 bits, where reading the weights is all that takes time. (Many rows are
//! Burn's.) Sums are f32 over f32 rows.
//!
//! A cube has 4 outputs and up to 8 rows; its 64 units share the inputs, a line of 4 in turn. A number is the sum of 64
//! units' sums, each over its lines in order, in a tree: whatever other rows there are.

use cubecl::prelude::*;

/// Rows above which the weights are worth reading in tiles.
pub(super) const FEW: usize = 16;
/// Rows and units of a cube.
pub(super) const ROWS: usize = 8;
pub(super) const UNITS: usize = 64;
/// Outputs of a cube.
const OUTPUTS: usize = 4;
/// Numbers that are read together where rows are whole lines of them.
const LINE: usize = 4;

/// Sizes of a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shape {
	pub(super) outputs: usize,
	pub(super) inputs: usize,
}

/// `input` `[rows, inputs]` and `weights` `[outputs, inputs]` in lines, `output` `[rows, outputs]`.
#[cube(launch_unchecked)]
fn floats_kernel<S: Float, N: Size>(
	input: &[Vector<f32, N>],
	weights: &[Vector<S, N>],
	output: &mut [f32],
	rows: u32,
	#[comptime] shape: Shape,
	#[define(S)] _kept: ElemType,
) {
	let width = N::value();
	let lines = comptime!(shape.inputs) / width;
	let outputs = comptime!(shape.outputs);
	let first_output = (CUBE_POS_Z * CUBE_COUNT_X + CUBE_POS_X) as usize * OUTPUTS;
	let first_row = CUBE_POS_Y as usize * ROWS;
	let left = rows as usize - first_row;

	let mut sums = Array::<f32>::new(comptime!(ROWS * OUTPUTS));
	#[unroll]
	for at in 0..comptime!(ROWS * OUTPUTS) {
		sums[at] = f32::new(0.0);
	}
	let mut line = UNIT_POS as usize;
	while line < lines {
		let mut read = Array::<Vector<f32, N>>::new(OUTPUTS);
		#[unroll]
		for other in 0..OUTPUTS {
			// The last cube may have outputs to spare: it computes the last one again.
			read[other] = Vector::cast_from(weights[min(first_output + other, outputs - 1) * lines + line]);
		}
		#[unroll]
		for row in 0..ROWS {
			if row < left {
				let values = input[(first_row + row) * lines + line];
				#[unroll]
				for other in 0..OUTPUTS {
					let products = values * read[other];
					#[unroll]
					for lane in 0..width {
						sums[row * OUTPUTS + other] += products.extract(lane);
					}
				}
			}
		}
		line += UNITS;
	}
	drain(&sums, output, (first_row, left), (first_output, outputs), OUTPUTS);
}

/// Adds the sums that the units of a cube have of each row and output, `[8, together]`, in a tree, and writes them.
#[cube]
pub(super) fn drain(
	sums: &Array<f32>,
	output: &mut [f32],
	rows: (usize, usize),
	outputs: (usize, usize),
	#[comptime] together: usize,
) {
	let unit = UNIT_POS as usize;
	let numbers = comptime!(ROWS * together);
	let mut partial = Shared::new_slice(comptime!(ROWS * together * UNITS));
	#[unroll]
	for at in 0..numbers {
		partial[at * UNITS + unit] = sums[at];
	}
	sync_cube();
	let mut apart = comptime!(UNITS / 2).runtime();
	while apart > 0 {
		if unit < apart {
			for at in 0..numbers {
				let other = partial[at * UNITS + unit + apart];
				partial[at * UNITS + unit] += other;
			}
		}
		sync_cube();
		apart /= 2;
	}
	if unit < numbers {
		let row = unit / together;
		let column = outputs.0 + unit % together;
		if row < rows.1 && column < outputs.1 {
			output[(rows.0 + row) * outputs.1 + column] = partial[unit * UNITS];
		}
	}
}

/// The grid of a product of few rows, `together` outputs a cube.
pub(super) fn grid(rows: usize, outputs: usize, together: usize) -> CubeCount {
	// A dimension of the grid has at most 65,535 cubes.
	let cubes = outputs.div_ceil(together) as u32;
	CubeCount::Static(cubes.min(32_768), rows.div_ceil(ROWS) as u32, cubes.div_ceil(32_768))
}

/// `output = input · weightsᵀ` for `rows` rows.
///
/// # Panics
/// If a buffer does not have the length that `shape` and `rows` ask for.
pub(super) fn multiply(
	client: &Client,
	rows: usize,
	shape: Shape,
	kept: ElemType,
	(input, weights, output): (BufferArg, BufferArg, BufferArg),
) {
	assert_eq!(input.len(), rows * shape.inputs);
	assert_eq!(weights.len(), shape.outputs * shape.inputs);
	assert_eq!(output.len(), rows * shape.outputs);
	let line = if shape.inputs.is_multiple_of(LINE) { LINE } else { 1 };
	let (count, dim) = (grid(rows, shape.outputs, OUTPUTS), CubeDim::new_1d(UNITS as u32));
	// SAFETY: the lengths are those asserted, and all indices are below them.
	unsafe {
		floats_kernel::launch_unchecked(
			client,
			count,
			dim,
			line,
			input,
			weights,
			output,
			rows as u32,
			shape,
			kept,
		)
	};
}
