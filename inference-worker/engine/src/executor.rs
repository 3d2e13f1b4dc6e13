//! What runs a model: one step over tokens of many sequences at once.
//!
//! There are two: [`crate::cpu`], kernels of our own for the CPU, and [`crate::tensor`], Burn's tensors on any device
//! of Burn's with kernels of our own for GPUs. Each is tested against the other and against `transformers`.

use crate::{
	error::EngineError,
	lora::{reader::HostAdapter, set::AdapterSet},
};

/// Tokens in a block of the KV cache.
pub(crate) const BLOCK_TOKENS: usize = 16;

/// What is wanted of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
	/// The logits after so many of its last tokens.
	Logits(usize),
	/// The hidden states of all its tokens, after the last norm.
	Hidden,
}

/// Consecutive tokens of one sequence in a step.
pub(crate) struct Chunk<'a, A> {
	/// Token ids; at least one.
	pub(crate) tokens: &'a [u32],
	/// Position of the first; keys and values of all positions before are stored.
	pub(crate) start: usize,
	/// Pages of its keys and values, in the order of the positions; enough for all tokens up to these.
	pub(crate) blocks: &'a [u32],
	/// Adapters of the sequence.
	pub(crate) adapters: &'a AdapterSet<A>,
	pub(crate) want: Want,
}

/// A model on a device, with the KV cache of all sequences.
pub(crate) trait Executor: Sized {
	/// An adapter on the device.
	type Adapter;

	/// Pages that an adapter takes.
	fn adapter_pages(&self, adapter: &HostAdapter) -> usize;

	/// Puts an adapter on the device, in so many pages. What they held is forgotten.
	fn upload(&mut self, adapter: &HostAdapter, pages: &[u32]) -> Self::Adapter;

	/// Computes the chunks, stores their keys and values, and gives the wanted logits, a row of the vocabulary
	/// each, in order, then the wanted hidden states, in order.
	///
	/// Chunks may share blocks that none of them writes.
	fn step(&mut self, chunks: &[Chunk<'_, Self::Adapter>]) -> Result<Vec<f32>, EngineError>;

	/// Forgets what it derived from adapters and chunks of earlier steps, after one of them failed; adapters too, where
	/// they lie in pages.
	fn recover(&mut self);

	/// Logits in a row.
	fn vocabulary(&self) -> usize;
}
