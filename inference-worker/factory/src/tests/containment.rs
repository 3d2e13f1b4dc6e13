//! Trainings that end another way than by their last step: poisoned batches, no more progress, a reason to stop.

use std::{collections::BTreeMap, fs, path::Path};

use burn::tensor::{Device, Tensor};

use super::{adapter_config, base_config, row, tiny_schedule, tiny_shape, StopAfter};
use crate::{
	backward::Trained,
	batch::Row,
	curves, lora,
	model::{Embedding, Model},
	parameters::initial_model,
	read_curve,
	text::Text,
	train::Run,
	train_adapter, train_adapter_on, train_base, AdapterConfig, CurvePoint, Document, FactoryError, Progress,
	Report, Schedule, Silent, Source, ADAPTER_WEIGHTS, CHECKPOINT, CURVES,
};

/// A token whose embedding is infinite.
const POISON: u32 = 299;

/// Rows whose first token is the poison in some steps.
struct Poisoned(Vec<usize>);

impl Text for Poisoned {
	fn rows(&mut self, first: usize, count: usize) -> Vec<Row> {
		(first..first + count)
			.map(|index| {
				let step = index / count;
				let begin = if self.0.contains(&step) { POISON } else { 9 };
				Row { documents: vec![step], ..row(&[begin, 5, 6, 7], &[5, 6, 7, 8]) }
			})
			.collect()
	}

	fn tokens(&self) -> u64 {
		4
	}

	fn name(&self, document: usize) -> String {
		format!("text {document}")
	}
}

fn poisoned_model(device: &Device) -> Model {
	let mut model = initial_model(&tiny_shape(), 5, device);
	let Embedding::Full(embedding) = &mut model.embedding else { panic!("in floats") };
	let row = Tensor::full([1, 16], f32::INFINITY, device);
	*embedding = embedding.clone().slice_assign([POISON as usize..300, 0..16], row);
	// The output projection must not be poisoned, or every loss would be.
	let head = initial_model(&tiny_shape(), 5, device);
	let Embedding::Full(head) = head.embedding else { panic!("in floats") };
	model.head = Some(crate::weight::Weight::Full(head.transpose()));
	lora::attach(&mut model, &adapter_config("".as_ref(), "base", "out"), device);
	model
}

fn run(dir: &Path, poisoned: &[usize], schedule: &Schedule) -> (Result<Report, FactoryError>, Model) {
	let device = Device::flex();
	let mut model = poisoned_model(&device);
	let report = Run {
		trained: Trained::LowRank,
		schedule,
		dropout: 0.0,
		device: &device,
		configuration: "00".into(),
		checkpoint: dir.join(CHECKPOINT),
		curve: dir.join(CURVES),
		text: Box::new(Poisoned(poisoned.to_vec())),
		held_out: vec![row(&[9, 5, 6, 7], &[5, 6, 7, 8])],
	}
	.train(&mut model, &mut Silent);
	(report, model)
}

#[test]
fn poisoned_batch_is_skipped_and_named_when_others_are_good() {
	let dir = tempfile::tempdir().expect("temporary folder");
	let (report, _) = run(dir.path(), &[2, 3, 7], &tiny_schedule());
	let report = report.expect("trained");
	assert_eq!((report.steps, report.skipped), (12, 3));
	assert!(report.loss_after < report.loss_before, "{report:?}");
	let curve = read_curve(&dir.path().join(CURVES)).expect("curve");
	let skipped: Vec<&CurvePoint> =
		curve.iter().filter(|point| matches!(point, CurvePoint::Skipped { .. })).collect();
	let expected = [2usize, 3, 7]
		.map(|step| CurvePoint::Skipped { step: step + 1, documents: vec![format!("text {step}")] });
	assert_eq!(skipped, expected.iter().collect::<Vec<_>>());
	assert_eq!(curve.len(), 12 + 1);
}

#[test]
fn training_ends_with_the_last_good_checkpoint_when_three_batches_are_poisoned() {
	let dir = tempfile::tempdir().expect("temporary folder");
	let schedule = Schedule { checkpoint_steps: 2, ..tiny_schedule() };
	let (report, _) = run(dir.path(), &[5, 6, 7], &schedule);
	let error = report.expect_err("poisoned");
	let message = error.to_string();
	assert!(message.contains("up to step 8") && message.contains("text 5, text 6, text 7"), "{message}");
	// Going on ends at the same place, from the checkpoint after step 4.
	let before = fs::read(dir.path().join(CHECKPOINT)).expect("checkpoint");
	assert!(matches!(run(dir.path(), &[5, 6, 7], &schedule).0, Err(FactoryError::NotFinite { step: 8, .. })));
	assert!(before == fs::read(dir.path().join(CHECKPOINT)).expect("checkpoint"));
	// With the poison gone it is of use.
	assert_eq!(run(dir.path(), &[], &schedule).0.expect("trained").steps, 12);
}

#[test]
fn training_is_refused_when_the_held_out_loss_is_no_number() {
	let root = tempfile::tempdir().expect("temporary folder");
	let device = Device::flex();
	let schedule = tiny_schedule();
	let error = Run {
		trained: Trained::LowRank,
		schedule: &schedule,
		dropout: 0.0,
		device: &device,
		configuration: "00".into(),
		checkpoint: root.path().join(CHECKPOINT),
		curve: root.path().join(CURVES),
		text: Box::new(Poisoned(vec![])),
		held_out: vec![row(&[POISON], &[5])],
	}
	.train(&mut poisoned_model(&device), &mut Silent)
	.expect_err("no number");
	assert!(matches!(error, FactoryError::Evaluation { when: "before training" }), "{error}");
}

/// Trains far too fast on a text that the held-out one has nothing in common with.
fn overfitting(root: &Path, out: &str) -> AdapterConfig {
	fs::create_dir_all(root.join("one")).expect("folder");
	fs::write(root.join("one/a.txt"), "zz qq xx ".repeat(40)).expect("text");
	let mut config = AdapterConfig {
		texts: vec![root.join("one")],
		held_out: vec![root.join("texts")],
		chat_share: 0.0,
		..adapter_config(root, "base", out)
	};
	config.schedule = Schedule {
		steps: 60,
		learning_rate: 3e-2,
		evaluation_steps: 2,
		patience: 3,
		checkpoint_steps: 3,
		..config.schedule
	};
	config
}

fn evaluations(config: &AdapterConfig) -> Vec<(usize, f64)> {
	let points = read_curve(&curves::in_output(&config.out_dir)).expect("curve").into_iter();
	points
		.filter_map(|point| match point {
			CurvePoint::Evaluation { step, loss, .. } => Some((step, loss)),
			_ => None,
		})
		.collect()
}

#[test]
fn training_ends_early_with_the_best_weights_when_the_held_out_loss_rises() {
	let root = tempfile::tempdir().expect("temporary folder");
	train_base(&base_config(root.path(), "base"), &mut Silent).expect("base");
	let config = overfitting(root.path(), "one-go");
	let report = train_adapter(&config, &mut Silent).expect("trained");
	assert!(report.stopped_early && report.steps < 60, "{report:?}");
	assert_eq!(report.steps - report.best_step, 6, "three measurements of two steps");
	let measured = evaluations(&config);
	let best = measured.iter().copied().min_by(|one, other| one.1.total_cmp(&other.1)).expect("measured");
	assert_eq!(best, (report.best_step, report.loss_after));
	assert_eq!(measured.first(), Some(&(0, report.loss_before)));

	// Killed and gone on, it ends at the same weights, and the curve has every step once.
	let resumed = overfitting(root.path(), "resumed");
	assert!(matches!(train_adapter(&resumed, &mut StopAfter(5)), Err(FactoryError::Stopped { step: 5, .. })));
	train_adapter(&resumed, &mut Silent).expect("trained");
	let weights = |config: &AdapterConfig| fs::read(config.out_dir.join(ADAPTER_WEIGHTS)).expect("weights");
	assert!(weights(&config) == weights(&resumed));
	let losses = |config: &AdapterConfig| -> BTreeMap<usize, f64> {
		let points = read_curve(&curves::in_output(&config.out_dir)).expect("curve").into_iter();
		points
			.filter_map(|point| match point {
				CurvePoint::Step { step, loss, .. } => Some((step, loss)),
				_ => None,
			})
			.collect()
	};
	assert_eq!(losses(&config), losses(&resumed));
	assert_eq!(evaluations(&config), evaluations(&resumed));
}

/// Gives a reason to stop after some steps.
struct Revoked(usize);

impl Progress for Revoked {
	fn begin(&mut self, _: &str, _: u64) {}
	fn step(&mut self, _: u64, _: &str) {}
	fn end(&mut self, _: &str) {}
	fn wants_stop(&mut self) -> Option<String> {
		self.0 -= 1;
		(self.0 == 0).then(|| "the grant to train on DataNet 3 was revoked".into())
	}
}

/// Whether any file in a folder holds some bytes.
fn is_written(dir: &Path, text: &str) -> bool {
	fs::read_dir(dir).expect("folder").any(|entry| {
		let bytes = fs::read(entry.expect("entry").path()).expect("file");
		bytes.windows(text.len()).any(|window| window == text.as_bytes())
	})
}

#[test]
fn training_stops_with_the_reason_and_writes_no_text_when_a_grant_is_revoked() {
	let root = tempfile::tempdir().expect("temporary folder");
	train_base(&base_config(root.path(), "base"), &mut Silent).expect("base");
	let config = adapter_config(root.path(), "base", "out");
	let secret = "the zebra's quartz is kept in the index";
	let documents = (0..4)
		.map(|number| Document {
			path: format!("d{number}").into(),
			text: format!("{secret} {number}. ").repeat(9),
		})
		.collect();
	let source = Source { name: "DataNet 3".into(), documents, weight: 1.0 };
	let error =
		train_adapter_on(&config, vec![source.clone()], vec![], &mut Revoked(4)).expect_err("revoked");
	assert_eq!(
		error.to_string(),
		"stopped after step 4: the grant to train on DataNet 3 was revoked; the checkpoint is kept, the same settings \
		 and texts go on from there"
	);
	assert!(config.out_dir.join(CHECKPOINT).exists() && !config.out_dir.join(ADAPTER_WEIGHTS).exists());
	assert!(!is_written(&config.out_dir, "zebra"));
	assert!(!format!("{source:?} {:?}", source.documents).contains("zebra"));
	train_adapter_on(&config, vec![source], vec![], &mut Silent).expect("trained");
	assert!(config.out_dir.join(ADAPTER_WEIGHTS).exists() && !is_written(&config.out_dir, "zebra"));
}
