//! A decoder on Burn's tensors, computed in f32, on any device of Burn's: every step is a few large operations over
//! `[tokens, hidden]`. What tensors lack is in [`crate::ops`]: plain operations on the CPU, which the kernels of
//! other executors are compared with, and kernels of our own on GPUs.

use std::path::Path;

use burn::tensor::{Device, FloatDType, IndexingUpdateOp, Int, Tensor, TensorData};

use crate::{
	checkpoint::ModelWeights,
	config::{Experts, ModelConfig},
	error::{EngineError, ModelError},
	executor::{Chunk, Executor, Want},
	lora::reader::HostAdapter,
	ops::Ops,
	projection::Site,
	routing::{route, Routed},
};

/// A weight and a bias `[1, outputs]`.
struct Linear<W> {
	weight: W,
	bias: Option<Tensor<2>>,
}

struct Layer<W> {
	attention_norm: Tensor<2>,
	/// Weights of the norms of each query and each key head, if any.
	head_norms: Option<[Tensor<2>; 2]>,
	mlp_norm: Tensor<2>,
	qkv: Linear<W>,
	o: Linear<W>,
	mlp: Mlp<W>,
}

// One a layer: a box would cost more than the bytes.
#[allow(clippy::large_enum_variant)]
enum Mlp<W> {
	Dense {
		gate_up: Linear<W>,
		down: Linear<W>,
	},
	Experts {
		shape: Experts,
		/// `[hidden, experts]`, in full precision: a small error would send a token elsewhere.
		router: Tensor<2>,
		/// Gate-up and down projections of each.
		experts: Vec<[W; 2]>,
	},
}

/// A decoder with its weights on a device; keys, values and adapters are with its operations.
pub(crate) struct TensorModel<O: Ops> {
	config: ModelConfig,
	device: Device,
	/// `[vocab, hidden]`.
	embedding: Tensor<2>,
	layers: Vec<Layer<O::Weight>>,
	norm: Tensor<2>,
	output: Linear<O::Weight>,
	ops: O,
}

impl<O: Ops> TensorModel<O> {
	/// Loads the weights.
	pub(crate) fn load(
		dir: &Path,
		config: &ModelConfig,
		ops: O,
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
					let (weight, bias) = weights.site(layer, site)?;
					let (inputs, outputs) = site.widths(config);
					let weight = ops.weight(weight, outputs, inputs)?;
					Ok::<_, ModelError>(Linear { weight, bias: bias.map(row) })
				};
				let expert = |shape: &Experts, expert: usize| {
					let (gate_up, down) = weights.expert(layer, shape, expert)?;
					let gate_up = ops.weight(gate_up, 2 * shape.width, hidden)?;
					Ok::<_, ModelError>([gate_up, ops.weight(down, hidden, shape.width)?])
				};
				let mlp = match config.experts_in(layer) {
					Some(shape) => {
						let router = TensorData::new(weights.router(layer, shape)?, [shape.count, hidden]);
						Mlp::Experts {
							shape: shape.clone(),
							router: Tensor::<2>::from_data(router, device).transpose(),
							experts: (0..shape.count)
								.map(|index| expert(shape, index))
								.collect::<Result<_, _>>()?,
						}
					}
					None => Mlp::Dense { gate_up: site(Site::GateUp)?, down: site(Site::Down)? },
				};
				Ok::<_, ModelError>(Layer {
					attention_norm: row(weights.norm(layer, "input_layernorm")?),
					head_norms: weights.head_norms(layer)?.map(|norms| norms.map(row)),
					mlp_norm: row(weights.norm(layer, "post_attention_layernorm")?),
					qkv: site(Site::Qkv)?,
					o: site(Site::O)?,
					mlp,
				})
			})
			.collect::<Result<_, _>>()?;
		let embedding = weights.embedding()?;
		Ok(Self {
			output: Linear { weight: ops.weight(weights.output()?, vocab, hidden)?, bias: None },
			embedding: ops.table(embedding, vocab, hidden),
			layers,
			norm: row(weights.final_norm()?),
			ops,
			config: config.clone(),
			device: device.clone(),
		})
	}

	fn linear(&self, linear: &Linear<O::Weight>, input: Tensor<2>) -> Tensor<2> {
		let output = self.ops.multiply(&linear.weight, input);
		match &linear.bias {
			Some(bias) => output + bias.clone(),
			None => output,
		}
	}

	/// Logits of rows of the hidden states, `[rows, vocab]`, or those states after the last norm, `[rows, hidden]`.
	fn read(&self, hidden: &Tensor<2>, rows: Vec<i32>, want_logits: bool) -> Result<Vec<f32>, EngineError> {
		if rows.is_empty() {
			return Ok(Vec::new());
		}
		let normed = self.norm(hidden.clone().select(0, self.ints(rows)), &self.norm);
		to_host(if want_logits { self.linear(&self.output, normed) } else { normed })
	}

	/// A site's product with its adapters' updates.
	fn project(
		&self,
		step: &O::Step,
		(linear, index, site): (&Linear<O::Weight>, usize, Site),
		input: Tensor<2>,
	) -> Tensor<2> {
		let output = self.linear(linear, input.clone());
		self.ops.add_updates(step, index, site, &input, output)
	}

	fn layer(&mut self, index: usize, hidden: Tensor<2>, step: &O::Step) -> Result<Tensor<2>, EngineError> {
		let layer = &self.layers[index];
		let normed = self.norm(hidden.clone(), &layer.attention_norm);
		let qkv = self.project(step, (&layer.qkv, index, Site::Qkv), normed);
		let qkv = match &layer.head_norms {
			Some(norms) => self.norm_heads(qkv, norms),
			None => qkv,
		};
		let queries = self.ops.store(step, index, qkv);
		let attended = self.ops.attend(step, index, queries, self.config.window(index));
		let layer = &self.layers[index];
		let hidden = hidden + self.project(step, (&layer.o, index, Site::O), attended);

		let normed = self.norm(hidden.clone(), &layer.mlp_norm);
		match &layer.mlp {
			Mlp::Dense { gate_up, down } => {
				let gate_up = self.project(step, (gate_up, index, Site::GateUp), normed);
				let gated = self.ops.gated(gate_up);
				Ok(hidden + self.project(step, (down, index, Site::Down), gated))
			}
			Mlp::Experts { shape, router, experts } => {
				let logits = to_host(normed.clone().matmul(router.clone()))?;
				Ok(route(&logits, shape).iter().fold(hidden, |hidden, routed| {
					self.add_expert(hidden, &normed, &experts[routed.expert], routed)
				}))
			}
		}
	}

	/// Adds what an expert makes of the rows that the router sent it.
	fn add_expert(
		&self,
		hidden: Tensor<2>,
		normed: &Tensor<2>,
		[gate_up, down]: &[O::Weight; 2],
		routed: &Routed,
	) -> Tensor<2> {
		let rows = self.ints(routed.rows.iter().map(|row| *row as i32).collect());
		let weights = TensorData::new(routed.weights.clone(), [routed.weights.len(), 1]);
		let gate_up = self.ops.multiply(gate_up, normed.clone().select(0, rows.clone()));
		let output = self.ops.multiply(down, self.ops.gated(gate_up));
		let output = output * Tensor::from_data(weights, &self.device);
		hidden.select_assign(0, rows, output, IndexingUpdateOp::Add)
	}

	/// The norm of every query and key head of `[rows, q_width + 2 · kv_width]`.
	fn norm_heads(&self, qkv: Tensor<2>, [queries, keys]: &[Tensor<2>; 2]) -> Tensor<2> {
		let (rows, head_dim) = (qkv.dims()[0], self.config.head_dim);
		let (q_width, kv_width) = (self.config.q_width(), self.config.kv_width());
		let normed = |range: std::ops::Range<usize>, weight: &Tensor<2>| {
			let width = range.len();
			let heads = qkv.clone().slice([0..rows, range]).reshape([rows * width / head_dim, head_dim]);
			self.norm(heads, weight).reshape([rows, width])
		};
		let (queries, keys) = (normed(0..q_width, queries), normed(q_width..q_width + kv_width, keys));
		let values = qkv.clone().slice([0..rows, q_width + kv_width..q_width + 2 * kv_width]);
		Tensor::cat(vec![queries, keys, values], 1)
	}

	fn norm(&self, hidden: Tensor<2>, weight: &Tensor<2>) -> Tensor<2> {
		self.ops.norm(hidden, weight, self.config.norm_eps)
	}

	fn ints(&self, values: Vec<i32>) -> Tensor<1, Int> {
		let count = values.len();
		Tensor::from_data(TensorData::new(values, [count]), &self.device)
	}
}

impl<O: Ops> Executor for TensorModel<O> {
	type Adapter = O::Adapter;

	fn adapter_pages(&self, adapter: &HostAdapter) -> usize {
		self.ops.adapter_pages(adapter)
	}

	fn upload(&mut self, adapter: &HostAdapter, pages: &[u32]) -> O::Adapter {
		self.ops.upload(adapter, pages)
	}

	fn step(&mut self, chunks: &[Chunk<'_, O::Adapter>]) -> Result<Vec<f32>, EngineError> {
		let step = self.ops.begin(chunks);
		let tokens = chunks.iter().flat_map(|chunk| chunk.tokens).map(|token| *token as i32).collect();
		let mut hidden = self.embedding.clone().select(0, self.ints(tokens)).cast(FloatDType::F32);
		for index in 0..self.layers.len() {
			hidden = self.layer(index, hidden, &step)?;
		}
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
		self.ops.recover();
	}

	fn vocabulary(&self) -> usize {
		self.config.vocab_size
	}
}

fn to_host(tensor: Tensor<2>) -> Result<Vec<f32>, EngineError> {
	let data = tensor.try_into_data().map_err(|error| EngineError::Inference(error.to_string()))?;
	data.try_into_vec::<f32>().map_err(|error| EngineError::Inference(format!("{error:?}")))
}
