//! `tributary agent calibrate`: thresholds of skills from example requests.

use crate::{
	context::read_body,
	failure::Failure,
	output::*,
	skills::{self, Entry},
};
use clap::Args;
use serde::Deserialize;
use serde_json::{json, Value};
use std::{path::PathBuf, time::Duration};
use tributary_client::routing::{calibrate, similarities};

/// Most bytes of a file of examples.
const MAX_FILE: u64 = 4 << 20;
/// Most examples.
const MAX_EXAMPLES: usize = 4_096;
/// Texts of one request for embeddings.
const AT_ONCE: usize = 32;
/// Most bytes of an answer with embeddings.
const MAX_ANSWER: usize = 32 << 20;

/// What calibrating is given.
#[derive(Debug, Args)]
pub struct CalibrateArguments {
	/// File of skills; its thresholds are replaced.
	#[arg(long, value_name = "FILE")]
	skills: PathBuf,
	/// File of examples, YAML or JSON: a list of text and skills, the numbers from 0 of the skills that it needs.
	#[arg(long, value_name = "FILE")]
	examples: PathBuf,
	/// An agent on the same base model, without adapters that are always active: its embeddings are those that workers
	/// route by.
	#[arg(long, value_name = "NAME")]
	agent: String,
	/// Where the agent is asked, usually `tributary proxy`: embeddings cost what prompts do.
	#[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8787")]
	api: String,
	/// Only print, leave the file alone.
	#[arg(long)]
	dry_run: bool,
}

/// An example request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
	/// What is asked.
	text: String,
	/// The skills that it needs, from 0.
	skills: Vec<usize>,
}

impl CalibrateArguments {
	/// Runs the command.
	pub async fn run(self) -> Result<Output, Failure> {
		let mut entries = skills::read_entries(&self.skills)?;
		let examples = read_examples(&self.examples, entries.len())?;
		let texts: Vec<&str> = entries
			.iter()
			.map(|entry| entry.description.as_str())
			.chain(examples.iter().map(|example| example.text.as_str()))
			.collect();
		let mut vectors = Vec::with_capacity(texts.len());
		for some in texts.chunks(AT_ONCE) {
			vectors.extend(self.embed(some).await?);
		}
		let requests = vectors.split_off(entries.len());
		let found = scored(&vectors, &requests)?;
		let report = thresholds(&mut entries, &examples, &found)?;
		if !self.dry_run {
			skills::write_entries(&self.skills, &entries)?;
		}
		Ok(report)
	}

	async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Failure> {
		#[derive(Deserialize)]
		struct One {
			embedding: Vec<f32>,
		}
		#[derive(Deserialize)]
		struct All {
			data: Vec<One>,
		}
		let url = format!("{}/v1/embeddings", self.api.trim_end_matches('/'));
		let away = |error: reqwest::Error| {
			Failure::Away(format!(
				"{url} does not answer ({error}): is `tributary proxy` running? Name it with --api"
			))
		};
		let client = reqwest::Client::builder().timeout(Duration::from_secs(300)).build().map_err(away)?;
		let body = json!({ "model": self.agent, "input": texts });
		let answer = client.post(&url).json(&body).send().await.map_err(away)?;
		let status = answer.status();
		let body = read_body(answer, &url, MAX_ANSWER).await?;
		let body: Value = serde_json::from_slice(&body)
			.map_err(|e| Failure::Other(format!("{url} answered {status} and no JSON: {e}")))?;
		if !status.is_success() {
			let message =
				body.pointer("/error/message").and_then(Value::as_str).unwrap_or("without a reason");
			return Err(Failure::Refused(format!("the worker refused to embed: {message}")));
		}
		let all: All = serde_json::from_value(body)
			.map_err(|e| Failure::Other(format!("{url} gave no embeddings: {e}")))?;
		match all.data.len() == texts.len() {
			true => Ok(all.data.into_iter().map(|one| one.embedding).collect()),
			false => Err(Failure::Other(format!(
				"{url} gave {} embeddings for {} texts",
				all.data.len(),
				texts.len()
			))),
		}
	}
}

fn read_examples(path: &std::path::Path, skills: usize) -> Result<Vec<Example>, Failure> {
	let wrong = |reason: String| Failure::file(path, reason);
	let size = std::fs::metadata(path).map_err(|e| Failure::file(path, e))?.len();
	if size > MAX_FILE {
		return Err(wrong(format!("a file of examples has at most {MAX_FILE} bytes, this one {size}")));
	}
	let text = std::fs::read_to_string(path).map_err(|e| Failure::file(path, e))?;
	parse_examples(&text, skills).map_err(wrong)
}

fn parse_examples(text: &str, skills: usize) -> Result<Vec<Example>, String> {
	let examples: Vec<Example> =
		serde_saphyr::from_str(text).map_err(|e| format!("no list of examples (text, skills): {e}"))?;
	if !(1..=MAX_EXAMPLES).contains(&examples.len()) {
		return Err(format!("1 to {MAX_EXAMPLES} examples are needed, these are {}", examples.len()));
	}
	for (index, example) in examples.iter().enumerate() {
		if example.text.trim().is_empty() {
			return Err(format!("example {index} has no text"));
		}
		if let Some(skill) = example.skills.iter().find(|skill| **skill >= skills) {
			return Err(format!("example {index} names skill {skill}, the file has {skills}, from 0"));
		}
	}
	Ok(examples)
}

fn scored(descriptions: &[Vec<f32>], requests: &[Vec<f32>]) -> Result<Vec<Vec<i32>>, Failure> {
	let all: Option<Vec<_>> = requests.iter().map(|request| similarities(request, descriptions)).collect();
	all.ok_or_else(|| {
		Failure::Other("the embeddings have different lengths: was the model replaced meanwhile?".into())
	})
}

/// Sets the thresholds, and says how well they separate.
fn thresholds(entries: &mut [Entry], examples: &[Example], found: &[Vec<i32>]) -> Result<Output, Failure> {
	let (mut rows, mut reports) = (Vec::new(), Vec::new());
	let mut active: Vec<Vec<usize>> = vec![Vec::new(); examples.len()];
	for (skill, entry) in entries.iter_mut().enumerate() {
		let cases: Vec<(i32, bool)> = examples
			.iter()
			.zip(found)
			.filter_map(|(example, found)| Some((*found.get(skill)?, example.skills.contains(&skill))))
			.collect();
		let best = calibrate(&cases).ok_or_else(|| {
			Failure::Usage(format!("no example needs skill {skill} ({}): add some", entry.description))
		})?;
		entry.threshold = f64::from(best.threshold) / 1e6;
		for (active, (similarity, _)) in active.iter_mut().zip(&cases) {
			if *similarity >= best.threshold {
				active.push(skill);
			}
		}
		let meant = cases.iter().filter(|(_, meant)| *meant).count();
		rows.push(vec![
			skill.to_string(),
			entry.description.clone(),
			meant.to_string(),
			format!("{:.3}", entry.threshold),
			format!("{:.3}", best.f1),
		]);
		reports.push(json!({
			"description": entry.description, "examples": meant, "threshold": entry.threshold, "f1": best.f1,
		}));
	}
	let is_right = |(example, active): &(&Example, &Vec<usize>)| {
		let mut wanted = example.skills.clone();
		wanted.sort_unstable();
		wanted.dedup();
		wanted == **active
	};
	let right = examples.iter().zip(&active).filter(is_right).count();
	let text = table(&["skill>", "description", "examples>", "threshold>", "F1>"], rows);
	let text = format!("{text}{right} of {} examples use exactly the skills they need\n", examples.len());
	Ok(Output::new(json!({ "skills": reports, "examples": examples.len(), "right": right }), text))
}

#[cfg(test)]
mod tests {
	use super::*;

	fn entry(description: &str) -> Entry {
		let text = format!("- {{description: {description}, threshold: 0, prompts: [1]}}");
		skills::parse_entries(&text).unwrap().remove(0)
	}

	#[test]
	fn thresholds_separate_when_the_examples_can_be() {
		let examples = parse_examples(
			"- {text: rebase, skills: [0]}\n- {text: vacuum, skills: [1]}\n- {text: hello, skills: []}\n",
			2,
		)
		.unwrap();
		let descriptions = [vec![1.0, 0.0, 0.1], vec![0.0, 1.0, 0.1]];
		let requests = [vec![0.9, 0.1, 0.0], vec![0.1, 0.9, 0.0], vec![0.5, 0.5, 0.9]];
		let found = scored(&descriptions, &requests).unwrap();
		let mut entries = [entry("git"), entry("databases")];
		let output = thresholds(&mut entries, &examples, &found).unwrap();
		assert_eq!(output.json["right"], 3);
		assert!(entries.iter().all(|entry| entry.threshold > 0.0 && entry.threshold < 1.0));
		assert!(output.text.contains("3 of 3"));
	}

	#[test]
	fn examples_are_refused_with_a_reason_when_they_are_wrong() {
		let refused = |text: &str| parse_examples(text, 2).unwrap_err();
		assert!(refused("[]").contains("are needed"));
		assert!(refused("- {text: '', skills: []}").contains("no text"));
		assert!(refused("- {text: a, skills: [2]}").contains("skill 2"));
		assert!(refused("- {text: a, skill: [1]}").contains("skill"));
		assert!(refused("nothing").contains("list of examples"));
		let examples = parse_examples("- {text: a, skills: [0]}", 2).unwrap();
		let Err(error) = thresholds(&mut [entry("a"), entry("b")], &examples, &[vec![1, 2]]) else {
			panic!()
		};
		assert!(error.to_string().contains("skill 1"));
	}
}
