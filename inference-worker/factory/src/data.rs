//! Packing: texts stand behind each other in one stream, cut into sequences; batches are a function of the step.

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand_chacha::{rand_core::SeedableRng, ChaCha20Rng};
use tokenizers::Tokenizer;

use crate::{
	chat,
	error::FactoryError,
	files::Document,
	tokenizer::{self, END_OF_TEXT},
};

/// Inputs and the tokens that follow them.
pub(crate) struct Batch {
	/// `[batch, sequence]`.
	pub inputs: Tensor<2, Int>,
	/// `[batch · sequence]`.
	pub targets: Tensor<1, Int>,
}

/// A stream of tokens, cut into sequences anew in every epoch.
#[derive(Debug)]
pub(crate) struct Packed {
	tokens: Vec<u32>,
	sequence: usize,
	seed: u64,
	/// The order of the sequences of the epoch used last.
	order: (usize, Vec<usize>),
}

impl Packed {
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

	pub(crate) fn tokens(&self) -> &[u32] {
		&self.tokens
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

	/// The batch of a training step.
	pub(crate) fn batch(&mut self, step: usize, batch: usize, device: &Device) -> Batch {
		let starts: Vec<usize> = (0..batch).map(|row| self.start(step * batch + row)).collect();
		self.at(&starts, device)
	}

	/// All sequences in order, up to `limit`, in batches.
	pub(crate) fn in_order(
		&self,
		limit: usize,
		batch: usize,
		device: &Device,
	) -> impl Iterator<Item = Batch> + '_ {
		let count = self.sequences().min(limit);
		let device = device.clone();
		(0..count).step_by(batch).map(move |first| {
			let rows = first..(first + batch).min(count);
			self.at(&rows.map(|row| row * self.sequence).collect::<Vec<_>>(), &device)
		})
	}

	fn at(&self, starts: &[usize], device: &Device) -> Batch {
		let mut inputs = Vec::with_capacity(starts.len() * self.sequence);
		let mut targets = Vec::with_capacity(starts.len() * self.sequence);
		for start in starts {
			let window = self.tokens.get(*start..start + self.sequence + 1).unwrap_or_default();
			inputs.extend(window.iter().take(self.sequence).map(|token| *token as i32));
			targets.extend(window.iter().skip(1).map(|token| *token as i32));
		}
		let rows = starts.len();
		Batch {
			inputs: Tensor::from_data(TensorData::new(inputs, [rows, self.sequence]), device),
			targets: Tensor::from_data(TensorData::new(targets, [rows * self.sequence]), device),
		}
	}
}

/// Tokens of the texts behind each other, with chat samples mixed in up to a share of all tokens.
pub(crate) fn stream(
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
	let mut made = 0;
	while made < wanted {
		let samples = chat::samples(documents, 64, &mut rng);
		if samples.is_empty() {
			break;
		}
		for sample in samples {
			let tokens = tokenizer.encode_fast(sample, false)?.get_ids().to_vec();
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

	fn packed() -> Packed {
		Packed::new((0..101).collect(), 10, 2, 7, "the test").expect("enough")
	}

	fn inputs(batch: &Batch) -> Vec<i32> {
		batch.inputs.clone().try_into_vec_as::<i32>().expect("tokens")
	}

	#[test]
	fn every_sequence_is_seen_once_when_an_epoch_passes() {
		let mut packed = packed();
		let mut starts: Vec<usize> = (0..9).map(|index| packed.start(index)).collect();
		starts.sort_unstable();
		assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == 10));
		assert!(starts[0] < 10 && starts[8] + 10 < 101);
	}

	#[test]
	fn batch_is_equal_when_asked_out_of_order() {
		let device = Device::flex();
		let (mut one, mut two) = (packed(), packed());
		let later = inputs(&one.batch(5, 2, &device));
		for step in 0..5 {
			two.batch(step, 2, &device);
		}
		assert_eq!(later, inputs(&two.batch(5, 2, &device)));
	}

	#[test]
	fn targets_are_the_next_tokens_when_a_batch_is_made() {
		let batch = packed().batch(0, 3, &Device::flex());
		let targets = batch.targets.clone().try_into_vec_as::<i32>().expect("tokens");
		assert!(inputs(&batch).iter().zip(targets).all(|(input, target)| input + 1 == target));
	}

	#[test]
	fn packing_fails_when_there_is_too_little_text() {
		let error = Packed::new(vec![1; 20], 10, 2, 7, "the training text").expect_err("too little");
		assert!(matches!(error, FactoryError::TooLittleText { tokens: 20, needed: 31, .. }));
	}
}
