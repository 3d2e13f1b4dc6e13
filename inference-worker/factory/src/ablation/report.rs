//! The report of an ablation: who would be missed, by how much, and how sure that is.

use serde::{Deserialize, Serialize};

use crate::evaluation::{rounded, score, Benchmark, EvaluationError, Interval, Metric, Part, Sample};

/// What a report of this form is called.
pub const REPORT_KIND: &str = "tributary-ablation/1";
/// Largest report read, bytes.
pub const MAX_REPORT_BYTES: u64 = 4 << 20;

/// Something that is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Left {
	/// What people call it: `DataNet 3`, an address, `prompt 5:1`.
	pub name: String,
	/// Its share of the training data, by bytes; none for parts of a composition.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub share: Option<f64>,
}

/// What is lost without something, by one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loss {
	/// What was left out.
	pub without: Left,
	/// Measured on.
	pub benchmark: Benchmark,
	/// By.
	pub metric: String,
	/// The score with everything, mean over repeats.
	pub score_with: f64,
	/// The score without it.
	pub score_without: f64,
	/// How much better it is with it, in the metric's unit: positive where it would be missed.
	pub lost: Interval,
	/// Items measured.
	pub items: usize,
}

impl Loss {
	pub(super) fn new(
		without: &Left,
		benchmark: &Benchmark,
		metric: Metric,
		(one, other): (&[Vec<Sample>], &[Vec<Sample>]),
		lost: Interval,
	) -> Self {
		let mean = |repeats: &[Vec<Sample>]| {
			let sum: f64 = repeats.iter().map(|samples| score(metric, samples)).sum();
			rounded(sum / repeats.len().max(1) as f64)
		};
		Self {
			without: without.clone(),
			benchmark: benchmark.clone(),
			metric: metric.name().into(),
			score_with: mean(one),
			score_without: mean(other),
			lost,
			items: one.first().map_or(0, Vec::len),
		}
	}

	/// Whether the loss may be chance: 0 lies in its interval, or there is nothing to tell by.
	pub fn may_be_chance(&self) -> bool {
		self.items < 2 || self.lost.contains(0.0)
	}
}

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
	/// [`REPORT_KIND`].
	pub kind: String,
	/// Version of the measuring software.
	pub version: String,
	/// `datanets`, `contributors`, `prompts` or `adapters`.
	pub leave_out: String,
	/// `retrain` or `drop`.
	pub method: String,
	/// Seeds for each.
	pub repeats: usize,
	/// Steps of each training.
	pub steps: Option<usize>,
	/// Seed of the intervals.
	pub seed: u64,
	/// What was ablated.
	pub subject: Vec<Part>,
	/// What is lost, the largest first by metric.
	pub losses: Vec<Loss>,
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
}
