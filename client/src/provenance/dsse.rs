//! DSSE envelopes (protocol version 1) with an sr25519 and an Ed25519 signature.

use super::{ProvenanceError, Signer, Statement};
use crate::keys::{self, Keypair};
use base64::{engine::general_purpose::STANDARD, Engine};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

/// What the envelopes carry.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// Most bytes of a bundle.
pub const MAX_BUNDLE: usize = 64 << 20;
/// Most signatures that are looked at.
const MAX_SIGNATURES: usize = 16;

const SR25519: &str = "sr25519";
const ED25519: &str = "ed25519";
/// What an account's Ed25519 key is derived in.
const CONTEXT: &str = "tributary 2026 provenance: ed25519 key of an account";

/// A signed payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
	/// The statement's bytes, base64.
	pub payload: String,
	/// [`PAYLOAD_TYPE`].
	pub payload_type: String,
	/// Who signed them.
	pub signatures: Vec<Signature>,
}

/// One signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
	/// `sr25519:` and an address, or `ed25519:` and the key in hexadecimal. A hint: only the statement says who counts.
	pub keyid: String,
	/// The signature, base64.
	pub sig: String,
}

/// What is signed: DSSE's pre-authentication encoding.
fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
	let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
	[head.as_bytes(), payload].concat()
}

fn ed25519_key(key: &Keypair) -> SigningKey {
	SigningKey::from_bytes(&key.derive(CONTEXT, &[]))
}

impl Signer {
	/// The two public keys of an account.
	pub fn of(key: &Keypair) -> Self {
		Self { account: key.address(), ed25519: hex::encode(ed25519_key(key).verifying_key().as_bytes()) }
	}
}

impl Envelope {
	/// Signs a statement, which names the key as its signer.
	pub fn sign(statement: &Statement, key: &Keypair) -> Result<Self, ProvenanceError> {
		let signer = Signer::of(key);
		if statement.signer() != &signer {
			return Err(ProvenanceError::Statement("it names another signer".into()));
		}
		let payload = statement.payload()?;
		let bytes = pae(PAYLOAD_TYPE, &payload);
		let signature = |scheme: &str, id: &str, sig: &[u8]| Signature {
			keyid: format!("{scheme}:{id}"),
			sig: STANDARD.encode(sig),
		};
		let signatures = vec![
			signature(SR25519, &signer.account, &key.sign(&bytes)),
			signature(ED25519, &signer.ed25519, &ed25519_key(key).sign(&bytes).to_bytes()),
		];
		Ok(Self { payload: STANDARD.encode(payload), payload_type: PAYLOAD_TYPE.into(), signatures })
	}

	/// Checks both signatures and gives the statement.
	pub fn verify(&self) -> Result<Statement, ProvenanceError> {
		if self.payload_type != PAYLOAD_TYPE {
			return Err(ProvenanceError::PayloadType(self.payload_type.chars().take(80).collect()));
		}
		let wrong = |reason: String| ProvenanceError::Statement(reason);
		let payload = STANDARD.decode(&self.payload).map_err(|e| wrong(e.to_string()))?;
		let statement = Statement::parse(&payload)?;
		let (signer, bytes) = (statement.signer(), pae(PAYLOAD_TYPE, &payload));
		let account = signer.account()?;
		let mut key = [0; 32];
		hex::decode_to_slice(&signer.ed25519, &mut key)
			.map_err(|_| wrong("its Ed25519 key is not 64 hex digits".into()))?;
		let signature = self.signature(SR25519, &signer.account)?;
		if !keys::verify(&account, &signature, &bytes) {
			return Err(ProvenanceError::Signature(SR25519, signer.account.clone()));
		}
		let signature = self.signature(ED25519, &signer.ed25519)?;
		let verified = VerifyingKey::from_bytes(&key)
			.and_then(|key| key.verify_strict(&bytes, &ed25519_dalek::Signature::from_bytes(&signature)));
		verified.map_err(|_| ProvenanceError::Signature(ED25519, signer.account.clone()))?;
		Ok(statement)
	}

	fn signature(&self, scheme: &'static str, id: &str) -> Result<[u8; 64], ProvenanceError> {
		let keyid = format!("{scheme}:{id}");
		let found = self.signatures.iter().take(MAX_SIGNATURES).find(|signature| signature.keyid == keyid);
		let found = found.ok_or(ProvenanceError::Unsigned(scheme))?;
		let bytes = STANDARD.decode(&found.sig).ok().and_then(|bytes| bytes.try_into().ok());
		bytes.ok_or_else(|| ProvenanceError::Signature(scheme, id.into()))
	}
}

/// Envelopes as a text, one on a line.
pub fn bundle(envelopes: &[Envelope]) -> Result<String, ProvenanceError> {
	let mut text = String::new();
	for envelope in envelopes {
		let line = serde_json::to_string(envelope).map_err(|e| ProvenanceError::Statement(e.to_string()))?;
		text.push_str(&line);
		text.push('\n');
	}
	match text.len() > MAX_BUNDLE {
		true => Err(ProvenanceError::TooLarge(text.len())),
		false => Ok(text),
	}
}

/// Reads a bundle; its envelopes are not verified yet.
pub fn parse_bundle(text: &[u8]) -> Result<Vec<Envelope>, ProvenanceError> {
	if text.len() > MAX_BUNDLE {
		return Err(ProvenanceError::TooLarge(text.len()));
	}
	let lines =
		text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
	let envelope = |(index, line): (usize, &[u8])| {
		let wrong = |e: serde_json::Error| ProvenanceError::Envelope {
			line: index.saturating_add(1),
			reason: e.to_string(),
		};
		serde_json::from_slice(line).map_err(wrong)
	};
	let envelopes = lines.map(envelope).collect::<Result<Vec<_>, _>>()?;
	match envelopes.is_empty() {
		true => Err(ProvenanceError::Empty),
		false => Ok(envelopes),
	}
}
