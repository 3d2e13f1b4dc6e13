//! Documents that others publish and everybody may fetch: evidence of an answer, reports of evaluations and ablations,
//! and the items of a benchmark.

use crate::{size_of, taken};
use serde_json::{json, Value};
use tributary_attribution::{Chunk, Evidence, Hit, Ranks, Source, Span, VectorRules};
use tributary_factory::{
	ablation,
	evaluation::{self, compare, read_items, Contribution, Task, MAX_ITEMS},
};
use tributary_fuzz_driver::{peak_of, Input, Trace};
use tributary_primitives::record::is_valid_vector;

/// Memory that reading may take beside a multiple of the size: compiled expressions.
const ROOM: usize = 64 << 20;

/// The target: the first byte says what the document is, and whether it is given as it is or made by choices.
pub fn run(data: &[u8], trace: &mut Trace) {
	let mut input = Input::new(data);
	let kind = input.below(7);
	let ((), peak) = peak_of(|| match kind {
		0 => evidence(input.rest(), trace),
		1 => report(input.rest(), trace),
		2 => losses(input.rest(), trace),
		3 => items(input.rest(), trace),
		4 => collected(input, trace),
		5 => report(&edited(good_report(), &mut input), trace),
		_ => losses(&edited(good_losses(), &mut input), trace),
	});
	assert!(peak <= ROOM + 256 * data.len(), "{} bytes take {peak} of memory", data.len());
}

fn evidence(bytes: &[u8], trace: &mut Trace) {
	let Some(evidence) = taken(trace, "evidence", "read", Evidence::from_bytes(bytes)) else { return };
	assert_eq!(evidence.to_bytes(), bytes, "evidence has one form");
	assert!(is_valid_vector(&evidence.vector()), "evidence pays more or less than everything");
	trace.reached(size_of(evidence.spans().len() as u64));
}

/// Evidence of any spans and chunks is what its text says.
fn collected(mut input: Input, trace: &mut Trace) {
	let any = |input: &mut Input| match input.below(4) {
		0 => input.number(),
		_ => u64::from(input.byte()),
	};
	let rules = VectorRules::default();
	let datanets: Vec<u32> = (0..input.below(10)).map(|_| input.below(6) as u32).collect();
	let answer = any(&mut input) as usize;
	let (mut spans, mut hits) = (Vec::new(), Vec::new());
	while !input.is_empty() && spans.len() + hits.len() < 64 {
		let (datanet, contribution) = (input.below(6) as u32, input.below(4) as u32);
		let contributor = [input.byte(); 32];
		let (start, length) = (any(&mut input) as usize, any(&mut input) as usize);
		if input.one_in(2) {
			let source =
				|input: &mut Input| Source { contribution, contributor, offset: input.byte().into() };
			let sources = (0..input.below(4)).map(|_| source(&mut input)).collect();
			spans.push(Span { datanet, start, len: length, count: any(&mut input), sources });
		} else {
			let mut rank = || (!input.one_in(3)).then(|| input.byte().into());
			let ranks = Ranks { keyword: rank(), vector: rank() };
			let (range, tokens) = (start..start.saturating_add(length), input.byte().into());
			let chunk = Chunk { contribution, contributor, range, tokens, text: "text".into() };
			hits.push(Hit { datanet, chunk, ranks });
		}
	}
	let choices = [answer / 2, answer - answer / 2];
	evidence(
		&Evidence::collect(&rules, &datanets, answer, &spans, &hits).with_choices(&choices).to_bytes(),
		trace,
	);
}

/// The document with some of its values replaced, repeated or taken out.
fn edited(mut document: Value, input: &mut Input) -> Vec<u8> {
	for _ in 0..input.below(6) {
		let mut place = &mut document;
		loop {
			let size = match &*place {
				Value::Array(items) => items.len(),
				Value::Object(members) => members.len(),
				_ => 0,
			};
			if size == 0 || input.one_in(6) {
				break;
			}
			let at = input.below(size);
			place = match place {
				Value::Array(items) => &mut items[at],
				Value::Object(members) => members.values_mut().nth(at).expect("there are so many"),
				_ => unreachable!("it has parts"),
			};
		}
		match input.below(9) {
			0 => *place = Value::Null,
			1 => *place = json!(input.byte()),
			2 => *place = json!(f64::from_bits(input.number())),
			3 => *place = json!(input.number() as i64),
			4 => *place = json!(input.number()),
			5 => *place = Value::String(String::from_utf8_lossy(input.take(12)).into_owned()),
			6 => *place = json!([place.clone(), place.clone()]),
			7 => match place {
				Value::Array(items) => items.extend(items.clone()),
				Value::Object(members) => members.retain(|_, _| !input.one_in(4)),
				_ => (),
			},
			_ => *place = json!({}),
		}
	}
	document.to_string().into_bytes()
}

fn report(bytes: &[u8], trace: &mut Trace) {
	let Some(report) = taken(trace, "report", "read", evaluation::Report::parse(bytes)) else { return };
	// Numbers of more digits than ours are read to their last but one bit.
	let again = evaluation::Report::parse(&report.to_bytes()).expect("a report's text can be read");
	assert_eq!((again.metrics.len(), &again.subject), (report.metrics.len(), &report.subject));
	assert_eq!(again.items.len(), report.items.len());
	assert!(compare(&report, &report).is_some());
	trace.reached(size_of(report.items.len() as u64));
}

fn losses(bytes: &[u8], trace: &mut Trace) {
	let Some(report) = taken(trace, "losses", "read", ablation::Report::parse(bytes)) else { return };
	let again = ablation::Report::parse(&report.to_bytes()).expect("a report's text can be read");
	assert_eq!((again.losses.len(), &again.subject), (report.losses.len(), &report.subject));
	trace.reached(size_of(report.losses.len() as u64));
}

/// Each input is one contribution; its checks judge the contribution itself.
fn items(bytes: &[u8], trace: &mut Trace) {
	let Ok(text) = std::str::from_utf8(bytes) else { return };
	let read = read_items(&[Contribution { index: 0, text: text.to_owned() }]);
	let Some(items) = taken(trace, "items", "read", read) else { return };
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

fn good_report() -> Value {
	json!({
		"kind": evaluation::REPORT_KIND, "version": "1", "device": "cpu", "profile": "00",
		"subject": [{ "kind": "adapter", "asset": 4, "version": 1, "content": "00" }],
		"benchmark": { "datanet": 1, "snapshot": 2, "root": "00" },
		"settings": { "max_tokens": 8, "seed": 1, "keep_answers": true },
		"metrics": [{ "metric": "accuracy", "mean": 0.5, "low": 0.25, "high": 0.75, "items": 2, "higher_is_better": true }],
		"items": [
			{ "contribution": 0, "line": 1, "answer": "a", "passed": [true], "scores": { "accuracy": { "value": 1.0, "weight": 1.0 } } },
			{ "contribution": 0, "line": 2, "scores": {} },
		],
	})
}

fn good_losses() -> Value {
	json!({
		"kind": ablation::REPORT_KIND, "version": "1", "leave_out": "datanets", "method": "drop", "repeats": 1,
		"steps": null, "seed": 1, "subject": [],
		"losses": [{
			"without": { "name": "DataNet 3", "share": 0.5 }, "benchmark": { "datanet": 1, "snapshot": 2, "root": "00" },
			"metric": "accuracy", "score_with": 0.5, "score_without": 0.25,
			"lost": { "mean": 0.25, "low": 0.0, "high": 0.5 }, "items": 4,
		}],
	})
}

/// One of each, an item of each kind, and choices.
pub fn seeds() -> Vec<Vec<u8>> {
	let evidence = Evidence::collect(&VectorRules::default(), &[1, 2], 40, &[], &[]).with_choices(&[15, 25]);
	let items = [
		r#"{"prompt":"p","answer":["a","b"]}"#,
		r#"{"question":"q","choices":["a","b"],"answer":1}"#,
		r#"{"prompt":"p","checks":[{"contains":"a"},{"regex":"^[0-9]{2,5}(a|b)*$"},{"not":{"json":["k"]}},{"json":true}]}"#,
	]
	.join("\n");
	let mut random = tributary_fuzz_driver::Random::new(7);
	let documents = [
		(0u8, evidence.to_bytes()),
		(1, good_report().to_string().into_bytes()),
		(2, good_losses().to_string().into_bytes()),
		(3, items.into_bytes()),
		(3, b"plain text".to_vec()),
	];
	let choices = (0..24).map(|number| (4 + number % 3, random.bytes(64)));
	documents.into_iter().chain(choices).map(|(kind, document)| [&[kind][..], &document].concat()).collect()
}
