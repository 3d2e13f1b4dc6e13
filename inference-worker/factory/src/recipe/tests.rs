//! What is read, and what is refused with its line.

use super::*;
use crate::{config::Source, Document};

const EXAMPLE: &str = include_str!("../../../../recipes/example.yaml");

fn refused(text: &str) -> String {
	Recipe::parse("recipe.yaml", text).expect_err("refused").to_string()
}

fn changed(from: &str, to: &str) -> String {
	assert!(EXAMPLE.contains(from), "{from}");
	EXAMPLE.replacen(from, to, 1)
}

fn line_of(text: &str, needle: &str) -> usize {
	text.lines().position(|line| line.contains(needle)).expect(needle) + 1
}

#[test]
fn example_is_valid_when_unchanged() {
	let recipe = Recipe::parse("example.yaml", EXAMPLE).expect("valid");
	assert_eq!(recipe.publish.expect("publish").price.input, "0.2");
	assert_eq!(recipe.agent.expect("agent").prompts, [Reference { id: 1, version: Some(1) }]);
	let config = Recipe::parse("", EXAMPLE).expect("valid").training("b".into(), "o".into(), "c".into());
	assert_eq!((config.rank, config.schedule.batch), (8, 4));
}

#[test]
fn recipe_is_read_when_only_the_needed_fields_are_there() {
	let recipe = Recipe::parse("", "base_model: 0\ndatasets: [{datanet: 3}]\nmax_steps: 5\n").expect("valid");
	assert_eq!(recipe.base_model, Reference { id: 0, version: None });
	assert_eq!((recipe.datasets[0].weight, recipe.lora_r, recipe.seed), (1.0, 8, 42));
	assert!(recipe.publish.is_none() && recipe.evaluation.is_empty());
}

#[test]
fn unknown_field_is_refused_with_its_line_and_the_nearest_name() {
	for (from, to, nearest) in [
		("lora_r:", "lora_rank:", "lora_r"),
		("learning_rate:", "lerning_rate:", "learning_rate"),
		("micro_batch_size:", "micro_batchsize:", "micro_batch_size"),
		("leave_out:", "leaveout:", "leave_out"),
	] {
		let text = changed(from, to);
		let error = refused(&text);
		let line = line_of(&text, to);
		assert!(error.starts_with(&format!("recipe.yaml:{line}: unknown field")), "{error}");
		assert!(error.contains(&format!("did you mean `{nearest}`")), "{error}");
	}
}

#[test]
fn value_is_refused_with_its_line_when_it_is_out_of_range() {
	for (from, to, field) in [
		("lora_r: 8", "lora_r: 0", "lora_r is 0 but must be 1 to 256"),
		("learning_rate: 0.003", "learning_rate: -1", "learning_rate is -1"),
		("learning_rate: 0.003", "learning_rate: .nan", "learning_rate is NaN"),
		("weight: 2", "weight: 0", "datasets[0].weight"),
		("q_proj", "q_porj", "did you mean `q_proj`"),
		("[perplexity, rougeL]", "[perplexity, rougeLL]", "did you mean `rougeL`"),
		("repeats: 2", "repeats: 99", "ablation.repeats is 99"),
		("method: retrain", "method: drop", "only be left out by retrain"),
		("val_set_size: 0.1", "val_set_size: 0.9", "val_set_size"),
		("max_steps: 60", "num_epochs: 0", "num_epochs"),
		("max_steps: 60", "# no length", "name it or num_epochs"),
	] {
		let text = changed(from, to);
		let error = refused(&text);
		assert!(error.contains(field), "{error}");
		assert!(error.starts_with("recipe.yaml:"), "{error}");
		// What is missing has no line; the YAML reader tells none for what is no number.
		if !to.starts_with('#') && !to.contains(".nan") {
			assert!(error.starts_with(&format!("recipe.yaml:{}:", line_of(&text, to))), "{error}");
		}
	}
}

#[test]
fn benchmark_is_refused_when_it_is_trained_on() {
	let error = refused("base_model: 0\ndatasets: [{datanet: 3}]\nmax_steps: 5\nevaluation:\n  - benchmark: {datanet: 3}\n    metrics: [perplexity]\n");
	assert!(error.starts_with("recipe.yaml:5: evaluation[0].benchmark.datanet is trained on"), "{error}");
}

#[test]
fn every_problem_is_told_when_there_are_several() {
	let error = refused("base_model: 0\ndatasets: []\nlora_r: 0\nmax_steps: 0\n");
	assert_eq!(error.lines().count(), 3, "{error}");
}

#[test]
fn text_is_refused_with_its_line_when_it_is_no_recipe() {
	for (text, line, named) in [
		("base_model: 0\ndatasets: 5\n", 2, "seq"),
		("base_model: x\n", 1, "neither ID nor ID:VERSION"),
		("base_model: 0\nlora_r: many\n", 2, ""),
		("base_model: 0\nbase_model: 1\n", 2, "duplicate"),
		("base_model: [\n", 0, ""),
		("adapter: dora\n", 1, "did you mean `lora`"),
	] {
		let error = refused(text);
		assert!(line == 0 || error.starts_with(&format!("recipe.yaml:{line}:")), "{error}");
		assert!(error.contains(named), "{error}");
	}
	assert!(refused("datasets: []\n").contains("base_model"));
	assert!(matches!(Recipe::read(Path::new("nowhere.yaml")), Err(RecipeError::Read { .. })));
}

#[test]
fn held_out_texts_are_spread_when_a_share_is_taken() {
	let document = |name: usize| Document { path: name.to_string().into(), text: name.to_string() };
	let source =
		|count| Source { name: "s".into(), documents: (0..count).map(document).collect(), weight: 1.0 };
	let (kept, held_out) = hold_out(vec![source(10), source(3)], 0.2);
	assert_eq!(held_out.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(), ["4", "9"]);
	assert_eq!((kept[0].documents.len(), kept[1].documents.len()), (8, 3));
}
