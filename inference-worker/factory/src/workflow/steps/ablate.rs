//! Leaving out datasets, contributors, prompts or the adapter, one after the other.

use std::{
	collections::BTreeSet,
	path::{Path, PathBuf},
	sync::Arc,
};

use serde_json::{json, Value};

use super::{device, evaluate, train, Base, ADAPTER_DIR};
use crate::{
	ablation::{ablate, Left, Plan, Variants, MAX_LEFT_OUT},
	evaluation::Subject,
	files,
	progress::Progress,
	recipe::{hold_out, Ablation, LeaveOut, Method, Recipe},
	train_adapter_on,
	workflow::{Dataset, Fetched, Member, Open, Place, Step, StepError},
};

/// The report in the step's folder.
pub const ABLATION_REPORT: &str = "ablation.json";

/// Measures who would be missed.
pub struct AblateStep {
	/// Settings.
	pub recipe: Recipe,
	/// What of them is asked for.
	pub ablation: Ablation,
	/// The base model.
	pub base: Base,
	/// Names, texts and hashes of the agent's prompts.
	pub prompts: Vec<(String, String, String)>,
	/// Opens texts and benchmarks.
	pub open: Arc<dyn Open>,
	/// Name of the fetch of the training data.
	pub data: String,
	/// Name of the fetch of the benchmarks.
	pub benchmarks: String,
}

impl AblateStep {
	fn texts(&self) -> Vec<(String, String)> {
		self.prompts.iter().map(|(_, text, hash)| (text.clone(), hash.clone())).collect()
	}

	/// The recipe of the trainings that are compared.
	fn trained(&self, repeat: usize) -> Recipe {
		let mut recipe = self.recipe.clone();
		if let Some(steps) = self.ablation.max_steps {
			(recipe.max_steps, recipe.num_epochs) = (Some(steps), None);
			recipe.warmup_steps = recipe.warmup_steps.min(steps / 10);
		}
		recipe.seed = recipe.seed.wrapping_add(repeat as u64);
		recipe
	}
}

impl Step for AblateStep {
	fn name(&self) -> &str {
		"ablate"
	}

	fn kind(&self) -> &'static str {
		"ablate/1"
	}

	fn settings(&self) -> Value {
		let names: Vec<&String> = self.prompts.iter().map(|(name, ..)| name).collect();
		json!({
			"ablation": self.ablation,
			"names": names,
			"training": train::settings(&self.trained(0), &self.base),
			"evaluation": evaluate::settings(&self.recipe, &self.base, &self.texts()),
		})
	}

	fn inputs(&self) -> Vec<String> {
		vec![self.data.clone(), self.benchmarks.clone(), "train".into()]
	}

	fn outputs(&self) -> Vec<&'static str> {
		vec![ABLATION_REPORT]
	}

	fn run(&mut self, place: &Place, progress: &mut dyn Progress) -> Result<(), StepError> {
		let data = place.input(&self.data)?;
		let fetched = Fetched::read(data)?;
		let left_out = self.left_out(&fetched);
		// Said before anything is trained.
		if let Some(LeftOut { left, .. }) = left_out.iter().find(|one| one.what.is_all(&fetched)) {
			let reason = "nothing would be left to train on; choose another `leave_out`";
			return Err(format!("without {}: {reason}", left.name).into());
		}
		let trials = evaluate::trials(&self.recipe, place.input(&self.benchmarks)?, self.open.as_ref())?;
		let adapter = place.input("train")?.join(ADAPTER_DIR);
		let things: Vec<Left> = left_out.iter().map(|one| one.left.clone()).collect();
		let word = |value: Value| value.as_str().unwrap_or_default().to_owned();
		let (leave_out, method) = (word(json!(self.ablation.leave_out)), word(json!(self.ablation.method)));
		let trains = self.ablation.method == Method::Retrain;
		let steps = self.trained(0).max_steps.filter(|_| trains);
		let plan = Plan {
			leave_out: &leave_out,
			method: &method,
			repeats: self.ablation.repeats,
			steps,
			device: device(self.recipe.device),
			seed: self.recipe.seed,
		};
		let mut variants = Compared {
			step: self,
			fetched: &fetched,
			data,
			adapter: &adapter,
			folder: &place.folder,
			left_out,
		};
		let mut report = ablate(plan, &things, &trials, &mut variants, progress)?;
		report.subject = evaluate::parts(&self.base, &adapter, &self.texts())?;
		files::write(&place.folder.join(ABLATION_REPORT), &report.to_bytes())?;
		Ok(())
	}
}

/// What one of the variants lacks.
struct LeftOut {
	left: Left,
	what: What,
}

enum What {
	Dataset(u32),
	Contributors(BTreeSet<String>),
	Prompt(usize),
	Adapter,
}

impl What {
	fn has(&self, dataset: &Dataset, member: &Member) -> bool {
		match self {
			Self::Dataset(datanet) => dataset.datanet == *datanet,
			Self::Contributors(names) => names.contains(&member.contributor),
			Self::Prompt(_) | Self::Adapter => false,
		}
	}

	fn is_all(&self, fetched: &Fetched) -> bool {
		fetched.datasets.iter().all(|dataset| dataset.members.iter().all(|member| self.has(dataset, member)))
	}
}

impl AblateStep {
	fn left_out(&self, fetched: &Fetched) -> Vec<LeftOut> {
		let contributors = fetched.contributors();
		let all: u64 = contributors.iter().map(|(_, bytes)| bytes).sum();
		let share = |bytes: u64| Some(bytes as f64 / all.max(1) as f64);
		let part = |name: String, what| LeftOut { left: Left { name, share: None }, what };
		match self.ablation.leave_out {
			LeaveOut::Datanets => {
				let left = |dataset: &Dataset| {
					let bytes = dataset.members.iter().map(|member| member.bytes).sum();
					let name = format!("DataNet {}", dataset.datanet);
					LeftOut { left: Left { name, share: share(bytes) }, what: What::Dataset(dataset.datanet) }
				};
				fetched.datasets.iter().map(left).collect()
			}
			LeaveOut::Contributors => {
				// The largest one by one; what all others gave is left out at once.
				let mut left: Vec<LeftOut> = contributors
					.iter()
					.take(MAX_LEFT_OUT - 1)
					.map(|(name, bytes)| LeftOut {
						left: Left { name: name.clone(), share: share(*bytes) },
						what: What::Contributors(BTreeSet::from([name.clone()])),
					})
					.collect();
				let others = contributors.get(left.len()..).unwrap_or_default();
				if !others.is_empty() {
					let bytes = others.iter().map(|(_, bytes)| bytes).sum();
					let name = format!("{} others", others.len());
					let what = What::Contributors(others.iter().map(|(name, _)| name.clone()).collect());
					left.push(LeftOut { left: Left { name, share: share(bytes) }, what });
				}
				left
			}
			LeaveOut::Prompts => {
				let named = self.prompts.iter().enumerate();
				named.map(|(index, (name, ..))| part(format!("prompt {name}"), What::Prompt(index))).collect()
			}
			LeaveOut::Adapters => vec![part("the adapter".into(), What::Adapter)],
		}
	}
}

/// The models of an ablation.
struct Compared<'a> {
	step: &'a AblateStep,
	fetched: &'a Fetched,
	data: &'a Path,
	adapter: &'a Path,
	folder: &'a Path,
	left_out: Vec<LeftOut>,
}

impl Compared<'_> {
	/// Trains, or takes the training that is done already.
	fn train(
		&self,
		without: Option<&What>,
		name: &str,
		repeat: usize,
		progress: &mut dyn Progress,
	) -> Result<PathBuf, StepError> {
		let recipe = self.step.trained(repeat);
		let weights: Vec<f64> = recipe.datasets.iter().map(|dataset| dataset.weight).collect();
		let keep = |dataset: &Dataset, member: &Member| without.is_none_or(|what| !what.has(dataset, member));
		let sources = self.fetched.sources(self.data, &weights, self.step.open.as_ref(), keep)?;
		let (sources, held_out) = hold_out(sources, recipe.val_set_size);
		let folder = self.folder.join("trainings").join(format!("{name}-{repeat}"));
		files::create_dir(&folder)?;
		let config = train::config(&recipe, &self.step.base, &folder);
		train_adapter_on(&config, sources, held_out, progress)?;
		Ok(config.out_dir)
	}
}

impl Variants for Compared<'_> {
	fn subject(
		&mut self,
		without: Option<usize>,
		repeat: usize,
		progress: &mut dyn Progress,
	) -> Result<Subject, StepError> {
		let what = without.and_then(|index| self.left_out.get(index)).map(|left| &left.what);
		let adapter = match (self.step.ablation.method, what) {
			(Method::Retrain, what) => {
				let name = without.map_or_else(|| "all".to_owned(), |index| format!("without-{index}"));
				Some(self.train(what, &name, repeat, progress)?)
			}
			(Method::Drop, Some(What::Adapter)) => None,
			(Method::Drop, _) => Some(self.adapter.to_owned()),
		};
		let dropped = |index: usize| matches!(what, Some(What::Prompt(dropped)) if *dropped == index);
		let prompts = self.step.prompts.iter().enumerate();
		Ok(Subject {
			base: self.step.base.folder.clone(),
			adapters: adapter.into_iter().map(|folder| (folder, 1.0)).collect(),
			prompts: prompts
				.filter(|(index, _)| !dropped(*index))
				.map(|(_, (_, text, _))| text.clone())
				.collect(),
		})
	}
}
