//! An answer as it grows: text in valid UTF-8 pieces, cut at the first stop string.

use crate::{error::EngineError, tokenizer::Tokenizer};

/// Replacement characters at the end of a text that may still become another character: decoders write one for an
/// incomplete character, or one for each of its bytes, of which at most three are there.
const MAX_HELD: usize = 3;
/// Tokens that are decoded again at most. Only an answer of broken bytes alone comes so far.
const MAX_WINDOW: usize = 256;

/// What one more token adds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
	/// Text that can be sent now; may be empty.
	pub(crate) text: String,
	/// A stop string was found; the text ends before it.
	pub(crate) stopped: bool,
}

/// Turns tokens into text and looks for stop strings.
pub(crate) struct AnswerText {
	tokenizer: Tokenizer,
	stops: Vec<String>,
	/// The tokens since the text was last complete, after those of the time before, on which spacing may depend.
	window: Vec<u32>,
	/// Number of the latter.
	before: usize,
	/// Bytes of the window's text that are out.
	shown: usize,
	/// Text that may be the beginning of a stop string.
	held: String,
}

impl AnswerText {
	pub(crate) fn new(tokenizer: Tokenizer, stops: Vec<String>) -> Self {
		let stops = stops.into_iter().filter(|stop| !stop.is_empty()).collect();
		Self { tokenizer, stops, window: Vec::new(), before: 0, shown: 0, held: String::new() }
	}

	/// Adds a token. With `last`, nothing is held back.
	pub(crate) fn push(&mut self, token: u32, last: bool) -> Result<Piece, EngineError> {
		self.window.push(token);
		let delta = self.delta(last)?;
		self.held.push_str(&delta);
		Ok(self.release(last))
	}

	/// New text of the window, without what further tokens may change.
	fn delta(&mut self, last: bool) -> Result<String, EngineError> {
		let all = self.tokenizer.decode(&self.window)?;
		let is_final = last || self.window.len() >= MAX_WINDOW;
		let end = if is_final { all.len() } else { stable_length(&all) };
		let delta = all.get(self.shown..end).unwrap_or_default().to_owned();
		self.shown = self.shown.max(end);
		if end == all.len() {
			self.window.drain(..self.before);
			self.before = self.window.len();
			self.shown = self.tokenizer.decode(&self.window)?.len();
		}
		Ok(delta)
	}

	fn release(&mut self, last: bool) -> Piece {
		if let Some(start) = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min() {
			self.held.truncate(start);
			return Piece { text: std::mem::take(&mut self.held), stopped: true };
		}
		let keep = if last { 0 } else { self.longest_beginning() };
		let rest = self.held.split_off(self.held.len() - keep);
		Piece { text: std::mem::replace(&mut self.held, rest), stopped: false }
	}

	/// Length in bytes of the longest end of the held text with which a stop string begins.
	fn longest_beginning(&self) -> usize {
		let begins = |start: &usize| {
			self.held.get(*start..).is_some_and(|end| self.stops.iter().any(|stop| stop.starts_with(end)))
		};
		let longest = self.stops.iter().map(String::len).max().unwrap_or(0);
		let from = self.held.len().saturating_sub(longest);
		(from..self.held.len()).find(begins).map_or(0, |start| self.held.len() - start)
	}
}

/// Length in bytes of the text without the replacement characters at its end that may still change.
fn stable_length(text: &str) -> usize {
	let strip = |text: &str| text.strip_suffix('\u{FFFD}').map_or(text.len(), str::len);
	(0..MAX_HELD).fold(text.len(), |end, _| text.get(..end).map_or(end, strip))
}

#[cfg(test)]
mod tests {
	use std::path::Path;

	use proptest::prelude::*;

	use super::*;

	fn tokenizer() -> Tokenizer {
		let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama");
		Tokenizer::open(&folder, &[1]).unwrap()
	}

	fn stream(tokens: &[u32], stops: &[&str]) -> (Vec<String>, bool) {
		let mut text = AnswerText::new(tokenizer(), stops.iter().map(|stop| stop.to_string()).collect());
		let mut pieces = Vec::new();
		for (index, token) in tokens.iter().enumerate() {
			let piece = text.push(*token, index + 1 == tokens.len()).unwrap();
			pieces.push(piece.text);
			if piece.stopped {
				return (pieces, true);
			}
		}
		(pieces, false)
	}

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(64))]

		#[test]
		fn pieces_make_up_the_text_when_any_text_is_streamed(text in "\\PC{0,40}") {
			let tokens = tokenizer().encode(&text, false).unwrap();
			let (pieces, _) = stream(&tokens, &["\u{1}"]);
			prop_assert_eq!(pieces.concat(), text);
		}

		#[test]
		fn text_ends_before_the_first_stop_when_any_appears(text in "[ab]{0,30}", stop in "[ab]{1,4}") {
			let tokens = tokenizer().encode(&text, false).unwrap();
			let (pieces, stopped) = stream(&tokens, &[&stop, "zz"]);
			let expected = text.find(&stop).map_or(text.as_str(), |start| &text[..start]);
			prop_assert_eq!(pieces.concat(), expected);
			prop_assert_eq!(stopped, text.contains(&stop));
		}
	}

	#[test]
	fn character_is_held_back_when_its_bytes_come_in_several_tokens() {
		let tokens = tokenizer().encode("a🦀b", false).unwrap();
		let (pieces, _) = stream(&tokens, &[]);
		assert!(pieces.len() > 3 && pieces.iter().all(|piece| !piece.contains('\u{FFFD}')), "{pieces:?}");
		assert_eq!(pieces.concat(), "a🦀b");
	}

	#[test]
	fn pieces_make_up_the_text_when_replacement_characters_are_meant() {
		let text = "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}ந\u{FFFD}";
		let (pieces, _) = stream(&tokenizer().encode(text, false).unwrap(), &[]);
		assert_eq!(pieces.concat(), text);
	}

	#[test]
	fn beginning_of_a_stop_string_is_held_back_when_it_may_go_on() {
		let tokens: Vec<u32> = ["x", "e", "n", "d"]
			.iter()
			.flat_map(|letter| tokenizer().encode(letter, false).unwrap())
			.collect();
		assert_eq!(stream(&tokens, &["end"]), (vec!["x".into(), "".into(), "".into(), "".into()], true));
		assert_eq!(stream(&tokens[..3], &["end"]).0.concat(), "xen");
	}

	#[test]
	fn broken_bytes_become_a_replacement_character_when_the_answer_ends() {
		let tokens = tokenizer().encode("🦀", false).unwrap();
		let (pieces, _) = stream(&tokens[..1], &[]);
		assert_eq!(pieces.concat(), "\u{FFFD}");
	}
}
