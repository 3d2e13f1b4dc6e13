//! A request in the batch.

use std::time::Instant;

use crate::{
	error::EngineError,
	lora::batch::{AdapterSet, LoraBatch},
	request::{Event, FinishReason, Reporter, Request},
	sampling::{Sampled, Sampling},
	text::AnswerText,
	tokenizer::Tokenizer,
};

/// A request whose adapters are held, with its progress.
pub(crate) struct Sequence {
	request: Request,
	reporter: Reporter,
	text: AnswerText,
	eos_ids: Vec<u32>,
	tokens: Vec<u32>,
	started: Instant,
	pub(crate) adapters: AdapterSet,
	/// Updates for the prompt's tokens.
	pub(crate) lora: LoraBatch,
	/// Prompt tokens whose keys and values are stored.
	pub(crate) filled: usize,
}

impl Sequence {
	pub(crate) fn new(
		request: Request,
		reporter: Reporter,
		adapters: AdapterSet,
		lora: LoraBatch,
		tokenizer: &Tokenizer,
	) -> Self {
		let text = AnswerText::new(tokenizer.clone(), request.stop.clone());
		let eos_ids = if request.eos { tokenizer.eos_ids().to_vec() } else { Vec::new() };
		let tokens = Vec::new();
		Self { request, reporter, text, eos_ids, tokens, started: Instant::now(), adapters, lora, filled: 0 }
	}

	/// Prompt tokens not processed yet.
	pub(crate) fn remaining_prompt(&self) -> &[u32] {
		self.request.prompt.get(self.filled..).unwrap_or_default()
	}

	/// The token to process next and its position.
	pub(crate) fn next(&self) -> (u32, usize) {
		let last = self.tokens.last().or(self.request.prompt.last()).copied().unwrap_or(0);
		(last, self.stored())
	}

	/// Tokens whose keys and values are stored.
	pub(crate) fn stored(&self) -> usize {
		match self.tokens.len() {
			0 => self.filled,
			generated => self.filled + generated - 1,
		}
	}

	/// Milliseconds since the sequence joined the batch.
	pub(crate) fn served_ms(&self) -> u64 {
		u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
	}

	/// Number of the token to draw, from 0, and how to draw it.
	pub(crate) fn draw(&self) -> (u64, Sampling) {
		(self.tokens.len() as u64, self.request.sampling)
	}

	/// Takes the drawn token and reports it. False if the sequence has ended.
	pub(crate) fn advance(&mut self, drawn: Sampled) -> bool {
		if !drawn.logprob.is_finite() {
			self.fail(EngineError::Inference("the logits are not finite".into()));
			return false;
		}
		self.tokens.push(drawn.id);
		let is_eos = self.eos_ids.contains(&drawn.id);
		let is_last = is_eos || self.tokens.len() >= self.request.max_tokens;
		let piece = match self.text.push(drawn.id, is_last) {
			Ok(piece) => piece,
			Err(error) => {
				self.fail(error);
				return false;
			}
		};
		let event = Event::Token { id: drawn.id, text: piece.text, logprob: drawn.logprob };
		if !self.reporter.send(event) {
			return false;
		}
		if is_last || piece.stopped {
			let reason = if is_eos || piece.stopped { FinishReason::Stop } else { FinishReason::Length };
			self.reporter.end(Event::Done { reason, tokens: std::mem::take(&mut self.tokens) });
			return false;
		}
		true
	}

	pub(crate) fn fail(&mut self, error: EngineError) {
		self.reporter.end(Event::Failed(error));
	}
}
