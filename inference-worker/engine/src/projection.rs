//! The seven linear projections of a decoder layer: names and widths.

use crate::config::ModelConfig;

/// A linear projection of a decoder layer. LoRA adapters may target any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Projection {
	/// Query.
	Q,
	/// Key.
	K,
	/// Value.
	V,
	/// Attention output.
	O,
	/// MLP gate.
	Gate,
	/// MLP up.
	Up,
	/// MLP down.
	Down,
}

impl Projection {
	/// All, in the order of the computation.
	pub const ALL: [Self; 7] = [Self::Q, Self::K, Self::V, Self::O, Self::Gate, Self::Up, Self::Down];

	/// Hugging Face path of the module, without `.weight`.
	pub fn path(self, layer: usize) -> String {
		let name = match self {
			Self::Q => "self_attn.q_proj",
			Self::K => "self_attn.k_proj",
			Self::V => "self_attn.v_proj",
			Self::O => "self_attn.o_proj",
			Self::Gate => "mlp.gate_proj",
			Self::Up => "mlp.up_proj",
			Self::Down => "mlp.down_proj",
		};
		format!("model.layers.{layer}.{name}")
	}

	/// Number of inputs and outputs.
	pub fn widths(self, config: &ModelConfig) -> (usize, usize) {
		let hidden = config.hidden_size;
		match self {
			Self::Q => (hidden, config.q_width()),
			Self::K | Self::V => (hidden, config.kv_width()),
			Self::O => (config.q_width(), hidden),
			Self::Gate | Self::Up => (hidden, config.intermediate_size),
			Self::Down => (config.intermediate_size, hidden),
		}
	}

	/// Whether the layer has it: layers with experts have no MLP.
	pub(crate) fn is_in(self, layer: usize, config: &ModelConfig) -> bool {
		let is_mlp = matches!(self, Self::Gate | Self::Up | Self::Down);
		!(is_mlp && config.experts_in(layer).is_some())
	}

	pub(crate) fn index(self) -> usize {
		self as usize
	}
}

/// Projections that read the same input and are computed in one multiplication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Site {
	Qkv,
	O,
	GateUp,
	Down,
}

impl Site {
	pub(crate) const ALL: [Self; 4] = [Self::Qkv, Self::O, Self::GateUp, Self::Down];

	pub(crate) fn projections(self) -> &'static [Projection] {
		match self {
			Self::Qkv => &[Projection::Q, Projection::K, Projection::V],
			Self::O => &[Projection::O],
			Self::GateUp => &[Projection::Gate, Projection::Up],
			Self::Down => &[Projection::Down],
		}
	}

	/// Number of inputs, and of outputs of all projections together.
	pub(crate) fn widths(self, config: &ModelConfig) -> (usize, usize) {
		let widths = self.projections().iter().map(|projection| projection.widths(config));
		widths.fold((0, 0), |(_, total), (inputs, outputs)| (inputs, total + outputs))
	}

	pub(crate) fn index(self) -> usize {
		self as usize
	}
}
