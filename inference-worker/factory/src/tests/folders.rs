//! Written folders load back, here and in the engine.

use std::{fs, path::Path};

use burn::tensor::Device;
use safetensors::SafeTensors;

use super::{adapter_config, base_config, batch_of};
use crate::{
	config::Method,
	layer::LowRank,
	lora,
	model::Model,
	parameters::{load_matrix, load_model, matrix, save_model, transpose},
	train_adapter, train_base, AdapterConfig, Silent, ADAPTER_CONFIG, ADAPTER_WEIGHTS,
};

fn logits(model: &Model, tokens: &[u32]) -> Vec<f32> {
	model.logits(model.hidden(&batch_of(tokens))).try_into_vec_as::<f32>().expect("logits")
}

/// Reads the updates of a PEFT folder by the names and layout that PEFT documents.
pub(super) fn load_adapter(model: &mut Model, config: &AdapterConfig) {
	let path = config.out_dir.join(ADAPTER_WEIGHTS);
	let bytes = fs::read(&path).expect("weights");
	let file = SafeTensors::deserialize(&bytes).expect("safetensors");
	let mut tensors = 0;
	for (site, (module, projection)) in model.projections().into_iter().enumerate() {
		let ([rows, columns], rank) = (projection.weight.sizes(), config.rank);
		if !config.target_modules.iter().any(|target| module.ends_with(target.as_str())) {
			continue;
		}
		let name = |part: char| format!("base_model.model.{module}.lora_{part}.weight");
		let a = load_matrix(&file, &path, &name('A'), rank, rows).expect("A");
		let b = load_matrix(&file, &path, &name('B'), columns, rank).expect("B");
		tensors += 2;
		projection.low_rank = Some(LowRank {
			a: matrix(transpose(&a, rank), rows, rank, &Device::flex()),
			b: matrix(transpose(&b, columns), rank, columns, &Device::flex()),
			scale: config.scale(),
			site: site as u64,
		});
	}
	assert_eq!(file.len(), tensors, "no other tensors");
}

fn assert_base_loads_back(dir: &Path) {
	let device = Device::flex();
	let mut loaded = load_model(dir, Method::Lora, &device).expect("loaded");
	let again = dir.join("again.safetensors");
	save_model(&mut loaded, &again).expect("saved");
	assert!(fs::read(dir.join("model.safetensors")).expect("first") == fs::read(again).expect("second"));
}

#[test]
fn folders_load_back_when_they_were_saved() {
	let root = tempfile::tempdir().expect("temporary folder");
	train_base(&base_config(root.path(), "base"), &mut Silent).expect("base");
	assert_base_loads_back(&root.path().join("base"));

	let config = adapter_config(root.path(), "base", "adapter");
	train_adapter(&config, &mut Silent).expect("adapter");
	let device = Device::flex();
	let tokens = [5, 17, 200, 80, 4];
	let mut model = load_model(&config.base_dir, Method::Lora, &device).expect("base");
	let plain = logits(&model, &tokens);
	load_adapter(&mut model, &config);
	let adapted = logits(&model, &tokens);
	assert_ne!(plain, adapted, "the adapter changes the answer");

	// Saving what was loaded gives the same bytes, so nothing was lost or turned.
	let copy = AdapterConfig { out_dir: root.path().join("copy"), ..config.clone() };
	fs::create_dir_all(&copy.out_dir).expect("folder");
	lora::save(&mut model, &copy).expect("saved");
	for name in [ADAPTER_WEIGHTS, ADAPTER_CONFIG] {
		assert!(
			fs::read(config.out_dir.join(name)).expect(name)
				== fs::read(copy.out_dir.join(name)).expect(name)
		);
	}
}
