use super::*;
use crate::keys::Keypair;
use base64::{engine::general_purpose::STANDARD, Engine};
use serde_json::{json, Value};

fn alice() -> Keypair {
	Keypair::from_uri("//Alice").unwrap()
}

fn statement(kind: Kind) -> Statement {
	let subject = Subject { name: "adapter 5:1".into(), digest: Digests::of(b"content") };
	let chain = Block { genesis: format!("0x{}", "07".repeat(32)), number: 9 };
	Statement::new(kind, vec![subject], Signer::of(&alice()), chain, json!({ "b": 1, "a": ["x", {}] }))
}

fn envelope() -> Envelope {
	Envelope::sign(&statement(Kind::Adapter), &alice()).unwrap()
}

/// The envelope with another payload under the same signatures.
fn with_payload(change: impl Fn(&mut Value)) -> Envelope {
	let envelope = envelope();
	let mut value: Value = serde_json::from_slice(&STANDARD.decode(&envelope.payload).unwrap()).unwrap();
	change(&mut value);
	Envelope { payload: STANDARD.encode(canonical(&value)), ..envelope }
}

#[test]
fn statement_comes_back_when_the_envelope_is_whole() {
	for kind in Kind::ALL {
		let envelope = Envelope::sign(&statement(kind), &alice()).unwrap();
		let read = parse_bundle(bundle(&[envelope.clone(), envelope]).unwrap().as_bytes()).unwrap();
		assert_eq!(read.len(), 2);
		let verified = read[1].verify().unwrap();
		assert_eq!(verified, statement(kind));
		assert_eq!(verified.kind().unwrap(), kind);
	}
}

#[test]
fn payload_is_the_same_bytes_when_fields_stand_in_another_order() {
	let text = String::from_utf8(statement(Kind::Adapter).payload().unwrap()).unwrap();
	assert!(
		text.starts_with(
			r#"{"_type":"https://in-toto.io/Statement/v1","predicate":{"about":{"a":["x",{}],"b":1},"#
		),
		"{text}"
	);
	let other: Value = serde_json::from_str(r#"{"b": 1,  "a":[ "x", {}]}"#).unwrap();
	assert_eq!(canonical(&other), r#"{"a":["x",{}],"b":1}"#);
	assert_eq!(canonical(&json!({ "k,": [",", []] })), r#"{"k,":[",",[]]}"#);
}

#[test]
fn envelope_is_refused_when_its_payload_was_changed() {
	let changed = with_payload(|value| value["predicate"]["about"]["b"] = json!(2));
	assert!(matches!(changed.verify(), Err(ProvenanceError::Signature("sr25519", _))));
	let space = Envelope { payload: STANDARD.encode(b" {}"), ..envelope() };
	assert!(matches!(space.verify(), Err(ProvenanceError::Statement(_))));
}

#[test]
fn envelope_is_refused_when_one_of_its_signatures_is_wrong_or_missing() {
	for (index, scheme) in ["sr25519", "ed25519"].into_iter().enumerate() {
		let mut wrong = envelope();
		let mut bytes = STANDARD.decode(&wrong.signatures[index].sig).unwrap();
		bytes[5] ^= 1;
		wrong.signatures[index].sig = STANDARD.encode(bytes);
		assert!(matches!(wrong.verify(), Err(ProvenanceError::Signature(found, _)) if found == scheme));
		wrong.signatures[index].sig = "AAAA".into();
		assert!(matches!(wrong.verify(), Err(ProvenanceError::Signature(found, _)) if found == scheme));
		wrong.signatures.remove(index);
		assert!(matches!(wrong.verify(), Err(ProvenanceError::Unsigned(found)) if found == scheme));
	}
}

#[test]
fn envelope_is_refused_when_another_account_signed_it() {
	let bob = Keypair::from_uri("//Bob").unwrap();
	assert!(matches!(Envelope::sign(&statement(Kind::Adapter), &bob), Err(ProvenanceError::Statement(_))));
	let as_bob = with_payload(|value| value["predicate"]["signer"] = json!(Signer::of(&bob)));
	assert!(matches!(as_bob.verify(), Err(ProvenanceError::Unsigned("sr25519"))));
	// Alice's account with a key that is not hers.
	let stolen =
		with_payload(|value| value["predicate"]["signer"]["ed25519"] = json!(Signer::of(&bob).ed25519));
	assert!(matches!(stolen.verify(), Err(ProvenanceError::Signature("sr25519", _))));
}

#[test]
fn payload_is_refused_when_it_is_no_statement_of_ours() {
	for (path, value) in [
		("_type", json!("https://in-toto.io/Statement/v0.1")),
		("predicateType", json!("https://slsa.dev/provenance/v1")),
		("subject", json!([])),
		("extra", json!(1)),
	] {
		let changed = with_payload(|statement| statement[path] = value.clone());
		assert!(matches!(changed.verify(), Err(ProvenanceError::Statement(_))), "{path}");
	}
	let other = Envelope { payload_type: "text/plain".into(), ..envelope() };
	assert!(matches!(other.verify(), Err(ProvenanceError::PayloadType(_))));
}

#[test]
fn bundle_is_refused_when_it_is_empty_or_no_bundle() {
	assert!(matches!(parse_bundle(b" \n\n"), Err(ProvenanceError::Empty)));
	let text = bundle(&[envelope()]).unwrap() + "not json\n";
	assert!(matches!(parse_bundle(text.as_bytes()), Err(ProvenanceError::Envelope { line: 2, .. })));
	assert!(matches!(parse_bundle(&vec![b' '; MAX_BUNDLE + 1]), Err(ProvenanceError::TooLarge(_))));
}

#[test]
fn digests_are_those_of_the_tools_when_taken_of_bytes_or_a_file() {
	let digests = Digests::of(b"content");
	// `b3sum` and `sha256sum`.
	assert_eq!(digests.0["blake3"], "3fba5250be9ac259c56e7250c526bc83bacb4be825f2799d3d59e5b4878dd74e");
	assert_eq!(digests.0["sha256"], "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73");
	let file = tempfile::NamedTempFile::new().unwrap();
	std::fs::write(file.path(), b"content").unwrap();
	assert_eq!(Digests::of_file(file.path()).unwrap(), digests);
}

fn fixture() -> &'static std::path::Path {
	std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/provenance.intoto.jsonl"))
}

#[test]
fn envelope_is_right_when_other_implementations_signed_it() {
	let envelopes = parse_bundle(&std::fs::read(fixture()).unwrap()).unwrap();
	assert_eq!(envelopes[0].verify().unwrap(), statement(Kind::Adapter));
	assert_eq!(envelopes[0].payload, envelope().payload);
}

#[test]
fn ed25519_key_is_that_of_the_first_release_when_derived() {
	// Others keep it to verify what comes later: it may never change.
	let expected = "14f5e8a2e08ec93ccba3d8465e0b14d3578ae3f2bd507ef0fb34fc181f1b4f2c";
	assert_eq!(Signer::of(&alice()).ed25519, expected);
}
