//! Documents of conversations: a JSON object with `messages` in each line, rendered with the chat template of the model.
//!
//! Errors name the document and the line. They never repeat what stands there: it may be private.

use serde::Deserialize;
use serde_json::{error::Category, Value};
use tokenizers::Tokenizer;
use tributary_engine::{ChatMessage, ChatTemplate};
use zeroize::Zeroizing;

use crate::{error::FactoryError, files::Document};

/// Longest line, bytes.
const MAX_LINE_BYTES: usize = 1 << 20;
/// Most messages of a conversation.
const MAX_MESSAGES: usize = 256;

/// What a line holds.
#[derive(Deserialize)]
pub(crate) struct Conversation {
	pub messages: Vec<ChatMessage>,
	/// Function definitions as in OpenAI's API.
	#[serde(default)]
	pub tools: Vec<Value>,
}

/// Whether a document holds conversations: its first line is an object with `messages`.
pub(crate) fn is_conversations(document: &Document) -> bool {
	let first = document.text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
	first.starts_with('{') && first.contains("\"messages\"")
}

/// The conversations of a document with their lines, counted from 1.
pub(crate) fn parse(document: &Document) -> Result<Vec<(usize, Conversation)>, FactoryError> {
	let mut conversations = Vec::new();
	for (index, line) in document.text.lines().enumerate() {
		if line.trim().is_empty() {
			continue;
		}
		let conversation = parse_line(line).map_err(|reason| FactoryError::Conversation {
			document: document.path.clone(),
			line: index + 1,
			reason,
		})?;
		conversations.push((index + 1, conversation));
	}
	Ok(conversations)
}

fn parse_line(line: &str) -> Result<Conversation, String> {
	if line.len() > MAX_LINE_BYTES {
		return Err(format!("has {} bytes, more than {MAX_LINE_BYTES}", line.len()));
	}
	let conversation: Conversation = serde_json::from_str(line).map_err(|error| match error.classify() {
		Category::Data => {
			"needs `messages`, a list of objects with the texts `role` and `content`".to_owned()
		}
		_ => format!("is no JSON from column {} on", error.column()),
	})?;
	match conversation.messages.len() {
		0 => Err("has no messages".into()),
		messages if messages > MAX_MESSAGES => {
			Err(format!("has {messages} messages, more than {MAX_MESSAGES}"))
		}
		_ => Ok(conversation),
	}
}

/// Tokens of a conversation, and whether each is learned: what the assistant says with the token that ends it, or
/// everything. Errors say what is wrong with the conversation.
pub(crate) fn encode(
	conversation: &Conversation,
	template: &ChatTemplate,
	tokenizer: &Tokenizer,
	train_on_inputs: bool,
) -> Result<(Vec<u32>, Vec<bool>), String> {
	let Conversation { messages, tools } = conversation;
	let render = |messages: &[ChatMessage], opens_answer: bool| {
		let rendered = template.render(messages, tools, opens_answer);
		rendered.map_err(|_| {
			"is refused by the model's chat template; look at the roles and their order".to_owned()
		})
	};
	let text = Zeroizing::new(render(messages, false)?);
	let mut spans = Vec::new();
	if !train_on_inputs {
		for (index, _) in messages.iter().enumerate().filter(|(_, message)| message.role == "assistant") {
			let before = Zeroizing::new(render(messages.get(..index).unwrap_or_default(), true)?);
			let with = Zeroizing::new(render(messages.get(..=index).unwrap_or_default(), false)?);
			let span = text.starts_with(before.as_str()).then_some(before.len()..with.trim_end().len());
			spans.push(span.filter(|span| span.start < span.end && text.starts_with(with.as_str())).ok_or(
				"is rendered by the chat template in another way than message by message; set train_on_inputs",
			)?);
		}
		if spans.is_empty() {
			return Err("has no message of the role assistant to learn from".into());
		}
	}
	let encoding =
		tokenizer.encode(text.as_str(), false).map_err(|_| "cannot be turned into tokens".to_owned())?;
	let counted = encoding
		.get_offsets()
		.iter()
		.map(|(start, end)| {
			train_on_inputs || spans.iter().any(|span| *start >= span.start && *end <= span.end)
		})
		.collect();
	Ok((encoding.get_ids().to_vec(), counted))
}
