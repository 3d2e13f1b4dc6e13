//! The small steps between the products, a launch each instead of one per tensor operation.

use cubecl::prelude::*;

/// Units of a cube.
const UNITS: usize = 256;

/// RMSNorm of a row a cube: `input` `[rows, width]`, `weight` `[width]`. The mean square is the sum of 256 units' sums,
/// each over every 256th number in order, in a tree.
#[cube(launch_unchecked)]
fn norm_kernel(input: &[f32], weight: &[f32], output: &mut [f32], epsilon: f32, #[comptime] width: usize) {
	let unit = UNIT_POS as usize;
	let row = CUBE_POS_X as usize * width;
	let mut sum = f32::new(0.0);
	let mut at = unit;
	while at < width {
		let value = input[row + at];
		sum += value * value;
		at += UNITS;
	}
	let mut partial = Shared::new_slice(UNITS);
	partial[unit] = sum;
	sync_cube();
	let mut apart = comptime!(UNITS / 2).runtime();
	while apart > 0 {
		if unit < apart {
			let other = partial[unit + apart];
			partial[unit] += other;
		}
		sync_cube();
		apart /= 2;
	}
	let scale = f32::new(1.0) / (partial[0] / comptime!(width as f32) + epsilon).sqrt();
	let mut at = unit;
	while at < width {
		output[row + at] = input[row + at] * scale * weight[at];
		at += UNITS;
	}
}

/// `silu(gate) · up`, a number a unit: `input` `[rows, gate and up side by side]`, `output` `[rows, width]`.
#[cube(launch_unchecked)]
fn gated_kernel(input: &[f32], output: &mut [f32], #[comptime] width: usize) {
	let at = ABSOLUTE_POS;
	if at < output.len() {
		let gate = input[at / width * (2 * width) + at % width];
		let up = input[at / width * (2 * width) + width + at % width];
		output[at] = gate / (f32::new(1.0) + (-gate).exp()) * up;
	}
}

/// Launches the norm of rows of `width` numbers.
///
/// # Panics
/// If the buffers do not have the same whole number of rows.
pub(super) fn norm(
	client: &Client,
	width: usize,
	epsilon: f32,
	(input, weight, output): (BufferArg, BufferArg, BufferArg),
) {
	assert_eq!(weight.len(), width);
	assert_eq!(input.len(), output.len());
	assert!(input.len().is_multiple_of(width));
	let count = CubeCount::Static((input.len() / width) as u32, 1, 1);
	// SAFETY: the lengths are those asserted, and all indices are below them.
	unsafe {
		norm_kernel::launch_unchecked(
			client,
			count,
			CubeDim::new_1d(UNITS as u32),
			input,
			weight,
			output,
			epsilon,
			width,
		)
	};
}

/// Launches the gate over rows of `width` outputs.
///
/// # Panics
/// If `input` is not twice as long as `output`, in whole rows.
pub(super) fn gated(client: &Client, width: usize, (input, output): (BufferArg, BufferArg)) {
	assert_eq!(input.len(), 2 * output.len());
	assert!(output.len().is_multiple_of(width));
	let cubes = output.len().div_ceil(UNITS) as u32;
	// A dimension of the grid has at most 65,535 cubes.
	let count = CubeCount::Static(cubes.min(32_768), cubes.div_ceil(32_768), 1);
	// SAFETY: the lengths are those asserted, and all indices are below them.
	unsafe {
		gated_kernel::launch_unchecked(client, count, CubeDim::new_1d(UNITS as u32), input, output, width)
	};
}
