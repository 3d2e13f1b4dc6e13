//! MCP client: an agent's tools, called within limits of time and size. Knows no chain.
//!
//! A [`Server`] is a child process that speaks over its standard streams, or an HTTP address. Its tool list is
//! read when it is connected, bounded and hashed ([`Listing`]); from then on the server is held to it. A server
//! that offers another list later is not called any more: what was priced and looked at is what runs.
//!
//! Nothing that a server sends can hurt more than its own call: answers are cut off while they are read, a call has
//! one deadline for all its attempts, and processes are killed with everything they started.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod answer;
mod canonical;
mod error;
mod http;
mod limits;
mod listing;
mod process;
mod schema;
mod server;
mod session;

pub use answer::{Answer, CallId};
pub use canonical::{canonical, hash};
pub use error::ToolError;
pub use limits::{Limits, MAX_ANSWER_BYTES};
pub use listing::{Listing, Tool, MAX_DESCRIPTION, MAX_LIST, MAX_NAME, MAX_SCHEMA, MAX_TOOLS};
pub use schema::conforms;
pub use server::Server;

use std::{collections::BTreeMap, fmt};

/// BLAKE3 of something.
pub type Hash = [u8; 32];

/// Where a server is.
#[derive(Clone, PartialEq, Eq)]
pub enum Transport {
	/// A process of this machine that speaks over its standard streams.
	Stdio {
		/// The program: a path, or a name on the path.
		command: String,
		/// Its arguments.
		args: Vec<String>,
		/// Its environment, beside the few variables that every program needs.
		env: BTreeMap<String, String>,
	},
	/// Streamable HTTP.
	Http {
		/// Its address.
		url: String,
		/// Bearer token.
		token: Option<String>,
	},
}

impl fmt::Display for Transport {
	/// Without arguments, environment and token: these may be secrets, and payers read why a tool is missing.
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Stdio { command, .. } => write!(f, "`{command}`"),
			Self::Http { url, .. } => write!(f, "{url}"),
		}
	}
}

impl fmt::Debug for Transport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "Transport({self})")
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn transport_shows_no_secret_when_it_is_printed() {
		let env = BTreeMap::from([("KEY".to_owned(), "hush".to_owned())]);
		let args = vec!["--key".to_owned(), "hush".to_owned()];
		let url = "https://tools.example.org/mcp".to_owned();
		for (transport, place) in [
			(Transport::Stdio { command: "rivers".into(), args, env }, "rivers"),
			(Transport::Http { url: url.clone(), token: Some("hush".into()) }, url.as_str()),
		] {
			let shown = format!("{transport} {transport:?}");
			assert!(shown.contains(place) && !shown.contains("hush"), "{shown}");
		}
	}
}
