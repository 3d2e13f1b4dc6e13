//! `config.json`: the shape of a Llama or Qwen2 model.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use tributary_engine::config::ModelConfig;

use crate::error::FactoryError;

/// Shape of a decoder model, with the field names of `config.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelShape {
	/// Rows of the embedding.
	pub vocab_size: usize,
	/// Width of the residual stream.
	pub hidden_size: usize,
	/// Width of the MLP.
	pub intermediate_size: usize,
	/// Decoder layers.
	pub num_hidden_layers: usize,
	/// Query heads.
	pub num_attention_heads: usize,
	/// Key and value heads; divides `num_attention_heads` (grouped-query attention).
	pub num_key_value_heads: usize,
	/// Longest context, tokens.
	pub max_position_embeddings: usize,
	/// Added to the mean square in RMSNorm.
	#[serde(default = "default_eps")]
	pub rms_norm_eps: f64,
	/// Base of the rotary frequencies.
	#[serde(default = "default_theta")]
	pub rope_theta: f64,
	/// The output projection is the embedding.
	#[serde(default)]
	pub tie_word_embeddings: bool,
	/// Query, key and value projections have a bias (Qwen2).
	#[serde(default)]
	pub attention_bias: bool,
}

fn default_eps() -> f64 {
	1e-6
}

fn default_theta() -> f64 {
	10_000.0
}

impl ModelShape {
	/// Reads `config.json` of a model folder as the engine does; refuses what only the engine implements.
	pub fn open(dir: &Path) -> Result<Self, FactoryError> {
		let path = dir.join("config.json");
		let config = ModelConfig::open(dir).map_err(|error| FactoryError::model(&path, error))?;
		let hides = |window: &usize| *window < config.context;
		for (option, is_on) in [
			("rope_scaling", config.rope_scaling.is_some()),
			("norms of query and key heads", config.qk_norm),
			("experts", config.experts.is_some()),
			("sliding_window", config.windows.iter().flatten().any(hides)),
		] {
			if is_on {
				return Err(FactoryError::model(&path, format!("training does not implement {option}")));
			}
		}
		if config.head_dim * config.heads != config.hidden_size {
			return Err(FactoryError::model(
				&path,
				"training needs head_dim = hidden_size / num_attention_heads",
			));
		}
		let shape = Self {
			vocab_size: config.vocab_size,
			hidden_size: config.hidden_size,
			intermediate_size: config.intermediate_size,
			num_hidden_layers: config.layers,
			num_attention_heads: config.heads,
			num_key_value_heads: config.kv_heads,
			max_position_embeddings: config.context,
			rms_norm_eps: config.norm_eps,
			rope_theta: config.rope_theta,
			tie_word_embeddings: config.tie_embeddings,
			attention_bias: config.qkv_bias,
		};
		shape.check().map_err(|reason| FactoryError::model(&path, reason))?;
		Ok(shape)
	}

	pub(crate) fn check(&self) -> Result<(), String> {
		let sizes = [
			("vocab_size", self.vocab_size, 1 << 20),
			("hidden_size", self.hidden_size, 1 << 16),
			("intermediate_size", self.intermediate_size, 1 << 18),
			("num_hidden_layers", self.num_hidden_layers, 512),
			("num_attention_heads", self.num_attention_heads, 1024),
			("num_key_value_heads", self.num_key_value_heads, 1024),
			("max_position_embeddings", self.max_position_embeddings, 1 << 20),
		];
		if let Some((name, size, limit)) =
			sizes.into_iter().find(|(_, size, limit)| *size == 0 || size > limit)
		{
			return Err(format!("{name} is {size} but must be from 1 to {limit}"));
		}
		if !self.num_attention_heads.is_multiple_of(self.num_key_value_heads) {
			return Err("num_attention_heads must be a multiple of num_key_value_heads".into());
		}
		if !self.hidden_size.is_multiple_of(2 * self.num_attention_heads) {
			return Err("hidden_size must be an even multiple of num_attention_heads".into());
		}
		if !(self.rms_norm_eps > 0.0 && self.rope_theta > 0.0) {
			return Err("rms_norm_eps and rope_theta must be above 0".into());
		}
		Ok(())
	}

	/// Width of one head.
	pub fn head_dim(&self) -> usize {
		self.hidden_size / self.num_attention_heads
	}

	/// Width of all key heads together (and of all value heads).
	pub fn kv_width(&self) -> usize {
		self.num_key_value_heads * self.head_dim()
	}

	/// Sizes `[in, out]` of a projection, by its PEFT name.
	pub(crate) fn projection(&self, name: &str) -> [usize; 2] {
		let (hidden, mlp, kv) = (self.hidden_size, self.intermediate_size, self.kv_width());
		match name {
			"k_proj" | "v_proj" => [hidden, kv],
			"gate_proj" | "up_proj" => [hidden, mlp],
			"down_proj" => [mlp, hidden],
			_ => [hidden, hidden],
		}
	}

	/// `config.json` of a Llama model of this shape, ending at the given tokens.
	pub(crate) fn to_llama_json(&self, bos: u32, eos: &[u32]) -> Value {
		json!({
			"architectures": ["LlamaForCausalLM"],
			"model_type": "llama",
			"vocab_size": self.vocab_size,
			"hidden_size": self.hidden_size,
			"intermediate_size": self.intermediate_size,
			"num_hidden_layers": self.num_hidden_layers,
			"num_attention_heads": self.num_attention_heads,
			"num_key_value_heads": self.num_key_value_heads,
			"head_dim": self.head_dim(),
			"max_position_embeddings": self.max_position_embeddings,
			"rms_norm_eps": self.rms_norm_eps,
			"rope_theta": self.rope_theta,
			"tie_word_embeddings": self.tie_word_embeddings,
			"attention_bias": false,
			"mlp_bias": false,
			"hidden_act": "silu",
			"bos_token_id": bos,
			"eos_token_id": eos,
			"torch_dtype": "float16",
		})
	}
}
