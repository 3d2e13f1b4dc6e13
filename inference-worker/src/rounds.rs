//! Rounds of one answer: the model writes, calls tools of its agent, reads what they say and writes on.
//!
//! What is counted: tokens that the model wrote in any round, once, as tokens out; the tokens of the first prompt and
//! those that later prompts have more than what was read and written before, as tokens in. What a prompt repeats is
//! free: its keys and values are kept. A call is paid when it has a result, once, however often it was tried.

use crate::{
	agents::Agent,
	billing::{most, Purse},
	metrics,
	offers::{offer, Offer},
	prompt::{render, Ask},
	telling::Told,
	tools::{Call, CallStyle, Choice, Tools},
};
use serde_json::{json, Map, Value};
use std::{collections::BTreeMap, time::Duration};
use tributary_attribution::{CallOutcome, Hit, ToolReceipt};
use tributary_engine::{ChatMessage, Engine, Grammar};
use tributary_primitives::{record::ToolUse, AssetRef, Balance};
use tributary_tools::{hash, Answer, CallId, Limits, ToolError};

/// Most of the context that is kept for the answer when a result is long, tokens.
const ANSWER_ROOM: usize = 64;

/// What the rounds of an answer have in common, and what they came to.
pub struct Rounds {
	/// The conversation so far, without what the agent adds.
	messages: Vec<ChatMessage>,
	/// The request's own tools.
	own: Tools,
	/// The agent's functions that are offered now.
	offers: Vec<Offer>,
	/// Calls that may still be made.
	left: u32,
	limits: Limits,
	/// Price of the calls so far, planck.
	spent: Balance,
	uses: BTreeMap<AssetRef, u32>,
	receipts: Vec<ToolReceipt>,
}

/// What the model reads next.
pub struct Next {
	/// The whole prompt.
	pub prompt: Vec<u32>,
	/// Tokens of it that are new.
	pub tokens_in: usize,
	/// What its answer must match.
	pub grammar: Option<Grammar>,
	/// How calls are found in it.
	pub calls: Option<CallStyle>,
}

/// How far an answer is.
#[derive(Clone, Copy)]
pub struct Counted {
	/// Tokens that were read.
	pub tokens_in: usize,
	/// Tokens that were written.
	pub tokens_out: usize,
	/// Length of the last prompt and of what was written after it.
	pub last: usize,
}

impl Rounds {
	/// For an agent with tools, whose functions are `offers` at first. `calls` may be made.
	pub fn new(
		messages: Vec<ChatMessage>,
		own: Tools,
		offers: Vec<Offer>,
		calls: u32,
		limits: Limits,
	) -> Self {
		Self {
			messages,
			own,
			offers,
			left: calls,
			limits,
			spent: 0,
			uses: BTreeMap::new(),
			receipts: Vec::new(),
		}
	}

	/// Whether this is a function of the agent.
	pub fn is_ours(&self, name: &str) -> bool {
		self.offers.iter().any(|offer| offer.tool.name == name)
	}

	/// Price of the calls so far, planck.
	pub fn spent(&self) -> Balance {
		self.spent
	}

	/// The largest price of a call that may come, planck.
	pub fn next_price(&self) -> Balance {
		self.offers.iter().map(|offer| offer.price).max().unwrap_or(0)
	}

	/// The calls, for the record.
	pub fn uses(&self) -> Vec<ToolUse> {
		self.uses.iter().map(|(tool, calls)| ToolUse { tool: *tool, calls: *calls }).collect()
	}

	/// The calls, for the evidence.
	pub fn receipts(&self) -> &[ToolReceipt] {
		&self.receipts
	}

	/// Takes what the model wrote in a round that ends with calls.
	pub fn said(&mut self, text: &str, calls: &[Call]) {
		let call = |call: &Call| {
			let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
			let function = json!({ "name": call.name, "arguments": arguments });
			json!({ "id": call.id, "type": "function", "function": function })
		};
		self.messages.push(ChatMessage {
			role: "assistant".into(),
			content: text.trim().into(),
			tool_calls: calls.iter().map(call).collect(),
			..ChatMessage::default()
		});
	}

	/// Begins a call. The error is what the model is told instead of a result; nothing was called then.
	pub fn begin(&mut self, call: &Call, purse: Purse, counted: Counted) -> Result<Calling, String> {
		if self.left == 0 {
			return Err("no more calls are allowed for this request".into());
		}
		self.left = self.left.saturating_sub(1);
		let Some(offer) = self.offers.iter().find(|offer| offer.tool.name == call.name).cloned() else {
			return Err("there is no such tool".into());
		};
		if !can_pay(purse, counted, self.spent, offer.price) {
			return Err("the request's maximum fee does not pay for this call".into());
		}
		let arguments: Map<String, Value> = serde_json::from_str(&call.arguments)
			.map_err(|error| format!("the arguments are no object: {error}"))?;
		Ok(Calling { offer, arguments, id: CallId(call.id.clone()), limits: self.limits })
	}

	/// Takes what came of a call, `None` when the client left, and gives the text that the model reads.
	pub fn end(
		&mut self,
		calling: Calling,
		result: Option<Result<Answer, ToolError>>,
		took: Duration,
	) -> String {
		let Calling { offer, arguments, id, .. } = calling;
		let (outcome, text) = match &result {
			None => (CallOutcome::Abandoned, String::new()),
			Some(Ok(answer)) if answer.is_error => {
				(CallOutcome::ToolError, format!("error: {}", answer.text))
			}
			Some(Ok(answer)) => (CallOutcome::Done, answer.text.clone()),
			Some(Err(error)) => {
				tracing::debug!(tool = offer.asset.asset, %error, "a call of a tool failed");
				(CallOutcome::Failed, format!("error: {}", error.public()))
			}
		};
		let answer = result.and_then(Result::ok);
		metrics::tool_called(outcome, took);
		// The price was looked at before the call: it fits.
		let price = if outcome == CallOutcome::Done { offer.price } else { 0 };
		if outcome == CallOutcome::Done {
			self.spent = self.spent.saturating_add(price);
			let calls = self.uses.entry(offer.asset).or_default();
			*calls = calls.saturating_add(1);
		}
		self.receipts.push(ToolReceipt {
			call: id.0,
			asset: offer.asset.asset,
			version: offer.asset.version,
			name: offer.name,
			arguments: hash(&Value::Object(arguments)),
			result: answer.as_ref().map(|answer| answer.hash),
			outcome,
			price,
			ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
			attempts: answer.map_or(1, |answer| answer.attempts),
		});
		text
	}

	/// The next prompt, with the calls' results cut to what context and fee have room for. `None` when there is no room
	/// to answer at all.
	pub fn next(
		&mut self,
		engine: &Engine,
		agent: &Agent,
		hits: &[Hit],
		purse: Purse,
		counted: Counted,
		results: Vec<(Call, String)>,
	) -> Result<Option<Next>, String> {
		let left = self.left;
		self.offers = offer(&agent.tools, &self.own.all, |price| {
			left > 0 && can_pay(purse, counted, self.spent, price)
		});
		// A call that was asked for was made; from here on it is the model's choice.
		let mut tools = self.own.clone();
		tools.choice = Choice::Auto;
		tools.all.extend(self.offers.iter().map(|offer| offer.tool.clone()));
		tools.parallel &= self.offers.is_empty();
		let count = |texts: &[String]| {
			let messages = with_results(&self.messages, &results, texts);
			let told = Told::of(engine, Ask::Chat(messages), &agent.prompts, &tools);
			let tokens = told.encode(engine, render(&told.prompts, hits, &told.ask))?;
			Ok::<_, String>((tokens, told))
		};
		let empty = vec![String::new(); results.len()];
		let (without, _) = count(&empty)?;
		let new = |tokens: &[u32]| tokens.len().saturating_sub(counted.last);
		let in_context = engine.context().saturating_sub(without.len()).saturating_sub(ANSWER_ROOM);
		let affordable = |more: u32| {
			let read = counted.tokens_in.saturating_add(new(&without)).saturating_add(more as usize);
			let counted = Counted { tokens_in: read, ..counted };
			can_pay(purse, counted, self.spent, 0)
		};
		let Some(paid) = most(u32::try_from(in_context).unwrap_or(u32::MAX), affordable) else {
			return Ok(None);
		};
		let mut room = paid as usize;
		let mut texts = Vec::with_capacity(results.len());
		for (index, (_, text)) in results.iter().enumerate() {
			let share = room / results.len().saturating_sub(index).max(1);
			let (text, tokens) = cut(engine, text, share)?;
			room = room.saturating_sub(tokens);
			texts.push(text);
		}
		let (prompt, told) = count(&texts)?;
		if prompt.len() >= engine.context() {
			return Ok(None);
		}
		let grammar = told.grammar.map(|source| engine.grammar(source)).transpose();
		let grammar = grammar.map_err(|error| error.to_string())?;
		let format =
			engine.template().map(|template| template.tool_format()).map_err(|error| error.to_string())?;
		self.messages = with_results(&self.messages, &results, &texts);
		Ok(Some(Next { tokens_in: new(&prompt), prompt, grammar, calls: tools.style(format) }))
	}
}

/// A call that is made.
pub struct Calling {
	offer: Offer,
	arguments: Map<String, Value>,
	id: CallId,
	limits: Limits,
}

impl Calling {
	/// The function's name at its server.
	pub fn name(&self) -> &str {
		&self.offer.name
	}

	/// Makes it. Dropping the future ends it.
	pub async fn run(&self) -> Result<Answer, ToolError> {
		self.offer.server.call(&self.offer.name, &self.arguments, &self.id, &self.limits).await
	}
}

/// Whether the order pays for what was counted, one more token, and tool calls of `spent` and `price`.
pub fn can_pay(purse: Purse, counted: Counted, spent: Balance, price: Balance) -> bool {
	let count = |tokens: usize| u32::try_from(tokens).unwrap_or(u32::MAX);
	let least = count(counted.tokens_out).saturating_add(1);
	purse.affordable(count(counted.tokens_in), spent.saturating_add(price), least) >= least
}

fn with_results(messages: &[ChatMessage], results: &[(Call, String)], texts: &[String]) -> Vec<ChatMessage> {
	let result = |((call, _), text): (&(Call, String), &String)| ChatMessage {
		role: "tool".into(),
		content: text.clone(),
		tool_call_id: Some(call.id.clone()),
		name: Some(call.name.clone()),
		..ChatMessage::default()
	};
	messages.iter().cloned().chain(results.iter().zip(texts).map(result)).collect()
}

/// A text of at most so many tokens, and how many it has; a cut one says so.
fn cut(engine: &Engine, text: &str, tokens: usize) -> Result<(String, usize), String> {
	// No token is longer than this, so that not all of a long text is encoded.
	const LONGEST: usize = 64;
	let long = tokens.saturating_add(1).saturating_mul(LONGEST);
	let end = (0..=long.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
	let begin = text.get(..end).unwrap_or_default();
	let encode = |text: &str| engine.tokenizer().encode(text, false).map_err(|error| error.to_string());
	let all = encode(begin)?;
	if all.len() <= tokens && end == text.len() {
		return Ok((text.to_owned(), all.len()));
	}
	let mark = format!(" [cut: it has {} bytes]", text.len());
	let kept = tokens.saturating_sub(encode(&mark)?.len());
	let decoded =
		engine.tokenizer().decode(all.get(..kept).unwrap_or(&all)).map_err(|error| error.to_string())?;
	// The end may be half a character.
	Ok((format!("{}{mark}", decoded.trim_end_matches('\u{fffd}')), tokens))
}
