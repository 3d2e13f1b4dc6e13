//! What documents become: conversations with a mask, sources in memory, and what is wrong with them.

use std::{fs, path::Path};

use super::{adapter_config, base_config};
use crate::{
	samples::{Encoder, Sample},
	tokenizer, train_adapter, train_adapter_on, train_base, AdapterConfig, Document, FactoryError, Silent,
	Source, END,
};

const CHAT: &str = r#"{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is it?"},
 {"role": "assistant", "content": "An index."}, {"role": "user", "content": "Why?"}, {"role": "assistant", "content": "To find."}]}"#;

fn document(path: &str, text: &str) -> Document {
	Document { path: path.into(), text: text.into() }
}

fn conversation() -> Document {
	document("chat.jsonl", &CHAT.replace('\n', ""))
}

fn base(root: &Path) -> AdapterConfig {
	train_base(&base_config(root, "base"), &mut Silent).expect("base");
	adapter_config(root, "base", "adapter")
}

fn samples(
	config: &AdapterConfig,
	document: &Document,
	sequence: usize,
) -> Result<Vec<Sample>, FactoryError> {
	Encoder::open(&config.base_dir, 300, sequence, config.train_on_inputs)?.document(document, 0)
}

/// Text of the tokens that are learned, and of the others.
fn texts(config: &AdapterConfig, sample: &Sample) -> (String, String) {
	let tokenizer = tokenizer::load(&config.base_dir, 300).expect("tokenizer");
	let of = |wanted: bool| {
		let pairs = sample.tokens.iter().zip(&sample.counted);
		let tokens: Vec<u32> =
			pairs.filter(|(_, counted)| **counted == wanted).map(|(token, _)| *token).collect();
		tokenizer.decode(&tokens, false).expect("text")
	};
	(of(true), of(false))
}

#[test]
fn only_answers_are_learned_when_a_document_holds_conversations() {
	let root = tempfile::tempdir().expect("temporary folder");
	let mut config = base(root.path());
	let [sample] = &samples(&config, &conversation(), 400).expect("samples")[..] else {
		panic!("one sample")
	};
	let (learned, given) = texts(&config, sample);
	assert_eq!(learned, format!("An index.{END}To find.{END}"));
	assert_eq!(
		given,
		"<|system|>Be brief.<|end|><|user|>What is it?<|end|><|assistant|><|user|>Why?<|end|><|assistant|>"
	);
	config.train_on_inputs = true;
	let [all] = &samples(&config, &conversation(), 400).expect("samples")[..] else { panic!("one sample") };
	assert!(all.tokens == sample.tokens && all.counted.iter().all(|counted| *counted));
	// Cut before the first answer, nothing is left to learn.
	config.train_on_inputs = false;
	assert!(samples(&config, &conversation(), 5).expect("samples").is_empty());
}

#[test]
fn text_is_cut_without_a_gap_when_it_is_longer_than_a_sequence() {
	let root = tempfile::tempdir().expect("temporary folder");
	let config = base(root.path());
	let text = "The index keeps an item until a commit names it. ".repeat(4);
	let whole = samples(&config, &document("a", &text), 1000).expect("samples");
	let parts = samples(&config, &document("a", &text), 10).expect("samples");
	assert!(whole.len() == 1 && parts.len() > 3);
	let targets = |samples: &[Sample]| -> Vec<u32> {
		samples.iter().flat_map(|sample| sample.tokens.iter().skip(1).copied()).collect()
	};
	assert_eq!(targets(&whole), targets(&parts));
	assert!(samples(&config, &document("a", ""), 10).expect("none").is_empty());
}

#[test]
fn conversation_is_refused_by_document_and_line_when_it_is_malformed() {
	let root = tempfile::tempdir().expect("temporary folder");
	let config = base(root.path());
	let good = conversation().text.clone();
	for (line, reason) in [
		(r#"{"messages": [{"role": "user", "#, "is no JSON from column 31 on"),
		(r#"{"messages": "zebra"}"#, "needs `messages`"),
		(r#"{"messages": [{"role": "user", "content": 7}]}"#, "needs `messages`"),
		(r#"{"text": "zebra"}"#, "needs `messages`"),
		(r#"{"messages": []}"#, "has no messages"),
		(r#"{"messages": [{"role": "user", "content": "zebra"}]}"#, "no message of the role assistant"),
	] {
		let error =
			samples(&config, &document("a.jsonl", &format!("{good}\n\n{line}\n")), 400).expect_err(reason);
		let message = error.to_string();
		assert!(message.starts_with("a.jsonl, line 3: ") && message.contains(reason), "{message}");
		assert!(!format!("{message}{error:?}").contains("zebra"), "{message}");
	}
	let long = format!(r#"{{"messages": [{{"role": "user", "content": "{}"}}]}}"#, "z".repeat(2 << 20));
	let error = samples(&config, &document("a", &long), 400).expect_err("too long");
	assert!(error.to_string().contains("more than 1048576"), "{error}");
	fs::remove_file(config.base_dir.join("tokenizer_config.json")).expect("removed");
	let error = samples(&config, &conversation(), 400).expect_err("no template");
	assert!(error.to_string().contains("no chat template"), "{error}");
}

#[test]
fn adapter_is_trained_on_sources_in_memory_when_texts_are_short() {
	let root = tempfile::tempdir().expect("temporary folder");
	let config = base(root.path());
	let source =
		|name: &str, documents: Vec<Document>, weight: f64| Source { name: name.into(), documents, weight };
	let sources = vec![
		source("prose", vec![document("a", "The index keeps items.")], 1.0),
		source("talk", vec![conversation()], 3.0),
	];
	let held_out = vec![document("b", "Items are kept in the index.")];
	let mut config = AdapterConfig { texts: vec!["not/read".into()], ..config };
	config.schedule.sequence = 32;
	config.schedule.epochs = Some(2.0);
	let report = train_adapter_on(&config, sources.clone(), held_out.clone(), &mut Silent).expect("trained");
	assert!(report.loss_after.is_finite() && report.steps < 12, "{report:?}");

	let mut other = sources.clone();
	other[1].weight = 1.0;
	config.out_dir = root.path().join("other");
	let with_other_weights =
		train_adapter_on(&config, other, held_out.clone(), &mut Silent).expect("trained");
	assert_ne!(report.configuration_hash, with_other_weights.configuration_hash);

	config.out_dir = root.path().join("refused");
	let empty = vec![sources[0].clone(), source("DataNet 4", vec![document("c", "")], 1.0)];
	let error = train_adapter_on(&config, empty, held_out.clone(), &mut Silent).expect_err("empty");
	assert!(error.to_string().starts_with("DataNet 4 has no text"), "{error}");
	let error = train_adapter_on(&config, vec![], held_out.clone(), &mut Silent).expect_err("none");
	assert!(matches!(error, FactoryError::Empty { .. }), "{error}");
	let error =
		train_adapter_on(&config, sources.clone(), vec![document("d", "")], &mut Silent).expect_err("none");
	assert!(error.to_string().starts_with("the held-out text"), "{error}");
	let error = train_adapter_on(
		&config,
		vec![source("x", vec![document("e", "a b")], 0.0)],
		held_out.clone(),
		&mut Silent,
	);
	assert!(matches!(error, Err(FactoryError::Setting { name: "weight", .. })));
	// Their sum is infinite, and the share of each would be nothing.
	let huge = vec![
		source("x", vec![document("e", "a b")], f64::MAX),
		source("y", vec![document("f", "a b")], f64::MAX),
	];
	let error = train_adapter_on(&config, huge, held_out, &mut Silent);
	assert!(matches!(error, Err(FactoryError::Setting { name: "weight", .. })));
}

#[test]
fn chat_files_are_read_when_they_stand_in_a_folder() {
	let root = tempfile::tempdir().expect("temporary folder");
	let mut config = base(root.path());
	config.schedule.sequence = 32;
	let lines = format!("{}\n", conversation().text).repeat(3);
	fs::write(root.path().join("texts/00.jsonl"), &lines).expect("written");
	train_adapter(&config, &mut Silent).expect("trained");
	fs::write(root.path().join("texts/00.jsonl"), lines + "{\"messages\"\n").expect("written");
	let error = train_adapter(&config, &mut Silent).expect_err("malformed");
	assert!(error.to_string().contains("00.jsonl, line 4"), "{error}");
}
