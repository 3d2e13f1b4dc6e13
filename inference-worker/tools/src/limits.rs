//! How much a server may take.

use std::time::Duration;

/// Largest answer that a limit can allow, bytes: less than what the HTTP client reads of a plain body.
pub const MAX_ANSWER_BYTES: usize = 8 << 20;

/// Limits of a server and of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
	/// Time to start, to greet and to list.
	pub connect: Duration,
	/// Time of one call, all attempts together.
	pub call: Duration,
	/// Size of an answer, bytes of JSON; at most [`MAX_ANSWER_BYTES`].
	pub answer_bytes: usize,
	/// Attempts of one call, when the transport fails before there is an answer.
	pub attempts: u32,
}

impl Default for Limits {
	fn default() -> Self {
		Self {
			connect: Duration::from_secs(30),
			call: Duration::from_secs(30),
			answer_bytes: 256 << 10,
			attempts: 3,
		}
	}
}

impl Limits {
	/// Most bytes of one message: an answer or a page of the tool list, and the JSON-RPC around it.
	pub(crate) fn message_bytes(&self) -> usize {
		const AROUND: usize = 64 << 10;
		self.answer_bytes.clamp(crate::MAX_LIST, MAX_ANSWER_BYTES).saturating_add(AROUND)
	}
}
