//! Measures the engine: generated tokens per second for several streams, on the base model alone and with a
//! different adapter in every stream; with far more adapters than fit; and the time to the first token of a prompt
//! whose beginning was computed before.

use anyhow::{anyhow, ensure, Context, Result};
use safetensors::{tensor::TensorView, Dtype};
use serde::Serialize;
use std::{
	collections::HashMap,
	path::{Path, PathBuf},
	sync::{mpsc, Arc},
	time::{Duration, Instant},
};
use tributary_engine::{
	config::ModelConfig, AdapterSource, AdapterUse, ContentHash, DeviceChoice, Engine, EngineConfig, Event,
	Precision, Request, Sampling,
};

use crate::bandwidth::{bandwidth, StepBytes};

/// Rank of the adapters.
const RANK: usize = 16;
/// Tokens of a prompt and of an answer.
const TOKENS: usize = 64;
/// Most streams; also the adapters that are made.
const STREAMS: usize = 32;
/// Adapters that are registered in the Zipf traffic. They have their own hashes and share the content of those made.
const REGISTERED: usize = 1_000;
/// Requests of the Zipf traffic.
const REQUESTS: usize = 384;
/// Tokens of the prompt whose beginning is shared.
const SHARED: usize = 1_000;

/// What is measured.
#[derive(Debug, Clone)]
pub struct Settings {
	/// Hugging Face folder of the base model.
	pub model: PathBuf,
	/// Device asked for.
	pub device: DeviceChoice,
	/// Weights.
	pub precision: Precision,
	/// Runs of each row; the median is reported.
	pub runs: usize,
	/// Bytes planned for adapters beside the KV cache.
	pub adapter_bytes: u64,
	/// Whether to measure the traffic with many adapters too.
	pub zipf: bool,
}

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
	/// Bytes per second that the machine reads from memory, measured before.
	pub bandwidth: f64,
	/// Generated tokens per second, prompts included in the time.
	pub rows: Vec<Row>,
	/// 32 streams over 1,000 adapters, some asked for far more often than others.
	pub zipf: Option<Zipf>,
	/// A prompt that was computed before.
	pub prefix: Option<Prefix>,
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
	/// Tokens per second if decoding took no longer than reading weights, adapters and stored tokens, and prompts took
	/// no time.
	pub ceiling: f64,
	/// 95th percentile of the time to the first token, milliseconds.
	pub first_token_p95_ms: f64,
}

/// Traffic whose working set does not fit.
#[derive(Debug, Serialize)]
pub struct Zipf {
	/// Adapters that requests choose from, the n-th with probability proportional to 1/n.
	pub registered: usize,
	/// Requests.
	pub requests: usize,
	/// Bytes planned for adapters beside the KV cache.
	pub adapter_bytes: u64,
	/// Adapters on the device at the end.
	pub resident: u64,
	/// Adapters loaded during the run.
	pub loads: u64,
	/// Generated tokens of all streams per second.
	pub tokens_per_second: f64,
	/// 95th percentile of the time to the first token, milliseconds.
	pub first_token_p95_ms: f64,
}

/// Time to the first token of a long prompt.
#[derive(Debug, Serialize)]
pub struct Prefix {
	/// Tokens of the prompt.
	pub tokens: usize,
	/// Milliseconds the first time.
	pub cold_ms: f64,
	/// Milliseconds when another request with the same beginning came before.
	pub warm_ms: f64,
}

/// Adapters by number: the hash is the number, the folders are made beforehand and used again for greater numbers.
pub(crate) struct Folders(pub(crate) PathBuf);

impl AdapterSource for Folders {
	fn folder(&self, hash: &ContentHash) -> Result<PathBuf, String> {
		Ok(self.0.join((number_of(hash) % STREAMS).to_string()))
	}
}

pub(crate) fn hash_of(number: usize) -> ContentHash {
	let mut hash = [0; 32];
	hash[..8].copy_from_slice(&(number as u64).to_le_bytes());
	hash
}

fn number_of(hash: &ContentHash) -> usize {
	let mut number = [0; 8];
	number.copy_from_slice(&hash[..8]);
	u64::from_le_bytes(number) as usize
}

/// Runs 1, 8 and 32 streams, base and distinct, and what else was asked for.
///
/// # Errors
/// When the model cannot be loaded or a request fails.
pub fn measure(settings: &Settings) -> Result<EngineReport> {
	let adapters = tempfile::tempdir()?;
	let config = ModelConfig::open(&settings.model).map_err(|error| anyhow!("{error}"))?;
	for number in 0..STREAMS {
		write_adapter(&adapters.path().join(number.to_string()), &config, number as u64, RANK)?;
	}
	let engine_config = EngineConfig {
		model_dir: settings.model.clone(),
		device: settings.device,
		precision: settings.precision,
		max_batch: STREAMS,
		queue: REQUESTS,
		// Random weights repeat themselves more than text does: guessing would flatter.
		speculate: 0,
		adapter_bytes: settings.adapter_bytes,
		..EngineConfig::default()
	};
	let (bandwidth, bytes) = (bandwidth(), StepBytes::of(&config, settings.precision, RANK));
	let engine = Engine::start(engine_config, Arc::new(Folders(adapters.path().into())))?;
	let mut rows = Vec::new();
	for streams in [1, 8, STREAMS] {
		for (adapters, distinct) in [("base", false), ("distinct", true)] {
			let (mut rates, mut firsts) = (Vec::new(), Vec::new());
			for run in 0..=settings.runs {
				let adapters = (0..streams).map(|stream| distinct.then_some(stream)).collect::<Vec<_>>();
				let traffic = serve(&engine, &adapters, streams, streams * 7 + run * 13)?;
				// The first run loads adapters and warms caches.
				if run > 0 {
					rates.push(traffic.rate());
					firsts.extend(traffic.firsts);
				}
			}
			rows.push(Row {
				streams,
				adapters,
				tokens_per_second: percentile(&mut rates, 0.5),
				// An answer has on average its prompt and half of itself stored.
				ceiling: bytes.ceiling(
					bandwidth,
					streams,
					if distinct { streams } else { 0 },
					TOKENS * 3 / 2,
				),
				first_token_p95_ms: percentile(&mut firsts, 0.95),
			});
		}
	}
	let zipf = settings.zipf.then(|| measure_zipf(&engine, settings)).transpose()?;
	let prefix = (config.context > SHARED).then(|| measure_prefix(&engine)).transpose()?;
	let device = engine.device().to_string();
	engine.shutdown();
	let name = settings.model.file_name().map(|name| name.to_string_lossy().into_owned());
	Ok(EngineReport {
		model: name.unwrap_or_default(),
		device,
		precision: settings.precision.to_string(),
		rank: RANK,
		tokens: TOKENS,
		runs: settings.runs,
		bandwidth,
		rows,
		zipf,
		prefix,
	})
}

fn measure_zipf(engine: &Engine, settings: &Settings) -> Result<Zipf> {
	let harmonic: f64 = (1..=REGISTERED).map(|rank| 1.0 / rank as f64).sum();
	// Numbers spread evenly over the distribution, in an order that looks random: the same in every run.
	let draw = |request: usize| {
		let mut rest = (request as f64 * 0.618_033_988_749_895).fract() * harmonic;
		(1..=REGISTERED).find(|rank| {
			rest -= 1.0 / *rank as f64;
			rest <= 0.0
		})
	};
	let adapters: Vec<_> =
		(0..REQUESTS).map(|request| Some(draw(request + 1).unwrap_or(REGISTERED) + STREAMS)).collect();
	let before = engine.stats().adapter_loads;
	let mut traffic = serve(engine, &adapters, STREAMS, 1)?;
	let stats = engine.stats();
	Ok(Zipf {
		registered: REGISTERED,
		requests: REQUESTS,
		adapter_bytes: settings.adapter_bytes,
		resident: stats.resident_adapters,
		loads: stats.adapter_loads - before,
		tokens_per_second: traffic.rate(),
		first_token_p95_ms: percentile(&mut traffic.firsts, 0.95),
	})
}

fn measure_prefix(engine: &Engine) -> Result<Prefix> {
	let first = |salt: usize| -> Result<f64> {
		let (sender, receiver) = mpsc::channel();
		// Only the last few tokens differ.
		let prompt = (0..SHARED).map(|at| if at + 8 < SHARED { at * 31 } else { at * 31 + salt });
		let began = Instant::now();
		submit(engine, prompt.map(|token| token as u32 % 256 + 64).collect(), None, 1, 0, sender)?;
		let (_, _, first) = receiver.recv().context("the engine dropped a request")??;
		Ok((first - began).as_secs_f64() * 1_000.0)
	};
	let cold_ms = first(0)?;
	let mut warm = (1..=5).map(first).collect::<Result<Vec<_>>>()?;
	Ok(Prefix { tokens: SHARED, cold_ms, warm_ms: percentile(&mut warm, 0.5) })
}

/// The value below which this part of the values lies.
pub(crate) fn percentile(values: &mut [f64], part: f64) -> f64 {
	values.sort_by(f64::total_cmp);
	values.get(((values.len() as f64 - 1.0) * part).round() as usize).copied().unwrap_or_default()
}

/// What became of some requests.
struct Traffic {
	generated: usize,
	elapsed: Duration,
	/// Times to the first token, milliseconds.
	firsts: Vec<f64>,
}

impl Traffic {
	fn rate(&self) -> f64 {
		self.generated as f64 / self.elapsed.as_secs_f64()
	}
}

type Outcome = Result<(usize, Instant, Instant)>;

/// Serves a request per entry of `adapters`, at most `streams` at a time; each has a prompt of its own.
fn serve(engine: &Engine, adapters: &[Option<usize>], streams: usize, salt: usize) -> Result<Traffic> {
	let (sender, receiver) = mpsc::channel();
	let began = Instant::now();
	let mut waiting = adapters.iter().enumerate();
	let send = |(request, adapter): (usize, &Option<usize>)| {
		let prompt = (0..TOKENS).map(|at| (at * 37 + request * 101 + salt) as u32 % 256 + 64).collect();
		submit(engine, prompt, *adapter, TOKENS, request, sender.clone())
	};
	for each in waiting.by_ref().take(streams) {
		send(each)?;
	}
	let (mut generated, mut firsts) = (0, Vec::new());
	for _ in 0..adapters.len() {
		let (tokens, submitted, first) = receiver.recv().context("the engine dropped a request")??;
		generated += tokens;
		firsts.push((first - submitted).as_secs_f64() * 1_000.0);
		if let Some(each) = waiting.next() {
			send(each)?;
		}
	}
	let expected = adapters.len() * TOKENS;
	ensure!(generated == expected, "{generated} tokens instead of {expected}");
	Ok(Traffic { generated, elapsed: began.elapsed(), firsts })
}

/// Submits a request; when it is done, its tokens, and when it was sent and had its first one, go to `done`.
fn submit(
	engine: &Engine,
	prompt: Vec<u32>,
	adapter: Option<usize>,
	max_tokens: usize,
	number: usize,
	done: mpsc::Sender<Outcome>,
) -> Result<()> {
	let mut payer = [0; 32];
	payer[..8].copy_from_slice(&(number as u64).to_le_bytes());
	let request = Request {
		prompt,
		adapters: adapter
			.map(|number| AdapterUse { hash: hash_of(number), scale: 1.0 })
			.into_iter()
			.collect(),
		max_tokens,
		sampling: Sampling { temperature: 0.0, ..Sampling::default() },
		payer,
		..Request::default()
	};
	let submitted = Instant::now();
	let mut first = None;
	let sink = Box::new(move |event| {
		match event {
			Event::Started { .. } | Event::Embedding(_) => {}
			Event::Token { .. } => drop(first.get_or_insert_with(Instant::now)),
			Event::Done { tokens, .. } => {
				let first = first.unwrap_or_else(Instant::now);
				// Nobody waits any more after an error.
				drop(done.send(Ok((tokens.len(), submitted, first))));
			}
			Event::Failed(error) => drop(done.send(Err(anyhow!("{error}")))),
		}
		true
	});
	engine.submit(request, sink).map_err(|error| anyhow!("{error}"))
}

/// A PEFT folder with small random weights on every linear layer.
pub(crate) fn write_adapter(folder: &Path, config: &ModelConfig, seed: u64, rank: usize) -> Result<()> {
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
			let shapes = [("lora_A", vec![rank, input]), ("lora_B", vec![output, rank])];
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
		"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": 2 * rank, "lora_dropout": 0.0,
		"bias": "none", "target_modules": names,
	});
	Ok(std::fs::write(folder.join("adapter_config.json"), settings.to_string())?)
}
