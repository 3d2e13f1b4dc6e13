//! What an answer used beside text: calls of tools, and skills.

use crate::evidence::hex32;
use serde::{Deserialize, Serialize};

/// Most receipts of an answer.
pub const MAX_RECEIPTS: usize = 64;
/// Most skills of an agent.
pub const MAX_SKILLS: usize = 8;
/// Longest names that are kept, bytes.
const MAX_NAME: usize = 128;

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
	/// It has a result, which is paid.
	Done,
	/// The tool says that it failed; nothing is paid.
	ToolError,
	/// There is no result; nothing is paid.
	Failed,
	/// The client left while it ran; nothing is paid.
	Abandoned,
}

/// A call of a tool that the model made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolReceipt {
	/// Names the call: made of the order's id and the call's place. All attempts have it.
	pub call: String,
	/// The tool, an asset.
	pub asset: u32,
	/// Its version.
	pub version: u32,
	/// The tool's name at its server.
	pub name: String,
	/// BLAKE3 of the arguments in canonical JSON.
	#[serde(with = "hex32")]
	pub arguments: [u8; 32],
	/// BLAKE3 of the result in canonical JSON, if there is one.
	#[serde(default, with = "optional_hex32", skip_serializing_if = "Option::is_none")]
	pub result: Option<[u8; 32]>,
	/// What became of it.
	pub outcome: CallOutcome,
	/// What it cost, planck.
	#[serde(with = "decimal")]
	pub price: u128,
	/// How long it took, all attempts together, milliseconds.
	pub ms: u64,
	/// How often it was tried; paid once.
	pub attempts: u32,
}

/// How near a request was to a skill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkillScore {
	/// Similarity of the request and the skill's description, millionths.
	pub similarity: i32,
	/// Least similarity of a request that uses it, millionths.
	pub threshold: i32,
	/// Whether it was used.
	pub active: bool,
}

/// Within bounds; does nothing the second time.
pub(crate) fn normalised(receipts: &mut Vec<ToolReceipt>, skills: &mut Vec<SkillScore>) {
	receipts.truncate(MAX_RECEIPTS);
	for receipt in receipts {
		cut(&mut receipt.call);
		cut(&mut receipt.name);
	}
	skills.truncate(MAX_SKILLS);
	for skill in skills {
		skill.active = skill.similarity >= skill.threshold;
	}
}

fn cut(text: &mut String) {
	let end = (0..=MAX_NAME.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
	text.truncate(end.unwrap_or(0));
}

/// Numbers beyond what JSON readers keep, as strings.
mod decimal {
	use serde::{de::Error, Deserialize, Deserializer, Serializer};

	pub fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
		serializer.collect_str(value)
	}

	pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
		String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
	}
}

mod optional_hex32 {
	use crate::evidence::hex32;
	use serde::{Deserializer, Serializer};

	pub fn serialize<S: Serializer>(bytes: &Option<[u8; 32]>, serializer: S) -> Result<S::Ok, S::Error> {
		match bytes {
			Some(bytes) => hex32::serialize(bytes, serializer),
			None => serializer.serialize_none(),
		}
	}

	pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[u8; 32]>, D::Error> {
		hex32::deserialize(deserializer).map(Some)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{Evidence, VectorRules};

	fn receipt(outcome: CallOutcome, result: Option<[u8; 32]>) -> ToolReceipt {
		ToolReceipt {
			call: "call_1".into(),
			asset: 5,
			version: 2,
			name: "time".into(),
			arguments: [1; 32],
			result,
			outcome,
			price: u128::MAX,
			ms: 12,
			attempts: 3,
		}
	}

	#[test]
	fn evidence_comes_back_when_it_has_receipts_and_skills() {
		let receipts = vec![receipt(CallOutcome::Done, Some([2; 32])), receipt(CallOutcome::Failed, None)];
		let skills = vec![SkillScore { similarity: -5, threshold: -5, active: false }];
		let evidence = Evidence::collect(&VectorRules::default(), &[1], 4, &[], &[])
			.with_receipts(receipts.clone())
			.with_skills(skills);
		let read = Evidence::from_bytes(&evidence.to_bytes()).unwrap();
		assert_eq!((read.receipts(), read.hash()), (receipts.as_slice(), evidence.hash()));
		// Activity follows from the numbers.
		assert!(read.skills()[0].active);
	}

	#[test]
	fn evidence_is_as_before_when_there_is_neither() {
		let evidence = Evidence::collect(&VectorRules::default(), &[1], 4, &[], &[]);
		let text = String::from_utf8(evidence.to_bytes()).unwrap();
		assert!(!text.contains("receipts") && !text.contains("skills"), "{text}");
	}

	#[test]
	fn receipts_and_skills_are_cut_when_there_are_too_many_or_names_are_long() {
		let long = ToolReceipt { name: "é".repeat(100), ..receipt(CallOutcome::Done, None) };
		let score = SkillScore { similarity: 0, threshold: 1, active: true };
		let evidence = Evidence::collect(&VectorRules::default(), &[1], 4, &[], &[])
			.with_receipts(vec![long; 70])
			.with_skills(vec![score; 9]);
		assert_eq!((evidence.receipts().len(), evidence.skills().len()), (MAX_RECEIPTS, MAX_SKILLS));
		assert_eq!(evidence.receipts()[0].name, "é".repeat(64));
		assert!(Evidence::from_bytes(&evidence.to_bytes()).is_ok());
	}
}
