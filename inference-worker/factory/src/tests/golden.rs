//! Adapters that were trained here, and what `peft` answers with them: `tests/fixtures/make.py`.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use burn::tensor::Device;
use safetensors::SafeTensors;
use serde::Deserialize;
use serde_json::Value;
use tributary_engine::{AdapterUse, DeviceChoice, Engine, EngineConfig};

use super::{
	batch_of,
	engine::{generate, Folder},
	folders::load_adapter,
};
use crate::{config::Method, parameters::load_model, AdapterConfig, ADAPTER_CONFIG};

#[derive(Deserialize)]
struct Golden {
	base: String,
	tokens: Vec<u32>,
}

/// The configuration that a PEFT folder says it was made with.
fn configuration(folder: &Path, base: &Path) -> AdapterConfig {
	let json: Value =
		serde_json::from_slice(&fs::read(folder.join(ADAPTER_CONFIG)).expect("file")).expect("JSON");
	let modules = json["target_modules"].as_array().expect("modules");
	AdapterConfig {
		rank: json["r"].as_u64().expect("rank") as usize,
		alpha: json["lora_alpha"].as_f64().expect("alpha"),
		rslora: json["use_rslora"].as_bool().expect("rslora"),
		target_modules: modules.iter().map(|name| name.as_str().expect("a name").to_owned()).collect(),
		..AdapterConfig::new(base.to_owned(), vec![], folder.to_owned())
	}
}

#[test]
fn trainer_and_engine_answer_as_peft_when_they_load_a_trained_folder() {
	let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
	let golden = fs::read(fixtures.join("golden.json")).expect("golden");
	let golden: BTreeMap<String, Golden> = serde_json::from_slice(&golden).expect("JSON");
	let tensors = fs::read(fixtures.join("golden.safetensors")).expect("golden");
	let tensors = SafeTensors::deserialize(&tensors).expect("tensors");
	assert_eq!(golden.len(), 2);
	for (label, Golden { base, tokens }) in golden {
		let view = tensors.tensor(&label).expect("logits");
		let bytes = view.data().chunks_exact(4);
		let expected: Vec<f32> = bytes.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
		let base = fixtures.join("../../../engine/tests/fixtures").join(base);
		let config = configuration(&fixtures.join(&label), &base);

		let mut model = load_model(&base, Method::Lora, &Device::flex()).expect("base");
		load_adapter(&mut model, &config);
		let found = model.logits(model.hidden(&batch_of(&tokens))).try_into_vec_as::<f32>().expect("logits");
		assert_eq!(found.len(), expected.len());
		for (found, expected) in found.iter().zip(&expected) {
			assert!((found - expected).abs() < 1e-4, "{label}: trainer {found}, peft {expected}");
		}

		let engine_config =
			EngineConfig { model_dir: base, device: DeviceChoice::Cpu, ..EngineConfig::default() };
		let engine = Engine::start(engine_config, Arc::new(Folder(config.out_dir))).expect("engine");
		for (place, row) in expected.chunks(expected.len() / tokens.len()).enumerate() {
			let prompt = &tokens[..=place];
			let answer = generate(&engine, prompt, vec![AdapterUse { hash: [1; 32], scale: 1.0 }], 1);
			let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
			let probability = -row.iter().map(|logit| (logit - most).exp()).sum::<f32>().ln();
			let [(id, found)] = answer[..] else { panic!("one token") };
			assert_eq!(row[id as usize], most, "{label}: the most likely token");
			assert!((found - probability).abs() < 1e-4, "{label}: engine {found}, peft {probability}");
		}
		engine.shutdown();
	}
}
