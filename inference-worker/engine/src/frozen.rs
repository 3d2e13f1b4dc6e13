//! The weights of a model folder for those who train beside them: in floats, or in 4 bits as they would be served.

use std::path::Path;

use half::f16;

use crate::{
	checkpoint::ModelWeights,
	config::ModelConfig,
	cpu::{Precision, BLOCK},
	error::{ModelError, WeightsError},
};

/// A weight `[outputs, inputs]` in 4 bits, rounded as the engine rounds it.
///
/// A row is cut into blocks of [`Int4::BLOCK`] numbers, the last filled up with zeros. A number stands for itself times the
/// scale of its block.
#[derive(Debug, Clone, PartialEq)]
pub struct Int4 {
	/// `[outputs, blocks, 16]`: number `i` of a block in the low half of byte `i`, number `16 + i` in its high half, both
	/// offset by 8.
	pub values: Vec<u8>,
	/// `[outputs, blocks]`.
	pub scales: Vec<f16>,
}

impl Int4 {
	/// Numbers that share a scale.
	pub const BLOCK: usize = BLOCK;
}

/// The weights of a decoder folder, read one at a time. A folder may hold its large weights in 8 or 4 bits already.
pub struct FrozenWeights<'a>(ModelWeights<'a>);

impl<'a> FrozenWeights<'a> {
	/// Opens the folder and refuses tensors that the model does not have.
	pub fn open(dir: &Path, config: &'a ModelConfig) -> Result<Self, ModelError> {
		Ok(Self(ModelWeights::open(dir, config)?))
	}

	/// A norm, a bias or the embedding, by its full name.
	pub fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
		self.0.values(name, shape)
	}

	/// A projection in floats, `[outputs, inputs]`, by the path of its module (`model.layers.0.self_attn.q_proj`).
	pub fn full(&self, path: &str, [outputs, inputs]: [usize; 2]) -> Result<Vec<f32>, WeightsError> {
		Ok(self.0.matrix(path, [outputs, inputs])?.into_full(inputs))
	}

	/// A projection in 4 bits.
	pub fn int4(&self, path: &str, [outputs, inputs]: [usize; 2]) -> Result<Int4, WeightsError> {
		let quantized = self.0.matrix(path, [outputs, inputs])?.into_quantized(inputs, Precision::Int4);
		let (values, _) = quantized.to_bytes();
		Ok(Int4 { values, scales: quantized.scales })
	}
}
