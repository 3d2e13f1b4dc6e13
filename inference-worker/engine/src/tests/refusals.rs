//! What is wrong with a folder or a request is named, and nothing is half applied.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::{
	config::ModelConfig,
	cpu::Precision,
	error::{AdapterError, ModelError, SubmitError, WeightsError},
	lora::reader,
};

fn start_in(dir: &Path) -> EngineError {
	let config = EngineConfig { model_dir: dir.to_owned(), ..config("llama") };
	match Engine::start(config, Arc::new(Folders::default())) {
		Ok(_) => panic!("the model was accepted"),
		Err(error) => error,
	}
}

fn weights_error(error: EngineError) -> WeightsError {
	match error {
		EngineError::Model(ModelError::Weights(error)) => error,
		other => panic!("{other}"),
	}
}

fn spoiled_model(spoil: impl FnOnce(&mut Tensors)) -> EngineError {
	let copy = copy_of("llama");
	edit_tensors(&copy.path().join("model.safetensors"), spoil);
	start_in(copy.path())
}

fn spoiled_config(option: &str, value: Value) -> EngineError {
	let copy = copy_of("llama");
	edit_json(&copy.path().join("config.json"), |json| json[option] = value);
	start_in(copy.path())
}

fn read_adapter(dir: &Path) -> AdapterError {
	let model = ModelConfig::open(&fixture("llama")).unwrap();
	reader::read(dir, &model, 1 << 20).map(|_| ()).unwrap_err()
}

fn spoiled_adapter(spoil: impl FnOnce(&mut Tensors)) -> AdapterError {
	let copy = copy_of("llama/plain");
	edit_tensors(&copy.path().join("adapter_model.safetensors"), spoil);
	read_adapter(copy.path())
}

fn spoiled_adapter_config(option: &str, value: Value) -> AdapterError {
	let copy = copy_of("llama/plain");
	edit_json(&copy.path().join("adapter_config.json"), |json| json[option] = value);
	read_adapter(copy.path())
}

const A: &str = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
const B: &str = "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight";

fn f32s(values: &[f32]) -> Vec<u8> {
	values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn model_is_refused_when_the_architecture_is_unknown() {
	let copy = copy_of("llama");
	edit_json(&copy.path().join("config.json"), |json| {
		json["architectures"] = json!(["MambaForCausalLM"]);
		json["model_type"] = json!("mamba");
	});
	let error = start_in(copy.path());
	assert_eq!(error, ModelError::Architecture("MambaForCausalLM".into()).into());
}

#[test]
fn model_is_refused_by_name_when_an_option_is_unsupported() {
	for (option, value) in [
		("attention_bias", json!(true)),
		("mlp_bias", json!(true)),
		("hidden_act", json!("gelu")),
		("quantization_config", json!({ "bits": 4 })),
		("use_sliding_window", json!(true)),
		("layer_types", json!(["full_attention", "sliding_attention"])),
	] {
		match spoiled_config(option, value) {
			EngineError::Model(ModelError::Unsupported { option: named, .. }) => assert_eq!(named, option),
			other => panic!("{option}: {other}"),
		}
	}
	let scaled = spoiled_config("rope_parameters", json!({ "rope_type": "yarn", "factor": 2.0 }));
	assert!(matches!(scaled, EngineError::Model(ModelError::Unsupported { .. })), "{scaled}");
}

#[test]
fn model_is_refused_when_a_size_is_out_of_bounds() {
	for (option, value) in [
		("hidden_size", json!(0)),
		("num_hidden_layers", json!(1u64 << 40)),
		("num_key_value_heads", json!(3)),
		("head_dim", json!(7)),
		("rms_norm_eps", json!(-1.0)),
		("vocab_size", json!("many")),
		("eos_token_id", json!(-1)),
	] {
		let error = spoiled_config(option, value);
		assert!(matches!(error, EngineError::Model(ModelError::Config(_))), "{option}: {error}");
	}
}

#[test]
fn old_and_new_rope_configuration_agree_when_both_are_written() {
	let old = json!({
		"architectures": ["LlamaForCausalLM"], "vocab_size": 9, "hidden_size": 8, "intermediate_size": 8,
		"num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 64, "rope_theta": 500000.0,
		"rope_scaling": { "type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
			"original_max_position_embeddings": 32 },
	});
	let mut new = old.clone();
	new["rope_parameters"] = new["rope_scaling"].take();
	new["rope_parameters"]["rope_theta"] = new["rope_theta"].take();
	let old = ModelConfig::from_json(&old).unwrap();
	assert_eq!(old, ModelConfig::from_json(&new).unwrap());
	assert_eq!(old.rope_theta, 500_000.0);
	assert!(old.rope_scaling.is_some());
}

#[test]
fn model_is_refused_when_a_tensor_is_missing_extra_or_misshapen() {
	let name = "model.layers.1.mlp.up_proj.weight";
	let missing = weights_error(spoiled_model(|tensors| drop(tensors.remove(name))));
	assert_eq!(missing, WeightsError::Missing { name: name.into() });

	let extra = "model.layers.0.self_attn.q_proj.bias";
	let unexpected = weights_error(spoiled_model(|tensors| {
		tensors.insert(extra.into(), (Dtype::F32, vec![1], f32s(&[0.0])));
	}));
	assert_eq!(unexpected, WeightsError::Unexpected { names: extra.into() });

	let misshapen = weights_error(spoiled_model(|tensors| {
		let shape = &mut tensors.get_mut(name).unwrap().1;
		shape.reverse();
	}));
	assert!(matches!(misshapen, WeightsError::Shape { name: named, .. } if named == name));
}

#[test]
fn model_is_refused_when_a_value_is_not_finite_or_quantized() {
	let name = "model.norm.weight";
	let infinite = weights_error(spoiled_model(|tensors| {
		tensors.get_mut(name).unwrap().2[8..12].copy_from_slice(&f32::INFINITY.to_le_bytes());
	}));
	assert_eq!(infinite, WeightsError::NotFinite { name: name.into(), index: 2 });

	let quantized = weights_error(spoiled_model(|tensors| {
		let tensor = tensors.get_mut(name).unwrap();
		*tensor = (Dtype::I8, tensor.1.clone(), vec![1; tensor.1[0]]);
	}));
	assert_eq!(quantized, WeightsError::Dtype { name: name.into(), dtype: "I8".into() });
}

#[test]
fn model_is_refused_when_only_a_pickle_is_there() {
	let copy = copy_of("llama");
	let weights = copy.path().join("model.safetensors");
	std::fs::remove_file(&weights).unwrap();
	assert!(matches!(weights_error(start_in(copy.path())), WeightsError::Unreadable { .. }));
	std::fs::write(copy.path().join("pytorch_model.bin"), b"PK\x03\x04").unwrap();
	assert_eq!(
		weights_error(start_in(copy.path())),
		WeightsError::Pickle { file: "pytorch_model.bin".into() }
	);
	// A pickle under another name is found by its first bytes.
	std::fs::write(&weights, b"PK\x03\x04 and so on, a zip archive").unwrap();
	assert_eq!(
		weights_error(start_in(copy.path())),
		WeightsError::Pickle { file: "model.safetensors".into() }
	);
}

#[test]
fn model_is_refused_when_the_header_lies() {
	let copy = copy_of("llama");
	let path = copy.path().join("model.safetensors");
	let good = std::fs::read(&path).unwrap();
	let refusal = |bytes: &[u8]| {
		std::fs::write(&path, bytes).unwrap();
		weights_error(start_in(copy.path()))
	};
	assert!(matches!(refusal(&good[..4]), WeightsError::Malformed { .. }));
	assert!(matches!(refusal(&good[..good.len() - 1]), WeightsError::Malformed { .. }));
	assert!(matches!(refusal(&(1u64 << 40).to_le_bytes()), WeightsError::TooLarge { .. }));
	assert!(matches!(refusal(b"\x02\0\0\0\0\0\0\0[]"), WeightsError::Malformed { .. }));
	let overlapping = br#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
	let mut bytes = (overlapping.len() as u64).to_le_bytes().to_vec();
	bytes.extend(overlapping);
	bytes.extend([0; 4]);
	assert!(matches!(refusal(&bytes), WeightsError::Malformed { .. }));
}

#[test]
fn model_is_refused_when_a_shard_leads_out_of_the_folder() {
	for name in ["../model.safetensors", "/model.safetensors", "sub/model.safetensors", "..", "weights.bin"] {
		let copy = copy_of("llama3");
		edit_json(&copy.path().join("model.safetensors.index.json"), |json| {
			json["weight_map"]["model.norm.weight"] = json!(name);
		});
		assert_eq!(weights_error(start_in(copy.path())), WeightsError::OutsideFolder { name: name.into() });
	}
}

#[test]
fn model_is_refused_when_a_shard_lacks_a_tensor_of_the_index() {
	let copy = copy_of("llama3");
	edit_json(&copy.path().join("model.safetensors.index.json"), |json| {
		json["weight_map"]["absent.weight"] = json!("model-00001-of-00004.safetensors");
	});
	assert_eq!(weights_error(start_in(copy.path())), WeightsError::Missing { name: "absent.weight".into() });
}

#[test]
fn model_is_refused_when_it_exceeds_the_memory() {
	let config = EngineConfig { memory_bytes: Some(100_000), ..config("llama") };
	match Engine::start(config, Arc::new(Folders::default())).map(|_| ()).unwrap_err() {
		EngineError::Memory { needed, weights, cache, available } => {
			assert_eq!((needed, available), (weights + cache, 100_000));
			// 2 layers, 128 tokens, 4 bytes; 2 heads of 8 numbers, values filled up to 16.
			assert_eq!(cache, 2 * 128 * 4 * 2 * (8 + 16));
		}
		other => panic!("{other}"),
	}
}

#[test]
fn start_fails_when_a_file_of_the_folder_is_missing_or_broken() {
	for file in ["config.json", "tokenizer.json"] {
		let copy = copy_of("llama");
		std::fs::remove_file(copy.path().join(file)).unwrap();
		assert!(matches!(weights_error(start_in(copy.path())), WeightsError::Unreadable { .. }));
	}
	let copy = copy_of("llama");
	std::fs::write(copy.path().join("tokenizer.json"), "{}").unwrap();
	assert!(matches!(start_in(copy.path()), EngineError::Model(ModelError::Tokenizer(_))));
	std::fs::write(copy.path().join("config.json"), vec![b' '; 5 << 20]).unwrap();
	assert!(matches!(weights_error(start_in(copy.path())), WeightsError::TooLarge { .. }));
}

#[test]
fn start_fails_when_the_device_is_not_in_the_build_or_a_number_is_zero() {
	#[cfg(not(feature = "cuda"))]
	{
		let config = EngineConfig { device: DeviceChoice::Cuda, ..config("llama") };
		let error = Engine::start(config, Arc::new(Folders::default())).map(|_| ()).unwrap_err();
		assert!(error.to_string().contains("--features cuda"), "{error}");
	}
	for config in [
		EngineConfig { max_batch: 0, ..config("llama") },
		EngineConfig { queue: 0, ..config("llama") },
		EngineConfig { max_context: Some(1), ..config("llama") },
	] {
		let error = Engine::start(config, Arc::new(Folders::default())).map(|_| ()).unwrap_err();
		assert!(matches!(error, EngineError::Config(_)), "{error}");
	}
	assert!("gpu".parse::<DeviceChoice>().unwrap_err().contains("flex"));
	assert_eq!("vulkan".parse(), Ok(DeviceChoice::Vulkan));
}

#[test]
fn precision_is_refused_when_the_device_has_no_kernel_for_it() {
	for (device, precision, advice) in [
		(DeviceChoice::Flex, Precision::Int8, "choose precision full"),
		(DeviceChoice::Flex, Precision::Half, "choose precision full"),
		(DeviceChoice::Cpu, Precision::Half, "choose precision full, int8 or int4"),
	] {
		let config = EngineConfig { device, precision, ..config("llama") };
		let error = Engine::start(config, Arc::new(Folders::default())).map(|_| ()).unwrap_err();
		assert!(error.to_string().ends_with(advice), "{error}");
		let error = crate::perplexity(&fixture("llama"), device, precision, &[1, 2], 16).unwrap_err();
		assert!(error.to_string().contains("choose"), "{error}");
	}
	assert_eq!("half".parse(), Ok(Precision::Half));
	assert!("f16".parse::<Precision>().unwrap_err().contains("half"));
}

#[test]
fn adapter_is_refused_when_its_rank_is_wrong() {
	assert!(matches!(
		spoiled_adapter_config("r", json!(8)),
		AdapterError::Weights(WeightsError::Shape { found, expected, .. }) if found == [4, 32] && expected == [8, 32]
	));
}

#[test]
fn adapter_is_refused_when_it_belongs_to_another_base() {
	let shape = read_adapter(&fixture("llama3/plain"));
	assert!(matches!(shape, AdapterError::Weights(WeightsError::Shape { .. })), "{shape}");
}

#[test]
fn adapter_is_refused_when_a_tensor_is_missing_or_extra() {
	let missing = spoiled_adapter(|tensors| drop(tensors.remove(B)));
	assert_eq!(missing, WeightsError::Missing { name: B.into() }.into());
	let extra = "base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight";
	let unexpected = spoiled_adapter(|tensors| {
		tensors.insert(extra.into(), (Dtype::F32, vec![1], f32s(&[0.0])));
	});
	assert_eq!(unexpected, WeightsError::Unexpected { names: extra.into() }.into());
}

#[test]
fn adapter_is_refused_when_a_weight_is_not_finite() {
	let spoiled = spoiled_adapter(|tensors| {
		tensors.get_mut(A).unwrap().2[..4].copy_from_slice(&f32::NAN.to_le_bytes());
	});
	assert_eq!(spoiled, WeightsError::NotFinite { name: A.into(), index: 0 }.into());
	let overflowing = spoiled_adapter(|tensors| {
		tensors.get_mut(B).unwrap().2[..4].copy_from_slice(&f32::MAX.to_le_bytes());
	});
	assert!(matches!(overflowing, AdapterError::Weights(WeightsError::NotFinite { .. })), "{overflowing}");
}

#[test]
fn adapter_is_refused_when_it_is_a_pickle() {
	let copy = copy_of("llama/plain");
	let weights = copy.path().join("adapter_model.safetensors");
	for name in ["adapter_model.bin", "adapter_model.pt"] {
		let _ = std::fs::remove_file(&weights);
		std::fs::write(copy.path().join(name), b"\x80\x02}q\x00.").unwrap();
		assert_eq!(read_adapter(copy.path()), WeightsError::Pickle { file: name.into() }.into());
		std::fs::remove_file(copy.path().join(name)).unwrap();
	}
	std::fs::write(&weights, b"\x80\x02}q\x00.and more of it").unwrap();
	assert_eq!(
		read_adapter(copy.path()),
		WeightsError::Pickle { file: "adapter_model.safetensors".into() }.into()
	);
}

#[test]
fn adapter_is_refused_by_name_when_an_option_is_unsupported() {
	for (option, value) in [
		("use_dora", json!(true)),
		("modules_to_save", json!(["lm_head"])),
		("bias", json!("all")),
		("init_lora_weights", json!("pissa")),
	] {
		match spoiled_adapter_config(option, value) {
			AdapterError::Unsupported { option: named, .. } => assert_eq!(named, option),
			other => panic!("{other}"),
		}
	}
	for target in ["lm_head", "embed_tokens"] {
		let refused = spoiled_adapter_config("target_modules", json!(["q_proj", "v_proj", target]));
		assert!(matches!(refused, AdapterError::Unsupported { option, .. } if option == "target_modules"));
	}
	assert!(matches!(spoiled_adapter_config("target_modules", json!(["nothing"])), AdapterError::Weights(_)));
}

#[cfg(unix)]
#[test]
fn adapter_is_refused_when_a_file_links_out_of_the_folder() {
	let copy = copy_of("llama/plain");
	let weights = copy.path().join("adapter_model.safetensors");
	std::fs::remove_file(&weights).unwrap();
	std::os::unix::fs::symlink(fixture("llama/plain/adapter_model.safetensors"), &weights).unwrap();
	let name = "adapter_model.safetensors".into();
	assert_eq!(read_adapter(copy.path()), WeightsError::OutsideFolder { name }.into());
}

#[test]
fn adapter_is_refused_when_it_is_larger_than_the_budget() {
	let model = ModelConfig::open(&fixture("llama")).unwrap();
	let copy = copy_of("llama/plain");
	let values = reader::read(copy.path(), &model, 1 << 20).unwrap().bytes;
	assert!(reader::read(copy.path(), &model, values).is_ok());
	let in_memory = reader::read(copy.path(), &model, values - 1).unwrap_err();
	assert_eq!(in_memory, AdapterError::OverBudget { bytes: values, budget: values - 1 });

	// Refused by its size alone, before anything is read.
	let file =
		std::fs::File::options().write(true).open(copy.path().join("adapter_model.safetensors")).unwrap();
	file.set_len(4 << 20).unwrap();
	let on_disk = reader::read(copy.path(), &model, values).unwrap_err();
	assert!(matches!(on_disk, AdapterError::Weights(WeightsError::TooLarge { .. })), "{on_disk}");
}

#[test]
fn submit_fails_when_the_request_is_empty_or_too_long() {
	let engine = start("llama");
	let refuse = |prompt: &[u32], max_tokens| {
		engine.submit(request(prompt, &[], max_tokens), Box::new(|_| true)).unwrap_err()
	};
	assert_eq!(refuse(&[], 1), SubmitError::Empty);
	assert_eq!(refuse(&[1], 0), SubmitError::Empty);
	assert_eq!(refuse(&[1; 100], 29), SubmitError::TooLong { tokens: 129, context: 128 });
	assert_eq!(refuse(&[1; 100], usize::MAX), SubmitError::TooLong { tokens: usize::MAX, context: 128 });
	assert!(answer(&engine, request(&[1; 100], &[], 28)).end.is_ok());
}

#[test]
fn request_fails_when_its_values_are_out_of_range() {
	let engine = start("llama");
	let fail = |request| Answer::of(&engine, request).failure();
	assert!(matches!(fail(request(&[1, 320], &[], 4)), EngineError::Tokenizer(_)));
	assert!(matches!(fail(request(&[1], &[(0, f32::NAN)], 4)), EngineError::Adapter { .. }));
	assert!(matches!(fail(request(&[1], &[(0, 1.0); 17], 4)), EngineError::Config(_)));
	let hot = Sampling { temperature: -1.0, ..Sampling::default() };
	assert!(matches!(fail(Request { sampling: hot, ..request(&[1], &[], 4) }), EngineError::Sampling(_)));
	let stops = vec!["x".repeat(1025)];
	assert!(matches!(fail(Request { stop: stops, ..request(&[1], &[], 4) }), EngineError::Config(_)));
	assert_eq!(engine.stats().waiting, 0);
}

#[test]
fn chat_fails_when_the_model_has_no_template() {
	let copy = copy_of("llama");
	std::fs::remove_file(copy.path().join("chat_template.jinja")).unwrap();
	let config = EngineConfig { model_dir: copy.path().to_owned(), ..config("llama") };
	let engine = Engine::start(config, Arc::new(Folders::default())).unwrap();
	assert_eq!(engine.render_chat(&[], true), Err(EngineError::NoTemplate));
}
