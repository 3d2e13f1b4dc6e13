//! Tests against whole models. The fixtures are made by `tests/fixtures/make.py` with `transformers` and `peft`.

mod embeddings;
mod families;
mod golden;
mod quantized;
mod refusals;
mod scheduling;
mod steering;

use std::{
	collections::{BTreeMap, HashMap},
	path::{Path, PathBuf},
	sync::{
		mpsc::{channel, Receiver},
		Arc,
	},
	time::Duration,
};

use safetensors::{tensor::TensorView, Dtype, SafeTensors};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
	AdapterSource, AdapterUse, Cancel, ContentHash, DeviceChoice, Engine, EngineConfig, EngineError, Event,
	FinishReason, Request, Sampling,
};

/// Executors on the CPU.
const DEVICES: [DeviceChoice; 2] = [DeviceChoice::Cpu, DeviceChoice::Flex];
const MODELS: [&str; 7] = ["llama", "llama3", "qwen2", "qwen3", "mistral", "mixtral", "qwen3_moe"];
const ADAPTERS: [&str; 3] = ["plain", "rslora", "pattern"];
/// Longer than any test should wait.
const PATIENCE: Duration = Duration::from_secs(120);

fn fixture(name: &str) -> PathBuf {
	Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn golden(model: &str) -> Value {
	serde_json::from_slice(&std::fs::read(fixture(model).join("golden.json")).unwrap()).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
	value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// A copy of a fixture folder (without folders inside) that a test may spoil.
fn copy_of(name: &str) -> TempDir {
	let copy = TempDir::new().unwrap();
	for entry in std::fs::read_dir(fixture(name)).unwrap() {
		let entry = entry.unwrap();
		if entry.file_type().unwrap().is_file() {
			std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
		}
	}
	copy
}

type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

fn edit_tensors(path: &Path, edit: impl FnOnce(&mut Tensors)) {
	let bytes = std::fs::read(path).unwrap();
	let mut tensors: Tensors = SafeTensors::deserialize(&bytes)
		.unwrap()
		.tensors()
		.into_iter()
		.map(|(name, view)| (name, (view.dtype(), view.shape().to_vec(), view.data().to_vec())))
		.collect();
	edit(&mut tensors);
	let views = tensors
		.iter()
		.map(|(name, (dtype, shape, data))| (name, TensorView::new(*dtype, shape.clone(), data).unwrap()));
	let bytes = safetensors::serialize(views, None).unwrap();
	std::fs::write(path, bytes).unwrap();
}

fn edit_json(path: &Path, edit: impl FnOnce(&mut Value)) {
	let mut json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
	edit(&mut json);
	std::fs::write(path, json.to_string()).unwrap();
}

/// A source over local folders; `wait` is received from before each answer, if set.
#[derive(Default)]
struct Folders {
	folders: HashMap<ContentHash, PathBuf>,
	wait: Option<std::sync::Mutex<Receiver<()>>>,
}

impl Folders {
	/// The three fixture adapters of a model under the hashes `[0; 32]`, `[1; 32]` and `[2; 32]`.
	fn of(model: &str) -> Self {
		let folders = ADAPTERS
			.iter()
			.enumerate()
			.map(|(index, adapter)| ([index as u8; 32], fixture(model).join(adapter)))
			.collect();
		Self { folders, wait: None }
	}
}

impl AdapterSource for Folders {
	fn folder(&self, hash: &ContentHash) -> Result<PathBuf, String> {
		if let Some(wait) = &self.wait {
			wait.lock().unwrap().recv_timeout(PATIENCE).map_err(|error| error.to_string())?;
		}
		self.folders.get(hash).cloned().ok_or_else(|| "not in the store".to_owned())
	}
}

fn config(model: &str) -> EngineConfig {
	EngineConfig { model_dir: fixture(model), device: DeviceChoice::Cpu, ..EngineConfig::default() }
}

fn start(model: &str) -> Engine {
	Engine::start(config(model), Arc::new(Folders::of(model))).unwrap()
}

/// A greedy request for `max_tokens` tokens.
fn request(prompt: &[u32], adapters: &[(u8, f32)], max_tokens: usize) -> Request {
	Request {
		prompt: prompt.to_vec(),
		adapters: adapters
			.iter()
			.map(|(hash, scale)| AdapterUse { hash: [*hash; 32], scale: *scale })
			.collect(),
		max_tokens,
		sampling: Sampling { temperature: 0.0, ..Sampling::default() },
		..Request::default()
	}
}

/// The events of one request, as they come.
struct Answer(Receiver<Event>);

/// A finished answer.
#[derive(Debug, PartialEq)]
struct Finished {
	tokens: Vec<u32>,
	text: String,
	logprobs: Vec<f32>,
	end: Result<FinishReason, EngineError>,
}

impl Answer {
	fn of(engine: &Engine, request: Request) -> Self {
		let (events, answer) = channel();
		engine.submit(request, Box::new(move |event| events.send(event).is_ok())).unwrap();
		Self(answer)
	}

	fn next(&self) -> Event {
		self.0.recv_timeout(PATIENCE).unwrap()
	}

	fn finish(self) -> Finished {
		let (mut ids, mut text, mut logprobs) = (Vec::new(), String::new(), Vec::new());
		loop {
			match self.next() {
				Event::Started { .. } | Event::Embedding(_) => {}
				Event::Token { id, text: delta, logprob, .. } => {
					ids.push(id);
					text.push_str(&delta);
					logprobs.push(logprob);
				}
				Event::Done { reason, tokens } => {
					assert_eq!(tokens, ids);
					return Finished { tokens, text, logprobs, end: Ok(reason) };
				}
				Event::Failed(error) => return Finished { tokens: ids, text, logprobs, end: Err(error) },
			}
		}
	}

	fn failure(self) -> EngineError {
		self.finish().end.unwrap_err()
	}
}

fn answer(engine: &Engine, request: Request) -> Finished {
	Answer::of(engine, request).finish()
}
