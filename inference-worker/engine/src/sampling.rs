//! Choice of the next token, reproducible from the seed of the request.
//!
//! Gumbel-max: the argmax of `logit / T + G(seed, position, id)` is a draw from the softmax at temperature `T`.
//! `G` comes from ChaCha20 keyed by the seed, with the position as stream and the id as word, so that anyone can
//! recompute the noise of one token without the others.

use rand_chacha::{
	rand_core::{RngCore, SeedableRng},
	ChaCha20Rng,
};

use crate::error::EngineError;

/// Part of [`crate::Engine::profile`]: changes whenever the same logits and seed could give another token.
pub const SAMPLER_VERSION: u32 = 2;

/// How tokens are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
	/// Divides the logits; 0 takes the most likely token (the lowest id wins ties).
	pub temperature: f32,
	/// Keeps the most likely tokens whose probabilities reach this sum; 1 keeps all.
	pub top_p: f32,
	/// Keeps this many of the most likely tokens; 0 keeps all.
	pub top_k: usize,
	/// Keeps tokens at least this likely, as a part of the most likely one's probability; 0 keeps all.
	pub min_p: f32,
	/// Key of the noise.
	pub seed: [u8; 32],
}

impl Default for Sampling {
	fn default() -> Self {
		Self { temperature: 1.0, top_p: 1.0, top_k: 0, min_p: 0.0, seed: [0; 32] }
	}
}

impl Sampling {
	/// Fails unless the temperature is finite and at least 0, `top_p` lies in (0, 1] and `min_p` in [0, 1].
	pub fn check(&self) -> Result<(), EngineError> {
		if !self.temperature.is_finite() || self.temperature < 0.0 {
			return Err(EngineError::Sampling(format!(
				"temperature {} must be a finite number of at least 0",
				self.temperature
			)));
		}
		if !(self.top_p > 0.0 && self.top_p <= 1.0) {
			return Err(EngineError::Sampling(format!("top_p {} must be above 0 and at most 1", self.top_p)));
		}
		if !(0.0..=1.0).contains(&self.min_p) {
			return Err(EngineError::Sampling(format!("min_p {} must be between 0 and 1", self.min_p)));
		}
		Ok(())
	}
}

/// A drawn token.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
	/// Token id.
	pub id: u32,
	/// Natural logarithm of its probability under the unchanged logits (temperature 1, no cut).
	pub logprob: f32,
	/// The most likely tokens with theirs, the most likely first, as many as were asked for.
	pub top_logprobs: Vec<(u32, f32)>,
}

/// Draws the token at `position` (0 for the first token of the answer). `logits` holds at least one finite value.
pub fn sample(logits: &[f32], position: u64, sampling: &Sampling) -> Sampled {
	let id = choose(logits, position, sampling);
	Sampled { id, logprob: LogTotal::of(logits).logprob(logits, id), top_logprobs: Vec::new() }
}

/// The token that is drawn.
pub(crate) fn choose(logits: &[f32], position: u64, sampling: &Sampling) -> u32 {
	let chosen = if sampling.temperature == 0.0 {
		argmax(logits.iter().map(|logit| f64::from(*logit)).enumerate())
	} else {
		let scaled = |id: usize| {
			f64::from(logits.get(id).copied().unwrap_or(f32::NEG_INFINITY)) / f64::from(sampling.temperature)
		};
		match candidates(logits, sampling) {
			Some(kept) => perturbed_argmax(kept.into_iter().map(|id| (id, scaled(id))), position, sampling),
			None => perturbed_argmax((0..logits.len()).map(|id| (id, scaled(id))), position, sampling),
		}
	};
	chosen as u32
}

/// The `count` most likely tokens with the logarithms of their probabilities, the most likely first; among equals the
/// lowest id.
pub(crate) fn top_logprobs(logits: &[f32], total: LogTotal, count: usize) -> Vec<(u32, f32)> {
	if count == 0 {
		return Vec::new();
	}
	let mut all: Vec<(usize, f32)> = logits.iter().copied().enumerate().collect();
	if count < all.len() {
		all.select_nth_unstable_by(count, by_logit);
		all.truncate(count);
	}
	all.sort_unstable_by(by_logit);
	all.into_iter().map(|(id, logit)| (id as u32, logit - total.0)).collect()
}

/// Logarithm of the sum of the exponentials of logits.
#[derive(Clone, Copy)]
pub(crate) struct LogTotal(f32);

impl LogTotal {
	pub(crate) fn of(logits: &[f32]) -> Self {
		let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
		Self(top + logits.iter().map(|logit| (logit - top).exp()).sum::<f32>().ln())
	}

	/// Natural logarithm of a token's probability.
	pub(crate) fn logprob(self, logits: &[f32], id: u32) -> f32 {
		logits.get(id as usize).copied().unwrap_or(f32::NEG_INFINITY) - self.0
	}
}

/// The larger logit first, among equals the lower id.
fn by_logit(a: &(usize, f32), b: &(usize, f32)) -> std::cmp::Ordering {
	b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

/// Standard Gumbel noise of one token, from −3.2 to 22.9.
pub fn gumbel(seed: &[u8; 32], position: u64, id: u32) -> f64 {
	to_gumbel(noise(seed, position, id.into()).next_u32())
}

fn noise(seed: &[u8; 32], position: u64, word: u128) -> ChaCha20Rng {
	let mut rng = ChaCha20Rng::from_seed(*seed);
	rng.set_stream(position);
	rng.set_word_pos(word);
	rng
}

/// `-ln(-ln(u))` with `u` in the open interval (0, 1).
fn to_gumbel(word: u32) -> f64 {
	let uniform = (f64::from(word) + 0.5) / 4_294_967_296.0;
	-libm::log(-libm::log(uniform))
}

/// An upper bound of [`to_gumbel`] without logarithms: with `n` leading ones, `1 - u > 2^-(n+1)`, and
/// `-ln(u) >= 1 - u`, so that the noise is below `(n + 1) ln 2`; with 32 ones the half step adds one more.
fn gumbel_bound(word: u32) -> f64 {
	f64::from(word.leading_ones() + 1) * std::f64::consts::LN_2
}

fn perturbed_argmax(scores: impl Iterator<Item = (usize, f64)>, position: u64, sampling: &Sampling) -> usize {
	let mut rng = noise(&sampling.seed, position, 0);
	let mut next = 0;
	let (mut best, mut best_score) = (0, f64::NEG_INFINITY);
	for (id, score) in scores {
		if id != next {
			rng.set_word_pos(id as u128);
		}
		next = id + 1;
		let word = rng.next_u32();
		// Skipping an id that cannot win changes no result and saves two logarithms.
		if score + gumbel_bound(word) <= best_score {
			continue;
		}
		let score = score + to_gumbel(word);
		if score > best_score {
			(best, best_score) = (id, score);
		}
	}
	best
}

/// The ids kept by `top_k`, `min_p` and `top_p`, ascending; none if they keep all.
fn candidates(logits: &[f32], sampling: &Sampling) -> Option<Vec<usize>> {
	let keeps_k = sampling.top_k == 0 || sampling.top_k >= logits.len();
	if keeps_k && sampling.top_p >= 1.0 && sampling.min_p <= 0.0 {
		return None;
	}
	let mut kept: Vec<(usize, f32)> = logits.iter().copied().enumerate().collect();
	if !keeps_k {
		kept.select_nth_unstable_by(sampling.top_k - 1, by_logit);
		kept.truncate(sampling.top_k);
	}
	if sampling.min_p > 0.0 {
		let top = kept.iter().map(|(_, logit)| *logit).fold(f32::NEG_INFINITY, f32::max);
		let floor = f64::from(top) + f64::from(sampling.temperature) * libm::log(f64::from(sampling.min_p));
		kept.retain(|(_, logit)| f64::from(*logit) >= floor);
	}
	if sampling.top_p < 1.0 {
		cut_to_nucleus(&mut kept, sampling);
	}
	let mut ids: Vec<usize> = kept.into_iter().map(|(id, _)| id).collect();
	ids.sort_unstable();
	Some(ids)
}

fn cut_to_nucleus(kept: &mut Vec<(usize, f32)>, sampling: &Sampling) {
	let temperature = f64::from(sampling.temperature);
	let top = kept.iter().map(|(_, logit)| *logit).fold(f32::NEG_INFINITY, f32::max);
	let weight = |logit: f32| libm::exp(f64::from(logit - top) / temperature);
	let total: f64 = kept.iter().map(|(_, logit)| weight(*logit)).sum();
	// Tokens this unlikely sum to less than what is cut off anyway; leaving them out first makes the sort short.
	let floor = (1.0 - f64::from(sampling.top_p)) * total / kept.len() as f64;
	kept.retain(|(_, logit)| *logit == top || weight(*logit) >= floor);
	kept.sort_unstable_by(by_logit);
	let wanted = f64::from(sampling.top_p) * total;
	let mut sum = 0.0;
	let len = kept.iter().position(|(_, logit)| {
		sum += weight(*logit);
		sum >= wanted
	});
	kept.truncate(len.map_or(kept.len(), |last| last + 1));
}

fn argmax(scores: impl Iterator<Item = (usize, f64)>) -> usize {
	let (mut best, mut best_score) = (0, f64::NEG_INFINITY);
	for (id, score) in scores {
		if score > best_score {
			(best, best_score) = (id, score);
		}
	}
	best
}

#[cfg(test)]
mod tests {
	use proptest::prelude::*;
	// Named, because the prelude of proptest holds another trait of this name.
	use rand_chacha::rand_core::RngCore;

	use super::*;

	proptest! {
		#[test]
		fn bound_is_above_the_noise_when_any_word_is_drawn(word: u32) {
			prop_assert!(gumbel_bound(word) >= to_gumbel(word));
		}

		#[test]
		fn sample_equals_the_plain_definition_when_nothing_is_cut(
			logits in prop::collection::vec(-20f32..20.0, 1..200),
			seed: [u8; 32],
			position in 0u64..1 << 40,
			temperature in 0.05f32..3.0,
		) {
			let sampling = Sampling { temperature, seed, ..Sampling::default() };
			let plain = argmax(logits.iter().enumerate().map(|(id, logit)| {
				(id, f64::from(*logit) / f64::from(temperature) + gumbel(&seed, position, id as u32))
			}));
			prop_assert_eq!(sample(&logits, position, &sampling).id as usize, plain);
		}

		#[test]
		fn nucleus_is_the_shortest_prefix_when_top_p_cuts(
			logits in prop::collection::vec(-8f32..8.0, 1..120),
			top_p in 0.01f32..0.999,
			temperature in 0.1f32..2.0,
		) {
			let sampling = Sampling { temperature, top_p, ..Sampling::default() };
			let kept = candidates(&logits, &sampling).unwrap();
			let weight = |id: &usize| libm::exp(f64::from(logits[*id]) / f64::from(temperature));
			let total: f64 = (0..logits.len()).map(|id| weight(&id)).sum();
			let sum: f64 = kept.iter().map(weight).sum();
			let least = kept.iter().map(weight).fold(f64::INFINITY, f64::min);
			prop_assert!(sum >= f64::from(top_p) * total * (1.0 - 1e-9));
			prop_assert!(sum - least <= f64::from(top_p) * total * (1.0 + 1e-9));
		}

		#[test]
		fn kept_tokens_are_likely_enough_when_min_p_cuts(
			logits in prop::collection::vec(-8f32..8.0, 1..120),
			min_p in 0.001f32..1.0,
			temperature in 0.1f32..2.0,
		) {
			let sampling = Sampling { temperature, min_p, ..Sampling::default() };
			let kept = candidates(&logits, &sampling).unwrap();
			let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
			let part = |logit: f32| libm::exp(f64::from(logit - top) / f64::from(temperature));
			prop_assert!(!kept.is_empty());
			for (id, logit) in logits.iter().enumerate() {
				let (part, floor) = (part(*logit), f64::from(min_p));
				let is_right = if kept.contains(&id) { part > floor - 1e-6 } else { part < floor + 1e-6 };
				prop_assert!(is_right);
			}
		}

		#[test]
		fn top_logprobs_are_the_most_likely_in_order_when_some_are_asked_for(
			logits in prop::collection::vec(-8f32..8.0, 1..60), count in 1usize..20,
		) {
			let top = top_logprobs(&logits, LogTotal::of(&logits), count);
			prop_assert_eq!(top.len(), count.min(logits.len()));
			prop_assert!(top.windows(2).all(|pair| pair[0].1 >= pair[1].1));
			let least = top[top.len() - 1].0 as usize;
			prop_assert!(logits.iter().filter(|logit| **logit > logits[least]).count() < count);
			let total: f32 = top_logprobs(&logits, LogTotal::of(&logits), 60).iter().map(|(_, log)| log.exp()).sum();
			prop_assert!((total - 1.0).abs() < 1e-4);
		}

		#[test]
		fn token_is_among_the_top_k_when_top_k_cuts(
			logits in prop::collection::vec(-8f32..8.0, 5..60), seed: [u8; 32], top_k in 1usize..5,
		) {
			let sampling = Sampling { top_k, seed, ..Sampling::default() };
			let id = sample(&logits, 3, &sampling).id as usize;
			prop_assert!(logits.iter().filter(|logit| **logit > logits[id]).count() < top_k);
		}
	}

	#[test]
	fn lowest_id_wins_when_temperature_is_zero_and_logits_tie() {
		let sampling = Sampling { temperature: 0.0, ..Sampling::default() };
		assert_eq!(sample(&[1.0, 3.0, 3.0, 2.0], 0, &sampling).id, 1);
	}

	#[test]
	fn frequencies_follow_the_softmax_when_many_positions_are_drawn() {
		let logits = [0.0f32, 1.0, 2.0];
		let sampling = Sampling { seed: [7; 32], ..Sampling::default() };
		let draws = 20_000u64;
		let mut counts = [0f64; 3];
		(0..draws).for_each(|position| counts[sample(&logits, position, &sampling).id as usize] += 1.0);
		let total: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
		for (count, logit) in counts.iter().zip(logits) {
			// Four standard deviations of a binomial share are below 0.015 here.
			assert!((count / draws as f64 - f64::from(logit).exp() / total).abs() < 0.015);
		}
	}

	#[test]
	fn noise_is_the_same_when_drawn_alone_or_in_a_run() {
		let seed = [9; 32];
		let mut run = noise(&seed, 5, 0);
		let words: Vec<u32> = (0..100).map(|_| run.next_u32()).collect();
		for (id, word) in words.iter().enumerate() {
			assert_eq!(to_gumbel(*word), gumbel(&seed, 5, id as u32));
		}
	}

	#[test]
	fn logprob_is_of_the_unchanged_distribution_when_cut_and_heated() {
		let sampling = Sampling { temperature: 0.3, top_k: 1, ..Sampling::default() };
		let sampled = sample(&[0.0, 0.0], 0, &sampling);
		assert!((sampled.logprob - 0.5f32.ln()).abs() < 1e-6);
	}

	#[test]
	fn check_fails_when_a_parameter_is_out_of_range() {
		for (temperature, top_p) in [(-1.0, 1.0), (f32::NAN, 1.0), (1.0, 0.0), (1.0, 1.1), (1.0, f32::NAN)] {
			assert!(Sampling { temperature, top_p, ..Sampling::default() }.check().is_err());
		}
		for min_p in [-0.1, 1.1, f32::NAN] {
			assert!(Sampling { min_p, ..Sampling::default() }.check().is_err());
		}
	}
}
