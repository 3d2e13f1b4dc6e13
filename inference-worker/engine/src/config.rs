//! `config.json` of a Hugging Face model folder: the shape of a decoder model.

mod experts;
mod windows;

use std::path::Path;

use serde_json::{json, Value};

pub use self::experts::{ExpertNames, Experts};

use crate::{
	cpu::{Precision, BLOCK},
	error::{EngineError, ModelError},
	loading,
};

/// Largest JSON file read, bytes.
pub const MAX_JSON_BYTES: u64 = 4 << 20;

/// Families of models that the engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
	/// `LlamaForCausalLM`: no bias in the projections.
	Llama,
	/// `Qwen2ForCausalLM`: bias in the query, key and value projections.
	Qwen2,
	/// `Qwen3ForCausalLM`: a norm of each query and key head.
	Qwen3,
	/// `MistralForCausalLM`: a sliding window.
	Mistral,
	/// `MixtralForCausalLM`: Mistral with experts.
	Mixtral,
	/// `Qwen3MoeForCausalLM`: Qwen3 with experts.
	Qwen3Moe,
}

impl Architecture {
	/// All, with their names in `architectures` and `model_type`.
	const NAMES: [(Self, &str, &str); 6] = [
		(Self::Llama, "LlamaForCausalLM", "llama"),
		(Self::Qwen2, "Qwen2ForCausalLM", "qwen2"),
		(Self::Qwen3, "Qwen3ForCausalLM", "qwen3"),
		(Self::Mistral, "MistralForCausalLM", "mistral"),
		(Self::Mixtral, "MixtralForCausalLM", "mixtral"),
		(Self::Qwen3Moe, "Qwen3MoeForCausalLM", "qwen3_moe"),
	];
}

/// Frequency scaling of Llama 3.1 and later (`rope_type = "llama3"`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Llama3Scaling {
	/// Division of the lowest frequencies.
	pub factor: f64,
	/// Below `original_context / low_freq_factor` wavelengths nothing is left unscaled.
	pub low_freq_factor: f64,
	/// Above `original_context / high_freq_factor` wavelengths nothing is scaled.
	pub high_freq_factor: f64,
	/// Context of the model before the extension, tokens.
	pub original_context: usize,
}

/// Shape of a decoder model. All sizes are at least 1 and bounded.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
	/// Family.
	pub architecture: Architecture,
	/// Rows of the embedding.
	pub vocab_size: usize,
	/// Width of the residual stream.
	pub hidden_size: usize,
	/// Width of the MLP, in layers without experts.
	pub intermediate_size: usize,
	/// Number of decoder layers.
	pub layers: usize,
	/// Query heads.
	pub heads: usize,
	/// Key and value heads; divides `heads` (grouped-query attention).
	pub kv_heads: usize,
	/// Width of a head; even.
	pub head_dim: usize,
	/// Whether the query, key and value projections have a bias.
	pub qkv_bias: bool,
	/// Whether each query and key head goes through an RMSNorm before the rotation.
	pub qk_norm: bool,
	/// Tokens that each layer sees, the newest included; none where it sees all.
	pub windows: Vec<Option<usize>>,
	/// Experts, in the layers that have them.
	pub experts: Option<Experts>,
	/// Added to the mean square in RMSNorm.
	pub norm_eps: f64,
	/// Base of the rotary frequencies.
	pub rope_theta: f64,
	/// Frequency scaling, if any.
	pub rope_scaling: Option<Llama3Scaling>,
	/// Longest context, tokens.
	pub context: usize,
	/// The output projection is the embedding.
	pub tie_embeddings: bool,
	/// How the folder holds the large weights, if not in floats.
	pub quantization: Option<Precision>,
	/// Tokens that end an answer; from config.json and generation_config.json.
	pub eos_ids: Vec<u32>,
}

impl ModelConfig {
	/// Reads `config.json` and, where present, `generation_config.json` of a model folder.
	pub fn open(dir: &Path) -> Result<Self, ModelError> {
		let mut config = Self::from_json(&loading::read_json(dir, "config.json", MAX_JSON_BYTES)?)?;
		if dir.join("generation_config.json").exists() {
			let generation = loading::read_json(dir, "generation_config.json", MAX_JSON_BYTES)?;
			for id in eos_ids(&generation)? {
				if !config.eos_ids.contains(&id) {
					config.eos_ids.push(id);
				}
			}
		}
		Ok(config)
	}

	/// Reads the parsed `config.json`. Options that would change the result and are not implemented are refused.
	pub fn from_json(json: &Value) -> Result<Self, ModelError> {
		let architecture = architecture(json)?;
		refuse_unsupported(json, architecture)?;
		let heads = size(json, "num_attention_heads", 1024)?;
		let hidden_size = size(json, "hidden_size", 1 << 16)?;
		let layers = size(json, "num_hidden_layers", 512)?;
		let head_dim = match json.get("head_dim") {
			// Qwen3 has a width of its own where nothing is said.
			None | Some(Value::Null) if architecture != Architecture::Qwen3 => hidden_size / heads,
			_ => size(json, "head_dim", 1024)?,
		};
		let kv_heads = match json.get("num_key_value_heads") {
			None | Some(Value::Null) => heads,
			Some(_) => size(json, "num_key_value_heads", 1024)?,
		};
		if !heads.is_multiple_of(kv_heads) {
			return Err(ModelError::Config(format!(
				"num_attention_heads {heads} is no multiple of num_key_value_heads {kv_heads}"
			)));
		}
		if head_dim == 0 || !head_dim.is_multiple_of(2) {
			return Err(ModelError::Config(format!("head_dim {head_dim} is not a positive even number")));
		}
		// What `transformers` takes where nothing is said.
		let (theta, epsilon) = match architecture {
			Architecture::Mixtral => (1_000_000.0, 1e-5),
			_ => (10_000.0, 1e-6),
		};
		let (rope_theta, rope_scaling) = rope(json, theta)?;
		Ok(Self {
			architecture,
			vocab_size: size(json, "vocab_size", 1 << 20)?,
			hidden_size,
			intermediate_size: size(json, "intermediate_size", 1 << 18)?,
			layers,
			heads,
			kv_heads,
			head_dim,
			qkv_bias: architecture == Architecture::Qwen2,
			qk_norm: matches!(architecture, Architecture::Qwen3 | Architecture::Qwen3Moe),
			windows: windows::windows(json, architecture, layers)?,
			experts: Experts::from_json(json, architecture, layers)?,
			norm_eps: positive(json, "rms_norm_eps")?.unwrap_or(epsilon),
			rope_theta,
			rope_scaling,
			context: size(json, "max_position_embeddings", 1 << 20)?,
			tie_embeddings: json.get("tie_word_embeddings").and_then(Value::as_bool).unwrap_or(false),
			quantization: quantization(json)?,
			eos_ids: eos_ids(json)?,
		})
	}

	/// In what the weights are kept when `asked` is configured: quantized ones stay as they are in the folder.
	pub(crate) fn precision(&self, asked: Precision) -> Result<Precision, EngineError> {
		match self.quantization {
			Some(stored) if asked != Precision::Full && asked != stored => Err(EngineError::Config(format!(
				"the weights of the model folder are in {stored}, precision asks for {asked}: choose {stored} or full"
			))),
			stored => Ok(stored.unwrap_or(asked)),
		}
	}

	/// Tokens that a layer sees, the newest included; none if it sees all.
	pub fn window(&self, layer: usize) -> Option<usize> {
		self.windows.get(layer).copied().flatten()
	}

	/// The experts of a layer; none if it has an MLP.
	pub fn experts_in(&self, layer: usize) -> Option<&Experts> {
		self.experts.as_ref().filter(|experts| experts.layers.get(layer) == Some(&true))
	}

	/// Numbers of all routers, which are kept in full precision.
	pub(crate) fn router_parameters(&self) -> u64 {
		let layers = (0..self.layers).filter_map(|layer| self.experts_in(layer));
		layers.map(|experts| (experts.count * self.hidden_size) as u64).sum()
	}

	/// Width of all query heads together.
	pub fn q_width(&self) -> usize {
		self.heads * self.head_dim
	}

	/// Width of all key heads together (and of all value heads).
	pub fn kv_width(&self) -> usize {
		self.kv_heads * self.head_dim
	}
}

fn architecture(json: &Value) -> Result<Architecture, ModelError> {
	let named = json.get("architectures").and_then(|list| list.get(0)).and_then(Value::as_str);
	let kind = json.get("model_type").and_then(Value::as_str);
	let known = Architecture::NAMES.into_iter().find(|(_, class, model)| match (named, kind) {
		(Some(named), kind) => named == *class && kind.is_none_or(|kind| kind == *model),
		(None, kind) => kind == Some(*model),
	});
	known
		.map(|(architecture, ..)| architecture)
		.ok_or_else(|| ModelError::Architecture(named.or(kind).unwrap_or("(none named)").to_owned()))
}

fn refuse_unsupported(json: &Value, architecture: Architecture) -> Result<(), ModelError> {
	let refuse = |option: &str, value: &Value| {
		Err(ModelError::Unsupported { option: option.to_owned(), value: value.to_string() })
	};
	let is_qwen = matches!(architecture, Architecture::Qwen2 | Architecture::Qwen3 | Architecture::Qwen3Moe);
	// Qwen2 always has its bias; that of the others also covers the output projection.
	for (option, is_known) in [
		("mlp_bias", false),
		("use_sliding_window", is_qwen),
		("attention_bias", architecture == Architecture::Qwen2),
	] {
		if let (false, Some(value @ Value::Bool(true))) = (is_known, json.get(option)) {
			return refuse(option, value);
		}
	}
	match json.get("hidden_act") {
		None | Some(Value::Null) => {}
		Some(Value::String(act)) if act == "silu" || act == "swish" => {}
		Some(other) => return refuse("hidden_act", other),
	}
	let reads_types = matches!(architecture, Architecture::Qwen2 | Architecture::Qwen3);
	if let (false, Some(types)) = (reads_types, json.get("layer_types").and_then(Value::as_array)) {
		if let Some(other) = types.iter().find(|kind| kind.as_str() != Some("full_attention")) {
			return refuse("layer_types", other);
		}
	}
	Ok(())
}

/// What `quantize` writes.
pub(crate) fn quantization_json(precision: Precision) -> Value {
	let bits = if precision == Precision::Int4 { 4 } else { 8 };
	json!({ "quant_method": "tributary", "bits": bits, "group_size": BLOCK })
}

fn quantization(json: &Value) -> Result<Option<Precision>, ModelError> {
	let stored = match json.get("quantization_config") {
		None | Some(Value::Null) => return Ok(None),
		Some(stored) => stored,
	};
	let known =
		[Precision::Int8, Precision::Int4].into_iter().find(|known| quantization_json(*known) == *stored);
	known.map(Some).ok_or_else(|| ModelError::Unsupported {
		option: "quantization_config".into(),
		value: stored.to_string(),
	})
}

/// Rotary base and scaling, in the old form (`rope_theta`, `rope_scaling`) or the new one (`rope_parameters`).
fn rope(json: &Value, default_theta: f64) -> Result<(f64, Option<Llama3Scaling>), ModelError> {
	let section = [json.get("rope_parameters"), json.get("rope_scaling")]
		.into_iter()
		.flatten()
		.find(|section| section.is_object());
	let theta = match section.map(|section| positive(section, "rope_theta")).transpose()?.flatten() {
		Some(theta) => theta,
		None => positive(json, "rope_theta")?.unwrap_or(default_theta),
	};
	let Some(section) = section else { return Ok((theta, None)) };
	let kind = section.get("rope_type").or_else(|| section.get("type")).and_then(Value::as_str);
	match kind {
		None | Some("default") => Ok((theta, None)),
		Some("llama3") => {
			let number = |name: &str| {
				positive(section, name)?
					.ok_or_else(|| ModelError::Config(format!("rope scaling lacks {name}")))
			};
			let scaling = Llama3Scaling {
				factor: number("factor")?,
				low_freq_factor: number("low_freq_factor")?,
				high_freq_factor: number("high_freq_factor")?,
				original_context: size(section, "original_max_position_embeddings", 1 << 20)?,
			};
			if scaling.high_freq_factor <= scaling.low_freq_factor {
				return Err(ModelError::Config("high_freq_factor must exceed low_freq_factor".into()));
			}
			Ok((theta, Some(scaling)))
		}
		Some(other) => {
			Err(ModelError::Unsupported { option: "rope_scaling.rope_type".into(), value: other.to_owned() })
		}
	}
}

fn eos_ids(json: &Value) -> Result<Vec<u32>, ModelError> {
	let id = |value: &Value| {
		value
			.as_u64()
			.and_then(|id| u32::try_from(id).ok())
			.ok_or_else(|| ModelError::Config(format!("eos_token_id {value} is no token id")))
	};
	match json.get("eos_token_id") {
		None | Some(Value::Null) => Ok(Vec::new()),
		Some(Value::Array(list)) => list.iter().take(64).map(id).collect(),
		Some(one) => Ok(vec![id(one)?]),
	}
}

fn size(json: &Value, name: &str, limit: usize) -> Result<usize, ModelError> {
	json.get(name)
		.and_then(Value::as_u64)
		.and_then(|size| usize::try_from(size).ok())
		.filter(|size| (1..=limit).contains(size))
		.ok_or_else(|| ModelError::Config(format!("{name} must be a whole number from 1 to {limit}")))
}

/// An option that is off unless it is said to be on.
fn flag(json: &Value, name: &str) -> Result<bool, ModelError> {
	match json.get(name) {
		None | Some(Value::Null) => Ok(false),
		Some(value) => value
			.as_bool()
			.ok_or_else(|| ModelError::Config(format!("{name} = {value} must be true or false"))),
	}
}

fn positive(json: &Value, name: &str) -> Result<Option<f64>, ModelError> {
	match json.get(name) {
		None | Some(Value::Null) => Ok(None),
		Some(value) => match value.as_f64().filter(|number| number.is_finite() && *number > 0.0) {
			Some(number) => Ok(Some(number)),
			None => Err(ModelError::Config(format!("{name} = {value} must be a positive number"))),
		},
	}
}
