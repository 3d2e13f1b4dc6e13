//! Models whose weights were quantized into a folder.

use super::*;
use crate::{quantize, Precision};

fn quantized(model: &str, precision: Precision) -> (TempDir, PathBuf) {
	let folder = TempDir::new().unwrap();
	let target = folder.path().join("quantized");
	let (mut calls, mut last) = (0, (0, 0));
	let report = quantize(&fixture(model), &target, precision, |done, all| {
		calls += 1;
		last = (done, all);
	});
	let report = report.unwrap();
	assert!(last.0 == last.1 && calls == last.1 && calls > 0);
	assert!(report.bytes_after < report.bytes_before, "{report:?}");
	assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
	(folder, target)
}

fn serve(model_dir: PathBuf, precision: Precision, device: DeviceChoice, model: &str) -> Engine {
	let config = EngineConfig { model_dir, precision, device, ..config(model) };
	Engine::start(config, Arc::new(Folders::of(model))).unwrap()
}

#[test]
fn answers_are_the_same_bits_when_weights_were_rounded_before_or_at_the_start() {
	for model in MODELS {
		for precision in [Precision::Int8, Precision::Int4] {
			let (_folder, target) = quantized(model, precision);
			let before = serve(target.clone(), Precision::Full, DeviceChoice::Cpu, model);
			let named = serve(target, precision, DeviceChoice::Cpu, model);
			let at_start = serve(fixture(model), precision, DeviceChoice::Cpu, model);
			assert_eq!((before.profile(), named.profile()), (at_start.profile(), at_start.profile()));
			for adapters in [&[][..], &[(1, 1.0)]] {
				let request = || request(&[0, 70, 71, 72, 73], adapters, 30);
				let expected = answer(&at_start, request());
				assert_eq!(answer(&before, request()), expected, "{model} {precision}");
				assert_eq!(answer(&named, request()), expected, "{model} {precision}");
			}
		}
	}
}

#[test]
fn quantized_folder_is_computed_in_floats_when_the_device_is_for_comparison() {
	let (_folder, target) = quantized("qwen2", Precision::Int8);
	let (burn, full) = (
		serve(target, Precision::Full, DeviceChoice::Flex, "qwen2"),
		serve(fixture("qwen2"), Precision::Full, DeviceChoice::Flex, "qwen2"),
	);
	let [rounded, exact] =
		[burn, full].map(|engine| answer(&engine, request(&[0, 70, 71], &[], 1)).logprobs[0]);
	assert!(rounded != exact && (rounded - exact).abs() < 0.1, "{rounded} {exact}");
}

#[test]
fn quantizing_is_refused_when_it_makes_no_sense() {
	let folder = TempDir::new().unwrap();
	let refused =
		|source: &Path, target: &Path, precision| match quantize(source, target, precision, |_, _| {}) {
			Err(EngineError::Quantize(reason)) => reason,
			other => panic!("{other:?}"),
		};
	let target = folder.path().join("new");
	assert!(refused(&fixture("llama"), &target, Precision::Full).contains("int8 or int4"));
	assert!(refused(&fixture("llama"), folder.path(), Precision::Int8).contains("exists"));
	let (_folder, quantized) = quantized("llama", Precision::Int8);
	assert!(refused(&quantized, &target, Precision::Int4).contains("int8 already"));
	let other = EngineConfig { model_dir: quantized, precision: Precision::Int4, ..config("llama") };
	match Engine::start(other, Arc::new(Folders::of("llama"))).map(|_| ()) {
		Err(EngineError::Config(reason)) => assert!(reason.contains("int8"), "{reason}"),
		other => panic!("{other:?}"),
	}
	assert!(!target.exists());
}

#[test]
fn quantized_folder_is_refused_when_a_scale_is_missing_or_of_another_kind() {
	let (_folder, target) = quantized("llama", Precision::Int8);
	let scale = "model.layers.0.self_attn.q_proj.weight_scale";
	let start = || {
		Engine::start(
			EngineConfig { model_dir: target.clone(), ..config("llama") },
			Arc::new(Folders::of("llama")),
		)
	};
	edit_tensors(&target.join("model.safetensors"), |tensors| {
		let moved = tensors.remove(scale).unwrap();
		tensors.insert("model.norm.weight_scale".into(), moved);
	});
	let error = start().map(|_| ()).unwrap_err().to_string();
	assert!(error.contains("model.norm.weight_scale"), "{error}");
	edit_tensors(&target.join("model.safetensors"), |tensors| {
		drop(tensors.remove("model.norm.weight_scale"))
	});
	let error = start().map(|_| ()).unwrap_err().to_string();
	assert!(error.contains(scale) && error.contains("missing"), "{error}");
	edit_json(&target.join("config.json"), |json| json["quantization_config"]["group_size"] = 64.into());
	let error = start().map(|_| ()).unwrap_err().to_string();
	assert!(error.contains("quantization_config"), "{error}");
}
