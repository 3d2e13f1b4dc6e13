//! Training the adapter.

use std::{path::Path, sync::Arc};

use serde_json::{json, Value};

use super::Base;
use crate::{
	config::AdapterConfig,
	files,
	progress::Progress,
	recipe::{hold_out, Recipe},
	train_adapter_on,
	workflow::{Fetched, Open, Place, Step, StepError},
	CHECKPOINT,
};

/// Folder of the adapter in the step's.
pub const ADAPTER_DIR: &str = "adapter";
/// Curve of the training in the step's folder; no output, for it holds times.
pub const CURVES_FILE: &str = "curves.jsonl";

/// Trains on what a fetch brought.
pub struct TrainStep {
	/// Settings.
	pub recipe: Recipe,
	/// The base model.
	pub base: Base,
	/// Opens the texts.
	pub open: Arc<dyn Open>,
	/// Name of the fetch.
	pub data: String,
}

/// What decides a training beside its texts.
pub(super) fn settings(recipe: &Recipe, base: &Base) -> Value {
	let config = recipe.training(Default::default(), Default::default(), Default::default());
	let weights: Vec<f64> = recipe.datasets.iter().map(|dataset| dataset.weight).collect();
	json!({
		"base": base.content,
		"asset": base.asset,
		"method": config.method,
		"rank": config.rank,
		"alpha": config.alpha,
		"rslora": config.rslora,
		"dropout": config.dropout,
		"target_modules": config.target_modules,
		"chat_share": config.chat_share,
		"train_on_inputs": config.train_on_inputs,
		"schedule": config.schedule,
		"weights": weights,
		"val_set_size": recipe.val_set_size,
	})
}

/// Settings of the training in a folder.
pub(super) fn config(recipe: &Recipe, base: &Base, folder: &Path) -> AdapterConfig {
	recipe.training(base.folder.clone(), folder.join(ADAPTER_DIR), folder.join(CURVES_FILE))
}

impl Step for TrainStep {
	fn name(&self) -> &str {
		"train"
	}

	fn kind(&self) -> &'static str {
		"train/1"
	}

	fn settings(&self) -> Value {
		settings(&self.recipe, &self.base)
	}

	fn inputs(&self) -> Vec<String> {
		vec![self.data.clone()]
	}

	fn outputs(&self) -> Vec<&'static str> {
		vec![ADAPTER_DIR]
	}

	fn run(&mut self, place: &Place, progress: &mut dyn Progress) -> Result<(), StepError> {
		let folder = place.input(&self.data)?;
		let fetched = Fetched::read(folder)?;
		let weights: Vec<f64> = self.recipe.datasets.iter().map(|dataset| dataset.weight).collect();
		let sources = fetched.sources(folder, &weights, self.open.as_ref(), |_, _| true)?;
		let (sources, held_out) = hold_out(sources, self.recipe.val_set_size);
		let config = config(&self.recipe, &self.base, &place.folder);
		train_adapter_on(&config, sources, held_out, progress)?;
		remove_leftovers(&config.out_dir)?;
		// What the adapter was trained on goes with it, for whoever publishes the folder.
		let snapshots: Vec<(u32, u32)> =
			fetched.datasets.iter().map(|dataset| (dataset.datanet, dataset.snapshot)).collect();
		let lineage = json!({ "base": self.base.asset, "snapshots": snapshots });
		files::write_json(&config.out_dir.join("lineage.json"), &lineage)?;
		Ok(())
	}
}

/// What a kill at the very end left: the adapter's folder is published as it is.
fn remove_leftovers(adapter: &Path) -> Result<(), StepError> {
	for entry in std::fs::read_dir(adapter)? {
		let entry = entry?;
		let name = entry.file_name();
		let name = name.to_string_lossy();
		if name == CHECKPOINT || name.ends_with(".part") {
			std::fs::remove_file(entry.path())?;
		}
	}
	Ok(())
}
