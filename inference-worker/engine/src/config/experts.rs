//! Mixture of experts: layers whose MLP is many small ones, of which each token goes through a few.

use serde_json::Value;

use super::{flag, size, Architecture};
use crate::{error::ModelError, projection::Projection};

/// Most experts of a layer.
const MAX_EXPERTS: usize = 1024;
/// Widest expert.
const MAX_WIDTH: usize = 1 << 18;

/// Sizes and names of the experts. The layers that have them are all alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Experts {
	/// Experts of a layer.
	pub count: usize,
	/// Experts that a token goes through, from 1 to `count`.
	pub used: usize,
	/// Width of an expert's MLP.
	pub width: usize,
	/// Whether the weights of the used experts are divided by their sum.
	pub renormalise: bool,
	/// Whether a layer has experts in place of an MLP, for all layers.
	pub layers: Vec<bool>,
	/// Names of the tensors.
	pub names: ExpertNames,
}

/// How a checkpoint names the parts of a layer with experts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpertNames {
	/// The module that stands in for the MLP.
	pub module: &'static str,
	/// The projections of an expert, with their names.
	pub projections: [(Projection, &'static str); 3],
}

const MIXTRAL: ExpertNames = ExpertNames {
	module: "block_sparse_moe",
	projections: [(Projection::Gate, "w1"), (Projection::Up, "w3"), (Projection::Down, "w2")],
};
const QWEN3_MOE: ExpertNames = ExpertNames {
	module: "mlp",
	projections: [
		(Projection::Gate, "gate_proj"),
		(Projection::Up, "up_proj"),
		(Projection::Down, "down_proj"),
	],
};

impl Experts {
	/// Reads the options of families that have experts.
	pub(super) fn from_json(
		json: &Value,
		architecture: Architecture,
		layers: usize,
	) -> Result<Option<Self>, ModelError> {
		let count = |name| size(json, name, MAX_EXPERTS);
		let experts = match architecture {
			Architecture::Llama | Architecture::Qwen2 | Architecture::Qwen3 | Architecture::Mistral => {
				return Ok(None)
			}
			Architecture::Mixtral => Self {
				count: count("num_local_experts")?,
				used: count("num_experts_per_tok")?,
				width: size(json, "intermediate_size", MAX_WIDTH)?,
				renormalise: true,
				layers: vec![true; layers],
				names: MIXTRAL,
			},
			Architecture::Qwen3Moe => Self {
				// Both names are in use.
				count: match json.get("num_experts") {
					Some(_) => count("num_experts")?,
					None => count("num_local_experts")?,
				},
				used: count("num_experts_per_tok")?,
				width: size(json, "moe_intermediate_size", MAX_WIDTH)?,
				renormalise: flag(json, "norm_topk_prob")?,
				layers: sparse_layers(json, layers)?,
				names: QWEN3_MOE,
			},
		};
		match experts.used > experts.count {
			true => Err(ModelError::Config(format!(
				"num_experts_per_tok {} exceeds the {} experts",
				experts.used, experts.count
			))),
			false => Ok(Some(experts)),
		}
	}

	/// Path of the router, without `.weight`; its weight is `[count, hidden]`.
	pub fn router_path(&self, layer: usize) -> String {
		format!("model.layers.{layer}.{}.gate", self.names.module)
	}

	/// Paths of an expert's gate, up and down projections, without `.weight`.
	pub fn paths(&self, layer: usize, expert: usize) -> [(Projection, String); 3] {
		let module = self.names.module;
		self.names.projections.map(|(projection, name)| {
			(projection, format!("model.layers.{layer}.{module}.experts.{expert}.{name}"))
		})
	}

	/// Whether this is the router's weight, in a name given without the layer.
	pub(crate) fn is_router(&self, name: &str) -> bool {
		name.strip_prefix(self.names.module) == Some(".gate.weight")
	}

	/// Whether this is the weight of an expert's projection, in a name given without the layer.
	pub(crate) fn is_projection(&self, name: &str) -> bool {
		let expert = name.strip_prefix(self.names.module).and_then(|name| name.strip_prefix(".experts."));
		let Some((expert, name)) = expert.and_then(|name| name.split_once('.')) else { return false };
		let in_range = expert.parse().is_ok_and(|expert: usize| expert < self.count);
		in_range && self.names.projections.iter().any(|(_, own)| name.strip_prefix(own) == Some(".weight"))
	}
}

/// Every `decoder_sparse_step`-th layer has experts, but for those of `mlp_only_layers`.
fn sparse_layers(json: &Value, layers: usize) -> Result<Vec<bool>, ModelError> {
	let step = match json.get("decoder_sparse_step") {
		None => 1,
		Some(_) => size(json, "decoder_sparse_step", 1 << 20)?,
	};
	let dense = match json.get("mlp_only_layers") {
		None | Some(Value::Null) => Vec::new(),
		Some(list) => list
			.as_array()
			.and_then(|list| list.iter().map(Value::as_u64).collect::<Option<Vec<_>>>())
			.ok_or_else(|| {
				ModelError::Config(format!("mlp_only_layers = {list} must be a list of layer numbers"))
			})?,
	};
	Ok((0..layers).map(|layer| (layer + 1) % step == 0 && !dense.contains(&(layer as u64))).collect())
}
