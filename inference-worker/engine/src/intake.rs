//! Requests that wait: their adapters are brought here, and they join the batch when there is memory for them.

use std::{
	collections::{HashMap, HashSet, VecDeque},
	sync::Arc,
};

use crate::{
	error::{AdapterError, EngineError},
	executor::{Executor, BLOCK_TOKENS},
	fairness::Turns,
	lora::{
		loader::{Loaded, Loader, LOADERS},
		reader::HostAdapter,
		set::AdapterSet,
	},
	memory::Memory,
	pages::{blocks_for, BlockKey},
	request::{Event, Reporter, Request},
	sequence::shared_blocks,
	stats::Counters,
	ContentHash,
};

/// Waiting requests whose adapters are fetched ahead.
const LOOK_AHEAD: usize = 64;

struct Waiting {
	request: Request,
	reporter: Reporter,
}

impl Waiting {
	fn needs(&self) -> impl Iterator<Item = &ContentHash> {
		self.request.adapters.iter().map(|adapter| &adapter.hash)
	}
}

/// A request with all that it needs to run.
pub(crate) struct Joined<A> {
	pub(crate) request: Request,
	pub(crate) reporter: Reporter,
	pub(crate) adapters: AdapterSet<A>,
	/// Blocks for prompt and longest answer.
	pub(crate) blocks: Vec<u32>,
	/// How many of them are filled already, and the key of the last of those.
	pub(crate) shared: usize,
	pub(crate) last_key: BlockKey,
}

/// Why a request does not join now.
enum Refusal {
	/// What runs holds the memory.
	Later,
	/// It needs more pages than there are.
	Never { pages: usize },
}

pub(crate) struct Intake<A> {
	waiting: VecDeque<Waiting>,
	pub(crate) turns: Turns,
	pub(crate) memory: Memory<A>,
	loader: Loader,
	/// Adapters on their way.
	loading: HashSet<ContentHash>,
	/// Adapters that arrived and have no room yet.
	parked: HashMap<ContentHash, Arc<HostAdapter>>,
	/// Adapter being put on the device.
	placing: Option<ContentHash>,
	/// Requests that joined while one before them lacked room, and how many may.
	passed: usize,
	patience: usize,
	/// Whether a request was refused for lack of memory: others may have room now.
	refused: bool,
	counters: Arc<Counters>,
}

impl<A> Intake<A> {
	/// At most `patience` requests overtake one whose adapters lack room.
	pub(crate) fn new(memory: Memory<A>, loader: Loader, patience: usize, counters: Arc<Counters>) -> Self {
		Self {
			waiting: VecDeque::new(),
			turns: Turns::default(),
			memory,
			loader,
			loading: HashSet::new(),
			parked: HashMap::new(),
			placing: None,
			passed: 0,
			patience,
			refused: false,
			counters,
		}
	}

	pub(crate) fn is_empty(&self) -> bool {
		self.waiting.is_empty()
	}

	/// Whether a request was refused since this was asked last, so that what waits should be looked at again.
	pub(crate) fn has_refused(&mut self) -> bool {
		std::mem::take(&mut self.refused)
	}

	/// Takes a request that was counted as waiting.
	pub(crate) fn push(&mut self, request: Request, reporter: Reporter) {
		let hits = request.adapters.iter().filter(|adapter| self.memory.contains(&adapter.hash)).count();
		Counters::add(&self.counters.adapter_lookups, request.adapters.len() as u64);
		Counters::add(&self.counters.adapter_hits, hits as u64);
		self.waiting.push_back(Waiting { request, reporter });
	}

	/// Takes what a loader brought.
	pub(crate) fn loaded(&mut self, Loaded { hash, result }: Loaded) {
		self.loading.remove(&hash);
		match result {
			Ok(adapter) => drop(self.parked.insert(hash, adapter)),
			Err(error) => {
				if self.memory.is_pinned(&hash) {
					tracing::warn!(adapter = hex::encode(hash), %error, "a pinned adapter cannot be had");
					self.memory.unpin(&hash);
				}
				self.fail(&hash, &error);
			}
		}
	}

	/// Lets go of requests that were called off.
	pub(crate) fn drop_cancelled(&mut self) {
		self.waiting.retain_mut(|waiting| {
			let cancelled = waiting.request.cancel.is_cancelled();
			if cancelled {
				waiting.reporter.forget();
				self.counters.dequeue();
			}
			!cancelled
		});
	}

	/// Asks for adapters that waiting requests lack, the first in the queue first, then for pinned ones. While an
	/// adapter lacks room, only the first request may have more fetched: it is the one that gets room next.
	pub(crate) fn fetch_missing(&mut self) {
		let ahead = if self.parked.is_empty() { LOOK_AHEAD } else { 1 };
		let wanted = self.waiting.iter().take(ahead).flat_map(Waiting::needs);
		let pinned = self.memory.missing_pins().filter(|_| self.parked.is_empty());
		for hash in wanted.chain(pinned) {
			if self.loading.len() >= LOADERS {
				return;
			}
			let is_here = self.memory.contains(hash) || self.parked.contains_key(hash);
			if !is_here && self.loading.insert(*hash) {
				self.loader.load(*hash);
			}
		}
	}

	/// Puts adapters that arrived on the device, in the place of what no request in front of them needs.
	pub(crate) fn place_parked<E: Executor<Adapter = A>>(&mut self, executor: &mut E, is_idle: bool) {
		let hashes: Vec<ContentHash> = self.parked.keys().copied().collect();
		for hash in hashes {
			let Some(adapter) = self.parked.remove(&hash) else { continue };
			let wanted = self.waiting.iter().position(|waiting| waiting.needs().any(|need| *need == hash));
			// One that is pinned and not asked for stands behind all requests.
			let in_front = wanted.map_or(self.waiting.len(), |wanted| wanted + 1);
			let kept = self.waiting.iter().take(in_front).flat_map(Waiting::needs).copied().collect();
			let pages = executor.adapter_pages(&adapter);
			let need = is_idle && wanted == Some(0);
			if self.memory.make_room(pages, &kept, need) {
				self.placing = Some(hash);
				let pages = self.memory.take(pages);
				let adapter = executor.upload(&adapter, &pages);
				self.memory.insert(hash, adapter, pages);
				self.placing = None;
			} else if need {
				// Nothing will be released any more: the request's own adapters exceed the memory together.
				self.fail_first(&hash, pages);
			} else if wanted.is_some() {
				self.parked.insert(hash, adapter);
			} else if self.memory.unpin(&hash) {
				tracing::warn!(
					adapter = hex::encode(hash),
					"no room to pin this adapter: raise memory_bytes"
				);
			}
		}
	}

	/// The next request to join: of those whose adapters are all resident, the first of the payer who had least.
	/// None while what it needs is in use.
	pub(crate) fn admit(&mut self, is_idle: bool) -> Option<Joined<A>> {
		// A request whose adapter lacks room must not wait for ever for those behind it.
		let stuck = self
			.waiting
			.iter()
			.position(|waiting| waiting.needs().any(|hash| self.parked.contains_key(hash)));
		self.passed = if stuck.is_some() { self.passed } else { 0 };
		let may_pass = self.passed < self.patience;
		let is_ready = |(index, waiting): &(usize, &Waiting)| {
			let is_in_turn =
				stuck.is_none_or(|stuck| *index < stuck || (may_pass && waiting.request.adapters.is_empty()));
			is_in_turn && waiting.needs().all(|hash| self.memory.contains(hash))
		};
		let ready = self.waiting.iter().enumerate().filter(is_ready);
		let chosen = self.turns.next(ready.map(|(index, waiting)| (index, &waiting.request.payer)))?;
		let joined = match self.join(chosen, false) {
			Err(Refusal::Later) if is_idle => self.join(chosen, true),
			joined => joined,
		};
		match joined {
			Ok(joined) => {
				self.passed += usize::from(stuck.is_some_and(|stuck| stuck < chosen));
				Some(joined)
			}
			Err(Refusal::Later) => None,
			Err(Refusal::Never { pages }) => {
				self.refuse(chosen, pages);
				None
			}
		}
	}

	/// Makes a request whose adapters are resident ready to run, in the place of what no request in front of it needs;
	/// in the place of anything if there is `need`, because nothing runs that would give memory back.
	fn join(&mut self, index: usize, need: bool) -> Result<Joined<A>, Refusal> {
		let Some(request) = self.waiting.get(index).map(|waiting| &waiting.request) else {
			return Err(Refusal::Later);
		};
		let blocks_needed = blocks_for(request.prompt.len() + request.max_tokens);
		let members = request
			.adapters
			.iter()
			.filter_map(|adapter| Some((adapter.hash, adapter.scale, self.memory.get(&adapter.hash)?)))
			.collect();
		let adapters = AdapterSet::new(members);
		// An embedding needs the hidden states of every token, which the cache does not hold.
		let shareable = if request.embed { &[][..] } else { &request.prompt };
		let (mut blocks, last_key) = shared_blocks(shareable, &adapters, &mut self.memory);
		let shared = blocks.len();
		let in_front = self.waiting.iter().take(if need { 0 } else { index });
		let kept = in_front.flat_map(Waiting::needs).copied().collect();
		if !self.memory.make_room(blocks_needed - shared, &kept, need) {
			self.memory.release(&blocks);
			let own: HashSet<_> = request.adapters.iter().map(|adapter| adapter.hash).collect();
			let of_adapters: usize = own.iter().map(|hash| self.memory.pages_of(hash)).sum();
			return Err(match need {
				true => Refusal::Never { pages: blocks_needed + of_adapters },
				false => Refusal::Later,
			});
		}
		blocks.extend(self.memory.take(blocks_needed - shared));
		let Some(Waiting { request, reporter }) = self.waiting.remove(index) else {
			return Err(Refusal::Later);
		};
		self.counters.dequeue();
		Counters::add(&self.counters.prefix_lookups, request.prompt.len() as u64);
		Counters::add(&self.counters.prefix_hits, (shared * BLOCK_TOKENS) as u64);
		Ok(Joined { request, reporter, adapters, blocks, shared, last_key })
	}

	/// Fails a request that needs more memory than there is.
	fn refuse(&mut self, index: usize, pages: usize) {
		let Some(waiting) = self.waiting.remove(index) else { return };
		self.refused = true;
		let (needed, budget) = (self.memory.bytes_of(pages), self.memory.bytes());
		self.turn_away(waiting, EngineError::TooLarge { needed, budget });
	}

	/// Fails the first request, whose adapter of `pages` pages has no room beside its other ones.
	fn fail_first(&mut self, hash: &ContentHash, pages: usize) {
		let Some(first) = self.waiting.pop_front() else { return };
		let others: HashSet<_> = first.needs().filter(|need| *need != hash).copied().collect();
		let others: usize = others.iter().map(|need| self.memory.pages_of(need)).sum();
		let bytes = self.memory.bytes_of(pages.saturating_add(others));
		let error = AdapterError::OverBudget { bytes, budget: self.memory.bytes() };
		self.refused = true;
		self.turn_away(first, EngineError::adapter(hash, error));
	}

	/// Fails the waiting requests that need an adapter which cannot be had.
	fn fail(&mut self, hash: &ContentHash, error: &AdapterError) {
		let (failed, kept): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.waiting)
			.into_iter()
			.partition(|waiting: &Waiting| waiting.needs().any(|need| need == hash));
		self.waiting = kept;
		for waiting in failed {
			self.turn_away(waiting, EngineError::adapter(hash, error.clone()));
		}
	}

	/// Fails a request that was taken out of the queue.
	fn turn_away(&self, mut waiting: Waiting, error: EngineError) {
		self.counters.dequeue();
		waiting.reporter.end(Event::Failed(error));
	}

	/// After a panic of the device. Whether it was while an adapter was put there: then the requests that need it
	/// fail, and nothing else is lost.
	pub(crate) fn failed_to_place(&mut self, panic: &str) -> bool {
		let Some(hash) = self.placing.take() else { return false };
		self.memory.unpin(&hash);
		self.fail(&hash, &AdapterError::Upload(panic.to_owned()));
		true
	}
}
