//! The state of a running training in one file: weights, moments, step. Replaced as a whole.

use std::{collections::HashMap, path::Path};

use burn::tensor::{Device, Tensor};
use safetensors::{Dtype, SafeTensors};

use crate::{
	error::FactoryError,
	files,
	optimizer::Optimizer,
	parameters::{host, load_matrix, matrix, write_safetensors},
};

/// Name of the checkpoint in the output folder; removed when the training is done.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// The losses in a checkpoint.
const LOSSES: &str = "losses";

/// What a checkpoint knows besides the trained tensors and their moments.
#[derive(Debug, Clone)]
pub(crate) struct State {
	/// Configuration hash, hexadecimal.
	pub configuration: String,
	/// Steps done.
	pub step: usize,
	/// Held-out loss before the first step.
	pub loss_before: f64,
	/// Seconds trained.
	pub seconds: f64,
	/// Tokens seen.
	pub tokens: u64,
	/// Steps without effect.
	pub skipped: usize,
	/// Losses of the others.
	pub losses: Vec<f32>,
	/// The best weights measured, if any are measured on the way.
	pub best: Option<Best>,
}

/// The best weights measured.
#[derive(Debug, Clone)]
pub(crate) struct Best {
	/// Held-out loss.
	pub loss: f64,
	/// Step they are from.
	pub step: usize,
	/// Measurements since.
	pub since: usize,
	/// In the order of the trained tensors.
	pub weights: Vec<Tensor<2>>,
}

/// Writes the checkpoint.
pub(crate) fn save(
	path: &Path,
	state: &State,
	trained: &[(String, &mut Tensor<2>)],
	optimizer: &Optimizer,
) -> Result<(), FactoryError> {
	let mut tensors = Vec::with_capacity(trained.len() * 3);
	let mut add = |part: &str, name: &str, tensor: &Tensor<2>| -> Result<(), FactoryError> {
		let bytes = host(tensor, path)?.iter().flat_map(|value| value.to_le_bytes()).collect();
		tensors.push((format!("{part}.{name}"), Dtype::F32, tensor.dims().to_vec(), bytes));
		Ok::<(), FactoryError>(())
	};
	for (index, ((name, weight), moments)) in trained.iter().zip(&optimizer.moments).enumerate() {
		add("weight", name, weight)?;
		add("first", name, &moments.first)?;
		add("second", name, &moments.second)?;
		if let Some(best) = state.best.as_ref().and_then(|best| best.weights.get(index)) {
			add("best", name, best)?;
		}
	}
	let losses = state.losses.iter().flat_map(|value| value.to_le_bytes()).collect();
	tensors.push((LOSSES.to_owned(), Dtype::F32, vec![1, state.losses.len()], losses));
	let mut metadata = HashMap::from([
		("configuration".to_owned(), state.configuration.clone()),
		("step".to_owned(), state.step.to_string()),
		// The bits, so that a run that was interrupted reports the same numbers.
		("loss_before".to_owned(), state.loss_before.to_bits().to_string()),
		("seconds".to_owned(), state.seconds.to_bits().to_string()),
		("tokens".to_owned(), state.tokens.to_string()),
		("skipped".to_owned(), state.skipped.to_string()),
		("losses".to_owned(), state.losses.len().to_string()),
	]);
	if let Some(best) = &state.best {
		metadata.insert("best_loss".to_owned(), best.loss.to_bits().to_string());
		metadata.insert("best_step".to_owned(), best.step.to_string());
		metadata.insert("best_since".to_owned(), best.since.to_string());
	}
	write_safetensors(path, tensors, Some(metadata))
}

/// Reads the checkpoint into the tensors and the optimizer, if there is one for this configuration.
pub(crate) fn load(
	path: &Path,
	configuration: &str,
	trained: Vec<(String, &mut Tensor<2>)>,
	optimizer: &mut Optimizer,
	device: &Device,
) -> Result<Option<State>, FactoryError> {
	if !path.exists() {
		return Ok(None);
	}
	let bytes = files::read(path)?;
	let broken = |reason: String| FactoryError::model(path, format!("{reason}; remove it to start anew"));
	let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| broken(error.to_string()))?;
	let metadata = header.metadata().clone().unwrap_or_default();
	let entry = |name: &str| {
		metadata
			.get(name)
			.map(String::as_str)
			.ok_or_else(|| broken(format!("{name} is missing in the header")))
	};
	let number = |name: &str| {
		entry(name)?.parse::<u64>().map_err(|_| broken(format!("{name} in the header is no number")))
	};
	let found = entry("configuration")?;
	if found != configuration {
		return Err(FactoryError::OtherConfiguration {
			path: path.to_owned(),
			found: found.chars().take(16).collect(),
			expected: configuration.chars().take(16).collect(),
		});
	}
	let file = SafeTensors::deserialize(&bytes).map_err(|error| broken(error.to_string()))?;
	let read = |part: &str, name: &str, [rows, columns]: [usize; 2]| -> Result<Tensor<2>, FactoryError> {
		let values = load_matrix(&file, path, &format!("{part}.{name}"), rows, columns)?;
		Ok::<_, FactoryError>(matrix(values, rows, columns, device))
	};
	let mut best = match metadata.contains_key("best_loss") {
		true => Some(Best {
			loss: f64::from_bits(number("best_loss")?),
			step: number("best_step")? as usize,
			since: number("best_since")? as usize,
			weights: Vec::new(),
		}),
		false => None,
	};
	for ((name, weight), moments) in trained.into_iter().zip(&mut optimizer.moments) {
		let sizes = weight.dims();
		*weight = read("weight", &name, sizes)?;
		moments.first = read("first", &name, sizes)?;
		moments.second = read("second", &name, sizes)?;
		if let Some(best) = &mut best {
			best.weights.push(read("best", &name, sizes)?);
		}
	}
	let state = State {
		configuration: found.to_owned(),
		step: number("step")? as usize,
		loss_before: f64::from_bits(number("loss_before")?),
		seconds: f64::from_bits(number("seconds")?),
		tokens: number("tokens")?,
		skipped: number("skipped")? as usize,
		losses: load_matrix(&file, path, LOSSES, 1, number("losses")? as usize)?,
		best,
	};
	optimizer.time = state.step - state.skipped.min(state.step);
	Ok(Some(state))
}
