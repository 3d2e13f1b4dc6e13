//! `tributary`: the command line of contributors, authors, operators and payers.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
	tributary_cli::main_with(std::env::args_os()).await
}
