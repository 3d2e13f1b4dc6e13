//! How fast this machine reads its memory, and how many tokens a second that allows at most.

use rayon::prelude::*;
use std::{hint::black_box, time::Instant};
use tributary_engine::{config::ModelConfig, loading::Checkpoint, Precision, Projection};

/// Numbers that are read: more than any cache holds.
const NUMBERS: usize = 64 << 20;
/// Attempts, of which the fastest counts.
const ATTEMPTS: usize = 5;

/// Bytes per second that all threads together read.
pub fn bandwidth() -> f64 {
	let numbers: Vec<u64> = (0..NUMBERS as u64).collect();
	let part = NUMBERS.div_ceil(rayon::current_num_threads());
	let rates = (0..ATTEMPTS).map(|_| {
		let began = Instant::now();
		let sum = |part: &[u64]| part.iter().fold(0u64, |sum, number| sum.wrapping_add(*number));
		black_box(numbers.par_chunks(part).map(sum).reduce(|| 0, u64::wrapping_add));
		size_of_val(numbers.as_slice()) as f64 / began.elapsed().as_secs_f64()
	});
	rates.fold(0.0, f64::max)
}

/// Bytes that a decoding step reads.
pub struct StepBytes {
	/// Weights, once for all streams.
	pub weights: f64,
	/// An adapter's factors.
	pub adapter: f64,
	/// Keys and values of a token of one stream.
	pub token: f64,
}

impl StepBytes {
	/// Of a model on the CPU, with adapters of a rank on all linear layers.
	pub fn of(config: &ModelConfig, checkpoint: &Checkpoint, precision: Precision, rank: usize) -> Self {
		let embedding = (config.vocab_size * config.hidden_size) as u64;
		// Of the embedding a step looks up a few rows; tied, it is read as the output projection.
		let read = checkpoint.parameters() - if config.tie_embeddings { 0 } else { embedding };
		let (bits, number) = match precision {
			Precision::Full => (32.0, 4.0),
			Precision::Half => (16.0, 2.0),
			Precision::Int8 => (8.5, 2.0),
			Precision::Int4 => (4.5, 2.0),
		};
		let widths = Projection::ALL.map(|projection| projection.widths(config));
		let sides: usize = widths.into_iter().map(|(inputs, outputs)| inputs + outputs).sum();
		Self {
			weights: read as f64 * bits / 8.0,
			adapter: (config.layers * rank * sides) as f64 * number,
			token: (2 * config.layers * config.kv_width()) as f64 * number,
		}
	}

	/// Tokens per second of `streams` streams with `adapters` adapters and `tokens` tokens stored for each, if a step
	/// took no longer than reading what it needs at `bandwidth` bytes per second.
	pub fn ceiling(&self, bandwidth: f64, streams: usize, adapters: usize, tokens: usize) -> f64 {
		let stored = (streams * tokens) as f64 * self.token;
		streams as f64 * bandwidth / (self.weights + adapters as f64 * self.adapter + stored)
	}
}
