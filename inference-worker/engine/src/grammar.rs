//! Grammars that an answer must match: which tokens may come next, from the tokens before and nothing else.
//!
//! JSON schemas and Lark grammars are compiled by llguidance, on the thread of the caller. Its limits bound the work
//! of each step, so that a grammar that explodes fails its own request.

use std::{fmt, sync::Arc};

use llguidance::{
	api::{ParserLimits, TopLevelGrammar},
	earley::SlicedBiasComputer,
	toktrie::{ApproximateTokEnv, InferenceCapabilities, TokEnv, TokRxInfo, TokTrie},
	Matcher, ParserFactory,
};
use serde_json::{json, Value};

use crate::{error::EngineError, tokenizer::Tokenizer};

/// Longest grammar, bytes of JSON or Lark.
pub const MAX_GRAMMAR_BYTES: usize = 64 << 10;

/// What an answer shall match.
#[derive(Debug, Clone, PartialEq)]
pub enum GrammarSource {
	/// A value that satisfies this JSON schema, written as Python's `json.dumps` does: one space after `,` and `:`.
	Json(Value),
	/// A grammar in llguidance's Lark.
	Lark(String),
}

/// JSON schema with how its values are written: without free space, of which a weak model might never find an end.
pub fn written_plainly(schema: &Value) -> Value {
	let mut schema = schema.clone();
	if let Some(members) = schema.as_object_mut() {
		let style = json!({ "item_separator": ", ", "key_separator": ": ", "whitespace_flexible": false });
		members.insert("x-guidance".into(), style);
	}
	schema
}

/// Compiles grammars for one vocabulary.
pub struct Grammars {
	factory: ParserFactory,
}

impl Grammars {
	/// For logits of `vocabulary` tokens. Takes a while with a large vocabulary.
	///
	/// # Errors
	/// [`EngineError::Grammar`] when no token ends an answer or the bytes of the tokens are unknown.
	pub fn new(tokenizer: &Tokenizer, vocabulary: usize) -> Result<Self, EngineError> {
		let refuse = |reason: String| EngineError::Grammar(format!("this model takes no grammars: {reason}"));
		let mut words = tokenizer.all_bytes()?.to_vec();
		words.resize(vocabulary, Vec::new());
		let ends: Vec<u32> =
			tokenizer.eos_ids().iter().copied().filter(|id| (*id as usize) < vocabulary).collect();
		let Some(end) = ends.first() else {
			return Err(refuse("it has no token that ends an answer".into()));
		};
		let size = u32::try_from(vocabulary).map_err(|error| refuse(error.to_string()))?;
		let trie = TokTrie::from(&TokRxInfo::new(size, *end), &words).with_eos_tokens(&ends);
		let environment: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
		let slices = SlicedBiasComputer::json_slices();
		let mut factory = ParserFactory::new(&environment, InferenceCapabilities::default(), &slices)
			.map_err(|error| refuse(error.to_string()))?;
		// At most some 20 ms and 40 MB of one grammar, where the defaults allow ten times the memory.
		*factory.limits_mut() = ParserLimits {
			max_lexer_states: 20_000,
			max_grammar_size: 100_000,
			verbose_errors: false,
			..ParserLimits::default()
		};
		factory.quiet();
		Ok(Self { factory })
	}

	/// Compiles a grammar; the error says what is wrong with it.
	pub fn compile(&self, source: GrammarSource) -> Result<Grammar, EngineError> {
		let text: Arc<str> = match &source {
			GrammarSource::Json(schema) => schema.to_string().into(),
			GrammarSource::Lark(text) => text.as_str().into(),
		};
		if text.len() > MAX_GRAMMAR_BYTES {
			let reason = format!("it has {} bytes, at most {MAX_GRAMMAR_BYTES} are allowed", text.len());
			return Err(EngineError::Grammar(reason));
		}
		let grammar = match source {
			GrammarSource::Json(schema) if schema.is_object() => {
				TopLevelGrammar::from_json_schema(written_plainly(&schema))
			}
			GrammarSource::Json(_) => {
				return Err(EngineError::Grammar("a schema must be a JSON object".into()))
			}
			GrammarSource::Lark(text) => TopLevelGrammar::from_lark(text),
		};
		let matcher = Matcher::new(self.factory.create_parser(grammar));
		match matcher.get_error() {
			Some(error) => Err(EngineError::Grammar(first_line(&error))),
			None => Ok(Grammar { source: text, matcher: Box::new(matcher) }),
		}
	}
}

/// A compiled grammar and where an answer stands in it. Clones go their own ways.
pub struct Grammar {
	source: Arc<str>,
	/// Large beside the rest of a request.
	matcher: Box<Matcher>,
}

impl Grammar {
	/// Makes every token that may not come next impossible: its logit is minus infinity then.
	///
	/// # Errors
	/// [`EngineError::Grammar`] when the step takes more work than a grammar may, or no token can follow.
	pub fn mask(&mut self, logits: &mut [f32]) -> Result<(), EngineError> {
		let allowed = self.matcher.compute_mask_or_eos().map_err(failed)?;
		let mut any = false;
		for (id, logit) in logits.iter_mut().enumerate() {
			match id < allowed.len() && allowed.is_allowed(id as u32) {
				true => any = true,
				false => *logit = f32::NEG_INFINITY,
			}
		}
		match any {
			true => Ok(()),
			false => Err(EngineError::Grammar("no token can follow what was written".into())),
		}
	}

	/// Takes the token that was drawn.
	///
	/// # Errors
	/// [`EngineError::Grammar`] when the grammar does not allow it, or the step takes more work than a grammar may.
	pub fn advance(&mut self, id: u32) -> Result<(), EngineError> {
		// After the end of the grammar only the token that ends the answer can be drawn.
		match self.matcher.is_stopped() {
			true => Ok(()),
			false => self.matcher.consume_token(id).map_err(failed),
		}
	}
}

fn failed(error: impl fmt::Display) -> EngineError {
	EngineError::Grammar(first_line(&error.to_string()))
}

fn first_line(text: &str) -> String {
	text.lines().next().unwrap_or_default().chars().take(400).collect()
}

impl Clone for Grammar {
	fn clone(&self) -> Self {
		Self { source: self.source.clone(), matcher: Box::new(self.matcher.deep_clone()) }
	}
}

impl fmt::Debug for Grammar {
	fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
		formatter.debug_tuple("Grammar").field(&self.source).finish()
	}
}

impl PartialEq for Grammar {
	fn eq(&self, other: &Self) -> bool {
		self.source == other.source
	}
}
