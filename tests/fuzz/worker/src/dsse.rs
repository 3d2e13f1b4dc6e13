//! Signed statements: nothing but what was signed is ever believed.

use crate::taken;
use serde_json::json;
use std::sync::OnceLock;
use tributary_client::{
	provenance::{bundle, parse_bundle, Block, Digests, Envelope, Kind, Signer, Statement, Subject},
	Keypair,
};
use tributary_fuzz_driver::Trace;

/// A statement that Alice signed, and its envelope in a bundle.
fn good() -> &'static (Statement, Vec<u8>) {
	static GOOD: OnceLock<(Statement, Vec<u8>)> = OnceLock::new();
	GOOD.get_or_init(|| {
		let alice = Keypair::from_uri("//Alice").expect("a development key");
		let subject = Subject { name: "adapter 5:1".into(), digest: Digests::of(b"content") };
		let chain = Block { genesis: format!("0x{}", "07".repeat(32)), number: 9 };
		let about = json!({ "rank": 8, "snapshots": [1, 2] });
		let statement = Statement::new(Kind::Adapter, vec![subject], Signer::of(&alice), chain, about);
		let envelope = Envelope::sign(&statement, &alice).expect("its own statement");
		let text = bundle(&[envelope]).expect("it is small");
		(statement, text.into_bytes())
	})
}

/// The target: a bundle as it arrives.
pub fn run(data: &[u8], trace: &mut Trace) {
	for envelope in taken(trace, "bundle", "parse", parse_bundle(data)).unwrap_or_default() {
		if let Some(statement) = taken(trace, "envelope", "verify", envelope.verify()) {
			assert_eq!(statement, good().0, "a statement that nobody signed is believed");
		}
	}
}

/// The signed one, once and twice, and one with its payload cut.
pub fn seeds() -> Vec<Vec<u8>> {
	let (_, bundle) = good();
	vec![bundle.clone(), [&bundle[..], bundle].concat(), bundle[..bundle.len() / 2].to_vec()]
}
