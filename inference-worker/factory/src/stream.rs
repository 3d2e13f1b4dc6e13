//! The text of a base model: one stream of tokens, cut into sequences.

use rand_chacha::{rand_core::SeedableRng, ChaCha20Rng};
use tokenizers::Tokenizer;

use crate::{
	batch::Row,
	chat::{self, Sections},
	error::FactoryError,
	files::Document,
	text::Text,
	tokenizer::{self, END_OF_TEXT},
};

/// A stream of tokens, cut into sequences anew in every epoch.
#[derive(Debug)]
pub(crate) struct Stream {
	tokens: Vec<u32>,
	sequence: usize,
	seed: u64,
	/// The order of the sequences of the epoch used last.
	order: (usize, Vec<usize>),
}

impl Stream {
	/// `needed` is the least number of sequences.
	pub(crate) fn new(
		tokens: Vec<u32>,
		sequence: usize,
		needed: usize,
		seed: u64,
		what: &'static str,
	) -> Result<Self, FactoryError> {
		let least = (needed + 1) * sequence + 1;
		if tokens.len() < least {
			return Err(FactoryError::TooLittleText { what, tokens: tokens.len(), needed: least });
		}
		Ok(Self { tokens, sequence, seed, order: (usize::MAX, Vec::new()) })
	}

	/// Sequences of one epoch: one less than fit, so that each epoch may start at another token.
	fn sequences(&self) -> usize {
		(self.tokens.len() - 1) / self.sequence - 1
	}

	/// First token of the n-th sequence ever seen in training.
	fn start(&mut self, index: usize) -> usize {
		let (epoch, place) = (index / self.sequences(), index % self.sequences());
		if self.order.0 != epoch {
			let mut rng = ChaCha20Rng::seed_from_u64(self.seed);
			rng.set_stream(1 + epoch as u64);
			let offset = chat::below(&mut rng, self.sequence);
			let mut starts: Vec<usize> = (0..self.sequences()).map(|n| offset + n * self.sequence).collect();
			for last in (1..starts.len()).rev() {
				starts.swap(last, chat::below(&mut rng, last + 1));
			}
			self.order = (epoch, starts);
		}
		self.order.1.get(place).copied().unwrap_or(0)
	}

	/// All sequences in order, up to `limit`, for measuring.
	pub(crate) fn in_order(&self, limit: usize) -> Vec<Row> {
		let count = self.sequences().min(limit);
		(0..count).map(|index| self.row(index * self.sequence)).collect()
	}

	fn row(&self, start: usize) -> Row {
		let window = self.tokens.get(start..start + self.sequence + 1).unwrap_or_default();
		Row {
			inputs: window.iter().take(self.sequence).copied().collect(),
			targets: window.iter().skip(1).copied().collect(),
			counted: vec![true; self.sequence],
			starts: vec![0],
			documents: Vec::new(),
		}
	}
}

impl Text for Stream {
	fn rows(&mut self, first: usize, count: usize) -> Vec<Row> {
		(first..first + count)
			.map(|index| {
				let start = self.start(index);
				self.row(start)
			})
			.collect()
	}

	fn tokens(&self) -> u64 {
		self.tokens.len() as u64
	}

	fn name(&self, _: usize) -> String {
		String::new()
	}
}

/// Tokens of the texts behind each other, with chat samples mixed in up to a share of all tokens.
pub(crate) fn tokens_of(
	documents: &[Document],
	tokenizer: &mut Tokenizer,
	chat_share: f64,
	seed: u64,
) -> Result<Vec<u32>, FactoryError> {
	let separator = tokenizer.token_to_id(END_OF_TEXT).or_else(|| tokenizer.token_to_id("</s>")).unwrap_or(0);
	let mut pieces = Vec::new();
	for document in documents {
		pieces.push(tokenizer::encode_text(tokenizer, &document.text)?);
	}
	let plain: usize = pieces.iter().map(Vec::len).sum();
	let wanted = (plain as f64 * chat_share / (1.0 - chat_share)) as usize;
	let mut rng = ChaCha20Rng::seed_from_u64(seed);
	let sections = Sections::of(documents);
	let mut made = 0;
	while made < wanted {
		let samples = sections.samples(64, &mut rng);
		if samples.is_empty() {
			break;
		}
		for sample in samples {
			let tokens = tokenizer.encode_fast(sample.render(), false)?.get_ids().to_vec();
			made += tokens.len();
			pieces.push(tokens);
		}
	}
	for last in (1..pieces.len()).rev() {
		pieces.swap(last, chat::below(&mut rng, last + 1));
	}
	let mut tokens = Vec::with_capacity(plain + made + pieces.len());
	for piece in pieces {
		tokens.extend(piece);
		tokens.push(separator);
	}
	Ok(tokens)
}

#[cfg(test)]
mod tests {
	use super::*;

	fn stream() -> Stream {
		Stream::new((0..101).collect(), 10, 2, 7, "the test").expect("enough")
	}

	#[test]
	fn every_sequence_is_seen_once_when_an_epoch_passes() {
		let mut stream = stream();
		let mut starts: Vec<usize> = (0..9).map(|index| stream.start(index)).collect();
		starts.sort_unstable();
		assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == 10));
		assert!(starts[0] < 10 && starts[8] + 10 < 101);
	}

	#[test]
	fn rows_are_equal_when_asked_out_of_order() {
		let (mut one, mut two) = (stream(), stream());
		let later = one.rows(10, 2);
		for first in 0..10 {
			two.rows(first, 2);
		}
		assert_eq!(later, two.rows(10, 2));
	}

	#[test]
	fn targets_are_the_next_tokens_when_a_row_is_made() {
		for row in stream().rows(0, 3) {
			assert!(row.inputs.iter().zip(&row.targets).all(|(input, target)| input + 1 == *target));
		}
	}

	#[test]
	fn stream_fails_when_there_is_too_little_text() {
		let error = Stream::new(vec![1; 20], 10, 2, 7, "the training text").expect_err("too little");
		assert!(matches!(error, FactoryError::TooLittleText { tokens: 20, needed: 31, .. }));
	}
}
