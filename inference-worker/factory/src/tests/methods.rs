//! Ways of computing the same gradients: in 4 bits, again on the way back, a batch at a time, several texts in a row.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use proptest::prelude::*;
use rand_chacha::{rand_core::SeedableRng, ChaCha20Rng};
use tributary_engine::{quantize, Precision};

use super::{adapter_config, base_config, batch_of, row, tiny_shape};
use crate::{
	backward::{Pass, Trained},
	batch::{self, Batch, Row},
	config::Method,
	dropout::Dropout,
	lora,
	model::Model,
	parameters::{initial_model, load_model, matrix, normal},
	train_adapter, train_base, AdapterConfig, Silent, ADAPTER_CONFIG,
};

/// Gives a model updates that matter.
fn attach(model: &mut Model, config: &AdapterConfig) {
	let device = Device::flex();
	lora::attach(model, config, &device);
	let mut rng = ChaCha20Rng::seed_from_u64(7);
	for (_, projection) in model.projections() {
		let update = projection.low_rank.as_mut().expect("an update");
		let [rank, columns] = update.b.dims();
		update.b = matrix(normal(&mut rng, rank * columns, 0.3), rank, columns, &device);
	}
}

fn model() -> Model {
	let mut model = initial_model(&tiny_shape(), 5, &Device::flex());
	attach(&mut model, &adapter_config("".as_ref(), "base", "out"));
	model
}

/// A text of some tokens, of which every third does not count.
fn text(length: usize, seed: usize) -> Row {
	let token = |place: usize| ((place + 3) * 37 * (seed + 2) % 300) as u32;
	let tokens: Vec<u32> = (0..=length).map(token).collect();
	let counted = (0..length).map(|place| length == 1 || !(place + seed).is_multiple_of(3)).collect();
	Row { counted, ..row(&tokens[..length], &tokens[1..]) }
}

fn pass(trained: Trained, divisor: usize) -> Pass {
	Pass { trained, checkpointing: false, dropout: None, divisor }
}

/// Sum over batches.
fn sum(model: &Model, pass: &Pass, batches: &[Vec<Row>]) -> (f32, Vec<Tensor<2>>) {
	let parts = batches.iter().map(|rows| pass.gradients(model, &Batch::new(rows, &Device::flex())));
	let add = |one: (f32, Vec<Tensor<2>>), other: (f32, Vec<Tensor<2>>)| {
		(one.0 + other.0, one.1.into_iter().zip(other.1).map(|(one, other)| one + other).collect())
	};
	parts.reduce(add).expect("a batch")
}

fn assert_close(one: &(f32, Vec<Tensor<2>>), other: &(f32, Vec<Tensor<2>>), tolerance: f32) {
	assert!((one.0 - other.0).abs() <= tolerance, "{} {}", one.0, other.0);
	assert_eq!(one.1.len(), other.1.len());
	let largest = |tensors: &[Tensor<2>]| {
		tensors.iter().map(|tensor| tensor.clone().abs().max().into_scalar::<f32>()).fold(0.0, f32::max)
	};
	let scale = largest(&other.1);
	assert!(scale > 0.0);
	for (index, (one, other)) in one.1.iter().zip(&other.1).enumerate() {
		let off = (one.clone() - other.clone()).abs().max().into_scalar::<f32>();
		assert!(off <= tolerance * scale, "gradient {index}: {off} of {scale}");
	}
}

/// Texts behind each other in one row.
fn joined(texts: &[Row]) -> Row {
	let mut row = Row::default();
	for text in texts {
		row.starts.push(row.inputs.len());
		row.inputs.extend(&text.inputs);
		row.targets.extend(&text.targets);
		row.counted.extend(&text.counted);
	}
	row
}

#[test]
fn gradients_are_equal_when_layers_are_computed_again() {
	let (model, rows) = (model(), [text(12, 0), text(7, 1)]);
	for trained in [Trained::LowRank, Trained::Everything] {
		for rate in [0.0, 0.4] {
			let dropout = (rate > 0.0).then_some(Dropout { rate, seed: 3, batch: 9 });
			let kept = Pass { dropout, ..pass(trained, batch::counted(&rows)) };
			let again = Pass { checkpointing: true, ..kept.clone() };
			let [kept, again] = [kept, again].map(|pass| sum(&model, &pass, &[rows.to_vec()]));
			assert_close(&again, &kept, 1e-5);
		}
	}
}

#[test]
fn gradients_differ_when_inputs_are_dropped() {
	let (model, rows) = (model(), [text(12, 0)]);
	let plain = pass(Trained::LowRank, batch::counted(&rows));
	let dropped = Pass { dropout: Some(Dropout { rate: 0.4, seed: 3, batch: 9 }), ..plain.clone() };
	let [plain, dropped] = [plain, dropped].map(|pass| sum(&model, &pass, &[rows.to_vec()]).0);
	assert_ne!(plain, dropped);
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(12))]

	#[test]
	fn gradients_are_equal_when_texts_are_accumulated_or_packed(lengths in prop::collection::vec(1usize..12, 2..5)) {
		let model = model();
		let texts: Vec<Row> = lengths.iter().enumerate().map(|(seed, length)| text(*length, seed)).collect();
		for trained in [Trained::LowRank, Trained::Everything] {
			let pass = pass(trained, batch::counted(&texts));
			let together = sum(&model, &pass, std::slice::from_ref(&texts));
			let one_by_one: Vec<Vec<Row>> = texts.iter().map(|text| vec![text.clone()]).collect();
			assert_close(&sum(&model, &pass, &one_by_one), &together, 1e-5);
			assert_close(&sum(&model, &pass, &[vec![joined(&texts)]]), &together, 1e-5);
			let (first, rest) = texts.split_at(1);
			assert_close(&sum(&model, &pass, &[vec![first[0].clone(), joined(rest)]]), &together, 1e-5);
		}
	}
}

#[test]
fn accumulated_training_is_the_same_when_the_batches_are_smaller() {
	let root = tempfile::tempdir().expect("temporary folder");
	train_base(&base_config(root.path(), "base"), &mut Silent).expect("base");
	let train = |out: &str, batch: usize, accumulation: usize| {
		let mut config = adapter_config(root.path(), "base", out);
		(config.schedule.batch, config.schedule.accumulation) = (batch, accumulation);
		train_adapter(&config, &mut Silent).expect("trained")
	};
	let (large, small) = (train("large", 4, 1), train("small", 1, 4));
	assert_eq!(large.tokens, small.tokens);
	assert!(large.loss_after < large.loss_before);
	assert!((large.loss_after - small.loss_after).abs() < 1e-4, "{large:?} {small:?}");
}

fn logits(model: &Model, tokens: &[u32]) -> Vec<f32> {
	model.logits(model.hidden(&batch_of(tokens))).try_into_vec_as::<f32>().expect("logits")
}

#[test]
fn base_in_4_bits_is_what_the_engine_rounds_it_to() {
	let root = tempfile::tempdir().expect("temporary folder");
	for fixture in ["../models/tributary-3m", "engine/tests/fixtures/qwen2", "engine/tests/fixtures/llama"] {
		let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(fixture);
		let target = root.path().join(source.file_name().expect("a name"));
		quantize(&source, &target, Precision::Int4, |_, _| ()).expect("quantized");
		let load = |dir: &Path, method| load_model(dir, method, &Device::flex()).expect("loaded");
		// What the engine's folder stands for, in floats.
		let mut served = load(&target, Method::Lora);
		let mut rounded_here = load(&source, Method::Qlora);
		let mut rounded_before = load(&target, Method::Qlora);
		let tokens: Vec<u32> = (0..24).map(|place| place * 13 % 300).collect();
		let expected = logits(&served, &tokens);
		let full = logits(&load(&source, Method::Lora), &tokens);
		assert!(full.iter().zip(&expected).any(|(full, expected)| (full - expected).abs() > 1e-2));
		for model in [&rounded_here, &rounded_before] {
			for (found, expected) in logits(model, &tokens).iter().zip(&expected) {
				assert!((found - expected).abs() < 1e-3, "{fixture}: {found} {expected}");
			}
		}

		let config = adapter_config("".as_ref(), "base", "out");
		let rows = [text(16, 0), text(9, 1)];
		let kept = pass(Trained::LowRank, batch::counted(&rows));
		let again = Pass { checkpointing: true, ..kept.clone() };
		for model in [&mut served, &mut rounded_here, &mut rounded_before] {
			attach(model, &config);
		}
		let expected = sum(&served, &kept, &[rows.to_vec()]);
		assert_close(&sum(&rounded_here, &again, &[rows.to_vec()]), &expected, 1e-3);
		assert_close(&sum(&rounded_before, &again, &[rows.to_vec()]), &expected, 1e-3);
	}
}

#[test]
fn weights_take_a_third_of_the_bytes_when_the_base_is_in_4_bits() {
	let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/tributary-3m");
	let bytes = |method| load_model(&dir, method, &Device::flex()).expect("loaded").weight_bytes();
	let (full, rounded) = (bytes(Method::Lora), bytes(Method::Qlora));
	assert_eq!(full, 4 * 3_410_176);
	// Projections at 5 bits a weight, the embedding at 16 and again at 5 as the output projection.
	assert!(rounded * 3 < full, "{rounded} of {full}");
}

#[test]
fn quantized_training_learns_and_says_what_it_did() {
	let root = tempfile::tempdir().expect("temporary folder");
	train_base(&base_config(root.path(), "base"), &mut Silent).expect("base");
	let train = |out: &str, method| {
		let config =
			AdapterConfig { method, rslora: true, dropout: 0.1, ..adapter_config(root.path(), "base", out) };
		train_adapter(&config, &mut Silent).expect("trained")
	};
	let (full, rounded) = (train("full", Method::Lora), train("rounded", Method::Qlora));
	assert!(rounded.loss_after < rounded.loss_before, "{rounded:?}");
	assert!((rounded.loss_before - full.loss_before).abs() < 0.1);
	assert_ne!(rounded.configuration_hash, full.configuration_hash);
	let config = std::fs::read(root.path().join("rounded").join(ADAPTER_CONFIG)).expect("configuration");
	let config: serde_json::Value = serde_json::from_slice(&config).expect("JSON");
	assert_eq!((&config["use_rslora"], &config["lora_dropout"]), (&true.into(), &0.1.into()));
}
