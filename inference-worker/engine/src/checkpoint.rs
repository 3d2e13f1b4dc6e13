//! The weights of a decoder in a Hugging Face folder, by their place in the model.

use std::path::Path;

use safetensors::Dtype;

use crate::{
	config::{Experts, ModelConfig},
	cpu::{Precision, BLOCK},
	error::{ModelError, WeightsError},
	loading::Checkpoint,
	projection::{Projection, Site},
	quantized::{Matrix, Quantized},
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

	/// The output projection, `[vocab, hidden]`; the embedding where they are tied and in floats.
	pub(crate) fn output(&self) -> Result<Matrix, WeightsError> {
		match self.config.tie_embeddings && self.config.quantization.is_none() {
			true => Ok(Matrix::Full(self.embedding()?)),
			false => self.matrix("lm_head", [self.config.vocab_size, self.config.hidden_size]),
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
	) -> Result<(Matrix, Matrix), WeightsError> {
		let (hidden, width) = (self.config.hidden_size, experts.width);
		let [mut gate, up, down] = experts.paths(layer, expert).map(|(projection, path)| {
			let is_down = projection == Projection::Down;
			self.matrix(&path, if is_down { [hidden, width] } else { [width, hidden] })
		});
		if let Ok(gate) = &mut gate {
			gate.extend(up?);
		}
		Ok((gate?, down?))
	}

	/// The projections of a site one below the other, `[outputs, inputs]`, and their biases if they have any.
	pub(crate) fn site(&self, layer: usize, site: Site) -> Result<(Matrix, Option<Vec<f32>>), WeightsError> {
		let (mut weights, mut biases): (Option<Matrix>, _) = (None, Vec::new());
		let has_bias = site == Site::Qkv && self.config.qkv_bias;
		for projection in site.projections() {
			let (path, (inputs, outputs)) = (projection.path(layer), projection.widths(self.config));
			let below = self.matrix(&path, [outputs, inputs])?;
			match &mut weights {
				Some(weights) => weights.extend(below),
				None => weights = Some(below),
			}
			if has_bias {
				biases.extend(self.values(&format!("{path}.bias"), &[outputs])?);
			}
		}
		Ok((weights.unwrap_or(Matrix::Full(Vec::new())), has_bias.then_some(biases)))
	}

	/// A weight in the form that the folder has it.
	pub(crate) fn matrix(&self, path: &str, [outputs, inputs]: [usize; 2]) -> Result<Matrix, WeightsError> {
		let name = format!("{path}.weight");
		let Some(precision) = self.config.quantization else {
			return Ok(Matrix::Full(self.values(&name, &[outputs, inputs])?));
		};
		let dtype = if precision == Precision::Int4 { Dtype::U8 } else { Dtype::I8 };
		let values =
			self.checkpoint.raw(&name, &[outputs, Quantized::row_bytes(inputs, precision)], dtype)?;
		let scales = format!("{name}_scale");
		let scales = self.checkpoint.raw(&scales, &[outputs, inputs.div_ceil(BLOCK)], Dtype::F16)?;
		let quantized = Quantized::from_bytes(&values, &scales, precision).ok_or_else(|| {
			let reason = format!("{name} holds numbers that quantizing never writes");
			WeightsError::Malformed { file: name.clone(), reason }
		})?;
		Ok(Matrix::Quantized(quantized))
	}

	/// A tensor in floats by its name.
	pub(crate) fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
		Ok(self.checkpoint.tensor(name, shape)?.values)
	}
}

/// Whether a tensor belongs to a model of this configuration.
fn is_known(name: &str, config: &ModelConfig) -> bool {
	if let (Some(_), Some(weight)) = (config.quantization, name.strip_suffix("_scale")) {
		return is_matrix(weight, config);
	}
	if matches!(name, "model.embed_tokens.weight" | "model.norm.weight") || is_matrix(name, config) {
		return true;
	}
	let Some((layer, rest)) = in_layer(name, config) else { return false };
	let is_norm = matches!(rest, "input_layernorm.weight" | "post_attention_layernorm.weight");
	// Some exporters store the rotary frequencies, which follow from the configuration.
	let is_rope = rest == "self_attn.rotary_emb.inv_freq";
	let is_head_norm =
		config.qk_norm && matches!(rest, "self_attn.q_norm.weight" | "self_attn.k_norm.weight");
	let is_router = config.experts_in(layer).is_some_and(|experts| experts.is_router(rest));
	let mut biased = Site::Qkv.projections().iter().filter(|_| config.qkv_bias);
	let is_bias = biased.any(|projection| name.strip_suffix(".bias") == Some(&projection.path(layer)));
	is_norm || is_rope || is_head_norm || is_router || is_bias
}

/// Whether a tensor is one of the large weights, which can be quantized.
pub(crate) fn is_matrix(name: &str, config: &ModelConfig) -> bool {
	if name == "lm_head.weight" {
		return true;
	}
	let Some((layer, rest)) = in_layer(name, config) else { return false };
	let mut projections = Projection::ALL.into_iter().filter(|projection| projection.is_in(layer, config));
	projections.any(|projection| name.strip_suffix(".weight") == Some(&projection.path(layer)))
		|| config.experts_in(layer).is_some_and(|experts| experts.is_projection(rest))
}

/// The layer of a tensor, and its name there.
fn in_layer<'a>(name: &'a str, config: &ModelConfig) -> Option<(usize, &'a str)> {
	let (layer, rest) = name.strip_prefix("model.layers.")?.split_once('.')?;
	let layer = layer.parse().ok().filter(|layer| *layer < config.layers)?;
	Some((layer, rest))
}
