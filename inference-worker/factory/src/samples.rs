//! Documents to samples: tokens no longer than a sequence, and which of them are learned.

use std::path::Path;

use rand_chacha::{rand_core::SeedableRng, ChaCha20Rng};
use tokenizers::Tokenizer;
use tributary_engine::{config::ModelConfig, ChatMessage, ChatTemplate};
use zeroize::Zeroize;

use crate::{
	batch::Row,
	chat::{Exchange, Sections},
	conversations::{self, Conversation},
	error::FactoryError,
	files::Document,
	tokenizer::{self, END_OF_TEXT},
};

/// A text, a part of one, or a conversation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
	/// Two or more.
	pub tokens: Vec<u32>,
	/// Whether each token is learned where it follows another.
	pub counted: Vec<bool>,
	/// Number of the document.
	pub document: usize,
}

/// Tokens are the text in other words.
impl Drop for Sample {
	fn drop(&mut self) {
		self.tokens.zeroize();
	}
}

impl Sample {
	/// Places that it takes in a sequence.
	pub(crate) fn len(&self) -> usize {
		self.tokens.len().saturating_sub(1)
	}

	/// Puts it behind what is in a row.
	pub(crate) fn append_to(&self, row: &mut Row) {
		row.starts.push(row.inputs.len());
		row.documents.push(self.document);
		row.inputs.extend(self.tokens.iter().take(self.len()));
		row.targets.extend(self.tokens.iter().skip(1));
		row.counted.extend(self.counted.iter().skip(1));
	}
}

/// Turns documents into samples for a model.
pub(crate) struct Encoder {
	tokenizer: Tokenizer,
	template: Option<ChatTemplate>,
	/// What stands before every text, such as a begin token.
	begin: Vec<u32>,
	/// What ends a text.
	end: Vec<u32>,
	sequence: usize,
	train_on_inputs: bool,
	/// Conversations that were left out, as no learned token of theirs fits into a sequence.
	pub left_out: usize,
}

impl Encoder {
	/// Reads tokenizer and chat template of a model folder.
	pub(crate) fn open(
		dir: &Path,
		vocabulary: usize,
		sequence: usize,
		train_on_inputs: bool,
	) -> Result<Self, FactoryError> {
		let tokenizer = tokenizer::load(dir, vocabulary)?;
		let refused = |error| FactoryError::model(dir, error);
		let template = ChatTemplate::open(dir).map_err(refused)?;
		let eos = ModelConfig::open(dir).map_err(refused)?.eos_ids;
		let end = tokenizer.token_to_id(END_OF_TEXT).or(eos.first().copied()).into_iter().collect();
		// A letter as a prompt has it, up to the letter.
		let plain = tokenizer.encode_fast("a", false)?.get_ids().to_vec();
		let mut begin = tokenizer.encode_fast("a", true)?.get_ids().to_vec();
		let added = begin.windows(plain.len().max(1)).position(|window| window == plain).unwrap_or(0);
		begin.truncate(added);
		Ok(Self { tokenizer, template, begin, end, sequence, train_on_inputs, left_out: 0 })
	}

	/// The samples of a document: its conversations, or its text cut where a sequence is full.
	pub(crate) fn document(
		&mut self,
		document: &Document,
		number: usize,
	) -> Result<Vec<Sample>, FactoryError> {
		if conversations::is_conversations(document) {
			let mut samples = Vec::new();
			for (line, conversation) in conversations::parse(document)? {
				samples.extend(self.conversation(&conversation, number).map_err(|reason| {
					FactoryError::Conversation { document: document.path.clone(), line, reason }
				})?);
			}
			return Ok(samples);
		}
		let text = tokenizer::encode_text(&mut self.tokenizer, &document.text)?;
		if text.is_empty() {
			return Ok(Vec::new());
		}
		let tokens = [self.begin.as_slice(), &text, &self.end].concat();
		let starts = (0..tokens.len() - 1).step_by(self.sequence);
		Ok(starts
			.map(|start| {
				let part = tokens.get(start..tokens.len().min(start + self.sequence + 1)).unwrap_or_default();
				Sample { tokens: part.to_vec(), counted: vec![true; part.len()], document: number }
			})
			.collect())
	}

	/// Samples of questions and answers made from documents, until they have as many tokens as asked for.
	pub(crate) fn exchanges(
		&mut self,
		documents: &[Document],
		first: usize,
		wanted: usize,
		seed: u64,
	) -> Result<Vec<Sample>, FactoryError> {
		let mut rng = ChaCha20Rng::seed_from_u64(seed);
		let sections = Sections::of(documents);
		let (mut samples, mut made) = (Vec::new(), 0);
		while made < wanted {
			let exchanges = sections.samples(64, &mut rng);
			if exchanges.is_empty() {
				break;
			}
			for exchange in exchanges {
				let document = first + exchange.document;
				// What the template refuses, or is too long, counts as made: there may be nothing else.
				made += 1;
				if let Some(sample) = self.exchange(&exchange, document)? {
					made += sample.len();
					samples.push(sample);
				}
			}
		}
		Ok(samples)
	}

	fn exchange(&mut self, exchange: &Exchange, document: usize) -> Result<Option<Sample>, FactoryError> {
		if self.template.is_none() {
			let tokens = self.tokenizer.encode_fast(exchange.render(), false)?.get_ids().to_vec();
			let counted = vec![true; tokens.len()];
			return Ok(self.cut(tokens, counted, document));
		}
		let message = |role: &str, content: &str| ChatMessage {
			role: role.into(),
			content: content.into(),
			..ChatMessage::default()
		};
		let mut messages = vec![message("user", &exchange.user), message("assistant", &exchange.assistant)];
		if !exchange.system.is_empty() {
			messages.insert(0, message("system", &exchange.system));
		}
		let conversation = Conversation { messages, tools: Vec::new() };
		Ok(self.conversation(&conversation, document).unwrap_or_default())
	}

	fn conversation(
		&mut self,
		conversation: &Conversation,
		document: usize,
	) -> Result<Option<Sample>, String> {
		let template =
			self.template.as_ref().ok_or("is a conversation, but the base model has no chat template")?;
		let (tokens, counted) =
			conversations::encode(conversation, template, &self.tokenizer, self.train_on_inputs)?;
		let sample = self.cut(tokens, counted, document);
		self.left_out += usize::from(sample.is_none());
		Ok(sample)
	}

	/// Cuts what is longer than a sequence. None if nothing to learn is left.
	fn cut(&self, mut tokens: Vec<u32>, mut counted: Vec<bool>, document: usize) -> Option<Sample> {
		tokens.truncate(self.sequence + 1);
		counted.truncate(self.sequence + 1);
		counted.iter().skip(1).any(|counted| *counted).then_some(Sample { tokens, counted, document })
	}
}
