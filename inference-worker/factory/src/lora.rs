//! LoRA adapters: new low-rank updates, and the PEFT folder format.

use burn::tensor::{Device, Tensor};
use rand_chacha::{rand_core::SeedableRng, ChaCha20Rng};
use safetensors::Dtype;
use serde_json::json;

use crate::{
	config::AdapterConfig,
	error::FactoryError,
	files,
	layer::LowRank,
	model::Model,
	parameters::{host, matrix, normal, transpose, write_safetensors},
};

/// Weights of a PEFT folder.
pub const WEIGHTS: &str = "adapter_model.safetensors";
/// Settings of a PEFT folder.
pub const CONFIG: &str = "adapter_config.json";

fn is_target(module: &str, targets: &[String]) -> bool {
	targets.iter().any(|target| module.rsplit('.').next() == Some(target))
}

/// Gives every target projection a new update: `a` random, `b` zero, so that the model starts unchanged.
pub(crate) fn attach(model: &mut Model, config: &AdapterConfig, device: &Device) {
	let mut rng = ChaCha20Rng::seed_from_u64(config.schedule.seed);
	for (site, (module, projection)) in model.projections().into_iter().enumerate() {
		if !is_target(&module, &config.target_modules) {
			continue;
		}
		let [rows, columns] = projection.weight.sizes();
		let a = normal(&mut rng, rows * config.rank, 1.0 / (rows as f32).sqrt());
		projection.low_rank = Some(LowRank {
			a: matrix(a, rows, config.rank, device),
			b: Tensor::zeros([config.rank, columns], device),
			scale: config.scale(),
			site: site as u64,
		});
	}
}

/// Name of a PEFT tensor; PEFT has `lora_A` as `[rank, in]` and `lora_B` as `[out, rank]`.
fn tensor_name(module: &str, part: char) -> String {
	format!("base_model.model.{module}.lora_{part}.weight")
}

/// Writes `adapter_config.json` and `adapter_model.safetensors`.
pub(crate) fn save(model: &mut Model, config: &AdapterConfig) -> Result<(), FactoryError> {
	let path = config.out_dir.join(WEIGHTS);
	let mut tensors = Vec::new();
	for (module, projection) in model.projections() {
		let Some(update) = &projection.low_rank else { continue };
		for (part, tensor) in [('A', &update.a), ('B', &update.b)] {
			let [rows, columns] = tensor.dims();
			let values = transpose(&host(tensor, &path)?, rows);
			let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
			tensors.push((tensor_name(&module, part), Dtype::F32, vec![columns, rows], bytes));
		}
	}
	write_safetensors(&path, tensors, None)?;
	let base =
		config.base_dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
	let json = json!({
		"peft_type": "LORA",
		"task_type": "CAUSAL_LM",
		"base_model_name_or_path": base,
		"r": config.rank,
		"lora_alpha": config.alpha,
		"lora_dropout": config.dropout,
		"target_modules": config.target_modules,
		"bias": "none",
		"fan_in_fan_out": false,
		"init_lora_weights": true,
		"inference_mode": true,
		"modules_to_save": null,
		"layers_to_transform": null,
		"layers_pattern": null,
		"rank_pattern": {},
		"alpha_pattern": {},
		"use_dora": false,
		"use_rslora": config.rslora,
	});
	files::write_json(&config.out_dir.join(CONFIG), &json)
}
