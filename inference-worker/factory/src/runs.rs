//! Trainings in a folder: each is a subfolder with a curve, directly in it or among a work folder's steps.

use std::{
	fs,
	path::{Path, PathBuf},
	time::SystemTime,
};

use serde_json::Value;

use crate::{
	curves::CURVES,
	workflow::{STEPS_DIR, STEP_FILE},
};

/// Most runs that are listed.
const MAX_LISTED: usize = 32;
/// Most entries of a folder that are looked at.
const MAX_ENTRIES: usize = 4_096;
/// Longest name.
const MAX_NAME: usize = 128;
/// Largest label file, bytes.
const MAX_LABEL_BYTES: u64 = 64 << 10;

/// A training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
	/// Name of its folder.
	pub name: String,
	/// What to call it: of a workflow's step `workflow: step`, else the name.
	pub label: String,
	/// Its curve.
	pub curve: PathBuf,
	/// When the curve changed last.
	pub changed: SystemTime,
}

/// The runs in a folder, the one that changed last first. A folder that is not there has none.
pub fn list(folder: &Path) -> Vec<Run> {
	let mut runs: Vec<Run> = places(folder)
		.iter()
		.flat_map(|place| names(place).into_iter().filter_map(|name| open(place, name)))
		.collect();
	runs.sort_by(|one, other| other.changed.cmp(&one.changed).then_with(|| one.name.cmp(&other.name)));
	runs.truncate(MAX_LISTED);
	runs
}

/// A run by its name. None where there is none, and for names that are no plain names of a folder.
pub fn find(folder: &Path, name: &str) -> Option<Run> {
	places(folder).iter().find_map(|place| open(place, name.to_owned()))
}

fn places(folder: &Path) -> [PathBuf; 2] {
	[folder.to_owned(), folder.join(STEPS_DIR)]
}

fn names(place: &Path) -> Vec<String> {
	let entries = fs::read_dir(place).into_iter().flatten().flatten().take(MAX_ENTRIES);
	entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn is_plain(name: &str) -> bool {
	let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
	!name.is_empty() && name.len() <= MAX_NAME && !name.starts_with('.') && name.chars().all(allowed)
}

/// Links are not followed: they may lead out of the folder.
fn open(place: &Path, name: String) -> Option<Run> {
	if !is_plain(&name) {
		return None;
	}
	let folder = place.join(&name);
	fs::symlink_metadata(&folder).ok().filter(fs::Metadata::is_dir)?;
	let curve = folder.join(CURVES);
	let found = fs::symlink_metadata(&curve).ok().filter(fs::Metadata::is_file)?;
	let label = label(&folder.join(STEP_FILE)).unwrap_or_else(|| name.clone());
	Some(Run { name, label, curve, changed: found.modified().unwrap_or(SystemTime::UNIX_EPOCH) })
}

fn label(path: &Path) -> Option<String> {
	fs::symlink_metadata(path).ok().filter(|found| found.is_file() && found.len() <= MAX_LABEL_BYTES)?;
	let label: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
	let part = |name: &str| label.get(name).and_then(Value::as_str);
	let whole = format!("{}: {}", part("workflow")?, part("name")?);
	Some(whole.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect())
}

#[cfg(test)]
mod tests {
	use super::*;

	fn run(folder: &Path) {
		fs::create_dir_all(folder).expect("folder");
		fs::write(folder.join(CURVES), "").expect("curve");
	}

	#[test]
	fn runs_are_listed_when_they_stand_alone_or_are_steps() {
		let root = tempfile::tempdir().expect("temporary folder");
		run(&root.path().join("alone"));
		let step = root.path().join(STEPS_DIR).join("0a1b");
		run(&step);
		fs::write(step.join(STEP_FILE), r#"{"workflow": "docs", "name": "train"}"#).expect("label");
		fs::create_dir(root.path().join("no-run")).expect("folder");
		let mut labels: Vec<String> = list(root.path()).into_iter().map(|run| run.label).collect();
		labels.sort();
		assert_eq!(labels, ["alone", "docs: train"]);
		assert_eq!(find(root.path(), "0a1b").expect("a step").label, "docs: train");
		assert!(list(&root.path().join("nowhere")).is_empty());
	}

	#[test]
	fn run_is_not_found_when_its_name_leads_out_of_the_folder() {
		let root = tempfile::tempdir().expect("temporary folder");
		let (inside, outside) = (root.path().join("inside"), root.path().join("outside"));
		run(&inside.join("good"));
		run(&outside);
		std::os::unix::fs::symlink(&outside, inside.join("link")).expect("link");
		fs::create_dir(inside.join("curve-link")).expect("folder");
		std::os::unix::fs::symlink(outside.join(CURVES), inside.join("curve-link").join(CURVES))
			.expect("link");
		assert!(find(&inside, "good").is_some());
		for name in [
			"../outside",
			"..",
			".",
			"",
			"link",
			"curve-link",
			"good/",
			"/etc",
			"a\0b",
			"%2e%2e",
			&"x".repeat(200),
		] {
			assert!(find(&inside, name).is_none(), "{name:?}");
		}
	}
}
