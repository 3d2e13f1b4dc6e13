//! Measuring the trained adapter on the recipe's benchmarks.

use std::{path::Path, sync::Arc};

use serde_json::{json, Value};

use super::{device, Base, ADAPTER_DIR};
use crate::{
	ablation::Trial,
	evaluation::{evaluate, read_items, EvaluationError, Metric, Part, Report, Settings, Subject},
	files,
	progress::Progress,
	recipe::Recipe,
	workflow::{Fetched, Open, Place, Step, StepError},
};

/// Folder of the reports, `<index>.json`, in the order of the recipe.
const REPORTS_DIR: &str = "reports";

/// Measures an adapter with the prompts of its agent.
pub struct EvaluateStep {
	/// Settings.
	pub recipe: Recipe,
	/// The base model.
	pub base: Base,
	/// Texts of the agent's prompts with the hashes of their content.
	pub prompts: Vec<(String, String)>,
	/// Opens the benchmarks.
	pub open: Arc<dyn Open>,
	/// Name of the fetch of the benchmarks.
	pub benchmarks: String,
}

/// What was measured on a benchmark.
pub type Measurement = Report;

pub(super) fn settings(recipe: &Recipe, base: &Base, prompts: &[(String, String)]) -> Value {
	let prompts: Vec<&String> = prompts.iter().map(|(_, hash)| hash).collect();
	let measured: Vec<Value> = recipe
		.evaluation
		.iter()
		.map(|one| json!({ "metrics": one.metrics, "max_tokens": one.max_tokens }))
		.collect();
	json!({
		"base": base.content,
		"asset": base.asset,
		"prompts": prompts,
		"measured": measured,
		"device": recipe.device,
		"seed": recipe.seed,
		"version": env!("CARGO_PKG_VERSION"),
	})
}

/// The recipe's benchmarks as they were fetched, in its order.
pub(super) fn trials(recipe: &Recipe, folder: &Path, open: &dyn Open) -> Result<Vec<Trial>, StepError> {
	let fetched = Fetched::read(folder)?;
	let mut trials = Vec::new();
	for (index, evaluation) in recipe.evaluation.iter().enumerate() {
		let (benchmark, contributions) = fetched.benchmark(folder, index, open)?;
		let metrics: Result<Vec<Metric>, EvaluationError> =
			evaluation.metrics.iter().map(|metric| metric.parse()).collect();
		let private = fetched.datasets.get(index).is_some_and(|dataset| dataset.private);
		trials.push(Trial {
			benchmark,
			items: read_items(&contributions)?,
			metrics: metrics?,
			settings: Settings {
				max_tokens: evaluation.max_tokens,
				seed: recipe.seed,
				keep_answers: !private,
			},
		});
	}
	Ok(trials)
}

/// What a workflow's adapter is made of, for its reports.
pub(super) fn parts(
	base: &Base,
	adapter: &Path,
	prompts: &[(String, String)],
) -> Result<Vec<Part>, StepError> {
	let weights = files::read(&adapter.join(crate::ADAPTER_WEIGHTS))?;
	let unpublished =
		|kind: &str, content: String| Part { kind: kind.into(), asset: None, version: None, content };
	let (asset, version) = (Some(base.asset.0), Some(base.asset.1));
	let mut parts = vec![Part { kind: "base".into(), asset, version, content: base.content.clone() }];
	parts.push(unpublished("adapter", blake3::hash(&weights).to_hex().to_string()));
	parts.extend(prompts.iter().map(|(_, hash)| unpublished("prompt", hash.clone())));
	Ok(parts)
}

impl EvaluateStep {
	/// The reports in a finished step's folder.
	pub fn reports(folder: &Path, recipe: &Recipe) -> Result<Vec<Measurement>, StepError> {
		let read = |index: usize| {
			let bytes = files::read(&folder.join(REPORTS_DIR).join(format!("{index}.json")))?;
			Ok(Report::parse(&bytes)?)
		};
		(0..recipe.evaluation.len()).map(read).collect()
	}
}

impl Step for EvaluateStep {
	fn name(&self) -> &str {
		"evaluate"
	}

	fn kind(&self) -> &'static str {
		"evaluate/1"
	}

	fn settings(&self) -> Value {
		settings(&self.recipe, &self.base, &self.prompts)
	}

	fn inputs(&self) -> Vec<String> {
		vec!["train".into(), self.benchmarks.clone()]
	}

	fn outputs(&self) -> Vec<&'static str> {
		vec![REPORTS_DIR]
	}

	fn run(&mut self, place: &Place, progress: &mut dyn Progress) -> Result<(), StepError> {
		let adapter = place.input("train")?.join(ADAPTER_DIR);
		let subject = Subject {
			base: self.base.folder.clone(),
			adapters: vec![(adapter.clone(), 1.0)],
			prompts: self.prompts.iter().map(|(text, _)| text.clone()).collect(),
		};
		let trials = trials(&self.recipe, place.input(&self.benchmarks)?, self.open.as_ref())?;
		files::create_dir(&place.folder.join(REPORTS_DIR))?;
		for (index, trial) in trials.into_iter().enumerate() {
			let device = device(self.recipe.device);
			let mut report =
				evaluate(&subject, device, &trial.items, &trial.metrics, trial.settings, progress)?;
			report.subject = parts(&self.base, &adapter, &self.prompts)?;
			report.benchmark = Some(trial.benchmark);
			let path = place.folder.join(REPORTS_DIR).join(format!("{index}.json"));
			files::write(&path, &report.to_bytes())?;
		}
		Ok(())
	}
}
