//! Continuous batching on one thread: requests join between decode steps and leave when they are done.
//!
//! Slot `i` of the KV cache belongs to sequence `i` of `decoding`; the one sequence whose prompt is being processed
//! has the slot after the last. Prompts are processed in chunks between decode steps, so that a long one delays the
//! others by one chunk at a time.

use std::{
	collections::{HashMap, HashSet, VecDeque},
	panic::{catch_unwind, AssertUnwindSafe},
	sync::{mpsc::Receiver, Arc},
};

use rayon::prelude::*;

use crate::{
	error::{AdapterError, EngineError},
	kv_cache::KvCache,
	lora::{
		batch::{Adapter, AdapterSet, LoraBatch, LoraPlanner},
		loader::{Loaded, Loader, LOADERS},
		reader::HostAdapter,
		store::AdapterStore,
	},
	model::{Model, Step},
	request::{Event, Reporter, Request},
	sampling::{sample, Sampled, Sampling},
	sequence::Sequence,
	stats::Counters,
	tokenizer::Tokenizer,
	ContentHash,
};

/// Prompt tokens processed between two decode steps.
const PREFILL_CHUNK: usize = 128;
/// Waiting requests whose adapters are fetched ahead.
const LOOK_AHEAD: usize = 64;

/// What reaches the thread of the engine.
pub(crate) enum Message {
	Submit(Request, Reporter),
	Loaded(Loaded),
	/// Finish what was accepted, then end.
	Shutdown,
}

struct Waiting {
	request: Request,
	reporter: Reporter,
}

impl Waiting {
	fn needs(&self) -> impl Iterator<Item = &ContentHash> {
		self.request.adapters.iter().map(|adapter| &adapter.hash)
	}
}

pub(crate) struct Scheduler {
	model: Model,
	cache: KvCache,
	tokenizer: Tokenizer,
	planner: LoraPlanner,
	store: AdapterStore,
	loader: Loader,
	counters: Arc<Counters>,
	max_batch: usize,
	context: usize,
	waiting: VecDeque<Waiting>,
	/// Adapters on their way.
	loading: HashSet<ContentHash>,
	/// Adapters that arrived and have no room yet.
	parked: HashMap<ContentHash, HostAdapter>,
	/// Adapter being put on the device.
	placing: Option<ContentHash>,
	prefilling: Option<Sequence>,
	decoding: Vec<Sequence>,
	/// Updates for `decoding`; none after it changed.
	lora: Option<LoraBatch>,
	draining: bool,
}

/// Limits of a [`Scheduler`].
pub(crate) struct Limits {
	pub(crate) max_batch: usize,
	pub(crate) context: usize,
	pub(crate) adapter_bytes: u64,
}

impl Scheduler {
	pub(crate) fn new(
		model: Model,
		planner: LoraPlanner,
		tokenizer: Tokenizer,
		loader: Loader,
		counters: Arc<Counters>,
		limits: &Limits,
	) -> Self {
		Self {
			cache: model.cache(limits.max_batch, limits.context),
			planner,
			store: AdapterStore::new(limits.adapter_bytes, counters.clone()),
			model,
			tokenizer,
			loader,
			counters,
			max_batch: limits.max_batch,
			context: limits.context,
			waiting: VecDeque::new(),
			loading: HashSet::new(),
			parked: HashMap::new(),
			placing: None,
			prefilling: None,
			decoding: Vec::new(),
			lora: None,
			draining: false,
		}
	}

	/// Works until told to shut down and nothing is left to do.
	pub(crate) fn run(mut self, inbox: Receiver<Message>) {
		loop {
			while let Ok(message) = inbox.try_recv() {
				self.receive(message);
			}
			// A panic of the device must not take the other requests' queue along.
			match catch_unwind(AssertUnwindSafe(|| self.step())) {
				Ok(true) => continue,
				Ok(false) => {}
				Err(panic) => {
					self.recover(&panic_message(&*panic));
					continue;
				}
			}
			if self.draining && self.waiting.is_empty() {
				return;
			}
			match inbox.recv() {
				Ok(message) => self.receive(message),
				Err(_) => return,
			}
		}
	}

	fn receive(&mut self, message: Message) {
		match message {
			Message::Submit(request, mut reporter) => match request.check(self.model.config().vocab_size) {
				Ok(()) => {
					let hits = request.adapters.iter().filter(|adapter| self.store.contains(&adapter.hash));
					Counters::add(&self.counters.adapter_hits, hits.count() as u64);
					self.waiting.push_back(Waiting { request, reporter });
				}
				Err(error) => {
					self.counters.dequeue();
					reporter.end(Event::Failed(error));
				}
			},
			Message::Loaded(Loaded { hash, result }) => {
				self.loading.remove(&hash);
				match result {
					Ok(adapter) => {
						self.parked.insert(hash, adapter);
					}
					Err(error) => self.fail_waiting(&hash, &error),
				}
			}
			Message::Shutdown => self.draining = true,
		}
	}

	/// One round: place adapters, process a chunk of prompts, decode one token of each running sequence.
	/// False if there was nothing to do.
	fn step(&mut self) -> bool {
		self.place_parked();
		self.fetch_missing();
		let prefilled = self.prefill();
		let decoded = self.decode();
		Counters::set(
			&self.counters.running,
			(self.decoding.len() + usize::from(self.prefilling.is_some())) as u64,
		);
		prefilled || decoded
	}

	/// Processes prompts until a chunk's worth of tokens is done.
	fn prefill(&mut self) -> bool {
		let mut budget = PREFILL_CHUNK;
		while budget > 0 {
			let Some(mut sequence) = self.prefilling.take().or_else(|| self.admit()) else { break };
			let slot = self.decoding.len();
			let remaining = sequence.remaining_prompt();
			let tokens = remaining.get(..budget).unwrap_or(remaining);
			let count = tokens.len();
			let is_last = count == remaining.len();
			let step = Step::Prefill { slot, start: sequence.filled, tokens };
			let hidden = self.model.forward(&step, &mut self.cache, &sequence.lora);
			sequence.filled += count;
			budget -= count.min(budget);
			Counters::add(&self.counters.prompt_tokens, count as u64);
			if !is_last {
				self.prefilling = Some(sequence);
				continue;
			}
			let width = hidden.dims()[1];
			let logits = read_rows(self.model.logits(hidden.slice([count - 1..count, 0..width])));
			match logits {
				Ok(logits) => {
					let (position, sampling) = sequence.draw();
					let drawn = sample(&logits, position, &sampling);
					Counters::add(&self.counters.generated_tokens, 1);
					if sequence.advance(drawn) {
						self.decoding.push(sequence);
						self.lora = None;
					} else {
						self.finished(&sequence);
					}
				}
				Err(error) => sequence.fail(error),
			}
		}
		budget < PREFILL_CHUNK
	}

	fn decode(&mut self) -> bool {
		if self.decoding.is_empty() {
			return false;
		}
		let rows: Vec<(u32, usize)> = self.decoding.iter().map(Sequence::next).collect();
		let lora = self.lora.take().unwrap_or_else(|| {
			self.planner.plan(&self.decoding.iter().map(|sequence| &sequence.adapters).collect::<Vec<_>>())
		});
		let hidden = self.model.forward(&Step::Decode(&rows), &mut self.cache, &lora);
		self.lora = Some(lora);
		let logits = match read_rows(self.model.logits(hidden)) {
			Ok(logits) => logits,
			Err(error) => {
				self.fail_running(&error);
				return true;
			}
		};
		let vocab = self.model.config().vocab_size;
		let draws: Vec<(u64, Sampling)> = self.decoding.iter().map(Sequence::draw).collect();
		let drawn: Vec<Sampled> = draws
			.par_iter()
			.zip(logits.par_chunks_exact(vocab))
			.map(|((position, sampling), logits)| sample(logits, *position, sampling))
			.collect();
		Counters::add(&self.counters.generated_tokens, drawn.len() as u64);
		let ended: Vec<usize> = self
			.decoding
			.iter_mut()
			.zip(drawn)
			.enumerate()
			.filter_map(|(index, (sequence, drawn))| (!sequence.advance(drawn)).then_some(index))
			.collect();
		// From the end on, so that a sequence moved into a gap has been looked at already.
		for index in ended.into_iter().rev() {
			self.remove(index);
		}
		true
	}

	/// Takes a sequence out of the batch; the last one moves into its slot, the one in prefill follows.
	fn remove(&mut self, index: usize) {
		let last = self.decoding.len() - 1;
		let sequence = self.decoding.swap_remove(index);
		if let Some(moved) = self.decoding.get(index) {
			self.cache.move_slot(last, index, moved.stored());
		}
		if let Some(prefilling) = &self.prefilling {
			self.cache.move_slot(last + 1, last, prefilling.filled);
		}
		self.lora = None;
		self.finished(&sequence);
	}

	fn finished(&self, sequence: &Sequence) {
		Counters::add(&self.counters.finished, 1);
		Counters::add(&self.counters.served_ms, sequence.served_ms());
	}

	/// The next waiting request whose adapters are all resident, if the batch has a place.
	fn admit(&mut self) -> Option<Sequence> {
		if self.decoding.len() >= self.max_batch {
			return None;
		}
		// Requests behind one whose adapter lacks room must not hold further adapters, or it would wait for ever.
		let stuck = self
			.waiting
			.iter()
			.position(|waiting| waiting.needs().any(|hash| self.parked.contains_key(hash)));
		let index = self.waiting.iter().enumerate().position(|(index, waiting)| {
			let may_hold = stuck.is_none_or(|stuck| index < stuck) || waiting.request.adapters.is_empty();
			may_hold && waiting.needs().all(|hash| self.store.contains(hash))
		})?;
		let Waiting { request, reporter } = self.waiting.remove(index)?;
		self.counters.dequeue();
		let members = request
			.adapters
			.iter()
			.filter_map(|adapter| Some((adapter.hash, adapter.scale, self.store.get(&adapter.hash)?)))
			.collect();
		let adapters = AdapterSet::new(members);
		let lora = self.planner.uniform(&adapters);
		Some(Sequence::new(request, reporter, adapters, lora, &self.tokenizer))
	}

	/// Puts adapters that arrived on the device, evicting what no request in front of them needs.
	fn place_parked(&mut self) {
		let hashes: Vec<ContentHash> = self.parked.keys().copied().collect();
		for hash in hashes {
			let wanted = self.waiting.iter().position(|waiting| waiting.needs().any(|need| *need == hash));
			let Some((wanted, adapter)) = wanted.zip(self.parked.remove(&hash)) else {
				self.parked.remove(&hash);
				continue;
			};
			let protected = self.waiting.iter().take(wanted + 1).flat_map(Waiting::needs).copied().collect();
			if self.store.make_room(adapter.bytes, &protected) {
				self.placing = Some(hash);
				let adapter = Adapter::upload(adapter, self.model.config(), &self.model.device());
				self.store.insert(hash, adapter);
				self.placing = None;
			} else if wanted == 0 && self.decoding.is_empty() && self.prefilling.is_none() {
				// Nothing will be released any more: the request's own adapters exceed the budget together.
				let others: u64 = self
					.waiting
					.iter()
					.take(1)
					.flat_map(Waiting::needs)
					.filter(|need| **need != hash)
					.map(|need| self.store.bytes_of(need))
					.sum();
				let bytes = adapter.bytes.saturating_add(others);
				let error = AdapterError::OverBudget { bytes, budget: self.store.budget() };
				if let Some(mut first) = self.waiting.pop_front() {
					self.counters.dequeue();
					first.reporter.end(Event::Failed(EngineError::adapter(&hash, error)));
				}
			} else {
				self.parked.insert(hash, adapter);
			}
		}
	}

	/// Asks the loader for adapters that waiting requests lack, the first in the queue first. While an adapter lacks
	/// room, only the first request may have more fetched: it is the one that gets room next.
	fn fetch_missing(&mut self) {
		let ahead = if self.parked.is_empty() { LOOK_AHEAD } else { 1 };
		for hash in self.waiting.iter().take(ahead).flat_map(Waiting::needs) {
			if self.loading.len() >= LOADERS {
				return;
			}
			let is_here = self.store.contains(hash) || self.parked.contains_key(hash);
			if !is_here && self.loading.insert(*hash) {
				self.loader.load(*hash);
			}
		}
	}

	/// Fails the waiting requests that need an adapter which cannot be had.
	fn fail_waiting(&mut self, hash: &ContentHash, error: &AdapterError) {
		let (failed, kept) = std::mem::take(&mut self.waiting)
			.into_iter()
			.partition(|waiting: &Waiting| waiting.needs().any(|need| need == hash));
		self.waiting = kept;
		let failed: VecDeque<Waiting> = failed;
		for mut waiting in failed {
			self.counters.dequeue();
			waiting.reporter.end(Event::Failed(EngineError::adapter(hash, error.clone())));
		}
	}

	fn fail_running(&mut self, error: &EngineError) {
		for mut sequence in self.prefilling.take().into_iter().chain(self.decoding.drain(..)) {
			sequence.fail(error.clone());
		}
		self.lora = None;
		self.cache = self.model.cache(self.max_batch, self.context);
	}

	/// After a panic: what ran is lost, what waits goes on with an empty cache.
	fn recover(&mut self, panic: &str) {
		tracing::error!(panic, "inference step failed");
		self.planner.clear();
		if let Some(hash) = self.placing.take() {
			self.fail_waiting(&hash, &AdapterError::Upload(panic.to_owned()));
			return;
		}
		self.fail_running(&EngineError::Inference(panic.to_owned()));
	}
}

fn read_rows(logits: burn::tensor::Tensor<2>) -> Result<Vec<f32>, EngineError> {
	let data = logits.try_into_data().map_err(|error| EngineError::Inference(error.to_string()))?;
	data.try_into_vec::<f32>().map_err(|error| EngineError::Inference(format!("{error:?}")))
}

/// Text of a panic's payload.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
	let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
	text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "unknown panic".into())
}
