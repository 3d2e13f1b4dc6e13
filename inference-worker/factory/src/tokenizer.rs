//! Byte-level BPE: training a vocabulary, and turning texts into tokens.

use std::path::Path;

use serde_json::json;
use tokenizers::{
	models::bpe::{BpeTrainerBuilder, BPE},
	pre_tokenizers::{byte_level::ByteLevel, PreTokenizerWrapper},
	AddedToken, DecoderWrapper, NormalizerWrapper, PostProcessorWrapper, Tokenizer, TokenizerBuilder,
};

use crate::{
	error::FactoryError,
	files::{self, Document},
};

/// Ends a text; separates texts in training.
pub const END_OF_TEXT: &str = "<|endoftext|>";
/// Opens the system message: instructions and retrieved context.
pub const SYSTEM: &str = "<|system|>";
/// Opens a question.
pub const USER: &str = "<|user|>";
/// Opens an answer.
pub const ASSISTANT: &str = "<|assistant|>";
/// Ends a message.
pub const END: &str = "<|end|>";
/// The special tokens; their ids are their places.
pub const SPECIAL_TOKENS: [&str; 5] = [END_OF_TEXT, SYSTEM, USER, ASSISTANT, END];

/// Chat template of the models made here, in the Jinja dialect of `transformers`.
pub const CHAT_TEMPLATE: &str = "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] | \
                                 trim + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% \
                                 endif %}";

/// Trains a byte-level BPE vocabulary of at most `size` tokens, the special ones included.
pub(crate) fn train(documents: &[Document], size: usize) -> Result<Tokenizer, FactoryError> {
	let smallest = ByteLevel::alphabet().len() + SPECIAL_TOKENS.len();
	if size < smallest {
		let reason = format!("is {size} but must be at least {smallest}: all bytes and the special tokens");
		return Err(FactoryError::Setting { name: "vocab_size", reason });
	}
	let byte_level = ByteLevel::new(false, true, true);
	let mut tokenizer = TokenizerBuilder::<
		BPE,
		NormalizerWrapper,
		PreTokenizerWrapper,
		PostProcessorWrapper,
		DecoderWrapper,
	>::new()
	.with_model(BPE::default())
	.with_normalizer(None)
	.with_pre_tokenizer(Some(byte_level.into()))
	.with_post_processor(Some(byte_level.into()))
	.with_decoder(Some(byte_level.into()))
	.build()?;
	let mut trainer = BpeTrainerBuilder::new()
		.show_progress(false)
		.vocab_size(size)
		.min_frequency(2)
		.initial_alphabet(ByteLevel::alphabet().into_iter().collect())
		.special_tokens(SPECIAL_TOKENS.iter().map(|token| AddedToken::from(*token, true)).collect())
		.build();
	tokenizer.train(&mut trainer, documents.iter().map(|document| document.text.as_str()))?;
	Ok(tokenizer.into())
}

/// Writes `tokenizer.json`, `tokenizer_config.json` and `generation_config.json`.
pub(crate) fn save(tokenizer: &Tokenizer, dir: &Path, context: usize) -> Result<(), FactoryError> {
	files::write(&dir.join("tokenizer.json"), tokenizer.to_string(false)?.as_bytes())?;
	let config = json!({
		"tokenizer_class": "PreTrainedTokenizerFast",
		"bos_token": END_OF_TEXT,
		"eos_token": END,
		"pad_token": END_OF_TEXT,
		"additional_special_tokens": [SYSTEM, USER, ASSISTANT],
		"add_bos_token": false,
		"add_eos_token": false,
		"clean_up_tokenization_spaces": false,
		"model_max_length": context,
		"chat_template": CHAT_TEMPLATE,
	});
	files::write_json(&dir.join("tokenizer_config.json"), &config)?;
	let generation = json!({
		"bos_token_id": 0,
		"eos_token_id": end_ids(),
		"pad_token_id": 0,
		"do_sample": true,
		"temperature": 0.6,
		"top_p": 0.9,
	});
	files::write_json(&dir.join("generation_config.json"), &generation)
}

/// Ids that end an answer in the models made here: the end of a message and the end of a text.
pub(crate) fn end_ids() -> [u32; 2] {
	[4, 0]
}

/// Loads `tokenizer.json` and checks that the model has an embedding for every id.
pub(crate) fn load(dir: &Path, vocabulary: usize) -> Result<Tokenizer, FactoryError> {
	let path = dir.join("tokenizer.json");
	let tokenizer =
		Tokenizer::from_bytes(files::read(&path)?).map_err(|error| FactoryError::model(&path, error))?;
	let highest = tokenizer.get_vocab(true).into_values().max().unwrap_or(0) as usize;
	match highest < vocabulary {
		true => Ok(tokenizer),
		false => Err(FactoryError::Vocabulary { highest, vocabulary }),
	}
}

/// Tokens of a text. Names of special tokens inside it stay plain text.
pub(crate) fn encode_text(tokenizer: &mut Tokenizer, text: &str) -> Result<Vec<u32>, FactoryError> {
	tokenizer.set_encode_special_tokens(true);
	let tokens = tokenizer.encode_fast(text, false).map(|encoding| encoding.get_ids().to_vec());
	tokenizer.set_encode_special_tokens(false);
	Ok(tokens?)
}

#[cfg(test)]
mod tests {
	use super::*;

	fn documents() -> Vec<Document> {
		vec![Document { path: "a".into(), text: "the cat sat on the mat, the cat sat. ".repeat(20) }]
	}

	#[test]
	fn tokenizer_is_equal_when_trained_twice() {
		let one = train(&documents(), 300).expect("tokenizer").to_string(false).expect("JSON");
		let two = train(&documents(), 300).expect("tokenizer").to_string(false).expect("JSON");
		assert_eq!(one, two);
	}

	#[test]
	fn text_survives_when_it_has_bytes_never_seen() {
		let mut tokenizer = train(&documents(), 300).expect("tokenizer");
		let text = " Größe <|end|> \u{1F600}\n\tx";
		let tokens = encode_text(&mut tokenizer, text).expect("tokens");
		assert!(!tokens.contains(&4), "a special token's name in a text is plain text");
		assert_eq!(tokenizer.decode(&tokens, false).expect("text"), text);
		assert_eq!(tokenizer.token_to_id(END), Some(4));
	}

	#[test]
	fn training_fails_when_the_vocabulary_is_smaller_than_the_bytes() {
		assert!(matches!(train(&documents(), 200), Err(FactoryError::Setting { name: "vocab_size", .. })));
	}

	#[test]
	fn loading_fails_when_the_model_has_fewer_embeddings() {
		let dir = tempfile::tempdir().expect("temporary folder");
		save(&train(&documents(), 280).expect("tokenizer"), dir.path(), 64).expect("saved");
		assert!(load(dir.path(), 280).is_ok());
		assert!(matches!(load(dir.path(), 270), Err(FactoryError::Vocabulary { vocabulary: 270, .. })));
	}
}
