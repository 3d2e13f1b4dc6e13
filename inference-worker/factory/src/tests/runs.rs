//! Whole trainings: learning, determinism, going on after a stop.

use std::{fs, path::Path};

use super::{adapter_config, base_config, StopAfter};
use crate::{
	train_adapter, train_base, FactoryError, Schedule, Silent, ADAPTER_CONFIG, ADAPTER_WEIGHTS, CHECKPOINT,
	RECORD,
};

const BASE_FILES: [&str; 7] = [
	"config.json",
	"model.safetensors",
	"tokenizer.json",
	"tokenizer_config.json",
	"generation_config.json",
	"README.md",
	RECORD,
];

fn assert_equal_files(one: &Path, other: &Path, names: &[&str]) {
	for name in names {
		let read = |dir: &Path| fs::read(dir.join(name)).expect(name);
		assert!(read(one) == read(other), "{name} differs");
	}
}

#[test]
fn base_model_is_equal_when_trained_twice_or_resumed() {
	let root = tempfile::tempdir().expect("temporary folder");
	let report = train_base(&base_config(root.path(), "one"), &mut Silent).expect("trained");
	assert!(report.loss_after < report.loss_before, "{report:?}");
	assert!((report.perplexity_after - report.loss_after.exp()).abs() < 1e-9);
	assert_eq!(report.tokens, 12 * 2 * 16);

	train_base(&base_config(root.path(), "two"), &mut Silent).expect("trained");
	assert_equal_files(&root.path().join("one"), &root.path().join("two"), &BASE_FILES);

	let config = base_config(root.path(), "three");
	for steps in [3, 4] {
		let stopped = train_base(&config, &mut StopAfter(steps));
		assert!(matches!(stopped, Err(FactoryError::Stopped { .. })));
		assert!(
			config.out_dir.join(CHECKPOINT).exists() && !config.out_dir.join("model.safetensors").exists()
		);
	}
	let resumed = train_base(&config, &mut Silent).expect("trained");
	assert_equal_files(&root.path().join("one"), &config.out_dir, &BASE_FILES);
	assert_eq!((resumed.loss_before, resumed.loss_after), (report.loss_before, report.loss_after));
	assert!(!config.out_dir.join(CHECKPOINT).exists());
}

#[test]
fn adapter_is_equal_when_trained_twice_or_resumed() {
	let root = tempfile::tempdir().expect("temporary folder");
	train_base(&base_config(root.path(), "base"), &mut Silent).expect("base");
	let report = train_adapter(&adapter_config(root.path(), "base", "one"), &mut Silent).expect("trained");
	assert!(report.loss_after < report.loss_before, "{report:?}");
	assert!(report.configuration().is_some());

	let config = adapter_config(root.path(), "base", "two");
	assert!(matches!(train_adapter(&config, &mut StopAfter(7)), Err(FactoryError::Stopped { step: 7, .. })));
	train_adapter(&config, &mut Silent).expect("trained");
	let files = [ADAPTER_CONFIG, ADAPTER_WEIGHTS, RECORD];
	assert_equal_files(&root.path().join("one"), &config.out_dir, &files);

	let other = Schedule { seed: 2, ..config.schedule.clone() };
	let config = crate::AdapterConfig { schedule: other, ..adapter_config(root.path(), "base", "three") };
	let other = train_adapter(&config, &mut Silent).expect("trained");
	assert_ne!(other.configuration_hash, report.configuration_hash);
	let weights = |name: &str| fs::read(root.path().join(name).join(ADAPTER_WEIGHTS)).expect("weights");
	assert!(weights("one") != weights("three"));
}

#[test]
fn finished_training_is_not_repeated_when_nothing_changed() {
	let root = tempfile::tempdir().expect("temporary folder");
	let config = base_config(root.path(), "one");
	let first = train_base(&config, &mut Silent).expect("trained");
	// A second training would stop here.
	let second = train_base(&config, &mut StopAfter(1)).expect("already trained");
	assert_eq!(first.configuration_hash, second.configuration_hash);
	assert_eq!(first.loss_after, second.loss_after);
}

#[test]
fn training_is_repeated_when_another_was_killed_while_it_replaced_the_files() {
	let root = tempfile::tempdir().expect("temporary folder");
	train_base(&base_config(root.path(), "base"), &mut Silent).expect("base");
	let config = adapter_config(root.path(), "base", "out");
	let weights = || fs::read(config.out_dir.join(ADAPTER_WEIGHTS)).expect("weights");
	train_adapter(&config, &mut Silent).expect("trained");
	let first = weights();
	// The other one cannot write what comes after its weights.
	let blocked = config.out_dir.join(format!("{ADAPTER_CONFIG}.part"));
	fs::create_dir(&blocked).expect("blocked");
	let schedule = Schedule { seed: 2, ..config.schedule.clone() };
	let error = train_adapter(&crate::AdapterConfig { schedule, ..config.clone() }, &mut Silent);
	assert!(matches!(error, Err(FactoryError::Write { .. })));
	assert!(weights() != first);
	fs::remove_dir(&blocked).expect("free");
	fs::remove_file(config.out_dir.join(CHECKPOINT)).expect("checkpoint");
	train_adapter(&config, &mut Silent).expect("trained again");
	assert!(weights() == first);
}
