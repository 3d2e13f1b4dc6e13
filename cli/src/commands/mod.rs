//! One module per noun.

pub mod ablate;
pub mod account;
pub mod agent;
pub mod asset;
pub mod calibrate;
pub mod channel;
pub mod datanet;
pub mod document;
pub mod earnings;
pub mod evaluate;
pub mod factory;
pub mod grant;
pub mod key;
pub mod model;
pub mod private;
pub mod prompt;
pub mod provenance;
mod provenance_check;
mod provenance_gather;
mod provenance_target;
pub mod proxy;
pub mod tool;
pub mod trail;
pub mod train;
pub mod validator;
pub mod verify;
pub mod worker;

use crate::{cli::Command, context::Context, failure::Failure, output::Output};

/// Runs a command.
pub async fn run(context: &Context, command: Command) -> Result<Output, Failure> {
	match command {
		Command::Key(command) => command.run(context),
		Command::Datanet(command) => command.run(context).await,
		Command::Grant(command) => command.run(context).await,
		Command::Base(command) => command.run(context).await,
		Command::Adapter(command) => command.run(context).await,
		Command::Prompt(command) => command.run(context).await,
		Command::Tool(command) => command.run(context).await,
		Command::Asset(command) => command.run(context).await,
		Command::Train(arguments) => arguments.run(context).await,
		Command::TrainBase(arguments) => arguments.run(context).await,
		Command::Factory(command) => command.run(context).await,
		Command::Evaluate(arguments) => arguments.run(context).await,
		Command::Ablate(arguments) => arguments.run(context).await,
		Command::Ablation(command) => command.run(context).await,
		Command::Agent(command) => command.run(context).await,
		Command::Worker(command) => command.run(context).await,
		Command::Validator(command) => command.run(context).await,
		Command::Deposit(arguments) => arguments.run(context).await,
		Command::Channel(command) => command.run(context).await,
		Command::Proxy(arguments) => arguments.run(context).await,
		Command::Provenance(command) => command.run(context).await,
		Command::Trail(arguments) => arguments.run(context).await,
		Command::Earnings(arguments) => arguments.run(context).await,
		Command::Claim(arguments) => arguments.run(context).await,
		Command::Verify(command) => command.run(context).await,
		Command::Pay(arguments) => arguments.run(context).await,
		Command::Balance(arguments) => arguments.run(context).await,
		Command::Status => account::status(context).await,
	}
}
