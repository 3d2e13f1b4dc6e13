//! Measures what fewer bits cost: perplexity of a text with weights in 32, 8 and 4 bits.

use anyhow::{anyhow, ensure, Context, Result};
use serde::Serialize;
use std::path::{Path, PathBuf};
use tributary_engine::{config::ModelConfig, perplexity, DeviceChoice, Precision, Tokenizer};

/// Longest window, tokens.
const WINDOW: usize = 512;

/// What was measured. Nothing is judged here.
#[derive(Debug, Serialize)]
pub struct PerplexityReport {
	/// The model's folder name.
	pub model: String,
	/// Tokens read, in windows of at most 512 that know nothing of each other.
	pub tokens: usize,
	/// One per precision.
	pub rows: Vec<Row>,
}

/// One precision.
#[derive(Debug, Serialize)]
pub struct Row {
	/// full, int8 or int4.
	pub precision: String,
	/// exp of the mean negative log-likelihood of a token.
	pub perplexity: f64,
}

/// Reads the text and measures every precision.
///
/// # Errors
/// When model or text cannot be read.
pub fn measure(model: &Path, device: DeviceChoice, text: &Path, most: usize) -> Result<PerplexityReport> {
	let config = ModelConfig::open(model).map_err(|error| anyhow!("{error}"))?;
	let tokenizer = Tokenizer::open(model, &config.eos_ids).map_err(|error| anyhow!("{error}"))?;
	let mut files = vec![text.to_owned()];
	if text.is_dir() {
		files = std::fs::read_dir(text)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
		files.sort();
	}
	let mut tokens = Vec::new();
	for file in files.iter().filter(|file| file.is_file()) {
		let text =
			std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
		tokens.extend(tokenizer.encode(&text, true).map_err(|error| anyhow!("{error}"))?);
		if tokens.len() >= most {
			break;
		}
	}
	tokens.truncate(most);
	ensure!(tokens.len() > 1, "{} has too little text", text.display());
	let rows = [Precision::Full, Precision::Int8, Precision::Int4]
		.into_iter()
		.map(|precision| {
			let perplexity =
				perplexity(model, device, precision, &tokens, WINDOW).map_err(|error| anyhow!("{error}"))?;
			Ok(Row { precision: precision.to_string(), perplexity })
		})
		.collect::<Result<_>>()?;
	let name = model.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
	Ok(PerplexityReport { model: name, tokens: tokens.len(), rows })
}
