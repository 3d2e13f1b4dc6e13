//! `tributary-worker`: serves agents over OpenAI's API, records every answer, settles on chain.

use anyhow::{bail, Context, Result};
use clap::{Args, Parser, Subcommand};
use std::{io::IsTerminal, path::PathBuf, process::ExitCode};
use tracing_subscriber::EnvFilter;
use tributary_worker::{
	access, config,
	config::Config,
	quantize::{self, QuantizeArgs},
	run,
};

const HELP: &str = "\
Getting started:
  1. tributary-worker init            writes worker.toml, every setting explained
  2. edit it: operator, service key, node, content store, model
  3. tributary worker register ...    bonds the operator and registers the service key
  4. tributary-worker check           says what is missing
  5. tributary-worker                 serves

Payers use any OpenAI client through `tributary proxy`.
HTTP: /v1/chat/completions /v1/completions /v1/embeddings /v1/models /v1/quote?model=
      /v1/channel/{payer} /v1/trail/{id} /v1/trail/{id}/evidence /v1/batches/{sequence} /factory /health /metrics

      for the operator: /v1/load_lora_adapter /v1/unload_lora_adapter /v1/lora_adapters

Environment: TRIBUTARY_SERVICE_URI, TRIBUTARY_KEY_PASSWORD (secrets win over the file),
             TRIBUTARY_OPERATOR_TOKEN, RUST_LOG (for example tributary_worker=debug), AWS_* for a store on S3.";

/// Serves agents over OpenAI's API, records every answer, settles on chain.
#[derive(Parser)]
#[command(name = "tributary-worker", version, about, after_help = HELP)]
struct Cli {
	/// Configuration file.
	#[arg(long, short, global = true, default_value = "worker.toml", env = "TRIBUTARY_WORKER_CONFIG")]
	config: PathBuf,
	/// Log as JSON lines.
	#[arg(long, global = true)]
	log_json: bool,
	#[command(subcommand)]
	command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
	/// Serve (the default). Ends on SIGTERM when running answers have ended.
	Run,
	/// Check configuration, keys, chain, registration and model; exit code 1 when something is missing.
	Check,
	/// Say on chain whom the keys of private DataNets are encrypted to for this worker.
	Announce,
	/// Ask for a grant to retrieve from a private DataNet; its price is held until the DataNet's owner decides.
	Request(RequestArgs),
	/// Write a configuration with every setting explained.
	Init(InitArgs),
	/// Write a model folder with its weights in 8 or 4 bits, and measure what that costs.
	Quantize(QuantizeArgs),
}

#[derive(Args)]
struct RequestArgs {
	/// The DataNet.
	datanet: u32,
	/// Most that it may cost, TRB [default: the price now].
	#[arg(long, value_name = "TRB", value_parser = amount)]
	at_most: Option<u128>,
}

fn amount(text: &str) -> Result<u128, String> {
	tributary_client::money::parse_trb(text)
		.ok_or_else(|| format!("`{text}` is no amount: give TRB, such as 0.25"))
}

#[derive(Args)]
struct InitArgs {
	/// Print it instead.
	#[arg(long)]
	print: bool,
	/// Overwrite an existing file.
	#[arg(long)]
	force: bool,
}

fn main() -> ExitCode {
	let cli = Cli::parse();
	log(cli.log_json);
	match execute(cli) {
		Ok(()) => ExitCode::SUCCESS,
		Err(error) => {
			eprintln!("error: {error:#}");
			ExitCode::FAILURE
		}
	}
}

fn execute(cli: Cli) -> Result<()> {
	match cli.command.unwrap_or(Command::Run) {
		Command::Init(args) => init(&cli.config, &args),
		Command::Quantize(args) => quantize::run(&args),
		Command::Announce => runtime()?.block_on(access::announce(&Config::load(&cli.config)?)),
		Command::Request(args) => {
			runtime()?.block_on(access::request(&Config::load(&cli.config)?, args.datanet, args.at_most))
		}
		Command::Check => runtime()?.block_on(run::check(Config::load(&cli.config)?)),
		Command::Run => runtime()?.block_on(run::run(Config::load(&cli.config)?)),
	}
}

fn runtime() -> Result<tokio::runtime::Runtime> {
	tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")
}

fn log(json: bool) {
	let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
	let builder = tracing_subscriber::fmt()
		.with_env_filter(filter)
		.with_writer(std::io::stderr)
		.with_ansi(std::io::stderr().is_terminal());
	if json {
		builder.json().init();
	} else {
		builder.init();
	}
}

fn init(path: &std::path::Path, args: &InitArgs) -> Result<()> {
	if args.print {
		print!("{}", config::EXAMPLE);
		return Ok(());
	}
	if path.exists() && !args.force {
		bail!("{} exists: name another with --config, or overwrite it with --force", path.display());
	}
	std::fs::write(path, config::EXAMPLE).with_context(|| format!("cannot write {}", path.display()))?;
	println!("wrote {}: edit it, then run `tributary-worker check`", path.display());
	Ok(())
}
