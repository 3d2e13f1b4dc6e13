//! How well a model predicts a text, with weights of any precision.

use std::path::Path;

use burn::tensor::Device;

use crate::{
	config::ModelConfig,
	cpu::{CpuModel, Precision},
	device::{self, DeviceChoice},
	error::EngineError,
	executor::{Chunk, Executor, Want},
	lora::set::AdapterSet,
	ops::{cube::Cube, plain::Plain},
	pages::blocks_for,
	tensor::TensorModel,
};

/// Tokens of a step.
const STEP: usize = 128;

/// Perplexity of `tokens` on a device: exp of the mean negative log-likelihood of each token but the first of its
/// window, which has `window` tokens or what the model's context allows. NaN if no window has two.
pub fn perplexity(
	model: &Path,
	choice: DeviceChoice,
	precision: Precision,
	tokens: &[u32],
	window: usize,
) -> Result<f64, EngineError> {
	let config = ModelConfig::open(model)?;
	let window = window.clamp(2, config.context);
	if let Some(id) = tokens.iter().find(|id| **id as usize >= config.vocab_size) {
		return Err(EngineError::Tokenizer(format!("token {id} is not in the vocabulary")));
	}
	let (pages, (choice, device)) = (blocks_for(window), device::open(choice)?);
	let precision = choice.precision(&config, precision)?;
	match device {
		None => measure(CpuModel::load(model, &config, window, pages, precision)?, tokens, window),
		Some(device) if device == Device::flex() => {
			let ops = Plain::new(&config, window, pages, &device);
			measure(TensorModel::load(model, &config, ops, &device)?, tokens, window)
		}
		Some(device) => {
			let ops = Cube::new(&config, window, pages, precision, &device)?;
			measure(TensorModel::load(model, &config, ops, &device)?, tokens, window)
		}
	}
}

fn measure<E: Executor>(mut executor: E, tokens: &[u32], window: usize) -> Result<f64, EngineError> {
	let blocks: Vec<u32> = (0..blocks_for(window) as u32).collect();
	let base = AdapterSet::new(Vec::new());
	let (mut total, mut count) = (0.0, 0u64);
	for window in tokens.chunks(window) {
		for (index, tokens) in window.chunks(STEP).enumerate() {
			let start = index * STEP;
			let want = Want::Logits(tokens.len());
			let chunk = Chunk { tokens, start, blocks: &blocks, adapters: &base, want };
			let logits = executor.step(&[chunk])?;
			let next = window.get(start + 1..).unwrap_or_default();
			for (logits, next) in logits.chunks_exact(executor.vocabulary()).zip(next) {
				total -= log_likelihood(logits, *next as usize);
				count += 1;
			}
		}
	}
	Ok((total / count as f64).exp())
}

fn log_likelihood(logits: &[f32], token: usize) -> f64 {
	let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
	let sum: f64 = logits.iter().map(|logit| f64::from(logit - most).exp()).sum();
	logits.get(token).map_or(f64::NEG_INFINITY, |logit| f64::from(logit - most) - sum.ln())
}
