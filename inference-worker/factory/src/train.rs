//! The training loop: the same for a base model (all tensors) and an adapter (low-rank updates only).

use std::{collections::BTreeSet, num::NonZero, path::PathBuf, thread, time::Instant};

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::{
	backward::{Pass, Trained},
	batch::{self, Batch, Row},
	checkpoint::{self, Best, State},
	curves::{Curve, CurvePoint},
	dropout::Dropout,
	error::FactoryError,
	model::Model,
	optimizer::{self, Optimizer},
	progress::{Progress, Silent},
	schedule::Schedule,
	text::Text,
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
	/// Tokens seen, repeated ones counted each time, padding not.
	pub tokens: u64,
	/// Different tokens in the training texts, chat samples included.
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

/// Parts of a batch that a processor computes side by side. They are as many on every machine, and are summed in their
/// order: how many cores there are changes no bit.
const PARTS: usize = 8;

/// Steps without effect, one after the other, that end a training.
const MOST_SKIPPED: usize = 3;

/// One training.
pub(crate) struct Run<'a> {
	pub trained: Trained,
	pub schedule: &'a Schedule,
	/// Dropout of the low-rank updates.
	pub dropout: f64,
	pub device: &'a Device,
	/// Configuration hash, hexadecimal.
	pub configuration: String,
	/// Where the checkpoint is kept.
	pub checkpoint: PathBuf,
	/// Where the curve is written.
	pub curve: PathBuf,
	pub text: Box<dyn Text>,
	pub held_out: Vec<Row>,
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
		let mut curve = Curve::open(self.curve.clone(), found.as_ref().map(|state| state.step))?;
		let mut state = match found {
			Some(state) => state,
			None => {
				let state = self.begin(model, progress)?;
				curve.append(&CurvePoint::Evaluation { step: 0, loss: state.loss_before, seconds: 0.0 })?;
				state
			}
		};
		let (begun, seconds_before, tokens_before) = (Instant::now(), state.seconds, state.tokens);
		// Names of the documents of the steps without effect since the last with one, and how many they are.
		let (mut suspects, mut skipped) = (BTreeSet::new(), 0);
		let mut measured = String::new();
		progress.begin("training", self.schedule.steps as u64);
		progress.step(state.step as u64, "");
		while state.step < self.schedule.steps && !self.is_exhausted(&state) {
			let learning_rate = self.schedule.learning_rate_at(state.step);
			let rows = self.rows(state.step);
			let (loss, gradients) = self.gradients(model, &rows, state.step);
			let norm = optimizer::norm(&gradients);
			state.step += 1;
			state.tokens += batch::tokens(&rows);
			state.seconds = seconds_before + begun.elapsed().as_secs_f64();
			if loss.is_finite() && norm.is_finite() {
				let tensors = self.trained.tensors(model).into_iter().map(|(_, tensor)| tensor).collect();
				optimizer.step(learning_rate, tensors, gradients, norm);
				(suspects, skipped) = (BTreeSet::new(), 0);
				state.losses.push(loss);
				curve.append(&CurvePoint::Step {
					step: state.step,
					loss: f64::from(loss),
					learning_rate,
					tokens: state.tokens,
					seconds: state.seconds,
				})?;
				let speed = (state.tokens - tokens_before) as f64 / begun.elapsed().as_secs_f64().max(1e-9);
				let message =
					format!("loss {loss:.3}{measured}, rate {learning_rate:.2e}, {speed:.0} tokens/s");
				progress.step(state.step as u64, &message);
			} else {
				let documents: BTreeSet<String> = rows
					.iter()
					.flat_map(|row| &row.documents)
					.map(|document| self.text.name(*document))
					.collect();
				curve.append(&CurvePoint::Skipped {
					step: state.step,
					documents: documents.iter().cloned().collect(),
				})?;
				progress.step(state.step as u64, &format!("skipped: no number from {documents:?}"));
				suspects.extend(documents);
				(state.skipped, skipped) = (state.skipped + 1, skipped + 1);
				if skipped == MOST_SKIPPED {
					let (step, documents) = (state.step, suspects.into_iter().collect());
					return Err(FactoryError::NotFinite { step, loss, learning_rate, documents });
				}
			}
			let every = self.schedule.evaluation_steps;
			if every > 0 && (state.step % every == 0 || state.step == self.schedule.steps) {
				measured = format!(", held-out {:.3}", self.measure(model, &mut state, &mut curve)?);
			}
			let stop = progress.wants_stop();
			// Weights that give no numbers are not kept: the checkpoint before them is.
			if skipped == 0 && (stop.is_some() || state.step % self.schedule.checkpoint_steps == 0) {
				checkpoint::save(&self.checkpoint, &state, &self.trained.tensors(model), &optimizer)?;
			}
			if let Some(reason) = stop {
				return Err(FactoryError::Stopped { step: state.step, reason });
			}
		}
		progress.end("trained");
		self.finish(model, state, progress)
	}

	/// Measures the untrained model.
	fn begin(&self, model: &mut Model, progress: &mut dyn Progress) -> Result<State, FactoryError> {
		let loss_before = self.evaluate(model, "measuring before", progress);
		if !loss_before.is_finite() {
			return Err(FactoryError::Evaluation { when: "before training" });
		}
		let weights = self.trained.tensors(model).into_iter().map(|(_, tensor)| tensor.clone()).collect();
		Ok(State {
			configuration: self.configuration.clone(),
			step: 0,
			loss_before,
			seconds: 0.0,
			tokens: 0,
			skipped: 0,
			losses: Vec::new(),
			best: (self.schedule.evaluation_steps > 0).then_some(Best {
				loss: loss_before,
				step: 0,
				since: 0,
				weights,
			}),
		})
	}

	/// Puts the best weights in place and reports.
	fn finish(
		&self,
		model: &mut Model,
		state: State,
		progress: &mut dyn Progress,
	) -> Result<Report, FactoryError> {
		let stopped_early = state.step < self.schedule.steps;
		let (best_step, loss_after) = match state.best {
			Some(best) => {
				for ((_, tensor), weight) in self.trained.tensors(model).into_iter().zip(best.weights) {
					*tensor = weight;
				}
				(best.step, best.loss)
			}
			None => (state.step, self.evaluate(model, "measuring after", progress)),
		};
		if !loss_after.is_finite() {
			return Err(FactoryError::Evaluation { when: "after training" });
		}
		let last = state.losses.len() - state.losses.len().div_ceil(100);
		let last = state.losses.get(last..).unwrap_or_default();
		Ok(Report {
			loss_before: state.loss_before,
			loss_after,
			perplexity_before: state.loss_before.exp(),
			perplexity_after: loss_after.exp(),
			training_loss: last.iter().map(|loss| f64::from(*loss)).sum::<f64>() / last.len().max(1) as f64,
			steps: state.step,
			best_step,
			stopped_early,
			skipped: state.skipped,
			weight_bytes: model.weight_bytes(),
			tokens: state.tokens,
			stream_tokens: self.text.tokens(),
			parameters: self
				.trained
				.tensors(model)
				.iter()
				.map(|(_, tensor)| tensor.dims().iter().product::<usize>() as u64)
				.sum(),
			seconds: state.seconds,
			configuration_hash: self.configuration.clone(),
		})
	}

	/// Whether training no longer helps.
	fn is_exhausted(&self, state: &State) -> bool {
		let patience = self.schedule.patience;
		patience > 0 && state.best.as_ref().is_some_and(|best| best.since >= patience)
	}

	/// The rows of a step.
	fn rows(&mut self, step: usize) -> Vec<Row> {
		let count = self.schedule.batch * self.schedule.accumulation;
		self.text.rows(step * count, count)
	}

	/// Mean loss of a step's rows and its gradients, computed a batch at a time.
	fn gradients(&self, model: &Model, rows: &[Row], step: usize) -> (f32, Vec<Tensor<2>>) {
		let divisor = batch::counted(rows).max(1);
		let parts = if *self.device == Device::flex() { PARTS } else { 1 };
		let mut passes = Vec::new();
		for (index, rows) in rows.chunks(self.schedule.batch).enumerate() {
			let batch = (step * self.schedule.accumulation + index) * parts;
			for (part, rows) in rows.chunks(self.schedule.batch.div_ceil(parts)).enumerate() {
				let dropout = (self.dropout > 0.0).then_some(Dropout {
					rate: self.dropout,
					seed: self.schedule.seed,
					batch: (batch + part) as u64,
				});
				let checkpointing = self.schedule.gradient_checkpointing;
				passes.push((Pass { trained: self.trained, checkpointing, dropout, divisor }, rows));
			}
		}
		let threads = if parts == 1 { 1 } else { thread::available_parallelism().map_or(1, NonZero::get) };
		let mut sum: Option<(f32, Vec<Tensor<2>>)> = None;
		for passes in passes.chunks(threads) {
			for (loss, gradients) in
				side_by_side(passes, |(pass, rows)| pass.gradients(model, &Batch::new(rows, self.device)))
			{
				sum = Some(match sum {
					Some((total, sums)) => (
						total + loss,
						sums.into_iter().zip(gradients).map(|(sum, part)| sum + part).collect(),
					),
					None => (loss, gradients),
				});
			}
		}
		sum.unwrap_or_default()
	}

	/// Measures on the way, and keeps the weights if they are the best so far.
	fn measure(&self, model: &mut Model, state: &mut State, curve: &mut Curve) -> Result<f64, FactoryError> {
		let loss = self.evaluate(model, "measuring", &mut Silent);
		if loss.is_finite() {
			curve.append(&CurvePoint::Evaluation { step: state.step, loss, seconds: state.seconds })?;
		}
		if let Some(best) = &mut state.best {
			best.since += 1;
			if loss < best.loss {
				let weights = self.trained.tensors(model).into_iter().map(|(_, tensor)| tensor.clone());
				*best = Best { loss, step: state.step, since: 0, weights: weights.collect() };
			}
		}
		Ok(loss)
	}

	/// Mean loss on the held-out rows; no number if the weights give none.
	fn evaluate(&self, model: &Model, what: &str, progress: &mut dyn Progress) -> f64 {
		progress.begin(what, self.held_out.len() as u64);
		let (mut sum, mut count, mut done) = (0.0, 0, 0);
		for rows in self.held_out.chunks(self.schedule.batch) {
			let batch = Batch::new(rows, self.device);
			let loss: f32 = model.loss(model.hidden(&batch), &batch).into_scalar();
			sum += f64::from(loss);
			count += batch.count;
			done += rows.len();
			progress.step(done as u64, "");
		}
		let loss = sum / count.max(1) as f64;
		progress.end(&format!("held-out loss {loss:.4}, perplexity {:.2}", loss.exp()));
		loss
	}
}

/// Does something with each item on a thread of its own; the results in the order of the items. Not on a pool's threads:
/// one that waits inside the tensor library could take up another item there, and wait for itself.
fn side_by_side<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
	let [item] = items else {
		return thread::scope(|scope| {
			let threads: Vec<_> = items.iter().map(|item| scope.spawn(|| work(item))).collect();
			threads
				.into_iter()
				.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
				.collect()
		});
	};
	vec![work(item)]
}
