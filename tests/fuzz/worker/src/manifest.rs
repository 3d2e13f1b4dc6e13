//! Manifests of folders.

use crate::{size_of, taken};
use std::path::{Component, Path};
use tributary_client::content::{Manifest, MAX_FILES};
use tributary_fuzz_driver::Trace;

/// The target.
pub fn run(data: &[u8], trace: &mut Trace) {
	let Some(manifest) = taken(trace, "manifest", "parse", Manifest::parse(data)) else { return };
	trace.reached(size_of(manifest.entries().len() as u64));
	assert!(manifest.entries().len() <= MAX_FILES);
	for entry in manifest.entries() {
		let inside = Path::new(&entry.name).components().all(|part| matches!(part, Component::Normal(_)));
		assert!(inside && !entry.name.is_empty(), "`{}` leaves the folder", entry.name);
	}
	let again = Manifest::parse(manifest.to_text().as_bytes());
	assert!(again.is_ok_and(|again| again == manifest), "a manifest's text is not its own");
}

/// Small manifests.
pub fn seeds() -> Vec<Vec<u8>> {
	let line = |number: u8, name: &str| format!("{} {number} {name}\n", format!("{number:02x}").repeat(32));
	vec![
		line(1, "config.json").into_bytes(),
		[line(1, "a/b.txt"), line(2, "a/c.txt"), line(3, "d")].concat().into_bytes(),
		line(1, "../up").into_bytes(),
	]
}
