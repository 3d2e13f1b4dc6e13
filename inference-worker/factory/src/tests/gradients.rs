//! The gradients against references that are computed another way.

use burn::tensor::{activation, Device, Int, Tensor};
use rand_chacha::{rand_core::SeedableRng, ChaCha20Rng};

use super::{adapter_config, batch_of, row, tiny_shape};
use crate::{
	backward::{Pass, Trained},
	batch::{Batch, Row},
	lora,
	model::Model,
	parameters::{initial_model, matrix, normal},
	weight::Weight,
};

const ROWS: usize = 2;
const SEQUENCE: usize = 8;

fn batch(device: &Device) -> Batch {
	let tokens: Vec<u32> = (0..ROWS * SEQUENCE).map(|index| (index * 37 % 300) as u32).collect();
	let targets: Vec<u32> = tokens.iter().map(|token| (token + 1) % 300).collect();
	let rows: Vec<Row> = tokens
		.chunks(SEQUENCE)
		.zip(targets.chunks(SEQUENCE))
		.map(|(tokens, targets)| row(tokens, targets))
		.collect();
	Batch::new(&rows, device)
}

fn gradients(model: &Model, trained: Trained, batch: &Batch) -> (f32, Vec<Tensor<2>>) {
	Pass { trained, checkpointing: false, dropout: None, divisor: batch.count }.gradients(model, batch)
}

/// A model whose weights are far enough from zero that every part matters.
fn model(device: &Device) -> Model {
	let mut model = initial_model(&tiny_shape(), 5, device);
	let mut rng = ChaCha20Rng::seed_from_u64(6);
	for (_, tensor) in model.base_tensors() {
		let [rows, columns] = tensor.dims();
		*tensor = tensor.clone() + matrix(normal(&mut rng, rows * columns, 0.2), rows, columns, device);
	}
	model
}

fn distance(one: &Tensor<2>, other: &Tensor<2>) -> f32 {
	let scale: f32 = other.clone().abs().max().into_scalar::<f32>().max(1e-6);
	(one.clone() - other.clone()).abs().max().into_scalar::<f32>() / scale
}

#[test]
fn gradients_equal_plain_autodiff_when_all_tensors_are_trained() {
	let device = Device::flex();
	let mut model = model(&device);
	let (loss, found) = gradients(&model, Trained::Everything, &batch(&device));

	let mut live = model.clone();
	for (_, tensor) in live.base_tensors() {
		*tensor = tensor.clone().autodiff().require_grad();
	}
	let batch = batch(&device);
	let logits = live.logits(live.hidden(&batch));
	let targets: Tensor<2, Int> = batch.targets.reshape([ROWS * SEQUENCE, 1]);
	let reference = activation::log_softmax(logits, 1).gather(1, targets).mean().neg();
	let tape = reference.backward();
	let expected: f32 = reference.into_scalar();
	assert!((loss - expected).abs() < 1e-5, "{loss} {expected}");

	let names: Vec<String> = model.base_tensors().into_iter().map(|(name, _)| name).collect();
	for ((name, (_, tensor)), found) in names.iter().zip(live.base_tensors()).zip(&found) {
		let expected = tensor.grad(&tape).expect("a gradient");
		assert!(distance(found, &expected) < 1e-4, "{name}");
	}
}

#[test]
fn low_rank_gradients_equal_the_dense_reference_when_the_update_is_merged() {
	let device = Device::flex();
	let mut model = model(&device);
	let config = adapter_config("".as_ref(), "base", "out");
	lora::attach(&mut model, &config, &device);
	let mut rng = ChaCha20Rng::seed_from_u64(7);
	for (_, projection) in model.projections() {
		let update = projection.low_rank.as_mut().expect("an update");
		let [rank, columns] = update.b.dims();
		update.b = matrix(normal(&mut rng, rank * columns, 0.1), rank, columns, &device);
	}
	let (loss, found) = gradients(&model, Trained::LowRank, &batch(&device));

	// The same model with W + s·A·B as its weights; dL/dA = s·dW·Bᵀ and dL/dB = s·Aᵀ·dW.
	let mut merged = model.clone();
	for (_, projection) in merged.projections() {
		let update = projection.low_rank.take().expect("an update");
		let Weight::Full(weight) = &mut projection.weight else { panic!("a weight in floats") };
		*weight = weight.clone() + update.a.matmul(update.b).mul_scalar(update.scale);
	}
	let (dense_loss, dense) = gradients(&merged, Trained::Everything, &batch(&device));
	assert!((loss - dense_loss).abs() < 1e-4, "{loss} {dense_loss}");
	let dense: std::collections::BTreeMap<String, Tensor<2>> =
		merged.base_tensors().into_iter().map(|(name, _)| name).zip(dense).collect();
	let mut found = found.into_iter();
	for (module, projection) in model.projections() {
		let update = projection.low_rank.as_ref().expect("an update");
		let weight = dense[&format!("{module}.weight")].clone().mul_scalar(update.scale);
		let (a, b) = (found.next().expect("of a"), found.next().expect("of b"));
		assert!(distance(&a, &weight.clone().matmul(update.b.clone().transpose())) < 1e-3, "{module} a");
		assert!(distance(&b, &update.a.clone().transpose().matmul(weight)) < 1e-3, "{module} b");
	}
}

#[test]
fn logits_are_unchanged_when_a_later_token_changes() {
	let device = Device::flex();
	let model = model(&device);
	let logits = |last: u32| {
		let hidden = model.hidden(&batch_of(&[5, 9, 2, 7, last]));
		model.logits(hidden).try_into_vec_as::<f32>().expect("logits")
	};
	let (one, other) = (logits(3), logits(250));
	assert_eq!(one[..4 * 300], other[..4 * 300]);
	assert_ne!(one[4 * 300..], other[4 * 300..]);
}

#[test]
fn logits_are_unchanged_when_an_update_is_new() {
	let device = Device::flex();
	let mut model = model(&device);
	let plain = model.hidden(&batch(&device));
	lora::attach(&mut model, &adapter_config("".as_ref(), "base", "out"), &device);
	assert!(distance(&model.hidden(&batch(&device)), &plain) < 1e-6);
}
