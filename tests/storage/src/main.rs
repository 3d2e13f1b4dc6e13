//! What the largest item of each kind takes on chain, measured on the real runtime, and what is held for it:
//! `docs/storage.md`. The second table has the bound of every stored item as the runtime declares it.

// The runtime's types are deeply nested.
#![recursion_limit = "256"]

mod calls;
mod measure;

use clap::Parser;
use measure::{bounds, Bound, Row};
use serde_json::json;

/// Sizes and deposits of stored items.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
	/// Print JSON instead of Markdown.
	#[arg(long)]
	json: bool,
}

/// Planck as TRB.
fn trb(planck: u128) -> String {
	format!("{:.5}", planck as f64 / tributary_runtime::constants::TRB as f64)
}

fn main() {
	let (rows, bounds) = (calls::rows(), bounds());
	if Arguments::parse().json {
		let rows: Vec<_> = rows.iter().map(Row::to_json).collect();
		let bounds: Vec<_> = bounds.iter().map(Bound::to_json).collect();
		println!("{:#}", json!({ "items": rows, "bounds": bounds }));
		return;
	}
	println!(
		"| what | stored items | bytes of keys | bytes of values | held, TRB | price of the values, TRB |"
	);
	println!("|---|---|---|---|---|---|");
	for row in &rows {
		let (held, price) = (trb(row.held), trb(row.price()));
		println!("| {} | {} | {} | {} | {held} | {price} |", row.name, row.items, row.keys, row.values);
	}
	println!();
	println!("| stored item | most bytes of one, with its key |");
	println!("|---|---|");
	for bound in &bounds {
		let size = bound.size.map_or("no bound declared".into(), |size| size.to_string());
		println!("| `{}.{}` | {size} |", bound.pallet, bound.item);
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	/// For what no deposit is held beside money that serves something else, and why that is bounded.
	const OTHERWISE_PAID: [&str; 2] = [
		// The stake stays held until it has left; there are at most so many parts of it.
		"stake that is leaving",
		// The least escrow is the deposit; the worker can charge it, and the item stays until the payer closes.
		"channel",
	];

	#[test]
	fn deposit_covers_an_item_and_its_bytes_when_it_is_the_largest() {
		let rows = calls::rows();
		assert!(rows.len() > 15);
		for row in rows.iter().filter(|row| !OTHERWISE_PAID.contains(&row.name)) {
			let (held, price) = (row.held, row.price());
			assert!(held >= price, "{}: {} bytes cost {price}, {held} is held", row.name, row.values);
		}
	}

	#[test]
	fn every_item_of_our_own_has_a_bound_when_it_is_stored() {
		let unbounded: Vec<_> = bounds().into_iter().filter(|bound| bound.size.is_none()).collect();
		assert!(unbounded.is_empty(), "{unbounded:?}");
	}
}
