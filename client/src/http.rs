//! JSON bodies of the worker's own endpoints, read by the proxy and the command line.

use serde::{Deserialize, Serialize};
use tributary_primitives::Balance;

/// Planck as a decimal string: JSON numbers lose digits beyond 2^53.
pub mod planck {
	use serde::{de::Error, Deserialize, Deserializer, Serializer};

	/// Writes the amount as a string.
	pub fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
		serializer.collect_str(value)
	}

	/// Reads the amount from a string.
	pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
		String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
	}
}

/// `GET /v1/quote?model=NAME`: what a request to an agent costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
	/// Planck per 1,000 tokens read.
	#[serde(with = "planck")]
	pub price_input: Balance,
	/// Planck per 1,000 tokens written.
	#[serde(with = "planck")]
	pub price_output: Balance,
	/// Flat fee per request, planck.
	#[serde(with = "planck")]
	pub platform_fee: Balance,
	/// Longest prompt and answer together, tokens.
	pub max_context: u32,
	/// What a call of the agent's dearest tool costs, planck.
	#[serde(with = "planck", default)]
	pub price_call: Balance,
	/// Most calls of tools in one request; 0 without tools.
	#[serde(default)]
	pub max_calls: u32,
}

/// `GET /v1/channel/{payer}`: the worker's view of a channel, unsettled requests included. Also the
/// `channel` member of a 402 or 409 answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelState {
	/// Genesis hash, `0x` and hex.
	pub genesis: String,
	/// The operator's address.
	pub worker: String,
	/// The operator's public key, `0x` and hex.
	pub worker_hex: String,
	/// The channel's nonce.
	pub channel: u64,
	/// Charged over the channel's life, unsettled requests included, planck.
	#[serde(with = "planck")]
	pub charged: Balance,
	/// Held for the channel on chain, planck.
	#[serde(with = "planck")]
	pub deposit: Balance,
	/// Nonce of the last order the worker took; the next must be larger. 0 for none.
	pub last_order_nonce: u64,
	/// Cumulative amount of the last voucher the worker took, planck.
	#[serde(with = "planck")]
	pub last_cumulative: Balance,
	/// The worker's best block: an expiry must be later.
	pub block: u32,
}

/// Why a request was refused, in OpenAI's form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
	/// The error.
	pub error: ErrorDetail,
}

/// The member of [`ErrorBody`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
	/// What happened and what to do.
	pub message: String,
	/// Class of the error, for example `payment_required`.
	#[serde(rename = "type")]
	pub kind: String,
	/// The error itself, for example `voucher_too_small`.
	pub code: String,
	/// The worker's view of the channel, with payment errors.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub channel: Option<ChannelState>,
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn quote_keeps_every_digit_when_it_is_json() {
		let quote = Quote {
			price_input: u128::MAX,
			price_output: 1,
			platform_fee: 0,
			max_context: 2_048,
			price_call: u128::MAX,
			max_calls: 4,
		};
		let text = serde_json::to_string(&quote).unwrap();
		assert!(text.contains(&format!("\"{}\"", u128::MAX)));
		assert_eq!(serde_json::from_str::<Quote>(&text).unwrap(), quote);
	}
}
