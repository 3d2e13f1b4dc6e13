//! `tributary evaluate compare`: regressions between an asset's versions.

use super::{number, range};
use crate::{context::Context, failure::Failure, output::*, parse::no_asset};
use clap::Args;
use serde_json::{json, Value};
use std::collections::BTreeMap;
use tributary_factory::evaluation::{compare, Change, Report, Verdict, MAX_REPORT_BYTES};
use tributary_primitives::{views::EvaluationView, AssetId, Hash};

/// Compare the reports on an asset's versions.
#[derive(Debug, Args)]
pub struct CompareArguments {
	/// The asset.
	asset: AssetId,
	/// Exit with code 7 if any score is worse.
	#[arg(long)]
	fail_on_regression: bool,
}

/// What changed from one version to the next, as one evaluator saw it.
struct Row {
	from: u32,
	to: u32,
	evaluator: String,
	benchmark: String,
	change: Change,
}

impl CompareArguments {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		let trail = context.chain().await?.trail(self.asset).await?.ok_or_else(|| no_asset(self.asset))?;
		let store = context.store()?;
		let mut reports: BTreeMap<Hash, Report> = BTreeMap::new();
		let mut missing = Vec::new();
		for view in &trail.evaluations {
			if reports.contains_key(&view.report) {
				continue;
			}
			match store.get_within(&view.report, MAX_REPORT_BYTES).await {
				Ok(bytes) => match Report::parse(&bytes) {
					Ok(report) => drop(reports.insert(view.report, report)),
					Err(error) => missing.push(format!("report {}: {error}", hex32(&view.report))),
				},
				Err(error) => missing.push(error.to_string()),
			}
		}
		let rows = rows(&trail.evaluations, &reports);
		let worse = rows.iter().filter(|row| row.change.verdict == Verdict::Worse).count();
		let json = json!({
			"asset": self.asset, "changes": rows.iter().map(row_json).collect::<Vec<_>>(), "regressions": worse,
			"unreadable": missing,
		});
		let headings = [
			"metric",
			"benchmark",
			"versions",
			"before>",
			"after>",
			"change>",
			"95 % before>",
			"95 % after>",
			"",
		];
		let mut text = match rows.is_empty() {
			true => "nothing to compare: two versions with reports on the same benchmark are needed\n".into(),
			false => table(&headings, rows.iter().map(row_text).collect()),
		};
		text.extend(missing.iter().map(|reason| format!("left out: {reason}\n")));
		text += &format!("{worse} regressions\n");
		match self.fail_on_regression && worse > 0 {
			true => Err(Failure::Wrong(text)),
			false => Ok(Output::new(json, text)),
		}
	}
}

/// Each report beside the one before it by the same evaluator, metric and benchmark.
fn rows(evaluations: &[EvaluationView], reports: &BTreeMap<Hash, Report>) -> Vec<Row> {
	let mut sorted: Vec<&EvaluationView> = evaluations.iter().collect();
	sorted.sort_by_key(|view| view.version);
	let mut rows = Vec::new();
	for (index, after) in sorted.iter().enumerate() {
		let Some(new) = reports.get(&after.report) else { continue };
		let same = |before: &&&EvaluationView| {
			before.version < after.version
				&& before.metric == after.metric
				&& before.evaluator == after.evaluator
				&& reports.get(&before.report).is_some_and(|old| old.benchmark == new.benchmark)
		};
		let Some(before) = sorted.iter().take(index).rev().find(same) else { continue };
		let Some(changes) = reports.get(&before.report).and_then(|old| compare(old, new)) else { continue };
		let metric = line(&after.metric);
		let benchmark = new.benchmark.as_ref();
		rows.extend(changes.into_iter().filter(|change| change.metric == metric).map(|change| Row {
			from: before.version,
			to: after.version,
			evaluator: address(&after.evaluator),
			benchmark: benchmark.map_or_else(String::new, |one| format!("{}:{}", one.datanet, one.snapshot)),
			change,
		}));
	}
	rows
}

fn row_json(row: &Row) -> Value {
	json!({
		"from": row.from, "to": row.to, "evaluator": row.evaluator, "benchmark": row.benchmark, "change": row.change,
	})
}

fn row_text(row: &Row) -> Vec<String> {
	let Change { metric, before, after, difference, verdict } = &row.change;
	let word = match verdict {
		Verdict::Better => "better",
		Verdict::Worse => "WORSE",
		Verdict::Unclear => "may be chance",
	};
	vec![
		metric.clone(),
		row.benchmark.clone(),
		format!("{} to {}", row.from, row.to),
		number(before.interval.mean),
		number(after.interval.mean),
		format!("{difference:+.4}"),
		range(&before.interval),
		range(&after.interval),
		word.into(),
	]
}

#[cfg(test)]
mod tests {
	use super::*;
	use tributary_factory::evaluation::{Benchmark, Interval, Settings, Summary, REPORT_KIND};

	fn report(snapshot: u32, mean: f64) -> Report {
		Report {
			kind: REPORT_KIND.into(),
			version: String::new(),
			device: String::new(),
			profile: String::new(),
			subject: vec![],
			benchmark: Some(Benchmark { datanet: 1, snapshot, root: String::new() }),
			settings: Settings::default(),
			metrics: vec![Summary {
				metric: "rougeL".into(),
				interval: Interval { mean, low: mean - 0.05, high: mean + 0.05 },
				items: 5,
				higher_is_better: true,
			}],
			items: vec![],
		}
	}

	fn view(version: u32, evaluator: u8, report: u8) -> EvaluationView {
		EvaluationView {
			version,
			evaluator: [evaluator; 32],
			metric: b"rougeL".to_vec(),
			score: 0,
			report: [report; 32],
			benchmark: tributary_primitives::SnapshotRef { datanet: 1, version: 1 },
		}
	}

	#[test]
	fn versions_are_compared_when_evaluator_metric_and_benchmark_are_the_same() {
		let reports =
			BTreeMap::from([([1; 32], report(1, 0.5)), ([2; 32], report(1, 0.3)), ([3; 32], report(2, 0.9))]);
		let rows =
			rows(&[view(2, 7, 2), view(1, 7, 1), view(3, 7, 3), view(3, 8, 1), view(4, 7, 9)], &reports);
		assert_eq!(rows.len(), 1, "other benchmarks, other evaluators and lost reports are left out");
		assert_eq!((rows[0].from, rows[0].to, rows[0].change.verdict), (1, 2, Verdict::Worse));
	}
}
