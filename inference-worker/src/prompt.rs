//! What the model reads: the agent's prompts, retrieved chunks with citation marks, the user's messages.

use tributary_attribution::Hit;
use tributary_engine::ChatMessage;

/// What the payer wants answered.
pub enum Ask {
	/// A conversation, rendered by the model's chat template.
	Chat(Vec<ChatMessage>),
	/// Text to continue.
	Completion(String),
}

/// A prompt in tokens.
#[derive(Debug)]
pub struct Prompt {
	/// For the model.
	pub tokens: Vec<u32>,
	/// The chunks that are in it, in the order of their marks.
	pub hits: Vec<Hit>,
}

/// Why there is no prompt.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
	/// Too long even without chunks.
	#[error("the prompt has {tokens} tokens, the context is {context}. Shorten the messages.")]
	TooLong {
		/// Tokens of the prompt.
		tokens: usize,
		/// The context, tokens.
		context: usize,
	},
	/// Template or tokenizer refused.
	#[error("{0}")]
	Refused(String),
}

impl Ask {
	/// What chunks are searched for: the last message of the user.
	pub fn query(&self) -> &str {
		match self {
			Self::Completion(text) => text,
			Self::Chat(messages) => {
				let user = messages.iter().rev().find(|message| message.role == "user");
				user.or(messages.last()).map_or("", |message| &message.content)
			}
		}
	}
}

/// Puts everything together and makes it fit: chunks are dropped, worst first, until `answer` tokens are
/// left in the context. `encode` renders and tokenizes.
pub fn assemble(
	prompts: &[String],
	mut hits: Vec<Hit>,
	ask: &Ask,
	context: usize,
	answer: usize,
	encode: impl Fn(Ask) -> Result<Vec<u32>, String>,
) -> Result<Prompt, PromptError> {
	// A request for a very long answer must not push the sources out.
	let room = context.saturating_sub(answer.min(context / 2)).max(1);
	loop {
		let tokens = encode(with_context(ask, &preamble(prompts, &hits))).map_err(PromptError::Refused)?;
		if tokens.len() <= room || hits.is_empty() {
			if tokens.len() >= context {
				return Err(PromptError::TooLong { tokens: tokens.len(), context });
			}
			return Ok(Prompt { tokens, hits });
		}
		hits.pop();
	}
}

/// Prompts in order, then the sources.
fn preamble(prompts: &[String], hits: &[Hit]) -> String {
	let mut parts: Vec<String> = prompts.iter().map(|prompt| prompt.trim().to_owned()).collect();
	if !hits.is_empty() {
		let marked =
			hits.iter().enumerate().map(|(index, hit)| format!("[{}] {}", index + 1, hit.chunk.text.trim()));
		parts.push(format!("Sources:\n{}", marked.collect::<Vec<_>>().join("\n")));
	}
	parts.join("\n\n")
}

/// One system message first: many chat templates take no second one.
fn with_context(ask: &Ask, preamble: &str) -> Ask {
	match ask {
		Ask::Chat(messages) => {
			let system = (!preamble.is_empty()).then(|| ChatMessage {
				role: "system".into(),
				content: preamble.to_owned(),
				..ChatMessage::default()
			});
			Ask::Chat(system.into_iter().chain(messages.iter().cloned()).collect())
		}
		Ask::Completion(text) if preamble.is_empty() => Ask::Completion(text.clone()),
		Ask::Completion(text) => Ask::Completion(format!("{preamble}\n\n{text}")),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use tributary_attribution::{Chunk, Ranks};

	fn hit(text: &str) -> Hit {
		let (tokens, range) = (text.len(), 0..text.len());
		let chunk = Chunk { contribution: 0, contributor: [1; 32], range, tokens, text: text.into() };
		Hit { datanet: 1, chunk, ranks: Ranks { keyword: Some(1), vector: None } }
	}

	fn user(content: &str) -> ChatMessage {
		ChatMessage { role: "user".into(), content: content.into(), ..ChatMessage::default() }
	}

	fn text(ask: Ask) -> String {
		match ask {
			Ask::Completion(text) => text,
			Ask::Chat(messages) => {
				messages.iter().map(|m| format!("<{}>{}", m.role, m.content)).collect::<Vec<_>>().join("")
			}
		}
	}

	/// One token per byte.
	fn encode(ask: Ask) -> Result<Vec<u32>, String> {
		Ok(text(ask).bytes().map(u32::from).collect())
	}

	fn shown(prompt: &Prompt) -> String {
		prompt.tokens.iter().map(|token| char::from(*token as u8)).collect()
	}

	#[test]
	fn prompts_come_first_in_order_and_sources_are_marked_when_a_chat_is_assembled() {
		let ask = Ask::Chat(vec![user("why?")]);
		let prompts = ["Be brief.".to_owned(), "Be kind.".to_owned()];
		let prompt = assemble(&prompts, vec![hit("one"), hit("two")], &ask, 1_000, 10, encode).unwrap();
		let expected = "<system>Be brief.\n\nBe kind.\n\nSources:\n[1] one\n[2] two<user>why?";
		assert_eq!((shown(&prompt).as_str(), prompt.hits.len()), (expected, 2));
	}

	#[test]
	fn worst_chunks_are_dropped_when_the_context_is_short() {
		let ask = Ask::Completion("why?".into());
		let prompt = assemble(&[], vec![hit("one"), hit(&"x".repeat(80))], &ask, 60, 20, encode).unwrap();
		assert_eq!((shown(&prompt).as_str(), prompt.hits.len()), ("Sources:\n[1] one\n\nwhy?", 1));
	}

	#[test]
	fn prompt_is_refused_when_the_messages_alone_exceed_the_context() {
		let ask = Ask::Completion("x".repeat(50));
		let error = assemble(&[], vec![hit("one")], &ask, 50, 1, encode).unwrap_err();
		assert_eq!(error, PromptError::TooLong { tokens: 50, context: 50 });
	}

	#[test]
	fn messages_are_untouched_when_there_is_neither_prompt_nor_source() {
		let ask = Ask::Chat(vec![user("why?")]);
		assert_eq!(shown(&assemble(&[], vec![], &ask, 50, 1, encode).unwrap()), "<user>why?");
	}

	#[test]
	fn query_is_the_last_user_message_when_an_assistant_spoke_after() {
		let assistant = ChatMessage { role: "assistant".into(), ..user("because") };
		assert_eq!(Ask::Chat(vec![user("first"), user("why?"), assistant]).query(), "why?");
		assert_eq!(Ask::Chat(vec![]).query(), "");
	}
}
