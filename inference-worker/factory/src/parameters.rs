//! Making, loading and saving the weights of a model.

use std::{collections::HashMap, path::Path};

use burn::tensor::{Device, Tensor, TensorData};
use half::f16;
use rand_chacha::{
	rand_core::{RngCore, SeedableRng},
	ChaCha20Rng,
};
use safetensors::{tensor::TensorView, Dtype, SafeTensors};
use tributary_engine::{config::ModelConfig, FrozenWeights};

use crate::{
	config::Method,
	error::FactoryError,
	files,
	layer::{Layer, Linear},
	model::{Embedding, Model},
	shape::ModelShape,
	weight::{Packed, Weight},
};

/// Standard deviation of new weights.
const INITIAL_DEVIATION: f32 = 0.02;

/// Numbers from the normal distribution, by Box and Muller; the same on every device.
pub(crate) fn normal(rng: &mut ChaCha20Rng, count: usize, deviation: f32) -> Vec<f32> {
	let mut uniform = || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
	(0..count)
		.map(|_| {
			let radius = (-2.0 * (1.0 - uniform()).ln()).sqrt();
			(radius * (std::f64::consts::TAU * uniform()).cos()) as f32 * deviation
		})
		.collect()
}

pub(crate) fn matrix(values: Vec<f32>, rows: usize, columns: usize, device: &Device) -> Tensor<2> {
	Tensor::from_data(TensorData::new(values, [rows, columns]), device)
}

/// A new model. Projections into the residual stream start smaller, as in GPT-2.
pub(crate) fn initial_model(shape: &ModelShape, seed: u64, device: &Device) -> Model {
	let mut rng = ChaCha20Rng::seed_from_u64(seed);
	let hidden = shape.hidden_size;
	let into_residual = INITIAL_DEVIATION / (2.0 * shape.num_hidden_layers as f32).sqrt();
	let embedding = matrix(
		normal(&mut rng, shape.vocab_size * hidden, INITIAL_DEVIATION),
		shape.vocab_size,
		hidden,
		device,
	);
	let mut linear = |name: &str| {
		let [rows, columns] = shape.projection(name);
		let deviation =
			if matches!(name, "o_proj" | "down_proj") { into_residual } else { INITIAL_DEVIATION };
		let weight = Weight::Full(matrix(normal(&mut rng, rows * columns, deviation), rows, columns, device));
		Linear { weight, bias: None, low_rank: None }
	};
	let norm = || Tensor::ones([1, hidden], device);
	let layers = (0..shape.num_hidden_layers)
		.map(|_| Layer {
			input_norm: norm(),
			query: linear("q_proj"),
			key: linear("k_proj"),
			value: linear("v_proj"),
			output: linear("o_proj"),
			mlp_norm: norm(),
			gate: linear("gate_proj"),
			up: linear("up_proj"),
			down: linear("down_proj"),
		})
		.collect();
	Model { shape: shape.clone(), embedding: Embedding::Full(embedding), layers, norm: norm(), head: None }
}

/// Loads the weights of a Hugging Face folder, one at a time: in 32-bit floats, or with the projections in 4 bits. The
/// folder may hold them in floats or rounded already.
pub(crate) fn load_model(dir: &Path, method: Method, device: &Device) -> Result<Model, FactoryError> {
	let shape = ModelShape::open(dir)?;
	let config = ModelConfig::open(dir).map_err(|error| FactoryError::model(dir, error))?;
	let file = FrozenWeights::open(dir, &config).map_err(|error| FactoryError::model(dir, error))?;
	let refused = |error| FactoryError::model(dir, error);
	// Files have projections as [out, in].
	let weight = |path: &str, rows: usize, columns: usize| -> Result<Weight, FactoryError> {
		Ok(match method {
			Method::Lora => {
				let values = file.full(path, [columns, rows]).map_err(refused)?;
				Weight::Full(matrix(transpose(&values, columns), rows, columns, device))
			}
			Method::Qlora => {
				Weight::Int4(Packed::new(&file.int4(path, [columns, rows]).map_err(refused)?, rows, device))
			}
		})
	};
	let row = |name: &str, width: usize| -> Result<Tensor<2>, FactoryError> {
		Ok(matrix(file.values(name, &[width]).map_err(refused)?, 1, width, device))
	};
	let hidden = shape.hidden_size;
	let mut layers = Vec::with_capacity(shape.num_hidden_layers);
	for index in 0..shape.num_hidden_layers {
		let prefix = format!("model.layers.{index}");
		let linear = |part: &str, name: &str| -> Result<Linear, FactoryError> {
			let [rows, columns] = shape.projection(name);
			let has_bias = shape.attention_bias && matches!(name, "q_proj" | "k_proj" | "v_proj");
			let bias = match has_bias {
				true => Some(row(&format!("{prefix}.{part}.{name}.bias"), columns)?),
				false => None,
			};
			Ok(Linear {
				weight: weight(&format!("{prefix}.{part}.{name}"), rows, columns)?,
				bias,
				low_rank: None,
			})
		};
		layers.push(Layer {
			input_norm: row(&format!("{prefix}.input_layernorm.weight"), hidden)?,
			query: linear("self_attn", "q_proj")?,
			key: linear("self_attn", "k_proj")?,
			value: linear("self_attn", "v_proj")?,
			output: linear("self_attn", "o_proj")?,
			mlp_norm: row(&format!("{prefix}.post_attention_layernorm.weight"), hidden)?,
			gate: linear("mlp", "gate_proj")?,
			up: linear("mlp", "up_proj")?,
			down: linear("mlp", "down_proj")?,
		});
	}
	// Where the folder's projections are rounded, a tied one is stored beside the embedding.
	let tied = shape.tie_word_embeddings && config.quantization.is_none();
	let head = match (tied, method) {
		(true, Method::Lora) => None,
		(true, Method::Qlora) => Some(weight("model.embed_tokens", hidden, shape.vocab_size)?),
		(false, _) => Some(weight("lm_head", hidden, shape.vocab_size)?),
	};
	let values = file.values("model.embed_tokens.weight", &[shape.vocab_size, hidden]).map_err(refused)?;
	let embedding = match method {
		Method::Lora => Embedding::Full(matrix(values, shape.vocab_size, hidden, device)),
		Method::Qlora => Embedding::Half(values.into_iter().map(f16::from_f32).collect()),
	};
	let norm = row("model.norm.weight", hidden)?;
	Ok(Model { shape, embedding, layers, norm, head })
}

/// Saves a model as f16 `model.safetensors` with the files' layout.
pub(crate) fn save_model(model: &mut Model, path: &Path) -> Result<(), FactoryError> {
	let mut tensors = Vec::new();
	for (name, tensor) in model.base_tensors() {
		let [rows, columns] = tensor.dims();
		let values = host(tensor, path)?;
		let (shape, values) = match name.as_str() {
			"model.embed_tokens.weight" => (vec![rows, columns], values),
			_ if rows == 1 && !name.contains("proj.weight") => (vec![columns], values),
			_ => (vec![columns, rows], transpose(&values, rows)),
		};
		let bytes: Vec<u8> = values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
		tensors.push((name, Dtype::F16, shape, bytes));
	}
	write_safetensors(path, tensors, None)
}

/// Values of a tensor on the host, row-major.
pub(crate) fn host(tensor: &Tensor<2>, path: &Path) -> Result<Vec<f32>, FactoryError> {
	tensor.clone().try_into_vec_as::<f32>().map_err(|error| FactoryError::model(path, format!("{error:?}")))
}

/// Writes a safetensors file; `tensors` are `(name, type, shape, little-endian bytes)`.
pub(crate) fn write_safetensors(
	path: &Path,
	tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)>,
	metadata: Option<HashMap<String, String>>,
) -> Result<(), FactoryError> {
	let mut views = Vec::with_capacity(tensors.len());
	for (name, dtype, shape, bytes) in &tensors {
		let view = TensorView::new(*dtype, shape.clone(), bytes)
			.map_err(|error| FactoryError::model(path, error))?;
		views.push((name.clone(), view));
	}
	// Loaders of other frameworks look for this mark.
	let metadata = metadata.unwrap_or_else(|| HashMap::from([("format".to_owned(), "pt".to_owned())]));
	let bytes =
		safetensors::serialize(views, Some(metadata)).map_err(|error| FactoryError::model(path, error))?;
	files::write(path, &bytes)
}

/// Reads an f32 matrix of the given sizes; every value is finite.
pub(crate) fn load_matrix(
	file: &SafeTensors,
	path: &Path,
	name: &str,
	rows: usize,
	columns: usize,
) -> Result<Vec<f32>, FactoryError> {
	let view =
		file.tensor(name).map_err(|_| FactoryError::model(path, format!("tensor {name} is missing")))?;
	if view.shape() != [rows, columns] || view.dtype() != Dtype::F32 {
		let reason =
			format!("{name} is {:?} {:?}, expected F32 [{rows}, {columns}]", view.dtype(), view.shape());
		return Err(FactoryError::model(path, reason));
	}
	let values: Vec<f32> =
		view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
	match values.iter().all(|value| value.is_finite()) {
		true => Ok(values),
		false => Err(FactoryError::model(path, format!("{name} has values that are no finite numbers"))),
	}
}

/// Transposes a row-major matrix of `rows` rows.
pub(crate) fn transpose(values: &[f32], rows: usize) -> Vec<f32> {
	let columns = values.len() / rows.max(1);
	let mut out = Vec::with_capacity(values.len());
	for column in 0..columns {
		out.extend(values.iter().skip(column).step_by(columns.max(1)));
	}
	out
}
