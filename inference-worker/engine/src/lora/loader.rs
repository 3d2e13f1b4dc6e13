//! Threads that fetch and read adapters while the engine goes on decoding.

use std::{
	panic::{catch_unwind, AssertUnwindSafe},
	sync::{
		mpsc::{channel, Receiver, Sender},
		Arc, Mutex, PoisonError,
	},
	thread,
};

use super::reader::{self, HostAdapter};
use crate::{config::ModelConfig, error::AdapterError, ContentHash};

/// Adapters fetched at the same time.
pub(crate) const LOADERS: usize = 4;

/// Gives a verified local folder (PEFT: `adapter_config.json` and `adapter_model.safetensors`) for a content hash.
pub trait AdapterSource: Send + Sync + 'static {
	/// Folder of the content, or why it cannot be had. Called on a loader thread; may block.
	fn folder(&self, hash: &ContentHash) -> Result<std::path::PathBuf, String>;
}

/// What became of one fetch.
pub(crate) struct Loaded {
	pub(crate) hash: ContentHash,
	pub(crate) result: Result<HostAdapter, AdapterError>,
}

/// The queue of the loader threads, which end when it is dropped.
pub(crate) struct Loader {
	jobs: Sender<ContentHash>,
}

impl Loader {
	/// Starts the threads; `done` is called on them.
	pub(crate) fn start(
		source: Arc<dyn AdapterSource>,
		model: ModelConfig,
		budget: u64,
		done: impl Fn(Loaded) + Send + Sync + 'static,
	) -> std::io::Result<Self> {
		let (jobs, queue) = channel();
		let queue = Arc::new(Mutex::new(queue));
		let done = Arc::new(done);
		for index in 0..LOADERS {
			let (queue, source, model, done) = (queue.clone(), source.clone(), model.clone(), done.clone());
			thread::Builder::new().name(format!("adapter-loader-{index}")).spawn(move || {
				while let Some(hash) = next(&queue) {
					// A source that panics fails this adapter, not the thread.
					let load = AssertUnwindSafe(|| load(&*source, &hash, &model, budget));
					let result = catch_unwind(load)
						.unwrap_or_else(|_| Err(AdapterError::Fetch("the adapter source panicked".into())));
					done(Loaded { hash, result });
				}
			})?;
		}
		Ok(Self { jobs })
	}

	pub(crate) fn load(&self, hash: ContentHash) {
		// The threads live as long as this queue, so that sending cannot fail.
		let _ = self.jobs.send(hash);
	}
}

fn next(queue: &Mutex<Receiver<ContentHash>>) -> Option<ContentHash> {
	queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn load(
	source: &dyn AdapterSource,
	hash: &ContentHash,
	model: &ModelConfig,
	budget: u64,
) -> Result<HostAdapter, AdapterError> {
	let folder = source.folder(hash).map_err(AdapterError::Fetch)?;
	reader::read(&folder, model, budget)
}
