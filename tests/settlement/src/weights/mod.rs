// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! What each call of this project's pallets is declared to take, against the time that a block full of it takes.
//!
//! Blocks are built and executed by the compiled wasm runtime, as a node does it, over a state in memory. Declared
//! weights also count what a disk would take: the weight of storage accesses.

mod calls;
mod chain;
mod coverage;

use calls::Scenario;
use chain::{Chain, Transaction};
use polkadot_sdk::{frame_support::dispatch::DispatchClass, frame_system};
use serde_json::{json, Value};
use std::{error::Error, fs, path::PathBuf};
use tributary_runtime::Runtime;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Declared against measured time of full blocks, by call.
#[derive(clap::Args)]
pub struct Arguments {
	/// Where the figures go; printed as a table only when absent.
	#[arg(long, value_name = "FILE")]
	json: Option<PathBuf>,
	/// Compiled runtime instead of the one built in.
	#[arg(long, value_name = "FILE")]
	runtime: Option<PathBuf>,
	/// Transactions of a block at most.
	#[arg(long, value_name = "NUMBER", default_value_t = u32::MAX)]
	most: u32,
	/// Executions of each block; the fastest counts.
	#[arg(long, value_name = "NUMBER", default_value_t = 3)]
	repeat: u32,
	/// Only calls whose name contains this, for example `workers`.
	#[arg(long, value_name = "TEXT", default_value = "")]
	only: String,
}

/// One call's figures, microseconds.
struct Row {
	call: String,
	transactions: u32,
	declared_us: f64,
	measured_us: f64,
	block_declared_ms: f64,
	block_measured_ms: f64,
}

/// Prints the table.
pub fn run(arguments: Arguments) -> Result<()> {
	let code = match &arguments.runtime {
		Some(path) => fs::read(path)?,
		None => tributary_runtime::WASM_BINARY
			.ok_or("this was built without a wasm runtime: build it without SKIP_WASM_BUILD, or name one with --runtime")?
			.to_vec(),
	};
	let scenarios = calls::all();
	coverage::check(&scenarios)?;
	println!(
		"| call | transactions in a block | declared each (µs) | measured each (µs) | measured / declared |"
	);
	println!("|---|---:|---:|---:|---:|");
	let mut rows = Vec::new();
	for scenario in scenarios.into_iter().filter(|scenario| scenario.name.contains(&arguments.only)) {
		let row = measure(&code, scenario, &arguments)?;
		println!(
			"| {} | {} | {:.0} | {:.0} | {:.2} |",
			row.call,
			row.transactions,
			row.declared_us,
			row.measured_us,
			row.block_measured_ms / row.block_declared_ms
		);
		rows.push(row);
	}
	if let Some(path) = arguments.json {
		let rows: Vec<Value> = rows.iter().map(figures).collect();
		fs::write(path, serde_json::to_string_pretty(&json!({ "weights": rows }))?)?;
	}
	Ok(())
}

fn figures(row: &Row) -> Value {
	json!({
		"call": row.call,
		"transactions": row.transactions,
		"declared_us": row.declared_us,
		"measured_us": row.measured_us,
		"block_declared_ms": row.block_declared_ms,
		"block_measured_ms": row.block_measured_ms,
	})
}

/// Transactions like this one that fit into what a block has for ordinary ones, by weight and by length. There is
/// more for operational ones, but then what every block costs comes off it.
fn fitting(transaction: &Transaction) -> Result<u32> {
	let weights = <Runtime as frame_system::Config>::BlockWeights::get();
	let class = weights.get(DispatchClass::Normal);
	let room = class.max_total.ok_or("ordinary transactions are limited")?.saturating_sub(weights.base_block);
	let by_weight = room.ref_time() / declared(transaction).max(1);
	let bytes = *<Runtime as frame_system::Config>::BlockLength::get().max.get(DispatchClass::Normal);
	let by_length = u64::from(bytes) / transaction.length() as u64;
	Ok(u32::try_from(by_weight.min(by_length))?.max(1))
}

/// Declared time of a transaction, picoseconds.
fn declared(transaction: &Transaction) -> u64 {
	let weights = <Runtime as frame_system::Config>::BlockWeights::get();
	let base = weights.get(DispatchClass::Normal).base_extrinsic;
	transaction.weight().saturating_add(base).ref_time()
}

fn measure(code: &[u8], scenario: Scenario, arguments: &Arguments) -> Result<Row> {
	let mut chain = Chain::new(code)?;
	// The first one tells how many fit.
	let prepare = scenario.prepare;
	let count = chain.rehearse(|| fitting(&prepare(1).pop().ok_or("no call")?))?.min(arguments.most);
	let transactions = chain.set_up(|| prepare(count))?;
	let count = u32::try_from(transactions.len())?;
	let each = declared(transactions.first().ok_or("no call")?);
	let block = chain.build(transactions)?;
	let best = (0..arguments.repeat.max(1))
		.map(|_| chain.execute(&block))
		.collect::<Result<Vec<_>>>()?
		.into_iter()
		.min()
		.ok_or("at least one execution")?;
	let base = <Runtime as frame_system::Config>::BlockWeights::get().base_block.ref_time();
	let block_declared_ms = (base + each * u64::from(count)) as f64 / 1e9;
	let block_measured_ms = best.as_secs_f64() * 1e3;
	Ok(Row {
		call: scenario.name.into(),
		transactions: count,
		declared_us: each as f64 / 1e6,
		measured_us: block_measured_ms * 1e3 / f64::from(count),
		block_declared_ms,
		block_measured_ms,
	})
}
