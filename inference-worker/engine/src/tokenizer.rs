//! Text to tokens and back, by the model's own `tokenizer.json`.

use std::{
	borrow::Cow,
	path::Path,
	sync::{Arc, OnceLock},
};

use llguidance::{token_bytes_from_tokenizer_json, toktrie::TokTrie};

use crate::{
	error::{EngineError, ModelError},
	loading,
};

/// Largest tokenizer.json read, bytes.
const MAX_TOKENIZER_BYTES: u64 = 64 << 20;

/// The tokenizer of the base model. Cheap to clone.
#[derive(Clone)]
pub struct Tokenizer {
	inner: Arc<tokenizers::Tokenizer>,
	eos_ids: Arc<[u32]>,
	/// Bytes of every token, once they were asked for; none where the kind of the tokenizer is unknown.
	bytes: Arc<OnceLock<Result<Vec<Vec<u8>>, EngineError>>>,
}

impl Tokenizer {
	/// Reads `tokenizer.json`; truncation and padding that it may ask for are turned off.
	pub fn open(dir: &Path, eos_ids: &[u32]) -> Result<Self, ModelError> {
		let text = loading::read_bounded(&dir.join("tokenizer.json"), MAX_TOKENIZER_BYTES)?;
		let mut inner = tokenizers::Tokenizer::from_bytes(text).map_err(refused)?;
		inner.with_truncation(None).map_err(refused)?;
		inner.with_padding(None);
		Ok(Self { inner: Arc::new(inner), eos_ids: eos_ids.into(), bytes: Arc::default() })
	}

	/// Tokens of a text; `add_special` adds what the post-processor asks for, such as a begin token.
	pub fn encode(&self, text: &str, add_special: bool) -> Result<Vec<u32>, EngineError> {
		match self.inner.encode_fast(text, add_special) {
			Ok(encoding) => Ok(encoding.get_ids().to_vec()),
			Err(error) => Err(EngineError::Tokenizer(error.to_string())),
		}
	}

	/// Text of tokens without special tokens; bytes that are no UTF-8 become U+FFFD.
	pub fn decode(&self, ids: &[u32]) -> Result<String, EngineError> {
		self.inner.decode(ids, true).map_err(|error| EngineError::Tokenizer(error.to_string()))
	}

	/// Tokens that end an answer.
	pub fn eos_ids(&self) -> &[u32] {
		&self.eos_ids
	}

	/// Id of a token by its exact text.
	pub fn token_id(&self, token: &str) -> Option<u32> {
		self.inner.token_to_id(token)
	}

	/// Bytes of every token by its id; special ones begin with toktrie's marker.
	pub(crate) fn all_bytes(&self) -> Result<&[Vec<u8>], EngineError> {
		let read = || {
			let unknown = |error: String| {
				EngineError::Tokenizer(format!("the bytes of its tokens are unknown: {error}"))
			};
			let text = self.inner.to_string(false).map_err(|error| unknown(error.to_string()))?;
			let json = serde_json::from_str(&text).map_err(|error| unknown(error.to_string()))?;
			token_bytes_from_tokenizer_json(&json).map_err(|error| unknown(error.to_string()))
		};
		self.bytes.get_or_init(read).as_deref().map_err(Clone::clone)
	}

	/// What a token stands for, which need not be whole characters; the name of a special one.
	pub fn token_bytes(&self, id: u32) -> Cow<'_, [u8]> {
		match self.all_bytes().ok().and_then(|all| all.get(id as usize)).map(Vec::as_slice) {
			Some([TokTrie::SPECIAL_TOKEN_MARKER, name @ ..]) if !name.is_empty() => name.into(),
			Some(bytes) => bytes.into(),
			None => self.decode(&[id]).unwrap_or_default().into_bytes().into(),
		}
	}

	/// Number of tokens, added ones included.
	pub fn vocab_size(&self) -> usize {
		self.inner.get_vocab_size(true)
	}
}

fn refused(error: tokenizers::Error) -> ModelError {
	ModelError::Tokenizer(error.to_string())
}
