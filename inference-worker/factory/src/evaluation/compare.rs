//! What changed between reports on the same benchmark: regressions between versions.

use serde::Serialize;

use super::report::{Report, Summary};

/// How a score moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
	/// Better, and each score lies outside the other's interval.
	Better,
	/// Worse in the same sense: a regression.
	Worse,
	/// Within what other items of the same kind might have given.
	Unclear,
}

/// A metric in two reports.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
	/// The metric.
	pub metric: String,
	/// Before.
	pub before: Summary,
	/// After.
	pub after: Summary,
	/// After minus before, in the metric's unit.
	pub difference: f64,
	/// What to make of it.
	pub verdict: Verdict,
}

/// Changes of all metrics that both reports have. None if they are on different benchmarks.
pub fn compare(before: &Report, after: &Report) -> Option<Vec<Change>> {
	if before.benchmark != after.benchmark {
		return None;
	}
	let changes = before.metrics.iter().filter_map(|one| {
		let other = after.metrics.iter().find(|other| other.metric == one.metric)?;
		Some(change(one, other))
	});
	Some(changes.collect())
}

fn change(before: &Summary, after: &Summary) -> Change {
	let difference = after.interval.mean - before.interval.mean;
	let apart =
		!before.interval.contains(after.interval.mean) && !after.interval.contains(before.interval.mean);
	let verdict = match (apart, (difference > 0.0) == before.higher_is_better) {
		(false, _) => Verdict::Unclear,
		(true, true) => Verdict::Better,
		(true, false) => Verdict::Worse,
	};
	let (metric, before, after) = (before.metric.clone(), before.clone(), after.clone());
	Change { metric, before, after, difference, verdict }
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::evaluation::Interval;

	fn summary(metric: &str, mean: f64, width: f64) -> Summary {
		Summary {
			metric: metric.into(),
			interval: Interval { mean, low: mean - width, high: mean + width },
			items: 10,
			higher_is_better: metric != "perplexity",
		}
	}

	#[test]
	fn verdict_is_worse_when_scores_are_outside_both_intervals() {
		for (metric, before, after, verdict) in [
			("rougeL", 0.5, 0.3, Verdict::Worse),
			("rougeL", 0.3, 0.5, Verdict::Better),
			("rougeL", 0.5, 0.45, Verdict::Unclear),
			("perplexity", 10.0, 12.0, Verdict::Worse),
			("perplexity", 12.0, 10.0, Verdict::Better),
		] {
			let found = change(&summary(metric, before, 0.1), &summary(metric, after, 0.1));
			assert_eq!(found.verdict, verdict, "{metric} {before} {after}");
		}
	}
}
