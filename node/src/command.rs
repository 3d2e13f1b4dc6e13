// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! Runs what the command line asks for.

use crate::{
	chain_spec,
	cli::{Cli, Subcommand},
	sealing::Sealing,
	service,
};
use polkadot_sdk::{
	sc_cli::{self, SubstrateCli, TransactionPoolType},
	sc_consensus_grandpa,
	sc_network::{config::NetworkBackendType, Litep2pNetworkBackend, NetworkWorker},
	sc_service::{self, PartialComponents},
};
use tributary_runtime::opaque::Block;

impl SubstrateCli for Cli {
	fn impl_name() -> String {
		"Tributary Node".into()
	}

	fn impl_version() -> String {
		env!("SUBSTRATE_CLI_IMPL_VERSION").into()
	}

	fn description() -> String {
		env!("CARGO_PKG_DESCRIPTION").into()
	}

	fn author() -> String {
		"Tributary".into()
	}

	fn support_url() -> String {
		concat!(env!("CARGO_PKG_REPOSITORY"), "/issues").into()
	}

	fn copyright_start_year() -> i32 {
		2026
	}

	fn load_spec(&self, id: &str) -> Result<Box<dyn sc_service::ChainSpec>, String> {
		Ok(match id {
			"dev" | "development" => Box::new(chain_spec::development()?),
			"local" => Box::new(chain_spec::local()?),
			"network" => Box::new(chain_spec::network()?),
			"" => {
				return Err(
					"no chain chosen: give --dev, --chain local or network, or --chain with the path of a \
				            chain specification file"
						.into(),
				)
			}
			path => Box::new(chain_spec::ChainSpec::from_json_file(path.into()).map_err(|error| {
				format!("`{path}` is neither dev, local or network nor a chain specification file: {error}")
			})?),
		})
	}
}

/// Parses the command line and runs it.
pub fn run() -> sc_cli::Result<()> {
	let cli = Cli::from_args();
	match &cli.subcommand {
		None => run_node(cli),
		Some(Subcommand::Key(command)) => command.run(&cli),
		#[allow(deprecated)] // Kept while users know it: export-chain-spec is its successor.
		Some(Subcommand::BuildSpec(command)) => {
			let runner = cli.create_runner(command)?;
			runner.sync_run(|config| command.run(config.chain_spec, config.network))
		}
		Some(Subcommand::ExportChainSpec(command)) => command.run(cli.load_spec(&command.chain)?),
		Some(Subcommand::CheckBlock(command)) => {
			let runner = cli.create_runner(command)?;
			runner.async_run(|config| {
				let PartialComponents { client, task_manager, import_queue, .. } = service::parts(&config)?;
				Ok((command.run(client, import_queue), task_manager))
			})
		}
		Some(Subcommand::ExportBlocks(command)) => {
			let runner = cli.create_runner(command)?;
			runner.async_run(|config| {
				let PartialComponents { client, task_manager, .. } = service::parts(&config)?;
				Ok((command.run(client, config.database), task_manager))
			})
		}
		Some(Subcommand::ExportState(command)) => {
			let runner = cli.create_runner(command)?;
			runner.async_run(|config| {
				let PartialComponents { client, task_manager, .. } = service::parts(&config)?;
				Ok((command.run(client, config.chain_spec), task_manager))
			})
		}
		Some(Subcommand::ImportBlocks(command)) => {
			let runner = cli.create_runner(command)?;
			runner.async_run(|config| {
				let PartialComponents { client, task_manager, import_queue, .. } = service::parts(&config)?;
				Ok((command.run(client, import_queue), task_manager))
			})
		}
		Some(Subcommand::PurgeChain(command)) => {
			let runner = cli.create_runner(command)?;
			runner.sync_run(|config| command.run(config.database))
		}
		Some(Subcommand::Revert(command)) => {
			let runner = cli.create_runner(command)?;
			runner.async_run(|config| {
				let PartialComponents { client, task_manager, backend, .. } = service::parts(&config)?;
				let revert_finality = Box::new(|client, _, blocks| {
					sc_consensus_grandpa::revert(client, blocks)?;
					Ok(())
				});
				Ok((command.run(client, backend, Some(revert_finality)), task_manager))
			})
		}
		Some(Subcommand::ChainInfo(command)) => {
			let runner = cli.create_runner(command)?;
			runner.sync_run(|config| command.run::<Block>(&config))
		}
	}
}

fn run_node(mut cli: Cli) -> sc_cli::Result<()> {
	let sealing = cli.sealing();
	if sealing != Sealing::None {
		// The fork-aware pool may keep a transaction that arrives while it takes in a block from the next one, until
		// there is another: with blocks only for transactions, for ever. Without forks the simpler pool is right.
		cli.run.pool_config.pool_type = TransactionPoolType::SingleState;
	}
	let runner = cli.create_runner(&cli.run)?;
	runner.run_node_until_exit(|config| async move {
		let started = match config.network.network_backend {
			NetworkBackendType::Libp2p => service::start::<NetworkWorker<_, _>>(config, sealing),
			NetworkBackendType::Litep2p => service::start::<Litep2pNetworkBackend>(config, sealing),
		};
		started.map_err(sc_cli::Error::Service)
	})
}
