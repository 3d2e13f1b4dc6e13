// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! What settlement costs on the real runtime: declared weight and bytes of batches and claims, and the
//! time that sum trees take on this machine. `scripts/bench.sh` merges the JSON with the other figures.

mod weights;

use clap::Parser;
use codec::Encode;
use polkadot_sdk::{
	frame_support::dispatch::GetDispatchInfo,
	sp_runtime::{generic::Era, AccountId32, MultiSignature},
};
use serde_json::{json, Value};
use std::{fs, hint::black_box, path::PathBuf, time::Instant};
use tributary_primitives::{
	batch::{AgentUsage, BatchHeader, ChannelCharge},
	earnings::EarningsTree,
	limits::MAX_RECORDS_PER_BATCH,
	merkle_sum::{self, SumNode},
	AssetRef, Earner, Served, TRB,
};
use tributary_runtime::RuntimeCall;

/// Declared cost of settlement, and the time of its proofs.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
	/// Where the figures go; printed only when absent.
	#[arg(long, value_name = "FILE")]
	json: Option<PathBuf>,
	/// Earners in the tree whose proofs are timed.
	#[arg(long, default_value_t = 1 << 17)]
	earners: u32,
	#[command(subcommand)]
	command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
	Weights(weights::Arguments),
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
	let arguments = Arguments::parse();
	if let Some(Command::Weights(arguments)) = arguments.command {
		return weights::run(arguments);
	}
	let figures = json!({
		"settlement": { "64": batch(64, 4, 3)?, "4096": batch(MAX_RECORDS_PER_BATCH, 32, 8)? },
		"claims": claims(arguments.earners)?,
	});
	let text = serde_json::to_string_pretty(&figures)?;
	println!("{text}");
	if let Some(path) = arguments.json {
		fs::write(path, text)?;
	}
	Ok(())
}

/// Bytes of a signed extrinsic around its call: length prefix, version, address, signature, extensions.
fn envelope() -> usize {
	let address = 1 + AccountId32::new([0; 32]).encoded_size();
	let signature = MultiSignature::Sr25519(Default::default()).encoded_size();
	let mortality = Era::mortal(64, 0).encoded_size();
	// Compact nonce (up to 16,383), compact tip of zero and the metadata hash switch.
	let (nonce, tip, metadata) = (2, 1, 1);
	4 + 1 + address + signature + mortality + nonce + tip + metadata
}

/// Cost of one batch. Every channel used two agents, so a charge carries two amounts.
fn batch(records: u32, channels: u32, agents: u32) -> Result<Value, Box<dyn std::error::Error>> {
	let usage = |agent: u32| AgentUsage {
		agent: agent as u8,
		records: records / channels / 2,
		fee: TRB / 7,
		calls: Default::default(),
	};
	let charges: Vec<ChannelCharge> = (0..channels)
		.map(|channel| {
			Ok(ChannelCharge {
				payer: [channel as u8; 32],
				channel: channel.into(),
				cumulative: 17 * TRB,
				expiry: 1_000_000,
				signature: [0; 64],
				usage: vec![usage(channel % agents), usage((channel + 1) % agents)]
					.try_into()
					.map_err(|_| "too many agents")?,
			})
		})
		.collect::<Result<_, &str>>()?;
	let agents: Vec<Served> = (0..agents).map(|asset| AssetRef { asset, version: 1 }.into()).collect();
	let header = BatchHeader {
		sequence: 1,
		records_root: SumNode { hash: [1; 32], sum: TRB },
		records,
		data: [2; 32],
		earnings: SumNode { hash: [3; 32], sum: TRB },
	};
	let call = RuntimeCall::Attribution(pallet_attribution::Call::submit_batch {
		header,
		agents: agents.try_into().map_err(|_| "too many agents")?,
		charges: charges.try_into().map_err(|_| "too many channels")?,
	});
	let info = call.get_dispatch_info();
	let bytes = call.encoded_size() + envelope();
	let per = |total: f64| (total / f64::from(records) * 1_000.0).round() / 1_000.0;
	let weight_us = info.call_weight.ref_time() as f64 / 1e6;
	Ok(json!({
		"records": records,
		"channels": channels,
		"weight_us": weight_us,
		"bytes": bytes,
		"weight_us_per_inference": per(weight_us),
		"bytes_per_inference": per(bytes as f64),
	}))
}

/// Declared weight of a claim, size of its proof, and what building, proving and checking take here.
fn claims(earners: u32) -> Result<Value, Box<dyn std::error::Error>> {
	let worker = [7; 32];
	let mut tree = EarningsTree::default();
	for index in 0..earners {
		let mut account = [0; 32];
		account[..4].copy_from_slice(&index.to_be_bytes());
		tree.credit(Earner::Account(account), u128::from(index) + 1).ok_or("overflow")?;
	}
	let started = Instant::now();
	let root = tree.root(&worker).ok_or("overflow")?;
	let root_ms = started.elapsed().as_secs_f64() * 1e3;
	let leaf = tree.leaves()[earners as usize / 2];
	let started = Instant::now();
	let (leaf, proof) = tree.prove(&worker, &leaf.earner).ok_or("no such earner")?;
	let prove_ms = started.elapsed().as_secs_f64() * 1e3;
	let rounds = 1_000;
	let started = Instant::now();
	for _ in 0..rounds {
		if !black_box(merkle_sum::verify(&root, leaf.node(&worker), black_box(&proof))) {
			return Err("the proof does not verify".into());
		}
	}
	let verify_us = started.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
	let siblings = proof.siblings.len();
	let call = RuntimeCall::Attribution(pallet_attribution::Call::claim_earnings {
		worker: AccountId32::new(worker),
		cumulative: leaf.cumulative,
		proof,
	});
	Ok(json!({
		"earners": earners,
		"siblings": siblings,
		"weight_us": call.get_dispatch_info().call_weight.ref_time() as f64 / 1e6,
		"bytes": call.encoded_size() + envelope(),
		"root_ms": root_ms,
		"prove_ms": prove_ms,
		"verify_us": verify_us,
	}))
}
