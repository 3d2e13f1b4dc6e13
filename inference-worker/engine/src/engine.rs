//! The handle of the engine: starts the thread that owns the model, and hands requests to it.

use std::{
	panic::{catch_unwind, AssertUnwindSafe},
	path::{Path, PathBuf},
	sync::{
		atomic::{AtomicBool, Ordering},
		mpsc::{channel, Receiver, Sender},
		Arc, Mutex, OnceLock, PoisonError,
	},
	thread::{self, JoinHandle},
};

use burn::tensor::Device;

use crate::{
	chat::{ChatMessage, ChatTemplate},
	config::ModelConfig,
	cpu::{CpuModel, Precision},
	device::{self, DeviceChoice},
	error::{AdapterError, EngineError, ModelError, SubmitError},
	executor::Executor,
	grammar::{Grammar, GrammarSource, Grammars},
	loading::Checkpoint,
	lora::{
		host::HostTier,
		loader::{AdapterSource, Loader, Shelf},
		reader,
	},
	ops::{cube::Cube, page_elements, plain::Plain},
	pages::blocks_for,
	request::{Event, Reporter, Request, Sink},
	sampling::SAMPLER_VERSION,
	scheduler::{panic_message, Limits, Message, Scheduler},
	stats::{Counters, Stats},
	tensor::TensorModel,
	tokenizer::Tokenizer,
	ContentHash,
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
	/// Full stands for what the folder holds: one that [`crate::quantize()`] wrote stays quantized.
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
	/// Whether a request's tokens on a GPU are the same whatever else is computed beside it; on the CPU they always are.
	/// Prompts take longer then. The routers of mixtures of experts are not covered.
	pub batch_invariant: bool,
	/// Base weights, KV cache and adapters together, bytes, and no more than the system has available. None for the
	/// weights, the cache of `max_batch` of the longest requests, and `adapter_bytes`.
	pub memory_bytes: Option<u64>,
	/// Room planned for adapters where `memory_bytes` is not given, bytes. Cache and adapters use what the other leaves.
	pub adapter_bytes: u64,
	/// Adapters kept in host memory beside those on a device that has its own, bytes.
	pub host_bytes: u64,
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
			batch_invariant: true,
			memory_bytes: None,
			adapter_bytes: 512 << 20,
			host_bytes: 4 << 30,
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
	batch_invariant: bool,
	model: ModelConfig,
	/// Largest adapter, bytes.
	adapter_limit: u64,
	grammars: OnceLock<Result<Grammars, EngineError>>,
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
		let plan = plan_memory(&config, &model, context, choice)?;
		let adapter_limit = (plan.pages as u64).saturating_mul(plan.page_bytes);

		let counters = Arc::new(Counters::default());
		let (messages, inbox) = channel();
		let (ready, started) = channel();
		let loader = {
			let messages = messages.clone();
			let shelf = Shelf {
				source,
				host: HostTier::new(plan.host_bytes, counters.clone()),
				model: model.clone(),
				budget: adapter_limit,
				counters: counters.clone(),
			};
			Loader::start(shelf, move |loaded| {
				// Nobody is left to tell after the engine has ended.
				let _ = messages.send(Message::Loaded(loaded));
			})
			.map_err(|error| EngineError::Config(format!("cannot start a loader thread: {error}")))?
		};
		let limits = Limits {
			max_batch: config.max_batch,
			speculate: config.speculate,
			pages: plan.pages,
			page_bytes: plan.page_bytes,
		};
		let thread = {
			let model = model.clone();
			let (counters, tokenizer, dir) = (counters.clone(), tokenizer.clone(), config.model_dir.clone());
			let (precision, pages, invariant) = (plan.precision, plan.pages, config.batch_invariant);
			let start = Start { choice, tokenizer, loader, counters, limits, ready };
			// Tensors are made and used on this thread only: GPU work is ordered per thread.
			thread::Builder::new().name("tributary-engine".into()).spawn(move || match device {
				None => start.run(inbox, || CpuModel::load(&dir, &model, context, pages, precision)),
				Some(device) if device == Device::flex() => start.run(inbox, || {
					let ops = Plain::new(&model, context, pages, &device);
					TensorModel::load(&dir, &model, ops, &device)
				}),
				Some(device) => start.run(inbox, || {
					let ops = Cube::new(&model, context, pages, precision, &device)?;
					TensorModel::load(&dir, &model, ops.batch_invariant(invariant), &device)
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
				precision: plan.precision,
				batch_invariant: config.batch_invariant || matches!(choice, DeviceChoice::Cpu),
				model,
				adapter_limit,
				grammars: OnceLock::new(),
				context,
				max_batch: config.max_batch,
				queue: config.queue as u64,
			}),
		})
	}

	/// Puts a request in the queue. Its events go to `sink`, on the engine's thread.
	pub fn submit(&self, request: Request, sink: Sink) -> Result<(), SubmitError> {
		self.submit_all(vec![(request, sink)])
	}

	/// Puts several requests in the queue, all of them or none. Those that continue a prompt come to their turn when the
	/// first has its first token: what they have in common with its prompt is computed once.
	pub fn submit_all(&self, requests: Vec<(Request, Sink)>) -> Result<(), SubmitError> {
		let inner = &*self.inner;
		for (request, _) in &requests {
			if request.prompt.is_empty() || (request.max_tokens == 0) != request.embed {
				return Err(SubmitError::Empty);
			}
			let tokens = request.prompt.len().saturating_add(request.max_tokens);
			if tokens > inner.context {
				return Err(SubmitError::TooLong { tokens, context: inner.context });
			}
		}
		if inner.stopping.load(Ordering::Acquire) {
			return Err(SubmitError::ShuttingDown);
		}
		let places = requests.len() as u64;
		if !inner.counters.enqueue(places, inner.queue) {
			let retry_after_secs = inner.counters.retry_after_secs(inner.max_batch);
			return Err(SubmitError::QueueFull { retry_after_secs });
		}
		let mut requests = requests.into_iter();
		let Some((first, sink)) = requests.next() else { return Ok(()) };
		let (now, later): (Vec<_>, Vec<_>) = requests.partition(|(request, _)| request.embed);
		let (messages, counters) = (inner.messages.clone(), inner.counters.clone());
		let sink = Followers { requests: later, messages, counters }.behind(sink);
		for (request, sink) in [(first, sink)].into_iter().chain(now) {
			inner.messages.send(Message::Submit(request, Reporter::new(sink))).map_err(|_| {
				inner.counters.dequeue();
				SubmitError::ShuttingDown
			})?;
		}
		Ok(())
	}

	/// Compiles a grammar that an answer shall match. The first one takes longer.
	pub fn grammar(&self, source: GrammarSource) -> Result<Grammar, EngineError> {
		let inner = &*self.inner;
		let grammars = inner.grammars.get_or_init(|| Grammars::new(&inner.tokenizer, inner.model.vocab_size));
		grammars.as_ref().map_err(Clone::clone)?.compile(source)
	}

	/// Tokens that logits are computed for: ids are below.
	pub fn vocabulary(&self) -> usize {
		self.inner.model.vocab_size
	}

	/// Keeps these adapters on the device from now on, and no longer those pinned before: they are brought there before
	/// a request needs them, and evicted only when a request could not run otherwise.
	pub fn pin(&self, adapters: Vec<ContentHash>) {
		// Nothing is to be kept after the thread has ended.
		let _ = self.inner.messages.send(Message::Pin(adapters));
	}

	/// Reads an adapter and says why it would be refused.
	pub fn check_adapter(&self, folder: &Path) -> Result<(), AdapterError> {
		reader::read(folder, &self.inner.model, self.inner.adapter_limit).map(drop)
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
		self.template()?.render(messages, &[], add_generation_prompt)
	}

	/// The model's chat template.
	pub fn template(&self) -> Result<&ChatTemplate, EngineError> {
		self.inner.template.as_ref().ok_or(EngineError::NoTemplate)
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
			"tributary-engine {version}; device {device}; weights {precision}; sampler {SAMPLER_VERSION}{}",
			if self.inner.batch_invariant { "" } else { "; products by the size of the batch" }
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

/// Requests that wait for the first token of another, with their places in the queue.
struct Followers {
	requests: Vec<(Request, Sink)>,
	messages: Sender<Message>,
	counters: Arc<Counters>,
}

impl Followers {
	/// A sink that submits them with what comes after the start of the first. They are dropped with it, if it is called
	/// off before.
	fn behind(mut self, mut sink: Sink) -> Sink {
		Box::new(move |event| {
			if !matches!(event, Event::Started { .. }) {
				for (request, sink) in self.requests.drain(..) {
					// Fails only when the engine has ended.
					let _ = self.messages.send(Message::Submit(request, Reporter::new(sink)));
				}
			}
			sink(event)
		})
	}
}

impl Drop for Followers {
	fn drop(&mut self) {
		self.requests.iter().for_each(|_| self.counters.dequeue());
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

/// The device's memory beside the weights.
struct Plan {
	precision: Precision,
	pages: usize,
	page_bytes: u64,
	host_bytes: u64,
}

/// Pages as the configuration asks, or as fit into memory. A model that does not fit with the cache of one request is
/// refused before its weights are read.
fn plan_memory(
	config: &EngineConfig,
	model: &ModelConfig,
	context: usize,
	choice: DeviceChoice,
) -> Result<Plan, EngineError> {
	let precision = choice.precision(model, config.precision)?;
	let checkpoint = Checkpoint::open(&config.model_dir).map_err(ModelError::from)?;
	let embedding = (model.vocab_size as u64).saturating_mul(model.hidden_size as u64);
	let table = embedding.saturating_mul(if precision == Precision::Full { 4 } else { 2 });
	let routers = model.router_parameters();
	let weights = match (model.quantization, precision) {
		(Some(stored), Precision::Full) => checkpoint.bytes().saturating_mul(32) / stored.bits(),
		(Some(_), _) => checkpoint.bytes(),
		(None, precision) => {
			// Tied embeddings are kept twice, to look tokens up and to multiply with.
			let untied = if model.tie_embeddings { 0 } else { embedding };
			let packed = checkpoint.parameters().saturating_sub(untied + routers);
			let packed = precision.bytes(packed).saturating_add(routers.saturating_mul(4));
			packed.saturating_add(table)
		}
	};
	let page_bytes = match choice {
		DeviceChoice::Cpu => CpuModel::page_bytes(model, precision),
		_ => page_bytes(model, precision),
	};
	let longest = blocks_for(context) as u64;
	let cache = page_bytes.saturating_mul(longest);
	let needed = weights.saturating_add(cache);
	let limit = [config.memory_bytes, device::available_memory(choice)].into_iter().flatten().min();
	if let Some(available) = limit.filter(|limit| needed > *limit) {
		return Err(EngineError::Memory { needed, weights, cache, available });
	}
	let room = limit.map_or(u64::MAX, |limit| (limit - weights) / page_bytes.max(1));
	let wanted = match config.memory_bytes {
		Some(_) => room,
		None => {
			let for_adapters = config.adapter_bytes.div_ceil(page_bytes.max(1));
			longest.saturating_mul(config.max_batch as u64).saturating_add(for_adapters)
		}
	};
	if room < wanted {
		let (room, wanted) = (room.saturating_mul(page_bytes), wanted.saturating_mul(page_bytes));
		tracing::warn!(
			room,
			wanted,
			"less memory than max_batch of the longest requests and adapter_bytes need"
		);
	}
	let is_gpu = !matches!(choice, DeviceChoice::Cpu | DeviceChoice::Flex);
	let is_graphics = matches!(choice, DeviceChoice::Wgpu | DeviceChoice::Vulkan);
	// A layer's part of all pages is one tensor, whose numbers the kernels count in 32 bits.
	let bindable = match choice {
		DeviceChoice::Wgpu | DeviceChoice::Vulkan => {
			MAX_GPU_TENSOR_BYTES / (page_bytes / model.layers as u64).max(1)
		}
		DeviceChoice::Cuda => u64::from(u32::MAX) / (page_elements(model) as u64).max(1),
		_ => u64::from(u32::MAX),
	};
	let pages = usize::try_from(wanted.min(room).min(bindable)).unwrap_or(usize::MAX);
	if is_graphics && (table > MAX_GPU_TENSOR_BYTES || bindable < longest) {
		return Err(EngineError::Device {
			device: choice,
			reason: "a tensor would exceed 2 GiB; lower max_context, or choose cuda or cpu".into(),
		});
	}
	let host_bytes = if is_gpu { config.host_bytes } else { 0 };
	Ok(Plan { precision, pages, page_bytes, host_bytes })
}
