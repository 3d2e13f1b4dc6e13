//! Statements: what is said of which content, and who says it.

use super::ProvenanceError;
use crate::keys;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, io::Read, path::Path};
use tributary_primitives::{AccountId, BlockNumber, Hash};

/// `_type` of every statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// What every predicate's type begins with; the kind and `/v1` follow.
pub const PREDICATES: &str = "https://github.com/tributary/tributary/provenance/";

/// What a statement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
	/// An adapter's version: what it was made of, down to contributions.
	Adapter,
	/// A snapshot of a DataNet: its contributions.
	DataNet,
	/// How an adapter's version was trained.
	Training,
	/// A score of a version on a benchmark.
	Evaluation,
	/// Who shaped an answer and is paid for it.
	Answer,
}

impl Kind {
	/// All kinds.
	pub const ALL: [Self; 5] = [Self::Adapter, Self::DataNet, Self::Training, Self::Evaluation, Self::Answer];

	/// Its name, as in the predicate's type.
	pub fn name(self) -> &'static str {
		match self {
			Self::Adapter => "adapter",
			Self::DataNet => "datanet",
			Self::Training => "training",
			Self::Evaluation => "evaluation",
			Self::Answer => "answer",
		}
	}

	/// `predicateType` of its statements.
	pub fn predicate_type(self) -> String {
		format!("{PREDICATES}{}/v1", self.name())
	}
}

/// Digests of one content by the algorithm's name, hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests(pub BTreeMap<String, String>);

impl Digests {
	/// BLAKE3 (the content's name on chain) and SHA-256 (what others look for).
	pub fn of(content: &[u8]) -> Self {
		let sha256 = hex::encode(Sha256::digest(content));
		Self::from_blake3(blake3::hash(content).as_bytes()).and("sha256", sha256)
	}

	/// The same of a file.
	pub fn of_file(path: &Path) -> std::io::Result<Self> {
		let (mut file, mut buffer) = (std::fs::File::open(path)?, vec![0; 1 << 20]);
		let (mut blake3, mut sha256) = (blake3::Hasher::new(), Sha256::new());
		loop {
			let count = file.read(&mut buffer)?;
			let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
			blake3.update(bytes);
			sha256.update(bytes);
		}
		Ok(Self::from_blake3(blake3.finalize().as_bytes()).and("sha256", hex::encode(sha256.finalize())))
	}

	/// BLAKE3 alone: for content that is not at hand.
	pub fn from_blake3(hash: &Hash) -> Self {
		Self::default().and("blake3", hex::encode(hash))
	}

	/// Adds a digest.
	pub fn and(mut self, algorithm: &str, digest: String) -> Self {
		self.0.insert(algorithm.into(), digest);
		self
	}
}

/// What a statement is about: content by its digests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
	/// What it is called, for people.
	pub name: String,
	/// Its digests.
	pub digest: Digests,
}

/// Who makes a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signer {
	/// Address of the account, whose sr25519 signature is in the envelope.
	pub account: String,
	/// The Ed25519 key of the other signature, hexadecimal.
	pub ed25519: String,
}

impl Signer {
	/// The account.
	pub fn account(&self) -> Result<AccountId, ProvenanceError> {
		keys::parse_account(&self.account).map_err(|e| ProvenanceError::Statement(e.to_string()))
	}
}

/// The state of the chain that a statement was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
	/// Genesis hash, `0x` hex: which chain.
	pub genesis: String,
	/// Height.
	pub number: BlockNumber,
}

/// An in-toto statement with a predicate of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement {
	#[serde(rename = "_type")]
	statement_type: String,
	/// What it is about.
	pub subject: Vec<Subject>,
	predicate_type: String,
	predicate: Predicate,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Predicate {
	signer: Signer,
	chain: Block,
	about: Value,
}

impl Statement {
	/// A statement by `signer` about the chain at `chain`.
	pub fn new(kind: Kind, subject: Vec<Subject>, signer: Signer, chain: Block, about: Value) -> Self {
		Self {
			statement_type: STATEMENT_TYPE.into(),
			subject,
			predicate_type: kind.predicate_type(),
			predicate: Predicate { signer, chain, about },
		}
	}

	/// Reads a payload.
	pub fn parse(payload: &[u8]) -> Result<Self, ProvenanceError> {
		let wrong = |reason: String| ProvenanceError::Statement(reason);
		let statement: Self = serde_json::from_slice(payload).map_err(|e| wrong(e.to_string()))?;
		if statement.statement_type != STATEMENT_TYPE {
			return Err(wrong(format!("its type is `{}`, not {STATEMENT_TYPE}", statement.statement_type)));
		}
		statement.kind()?;
		if statement.subject.is_empty() {
			return Err(wrong("it has no subject".into()));
		}
		Ok(statement)
	}

	/// What it is about.
	pub fn kind(&self) -> Result<Kind, ProvenanceError> {
		let known = Kind::ALL.into_iter().find(|kind| kind.predicate_type() == self.predicate_type);
		known.ok_or_else(|| ProvenanceError::Statement(format!("its predicate is `{}`", self.predicate_type)))
	}

	/// Who says it.
	pub fn signer(&self) -> &Signer {
		&self.predicate.signer
	}

	/// Of which chain, at which height.
	pub fn chain(&self) -> &Block {
		&self.predicate.chain
	}

	/// What is said.
	pub fn about(&self) -> &Value {
		&self.predicate.about
	}

	/// The bytes that are signed: the same for the same statement.
	pub fn payload(&self) -> Result<Vec<u8>, ProvenanceError> {
		let value = serde_json::to_value(self).map_err(|e| ProvenanceError::Statement(e.to_string()))?;
		Ok(canonical(&value).into_bytes())
	}
}

/// JSON with sorted keys and no white space.
pub fn canonical(value: &Value) -> String {
	let mut value = value.clone();
	value.sort_all_objects();
	value.to_string()
}
