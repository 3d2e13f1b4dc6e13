//! A chunk that was found, and how much it weighs.

use crate::chunks::Chunk;
use serde::{Deserialize, Serialize};

/// The most hits that one search returns.
pub const MAX_HITS: usize = 64;
/// Reciprocal rank fusion's constant (Cormack, Clarke, Büttcher: "Reciprocal rank fusion outperforms Condorcet and
/// individual rank learning methods", SIGIR 2009).
const FUSION: u64 = 60;
/// What a place in the list by keywords counts beside one in the list by vectors. docs/retrieval.md measures it.
const KEYWORD_WEIGHT: u64 = 3;
const VECTOR_WEIGHT: u64 = 1;
/// One whole of a weight.
const ONE: u64 = 1_000_000_000;

/// The places of a chunk in what one search found, over all DataNets of the agent; the best is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranks {
	/// Among the chunks that share words with the query, by BM25.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub keyword: Option<u32>,
	/// Among the chunks that are near the query, by the cosine of their embeddings.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub vector: Option<u32>,
}

impl Ranks {
	/// Reciprocal rank fusion, integers only: what chunks are ordered and paid by. 0 for a chunk in neither list.
	pub fn weight(&self) -> u64 {
		let part = |rank: Option<u32>, weight: u64| {
			rank.filter(|rank| *rank > 0).map_or(0, |rank| weight * ONE / (FUSION + u64::from(rank)))
		};
		part(self.keyword, KEYWORD_WEIGHT) + part(self.vector, VECTOR_WEIGHT)
	}
}

/// A chunk that a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
	/// The DataNet.
	pub datanet: u32,
	/// The chunk.
	pub chunk: Chunk,
	/// Why it was found.
	pub ranks: Ranks,
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn weight_is_nothing_when_a_chunk_is_in_no_list_or_at_no_place() {
		assert_eq!(Ranks::default().weight(), 0);
		assert_eq!(Ranks { keyword: Some(0), vector: None }.weight(), 0);
	}

	proptest! {
		#[test]
		fn weight_grows_when_a_chunk_is_higher_or_in_both_lists(rank in 1u32..10_000, other in 1u32..10_000) {
			let at = |keyword, vector| Ranks { keyword, vector }.weight();
			prop_assert!(at(Some(rank), None) > at(Some(rank + 1), None));
			prop_assert!(at(None, Some(rank)) > at(None, Some(rank + 1)));
			prop_assert!(at(Some(rank), Some(other)) > at(Some(rank), None).max(at(None, Some(other))));
			prop_assert!(at(Some(rank), Some(other)) <= (KEYWORD_WEIGHT + VECTOR_WEIGHT) * ONE / FUSION);
		}
	}
}
