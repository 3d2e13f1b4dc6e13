//! A layer's experts: each computes the rows that the router sends it, gathered, on packed weights.
//!
//! Experts without rows cost nothing. Threads share the experts, and the outputs of each. The outputs of a row's
//! experts are added up in the order of the experts.

use rayon::prelude::*;

use super::{
	elementwise,
	quantize::Activations,
	simd::Level,
	weights::{Precision, Weights},
};
use crate::{
	checkpoint::ModelWeights,
	config::{self, ModelConfig},
	error::ModelError,
	quantized::Matrix,
	routing::{route, Routed},
};

struct Expert {
	/// Gate and up side by side.
	gate_up: Weights,
	down: Weights,
}

/// The experts of one layer, with their router.
pub(crate) struct Experts {
	shape: config::Experts,
	/// In full precision: a small error would send a token elsewhere.
	router: Weights,
	experts: Vec<Expert>,
}

/// What a thread needs for the rows of an expert.
#[derive(Default)]
struct Memory {
	gathered: Vec<f32>,
	gate_up: Vec<f32>,
	gated: Vec<f32>,
	activations: Activations,
}

impl Experts {
	/// Reads and packs the experts of a layer.
	pub(crate) fn load(
		weights: &ModelWeights<'_>,
		config: &ModelConfig,
		layer: usize,
		shape: &config::Experts,
		precision: Precision,
	) -> Result<Self, ModelError> {
		let hidden = config.hidden_size;
		let experts = (0..shape.count)
			.map(|expert| {
				let (gate_up, down) = weights.expert(layer, shape, expert)?;
				Ok(Expert {
					gate_up: Weights::pack(gate_up, 2 * shape.width, hidden, precision),
					down: Weights::pack(down, hidden, shape.width, precision),
				})
			})
			.collect::<Result<_, ModelError>>()?;
		let router = weights.router(layer, shape)?;
		let router = Weights::pack(Matrix::Full(router), shape.count, hidden, Precision::Full);
		Ok(Self { shape: shape.clone(), router, experts })
	}

	/// Size in memory.
	pub(crate) fn bytes(&self) -> u64 {
		let experts = self.experts.iter().map(|expert| expert.gate_up.bytes() + expert.down.bytes());
		self.router.bytes() + experts.sum::<u64>()
	}

	/// Adds to each row of `hidden` what its experts make of the same row of `input`; both are `[rows, hidden]`.
	/// `logits` and `outputs` are any memory.
	pub(crate) fn add_to(
		&self,
		level: Level,
		input: &[f32],
		hidden: &mut [f32],
		logits: &mut Vec<f32>,
		outputs: &mut Vec<f32>,
	) {
		let (width, experts) = (self.experts[0].down.outputs(), self.shape.count);
		let rows = input.len() / width;
		logits.resize(rows * experts, 0.0);
		self.router.multiply_rows(level, rows, input, &mut Activations::default(), logits);
		let routed = route(logits, &self.shape);

		outputs.resize(rows * self.shape.used * width, 0.0);
		let mut rest = outputs.as_mut_slice();
		let mut tasks: Vec<(&Routed, &mut [f32])> = Vec::with_capacity(routed.len());
		for routed in &routed {
			let (own, others) = rest.split_at_mut(routed.rows.len() * width);
			tasks.push((routed, own));
			rest = others;
		}
		tasks.par_iter_mut().for_each_init(Memory::default, |memory, (routed, output)| {
			memory.gathered.clear();
			for row in &routed.rows {
				memory.gathered.extend_from_slice(&input[row * width..(row + 1) * width]);
			}
			self.expert(level, routed, memory, output);
		});
		for (routed, output) in tasks {
			for ((row, weight), output) in
				routed.rows.iter().zip(&routed.weights).zip(output.chunks_exact(width))
			{
				elementwise::add_scaled(level, &mut hidden[row * width..(row + 1) * width], output, *weight);
			}
		}
	}

	/// The MLP of one expert for its gathered rows.
	fn expert(&self, level: Level, routed: &Routed, memory: &mut Memory, output: &mut [f32]) {
		let Memory { gathered, gate_up, gated, activations } = memory;
		let (expert, width, rows) = (&self.experts[routed.expert], self.shape.width, routed.rows.len());
		gate_up.resize(rows * 2 * width, 0.0);
		expert.gate_up.multiply_rows(level, rows, gathered, activations, gate_up);
		gated.resize(rows * width, 0.0);
		for (both, gated) in gate_up.chunks_exact(2 * width).zip(gated.chunks_exact_mut(width)) {
			let (gate, up) = both.split_at(width);
			elementwise::gated(level, gate, up, gated);
		}
		expert.down.multiply_rows(level, rows, gated, activations, output);
	}
}
