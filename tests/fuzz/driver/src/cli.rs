//! The command line that every fuzz program has.

use crate::{campaign::Campaign, corpus, run_once, Failure, Target, Trace};
use clap::Parser;
use serde_json::json;
use std::{fs, io, path::PathBuf, process::ExitCode};

/// Feeds targets with kept, mutated and new inputs, and stops at the first that makes one panic.
#[derive(Clone, Debug, Parser)]
pub struct Settings {
	/// Targets to run; all of them when none is named.
	pub targets: Vec<String>,
	/// Time for all targets together, beside the replay of the corpus, seconds.
	#[arg(long, default_value_t = 60.0)]
	pub seconds: f64,
	/// Calls that all parts together make, instead of a time; for each target.
	#[arg(long)]
	pub calls: Option<u64>,
	/// What random choices follow from.
	#[arg(long, default_value_t = 1)]
	pub seed: u64,
	/// This part of how many, as 2/8: each part makes its share of the calls, with choices of its own.
	#[arg(long, default_value = "1/1", value_parser = part)]
	pub part: (u32, u32),
	/// Folder of the kept inputs, one folder for each target in it.
	#[arg(long, default_value = "tests/fuzz/corpus")]
	pub corpus: PathBuf,
	/// Folder in which inputs that reach something new are kept for the next run.
	#[arg(long)]
	pub work: Option<PathBuf>,
	/// Folder for inputs that make a target panic.
	#[arg(long, default_value = "target/fuzz")]
	pub findings: PathBuf,
	/// Run the kept inputs and make none.
	#[arg(long)]
	pub replay_only: bool,
	/// Run this file only, on the one target that is named.
	#[arg(long)]
	pub replay: Option<PathBuf>,
	/// Replace the kept inputs by the fewest that reach all that this run reached.
	#[arg(long)]
	pub keep: bool,
	/// Print figures as JSON.
	#[arg(long)]
	pub json: bool,
}

fn part(text: &str) -> Result<(u32, u32), String> {
	let parsed = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
	match parsed {
		Some((part, of)) if (1..=of).contains(&part) => Ok((part, of)),
		_ => Err("a part is I/N with I from 1 to N, as 2/8".into()),
	}
}

/// Runs the program.
pub fn main(targets: &[Target]) -> ExitCode {
	match run(targets, &Settings::parse()) {
		Ok(true) => ExitCode::SUCCESS,
		Ok(false) => ExitCode::FAILURE,
		Err(error) => {
			eprintln!("error: {error}");
			ExitCode::FAILURE
		}
	}
}

fn run(targets: &[Target], settings: &Settings) -> io::Result<bool> {
	let known = |name: &String| targets.iter().any(|target| target.name == name);
	if let Some(unknown) = settings.targets.iter().find(|name| !known(name)) {
		let names: Vec<_> = targets.iter().map(|target| target.name).collect();
		return Err(io::Error::other(format!("no target {unknown}; there are {}", names.join(", "))));
	}
	let wanted = |target: &&Target| {
		settings.targets.is_empty() || settings.targets.iter().any(|name| name == target.name)
	};
	let targets: Vec<_> = targets.iter().filter(wanted).collect();
	if let Some(path) = &settings.replay {
		return match targets[..] {
			[target] => replay(target, path),
			_ => Err(io::Error::other("--replay runs on one target: name it")),
		};
	}
	let shares: u32 = targets.iter().map(|target| target.shares).sum();
	let (mut figures, mut good) = (Vec::new(), true);
	for target in targets {
		eprintln!("{}: seed {}, part {}/{}", target.name, settings.seed, settings.part.0, settings.part.1);
		let mut campaign = Campaign::new(target, settings);
		let seconds = settings.seconds * f64::from(target.shares) / f64::from(shares);
		let calls = settings.calls.map(|calls| calls.div_ceil(settings.part.1.into()));
		let failure = campaign.run(seconds, calls)?;
		let mut figure = campaign.figures();
		eprintln!(
			"{}: {} calls in {:.1} s, {:.0} a second, {:.0} % good, {} reached",
			target.name,
			figure["calls"],
			figure["seconds"].as_f64().unwrap_or_default(),
			figure["calls_per_second"].as_f64().unwrap_or_default(),
			100.0 * figure["good_share"].as_f64().unwrap_or_default(),
			figure["reached"],
		);
		if let Some(failure) = failure {
			good = false;
			figure["failure"] = json!(failure.message);
			report(target, settings, &failure)?;
		}
		figures.push(figure);
	}
	if settings.json {
		println!("{}", serde_json::to_string_pretty(&figures)?);
	}
	Ok(good)
}

fn report(target: &Target, settings: &Settings, failure: &Failure) -> io::Result<()> {
	let path = corpus::store(&settings.findings.join(target.name), &failure.input)?;
	eprintln!("{}: FAILED: {}", target.name, failure.message);
	let program = std::env::args().next().unwrap_or_default();
	eprintln!("replay it with: {program} {} --replay {}", target.name, path.display());
	Ok(())
}

fn replay(target: &Target, path: &PathBuf) -> io::Result<bool> {
	let mut trace = Trace::default();
	let outcome = run_once(target, &fs::read(path)?, &mut trace);
	for ((group, name), outcomes) in trace.calls() {
		eprintln!("{group}.{name}: {} good, {} refused", outcomes.good, outcomes.refused);
	}
	match &outcome {
		Ok(()) => eprintln!("{}: passed", target.name),
		Err(message) => eprintln!("{}: FAILED: {message}", target.name),
	}
	Ok(outcome.is_ok())
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn part_is_refused_when_it_is_not_one_of_its_number() {
		assert_eq!(part("2/8"), Ok((2, 8)));
		for text in ["0/8", "9/8", "1", "a/b", ""] {
			assert!(part(text).is_err(), "{text}");
		}
	}

	fn find_seven(input: &[u8], trace: &mut Trace) {
		let at = input.iter().zip(b"seven").take_while(|(a, b)| a == b).count();
		trace.reached(at as u64);
		trace.call("bytes", "matched", at > 0);
		assert!(at < 5, "found");
	}

	#[test]
	fn campaign_finds_and_shrinks_a_failure_when_steps_lead_to_it() {
		let folder = std::env::temp_dir().join(format!("tributary-fuzz-driver-{}", std::process::id()));
		let target = Target { name: "seven", longest: 64, shares: 1, run: find_seven, seeds: Vec::new };
		let mut settings = Settings::parse_from(["fuzz"]);
		settings.corpus = folder.join("corpus");
		settings.findings = folder.join("findings");
		let failure =
			Campaign::new(&target, &settings).run(0.0, Some(5_000_000)).unwrap().expect("it is found");
		assert_eq!(failure.input, b"seven");
		assert!(failure.message.contains("found"));
		fs::remove_dir_all(folder).unwrap();
	}
}
