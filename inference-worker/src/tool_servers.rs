//! The servers behind the agents' tools: connected in the background, compared with what is on chain, looked after.

use crate::config;
use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex, PoisonError},
	time::Duration,
};
use tokio::task::JoinHandle;
use tributary_primitives::{views::ToolView, AssetRef};
use tributary_tools::{Server, ToolError, Transport};

/// Between two looks at a server that is there.
const CHECK: Duration = Duration::from_secs(5);
/// First pause after a failure; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// What is known of a server: it, or why it is not there.
type Status = Arc<Mutex<Result<Arc<Server>, String>>>;

/// All servers in use.
pub struct ToolServers {
	settings: config::Tools,
	known: BTreeMap<AssetRef, Watched>,
}

/// A server that is looked after until this is dropped.
struct Watched {
	status: Status,
	task: JoinHandle<()>,
}

impl Drop for Watched {
	fn drop(&mut self) {
		self.task.abort();
	}
}

impl ToolServers {
	/// None yet.
	pub fn new(settings: config::Tools) -> Self {
		Self { settings, known: BTreeMap::new() }
	}

	/// The server of a tool version, as it is now. Does not wait: a server that is new is connected in the
	/// background. The error says why the tool cannot be called.
	pub fn get(&mut self, tool: &ToolView) -> Result<Arc<Server>, String> {
		let watched = match self.known.entry(tool.tool) {
			std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
			std::collections::btree_map::Entry::Vacant(vacant) => {
				let transport = self.settings.transport(&String::from_utf8_lossy(&tool.server))?;
				let status: Status = Arc::new(Mutex::new(Err("its server is being connected".into())));
				let watching = watch(tool.clone(), transport, self.settings.limits(), status.clone());
				vacant.insert(Watched { status, task: tokio::spawn(watching) })
			}
		};
		watched.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
	}

	/// Lets go of tools that no agent uses.
	pub fn retain(&mut self, used: impl Fn(&AssetRef) -> bool) {
		self.known.retain(|tool, _| used(tool));
	}
}

/// Connects a server, and looks after it for good.
async fn watch(tool: ToolView, transport: Transport, limits: tributary_tools::Limits, status: Status) {
	let set = |known: Result<Arc<Server>, String>| {
		*status.lock().unwrap_or_else(PoisonError::into_inner) = known;
	};
	let mut pause = PAUSE;
	loop {
		match Server::connect(transport.clone(), limits).await.map_err(|error| error.to_string()) {
			Ok(server) => match is_registered(&tool, &server) {
				Ok(()) => {
					tracing::info!(tool = tool.tool.asset, server = %transport, "a tool's server is connected");
					let server = Arc::new(server);
					pause = PAUSE;
					// Until its list changes it stays the same server, which connects again by itself.
					loop {
						let found = server.verify().await;
						set(found.as_ref().map(|()| server.clone()).map_err(ToString::to_string));
						if matches!(found, Err(ToolError::ListChanged { .. })) {
							break;
						}
						tokio::time::sleep(CHECK).await;
					}
				}
				Err(problem) => set(Err(problem)),
			},
			Err(problem) => set(Err(problem)),
		}
		tokio::time::sleep(pause).await;
		pause = pause.saturating_mul(2).min(MAX_PAUSE);
	}
}

/// Whether a server is the one that the tool's owner registered.
fn is_registered(tool: &ToolView, server: &Server) -> Result<(), String> {
	let listing = server.listing();
	let identity = String::from_utf8_lossy(&tool.identity);
	if listing.hash != tool.content {
		let [expected, found] = [tool.content, listing.hash].map(hex::encode);
		return Err(ToolError::ListChanged { expected, found }.to_string());
	}
	if listing.identity != identity {
		return Err(format!(
			"its server calls itself `{}`, registered is `{identity}`. The owner registers it as a version.",
			listing.identity
		));
	}
	Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
	use super::*;
	use tributary_primitives::Hash;

	/// A tool on chain.
	pub fn tool(asset: u32, server: &str, identity: &str, content: Hash) -> ToolView {
		ToolView {
			tool: AssetRef { asset, version: 1 },
			name: "echo-tool".into(),
			owner: [1; 32],
			server: server.into(),
			identity: identity.into(),
			content,
			hints: vec![],
			price: 30,
			retired: false,
		}
	}

	/// Settings under which the hostile server of the tests runs as `stdio:echo`.
	pub fn settings(mode: &str, folder: &std::path::Path) -> config::Tools {
		let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/tests/servers/hostile.py");
		let command = ["python3", script.to_str().unwrap(), mode, folder.to_str().unwrap()];
		let stdio = config::StdioServer {
			name: "echo".into(),
			command: command.map(str::to_owned).to_vec(),
			env: BTreeMap::new(),
		};
		config::Tools { stdio: vec![stdio], call_secs: 2, ..config::Tools::default() }
	}

	/// The listing of that server.
	pub async fn listing(settings: &config::Tools) -> tributary_tools::Listing {
		let transport = settings.transport("stdio:echo").unwrap();
		Server::connect(transport, settings.limits()).await.unwrap().listing().clone()
	}

	/// What is known of a tool once it is more than that it is being connected.
	pub async fn settled(servers: &mut ToolServers, tool: &ToolView) -> Result<Arc<Server>, String> {
		loop {
			match servers.get(tool) {
				Err(reason) if reason.contains("being connected") => {
					tokio::time::sleep(Duration::from_millis(20)).await;
				}
				found => return found,
			}
		}
	}

	#[tokio::test]
	async fn tool_is_there_when_its_server_is_what_is_registered() {
		let folder = tempfile::tempdir().unwrap();
		let settings = settings("behaves", folder.path());
		let listing = listing(&settings).await;
		let mut servers = ToolServers::new(settings);
		let right = tool(5, "stdio:echo", &listing.identity, listing.hash);
		assert!(settled(&mut servers, &right).await.is_ok());
		let other_list = tool(6, "stdio:echo", &listing.identity, [7; 32]);
		assert!(settled(&mut servers, &other_list).await.err().unwrap().contains("tool list changed"));
		let other_name = tool(7, "stdio:echo", "another 1.0", listing.hash);
		assert!(settled(&mut servers, &other_name).await.err().unwrap().contains("calls itself"));
	}

	#[tokio::test]
	async fn tool_is_refused_with_the_reason_when_its_server_is_not_allowed_or_away() {
		let folder = tempfile::tempdir().unwrap();
		let mut servers = ToolServers::new(settings("talks-nonsense", folder.path()));
		let refused = servers.get(&tool(5, "stdio:other", "x", [0; 32])).err().unwrap();
		assert!(refused.contains("[[tools.stdio]]"), "{refused}");
		let refused = servers.get(&tool(6, "https://example.org/mcp", "x", [0; 32])).err().unwrap();
		assert!(refused.contains("tools.allow"), "{refused}");
		let away = settled(&mut servers, &tool(7, "stdio:echo", "x", [0; 32])).await.err().unwrap();
		assert!(away.contains("I am no MCP server"), "{away}");
	}
}
