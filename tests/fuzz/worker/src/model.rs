//! Folders of models and adapters: `config.json`, `adapter_config.json` and safetensors files.

use crate::{size_of, taken};
use safetensors::{tensor::TensorView, Dtype};
use serde_json::json;
use std::{fs, path::Path, sync::OnceLock};
use tempfile::TempDir;
use tributary_engine::{check_adapter, config::ModelConfig, FrozenWeights};
use tributary_fuzz_driver::{peak_of, Input, Trace};

const HIDDEN: usize = 8;
const RANK: usize = 2;
/// Bytes that an adapter may take.
const BUDGET: u64 = 64 << 10;
/// Memory that reading may take beside a file's own size and the budget: buffers and compiled patterns.
const ROOM: usize = 64 << 20;

fn config() -> serde_json::Value {
	json!({
		"architectures": ["LlamaForCausalLM"],
		"model_type": "llama",
		"vocab_size": 16,
		"hidden_size": HIDDEN,
		"intermediate_size": HIDDEN,
		"num_hidden_layers": 1,
		"num_attention_heads": 2,
		"num_key_value_heads": 2,
		"max_position_embeddings": 64,
		"rms_norm_eps": 1e-5,
		"hidden_act": "silu",
		"eos_token_id": 1,
	})
}

fn model() -> &'static ModelConfig {
	static MODEL: OnceLock<ModelConfig> = OnceLock::new();
	MODEL.get_or_init(|| ModelConfig::from_json(&config()).expect("a small Llama"))
}

/// A folder of this thread, in memory where the system has such a place.
fn folder<R>(work: impl FnOnce(&Path) -> R) -> R {
	thread_local! {
		static FOLDER: TempDir = {
			let memory = Path::new("/dev/shm");
			if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.expect("a folder")
		};
	}
	FOLDER.with(|folder| work(folder.path()))
}

/// The first two bytes are the length of the first of two files.
fn two(data: &[u8]) -> (&[u8], &[u8]) {
	let mut input = Input::new(data);
	let length = usize::from(u16::from_le_bytes(input.array()));
	let first = input.take(length);
	(first, input.rest())
}

fn joined(first: &[u8], second: &[u8]) -> Vec<u8> {
	[&(first.len() as u16).to_le_bytes()[..], first, second].concat()
}

/// The target of adapters.
pub fn adapter(data: &[u8], trace: &mut Trace) {
	let (config, weights) = two(data);
	folder(|folder| {
		fs::write(folder.join("adapter_config.json"), config).expect("it is written");
		fs::write(folder.join("adapter_model.safetensors"), weights).expect("it is written");
		let (read, peak) = peak_of(|| check_adapter(folder, model(), BUDGET));
		assert!(peak <= ROOM + data.len(), "an adapter of {} bytes takes {peak} of memory", data.len());
		if let Some(bytes) = taken(trace, "adapter", "read", read) {
			assert!(bytes <= BUDGET, "an adapter of {bytes} bytes is over its budget");
			trace.reached(size_of(bytes));
		}
	});
}

/// The target of models: a configuration, and weights for a good one.
pub fn weights(data: &[u8], trace: &mut Trace) {
	let (config, weights) = two(data);
	let json = serde_json::from_slice(config).unwrap_or_default();
	let (read, peak) = peak_of(|| ModelConfig::from_json(&json));
	assert!(peak <= ROOM, "a configuration takes {peak} bytes of memory");
	if let Some(config) = taken(trace, "config", "read", read) {
		assert!(config.heads > 0 && config.kv_heads > 0 && config.heads % config.kv_heads == 0);
		trace.reached(size_of(config.layers as u64));
	}
	folder(|folder| {
		fs::write(folder.join("model.safetensors"), weights).expect("it is written");
		let (values, peak) = peak_of(|| {
			let opened = FrozenWeights::open(folder, model()).map_err(|error| error.to_string())?;
			let norm = opened.values("model.norm.weight", &[HIDDEN]).map_err(|error| error.to_string())?;
			let matrix = opened.full("model.layers.0.self_attn.q_proj", [HIDDEN, HIDDEN]);
			Ok::<_, String>((norm, matrix.map_err(|error| error.to_string())?))
		});
		assert!(peak <= ROOM + data.len(), "weights of {} bytes take {peak} of memory", data.len());
		if let Some((norm, matrix)) = taken(trace, "weights", "read", values) {
			assert_eq!((norm.len(), matrix.len()), (HIDDEN, HIDDEN * HIDDEN));
		}
	});
}

/// A safetensors file of these tensors, all ones.
fn file(tensors: &[(&str, Vec<usize>)]) -> Vec<u8> {
	let ones: Vec<(&str, Vec<usize>, Vec<u8>)> = tensors
		.iter()
		.map(|(name, shape)| {
			let count = shape.iter().product::<usize>();
			(*name, shape.clone(), 1f32.to_le_bytes().repeat(count))
		})
		.collect();
	let views = ones.iter().map(|(name, shape, data)| {
		(*name, TensorView::new(Dtype::F32, shape.clone(), data).expect("the sizes fit"))
	});
	safetensors::serialize(views, None).expect("it is serialised")
}

/// A good adapter, one with options that are refused, and a header without tensors.
pub fn adapter_seeds() -> Vec<Vec<u8>> {
	let path = "base_model.model.model.layers.0.self_attn.q_proj";
	let (a, b) = (format!("{path}.lora_A.weight"), format!("{path}.lora_B.weight"));
	let weights = file(&[(&a, vec![RANK, HIDDEN]), (&b, vec![HIDDEN, RANK])]);
	let config = |more: serde_json::Value| {
		let mut config =
			json!({ "peft_type": "LORA", "r": RANK, "lora_alpha": 4.0, "target_modules": ["q_proj"] });
		if let (Some(config), serde_json::Value::Object(more)) = (config.as_object_mut(), more) {
			config.extend(more);
		}
		config.to_string()
	};
	[
		config(json!({})),
		config(json!({ "use_rslora": true, "bias": "none" })),
		config(json!({ "rank_pattern": { ".*q_proj": 2 }, "alpha_pattern": { "^model": 8.0 } })),
		config(json!({ "target_modules": "all-linear", "exclude_modules": ["k_proj"] })),
		config(json!({ "target_modules": "(.*)q_proj$", "use_dora": true })),
	]
	.iter()
	.map(|config| joined(config.as_bytes(), &weights))
	.chain([joined(b"{}", &[2, 0, 0, 0, 0, 0, 0, 0, b'{', b'}'])])
	.collect()
}

/// A good configuration with good weights.
pub fn weights_seeds() -> Vec<Vec<u8>> {
	let square = || vec![HIDDEN, HIDDEN];
	let layer = |name: &str| format!("model.layers.0.{name}.weight");
	let names = [
		layer("self_attn.q_proj"),
		layer("self_attn.k_proj"),
		layer("self_attn.v_proj"),
		layer("self_attn.o_proj"),
		layer("mlp.gate_proj"),
		layer("mlp.up_proj"),
		layer("mlp.down_proj"),
	];
	let norms = [layer("input_layernorm"), layer("post_attention_layernorm"), "model.norm.weight".into()];
	let mut tensors: Vec<(&str, Vec<usize>)> = names.iter().map(|name| (name.as_str(), square())).collect();
	tensors.extend(norms.iter().map(|name| (name.as_str(), vec![HIDDEN])));
	tensors.push(("model.embed_tokens.weight", vec![16, HIDDEN]));
	tensors.push(("lm_head.weight", vec![16, HIDDEN]));
	let config = config().to_string();
	vec![joined(config.as_bytes(), &file(&tensors)), joined(config.as_bytes(), &[0; 8])]
}
