//! The handle of the engine: starts the thread that owns the model, and hands requests to it.

use std::{
	panic::{catch_unwind, AssertUnwindSafe},
	path::PathBuf,
	sync::{
		atomic::{AtomicBool, Ordering},
		mpsc::{channel, Receiver, Sender},
		Arc, Mutex, PoisonError,
	},
	thread::{self, JoinHandle},
};

use burn::tensor::Device;

use crate::{
	chat::{ChatMessage, ChatTemplate},
	config::ModelConfig,
	cpu::{CpuModel, Precision},
	device::{self, DeviceChoice},
	error::{EngineError, ModelError, SubmitError},
	executor::Executor,
	kv_blocks::blocks_for,
	loading::Checkpoint,
	lora::loader::{AdapterSource, Loader},
	ops::{cube::Cube, page_elements, plain::Plain},
	request::{Reporter, Request, Sink},
	sampling::SAMPLER_VERSION,
	scheduler::{panic_message, Limits, Message, Scheduler},
	stats::{Counters, Stats},
	tensor::TensorModel,
	tokenizer::Tokenizer,
};

/// Largest tensor that graphics APIs bind, bytes.
const MAX_GPU_TENSOR_BYTES: u64 = (1 << 31) - 1;

/// What an engine runs, on what, and within which bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineConfig {
	/// Hugging Face folder of the base model.
	pub model_dir: PathBuf,
	/// Device; [`DeviceChoice::Auto`] takes a real GPU if there is one, else the CPU.
	pub device: DeviceChoice,
	/// How the weights are kept and multiplied; [`DeviceChoice::Flex`] knows full only, [`Precision::Half`] is for GPUs.
	pub precision: Precision,
	/// Most requests decoded together.
	pub max_batch: usize,
	/// Most requests waiting beside those.
	pub queue: usize,
	/// Context in tokens, if it shall be shorter than the model's own.
	pub max_context: Option<usize>,
	/// Most tokens guessed ahead of a request from what it repeats; 0 to guess nothing. Answers are the same on the
	/// CPU, and equal but for rounding elsewhere.
	pub speculate: usize,
	/// Budget of the adapters on the device, bytes.
	pub adapter_bytes: u64,
	/// Limit of base weights and KV cache together, bytes; none for what the system has available. Requests wait for
	/// room in the cache when it does not hold `max_batch` of the longest.
	pub memory_bytes: Option<u64>,
}

impl Default for EngineConfig {
	fn default() -> Self {
		Self {
			model_dir: PathBuf::new(),
			device: DeviceChoice::Auto,
			precision: Precision::Full,
			max_batch: 32,
			queue: 256,
			max_context: None,
			speculate: 4,
			adapter_bytes: 512 << 20,
			memory_bytes: None,
		}
	}
}

/// A running engine. Clones share one model on one thread, which ends after the last clone is dropped.
#[derive(Clone)]
pub struct Engine {
	inner: Arc<Inner>,
}

struct Inner {
	messages: Sender<Message>,
	thread: Mutex<Option<JoinHandle<()>>>,
	stopping: AtomicBool,
	counters: Arc<Counters>,
	tokenizer: Tokenizer,
	template: Option<ChatTemplate>,
	device: DeviceChoice,
	precision: Precision,
	context: usize,
	max_batch: usize,
	queue: u64,
}

impl Drop for Inner {
	fn drop(&mut self) {
		// The thread is gone already after `shutdown`.
		let _ = self.messages.send(Message::Shutdown);
	}
}

impl Engine {
	/// Loads the model and starts its thread. Returns when the engine is ready, or says why it cannot be.
	pub fn start(config: EngineConfig, source: Arc<dyn AdapterSource>) -> Result<Self, EngineError> {
		if config.max_batch == 0 || config.queue == 0 {
			return Err(EngineError::Config("max_batch and queue must be at least 1".into()));
		}
		let model = ModelConfig::open(&config.model_dir)?;
		let context = config.max_context.unwrap_or(model.context).min(model.context);
		if context < 2 {
			return Err(EngineError::Config("max_context must be at least 2".into()));
		}
		let tokenizer = Tokenizer::open(&config.model_dir, &model.eos_ids)?;
		let template = ChatTemplate::open(&config.model_dir)?;
		let (choice, device) = device::open(config.device)?;
		let blocks = plan_memory(&config, &model, context, choice)?;

		let counters = Arc::new(Counters::default());
		let (messages, inbox) = channel();
		let (ready, started) = channel();
		let loader = {
			let messages = messages.clone();
			Loader::start(source, model.clone(), config.adapter_bytes, move |loaded| {
				// Nobody is left to tell after the engine has ended.
				let _ = messages.send(Message::Loaded(loaded));
			})
			.map_err(|error| EngineError::Config(format!("cannot start a loader thread: {error}")))?
		};
		// An adapter fills its last page in part only.
		let page_bytes = page_bytes(&model, config.precision);
		let adapter_pages = (2 * config.adapter_bytes.div_ceil(page_bytes)).min(u64::from(u32::MAX)) as usize;
		let limits = Limits {
			max_batch: config.max_batch,
			speculate: config.speculate,
			blocks,
			adapter_pages,
			adapter_bytes: config.adapter_bytes,
		};
		let thread = {
			let (counters, tokenizer, dir) = (counters.clone(), tokenizer.clone(), config.model_dir.clone());
			let precision = config.precision;
			let start = Start { choice, tokenizer, loader, counters, limits, ready };
			// Tensors are made and used on this thread only: GPU work is ordered per thread.
			thread::Builder::new().name("tributary-engine".into()).spawn(move || match device {
				None => start.run(inbox, || CpuModel::load(&dir, &model, context, blocks, precision)),
				Some(device) if device == Device::flex() => start.run(inbox, || {
					let ops = Plain::new(&model, context, blocks, &device);
					TensorModel::load(&dir, &model, ops, &device)
				}),
				Some(device) => start.run(inbox, || {
					let ops = Cube::new(&model, context, blocks + adapter_pages, precision, &device)?;
					TensorModel::load(&dir, &model, ops, &device)
				}),
			})
		}
		.map_err(|error| EngineError::Config(format!("cannot start the engine thread: {error}")))?;
		started
			.recv()
			.unwrap_or_else(|_| Err(EngineError::Inference("the engine thread ended at the start".into())))?;
		tracing::info!(device = %choice, context, "engine ready");

		Ok(Self {
			inner: Arc::new(Inner {
				messages,
				thread: Mutex::new(Some(thread)),
				stopping: AtomicBool::new(false),
				counters,
				tokenizer,
				template,
				device: choice,
				precision: config.precision,
				context,
				max_batch: config.max_batch,
				queue: config.queue as u64,
			}),
		})
	}

	/// Puts a request in the queue. Its events go to `sink`, on the engine's thread.
	pub fn submit(&self, request: Request, sink: Sink) -> Result<(), SubmitError> {
		let inner = &*self.inner;
		if request.prompt.is_empty() || request.max_tokens == 0 {
			return Err(SubmitError::Empty);
		}
		let tokens = request.prompt.len().saturating_add(request.max_tokens);
		if tokens > inner.context {
			return Err(SubmitError::TooLong { tokens, context: inner.context });
		}
		if inner.stopping.load(Ordering::Acquire) {
			return Err(SubmitError::ShuttingDown);
		}
		if !inner.counters.enqueue(inner.queue) {
			let retry_after_secs = inner.counters.retry_after_secs(inner.max_batch);
			return Err(SubmitError::QueueFull { retry_after_secs });
		}
		inner.messages.send(Message::Submit(request, Reporter::new(sink))).map_err(|_| {
			inner.counters.dequeue();
			SubmitError::ShuttingDown
		})
	}

	/// The model's tokenizer.
	pub fn tokenizer(&self) -> &Tokenizer {
		&self.inner.tokenizer
	}

	/// Prompt text of a conversation by the model's chat template.
	pub fn render_chat(
		&self,
		messages: &[ChatMessage],
		add_generation_prompt: bool,
	) -> Result<String, EngineError> {
		let template = self.inner.template.as_ref().ok_or(EngineError::NoTemplate)?;
		template.render(messages, add_generation_prompt)
	}

	/// Most tokens of a request, prompt and answer together.
	pub fn context(&self) -> usize {
		self.inner.context
	}

	/// The device in use; never `Auto`.
	pub fn device(&self) -> DeviceChoice {
		self.inner.device
	}

	/// Hash of what decides, beside model and request, which tokens come out: engine version, device class, number
	/// type and sampler version.
	pub fn profile(&self) -> [u8; 32] {
		let (version, device) = (env!("CARGO_PKG_VERSION"), self.inner.device);
		let precision = self.inner.precision;
		let text = format!(
			"tributary-engine {version}; device {device}; weights {precision}; sampler {SAMPLER_VERSION}"
		);
		*blake3::hash(text.as_bytes()).as_bytes()
	}

	/// Counters.
	pub fn stats(&self) -> Stats {
		self.inner.counters.snapshot()
	}

	/// Accepts no more requests, finishes those accepted, and returns when the thread has ended.
	pub fn shutdown(&self) {
		self.inner.stopping.store(true, Ordering::Release);
		// Both fail only if the thread has ended already, which is what is wanted.
		let _ = self.inner.messages.send(Message::Shutdown);
		let thread = self.inner.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
		if let Some(thread) = thread {
			let _ = thread.join();
		}
	}
}

/// What the thread of the engine starts with.
struct Start {
	choice: DeviceChoice,
	tokenizer: Tokenizer,
	loader: Loader,
	counters: Arc<Counters>,
	limits: Limits,
	/// Told once whether the model is ready.
	ready: Sender<Result<(), EngineError>>,
}

impl Start {
	/// Loads the model and serves until told to shut down.
	fn run<E: Executor>(self, inbox: Receiver<Message>, load: impl FnOnce() -> Result<E, ModelError>) {
		let loaded = match catch_unwind(AssertUnwindSafe(load)) {
			Ok(loaded) => loaded.map_err(EngineError::from),
			Err(panic) => Err(EngineError::Device { device: self.choice, reason: panic_message(&*panic) }),
		};
		match loaded {
			Ok(executor) => {
				let scheduler =
					Scheduler::new(executor, self.tokenizer, self.loader, self.counters, &self.limits);
				if self.ready.send(Ok(())).is_ok() {
					scheduler.run(inbox);
				}
			}
			// If nobody waits for the answer, there is nobody to tell.
			Err(error) => drop(self.ready.send(Err(error))),
		}
	}
}

/// Bytes of a page of the pools of all layers on Burn's devices. A GPU without 16-bit floats takes twice that beside
/// packed weights.
fn page_bytes(model: &ModelConfig, precision: Precision) -> u64 {
	let number = if precision == Precision::Full { 4 } else { 2 };
	(model.layers * page_elements(model) * number) as u64
}

/// Blocks of the KV cache: as many as `max_batch` of the longest requests need, or as fit into memory. A model that
/// does not fit with the cache of one request is refused before its weights are read.
fn plan_memory(
	config: &EngineConfig,
	model: &ModelConfig,
	context: usize,
	choice: DeviceChoice,
) -> Result<usize, EngineError> {
	let is_cpu = choice == DeviceChoice::Cpu;
	let precision = config.precision;
	device::check_precision(choice, precision)?;
	let checkpoint = Checkpoint::open(&config.model_dir).map_err(ModelError::from)?;
	let embedding = (model.vocab_size as u64).saturating_mul(model.hidden_size as u64);
	// Tied embeddings are kept twice, to look tokens up and to multiply with.
	let packed = match model.tie_embeddings {
		true => checkpoint.parameters(),
		false => checkpoint.parameters().saturating_sub(embedding),
	};
	let looked_up = embedding.saturating_mul(if precision == Precision::Full { 4 } else { 2 });
	let weights = config.precision.bytes(packed).saturating_add(looked_up);
	let block = match is_cpu {
		true => CpuModel::block_bytes(model, config.precision),
		false => page_bytes(model, precision),
	};
	let longest = blocks_for(context);
	let cache = block.saturating_mul(longest as u64);
	let needed = weights.saturating_add(cache);
	let limit = [config.memory_bytes, device::available_memory(choice)].into_iter().flatten().min();
	if let Some(available) = limit.filter(|limit| needed > *limit) {
		return Err(EngineError::Memory { needed, weights, cache, available });
	}
	let wanted = longest.saturating_mul(config.max_batch);
	let room = limit.map_or(u64::MAX, |limit| (limit - weights) / block.max(1));
	let blocks = wanted.min(usize::try_from(room).unwrap_or(usize::MAX)).min(u32::MAX as usize);
	if blocks < wanted {
		tracing::warn!(blocks, wanted, "the KV cache holds fewer than max_batch of the longest requests");
	}
	let layer_cache = (blocks as u64).saturating_mul(block) / model.layers as u64;
	let is_graphics = matches!(choice, DeviceChoice::Wgpu | DeviceChoice::Vulkan);
	if is_graphics && looked_up.max(layer_cache) > MAX_GPU_TENSOR_BYTES {
		return Err(EngineError::Device {
			device: choice,
			reason: "a tensor would exceed 2 GiB; lower max_batch or max_context, or choose cpu".into(),
		});
	}
	Ok(blocks)
}
