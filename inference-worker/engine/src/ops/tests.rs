//! The CubeCL kernels against plain tensor operations, and rows against rows alone.
//!
//! They run on a software Vulkan driver, which no other process of ours opens, or on the GPU that
//! `TRIBUTARY_TEST_DEVICE` names (`wgpu`, `vulkan`, `cuda`). `scripts/test.sh gpu` runs them.

use std::sync::Arc;

use burn::tensor::{Device, DeviceKind, FloatDType, Tensor, TensorData};
use serde_json::json;

use super::{cube::Cube, plain::Plain, Ops};
use crate::{
	config::ModelConfig,
	cpu::{quantize_weights, Precision, BLOCK},
	device,
	executor::{Chunk, Want, BLOCK_TOKENS},
	lora::{
		reader::{HostAdapter, HostFactors},
		set::AdapterSet,
	},
	projection::{Projection, Site},
	quantized::Matrix,
};

/// The device under test.
pub(crate) fn device() -> Device {
	match std::env::var("TRIBUTARY_TEST_DEVICE") {
		Ok(name) => {
			let (_, device) = device::open(name.parse().unwrap()).unwrap();
			device.expect("cpu has no tensors of Burn's: name a GPU")
		}
		Err(_) => Device::wgpu(DeviceKind::Cpu),
	}
}

/// Numbers that look random.
struct Random(u64);

impl Random {
	fn next(&mut self) -> u64 {
		self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
		self.0 >> 33
	}

	fn below(&mut self, end: usize) -> usize {
		self.next() as usize % end
	}

	/// From -1 to 1.
	fn numbers(&mut self, count: usize) -> Vec<f32> {
		(0..count).map(|_| self.next() as f32 / (1u64 << 30) as f32 - 1.0).collect()
	}
}

fn config(heads: usize, kv_heads: usize, head_dim: usize) -> ModelConfig {
	let json = json!({
		"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 64, "hidden_size": 72,
		"intermediate_size": 200, "num_hidden_layers": 2, "num_attention_heads": heads,
		"num_key_value_heads": kv_heads, "head_dim": head_dim, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
		"max_position_embeddings": 2048, "hidden_act": "silu",
	});
	ModelConfig::from_json(&json).unwrap()
}

/// A part of a step: a chunk before it is bound to adapters of one kind.
struct Part {
	tokens: Vec<u32>,
	start: usize,
	blocks: Vec<u32>,
	/// Indices and scales.
	members: Vec<(usize, f32)>,
}

/// A sequence with its pages in a random order.
fn part(random: &mut Random, free: &mut Vec<u32>, start: usize, count: usize) -> Part {
	let blocks = (0..(start + count).div_ceil(BLOCK_TOKENS))
		.map(|_| {
			let index = random.below(free.len());
			free.swap_remove(index)
		})
		.collect();
	Part { tokens: vec![0; count], start, blocks, members: Vec::new() }
}

/// One kind of operations with its adapters.
struct Side<O: Ops> {
	ops: O,
	device: Device,
	adapters: Vec<Arc<O::Adapter>>,
}

impl<O: Ops> Side<O> {
	fn new(ops: O, device: Device) -> Self {
		Self { ops, device, adapters: Vec::new() }
	}

	/// Puts adapters in the pages from the last one down, so that they lie backwards.
	fn upload(&mut self, adapters: &[HostAdapter], mut last: u32) {
		for adapter in adapters {
			let count = self.ops.adapter_pages(adapter) as u32;
			let pages: Vec<u32> = (last - count..last).rev().collect();
			last -= count;
			self.adapters.push(Arc::new(self.ops.upload(adapter, &pages)));
		}
	}

	fn begin(&mut self, parts: &[Part]) -> O::Step {
		let set = |part: &Part| {
			let member =
				|(index, scale): &(usize, f32)| ([*index as u8; 32], *scale, self.adapters[*index].clone());
			AdapterSet::new(part.members.iter().map(member).collect())
		};
		let sets: Vec<AdapterSet<O::Adapter>> = parts.iter().map(set).collect();
		let chunks: Vec<Chunk<'_, O::Adapter>> = parts
			.iter()
			.zip(&sets)
			.map(|(part, adapters)| Chunk {
				tokens: &part.tokens,
				start: part.start,
				blocks: &part.blocks,
				adapters,
				want: Want::Logits(1),
			})
			.collect();
		self.ops.begin(&chunks)
	}

	fn tensor(&self, values: &[f32], rows: usize) -> Tensor<2> {
		Tensor::from_data(TensorData::new(values.to_vec(), [rows, values.len() / rows]), &self.device)
	}

	/// Stores and attends: rotated queries and what they attended to.
	fn attention(&mut self, parts: &[Part], qkv: &[f32], window: Option<usize>) -> (Vec<f32>, Vec<f32>) {
		let step = self.begin(parts);
		let rows = parts.iter().map(|part| part.tokens.len()).sum();
		let queries = self.ops.store(&step, 1, self.tensor(qkv, rows));
		let attended = self.ops.attend(&step, 1, queries.clone(), window);
		(read(queries), read(attended))
	}

	fn updates(
		&mut self,
		parts: &[Part],
		(layer, site): (usize, Site),
		input: &[f32],
		output: &[f32],
	) -> Vec<f32> {
		let step = self.begin(parts);
		let rows = parts.iter().map(|part| part.tokens.len()).sum();
		let (input, output) = (self.tensor(input, rows), self.tensor(output, rows));
		read(self.ops.add_updates(&step, layer, site, &input, output))
	}
}

fn plain(config: &ModelConfig, pages: usize) -> Side<Plain> {
	let device = Device::flex();
	Side::new(Plain::new(config, config.context, pages, &device), device)
}

fn cube(config: &ModelConfig, pages: usize) -> Side<Cube> {
	let device = device();
	Side::new(Cube::new(config, config.context, pages, Precision::Full, &device).unwrap(), device)
}

fn read(tensor: Tensor<2>) -> Vec<f32> {
	tensor.into_data().try_into_vec::<f32>().unwrap()
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
	assert_eq!(found.len(), expected.len(), "{what}");
	for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
		let allowed = tolerance * expected.abs().max(1.0);
		assert!((found - expected).abs() <= allowed, "{what}: number {index} is {found}, not {expected}");
	}
}

/// What a step over these parts has in `qkv`, and each sequence's earlier tokens stored on both sides.
fn fill(random: &mut Random, config: &ModelConfig, parts: &[Part], mut store: impl FnMut(&[Part], &[f32])) {
	let width = config.q_width() + 2 * config.kv_width();
	for part in parts.iter().filter(|part| part.start > 0) {
		let before =
			Part { tokens: vec![0; part.start], start: 0, blocks: part.blocks.clone(), members: Vec::new() };
		store(&[before], &random.numbers(part.start * width));
	}
}

#[test]
#[ignore = "opens a software Vulkan driver: scripts/test.sh gpu runs it in a process of its own"]
fn attention_is_that_of_plain_tensors_when_prompts_and_single_tokens_share_a_step() {
	let shapes = [(4, 4, 8), (4, 2, 16), (8, 2, 64), (7, 1, 32), (14, 2, 128), (2, 1, 256), (3, 1, 6)];
	for (case, (heads, kv_heads, head_dim)) in shapes.into_iter().enumerate() {
		let config = config(heads, kv_heads, head_dim);
		let mut random = Random(case as u64 + 1);
		let (mut plain, mut cube) = (plain(&config, 256), cube(&config, 256));
		let mut free: Vec<u32> = (0..200).collect();
		// Longer than a segment, at the borders of pages and segments, and single tokens.
		let sizes = [(0, 1), (0, 37), (300, 1), (255, 3), (16, 1), (15, 18), (610, 5), (1, 1)];
		let parts: Vec<Part> =
			sizes.iter().map(|(start, count)| part(&mut random, &mut free, *start, *count)).collect();
		fill(&mut random, &config, &parts, |parts, qkv| {
			plain.attention(parts, qkv, None);
			cube.attention(parts, qkv, None);
		});
		let rows: usize = parts.iter().map(|part| part.tokens.len()).sum();
		let qkv = random.numbers(rows * (config.q_width() + 2 * config.kv_width()));
		for window in [None, Some(1), Some(7), Some(64), Some(300)] {
			let (queries, expected) = plain.attention(&parts, &qkv, window);
			let (found_queries, found) = cube.attention(&parts, &qkv, window);
			let what = format!("{heads} heads, {kv_heads} kv heads of {head_dim}, window {window:?}");
			assert_close(&found_queries, &queries, 1e-5, &what);
			assert_close(&found, &expected, 1e-4, &what);
		}
	}
}

#[test]
#[ignore = "opens a software Vulkan driver: scripts/test.sh gpu runs it in a process of its own"]
fn attention_has_the_same_bits_when_a_row_is_computed_alone_and_in_any_company() {
	let config = config(8, 2, 64);
	let mut random = Random(99);
	let mut cube = cube(&config, 256);
	let mut free: Vec<u32> = (0..200).collect();
	let sizes = [(290, 6), (0, 21), (511, 2), (40, 1)];
	let parts: Vec<Part> =
		sizes.iter().map(|(start, count)| part(&mut random, &mut free, *start, *count)).collect();
	fill(&mut random, &config, &parts, |parts, qkv| drop(cube.attention(parts, qkv, None)));
	let rows: usize = parts.iter().map(|part| part.tokens.len()).sum();
	let (width, q_width) = (config.q_width() + 2 * config.kv_width(), config.q_width());
	let qkv = random.numbers(rows * width);
	for window in [None, Some(33)] {
		let (_, together) = cube.attention(&parts, &qkv, window);
		let mut row = 0;
		for part in &parts {
			for index in 0..part.tokens.len() {
				let alone = Part {
					tokens: vec![0],
					start: part.start + index,
					blocks: part.blocks.clone(),
					members: Vec::new(),
				};
				let (_, found) = cube.attention(&[alone], &qkv[row * width..(row + 1) * width], window);
				let expected = &together[row * q_width..(row + 1) * q_width];
				let same = found.iter().zip(expected).all(|(a, b)| a.to_bits() == b.to_bits());
				assert!(same, "row {row}, window {window:?}");
				row += 1;
			}
		}
	}
}

/// An adapter whose projections have ranks of their own, some none.
fn adapter(random: &mut Random, config: &ModelConfig, ranks: &[usize]) -> HostAdapter {
	let mut layer = || {
		Projection::ALL.map(|projection| {
			let rank = ranks[random.below(ranks.len())];
			let (inputs, outputs) = projection.widths(config);
			(rank > 0).then(|| HostFactors {
				rank,
				a: random.numbers(rank * inputs),
				b: random.numbers(rank * outputs),
			})
		})
	};
	HostAdapter { layers: (0..config.layers).map(|_| layer()).collect(), bytes: 0 }
}

/// Adapters of low and high, the same and mixed ranks; the last has no target at all.
fn adapters(random: &mut Random, config: &ModelConfig) -> Vec<HostAdapter> {
	let ranks: [&[usize]; 6] = [&[1], &[0, 3], &[8], &[0, 5, 16], &[64], &[0]];
	ranks.iter().map(|ranks| adapter(random, config, ranks)).collect()
}

/// Sides with the same adapters, and parts of a step that use them: base rows, single adapters and several.
fn mixed(config: &ModelConfig, seed: u64) -> (Random, Side<Plain>, Side<Cube>, Vec<Part>) {
	let mut random = Random(seed);
	let adapters = adapters(&mut random, config);
	let (mut plain, mut cube) = (plain(config, 1024), cube(config, 1024));
	plain.upload(&adapters, 1024);
	cube.upload(&adapters, 1024);
	let members: [&[(usize, f32)]; 9] = [
		&[],
		&[(0, 1.0)],
		&[(3, -0.5), (1, 2.0), (4, 0.25)],
		&[(2, 1.0)],
		&[],
		&[(2, 1.0)],
		&[(5, 1.0)],
		&[(4, 0.125), (0, -1.0)],
		&[(1, 1.0)],
	];
	let counts = [2, 1, 19, 1, 1, 8, 1, 3, 1];
	let mut free: Vec<u32> = (0..64).collect();
	let parts = members
		.into_iter()
		.zip(counts)
		.map(|(members, count)| Part { members: members.to_vec(), ..part(&mut random, &mut free, 0, count) })
		.collect();
	(random, plain, cube, parts)
}

#[test]
#[ignore = "opens a software Vulkan driver: scripts/test.sh gpu runs it in a process of its own"]
fn updates_are_those_of_plain_tensors_when_rows_use_other_adapters_at_other_ranks() {
	// The second has pages that are no power of two.
	for (case, config) in [config(4, 2, 16), config(6, 3, 10)].into_iter().enumerate() {
		let (mut random, mut plain, mut cube, parts) = mixed(&config, case as u64 + 7);
		let rows: usize = parts.iter().map(|part| part.tokens.len()).sum();
		for layer in 0..config.layers {
			for site in Site::ALL {
				let (inputs, outputs) = site.widths(&config);
				let (input, output) = (random.numbers(rows * inputs), random.numbers(rows * outputs));
				let expected = plain.updates(&parts, (layer, site), &input, &output);
				let found = cube.updates(&parts, (layer, site), &input, &output);
				assert_close(&found, &expected, 1e-4, &format!("case {case}, layer {layer}, {site:?}"));
				let base = (outputs * 2).min(found.len());
				assert_eq!(found[..base], output[..base], "base rows are left alone");
			}
		}
	}
}

#[test]
#[ignore = "opens a software Vulkan driver: scripts/test.sh gpu runs it in a process of its own"]
fn updates_have_the_same_bits_when_a_row_is_computed_alone_and_in_any_company() {
	let config = config(4, 2, 16);
	let (mut random, _, mut cube, parts) = mixed(&config, 5);
	let rows: usize = parts.iter().map(|part| part.tokens.len()).sum();
	let (inputs, outputs) = Site::Qkv.widths(&config);
	let (input, output) = (random.numbers(rows * inputs), random.numbers(rows * outputs));
	let together = cube.updates(&parts, (1, Site::Qkv), &input, &output);
	let mut row = 0;
	for part in &parts {
		for index in 0..part.tokens.len() {
			let alone = Part {
				tokens: vec![0],
				start: index,
				blocks: part.blocks.clone(),
				members: part.members.clone(),
			};
			let (input, output) =
				(&input[row * inputs..(row + 1) * inputs], &output[row * outputs..(row + 1) * outputs]);
			let found = cube.updates(&[alone], (1, Site::Qkv), input, output);
			let expected = &together[row * outputs..(row + 1) * outputs];
			assert!(found.iter().zip(expected).all(|(a, b)| a.to_bits() == b.to_bits()), "row {row}");
			row += 1;
		}
	}
}

#[test]
#[ignore = "opens a software Vulkan driver: scripts/test.sh gpu runs it in a process of its own"]
fn product_is_that_of_the_stored_numbers_when_weights_have_8_or_4_bits() {
	let config = config(2, 1, 8);
	let device = device();
	let mut random = Random(3);
	for (precision, most) in [(Precision::Int8, 127.0), (Precision::Int4, 7.0)] {
		let ops = Cube::new(&config, config.context, 1, precision, &device).unwrap();
		for (outputs, inputs) in [(1, 32), (7, 96), (130, 72), (65, 300), (64, 1024)] {
			let values = random.numbers(outputs * inputs);
			let stored: Vec<f64> = values
				.chunks(inputs)
				.flat_map(|row| row.chunks(BLOCK))
				.flat_map(|block| {
					let (scale, numbers) = quantize_weights(block, most);
					let numbers = numbers.into_iter().take(block.len());
					numbers.map(move |number| f64::from(number) * f64::from(scale.to_f32()))
				})
				.collect();
			let weight = ops.weight(Matrix::Full(values.clone()), outputs, inputs).unwrap();
			for rows in [1, 3, 8, 11, 16, 17, 70] {
				let input = random.numbers(rows * inputs);
				let tensor = Tensor::from_data(TensorData::new(input.clone(), [rows, inputs]), &device);
				let found = read(ops.multiply(&weight, tensor));
				let expected: Vec<f32> = input
					.chunks(inputs)
					.flat_map(|row| {
						stored.chunks(inputs).map(move |weights| {
							row.iter().zip(weights).map(|(a, b)| f64::from(*a) * b).sum::<f64>() as f32
						})
					})
					.collect();
				let what = format!("{precision}, {outputs} outputs, {inputs} inputs, {rows} rows");
				assert_close(&found, &expected, 1e-4, &what);
			}
		}
	}
}

#[test]
#[ignore = "opens a software Vulkan driver: scripts/test.sh gpu runs it in a process of its own"]
fn product_is_that_of_plain_tensors_when_rows_are_few_and_when_they_are_many() {
	let config = config(2, 1, 8);
	let (plain, cube) = (plain(&config, 1), cube(&config, 1));
	let mut random = Random(31);
	for (outputs, inputs) in [(1, 8), (7, 96), (130, 71), (64, 1024)] {
		let values = random.numbers(outputs * inputs);
		let weights = plain.ops.weight(Matrix::Full(values.clone()), outputs, inputs).unwrap();
		let kept = cube.ops.weight(Matrix::Full(values.clone()), outputs, inputs).unwrap();
		for rows in [1, 8, 13, 16, 17, 40] {
			let input = random.numbers(rows * inputs);
			let expected = read(plain.ops.multiply(&weights, plain.tensor(&input, rows)));
			let found = read(cube.ops.multiply(&kept, cube.tensor(&input, rows)));
			assert_close(
				&found,
				&expected,
				1e-4,
				&format!("{outputs} outputs, {inputs} inputs, {rows} rows"),
			);
		}
	}
}

#[test]
#[ignore = "opens a software Vulkan driver: scripts/test.sh gpu runs it in a process of its own"]
fn product_has_the_same_bits_when_a_row_is_computed_alone_and_in_any_company() {
	let (config, device) = (config(2, 1, 8), device());
	let mut random = Random(32);
	let (outputs, inputs) = (70, 96);
	let values = random.numbers(outputs * inputs);
	for precision in [Precision::Full, Precision::Int8, Precision::Int4] {
		let cube = Cube::new(&config, config.context, 1, precision, &device).unwrap().batch_invariant(true);
		let weight = cube.weight(Matrix::Full(values.clone()), outputs, inputs).unwrap();
		let product = |input: &[f32]| {
			let rows = input.len() / inputs;
			let input = TensorData::new(input.to_vec(), [rows, inputs]);
			read(cube.multiply(&weight, Tensor::from_data(input, &device)))
		};
		for rows in [7, 17, 70] {
			let input = random.numbers(rows * inputs);
			let alone: Vec<f32> = input.chunks(inputs).flat_map(product).collect();
			assert_eq!(product(&input), alone, "{precision}, {rows} rows");
		}
	}
}

#[test]
#[ignore = "opens a software Vulkan driver: scripts/test.sh gpu runs it in a process of its own"]
fn attention_and_updates_are_near_those_in_32_bits_when_pages_keep_16() {
	let device = device();
	if !device.supports_dtype(FloatDType::F16) {
		println!("skipped: the device has no 16-bit floats");
		return;
	}
	let config = config(4, 2, 16);
	let (mut random, mut plain, _, parts) = mixed(&config, 21);
	let mut half = Side::new(
		Cube::new(&config, config.context, 1024, Precision::Half, &device).unwrap(),
		device.clone(),
	);
	half.upload(&adapters(&mut Random(21), &config), 1024);
	let rows: usize = parts.iter().map(|part| part.tokens.len()).sum();
	let qkv = random.numbers(rows * (config.q_width() + 2 * config.kv_width()));
	let (_, expected) = plain.attention(&parts, &qkv, None);
	let (_, found) = half.attention(&parts, &qkv, None);
	assert_close(&found, &expected, 2e-3, "attention");
	for site in Site::ALL {
		let (inputs, outputs) = site.widths(&config);
		let (input, output) = (random.numbers(rows * inputs), random.numbers(rows * outputs));
		let expected = plain.updates(&parts, (0, site), &input, &output);
		let found = half.updates(&parts, (0, site), &input, &output);
		assert_close(&found, &expected, 2e-2, &format!("{site:?}"));
	}
	let (outputs, inputs) = (40, 72);
	let (values, input) = (random.numbers(outputs * inputs), random.numbers(9 * inputs));
	let expected = {
		let weight = plain.ops.weight(Matrix::Full(values.clone()), outputs, inputs).unwrap();
		read(plain.ops.multiply(&weight, plain.tensor(&input, 9)))
	};
	let weight = half.ops.weight(Matrix::Full(values.clone()), outputs, inputs).unwrap();
	let found = read(half.ops.multiply(&weight, half.tensor(&input, 9)));
	assert_close(&found, &expected, 2e-2, "product");
}

#[test]
#[ignore = "opens a software Vulkan driver: scripts/test.sh gpu runs it in a process of its own"]
fn norm_and_gate_are_those_of_plain_tensors_when_widths_are_odd() {
	let config = config(2, 1, 8);
	let (plain, cube) = (plain(&config, 1), cube(&config, 1));
	let mut random = Random(17);
	for (rows, width) in [(1, 2), (3, 300), (70, 514)] {
		let (input, weight) = (random.numbers(rows * width), random.numbers(width));
		let expected = plain.ops.norm(plain.tensor(&input, rows), &plain.tensor(&weight, 1), 1e-5);
		let found = cube.ops.norm(cube.tensor(&input, rows), &cube.tensor(&weight, 1), 1e-5);
		assert_close(&read(found), &read(expected), 1e-5, &format!("norm of {width}"));
		let expected = plain.ops.gated(plain.tensor(&input, rows));
		let found = cube.ops.gated(cube.tensor(&input, rows));
		assert_close(&read(found), &read(expected), 1e-5, &format!("gate of {width}"));
	}
}

#[test]
#[ignore = "opens a software Vulkan driver: scripts/test.sh gpu runs it in a process of its own"]
fn model_is_refused_when_its_heads_are_wider_or_its_pages_more_than_the_kernels_take() {
	let refusal = |head_dim, pages| {
		let config = config(1, 1, head_dim);
		Cube::new(&config, config.context, pages, Precision::Full, &device())
			.map(|_| ())
			.unwrap_err()
			.to_string()
	};
	assert!(refusal(512, 1).contains("choose device cpu"));
	assert!(refusal(256, 1 << 19).contains("lower adapter_bytes"));
}

#[test]
#[ignore = "opens a software Vulkan driver: scripts/test.sh gpu runs it in a process of its own"]
fn page_serves_keys_and_values_after_an_adapter_when_the_adapter_has_left() {
	let config = config(4, 2, 16);
	let mut random = Random(41);
	let (mut plain, mut cube) = (plain(&config, 64), cube(&config, 64));
	let host = adapters(&mut random, &config).swap_remove(2);
	let count = cube.ops.adapter_pages(&host) as u32;
	drop(cube.ops.upload(&host, &(0..count).collect::<Vec<_>>()));
	let blocks: Vec<u32> = (0..3).collect();
	let part = |start, count, members: &[(usize, f32)]| Part {
		tokens: vec![0; count],
		start,
		blocks: blocks.clone(),
		members: members.to_vec(),
	};
	let width = config.q_width() + 2 * config.kv_width();
	let qkv = random.numbers(40 * width);
	let (_, expected) = plain.attention(&[part(0, 40, &[])], &qkv, None);
	let (_, found) = cube.attention(&[part(0, 40, &[])], &qkv, None);
	assert_close(&found, &expected, 1e-4, "keys where the adapter was");
	// And the other way round, with other keys still in use beside it.
	plain.upload(std::slice::from_ref(&host), 64);
	cube.upload(&[host], 64);
	let (inputs, outputs) = Site::O.widths(&config);
	let (input, output) = (random.numbers(2 * inputs), random.numbers(2 * outputs));
	let parts = [part(0, 2, &[(0, 1.0)])];
	let expected = plain.updates(&parts, (1, Site::O), &input, &output);
	assert_close(&cube.updates(&parts, (1, Site::O), &input, &output), &expected, 1e-4, "updates");
	let qkv = random.numbers(width);
	let (_, expected) = plain.attention(&[part(40, 1, &[])], &qkv, None);
	assert_close(&cube.attention(&[part(40, 1, &[])], &qkv, None).1, &expected, 1e-4, "keys kept");
}
