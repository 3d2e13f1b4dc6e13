//! `tributary evaluate`: scores on benchmarks, by anyone; reports on chain, by an asset's evaluators.

mod compare;

use super::factory::{dataset, subject, watched, Opener};
use crate::{context::Context, failure::Failure, output::*, parse::Versioned};
use clap::{Args, Subcommand};
use serde_json::{json, Value};
use std::path::PathBuf;
use tributary_client::chain::Call;
use tributary_engine::DeviceChoice;
use tributary_factory::evaluation::{
	evaluate, read_items, Benchmark, Contribution, EvaluationError, Metric, Report, Settings, Summary,
};
use tributary_primitives::SnapshotRef;

/// Evaluate an adapter, a base model or an agent on a benchmark DataNet.
#[derive(Debug, Args)]
pub struct EvaluateArguments {
	#[command(subcommand)]
	what: Option<Compare>,
	/// What is evaluated: ID or ID:VERSION.
	asset: Option<Versioned>,
	/// The benchmark: DATANET, or DATANET@SNAPSHOT.
	#[arg(long, value_name = "DATANET@SNAPSHOT", value_parser = benchmark)]
	benchmark: Option<Versioned>,
	/// What is measured: perplexity, exact_match, multiple_choice, rouge1, rouge2, rougeL or judge; repeat for more.
	#[arg(long = "metric", value_name = "METRIC", value_parser = metric)]
	metrics: Vec<Metric>,
	/// Report the scores on chain; for the asset's evaluators.
	#[arg(long)]
	report: bool,
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

#[derive(Debug, Subcommand)]
enum Compare {
	/// What changed between the versions of an asset, by their reports: regressions.
	Compare(compare::CompareArguments),
}

/// `DATANET`, `DATANET@SNAPSHOT` or `DATANET:SNAPSHOT`.
pub fn benchmark(text: &str) -> Result<Versioned, String> {
	text.replacen('@', ":", 1)
		.parse()
		.map_err(|_: String| format!("`{text}` is neither DATANET nor DATANET@SNAPSHOT"))
}

/// A metric by its name.
pub fn metric(text: &str) -> Result<Metric, String> {
	text.parse().map_err(|error: EvaluationError| error.to_string())
}

impl From<EvaluationError> for Failure {
	fn from(error: EvaluationError) -> Self {
		match error {
			EvaluationError::UnknownMetric(..)
			| EvaluationError::NoItems { .. }
			| EvaluationError::Setting { .. } => Self::Usage(error.to_string()),
			EvaluationError::Report(_) => Self::Wrong(error.to_string()),
			error => Self::Other(error.to_string()),
		}
	}
}

/// A benchmark's items, open, and what it is.
pub struct Opened {
	/// What it is.
	pub benchmark: Benchmark,
	/// Its contributions.
	pub contributions: Vec<Contribution>,
	/// Whether it is private.
	pub private: bool,
}

/// Fetches a benchmark into memory.
pub async fn open_benchmark(context: &Context, reference: SnapshotRef) -> Result<Opened, Failure> {
	let fetched = dataset(context, reference).await?;
	let opener = Opener::new(context, [&fetched]).await?;
	let store = context.store()?;
	let mut contributions = Vec::with_capacity(fetched.members.len());
	let bar = crate::texts::progress(fetched.members.len(), "benchmark");
	for member in &fetched.members {
		let mut hash = [0; 32];
		hex::decode_to_slice(&member.content, &mut hash).map_err(|e| Failure::Other(e.to_string()))?;
		let content = store.get_within(&hash, crate::texts::MAX_CONTENT_BYTES).await?;
		let text = tributary_factory::workflow::Open::open(&opener, &fetched, content.to_vec());
		let text = text.map_err(|error| {
			Failure::Other(format!("contribution {} of DataNet {}: {error}", member.index, fetched.datanet))
		})?;
		contributions.push(Contribution { index: member.index, text });
		bar.inc(1);
	}
	bar.finish_and_clear();
	let (datanet, snapshot) = (fetched.datanet, fetched.snapshot);
	let benchmark = Benchmark { datanet, snapshot, root: fetched.root.clone() };
	Ok(Opened { benchmark, contributions, private: fetched.private })
}

impl EvaluateArguments {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		if let Some(Compare::Compare(arguments)) = self.what {
			return arguments.run(context).await;
		}
		let missing = |what: &str| Failure::Usage(format!("{what}: see `tributary evaluate --help`"));
		let asset = self.asset.ok_or_else(|| missing("evaluate what? Name an asset"))?;
		let on = self.benchmark.ok_or_else(|| missing("on what? Name a DataNet with --benchmark"))?;
		if self.metrics.is_empty() {
			return Err(missing("what is measured? Name a --metric"));
		}
		if self.report {
			// Nobody measures for an hour to learn then that the password is wrong.
			context.signer()?;
		}
		let chain = context.chain().await?;
		let asset = asset.asset(chain).await?;
		let reference = on.snapshot(chain).await?;
		let opened = open_benchmark(context, reference).await?;
		let items = read_items(&opened.contributions)?;
		let settings =
			Settings { max_tokens: self.max_tokens, seed: self.seed, keep_answers: !opened.private };
		let (subject, parts) = subject(context, asset).await?;
		let mut watch = watched(context, [reference.datanet]).await?;
		let (metrics, device) = (self.metrics.clone(), self.device);
		let measured = tokio::task::spawn_blocking(move || {
			evaluate(&subject, device, &items, &metrics, settings, &mut watch)
		});
		let mut report = measured.await.map_err(|e| Failure::Other(e.to_string()))??;
		report.subject = parts;
		report.benchmark = Some(opened.benchmark);
		let bytes = report.to_bytes();
		if let Some(path) = &self.out {
			std::fs::write(path, &bytes).map_err(|e| Failure::file(path, e))?;
		}
		let hash = context.store()?.put_bytes(bytes).await?;
		let mut text = format!("{}report {}\n", report_text(&report), hex32(&hash));
		let mut json = report_json(&report);
		add(&mut json, "report", hex32(&hash));
		if self.report {
			for summary in &report.metrics {
				let large = || Failure::Other(format!("{} is too large to report", summary.metric));
				let score = summary.millionths().ok_or_else(large)?;
				let call = Call::report(asset, reference, &summary.metric, score, hash);
				context.submit(&call).await?;
			}
			text += &format!("reported on asset {}\n", version(asset));
			add(&mut json, "reported", version(asset));
		}
		Ok(Output::new(json, text))
	}
}

/// A report without its items.
pub fn report_json(report: &Report) -> Value {
	json!({
		"benchmark": report.benchmark, "metrics": report.metrics, "subject": report.subject, "items": report.items.len(),
	})
}

/// A report as a table.
pub fn report_text(report: &Report) -> String {
	let row = |summary: &Summary| {
		let interval = if summary.items < 2 { "one item".into() } else { range(&summary.interval) };
		vec![summary.metric.clone(), number(summary.interval.mean), interval, summary.items.to_string()]
	};
	let on = report
		.benchmark
		.as_ref()
		.map_or_else(String::new, |one| format!("on DataNet {}, snapshot {}\n", one.datanet, one.snapshot));
	on + &table(&["metric", "score>", "95 % interval>", "items>"], report.metrics.iter().map(row).collect())
}

/// Four digits after the point.
pub fn number(value: f64) -> String {
	format!("{value:.4}")
}

/// An interval.
pub fn range(interval: &tributary_factory::evaluation::Interval) -> String {
	format!("{:.4} to {:.4}", interval.low, interval.high)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn benchmark_is_read_when_its_snapshot_is_named_or_not() {
		assert_eq!(benchmark("3@2"), Ok(Versioned { id: 3, version: Some(2) }));
		assert_eq!(benchmark("3:2"), Ok(Versioned { id: 3, version: Some(2) }));
		assert_eq!(benchmark("3"), Ok(Versioned { id: 3, version: None }));
		for text in ["", "@", "3@", "3@2@1", "x"] {
			assert!(benchmark(text).is_err(), "{text}");
		}
	}

	#[test]
	fn metric_is_refused_with_the_known_ones_when_it_is_none() {
		assert_eq!(metric("rougeL"), Ok(Metric::RougeL));
		assert!(metric("bleu").unwrap_err().contains("exact_match"));
	}
}
