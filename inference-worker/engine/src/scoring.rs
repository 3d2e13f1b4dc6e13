//! How likely a model, with its adapters, finds given tokens: what evaluations measure, and training compares with.

use std::{
	path::{Path, PathBuf},
	sync::Arc,
};

use burn::tensor::Device;

use crate::{
	config::ModelConfig,
	cpu::{CpuModel, Precision},
	device::{self, DeviceChoice},
	error::EngineError,
	executor::{Chunk, Executor, Want},
	lora::{
		reader::{self, HostAdapter},
		set::AdapterSet,
	},
	ops::{cube::Cube, page_elements, plain::Plain},
	pages::blocks_for,
	tensor::TensorModel,
};

/// Tokens of a step.
const STEP: usize = 128;
/// Largest adapter read, bytes.
const MAX_ADAPTER_BYTES: u64 = 8 << 30;

/// A model in memory that scores tokens one sequence after the other. Tensors of a GPU belong to the thread that opened
/// it.
pub struct Scorer {
	model: Box<dyn Score>,
	context: usize,
	vocabulary: usize,
}

impl Scorer {
	/// Loads a Hugging Face folder and PEFT folders with their scales (1 applies one as trained). `context` bounds the
	/// longest sequence, tokens; the model's own context does too.
	pub fn open(
		model: &Path,
		choice: DeviceChoice,
		precision: Precision,
		context: usize,
		adapters: &[(PathBuf, f32)],
	) -> Result<Self, EngineError> {
		let config = ModelConfig::open(model)?;
		let context = context.clamp(2, config.context.max(2));
		let mut members = Vec::with_capacity(adapters.len());
		for (folder, scale) in adapters {
			let read = reader::read(folder, &config, MAX_ADAPTER_BYTES);
			let named = |error| EngineError::Adapter { hash: folder.display().to_string(), error };
			members.push((read.map_err(named)?, *scale));
		}
		// What an adapter takes depends on the device: twice its numbers is more than any of them needs.
		let page = page_elements(&config).max(1) as u64;
		let spare: u64 = members.iter().map(|(adapter, _)| (adapter.bytes / 2).div_ceil(page) + 1).sum();
		let pages = blocks_for(context) + spare as usize;
		let (choice, device) = device::open(choice)?;
		let precision = choice.precision(&config, precision)?;
		let scored: Box<dyn Score> = match device {
			None => Loaded::boxed(
				CpuModel::load(model, &config, context, pages, precision)?,
				context,
				pages,
				members,
			)?,
			Some(device) if device == Device::flex() => {
				let ops = Plain::new(&config, context, pages, &device);
				Loaded::boxed(TensorModel::load(model, &config, ops, &device)?, context, pages, members)?
			}
			Some(device) => {
				let ops = Cube::new(&config, context, pages, precision, &device)?.batch_invariant(true);
				Loaded::boxed(TensorModel::load(model, &config, ops, &device)?, context, pages, members)?
			}
		};
		Ok(Self { model: scored, context, vocabulary: config.vocab_size })
	}

	/// Longest sequence, tokens.
	pub fn context(&self) -> usize {
		self.context
	}

	/// Natural logarithms of the probabilities of all tokens but the first, each after those before it.
	///
	/// Errors: fewer than two tokens, more than the context, one that is not in the vocabulary, a model that gives no
	/// numbers.
	pub fn log_likelihoods(&mut self, tokens: &[u32]) -> Result<Vec<f64>, EngineError> {
		if !(2..=self.context).contains(&tokens.len()) {
			return Err(EngineError::Config(format!(
				"{} tokens cannot be scored; give 2 to {}",
				tokens.len(),
				self.context
			)));
		}
		if let Some(id) = tokens.iter().find(|id| **id as usize >= self.vocabulary) {
			return Err(EngineError::Tokenizer(format!("token {id} is not in the vocabulary")));
		}
		finite(self.model.score(tokens)?)
	}
}

fn finite(scored: Vec<f64>) -> Result<Vec<f64>, EngineError> {
	match scored.iter().all(|likelihood| likelihood.is_finite()) {
		true => Ok(scored),
		false => Err(EngineError::Inference("the logits are not finite".into())),
	}
}

trait Score {
	fn score(&mut self, tokens: &[u32]) -> Result<Vec<f64>, EngineError>;
}

struct Loaded<E: Executor> {
	executor: E,
	adapters: AdapterSet<E::Adapter>,
	blocks: Vec<u32>,
}

impl<E: Executor + 'static> Loaded<E> {
	fn boxed(
		mut executor: E,
		context: usize,
		pages: usize,
		members: Vec<(HostAdapter, f32)>,
	) -> Result<Box<dyn Score>, EngineError> {
		let blocks: Vec<u32> = (0..blocks_for(context) as u32).collect();
		let mut next = blocks.len();
		let mut uploaded = Vec::with_capacity(members.len());
		for (index, (adapter, scale)) in members.into_iter().enumerate() {
			let end = next + executor.adapter_pages(&adapter);
			if end > pages {
				return Err(EngineError::Inference(
					"an adapter needs more pages than were planned for it".into(),
				));
			}
			let taken: Vec<u32> = (next as u32..end as u32).collect();
			next = end;
			let mut hash = [0; 32];
			hash[..8].copy_from_slice(&(index as u64).to_le_bytes());
			uploaded.push((hash, scale, Arc::new(executor.upload(&adapter, &taken))));
		}
		Ok(Box::new(Self { executor, adapters: AdapterSet::new(uploaded), blocks }))
	}
}

impl<E: Executor> Score for Loaded<E> {
	fn score(&mut self, tokens: &[u32]) -> Result<Vec<f64>, EngineError> {
		let mut scored = Vec::with_capacity(tokens.len());
		for (index, part) in tokens.chunks(STEP).enumerate() {
			let start = index * STEP;
			let want = Want::Logits(part.len());
			let chunk = Chunk { tokens: part, start, blocks: &self.blocks, adapters: &self.adapters, want };
			let logits = self.executor.step(&[chunk])?;
			let next = tokens.get(start + 1..).unwrap_or_default();
			let rows = logits.chunks_exact(self.executor.vocabulary());
			scored.extend(rows.zip(next).map(|(logits, next)| log_likelihood(logits, *next as usize)));
		}
		Ok(scored)
	}
}

fn log_likelihood(logits: &[f32], token: usize) -> f64 {
	let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
	let sum: f64 = logits.iter().map(|logit| f64::from(logit - most).exp()).sum();
	logits.get(token).map_or(f64::NEG_INFINITY, |logit| f64::from(logit - most) - sum.ln())
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn scores_are_refused_when_logits_are_no_numbers() {
		let scored = |logits: &[f32]| finite(vec![log_likelihood(logits, 0)]);
		assert!(scored(&[1.0, 2.0]).is_ok());
		for logits in [[f32::NAN, 1.0], [1.0, f32::NAN], [f32::INFINITY, 1.0], [f32::NEG_INFINITY, 1.0]] {
			assert!(matches!(scored(&logits), Err(EngineError::Inference(_))), "{logits:?}");
		}
	}
}
