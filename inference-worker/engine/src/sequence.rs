//! A request in the batch.

use std::time::Instant;

use crate::{
	draw::Draw,
	embedding::Pool,
	error::EngineError,
	executor::BLOCK_TOKENS,
	intake::Joined,
	lora::set::AdapterSet,
	memory::Memory,
	pages::{next_key, root_key, BlockKey},
	request::{Event, FinishReason, Reporter, Request},
	sampling::Sampled,
	steering::Steer,
	text::AnswerText,
	tokenizer::Tokenizer,
};

/// Tokens that must have come before for what followed to be guessed.
const LOOKUP: usize = 3;
/// How far back is looked, tokens.
const LOOKUP_WINDOW: usize = 4096;

/// Blocks that hold the beginning of `prompt` already, now used, and the key of the last. At least one token of
/// the prompt is left to compute.
pub(crate) fn shared_blocks<A>(
	prompt: &[u32],
	adapters: &AdapterSet<A>,
	memory: &mut Memory<A>,
) -> (Vec<u32>, BlockKey) {
	let (mut blocks, mut last) = (Vec::new(), root_key(&adapters.key()));
	let usable = prompt.len().saturating_sub(1) / BLOCK_TOKENS * BLOCK_TOKENS;
	for tokens in prompt.get(..usable).unwrap_or_default().chunks_exact(BLOCK_TOKENS) {
		let key = next_key(&last, tokens);
		let Some(block) = memory.share(&key) else { break };
		blocks.push(block);
		last = key;
	}
	(blocks, last)
}

/// A request whose adapters and blocks are held, with its progress.
pub(crate) struct Sequence<A> {
	request: Request,
	reporter: Reporter,
	text: AnswerText,
	eos_ids: Vec<u32>,
	/// The hidden states so far, where they are wanted.
	embedding: Pool,
	/// What the tokens so far change in the next draw; away while it is drawn.
	pub(crate) steer: Option<Box<Steer>>,
	/// Prompt and answer.
	tokens: Vec<u32>,
	/// How many of them are the prompt.
	prompt: usize,
	started: Instant,
	pub(crate) adapters: AdapterSet<A>,
	/// Blocks of the KV cache for prompt and answer.
	pub(crate) blocks: Vec<u32>,
	/// Tokens whose keys and values are stored.
	pub(crate) stored: usize,
	/// Blocks whose content is known to the pool, and the key of the last of them.
	published: usize,
	last_key: BlockKey,
}

impl<A> Sequence<A> {
	/// The sequence of a request that has joined.
	pub(crate) fn new(joined: Joined<A>, tokenizer: &Tokenizer) -> Self {
		let Joined { mut request, mut reporter, adapters, blocks, shared, last_key } = joined;
		// Whether anybody listens shows with the first token.
		let _ = reporter.send(Event::Started { cached: shared * BLOCK_TOKENS });
		let text = AnswerText::new(tokenizer.clone(), request.stop.clone());
		let eos_ids = if request.eos { tokenizer.eos_ids().to_vec() } else { Vec::new() };
		Self {
			embedding: Pool::default(),
			steer: Steer::new(std::mem::take(&mut request.steering)),
			prompt: request.prompt.len(),
			tokens: std::mem::take(&mut request.prompt),
			request,
			reporter,
			text,
			eos_ids,
			started: Instant::now(),
			adapters,
			blocks,
			stored: shared * BLOCK_TOKENS,
			published: shared,
			last_key,
		}
	}

	/// Tells the memory which blocks are full now.
	pub(crate) fn publish(&mut self, memory: &mut Memory<A>) {
		while let Some((block, tokens)) = self.full_block() {
			self.last_key = next_key(&self.last_key, &tokens);
			memory.publish(block, self.last_key);
			self.published += 1;
		}
	}

	fn full_block(&self) -> Option<(u32, Vec<u32>)> {
		let (start, end) = (self.published * BLOCK_TOKENS, (self.published + 1) * BLOCK_TOKENS);
		let tokens = self.tokens.get(start..end).filter(|_| end <= self.stored)?;
		Some((*self.blocks.get(self.published)?, tokens.to_vec()))
	}

	pub(crate) fn payer(&self) -> &[u8; 32] {
		&self.request.payer
	}

	/// Whether the prompt is computed, so that the next token is drawn from the last one alone.
	pub(crate) fn is_decoding(&self) -> bool {
		self.tokens.len() == self.stored + 1 && !self.embeds()
	}

	/// Whether it is to be embedded, not continued.
	pub(crate) fn embeds(&self) -> bool {
		self.request.embed
	}

	/// Takes the hidden states of its next tokens. False when they were the last: the embedding is reported then.
	pub(crate) fn embed(&mut self, states: &[f32], tokens: usize) -> bool {
		self.stored += tokens;
		self.embedding.add(states, tokens);
		if self.stored < self.tokens.len() {
			return true;
		}
		match self.embedding.finish() {
			Some(embedding) => {
				if self.reporter.send(Event::Embedding(embedding)) {
					self.reporter.end(Event::Done { reason: FinishReason::Stop, tokens: Vec::new() });
				}
			}
			None => self.fail(EngineError::Inference("the hidden states are not finite".into())),
		}
		false
	}

	/// Whether no token of the answer was drawn yet.
	pub(crate) fn is_in_prompt(&self) -> bool {
		self.generated() == 0
	}

	/// What may come next, at most `most` tokens: what followed when the last few tokens came before (prompt lookup,
	/// Saxena 2023). Leaves room for the token that is drawn after them.
	pub(crate) fn guess(&self, most: usize) -> &[u32] {
		let room = self.request.max_tokens.saturating_sub(self.generated() + 1);
		let Some(at) = self.tokens.len().checked_sub(LOOKUP).filter(|_| most.min(room) > 0) else {
			return &[];
		};
		let (before, last) = self.tokens.split_at(at);
		let window = self.tokens.len().saturating_sub(LOOKUP_WINDOW);
		let found = before.windows(LOOKUP).skip(window).rposition(|tokens| tokens == last);
		let start = found.map_or(self.tokens.len(), |found| window + found + LOOKUP);
		let follows = self.tokens.get(start..).unwrap_or_default();
		follows.get(..most.min(room)).unwrap_or(follows)
	}

	/// Tokens that are not computed yet, at most `limit`.
	pub(crate) fn next_tokens(&self, limit: usize) -> &[u32] {
		let rest = self.tokens.get(self.stored..).unwrap_or_default();
		rest.get(..limit).unwrap_or(rest)
	}

	/// Whether computing the next `count` tokens leads to a new one.
	pub(crate) fn reaches_end(&self, count: usize) -> bool {
		self.stored + count == self.tokens.len()
	}

	/// Milliseconds since the sequence joined the batch.
	pub(crate) fn served_ms(&self) -> u64 {
		u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
	}

	/// How to draw the next token from the first of `logits`' rows, and those after `guesses` from the others.
	pub(crate) fn draw<'a>(&mut self, logits: &'a [f32], guesses: &'a [u32]) -> Draw<'a> {
		Draw {
			logits,
			guesses,
			position: self.generated() as u64,
			sampling: self.request.sampling,
			top_logprobs: self.request.top_logprobs,
			steer: self.steer.take(),
		}
	}

	/// Tokens of the answer so far.
	fn generated(&self) -> usize {
		self.tokens.len() - self.prompt
	}

	/// Takes the drawn token and reports it. False if the sequence has ended.
	pub(crate) fn advance(&mut self, drawn: Result<Sampled, EngineError>) -> bool {
		let drawn = match drawn {
			Ok(drawn) => drawn,
			Err(error) => {
				self.fail(error);
				return false;
			}
		};
		if !drawn.logprob.is_finite() {
			self.fail(EngineError::Inference("the logits are not finite".into()));
			return false;
		}
		self.tokens.push(drawn.id);
		let is_eos = self.eos_ids.contains(&drawn.id);
		let is_last = is_eos || self.generated() >= self.request.max_tokens;
		let piece = match self.text.push(drawn.id, is_last) {
			Ok(piece) => piece,
			Err(error) => {
				self.fail(error);
				return false;
			}
		};
		let Sampled { id, logprob, top_logprobs } = drawn;
		let event = Event::Token { id, text: piece.text, logprob, top_logprobs };
		if !self.reporter.send(event) {
			return false;
		}
		if is_last || piece.stopped {
			let reason = if is_eos || piece.stopped { FinishReason::Stop } else { FinishReason::Length };
			self.reporter.end(Event::Done { reason, tokens: self.tokens.split_off(self.prompt) });
			return false;
		}
		true
	}

	/// Whether its client called it off; it reports nothing then.
	pub(crate) fn is_cancelled(&mut self) -> bool {
		let cancelled = self.request.cancel.is_cancelled();
		if cancelled {
			self.reporter.forget();
		}
		cancelled
	}

	pub(crate) fn fail(&mut self, error: EngineError) {
		self.reporter.end(Event::Failed(error));
	}
}
