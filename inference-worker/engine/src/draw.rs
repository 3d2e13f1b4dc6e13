//! Draws of one sequence in a step: one token after each of its rows.

use rayon::prelude::*;

use crate::{
	error::EngineError,
	sampling::{choose, top_logprobs, LogTotal, Sampled, Sampling},
	steering::Steer,
};

/// The rows of one sequence, and how tokens are drawn from them.
pub(crate) struct Draw<'a> {
	/// Rows of the vocabulary: the first for the next token, each further one for the token after a guess.
	pub(crate) logits: &'a [f32],
	/// What the rows after the first took for granted.
	pub(crate) guesses: &'a [u32],
	/// Number of the first token in the answer.
	pub(crate) position: u64,
	pub(crate) sampling: Sampling,
	/// Most likely tokens to report beside each.
	pub(crate) top_logprobs: usize,
	/// What the tokens before change; belongs to the sequence.
	pub(crate) steer: Option<Box<Steer>>,
}

impl Draw<'_> {
	/// One token per row. With steering, only up to the first that is not what was guessed, since later rows follow
	/// tokens that were not drawn.
	pub(crate) fn tokens(&mut self, vocabulary: usize) -> Vec<Result<Sampled, EngineError>> {
		let (sampling, top, first) = (self.sampling, self.top_logprobs, self.position);
		let rows = self.logits.par_chunks_exact(vocabulary).enumerate();
		let Some(steer) = self.steer.as_deref_mut() else {
			let plain =
				|(row, logits)| Ok(report(logits, choose(logits, first + row as u64, &sampling), top));
			return rows.map(plain).collect();
		};
		let mut drawn = Vec::new();
		for (row, logits) in self.logits.chunks_exact(vocabulary).enumerate() {
			let id = match steer.draw(logits, first + row as u64, &sampling) {
				Ok(id) => id,
				Err(error) => {
					drawn.push(Err(error));
					break;
				}
			};
			drawn.push(Ok(report(logits, id, top)));
			if self.guesses.get(row) != Some(&id) {
				break;
			}
		}
		drawn
	}
}

fn report(logits: &[f32], id: u32, top: usize) -> Sampled {
	let total = LogTotal::of(logits);
	Sampled { id, logprob: total.logprob(logits, id), top_logprobs: top_logprobs(logits, total, top) }
}
