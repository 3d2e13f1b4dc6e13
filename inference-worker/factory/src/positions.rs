//! Where tokens stand: rotary tables, and the mask that keeps attention inside a text.

use burn::tensor::{Device, Tensor, TensorData};

use crate::{batch::Batch, shape::ModelShape};

/// Rotary tables and mask of a batch.
pub(crate) struct Positions {
	/// Rows of the batch.
	pub rows: usize,
	/// Tokens of a row.
	pub length: usize,
	/// `[1 or rows, 1, length, head_dim]`.
	cos: Tensor<4>,
	sin: Tensor<4>,
	/// `[1, 1, head_dim, head_dim]`: turns `(x1, x2)` into `(-x2, x1)`.
	rotation: Tensor<4>,
	/// `[1 or rows, 1, groups · length, length]`: 0 for what may be seen, else minus infinity, whose exponential is quick.
	pub mask: Tensor<4>,
}

impl Positions {
	/// Positions count from the start of each text, and a token sees the tokens of its own text up to itself. Where each row
	/// is one text, all rows share one table.
	pub(crate) fn new(shape: &ModelShape, batch: &Batch, device: &Device) -> Self {
		let (width, length) = (shape.head_dim(), batch.length);
		let groups = shape.num_attention_heads / shape.num_key_value_heads;
		let one_text = vec![vec![0]];
		let starts = if batch.is_packed() { &batch.starts } else { &one_text };
		let frequencies: Vec<f64> = (0..width)
			.map(|index| shape.rope_theta.powf(-((index % (width / 2)) as f64 / (width / 2) as f64)))
			.collect();
		let (mut cos, mut sin) = (Vec::new(), Vec::new());
		let mut mask = Vec::with_capacity(starts.len() * groups * length * length);
		for starts in starts {
			let begin =
				|place: usize| starts.iter().copied().take_while(|start| *start <= place).last().unwrap_or(0);
			let begins: Vec<usize> = (0..length).map(begin).collect();
			for (place, begin) in begins.iter().enumerate() {
				let angles = frequencies.iter().map(|frequency| (place - begin) as f64 * frequency);
				cos.extend(angles.clone().map(|angle| angle.cos() as f32));
				sin.extend(angles.map(|angle| angle.sin() as f32));
			}
			for _ in 0..groups {
				for (place, begin) in begins.iter().enumerate() {
					let seen = *begin..=place;
					mask.extend(
						(0..length).map(|other| if seen.contains(&other) { 0.0 } else { f32::NEG_INFINITY }),
					);
				}
			}
		}
		let mut rotation = vec![0f32; width * width];
		for index in 0..width / 2 {
			rotation[(index + width / 2) * width + index] = -1.0;
			rotation[index * width + index + width / 2] = 1.0;
		}
		let tables = starts.len();
		let tensor = |values: Vec<f32>, sizes: [usize; 4]| {
			Tensor::<4>::from_data(TensorData::new(values, sizes), device)
		};
		Self {
			rows: batch.rows,
			length,
			cos: tensor(cos, [tables, 1, length, width]),
			sin: tensor(sin, [tables, 1, length, width]),
			rotation: tensor(rotation, [1, 1, width, width]),
			mask: tensor(mask, [tables, 1, groups * length, length]),
		}
	}

	/// Turns heads `[rows, heads, length, head_dim]` by their positions.
	pub(crate) fn rotate(&self, x: Tensor<4>) -> Tensor<4> {
		let turned = x.clone().matmul(self.rotation.clone());
		x * self.cos.clone() + turned * self.sin.clone()
	}
}
