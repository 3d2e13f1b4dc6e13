//! Trains from a JSON configuration file, for use without the `tributary` command.

use std::{path::Path, process::ExitCode};

use serde::de::DeserializeOwned;
use tributary_factory::{train_adapter, train_base, Console, FactoryError, Report};

const USAGE: &str = "usage: tributary-train base|adapter CONFIG.json

Trains a base model or a LoRA adapter. The configuration has the fields of BaseConfig or AdapterConfig
(see the documentation of tributary-factory); models/tributary-3m.json is an example. Paths are relative
to the current folder. A killed run goes on when the same command is given again.";

fn main() -> ExitCode {
	let arguments: Vec<String> = std::env::args().skip(1).collect();
	let report = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
		["base", path] => {
			read(Path::new(path)).and_then(|config| result(train_base(&config, &mut Console::new())))
		}
		["adapter", path] => {
			read(Path::new(path)).and_then(|config| result(train_adapter(&config, &mut Console::new())))
		}
		["-h" | "--help"] => {
			println!("{USAGE}");
			return ExitCode::SUCCESS;
		}
		_ => Err(USAGE.to_owned()),
	};
	match report {
		Ok(report) => {
			println!(
				"held-out loss {:.4} -> {:.4}, perplexity {:.2} -> {:.2}; {} steps, {} tokens, {:.0} s; configuration {}",
				report.loss_before,
				report.loss_after,
				report.perplexity_before,
				report.perplexity_after,
				report.steps,
				report.tokens,
				report.seconds,
				report.configuration_hash,
			);
			ExitCode::SUCCESS
		}
		Err(message) => {
			eprintln!("{message}");
			ExitCode::FAILURE
		}
	}
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
	let text = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
	serde_json::from_slice(&text)
		.map_err(|error| format!("{} is no valid configuration: {error}", path.display()))
}

fn result(report: Result<Report, FactoryError>) -> Result<Report, String> {
	report.map_err(|error| error.to_string())
}
