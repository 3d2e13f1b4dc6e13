//! Fuzz targets of the worker, the client and the command line: files of strangers' models and adapters, requests'
//! bodies and headers, recipes, answers of tool servers, envelopes. Each is a function of bytes that panics when
//! something is wrong; any engine can run it.

mod dsse;
mod headers;
mod manifest;
mod mcp;
mod model;
mod openai;
mod recipe;

use tributary_fuzz_driver::Target;

/// All targets.
pub fn targets() -> Vec<Target> {
	let target = |name, longest, run, seeds| Target { name, longest, shares: 1, run, seeds };
	vec![
		target("adapter", 8_192, model::adapter, model::adapter_seeds),
		target("safetensors", 8_192, model::weights, model::weights_seeds),
		target("manifest", 2_048, manifest::run, manifest::seeds),
		target("recipe", 4_096, recipe::run, recipe::seeds),
		target("openai", 4_096, openai::run, openai::seeds),
		target("mcp", 4_096, mcp::run, mcp::seeds),
		target("dsse", 4_096, dsse::run, dsse::seeds),
		target("headers", 1_024, headers::run, headers::seeds),
	]
}

/// What stands for a refusal: its words without the numbers and names in it, so that a refusal for another reason is
/// something new.
fn kind_of(error: impl std::fmt::Display) -> u64 {
	let words = error.to_string();
	let words = words.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 3).take(6);
	words
		.flat_map(str::bytes)
		.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
