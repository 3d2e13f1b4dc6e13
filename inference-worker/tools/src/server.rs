//! A server that is held to its tool list, connected again when it went away.

use crate::{conforms, hash, session::Session, Answer, CallId, Hash, Limits, Listing, ToolError, Transport};
use serde_json::{Map, Value};
use std::{
	sync::{Arc, OnceLock},
	time::Duration,
};
use tokio::{
	sync::{Mutex, MutexGuard},
	time::{sleep_until, timeout, Instant},
};

/// First pause after a failure; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);
/// Longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// The list is read again after this time: not every server tells when it changes.
const RELIST: Duration = Duration::from_secs(60);
/// Longest wait to note down how a call went.
const MOMENT: Duration = Duration::from_millis(100);

/// A server. It is called by many at once.
pub struct Server {
	transport: Transport,
	limits: Limits,
	listing: Listing,
	connection: Mutex<Connection>,
	/// Set for good when the list changed: its hash.
	changed: OnceLock<Hash>,
}

struct Connection {
	session: Option<Arc<Session>>,
	/// When the list was read; `None` when it has to be read again.
	listed: Option<Instant>,
	/// Failures since the last answer.
	failures: u32,
	/// Not to be tried before.
	not_before: Instant,
	/// Why it failed.
	error: Option<ToolError>,
}

impl Connection {
	fn fail(&mut self, error: &ToolError) {
		self.session = None;
		let pause = PAUSE.saturating_mul(1u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(MAX_PAUSE);
		self.failures = self.failures.saturating_add(1).min(16);
		self.not_before = Instant::now() + pause;
		self.error = Some(error.clone());
	}
}

impl Server {
	/// Starts or reaches a server and reads its tools.
	pub async fn connect(transport: Transport, limits: Limits) -> Result<Self, ToolError> {
		let session = Session::open(&transport, &limits).await?;
		let listing = session.list(&limits).await?;
		let now = Instant::now();
		let connection = Connection {
			session: Some(Arc::new(session)),
			listed: Some(now),
			failures: 0,
			not_before: now,
			error: None,
		};
		Ok(Self { transport, limits, listing, connection: Mutex::new(connection), changed: OnceLock::new() })
	}

	/// What it can do.
	pub fn listing(&self) -> &Listing {
		&self.listing
	}

	/// Checks that it is there and offers what it did. Cheap while all is well.
	pub async fn verify(&self) -> Result<(), ToolError> {
		self.session().await.map(drop)
	}

	/// Calls a tool: arguments are checked before, the answer after, and only failures before an answer are tried
	/// again, under the same id. Dropping the future tells the server to stop.
	pub async fn call(
		&self,
		tool: &str,
		arguments: &Map<String, Value>,
		id: &CallId,
		limits: &Limits,
	) -> Result<Answer, ToolError> {
		let known = self.listing.tool(tool)?;
		conforms(&known.input, &Value::Object(arguments.clone()))
			.map_err(|problem| ToolError::Arguments { tool: tool.to_owned(), problem })?;
		let began = Instant::now();
		let (result, attempts) = self.attempt(tool, arguments, id, limits, began + limits.call).await?;
		let answer = Answer::read(known, &result, limits.answer_bytes)?;
		Ok(Answer { attempts, took: began.elapsed(), ..answer })
	}

	async fn attempt(
		&self,
		tool: &str,
		arguments: &Map<String, Value>,
		id: &CallId,
		limits: &Limits,
		deadline: Instant,
	) -> Result<(Value, u32), ToolError> {
		let late = || ToolError::Deadline { tool: tool.to_owned(), limit: limits.call };
		let mut attempt = 1u32;
		loop {
			let left = deadline.saturating_duration_since(Instant::now());
			let session = timeout(left, self.session()).await.map_err(|_| late())?;
			let failed = match session {
				Ok(session) => {
					let left = deadline.saturating_duration_since(Instant::now());
					match timeout(left, session.call(tool, arguments.clone(), id, limits)).await {
						Ok(Ok(result)) => {
							if let Some(mut connection) = self.idle().await {
								connection.failures = 0;
							}
							return Ok((result, attempt));
						}
						Ok(Err(error)) => {
							if error.is_transient() || matches!(error, ToolError::TooLarge { .. }) {
								self.drop_session(&session, &error).await;
							}
							error
						}
						Err(_) => {
							// A process that hangs is ended; a server elsewhere was told that nobody waits.
							if matches!(self.transport, Transport::Stdio { .. }) {
								self.drop_session(&session, &late()).await;
							}
							return Err(late());
						}
					}
				}
				Err(error) => error,
			};
			if !failed.is_transient() || attempt >= limits.attempts {
				return Err(failed);
			}
			attempt = attempt.saturating_add(1);
			let pause = self.idle().await.map_or_else(Instant::now, |connection| connection.not_before);
			if pause >= deadline {
				return Err(failed);
			}
			sleep_until(pause).await;
		}
	}

	/// The connection, unless somebody connects or lists, which may take long: they see for themselves how the server is,
	/// and a call that has ended does not wait for them.
	async fn idle(&self) -> Option<MutexGuard<'_, Connection>> {
		timeout(MOMENT, self.connection.lock()).await.ok()
	}

	/// Ends a session, unless another took its place.
	async fn drop_session(&self, session: &Arc<Session>, error: &ToolError) {
		// Others may still hold it: their calls fail and are tried again.
		let killed = session.clone();
		let _ = tokio::task::spawn_blocking(move || killed.kill()).await;
		let Some(mut connection) = self.idle().await else { return };
		if connection.session.as_ref().is_some_and(|current| Arc::ptr_eq(current, session)) {
			connection.fail(error);
		}
	}

	/// The session, opened again if need be, with the list as it was.
	async fn session(&self) -> Result<Arc<Session>, ToolError> {
		if let Some(found) = self.changed.get() {
			return Err(self.list_changed(found));
		}
		let mut connection = self.connection.lock().await;
		if let Some(session) = connection.session.clone().filter(|session| session.is_alive()) {
			let is_recent = connection.listed.is_some_and(|at| at.elapsed() < RELIST);
			if !session.take_stale() && is_recent {
				return Ok(session);
			}
			return self.check(&mut connection, session).await;
		}
		if Instant::now() < connection.not_before {
			let waiting = ToolError::Unreachable {
				server: self.transport.to_string(),
				problem: "it failed before".into(),
			};
			return Err(connection.error.clone().filter(ToolError::is_transient).unwrap_or(waiting));
		}
		// Counted as a failure until it is known to be none: the future may be dropped while it waits.
		connection.fail(&ToolError::Unreachable {
			server: self.transport.to_string(),
			problem: "it is being connected".into(),
		});
		match Session::open(&self.transport, &self.limits).await {
			Ok(session) => self.check(&mut connection, Arc::new(session)).await,
			Err(error) => {
				connection.error = Some(error.clone());
				Err(error)
			}
		}
	}

	/// Reads the list and compares it.
	async fn check(
		&self,
		connection: &mut Connection,
		session: Arc<Session>,
	) -> Result<Arc<Session>, ToolError> {
		// Until it is known: the future may be dropped while it waits.
		connection.listed = None;
		let found = match session.list(&self.limits).await {
			Ok(listing) => listing.hash,
			// A list that cannot be offered is another list.
			Err(ToolError::List(problem)) => {
				tracing::warn!(server = %self.transport, problem, "a tool's server offers another list");
				hash(&Value::Null)
			}
			Err(error) => {
				connection.fail(&error);
				return Err(error);
			}
		};
		if found != self.listing.hash {
			connection.session = None;
			return Err(self.list_changed(self.changed.get_or_init(|| found)));
		}
		// It was up for a while.
		if connection.session.is_some() {
			connection.failures = 0;
		}
		connection.listed = Some(Instant::now());
		connection.session = Some(session.clone());
		Ok(session)
	}

	fn list_changed(&self, found: &Hash) -> ToolError {
		let [expected, found] = [&self.listing.hash, found].map(hex::encode);
		ToolError::ListChanged { expected, found }
	}
}
