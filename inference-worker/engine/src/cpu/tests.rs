//! Each kernel against plain arithmetic, every instruction set against the others, rows against rows alone.

use std::sync::Arc;

use half::f16;
use proptest::prelude::*;

use super::{
	attention::{Cache, Query, Shape},
	elementwise,
	experts::Experts,
	lora::{self, Adapter},
	quantize::{quantize_weights, Activations, BLOCK},
	simd::{Level, LANES},
	weights::{Input, Precision, Weights},
};
use crate::{
	checkpoint::ModelWeights,
	config::ModelConfig,
	lora::{
		reader::{HostAdapter, HostFactors},
		set::AdapterSet,
	},
	projection::{Projection, Site},
	quantized::Matrix,
};

/// Numbers from -1 to 1 that look random.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
	let mut state = seed.wrapping_mul(2_654_435_761) | 1;
	let mut next = || {
		state ^= state << 13;
		state ^= state >> 17;
		state ^= state << 5;
		(state >> 8) as f32 / (1 << 23) as f32 - 1.0
	};
	(0..count).map(|_| next()).collect()
}

fn multiply(level: Level, weights: &Weights, rows: &[f32], inputs: usize) -> Vec<f32> {
	let count = rows.len() / inputs;
	let mut output = vec![0.0; count * weights.outputs()];
	let mut activations = Activations::default();
	let input = match weights.wants_int8() {
		true => {
			activations.quantize(level, rows, inputs);
			Input::Int8(&activations)
		}
		false => Input::Full(rows),
	};
	weights.multiply(level, &input, count, &mut output);
	output
}

/// What the product of quantized weights and activations should be, in 64 bits.
fn expected(weights: &[f32], rows: &[f32], inputs: usize, most: Option<f32>) -> Vec<f64> {
	let dequantized = |values: &[f32], most: f32, exact: bool| -> Vec<f64> {
		let block = |values: &[f32]| -> Vec<f64> {
			let (scale, quantized) = quantize_weights(values, most);
			let greatest = values.iter().fold(0f32, |greatest, value| greatest.max(value.abs()));
			let scale = if exact { f64::from(greatest / most) } else { f64::from(scale.to_f32()) };
			match exact {
				true => values
					.iter()
					.map(|value| {
						if greatest > 0.0 {
							f64::from((value * (most / greatest)).round_ties_even()) * scale
						} else {
							0.0
						}
					})
					.collect(),
				false => quantized[..values.len()].iter().map(|value| f64::from(*value) * scale).collect(),
			}
		};
		values.chunks(inputs).flat_map(|row| row.chunks(BLOCK).flat_map(block)).collect()
	};
	let (weights, rows) = match most {
		Some(most) => (dequantized(weights, most, false), dequantized(rows, 127.0, true)),
		None => {
			let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<_>>();
			(wide(weights), wide(rows))
		}
	};
	let dot = |row: &[f64], weight: &[f64]| row.iter().zip(weight).map(|(a, b)| a * b).sum();
	rows.chunks(inputs).flat_map(|row| weights.chunks(inputs).map(move |weight| dot(row, weight))).collect()
}

#[test]
fn product_is_that_of_the_stored_numbers_when_sizes_are_odd() {
	for (precision, most) in
		[(Precision::Full, None), (Precision::Int8, Some(127.0)), (Precision::Int4, Some(7.0))]
	{
		for (rows, inputs, outputs) in [(1, 32, 16), (1, 40, 33), (7, 96, 50), (13, 70, 16), (6, 64, 300)] {
			let values = numbers(outputs * inputs, 1);
			let weights = Weights::pack(Matrix::Full(values.clone()), outputs, inputs, precision);
			let input = numbers(rows * inputs, 2);
			let found = multiply(Level::detect(), &weights, &input, inputs);
			for (found, expected) in found.iter().zip(expected(&values, &input, inputs, most)) {
				assert!((f64::from(*found) - expected).abs() < 1e-4, "{precision}: {found}, not {expected}");
			}
		}
	}
}

#[test]
fn quantized_product_is_close_to_the_exact_one_when_numbers_are_even() {
	let (inputs, outputs) = (512, 32);
	let (values, input) = (numbers(outputs * inputs, 3), numbers(inputs, 4));
	let exact = expected(&values, &input, inputs, None);
	for (precision, tolerance) in [(Precision::Int8, 0.15), (Precision::Int4, 2.5)] {
		let weights = Weights::pack(Matrix::Full(values.clone()), outputs, inputs, precision);
		let found = multiply(Level::detect(), &weights, &input, inputs);
		let worst = found.iter().zip(&exact).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
		assert!(worst < tolerance, "{precision}: {worst}");
		assert!(worst > 1e-4, "{precision} is not exact: {worst}");
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(24))]
	#[test]
	fn product_has_the_same_bits_when_instructions_and_company_differ(
		rows in 1usize..20, inputs in 1usize..200, outputs in 1usize..200, seed in any::<u32>(), kind in 0usize..3
	) {
		let precision = [Precision::Full, Precision::Int8, Precision::Int4][kind];
		let weights = Weights::pack(Matrix::Full(numbers(outputs * inputs, seed)), outputs, inputs, precision);
		let input = numbers(rows * inputs, seed ^ 1);
		let together = multiply(Level::detect(), &weights, &input, inputs);
		for level in Level::all() {
			prop_assert_eq!(&multiply(level, &weights, &input, inputs), &together, "{}", level);
		}
		let alone: Vec<f32> =
			input.chunks(inputs).flat_map(|row| multiply(Level::detect(), &weights, row, inputs)).collect();
		prop_assert_eq!(alone, together);
	}

	#[test]
	fn exponential_is_within_two_units_when_any_number_is_given(x in -87.0f32..88.0) {
		let (found, exact) = (elementwise::exp(x), f64::from(x).exp());
		prop_assert!((f64::from(found) - exact).abs() <= exact * 2.4e-7, "{} {}", found, exact);
	}
}

#[test]
fn exponential_is_zero_or_finite_when_the_number_is_extreme() {
	assert_eq!((elementwise::exp(f32::NEG_INFINITY), elementwise::exp(-200.0)), (0.0, 0.0));
	assert!(elementwise::exp(1e9).is_finite());
	assert_eq!(elementwise::exp(0.0), 1.0);
	assert!(elementwise::exp(f32::NAN).is_nan());
}

#[test]
fn attention_equals_plain_softmax_when_blocks_are_scattered_and_old_tokens_hidden() {
	for (kv_heads, group, head_dim, half) in
		[(1, 1, 8, false), (2, 3, 64, false), (2, 5, 24, false), (1, 4, 96, true), (3, 2, 16, true)]
	{
		let shape = Shape { kv_heads, head_dim };
		for (length, start) in [
			(1usize, 0),
			(15, 0),
			(16, 15),
			(17, 0),
			(17, 16),
			(40, 3),
			(40, 24),
			(70, 0),
			(70, 16),
			(70, 45),
		] {
			let mut cache = Cache::new(2, 16, shape, half);
			let table: Vec<u32> =
				(0..length.div_ceil(LANES) as u32).map(|block| (block * 7 + 3) % 16).collect();
			let width = kv_heads * head_dim;
			let (keys, values) = (numbers(length * width, 5), numbers(length * width, 6));
			let stored = |value: f32| if half { f16::from_f32(value).to_f32() } else { value };
			for token in 0..length {
				let row = token * width..(token + 1) * width;
				let at = (table[token / LANES], token % LANES);
				cache.put(1, at, &keys[row.clone()], &values[row]);
			}
			let queries = numbers(kv_heads * group * head_dim, 7);
			for head in 0..kv_heads {
				let queries = &queries[head * group * head_dim..(head + 1) * group * head_dim];
				let mut found = Vec::new();
				for level in Level::all() {
					let mut output = vec![f32::NAN; queries.len()];
					let query = Query { kv_head: head, table: &table, length, start, queries };
					cache.attend(level, 1, query, &mut output, &mut Vec::new());
					found.push(output);
				}
				assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "levels differ");
				for (query, found) in queries.chunks(head_dim).zip(found[0].chunks(head_dim)) {
					let at = |token: usize, number: usize| token * width + head * head_dim + number;
					let scores: Vec<f64> = (start..length)
						.map(|token| {
							(0..head_dim)
								.map(|number| {
									f64::from(query[number]) * f64::from(stored(keys[at(token, number)]))
								})
								.sum::<f64>()
								.exp()
						})
						.collect();
					let total: f64 = scores.iter().sum();
					for (number, found) in found.iter().enumerate() {
						let expected: f64 = (start..length)
							.map(|token| {
								scores[token - start] / total * f64::from(stored(values[at(token, number)]))
							})
							.sum();
						assert!((f64::from(*found) - expected).abs() < 1e-5, "{found}, not {expected}");
					}
				}
			}
		}
	}
}

fn config() -> ModelConfig {
	let json = serde_json::json!({
		"model_type": "llama", "vocab_size": 64, "hidden_size": 40, "intermediate_size": 150,
		"num_hidden_layers": 1, "num_attention_heads": 5, "num_key_value_heads": 1, "max_position_embeddings": 64,
		"rms_norm_eps": 1e-5,
	});
	ModelConfig::from_json(&json).unwrap()
}

/// An adapter on all projections but V.
fn adapter(config: &ModelConfig, rank: usize, seed: u32) -> HostAdapter {
	let factors = |projection: Projection| {
		let (inputs, outputs) = projection.widths(config);
		(projection != Projection::V).then(|| HostFactors {
			rank,
			a: numbers(rank * inputs, seed),
			b: numbers(rank * outputs, seed + 1),
		})
	};
	HostAdapter { layers: vec![Projection::ALL.map(factors)], bytes: 0 }
}

#[test]
fn updates_equal_plain_products_when_ranks_and_sets_are_mixed() {
	let config = config();
	let hosts: Vec<HostAdapter> =
		[1, 3, 16, 5].iter().zip(10..).map(|(rank, seed)| adapter(&config, *rank, seed)).collect();
	let kept: Vec<Arc<Adapter>> = hosts.iter().map(|host| Arc::new(Adapter::new(host, false))).collect();
	let set = |members: &[(usize, f32)]| {
		let member = |(index, scale): &(usize, f32)| ([*index as u8; 32], *scale, kept[*index].clone());
		AdapterSet::new(members.iter().map(member).collect())
	};
	let kinds = [vec![], vec![(0, 1.0)], vec![(1, 0.5), (2, -2.0)], vec![(3, 1.0)]];
	let sets: Vec<_> = kinds.iter().map(|members| set(members)).collect();
	// More rows of one set than a task takes, and all kinds in turn.
	let rows: Vec<usize> = (0..40).map(|row| if row < 20 { 3 } else { row % 4 }).collect();
	for site in Site::ALL {
		let (inputs, outputs) = site.widths(&config);
		let (input, base) = (numbers(rows.len() * inputs, 8), numbers(rows.len() * outputs, 9));
		let groups = lora::group(rows.iter().map(|kind| (&sets[*kind], 1)));
		let mut results = Vec::new();
		for level in Level::all() {
			let mut output = base.clone();
			lora::add_to(level, &config, &groups, (0, site), &input, &mut output);
			results.push(output);
		}
		assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "levels differ");
		for (row, kind) in rows.iter().enumerate() {
			let mut expected: Vec<f64> =
				base[row * outputs..(row + 1) * outputs].iter().copied().map(f64::from).collect();
			let input = &input[row * inputs..(row + 1) * inputs];
			for (index, scale) in &kinds[*kind] {
				let mut start = 0;
				for projection in site.projections() {
					let width = projection.widths(&config).1;
					if let Some(factors) = &hosts[*index].layers[0][projection.index()] {
						for rank in 0..factors.rank {
							let a = &factors.a[rank * inputs..(rank + 1) * inputs];
							let low: f64 =
								input.iter().zip(a).map(|(x, a)| f64::from(*x) * f64::from(*a)).sum();
							for output in 0..width {
								let b = f64::from(factors.b[rank * width + output]);
								expected[start + output] += f64::from(*scale) * low * b;
							}
						}
					}
					start += width;
				}
			}
			for (found, expected) in results[0][row * outputs..].iter().zip(expected) {
				assert!((f64::from(*found) - expected).abs() < 1e-3, "{site:?}: {found}, not {expected}");
			}
		}
		// Alone, a row gets the same bits.
		let last = rows.len() - 1;
		let mut alone = base[last * outputs..].to_vec();
		let groups = lora::group(std::iter::once((&sets[rows[last]], 1)));
		lora::add_to(Level::detect(), &config, &groups, (0, site), &input[last * inputs..], &mut alone);
		assert_eq!(alone, results[0][last * outputs..]);
	}
}

/// The experts of a layer of a fixture, in a precision.
fn experts_of(model: &str, layer: usize, precision: Precision) -> (Experts, ModelConfig) {
	let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(model);
	let config = ModelConfig::open(&dir).unwrap();
	let weights = ModelWeights::open(&dir, &config).unwrap();
	let shape = config.experts_in(layer).unwrap();
	(Experts::load(&weights, &config, layer, shape, precision).unwrap(), config)
}

fn through(experts: &Experts, level: Level, input: &[f32], hidden: &[f32]) -> Vec<f32> {
	let mut output = hidden.to_vec();
	experts.add_to(level, input, &mut output, &mut Vec::new(), &mut Vec::new());
	output
}

#[test]
fn experts_give_the_same_bits_when_instructions_and_company_differ() {
	for (model, precision) in ["mixtral", "qwen3_moe"].into_iter().flat_map(|model| {
		[Precision::Full, Precision::Int8, Precision::Int4].map(|precision| (model, precision))
	}) {
		let (experts, config) = experts_of(model, 1, precision);
		let width = config.hidden_size;
		let (input, hidden) = (numbers(23 * width, 11), numbers(23 * width, 12));
		let together = through(&experts, Level::detect(), &input, &hidden);
		for level in Level::all() {
			assert_eq!(through(&experts, level, &input, &hidden), together, "{model} {precision} {level}");
		}
		let rows = input.chunks(width).zip(hidden.chunks(width));
		let alone: Vec<f32> =
			rows.flat_map(|(input, hidden)| through(&experts, Level::detect(), input, hidden)).collect();
		assert_eq!(alone, together, "{model} {precision}");
	}
}

#[test]
fn quantized_experts_are_close_to_exact_ones_when_rows_are_many() {
	let (exact, config) = experts_of("qwen3_moe", 1, Precision::Full);
	let (input, hidden) = (numbers(50 * config.hidden_size, 13), vec![0.0; 50 * config.hidden_size]);
	let exact = through(&exact, Level::detect(), &input, &hidden);
	let size = exact.iter().map(|value| f64::from(value * value)).sum::<f64>();
	for (precision, tolerance) in [(Precision::Int8, 0.02), (Precision::Int4, 0.3)] {
		let (experts, _) = experts_of("qwen3_moe", 1, precision);
		let found = through(&experts, Level::detect(), &input, &hidden);
		let error: f64 = found.iter().zip(&exact).map(|(a, b)| f64::from((a - b) * (a - b))).sum();
		assert!((error / size).sqrt() < tolerance, "{precision}: {}", (error / size).sqrt());
	}
}

#[test]
fn head_norm_divides_each_head_by_its_own_length_when_sizes_are_odd() {
	for width in [8usize, 16, 24, 40] {
		let (heads, weight) = (numbers(3 * width, 14), numbers(width, 15));
		let mut results = Vec::new();
		for level in Level::all() {
			let mut normed = heads.clone();
			elementwise::norm_heads(level, &mut normed, &weight, 1e-6);
			results.push(normed);
		}
		assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "levels differ");
		for (head, found) in heads.chunks(width).zip(results[0].chunks(width)) {
			let square: f64 = head.iter().map(|value| f64::from(*value).powi(2)).sum();
			let length = (square / width as f64 + 1e-6).sqrt();
			for ((value, weight), found) in head.iter().zip(&weight).zip(found) {
				let expected = f64::from(*value) / length * f64::from(*weight);
				assert!((f64::from(*found) - expected).abs() < 1e-5, "{found}, not {expected}");
			}
		}
	}
}
