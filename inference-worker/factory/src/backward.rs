//! Gradients, layer by layer.
//!
//! Each layer has a tape of its own. With gradient checkpointing only its input is kept on the way forward, and the tape
//! is made anew on the way back, so that one layer's activations are in memory, and of a base in 4 bits one layer's
//! floats.

use burn::tensor::Tensor;

use crate::{
	batch::Batch,
	dropout::Dropout,
	layer::{rms_norm, Layer},
	model::{embed, Embedding, Model},
	positions::Positions,
};

/// Which tensors of a model are trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trained {
	/// All of them.
	Everything,
	/// The low-rank updates; everything else is frozen.
	LowRank,
}

impl Trained {
	/// The trained tensors with their names, in the order of the gradients.
	pub(crate) fn tensors(self, model: &mut Model) -> Vec<(String, &mut Tensor<2>)> {
		match self {
			Self::Everything => model.base_tensors(),
			Self::LowRank => model.low_rank_tensors(),
		}
	}

	fn of_layer(self, layer: &mut Layer) -> Vec<(String, &mut Tensor<2>)> {
		match self {
			Self::Everything => layer.base_tensors(),
			Self::LowRank => layer.low_rank_tensors(),
		}
	}
}

/// How a batch is passed through the model.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
	pub trained: Trained,
	/// Compute layers again on the way back.
	pub checkpointing: bool,
	pub dropout: Option<Dropout>,
	/// Targets that the loss is the mean of: those of all batches of a step.
	pub divisor: usize,
}

/// A layer as it was computed.
struct Tape {
	layer: Layer,
	input: Tensor<2>,
	output: Tensor<2>,
}

impl Pass {
	/// This batch's part of the loss, and of the gradients of the trained tensors in their order.
	pub(crate) fn gradients(&self, model: &Model, batch: &Batch) -> (f32, Vec<Tensor<2>>) {
		let everything = self.trained == Trained::Everything;
		let positions = Positions::new(&model.shape, batch, &model.device());
		let mut x = model.embed(&batch.inputs);
		let (mut inputs, mut tapes) = (Vec::new(), Vec::new());
		for (index, layer) in model.layers.iter().enumerate() {
			if self.checkpointing {
				inputs.push(x.clone());
				x = layer.forward(&model.shape, x, &positions, self.dropout.as_ref());
			} else {
				let tape = self.record(model, index, x, &positions);
				x = tape.output.clone().inner();
				tapes.push(tape);
			}
		}

		let norm = if everything { model.norm.clone().autodiff().require_grad() } else { model.norm.clone() };
		let last = x.autodiff().require_grad();
		let hidden = rms_norm(last.clone(), &norm, model.shape.rms_norm_eps);
		let head = model.head_loss(hidden.clone().inner(), batch, self.divisor, everything);
		let mut of_norm = product(hidden, head.hidden_gradient).backward();
		let mut gradient = last.grad_remove(&mut of_norm).unwrap_or_else(|| zeros_like(&last));

		let mut of_layers = Vec::new();
		for index in (0..model.layers.len()).rev() {
			let tape = match inputs.pop() {
				Some(input) => Some(self.record(model, index, input, &positions)),
				None => tapes.pop(),
			};
			let Some(Tape { mut layer, input, output }) = tape else { break };
			let mut of_layer = product(output, gradient).backward();
			let tensors = self.trained.of_layer(&mut layer);
			let gradients: Vec<Tensor<2>> = tensors
				.into_iter()
				.map(|(_, tensor)| tensor.grad_remove(&mut of_layer).unwrap_or_else(|| zeros_like(tensor)))
				.collect();
			of_layers.push(gradients);
			gradient = input.grad_remove(&mut of_layer).unwrap_or_else(|| zeros_like(&input));
		}

		let mut gradients = Vec::new();
		let mut of_output = head.weight_gradient;
		if let (true, Embedding::Full(embedding)) = (everything, &model.embedding) {
			let live = embedding.clone().autodiff().require_grad();
			let mut tape = product(embed(live.clone(), &batch.inputs), gradient).backward();
			let through_layers = live.grad_remove(&mut tape).unwrap_or_else(|| zeros_like(&live));
			gradients.push(match (&model.head, of_output.take()) {
				(None, Some(direct)) => through_layers + direct,
				(_, direct) => {
					of_output = direct;
					through_layers
				}
			});
		}
		gradients.extend(of_layers.into_iter().rev().flatten());
		if everything {
			gradients.push(norm.grad_remove(&mut of_norm).unwrap_or_else(|| zeros_like(&norm)));
			gradients.extend(of_output);
		}
		(head.value.into_scalar(), gradients)
	}

	/// Computes a layer with a tape. The first layer's input has a gradient only where the embedding is trained.
	fn record(&self, model: &Model, index: usize, x: Tensor<2>, positions: &Positions) -> Tape {
		let Some(mut layer) = model.layers.get(index).cloned() else { unreachable!("a layer of the model") };
		for (_, tensor) in self.trained.of_layer(&mut layer) {
			*tensor = tensor.clone().autodiff().require_grad();
		}
		let needed = index > 0 || self.trained == Trained::Everything;
		let input = if needed { x.autodiff().require_grad() } else { x };
		let output = layer.forward(&model.shape, input.clone(), positions, self.dropout.as_ref());
		Tape { layer, input, output }
	}
}

/// A number whose gradient at `output` is `gradient`: the scalar product with a constant has that constant as its gradient.
fn product(output: Tensor<2>, gradient: Tensor<2>) -> Tensor<1> {
	(output * gradient).sum()
}

fn zeros_like(tensor: &Tensor<2>) -> Tensor<2> {
	Tensor::zeros(tensor.dims(), &tensor.device().inner())
}
