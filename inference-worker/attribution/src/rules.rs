//! How an answer's data share is divided.

use crate::error::RulesError;
use serde::{Deserialize, Serialize};
use tributary_primitives::{limits::TOP_K, PPM};

/// Parameters of [`vector`](crate::vector). The crate's documentation gives the formulas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VectorRules {
	/// Budget for repeated spans: paid in full if unique spans without end covered the whole answer, ppm.
	pub span_ppm: u32,
	/// Budget for chunks that were in the context, ppm.
	pub retrieval_ppm: u32,
	/// Shortest span that counts, tokens; at least 1.
	pub min_span: usize,
	/// Tokens beyond `min_span` (less one) at which a unique span has half its full weight.
	pub half_span: u32,
	/// The most that one account gets of one answer, ppm.
	pub max_contributor_ppm: u32,
	/// Shares kept besides the pools, at most [`TOP_K`].
	pub top_k: usize,
}

impl Default for VectorRules {
	fn default() -> Self {
		Self {
			span_ppm: 500_000,
			retrieval_ppm: 400_000,
			min_span: 8,
			half_span: 8,
			max_contributor_ppm: 500_000,
			top_k: TOP_K,
		}
	}
}

impl VectorRules {
	/// Whether the rules mean what they say. [`vector`](crate::vector) takes any rules and uses the nearest
	/// valid ones; a program should refuse a wrong configuration instead.
	///
	/// # Errors
	/// The first rule that is out of range.
	pub fn validate(&self) -> Result<(), RulesError> {
		let error = |field, value, wanted| Err(RulesError { field, value, wanted });
		let budgets = u64::from(self.span_ppm) + u64::from(self.retrieval_ppm);
		if budgets > u64::from(PPM) {
			return error("span_ppm + retrieval_ppm", budgets, "the two together may be at most 1000000");
		}
		if self.max_contributor_ppm > PPM {
			return error(
				"max_contributor_ppm",
				self.max_contributor_ppm.into(),
				"it may be at most 1000000",
			);
		}
		if self.min_span == 0 {
			return error("min_span", 0, "a span has at least 1 token");
		}
		if self.top_k > TOP_K {
			return error("top_k", self.top_k as u64, "a vector holds at most 32 contributors");
		}
		Ok(())
	}

	/// The nearest valid rules.
	pub(crate) fn clamped(&self) -> Self {
		let span_ppm = self.span_ppm.min(PPM);
		Self {
			span_ppm,
			retrieval_ppm: self.retrieval_ppm.min(PPM - span_ppm),
			min_span: self.min_span.max(1),
			half_span: self.half_span,
			max_contributor_ppm: self.max_contributor_ppm.min(PPM),
			top_k: self.top_k.min(TOP_K),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn rules_are_valid_when_default() {
		assert_eq!(VectorRules::default().validate(), Ok(()));
		assert_eq!(VectorRules::default().clamped(), VectorRules::default());
	}

	#[test]
	fn rules_are_refused_and_clamped_when_out_of_range() {
		let good = VectorRules::default();
		let bad = [
			(VectorRules { span_ppm: 700_000, ..good }, "span_ppm + retrieval_ppm"),
			(VectorRules { max_contributor_ppm: PPM + 1, ..good }, "max_contributor_ppm"),
			(VectorRules { min_span: 0, ..good }, "min_span"),
			(VectorRules { top_k: TOP_K + 1, ..good }, "top_k"),
		];
		for (rules, field) in bad {
			assert_eq!(rules.validate().unwrap_err().field, field);
			assert_eq!(rules.clamped().validate(), Ok(()));
		}
	}
}
