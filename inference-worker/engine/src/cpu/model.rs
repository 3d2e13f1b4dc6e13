//! A decoder on the CPU's own kernels.

use std::{path::Path, sync::Arc};

use half::f16;
use rayon::{prelude::*, ThreadPool, ThreadPoolBuilder};

use super::{
	attention::{Cache, Query, Shape},
	columns::Columns,
	elementwise,
	experts::Experts,
	lora::{self, Adapter, Group},
	quantize::Activations,
	simd::Level,
	weights::{Precision, Weights},
};
use crate::{
	checkpoint::ModelWeights,
	config::ModelConfig,
	error::{EngineError, ModelError},
	executor::{Chunk, Executor, Want, BLOCK_TOKENS},
	lora::reader::HostAdapter,
	projection::Site,
	rope::RopeTable,
};

struct Linear {
	weights: Weights,
	bias: Option<Vec<f32>>,
}

struct Layer {
	attention_norm: Vec<f32>,
	/// Norms of the query and key heads, if any.
	head_norms: Option<[Vec<f32>; 2]>,
	mlp_norm: Vec<f32>,
	qkv: Linear,
	o: Linear,
	mlp: Mlp,
}

enum Mlp {
	Dense { gate_up: Linear, down: Linear },
	Experts(Experts),
}

/// Rows of the embedding, as exact as the other numbers of the model.
enum Embedding {
	Full(Vec<f32>),
	Half(Vec<f16>),
}

/// A decoder in memory, with its KV cache.
pub(crate) struct CpuModel {
	level: Level,
	config: ModelConfig,
	half: bool,
	embedding: Embedding,
	layers: Vec<Layer>,
	norm: Vec<f32>,
	output: Weights,
	rope: RopeTable,
	cache: Cache,
	/// Threads of this model: index building and the like must not stand in the way of a step.
	threads: Arc<ThreadPool>,
	scratch: Scratch,
}

/// Memory of a step, kept for the next.
#[derive(Default)]
struct Scratch {
	hidden: Vec<f32>,
	normed: Vec<f32>,
	wide: Vec<f32>,
	attended: Vec<f32>,
	narrow: Vec<f32>,
	activations: Activations,
}

/// A token of a step.
struct Row<'a> {
	token: u32,
	position: usize,
	blocks: &'a [u32],
}

impl CpuModel {
	/// Loads the weights for positions `0..context`, and a KV cache in `pages` pages.
	pub(crate) fn load(
		dir: &Path,
		config: &ModelConfig,
		context: usize,
		pages: usize,
		precision: Precision,
	) -> Result<Self, ModelError> {
		let level = Level::detect();
		let weights = ModelWeights::open(dir, config)?;
		let half = precision != Precision::Full;
		let (vocab, hidden) = (config.vocab_size, config.hidden_size);
		let embedding = weights.embedding()?;
		let output = Weights::pack(weights.output()?, vocab, hidden, precision);
		let layers = (0..config.layers)
			.map(|layer| {
				let site = |site: Site| {
					let (values, bias) = weights.site(layer, site)?;
					let (inputs, outputs) = site.widths(config);
					let weights = Weights::pack(values, outputs, inputs, precision);
					Ok::<_, ModelError>(Linear { weights, bias })
				};
				let mlp = match config.experts_in(layer) {
					Some(shape) => Mlp::Experts(Experts::load(&weights, config, layer, shape, precision)?),
					None => Mlp::Dense { gate_up: site(Site::GateUp)?, down: site(Site::Down)? },
				};
				Ok::<_, ModelError>(Layer {
					attention_norm: weights.norm(layer, "input_layernorm")?,
					head_norms: weights.head_norms(layer)?,
					mlp_norm: weights.norm(layer, "post_attention_layernorm")?,
					qkv: site(Site::Qkv)?,
					o: site(Site::O)?,
					mlp,
				})
			})
			.collect::<Result<_, _>>()?;
		let norm = weights.final_norm()?;
		let threads = ThreadPoolBuilder::new()
			.thread_name(|index| format!("tributary-cpu-{index}"))
			.build()
			.map_err(|error| ModelError::Config(format!("cannot start the threads of the model: {error}")))?;
		let model = Self {
			level,
			half,
			embedding: match half {
				true => Embedding::Half(embedding.into_iter().map(f16::from_f32).collect()),
				false => Embedding::Full(embedding),
			},
			layers,
			norm,
			output,
			rope: RopeTable::new(config, context),
			cache: Cache::new(config.layers, pages, shape(config), half),
			threads: Arc::new(threads),
			scratch: Scratch::default(),
			config: config.clone(),
		};
		tracing::info!(instructions = %level, weights = model.bytes(), "model on the CPU");
		Ok(model)
	}

	/// Bytes of a page: a block of the KV cache in all layers.
	pub(crate) fn page_bytes(config: &ModelConfig, precision: Precision) -> u64 {
		Cache::page_bytes(config.layers, shape(config), precision != Precision::Full)
	}

	fn bytes(&self) -> u64 {
		let layer = |layer: &Layer| {
			let mlp = match &layer.mlp {
				Mlp::Dense { gate_up, down } => gate_up.weights.bytes() + down.weights.bytes(),
				Mlp::Experts(experts) => experts.bytes(),
			};
			layer.qkv.weights.bytes() + layer.o.weights.bytes() + mlp
		};
		self.layers.iter().map(layer).sum::<u64>() + self.output.bytes()
	}

	fn compute(&mut self, chunks: &[Chunk<'_, Adapter>]) -> Vec<f32> {
		let rows: Vec<Row<'_>> = chunks
			.iter()
			.flat_map(|chunk| {
				chunk.tokens.iter().enumerate().map(|(index, token)| Row {
					token: *token,
					position: chunk.start + index,
					blocks: chunk.blocks,
				})
			})
			.collect();
		let groups = lora::group(chunks.iter().map(|chunk| (chunk.adapters, chunk.tokens.len())));
		let mut scratch = std::mem::take(&mut self.scratch);
		self.embed(&rows, &mut scratch.hidden);
		for index in 0..self.layers.len() {
			self.attention(index, &rows, &groups, &mut scratch);
			self.mlp(index, rows.len(), &groups, &mut scratch);
		}
		let wanted = self.wanted(chunks, &mut scratch);
		self.scratch = scratch;
		wanted
	}

	fn embed(&self, rows: &[Row<'_>], hidden: &mut Vec<f32>) {
		let width = self.config.hidden_size;
		hidden.clear();
		for row in rows {
			let at = row.token as usize * width..(row.token as usize + 1) * width;
			match &self.embedding {
				Embedding::Full(values) => hidden.extend_from_slice(&values[at]),
				Embedding::Half(values) => hidden.extend(values[at].iter().map(|value| value.to_f32())),
			}
		}
	}

	/// The norm of every row.
	fn norm(&self, weight: &[f32], rows: &[f32], output: &mut Vec<f32>) {
		let width = self.config.hidden_size;
		output.resize(rows.len(), 0.0);
		let epsilon = self.config.norm_eps as f32;
		for (input, output) in rows.chunks_exact(width).zip(output.chunks_exact_mut(width)) {
			elementwise::rms_norm(self.level, input, weight, epsilon, output);
		}
	}

	/// A site's product with its updates: `output` becomes `[rows, outputs]`.
	fn project(
		&self,
		(linear, layer, site): (&Linear, usize, Site),
		rows: usize,
		groups: &[Group<'_>],
		input: &[f32],
		activations: &mut Activations,
		output: &mut Vec<f32>,
	) {
		let outputs = linear.weights.outputs();
		output.resize(rows * outputs, 0.0);
		linear.weights.multiply_rows(self.level, rows, input, activations, output);
		if let Some(bias) = &linear.bias {
			output.chunks_exact_mut(outputs).for_each(|row| elementwise::add(self.level, row, bias));
		}
		lora::add_to(self.level, &self.config, groups, (layer, site), input, output);
	}

	fn attention(&mut self, index: usize, rows: &[Row<'_>], groups: &[Group<'_>], scratch: &mut Scratch) {
		let Scratch { hidden, normed, wide, attended, narrow, activations } = scratch;
		let layer = &self.layers[index];
		self.norm(&layer.attention_norm, hidden, normed);
		self.project((&layer.qkv, index, Site::Qkv), rows.len(), groups, normed, activations, wide);

		let shape = shape(&self.config);
		let (q_width, kv_width, half) = (self.config.q_width(), self.config.kv_width(), self.rope.half);
		let width = q_width + 2 * kv_width;
		let scale = (shape.head_dim as f32).sqrt().recip();
		for (row, qkv) in rows.iter().zip(wide.chunks_exact_mut(width)) {
			let angles = row.position * half..(row.position + 1) * half;
			let (cosines, sines) = (&self.rope.cos[angles.clone()], &self.rope.sin[angles]);
			let (query, rest) = qkv.split_at_mut(q_width);
			let (key, value) = rest.split_at_mut(kv_width);
			if let Some([queries, keys]) = &layer.head_norms {
				let epsilon = self.config.norm_eps as f32;
				elementwise::norm_heads(self.level, query, queries, epsilon);
				elementwise::norm_heads(self.level, key, keys, epsilon);
			}
			elementwise::rotate(self.level, query, cosines, sines, scale);
			elementwise::rotate(self.level, key, cosines, sines, 1.0);
			let block = row.blocks[row.position / BLOCK_TOKENS];
			self.cache.put(index, (block, row.position % BLOCK_TOKENS), key, value);
		}

		attended.resize(rows.len() * q_width, 0.0);
		let per_head = q_width / shape.kv_heads;
		let window = self.config.window(index).unwrap_or(usize::MAX);
		let output = Columns::new(attended, q_width);
		(0..rows.len() * shape.kv_heads).into_par_iter().for_each_init(Vec::new, |memory, task| {
			let (number, head) = (task / shape.kv_heads, task % shape.kv_heads);
			let (row, at) = (&rows[number], head * per_head..(head + 1) * per_head);
			let queries = &wide[number * width..number * width + q_width][at.clone()];
			// SAFETY: each row and head is one task.
			let output = unsafe { output.columns(number, at) };
			let length = row.position + 1;
			let start = length.saturating_sub(window);
			let query = Query { kv_head: head, table: row.blocks, length, start, queries };
			self.cache.attend(self.level, index, query, output, memory);
		});

		self.project((&layer.o, index, Site::O), rows.len(), groups, attended, activations, narrow);
		elementwise::add(self.level, hidden, narrow);
	}

	fn mlp(&self, index: usize, rows: usize, groups: &[Group<'_>], scratch: &mut Scratch) {
		let Scratch { hidden, normed, wide, attended: gated, narrow, activations } = scratch;
		let layer = &self.layers[index];
		self.norm(&layer.mlp_norm, hidden, normed);
		let (gate_up, down) = match &layer.mlp {
			Mlp::Dense { gate_up, down } => (gate_up, down),
			Mlp::Experts(experts) => return experts.add_to(self.level, normed, hidden, wide, narrow),
		};
		self.project((gate_up, index, Site::GateUp), rows, groups, normed, activations, wide);
		let width = self.config.intermediate_size;
		gated.resize(rows * width, 0.0);
		wide.par_chunks_exact(2 * width).zip(gated.par_chunks_exact_mut(width)).with_min_len(4).for_each(
			|(both, output)| {
				let (gate, up) = both.split_at(width);
				elementwise::gated(self.level, gate, up, output);
			},
		);
		self.project((down, index, Site::Down), rows, groups, gated, activations, narrow);
		elementwise::add(self.level, hidden, narrow);
	}

	/// Logits, then hidden states.
	fn wanted(&self, chunks: &[Chunk<'_, Adapter>], scratch: &mut Scratch) -> Vec<f32> {
		let Scratch { hidden, normed, narrow, activations, .. } = scratch;
		let width = self.config.hidden_size;
		let (mut end, mut states) = (0, Vec::new());
		narrow.clear();
		for chunk in chunks {
			let start = end;
			end += chunk.tokens.len();
			match chunk.want {
				Want::Logits(count) => narrow.extend_from_slice(&hidden[(end - count) * width..end * width]),
				Want::Hidden => states.extend_from_slice(&hidden[start * width..end * width]),
			}
		}
		let rows = narrow.len() / width;
		let mut logits = vec![0.0; rows * self.config.vocab_size];
		if rows > 0 {
			self.norm(&self.norm, narrow, normed);
			self.output.multiply_rows(self.level, rows, normed, activations, &mut logits);
		}
		if !states.is_empty() {
			self.norm(&self.norm, &states, normed);
			logits.extend_from_slice(normed);
		}
		logits
	}
}

fn shape(config: &ModelConfig) -> Shape {
	Shape { kv_heads: config.kv_heads, head_dim: config.head_dim }
}

impl Executor for CpuModel {
	type Adapter = Adapter;

	fn adapter_pages(&self, adapter: &HostAdapter) -> usize {
		let page_bytes = Cache::page_bytes(self.config.layers, shape(&self.config), self.half);
		adapter.pages(if self.half { 2 } else { 4 }, page_bytes)
	}

	/// The memory of the pages goes back to the system, and the adapter takes as much from there.
	fn upload(&mut self, adapter: &HostAdapter, pages: &[u32]) -> Adapter {
		self.cache.free(pages);
		Adapter::new(adapter, self.half)
	}

	fn step(&mut self, chunks: &[Chunk<'_, Adapter>]) -> Result<Vec<f32>, EngineError> {
		let threads = self.threads.clone();
		Ok(threads.install(|| self.compute(chunks)))
	}

	fn recover(&mut self) {
		self.scratch = Scratch::default();
	}

	fn vocabulary(&self) -> usize {
		self.config.vocab_size
	}
}
