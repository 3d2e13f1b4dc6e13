//! The training loop: the same for a base model (all tensors) and an adapter (low-rank updates only).

use std::{
	path::{Path, PathBuf},
	time::Instant,
};

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::{
	checkpoint::{self, State},
	data::{Batch, Packed},
	error::FactoryError,
	model::Model,
	optimizer::Optimizer,
	progress::Progress,
	schedule::Schedule,
};

/// What a training did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
	/// Mean cross-entropy on held-out text before training, nats per token.
	pub loss_before: f64,
	/// The same after training.
	pub loss_after: f64,
	/// `exp(loss_before)`.
	pub perplexity_before: f64,
	/// `exp(loss_after)`.
	pub perplexity_after: f64,
	/// Mean loss of the last hundredth of the steps (at least one), on the training text.
	pub training_loss: f64,
	/// Optimizer steps done.
	pub steps: usize,
	/// The step whose weights were kept: the last one, or the best one measured with `evaluation_steps`.
	#[serde(default)]
	pub best_step: usize,
	/// Training ended before its last step, as the held-out loss no longer fell.
	#[serde(default)]
	pub stopped_early: bool,
	/// Steps without effect, as their loss or gradient was no number.
	#[serde(default)]
	pub skipped: usize,
	/// Bytes in which the base model's weights were held while training.
	#[serde(default)]
	pub weight_bytes: u64,
	/// Tokens seen, repeated ones counted each time.
	pub tokens: u64,
	/// Different tokens in the training stream, chat samples included.
	pub stream_tokens: u64,
	/// Trained values.
	pub parameters: u64,
	/// Seconds trained, over all resumed parts. Not written to `training.json`: the same configuration gives the
	/// same bytes.
	#[serde(skip)]
	pub seconds: f64,
	/// BLAKE3 of the canonical JSON of settings, texts and base model; hexadecimal.
	pub configuration_hash: String,
}

impl Report {
	/// The configuration hash as it is registered on chain.
	pub fn configuration(&self) -> Option<[u8; 32]> {
		blake3::Hash::from_hex(&self.configuration_hash).ok().map(|hash| *hash.as_bytes())
	}
}

/// Which tensors of a model are trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trained {
	/// All of them.
	Everything,
	/// The low-rank updates; everything else is frozen.
	LowRank,
}

impl Trained {
	pub(crate) fn tensors(self, model: &mut Model) -> Vec<(String, &mut Tensor<2>)> {
		if self == Self::Everything {
			return model.base_tensors();
		}
		let mut tensors = Vec::new();
		for (module, projection) in model.projections() {
			if let Some(update) = &mut projection.low_rank {
				tensors.push((format!("{module}.a"), &mut update.a));
				tensors.push((format!("{module}.b"), &mut update.b));
			}
		}
		tensors
	}
}

/// One training.
pub(crate) struct Run<'a> {
	pub trained: Trained,
	pub schedule: &'a Schedule,
	pub device: &'a Device,
	/// Configuration hash, hexadecimal.
	pub configuration: String,
	/// Where the checkpoint is kept.
	pub checkpoint: PathBuf,
	pub text: Packed,
	pub held_out: Packed,
}

impl Run<'_> {
	/// Trains to the last step, from the checkpoint if there is one.
	pub(crate) fn train(
		&mut self,
		model: &mut Model,
		progress: &mut dyn Progress,
	) -> Result<Report, FactoryError> {
		let shapes: Vec<[usize; 2]> =
			self.trained.tensors(model).iter().map(|(_, tensor)| tensor.dims()).collect();
		let mut optimizer = Optimizer::new(self.schedule, &shapes, self.device);
		let found = checkpoint::load(
			&self.checkpoint,
			&self.configuration,
			self.trained.tensors(model),
			&mut optimizer,
			self.device,
		)?;
		let mut state = match found {
			Some(state) => state,
			None => State {
				configuration: self.configuration.clone(),
				step: 0,
				loss_before: self.evaluate(model, "measuring before", progress)?,
				seconds: 0.0,
			},
		};
		let (begun, seconds_before) = (Instant::now(), state.seconds);
		let first = state.step;
		let mut last_losses = Vec::new();
		progress.begin("training", self.schedule.steps as u64);
		while state.step < self.schedule.steps {
			let learning_rate = self.schedule.learning_rate_at(state.step);
			let batch = self.text.batch(state.step, self.schedule.batch, self.device);
			let (loss, gradients) = gradients(model, self.trained, batch);
			if !loss.is_finite() {
				return Err(FactoryError::NotFinite { step: state.step, loss, learning_rate });
			}
			let tensors = self.trained.tensors(model).into_iter().map(|(_, tensor)| tensor).collect();
			optimizer.step(learning_rate, tensors, gradients);
			state.step += 1;
			if state.step * 100 > self.schedule.steps * 99 || state.step == self.schedule.steps {
				last_losses.push(f64::from(loss));
			}
			let elapsed = begun.elapsed().as_secs_f64();
			state.seconds = seconds_before + elapsed;
			let speed = ((state.step - first) * self.schedule.batch * self.schedule.sequence) as f64
				/ elapsed.max(1e-9);
			let message = format!("loss {loss:.3}, rate {learning_rate:.2e}, {speed:.0} tokens/s");
			progress.step(state.step as u64, &message);
			let stop = progress.wants_stop();
			if stop.is_some() || state.step % self.schedule.checkpoint_steps == 0 {
				checkpoint::save(&self.checkpoint, &state, &self.trained.tensors(model), &optimizer)?;
			}
			if let Some(reason) = stop {
				return Err(FactoryError::Stopped { step: state.step, reason });
			}
		}
		progress.end("trained");
		let loss_after = self.evaluate(model, "measuring after", progress)?;
		let tokens = (self.schedule.steps * self.schedule.batch * self.schedule.sequence) as u64;
		Ok(Report {
			loss_before: state.loss_before,
			loss_after,
			perplexity_before: state.loss_before.exp(),
			perplexity_after: loss_after.exp(),
			training_loss: last_losses.iter().sum::<f64>() / last_losses.len().max(1) as f64,
			steps: self.schedule.steps,
			best_step: self.schedule.steps,
			stopped_early: false,
			skipped: 0,
			weight_bytes: 0,
			tokens,
			stream_tokens: self.text.tokens().len() as u64,
			parameters: shapes.iter().map(|[rows, columns]| (rows * columns) as u64).sum(),
			seconds: state.seconds,
			configuration_hash: self.configuration.clone(),
		})
	}

	/// Mean loss on the held-out sequences.
	fn evaluate(&self, model: &Model, what: &str, progress: &mut dyn Progress) -> Result<f64, FactoryError> {
		let limit = self.schedule.evaluation_sequences;
		progress.begin(what, limit as u64);
		let (mut sum, mut rows) = (0.0, 0);
		for batch in self.held_out.in_order(limit, self.schedule.batch, self.device) {
			let count = batch.inputs.dims()[0];
			let loss: f32 = model.loss(model.hidden(batch.inputs), batch.targets).into_scalar();
			sum += f64::from(loss) * count as f64;
			rows += count;
			progress.step(rows as u64, "");
		}
		let loss = sum / rows.max(1) as f64;
		if !loss.is_finite() {
			return Err(FactoryError::NotFinite { step: 0, loss: loss as f32, learning_rate: 0.0 });
		}
		progress.end(&format!("held-out loss {loss:.4}, perplexity {:.2}", loss.exp()));
		Ok(loss)
	}
}

/// Loss of a batch and the gradients of the trained tensors, in their order.
pub(crate) fn gradients(model: &Model, trained: Trained, batch: Batch) -> (f32, Vec<Tensor<2>>) {
	let mut live = model.clone();
	for (_, tensor) in trained.tensors(&mut live) {
		*tensor = tensor.clone().autodiff().require_grad();
	}
	let hidden = live.hidden(batch.inputs);
	let loss = model.head_loss(hidden.clone().inner(), batch.targets, trained == Trained::Everything);
	// The scalar product with a constant has that constant as its gradient.
	let mut tape = (hidden * loss.hidden_gradient).sum().backward();
	let output = if live.head.is_some() { "lm_head.weight" } else { "model.embed_tokens.weight" };
	let mut of_head = loss.weight_gradient;
	let gradients = trained
		.tensors(&mut live)
		.into_iter()
		.map(|(name, tensor)| {
			let through_layers = tensor.grad_remove(&mut tape);
			let direct = if name == output { of_head.take() } else { None };
			match (through_layers, direct) {
				(Some(one), Some(other)) => one + other,
				(Some(one), None) | (None, Some(one)) => one,
				(None, None) => Tensor::zeros(tensor.dims(), &tensor.device().inner()),
			}
		})
		.collect();
	(loss.value.into_scalar(), gradients)
}

/// Removes the checkpoint of a finished training.
pub(crate) fn remove_checkpoint(path: &Path) -> Result<(), FactoryError> {
	match std::fs::remove_file(path) {
		Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FactoryError::write(path)(error)),
		_ => Ok(()),
	}
}
