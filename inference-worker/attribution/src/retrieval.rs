//! BM25 retrieval over chunks of a snapshot's documents.

use crate::{
	document::{by_registration, Document},
	words::{shingles, WordId, Words},
};
use bm25::{Embedder, EmbedderBuilder, Embedding, Scorer, TokenEmbedder, TokenEmbedding, Tokenizer};
use rayon::prelude::*;
use std::collections::{BTreeSet, HashMap};

/// The most hits that one search returns.
pub const MAX_HITS: usize = 64;
/// Words of a query that are looked up, the rarest first.
const MAX_QUERY_WORDS: usize = 32;
/// Chunk occurrences of the query's words after which more frequent words are left out: they would cost
/// the most time and say the least.
const MAX_POSTINGS: usize = 65_536;
/// Smallest chunk, tokens.
const MIN_CHUNK_TOKENS: usize = 16;

/// BM25 (k1 = 1.2, b = 0.75) over chunks of the documents of one DataNet snapshot.
///
/// It lives in memory (a few times the text) and is rebuilt from the documents when a worker starts.
pub struct Retriever {
	datanet: u32,
	chunks: Vec<Chunk>,
	scorer: Scorer<usize, WordId>,
	/// In how many chunks a word is.
	frequency: HashMap<WordId, usize>,
	copies: usize,
}

/// A chunk that a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
	/// The DataNet.
	pub datanet: u32,
	/// The contribution.
	pub contribution: u32,
	/// Its contributor's account.
	pub contributor: [u8; 32],
	/// BM25 score, above 0. Scores of different DataNets compare only roughly: each has its own frequencies.
	pub score: f32,
	/// The chunk.
	pub text: String,
	/// Where it begins in the contribution, tokens (by its part of the text's bytes).
	pub offset: usize,
	/// Its length, tokens (by its part of the text's bytes), at least 1.
	pub tokens: usize,
}

struct Chunk {
	contribution: u32,
	contributor: [u8; 32],
	offset: usize,
	tokens: usize,
	text: String,
}

impl Retriever {
	/// Cuts the documents, in any order, into chunks of about `chunk_tokens` tokens (at least 16) that end
	/// where a paragraph, sentence or word does, and indexes them on all cores.
	///
	/// Chunks of which half repeats earlier contributions are left out: what they say is paid to its first
	/// registrant. O(text).
	pub fn build(datanet: u32, docs: &[Document], chunk_tokens: usize) -> Self {
		let docs = by_registration(docs);
		let cut: Vec<(Chunk, usize, Vec<u64>)> = docs
			.par_iter()
			.flat_map_iter(|doc| chunks(doc, chunk_tokens.max(MIN_CHUNK_TOKENS)))
			.map(|chunk| {
				let words = Words.tokenize(&chunk.text);
				let shingles = shingles(&words);
				(chunk, words.len(), shingles)
			})
			.filter(|(_, words, _)| *words > 0)
			.collect();
		let all = cut.len();
		let originals = originals(cut);

		let words: usize = originals.iter().map(|(_, words)| words).sum();
		let average = words as f64 / originals.len().max(1) as f64;
		let embedder: Embedder<WordId, Words> = EmbedderBuilder::with_avgdl(average as f32).build();
		let chunks: Vec<Chunk> = originals.into_iter().map(|(chunk, _)| chunk).collect();
		let embeddings: Vec<Embedding<WordId>> =
			chunks.par_iter().map(|chunk| distinct(embedder.embed(&chunk.text))).collect();
		let (mut scorer, mut frequency) = (Scorer::new(), HashMap::new());
		for (id, embedding) in embeddings.into_iter().enumerate() {
			for word in embedding.indices() {
				*frequency.entry(*word).or_insert(0) += 1;
			}
			scorer.upsert(&id, embedding);
		}
		Self { datanet, copies: all - chunks.len(), chunks, scorer, frequency }
	}

	/// The `k` (at most [`MAX_HITS`]) chunks that score best for `query`, best first, equal ones by
	/// contribution and offset. Only chunks that share a word with the query are found.
	///
	/// At most 32 words of the query count, the rarest; time is bounded by 65,536 chunk occurrences of them.
	pub fn search(&self, query: &str, k: usize) -> Vec<Hit> {
		let words = self.rarest(query);
		let query = Embedding(words.into_iter().map(|index| TokenEmbedding { index, value: 1.0 }).collect());
		let mut matches = self.scorer.matches(&query);
		// Chunks are numbered by contribution and offset.
		matches.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
		let found = matches.into_iter().take(k.min(MAX_HITS));
		found.filter_map(|found| Some(self.hit(self.chunks.get(found.id)?, found.score))).collect()
	}

	/// The DataNet.
	pub fn datanet(&self) -> u32 {
		self.datanet
	}

	/// Number of chunks that can be found.
	pub fn chunks(&self) -> usize {
		self.chunks.len()
	}

	/// Number of chunks left out because they repeat earlier contributions.
	pub fn copies(&self) -> usize {
		self.copies
	}

	fn hit(&self, chunk: &Chunk, score: f32) -> Hit {
		Hit {
			datanet: self.datanet,
			contribution: chunk.contribution,
			contributor: chunk.contributor,
			score,
			text: chunk.text.clone(),
			offset: chunk.offset,
			tokens: chunk.tokens,
		}
	}

	/// The query's known words, rarest first, within the bounds on words and time.
	fn rarest(&self, query: &str) -> Vec<WordId> {
		let distinct: BTreeSet<WordId> =
			Words.tokenize(query).iter().map(|word| WordId::embed(word)).collect();
		let known = distinct.into_iter().filter_map(|word| Some((*self.frequency.get(&word)?, word)));
		let mut known: Vec<(usize, WordId)> = known.collect();
		known.sort();
		let mut postings = 0;
		let affordable =
			known.into_iter().take(MAX_QUERY_WORDS).enumerate().take_while(|(rank, (frequency, _))| {
				postings += frequency;
				*rank == 0 || postings <= MAX_POSTINGS
			});
		affordable.map(|(_, (_, word))| word).collect()
	}
}

/// Chunks, in order of registration, of which less than half of the shingles are in earlier contributions;
/// with their number of words.
fn originals(cut: Vec<(Chunk, usize, Vec<u64>)>) -> Vec<(Chunk, usize)> {
	let mut registrant: HashMap<u64, u32> = HashMap::new();
	let mut originals = Vec::with_capacity(cut.len());
	for (chunk, words, shingles) in cut {
		let mut repeated = 0;
		for shingle in &shingles {
			if *registrant.entry(*shingle).or_insert(chunk.contribution) < chunk.contribution {
				repeated += 1;
			}
		}
		if repeated * 2 < shingles.len() {
			originals.push((chunk, words));
		}
	}
	originals
}

/// Each word once: BM25 has put its frequency into its value already.
fn distinct(mut embedding: Embedding<WordId>) -> Embedding<WordId> {
	embedding.0.sort_by_key(|word| word.index);
	embedding.0.dedup_by_key(|word| word.index);
	embedding
}

/// Cuts a document into pieces of about equally many bytes. Where a piece lies in tokens is estimated by
/// bytes: the text alone does not say.
fn chunks(doc: &Document, chunk_tokens: usize) -> Vec<Chunk> {
	let (bytes, tokens) = (doc.text.len().max(1), doc.tokens.len().max(1));
	let in_tokens = |part: usize| (part as u128 * tokens as u128 / bytes as u128) as usize;
	let size = (bytes as u128 * chunk_tokens as u128 / tokens as u128).clamp(1, bytes as u128) as usize;
	let (mut chunks, mut at) = (Vec::new(), 0);
	while let Some(rest) = doc.text.get(at..).filter(|rest| !rest.is_empty()) {
		let piece = rest.get(..cut_at(rest, size)).unwrap_or(rest);
		if !piece.trim().is_empty() {
			chunks.push(Chunk {
				contribution: doc.contribution,
				contributor: doc.contributor,
				offset: in_tokens(at),
				tokens: in_tokens(piece.len()).max(1),
				text: piece.trim().into(),
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

	fn found(retriever: &Retriever, query: &str, k: usize) -> Vec<u32> {
		retriever.search(query, k).iter().map(|hit| hit.contribution).collect()
	}

	#[test]
	fn search_ranks_by_relevance_when_documents_share_words() {
		let docs = [
			doc(0, "The kernel schedules processes and manages memory."),
			doc(1, "Bread needs flour, water, salt and time."),
			doc(2, "Memory pages are swapped by the kernel; the kernel tracks memory."),
		];
		let retriever = Retriever::build(7, &docs, 128);
		assert_eq!(found(&retriever, "How does the kernel use memory?", 5), [2, 0]);
		assert_eq!(found(&retriever, "flour", 5), [1]);
		assert_eq!((retriever.datanet(), retriever.chunks(), retriever.copies()), (7, 3, 0));
		let hit = retriever.search("flour", 1).remove(0);
		assert_eq!((hit.datanet, hit.offset, hit.tokens, hit.contributor), (7, 0, 7, [1; 32]));
	}

	#[test]
	fn search_is_empty_when_nothing_matches_or_is_asked() {
		let retriever = Retriever::build(0, &[doc(0, "one two three")], 128);
		for query in ["", "?!", "absent"] {
			assert!(retriever.search(query, 5).is_empty());
		}
		assert!(retriever.search("one", 0).is_empty());
		assert!(Retriever::build(0, &[], 0).search("one", 5).is_empty());
		assert_eq!(Retriever::build(0, &[doc(0, ""), doc(1, " .\n")], 0).chunks(), 0);
	}

	#[test]
	fn search_orders_by_contribution_then_offset_when_scores_tie() {
		let texts = ["alpha one two", "alpha six ten", "alpha net box"];
		let docs: Vec<Document> = [2, 0, 1].iter().map(|i| doc(*i, texts[*i as usize])).collect();
		assert_eq!(found(&Retriever::build(0, &docs, 128), "alpha", 5), [0, 1, 2]);
	}

	#[test]
	fn search_is_bounded_when_every_chunk_matches() {
		let docs: Vec<Document> = (0..200).map(|i| doc(i, &format!("shared word{i}"))).collect();
		assert_eq!(Retriever::build(0, &docs, 128).search("shared", usize::MAX).len(), MAX_HITS);
	}

	#[test]
	fn copy_is_left_out_when_shifted_or_slightly_changed() {
		let original: String = (0..300).map(|i| format!("word{} ", i * 7919 % 1_000)).collect();
		let copy = original.replace("word7 ", "other ").split_off(333);
		let retriever = Retriever::build(0, &[doc(5, &copy), doc(2, &original)], 100);
		assert!(retriever.copies() > 0);
		assert!(retriever.search(&copy, MAX_HITS).iter().all(|hit| hit.contribution == 2));
	}

	#[test]
	fn original_stays_when_an_earlier_snippet_is_part_of_it() {
		let text: String = (0..100).map(|i| format!("word{i} ")).collect();
		let snippet: String = text.chars().take(80).collect();
		let retriever = Retriever::build(0, &[doc(0, &snippet), doc(1, &text)], 200);
		assert_eq!(retriever.copies(), 0);
	}

	proptest! {
		#[test]
		fn chunks_keep_all_text_when_text_varies(text in "(\\PC{0,20}[ .\n]{1,2}){0,60}", size in 1usize..64, tokens in 0u32..99) {
			let document = Document { tokens: (0..tokens).collect(), ..doc(0, &text) };
			let chunks = chunks(&document, size);
			let squash = |text: &str| text.split_whitespace().collect::<String>();
			let joined: String = chunks.iter().map(|chunk| squash(&chunk.text)).collect();
			prop_assert_eq!(joined, squash(&text));
			prop_assert!(chunks.iter().all(|chunk| chunk.offset + chunk.tokens <= tokens.max(1) as usize + 1));
		}

		#[test]
		fn search_never_panics_when_text_is_arbitrary(texts in proptest::collection::vec("\\PC{0,80}", 0..8), query in "\\PC{0,40}", chunk in 0usize..99) {
			let docs: Vec<Document> = texts.iter().enumerate().map(|(i, text)| doc(i as u32, text)).collect();
			let retriever = Retriever::build(0, &docs, chunk);
			let hits = retriever.search(&query, 10);
			prop_assert!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
			prop_assert!(hits.iter().all(|hit| hit.score > 0.0));
			prop_assert_eq!(hits, retriever.search(&query, 10));
		}
	}
}
