//! Weights that stay as they are while an adapter is trained: in floats, or in 4 bits that are turned into floats where
//! they are used.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use tributary_engine::Int4;

/// Outputs that are turned into floats at a time in a large product: an output projection is as wide as the vocabulary.
const CHUNK: usize = 8192;

/// A weight of a projection.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a model has few, and none is moved often")]
pub(crate) enum Weight {
	/// `[in, out]`.
	Full(Tensor<2>),
	/// In 4 bits with a scale per 32 inputs.
	Int4(Packed),
}

/// 4-bit numbers on the device.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
	inputs: usize,
	/// `[out, blocks · 4]`: 8 numbers in 32 bits.
	words: Tensor<2, Int>,
	/// `[out, blocks]`.
	scales: Tensor<2>,
}

impl Packed {
	pub(crate) fn new(weight: &Int4, inputs: usize, device: &Device) -> Self {
		let blocks = inputs.div_ceil(Int4::BLOCK);
		let outputs = weight.scales.len() / blocks.max(1);
		let words: Vec<i32> =
			weight.values.chunks_exact(4).map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
		let scales: Vec<f32> = weight.scales.iter().map(|scale| scale.to_f32()).collect();
		Self {
			inputs,
			words: Tensor::from_data(TensorData::new(words, [outputs, blocks * 4]), (device, DType::I32)),
			scales: Tensor::from_data(TensorData::new(scales, [outputs, blocks]), device),
		}
	}

	fn outputs(&self) -> usize {
		self.scales.dims()[0]
	}

	/// Some rows in floats, `[rows, in]`.
	fn rows(&self, first: usize, rows: usize) -> Tensor<2> {
		let blocks = self.scales.dims()[1];
		let words = self.words.clone().narrow(0, first, rows).reshape([rows, blocks, 1, 4, 1]);
		// In word w, byte b holds number 4w + b of the block in its low half and number 16 + 4w + b in its high half.
		let shifts = TensorData::new(vec![0i32, 8, 16, 24, 4, 12, 20, 28], [1, 1, 2, 1, 4]);
		let shifts = Tensor::<5, Int>::from_data(shifts, (&words.device(), DType::I32));
		let numbers =
			words.expand([rows, blocks, 2, 4, 4]).bitwise_right_shift(shifts.expand([rows, blocks, 2, 4, 4]));
		let numbers =
			numbers.bitwise_and_scalar(15).float().sub_scalar(8.0).reshape([rows, blocks, Int4::BLOCK]);
		let scales = self.scales.clone().narrow(0, first, rows).reshape([rows, blocks, 1]);
		(numbers * scales).reshape([rows, blocks * Int4::BLOCK]).narrow(1, 0, self.inputs)
	}

	/// First row and number of rows of each chunk.
	fn chunks(&self) -> impl Iterator<Item = (usize, usize)> {
		let outputs = self.outputs();
		(0..outputs).step_by(CHUNK).map(move |first| (first, CHUNK.min(outputs - first)))
	}
}

impl Weight {
	/// `[in, out]`.
	pub(crate) fn sizes(&self) -> [usize; 2] {
		match self {
			Self::Full(weight) => weight.dims(),
			Self::Int4(packed) => [packed.inputs, packed.outputs()],
		}
	}

	/// `x · W`, `[tokens, out]`.
	pub(crate) fn times(&self, x: Tensor<2>) -> Tensor<2> {
		match self {
			Self::Full(weight) => x.matmul(weight.clone()),
			Self::Int4(packed) => {
				let mut parts = packed
					.chunks()
					.map(|(first, rows)| x.clone().matmul(packed.rows(first, rows).transpose()))
					.collect::<Vec<Tensor<2>>>();
				match (parts.pop(), parts.is_empty()) {
					// Putting one part together with nothing would copy it.
					(Some(only), true) => only,
					(last, _) => Tensor::cat(parts.into_iter().chain(last).collect(), 1),
				}
			}
		}
	}

	/// `y · Wᵀ`, `[tokens, in]`.
	pub(crate) fn times_transposed(&self, y: Tensor<2>) -> Tensor<2> {
		match self {
			Self::Full(weight) => y.matmul(weight.clone().transpose()),
			Self::Int4(packed) => packed
				.chunks()
				.map(|(first, rows)| y.clone().narrow(1, first, rows).matmul(packed.rows(first, rows)))
				.reduce(|sum, part| sum + part)
				.unwrap_or_else(|| Tensor::zeros([y.dims()[0], packed.inputs], &y.device())),
		}
	}

	/// Size in memory.
	pub(crate) fn bytes(&self) -> u64 {
		let words = match self {
			Self::Full(weight) => weight.dims().iter().product::<usize>(),
			Self::Int4(packed) => {
				packed.words.dims().iter().product::<usize>() + packed.scales.dims().iter().product::<usize>()
			}
		};
		words as u64 * 4
	}
}
