//! Threads that fetch and read adapters while the engine goes on decoding.

use std::{
	panic::{catch_unwind, AssertUnwindSafe},
	sync::{
		mpsc::{channel, Receiver, Sender},
		Arc, Mutex, PoisonError,
	},
	thread,
};

use super::{
	host::HostTier,
	reader::{self, HostAdapter},
};
use crate::{config::ModelConfig, error::AdapterError, stats::Counters, ContentHash};

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
	pub(crate) result: Result<Arc<HostAdapter>, AdapterError>,
}

/// Where adapters are before they are on the device.
pub(crate) struct Shelf {
	pub(crate) source: Arc<dyn AdapterSource>,
	pub(crate) host: HostTier,
	pub(crate) model: ModelConfig,
	/// Largest adapter, bytes.
	pub(crate) budget: u64,
	pub(crate) counters: Arc<Counters>,
}

impl Shelf {
	fn load(&self, hash: &ContentHash) -> Result<Arc<HostAdapter>, AdapterError> {
		if let Some(adapter) = self.host.get(hash) {
			return Ok(adapter);
		}
		let folder = self.source.folder(hash).map_err(AdapterError::Fetch)?;
		let adapter = Arc::new(reader::read(&folder, &self.model, self.budget)?);
		Counters::add(&self.counters.folder_reads, 1);
		self.host.put(*hash, &adapter);
		Ok(adapter)
	}
}

/// The queue of the loader threads, which end when it is dropped.
pub(crate) struct Loader {
	jobs: Sender<ContentHash>,
}

impl Loader {
	/// Starts the threads; `done` is called on them.
	pub(crate) fn start(
		shelf: Shelf,
		done: impl Fn(Loaded) + Send + Sync + 'static,
	) -> std::io::Result<Self> {
		let (jobs, queue) = channel();
		let queue = Arc::new(Mutex::new(queue));
		let (shelf, done) = (Arc::new(shelf), Arc::new(done));
		for index in 0..LOADERS {
			let (queue, shelf, done) = (queue.clone(), shelf.clone(), done.clone());
			thread::Builder::new().name(format!("adapter-loader-{index}")).spawn(move || {
				while let Some(hash) = next(&queue) {
					// A source that panics fails this adapter, not the thread.
					let result = catch_unwind(AssertUnwindSafe(|| shelf.load(&hash)))
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
