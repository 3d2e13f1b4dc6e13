//! The report of an evaluation: what was measured on what, item by item. Its hash is registered on chain.

use serde::{Deserialize, Serialize};

use super::{
	bootstrap::{Interval, Sample},
	error::EvaluationError,
	metrics::Metric,
};

/// What a report of this form is called.
pub const REPORT_KIND: &str = "tributary-evaluation/1";
/// Largest report read, bytes.
pub const MAX_REPORT_BYTES: u64 = 32 << 20;

/// A part of what was evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
	/// `base`, `adapter` or `prompt`.
	pub kind: String,
	/// Asset on chain; none for one that is not published yet.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub asset: Option<u32>,
	/// Its version.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub version: Option<u32>,
	/// Hash of its content, hexadecimal.
	pub content: String,
}

/// The benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Benchmark {
	/// The DataNet.
	pub datanet: u32,
	/// Its snapshot.
	pub snapshot: u32,
	/// Root of the snapshot on chain, hexadecimal.
	pub root: String,
}

/// A metric over the whole benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
	/// Name of the metric.
	pub metric: String,
	/// The score and its 95 % interval over items.
	#[serde(flatten)]
	pub interval: Interval,
	/// Items it was measured on.
	pub items: usize,
	/// Whether more is better.
	pub higher_is_better: bool,
}

impl Summary {
	/// The score in millionths, as it is reported on chain.
	pub fn millionths(&self) -> Option<i64> {
		let scaled = (self.interval.mean * 1e6).round();
		(scaled.is_finite() && scaled.abs() < i64::MAX as f64).then_some(scaled as i64)
	}
}

/// An item's outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemResult {
	/// Index of its contribution.
	pub contribution: u32,
	/// Line in it, from 1.
	pub line: usize,
	/// What the model wrote, if it was asked to write; left out for private benchmarks.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub answer: Option<String>,
	/// Which of the judge's checks passed, in their order.
	#[serde(default, skip_serializing_if = "Vec::is_empty")]
	pub passed: Vec<bool>,
	/// Scores by metric.
	pub scores: std::collections::BTreeMap<String, Sample>,
}

/// What was set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settings {
	/// Most tokens of an answer.
	pub max_tokens: usize,
	/// Seed of the intervals.
	pub seed: u64,
	/// Whether answers are kept in the report.
	pub keep_answers: bool,
}

impl Default for Settings {
	fn default() -> Self {
		Self { max_tokens: 64, seed: 1, keep_answers: true }
	}
}

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
	/// [`REPORT_KIND`].
	pub kind: String,
	/// Version of the evaluating software.
	pub version: String,
	/// Device and numbers that were computed with.
	pub device: String,
	/// The engine's profile, hexadecimal: what decides, beside model and prompt, which tokens come out.
	pub profile: String,
	/// What was evaluated.
	pub subject: Vec<Part>,
	/// On what; none for texts that are not on chain.
	pub benchmark: Option<Benchmark>,
	/// How.
	pub settings: Settings,
	/// Scores.
	pub metrics: Vec<Summary>,
	/// Items.
	pub items: Vec<ItemResult>,
}

impl Report {
	/// The document as it is stored: the same report gives the same bytes.
	pub fn to_bytes(&self) -> Vec<u8> {
		let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
		text.push('\n');
		text.into_bytes()
	}

	/// Reads a stored document.
	pub fn parse(bytes: &[u8]) -> Result<Self, EvaluationError> {
		let report: Self =
			serde_json::from_slice(bytes).map_err(|error| EvaluationError::Report(error.to_string()))?;
		if report.kind != REPORT_KIND {
			let found: String = report.kind.chars().take(64).collect();
			return Err(EvaluationError::Report(format!("it is `{found}`, not `{REPORT_KIND}`")));
		}
		Ok(report)
	}

	/// Summary of a metric.
	pub fn summary(&self, metric: Metric) -> Option<&Summary> {
		self.metrics.iter().find(|summary| summary.metric == metric.name())
	}

	/// Samples of a metric, in the order of the items.
	pub fn samples(&self, metric: Metric) -> Vec<Sample> {
		self.items.iter().filter_map(|item| item.scores.get(metric.name())).copied().collect()
	}
}
