//! A Llama or Qwen2 decoder on plain Burn tensors, in f32, on any device of Burn's: every step is a few large
//! operations over `[tokens, hidden]`. What the kernels of other executors are compared with.

use std::path::Path;

use burn::tensor::{activation, Device, IndexingUpdateOp, Int, Tensor, TensorData};

use crate::{
	checkpoint::ModelWeights,
	config::ModelConfig,
	error::{EngineError, ModelError},
	executor::{Chunk, Executor, Want, BLOCK_TOKENS},
	loading::transpose,
	lora::{
		batch::{Adapter, LoraBatch, LoraPlanner},
		reader::HostAdapter,
		set::AdapterSet,
	},
	projection::Site,
	rope::RopeTable,
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
	mlp_norm: Tensor<2>,
	/// Per [`Site`]; the projections of a site lie side by side.
	sites: [Linear; 4],
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
	/// Rows of the cache that are read, `[sequences · length]`.
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
	spans: Vec<Span>,
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
				let site = |site: Site| {
					let (values, bias) = weights.site(layer, site)?;
					let (inputs, outputs) = site.widths(config);
					let weight = oriented(&values, outputs, inputs, device);
					Ok::<_, ModelError>(Linear { weight, bias: bias.map(row) })
				};
				Ok::<_, ModelError>(Layer {
					attention_norm: row(weights.norm(layer, "input_layernorm")?),
					mlp_norm: row(weights.norm(layer, "post_attention_layernorm")?),
					sites: [site(Site::Qkv)?, site(Site::O)?, site(Site::GateUp)?, site(Site::Down)?],
				})
			})
			.collect::<Result<_, _>>()?;
		let embedding = weights.embedding()?;
		let output = weights.output()?;
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

	/// Bytes of a block of the KV cache.
	pub(crate) fn block_bytes(config: &ModelConfig) -> u64 {
		(2 * config.layers * BLOCK_TOKENS * config.kv_width() * 4) as u64
	}

	/// Logits of rows of the hidden states, `[rows, vocab]`, or those states after the last norm, `[rows, hidden]`.
	fn read(&self, hidden: &Tensor<2>, rows: Vec<i32>, want_logits: bool) -> Result<Vec<f32>, EngineError> {
		if rows.is_empty() {
			return Ok(Vec::new());
		}
		let normed = self.norm(hidden.clone().select(0, self.ints(rows)), &self.norm);
		let wanted = if want_logits { self.output.forward(normed) } else { normed };
		let data = wanted.try_into_data().map_err(|error| EngineError::Inference(error.to_string()))?;
		data.try_into_vec::<f32>().map_err(|error| EngineError::Inference(format!("{error:?}")))
	}

	fn context(&self, chunks: &[Chunk<'_, Adapter>]) -> StepContext {
		let row = |chunk: &Chunk<'_, Adapter>, position: usize| {
			chunk.blocks[position / BLOCK_TOKENS] as usize * BLOCK_TOKENS + position % BLOCK_TOKENS
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
				write.extend(range.clone().map(|position| row(chunk, position) as i32));
				positions.extend(range);
			}
			let asked = &positions[start..];
			let length = asked.iter().max().map_or(0, |last| last + 1);
			let read = together.iter().flat_map(|chunk| {
				let stored = chunk.start + chunk.tokens.len();
				// Positions that a shorter sequence lacks are hidden from it: any row will do.
				(0..length).map(move |position| row(chunk, position.min(stored - 1)) as i32)
			});
			let read = self.ints(read.collect());
			let mask = asked.iter().any(|position| position + 1 < length).then(|| {
				let values: Vec<f32> = asked
					.iter()
					.flat_map(|position| {
						(0..length).map(move |key| if key <= *position { 0.0 } else { HIDDEN })
					})
					.collect();
				let shape = match together {
					[_] => [1, 1, asked.len(), length],
					_ => [asked.len(), 1, 1, length],
				};
				Tensor::from_data(TensorData::new(values, shape), &self.device)
			});
			spans.push(Span { rows: start..positions.len(), read, sequences: count, length, mask });
		}
		let rows = self.ints(positions.iter().map(|position| *position as i32).collect());
		let select = |table: &Tensor<2>| table.clone().select(0, rows.clone()).unsqueeze_dim::<3>(1);
		StepContext { write: self.ints(write), rope: (select(&self.rope.0), select(&self.rope.1)), spans }
	}

	fn layer(
		&self,
		index: usize,
		layer: &Layer,
		hidden: Tensor<2>,
		context: &StepContext,
		stored: &mut Option<(Tensor<2>, Tensor<2>)>,
		lora: &LoraBatch,
	) -> Tensor<2> {
		let project = |site: Site, input: Tensor<2>| {
			let output = layer.sites[site.index()].forward(input.clone());
			lora.add_to(output, &input, index, site)
		};
		let qkv = project(Site::Qkv, self.norm(hidden.clone(), &layer.attention_norm));
		let attended = self.attend(qkv, context, stored);
		let hidden = hidden + project(Site::O, attended);

		let gate_up = project(Site::GateUp, self.norm(hidden.clone(), &layer.mlp_norm));
		let (rows, width) = (gate_up.dims()[0], self.config.intermediate_size);
		let gate = gate_up.clone().slice([0..rows, 0..width]);
		let up = gate_up.slice([0..rows, width..2 * width]);
		hidden + project(Site::Down, activation::silu(gate) * up)
	}

	/// Grouped-query attention of `[tokens, q + k + v]`; stores the new keys and values.
	fn attend(
		&self,
		qkv: Tensor<2>,
		context: &StepContext,
		stored: &mut Option<(Tensor<2>, Tensor<2>)>,
	) -> Tensor<2> {
		let config = &self.config;
		let (count, head_dim) = (qkv.dims()[0], config.head_dim);
		let (heads, kv_heads) = (config.heads, config.kv_heads);
		let group = heads / kv_heads;
		let (q_width, kv_width) = (config.q_width(), config.kv_width());

		let rotated = rotate(
			qkv.clone().slice([0..count, 0..q_width + kv_width]).reshape([count, heads + kv_heads, head_dim]),
			&context.rope,
		);
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
		let parts: Vec<Tensor<2>> = context
			.spans
			.iter()
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

	/// RMSNorm (Zhang and Sennrich 2019).
	fn norm(&self, hidden: Tensor<2>, weight: &Tensor<2>) -> Tensor<2> {
		let mean_square = (hidden.clone() * hidden.clone()).mean_dim(1);
		let scale = mean_square.add_scalar(self.config.norm_eps).sqrt().recip();
		hidden * scale * weight.clone()
	}

	fn ints(&self, values: Vec<i32>) -> Tensor<1, Int> {
		let count = values.len();
		Tensor::from_data(TensorData::new(values, [count]), &self.device)
	}
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

	fn upload(&self, adapter: HostAdapter) -> Adapter {
		Adapter::upload(adapter, &self.config, &self.device)
	}

	fn adapter_bytes(adapter: &Adapter) -> u64 {
		adapter.bytes
	}

	fn step(&mut self, chunks: &[Chunk<'_, Adapter>]) -> Result<Vec<f32>, EngineError> {
		let sets: Vec<&AdapterSet<Adapter>> =
			chunks.iter().flat_map(|chunk| chunk.tokens.iter().map(|_| chunk.adapters)).collect();
		let lora = self.planner.plan(&sets);
		let context = self.context(chunks);
		let tokens = chunks.iter().flat_map(|chunk| chunk.tokens).map(|token| *token as i32).collect();
		let mut hidden = self.embedding.clone().select(0, self.ints(tokens));
		let mut cache = std::mem::take(&mut self.cache);
		for ((index, layer), stored) in self.layers.iter().enumerate().zip(&mut cache) {
			hidden = self.layer(index, layer, hidden, &context, stored, &lora);
		}
		self.cache = cache;
		let (mut drawn_from, mut states, mut end) = (Vec::new(), Vec::new(), 0);
		for chunk in chunks {
			let start = end;
			end += chunk.tokens.len();
			match chunk.want {
				Want::Logits(count) => drawn_from.extend((end - count..end).map(|row| row as i32)),
				Want::Hidden => states.extend((start..end).map(|row| row as i32)),
			}
		}
		let mut wanted = self.read(&hidden, drawn_from, true)?;
		wanted.extend(self.read(&hidden, states, false)?);
		Ok(wanted)
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
