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

use std::collections::BTreeMap;

/// BLAKE3 of something.
pub type Hash = [u8; 32];

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl std::fmt::Display for Transport {
	/// Without environment and token: these may be secrets.
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		match self {
			Self::Stdio { command, args, .. } => {
				write!(f, "`{command}")?;
				args.iter().try_for_each(|arg| write!(f, " {arg}"))?;
				write!(f, "`")
			}
			Self::Http { url, .. } => write!(f, "{url}"),
		}
	}
}
