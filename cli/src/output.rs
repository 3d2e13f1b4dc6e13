//! What a command gives: a value for programs, a text for people.

use comfy_table::{presets::NOTHING, Cell, CellAlignment, Table};
use serde_json::Value;
use std::{io::Write, process::ExitCode};
use tributary_client::{keys, money};
use tributary_primitives::{AccountId, AssetRef, Balance, Hash, SkillSet, SnapshotRef, VaultKey};

/// The result of a command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
	/// For `--json`.
	pub json: Value,
	/// For people.
	pub text: String,
}

impl Output {
	/// A value and its text.
	pub fn new(json: Value, text: impl Into<String>) -> Self {
		Self { json, text: text.into() }
	}

	pub(crate) fn print(&self, json: bool) -> ExitCode {
		let text = if json { self.json.to_string() } else { self.text.clone() };
		let text = text.trim_end();
		let written = if text.is_empty() { Ok(()) } else { writeln!(std::io::stdout(), "{text}") };
		// A closed pipe (`| head`) is not the command's failure.
		ExitCode::from(u8::from(written.is_err_and(|e| e.kind() != std::io::ErrorKind::BrokenPipe)))
	}
}

/// A table of text columns; columns whose heading ends in `>` are right-aligned.
pub fn table(headings: &[&str], rows: Vec<Vec<String>>) -> String {
	if rows.is_empty() {
		return "nothing".into();
	}
	let right: Vec<_> = headings.iter().map(|heading| heading.ends_with('>')).collect();
	let mut table = Table::new();
	table.load_preset(NOTHING).set_header(headings.iter().map(|heading| heading.trim_end_matches('>')));
	for row in rows {
		table.add_row(row.into_iter().enumerate().map(|(column, text)| {
			let cell = Cell::new(text);
			match right.get(column) {
				Some(true) => cell.set_alignment(CellAlignment::Right),
				_ => cell,
			}
		}));
	}
	table.lines().map(|line| line.trim_end().to_string() + "\n").collect()
}

/// `name: value` lines.
pub fn facts(facts: &[(&str, String)]) -> String {
	let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
	facts.iter().map(|(name, value)| format!("{name:width$}  {value}\n")).collect()
}

/// `0x` and hex.
pub fn hex32(hash: &Hash) -> String {
	format!("0x{}", hex::encode(hash))
}

/// An address.
pub fn address(account: &AccountId) -> String {
	keys::address(account)
}

/// An amount in TRB.
pub fn trb(planck: Balance) -> String {
	money::format_trb(planck)
}

/// Bytes from the chain as one printable line.
pub fn line(bytes: &[u8]) -> String {
	String::from_utf8_lossy(bytes).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `ID:VERSION`.
pub fn version(reference: AssetRef) -> String {
	format!("{}:{}", reference.asset, reference.version)
}

/// The numbers of active skills, from 0.
pub fn skill_numbers(skills: SkillSet) -> Vec<usize> {
	(0..8).filter(|skill| skills.contains(*skill)).collect()
}

/// `ID:VERSION`.
pub fn snapshot(reference: SnapshotRef) -> String {
	format!("{}:{}", reference.datanet, reference.version)
}

/// A vault in words.
pub fn vault(key: VaultKey) -> String {
	match key {
		VaultKey::Platform => "platform".into(),
		VaultKey::Stakers => "stakers".into(),
		VaultKey::Operator(account) => format!("operator {}", address(&account)),
		VaultKey::Asset(asset) => format!("asset {asset}"),
		VaultKey::Evaluators(asset) => format!("evaluators of asset {asset}"),
		VaultKey::Pool(datanet) => format!("pool of DataNet {datanet}"),
	}
}

/// Adds a field to a JSON object.
pub fn add(json: &mut Value, name: &str, value: impl Into<Value>) {
	if let Value::Object(fields) = json {
		fields.insert(name.into(), value.into());
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn table_aligns_amounts_right_when_asked() {
		let text =
			table(&["who", "planck>"], vec![vec!["a".into(), "1".into()], vec!["b".into(), "1000".into()]]);
		assert!(text.lines().any(|line| line.ends_with("     1")), "{text}");
	}

	#[test]
	fn text_from_the_chain_stays_on_its_line_when_it_has_control_characters() {
		assert_eq!(line(b"a\n\x1b[31mb"), "a  [31mb");
	}
}
