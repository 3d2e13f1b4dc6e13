//! A decoder on plain Burn tensors, in f32, on any device of Burn's: every step is a few large
//! operations over `[tokens, hidden]`. What the kernels of other executors are compared with.

use std::path::Path;

use burn::tensor::{activation, Device, IndexingUpdateOp, Int, Tensor, TensorData};

use crate::{
	checkpoint::ModelWeights,
	config::{Experts, ModelConfig},
	error::{EngineError, ModelError},
	executor::{Chunk, Executor, BLOCK_TOKENS},
	loading::transpose,
	lora::{
		batch::{Adapter, LoraBatch, LoraPlanner},
		reader::HostAdapter,
		set::AdapterSet,
	},
	projection::Site,
	quantized::Matrix,
	rope::RopeTable,
	routing::route,
};

/// Added to the scores of positions that a query must not see.
const HIDDEN: f32 = -1e30;

/// Weight `[inputs, outputs]` and bias `[1, outputs]`.
struct Linear {
	weight: Tensor<2>,
	bias: Option<Tensor<2>>,
}

impl Linear {
	fn forward(&self, input: Tensor<2>) -> Tensor<2> {
		let output = input.matmul(self.weight.clone());
		match &self.bias {
			Some(bias) => output + bias.clone(),
			None => output,
		}
	}
}

struct Layer {
	attention_norm: Tensor<2>,
	/// Weights of the norms of the query and key heads, `[1, heads + kv_heads, head_dim]`, if any.
	head_norms: Option<Tensor<3>>,
	mlp_norm: Tensor<2>,
	qkv: Linear,
	o: Linear,
	mlp: Mlp,
}

// One a layer: a box would cost more than the bytes.
#[allow(clippy::large_enum_variant)]
enum Mlp {
	Dense {
		gate_up: Linear,
		down: Linear,
	},
	Experts {
		shape: Experts,
		router: Linear,
		/// Gate-up and down projections of each.
		experts: Vec<(Linear, Linear)>,
	},
}

/// A decoder with its weights and KV cache on a device.
pub(crate) struct TensorModel {
	config: ModelConfig,
	device: Device,
	/// `[vocab, hidden]`.
	embedding: Tensor<2>,
	layers: Vec<Layer>,
	norm: Tensor<2>,
	output: Linear,
	/// `[positions, head_dim]`: cosines twice, and sines with the first half negated.
	rope: (Tensor<2>, Tensor<2>),
	/// Keys and values of each layer, `[blocks · 16, kv_width]`; none while a step replaces them.
	cache: Vec<Option<(Tensor<2>, Tensor<2>)>>,
	/// Blocks of the cache.
	blocks: usize,
	planner: LoraPlanner,
}

/// Tokens that attend together: those of one chunk, or one of each of several chunks.
struct Span {
	/// Rows of the step.
	rows: std::ops::Range<usize>,
	/// Rows of the cache that are read, `[sequences · length]`: of each sequence the same positions.
	read: Tensor<1, Int>,
	sequences: usize,
	length: usize,
	/// Added to the scores; none if every query sees every key.
	mask: Option<Tensor<4>>,
}

/// What the layers of one step share.
struct StepContext {
	/// Rows of the cache that are written.
	write: Tensor<1, Int>,
	/// `[tokens, 1, head_dim]` each.
	rope: (Tensor<3>, Tensor<3>),
	/// Per window of the model's layers.
	spans: Vec<(Option<usize>, Vec<Span>)>,
}

impl TensorModel {
	/// Loads the weights for positions `0..context`, with a KV cache of `blocks` blocks.
	pub(crate) fn load(
		dir: &Path,
		config: &ModelConfig,
		context: usize,
		blocks: usize,
		device: &Device,
	) -> Result<Self, ModelError> {
		let weights = ModelWeights::open(dir, config)?;
		let (vocab, hidden) = (config.vocab_size, config.hidden_size);
		let row = |values: Vec<f32>| {
			let count = values.len();
			Tensor::from_data(TensorData::new(values, [1, count]), device)
		};
		let layers = (0..config.layers)
			.map(|layer| {
				let linear = |weight: Matrix, (inputs, outputs): (usize, usize), bias: Option<Vec<f32>>| {
					let weight = oriented(&weight.into_full(inputs), outputs, inputs, device);
					Linear { weight, bias: bias.map(row) }
				};
				let site = |site: Site| {
					let (weight, bias) = weights.site(layer, site)?;
					Ok::<_, ModelError>(linear(weight, site.widths(config), bias))
				};
				let expert = |shape: &Experts, expert: usize| {
					let (gate_up, down) = weights.expert(layer, shape, expert)?;
					let gate_up = linear(gate_up, (hidden, 2 * shape.width), None);
					Ok::<_, ModelError>((gate_up, linear(down, (shape.width, hidden), None)))
				};
				let mlp = match config.experts_in(layer) {
					Some(shape) => Mlp::Experts {
						shape: shape.clone(),
						router: linear(
							Matrix::Full(weights.router(layer, shape)?),
							(hidden, shape.count),
							None,
						),
						experts: (0..shape.count)
							.map(|index| expert(shape, index))
							.collect::<Result<_, _>>()?,
					},
					None => Mlp::Dense { gate_up: site(Site::GateUp)?, down: site(Site::Down)? },
				};
				let head_norms = weights.head_norms(layer)?.map(|[query, key]| {
					let norms = [query.repeat(config.heads), key.repeat(config.kv_heads)].concat();
					row(norms).reshape([1, config.heads + config.kv_heads, config.head_dim])
				});
				Ok::<_, ModelError>(Layer {
					attention_norm: row(weights.norm(layer, "input_layernorm")?),
					head_norms,
					mlp_norm: row(weights.norm(layer, "post_attention_layernorm")?),
					qkv: site(Site::Qkv)?,
					o: site(Site::O)?,
					mlp,
				})
			})
			.collect::<Result<_, _>>()?;
		let embedding = weights.embedding()?;
		let output = weights.output()?.into_full(hidden);
		let rows = [blocks * BLOCK_TOKENS, config.kv_width()];
		let empty = || (Tensor::zeros(rows, device), Tensor::zeros(rows, device));
		Ok(Self {
			rope: rope_tensors(config, context, device),
			output: Linear { weight: oriented(&output, vocab, hidden, device), bias: None },
			embedding: Tensor::from_data(TensorData::new(embedding, [vocab, hidden]), device),
			layers,
			norm: row(weights.final_norm()?),
			cache: (0..config.layers).map(|_| Some(empty())).collect(),
			planner: LoraPlanner::new(config, device),
			blocks,
			config: config.clone(),
			device: device.clone(),
		})
	}

	/// Bytes of a page: a block of the KV cache in all layers.
	pub(crate) fn page_bytes(config: &ModelConfig) -> u64 {
		(2 * config.layers * BLOCK_TOKENS * config.kv_width() * 4) as u64
	}

	/// Logits of hidden states: `[tokens, vocab]`.
	fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
		self.output.forward(self.norm(hidden, &self.norm))
	}

	fn context(&self, chunks: &[Chunk<'_, Adapter>]) -> StepContext {
		let (mut write, mut positions) = (Vec::new(), Vec::new());
		for chunk in chunks {
			for position in chunk.start..chunk.start + chunk.tokens.len() {
				write.push(cache_row(chunk, position));
				positions.push(position as i32);
			}
		}
		let mut spans = Vec::new();
		for window in &self.config.windows {
			if spans.iter().all(|(known, _)| known != window) {
				spans.push((*window, self.spans(chunks, *window)));
			}
		}
		let rows = self.ints(positions);
		let select = |table: &Tensor<2>| table.clone().select(0, rows.clone()).unsqueeze_dim::<3>(1);
		StepContext { write: self.ints(write), rope: (select(&self.rope.0), select(&self.rope.1)), spans }
	}

	/// What the rows of a step read and see in layers of a window.
	fn spans(&self, chunks: &[Chunk<'_, Adapter>], window: Option<usize>) -> Vec<Span> {
		let first_seen = |position: usize| (position + 1).saturating_sub(window.unwrap_or(usize::MAX));
		let (mut spans, mut end, mut rest) = (Vec::new(), 0, chunks);
		while let Some(first) = rest.first() {
			// Single tokens attend together, several of one sequence by themselves.
			let count = match first.tokens.len() {
				1 => rest.iter().take_while(|chunk| chunk.tokens.len() == 1).count(),
				_ => 1,
			};
			let (together, others) = rest.split_at(count);
			rest = others;
			let asked: Vec<usize> =
				together.iter().flat_map(|chunk| chunk.start..chunk.start + chunk.tokens.len()).collect();
			let first = asked.iter().map(|position| first_seen(*position)).min().unwrap_or(0);
			let keys = first..asked.iter().max().map_or(first, |last| last + 1);
			let read = together.iter().flat_map(|chunk| {
				let stored = chunk.start + chunk.tokens.len();
				// Positions that a shorter sequence lacks are hidden from it: any row will do.
				keys.clone().map(move |position| cache_row(chunk, position.min(stored - 1)))
			});
			let read = self.ints(read.collect());
			let sees = |position: usize, key: usize| (first_seen(position)..=position).contains(&key);
			let is_masked =
				|position: &usize| !(sees(*position, keys.start) && sees(*position, keys.end - 1));
			let mask = asked.iter().any(is_masked).then(|| {
				let values: Vec<f32> = asked
					.iter()
					.flat_map(|position| {
						keys.clone().map(move |key| if sees(*position, key) { 0.0 } else { HIDDEN })
					})
					.collect();
				let shape = match together {
					[_] => [1, 1, asked.len(), keys.len()],
					_ => [asked.len(), 1, 1, keys.len()],
				};
				Tensor::from_data(TensorData::new(values, shape), &self.device)
			});
			let rows = end..end + asked.len();
			end = rows.end;
			spans.push(Span { rows, read, sequences: count, length: keys.len(), mask });
		}
		spans
	}

	fn layer(
		&self,
		index: usize,
		layer: &Layer,
		hidden: Tensor<2>,
		context: &StepContext,
		stored: &mut Option<(Tensor<2>, Tensor<2>)>,
		lora: &LoraBatch,
	) -> Result<Tensor<2>, EngineError> {
		let project = |linear: &Linear, site: Site, input: Tensor<2>| {
			let output = linear.forward(input.clone());
			lora.add_to(output, &input, index, site)
		};
		let qkv = project(&layer.qkv, Site::Qkv, self.norm(hidden.clone(), &layer.attention_norm));
		let attended = self.attend(index, layer, qkv, context, stored);
		let hidden = hidden + project(&layer.o, Site::O, attended);

		let normed = self.norm(hidden.clone(), &layer.mlp_norm);
		match &layer.mlp {
			Mlp::Experts { shape, router, experts } => {
				let logits = to_host(router.forward(normed.clone()))?;
				Ok(route(&logits, shape).iter().fold(hidden, |hidden, routed| {
					let (gate_up, down) = &experts[routed.expert];
					let rows = self.ints(routed.rows.iter().map(|row| *row as i32).collect());
					let weights = TensorData::new(routed.weights.clone(), [routed.rows.len(), 1]);
					let gate_up = gate_up.forward(normed.clone().select(0, rows.clone()));
					let output = down.forward(gated(gate_up)) * Tensor::from_data(weights, &self.device);
					hidden.select_assign(0, rows, output, IndexingUpdateOp::Add)
				}))
			}
			Mlp::Dense { gate_up, down } => {
				let gate_up = project(gate_up, Site::GateUp, normed);
				Ok(hidden + project(down, Site::Down, gated(gate_up)))
			}
		}
	}

	/// Grouped-query attention of `[tokens, q + k + v]`; stores the new keys and values.
	fn attend(
		&self,
		index: usize,
		layer: &Layer,
		qkv: Tensor<2>,
		context: &StepContext,
		stored: &mut Option<(Tensor<2>, Tensor<2>)>,
	) -> Tensor<2> {
		let config = &self.config;
		let (count, head_dim) = (qkv.dims()[0], config.head_dim);
		let (heads, kv_heads) = (config.heads, config.kv_heads);
		let group = heads / kv_heads;
		let (q_width, kv_width) = (config.q_width(), config.kv_width());

		let rotating =
			qkv.clone().slice([0..count, 0..q_width + kv_width]).reshape([count, heads + kv_heads, head_dim]);
		let rotating = match &layer.head_norms {
			Some(weights) => rms_norm(rotating, config.norm_eps) * weights.clone(),
			None => rotating,
		};
		let rotated = rotate(rotating, &context.rope);
		let queries = rotated
			.clone()
			.slice([0..count, 0..heads, 0..head_dim])
			.mul_scalar((head_dim as f32).sqrt().recip())
			.reshape([count, kv_heads, group, head_dim]);
		let keys = rotated.slice([0..count, heads..heads + kv_heads, 0..head_dim]).reshape([count, kv_width]);
		let values = qkv.slice([0..count, q_width + kv_width..q_width + 2 * kv_width]);

		// Taken out, so that it is written in place.
		let Some((old_keys, old_values)) = stored.take() else {
			return Tensor::zeros([count, q_width], &self.device);
		};
		let written = |old: Tensor<2>, new: Tensor<2>| {
			old.select_assign(0, context.write.clone(), new, IndexingUpdateOp::Assign)
		};
		let (keys, values) = (written(old_keys, keys), written(old_values, values));
		let window = config.window(index);
		let spans = context.spans.iter().filter(|(known, _)| *known == window).flat_map(|(_, spans)| spans);
		let parts: Vec<Tensor<2>> = spans
			.map(|span| {
				let tokens = span.rows.len();
				let queries = queries.clone().slice([span.rows.clone(), 0..kv_heads, 0..group, 0..head_dim]);
				let read = |stored: &Tensor<2>| {
					let rows = stored.clone().select(0, span.read.clone());
					rows.reshape([span.sequences, span.length, kv_heads, head_dim])
				};
				let (keys, values) = (read(&keys), read(&values));
				let attended = if span.sequences == 1 {
					// [kv_heads, group, tokens, head_dim] against [kv_heads, 1, .., ..].
					let scores = queries.permute([1, 2, 0, 3]).matmul(keys.permute([2, 0, 3, 1]));
					let values = values.permute([2, 0, 1, 3]);
					softmax(scores, &span.mask).matmul(values).permute([2, 0, 1, 3])
				} else {
					// [tokens, kv_heads, group, head_dim] against [tokens, kv_heads, .., ..].
					let scores = queries.matmul(keys.permute([0, 2, 3, 1]));
					softmax(scores, &span.mask).matmul(values.permute([0, 2, 1, 3]))
				};
				attended.reshape([tokens, q_width])
			})
			.collect();
		*stored = Some((keys, values));
		Tensor::cat(parts, 0)
	}

	fn norm(&self, hidden: Tensor<2>, weight: &Tensor<2>) -> Tensor<2> {
		rms_norm(hidden, self.config.norm_eps) * weight.clone()
	}

	fn ints(&self, values: Vec<i32>) -> Tensor<1, Int> {
		let count = values.len();
		Tensor::from_data(TensorData::new(values, [count]), &self.device)
	}
}

/// Row of the cache that holds a position of a chunk's sequence.
fn cache_row(chunk: &Chunk<'_, Adapter>, position: usize) -> i32 {
	(chunk.blocks[position / BLOCK_TOKENS] as usize * BLOCK_TOKENS + position % BLOCK_TOKENS) as i32
}

/// RMSNorm (Zhang and Sennrich 2019) of the innermost dimension, without its weight.
fn rms_norm<const D: usize>(values: Tensor<D>, epsilon: f64) -> Tensor<D> {
	let mean_square = (values.clone() * values.clone()).mean_dim(D - 1);
	values * mean_square.add_scalar(epsilon).sqrt().recip()
}

/// `silu(gate) · up` of rows `[gate, up]`.
fn gated(gate_up: Tensor<2>) -> Tensor<2> {
	let [rows, both] = gate_up.dims();
	let gate = gate_up.clone().slice([0..rows, 0..both / 2]);
	let up = gate_up.slice([0..rows, both / 2..both]);
	activation::silu(gate) * up
}

fn to_host(tensor: Tensor<2>) -> Result<Vec<f32>, EngineError> {
	let data = tensor.try_into_data().map_err(|error| EngineError::Inference(error.to_string()))?;
	data.try_into_vec::<f32>().map_err(|error| EngineError::Inference(format!("{error:?}")))
}

/// `x · cos + swap_halves(x) · sin`, with the sign of the rotation in `sin`.
fn rotate(heads: Tensor<3>, (cos, sin): &(Tensor<3>, Tensor<3>)) -> Tensor<3> {
	let [count, number, width] = heads.dims();
	let half = |range| heads.clone().slice([0..count, 0..number, range]);
	let swapped = Tensor::cat(vec![half(width / 2..width), half(0..width / 2)], 2);
	heads * cos.clone() + swapped * sin.clone()
}

fn softmax(scores: Tensor<4>, mask: &Option<Tensor<4>>) -> Tensor<4> {
	match mask {
		Some(mask) => activation::softmax(scores + mask.clone(), 3),
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

/// A weight stored `[outputs, inputs]` as `[inputs, outputs]`, in the layout that is fastest on the device: the CPU
/// multiplication would otherwise rearrange the whole weight at every step, while GPU kernels prefer it as stored.
fn oriented(weights: &[f32], outputs: usize, inputs: usize, device: &Device) -> Tensor<2> {
	match *device == Device::flex() {
		true => Tensor::from_data(TensorData::new(transpose(weights, inputs), [inputs, outputs]), device),
		false => {
			let stored = TensorData::new(weights.to_vec(), [outputs, inputs]);
			Tensor::<2>::from_data(stored, device).transpose()
		}
	}
}

impl Executor for TensorModel {
	type Adapter = Adapter;

	fn adapter_pages(&self, adapter: &HostAdapter) -> usize {
		adapter.pages(4, Self::page_bytes(&self.config))
	}

	/// Adapters have tensors of their own; their pages are only counted.
	fn upload(&mut self, adapter: &HostAdapter, _: &[u32]) -> Adapter {
		Adapter::upload(adapter, &self.config, &self.device)
	}

	fn step(&mut self, chunks: &[Chunk<'_, Adapter>]) -> Result<Vec<f32>, EngineError> {
		let sets: Vec<&AdapterSet<Adapter>> =
			chunks.iter().flat_map(|chunk| chunk.tokens.iter().map(|_| chunk.adapters)).collect();
		let lora = self.planner.plan(&sets);
		let context = self.context(chunks);
		let tokens = chunks.iter().flat_map(|chunk| chunk.tokens).map(|token| *token as i32).collect();
		let hidden = self.embedding.clone().select(0, self.ints(tokens));
		let mut cache = std::mem::take(&mut self.cache);
		let hidden = self
			.layers
			.iter()
			.enumerate()
			.zip(&mut cache)
			.try_fold(hidden, |hidden, ((index, layer), stored)| {
				self.layer(index, layer, hidden, &context, stored, &lora)
			});
		self.cache = cache;
		let hidden = hidden?;
		let (mut wanted, mut end) = (Vec::new(), 0);
		for chunk in chunks {
			end += chunk.tokens.len();
			wanted.extend((end - chunk.logits..end).map(|row| row as i32));
		}
		if wanted.is_empty() {
			return Ok(Vec::new());
		}
		to_host(self.logits(hidden.select(0, self.ints(wanted))))
	}

	fn recover(&mut self) {
		self.planner.clear();
		// A panic may have taken the cache along.
		let layers = self.config.layers;
		self.cache.resize_with(layers, || None);
		let rows = [self.blocks * BLOCK_TOKENS, self.config.kv_width()];
		for stored in &mut self.cache {
			stored.get_or_insert_with(|| {
				(Tensor::zeros(rows, &self.device), Tensor::zeros(rows, &self.device))
			});
		}
	}

	fn vocabulary(&self) -> usize {
		self.config.vocab_size
	}
}
