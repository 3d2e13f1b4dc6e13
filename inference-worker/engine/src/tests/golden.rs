//! Agreement with `transformers` and `peft`, and of the batch with each row alone.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::*;
use crate::{
	chat::ChatMessage,
	config::ModelConfig,
	kv_cache::KvCache,
	loading::Checkpoint,
	lora::{
		batch::{Adapter, AdapterSet, LoraPlanner},
		reader,
	},
	model::{Model, Step},
};

const TOLERANCE: f32 = 1e-4;

struct Loaded {
	model: Model,
	planner: LoraPlanner,
	adapters: Vec<Arc<Adapter>>,
	golden: Value,
	logits: Checkpoint,
}

/// Rows of logits.
type Rows = Vec<Vec<f32>>;

impl Loaded {
	fn open(name: &str, device: &Device) -> Self {
		let dir = fixture(name);
		let config = ModelConfig::open(&dir).unwrap();
		let adapters = ADAPTERS
			.iter()
			.map(|adapter| reader::read(&dir.join(adapter), &config, 1 << 20).unwrap())
			.map(|adapter| Arc::new(Adapter::upload(adapter, &config, device)))
			.collect();
		Self {
			model: Model::load(&dir, &config, config.context, device).unwrap(),
			planner: LoraPlanner::new(&config, device),
			adapters,
			golden: golden(name),
			logits: Checkpoint::open_file(&dir.join("golden.safetensors"), 1 << 20).unwrap(),
		}
	}

	fn prompt(&self, index: usize) -> Vec<u32> {
		ids(&self.golden["ids"][index])
	}

	fn set(&self, label: &str) -> AdapterSet {
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

	fn cache(&self) -> KvCache {
		self.model.cache(8, 128)
	}

	fn prefill(
		&self,
		set: &AdapterSet,
		slot: usize,
		tokens: &[u32],
		chunk: usize,
		cache: &mut KvCache,
	) -> Rows {
		let lora = self.planner.uniform(set);
		let mut start = 0;
		let mut logits = Vec::new();
		for tokens in tokens.chunks(chunk) {
			let hidden = self.model.forward(&Step::Prefill { slot, start, tokens }, cache, &lora);
			logits.extend(rows(self.model.logits(hidden)));
			start += tokens.len();
		}
		logits
	}

	/// Logits of every position without a batch.
	fn full(&self, label: &str, tokens: &[u32]) -> Rows {
		self.prefill(&self.set(label), 0, tokens, usize::MAX, &mut self.cache())
	}
}

fn rows(tensor: Tensor<2>) -> Rows {
	let width = tensor.dims()[1];
	tensor.into_data().try_into_vec::<f32>().unwrap().chunks(width).map(<[f32]>::to_vec).collect()
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
		let loaded = Loaded::open(name, &Device::flex());
		for label in loaded.labels() {
			let found = loaded.full(&label, &loaded.prompt(0));
			assert_close(&found, &loaded.expected(&label), &format!("{name}, {label}"));
		}
	}
}

#[test]
fn logits_stay_the_same_when_the_prompt_is_processed_in_chunks() {
	for name in MODELS {
		let loaded = Loaded::open(name, &Device::flex());
		for chunk in [1, 7] {
			let set = loaded.set("rslora");
			let found = loaded.prefill(&set, 2, &loaded.prompt(0), chunk, &mut loaded.cache());
			assert_close(&found, &loaded.expected("rslora"), name);
		}
	}
}

/// Decodes every label's prompt together, token by token, and compares each row with the full forward.
fn decode_together(loaded: &mut Loaded, labels: &[&str], prefilled: impl Fn(usize) -> usize) {
	let prompts: Vec<Vec<u32>> = (0..labels.len()).map(|row| loaded.prompt(row % 2)).collect();
	let expected: Vec<Rows> =
		labels.iter().zip(&prompts).map(|(label, prompt)| loaded.full(label, prompt)).collect();
	let sets: Vec<AdapterSet> = labels.iter().map(|label| loaded.set(label)).collect();
	let mut cache = loaded.cache();
	for (row, (set, prompt)) in sets.iter().zip(&prompts).enumerate() {
		loaded.prefill(set, row, &prompt[..prefilled(row)], usize::MAX, &mut cache);
	}
	let lora = loaded.planner.plan(&sets.iter().collect::<Vec<_>>());
	for step in 0..8 {
		let tokens: Vec<(u32, usize)> = prompts
			.iter()
			.enumerate()
			.map(|(row, prompt)| (prompt[prefilled(row) + step], prefilled(row) + step))
			.collect();
		let hidden = loaded.model.forward(&Step::Decode(&tokens), &mut cache, &lora);
		let found = rows(loaded.model.logits(hidden));
		let wanted: Rows =
			expected.iter().zip(&tokens).map(|(rows, (_, position))| rows[*position].clone()).collect();
		assert_close(&found, &wanted, &format!("{labels:?} at step {step}"));
	}
}

#[test]
fn cached_decode_equals_the_full_forward_when_alone() {
	for name in MODELS {
		let mut loaded = Loaded::open(name, &Device::flex());
		for label in ["base", "pattern", "composed"] {
			decode_together(&mut loaded, &[label], |_| 3);
		}
	}
}

#[test]
fn batch_of_mixed_adapters_equals_each_alone_when_lengths_differ() {
	for name in MODELS {
		let mut loaded = Loaded::open(name, &Device::flex());
		let mixed = ["rslora", "base", "plain", "composed", "base", "pattern", "plain", "rslora"];
		decode_together(&mut loaded, &mixed, |row| 2 + row);
		decode_together(&mut loaded, &["plain"; 5], |row| 1 + row);
		decode_together(
			&mut loaded,
			&["plain", "plain", "plain", "plain", "rslora", "base", "pattern"],
			|_| 4,
		);
		decode_together(&mut loaded, &["base"; 3], |row| 9 - row);
	}
}

#[test]
fn greedy_answers_equal_those_of_transformers_when_all_run_at_once() {
	for name in MODELS {
		let engine = start(name);
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
	let wrong = [ChatMessage { role: "robot".into(), content: String::new() }];
	let error = engine.render_chat(&wrong, true).unwrap_err();
	assert!(error.to_string().contains("unknown role robot"), "{error}");
}

#[test]
#[ignore = "opens a graphics driver: run it on a machine with a GPU; software rasterizers may crash the process"]
fn logits_agree_with_transformers_and_peft_when_the_device_is_a_gpu() {
	let (_, device) = crate::device::open(DeviceChoice::Wgpu).unwrap();
	for name in MODELS {
		let mut loaded = Loaded::open(name, &device);
		for label in loaded.labels() {
			assert_close(&loaded.full(&label, &loaded.prompt(0)), &loaded.expected(&label), name);
		}
		decode_together(&mut loaded, &["rslora", "base", "plain", "composed"], |row| 2 + row);
	}
}
