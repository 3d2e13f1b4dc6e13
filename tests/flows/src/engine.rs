//! Measures the engine: generated tokens per second for several streams, on the base model alone and with a
//! different adapter in every stream.

use anyhow::{anyhow, ensure, Context, Result};
use safetensors::{tensor::TensorView, Dtype};
use serde::Serialize;
use std::{
	collections::HashMap,
	path::{Path, PathBuf},
	sync::{mpsc, Arc},
	time::Instant,
};
use tributary_engine::{
	config::ModelConfig, AdapterSource, AdapterUse, ContentHash, DeviceChoice, Engine, EngineConfig, Event,
	Precision, Request, Sampling,
};

/// Rank of the adapters.
const RANK: usize = 16;
/// Tokens of a prompt and of an answer.
const TOKENS: usize = 64;
/// Runs of each row; the median is reported.
const RUNS: usize = 5;

/// What was measured. Nothing is judged here.
#[derive(Debug, Serialize)]
pub struct EngineReport {
	/// The model's folder name.
	pub model: String,
	/// Device in use.
	pub device: String,
	/// Weights: full, int8 or int4.
	pub precision: String,
	/// Rank of the adapters, on all linear layers.
	pub rank: usize,
	/// Tokens of each prompt and of each answer.
	pub tokens: usize,
	/// Median of so many runs.
	pub runs: usize,
	/// Generated tokens per second, prompts included in the time.
	pub rows: Vec<Row>,
}

/// One kind of traffic.
#[derive(Debug, Serialize)]
pub struct Row {
	/// Answers at the same time.
	pub streams: usize,
	/// `"base"`, or `"distinct"`: another adapter in each.
	pub adapters: &'static str,
	/// Generated tokens of all streams per second.
	pub tokens_per_second: f64,
}

/// Adapters by number: the hash is the number, the folder is made beforehand.
struct Folders(PathBuf);

impl AdapterSource for Folders {
	fn folder(&self, hash: &ContentHash) -> Result<PathBuf, String> {
		Ok(self.0.join(hash[0].to_string()))
	}
}

/// Runs 1, 8 and 32 streams, base and distinct.
///
/// # Errors
/// When the model cannot be loaded or a request fails.
pub fn measure(model: &Path, device: DeviceChoice, precision: Precision) -> Result<EngineReport> {
	let adapters = tempfile::tempdir()?;
	let config = ModelConfig::open(model).map_err(|error| anyhow!("{error}"))?;
	for number in 0..32 {
		write_adapter(&adapters.path().join(number.to_string()), &config, number)?;
	}
	let settings = EngineConfig {
		model_dir: model.into(),
		device,
		precision,
		max_batch: 32,
		..EngineConfig::default()
	};
	let engine = Engine::start(settings, Arc::new(Folders(adapters.path().into())))?;
	let mut rows = Vec::new();
	for streams in [1, 8, 32] {
		for (adapters, distinct) in [("base", false), ("distinct", true)] {
			let mut rates = Vec::new();
			for run in 0..=RUNS {
				let rate = run_once(&engine, streams, distinct, run)?;
				// The first run loads adapters and warms caches.
				if run > 0 {
					rates.push(rate);
				}
			}
			rates.sort_by(f64::total_cmp);
			rows.push(Row { streams, adapters, tokens_per_second: rates[RUNS / 2] });
		}
	}
	let device = engine.device().to_string();
	engine.shutdown();
	let name = model.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
	Ok(EngineReport { model: name, device, precision: precision.to_string(), rank: RANK, tokens: TOKENS, runs: RUNS, rows })
}

/// Prompts differ in every run, so that none is found in the cache.
fn run_once(engine: &Engine, streams: usize, distinct: bool, run: usize) -> Result<f64> {
	let (sender, receiver) = mpsc::channel();
	let started = Instant::now();
	for stream in 0..streams {
		let sender = sender.clone();
		let request = Request {
			prompt: (0..TOKENS).map(|at| (at * 37 + stream * 101 + run * 13 + streams * 7) as u32 % 256 + 64).collect(),
			adapters: if distinct {
				vec![AdapterUse { hash: [stream as u8; 32], scale: 1.0 }]
			} else {
				Vec::new()
			},
			max_tokens: TOKENS,
			sampling: Sampling { temperature: 0.0, ..Sampling::default() },
			stop: Vec::new(),
			eos: false,
			payer: [0; 32],
		};
		let sink = Box::new(move |event| {
			match event {
				Event::Token { .. } => {}
				Event::Done { tokens, .. } => drop(sender.send(Ok(tokens.len()))),
				Event::Failed(error) => drop(sender.send(Err(error))),
			}
			true
		});
		engine.submit(request, sink).map_err(|error| anyhow!("{error}"))?;
	}
	drop(sender);
	let mut generated = 0;
	for _ in 0..streams {
		generated += receiver.recv().context("the engine dropped a request")??;
	}
	ensure!(generated == streams * TOKENS, "{generated} tokens instead of {}", streams * TOKENS);
	Ok(generated as f64 / started.elapsed().as_secs_f64())
}

/// A PEFT folder with small random weights on every linear layer.
fn write_adapter(folder: &Path, config: &ModelConfig, seed: u64) -> Result<()> {
	std::fs::create_dir_all(folder)?;
	let (hidden, ffn) = (config.hidden_size, config.intermediate_size);
	let (queries, keys) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
	let modules = [
		("self_attn.q_proj", hidden, queries),
		("self_attn.k_proj", hidden, keys),
		("self_attn.v_proj", hidden, keys),
		("self_attn.o_proj", queries, hidden),
		("mlp.gate_proj", hidden, ffn),
		("mlp.up_proj", hidden, ffn),
		("mlp.down_proj", ffn, hidden),
	];
	let mut state = seed * 2 + 1;
	let mut tensors: HashMap<String, (Vec<usize>, Vec<u8>)> = HashMap::new();
	for layer in 0..config.layers {
		for (module, input, output) in modules {
			let shapes = [("lora_A", vec![RANK, input]), ("lora_B", vec![output, RANK])];
			for (factor, shape) in shapes {
				let bytes = (0..shape.iter().product())
					.flat_map(|_| {
						state = state
							.wrapping_mul(6_364_136_223_846_793_005)
							.wrapping_add(1_442_695_040_888_963_407);
						let unit = (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5;
						(unit * 0.02).to_le_bytes()
					})
					.collect();
				tensors.insert(
					format!("base_model.model.model.layers.{layer}.{module}.{factor}.weight"),
					(shape, bytes),
				);
			}
		}
	}
	let views: HashMap<_, _> = tensors
		.iter()
		.map(|(name, (shape, bytes))| Ok((name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
		.collect::<Result<_>>()?;
	safetensors::serialize_to_file(&views, None, &folder.join("adapter_model.safetensors"))?;
	let names: Vec<_> = modules.iter().filter_map(|(module, ..)| module.split('.').nth(1)).collect();
	let settings = serde_json::json!({
		"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": 2 * RANK, "lora_dropout": 0.0,
		"bias": "none", "target_modules": names,
	});
	Ok(std::fs::write(folder.join("adapter_config.json"), settings.to_string())?)
}
