//! What bad input gets.

use std::{fs, path::Path};

use super::{adapter_config, base_config, StopAfter};
use crate::{train_adapter, train_base, BaseConfig, FactoryError, ModelShape, Schedule, Silent, CHECKPOINT};

#[test]
fn training_stops_with_a_message_when_the_loss_is_no_number() {
	let root = tempfile::tempdir().expect("temporary folder");
	let mut config = base_config(root.path(), "out");
	config.schedule = Schedule { learning_rate: 1e30, warmup_steps: 0, ..config.schedule };
	let error = train_base(&config, &mut Silent).expect_err("no number");
	assert!(matches!(error, FactoryError::NotFinite { .. }), "{error}");
	assert!(error.to_string().contains("lower learning_rate"));
	assert!(!config.out_dir.join("model.safetensors").exists());
}

#[test]
fn training_fails_when_there_is_too_little_text() {
	let root = tempfile::tempdir().expect("temporary folder");
	let config = base_config(root.path(), "out");
	fs::write(root.path().join("short.txt"), "A few words only.").expect("text");
	let short = root.path().join("short.txt");
	let config = BaseConfig { texts: vec![short.clone()], held_out: vec![short], ..config };
	let error = train_base(&config, &mut Silent).expect_err("too little");
	assert!(matches!(error, FactoryError::TooLittleText { what: "the training text", .. }), "{error}");
}

#[test]
fn training_fails_when_the_checkpoint_has_another_configuration() {
	let root = tempfile::tempdir().expect("temporary folder");
	let mut config = base_config(root.path(), "out");
	assert!(matches!(train_base(&config, &mut StopAfter(3)), Err(FactoryError::Stopped { step: 3, .. })));
	config.schedule.seed = 99;
	let error = train_base(&config, &mut Silent).expect_err("another configuration");
	assert!(matches!(error, FactoryError::OtherConfiguration { .. }), "{error}");
	assert!(config.out_dir.join(CHECKPOINT).exists(), "the old checkpoint is kept");
}

#[test]
fn training_fails_when_the_checkpoint_is_damaged() {
	let root = tempfile::tempdir().expect("temporary folder");
	let config = base_config(root.path(), "out");
	assert!(train_base(&config, &mut StopAfter(3)).is_err());
	let path = config.out_dir.join(CHECKPOINT);
	let bytes = fs::read(&path).expect("checkpoint");
	fs::write(&path, &bytes[..bytes.len() / 2]).expect("cut");
	let error = train_base(&config, &mut Silent).expect_err("damaged");
	assert!(error.to_string().contains("remove it to start anew"), "{error}");
}

#[test]
fn training_fails_when_a_text_is_missing() {
	let root = tempfile::tempdir().expect("temporary folder");
	let config = BaseConfig { texts: vec!["not/there.txt".into()], ..base_config(root.path(), "out") };
	assert!(matches!(train_base(&config, &mut Silent), Err(FactoryError::Read { .. })));
}

#[test]
fn base_training_fails_when_the_shape_is_wrong() {
	let root = tempfile::tempdir().expect("temporary folder");
	let good = base_config(root.path(), "out");
	for change in [
		|config: &mut BaseConfig| config.shape.num_key_value_heads = 3,
		|config: &mut BaseConfig| config.shape.hidden_size = 0,
		|config: &mut BaseConfig| config.shape.tie_word_embeddings = false,
	] {
		let mut config = good.clone();
		change(&mut config);
		assert!(matches!(train_base(&config, &mut Silent), Err(FactoryError::Setting { name: "shape", .. })));
	}
}

#[test]
fn base_training_fails_when_it_is_given_epochs() {
	let root = tempfile::tempdir().expect("temporary folder");
	let mut config = base_config(root.path(), "out");
	config.schedule.epochs = Some(1.0);
	let error = train_base(&config, &mut Silent).expect_err("epochs");
	assert!(matches!(error, FactoryError::Setting { name: "epochs", .. }), "{error}");
}

#[test]
fn base_is_refused_by_name_when_only_the_engine_implements_its_family() {
	let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/fixtures");
	for (model, named) in [
		("llama3", "rope_scaling"),
		("qwen3", "norms of query and key heads"),
		("mixtral", "experts"),
		("mistral", "sliding_window"),
	] {
		let error = ModelShape::open(&models.join(model)).expect_err("not implemented");
		assert!(error.to_string().contains(named), "{error}");
	}
	assert!(ModelShape::open(&models.join("qwen2")).is_ok());
}

#[test]
fn adapter_training_fails_when_the_base_model_does_not_fit() {
	let root = tempfile::tempdir().expect("temporary folder");
	train_base(&base_config(root.path(), "base"), &mut Silent).expect("base");
	let config = adapter_config(root.path(), "base", "adapter");
	let path = root.path().join("base/config.json");
	let json = fs::read_to_string(&path).expect("config");
	let with = |from: &str, to: &str| {
		assert!(json.contains(from));
		fs::write(&path, json.replace(from, to)).expect("config");
		train_adapter(&config, &mut Silent).expect_err("does not fit")
	};
	let error = with("\"vocab_size\": 300", "\"vocab_size\": 290");
	assert!(error.to_string().contains("[290, 16]"), "{error}");
	let error = with("LlamaForCausalLM", "MambaForCausalLM");
	assert!(error.to_string().contains("MambaForCausalLM"), "{error}");
	let error = with("\"mlp_bias\": false", "\"rope_scaling\": {\"rope_type\": \"yarn\"}");
	assert!(error.to_string().contains("rope_scaling"), "{error}");
	fs::write(&path, &json).expect("config");

	// Another model's tokenizer, with more tokens than this model has embeddings.
	let mut larger = base_config(root.path(), "larger");
	larger.shape.vocab_size = 320;
	train_base(&larger, &mut Silent).expect("larger");
	fs::copy(larger.out_dir.join("tokenizer.json"), root.path().join("base/tokenizer.json")).expect("copied");
	let error = train_adapter(&config, &mut Silent).expect_err("vocabulary");
	assert!(matches!(error, FactoryError::Vocabulary { vocabulary: 300, .. }), "{error}");
}
