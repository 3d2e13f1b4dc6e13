//! Recipes.

use crate::taken;
use tributary_factory::recipe::Recipe;
use tributary_fuzz_driver::{peak_of, Trace};

/// Memory that reading a recipe may take: YAML may name a part of itself again, so it is not the text's length.
const ROOM: usize = 64 << 20;

/// The target.
pub fn run(data: &[u8], trace: &mut Trace) {
	let Ok(text) = std::str::from_utf8(data) else { return };
	let (parsed, peak) = peak_of(|| Recipe::parse("recipe.yaml", text));
	assert!(peak <= ROOM, "a recipe of {} bytes takes {peak} of memory", data.len());
	if taken(trace, "recipe", "parse", parsed).is_some() {
		trace.reached(1);
	}
}

/// The example that explains every field, and what YAML makes large.
pub fn seeds() -> Vec<Vec<u8>> {
	vec![
		include_bytes!("../../../../recipes/example.yaml").to_vec(),
		b"a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n".to_vec(),
		b"name: x\nbase_model: 1\n".to_vec(),
	]
}
