//! Maximal spans that an answer shares with a snapshot.

use crate::{
	index::SnapshotIndex,
	layout::{self, u32_at, Layout, SUFFIX},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, ops::Range};

/// Sources listed for one span; its count is always complete.
pub const MAX_SOURCES: usize = 8;

/// A maximal span: tokens of the answer that occur in one document, and in no longer span do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
	/// The DataNet.
	pub datanet: u32,
	/// First token in the answer.
	pub start: usize,
	/// Tokens.
	pub len: usize,
	/// Occurrences in the snapshot.
	pub count: u64,
	/// The first [`MAX_SOURCES`] contributions with the span, in order of registration: the first is the
	/// first registrant.
	pub sources: Vec<Source>,
}

/// A contribution that contains a span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
	/// The contribution's index in its DataNet.
	pub contribution: u32,
	/// Its contributor's account.
	#[serde(with = "crate::evidence::hex32")]
	pub contributor: [u8; 32],
	/// Where the span first begins in it, tokens.
	pub offset: usize,
}

impl SnapshotIndex {
	/// The maximal spans of at least `min_len` tokens (at least 1) that `answer` shares with the snapshot's
	/// documents, by start. A span is maximal when neither of its neighbours in the answer can be added; so
	/// none contains another, and there are at most as many as tokens.
	///
	/// O(L (log N + M) + Z) for L answer tokens, N index tokens, a longest match of M tokens and Z
	/// occurrences of the returned spans.
	pub fn spans(&self, answer: &[u32], min_len: usize) -> Vec<Span> {
		let view = View::of(self);
		let separator = layout::separator(view.layout.width);
		let mut spans = Vec::new();
		let mut start = 0;
		// Ids that the text cannot contain match nothing; what lies between them is searched run by run.
		for run in answer.split(|token| *token >= separator) {
			view.spans_of_run(run, start, min_len.max(1), &mut spans);
			start += run.len() + 1;
		}
		spans
	}
}

/// The parts of an index that a search reads.
struct View<'a> {
	layout: &'a Layout,
	image: &'a [u8],
	text: &'a [u8],
	suffixes: &'a [u8],
}

/// Where a pattern belongs among the sorted suffixes.
struct Place {
	/// Suffixes before it.
	index: usize,
	/// Bytes it shares with the better of its two neighbours.
	shared: usize,
}

impl<'a> View<'a> {
	fn of(index: &'a SnapshotIndex) -> Self {
		let (layout, image) = (index.layout(), index.image());
		Self {
			layout,
			image,
			text: image.get(layout.text_at..layout.suffixes_at).unwrap_or_default(),
			suffixes: image.get(layout.suffixes_at..).unwrap_or_default(),
		}
	}

	fn spans_of_run(&self, run: &[u32], offset: usize, min_len: usize, spans: &mut Vec<Span>) {
		let width = self.layout.width;
		let mut bytes = Vec::with_capacity(run.len() * width);
		run.iter().for_each(|token| layout::push_token(&mut bytes, *token, width));
		// The longest match from one token later ends no earlier; one that ends later is not contained in
		// any before it and cannot be extended to the left.
		let mut covered = 0;
		for start in 0..run.len() {
			let pattern = bytes.get(start * width..).unwrap_or_default();
			let len = self.place(pattern, false).shared / width;
			if len >= min_len && start + len > covered {
				let found = pattern.get(..len * width).unwrap_or_default();
				let range = self.place(found, false).index..self.place(found, true).index;
				spans.push(Span {
					datanet: self.layout.datanet,
					start: offset + start,
					len,
					count: range.len() as u64,
					sources: self.sources(range),
				});
			}
			covered = covered.max(start + len);
		}
	}

	/// The number of suffixes that sort before the pattern, those that begin with it included if `after`.
	///
	/// Binary search that keeps how many bytes the pattern shares with both ends: what lies between them
	/// shares at least the lesser, so no byte of it is compared twice on that side.
	fn place(&self, pattern: &[u8], after: bool) -> Place {
		let (mut low, mut high) = (0, self.layout.tokens);
		let (mut shared_low, mut shared_high) = (0, 0);
		while low < high {
			let middle = low + (high - low) / 2;
			let suffix = self.suffix(middle);
			let known = shared_low.min(shared_high);
			let shared = known + common_prefix(from(suffix, known), from(pattern, known));
			let before = match (suffix.get(shared), pattern.get(shared)) {
				(_, None) => after,
				(None, Some(_)) => true,
				(Some(suffix), Some(pattern)) => suffix < pattern,
			};
			if before {
				(low, shared_low) = (middle + 1, shared);
			} else {
				(high, shared_high) = (middle, shared);
			}
		}
		Place { index: low, shared: shared_low.max(shared_high) }
	}

	fn position(&self, index: usize) -> usize {
		u32_at(self.suffixes, index * SUFFIX).map_or(self.layout.tokens, |position| position as usize)
	}

	fn suffix(&self, index: usize) -> &[u8] {
		from(self.text, self.position(index).saturating_mul(self.layout.width))
	}

	/// The first contributions among a range of suffixes, with the first place in each.
	fn sources(&self, range: Range<usize>) -> Vec<Source> {
		let mut first: BTreeMap<usize, usize> = BTreeMap::new();
		let mut limit = usize::MAX;
		for position in range.map(|index| self.position(index)) {
			// Documents lie in order of registration, so a later position is a later contribution.
			if position >= limit {
				continue;
			}
			let Some(document) = self.document_at(position) else { continue };
			let place = first.entry(document).or_insert(position);
			*place = position.min(*place);
			if first.len() > MAX_SOURCES {
				first.pop_last();
			}
			if first.len() == MAX_SOURCES {
				let last = first.last_key_value().map(|(document, _)| *document);
				limit = last.and_then(|last| self.layout.document_end(self.image, last)).unwrap_or(limit);
			}
		}
		let source = |(document, position): (usize, usize)| {
			let row = self.layout.row(self.image, document)?;
			let offset = position.checked_sub(row.start)?;
			Some(Source { contribution: row.contribution, contributor: row.contributor, offset })
		};
		first.into_iter().filter_map(source).collect()
	}

	/// The document that a position of the text belongs to. O(log documents).
	fn document_at(&self, position: usize) -> Option<usize> {
		let (mut low, mut high) = (0, self.layout.documents);
		while low < high {
			let middle = low + (high - low) / 2;
			if self.layout.row(self.image, middle)?.start <= position {
				low = middle + 1;
			} else {
				high = middle;
			}
		}
		low.checked_sub(1)
	}
}

fn from(bytes: &[u8], at: usize) -> &[u8] {
	bytes.get(at..).unwrap_or_default()
}

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
	a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::Document;
	use proptest::prelude::*;

	fn docs(texts: &[Vec<u32>]) -> Vec<Document> {
		let doc = |(index, tokens): (usize, &Vec<u32>)| Document {
			contribution: index as u32 * 3,
			contributor: [index as u8; 32],
			tokens: tokens.clone(),
			text: String::new(),
		};
		texts.iter().enumerate().map(doc).collect()
	}

	fn occurrences<'a>(text: &'a [u32], wanted: &'a [u32]) -> impl Iterator<Item = usize> + 'a {
		text.windows(wanted.len()).enumerate().filter(move |(_, window)| *window == wanted).map(|(at, _)| at)
	}

	/// The definition, word for word: every span that occurs and is not part of a longer one that does.
	fn brute_force(docs: &[Document], answer: &[u32], min_len: usize) -> Vec<Span> {
		let occurs = |from: usize, to: usize| {
			docs.iter().any(|d| occurrences(&d.tokens, &answer[from..to]).next().is_some())
		};
		let mut spans = Vec::new();
		for from in 0..answer.len() {
			for to in from + min_len.max(1)..=answer.len() {
				let left = from > 0 && occurs(from - 1, to);
				let right = to < answer.len() && occurs(from, to + 1);
				if !occurs(from, to) || left || right {
					continue;
				}
				let wanted = &answer[from..to];
				let source = |doc: &Document| {
					let offset = occurrences(&doc.tokens, wanted).next()?;
					Some(Source { contribution: doc.contribution, contributor: doc.contributor, offset })
				};
				spans.push(Span {
					datanet: 9,
					start: from,
					len: to - from,
					count: docs.iter().map(|doc| occurrences(&doc.tokens, wanted).count() as u64).sum(),
					sources: docs.iter().filter_map(source).take(MAX_SOURCES).collect(),
				});
			}
		}
		spans
	}

	fn agree(texts: &[Vec<u32>], answer: &[u32], min_len: usize) {
		let docs = docs(texts);
		let shuffled: Vec<Document> = docs.iter().rev().cloned().collect();
		let index = SnapshotIndex::build(9, &shuffled).unwrap();
		assert_eq!(index.spans(answer, min_len), brute_force(&docs, answer, min_len));
	}

	fn texts(tokens: impl Strategy<Value = u32> + Clone) -> impl Strategy<Value = (Vec<Vec<u32>>, Vec<u32>)> {
		let text = proptest::collection::vec(tokens.clone(), 0..40);
		(proptest::collection::vec(text, 0..14), proptest::collection::vec(tokens, 0..40))
	}

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(2_000))]

		#[test]
		fn spans_equal_brute_force_when_text_repeats_itself((texts, answer) in texts(0u32..3), min_len in 0usize..6) {
			agree(&texts, &answer, min_len);
		}

		#[test]
		fn spans_equal_brute_force_when_bytes_of_tokens_are_alike(
			// Ids made of few different bytes: matches at odd byte positions would show.
			(texts, answer) in texts(prop_oneof![Just(0u32), Just(1), Just(0x0100), Just(0x0101), Just(0xff00), Just(0xfffe)]),
			min_len in 1usize..4
		) {
			agree(&texts, &answer, min_len);
		}

		#[test]
		fn spans_equal_brute_force_when_tokens_are_wide(
			(texts, answer) in texts(prop_oneof![Just(0u32), Just(0xffff), Just(0x1_0000), Just(0xffff_fffe)]),
			min_len in 1usize..4
		) {
			agree(&texts, &answer, min_len);
		}
	}

	#[test]
	fn span_ends_at_the_boundary_when_documents_adjoin() {
		let index = SnapshotIndex::build(9, &docs(&[vec![1, 2, 3], vec![4, 5, 6]])).unwrap();
		let found: Vec<_> = index.spans(&[1, 2, 3, 4, 5, 6], 1).iter().map(|s| (s.start, s.len)).collect();
		assert_eq!(found, [(0, 3), (3, 3)]);
	}

	#[test]
	fn span_ends_when_the_answer_has_an_id_that_no_text_can_have() {
		let index = SnapshotIndex::build(9, &docs(&[vec![1, 2, 3]])).unwrap();
		let answer = [1, 2, u32::MAX, 0xffff, 0x1_0001, 2, 3];
		let found: Vec<_> = index.spans(&answer, 1).iter().map(|s| (s.start, s.len)).collect();
		assert_eq!(found, [(0, 2), (5, 2)]);
	}

	#[test]
	fn sources_are_the_first_registrants_when_there_are_many() {
		let texts: Vec<Vec<u32>> = (0..200).map(|i| vec![i + 10, 1, 2, 3, 4, 1, 2, 3, 4]).collect();
		let spans = SnapshotIndex::build(9, &docs(&texts)).unwrap().spans(&[1, 2, 3, 4], 4);
		assert_eq!((spans.len(), spans[0].count), (1, 400));
		let found: Vec<_> = spans[0].sources.iter().map(|s| (s.contribution, s.offset)).collect();
		assert_eq!(found, (0..8).map(|i| (i * 3, 1)).collect::<Vec<_>>());
	}

	#[test]
	fn spans_are_empty_when_snapshot_or_answer_is() {
		for texts in [vec![], vec![vec![]], vec![vec![1, 2]]] {
			let index = SnapshotIndex::build(9, &docs(&texts)).unwrap();
			assert!(index.spans(&[], 0).is_empty());
			assert!(index.spans(&[7, 8], 0).is_empty());
			assert!(index.spans(&[1, 2], usize::MAX).is_empty());
		}
	}
}
