//! The operations on Burn's tensors. Keys and values are gathered for every step; adapters stay beside the pools, as
//! tensors of their own.

use std::ops::Range;

use burn::tensor::{activation, Device, IndexingUpdateOp, Int, Tensor, TensorData};

use super::{page_elements, pages_of, Ops};
use crate::{
	config::ModelConfig,
	error::ModelError,
	executor::{Chunk, BLOCK_TOKENS},
	loading::transpose,
	lora::{
		batch::{Adapter, LoraBatch, LoraPlanner},
		reader::HostAdapter,
		set::AdapterSet,
	},
	projection::Site,
	quantized::Matrix,
	rope::RopeTable,
};

/// Added to the scores of positions that a query must not see.
const HIDDEN: f32 = -1e30;

/// Burn's tensor operations.
pub(crate) struct Plain {
	config: ModelConfig,
	device: Device,
	/// `[positions, head_dim]`: cosines twice, and sines with the first half negated.
	rope: (Tensor<2>, Tensor<2>),
	/// Of each layer, `[pages · 32, kv_width]`; none while a step replaces it.
	pools: Vec<Option<Tensor<2>>>,
	pages: usize,
	planner: LoraPlanner,
}

/// Tokens that attend together: those of one chunk, or one of each of several chunks.
struct Span {
	/// Rows of the step.
	rows: Range<usize>,
	/// Position of each row.
	positions: Vec<usize>,
	/// Rows of the pool with the keys that are read, `[sequences · length]`; those of the values come 16 later.
	keys: Tensor<1, Int>,
	sequences: usize,
	length: usize,
}

pub(crate) struct Step {
	/// Rows of the pool where keys are written.
	write: Tensor<1, Int>,
	/// `[rows, 1, head_dim]` each.
	rope: (Tensor<3>, Tensor<3>),
	spans: Vec<Span>,
	updates: LoraBatch,
}

impl Plain {
	/// Operations for positions `0..context`, with pools of `pages` pages.
	pub(crate) fn new(config: &ModelConfig, context: usize, pages: usize, device: &Device) -> Self {
		let mut plain = Self {
			rope: rope_tensors(config, context, device),
			pools: Vec::new(),
			pages,
			planner: LoraPlanner::new(config, device),
			config: config.clone(),
			device: device.clone(),
		};
		plain.recover();
		plain
	}

	fn ints(&self, values: Vec<usize>) -> Tensor<1, Int> {
		let values: Vec<i32> = values.into_iter().map(|value| value as i32).collect();
		let count = values.len();
		Tensor::from_data(TensorData::new(values, [count]), &self.device)
	}

	/// What is added to the scores of a span; none if every query sees every key.
	fn mask(&self, span: &Span, window: Option<usize>) -> Option<Tensor<4>> {
		let sees = |position: usize, key: usize| {
			key <= position && window.is_none_or(|window| position - key < window)
		};
		let rows =
			|| span.positions.iter().flat_map(|position| (0..span.length).map(move |key| (*position, key)));
		if rows().all(|(position, key)| sees(position, key)) {
			return None;
		}
		let values: Vec<f32> =
			rows().map(|(position, key)| if sees(position, key) { 0.0 } else { HIDDEN }).collect();
		let shape = match span.sequences {
			1 => [1, 1, span.positions.len(), span.length],
			_ => [span.positions.len(), 1, 1, span.length],
		};
		Some(Tensor::from_data(TensorData::new(values, shape), &self.device))
	}

	fn attend_span(
		&self,
		pool: &Tensor<2>,
		queries: Tensor<2>,
		span: &Span,
		window: Option<usize>,
	) -> Tensor<2> {
		let config = &self.config;
		let (tokens, kv_heads, head_dim) = (span.rows.len(), config.kv_heads, config.head_dim);
		let queries = queries.slice([span.rows.clone(), 0..config.q_width()]);
		let queries = queries.reshape([tokens, kv_heads, config.heads / kv_heads, head_dim]);
		let read = |rows: Tensor<1, Int>| {
			pool.clone().select(0, rows).reshape([span.sequences, span.length, kv_heads, head_dim])
		};
		let keys = read(span.keys.clone());
		let values = read(span.keys.clone().add_scalar(BLOCK_TOKENS as i32));
		let mask = self.mask(span, window);
		let attended = if span.sequences == 1 {
			// [kv_heads, group, tokens, head_dim] against [kv_heads, 1, .., ..].
			let scores = queries.permute([1, 2, 0, 3]).matmul(keys.permute([2, 0, 3, 1]));
			softmax(scores, mask).matmul(values.permute([2, 0, 1, 3])).permute([2, 0, 1, 3])
		} else {
			// [tokens, kv_heads, group, head_dim] against [tokens, kv_heads, .., ..].
			let scores = queries.matmul(keys.permute([0, 2, 3, 1]));
			softmax(scores, mask).matmul(values.permute([0, 2, 1, 3]))
		};
		attended.reshape([tokens, config.q_width()])
	}
}

impl Ops for Plain {
	type Adapter = Adapter;
	/// `[inputs, outputs]`.
	type Weight = Tensor<2>;
	type Step = Step;

	fn table(&self, values: Vec<f32>, rows: usize, width: usize) -> Tensor<2> {
		Tensor::from_data(TensorData::new(values, [rows, width]), &self.device)
	}

	fn weight(&self, matrix: Matrix, outputs: usize, inputs: usize) -> Result<Tensor<2>, ModelError> {
		let values = matrix.into_full(inputs);
		// The CPU multiplication would rearrange the whole weight at every step, while GPUs prefer it as stored.
		Ok(match self.device == Device::flex() {
			true => {
				let turned = TensorData::new(transpose(&values, inputs), [inputs, outputs]);
				Tensor::from_data(turned, &self.device)
			}
			false => {
				let stored = TensorData::new(values, [outputs, inputs]);
				Tensor::<2>::from_data(stored, &self.device).transpose()
			}
		})
	}

	fn multiply(&self, weight: &Tensor<2>, input: Tensor<2>) -> Tensor<2> {
		input.matmul(weight.clone())
	}

	fn norm(&self, input: Tensor<2>, weight: &Tensor<2>, epsilon: f64) -> Tensor<2> {
		let mean_square = (input.clone() * input.clone()).mean_dim(1);
		let scale = mean_square.add_scalar(epsilon).sqrt().recip();
		input * scale * weight.clone()
	}

	fn gated(&self, gate_up: Tensor<2>) -> Tensor<2> {
		let [rows, both] = gate_up.dims();
		let gate = gate_up.clone().slice([0..rows, 0..both / 2]);
		activation::silu(gate) * gate_up.slice([0..rows, both / 2..both])
	}

	/// Its pages stay empty, since it lies beside the pools, but it counts as much as on a GPU.
	fn adapter_pages(&self, adapter: &HostAdapter) -> usize {
		pages_of(adapter, page_elements(&self.config))
	}

	/// Adapters have tensors of their own; their pages are only counted.
	fn upload(&mut self, adapter: &HostAdapter, _: &[u32]) -> Adapter {
		Adapter::upload(adapter, &self.config, &self.device)
	}

	fn begin(&mut self, chunks: &[Chunk<'_, Adapter>]) -> Step {
		let row = |chunk: &Chunk<'_, Adapter>, position: usize| {
			chunk.blocks[position / BLOCK_TOKENS] as usize * 2 * BLOCK_TOKENS + position % BLOCK_TOKENS
		};
		let (mut write, mut positions, mut spans) = (Vec::new(), Vec::new(), Vec::new());
		let mut rest = chunks;
		while let Some(first) = rest.first() {
			// Single tokens attend together, several of one sequence by themselves.
			let count = match first.tokens.len() {
				1 => rest.iter().take_while(|chunk| chunk.tokens.len() == 1).count(),
				_ => 1,
			};
			let (together, others) = rest.split_at(count);
			rest = others;
			let start = positions.len();
			for chunk in together {
				let range = chunk.start..chunk.start + chunk.tokens.len();
				write.extend(range.clone().map(|position| row(chunk, position)));
				positions.extend(range);
			}
			let asked = positions[start..].to_vec();
			let length = asked.iter().max().map_or(0, |last| last + 1);
			let keys = together.iter().flat_map(|chunk| {
				let stored = chunk.start + chunk.tokens.len();
				// Positions that a shorter sequence lacks are hidden from it: any row will do.
				(0..length).map(move |position| row(chunk, position.min(stored - 1)))
			});
			let keys = self.ints(keys.collect());
			spans.push(Span {
				rows: start..positions.len(),
				positions: asked,
				keys,
				sequences: count,
				length,
			});
		}
		let rows = self.ints(positions);
		let select = |table: &Tensor<2>| table.clone().select(0, rows.clone()).unsqueeze_dim::<3>(1);
		let sets: Vec<&AdapterSet<Adapter>> =
			chunks.iter().flat_map(|chunk| chunk.tokens.iter().map(|_| chunk.adapters)).collect();
		Step {
			write: self.ints(write),
			rope: (select(&self.rope.0), select(&self.rope.1)),
			spans,
			updates: self.planner.plan(&sets),
		}
	}

	fn store(&mut self, step: &Step, layer: usize, qkv: Tensor<2>) -> Tensor<2> {
		let config = &self.config;
		let (count, head_dim) = (qkv.dims()[0], config.head_dim);
		let (heads, kv_heads) = (config.heads, config.kv_heads);
		let (q_width, kv_width) = (config.q_width(), config.kv_width());
		let rotated = rotate(
			qkv.clone().slice([0..count, 0..q_width + kv_width]).reshape([count, heads + kv_heads, head_dim]),
			&step.rope,
		);
		let keys = rotated.clone().slice([0..count, heads..heads + kv_heads, 0..head_dim]);
		let values = qkv.slice([0..count, q_width + kv_width..q_width + 2 * kv_width]);
		// Taken out, so that it is written in place.
		if let Some(pool) = self.pools.get_mut(layer).and_then(Option::take) {
			let write = step.write.clone();
			let written = pool
				.select_assign(0, write.clone(), keys.reshape([count, kv_width]), IndexingUpdateOp::Assign)
				.select_assign(0, write.add_scalar(BLOCK_TOKENS as i32), values, IndexingUpdateOp::Assign);
			self.pools[layer] = Some(written);
		}
		let queries = rotated.slice([0..count, 0..heads, 0..head_dim]).reshape([count, q_width]);
		queries.mul_scalar((head_dim as f32).sqrt().recip())
	}

	fn attend(&self, step: &Step, layer: usize, queries: Tensor<2>, window: Option<usize>) -> Tensor<2> {
		let pool =
			self.pools.get(layer).and_then(Option::as_ref).expect("every layer has a pool between steps");
		let spans = step.spans.iter();
		Tensor::cat(spans.map(|span| self.attend_span(pool, queries.clone(), span, window)).collect(), 0)
	}

	fn add_updates(
		&self,
		step: &Step,
		layer: usize,
		site: Site,
		input: &Tensor<2>,
		output: Tensor<2>,
	) -> Tensor<2> {
		step.updates.add_to(output, input, layer, site)
	}

	fn recover(&mut self) {
		self.planner.clear();
		// A panic may have taken a pool along.
		self.pools.resize_with(self.config.layers, || None);
		let shape = [2 * BLOCK_TOKENS * self.pages, self.config.kv_width()];
		for pool in &mut self.pools {
			pool.get_or_insert_with(|| Tensor::zeros(shape, &self.device));
		}
	}
}

/// `x · cos + swap_halves(x) · sin`, with the sign of the rotation in `sin`.
fn rotate(heads: Tensor<3>, (cos, sin): &(Tensor<3>, Tensor<3>)) -> Tensor<3> {
	let [count, number, width] = heads.dims();
	let half = |range| heads.clone().slice([0..count, 0..number, range]);
	let swapped = Tensor::cat(vec![half(width / 2..width), half(0..width / 2)], 2);
	heads * cos.clone() + swapped * sin.clone()
}

fn softmax(scores: Tensor<4>, mask: Option<Tensor<4>>) -> Tensor<4> {
	match mask {
		Some(mask) => activation::softmax(scores + mask, 3),
		None => activation::softmax(scores, 3),
	}
}

fn rope_tensors(config: &ModelConfig, context: usize, device: &Device) -> (Tensor<2>, Tensor<2>) {
	let table = RopeTable::new(config, context);
	let wide = |values: &[f32], sign: f32| {
		let wide: Vec<f32> = values
			.chunks_exact(table.half)
			.flat_map(|row| row.iter().map(move |value| sign * value).chain(row.iter().copied()))
			.collect();
		Tensor::from_data(TensorData::new(wide, [context, 2 * table.half]), device)
	};
	(wide(&table.cos, 1.0), wide(&table.sin, -1.0))
}
