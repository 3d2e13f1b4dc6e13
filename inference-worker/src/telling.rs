//! A request in the form that the model's chat template takes: with its tools, or told of them in words.

use crate::{
	prompt::Ask,
	tools::{without_tool_roles, Tools},
};
use serde_json::Value;
use tributary_engine::{Engine, GrammarSource};

/// What the model is told.
pub struct Told {
	/// The request.
	pub ask: Ask,
	/// The agent's prompts, and what the model is told of tools.
	pub prompts: Vec<String>,
	/// Tools, for templates that know some.
	definitions: Vec<Value>,
	/// What holds the answer to calls.
	pub grammar: Option<GrammarSource>,
}

impl Told {
	/// Fits a request to the model's template.
	pub fn of(engine: &Engine, mut ask: Ask, prompts: &[String], tools: &Tools) -> Self {
		let (mut prompts, mut grammar) = (prompts.to_vec(), None);
		if let (Ask::Chat(messages), Ok(template)) = (&mut ask, engine.template()) {
			if !template.knows_tools() {
				*messages = without_tool_roles(std::mem::take(messages));
				prompts.extend(tools.instructions());
			}
			grammar = tools.grammar(template.tool_format());
		}
		Self { ask, prompts, definitions: tools.definitions(), grammar }
	}

	/// The tokens of a request of this form.
	pub fn encode(&self, engine: &Engine, ask: Ask) -> Result<Vec<u32>, String> {
		match ask {
			Ask::Chat(messages) => {
				let text = engine
					.template()
					.and_then(|template| template.render(&messages, &self.definitions, true));
				// The template writes the special tokens itself.
				let text = text.map_err(|error| error.to_string())?;
				engine.tokenizer().encode(&text, false).map_err(|error| error.to_string())
			}
			Ask::Completion(text) => {
				engine.tokenizer().encode(&text, true).map_err(|error| error.to_string())
			}
		}
	}
}
