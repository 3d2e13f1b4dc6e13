//! Tensors by name from safetensors files, bounded and checked; storage in f32, f16 or bf16, values in f32.

use std::{
	collections::BTreeMap,
	fs::File,
	io::{Read, Seek, SeekFrom},
	path::{Component, Path, PathBuf},
};

use safetensors::{tensor::Metadata, Dtype};
use serde_json::Value;

use crate::error::WeightsError;

/// Largest safetensors header read, bytes.
pub const MAX_HEADER_BYTES: u64 = 32 << 20;
/// Most shards of one model.
pub const MAX_SHARDS: usize = 512;
/// Names under which pickled weights are found.
const PICKLES: [&str; 5] = [
	"pytorch_model.bin",
	"adapter_model.bin",
	"adapter_model.pt",
	"pytorch_model.bin.index.json",
	"model.pt",
];

/// A tensor in memory, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct HostTensor {
	/// Sizes, outermost first.
	pub shape: Vec<usize>,
	/// Values; their number is the product of `shape`.
	pub values: Vec<f32>,
}

#[derive(Debug, Clone)]
struct Entry {
	file: usize,
	dtype: Dtype,
	shape: Vec<usize>,
	/// Bytes from the start of the file.
	start: u64,
	len: usize,
}

/// The tensors of one or more safetensors files. Only headers are read until a tensor is asked for.
#[derive(Debug, Clone)]
pub struct Checkpoint {
	files: Vec<PathBuf>,
	entries: BTreeMap<String, Entry>,
}

impl Checkpoint {
	/// Opens the weights of a model folder: `model.safetensors`, or the shards of `model.safetensors.index.json`.
	pub fn open(dir: &Path) -> Result<Self, WeightsError> {
		if dir.join("model.safetensors").exists() {
			return Self::open_files(vec![dir.join("model.safetensors")], u64::MAX);
		}
		let index = "model.safetensors.index.json";
		if !dir.join(index).exists() {
			return Err(missing_weights(dir, "model.safetensors"));
		}
		let json = read_json(dir, index, MAX_HEADER_BYTES)?;
		let map = json.get("weight_map").and_then(Value::as_object).ok_or_else(|| {
			WeightsError::Malformed { file: index.into(), reason: "weight_map is missing".into() }
		})?;
		let mut shards = BTreeMap::new();
		for (tensor, shard) in map {
			let shard = shard.as_str().ok_or_else(|| WeightsError::Malformed {
				file: index.into(),
				reason: format!("the shard of {tensor} is no text"),
			})?;
			if !is_plain_name(shard) || !shard.ends_with(".safetensors") {
				return Err(WeightsError::OutsideFolder { name: shard.to_owned() });
			}
			shards.insert(shard.to_owned(), dir.join(shard));
		}
		if shards.len() > MAX_SHARDS {
			return Err(WeightsError::Malformed {
				file: index.into(),
				reason: format!("more than {MAX_SHARDS} shards"),
			});
		}
		let checkpoint = Self::open_files(shards.into_values().collect(), u64::MAX)?;
		match map.keys().find(|name| !checkpoint.entries.contains_key(*name)) {
			Some(name) => Err(WeightsError::Missing { name: name.clone() }),
			None => Ok(checkpoint),
		}
	}

	/// Opens one file of at most `limit` bytes.
	pub fn open_file(path: &Path, limit: u64) -> Result<Self, WeightsError> {
		Self::open_files(vec![path.to_owned()], limit)
	}

	fn open_files(files: Vec<PathBuf>, limit: u64) -> Result<Self, WeightsError> {
		let mut entries = BTreeMap::new();
		for (index, path) in files.iter().enumerate() {
			for (name, entry) in read_header(path, index, limit)? {
				if entries.insert(name.clone(), entry).is_some() {
					return Err(WeightsError::Malformed {
						file: file_name(path),
						reason: format!("tensor {name} is also in another shard"),
					});
				}
			}
		}
		Ok(Self { files, entries })
	}

	/// Names of all tensors, sorted.
	pub fn names(&self) -> impl Iterator<Item = &str> {
		self.entries.keys().map(String::as_str)
	}

	/// Shape of a tensor, if it is there.
	pub fn shape(&self, name: &str) -> Option<&[usize]> {
		self.entries.get(name).map(|entry| entry.shape.as_slice())
	}

	/// Number of values of all tensors.
	pub fn parameters(&self) -> u64 {
		self.entries.values().map(|entry| entry.shape.iter().map(|size| *size as u64).product::<u64>()).sum()
	}

	/// Size of all tensors, bytes.
	pub fn bytes(&self) -> u64 {
		self.entries.values().map(|entry| entry.len as u64).sum()
	}

	/// Reads a tensor of the given shape; every value is finite.
	pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<HostTensor, WeightsError> {
		let (bytes, dtype) = self.read(name, shape)?;
		let values = to_f32(&bytes, dtype).ok_or_else(|| wrong_type(name, dtype))?;
		match values.iter().position(|value| !value.is_finite()) {
			Some(index) => Err(WeightsError::NotFinite { name: name.to_owned(), index }),
			None => Ok(HostTensor { shape: shape.to_vec(), values }),
		}
	}

	/// Reads the bytes of a tensor of the given shape and storage type.
	pub(crate) fn raw(&self, name: &str, shape: &[usize], wanted: Dtype) -> Result<Vec<u8>, WeightsError> {
		let (bytes, dtype) = self.read(name, shape)?;
		match dtype == wanted {
			true => Ok(bytes),
			false => Err(wrong_type(name, dtype)),
		}
	}

	fn read(&self, name: &str, shape: &[usize]) -> Result<(Vec<u8>, Dtype), WeightsError> {
		let entry = self.entries.get(name).ok_or_else(|| WeightsError::Missing { name: name.to_owned() })?;
		if entry.shape != shape {
			return Err(WeightsError::Shape {
				name: name.to_owned(),
				found: entry.shape.clone(),
				expected: shape.to_vec(),
			});
		}
		let path =
			self.files.get(entry.file).ok_or_else(|| WeightsError::Missing { name: name.to_owned() })?;
		let mut bytes = vec![0; entry.len];
		let mut file = File::open(path).map_err(|error| unreadable(path, error))?;
		file.seek(SeekFrom::Start(entry.start)).map_err(|error| unreadable(path, error))?;
		file.read_exact(&mut bytes).map_err(|error| unreadable(path, error))?;
		Ok((bytes, entry.dtype))
	}

	/// Fails if a tensor is there that `known` does not accept.
	pub fn refuse_unknown(&self, known: impl Fn(&str) -> bool) -> Result<(), WeightsError> {
		let unknown: Vec<&str> = self.names().filter(|name| !known(name)).take(5).collect();
		match unknown.is_empty() {
			true => Ok(()),
			false => Err(WeightsError::Unexpected { names: unknown.join(", ") }),
		}
	}
}

/// Reads a JSON file of at most `limit` bytes.
pub fn read_json(dir: &Path, name: &str, limit: u64) -> Result<Value, WeightsError> {
	let text = read_bounded(&dir.join(name), limit)?;
	serde_json::from_slice(&text)
		.map_err(|error| WeightsError::Malformed { file: name.to_owned(), reason: error.to_string() })
}

/// Reads a file of at most `limit` bytes.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, WeightsError> {
	let file = File::open(path).map_err(|error| unreadable(path, error))?;
	let mut bytes = Vec::new();
	file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| unreadable(path, error))?;
	match bytes.len() as u64 > limit {
		true => Err(WeightsError::TooLarge { file: file_name(path), bytes: bytes.len() as u64, limit }),
		false => Ok(bytes),
	}
}

/// The error for absent weights: a pickle in their place is refused by name.
pub(crate) fn missing_weights(dir: &Path, wanted: &str) -> WeightsError {
	match PICKLES.iter().find(|name| dir.join(name).exists()) {
		Some(name) => WeightsError::Pickle { file: (*name).to_owned() },
		None => WeightsError::Unreadable { file: wanted.to_owned(), reason: "no such file".into() },
	}
}

/// Whether a name is a single plain path component.
pub(crate) fn is_plain_name(name: &str) -> bool {
	let mut components = Path::new(name).components();
	matches!((components.next(), components.next()), (Some(Component::Normal(only)), None) if only == name)
		&& !name.contains(['/', '\\', '\0'])
}

/// Turns row-major rows of length `columns` into row-major columns.
pub(crate) fn transpose(values: &[f32], columns: usize) -> Vec<f32> {
	(0..columns).flat_map(|column| values.iter().skip(column).step_by(columns).copied()).collect()
}

fn read_header(path: &Path, index: usize, limit: u64) -> Result<Vec<(String, Entry)>, WeightsError> {
	let malformed = |reason: String| WeightsError::Malformed { file: file_name(path), reason };
	let mut file = File::open(path).map_err(|error| unreadable(path, error))?;
	let bytes = file.metadata().map_err(|error| unreadable(path, error))?.len();
	if bytes > limit {
		return Err(WeightsError::TooLarge { file: file_name(path), bytes, limit });
	}
	let mut prefix = [0; 8];
	file.read_exact(&mut prefix).map_err(|_| malformed("shorter than the length of its header".into()))?;
	let header_len = u64::from_le_bytes(prefix);
	if header_len > MAX_HEADER_BYTES {
		// PyTorch's zip archive or a bare pickle under the name of a safetensors file.
		if prefix.starts_with(b"PK\x03\x04") || prefix.starts_with(&[0x80, 0x02]) {
			return Err(WeightsError::Pickle { file: file_name(path) });
		}
		let file = format!("the header of {}", file_name(path));
		return Err(WeightsError::TooLarge { file, bytes: header_len, limit: MAX_HEADER_BYTES });
	}
	let mut header = Vec::new();
	file.take(header_len).read_to_end(&mut header).map_err(|error| unreadable(path, error))?;
	if header.len() as u64 != header_len {
		return Err(malformed("shorter than its header".into()));
	}
	let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| malformed(error.to_string()))?;
	let data_start = header_len.saturating_add(8);
	if data_start.checked_add(metadata.data_len() as u64) != Some(bytes) {
		return Err(malformed(format!("{bytes} bytes do not match its header")));
	}
	let entries = metadata.tensors().into_iter().map(|(name, info)| {
		let (start, end) = info.data_offsets;
		let start = data_start.saturating_add(start as u64);
		let len = end - info.data_offsets.0;
		(name, Entry { file: index, dtype: info.dtype, shape: info.shape.clone(), start, len })
	});
	Ok(entries.collect())
}

fn to_f32(bytes: &[u8], dtype: Dtype) -> Option<Vec<f32>> {
	let pair = |chunk: &[u8]| <[u8; 2]>::try_from(chunk).unwrap_or_default();
	let quad = |chunk: &[u8]| <[u8; 4]>::try_from(chunk).unwrap_or_default();
	match dtype {
		Dtype::F32 => Some(bytes.chunks_exact(4).map(|chunk| f32::from_le_bytes(quad(chunk))).collect()),
		Dtype::F16 => {
			Some(bytes.chunks_exact(2).map(|chunk| half::f16::from_le_bytes(pair(chunk)).to_f32()).collect())
		}
		Dtype::BF16 => {
			Some(bytes.chunks_exact(2).map(|chunk| half::bf16::from_le_bytes(pair(chunk)).to_f32()).collect())
		}
		_ => None,
	}
}

fn wrong_type(name: &str, dtype: Dtype) -> WeightsError {
	WeightsError::Dtype { name: name.to_owned(), dtype: format!("{dtype:?}") }
}

fn file_name(path: &Path) -> String {
	path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn unreadable(path: &Path, error: std::io::Error) -> WeightsError {
	WeightsError::Unreadable { file: file_name(path), reason: error.to_string() }
}
