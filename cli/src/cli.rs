//! The command tree.

use crate::{commands::*, failure::EXIT_CODES};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Tributary: AI answers that pay the people behind them.
#[derive(Debug, Parser)]
#[command(name = "tributary", version, about, after_help = EXIT_CODES, arg_required_else_help = true)]
pub struct Cli {
	/// Options of every command.
	#[command(flatten)]
	pub global: Global,
	/// What to do.
	#[command(subcommand)]
	pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
	/// Nodes to ask, the first that answers is used.
	#[arg(long, global = true, env = "TRIBUTARY_NODE", value_name = "URL", value_delimiter = ',',
		default_value = tributary_client::chain::DEFAULT_NODE)]
	pub node: Vec<String>,
	/// Content store: a folder, s3://bucket/prefix or http(s)://host/path [default: HOME/store].
	#[arg(long, global = true, env = "TRIBUTARY_STORE", value_name = "PLACE")]
	pub store: Option<String>,
	/// Key to sign with: its name, a key file, or a development account (//Alice).
	#[arg(long, global = true, env = "TRIBUTARY_KEY", value_name = "KEY")]
	pub key: Option<String>,
	/// File that holds the key's password.
	#[arg(long, global = true, env = "TRIBUTARY_PASSWORD_FILE", value_name = "FILE")]
	pub password_file: Option<PathBuf>,
	/// The key's password; from the environment only, command lines can be read by others.
	#[arg(skip = std::env::var("TRIBUTARY_PASSWORD").ok())]
	pub password: Option<String>,
	/// Folder of keys, caches and the proxy's ledgers [default: ~/.tributary].
	#[arg(long, global = true, env = "TRIBUTARY_HOME", value_name = "FOLDER")]
	pub home: Option<PathBuf>,
	/// Print JSON instead of text.
	#[arg(long, global = true)]
	pub json: bool,
	/// Wait until transactions are final, not only in a block.
	#[arg(long, global = true)]
	pub finalized: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
	/// Make, import and show keys.
	#[command(subcommand)]
	Key(key::KeyCommand),
	/// DataNets: create, contribute, review, snapshot.
	#[command(subcommand)]
	Datanet(datanet::DatanetCommand),
	/// Grants to use private DataNets: ask, give, refuse, revoke.
	#[command(subcommand)]
	Grant(grant::GrantCommand),
	/// Base models: publish and add versions.
	#[command(subcommand)]
	Base(model::BaseCommand),
	/// Adapters: publish, add versions, evaluate.
	#[command(subcommand)]
	Adapter(model::AdapterCommand),
	/// Prompts: publish, fork, add versions.
	#[command(subcommand)]
	Prompt(prompt::PromptCommand),
	/// Tools: MCP servers that agents may call, at a price per call.
	#[command(subcommand)]
	Tool(tool::ToolCommand),
	/// What all assets share: list, show, price, owner, income, documents.
	#[command(subcommand)]
	Asset(asset::AssetCommand),
	/// Train a LoRA adapter on DataNet snapshots.
	Train(train::TrainArguments),
	/// Train a small base model from scratch.
	TrainBase(train::TrainBaseArguments),
	/// Recipes: run them, and see how far they are.
	#[command(subcommand)]
	Factory(factory::FactoryCommand),
	/// Evaluate an asset on a benchmark DataNet, or compare its versions.
	#[command(args_conflicts_with_subcommands = true)]
	Evaluate(evaluate::EvaluateArguments),
	/// Take parts out of an agent and measure what is lost.
	Ablate(ablate::AblateArguments),
	/// Ablations attached to assets: who would be missed.
	#[command(subcommand)]
	Ablation(ablate::AblationCommand),
	/// Agents: compose, recompose, price, show.
	#[command(subcommand)]
	Agent(agent::AgentCommand),
	/// Operators: register, status, leave.
	#[command(subcommand)]
	Worker(worker::WorkerCommand),
	/// Validators and their stakers: keys, bond, nominate, claim, leave.
	#[command(subcommand)]
	Validator(validator::ValidatorCommand),
	/// Open a channel to a worker, or add to it.
	Deposit(channel::DepositArguments),
	/// Channels: show, close, withdraw, session key.
	#[command(subcommand)]
	Channel(channel::ChannelCommand),
	/// Serve a local OpenAI endpoint that pays a worker for each request.
	Proxy(proxy::ProxyArguments),
	/// Who was paid for an answer and why, or what an asset is made of.
	#[command(args_conflicts_with_subcommands = true)]
	Trail(trail::TrailArguments),
	/// Signed statements of where adapters, data, scores and answers come from.
	#[command(subcommand)]
	Provenance(provenance::ProvenanceCommand),
	/// What an account can claim.
	Earnings(earnings::EarningsArguments),
	/// Claim everything, or one vault or worker's tree.
	Claim(earnings::ClaimArguments),
	/// Recompute what others say they did.
	#[command(subcommand)]
	Verify(verify::VerifyCommand),
	/// Send TRB to an account.
	#[command(alias = "transfer")]
	Pay(account::PayArguments),
	/// An account's balance.
	Balance(account::BalanceArguments),
	/// The chain: height, parameters, delays.
	Status,
}
