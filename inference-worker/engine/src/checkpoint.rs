//! The weights of a decoder in a Hugging Face folder, by their place in the model.

use std::path::Path;

use crate::{
	config::{Experts, ModelConfig},
	error::{ModelError, WeightsError},
	loading::Checkpoint,
	projection::{Projection, Site},
};

/// The open weights of a model. Missing and misshapen tensors are refused when they are read.
pub(crate) struct ModelWeights<'a> {
	checkpoint: Checkpoint,
	config: &'a ModelConfig,
}

impl<'a> ModelWeights<'a> {
	/// Opens the folder and refuses tensors that the model does not have.
	pub(crate) fn open(dir: &Path, config: &'a ModelConfig) -> Result<Self, ModelError> {
		let checkpoint = Checkpoint::open(dir)?;
		checkpoint.refuse_unknown(|name| is_known(name, config))?;
		Ok(Self { checkpoint, config })
	}

	/// `[vocab, hidden]`.
	pub(crate) fn embedding(&self) -> Result<Vec<f32>, WeightsError> {
		self.values("model.embed_tokens.weight", &[self.config.vocab_size, self.config.hidden_size])
	}

	/// The output projection, `[vocab, hidden]`; the embedding where they are tied.
	pub(crate) fn output(&self) -> Result<Vec<f32>, WeightsError> {
		match self.config.tie_embeddings {
			true => self.embedding(),
			false => self.values("lm_head.weight", &[self.config.vocab_size, self.config.hidden_size]),
		}
	}

	/// The norm after the last layer.
	pub(crate) fn final_norm(&self) -> Result<Vec<f32>, WeightsError> {
		self.values("model.norm.weight", &[self.config.hidden_size])
	}

	/// A norm of a layer.
	pub(crate) fn norm(&self, layer: usize, name: &str) -> Result<Vec<f32>, WeightsError> {
		self.values(&format!("model.layers.{layer}.{name}.weight"), &[self.config.hidden_size])
	}

	/// The norms of a layer's query and key heads, in models that have them.
	pub(crate) fn head_norms(&self, layer: usize) -> Result<Option<[Vec<f32>; 2]>, WeightsError> {
		let norm = |name: &str| {
			let name = format!("model.layers.{layer}.self_attn.{name}.weight");
			self.values(&name, &[self.config.head_dim])
		};
		match self.config.qk_norm {
			true => Ok(Some([norm("q_norm")?, norm("k_norm")?])),
			false => Ok(None),
		}
	}

	/// The router of a layer with experts, `[experts, hidden]`.
	pub(crate) fn router(&self, layer: usize, experts: &Experts) -> Result<Vec<f32>, WeightsError> {
		let name = format!("{}.weight", experts.router_path(layer));
		self.values(&name, &[experts.count, self.config.hidden_size])
	}

	/// An expert's gate and up projections one below the other, `[2 · width, hidden]`, and its down projection,
	/// `[hidden, width]`.
	pub(crate) fn expert(
		&self,
		layer: usize,
		experts: &Experts,
		expert: usize,
	) -> Result<(Vec<f32>, Vec<f32>), WeightsError> {
		let (mut gate_up, mut down) = (Vec::new(), Vec::new());
		for (projection, path) in experts.paths(layer, expert) {
			let name = format!("{path}.weight");
			match projection {
				Projection::Down => down = self.values(&name, &[self.config.hidden_size, experts.width])?,
				_ => gate_up.extend(self.values(&name, &[experts.width, self.config.hidden_size])?),
			}
		}
		Ok((gate_up, down))
	}

	/// The projections of a site one below the other, `[outputs, inputs]`, and their biases if they have any.
	pub(crate) fn site(
		&self,
		layer: usize,
		site: Site,
	) -> Result<(Vec<f32>, Option<Vec<f32>>), WeightsError> {
		let (mut values, mut biases) = (Vec::new(), Vec::new());
		let has_bias = site == Site::Qkv && self.config.qkv_bias;
		for projection in site.projections() {
			let (path, (inputs, outputs)) = (projection.path(layer), projection.widths(self.config));
			values.extend(self.values(&format!("{path}.weight"), &[outputs, inputs])?);
			if has_bias {
				biases.extend(self.values(&format!("{path}.bias"), &[outputs])?);
			}
		}
		Ok((values, has_bias.then_some(biases)))
	}

	fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
		Ok(self.checkpoint.tensor(name, shape)?.values)
	}
}

/// Whether a tensor belongs to a model of this configuration.
fn is_known(name: &str, config: &ModelConfig) -> bool {
	if ["model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"].contains(&name) {
		return true;
	}
	let Some((layer, rest)) = name.strip_prefix("model.layers.").and_then(|rest| rest.split_once('.')) else {
		return false;
	};
	let Some(layer) = layer.parse().ok().filter(|layer: &usize| *layer < config.layers) else { return false };
	let is_norm = matches!(rest, "input_layernorm.weight" | "post_attention_layernorm.weight");
	// Some exporters store the rotary frequencies, which follow from the configuration.
	let is_rope = rest == "self_attn.rotary_emb.inv_freq";
	let is_head_norm =
		config.qk_norm && matches!(rest, "self_attn.q_norm.weight" | "self_attn.k_norm.weight");
	let is_expert = config.experts_in(layer).is_some_and(|experts| experts.is_known(rest));
	let mut projections = Projection::ALL.into_iter().filter(|projection| projection.is_in(layer, config));
	let is_projection = projections.any(|projection| {
		let path = projection.path(0);
		let bias = config.qkv_bias && Site::Qkv.projections().contains(&projection);
		path.strip_prefix("model.layers.0.")
			.and_then(|path| rest.strip_prefix(path))
			.is_some_and(|suffix| suffix == ".weight" || (bias && suffix == ".bias"))
	});
	is_norm || is_rope || is_head_norm || is_projection || is_expert
}
