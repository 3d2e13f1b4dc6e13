//! How fast this machine reads its memory, and how many tokens a second that allows at most.

use rayon::prelude::*;
use std::{hint::black_box, time::Instant};
use tributary_engine::{config::ModelConfig, Precision, Projection};

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
	/// All projections and the output, once for all streams.
	pub weights: u64,
	/// An adapter's factors.
	pub adapter: u64,
	/// Keys and values of a token of one stream.
	pub token: u64,
}

impl StepBytes {
	/// Of a model without experts, with adapters of a rank on all linear layers.
	pub fn of(config: &ModelConfig, precision: Precision, rank: usize) -> Self {
		let widths = Projection::ALL.map(|projection| projection.widths(config));
		let of_layer: usize = widths.iter().map(|(inputs, outputs)| inputs * outputs).sum();
		let sides: usize = widths.iter().map(|(inputs, outputs)| inputs + outputs).sum();
		let weights = config.layers * of_layer + config.vocab_size * config.hidden_size;
		// Adapters, keys and values are kept in 16 bits beside all but full weights.
		let number = if precision == Precision::Full { 4 } else { 2 };
		Self {
			weights: precision.bytes(weights as u64),
			adapter: (config.layers * rank * sides * number) as u64,
			token: (2 * config.layers * config.kv_width() * number) as u64,
		}
	}

	/// Tokens per second of `streams` streams with `adapters` adapters and `tokens` tokens stored for each, if a step
	/// took no longer than reading what it needs at `bandwidth` bytes per second.
	pub fn ceiling(&self, bandwidth: f64, streams: usize, adapters: usize, tokens: usize) -> f64 {
		let of_streams = adapters as u64 * self.adapter + (streams * tokens) as u64 * self.token;
		streams as f64 * bandwidth / (self.weights + of_streams) as f64
	}
}
