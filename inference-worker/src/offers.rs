//! An agent's tools as its model is told of them.

use crate::tools::Tool;
use serde_json::json;
use std::sync::Arc;
use tributary_primitives::{views::ToolView, AssetRef, Balance};
use tributary_tools::Server;

/// Longest name of a function.
const MAX_NAME: usize = 64;

/// A tool of an agent: an MCP server, which may have several functions.
#[derive(Clone)]
pub struct AgentTool {
	/// As on chain.
	pub view: ToolView,
	/// Its server.
	pub server: Arc<Server>,
}

/// A function of a server that the model is offered.
#[derive(Clone)]
pub struct Offer {
	/// As the model knows it.
	pub tool: Tool,
	/// The tool version that is paid.
	pub asset: AssetRef,
	/// What a call costs, planck.
	pub price: Balance,
	/// Its name at the server.
	pub name: String,
	/// The server.
	pub server: Arc<Server>,
}

/// The functions of those tools that cost no more than can be paid. Names that the request's own tools (`taken`) or
/// another server's have already get the asset's id in front.
pub fn offer(tools: &[AgentTool], taken: &[Tool], can_pay: impl Fn(Balance) -> bool) -> Vec<Offer> {
	let mut offers: Vec<Offer> = Vec::new();
	for AgentTool { view, server } in tools {
		for known in &server.listing().tools {
			let free = |name: &str| {
				!taken.iter().any(|tool| tool.name == name)
					&& !offers.iter().any(|offer| offer.tool.name == name)
			};
			let name = named(&known.name, view.tool.asset, free);
			let definition = json!({ "type": "function", "function": {
				"name": name, "description": known.description, "parameters": known.input,
			} });
			offers.push(Offer {
				tool: Tool { name, strict: true, parameters: known.input.clone(), definition },
				asset: view.tool,
				price: view.price,
				name: known.name.clone(),
				server: server.clone(),
			});
		}
	}
	// Left out last, so that names do not depend on what is left of the fee.
	offers.retain(|offer| can_pay(offer.price));
	offers
}

/// A name of the letters that functions may have, which nobody else has.
fn named(name: &str, asset: u32, free: impl Fn(&str) -> bool) -> String {
	let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
	let plain: String = name.chars().map(|letter| if is_plain(&letter) { letter } else { '_' }).collect();
	let long = std::iter::once(plain.clone())
		.chain(std::iter::once(format!("tool{asset}_{plain}")))
		.chain((2..).map(|number: u32| format!("tool{asset}_{number}_{plain}")))
		.map(|name| name.chars().take(MAX_NAME).collect::<String>());
	// Numbers make the beginnings differ, so that one is free.
	long.into_iter().find(|name| free(name)).unwrap_or(plain)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn name_has_the_assets_id_in_front_when_another_has_it() {
		assert_eq!(named("echo", 5, |_| true), "echo");
		assert_eq!(named("files/read.all", 5, |_| true), "files_read_all");
		assert_eq!(named("echo", 5, |name| name != "echo"), "tool5_echo");
		assert_eq!(named("echo", 5, |name| !["echo", "tool5_echo"].contains(&name)), "tool5_2_echo");
		let long = named(&"x".repeat(64), 5, |name| name.starts_with("tool5_2"));
		assert!(long.len() == 64 && long.starts_with("tool5_2_x"));
	}
}
