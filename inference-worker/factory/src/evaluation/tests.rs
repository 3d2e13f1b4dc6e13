//! Evaluations of a tiny trained model.

use std::path::Path;

use tributary_engine::DeviceChoice;

use super::*;
use crate::{
	tests::{adapter_config, base_config},
	train_adapter, train_base, Silent,
};

const BENCHMARK: &str = r#"{"prompt": "What is item 1?", "answer": "Item 1 is stored in the index before it is written."}
{"prompt": "What is item 2?", "answer": ["Item 2 is stored in the index before it is written."]}
{"question": "What keeps item 3?", "choices": ["zq zq zq", "The index keeps item 3 until a commit names it."], "answer": 1}
{"prompt": "Name it.", "checks": [{"not": {"contains": "no such text"}}, {"regex": "^no such text$"}]}"#;

fn subject(root: &Path) -> Subject {
	train_base(&base_config(root, "base"), &mut Silent).expect("base");
	let config = adapter_config(root, "base", "adapter");
	train_adapter(&config, &mut Silent).expect("adapter");
	Subject {
		base: config.base_dir,
		adapters: vec![(config.out_dir, 1.0)],
		prompts: vec!["Be brief.".into()],
	}
}

fn items(text: &str) -> Vec<Item> {
	read_items(&[Contribution { index: 3, text: text.into() }]).expect("items")
}

fn run(subject: &Subject, items: &[Item], metrics: &[Metric]) -> Result<Report, EvaluationError> {
	// The tiny model reads 32 tokens; a chat takes some of them.
	let settings = Settings { max_tokens: 2, ..Settings::default() };
	evaluate(subject, DeviceChoice::Cpu, items, metrics, settings, &mut Silent)
}

#[test]
fn report_is_equal_when_a_model_is_evaluated_twice() {
	let root = tempfile::tempdir().expect("temporary folder");
	let subject = Subject { prompts: vec![], ..subject(root.path()) };
	let text = "Item 4 is stored in the index before it is written.";
	let report = run(&subject, &items(text), &[Metric::Perplexity]).expect("report");
	let again = run(&subject, &items(text), &[Metric::Perplexity]).expect("report");
	assert_eq!(report.to_bytes(), again.to_bytes());
	// Numbers lose their last bit on the way through JSON.
	let parsed = Report::parse(&report.to_bytes()).expect("parsed");
	assert_eq!((&parsed.settings, parsed.items.len()), (&report.settings, report.items.len()));
	let perplexity = report.summary(Metric::Perplexity).expect("measured").interval.mean;
	assert!((1.0..300.0).contains(&perplexity), "{perplexity}");

	let base = Subject { adapters: vec![], ..subject.clone() };
	let plain = run(&base, &items(text), &[Metric::Perplexity]).expect("report");
	assert!(
		plain.summary(Metric::Perplexity).expect("measured").interval.mean > perplexity,
		"the adapter was trained on such text"
	);
	let off = Subject { adapters: vec![(subject.adapters[0].0.clone(), 0.0)], ..subject };
	assert_eq!(run(&off, &items(text), &[Metric::Perplexity]).expect("report").items, plain.items);
}

#[test]
fn metrics_are_measured_when_items_fit_them() {
	let root = tempfile::tempdir().expect("temporary folder");
	train_base(
		&crate::BaseConfig {
			shape: crate::ModelShape { max_position_embeddings: 256, ..crate::tests::tiny_shape() },
			..base_config(root.path(), "base")
		},
		&mut Silent,
	)
	.expect("base");
	let subject =
		Subject { base: root.path().join("base"), adapters: vec![], prompts: vec!["Be brief.".into()] };
	let report = run(&subject, &items(BENCHMARK), &Metric::ALL).expect("report");
	let scored = |metric: Metric| report.summary(metric).expect("measured").clone();
	assert_eq!(scored(Metric::MultipleChoice).interval.mean, 1.0, "the other choice is no text of its kind");
	assert_eq!((scored(Metric::Judge).interval.mean, scored(Metric::Judge).items), (0.0, 1));
	assert_eq!(report.items[3].passed, [true, false]);
	assert_eq!(scored(Metric::RougeL).items, 2);
	assert!(report.items[0].answer.is_some() && report.items[2].answer.is_none());
	assert_eq!(
		scored(Metric::Perplexity).millionths(),
		Some((scored(Metric::Perplexity).interval.mean * 1e6).round() as i64)
	);
}

#[test]
fn evaluation_is_refused_when_items_or_settings_do_not_fit() {
	let root = tempfile::tempdir().expect("temporary folder");
	let subject = subject(root.path());
	let error = run(&subject, &items("Plain text."), &[Metric::Judge]).expect_err("no items");
	assert!(matches!(error, EvaluationError::NoItems { metric: "judge", .. }), "{error}");
	let long = format!("{{\"prompt\": \"{}\", \"answer\": \"x\"}}", "many words ".repeat(40));
	let error = run(&subject, &items(&long), &[Metric::RougeL]).expect_err("too long");
	assert!(error.to_string().contains("contribution 3, line 1"), "{error}");
	let settings = Settings { max_tokens: 0, ..Settings::default() };
	let refused = evaluate(
		&subject,
		DeviceChoice::Cpu,
		&items("A text."),
		&[Metric::Perplexity],
		settings,
		&mut Silent,
	);
	assert!(matches!(refused, Err(EvaluationError::Setting { name: "max_tokens", .. })));
	let missing = Subject { adapters: vec![("nowhere".into(), 1.0)], ..subject };
	assert!(matches!(
		run(&missing, &items("A text."), &[Metric::Perplexity]),
		Err(EvaluationError::Engine(_))
	));
}
