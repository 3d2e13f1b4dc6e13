//! Documents that others publish and everybody may fetch: evidence of an answer, reports of evaluations and ablations,
//! and the items of a benchmark.

use crate::{refused, size_of};
use serde_json::json;
use tributary_attribution::Evidence;
use tributary_factory::{
	ablation,
	evaluation::{self, compare, read_items, Contribution, Task, MAX_ITEMS},
};
use tributary_fuzz_driver::{peak_of, Input, Trace};

/// Memory that reading may take beside a multiple of the size: compiled expressions.
const ROOM: usize = 64 << 20;

/// The target: the first byte says what the document is.
pub fn run(data: &[u8], trace: &mut Trace) {
	let mut input = Input::new(data);
	let kind = input.below(4);
	let bytes = input.rest();
	let ((), peak) = peak_of(|| match kind {
		0 => evidence(bytes, trace),
		1 => report(bytes, trace),
		2 => losses(bytes, trace),
		_ => items(bytes, trace),
	});
	assert!(peak <= ROOM + 256 * data.len(), "{} bytes take {peak} of memory", data.len());
}

fn evidence(bytes: &[u8], trace: &mut Trace) {
	let read = Evidence::from_bytes(bytes);
	trace.call("evidence", "read", read.is_ok());
	match read {
		Ok(evidence) => {
			assert_eq!(evidence.to_bytes(), bytes, "evidence has one form");
			trace.reached(size_of(evidence.spans().len() as u64));
		}
		Err(error) => refused(trace, error),
	}
}

fn report(bytes: &[u8], trace: &mut Trace) {
	let read = evaluation::Report::parse(bytes);
	trace.call("report", "read", read.is_ok());
	match read {
		Ok(report) => {
			let again = evaluation::Report::parse(&report.to_bytes());
			assert!(again.is_ok_and(|again| again == report), "a report's text is not its own");
			assert!(compare(&report, &report).is_some());
			trace.reached(size_of(report.items.len() as u64));
		}
		Err(error) => refused(trace, error),
	}
}

fn losses(bytes: &[u8], trace: &mut Trace) {
	let read = ablation::Report::parse(bytes);
	trace.call("losses", "read", read.is_ok());
	match read {
		Ok(report) => {
			let again = ablation::Report::parse(&report.to_bytes());
			assert!(again.is_ok_and(|again| again == report), "a report's text is not its own");
			trace.reached(size_of(report.losses.len() as u64));
		}
		Err(error) => refused(trace, error),
	}
}

/// Each input is one contribution; its checks judge the contribution itself.
fn items(bytes: &[u8], trace: &mut Trace) {
	let Ok(text) = std::str::from_utf8(bytes) else { return };
	let read = read_items(&[Contribution { index: 0, text: text.to_owned() }]);
	trace.call("items", "read", read.is_ok());
	let items = match read {
		Ok(items) => items,
		Err(error) => return refused(trace, error),
	};
	assert!((1..=MAX_ITEMS).contains(&items.len()));
	for item in items {
		match item.task {
			Task::Text(text) => assert!(!text.trim().is_empty()),
			Task::Answer { references, .. } => assert!(!references.is_empty()),
			Task::Choice { choices, answer, .. } => assert!(choices.get(answer).is_some()),
			Task::Judged { checks, .. } => {
				for check in checks {
					trace.reached(size_of(u64::from(check.passes(text))));
				}
			}
		}
	}
}

/// One of each, and an item of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
	let rules = tributary_attribution::VectorRules::default();
	let evidence = Evidence::collect(&rules, &[1, 2], 40, &[], &[]).with_choices(&[15, 25]);
	let interval = json!({ "mean": 0.5, "low": 0.25, "high": 0.75 });
	let summary = json!({ "metric": "accuracy", "interval": interval, "items": 2, "higher_is_better": true });
	let report = json!({
		"kind": evaluation::REPORT_KIND, "version": "1", "device": "cpu", "profile": "00",
		"subject": [], "benchmark": null,
		"settings": { "max_tokens": 8, "seed": 1, "keep_answers": true },
		"metrics": [summary],
		"items": [{ "contribution": 0, "line": 1, "answer": "a", "passed": [true], "scores": { "accuracy": { "value": 1.0, "weight": 1.0 } } }],
	});
	let losses = json!({
		"kind": ablation::REPORT_KIND, "version": "1", "leave_out": "datanets", "method": "drop", "repeats": 1,
		"steps": null, "seed": 1, "subject": [], "losses": [],
	});
	let items = [
		r#"{"prompt":"p","answer":["a","b"]}"#,
		r#"{"question":"q","choices":["a","b"],"answer":1}"#,
		r#"{"prompt":"p","checks":[{"contains":"a"},{"regex":"^[0-9]{2,5}(a|b)*$"},{"not":{"json":["k"]}},{"json":true}]}"#,
	]
	.join("\n");
	[
		(0u8, evidence.to_bytes()),
		(1, report.to_string().into_bytes()),
		(2, losses.to_string().into_bytes()),
		(3, items.into_bytes()),
		(3, b"plain text".to_vec()),
	]
	.into_iter()
	.map(|(kind, document)| [&[kind][..], &document].concat())
	.collect()
}
