//! Continuous batching on one thread: requests join between steps and leave when they are done.
//!
//! A step computes the next token of every request whose prompt is done, and beside them a chunk of the prompts that
//! are not, so that a long prompt delays the others by one chunk at a time. A request joins when the blocks for its
//! prompt and its longest answer are there: what runs never runs out of memory.

use std::{
	collections::{HashMap, HashSet, VecDeque},
	panic::{catch_unwind, AssertUnwindSafe},
	sync::{mpsc::Receiver, Arc},
};

use rayon::prelude::*;

use crate::{
	draw::Draw,
	error::{AdapterError, EngineError},
	executor::{Chunk, Executor, Want, BLOCK_TOKENS},
	fairness::Turns,
	kv_blocks::{blocks_for, BlockPool},
	lora::{
		loader::{Loaded, Loader, LOADERS},
		reader::HostAdapter,
		set::AdapterSet,
		store::AdapterStore,
	},
	request::{Event, Reporter, Request},
	sequence::Sequence,
	stats::Counters,
	tokenizer::Tokenizer,
	ContentHash,
};

/// Prompt tokens of a step.
const PREFILL_CHUNK: usize = 128;
/// Rows up to which guesses are computed beside the next tokens.
const DRAFT_ROWS: usize = 16;
/// Waiting requests whose adapters are fetched ahead.
const LOOK_AHEAD: usize = 64;

/// What reaches the thread of the engine.
pub(crate) enum Message {
	Submit(Request, Reporter),
	Loaded(Loaded),
	/// Finish what was accepted, then end.
	Shutdown,
}

/// One sequence's part of a step.
struct Work {
	/// Its place among those that run.
	index: usize,
	/// What is computed: tokens of the sequence, then guesses.
	tokens: Vec<u32>,
	/// After how many of the last of them a token is drawn.
	draws: usize,
}

impl Work {
	/// How many of the tokens are guesses.
	fn drafted(&self) -> usize {
		self.draws.saturating_sub(1)
	}
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

pub(crate) struct Scheduler<E: Executor> {
	executor: E,
	pool: BlockPool,
	tokenizer: Tokenizer,
	store: AdapterStore<E::Adapter>,
	loader: Loader,
	counters: Arc<Counters>,
	max_batch: usize,
	speculate: usize,
	waiting: VecDeque<Waiting>,
	turns: Turns,
	/// Adapters on their way.
	loading: HashSet<ContentHash>,
	/// Adapters that arrived and have no room yet.
	parked: HashMap<ContentHash, HostAdapter>,
	/// Adapter being put on the device.
	placing: Option<ContentHash>,
	/// Requests in the batch, the oldest first.
	running: Vec<Sequence<E::Adapter>>,
	draining: bool,
}

/// Limits of a [`Scheduler`].
pub(crate) struct Limits {
	pub(crate) max_batch: usize,
	/// Most tokens guessed ahead of a sequence.
	pub(crate) speculate: usize,
	/// Blocks of the KV cache: enough for one request of the full context.
	pub(crate) blocks: usize,
	pub(crate) adapter_bytes: u64,
}

impl<E: Executor> Scheduler<E> {
	pub(crate) fn new(
		executor: E,
		tokenizer: Tokenizer,
		loader: Loader,
		counters: Arc<Counters>,
		limits: &Limits,
	) -> Self {
		Self {
			executor,
			pool: BlockPool::new(limits.blocks),
			store: AdapterStore::new(limits.adapter_bytes, counters.clone()),
			tokenizer,
			loader,
			counters,
			max_batch: limits.max_batch,
			speculate: limits.speculate,
			waiting: VecDeque::new(),
			turns: Turns::default(),
			loading: HashSet::new(),
			parked: HashMap::new(),
			placing: None,
			running: Vec::new(),
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
			Message::Submit(request, mut reporter) => match request.check(self.executor.vocabulary()) {
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

	/// One round: place adapters, let requests join, compute one step. False if there was nothing to do.
	fn step(&mut self) -> bool {
		self.drop_cancelled();
		self.place_parked();
		self.fetch_missing();
		while self.running.len() < self.max_batch {
			let Some(sequence) = self.admit() else { break };
			self.running.push(sequence);
		}
		Counters::set(&self.counters.running, self.running.len() as u64);
		let (blocks, available) = (self.pool.count(), self.pool.available());
		Counters::set(&self.counters.kv_blocks, blocks as u64);
		Counters::set(&self.counters.kv_blocks_used, blocks.saturating_sub(available) as u64);
		if self.running.is_empty() {
			return false;
		}
		self.compute();
		true
	}

	/// Lets go of requests that were called off.
	fn drop_cancelled(&mut self) {
		self.waiting.retain_mut(|waiting| {
			let cancelled = waiting.request.cancel.is_cancelled();
			if cancelled {
				waiting.reporter.forget();
				self.counters.dequeue();
			}
			!cancelled
		});
		for index in (0..self.running.len()).rev() {
			if self.running[index].is_cancelled() {
				let sequence = self.running.remove(index);
				self.finished(&sequence);
			}
		}
	}

	/// Computes a step of the running requests and draws their next tokens.
	fn compute(&mut self) {
		let work = self.plan();
		let chunks: Vec<Chunk<'_, E::Adapter>> = work
			.iter()
			.filter_map(|work| {
				let sequence = self.running.get(work.index)?;
				Some(Chunk {
					tokens: &work.tokens,
					start: sequence.stored,
					blocks: &sequence.blocks,
					adapters: &sequence.adapters,
					want: if sequence.embeds() { Want::Hidden } else { Want::Logits(work.draws) },
				})
			})
			.collect();
		let logits = match self.executor.step(&chunks) {
			Ok(logits) => logits,
			Err(error) => return self.fail_running(&error),
		};
		let (vocabulary, mut rest) = (self.executor.vocabulary(), logits.as_slice());
		let mut draws: Vec<Draw<'_>> = work
			.iter()
			.map(|work| {
				let (own, others) = rest.split_at(work.draws * vocabulary);
				rest = others;
				self.running[work.index].draw(own, &work.tokens[work.tokens.len() - work.drafted()..])
			})
			.collect();
		let drawn: Vec<_> = draws.par_iter_mut().map(|draw| draw.tokens(vocabulary)).collect();
		// What is left are hidden states.
		let embedded = work.iter().filter(|work| self.running[work.index].embeds());
		let width = rest.len() / embedded.map(|work| work.tokens.len()).sum::<usize>().max(1);
		let mut ended = Vec::new();
		for ((work, draw), drawn) in work.iter().zip(draws).zip(drawn) {
			let sequence = &mut self.running[work.index];
			sequence.steer = draw.steer;
			if sequence.embeds() {
				let (states, others) = rest.split_at(work.tokens.len() * width);
				rest = others;
				Counters::add(&self.counters.prompt_tokens, work.tokens.len() as u64);
				self.turns.served(sequence.payer(), work.tokens.len());
				if !sequence.embed(states, work.tokens.len()) {
					ended.push(work.index);
				}
				continue;
			}
			let drafted = work.drafted();
			let computed = work.tokens.len() - drafted;
			if sequence.is_in_prompt() {
				Counters::add(&self.counters.prompt_tokens, computed as u64);
			}
			sequence.stored += computed;
			self.turns.served(sequence.payer(), work.tokens.len());
			// A guess that is what is drawn anyway makes the next draw good as well.
			let mut guesses = work.tokens[computed..].iter();
			let (mut goes_on, mut accepted) = (true, 0);
			for drawn in drawn {
				if !goes_on {
					break;
				}
				Counters::add(&self.counters.generated_tokens, 1);
				let id = drawn.as_ref().ok().map(|drawn| drawn.id);
				if !sequence.advance(drawn) {
					ended.push(work.index);
					goes_on = false;
				} else if guesses.next() == id.as_ref() {
					sequence.stored += 1;
					accepted += 1;
				} else {
					goes_on = false;
				}
			}
			Counters::add(&self.counters.drafted_tokens, drafted as u64);
			Counters::add(&self.counters.accepted_tokens, accepted);
			sequence.publish(&mut self.pool);
		}
		ended.sort_unstable();
		for index in ended.into_iter().rev() {
			let sequence = self.running.remove(index);
			self.finished(&sequence);
		}
	}

	/// What the next step computes: those that draw from one token first, then prompts while the chunk lasts.
	fn plan(&self) -> Vec<Work> {
		// More rows cost little while there are few: the weights are read once for all of them.
		let most = self.speculate.min(DRAFT_ROWS / self.running.len().max(1));
		let running = || self.running.iter().enumerate();
		let decoding = running().filter(|(_, sequence)| sequence.is_decoding()).map(|(index, sequence)| {
			let mut tokens = sequence.next_tokens(1).to_vec();
			tokens.extend(sequence.guess(most));
			Work { index, draws: tokens.len(), tokens }
		});
		let mut work: Vec<Work> = decoding.collect();
		let mut budget = PREFILL_CHUNK;
		for (index, sequence) in running().filter(|(_, sequence)| !sequence.is_decoding()) {
			let tokens = sequence.next_tokens(budget).to_vec();
			budget -= tokens.len();
			if !tokens.is_empty() {
				let draws = usize::from(sequence.reaches_end(tokens.len()) && !sequence.embeds());
				work.push(Work { index, draws, tokens });
			}
		}
		work
	}

	fn finished(&mut self, sequence: &Sequence<E::Adapter>) {
		self.pool.release_all(&sequence.blocks);
		Counters::add(&self.counters.finished, 1);
		Counters::add(&self.counters.served_ms, sequence.served_ms());
	}

	/// The next request to join: of those whose adapters are all resident, the first of the payer who had least.
	/// None while the blocks that it needs are in use.
	fn admit(&mut self) -> Option<Sequence<E::Adapter>> {
		// Requests behind one whose adapter lacks room must not hold further adapters, or it would wait for ever.
		let stuck = self
			.waiting
			.iter()
			.position(|waiting| waiting.needs().any(|hash| self.parked.contains_key(hash)));
		let is_ready = |(index, waiting): &(usize, &Waiting)| {
			let may_hold = stuck.is_none_or(|stuck| *index < stuck) || waiting.request.adapters.is_empty();
			may_hold && waiting.needs().all(|hash| self.store.contains(hash))
		};
		let ready = self.waiting.iter().enumerate().filter(is_ready);
		let index = self.turns.next(ready.map(|(index, waiting)| (index, &waiting.request.payer)))?;
		let request = &self.waiting.get(index)?.request;
		let needed = blocks_for(request.prompt.len() + request.max_tokens);
		let members = request
			.adapters
			.iter()
			.filter_map(|adapter| Some((adapter.hash, adapter.scale, self.store.get(&adapter.hash)?)))
			.collect();
		let adapters = AdapterSet::new(members);
		// An embedding needs the hidden states of every token, which the cache does not hold.
		let shareable = if request.embed { &[][..] } else { &request.prompt };
		let (mut blocks, last_key) = Sequence::shared_blocks(shareable, &adapters, &mut self.pool);
		let shared = blocks.len();
		if needed.saturating_sub(shared) > self.pool.available() {
			self.pool.release_all(&blocks);
			return None;
		}
		blocks.extend((shared..needed).map_while(|_| self.pool.take()));
		let Waiting { request, reporter } = self.waiting.remove(index)?;
		self.counters.dequeue();
		Counters::add(&self.counters.prefix_lookups, request.prompt.len() as u64);
		Counters::add(&self.counters.prefix_hits, (shared * BLOCK_TOKENS) as u64);
		Some(Sequence::new(request, reporter, adapters, (blocks, shared, last_key), &self.tokenizer))
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
				let adapter = self.executor.upload(adapter);
				let bytes = E::adapter_bytes(&adapter);
				self.store.insert(hash, adapter, bytes);
				self.placing = None;
			} else if wanted == 0 && self.running.is_empty() {
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

	/// Fails what runs. What it stored is not used again, since it may be incomplete.
	fn fail_running(&mut self, error: &EngineError) {
		for mut sequence in self.running.drain(..) {
			sequence.fail(error.clone());
		}
		self.pool.reset(self.pool.count());
	}

	/// After a panic: what ran is lost, what waits goes on with an empty cache.
	fn recover(&mut self, panic: &str) {
		tracing::error!(panic, "inference step failed");
		self.executor.recover();
		if let Some(hash) = self.placing.take() {
			self.fail_waiting(&hash, &AdapterError::Upload(panic.to_owned()));
			return;
		}
		self.fail_running(&EngineError::Inference(panic.to_owned()));
	}
}

/// Text of a panic's payload.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
	let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
	text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "unknown panic".into())
}
