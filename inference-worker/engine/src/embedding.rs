//! The embedding of a text: the mean of its hidden states, of length 1.

/// Hidden states of the tokens so far, added up one after the other: the sum does not depend on how they were cut into
/// steps.
#[derive(Default)]
pub(crate) struct Pool {
	sum: Vec<f64>,
}

impl Pool {
	/// Adds the states of `tokens` tokens, one row each.
	pub(crate) fn add(&mut self, states: &[f32], tokens: usize) {
		let width = states.len() / tokens.max(1);
		self.sum.resize(width, 0.0);
		for row in states.chunks_exact(width.max(1)) {
			self.sum.iter_mut().zip(row).for_each(|(sum, state)| *sum += f64::from(*state));
		}
	}

	/// The direction of the sum, which is that of the mean. None if it has none.
	pub(crate) fn finish(&self) -> Option<Vec<f32>> {
		let length = self.sum.iter().map(|sum| sum * sum).sum::<f64>().sqrt();
		let is_usable = length.is_finite() && length > 0.0;
		is_usable.then(|| self.sum.iter().map(|sum| (sum / length) as f32).collect())
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	proptest! {
		#[test]
		fn embedding_has_length_one_and_is_the_same_when_cut_anywhere(
			states in prop::collection::vec(-9f32..9.0, 4..80), cut in 0usize..20,
		) {
			let tokens = states.len() / 4;
			let states = &states[..tokens * 4];
			let cut = cut % tokens;
			let (mut whole, mut parts) = (Pool::default(), Pool::default());
			whole.add(states, tokens);
			if cut > 0 {
				parts.add(&states[..cut * 4], cut);
			}
			parts.add(&states[cut * 4..], tokens - cut);
			prop_assert_eq!(whole.finish(), parts.finish());
			if let Some(embedding) = whole.finish() {
				let length: f32 = embedding.iter().map(|number| number * number).sum();
				prop_assert!((length - 1.0).abs() < 1e-5);
			}
		}
	}

	#[test]
	fn there_is_no_embedding_when_states_vanish_or_are_not_finite() {
		for states in [[0.0, 0.0], [f32::NAN, 1.0]] {
			let mut pool = Pool::default();
			pool.add(&states, 1);
			assert_eq!(pool.finish(), None);
		}
	}
}
