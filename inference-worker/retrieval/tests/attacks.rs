//! What attackers gain and victims lose, through index, retrieval and vector together.

use async_trait::async_trait;
use std::{collections::HashMap, sync::Arc};
use tributary_attribution::{vector, Chunks, Document, Hit, SnapshotIndex, Span, VectorRules};
use tributary_primitives::{
	record::{is_valid_vector, Share},
	Earner, SnapshotRef,
};
use tributary_retrieval::{search, ChunkIndex, ChunkStore, Embedder, Memory, Progress, Query, Space};

const DATANET: u32 = 1;
const VICTIM: u8 = 1;
/// Accounts from here on belong to the attacker.
const ATTACKER: u8 = 100;

/// Words as tokens, numbered as they are met: all that attribution needs of a tokenizer.
#[derive(Default)]
struct Vocabulary(HashMap<String, u32>);

impl Vocabulary {
	fn tokens(&mut self, text: &str) -> Vec<u32> {
		let mut id = |word: &str| {
			let next = self.0.len() as u32;
			*self.0.entry(word.into()).or_insert(next)
		};
		text.split_whitespace().map(&mut id).collect()
	}
}

/// Text whose words follow `seed`: distinct seeds share words now and then but no five in a row.
fn passage(seed: u64, words: usize) -> String {
	let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
	let mut next = || {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		state % 2_000
	};
	(0..words).map(|_| format!("word{}", next())).collect::<Vec<_>>().join(" ")
}

/// Counts words, each in one of 256 places: texts that share words are near each other, as with any real model.
struct Counts;

fn counts(text: &str) -> Vec<f32> {
	let mut vector = vec![0.001; 256];
	for word in text.split_whitespace() {
		vector[usize::from(blake3::hash(word.as_bytes()).as_bytes()[0])] += 1.0;
	}
	let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
	vector.iter().map(|number| number / length).collect()
}

#[async_trait]
impl Embedder for Counts {
	async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, String> {
		Ok(texts.iter().map(|text| counts(text)).collect())
	}
}

/// What is found by words and by vectors.
fn retrieved(docs: &[Document], query: &str) -> Vec<Hit> {
	let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
	runtime.block_on(async {
		let snapshot = SnapshotRef { datanet: DATANET, version: 1 };
		let space = Space::of(snapshot, &[0; 32], [0; 32], [], 128, true);
		let chunks = Chunks::cut(docs, 128);
		let index: Arc<dyn ChunkIndex> =
			Memory::default().build(&space, chunks, Some(&Counts), &Progress::default()).await.unwrap();
		search(&[index], &Query::new(query, Some(counts(query))), 4).await.unwrap()
	})
}

/// The vector of `answer` to `query`, when the snapshot holds `texts` (account, text) in this order.
fn attribute(texts: &[(u8, String)], query: &str, answer: &str) -> Vec<Share> {
	let mut vocabulary = Vocabulary::default();
	let docs: Vec<Document> = texts
		.iter()
		.enumerate()
		.map(|(index, (account, text))| Document {
			contribution: index as u32,
			contributor: [*account; 32],
			tokens: vocabulary.tokens(text),
			text: text.clone(),
		})
		.collect();
	let answer = vocabulary.tokens(answer);
	let rules = VectorRules::default();
	let spans: Vec<Span> = SnapshotIndex::build(DATANET, &docs).unwrap().spans(&answer, rules.min_span);
	let hits = retrieved(&docs, query);
	let shares = vector(&rules, &[DATANET], answer.len(), &spans, &hits);
	assert!(is_valid_vector(&shares));
	shares.to_vec()
}

/// What accounts of one side get together, pool shares not counted, ppm.
fn income(shares: &[Share], is_side: impl Fn(u8) -> bool) -> u32 {
	let of = |share: &Share| match share.earner {
		Earner::Account(account) if is_side(account[0]) => share.ppm,
		_ => 0,
	};
	shares.iter().map(of).sum()
}

fn victims(shares: &[Share]) -> u32 {
	income(shares, |account| account == VICTIM)
}

fn attackers(shares: &[Share]) -> u32 {
	income(shares, |account| account >= ATTACKER)
}

/// Other people's contributions.
fn others() -> Vec<(u8, String)> {
	(0..20).map(|i| (10 + i as u8, passage(1_000 + i, 300))).collect()
}

/// A snapshot where the victim wrote `text`.
fn honest(text: &str) -> Vec<(u8, String)> {
	let mut texts = others();
	texts.push((VICTIM, text.into()));
	texts
}

/// Words `from..to` of a text.
fn words(text: &str, from: usize, to: usize) -> String {
	text.split(' ').skip(from).take(to - from).collect::<Vec<_>>().join(" ")
}

/// An answer of 100 words, 40 of which repeat `text`.
fn quoting(text: &str) -> String {
	format!("{} {} {}", passage(77, 30), words(text, 50, 90), passage(78, 30))
}

#[test]
fn copies_earn_nothing_and_cost_the_victim_little_when_text_is_registered_again() {
	let text = passage(5, 300);
	for query in ["unknown".into(), words(&text, 40, 60)] {
		let before = attribute(&honest(&text), &query, &quoting(&text));
		let mut texts = honest(&text);
		// Registered again whole, shifted, and with every twentieth word changed.
		for copy in 0..10u8 {
			texts.push((ATTACKER + copy, words(&text, usize::from(copy), 300)));
		}
		let changed = text.split(' ').enumerate().map(|(i, word)| if i % 20 == 19 { "other" } else { word });
		texts.push((ATTACKER + 99, changed.collect::<Vec<_>>().join(" ")));
		let after = attribute(&texts, &query, &quoting(&text));
		assert_eq!(attackers(&after), 0, "{query}");
		assert!(
			victims(&after) * 10 >= victims(&before) * 9,
			"{query}: {} {}",
			victims(&before),
			victims(&after)
		);
	}
}

#[test]
fn outlier_earns_no_more_than_its_part_of_the_answer_when_text_is_strange() {
	let strange: String = (0..300).map(|i| format!("zq{}x ", i * 7_919)).collect();
	let mut texts = honest(&passage(5, 300));
	texts.push((ATTACKER, strange.clone()));
	let rules = VectorRules::default();
	let ordinary = attribute(&texts, "unknown", &quoting(&passage(5, 300)));
	assert_eq!(attackers(&ordinary), 0, "strange text earns nothing until it is repeated");
	let repeated = attribute(&texts, "unknown", &quoting(&strange));
	assert_eq!(attackers(&repeated), victims(&ordinary), "and then no more than any other text");
	assert!(attackers(&repeated) <= rules.span_ppm * 40 / 100);
	let parroted = attribute(&texts, &words(&strange, 0, 20), &words(&strange, 0, 128));
	assert_eq!(attackers(&parroted), rules.max_contributor_ppm, "one account never gets more than the limit");
}

#[test]
fn splitting_gains_nothing_by_spans_when_one_text_becomes_many_accounts() {
	let text = passage(5, 300);
	let whole = attackers(&attribute(
		&[others(), vec![(ATTACKER, text.clone())]].concat(),
		"unknown",
		&quoting(&text),
	));
	assert!(whole > 0);
	for pieces in [2, 5, 10, 30] {
		let size = 300 / pieces;
		let split = (0..pieces).map(|i| (ATTACKER + i as u8, words(&text, i * size, (i + 1) * size)));
		let texts = [others(), split.collect()].concat();
		let gained = attackers(&attribute(&texts, "unknown", &quoting(&text)));
		assert!(gained <= whole, "{pieces} pieces: {gained} instead of {whole}");
	}
}

#[test]
fn splitting_gains_under_a_fifth_by_retrieval_when_one_text_becomes_many_accounts() {
	// Victim and attacker wrote equally good texts on the subject.
	let (theirs, text) = (passage(6, 120), passage(5, 120));
	let query = format!("{} {}", words(&theirs, 10, 20), words(&text, 10, 20));
	let base = [others(), vec![(VICTIM, theirs)]].concat();
	let whole =
		attackers(&attribute(&[base.clone(), vec![(ATTACKER, text.clone())]].concat(), &query, "none"));
	assert!(whole > 0);
	for pieces in [2, 4, 8] {
		let size = 120 / pieces;
		let split = (0..pieces).map(|i| (ATTACKER + i as u8, words(&text, i * size, (i + 1) * size)));
		let gained = attackers(&attribute(&[base.clone(), split.collect()].concat(), &query, "none"));
		assert!(gained * 5 <= whole * 6, "{pieces} pieces: {gained} instead of {whole}");
	}
}

#[test]
fn stuffing_is_bounded_when_keywords_are_repeated() {
	let text = passage(5, 100);
	let query = words(&text, 10, 15);
	let stuffed = vec![query.clone(); 20].join(" ");
	let shares = attribute(&[honest(&text), vec![(ATTACKER, stuffed)]].concat(), &query, "none");
	assert!(attackers(&shares) > 0, "a known limit: reviewers must reject such text");
	assert!(
		victims(&shares) * 3 > attackers(&shares),
		"saturation: {} {}",
		victims(&shares),
		attackers(&shares)
	);
}
