//! Signed statements of where an asset or an answer comes from.
//!
//! A [`Statement`] is an [in-toto](https://in-toto.io/Statement/v1) one: subjects by the digests of their content, and
//! a predicate of one of our [`Kind`]s. It travels in a [DSSE](https://github.com/secure-systems-lab/dsse) envelope
//! with two signatures over the same bytes:
//!
//! - sr25519, by the account that is the owner on chain;
//! - Ed25519, by a key derived from the same secret, for verifiers that know no sr25519. The statement names it, so
//!   that the account vouches for it.
//!
//! A bundle is a text of envelopes, one on a line, as in-toto's attestation bundles are.

mod dsse;
mod statement;
#[cfg(test)]
mod tests;

pub use dsse::{bundle, parse_bundle, Envelope, Signature, MAX_BUNDLE, PAYLOAD_TYPE};
pub use statement::{
	canonical, Block, Digests, Kind, Signer, Statement, Subject, PREDICATES, STATEMENT_TYPE,
};

/// Why a statement cannot be read, or is not what its signer signed.
#[derive(Debug, thiserror::Error)]
pub enum ProvenanceError {
	/// Not a bundle.
	#[error(
		"line {line} is no DSSE envelope: {reason}. Give a file that `tributary provenance export` wrote"
	)]
	Envelope {
		/// Line of the bundle, from 1.
		line: usize,
		/// What is wrong.
		reason: String,
	},
	/// Too much.
	#[error("a bundle of {0} bytes is larger than {MAX_BUNDLE}: export its parts one by one")]
	TooLarge(usize),
	/// Nothing in it.
	#[error("the bundle has no envelopes: export it again")]
	Empty,
	/// Another payload.
	#[error("the envelope carries `{0}`, not {PAYLOAD_TYPE}: it is no in-toto statement")]
	PayloadType(String),
	/// The payload is no statement of ours.
	#[error("the payload is no statement of this program: {0}. Use the release that wrote it")]
	Statement(String),
	/// A signature is missing.
	#[error("the envelope has no {0} signature of the key that its statement names: ask its owner to export it again")]
	Unsigned(&'static str),
	/// A signature is wrong.
	#[error("the {0} signature is wrong: the envelope was changed after {1} signed it. Do not trust it")]
	Signature(&'static str, String),
}
