//! A question, as indexes take it.

use std::collections::BTreeSet;
use tributary_attribution::words;

/// Words of a query that are looked up, the rarest first.
const MAX_WORDS: usize = 32;
/// Chunk occurrences of the query's words after which more frequent words are left out: they would cost the most time
/// and say the least.
const MAX_POSTINGS: u64 = 65_536;

/// What is searched for.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
	/// Its distinct words, in order.
	pub words: Vec<String>,
	/// Its embedding, of length 1; `None` to search by keywords only.
	pub vector: Option<Vec<f32>>,
}

impl Query {
	/// A query for a text and its embedding.
	pub fn new(text: &str, vector: Option<Vec<f32>>) -> Self {
		let distinct: BTreeSet<String> = words(text).into_iter().collect();
		Self { words: distinct.into_iter().collect(), vector }
	}
}

/// The words that are looked up, rarest first, of those an index knows with the number of chunks they are in.
pub(crate) fn rarest(mut known: Vec<(u64, String)>) -> Vec<(u64, String)> {
	known.retain(|(chunks, _)| *chunks > 0);
	known.sort();
	known.truncate(MAX_WORDS);
	let mut postings = 0u64;
	let affordable = known.iter().enumerate().take_while(|(rank, (chunks, _))| {
		postings = postings.saturating_add(*chunks);
		*rank == 0 || postings <= MAX_POSTINGS
	});
	let count = affordable.count();
	known.truncate(count);
	known
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn words_are_distinct_when_a_query_repeats_them() {
		assert_eq!(Query::new("Kernels and the kernel?", None).words, ["and", "kernel", "the"]);
		assert!(Query::new(" ?!", None).words.is_empty());
	}

	#[test]
	fn rarest_words_are_kept_when_there_are_too_many_or_too_frequent_ones() {
		let many = (1..=40u64).rev().map(|n| (n, format!("w{n}"))).collect();
		let kept = rarest(many);
		assert_eq!((kept.len(), kept[0].0, kept[31].0), (32, 1, 32));
		let frequent =
			vec![(60_000, "a".to_owned()), (10, "b".into()), (60_000, "c".into()), (0, "d".into())];
		assert_eq!(rarest(frequent), [(10, "b".into()), (60_000, "a".into())]);
		assert_eq!(rarest(vec![(900_000, "the".into())]).len(), 1);
	}
}
