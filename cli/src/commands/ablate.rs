//! `tributary ablate` and `tributary ablation`: who would be missed.

use super::{
	document::attach,
	evaluate::{benchmark, metric, number, open_benchmark, range},
	factory::{subject, watched},
};
use crate::{context::Context, failure::Failure, output::*, parse::Versioned};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use std::path::{Path, PathBuf};
use tributary_engine::DeviceChoice;
use tributary_factory::{
	ablation::{ablate, AblationError, Left, Loss, Plan, Report, Trial, Variants, MAX_REPORT_BYTES},
	evaluation::{read_items, Metric, Settings, Subject},
	Progress,
};
use tributary_primitives::{AssetRef, DocumentKind, Hash};

/// Parts that can be taken out of a composition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Dropped {
	/// Each adapter.
	Adapters,
	/// Each prompt.
	Prompts,
}

/// Take parts out of an agent, or the adapter off its base, and measure what is lost. What the data of a training is
/// worth takes trainings: `ablation:` in a recipe.
#[derive(Debug, Args)]
pub struct AblateArguments {
	/// The agent or adapter: ID or ID:VERSION.
	asset: Versioned,
	/// What is left out, one after the other.
	#[arg(long, value_enum, default_value = "adapters")]
	leave_out: Dropped,
	/// The benchmark: DATANET, or DATANET@SNAPSHOT.
	#[arg(long, value_name = "DATANET@SNAPSHOT", value_parser = benchmark)]
	benchmark: Versioned,
	/// What is measured; repeat for more.
	#[arg(long = "metric", value_name = "METRIC", value_parser = metric, required = true)]
	metrics: Vec<Metric>,
	/// Store the report and attach it on chain; for the asset's owner.
	#[arg(long)]
	attach: bool,
	/// Most tokens of an answer.
	#[arg(long, default_value_t = 64)]
	max_tokens: usize,
	/// Seeds the intervals.
	#[arg(long, default_value_t = 1)]
	seed: u64,
	/// Write the report here too.
	#[arg(long, value_name = "FILE")]
	out: Option<PathBuf>,
	/// Where to run the model: cpu, auto, or what a worker's engine.device takes.
	#[arg(long, default_value = "cpu")]
	device: DeviceChoice,
}

/// Ablations that are attached to assets.
#[derive(Debug, Subcommand)]
pub enum AblationCommand {
	/// Show who would be missed, from the report that the owner attached.
	Show {
		/// The asset: ID or ID:VERSION.
		asset: Versioned,
	},
	/// Attach a report that was made before; for the asset's owner.
	Attach {
		/// The asset: ID or ID:VERSION.
		asset: Versioned,
		/// The report.
		report: PathBuf,
	},
}

impl From<AblationError> for Failure {
	fn from(error: AblationError) -> Self {
		match error {
			AblationError::Evaluation(error) => error.into(),
			error @ AblationError::Variant { .. } => Self::Other(error.to_string()),
			error @ AblationError::Count(_) => Self::Usage(error.to_string()),
		}
	}
}

/// A composition without one of its parts.
struct Composed {
	whole: Subject,
	dropped: Dropped,
}

impl Variants for Composed {
	fn subject(
		&mut self,
		without: Option<usize>,
		_: usize,
		_: &mut dyn Progress,
	) -> Result<Subject, Box<dyn std::error::Error + Send + Sync>> {
		let mut subject = self.whole.clone();
		let keep = |index: usize| Some(index) != without;
		match self.dropped {
			Dropped::Adapters => subject.adapters = kept(subject.adapters, keep),
			Dropped::Prompts => subject.prompts = kept(subject.prompts, keep),
		}
		Ok(subject)
	}
}

fn kept<T>(list: Vec<T>, keep: impl Fn(usize) -> bool) -> Vec<T> {
	list.into_iter().enumerate().filter(|(index, _)| keep(*index)).map(|(_, one)| one).collect()
}

impl AblateArguments {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		if self.attach {
			// Before the work: a wrong password is known now.
			context.signer()?;
		}
		let chain = context.chain().await?;
		let asset = self.asset.asset(chain).await?;
		let reference = self.benchmark.snapshot(chain).await?;
		let opened = open_benchmark(context, reference).await?;
		let settings =
			Settings { max_tokens: self.max_tokens, seed: self.seed, keep_answers: !opened.private };
		let trial = Trial {
			items: read_items(&opened.contributions)?,
			benchmark: opened.benchmark,
			metrics: self.metrics.clone(),
			settings,
		};
		let (whole, parts) = subject(context, asset).await?;
		let kind = match self.leave_out {
			Dropped::Adapters => "adapter",
			Dropped::Prompts => "prompt",
		};
		let named = parts.iter().filter(|part| part.kind == kind);
		let things: Vec<Left> = named
			.map(|part| {
				let of = |number: Option<u32>| number.unwrap_or_default();
				Left { name: format!("{kind} {}:{}", of(part.asset), of(part.version)), share: None }
			})
			.collect();
		if things.is_empty() {
			return Err(Failure::Usage(format!(
				"asset {} has no {kind} that could be left out",
				version(asset)
			)));
		}
		let mut watch = watched(context, [reference.datanet]).await?;
		let (device, seed, dropped) = (self.device, self.seed, self.leave_out);
		let measured = tokio::task::spawn_blocking(move || {
			let leave_out = format!("{kind}s");
			let plan = Plan { leave_out: &leave_out, method: "drop", repeats: 1, steps: None, device, seed };
			ablate(plan, &things, &[trial], &mut Composed { whole, dropped }, &mut watch)
		});
		let mut report = measured.await.map_err(|e| Failure::Other(e.to_string()))??;
		report.subject = parts;
		let bytes = report.to_bytes();
		if let Some(path) = &self.out {
			std::fs::write(path, &bytes).map_err(|e| Failure::file(path, e))?;
		}
		let hash = context.store()?.put_bytes(bytes).await?;
		if self.attach {
			attach(context, asset, DocumentKind::Ablation, hash, &[]).await?;
		}
		let json = json!({ "asset": version(asset), "report": hex32(&hash), "attached": self.attach, "ablation": report });
		Ok(Output::new(json, format!("{}report {}\n", report_text(&report), hex32(&hash))))
	}
}

impl AblationCommand {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		let chain = context.chain().await?;
		match self {
			Self::Show { asset } => {
				let asset = asset.asset(chain).await?;
				let hash = attached(context, asset).await?.ok_or_else(|| {
					let what = version(asset);
					Failure::Usage(format!("no ablation is attached to asset {what}: its owner makes one with `tributary ablate {what}` or a recipe"))
				})?;
				let bytes = context.store()?.get_within(&hash, MAX_REPORT_BYTES).await?;
				let report = Report::parse(&bytes)?;
				let json = json!({ "asset": version(asset), "report": hex32(&hash), "ablation": report });
				Ok(Output::new(json, report_text(&report)))
			}
			Self::Attach { asset, report } => {
				let asset = asset.asset(chain).await?;
				read_report(&report)?;
				let hash = context.store()?.put_file(&report).await?;
				attach(context, asset, DocumentKind::Ablation, hash, &[]).await?;
				let json = json!({ "asset": version(asset), "report": hex32(&hash) });
				Ok(Output::new(json, format!("attached {} to asset {}", hex32(&hash), version(asset))))
			}
		}
	}
}

/// The ablation of an asset version, if one is attached.
async fn attached(context: &Context, asset: AssetRef) -> Result<Option<Hash>, Failure> {
	let all = context.chain().await?.documents(asset.asset, asset.version).await?;
	Ok(all.iter().find(|one| one.kind == DocumentKind::Ablation).map(|one| one.content))
}

/// Reads a report from a file.
pub fn read_report(path: &Path) -> Result<Report, Failure> {
	let size = std::fs::metadata(path).map_err(|e| Failure::file(path, e))?.len();
	if size > MAX_REPORT_BYTES {
		return Err(Failure::file(
			path,
			format!("a report has at most {MAX_REPORT_BYTES} bytes, this one {size}"),
		));
	}
	let bytes = std::fs::read(path).map_err(|e| Failure::file(path, e))?;
	Ok(Report::parse(&bytes)?)
}

/// Who would be missed, as a table.
pub fn report_text(report: &Report) -> String {
	let how = match (report.method.as_str(), report.steps) {
		("retrain", Some(steps)) => {
			format!("left out of trainings of {steps} steps with {} seeds each", report.repeats)
		}
		("retrain", None) => format!("left out of trainings with {} seeds each", report.repeats),
		_ => "taken out of the composition".into(),
	};
	let row = |loss: &Loss| {
		vec![
			line(loss.without.name.as_bytes()),
			loss.without.share.map_or_else(String::new, |share| format!("{:.0} %", share * 100.0)),
			line(loss.metric.as_bytes()),
			number(loss.score_with),
			number(loss.score_without),
			format!("{:+.4}", loss.lost.mean),
			range(&loss.lost),
			if loss.may_be_chance() { "may be chance".into() } else { String::new() },
		]
	};
	let headings =
		["without", "of the data>", "metric", "with all>", "without it>", "lost>", "95 % interval>", ""];
	let rows = report.losses.iter().map(row).collect();
	format!(
		"Who would be missed ({}, {how}; a positive loss is a loss)\n{}",
		line(report.leave_out.as_bytes()),
		table(&headings, rows)
	)
}

#[cfg(test)]
mod tests {
	use super::*;
	use tributary_factory::{
		ablation::REPORT_KIND,
		evaluation::{Benchmark, Interval},
	};

	#[test]
	fn report_is_refused_when_it_is_larger_than_any_that_is_read() {
		let file = tempfile::NamedTempFile::new().unwrap();
		file.as_file().set_len(MAX_REPORT_BYTES + 1).unwrap();
		assert!(read_report(file.path()).unwrap_err().to_string().contains("at most"));
	}

	#[test]
	fn table_says_when_a_loss_may_be_chance() {
		let loss = |name: &str, low: f64| Loss {
			without: Left { name: name.into(), share: Some(0.25) },
			benchmark: Benchmark { datanet: 1, snapshot: 1, root: String::new() },
			metric: "perplexity".into(),
			score_with: 10.0,
			score_without: 11.0,
			lost: Interval { mean: 1.0, low, high: 2.0 },
			items: 9,
		};
		let report = Report {
			kind: REPORT_KIND.into(),
			version: String::new(),
			leave_out: "datanets".into(),
			method: "retrain".into(),
			repeats: 3,
			steps: Some(30),
			seed: 1,
			subject: vec![],
			losses: vec![loss("DataNet 1", 0.5), loss("DataNet 2", -0.5)],
		};
		let text = report_text(&report);
		let of =
			|name: &str| text.lines().map(str::trim).find(|line| line.starts_with(name)).unwrap().to_owned();
		assert!(!of("DataNet 1").contains("chance") && of("DataNet 1").contains("25 %"), "{text}");
		assert!(of("DataNet 2").ends_with("may be chance"), "{text}");
		assert!(text.contains("30 steps with 3 seeds"));
	}
}
