//! `quantize`: a model folder with weights in fewer bits, and what that costs in perplexity.

use anyhow::{anyhow, bail, Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::path::{Path, PathBuf};
use tributary_engine::{config::ModelConfig, perplexity, quantize, DeviceChoice, Precision, Tokenizer};

/// Longest window, tokens.
const WINDOW: usize = 512;

/// What to quantize, and where to.
#[derive(Args)]
pub struct QuantizeArgs {
	/// Hugging Face folder of the model.
	#[arg(long)]
	model: PathBuf,
	/// New folder.
	#[arg(long)]
	output: PathBuf,
	/// int8 (8.5 bits a weight) or int4 (4.5 bits).
	#[arg(long)]
	precision: Precision,
	/// Text that the model was not trained on: its perplexity is measured with the weights before and after.
	#[arg(long)]
	text: Option<PathBuf>,
	/// Most tokens of the text.
	#[arg(long, default_value_t = 8_192)]
	tokens: usize,
	/// Print the result as JSON.
	#[arg(long)]
	json: bool,
}

#[derive(Serialize)]
struct Report {
	output: PathBuf,
	precision: String,
	bytes_before: u64,
	bytes_after: u64,
	#[serde(skip_serializing_if = "Option::is_none")]
	perplexity: Option<Perplexity>,
}

#[derive(Serialize)]
struct Perplexity {
	tokens: usize,
	before: f64,
	after: f64,
}

/// Quantizes, measures and prints.
pub fn run(args: &QuantizeArgs) -> Result<()> {
	// Read first: nothing is written for a text that cannot be used.
	let tokens = args.text.as_deref().map(|text| tokens_of(&args.model, text, args.tokens)).transpose()?;
	let bar =
		ProgressBar::new(0).with_style(ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} tensors")?);
	bar.set_message("quantizing");
	let done = quantize(&args.model, &args.output, args.precision, |done, all| {
		bar.set_length(all as u64);
		bar.set_position(done as u64);
	});
	bar.finish_and_clear();
	let done = done.map_err(|error| anyhow!("{error}"))?;
	let perplexity = tokens.map(|tokens| {
		let of = |folder: &Path| {
			eprintln!("measuring {} on {} tokens", folder.display(), tokens.len());
			perplexity(folder, DeviceChoice::Cpu, Precision::Full, &tokens, WINDOW)
				.map_err(|error| anyhow!("{error}"))
		};
		Ok::<_, anyhow::Error>(Perplexity {
			tokens: tokens.len(),
			before: of(&args.model)?,
			after: of(&args.output)?,
		})
	});
	let report = Report {
		output: args.output.clone(),
		precision: args.precision.to_string(),
		bytes_before: done.bytes_before,
		bytes_after: done.bytes_after,
		perplexity: perplexity.transpose()?,
	};
	match args.json {
		true => println!("{}", serde_json::to_string_pretty(&report)?),
		false => print(&report),
	}
	Ok(())
}

fn print(report: &Report) {
	let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
	println!(
		"{}: {} weights, {:.1} MiB (before {:.1} MiB)",
		report.output.display(),
		report.precision,
		mib(report.bytes_after),
		mib(report.bytes_before)
	);
	match &report.perplexity {
		Some(measured) => println!(
			"perplexity of {} tokens: {:.3} (before {:.3}, {:+.2} %)",
			measured.tokens,
			measured.after,
			measured.before,
			(measured.after / measured.before - 1.0) * 100.0
		),
		None => println!("what it costs was not measured: name a held-out text with --text"),
	}
}

fn tokens_of(model: &Path, text: &Path, most: usize) -> Result<Vec<u32>> {
	let config = ModelConfig::open(model).map_err(|error| anyhow!("{error}"))?;
	let tokenizer = Tokenizer::open(model, &config.eos_ids).map_err(|error| anyhow!("{error}"))?;
	let read = std::fs::read_to_string(text).with_context(|| format!("cannot read {}", text.display()))?;
	let mut tokens = tokenizer.encode(&read, true).map_err(|error| anyhow!("{error}"))?;
	tokens.truncate(most);
	if tokens.len() < 2 {
		bail!("{} has fewer than two tokens: name a longer text", text.display());
	}
	Ok(tokens)
}
