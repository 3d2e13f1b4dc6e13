//! What sets the families of models apart: windows, experts, and the refusals that come with them.

use std::sync::Arc;

use burn::tensor::Device;
use serde_json::json;

use super::*;
use crate::{
	config::ModelConfig,
	cpu::{CpuModel, Precision},
	error::{AdapterError, ModelError, WeightsError},
	executor::{Chunk, Executor, Want},
	lora::{reader, set::AdapterSet},
	ops::plain::Plain,
	projection::Projection,
	tensor::TensorModel,
};

fn config_json(model: &str) -> Value {
	serde_json::from_slice(&std::fs::read(fixture(model).join("config.json")).unwrap()).unwrap()
}

/// What is said of a model's configuration with other options in it; null takes an option away.
fn refusal(model: &str, options: Value) -> ModelError {
	let mut json = config_json(model);
	for (name, value) in options.as_object().unwrap() {
		json[name] = value.clone();
	}
	json.as_object_mut().unwrap().retain(|_, value| !value.is_null());
	ModelConfig::from_json(&json).unwrap_err()
}

#[test]
fn config_is_refused_by_name_when_an_option_of_a_family_is_unsupported() {
	for (model, option, value) in [
		("mistral", "use_sliding_window", json!(true)),
		("mistral", "attention_bias", json!(true)),
		("mistral", "layer_types", json!(["full_attention", "sliding_attention"])),
		("mixtral", "hidden_act", json!("gelu")),
		("qwen3", "attention_bias", json!(true)),
		("qwen3", "layer_types", json!(["full_attention", "chunked_attention"])),
		("qwen3_moe", "attention_bias", json!(true)),
		("qwen3_moe", "layer_types", json!(["sliding_attention", "full_attention"])),
	] {
		match refusal(model, json!({ option: value })) {
			ModelError::Unsupported { option: named, .. } => assert_eq!(named, option, "{model}"),
			other => panic!("{model}, {option}: {other}"),
		}
	}
}

#[test]
fn config_is_refused_when_a_window_or_an_expert_makes_no_sense() {
	for (model, options, named) in [
		("mistral", json!({ "sliding_window": 0 }), "sliding_window"),
		("mistral", json!({ "sliding_window": "wide" }), "sliding_window"),
		("mistral", json!({ "sliding_window": 1u64 << 40 }), "sliding_window"),
		("qwen3", json!({ "head_dim": null }), "head_dim"),
		("qwen3", json!({ "layer_types": ["full_attention"] }), "layer_types"),
		("qwen3", json!({ "use_sliding_window": 1 }), "use_sliding_window"),
		("qwen3", json!({ "layer_types": 7 }), "layer_types"),
		("qwen3", json!({ "use_sliding_window": false }), "layer_types"),
		("qwen3", json!({ "layer_types": null, "max_window_layers": null }), "max_window_layers"),
		("mixtral", json!({ "num_local_experts": null }), "num_local_experts"),
		("mixtral", json!({ "num_local_experts": 1025 }), "num_local_experts"),
		("mixtral", json!({ "num_experts_per_tok": 0 }), "num_experts_per_tok"),
		("mixtral", json!({ "num_experts_per_tok": 6 }), "num_experts_per_tok"),
		("qwen3_moe", json!({ "num_experts": 0 }), "num_experts"),
		("qwen3_moe", json!({ "moe_intermediate_size": null }), "moe_intermediate_size"),
		("qwen3_moe", json!({ "decoder_sparse_step": 0 }), "decoder_sparse_step"),
		("qwen3_moe", json!({ "mlp_only_layers": [-1] }), "mlp_only_layers"),
		("qwen3_moe", json!({ "norm_topk_prob": "often" }), "norm_topk_prob"),
	] {
		match refusal(model, options.clone()) {
			ModelError::Config(reason) => assert!(reason.contains(named), "{model}, {options}: {reason}"),
			other => panic!("{model}, {options}: {other}"),
		}
	}
}

#[test]
fn windows_and_experts_are_those_of_transformers_when_options_are_absent_or_combined() {
	let read = |model: &str, edit: &dyn Fn(&mut Value)| {
		let mut json = config_json(model);
		edit(&mut json);
		ModelConfig::from_json(&json).unwrap()
	};
	let window = |model, value: Value| read(model, &|json| json["sliding_window"] = value.clone()).windows;
	assert_eq!(read("mistral", &|_| ()).windows, [Some(21); 2]);
	assert_eq!(window("mistral", Value::Null), [None; 2]);
	let absent = read("mistral", &|json| drop(json.as_object_mut().unwrap().remove("sliding_window")));
	assert_eq!(absent.windows, [Some(4096); 2]);
	assert_eq!(window("llama", json!(8)), [None; 2]);
	assert_eq!(window("qwen2", json!(8)), [None; 2]);
	assert_eq!(read("qwen3", &|_| ()).windows, [None, Some(9)]);
	let counted = read("qwen3", &|json| json["layer_types"] = Value::Null);
	assert_eq!(counted.windows, [None, Some(9)]);

	let mixtral = read("mixtral", &|_| ()).experts.unwrap();
	assert_eq!((mixtral.count, mixtral.used, mixtral.width, mixtral.renormalise), (5, 2, 48, true));
	let qwen = |edit: &dyn Fn(&mut Value)| read("qwen3_moe", edit).experts.unwrap();
	let plain = qwen(&|_| ());
	assert_eq!((plain.count, plain.used, plain.width, plain.renormalise), (8, 3, 20, false));
	assert_eq!(plain.layers, [false, true]);
	assert!(qwen(&|json| json["norm_topk_prob"] = json!(true)).renormalise);
	assert_eq!(qwen(&|json| json["mlp_only_layers"] = json!([])).layers, [true, true]);
	let every_other = qwen(&|json| {
		json["num_hidden_layers"] = json!(5);
		json["decoder_sparse_step"] = json!(2);
		json["mlp_only_layers"] = json!([3]);
	});
	assert_eq!(every_other.layers, [false, true, false, false, false]);
}

fn weights_error(model: &str, spoil: impl FnOnce(&mut Tensors)) -> WeightsError {
	let copy = copy_of(model);
	edit_tensors(&copy.path().join("model.safetensors"), spoil);
	let config = EngineConfig { model_dir: copy.path().to_owned(), ..config(model) };
	match Engine::start(config, Arc::new(Folders::default())).map(|_| ()).unwrap_err() {
		EngineError::Model(ModelError::Weights(error)) => error,
		other => panic!("{other}"),
	}
}

#[test]
fn model_is_refused_when_tensors_of_its_family_are_missing_extra_or_of_another() {
	for (model, name) in [
		("qwen3", "model.layers.1.self_attn.k_norm.weight"),
		("mixtral", "model.layers.1.block_sparse_moe.gate.weight"),
		("mixtral", "model.layers.0.block_sparse_moe.experts.4.w2.weight"),
		("qwen3_moe", "model.layers.1.mlp.experts.7.up_proj.weight"),
		("qwen3_moe", "model.layers.0.mlp.up_proj.weight"),
	] {
		let missing = weights_error(model, |tensors| drop(tensors.remove(name)));
		assert_eq!(missing, WeightsError::Missing { name: name.into() });
	}
	for (model, name) in [
		("llama", "model.layers.0.self_attn.q_norm.weight"),
		("mistral", "model.layers.0.block_sparse_moe.gate.weight"),
		("mixtral", "model.layers.0.mlp.up_proj.weight"),
		("mixtral", "model.layers.0.block_sparse_moe.experts.5.w1.weight"),
		("mixtral", "model.layers.0.block_sparse_moe.experts.0.gate_proj.weight"),
		("qwen3_moe", "model.layers.0.mlp.gate.weight"),
		("qwen3_moe", "model.layers.1.mlp.gate_proj.weight"),
		("qwen3_moe", "model.layers.1.mlp.experts.0.w1.weight"),
	] {
		let unexpected = weights_error(model, |tensors| {
			tensors.insert(name.into(), (Dtype::F32, vec![1], vec![0; 4]));
		});
		assert_eq!(unexpected, WeightsError::Unexpected { names: name.into() });
	}
	let name = "model.layers.0.block_sparse_moe.gate.weight";
	let misshapen = weights_error("mixtral", |tensors| tensors.get_mut(name).unwrap().1.reverse());
	assert!(matches!(misshapen, WeightsError::Shape { name: named, .. } if named == name));
}

fn read_adapter(model: &str, options: Value) -> Result<reader::HostAdapter, AdapterError> {
	let copy = copy_of(&format!("{model}/plain"));
	edit_json(&copy.path().join("adapter_config.json"), |json| {
		for (name, value) in options.as_object().unwrap() {
			json[name] = value.clone();
		}
	});
	reader::read(copy.path(), &ModelConfig::open(&fixture(model)).unwrap(), 1 << 20)
}

#[test]
fn adapter_is_refused_by_the_name_of_the_module_when_it_targets_experts_or_routers() {
	let w1 = "model.layers.0.block_sparse_moe.experts.0.w1";
	for (model, targets, module) in [
		("mixtral", json!(["q_proj", "w1"]), w1),
		("mixtral", json!("all-linear"), w1),
		("mixtral", json!(["q_proj", "gate"]), "model.layers.0.block_sparse_moe.gate"),
		("mixtral", json!(r".*\.1\..*experts\.3\.w2"), "model.layers.1.block_sparse_moe.experts.3.w2"),
		("qwen3_moe", json!(["q_proj", "down_proj"]), "model.layers.1.mlp.experts.0.down_proj"),
		("qwen3_moe", json!(["mlp.gate"]), "model.layers.1.mlp.gate"),
	] {
		match read_adapter(model, json!({ "target_modules": targets })) {
			Err(AdapterError::Unsupported { option, value }) => {
				assert_eq!((option.as_str(), value.as_str()), ("target_modules", module));
			}
			other => panic!("{targets}: {other:?}"),
		}
	}
	// What PEFT writes where the experts of a layer are one parameter.
	let fused = read_adapter("mixtral", json!({ "target_parameters": ["gate_up_proj", "gate.weight"] }));
	assert!(matches!(fused, Err(AdapterError::Unsupported { option, value })
		if option == "target_parameters" && value.contains("gate_up_proj")));
}

#[test]
fn adapter_is_read_when_it_targets_the_dense_layer_beside_experts() {
	let module = "model.layers.0.mlp.up_proj";
	let copy = copy_of("qwen3_moe/plain");
	edit_json(&copy.path().join("adapter_config.json"), |json| json["target_modules"] = json!([module]));
	edit_tensors(&copy.path().join("adapter_model.safetensors"), |tensors| {
		tensors.clear();
		for (side, shape) in [("A", vec![4, 32]), ("B", vec![48, 4])] {
			let bytes = vec![0; shape.iter().product::<usize>() * 4];
			tensors
				.insert(format!("base_model.model.{module}.lora_{side}.weight"), (Dtype::F32, shape, bytes));
		}
	});
	let model = ModelConfig::open(&fixture("qwen3_moe")).unwrap();
	let adapter = reader::read(copy.path(), &model, 1 << 20).unwrap();
	assert!(adapter.layers[0][Projection::Up.index()].is_some());
	assert!(adapter.layers[1].iter().all(Option::is_none));
}

/// Logits after the last of some tokens, computed a few at a time.
fn last_logits<E: Executor>(model: &mut E, tokens: &[u32], chunk: usize) -> Vec<f32> {
	let (adapters, blocks) = (AdapterSet::new(Vec::new()), (0..8).collect::<Vec<_>>());
	let mut logits = Vec::new();
	for (index, tokens) in tokens.chunks(chunk).enumerate() {
		let start = index * chunk;
		let chunk = Chunk { tokens, start, blocks: &blocks, adapters: &adapters, want: Want::Logits(1) };
		logits = model.step(&[chunk]).unwrap();
	}
	logits
}

/// Two layers with a window see twice the window, less the token that both count.
fn forgets_tokens_before_all_windows<E: Executor>(model: &mut E, window: usize) {
	let tokens: Vec<u32> = (0..70).map(|token| token * 13 % 320).collect();
	let oldest = tokens.len() - 1 - 2 * (window - 1);
	for chunk in [70, 9, 1] {
		let logits = last_logits(model, &tokens, chunk);
		let mut changed = tokens.clone();
		changed[..oldest].fill(3);
		assert_eq!(last_logits(model, &changed, chunk), logits, "chunks of {chunk}");
		changed[oldest] = 5;
		assert_ne!(last_logits(model, &changed, chunk), logits, "chunks of {chunk}");
	}
}

#[test]
fn logits_stay_the_same_when_only_tokens_before_all_windows_differ() {
	let device = Device::flex();
	for (name, window) in [("mistral", 21), ("mixtral", 16)] {
		let dir = fixture(name);
		let config = ModelConfig::open(&dir).unwrap();
		for precision in [Precision::Full, Precision::Int8] {
			let mut model = CpuModel::load(&dir, &config, config.context, 8, precision).unwrap();
			forgets_tokens_before_all_windows(&mut model, window);
		}
		let ops = Plain::new(&config, config.context, 8, &device);
		let mut model = TensorModel::load(&dir, &config, ops, &device).unwrap();
		forgets_tokens_before_all_windows(&mut model, window);
	}
}

#[test]
fn memory_counts_every_weight_when_the_model_has_experts() {
	let needed = |precision| {
		let config = EngineConfig { memory_bytes: Some(1), precision, ..config("mixtral") };
		match Engine::start(config, Arc::new(Folders::default())).map(|_| ()).unwrap_err() {
			EngineError::Memory { weights, .. } => weights,
			other => panic!("{other}"),
		}
	};
	// Per layer: two norms, attention, router, experts of three matrices; then the last norm and both embeddings.
	let (embedding, routers) = (320 * 32, 2 * 5 * 32);
	let others = 2 * (2 * 32 + 2 * 32 * 32 + 2 * 16 * 32 + 5 * 3 * 48 * 32) + 32 + embedding;
	assert_eq!(needed(Precision::Full), 4 * (others + routers + embedding));
	assert_eq!(needed(Precision::Int8), others * 34 / 32 + 4 * routers + 2 * embedding);
}
