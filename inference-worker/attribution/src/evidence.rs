//! What a vector was computed from, in one published form.

use crate::{
	error::EvidenceError,
	hit::{Hit, Ranks, MAX_HITS},
	rules::VectorRules,
	spans::Span,
	vector::strength,
	MAX_SOURCES,
};
use serde::{Deserialize, Serialize};
use std::{cmp::Reverse, collections::BTreeSet};
use tributary_primitives::{hash::tagged, limits::MAX_AGENT_DATANETS, Hash};

/// Spans kept, the strongest.
pub const MAX_EVIDENCE_SPANS: usize = 64;
/// Largest evidence in bytes: 64 spans with 8 sources and 64 hits stay below it.
pub const MAX_EVIDENCE_BYTES: usize = 256 * 1024;
/// Longest answer, tokens.
const MAX_ANSWER: usize = 1 << 20;
/// Most choices of an answer.
const MAX_CHOICES: usize = 64;
const VERSION: u32 = 2;

/// The spans, retrieved chunks and rules behind one attribution vector; from it anybody computes the vector
/// again ([`vector`](Self::vector)) and, with the snapshot and the answer's tokens, checks every entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
	version: u32,
	rules: VectorRules,
	datanets: Vec<u32>,
	answer_tokens: usize,
	/// Tokens of each choice, where there are several.
	#[serde(default, skip_serializing_if = "Vec::is_empty")]
	choices: Vec<usize>,
	spans: Vec<Span>,
	chunks: Vec<RetrievedChunk>,
}

/// A chunk that was in the context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetrievedChunk {
	/// The DataNet.
	pub datanet: u32,
	/// The contribution.
	pub contribution: u32,
	/// Its contributor's account.
	#[serde(with = "hex32")]
	pub contributor: [u8; 32],
	/// Where it begins in the contribution's text, bytes.
	pub start: usize,
	/// Where it ends, bytes.
	pub end: usize,
	/// Its length, tokens.
	pub tokens: usize,
	/// Why it was found, and what it weighs.
	pub ranks: Ranks,
	/// BLAKE3 of its text.
	#[serde(with = "hex32")]
	pub text: [u8; 32],
}

impl Evidence {
	/// Collects what counts for the vector of an answer of `answer_tokens` tokens (at most 2^20): at most 8
	/// DataNets, the [`MAX_EVIDENCE_SPANS`] strongest spans and the [`MAX_HITS`] best chunks that lie in
	/// these DataNets and in the answer. What is repeated or out of range is left out. `rules` are clamped
	/// to the nearest valid ones.
	pub fn collect(
		rules: &VectorRules,
		datanets: &[u32],
		answer_tokens: usize,
		spans: &[Span],
		hits: &[Hit],
	) -> Self {
		Self {
			version: VERSION,
			rules: *rules,
			datanets: datanets.into(),
			answer_tokens,
			choices: Vec::new(),
			spans: spans.into(),
			chunks: hits.iter().map(RetrievedChunk::from).collect(),
		}
		.normalised()
	}

	/// The same of an answer that consists of several choices, one after the other, with so many tokens each: spans
	/// that cross from one to the next are left out.
	pub fn with_choices(mut self, tokens: &[usize]) -> Self {
		self.choices = tokens.into();
		self.normalised()
	}

	/// Tokens of each choice of the answer; empty where there is one choice.
	pub fn choices(&self) -> &[usize] {
		&self.choices
	}

	/// The rules.
	pub fn rules(&self) -> &VectorRules {
		&self.rules
	}

	/// The agent's DataNets, ascending.
	pub fn datanets(&self) -> &[u32] {
		&self.datanets
	}

	/// Length of the answer, tokens.
	pub fn answer_tokens(&self) -> usize {
		self.answer_tokens
	}

	/// The spans, strongest first.
	pub fn spans(&self) -> &[Span] {
		&self.spans
	}

	/// The chunks in the context, best first.
	pub fn chunks(&self) -> &[RetrievedChunk] {
		&self.chunks
	}

	/// Canonical JSON: fields in order of declaration, integers and lower-case hex only, no white space.
	pub fn to_bytes(&self) -> Vec<u8> {
		serde_json::to_vec(self).expect("integers, strings and lists have a JSON form")
	}

	/// Reads published evidence.
	///
	/// # Errors
	/// [`EvidenceError`] when it is too large, unreadable, of another version, or not what
	/// [`collect`](Self::collect) and [`to_bytes`](Self::to_bytes) would have produced.
	pub fn from_bytes(bytes: &[u8]) -> Result<Self, EvidenceError> {
		if bytes.len() > MAX_EVIDENCE_BYTES {
			return Err(EvidenceError::TooLarge { bytes: bytes.len(), max: MAX_EVIDENCE_BYTES });
		}
		let evidence: Self = serde_json::from_slice(bytes)?;
		if evidence.version != VERSION {
			return Err(EvidenceError::Version { found: evidence.version, expected: VERSION });
		}
		if evidence.clone().normalised() != evidence || evidence.to_bytes() != bytes {
			return Err(EvidenceError::NotCanonical);
		}
		Ok(evidence)
	}

	/// What a usage record says about it: blake2-256 of the canonical bytes under `tributary/evidence/1`.
	pub fn hash(&self) -> Hash {
		tagged("tributary/evidence/1", &self.to_bytes())
	}

	/// Puts everything in order and within bounds; does nothing the second time.
	fn normalised(mut self) -> Self {
		self.rules = self.rules.clamped();
		let datanets: BTreeSet<u32> = self.datanets.iter().copied().collect();
		self.datanets = datanets.into_iter().take(MAX_AGENT_DATANETS as usize).collect();
		self.answer_tokens = self.answer_tokens.min(MAX_ANSWER);

		let (rules, answer, datanets) = (self.rules, self.answer_tokens, &self.datanets);
		let is_whole =
			self.choices.iter().try_fold(0usize, |sum, tokens| sum.checked_add(*tokens)) == Some(answer);
		if !is_whole || !(2..=MAX_CHOICES).contains(&self.choices.len()) {
			self.choices.clear();
		}
		let starts: Vec<usize> = self
			.choices
			.iter()
			.scan(0usize, |next, tokens| {
				let start = *next;
				*next = start.saturating_add(*tokens);
				Some(start)
			})
			.collect();
		let in_answer = |span: &Span| {
			let end = span.start.checked_add(span.len).filter(|end| *end <= answer);
			// A choice that begins inside the span would be the second that it is in.
			end.is_some_and(|end| !starts.iter().any(|start| span.start < *start && *start < end))
		};
		self.spans.retain(|span| {
			span.len >= rules.min_span
				&& in_answer(span)
				&& !span.sources.is_empty()
				&& datanets.contains(&span.datanet)
		});
		let place = |span: &Span| {
			(Reverse(strength(&rules, span.len, span.count)), span.start, span.len, span.datanet)
		};
		self.spans.sort_by_key(place);
		self.spans.dedup_by_key(|span| place(span));
		self.spans.truncate(MAX_EVIDENCE_SPANS);
		self.spans.iter_mut().for_each(|span| span.sources.truncate(MAX_SOURCES));

		let place = |chunk: &RetrievedChunk| {
			(Reverse(chunk.ranks.weight()), chunk.datanet, chunk.contribution, chunk.start)
		};
		let counts =
			|chunk: &RetrievedChunk| chunk.ranks.weight() > 0 && chunk.tokens > 0 && chunk.start < chunk.end;
		self.chunks.retain(|chunk| counts(chunk) && datanets.contains(&chunk.datanet));
		self.chunks.sort_by_key(place);
		let mut seen = BTreeSet::new();
		self.chunks.retain(|chunk| seen.insert((chunk.datanet, chunk.contribution, chunk.start)));
		self.chunks.truncate(MAX_HITS);
		self
	}
}

impl From<&Hit> for RetrievedChunk {
	fn from(Hit { datanet, chunk, ranks }: &Hit) -> Self {
		Self {
			datanet: *datanet,
			contribution: chunk.contribution,
			contributor: chunk.contributor,
			start: chunk.range.start,
			end: chunk.range.end,
			tokens: chunk.tokens,
			ranks: *ranks,
			text: blake3::hash(chunk.text.as_bytes()).into(),
		}
	}
}

/// 32 bytes as lower-case hex.
pub(crate) mod hex32 {
	use serde::{de::Error, Deserialize, Deserializer, Serializer};

	pub fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
		serializer.serialize_str(&hex::encode(bytes))
	}

	pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
		let text = String::deserialize(deserializer)?;
		let mut bytes = [0; 32];
		hex::decode_to_slice(&text, &mut bytes).map_err(|_| D::Error::custom("expected 64 hex digits"))?;
		Ok(bytes)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{Chunk, Source};
	use proptest::prelude::*;

	fn span(datanet: u32, start: usize, len: usize) -> Span {
		let source = Source { contribution: 3, contributor: [4; 32], offset: 5 };
		Span { datanet, start, len, count: 1, sources: vec![source] }
	}

	fn hit(contribution: u32, keyword: Option<u32>) -> Hit {
		let text = "a chunk".to_string();
		let chunk = Chunk { contribution, contributor: [8; 32], range: 0..7, tokens: 50, text };
		Hit { datanet: 1, chunk, ranks: Ranks { keyword, vector: None } }
	}

	fn sample() -> Evidence {
		Evidence::collect(
			&VectorRules::default(),
			&[2, 1],
			100,
			&[span(1, 0, 20), span(2, 30, 40)],
			&[hit(6, Some(1))],
		)
	}

	#[test]
	fn evidence_gives_the_same_vector_and_hash_when_read_back() {
		let read = Evidence::from_bytes(&sample().to_bytes()).unwrap();
		assert_eq!(read, sample());
		assert_eq!((read.vector(), read.hash()), (sample().vector(), sample().hash()));
		assert_eq!((read.datanets(), read.answer_tokens()), ([1, 2].as_slice(), 100));
	}

	#[test]
	fn evidence_bytes_are_stable_when_nothing_changes() {
		let evidence = Evidence::collect(&VectorRules::default(), &[1], 9, &[span(1, 0, 9)], &[]);
		let expected = concat!(
			r#"{"version":2,"rules":{"span_ppm":500000,"retrieval_ppm":400000,"min_span":8,"half_span":8,"#,
			r#""max_contributor_ppm":500000,"top_k":32},"datanets":[1],"answer_tokens":9,"spans":[{"datanet":1,"#,
			r#""start":0,"len":9,"count":1,"sources":[{"contribution":3,"contributor":"#,
			r#""0404040404040404040404040404040404040404040404040404040404040404","offset":5}]}],"chunks":[]}"#
		);
		assert_eq!(String::from_utf8(evidence.to_bytes()).unwrap(), expected);
	}

	#[test]
	fn span_is_left_out_when_it_crosses_from_one_choice_to_the_next() {
		let spans = [span(1, 0, 20), span(1, 30, 20), span(1, 45, 20), span(1, 50, 50)];
		let evidence =
			Evidence::collect(&VectorRules::default(), &[1], 100, &spans, &[]).with_choices(&[40, 10, 50]);
		let starts: BTreeSet<usize> = evidence.spans().iter().map(|span| span.start).collect();
		assert_eq!((evidence.choices(), starts), ([40, 10, 50].as_slice(), BTreeSet::from([0, 50])));
		assert_eq!(Evidence::from_bytes(&evidence.to_bytes()).unwrap(), evidence);
		let text = String::from_utf8(evidence.to_bytes()).unwrap();
		assert!(text.contains(r#""answer_tokens":100,"choices":[40,10,50],"#), "{text}");
		let wrong = text.replace("[40,10,50]", "[40,10,51]");
		assert!(matches!(Evidence::from_bytes(wrong.as_bytes()), Err(EvidenceError::NotCanonical)));
	}

	#[test]
	fn choices_are_left_out_when_there_is_one_or_they_do_not_make_up_the_answer() {
		for choices in [&[100][..], &[40, 50], &[]] {
			assert!(sample().with_choices(choices).choices().is_empty());
		}
		assert_eq!(sample().with_choices(&[100]).to_bytes(), sample().to_bytes());
	}

	#[test]
	fn evidence_is_refused_when_too_large() {
		let error = Evidence::from_bytes(&vec![b' '; MAX_EVIDENCE_BYTES + 1]).unwrap_err();
		assert!(matches!(error, EvidenceError::TooLarge { .. }), "{error}");
	}

	#[test]
	fn evidence_is_refused_when_malformed() {
		let good = String::from_utf8(sample().to_bytes()).unwrap();
		for bad in ["", "{}", "[]", &good.replace("0404", "xx04"), &good.replace("\"len\"", "\"length\"")] {
			assert!(
				matches!(Evidence::from_bytes(bad.as_bytes()), Err(EvidenceError::Malformed(_))),
				"{bad}"
			);
		}
	}

	#[test]
	fn evidence_is_refused_when_the_version_is_another() {
		let bytes = String::from_utf8(sample().to_bytes()).unwrap().replace("\"version\":2", "\"version\":1");
		let error = Evidence::from_bytes(bytes.as_bytes()).unwrap_err();
		assert!(matches!(error, EvidenceError::Version { found: 1, expected: 2 }), "{error}");
	}

	#[test]
	fn evidence_is_refused_when_not_canonical() {
		let good = String::from_utf8(sample().to_bytes()).unwrap();
		let bad = [
			format!("{good}\n"),
			good.replace("[1,2]", "[2,1]"),
			good.replace("\"start\":30", "\"start\":90"),
			good.replace("\"top_k\":32", "\"top_k\":33"),
		];
		for bad in bad {
			let error = Evidence::from_bytes(bad.as_bytes()).unwrap_err();
			assert!(matches!(error, EvidenceError::NotCanonical), "{bad}: {error}");
		}
	}

	#[test]
	fn evidence_leaves_out_what_is_repeated_or_out_of_range() {
		let spans = [
			span(1, 0, 20),
			span(1, 0, 20),
			span(1, 0, 7),
			span(1, 90, 20),
			span(1, usize::MAX, 9),
			span(3, 0, 20),
			Span { sources: Vec::new(), ..span(1, 40, 20) },
		];
		let mut empty = hit(9, Some(1));
		empty.chunk.range = 7..7;
		let hits = [hit(6, Some(1)), hit(6, Some(2)), hit(7, None), hit(8, Some(0)), empty];
		let evidence = Evidence::collect(&VectorRules::default(), &[1, 1], 100, &spans, &hits);
		assert_eq!(evidence.spans(), [span(1, 0, 20)]);
		assert_eq!(evidence.chunks(), [RetrievedChunk::from(&hit(6, Some(1)))]);
		assert_eq!(evidence.datanets(), [1]);
	}

	#[test]
	fn evidence_stays_within_its_bytes_when_everything_is_at_its_limit() {
		let source =
			|at: usize| Source { contribution: u32::MAX, contributor: [0xff; 32], offset: usize::MAX - at };
		let spans: Vec<Span> = (0..200)
			.map(|at| Span {
				datanet: u32::MAX,
				start: at,
				len: 1_000_000,
				count: u64::MAX,
				sources: (0..20).map(source).collect(),
			})
			.collect();
		let ranks = Ranks { keyword: Some(999_999_999), vector: Some(u32::MAX) };
		let chunk = |at: usize| Chunk {
			range: usize::MAX - at - 1..usize::MAX,
			tokens: usize::MAX,
			..hit(u32::MAX, None).chunk
		};
		let hits: Vec<Hit> = (0..200).map(|at| Hit { datanet: u32::MAX, chunk: chunk(at), ranks }).collect();
		let datanets: Vec<u32> = (u32::MAX - 7..=u32::MAX).collect();
		let evidence = Evidence::collect(&VectorRules::default(), &datanets, usize::MAX, &spans, &hits);
		assert_eq!((evidence.spans().len(), evidence.chunks().len()), (MAX_EVIDENCE_SPANS, MAX_HITS));
		assert_eq!(Evidence::from_bytes(&evidence.to_bytes()).unwrap(), evidence);
	}

	proptest! {
		#[test]
		fn evidence_never_panics_when_bytes_are_arbitrary(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
			prop_assert!(Evidence::from_bytes(&bytes).is_err());
		}
	}
}
