//! Continuous batching on one thread: requests join between steps and leave when they are done.
//!
//! A step computes the next token of every request whose prompt is done, and beside them a chunk of the prompts that
//! are not, so that a long prompt delays the others by one chunk at a time. A request joins when the blocks for its
//! prompt and its longest answer are there: what runs never runs out of memory.

use std::{
	panic::{catch_unwind, AssertUnwindSafe},
	sync::{mpsc::Receiver, Arc},
};

use rayon::prelude::*;

use crate::{
	draw::Draw,
	error::EngineError,
	executor::{Chunk, Executor, Want},
	intake::Intake,
	lora::loader::{Loaded, Loader},
	memory::Memory,
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
/// What reaches the thread of the engine.
pub(crate) enum Message {
	Submit(Request, Reporter),
	Loaded(Loaded),
	/// Keep these adapters on the device.
	Pin(Vec<ContentHash>),
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

pub(crate) struct Scheduler<E: Executor> {
	executor: E,
	tokenizer: Tokenizer,
	intake: Intake<E::Adapter>,
	counters: Arc<Counters>,
	max_batch: usize,
	speculate: usize,
	/// Requests in the batch, the oldest first.
	running: Vec<Sequence<E::Adapter>>,
	draining: bool,
}

/// Limits of a [`Scheduler`].
pub(crate) struct Limits {
	pub(crate) max_batch: usize,
	/// Most tokens guessed ahead of a sequence.
	pub(crate) speculate: usize,
	/// Pages of the device's memory: enough for one request of the full context.
	pub(crate) pages: usize,
	pub(crate) page_bytes: u64,
}

impl<E: Executor> Scheduler<E> {
	pub(crate) fn new(
		executor: E,
		tokenizer: Tokenizer,
		loader: Loader,
		counters: Arc<Counters>,
		limits: &Limits,
	) -> Self {
		let memory = Memory::new(limits.pages, limits.page_bytes, counters.clone());
		Self {
			executor,
			tokenizer,
			intake: Intake::new(memory, loader, limits.max_batch, counters.clone()),
			counters,
			max_batch: limits.max_batch,
			speculate: limits.speculate,
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
			if self.draining && self.intake.is_empty() {
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
				Ok(()) => self.intake.push(request, reporter),
				Err(error) => {
					self.counters.dequeue();
					reporter.end(Event::Failed(error));
				}
			},
			Message::Loaded(loaded) => self.intake.loaded(loaded),
			Message::Pin(adapters) => self.intake.memory.pin(adapters.into_iter().collect()),
			Message::Shutdown => self.draining = true,
		}
	}

	/// One round: place adapters, let requests join, compute one step. False if there was nothing to do.
	fn step(&mut self) -> bool {
		self.drop_cancelled();
		self.intake.place_parked(&mut self.executor, self.running.is_empty());
		self.intake.fetch_missing();
		while self.running.len() < self.max_batch {
			let Some(joined) = self.intake.admit(self.running.is_empty()) else { break };
			self.running.push(Sequence::new(joined, &self.tokenizer));
		}
		Counters::set(&self.counters.running, self.running.len() as u64);
		if self.running.is_empty() {
			return self.intake.has_refused();
		}
		self.compute();
		true
	}

	/// Lets go of requests that were called off.
	fn drop_cancelled(&mut self) {
		self.intake.drop_cancelled();
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
				self.intake.turns.served(sequence.payer(), work.tokens.len());
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
			self.intake.turns.served(sequence.payer(), work.tokens.len());
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
			sequence.publish(&mut self.intake.memory);
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
		self.intake.memory.release(&sequence.blocks);
		Counters::add(&self.counters.finished, 1);
		Counters::add(&self.counters.served_ms, sequence.served_ms());
	}

	/// Fails what runs. What is on the device is not used again, since it may be incomplete.
	fn fail_running(&mut self, error: &EngineError) {
		for mut sequence in self.running.drain(..) {
			sequence.fail(error.clone());
		}
		self.intake.memory.reset();
	}

	/// After a panic: what ran is lost, what waits goes on with an empty memory.
	fn recover(&mut self, panic: &str) {
		tracing::error!(panic, "inference step failed");
		self.executor.recover();
		if !self.intake.failed_to_place(panic) {
			self.fail_running(&EngineError::Inference(panic.to_owned()));
		}
	}
}

/// Text of a panic's payload.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
	let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
	text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "unknown panic".into())
}
