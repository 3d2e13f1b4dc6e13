//! A PEFT folder read and checked against the base model, in host memory.

use std::path::Path;

use super::config::AdapterConfig;
use crate::{
	config::{ModelConfig, MAX_JSON_BYTES},
	error::{AdapterError, WeightsError},
	loading::{self, transpose, Checkpoint},
	projection::Projection,
};

const CONFIG_FILE: &str = "adapter_config.json";
const WEIGHTS_FILE: &str = "adapter_model.safetensors";
/// Bytes that the file may have beside its values: the header with the names.
const HEADER_ROOM: u64 = 1 << 20;

/// The low-rank factors of one projection. The product `aᵀ · b` is added to the weight `[inputs, outputs]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HostFactors {
	pub(crate) rank: usize,
	/// `[rank, inputs]`, row-major.
	pub(crate) a: Vec<f32>,
	/// `[rank, outputs]`, row-major, multiplied by the adapter's own scaling.
	pub(crate) b: Vec<f32>,
}

/// An adapter that fits the base model in every tensor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HostAdapter {
	/// Per layer and [`Projection`].
	pub(crate) layers: Vec<[Option<HostFactors>; 7]>,
	/// Size in memory; numbers are in 4 bytes.
	pub(crate) bytes: u64,
}

impl HostAdapter {
	/// Pages of `page_bytes` bytes that it takes with its numbers in `width` bytes; at least one.
	pub(crate) fn pages(&self, width: u64, page_bytes: u64) -> usize {
		let bytes = (self.bytes / 4).saturating_mul(width);
		usize::try_from(bytes.div_ceil(page_bytes.max(1)).max(1)).unwrap_or(usize::MAX)
	}
}

/// Reads a folder whose values take at most `budget` bytes, on disk and in memory.
pub(crate) fn read(dir: &Path, model: &ModelConfig, budget: u64) -> Result<HostAdapter, AdapterError> {
	let weights = dir.join(WEIGHTS_FILE);
	if weights.symlink_metadata().is_err() {
		return Err(loading::missing_weights(dir, WEIGHTS_FILE).into());
	}
	for name in [CONFIG_FILE, WEIGHTS_FILE] {
		if dir.join(name).symlink_metadata().is_ok_and(|file| file.is_symlink()) {
			return Err(WeightsError::OutsideFolder { name: name.into() }.into());
		}
	}
	let config = AdapterConfig::parse(&loading::read_bounded(&dir.join(CONFIG_FILE), MAX_JSON_BYTES)?)?;
	refuse_other_modules(&config, model)?;
	let checkpoint = Checkpoint::open_file(&weights, budget.saturating_add(HEADER_ROOM))?;
	let bytes = checkpoint.parameters().saturating_mul(4);
	if bytes > budget {
		return Err(AdapterError::OverBudget { bytes, budget });
	}

	let mut layers = Vec::with_capacity(model.layers);
	let mut known = std::collections::BTreeSet::new();
	for layer in 0..model.layers {
		let mut factors: [Option<HostFactors>; 7] = Default::default();
		for (projection, slot) in Projection::ALL.into_iter().zip(&mut factors) {
			let path = projection.path(layer);
			if projection.is_in(layer, model) && config.targets(&path, true) {
				let [a, b] = ["A", "B"].map(|side| format!("base_model.model.{path}.lora_{side}.weight"));
				*slot = Some(read_factors(&checkpoint, &config, &path, (&a, &b), projection.widths(model))?);
				known.extend([a, b]);
			}
		}
		layers.push(factors);
	}
	checkpoint.refuse_unknown(|name| known.contains(name))?;
	if known.is_empty() {
		return Err(AdapterError::Config("target_modules matches no projection of the base model".into()));
	}
	Ok(HostAdapter { layers, bytes })
}

fn read_factors(
	checkpoint: &Checkpoint,
	config: &AdapterConfig,
	path: &str,
	(a, b): (&str, &str),
	(inputs, outputs): (usize, usize),
) -> Result<HostFactors, AdapterError> {
	let rank = config.rank(path);
	let scaling = config.scaling(path) as f32;
	let a = checkpoint.tensor(a, &[rank, inputs])?;
	let mut scaled = checkpoint.tensor(b, &[outputs, rank])?;
	scaled.values.iter_mut().for_each(|value| *value *= scaling);
	if let Some(index) = scaled.values.iter().position(|value| !value.is_finite()) {
		return Err(WeightsError::NotFinite { name: format!("{b} times its scaling"), index }.into());
	}
	Ok(HostFactors { rank, a: a.values, b: transpose(&scaled.values, rank) })
}

/// The embedding, the output projection, routers and experts have no per-row path, so adapters on them are refused.
fn refuse_other_modules(config: &AdapterConfig, model: &ModelConfig) -> Result<(), AdapterError> {
	let outer = ["model.embed_tokens", "lm_head"].map(|module| (module.to_owned(), false));
	let sparse = (0..model.layers).filter_map(|layer| Some((layer, model.experts_in(layer)?)));
	let inner = sparse.flat_map(|(layer, experts)| {
		let paths = (0..experts.count).flat_map(move |expert| experts.paths(layer, expert));
		paths.map(|(_, path)| path).chain([experts.router_path(layer)]).map(|module| (module, true))
	});
	match outer.into_iter().chain(inner).find(|(module, linear)| config.targets(module, *linear)) {
		Some((value, _)) => Err(AdapterError::Unsupported { option: "target_modules".into(), value }),
		None => Ok(()),
	}
}
