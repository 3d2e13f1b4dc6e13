//! Measures the suffix index: how fast it is built, and how long the spans of an answer take.

use anyhow::{ensure, Context, Result};
use serde::Serialize;
use std::{
	collections::HashMap,
	path::{Path, PathBuf},
	time::{Duration, Instant},
};
use tributary_attribution::{Document, SnapshotIndex, VectorRules};

/// Tokens of a measured answer.
const ANSWER: usize = 128;
/// Answers measured.
const QUERIES: usize = 2_000;
/// Distinct tokens of generated text.
const VOCABULARY: u64 = 32_000;
/// Tokens of a generated document, at most; at least a quarter of it.
const DOCUMENT: u64 = 4_096;

/// What was measured. Nothing is judged here.
#[derive(Debug, Serialize)]
pub struct SpanReport {
	/// `"generated"` or `"folder"`.
	pub corpus: &'static str,
	/// Documents indexed.
	pub documents: usize,
	/// Tokens indexed.
	pub tokens: usize,
	/// Size of the index file, bytes.
	pub index_bytes: usize,
	/// Time to build the index in memory, seconds.
	pub build_seconds: f64,
	/// Tokens indexed per second of building.
	pub build_tokens_per_second: f64,
	/// Time to write the index to disk, seconds.
	pub save_seconds: f64,
	/// Time to map it and check it whole, seconds.
	pub open_seconds: f64,
	/// Answers searched.
	pub queries: usize,
	/// Tokens of each.
	pub answer_tokens: usize,
	/// Spans found per answer, mean.
	pub spans_per_answer: f64,
	/// Median time to find an answer's spans with their sources, microseconds.
	pub query_p50_us: f64,
	/// 95th percentile of the same, microseconds.
	pub query_p95_us: f64,
}

/// Builds, saves, opens and queries an index over the text files of `folder` (at most `tokens` tokens), or,
/// without one, over exactly `tokens` tokens of generated text: Zipf-distributed, with passages of up to 256
/// tokens repeated from earlier documents. The same text and answers at every run.
///
/// # Errors
/// When the folder has no text, the index does not fit, or the temporary folder cannot be written.
pub fn measure(tokens: usize, folder: Option<&Path>) -> Result<SpanReport> {
	let mut random = Random(42);
	let (corpus, docs) = match folder {
		Some(folder) => ("folder", read(folder, tokens)?),
		None => ("generated", generate(tokens, &mut random)),
	};
	ensure!(
		docs.iter().any(|doc| !doc.tokens.is_empty()),
		"there is no text to index; name a folder with text files"
	);

	let (built, build) = timed(|| SnapshotIndex::build(0, &docs));
	let built = built?;
	let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
	let file = scratch.path().join("bench.spans");
	let (saved, save) = timed(|| built.save(&file));
	saved?;
	drop(built);
	let (index, open) = timed(|| SnapshotIndex::open(&file));
	let index = index?;

	let min_len = VectorRules::default().min_span;
	let (mut times, mut spans) = (Vec::with_capacity(QUERIES), 0);
	for _ in 0..QUERIES {
		let answer = answer(&docs, &mut random);
		let (found, time) = timed(|| index.spans(&answer, min_len));
		times.push(time);
		spans += found.len();
	}
	times.sort();
	Ok(SpanReport {
		corpus,
		documents: index.documents(),
		tokens: index.tokens(),
		index_bytes: index.bytes(),
		build_seconds: build.as_secs_f64(),
		build_tokens_per_second: index.tokens() as f64 / build.as_secs_f64(),
		save_seconds: save.as_secs_f64(),
		open_seconds: open.as_secs_f64(),
		queries: QUERIES,
		answer_tokens: ANSWER,
		spans_per_answer: spans as f64 / QUERIES as f64,
		query_p50_us: percentile(&times, 50),
		query_p95_us: percentile(&times, 95),
	})
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
struct Random(u64);

impl Random {
	fn next(&mut self) -> u64 {
		self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
		let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
		let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
		z ^ (z >> 31)
	}

	/// Uniform in `0..bound`.
	fn below(&mut self, bound: u64) -> u64 {
		self.next() % bound.max(1)
	}

	/// A token id; id `n` about in proportion to `1 / (n + 1)`, as words are.
	fn token(&mut self) -> u32 {
		let uniform = self.next() as f64 / u64::MAX as f64;
		((VOCABULARY as f64).powf(uniform) - 1.0) as u32
	}
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
	let start = Instant::now();
	let result = work();
	(result, start.elapsed())
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
	let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
	sorted.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

fn document(index: usize, tokens: Vec<u32>) -> Document {
	Document { contribution: index as u32, contributor: [index as u8; 32], tokens, text: String::new() }
}

fn generate(tokens: usize, random: &mut Random) -> Vec<Document> {
	let mut docs: Vec<Document> = Vec::new();
	let mut left = tokens;
	while left > 0 {
		let length = left.min((DOCUMENT / 4 + random.below(DOCUMENT * 3 / 4)) as usize);
		let mut text = Vec::with_capacity(length);
		while text.len() < length {
			if random.below(200) == 0 {
				text.extend_from_slice(passage(&docs, random, 256));
			} else {
				text.push(random.token());
			}
		}
		text.truncate(length);
		docs.push(document(docs.len(), text));
		left -= length;
	}
	docs
}

/// Up to `longest` tokens from somewhere in the documents.
fn passage<'a>(docs: &'a [Document], random: &mut Random, longest: u64) -> &'a [u32] {
	let Some(doc) = docs.get(random.below(docs.len() as u64) as usize) else { return &[] };
	let from = random.below(doc.tokens.len() as u64) as usize;
	let to = doc.tokens.len().min(from + 1 + random.below(longest) as usize);
	doc.tokens.get(from..to).unwrap_or_default()
}

/// An answer that half repeats the documents in passages of up to 48 tokens, with other tokens between.
fn answer(docs: &[Document], random: &mut Random) -> Vec<u32> {
	let mut answer = Vec::with_capacity(ANSWER + 48);
	while answer.len() < ANSWER {
		answer.extend_from_slice(passage(docs, random, 48));
		for _ in 0..random.below(48) {
			answer.push(random.token());
		}
	}
	answer.truncate(ANSWER);
	answer
}

/// The text files in a folder and below, by name; words, each with the mark that ends it, numbered as they
/// are met.
fn read(folder: &Path, tokens: usize) -> Result<Vec<Document>> {
	let mut files = Vec::new();
	list(folder, &mut files)?;
	files.sort();
	let (mut docs, mut ids, mut left) = (Vec::new(), HashMap::<String, u32>::new(), tokens);
	for file in files {
		let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
		// What is not text is no measurement of text.
		let Ok(text) = String::from_utf8(bytes) else { continue };
		let mut numbered = Vec::new();
		for word in text.split_inclusive(|c: char| !c.is_alphanumeric()).take(left) {
			let next = ids.len() as u32;
			numbered.push(*ids.entry(word.into()).or_insert(next));
		}
		left -= numbered.len();
		docs.push(document(docs.len(), numbered));
		if left == 0 {
			break;
		}
	}
	Ok(docs)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
	for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
		let entry = entry?;
		// Links are not followed: they could lead round in a circle.
		let kind = entry.file_type()?;
		if kind.is_dir() {
			list(&entry.path(), files)?;
		} else if kind.is_file() {
			files.push(entry.path());
		}
	}
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn report_counts_what_was_asked_when_text_is_generated() {
		let report = measure(50_000, None).unwrap();
		assert_eq!((report.tokens, report.corpus, report.queries), (50_000, "generated", QUERIES));
		assert!(report.spans_per_answer > 1.0 && report.query_p95_us >= report.query_p50_us);
	}

	#[test]
	fn text_is_the_same_when_generated_again() {
		assert_eq!(generate(10_000, &mut Random(42)), generate(10_000, &mut Random(42)));
	}

	#[test]
	fn folder_is_read_up_to_the_limit_when_it_has_more() {
		let folder = tempfile::tempdir().unwrap();
		std::fs::create_dir(folder.path().join("sub")).unwrap();
		std::fs::write(folder.path().join("sub").join("b.txt"), "one two, one two three").unwrap();
		std::fs::write(folder.path().join("a.bin"), [0xff, 0xfe]).unwrap();
		let docs = read(folder.path(), 4).unwrap();
		assert_eq!((docs.len(), docs[0].tokens.len()), (1, 4));
		assert_eq!(measure(100, Some(folder.path())).unwrap().corpus, "folder");
	}

	#[test]
	fn folder_is_refused_when_it_is_missing_or_has_no_text() {
		let folder = tempfile::tempdir().unwrap();
		assert!(measure(9, Some(folder.path())).unwrap_err().to_string().contains("no text"));
		assert!(measure(9, Some(&folder.path().join("x"))).unwrap_err().to_string().contains("cannot list"));
	}
}
