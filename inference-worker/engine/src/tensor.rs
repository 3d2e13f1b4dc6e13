//! A Llama or Qwen2 decoder on Burn's tensors, computed in f32, on any device of Burn's: every step is a few large operations
//! over `[tokens, hidden]`. What tensors lack is in [`crate::ops`]: plain operations on the CPU, which the kernels of
//! other executors are compared with, and kernels of our own on GPUs.

use std::path::Path;

use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};

use crate::{
	checkpoint::ModelWeights,
	config::ModelConfig,
	error::{EngineError, ModelError},
	executor::{Chunk, Executor},
	lora::reader::HostAdapter,
	ops::Ops,
	projection::Site,
};

/// A weight and a bias `[1, outputs]`.
struct Linear<W> {
	weight: W,
	bias: Option<Tensor<2>>,
}

struct Layer<W> {
	attention_norm: Tensor<2>,
	mlp_norm: Tensor<2>,
	/// Per [`Site`]; the projections of a site lie side by side.
	sites: [Linear<W>; 4],
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
					let (values, bias) = weights.site(layer, site)?;
					let (inputs, outputs) = site.widths(config);
					let weight = ops.weight(&values, outputs, inputs)?;
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
		Ok(Self {
			output: Linear { weight: ops.weight(&weights.output()?, vocab, hidden)?, bias: None },
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

	/// Logits of hidden states: `[tokens, vocab]`.
	fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
		self.linear(&self.output, self.norm(hidden, &self.norm))
	}

	/// A site's product with its adapters' updates.
	fn project(&self, step: &O::Step, index: usize, site: Site, input: Tensor<2>) -> Tensor<2> {
		let output = self.linear(&self.layers[index].sites[site.index()], input.clone());
		self.ops.add_updates(step, index, site, &input, output)
	}

	fn layer(&mut self, index: usize, hidden: Tensor<2>, step: &O::Step) -> Tensor<2> {
		let normed = self.norm(hidden.clone(), &self.layers[index].attention_norm);
		let qkv = self.project(step, index, Site::Qkv, normed);
		let queries = self.ops.store(step, index, qkv);
		let attended = self.ops.attend(step, index, queries, None);
		let hidden = hidden + self.project(step, index, Site::O, attended);

		let normed = self.norm(hidden.clone(), &self.layers[index].mlp_norm);
		let gate_up = self.project(step, index, Site::GateUp, normed);
		hidden + self.project(step, index, Site::Down, self.ops.gated(gate_up))
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

	fn upload(&mut self, adapter: HostAdapter, pages: &[u32]) -> O::Adapter {
		self.ops.upload(adapter, pages)
	}

	fn step(&mut self, chunks: &[Chunk<'_, O::Adapter>]) -> Result<Vec<f32>, EngineError> {
		let step = self.ops.begin(chunks);
		let tokens = chunks.iter().flat_map(|chunk| chunk.tokens).map(|token| *token as i32).collect();
		let mut hidden = self.embedding.clone().select(0, self.ints(tokens)).cast(FloatDType::F32);
		for index in 0..self.layers.len() {
			hidden = self.layer(index, hidden, &step);
		}
		let (mut wanted, mut end) = (Vec::new(), 0);
		for chunk in chunks {
			end += chunk.tokens.len();
			wanted.extend((end - chunk.logits..end).map(|row| row as i32));
		}
		if wanted.is_empty() {
			return Ok(Vec::new());
		}
		let logits = self.logits(hidden.select(0, self.ints(wanted)));
		let data = logits.try_into_data().map_err(|error| EngineError::Inference(error.to_string()))?;
		data.try_into_vec::<f32>().map_err(|error| EngineError::Inference(format!("{error:?}")))
	}

	fn recover(&mut self) {
		self.ops.recover();
	}

	fn vocabulary(&self) -> usize {
		self.config.vocab_size
	}
}
