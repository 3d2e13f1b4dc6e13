//! Sliding windows: layers whose tokens see only the last few.

use serde_json::Value;

use super::{flag, size, Architecture};
use crate::error::ModelError;

/// Longest window, tokens.
const MAX_WINDOW: usize = 1 << 20;
/// Window of a Mistral model that names none.
const MISTRAL_WINDOW: usize = 4096;

/// The tokens that a layer sees, the newest included, for all layers; none where it sees all.
pub(super) fn windows(
	json: &Value,
	architecture: Architecture,
	layers: usize,
) -> Result<Vec<Option<usize>>, ModelError> {
	if architecture == Architecture::Llama {
		return Ok(vec![None; layers]);
	}
	let window = match json.get("sliding_window") {
		None if architecture == Architecture::Mistral => Some(MISTRAL_WINDOW),
		None | Some(Value::Null) => None,
		Some(_) => Some(size(json, "sliding_window", MAX_WINDOW)?),
	};
	let enabled = flag(json, "use_sliding_window")?;
	match architecture {
		Architecture::Qwen2 | Architecture::Qwen3 => qwen(json, window.filter(|_| enabled), layers),
		Architecture::Qwen3Moe => Ok(vec![window.filter(|_| enabled); layers]),
		_ => Ok(vec![window; layers]),
	}
}

/// Qwen2 and Qwen3 name the kind of each layer, or the first layer with a window.
fn qwen(json: &Value, window: Option<usize>, layers: usize) -> Result<Vec<Option<usize>>, ModelError> {
	let Some(kinds) = json.get("layer_types").filter(|kinds| !kinds.is_null()) else {
		let Some(window) = window else { return Ok(vec![None; layers]) };
		let first = json.get("max_window_layers").and_then(Value::as_u64).ok_or_else(|| {
			ModelError::Config("use_sliding_window needs max_window_layers, a whole number".into())
		})?;
		return Ok((0..layers).map(|layer| (layer as u64 >= first).then_some(window)).collect());
	};
	let kinds = kinds.as_array().filter(|kinds| kinds.len() == layers).ok_or_else(|| {
		ModelError::Config(format!("layer_types must name the kind of each of the {layers} layers"))
	})?;
	let window_of = |kind: &Value| match kind.as_str() {
		Some("full_attention") => Ok(None),
		Some("sliding_attention") => window.map(Some).ok_or_else(|| {
			ModelError::Config(
				"layer_types has sliding_attention without use_sliding_window and sliding_window".into(),
			)
		}),
		_ => Err(ModelError::Unsupported { option: "layer_types".into(), value: kind.to_string() }),
	};
	kinds.iter().map(window_of).collect()
}
