//! `tributary-bench`: measurements of the engine and the suffix index.

mod spans;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Parser)]
#[command(about, version)]
struct Arguments {
	#[command(subcommand)]
	measurement: Measurement,
}

#[derive(Subcommand)]
enum Measurement {
	/// Build rate and query time of the suffix index.
	Spans {
		/// Tokens to index.
		#[arg(long, default_value_t = 10_000_000)]
		tokens: usize,
		/// Index the text files of this folder instead of generated text.
		#[arg(long)]
		folder: Option<PathBuf>,
		/// Where to write the report as JSON as well.
		#[arg(long)]
		json: Option<PathBuf>,
	},
}

fn main() -> Result<()> {
	match Arguments::parse().measurement {
		Measurement::Spans { tokens, folder, json } => {
			report(&spans::measure(tokens, folder.as_deref())?, json.as_deref())
		}
	}
}

/// Prints a report, and writes it to a file if one is named.
fn report(report: &impl Serialize, file: Option<&Path>) -> Result<()> {
	let text = serde_json::to_string_pretty(report)?;
	println!("{text}");
	match file {
		Some(file) => std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display())),
		None => Ok(()),
	}
}
