//! What changes the logits before a token is drawn: a bias, penalties for what the answer holds already, a grammar.
//!
//! All of it follows from the request and the tokens of the answer so far, so that anyone can recompute it, and a
//! draw after a guess sees the same as one without guessing.

use std::collections::HashMap;

use crate::{
	error::EngineError,
	grammar::Grammar,
	sampling::{choose, Sampling},
};

/// Most tokens with a bias in one request.
pub const MAX_BIASES: usize = 1024;
/// Largest bias and its opposite.
pub const MAX_BIAS: f32 = 100.0;
/// Largest frequency or presence penalty and its opposite.
pub const MAX_PENALTY: f32 = 2.0;

/// Changes to the logits, in this order: bias, repetition, frequency, presence and grammar. By default none, which
/// costs nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Steering {
	/// Added to the logits of these tokens; each token once.
	pub logit_bias: Vec<(u32, f32)>,
	/// Divides the logit of a token in the answer where it is positive and multiplies it where it is negative (Keskar et
	/// al. 2019); 1 changes nothing.
	pub repetition_penalty: f32,
	/// Taken from a token's logit for each time that it is in the answer.
	pub frequency_penalty: f32,
	/// Taken from the logit of a token that is in the answer.
	pub presence_penalty: f32,
	/// What the answer must match. Needs an end-of-sequence token.
	pub grammar: Option<Grammar>,
}

impl Default for Steering {
	fn default() -> Self {
		Self {
			logit_bias: Vec::new(),
			repetition_penalty: 1.0,
			frequency_penalty: 0.0,
			presence_penalty: 0.0,
			grammar: None,
		}
	}
}

impl Steering {
	/// Whether it changes nothing.
	pub fn is_none(&self) -> bool {
		!self.penalises() && self.logit_bias.is_empty() && self.grammar.is_none()
	}

	fn penalises(&self) -> bool {
		self.repetition_penalty != 1.0 || self.frequency_penalty != 0.0 || self.presence_penalty != 0.0
	}

	/// Fails unless every number is within its bounds and every token in the vocabulary.
	pub fn check(&self, vocabulary: usize) -> Result<(), EngineError> {
		let refuse = |what: String| Err(EngineError::Sampling(what));
		for (name, penalty) in
			[("frequency_penalty", self.frequency_penalty), ("presence_penalty", self.presence_penalty)]
		{
			if !(-MAX_PENALTY..=MAX_PENALTY).contains(&penalty) {
				return refuse(format!("{name} {penalty} must be between -{MAX_PENALTY} and {MAX_PENALTY}"));
			}
		}
		if !(self.repetition_penalty > 0.0 && self.repetition_penalty <= 2.0) {
			return refuse(format!(
				"repetition_penalty {} must be above 0 and at most 2",
				self.repetition_penalty
			));
		}
		if self.logit_bias.len() > MAX_BIASES {
			return refuse(format!("logit_bias may name {MAX_BIASES} tokens at most"));
		}
		for (token, bias) in &self.logit_bias {
			if *token as usize >= vocabulary {
				return refuse(format!(
					"logit_bias: token {token} is not in the vocabulary of {vocabulary} tokens"
				));
			}
			if !(-MAX_BIAS..=MAX_BIAS).contains(bias) {
				return refuse(format!("logit_bias: {bias} must be between -{MAX_BIAS} and {MAX_BIAS}"));
			}
		}
		Ok(())
	}
}

/// Steering of one sequence, with what it knows of the answer so far.
pub(crate) struct Steer {
	steering: Steering,
	/// How often each token is in the answer.
	counts: HashMap<u32, u32>,
	/// The changed logits, kept for the next draw.
	changed: Vec<f32>,
}

impl Steer {
	/// None if nothing is to be changed.
	pub(crate) fn new(steering: Steering) -> Option<Box<Self>> {
		let is_some = !steering.is_none();
		is_some.then(|| Box::new(Self { steering, counts: HashMap::new(), changed: Vec::new() }))
	}

	/// Draws the next token of the answer.
	pub(crate) fn draw(
		&mut self,
		logits: &[f32],
		position: u64,
		sampling: &Sampling,
	) -> Result<u32, EngineError> {
		self.changed.clear();
		self.changed.extend_from_slice(logits);
		for (token, bias) in &self.steering.logit_bias {
			if let Some(logit) = self.changed.get_mut(*token as usize) {
				*logit += bias;
			}
		}
		for (token, count) in &self.counts {
			if let Some(logit) = self.changed.get_mut(*token as usize) {
				*logit = self.steering.penalised(*logit, *count);
			}
		}
		if let Some(grammar) = &mut self.steering.grammar {
			grammar.mask(&mut self.changed)?;
		}
		let id = choose(&self.changed, position, sampling);
		if let Some(grammar) = &mut self.steering.grammar {
			grammar.advance(id)?;
		}
		if self.steering.penalises() {
			*self.counts.entry(id).or_default() += 1;
		}
		Ok(id)
	}
}

impl Steering {
	/// The logit of a token that is in the answer `count` times, at least once.
	fn penalised(&self, logit: f32, count: u32) -> f32 {
		let logit = match logit > 0.0 {
			true => logit / self.repetition_penalty,
			false => logit * self.repetition_penalty,
		};
		logit - count as f32 * self.frequency_penalty - self.presence_penalty
	}
}

#[cfg(test)]
mod tests {
	use proptest::prelude::*;

	use super::*;

	const GREEDY: Sampling = Sampling { temperature: 0.0, top_p: 1.0, top_k: 0, min_p: 0.0, seed: [0; 32] };

	/// The tokens drawn from the same logits again and again.
	fn drawn(steering: Steering, logits: &[f32], count: u64) -> Vec<u32> {
		let mut steer = Steer::new(steering).unwrap();
		(0..count).map(|position| steer.draw(logits, position, &GREEDY).unwrap()).collect()
	}

	#[test]
	fn token_is_left_for_the_next_when_it_was_drawn_often_enough() {
		let frequency = Steering { frequency_penalty: 0.6, ..Steering::default() };
		assert_eq!(drawn(frequency, &[1.0, 2.0], 4), [1, 1, 0, 1]);
		let presence = Steering { presence_penalty: 1.5, ..Steering::default() };
		assert_eq!(drawn(presence, &[1.0, 2.0], 4), [1, 0, 1, 1]);
		let repetition = Steering { repetition_penalty: 2.0, ..Steering::default() };
		assert_eq!(drawn(repetition, &[1.5, 2.0, -1.0], 3), [1, 0, 1]);
	}

	#[test]
	fn token_is_drawn_or_never_drawn_when_its_bias_is_extreme() {
		let bias = |bias| Steering { logit_bias: vec![(0, bias)], ..Steering::default() };
		assert_eq!(drawn(bias(100.0), &[-5.0, 9.0, 8.0], 2), [0, 0]);
		assert_eq!(drawn(bias(-100.0), &[10.0, 9.0, 8.0], 2), [1, 1]);
	}

	#[test]
	fn nothing_is_kept_when_nothing_is_asked() {
		assert!(Steer::new(Steering::default()).is_none());
	}

	#[test]
	fn check_names_the_member_when_it_is_out_of_bounds() {
		let none = Steering::default();
		for (steering, name) in [
			(Steering { frequency_penalty: 2.1, ..none.clone() }, "frequency_penalty"),
			(Steering { presence_penalty: f32::NAN, ..none.clone() }, "presence_penalty"),
			(Steering { repetition_penalty: 0.0, ..none.clone() }, "repetition_penalty"),
			(Steering { logit_bias: vec![(9, 1.0)], ..none.clone() }, "logit_bias"),
			(Steering { logit_bias: vec![(1, 101.0)], ..none.clone() }, "logit_bias"),
			(Steering { logit_bias: vec![(1, 1.0); MAX_BIASES + 1], ..none.clone() }, "logit_bias"),
		] {
			let error = steering.check(9).unwrap_err().to_string();
			assert!(error.contains(name), "{error}");
		}
		assert_eq!(none.check(9), Ok(()));
	}

	proptest! {
		#[test]
		fn penalised_logit_is_never_larger_when_penalties_are_positive(
			logit in -30f32..30.0, count in 1u32..100, repetition in 1f32..2.0,
			frequency in 0f32..2.0, presence in 0f32..2.0,
		) {
			let steering = Steering {
				repetition_penalty: repetition,
				frequency_penalty: frequency,
				presence_penalty: presence,
				..Steering::default()
			};
			prop_assert!(steering.penalised(logit, count) <= logit);
		}
	}
}
