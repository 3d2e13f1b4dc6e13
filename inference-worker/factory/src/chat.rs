//! Chat samples made from documentation: questions whose answers stand in the text.
//!
//! A heading becomes a question and the first paragraphs under it the answer; mostly the passage also stands in the
//! system message, between others, as retrieval will put it there. So the model learns the format, and to answer in
//! the words of its context.

use rand_chacha::{rand_core::RngCore, ChaCha20Rng};

use crate::{
	conversations,
	files::Document,
	tokenizer::{ASSISTANT, END, SYSTEM, USER},
};

/// Longest answer and longest passage in a context, characters.
const ANSWER_CHARS: usize = 300;
const PASSAGE_CHARS: usize = 380;
/// Most characters of the paragraph before, at the start of a passage: retrieval cuts anywhere.
const LEAD_CHARS: usize = 120;
/// Shortest paragraph that makes an answer, characters.
const SHORTEST_ANSWER: usize = 80;
/// One sample in this many has no context.
const WITHOUT_CONTEXT: u64 = 4;

const QUESTIONS: [&str; 8] = [
	"What is {}?",
	"How does {} work?",
	"Explain {}.",
	"Tell me about {}.",
	"What should I know about {}?",
	"How do I use {}?",
	"{}?",
	"What does the documentation say about {}?",
];
const INSTRUCTIONS: [&str; 5] = [
	"Answer from the context.",
	"You are a careful technical writer. Answer in the words of the documentation.",
	"You answer questions about software. Use the context below.",
	"Be brief and exact. Quote the documentation.",
	"",
];

/// A heading and the text under it.
struct Section<'a> {
	heading: &'a str,
	paragraphs: Vec<&'a str>,
}

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exchange {
	/// Place of the document it was made from.
	pub document: usize,
	/// Instruction and context; may be empty.
	pub system: String,
	pub user: String,
	pub assistant: String,
}

impl Exchange {
	/// In the chat template of the models made here.
	pub(crate) fn render(&self) -> String {
		let Self { system, user, assistant, .. } = self;
		let system = match system.is_empty() {
			true => String::new(),
			false => format!("{SYSTEM}{system}{END}"),
		};
		format!("{system}{USER}{user}{END}{ASSISTANT}{assistant}{END}")
	}
}

/// What samples are made from: the sections of each document that has any.
pub(crate) struct Sections<'a>(Vec<(usize, Vec<Section<'a>>)>);

impl<'a> Sections<'a> {
	pub(crate) fn of(documents: &'a [Document]) -> Self {
		let by_document = documents
			.iter()
			.enumerate()
			.filter(|(_, document)| !conversations::is_conversations(document))
			.map(|(index, document)| (index, sections(&document.text)))
			.filter(|(_, sections)| !sections.is_empty());
		Self(by_document.collect())
	}

	/// Makes up to `count` samples. The same generator state gives the same samples.
	pub(crate) fn samples(&self, count: usize, rng: &mut ChaCha20Rng) -> Vec<Exchange> {
		let mut samples = Vec::with_capacity(count);
		while samples.len() < count && !self.0.is_empty() {
			let Some((document, sections)) = self.0.get(below(rng, self.0.len())) else { break };
			let Some(target) = sections.get(below(rng, sections.len())) else { break };
			let (system, user, assistant) = sample(sections, target, rng);
			samples.push(Exchange { document: *document, system, user, assistant });
		}
		samples
	}
}

/// Instruction and context, question, answer.
fn sample(sections: &[Section], target: &Section, rng: &mut ChaCha20Rng) -> (String, String, String) {
	let start = below(rng, target.paragraphs.len());
	let answer = join(&target.paragraphs[start..], ANSWER_CHARS);
	// Half of the questions name the heading, the others repeat rare words of the answer.
	let topic = match rng.next_u64() % 2 {
		0 if start == 0 => target.heading.to_owned(),
		_ => key_words(answer.split(". ").next().unwrap_or(&answer), rng),
	};
	let question = pick(&QUESTIONS, rng).replace("{}", &topic);
	if rng.next_u64().is_multiple_of(WITHOUT_CONTEXT) {
		return (pick(&INSTRUCTIONS, rng).to_owned(), question, answer);
	}
	// The passage is the answer and what follows it, sometimes after the end of the paragraph before.
	let lead = match start.checked_sub(1).and_then(|before| target.paragraphs.get(before)) {
		Some(before) if rng.next_u64().is_multiple_of(2) => tail(before, LEAD_CHARS),
		_ => "",
	};
	let mut passages =
		vec![format!("{lead} {}", join(&target.paragraphs[start..], PASSAGE_CHARS)).trim().to_owned()];
	for _ in 0..below(rng, 3) {
		let Some(other) = sections.get(below(rng, sections.len())) else { continue };
		if !std::ptr::eq(other, target) {
			let place = below(rng, passages.len() + 1);
			passages.insert(place, join(&other.paragraphs, PASSAGE_CHARS));
		}
	}
	let numbered: Vec<String> =
		passages.iter().enumerate().map(|(index, text)| format!("[{}] {text}", index + 1)).collect();
	let context = match rng.next_u64() % 4 {
		0 => format!("Context:\n{}", passages.join("\n\n")),
		_ => format!("Sources:\n{}", numbered.join("\n")),
	};
	let system = format!("{}\n\n{context}", pick(&INSTRUCTIONS, rng));
	(system.trim().to_owned(), question, answer)
}

/// The end of a text, at most `limit` bytes, from the start of a word.
fn tail(text: &str, limit: usize) -> &str {
	let from = text.len().saturating_sub(limit);
	let start = text.match_indices(' ').map(|(place, _)| place).find(|place| *place >= from).unwrap_or(0);
	text.get(start..).unwrap_or(text).trim_start()
}

/// Headings with the prose under them; listings are left out, and sections without prose.
fn sections(text: &str) -> Vec<Section<'_>> {
	let mut sections: Vec<Section> = Vec::new();
	for block in text.split("\n\n") {
		if let Some(heading) = block.strip_prefix('#') {
			let heading = heading.trim_start_matches('#').trim();
			sections.push(Section { heading, paragraphs: Vec::new() });
		} else if let Some(section) = sections.last_mut() {
			let prose = block.trim();
			if prose.chars().count() >= SHORTEST_ANSWER && !block.starts_with(' ') && prose.contains(". ") {
				section.paragraphs.push(prose);
			}
		}
	}
	sections.retain(|section| !section.paragraphs.is_empty() && (2..80).contains(&section.heading.len()));
	sections
}

/// Whole paragraphs up to a length; a longer first one is cut after a sentence.
fn join(paragraphs: &[&str], limit: usize) -> String {
	let mut text = String::new();
	for paragraph in paragraphs {
		if text.is_empty() && paragraph.len() > limit {
			let cut = paragraph
				.match_indices(". ")
				.map(|(place, _)| place + 1)
				.take_while(|place| *place <= limit)
				.last()
				.or_else(|| {
					paragraph
						.char_indices()
						.map(|(place, _)| place)
						.take_while(|place| *place <= limit)
						.last()
				})
				.unwrap_or(0);
			return paragraph.get(..cut).unwrap_or(paragraph).to_owned();
		}
		if text.len() + paragraph.len() > limit {
			break;
		}
		if !text.is_empty() {
			text.push_str("\n\n");
		}
		text.push_str(paragraph);
	}
	text
}

/// Two to four neighbouring words around a long word of the sentence.
fn key_words(sentence: &str, rng: &mut ChaCha20Rng) -> String {
	let words: Vec<&str> =
		sentence.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric())).collect();
	let long: Vec<usize> =
		words.iter().enumerate().filter(|(_, word)| word.len() >= 5).map(|(index, _)| index).collect();
	let Some(start) = long.get(below(rng, long.len().max(1))) else { return words.join(" ") };
	let end = (start + 2 + below(rng, 3)).min(words.len());
	words.get(*start..end).unwrap_or_default().join(" ").trim().to_owned()
}

fn pick<'a>(list: &[&'a str], rng: &mut ChaCha20Rng) -> &'a str {
	list.get(below(rng, list.len())).copied().unwrap_or_default()
}

/// A number below `limit`, which is at least 1.
pub(crate) fn below(rng: &mut ChaCha20Rng, limit: usize) -> usize {
	(rng.next_u64() % limit.max(1) as u64) as usize
}

#[cfg(test)]
mod tests {
	use super::*;
	use rand_chacha::rand_core::SeedableRng;

	fn documents() -> Vec<Document> {
		let paragraph =
			"A branch is a movable name for a commit. It moves on with every commit that is made on it. ";
		let text = format!(
			"# Branches\n\n{paragraph}\n\n    git branch\n\n## Tags\n\n{paragraph}It does not move.\n"
		);
		vec![Document { path: "a".into(), text }]
	}

	#[test]
	fn answers_stand_in_the_text_when_samples_are_made() {
		let documents = documents();
		let made = Sections::of(&documents).samples(50, &mut ChaCha20Rng::seed_from_u64(3));
		assert_eq!(made.len(), 50);
		for sample in &made {
			let answer = &sample.assistant;
			assert!(documents[0].text.contains(answer), "{answer}");
			assert!(sample.render().ends_with(&format!("{ASSISTANT}{answer}{END}")));
			assert!(!answer.contains("git branch"), "listings make no answers");
		}
		assert!(made.iter().any(|sample| sample.system.contains("Sources:\n[1] ")));
	}

	#[test]
	fn samples_are_none_when_the_texts_have_no_headings() {
		let documents = vec![Document { path: "a".into(), text: "plain words. ".repeat(30) }];
		assert!(Sections::of(&documents).samples(5, &mut ChaCha20Rng::seed_from_u64(3)).is_empty());
	}

	#[test]
	fn samples_are_equal_when_the_seed_is() {
		let made = || Sections::of(&documents()).samples(20, &mut ChaCha20Rng::seed_from_u64(3));
		assert_eq!(made(), made());
	}
}
