//! Writes a model folder anew with its large weights in 8 or 4 bits.

use std::{
	collections::BTreeMap,
	fs,
	path::{Path, PathBuf},
};

use half::f16;
use safetensors::{tensor::TensorView, Dtype};
use serde_json::{json, Value};

use crate::{
	checkpoint::is_matrix,
	config::{quantization_json, ModelConfig, MAX_JSON_BYTES},
	cpu::{Precision, BLOCK},
	error::{EngineError, ModelError},
	loading::{self, Checkpoint},
	quantized::Quantized,
};

/// A file is written when it would get larger, bytes.
const SHARD_BYTES: usize = 2 << 30;
const EMBEDDING: &str = "model.embed_tokens.weight";
const OUTPUT: &str = "lm_head.weight";

/// What quantizing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuantizeReport {
	/// Tensors before, bytes.
	pub bytes_before: u64,
	/// Tensors after, bytes.
	pub bytes_after: u64,
}

/// Reads the model in `source` and writes it to the new folder `target` with its projections in whole numbers of 8 or 4
/// bits, 32 of which share a scale; the embedding in 16-bit floats, norms, biases and routers in 32. A worker multiplies
/// what is written as it would if it had rounded the weights itself: to the last bit. `progress` is told how many of all
/// tensors are done.
///
/// # Errors
/// When the source cannot be used or is quantized already, when `precision` has no whole numbers, and when the target
/// exists or cannot be written. The target appears only when it is complete.
pub fn quantize(
	source: &Path,
	target: &Path,
	precision: Precision,
	mut progress: impl FnMut(usize, usize),
) -> Result<QuantizeReport, EngineError> {
	if !matches!(precision, Precision::Int8 | Precision::Int4) {
		return Err(EngineError::Quantize(format!("{precision} has no whole numbers; choose int8 or int4")));
	}
	let config = ModelConfig::open(source)?;
	if let Some(stored) = config.quantization {
		return Err(EngineError::Quantize(format!(
			"{} is in {stored} already; name the full model",
			source.display()
		)));
	}
	let checkpoint = Checkpoint::open(source).map_err(ModelError::from)?;
	let partial = partial_of(target)?;
	fs::create_dir_all(&partial).map_err(unwritable(&partial))?;
	let mut shards = Shards {
		folder: partial.clone(),
		pending: BTreeMap::new(),
		bytes: 0,
		written: 0,
		files: BTreeMap::new(),
	};
	let names: Vec<&str> = checkpoint.names().collect();
	for (done, name) in names.iter().enumerate() {
		let shape = checkpoint.shape(name).unwrap_or_default().to_vec();
		let values = checkpoint.tensor(name, &shape).map_err(ModelError::from)?.values;
		match *name {
			EMBEDDING => {
				if config.tie_embeddings {
					shards.add_quantized(OUTPUT, &shape, &values, precision)?;
				}
				let bytes = values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
				shards.add(name, Dtype::F16, shape, bytes)?;
			}
			// What a tied model holds beside its embedding is not read.
			OUTPUT if config.tie_embeddings => {}
			_ if is_matrix(name, &config) => shards.add_quantized(name, &shape, &values, precision)?,
			_ => {
				let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
				shards.add(name, Dtype::F32, shape, bytes)?;
			}
		}
		progress(done + 1, names.len());
	}
	shards.finish()?;
	copy_rest(source, &partial, precision)?;
	let bytes_after = Checkpoint::open(&partial).map_err(ModelError::from)?.bytes();
	fs::rename(&partial, target).map_err(unwritable(target))?;
	Ok(QuantizeReport { bytes_before: checkpoint.bytes(), bytes_after })
}

/// The folder that becomes the target.
fn partial_of(target: &Path) -> Result<PathBuf, EngineError> {
	let name = target.file_name().map(|name| name.to_string_lossy().into_owned());
	let exists = target.symlink_metadata().is_ok();
	match name {
		Some(name) if !exists => Ok(target.with_file_name(format!(".{name}.partial-{}", std::process::id()))),
		_ => Err(EngineError::Quantize(format!("{} exists; name a new folder", target.display()))),
	}
}

/// The configuration, which says how the weights are held, and what is no weight.
fn copy_rest(source: &Path, partial: &Path, precision: Precision) -> Result<(), EngineError> {
	let mut config = loading::read_json(source, "config.json", MAX_JSON_BYTES).map_err(ModelError::from)?;
	if let Value::Object(members) = &mut config {
		members.insert("quantization_config".into(), quantization_json(precision));
	}
	let path = partial.join("config.json");
	fs::write(&path, format!("{config:#}\n")).map_err(unwritable(&path))?;
	let entries = fs::read_dir(source).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
	for entry in entries.map_err(unwritable(source))? {
		let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
		let is_weight = [".safetensors", ".safetensors.index.json", ".bin", ".pt", ".gguf"]
			.iter()
			.any(|suffix| name.ends_with(suffix));
		if path.is_file() && name != "config.json" && !is_weight {
			fs::copy(&path, partial.join(&name)).map_err(unwritable(&path))?;
		}
	}
	Ok(())
}

/// Tensors on their way to files.
struct Shards {
	folder: PathBuf,
	pending: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>,
	bytes: usize,
	/// Files so far.
	written: usize,
	/// File of each tensor that was written.
	files: BTreeMap<String, String>,
}

impl Shards {
	fn add_quantized(
		&mut self,
		name: &str,
		shape: &[usize],
		values: &[f32],
		precision: Precision,
	) -> Result<(), EngineError> {
		let &[outputs, inputs] = shape else {
			return Err(EngineError::Quantize(format!(
				"{name} has shape {shape:?} where a matrix is needed"
			)));
		};
		let (values, scales) = Quantized::of(values, inputs, precision).to_bytes();
		let dtype = if precision == Precision::Int4 { Dtype::U8 } else { Dtype::I8 };
		self.add(name, dtype, vec![outputs, Quantized::row_bytes(inputs, precision)], values)?;
		self.add(&format!("{name}_scale"), Dtype::F16, vec![outputs, inputs.div_ceil(BLOCK)], scales)
	}

	fn add(
		&mut self,
		name: &str,
		dtype: Dtype,
		shape: Vec<usize>,
		bytes: Vec<u8>,
	) -> Result<(), EngineError> {
		if self.bytes > 0 && self.bytes.saturating_add(bytes.len()) > SHARD_BYTES {
			self.write()?;
		}
		self.bytes += bytes.len();
		self.pending.insert(name.to_owned(), (dtype, shape, bytes));
		Ok(())
	}

	fn write(&mut self) -> Result<(), EngineError> {
		self.written += 1;
		let file = format!("model-{:05}.safetensors", self.written);
		let path = self.folder.join(&file);
		let views = self.pending.iter().map(|(name, (dtype, shape, bytes))| {
			TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name.as_str(), view))
		});
		let views = views.collect::<Result<Vec<_>, _>>();
		views
			.and_then(|views| safetensors::serialize_to_file(views, None, &path))
			.map_err(|error| EngineError::Quantize(format!("cannot write {}: {error}", path.display())))?;
		self.files.extend(std::mem::take(&mut self.pending).into_keys().map(|name| (name, file.clone())));
		self.bytes = 0;
		Ok(())
	}

	/// Writes the rest, and the index where there are several files.
	fn finish(mut self) -> Result<(), EngineError> {
		self.write()?;
		let path = |name: &str| self.folder.join(name);
		if self.written == 1 {
			let only = path("model.safetensors");
			return fs::rename(path("model-00001.safetensors"), &only).map_err(unwritable(&only));
		}
		let index = path("model.safetensors.index.json");
		let json = json!({ "metadata": {}, "weight_map": self.files });
		fs::write(&index, format!("{json:#}\n")).map_err(unwritable(&index))
	}
}

fn unwritable(path: &Path) -> impl Fn(std::io::Error) -> EngineError + '_ {
	move |error| EngineError::Quantize(format!("cannot write {}: {error}", path.display()))
}
