//! `tributary train` and `tributary train-base`.

use super::{
	factory::{base_of, watched, Watch},
	model::write_lineage,
};
use crate::{context::Context, failure::Failure, output::*, parse::Versioned, texts};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::PathBuf;
use tributary_factory::{
	train_adapter_on, train_base, AdapterConfig, BaseConfig, FactoryError, Processor, Progress, Report,
	Source,
};

/// Where to train.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum ProcessorArgument {
	/// On the CPU: the same settings give the same bytes.
	#[default]
	Cpu,
	/// On the first real GPU.
	Gpu,
}

/// Train a LoRA adapter on DataNet snapshots. Their texts are fetched by hash and proven to be the
/// snapshots'; those of private DataNets are opened in memory, and the training stops when a grant it needs is
/// revoked. An interrupted training goes on where it was when the command is run again.
#[derive(Debug, Args)]
pub struct TrainArguments {
	/// Base model: ID or ID:VERSION.
	#[arg(long)]
	base: Versioned,
	/// Snapshot to train on: ID or ID:VERSION; repeat for more.
	#[arg(long = "datanet", value_name = "SNAPSHOT", required = true)]
	datanets: Vec<Versioned>,
	/// PEFT folder to write.
	#[arg(long, value_name = "FOLDER")]
	out: PathBuf,
	/// Rank of the update.
	#[arg(long, default_value_t = 8)]
	rank: usize,
	/// The update is scaled by alpha / rank [default: twice the rank].
	#[arg(long)]
	alpha: Option<f64>,
	/// Projections that get an update [default: all of attention and MLP].
	#[arg(long, value_delimiter = ',')]
	modules: Vec<String>,
	/// Optimizer steps.
	#[arg(long)]
	steps: Option<usize>,
	/// Sequences per step.
	#[arg(long)]
	batch: Option<usize>,
	/// Tokens per sequence.
	#[arg(long)]
	sequence: Option<usize>,
	/// Highest learning rate.
	#[arg(long)]
	learning_rate: Option<f64>,
	/// Chat samples made from the texts, as a share of all tokens.
	#[arg(long)]
	chat_share: Option<f64>,
	/// Seeds weights, order and samples.
	#[arg(long)]
	seed: Option<u64>,
	/// Steps between checkpoints.
	#[arg(long)]
	checkpoint_steps: Option<usize>,
	/// Where to train.
	#[arg(long, value_enum, default_value = "cpu")]
	processor: ProcessorArgument,
}

impl TrainArguments {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		let chain = context.chain().await?;
		let base = self.base.asset(chain).await?;
		let mut snapshots = Vec::new();
		for argument in &self.datanets {
			snapshots.push(argument.snapshot(chain).await?);
		}
		let base_dir = base_of(context, base).await?.folder;
		let mut sources = Vec::new();
		for reference in &snapshots {
			let documents = texts::open(context, *reference).await?;
			sources.push(Source {
				name: format!("snapshot {}", snapshot(*reference)),
				documents,
				weight: 1.0,
			});
		}
		let watch = watched(context, snapshots.iter().map(|one| one.datanet)).await?;
		let config = self.config(base_dir);
		let work =
			move |progress: &mut dyn Progress| train_adapter_on(&config, sources, Vec::new(), progress);
		let report = in_background(watch, work).await?;
		write_lineage(&self.out, base, &snapshots)?;
		let next = format!(
			"Next: tributary adapter publish NAME {} --price-in TRB --price-out TRB",
			self.out.display()
		);
		Ok(reported(&report, &self.out, &next))
	}

	fn config(&self, base_dir: PathBuf) -> AdapterConfig {
		let mut config = AdapterConfig::new(base_dir, Vec::new(), self.out.clone());
		config.rank = self.rank;
		config.alpha = self.alpha.unwrap_or(self.rank as f64 * 2.0);
		if !self.modules.is_empty() {
			config.target_modules = self.modules.clone();
		}
		let schedule = &mut config.schedule;
		schedule.steps = self.steps.unwrap_or(schedule.steps);
		schedule.batch = self.batch.unwrap_or(schedule.batch);
		schedule.sequence = self.sequence.unwrap_or(schedule.sequence);
		schedule.learning_rate = self.learning_rate.unwrap_or(schedule.learning_rate);
		schedule.seed = self.seed.unwrap_or(schedule.seed);
		schedule.checkpoint_steps = self.checkpoint_steps.unwrap_or(schedule.checkpoint_steps);
		schedule.processor = match self.processor {
			ProcessorArgument::Cpu => Processor::Flex,
			ProcessorArgument::Gpu => Processor::Gpu,
		};
		config.chat_share = self.chat_share.unwrap_or(config.chat_share);
		config
	}
}

/// Train a small base model from scratch.
#[derive(Debug, Args)]
pub struct TrainBaseArguments {
	/// Settings as JSON: name, texts, out_dir, shape, schedule.
	config: PathBuf,
	/// Snapshot whose texts are added to the settings': ID or ID:VERSION; repeat for more.
	#[arg(long = "datanet", value_name = "SNAPSHOT")]
	datanets: Vec<Versioned>,
}

impl TrainBaseArguments {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		let text = std::fs::read(&self.config).map_err(|e| Failure::file(&self.config, e))?;
		let mut config: BaseConfig =
			serde_json::from_slice(&text).map_err(|e| Failure::file(&self.config, e))?;
		for argument in &self.datanets {
			let reference = argument.snapshot(context.chain().await?).await?;
			config.texts.push(texts::fetch(context, reference).await?);
		}
		let out = config.out_dir.clone();
		let watch = watched(context, []).await?;
		let report = in_background(watch, move |progress| train_base(&config, progress)).await?;
		let next =
			format!("Next: tributary base publish NAME {} --price-in TRB --price-out TRB", out.display());
		Ok(reported(&report, &out, &next))
	}
}

fn reported(report: &Report, out: &std::path::Path, next: &str) -> Output {
	let text = facts(&[
		("folder", out.display().to_string()),
		(
			"perplexity",
			format!(
				"{:.2} before, {:.2} after, on held-out text",
				report.perplexity_before, report.perplexity_after
			),
		),
		("loss", format!("{:.4} before, {:.4} after", report.loss_before, report.loss_after)),
		(
			"trained",
			format!("{} steps, {} tokens, {} values", report.steps, report.tokens, report.parameters),
		),
		("configuration", report.configuration_hash.clone()),
	]);
	Output::new(json!({ "folder": out, "report": report }), format!("{text}\n{next}\n"))
}

/// Trains on a thread of its own.
async fn in_background(
	mut watch: Watch,
	work: impl FnOnce(&mut dyn Progress) -> Result<Report, FactoryError> + Send + 'static,
) -> Result<Report, Failure> {
	let trained = tokio::task::spawn_blocking(move || work(&mut watch)).await;
	trained.map_err(|e| Failure::Other(e.to_string()))?.map_err(|e| Failure::Other(e.to_string()))
}
