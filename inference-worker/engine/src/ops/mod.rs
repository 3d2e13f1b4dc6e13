//! What a decoder needs beside Burn's tensors: paged keys and values, attention over them, low-rank updates with other
//! adapters in every row, and products with packed weights. One trait, [`Ops`], with two implementations:
//!
//! - [`plain`]: Burn's tensor operations, on any device. Slow, and what the other is compared with.
//! - [`cube`]: kernels of our own in CubeCL, for GPUs.
//!
//! # Pages
//!
//! Each layer has one pool of pages of [`page_elements`] numbers. A page holds keys and values of 16 tokens, keys first:
//!
//! ```text
//! page:  [ 16 tokens ][ kv_width ] keys, [ 16 tokens ][ kv_width ] values
//! ```
//!
//! or a part of an adapter, whose factors of a layer are one vector over its pages (see [`cube::adapter`]). Page `p` is
//! the same page in the pools of all layers, so whoever hands out pages counts one kind of thing: keys, values and
//! adapters live under one budget, and a page that one of them leaves serves any other. Reading through a table costs
//! one lookup a page; what it buys is that nothing is ever copied to make room.

pub(crate) mod cube;
pub(crate) mod plain;
#[cfg(test)]
pub(crate) mod tests;

use burn::tensor::Tensor;

use crate::{
	config::ModelConfig,
	error::ModelError,
	executor::{Chunk, BLOCK_TOKENS},
	lora::reader::HostAdapter,
	projection::Site,
	quantized::Matrix,
};

/// Bits of a packed weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Bits {
	/// -127 to 127.
	Eight,
	/// -7 to 7.
	Four,
}

/// Numbers of a page.
pub(crate) fn page_elements(config: &ModelConfig) -> usize {
	2 * BLOCK_TOKENS * config.kv_width()
}

/// Pages that an adapter's vectors fill.
fn pages_of(adapter: &HostAdapter, page_elements: usize) -> usize {
	cube::adapter::elements(adapter).div_ceil(page_elements)
}

/// Operations on the device of a model; owns the pools of its layers.
///
/// Activations are f32, `[rows, width]`, one row a token of the step in the order of its chunks.
pub(crate) trait Ops: Sized {
	/// An adapter on the device.
	type Adapter;
	/// A weight matrix on the device.
	type Weight;
	/// What the layers of one step share.
	type Step;

	/// A table whose rows are looked up, `[rows, width]`, in the form in which weights are kept.
	fn table(&self, values: Vec<f32>, rows: usize, width: usize) -> Tensor<2>;

	/// A weight `[outputs, inputs]`, as a checkpoint holds it.
	fn weight(&self, matrix: Matrix, outputs: usize, inputs: usize) -> Result<Self::Weight, ModelError>;

	/// `input · weightᵀ`, `[rows, outputs]`.
	fn multiply(&self, weight: &Self::Weight, input: Tensor<2>) -> Tensor<2>;

	/// RMSNorm (Zhang and Sennrich 2019) of every row; `weight` is `[1, width]`.
	fn norm(&self, input: Tensor<2>, weight: &Tensor<2>, epsilon: f64) -> Tensor<2>;

	/// `silu(gate) · up` of rows with both side by side.
	fn gated(&self, gate_up: Tensor<2>) -> Tensor<2>;

	/// Pages that an adapter takes.
	fn adapter_pages(&self, adapter: &HostAdapter) -> usize;

	/// Puts an adapter into pages, which stay its own until it is dropped.
	fn upload(&mut self, adapter: &HostAdapter, pages: &[u32]) -> Self::Adapter;

	/// Prepares a step over these chunks.
	fn begin(&mut self, chunks: &[Chunk<'_, Self::Adapter>]) -> Self::Step;

	/// Splits `qkv`, `[rows, q_width + 2 · kv_width]`: rotates queries and keys by their positions and stores keys and
	/// values. Returns the rotated queries divided by the square root of the head's width, `[rows, q_width]`.
	fn store(&mut self, step: &Self::Step, layer: usize, qkv: Tensor<2>) -> Tensor<2>;

	/// Attention of each row over the keys up to its own position, or the last `window` of them. `queries` are what
	/// [`Ops::store`] returned; the result is `[rows, q_width]`.
	fn attend(&self, step: &Self::Step, layer: usize, queries: Tensor<2>, window: Option<usize>)
		-> Tensor<2>;

	/// Adds the adapters' updates to `output`, `[rows, all outputs of the site]`, computed from `input`,
	/// `[rows, inputs]`.
	fn add_updates(
		&self,
		step: &Self::Step,
		layer: usize,
		site: Site,
		input: &Tensor<2>,
		output: Tensor<2>,
	) -> Tensor<2>;

	/// Forgets what it derived from earlier steps, after one of them failed.
	fn recover(&mut self);
}
