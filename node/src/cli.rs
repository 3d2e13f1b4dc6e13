// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! Command line.

use crate::sealing::Sealing;
use polkadot_sdk::sc_cli;

/// The node's arguments.
#[derive(Debug, clap::Parser)]
pub struct Cli {
	/// What to do instead of running a node.
	#[command(subcommand)]
	pub subcommand: Option<Subcommand>,

	/// How blocks are made.
	///
	/// `none`: by Aura, finalised by GRANDPA; the default, except with --dev.
	/// `instant`: as soon as a transaction arrives, no empty blocks; the default with --dev.
	/// `interval=MS`: every MS milliseconds, also without transactions, so that windows and delays pass.
	/// `instant+MS`: both.
	///
	/// Mortal transactions live for some 32 to 64 blocks, so an interval of less than 500 leaves clients
	/// little time.
	///
	/// All but `none` are for development: one node makes all blocks, signs none, and each is final at once.
	/// A block advances the chain's clock by one slot. `engine_createBlock` makes further blocks by RPC. The
	/// transaction pool is then the single-state one, whatever --pool-type says.
	#[arg(long, value_name = "MODE", verbatim_doc_comment)]
	pub sealing: Option<Sealing>,

	/// Options of a running node.
	#[clap(flatten)]
	pub run: sc_cli::RunCmd,
}

impl Cli {
	/// How blocks are made, by the flags.
	pub fn sealing(&self) -> Sealing {
		let default = if self.run.shared_params.dev { Sealing::INSTANT } else { Sealing::None };
		self.sealing.unwrap_or(default)
	}
}

/// Subcommands.
#[derive(Debug, clap::Subcommand)]
// Parsed once; boxing would only obscure it.
#[allow(clippy::large_enum_variant)]
pub enum Subcommand {
	/// Key management utilities.
	#[command(subcommand)]
	Key(sc_cli::KeySubcommand),

	/// Build a chain specification (superseded by export-chain-spec).
	BuildSpec(sc_cli::BuildSpecCmd),

	/// Export a chain specification: `--chain dev` or `local`, plain or `--raw`.
	ExportChainSpec(sc_cli::ExportChainSpecCmd),

	/// Validate blocks.
	CheckBlock(sc_cli::CheckBlockCmd),

	/// Export blocks.
	ExportBlocks(sc_cli::ExportBlocksCmd),

	/// Export the state of a given block into a chain specification.
	ExportState(sc_cli::ExportStateCmd),

	/// Import blocks.
	ImportBlocks(sc_cli::ImportBlocksCmd),

	/// Remove the whole chain.
	PurgeChain(sc_cli::PurgeChainCmd),

	/// Revert the chain to a previous state.
	Revert(sc_cli::RevertCmd),

	/// Database meta columns information.
	ChainInfo(sc_cli::ChainInfoCmd),
}
