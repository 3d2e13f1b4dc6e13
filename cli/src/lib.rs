//! `tributary`: everything that contributors, authors, operators and payers do.
//!
//! Each command turns its arguments into an [`output::Output`] (a value for `--json`, a text for people) or
//! a [`failure::Failure`] (an exit code and what to do). Only [`main_with`] prints.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

pub mod cli;
mod commands;
pub mod context;
pub mod failure;
mod keystore;
pub mod output;
mod parse;
mod proxy;
mod skills;
#[cfg(test)]
mod tests;
mod texts;
mod trees;

use clap::{error::ErrorKind, Parser};
use cli::Cli;
use context::Context;
use failure::Failure;
use output::Output;
use std::{ffi::OsString, process::ExitCode};

/// Parses arguments, runs the command, prints its result and gives the exit code.
pub async fn main_with(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
	let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
	// A second call in one process (tests) keeps the first subscriber.
	let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
	let cli = match Cli::try_parse_from(arguments) {
		Ok(cli) => cli,
		Err(error) => {
			let shown = error.print();
			let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
			return ExitCode::from(if shown.is_ok() && asked { 0 } else { failure::USAGE });
		}
	};
	let json = cli.global.json;
	match run(cli).await {
		Ok(output) => output.print(json),
		Err(failure) => failure.print(json),
	}
}

/// Runs a parsed command.
pub async fn run(cli: Cli) -> Result<Output, Failure> {
	let context = Context::new(cli.global)?;
	commands::run(&context, cli.command).await
}
