//! The most that a request may cost.

use serde_json::Value;
use tributary_client::http::Quote;
use tributary_primitives::{
	fee::{fee, Price},
	Balance,
};

/// Where conversations are answered.
pub const CHAT: &str = "/v1/chat/completions";
/// Where embeddings are asked for.
pub const EMBEDDINGS: &str = "/v1/embeddings";

/// What the fee of a request depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
	/// The agent.
	pub model: String,
	/// Bytes of the body: at least as many as the tokens of its text.
	pub bytes: u32,
	/// Tokens that each choice may have, if it says so.
	pub max_tokens: Option<u32>,
	/// How many answers it asks for; none for embeddings, of which there may be many in one request.
	pub choices: u32,
	/// Whether it is a conversation, in which the agent's tools can be called.
	pub is_chat: bool,
}

impl Ask {
	/// From a request body to `path`. The error says what is wrong with it.
	pub fn of(path: &str, body: &[u8]) -> Result<Self, String> {
		let value: Value = serde_json::from_slice(body).map_err(|e| format!("the body is not JSON: {e}"))?;
		let model = value.get("model").and_then(Value::as_str).ok_or("`model` is missing: name an agent")?;
		let limit = value.get("max_completion_tokens").or_else(|| value.get("max_tokens"));
		let max_tokens = match limit {
			None | Some(Value::Null) => None,
			Some(number) => {
				let number = number.as_u64().ok_or("`max_tokens` is no number of tokens")?;
				Some(u32::try_from(number).unwrap_or(u32::MAX))
			}
		};
		let choices = match value.get("n") {
			_ if path == EMBEDDINGS => 0,
			None | Some(Value::Null) => 1,
			Some(number) => {
				let number = number.as_u64().ok_or("`n` is no number of choices")?;
				u32::try_from(number).unwrap_or(u32::MAX)
			}
		};
		let bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
		Ok(Self { model: model.into(), bytes, max_tokens, choices, is_chat: path == CHAT })
	}

	/// An upper bound of the fee, planck: prompt tokens are at most the body's bytes and `margin` tokens of
	/// template, prompts and retrieved context; prompt and each choice are at most the context. Where the agent has
	/// tools, all calls that it may make and the longest results. Cut to `limit`; `None` when the quote overflows.
	pub fn max_fee(&self, quote: &Quote, margin: u32, limit: Balance) -> Option<Balance> {
		let most = if self.choices == 0 { u32::MAX } else { quote.max_context };
		// What tools say is read too, as far as the context goes. They are called for one choice only.
		let calls = if self.choices == 1 && self.is_chat { quote.max_calls } else { 0 };
		let tokens_in = if calls > 0 { most } else { self.bytes.saturating_add(margin).min(most) };
		let tools = quote.price_call.checked_mul(calls.into())?;
		let each = self.max_tokens.unwrap_or(quote.max_context).min(quote.max_context);
		let tokens_out = each.saturating_mul(self.choices);
		let price = Price { input: quote.price_input, output: quote.price_output };
		fee(price, tokens_in, tokens_out, tools, quote.platform_fee).map(|bound| bound.min(limit))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const QUOTE: Quote = Quote {
		price_input: 1_000,
		price_output: 2_000,
		platform_fee: 7,
		max_context: 500,
		price_call: 0,
		max_calls: 0,
	};

	#[test]
	fn ask_is_read_when_the_body_is_a_request() {
		let body = br#"{"model":"guide","max_tokens":20}"#;
		let ask = Ask::of(CHAT, body).unwrap();
		assert_eq!(
			ask,
			Ask { model: "guide".into(), bytes: 33, max_tokens: Some(20), choices: 1, is_chat: true }
		);
		let ask = |body: &str| Ask::of(CHAT, body.as_bytes()).unwrap();
		assert_eq!(ask(r#"{"model":"a","max_tokens":1,"max_completion_tokens":2}"#).max_tokens, Some(2));
		assert_eq!(ask(r#"{"model":"a","max_tokens":null}"#).max_tokens, None);
		assert_eq!(ask(r#"{"model":"a","n":3}"#).choices, 3);
		assert_eq!(Ask::of(EMBEDDINGS, br#"{"model":"a","input":"x"}"#).unwrap().choices, 0);
	}

	#[test]
	fn ask_is_refused_when_the_body_is_no_request() {
		for body in
			["text", "{}", r#"{"model":1}"#, r#"{"model":"a","max_tokens":"x"}"#, r#"{"model":"a","n":-1}"#]
		{
			assert!(Ask::of(CHAT, body.as_bytes()).is_err());
		}
	}

	#[test]
	fn bound_covers_body_margin_and_answer_when_it_is_below_the_limit() {
		let ask = Ask { model: "a".into(), bytes: 100, max_tokens: Some(20), choices: 1, is_chat: true };
		assert_eq!(ask.max_fee(&QUOTE, 50, Balance::MAX), Some(150 + 40 + 7));
		assert_eq!(ask.max_fee(&QUOTE, 50, 100), Some(100));
		let three = Ask { choices: 3, ..ask };
		assert_eq!(three.max_fee(&QUOTE, 50, Balance::MAX), Some(150 + 120 + 7));
	}

	#[test]
	fn bound_covers_every_input_when_embeddings_are_asked_for() {
		let ask = Ask { model: "a".into(), bytes: 2_000, max_tokens: None, choices: 0, is_chat: false };
		assert_eq!(ask.max_fee(&QUOTE, 50, Balance::MAX), Some(2_050 + 7));
	}

	#[test]
	fn bound_stops_at_the_context_when_body_or_answer_could_be_longer() {
		let ask = Ask { model: "a".into(), bytes: 9_999, max_tokens: None, choices: 1, is_chat: true };
		assert_eq!(ask.max_fee(&QUOTE, u32::MAX, Balance::MAX), Some(500 + 1_000 + 7));
	}

	#[test]
	fn bound_covers_every_call_when_the_agent_has_tools() {
		let ask = Ask { model: "a".into(), bytes: 100, max_tokens: Some(20), choices: 1, is_chat: true };
		let quote = Quote { price_call: 30, max_calls: 4, ..QUOTE };
		assert_eq!(ask.max_fee(&quote, 50, Balance::MAX), Some(500 + 40 + 7 + 120));
		// Tools are not called where there are several answers, nor for a text to continue.
		let two = Ask { choices: 2, ..ask.clone() };
		assert_eq!(two.max_fee(&quote, 50, Balance::MAX), Some(150 + 80 + 7));
		let text = Ask { is_chat: false, ..ask.clone() };
		assert_eq!(text.max_fee(&quote, 50, Balance::MAX), Some(150 + 40 + 7));
		assert_eq!(ask.max_fee(&Quote { price_call: u128::MAX, ..quote }, 50, Balance::MAX), None);
	}

	#[test]
	fn bound_is_none_when_the_quote_overflows() {
		let ask = Ask { model: "a".into(), bytes: 9_999, max_tokens: None, choices: 1, is_chat: true };
		let quote = Quote { price_input: u128::MAX, max_context: u32::MAX, ..QUOTE };
		assert_eq!(ask.max_fee(&quote, 0, Balance::MAX), None);
	}
}
