//! `tributary-bench`: measurements of the engine, the suffix index and retrieval.

mod bandwidth;
mod engine;
mod gpu;
mod perplexity;
mod retrieval;
mod spans;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use serde::Serialize;
use std::path::{Path, PathBuf};
use tributary_engine::{DeviceChoice, Precision};

#[derive(Parser)]
#[command(about, version)]
struct Arguments {
	#[command(subcommand)]
	measurement: Measurement,
}

#[derive(Subcommand)]
enum Measurement {
	/// Generated tokens per second for 1, 8 and 32 streams, base and with different adapters.
	Engine {
		/// Hugging Face folder of the base model.
		model: PathBuf,
		/// Device: auto, cpu, flex, wgpu, vulkan or cuda.
		#[arg(long, default_value = "auto")]
		device: DeviceChoice,
		/// Weights: full, int8 or int4.
		#[arg(long, default_value = "full")]
		precision: Precision,
		/// Runs of each row; the median is reported.
		#[arg(long, default_value_t = 5)]
		runs: usize,
		/// Bytes that adapters may take on the device.
		#[arg(long, default_value_t = 512 << 20)]
		adapter_bytes: u64,
		/// Also serve 1,000 adapters, some far more often than others.
		#[arg(long)]
		zipf: bool,
		/// Where to write the report as JSON as well.
		#[arg(long)]
		json: Option<PathBuf>,
	},
	/// Decoding on a GPU beside what its memory bandwidth allows, and with another adapter in every stream.
	Gpu {
		/// Where the model and the adapters are made (8b: 16 GB and 2 GB), and found again by a later run.
		folder: PathBuf,
		/// Shape of the model.
		#[arg(long, value_enum, default_value = "8b")]
		shape: gpu::Shape,
		/// Device: auto, cpu, flex, wgpu, vulkan or cuda.
		#[arg(long, default_value = "auto")]
		device: DeviceChoice,
		/// Weights: full, half, int8 or int4.
		#[arg(long, default_value = "half")]
		precision: Precision,
		/// Memory bandwidth of the device, GB/s, as its maker states it.
		#[arg(long)]
		bandwidth: Option<f64>,
		/// Adapters that take turns.
		#[arg(long, default_value_t = 2_000)]
		adapters: usize,
		/// Rank of the adapters.
		#[arg(long, default_value_t = 8)]
		rank: usize,
		/// Tokens of an answer.
		#[arg(long, default_value_t = 128)]
		tokens: usize,
		/// Runs of each row; the median is reported.
		#[arg(long, default_value_t = 5)]
		runs: usize,
		/// Bytes that adapters may take on the device.
		#[arg(long, default_value_t = 16 << 30)]
		adapter_bytes: u64,
		/// Where to write the report as JSON as well.
		#[arg(long)]
		json: Option<PathBuf>,
	},
	/// Perplexity of a text with weights in 32, 8 and 4 bits.
	Perplexity {
		/// Hugging Face folder of the base model.
		model: PathBuf,
		/// Folder of text files, or one file.
		text: PathBuf,
		/// Device: cpu, wgpu, vulkan or cuda.
		#[arg(long, default_value = "cpu")]
		device: DeviceChoice,
		/// Most tokens to read.
		#[arg(long, default_value_t = 65_536)]
		tokens: usize,
		/// Where to write the report as JSON as well.
		#[arg(long)]
		json: Option<PathBuf>,
	},
	/// How often the source of a question is found, and how long building and searching take.
	Retrieval {
		/// Hugging Face folder of the model that embeds.
		model: PathBuf,
		/// Folder of text files, from scripts/corpus.sh for example: each file is a document.
		corpus: PathBuf,
		/// Device: auto, cpu, flex, wgpu, vulkan or cuda.
		#[arg(long, default_value = "cpu")]
		device: DeviceChoice,
		/// Chunks that building and searching are timed with, at most.
		#[arg(long, default_value_t = 10_000)]
		chunks: usize,
		/// PostgreSQL server to time as well.
		#[arg(long)]
		postgres: Option<String>,
		/// Where to write the report as JSON as well.
		#[arg(long)]
		json: Option<PathBuf>,
	},
	/// Build rate and query time of the suffix index.
	Spans {
		/// Tokens to index.
		#[arg(long, default_value_t = 10_000_000)]
		tokens: usize,
		/// Index the text files of this folder instead of generated text.
		#[arg(long)]
		folder: Option<PathBuf>,
		/// Where to write the report as JSON as well.
		#[arg(long)]
		json: Option<PathBuf>,
	},
}

fn main() -> Result<()> {
	match Arguments::parse().measurement {
		Measurement::Engine { model, device, precision, runs, adapter_bytes, zipf, json } => {
			let settings = engine::Settings { model, device, precision, runs, adapter_bytes, zipf };
			report(&engine::measure(&settings)?, json.as_deref())
		}
		Measurement::Gpu {
			folder,
			shape,
			device,
			precision,
			bandwidth,
			adapters,
			rank,
			tokens,
			runs,
			adapter_bytes,
			json,
		} => {
			let settings = gpu::Settings {
				folder,
				shape,
				device,
				precision,
				bandwidth,
				adapters: adapters.max(1),
				rank,
				tokens,
				runs,
				adapter_bytes,
			};
			report(&gpu::measure(&settings)?, json.as_deref())
		}
		Measurement::Perplexity { model, text, device, tokens, json } => {
			report(&perplexity::measure(&model, device, &text, tokens)?, json.as_deref())
		}
		Measurement::Retrieval { model, corpus, device, chunks, postgres, json } => {
			let settings = retrieval::Settings { model, corpus, device, chunks, postgres };
			report(&retrieval::measure(&settings)?, json.as_deref())
		}
		Measurement::Spans { tokens, folder, json } => {
			report(&spans::measure(tokens, folder.as_deref())?, json.as_deref())
		}
	}
}

/// Prints a report, and writes it to a file if one is named.
fn report(report: &impl Serialize, file: Option<&Path>) -> Result<()> {
	let text = serde_json::to_string_pretty(report)?;
	println!("{text}");
	match file {
		Some(file) => std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display())),
		None => Ok(()),
	}
}
