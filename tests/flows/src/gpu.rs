//! Measures decoding on a GPU beside what its memory bandwidth allows, and how much of it is left when every stream
//! has another adapter: at the shape of a model of 8 billion parameters, with random weights made in place.

use anyhow::{anyhow, ensure, Context, Result};
use safetensors::{tensor::TensorView, Dtype};
use serde::Serialize;
use std::{
	path::{Path, PathBuf},
	sync::{mpsc, Arc},
	time::{Duration, Instant},
};
use tributary_engine::{
	config::ModelConfig, AdapterUse, DeviceChoice, Engine, EngineConfig, Event, Precision, Projection,
	Request, Sampling,
};

use crate::bandwidth::StepBytes;
use crate::engine::{hash_of, percentile, write_adapter, Folders};

/// Adapter folders that are made; more adapters share their content under hashes of their own.
const FOLDERS: usize = 32;
/// Tokens of a prompt.
const PROMPT: usize = 32;

/// What is measured.
#[derive(Debug, Clone)]
pub struct Settings {
	/// Where the model and the adapters are made, and found again by a later run.
	pub folder: PathBuf,
	/// Shape of the model.
	pub shape: Shape,
	/// Device asked for.
	pub device: DeviceChoice,
	/// Weights.
	pub precision: Precision,
	/// Memory bandwidth of the device, GB/s (10^9), for the ceiling; none for no ceiling.
	pub bandwidth: Option<f64>,
	/// Adapters that take turns.
	pub adapters: usize,
	/// Rank of the adapters, on all linear layers.
	pub rank: usize,
	/// Tokens of an answer.
	pub tokens: usize,
	/// Runs of each row; the median is reported.
	pub runs: usize,
	/// Bytes that adapters may take on the device.
	pub adapter_bytes: u64,
}

/// Shape of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Shape {
	/// That of Llama 3.1 8B.
	#[value(name = "8b")]
	EightB,
	/// Two narrow layers, to try the way.
	Tiny,
}

/// What was measured. Nothing is judged here.
#[derive(Debug, Serialize)]
pub struct GpuReport {
	/// Shape of the model: 8b or tiny.
	pub shape: &'static str,
	/// Device in use.
	pub device: String,
	/// Weights.
	pub precision: String,
	/// Bytes of weights that a decoding step reads.
	pub weight_bytes: u64,
	/// Bytes of an adapter's factors as the device keeps them.
	pub adapter_bytes: u64,
	/// Rank of the adapters.
	pub rank: usize,
	/// Adapters that took turns.
	pub adapters: usize,
	/// Adapters on the device at the end.
	pub resident: u64,
	/// Memory bandwidth that the ceiling assumes, GB/s.
	pub bandwidth: Option<f64>,
	/// One per number of streams.
	pub rows: Vec<Row>,
}

/// Decoding with so many streams; prompts are not in the time.
#[derive(Debug, Serialize)]
pub struct Row {
	/// Answers at the same time.
	pub streams: usize,
	/// Tokens per second of all streams on the base model.
	pub base: f64,
	/// The same with another adapter in every stream.
	pub distinct: f64,
	/// Tokens per second of the base model if a step took as long as reading its weights.
	pub ceiling: Option<f64>,
	/// `base / ceiling`.
	pub of_ceiling: Option<f64>,
	/// `distinct / base`.
	pub retention: f64,
	/// `W / (W + n · A)`: bytes of the weights and of `streams` adapters.
	pub predicted_retention: f64,
}

impl Shape {
	fn name(self) -> &'static str {
		match self {
			Self::EightB => "8b",
			Self::Tiny => "tiny",
		}
	}

	fn config(self) -> serde_json::Value {
		let (hidden, ffn, layers, heads, kv_heads, vocab) = match self {
			Self::EightB => (4096, 14_336, 32, 32, 8, 128_256),
			Self::Tiny => (128, 256, 2, 4, 2, 512),
		};
		serde_json::json!({
			"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": vocab,
			"hidden_size": hidden, "intermediate_size": ffn, "num_hidden_layers": layers,
			"num_attention_heads": heads, "num_key_value_heads": kv_heads, "head_dim": hidden / heads,
			"rms_norm_eps": 1e-5, "rope_theta": 500_000.0, "max_position_embeddings": 4096,
			"hidden_act": "silu", "tie_word_embeddings": false,
		})
	}
}

/// Makes the model and its adapters if they are not there, and measures 1, 8 and 32 streams.
///
/// # Errors
/// When the files cannot be written, the model cannot be loaded or a request fails.
pub fn measure(settings: &Settings) -> Result<GpuReport> {
	let model = settings.folder.join(settings.shape.name());
	if !model.join("model.safetensors.index.json").exists() {
		write_model(&model, settings.shape)
			.with_context(|| format!("cannot make a model in {}", model.display()))?;
	}
	let config = ModelConfig::open(&model).map_err(|error| anyhow!("{error}"))?;
	let adapters = model.join(format!("adapters-r{}", settings.rank));
	for number in 0..FOLDERS {
		let folder = adapters.join(number.to_string());
		if !folder.join("adapter_config.json").exists() {
			write_adapter(&folder, &config, number as u64, settings.rank)?;
		}
	}
	let engine_config = EngineConfig {
		model_dir: model,
		device: settings.device,
		precision: settings.precision,
		max_batch: 32,
		max_context: Some(PROMPT + settings.tokens),
		speculate: 0,
		adapter_bytes: settings.adapter_bytes,
		..EngineConfig::default()
	};
	let engine = Engine::start(engine_config, Arc::new(Folders(adapters)))?;
	let device = engine.device();
	let bytes = StepBytes::of(&config, settings.precision, settings.rank);
	// Each adapter once: as many stay on the device as fit.
	let all: Vec<_> = (0..settings.adapters).map(Some).collect();
	for some in all.chunks(32) {
		serve(&engine, some, 1)?;
	}
	let mut next = 0;
	let rows = [1, 8, 32]
		.into_iter()
		.map(|streams| {
			let (mut base, mut distinct) = (Vec::new(), Vec::new());
			for run in 0..=settings.runs {
				let plain = decode_rate(&engine, &vec![None; streams], settings.tokens)?;
				let chosen: Vec<_> =
					(0..streams).map(|stream| Some((next + stream) % settings.adapters)).collect();
				next += streams;
				let mixed = decode_rate(&engine, &chosen, settings.tokens)?;
				// The first run compiles kernels.
				if run > 0 {
					base.push(plain);
					distinct.push(mixed);
				}
			}
			let (base, distinct) = (percentile(&mut base, 0.5), percentile(&mut distinct, 0.5));
			let ceiling = settings.bandwidth.map(|bandwidth| bytes.ceiling(bandwidth * 1e9, streams, 0, 0));
			let (weights, factors) = (bytes.weights as f64, (streams as u64 * bytes.adapter) as f64);
			Ok(Row {
				streams,
				base,
				distinct,
				ceiling,
				of_ceiling: ceiling.map(|ceiling| base / ceiling),
				retention: distinct / base,
				predicted_retention: weights / (weights + factors),
			})
		})
		.collect::<Result<Vec<Row>>>()?;
	let resident = engine.stats().resident_adapters;
	engine.shutdown();
	Ok(GpuReport {
		shape: settings.shape.name(),
		device: device.to_string(),
		precision: settings.precision.to_string(),
		weight_bytes: bytes.weights,
		adapter_bytes: bytes.adapter,
		rank: settings.rank,
		adapters: settings.adapters,
		resident,
		bandwidth: settings.bandwidth,
		rows,
	})
}

/// Tokens per second while all streams decode: from the last one's first token to the first one's end.
fn decode_rate(engine: &Engine, adapters: &[Option<usize>], tokens: usize) -> Result<f64> {
	let streams = serve(engine, adapters, tokens)?;
	let began = streams.iter().filter_map(|times| times.first()).max().context("an answer is empty")?;
	let ended = streams.iter().filter_map(|times| times.last()).min().context("an answer is empty")?;
	let counted = streams.iter().flatten().filter(|time| *time > began && *time <= ended).count();
	let elapsed: Duration = ended.saturating_duration_since(*began);
	ensure!(!elapsed.is_zero(), "the answers did not overlap: ask for more tokens");
	Ok(counted as f64 / elapsed.as_secs_f64())
}

/// Answers at the same time; when each of their tokens came.
fn serve(engine: &Engine, adapters: &[Option<usize>], tokens: usize) -> Result<Vec<Vec<Instant>>> {
	let (sender, receiver) = mpsc::channel();
	for (stream, adapter) in adapters.iter().enumerate() {
		let sender = sender.clone();
		let request = Request {
			prompt: (0..PROMPT).map(|at| (at * 37 + stream * 101) as u32 % 256 + 64).collect(),
			adapters: adapter
				.map(|number| AdapterUse { hash: hash_of(number), scale: 1.0 })
				.into_iter()
				.collect(),
			max_tokens: tokens,
			sampling: Sampling { temperature: 0.0, ..Sampling::default() },
			embed: false,
			steering: Default::default(),
			top_logprobs: 0,
			stop: Vec::new(),
			eos: false,
			payer: [0; 32],
			cancel: Default::default(),
		};
		let mut times = Vec::with_capacity(tokens);
		let sink = Box::new(move |event| {
			match event {
				Event::Token { .. } => times.push(Instant::now()),
				// Nobody waits any more after an error.
				Event::Done { .. } => drop(sender.send(Ok(std::mem::take(&mut times)))),
				Event::Failed(error) => drop(sender.send(Err(anyhow!("{error}")))),
				Event::Started { .. } | Event::Embedding(_) => {}
			}
			true
		});
		engine.submit(request, sink).map_err(|error| anyhow!("{error}"))?;
	}
	(0..adapters.len()).map(|_| receiver.recv().context("the engine dropped a request")?).collect()
}

/// A Hugging Face folder with random weights in f16, a file a layer.
fn write_model(folder: &Path, shape: Shape) -> Result<()> {
	std::fs::create_dir_all(folder)?;
	std::fs::write(folder.join("config.json"), shape.config().to_string())?;
	// Only ids are ever used.
	let tokenizer = serde_json::json!({
		"version": "1.0", "added_tokens": [],
		"model": { "type": "WordLevel", "vocab": { "a": 0 }, "unk_token": "a" },
	});
	std::fs::write(folder.join("tokenizer.json"), tokenizer.to_string())?;
	let config = ModelConfig::open(folder).map_err(|error| anyhow!("{error}"))?;
	let (vocab, hidden) = (config.vocab_size, config.hidden_size);
	let mut files: Vec<Vec<(String, Vec<usize>)>> = vec![vec![
		("model.embed_tokens.weight".into(), vec![vocab, hidden]),
		("lm_head.weight".into(), vec![vocab, hidden]),
		("model.norm.weight".into(), vec![hidden]),
	]];
	for layer in 0..config.layers {
		let mut tensors: Vec<_> = Projection::ALL
			.iter()
			.map(|projection| {
				let (inputs, outputs) = projection.widths(&config);
				(format!("{}.weight", projection.path(layer)), vec![outputs, inputs])
			})
			.collect();
		for norm in ["input_layernorm", "post_attention_layernorm"] {
			tensors.push((format!("model.layers.{layer}.{norm}.weight"), vec![hidden]));
		}
		files.push(tensors);
	}
	let mut state = 1u64;
	let mut map = serde_json::Map::new();
	for (number, tensors) in files.iter().enumerate() {
		let name = format!("model-{number:05}.safetensors");
		let bytes: Vec<Vec<u8>> = tensors.iter().map(|(_, shape)| random_f16(shape, &mut state)).collect();
		let views = tensors
			.iter()
			.zip(&bytes)
			.map(|((name, shape), bytes)| {
				Ok((name.clone(), TensorView::new(Dtype::F16, shape.clone(), bytes)?))
			})
			.collect::<Result<Vec<_>>>()?;
		safetensors::serialize_to_file(views, None, &folder.join(&name))?;
		map.extend(tensors.iter().map(|(tensor, _)| (tensor.clone(), name.clone().into())));
	}
	let index = serde_json::json!({ "weight_map": map });
	// Last: it says that the rest is complete.
	Ok(std::fs::write(folder.join("model.safetensors.index.json"), index.to_string())?)
}

/// Matrices of numbers between 2^-7 and 2^-6 of either sign, vectors of ones.
fn random_f16(shape: &[usize], state: &mut u64) -> Vec<u8> {
	let count = shape.iter().product();
	let mut bytes = Vec::with_capacity(2 * count);
	for _ in 0..count {
		*state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
		let number = match shape.len() {
			1 => 0x3c00,
			_ => ((*state >> 48) as u16 & 0x83ff) | 8 << 10,
		};
		bytes.extend(number.to_le_bytes());
	}
	bytes
}
