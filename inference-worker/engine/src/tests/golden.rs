//! Agreement with `transformers` and `peft`, and of the batch with each row alone.

use std::sync::Arc;

use burn::tensor::{Device, FloatDType};

use super::*;
use crate::{
	chat::ChatMessage,
	config::ModelConfig,
	cpu::{CpuModel, Precision},
	executor::{Chunk, Executor, Want},
	loading::Checkpoint,
	lora::{reader, set::AdapterSet},
	ops::{self, cube::Cube, plain::Plain},
	tensor::TensorModel,
};

const TOLERANCE: f32 = 1e-4;
/// Blocks of a sequence, and of all.
const SLOT: u32 = 8;
const BLOCKS: usize = 64;
/// Pages for adapters behind them.
const ADAPTER_PAGES: usize = 128;

struct Loaded<E: Executor> {
	model: E,
	adapters: Vec<Arc<E::Adapter>>,
	golden: Value,
	logits: Checkpoint,
}

/// Rows of logits.
type Rows = Vec<Vec<f32>>;

fn on_cpu(name: &str) -> Loaded<CpuModel> {
	Loaded::open(name, |dir, config| {
		CpuModel::load(dir, config, config.context, BLOCKS, Precision::Full).unwrap()
	})
}

fn on_flex(name: &str) -> Loaded<TensorModel<Plain>> {
	let device = Device::flex();
	Loaded::open(name, |dir, config| {
		let ops = Plain::new(config, config.context, BLOCKS, &device);
		TensorModel::load(dir, config, ops, &device).unwrap()
	})
}

fn on_gpu(name: &str, precision: Precision, device: &Device) -> Loaded<TensorModel<Cube>> {
	Loaded::open(name, |dir, config| {
		let ops = Cube::new(config, config.context, BLOCKS + ADAPTER_PAGES, precision, device).unwrap();
		TensorModel::load(dir, config, ops, device).unwrap()
	})
}

impl<E: Executor> Loaded<E> {
	fn open(name: &str, load: impl FnOnce(&std::path::Path, &ModelConfig) -> E) -> Self {
		let dir = fixture(name);
		let config = ModelConfig::open(&dir).unwrap();
		let mut model = load(&dir, &config);
		let mut next = BLOCKS as u32;
		let adapters = ADAPTERS
			.iter()
			.map(|adapter| reader::read(&dir.join(adapter), &config, 1 << 20).unwrap())
			.map(|adapter| {
				let pages: Vec<u32> = (next..).take(model.adapter_pages(&adapter)).collect();
				next += pages.len() as u32;
				Arc::new(model.upload(&adapter, &pages))
			})
			.collect();
		Self {
			model,
			adapters,
			golden: golden(name),
			logits: Checkpoint::open_file(&dir.join("golden.safetensors"), 1 << 20).unwrap(),
		}
	}

	fn prompt(&self, index: usize) -> Vec<u32> {
		ids(&self.golden["ids"][index])
	}

	fn set(&self, label: &str) -> AdapterSet<E::Adapter> {
		let adapter = |name: &str, scale| {
			let index = ADAPTERS.iter().position(|adapter| *adapter == name).unwrap();
			([index as u8; 32], scale, self.adapters[index].clone())
		};
		AdapterSet::new(match label {
			"base" => Vec::new(),
			"composed" => self.golden["composed"]
				.as_array()
				.unwrap()
				.iter()
				.map(|part| adapter(part[0].as_str().unwrap(), part[1].as_f64().unwrap() as f32))
				.collect(),
			name => vec![adapter(name, 1.0)],
		})
	}

	fn labels(&self) -> Vec<String> {
		self.golden["greedy"].as_object().unwrap().keys().cloned().collect()
	}

	fn expected(&self, label: &str) -> Rows {
		let shape = self.logits.shape(label).unwrap().to_vec();
		let tensor = self.logits.tensor(label, &shape).unwrap();
		tensor.values.chunks(shape[1]).map(<[f32]>::to_vec).collect()
	}

	/// Logits of all tokens, `chunk` at a time, from the start of a sequence on.
	fn prefill(&mut self, set: &AdapterSet<E::Adapter>, slot: u32, tokens: &[u32], chunk: usize) -> Rows {
		let blocks: Vec<u32> = (slot * SLOT..(slot + 1) * SLOT).collect();
		let mut start = 0;
		let mut logits = Vec::new();
		for tokens in tokens.chunks(chunk) {
			let chunk =
				Chunk { tokens, start, blocks: &blocks, adapters: set, want: Want::Logits(tokens.len()) };
			let found = self.model.step(&[chunk]).unwrap();
			logits.extend(found.chunks(self.model.vocabulary()).map(<[f32]>::to_vec));
			start += tokens.len();
		}
		logits
	}

	/// Logits of every position without a batch.
	fn full(&mut self, label: &str, tokens: &[u32]) -> Rows {
		let set = self.set(label);
		self.prefill(&set, SLOT - 1, tokens, usize::MAX)
	}

	/// Decodes every label's prompt together, token by token, and compares each row with the full forward.
	fn decode_together(&mut self, labels: &[&str], prefilled: impl Fn(usize) -> usize) {
		let prompts: Vec<Vec<u32>> = (0..labels.len()).map(|row| self.prompt(row % 2)).collect();
		let expected: Vec<Rows> =
			labels.iter().zip(&prompts).map(|(label, prompt)| self.full(label, prompt)).collect();
		let sets: Vec<_> = labels.iter().map(|label| self.set(label)).collect();
		for (row, (set, prompt)) in sets.iter().zip(&prompts).enumerate() {
			self.prefill(set, row as u32, &prompt[..prefilled(row)], usize::MAX);
		}
		let blocks: Vec<Vec<u32>> =
			(0..labels.len() as u32).map(|slot| (slot * SLOT..(slot + 1) * SLOT).collect()).collect();
		for step in 0..8 {
			let chunks: Vec<_> = prompts
				.iter()
				.enumerate()
				.map(|(row, prompt)| {
					let start = prefilled(row) + step;
					let (tokens, adapters) = (&prompt[start..start + 1], &sets[row]);
					Chunk { tokens, start, blocks: &blocks[row], adapters, want: Want::Logits(1) }
				})
				.collect();
			let found = self.model.step(&chunks).unwrap();
			let found: Rows = found.chunks(self.model.vocabulary()).map(<[f32]>::to_vec).collect();
			let wanted: Rows =
				expected.iter().zip(&chunks).map(|(rows, chunk)| rows[chunk.start].clone()).collect();
			assert_close(&found, &wanted, &format!("{labels:?} at step {step}"));
		}
	}

	fn agrees_with_transformers(&mut self, name: &str) {
		for label in self.labels() {
			let prompt = self.prompt(0);
			let found = self.full(&label, &prompt);
			assert_close(&found, &self.expected(&label), &format!("{name}, {label}"));
		}
	}

	fn agrees_in_chunks(&mut self, name: &str) {
		for chunk in [1, 7] {
			let (set, prompt) = (self.set("rslora"), self.prompt(0));
			let found = self.prefill(&set, 2, &prompt, chunk);
			assert_close(&found, &self.expected("rslora"), name);
		}
	}

	fn decodes_alone_and_mixed(&mut self) {
		for label in ["base", "pattern", "composed"] {
			self.decode_together(&[label], |_| 3);
		}
		let mixed = ["rslora", "base", "plain", "composed", "base", "pattern", "plain"];
		self.decode_together(&mixed, |row| 2 + row);
		self.decode_together(&["plain"; 5], |row| 1 + row);
		self.decode_together(&["plain", "plain", "plain", "plain", "rslora", "base", "pattern"], |_| 4);
		self.decode_together(&["base"; 3], |row| 9 - row);
	}
}

#[track_caller]
fn assert_close(found: &[Vec<f32>], expected: &[Vec<f32>], what: &str) {
	assert_eq!(found.len(), expected.len(), "{what}");
	for (row, (found, expected)) in found.iter().zip(expected).enumerate() {
		assert_eq!(found.len(), expected.len(), "{what}");
		for (id, (found, expected)) in found.iter().zip(expected).enumerate() {
			let tolerance = TOLERANCE * expected.abs().max(1.0);
			assert!(
				(found - expected).abs() <= tolerance,
				"{what}: row {row}, token {id}: {found}, not {expected}"
			);
		}
	}
}

#[test]
fn logits_agree_with_transformers_and_peft_when_any_model_and_adapter_is_used() {
	for name in MODELS {
		on_cpu(name).agrees_with_transformers(name);
		on_flex(name).agrees_with_transformers(name);
	}
}

#[test]
fn logits_stay_the_same_when_the_prompt_is_processed_in_chunks() {
	for name in MODELS {
		on_cpu(name).agrees_in_chunks(name);
		on_flex(name).agrees_in_chunks(name);
	}
}

#[test]
fn cached_decode_equals_the_full_forward_when_alone_and_in_a_batch_of_mixed_adapters() {
	for name in MODELS {
		on_cpu(name).decodes_alone_and_mixed();
		on_flex(name).decodes_alone_and_mixed();
	}
}

#[test]
fn greedy_answers_equal_those_of_transformers_when_all_run_at_once() {
	for (name, device) in MODELS.into_iter().flat_map(|name| DEVICES.map(|device| (name, device))) {
		let config = EngineConfig { device, ..config(name) };
		let engine = Engine::start(config, Arc::new(Folders::of(name))).unwrap();
		let golden = golden(name);
		let adapters = |label: &str| match label {
			"base" => Vec::new(),
			"composed" => vec![(0, 0.5), (1, -1.25)],
			name => vec![(ADAPTERS.iter().position(|adapter| *adapter == name).unwrap() as u8, 1.0)],
		};
		let mut answers = Vec::new();
		for (label, expected) in golden["greedy"].as_object().unwrap() {
			for index in 0..2 {
				let expected = ids(&expected[index]);
				let request = request(&ids(&golden["ids"][index]), &adapters(label), expected.len());
				answers.push((label, Answer::of(&engine, request), expected));
			}
		}
		for (label, answer, expected) in answers {
			let finished = answer.finish();
			assert_eq!(finished.tokens, expected, "{name}, {label}");
			assert_eq!(finished.end, Ok(FinishReason::Length));
			assert_eq!(finished.text, engine.tokenizer().decode(&finished.tokens).unwrap());
		}
	}
}

#[test]
fn tokens_and_chat_prompt_equal_those_of_transformers_when_the_same_files_are_read() {
	let engine = start("llama");
	let golden = golden("llama");
	for (text, expected) in golden["texts"].as_array().unwrap().iter().zip(golden["ids"].as_array().unwrap())
	{
		let text = text.as_str().unwrap();
		let tokens = engine.tokenizer().encode(text, true).unwrap();
		assert_eq!(tokens, ids(expected));
		assert_eq!(engine.tokenizer().decode(&tokens).unwrap(), text);
	}
	let messages: Vec<ChatMessage> = serde_json::from_value(golden["messages"].clone()).unwrap();
	assert_eq!(engine.render_chat(&messages, true).unwrap(), golden["chat"].as_str().unwrap());
	let wrong = [ChatMessage { role: "robot".into(), ..ChatMessage::default() }];
	let error = engine.render_chat(&wrong, true).unwrap_err();
	assert!(error.to_string().contains("unknown role robot"), "{error}");
}

#[test]
#[ignore = "opens a software Vulkan driver: scripts/test.sh gpu runs it in a process of its own"]
fn logits_agree_with_transformers_and_peft_when_the_kernels_are_those_for_gpus() {
	let device = ops::tests::device();
	for name in MODELS {
		on_gpu(name, Precision::Full, &device).agrees_with_transformers(name);
		on_gpu(name, Precision::Full, &device).agrees_in_chunks(name);
		on_gpu(name, Precision::Full, &device).decodes_alone_and_mixed();
	}
}

#[test]
#[ignore = "opens a software Vulkan driver: scripts/test.sh gpu runs it in a process of its own"]
fn logits_stay_near_those_of_transformers_when_the_kernels_are_those_for_gpus_with_fewer_bits() {
	let device = ops::tests::device();
	let mut precisions = vec![(Precision::Int8, 0.05), (Precision::Int4, 0.5)];
	if device.supports_dtype(FloatDType::F16) {
		precisions.push((Precision::Half, 0.01));
	}
	for (precision, allowed) in precisions {
		let mut loaded = on_gpu("llama", precision, &device);
		let prompt = loaded.prompt(0);
		for label in loaded.labels() {
			let (found, expected) = (loaded.full(&label, &prompt), loaded.expected(&label));
			let sum = |rows: &mut dyn Iterator<Item = f32>| rows.map(f32::abs).sum::<f32>();
			let numbers = || found.iter().flatten().zip(expected.iter().flatten());
			let off = sum(&mut numbers().map(|(found, expected)| found - expected));
			let part = off / sum(&mut numbers().map(|(_, expected)| *expected));
			println!("{precision}, {label}: off by {part:.4} of the logits");
			assert!(part < allowed, "{precision}, {label}: {part} of the logits");
		}
	}
}

#[test]
fn perplexity_follows_from_the_logits_of_transformers_when_weights_are_full() {
	let mut too_far = Vec::new();
	for model in MODELS {
		let loaded = on_cpu(model);
		let (tokens, logits) = (loaded.prompt(0), loaded.expected("base"));
		let nats: f64 = tokens[1..]
			.iter()
			.zip(&logits)
			.map(|(next, logits)| {
				let sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
				sum.ln() - f64::from(logits[*next as usize])
			})
			.sum();
		let expected = (nats / (tokens.len() - 1) as f64).exp();
		let has_experts = ModelConfig::open(&fixture(model)).unwrap().experts.is_some();
		// Random weights of a tiny model: fewer bits change little, or send a token through another expert.
		let tolerances = match has_experts {
			true => [(Precision::Full, 1e-3), (Precision::Int8, 0.05), (Precision::Int4, 0.5)],
			false => [(Precision::Full, 1e-3), (Precision::Int8, 0.02), (Precision::Int4, 0.3)],
		};
		for (precision, tolerance) in tolerances {
			let found =
				crate::perplexity(&fixture(model), DeviceChoice::Cpu, precision, &tokens, 512).unwrap();
			let off = (found / expected - 1.0).abs();
			if off > tolerance {
				too_far.push((model, precision, off));
			}
		}
	}
	assert!(too_far.is_empty(), "{too_far:?}");
}
