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

/// What a checkpoint knows besides tensors.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
	/// Configuration hash, hexadecimal.
	pub configuration: String,
	/// Steps done.
	pub step: usize,
	/// Held-out loss before the first step.
	pub loss_before: f64,
	/// Seconds trained.
	pub seconds: f64,
}

/// Writes the checkpoint.
pub(crate) fn save(
	path: &Path,
	state: &State,
	trained: &[(String, &mut Tensor<2>)],
	optimizer: &Optimizer,
) -> Result<(), FactoryError> {
	let mut tensors = Vec::with_capacity(trained.len() * 3);
	for ((name, weight), moments) in trained.iter().zip(&optimizer.moments) {
		for (part, tensor) in [("weight", &**weight), ("first", &moments.first), ("second", &moments.second)]
		{
			let bytes = host(tensor, path)?.iter().flat_map(|value| value.to_le_bytes()).collect();
			tensors.push((format!("{part}.{name}"), Dtype::F32, tensor.dims().to_vec(), bytes));
		}
	}
	let metadata = HashMap::from([
		("configuration".to_owned(), state.configuration.clone()),
		("step".to_owned(), state.step.to_string()),
		// The bits, so that a run that was interrupted reports the same numbers.
		("loss_before".to_owned(), state.loss_before.to_bits().to_string()),
		("seconds".to_owned(), state.seconds.to_bits().to_string()),
	]);
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
	let state = State {
		configuration: found.to_owned(),
		step: number("step")? as usize,
		loss_before: f64::from_bits(number("loss_before")?),
		seconds: f64::from_bits(number("seconds")?),
	};
	let file = SafeTensors::deserialize(&bytes).map_err(|error| broken(error.to_string()))?;
	for ((name, weight), moments) in trained.into_iter().zip(&mut optimizer.moments) {
		let [rows, columns] = weight.dims();
		for (part, tensor) in
			[("weight", weight), ("first", &mut moments.first), ("second", &mut moments.second)]
		{
			let values = load_matrix(&file, path, &format!("{part}.{name}"), rows, columns)?;
			*tensor = matrix(values, rows, columns, device);
		}
	}
	optimizer.time = state.step;
	Ok(Some(state))
}
