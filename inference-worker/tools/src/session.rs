//! One connection to a server, from greeting to end.

use crate::{
	http,
	listing::{Listing, Tool},
	process::{self, Lines, Process},
	CallId, Limits, ToolError, Transport, MAX_TOOLS,
};
use rmcp::{
	model::{
		CallToolRequestParams, CallToolResponse, ClientCapabilities, ClientConfig, ClientRequest,
		Implementation, JsonObject, ListToolsRequest, PaginatedRequestParams, RequestMetaObject,
		ServerResult,
	},
	service::{ClientInitializeError, NotificationContext, RunningService, ServiceError},
	ClientHandler, RoleClient, ServiceExt,
};
use serde_json::Value;
use std::sync::{
	atomic::{AtomicBool, AtomicU64, Ordering},
	Arc,
};
use tokio::time::timeout;

/// Where a call's id is in the request's `_meta`.
const ID_MEMBER: &str = "tributary/idempotencyKey";

/// Hears what a server says unasked. It can neither ask for text of the model nor for input of a person.
struct Listener {
	/// Whether the tool list may be another.
	stale: Arc<AtomicBool>,
}

impl ClientHandler for Listener {
	fn get_info(&self) -> ClientConfig {
		let ours = Implementation::new("tributary", env!("CARGO_PKG_VERSION"));
		ClientConfig::new(ClientCapabilities::default(), ours)
	}

	async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
		self.stale.store(true, Ordering::Relaxed);
	}
}

/// A connection.
pub struct Session {
	server: String,
	running: RunningService<RoleClient, Listener>,
	process: Option<Process>,
	stale: Arc<AtomicBool>,
	oversized: Arc<AtomicU64>,
}

impl Session {
	/// Starts or reaches the server and greets it.
	pub async fn open(transport: &Transport, limits: &Limits) -> Result<Self, ToolError> {
		let server = transport.to_string();
		let (stale, oversized) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
		let listener = Listener { stale: stale.clone() };
		let unreachable = |problem: String| ToolError::Unreachable { server: server.clone(), problem };
		let (greeting, process) = match transport {
			Transport::Stdio { command, args, env } => {
				let (process, stdout, stdin) = process::start(command, args, env)?;
				let stdout = Lines::new(stdout, limits.message_bytes(), oversized.clone());
				(timeout(limits.connect, listener.serve((stdout, stdin))).await, Some(process))
			}
			Transport::Http { url, token } => {
				let client = http::connect(url, token.as_deref(), limits.message_bytes(), oversized.clone())
					.map_err(|error| unreachable(error.to_string()))?;
				(timeout(limits.connect, listener.serve(client)).await, None)
			}
		};
		let running = greeting
			.map_err(|_| unreachable(format!("no greeting within {} s", limits.connect.as_secs_f32())))?
			.map_err(|error| match error {
				ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::TransportError { .. } => {
					let words = process.as_ref().and_then(Process::last_words);
					unreachable(words.unwrap_or_else(|| error.to_string()))
				}
				error => ToolError::Protocol { server: server.clone(), problem: error.to_string() },
			})?;
		Ok(Self { server, running, process, stale, oversized })
	}

	/// Whether the server is still there, as far as is known.
	pub fn is_alive(&self) -> bool {
		!self.running.peer().is_transport_closed()
	}

	/// Whether the server said that its list changed since this was asked last.
	pub fn take_stale(&self) -> bool {
		self.stale.swap(false, Ordering::Relaxed)
	}

	/// Ends the process, if it is one.
	pub fn kill(&self) {
		if let Some(process) = &self.process {
			process.kill();
		}
	}

	/// Reads the tool list, all pages.
	pub async fn list(&self, limits: &Limits) -> Result<Listing, ToolError> {
		let pages = timeout(limits.connect, self.pages()).await;
		let tools = pages.map_err(|_| {
			self.unreachable(format!("no tool list within {} s", limits.connect.as_secs_f32()))
		})??;
		let info = self.running.peer().peer_info().and_then(|info| info.server_info.clone());
		let identity = info.map(|info| format!("{} {}", info.name, info.version)).unwrap_or_default();
		Listing::of(identity.trim().to_owned(), tools)
	}

	async fn pages(&self) -> Result<Vec<Tool>, ToolError> {
		let (mut tools, mut cursor) = (Vec::new(), None);
		// Each page must bring a tool, so that there are no more pages than tools.
		while tools.len() <= MAX_TOOLS {
			let params = PaginatedRequestParams::default().with_cursor(cursor);
			// Asked directly: the library would answer from a cache whose lifetime the server sets.
			let request = ClientRequest::ListToolsRequest(ListToolsRequest::with_param(params));
			let page = match self.running.peer().send_request(request).await {
				Ok(ServerResult::ListToolsResult(page)) => page,
				Ok(_) => return Err(self.protocol("its answer to tools/list is none".into())),
				Err(ServiceError::McpError(error)) => return Err(self.protocol(error.message.into_owned())),
				Err(_) if self.oversized.load(Ordering::Relaxed) > 0 => {
					return Err(ToolError::List("a page of it is too large".into()))
				}
				Err(error) => return Err(self.unreachable(error.to_string())),
			};
			if page.tools.is_empty() && page.next_cursor.is_some() {
				return Err(ToolError::List("a page of it is empty".into()));
			}
			tools.extend(page.tools.into_iter().map(|tool| Tool {
				name: tool.name.into_owned(),
				description: tool.description.unwrap_or_default().into_owned(),
				input: Value::Object((*tool.input_schema).clone()),
				output: tool.output_schema.map(|schema| Value::Object((*schema).clone())),
			}));
			cursor = page.next_cursor;
			if cursor.is_none() {
				break;
			}
		}
		Ok(tools)
	}

	/// One attempt of a call. Dropping it tells the server that nobody waits any more.
	pub async fn call(
		&self,
		tool: &str,
		arguments: JsonObject,
		id: &CallId,
		limits: &Limits,
	) -> Result<Value, ToolError> {
		let before = self.oversized.load(Ordering::Relaxed);
		let mut params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
		let mut meta = RequestMetaObject::new();
		meta.insert(ID_MEMBER.into(), id.0.clone().into());
		params.meta = Some(meta);
		let named = || tool.to_owned();
		match self.running.peer().call_tool_once(params).await {
			Ok(CallToolResponse::Complete(result)) => {
				serde_json::to_value(result).map_err(|error| self.protocol(error.to_string()))
			}
			Ok(_) => Err(ToolError::Refused { tool: named(), problem: "it asks for more input".into() }),
			Err(ServiceError::McpError(error)) => {
				let problem = error.message.chars().take(500).collect();
				Err(ToolError::Refused { tool: named(), problem })
			}
			Err(ServiceError::UnexpectedResponse) => {
				Err(self.protocol(format!("its answer to `{tool}` is no result")))
			}
			Err(_) if self.oversized.load(Ordering::Relaxed) > before => {
				Err(ToolError::TooLarge { tool: named(), limit: limits.answer_bytes })
			}
			Err(error) => Err(self.unreachable(error.to_string())),
		}
	}

	fn unreachable(&self, problem: String) -> ToolError {
		let words = self.process.as_ref().and_then(Process::last_words);
		let problem = words.map_or(problem.clone(), |words| format!("{problem}; it wrote: {words}"));
		ToolError::Unreachable { server: self.server.clone(), problem }
	}

	fn protocol(&self, problem: String) -> ToolError {
		ToolError::Protocol { server: self.server.clone(), problem: problem.chars().take(500).collect() }
	}
}
