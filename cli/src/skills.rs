//! Files of an agent's skills: YAML or JSON, a list of what each is for and which parts it uses.
//!
//! ```yaml
//! - description: Questions about git and version control
//!   threshold: 0.25
//!   adapters: [3]
//!   datanets: [0]
//! - description: Questions about rivers
//!   threshold: 0.3
//!   prompts: [7]
//! ```

use crate::{failure::Failure, output::line};
use serde::{Deserialize, Serialize};
use std::path::Path;
use tributary_client::chain::Composition;
use tributary_primitives::{
	limits::{MAX_AGENT_SKILLS, MAX_TEXT},
	served::has_bit,
	views::SkillView,
	AssetId, DataNetId, SkillSet,
};

/// Most bytes of a file of skills.
const MAX_FILE: u64 = 64 << 10;
/// Millionths in one.
const MILLIONTHS: f64 = 1e6;

/// One skill as its author writes it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
	/// What it is for.
	pub description: String,
	/// Least cosine of a request that uses it, -1 to 1.
	pub threshold: f64,
	/// Its adapters among the agent's.
	#[serde(default, skip_serializing_if = "Vec::is_empty")]
	pub adapters: Vec<AssetId>,
	/// Its prompts among the agent's.
	#[serde(default, skip_serializing_if = "Vec::is_empty")]
	pub prompts: Vec<AssetId>,
	/// Its DataNets among the agent's.
	#[serde(default, skip_serializing_if = "Vec::is_empty")]
	pub datanets: Vec<DataNetId>,
}

/// The skills in a file, of the parts that `composition` has.
pub fn read(path: &Path, composition: &Composition) -> Result<Vec<SkillView>, Failure> {
	resolve_all(&read_entries(path)?, composition).map_err(|reason| Failure::file(path, reason))
}

/// The skills in a file as they are written.
pub fn read_entries(path: &Path) -> Result<Vec<Entry>, Failure> {
	let wrong = |reason: String| Failure::file(path, reason);
	let size = std::fs::metadata(path).map_err(|e| Failure::file(path, e))?.len();
	if size > MAX_FILE {
		return Err(wrong(format!("a file of skills has at most {MAX_FILE} bytes, this one {size}")));
	}
	let text = std::fs::read_to_string(path).map_err(|e| Failure::file(path, e))?;
	parse_entries(&text).map_err(wrong)
}

/// Writes a file of skills anew: as JSON where it was, else as YAML. Comments are lost.
pub fn write_entries(path: &Path, entries: &[Entry]) -> Result<(), Failure> {
	let failed = |reason: String| Failure::file(path, reason);
	let before = std::fs::read_to_string(path).map_err(|e| Failure::file(path, e))?;
	let text = match serde_json::from_str::<serde_json::Value>(&before).is_ok() {
		true => serde_json::to_string_pretty(entries).map_err(|e| failed(e.to_string()))? + "\n",
		false => serde_saphyr::to_string(&entries).map_err(|e| failed(e.to_string()))?,
	};
	std::fs::write(path, text).map_err(|e| Failure::file(path, e))
}

/// Reads the text of a file of skills.
pub fn parse_entries(text: &str) -> Result<Vec<Entry>, String> {
	let entries: Vec<Entry> = serde_saphyr::from_str(text).map_err(|e| {
		format!("no list of skills (description, threshold, adapters, prompts, datanets): {e}")
	})?;
	if entries.len() > MAX_AGENT_SKILLS as usize {
		return Err(format!("an agent has at most {MAX_AGENT_SKILLS} skills, these are {}", entries.len()));
	}
	Ok(entries)
}

/// The skills as the chain keeps them. The error says which is wrong and how.
pub fn resolve_all(entries: &[Entry], composition: &Composition) -> Result<Vec<SkillView>, String> {
	let skill = |(index, entry)| resolve(entry, composition).map_err(|e| format!("skill {index}: {e}"));
	entries.iter().enumerate().map(skill).collect()
}

#[cfg(test)]
fn parse(text: &str, composition: &Composition) -> Result<Vec<SkillView>, String> {
	resolve_all(&parse_entries(text)?, composition)
}

fn resolve(entry: &Entry, composition: &Composition) -> Result<SkillView, String> {
	let Entry { description, threshold, adapters, prompts, datanets } = entry;
	if description.trim().is_empty() || description.len() > MAX_TEXT as usize {
		return Err(format!("its description has 1 to {MAX_TEXT} bytes"));
	}
	if !(-1.0..=1.0).contains(threshold) {
		return Err(format!("its threshold is a cosine, -1 to 1, not {threshold}"));
	}
	let of = composition;
	let skill = SkillView {
		description: description.clone().into_bytes(),
		// Within a million either way, so exact to the millionth.
		threshold: (threshold * MILLIONTHS).round() as i32,
		adapters: mask("adapter", adapters, of.adapters.iter().map(|(adapter, _)| adapter.asset))?,
		prompts: mask("prompt", prompts, of.prompts.iter().map(|prompt| prompt.asset))?,
		datanets: mask("DataNet", datanets, of.datanets.iter().map(|snapshot| snapshot.datanet))?,
	};
	if skill.adapters | skill.prompts | skill.datanets == 0 {
		return Err("it uses nothing: name adapters, prompts or datanets of the agent".into());
	}
	Ok(skill)
}

/// The bits of `wanted` in the agent's list of `all`.
fn mask(kind: &str, wanted: &[u32], all: impl Iterator<Item = u32> + Clone) -> Result<u8, String> {
	wanted.iter().try_fold(0, |mask, id| {
		let place = all.clone().position(|known| known == *id);
		let bit = place.and_then(|place| SkillSet::default().with(place));
		let missing =
			|| format!("{kind} {id} is not among the agent's parts: add it to the command or leave it out");
		Ok(mask | bit.ok_or_else(missing)?.0)
	})
}

/// One line: what a skill is for, when it is used, and what it uses of `adapters`, `prompts` and `datanets`.
pub fn shown(skill: &SkillView, adapters: &[String], prompts: &[String], datanets: &[String]) -> String {
	let of = |kind: &str, mask: u8, all: &[String]| {
		let used: Vec<_> = all.iter().enumerate().filter(|(index, _)| has_bit(mask, *index)).collect();
		let used: Vec<_> = used.into_iter().map(|(_, name)| name.as_str()).collect();
		(!used.is_empty()).then(|| format!("{kind} {}", used.join(", ")))
	};
	let parts = [
		of("adapters", skill.adapters, adapters),
		of("prompts", skill.prompts, prompts),
		of("DataNets", skill.datanets, datanets),
	];
	let parts: Vec<_> = parts.into_iter().flatten().collect();
	let threshold = f64::from(skill.threshold) / MILLIONTHS;
	format!("{} (from {threshold}): {}", line(&skill.description), parts.join("; "))
}

#[cfg(test)]
mod tests {
	use super::*;
	use tributary_primitives::{fee::Price, AssetRef, SnapshotRef};

	fn composition() -> Composition {
		let asset = |asset| AssetRef { asset, version: 1 };
		Composition {
			base: asset(0),
			adapters: vec![(asset(3), 1_000_000), (asset(5), 1_000_000)],
			prompts: vec![asset(7)],
			datanets: vec![SnapshotRef { datanet: 0, version: 1 }, SnapshotRef { datanet: 2, version: 4 }],
			tools: vec![],
			skills: vec![],
			price: Price::default(),
		}
	}

	fn refused(text: &str) -> String {
		parse(text, &composition()).unwrap_err()
	}

	#[test]
	fn skills_become_masks_when_written_as_yaml_or_json() {
		let yaml = "- description: about git\n  threshold: 0.25\n  adapters: [5]\n  datanets: [2, 0]\n\
			- description: about rivers\n  threshold: -1\n  prompts: [7]\n";
		let json = r#"[{"description":"about git","threshold":0.25,"adapters":[5],"datanets":[2,0]},
			{"description":"about rivers","threshold":-1,"prompts":[7]}]"#;
		let skill = |description: &str, threshold, adapters, prompts, datanets| SkillView {
			description: description.into(),
			threshold,
			adapters,
			prompts,
			datanets,
		};
		let expected =
			vec![skill("about git", 250_000, 0b10, 0, 0b11), skill("about rivers", -1_000_000, 0, 0b1, 0)];
		assert_eq!(parse(yaml, &composition()), Ok(expected.clone()));
		assert_eq!(parse(json, &composition()), Ok(expected));
	}

	#[test]
	fn skills_are_refused_with_a_reason_when_an_entry_is_wrong() {
		assert!(refused("- description: a\n  threshold: 0\n  adapters: [9]\n").contains("skill 0: adapter 9"));
		assert!(refused("- description: a\n  threshold: 2\n  adapters: [3]\n").contains("cosine"));
		assert!(refused("- description: a\n  threshold: .nan\n  adapters: [3]\n").contains("cosine"));
		assert!(refused("- description: ''\n  threshold: 0\n  adapters: [3]\n").contains("1 to 256 bytes"));
		assert!(refused("- description: a\n  threshold: 0\n").contains("uses nothing"));
		assert!(refused("- description: a\n  adapters: [3]\n").contains("threshold"));
		assert!(refused("- description: a\n  threshold: 0\n  adapter: [3]\n").contains("adapter"));
		let many = "- {description: a, threshold: 0, adapters: [3]}\n".repeat(9);
		assert!(refused(&many).contains("at most 8"));
	}

	#[test]
	fn file_says_the_same_when_written_anew() {
		let folder = tempfile::tempdir().unwrap();
		for text in [
			"- description: about git\n  threshold: 0.25\n  adapters: [5]\n",
			r#"[{"description":"about git","threshold":0.25,"adapters":[5]}]"#,
		] {
			let path = folder.path().join("skills");
			std::fs::write(&path, text).unwrap();
			let before = read(&path, &composition()).unwrap();
			let mut entries = read_entries(&path).unwrap();
			entries[0].threshold = 0.123456;
			write_entries(&path, &entries).unwrap();
			let after = read(&path, &composition()).unwrap();
			assert_eq!(after, [SkillView { threshold: 123_456, ..before[0].clone() }]);
			let written = std::fs::read_to_string(&path).unwrap();
			assert_eq!(written.starts_with('['), text.starts_with('['), "{written}");
		}
	}

	#[test]
	fn skill_shows_its_parts_when_listed() {
		let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
		let skill = SkillView {
			description: b"about git".to_vec(),
			threshold: 250_000,
			adapters: 0b10,
			prompts: 0,
			datanets: 0b01,
		};
		let text = shown(&skill, &names(&["3:1", "5:1"]), &names(&["7:1"]), &names(&["0:1", "2:4"]));
		assert_eq!(text, "about git (from 0.25): adapters 5:1; DataNets 0:1");
	}
}
