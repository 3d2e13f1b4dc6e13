//! How well a model predicts a text, with weights of any precision.

use std::path::Path;

use crate::{config::ModelConfig, cpu::Precision, device::DeviceChoice, error::EngineError, scoring::Scorer};

/// Perplexity of `tokens` on a device: exp of the mean negative log-likelihood of each token but the first of its
/// window, which has `window` tokens or what the model's context allows. NaN if no window has two.
pub fn perplexity(
	model: &Path,
	choice: DeviceChoice,
	precision: Precision,
	tokens: &[u32],
	window: usize,
) -> Result<f64, EngineError> {
	let vocabulary = ModelConfig::open(model)?.vocab_size;
	if let Some(id) = tokens.iter().find(|id| **id as usize >= vocabulary) {
		return Err(EngineError::Tokenizer(format!("token {id} is not in the vocabulary")));
	}
	let mut scorer = Scorer::open(model, choice, precision, window, &[])?;
	let (mut total, mut count) = (0.0, 0u64);
	for window in tokens.chunks(scorer.context()).filter(|window| window.len() > 1) {
		let scored = scorer.log_likelihoods(window)?;
		total -= scored.iter().sum::<f64>();
		count += scored.len() as u64;
	}
	Ok((total / count as f64).exp())
}
