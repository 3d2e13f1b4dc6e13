//! `tributary factory`: recipes from data to a paid agent.

mod compose;
mod fetch;
mod open;
mod publish;
mod resolve;
mod watch;

pub use open::Opener;
pub use resolve::{base_of, dataset, subject};
pub use watch::{watched, Watch};

use crate::{context::Context, failure::Failure, output::*};
use clap::Subcommand;
use serde_json::{json, Value};
use std::{
	collections::BTreeMap,
	path::{Path, PathBuf},
	sync::Arc,
};
use tributary_factory::{
	recipe::Recipe,
	workflow::{
		AblateStep, EvaluateStep, State, Status, Step, StepStatus, TrainStep, Workflow, WorkflowError,
		ABLATION_REPORT, ADAPTER_DIR,
	},
};

/// Recipes: run them, and see how far they are.
#[derive(Debug, Subcommand)]
pub enum FactoryCommand {
	/// Run a recipe, or go on with it: fetch, train, evaluate, ablate, publish, compose. What is done is not done
	/// again.
	Run {
		/// The recipe, YAML.
		recipe: PathBuf,
		/// Folder of what the steps make [default: HOME/factory/NAME OF THE RECIPE].
		#[arg(long, value_name = "FOLDER")]
		work: Option<PathBuf>,
		/// End after this step: fetch, benchmarks, train, evaluate, ablate, publish, documents or compose.
		#[arg(long, value_name = "STEP")]
		until: Option<String>,
	},
	/// How far a recipe is.
	Status {
		/// The recipe, or its work folder.
		recipe: PathBuf,
		/// Folder that was named with `run --work`.
		#[arg(long, value_name = "FOLDER")]
		work: Option<PathBuf>,
	},
	/// Remove what a finished recipe's steps made with other settings or older texts, and its last run did not need.
	Clean {
		/// The recipe, or its work folder.
		recipe: PathBuf,
		/// Folder that was named with `run --work`.
		#[arg(long, value_name = "FOLDER")]
		work: Option<PathBuf>,
	},
	/// Read a recipe and say what is wrong with it; nothing is fetched and no chain is needed.
	Check {
		/// The recipe.
		recipe: PathBuf,
	},
}

impl FactoryCommand {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		match self {
			Self::Run { recipe, work, until } => {
				let work = work.unwrap_or_else(|| default_work(context, &recipe));
				run(context, &recipe, &work, until.as_deref()).await
			}
			Self::Status { recipe, work } => {
				let work = existing_work(context, recipe, work)?;
				let status = Status::read(&work)?;
				Ok(status_output(&work, &status))
			}
			Self::Clean { recipe, work } => {
				let work = existing_work(context, recipe, work)?;
				let removed = Workflow::open(&work, &name(&work))?.clean()?;
				let text = format!("removed {removed} step folders that the last run did not need");
				Ok(Output::new(json!({ "work": work, "removed": removed }), text))
			}
			Self::Check { recipe } => {
				let read = self::read(&recipe)?;
				compose::check(&read)?;
				let text =
					format!("{} is a good recipe; run it with `tributary factory run`", recipe.display());
				Ok(Output::new(json!({ "recipe": read }), text))
			}
		}
	}
}

fn name(recipe: &Path) -> String {
	recipe.file_stem().map_or_else(|| "recipe".into(), |stem| stem.to_string_lossy().into_owned())
}

fn default_work(context: &Context, recipe: &Path) -> PathBuf {
	context.home().join("factory").join(name(recipe))
}

/// The folder of a recipe that was run.
fn existing_work(context: &Context, recipe: PathBuf, work: Option<PathBuf>) -> Result<PathBuf, Failure> {
	let work = match work {
		Some(work) => work,
		None if recipe.is_dir() => recipe,
		None => default_work(context, &recipe),
	};
	if !work.join(tributary_factory::workflow::STATUS_FILE).is_file() {
		let work = work.display();
		return Err(Failure::Usage(format!("no recipe was run in {work}: name its folder with --work")));
	}
	Ok(work)
}

fn read(path: &Path) -> Result<Recipe, Failure> {
	Recipe::read(path).map_err(|error| Failure::Usage(error.to_string()))
}

impl From<WorkflowError> for Failure {
	fn from(error: WorkflowError) -> Self {
		match error {
			WorkflowError::Step { name, source } => match source.downcast::<Self>() {
				Ok(failure) => *failure,
				Err(source) => Self::Other(format!("{name}: {source}")),
			},
			error @ (WorkflowError::NoStep { .. }
			| WorkflowError::Locked(_)
			| WorkflowError::Unfinished(_)) => Self::Usage(error.to_string()),
			error => Self::Other(error.to_string()),
		}
	}
}

async fn run(context: &Context, path: &Path, work: &Path, until: Option<&str>) -> Result<Output, Failure> {
	let mut recipe = read(path)?;
	compose::check(&recipe)?;
	let workflow = Workflow::open(work, &name(path))?;
	let resolved = resolve::resolve(context, &mut recipe).await?;
	let erased = fetch::forget_erased(context, work).await?;
	if erased > 0 {
		eprintln!("{erased} texts were erased on chain and are deleted here");
	}
	let open = Arc::new(Opener::new(context, resolved.data.iter().chain(&resolved.benchmarks)).await?);
	let used = resolved.data.iter().chain(&resolved.benchmarks);
	let mut watch = watched(context, used.map(|dataset| dataset.datanet)).await?;
	let mut steps: Vec<Box<dyn Step + '_>> = vec![
		Box::new(fetch::FetchStep { name: "fetch", context, datasets: resolved.data.clone() }),
		Box::new(TrainStep {
			recipe: recipe.clone(),
			base: resolved.base.clone(),
			open: open.clone(),
			data: "fetch".into(),
		}),
	];
	if !recipe.evaluation.is_empty() {
		steps.push(Box::new(fetch::FetchStep {
			name: "benchmarks",
			context,
			datasets: resolved.benchmarks.clone(),
		}));
		steps.push(Box::new(EvaluateStep {
			recipe: recipe.clone(),
			base: resolved.base.clone(),
			prompts: resolved.prompts.iter().map(|(_, text, hash)| (text.clone(), hash.clone())).collect(),
			open: open.clone(),
			benchmarks: "benchmarks".into(),
		}));
	}
	if let Some(ablation) = &recipe.ablation {
		steps.push(Box::new(AblateStep {
			recipe: recipe.clone(),
			ablation: ablation.clone(),
			base: resolved.base.clone(),
			prompts: resolved.prompts.clone(),
			open: open.clone(),
			data: "fetch".into(),
			benchmarks: "benchmarks".into(),
		}));
	}
	if let Some(publish) = &recipe.publish {
		// Opened before any work, so that nobody is asked for a password in the middle of it.
		let owner = context.signer()?.account();
		let genesis = context.chain().await?.genesis();
		steps.push(Box::new(publish::PublishStep { context, genesis, owner, publish: publish.clone() }));
		steps.push(Box::new(publish::DocumentsStep {
			context,
			genesis,
			owner,
			ablation: recipe.ablation.is_some(),
		}));
		if let Some(agent) = &recipe.agent {
			steps.push(Box::new(compose::ComposeStep {
				context,
				genesis,
				owner,
				base: resolved.base.asset,
				agent: agent.clone(),
			}));
		}
	}
	let folders = tokio::task::block_in_place(|| workflow.run(&mut steps, until, &mut watch))?;
	drop(watch);
	finished(work, &recipe, &folders)
}

/// What a run gives: the numbers, and what is on chain.
fn finished(work: &Path, recipe: &Recipe, folders: &BTreeMap<String, PathBuf>) -> Result<Output, Failure> {
	let failed = |error: Box<dyn std::error::Error + Send + Sync>| Failure::Other(error.to_string());
	let mut json = json!({ "work": work, "steps": folders });
	let mut text = String::new();
	if let Some(folder) = folders.get("train") {
		text += &facts(&[("adapter", folder.join(ADAPTER_DIR).display().to_string())]);
	}
	if let Some(folder) = folders.get("evaluate") {
		let reports = EvaluateStep::reports(folder, recipe).map_err(failed)?;
		for report in &reports {
			text += &format!("\n{}", super::evaluate::report_text(report));
		}
		let reports: Vec<Value> = reports.iter().map(super::evaluate::report_json).collect();
		add(&mut json, "evaluation", reports);
	}
	if let Some(folder) = folders.get("ablate") {
		let report = super::ablate::read_report(&folder.join(ABLATION_REPORT))?;
		text += &format!("\n{}", super::ablate::report_text(&report));
		add(&mut json, "ablation", json!(report));
	}
	for (step, file) in [("publish", publish::PUBLISHED), ("compose", compose::COMPOSED)] {
		if let Some(folder) = folders.get(step) {
			let path = folder.join(file);
			let bytes = std::fs::read(&path).map_err(|e| Failure::file(&path, e))?;
			let value: Value = serde_json::from_slice(&bytes).map_err(|e| Failure::file(&path, e))?;
			text += &format!("\n{step}: {}", described(&value));
			add(&mut json, step, value);
		}
	}
	Ok(Output::new(json, text))
}

fn described(value: &Value) -> String {
	let number = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or_default();
	let name = value.get("name").and_then(Value::as_str).unwrap_or_default();
	format!("{name} is asset {}, version {}", number("asset"), number("version"))
}

fn status_output(work: &Path, status: &Status) -> Output {
	let state = |step: &StepStatus| match (step.state, status.running) {
		(State::Running, false) => "interrupted".to_owned(),
		(state, _) => json!(state).as_str().unwrap_or_default().to_owned(),
	};
	let row = |step: &StepStatus| {
		vec![
			step.name.clone(),
			state(step),
			step.seconds.map_or_else(String::new, |seconds| format!("{seconds:.1} s")),
			step.key.as_deref().and_then(|key| key.get(..16)).unwrap_or_default().to_owned(),
			step.error.clone().unwrap_or_default(),
		]
	};
	let steps: Vec<Value> = status
		.steps
		.iter()
		.map(|step| {
			json!({
				"name": step.name, "kind": step.kind, "key": step.key, "state": state(step),
				"seconds": step.seconds, "error": step.error,
			})
		})
		.collect();
	let json =
		json!({ "work": work, "workflow": status.workflow, "running": status.running, "steps": steps });
	let rows = status.steps.iter().map(row).collect();
	let whether = if status.running { "running" } else { "not running" };
	let text = table(&["step", "state", "took>", "key", ""], rows);
	Output::new(json, format!("{} in {}, {whether}\n\n{text}", status.workflow, work.display()))
}
