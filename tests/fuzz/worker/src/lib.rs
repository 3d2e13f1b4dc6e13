//! Fuzz targets of the worker, the client and the command line: files of strangers' models and adapters, requests'
//! bodies, schemas and headers, recipes, answers of tool servers, envelopes, published documents, what private DataNets
//! carry. Each is a function of bytes that panics when something is wrong; any engine can run it.

mod dsse;
mod grammar;
mod headers;
mod manifest;
mod mcp;
mod model;
mod openai;
mod private;
mod published;
mod recipe;

use tributary_fuzz_driver::{Target, Trace};

/// All targets.
pub fn targets() -> Vec<Target> {
	let target = |name, longest, run, seeds| Target { name, longest, shares: 1, run, seeds };
	vec![
		target("adapter", 8_192, model::adapter, model::adapter_seeds),
		target("safetensors", 8_192, model::weights, model::weights_seeds),
		target("manifest", 2_048, manifest::run, manifest::seeds),
		target("recipe", 4_096, recipe::run, recipe::seeds),
		target("openai", 4_096, openai::run, openai::seeds),
		target("grammar", 2_048, grammar::run, grammar::seeds),
		target("mcp", 4_096, mcp::run, mcp::seeds),
		target("dsse", 4_096, dsse::run, dsse::seeds),
		target("published", 4_096, published::run, published::seeds),
		target("private", 4_096, private::run, private::seeds),
		target("headers", 1_024, headers::run, headers::seeds),
	]
}

/// Kinds of refusals that inputs are kept for.
const KINDS: u64 = 64;
/// Words of refusals that guide a run.
const WORDINGS: u64 = 4_096;

/// Notes whether something was taken, and its refusal when it was not.
fn taken<T>(
	trace: &mut Trace,
	what: &'static str,
	how: &'static str,
	result: Result<T, impl std::fmt::Debug>,
) -> Option<T> {
	trace.call(what, how, result.is_ok());
	result.map_err(|error| refused(trace, error)).ok()
}

/// Notes a refusal: by the names of its type and variants, or by its first words when it is a text, an input is kept for it;
/// all its words guide the run. Both are bounded, so that what refusals repeat of inputs does not make all inputs new.
fn refused(trace: &mut Trace, error: impl std::fmt::Debug) {
	let shown = format!("{error:?}");
	trace.reached(kind_of(&shown));
	trace.hint((1 << 32) | (fold(words(&shown)) % WORDINGS));
}

fn kind_of(shown: &str) -> u64 {
	let (names, text) = shown.split_once('"').unwrap_or((shown, ""));
	fold(words(if names.is_empty() { text } else { names }).take(4)) % KINDS
}

fn words(text: &str) -> impl Iterator<Item = &str> {
	text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 3)
}

fn fold<'a>(words: impl Iterator<Item = &'a str>) -> u64 {
	words
		.flat_map(str::bytes)
		.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// What stands for a number of things: how many digits it has in binary.
fn size_of(count: u64) -> u64 {
	KINDS + u64::from(u64::BITS - count.leading_zeros())
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn kind_is_the_same_when_only_what_is_quoted_differs() {
		assert_eq!(kind_of(r#"Line { reason: "weights" }"#), kind_of(r#"Line { reason: "something else" }"#));
		assert_ne!(kind_of(r#"Line { reason: "weights" }"#), kind_of("Missing"));
		assert_ne!(kind_of(r#""there is no name""#), kind_of(r#""there is a name twice""#));
	}
}
