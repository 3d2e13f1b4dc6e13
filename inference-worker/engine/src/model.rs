//! A Llama or Qwen2 decoder on Burn, in f32: every step is a few large operations over `[tokens, hidden]`.

use std::path::Path;

use burn::tensor::{activation, Device, Int, Tensor, TensorData};

use crate::{
	config::ModelConfig,
	error::{ModelError, WeightsError},
	kv_cache::{KvCache, Write},
	loading::{transpose, Checkpoint},
	lora::batch::LoraBatch,
	projection::{Projection, Site},
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

/// A decoder with its weights on a device.
pub(crate) struct Model {
	config: ModelConfig,
	device: Device,
	/// `[vocab, hidden]`.
	embedding: Tensor<2>,
	layers: Vec<Layer>,
	norm: Tensor<2>,
	output: Linear,
	/// `[positions, head_dim]`: cosines twice, and sines with the first half negated.
	rope: (Tensor<2>, Tensor<2>),
}

/// The tokens of one step.
pub(crate) enum Step<'a> {
	/// Consecutive tokens of the sequence in `slot`, the first at position `start`.
	Prefill { slot: usize, start: usize, tokens: &'a [u32] },
	/// The next token of the sequences in slots `0..n`, with its position.
	Decode(&'a [(u32, usize)]),
}

/// What the layers of one step share.
struct StepContext {
	write: Write,
	/// Slots and length of the keys that are read.
	slots: std::ops::Range<usize>,
	length: usize,
	/// `[tokens, 1, head_dim]` each.
	rope: (Tensor<3>, Tensor<3>),
	/// Added to the scores; none if every query sees every key.
	mask: Option<Tensor<4>>,
	is_prefill: bool,
}

impl Model {
	/// Loads the weights for positions `0..context`. Missing, extra or misshapen tensors are refused.
	pub(crate) fn load(
		dir: &Path,
		config: &ModelConfig,
		context: usize,
		device: &Device,
	) -> Result<Self, ModelError> {
		let checkpoint = Checkpoint::open(dir)?;
		checkpoint.refuse_unknown(|name| is_known(name, config))?;
		let loader = Loader { checkpoint, config, device };
		let (vocab, hidden) = (config.vocab_size, config.hidden_size);
		let embedding = loader.tensor("model.embed_tokens.weight", &[vocab, hidden], [vocab, hidden])?;
		let output = if config.tie_embeddings { "model.embed_tokens" } else { "lm_head" };
		let output = loader.linear(&[output.to_owned()], hidden, &[vocab], false)?;
		let layers = (0..config.layers).map(|layer| loader.layer(layer)).collect::<Result<_, _>>()?;
		let norm = loader.tensor("model.norm.weight", &[hidden], [1, hidden])?;
		Ok(Self {
			rope: rope_tensors(config, context, device),
			output,
			config: config.clone(),
			device: device.clone(),
			embedding,
			layers,
			norm,
		})
	}

	pub(crate) fn config(&self) -> &ModelConfig {
		&self.config
	}

	pub(crate) fn device(&self) -> Device {
		self.device.clone()
	}

	/// Empty cache for this model.
	pub(crate) fn cache(&self, max_slots: usize, max_length: usize) -> KvCache {
		let heads = (self.config.kv_heads, self.config.head_dim);
		KvCache::new(&self.device, self.config.layers, heads, max_slots, max_length)
	}

	/// Runs the step and gives the hidden states after the last layer, `[tokens, hidden]`.
	pub(crate) fn forward(&self, step: &Step<'_>, cache: &mut KvCache, lora: &LoraBatch) -> Tensor<2> {
		let (tokens, positions) = match step {
			Step::Prefill { start, tokens, .. } => {
				(tokens.to_vec(), (*start..start + tokens.len()).collect::<Vec<_>>())
			}
			Step::Decode(rows) => rows.iter().copied().unzip(),
		};
		let context = self.context(step, &positions, cache);
		let mut hidden = self.embedding.clone().select(0, self.ints(tokens));
		for (index, layer) in self.layers.iter().enumerate() {
			hidden = self.layer(index, layer, hidden, &context, cache, lora);
		}
		hidden
	}

	/// Logits of hidden states: `[tokens, vocab]`.
	pub(crate) fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
		self.output.forward(self.norm(hidden, &self.norm))
	}

	fn context(&self, step: &Step<'_>, positions: &[usize], cache: &mut KvCache) -> StepContext {
		let count = positions.len();
		let length = positions.iter().max().map_or(0, |last| last + 1);
		let (slots, is_prefill) = match step {
			Step::Prefill { slot, .. } => (*slot..slot + 1, true),
			Step::Decode(_) => (0..count, false),
		};
		cache.reserve(slots.end, length);
		let write = match step {
			Step::Prefill { slot, start, .. } => Write::Run { slot: *slot, positions: *start..start + count },
			Step::Decode(_) => Write::Rows(
				self.ints(
					positions
						.iter()
						.enumerate()
						.map(|(slot, position)| cache.row(slot, *position) as u32)
						.collect(),
				),
			),
		};
		let rows = self.ints(positions.iter().map(|position| *position as u32).collect());
		let select = |table: &Tensor<2>| table.clone().select(0, rows.clone()).unsqueeze_dim::<3>(1);
		let rope = (select(&self.rope.0), select(&self.rope.1));
		let mask = positions.iter().any(|position| position + 1 < length).then(|| {
			let values: Vec<f32> = positions
				.iter()
				.flat_map(|position| (0..length).map(move |key| if key <= *position { 0.0 } else { HIDDEN }))
				.collect();
			let shape = if is_prefill { [1, 1, count, length] } else { [count, 1, 1, length] };
			Tensor::from_data(TensorData::new(values, shape), &self.device)
		});
		StepContext { write, slots, length, rope, mask, is_prefill }
	}

	fn layer(
		&self,
		index: usize,
		layer: &Layer,
		hidden: Tensor<2>,
		context: &StepContext,
		cache: &mut KvCache,
		lora: &LoraBatch,
	) -> Tensor<2> {
		let project = |site: Site, input: Tensor<2>| {
			let output = layer.sites[site.index()].forward(input.clone());
			lora.add_to(output, &input, index, site)
		};
		let qkv = project(Site::Qkv, self.norm(hidden.clone(), &layer.attention_norm));
		let attended = self.attend(index, qkv, context, cache);
		let hidden = hidden + project(Site::O, attended);

		let gate_up = project(Site::GateUp, self.norm(hidden.clone(), &layer.mlp_norm));
		let (rows, width) = (gate_up.dims()[0], self.config.intermediate_size);
		let gate = gate_up.clone().slice([0..rows, 0..width]);
		let up = gate_up.slice([0..rows, width..2 * width]);
		hidden + project(Site::Down, activation::silu(gate) * up)
	}

	/// Grouped-query attention of `[tokens, q + k + v]`; stores the new keys and values.
	fn attend(&self, layer: usize, qkv: Tensor<2>, context: &StepContext, cache: &mut KvCache) -> Tensor<2> {
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

		let read = |keys: Tensor<4>, values: Tensor<4>| {
			if context.is_prefill {
				// [kv_heads, group, tokens, head_dim] against [kv_heads, 1, .., ..].
				let scores = queries.permute([1, 2, 0, 3]).matmul(keys.permute([2, 0, 3, 1]));
				let values = values.permute([2, 0, 1, 3]);
				softmax(scores, &context.mask).matmul(values).permute([2, 0, 1, 3])
			} else {
				// [tokens, kv_heads, group, head_dim] against [tokens, kv_heads, .., ..].
				let scores = queries.matmul(keys.permute([0, 2, 3, 1]));
				softmax(scores, &context.mask).matmul(values.permute([0, 2, 1, 3]))
			}
		};
		let reading = (context.slots.clone(), context.length);
		cache
			.update(layer, (keys, values), &context.write, reading, read)
			.map(|attended| attended.reshape([count, q_width]))
			.unwrap_or_else(|| Tensor::zeros([count, q_width], &self.device))
	}

	/// RMSNorm (Zhang and Sennrich 2019).
	fn norm(&self, hidden: Tensor<2>, weight: &Tensor<2>) -> Tensor<2> {
		let mean_square = (hidden.clone() * hidden.clone()).mean_dim(1);
		let scale = mean_square.add_scalar(self.config.norm_eps).sqrt().recip();
		hidden * scale * weight.clone()
	}

	fn ints(&self, values: Vec<u32>) -> Tensor<1, Int> {
		let count = values.len();
		let values: Vec<i32> = values.into_iter().map(|value| value as i32).collect();
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

/// Whether a tensor belongs to a model of this configuration.
fn is_known(name: &str, config: &ModelConfig) -> bool {
	if ["model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"].contains(&name) {
		return true;
	}
	let Some((layer, rest)) = name.strip_prefix("model.layers.").and_then(|rest| rest.split_once('.')) else {
		return false;
	};
	let in_range = layer.parse().is_ok_and(|layer: usize| layer < config.layers);
	let is_norm = matches!(rest, "input_layernorm.weight" | "post_attention_layernorm.weight");
	// Some exporters store the rotary frequencies, which follow from the configuration.
	let is_rope = rest == "self_attn.rotary_emb.inv_freq";
	let is_projection = Projection::ALL.into_iter().any(|projection| {
		let path = projection.path(0);
		let bias = config.qkv_bias() && Site::Qkv.projections().contains(&projection);
		path.strip_prefix("model.layers.0.")
			.and_then(|path| rest.strip_prefix(path))
			.is_some_and(|suffix| suffix == ".weight" || (bias && suffix == ".bias"))
	});
	in_range && (is_norm || is_rope || is_projection)
}

struct Loader<'a> {
	checkpoint: Checkpoint,
	config: &'a ModelConfig,
	device: &'a Device,
}

impl Loader<'_> {
	fn tensor(&self, name: &str, shape: &[usize], to: [usize; 2]) -> Result<Tensor<2>, WeightsError> {
		let host = self.checkpoint.tensor(name, shape)?;
		Ok(Tensor::from_data(TensorData::new(host.values, to), self.device))
	}

	/// A weight stored `[outputs, inputs]` as `[inputs, outputs]`, in the layout that is fastest on the device: the CPU
	/// multiplication would otherwise rearrange the whole weight at every step, while GPU kernels prefer it as stored.
	fn oriented(&self, weights: &[f32], outputs: usize, inputs: usize) -> Tensor<2> {
		match *self.device == Device::flex() {
			true => {
				let transposed = transpose(weights, inputs);
				Tensor::from_data(TensorData::new(transposed, [inputs, outputs]), self.device)
			}
			false => {
				let stored = TensorData::new(weights.to_vec(), [outputs, inputs]);
				Tensor::<2>::from_data(stored, self.device).transpose()
			}
		}
	}

	/// Reads projections of the same input, each stored `[outputs, inputs]`, side by side.
	fn linear(
		&self,
		paths: &[String],
		inputs: usize,
		outputs: &[usize],
		bias: bool,
	) -> Result<Linear, WeightsError> {
		let total = outputs.iter().sum();
		let mut weights = Vec::with_capacity(inputs * total);
		let mut biases = Vec::new();
		for (path, outputs) in paths.iter().zip(outputs) {
			weights.extend(self.checkpoint.tensor(&format!("{path}.weight"), &[*outputs, inputs])?.values);
			if bias {
				biases.extend(self.checkpoint.tensor(&format!("{path}.bias"), &[*outputs])?.values);
			}
		}
		let weight = self.oriented(&weights, total, inputs);
		let bias = bias.then(|| Tensor::from_data(TensorData::new(biases, [1, total]), self.device));
		Ok(Linear { weight, bias })
	}

	fn layer(&self, layer: usize) -> Result<Layer, WeightsError> {
		let hidden = self.config.hidden_size;
		let norm =
			|name: &str| self.tensor(&format!("model.layers.{layer}.{name}.weight"), &[hidden], [1, hidden]);
		let site = |site: Site| {
			let projections = site.projections();
			let paths: Vec<String> = projections.iter().map(|projection| projection.path(layer)).collect();
			let widths: Vec<_> =
				projections.iter().map(|projection| projection.widths(self.config)).collect();
			let outputs: Vec<usize> = widths.iter().map(|(_, outputs)| *outputs).collect();
			let inputs = widths.first().map_or(0, |(inputs, _)| *inputs);
			self.linear(&paths, inputs, &outputs, site == Site::Qkv && self.config.qkv_bias())
		};
		Ok(Layer {
			attention_norm: norm("input_layernorm")?,
			mlp_norm: norm("post_attention_layernorm")?,
			sites: [site(Site::Qkv)?, site(Site::O)?, site(Site::GateUp)?, site(Site::Down)?],
		})
	}
}
