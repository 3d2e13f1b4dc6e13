// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! The Tributary node.

// The large errors are `sc_cli::Error`, the SDK's.
#![allow(clippy::result_large_err)]

mod chain_spec;
mod cli;
mod command;
mod equivocations;
mod rpc;
mod sealing;
mod service;

fn main() -> polkadot_sdk::sc_cli::Result<()> {
	command::run()
}
