//! Documents as chunks: what retrieval finds and an answer cites.

use crate::{
	document::{by_registration, Document},
	words::{shingles, words},
};
use rayon::prelude::*;
use std::{collections::HashMap, ops::Range};

/// Smallest chunk, tokens.
const MIN_CHUNK_TOKENS: usize = 16;

/// A piece of a contribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
	/// The contribution.
	pub contribution: u32,
	/// Its contributor's account.
	pub contributor: [u8; 32],
	/// Where it is in the contribution's text, bytes.
	pub range: Range<usize>,
	/// Its length, tokens (by its part of the text's bytes), at least 1.
	pub tokens: usize,
	/// The text of the range.
	pub text: String,
}

/// What a snapshot's documents are cut into, by contribution and place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunks {
	/// Those that can be found.
	pub chunks: Vec<Chunk>,
	/// Number of those left out because they repeat earlier contributions.
	pub copies: usize,
}

impl Chunks {
	/// Cuts the documents, in any order, into chunks of about `chunk_tokens` tokens (at least 16) that end
	/// where a paragraph, sentence or word does, on all cores.
	///
	/// Chunks of which half repeats earlier contributions are left out: what they say is paid to its first
	/// registrant. O(text).
	pub fn cut(docs: &[Document], chunk_tokens: usize) -> Self {
		let docs = by_registration(docs);
		let cut: Vec<(Chunk, Vec<u64>)> = docs
			.par_iter()
			.flat_map_iter(|doc| chunks(doc, chunk_tokens.max(MIN_CHUNK_TOKENS)))
			.filter_map(|chunk| {
				let words = words(&chunk.text);
				(!words.is_empty()).then(|| (chunk, shingles(&words)))
			})
			.collect();
		let all = cut.len();
		let chunks = originals(cut);
		Self { copies: all - chunks.len(), chunks }
	}
}

/// Chunks, in order of registration, of which less than half of the shingles are in earlier contributions.
fn originals(cut: Vec<(Chunk, Vec<u64>)>) -> Vec<Chunk> {
	let mut registrant: HashMap<u64, u32> = HashMap::new();
	let mut originals = Vec::with_capacity(cut.len());
	for (chunk, shingles) in cut {
		let mut repeated = 0;
		for shingle in &shingles {
			if *registrant.entry(*shingle).or_insert(chunk.contribution) < chunk.contribution {
				repeated += 1;
			}
		}
		if repeated * 2 < shingles.len() {
			originals.push(chunk);
		}
	}
	originals
}

/// Cuts a document into pieces of about equally many bytes. How many tokens a piece has is estimated by
/// bytes: the text alone does not say.
fn chunks(doc: &Document, chunk_tokens: usize) -> Vec<Chunk> {
	let (bytes, tokens) = (doc.text.len().max(1), doc.tokens.len().max(1));
	let in_tokens = |part: usize| (part as u128 * tokens as u128 / bytes as u128) as usize;
	let size = (bytes as u128 * chunk_tokens as u128 / tokens as u128).clamp(1, bytes as u128) as usize;
	let (mut chunks, mut at) = (Vec::new(), 0);
	while let Some(rest) = doc.text.get(at..).filter(|rest| !rest.is_empty()) {
		let piece = rest.get(..cut_at(rest, size)).unwrap_or(rest);
		let text = piece.trim();
		if !text.is_empty() {
			let start = at + piece.len() - piece.trim_start().len();
			chunks.push(Chunk {
				contribution: doc.contribution,
				contributor: doc.contributor,
				range: start..start + text.len(),
				tokens: in_tokens(piece.len()).max(1),
				text: text.into(),
			});
		}
		at += piece.len();
	}
	chunks
}

/// Where to cut a text so that at most `size` bytes (but at least one character) are before the cut: after
/// the last paragraph, else sentence, else word that ends in the last quarter.
fn cut_at(text: &str, size: usize) -> usize {
	if text.len() <= size {
		return text.len();
	}
	let end = match text.floor_char_boundary(size) {
		0 => return text.chars().next().map_or(text.len(), char::len_utf8),
		end => end,
	};
	let from = text.floor_char_boundary(end - end / 4);
	let tail = text.get(from..end).unwrap_or_default();
	let after = |mark: &str| tail.rfind(mark).map(|at| from + at + mark.len());
	let words =
		|| tail.char_indices().rev().find(|(_, c)| c.is_whitespace()).map(|(at, c)| from + at + c.len_utf8());
	after("\n\n").or_else(|| after(". ")).or_else(|| after(".\n")).or_else(words).unwrap_or(end)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn doc(contribution: u32, text: &str) -> Document {
		let tokens = (0..text.split_whitespace().count() as u32).collect();
		Document { contribution, contributor: [contribution as u8; 32], tokens, text: text.into() }
	}

	#[test]
	fn chunks_are_ordered_by_contribution_when_documents_are_not() {
		let docs = [doc(2, "alpha one two"), doc(0, "alpha six ten"), doc(1, " .\n")];
		let cut = Chunks::cut(&docs, 128);
		let found: Vec<_> =
			cut.chunks.iter().map(|chunk| (chunk.contribution, chunk.range.clone())).collect();
		assert_eq!((found, cut.copies), (vec![(0, 0..13), (2, 0..13)], 0));
		assert_eq!(Chunks::cut(&[], 0), Chunks::default());
	}

	#[test]
	fn copy_is_left_out_when_shifted_or_slightly_changed() {
		let original: String = (0..300).map(|i| format!("word{} ", i * 7919 % 1_000)).collect();
		let copy = original.replace("word7 ", "other ").split_off(333);
		let cut = Chunks::cut(&[doc(5, &copy), doc(2, &original)], 100);
		assert!(cut.copies > 0 && cut.chunks.iter().all(|chunk| chunk.contribution == 2));
	}

	#[test]
	fn original_stays_when_an_earlier_snippet_is_part_of_it() {
		let text: String = (0..100).map(|i| format!("word{i} ")).collect();
		let snippet: String = text.chars().take(80).collect();
		assert_eq!(Chunks::cut(&[doc(0, &snippet), doc(1, &text)], 200).copies, 0);
	}

	proptest! {
		#[test]
		fn chunks_keep_all_text_when_text_varies(text in "(\\PC{0,20}[ .\n]{1,2}){0,60}", size in 1usize..64, tokens in 0u32..99) {
			let document = Document { tokens: (0..tokens).collect(), ..doc(0, &text) };
			let chunks = chunks(&document, size);
			let squash = |text: &str| text.split_whitespace().collect::<String>();
			let joined: String = chunks.iter().map(|chunk| squash(&chunk.text)).collect();
			prop_assert_eq!(joined, squash(&text));
			prop_assert!(chunks.iter().all(|chunk| text.get(chunk.range.clone()) == Some(chunk.text.as_str())));
			prop_assert!(chunks.iter().map(|chunk| chunk.tokens).sum::<usize>() <= tokens.max(1) as usize + chunks.len());
		}

		#[test]
		fn cutting_never_panics_when_text_is_arbitrary(texts in proptest::collection::vec("\\PC{0,80}", 0..8), size in 0usize..99) {
			let docs: Vec<Document> = texts.iter().enumerate().map(|(i, text)| doc(i as u32, text)).collect();
			prop_assert_eq!(Chunks::cut(&docs, size), Chunks::cut(&docs, size));
		}
	}
}
