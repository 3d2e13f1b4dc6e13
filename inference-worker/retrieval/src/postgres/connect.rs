//! Connections to the server: few, and made again when they end.

use super::schema;
use crate::RetrievalError;
use std::{
	future::Future,
	str::FromStr,
	sync::{
		atomic::{AtomicUsize, Ordering::Relaxed},
		Arc,
	},
	time::Duration,
};
use tokio::sync::{Mutex, OnceCell};
use tokio_postgres::{config::SslMode, Client, Config, NoTls};

/// Connections for searches; what is asked at the same time shares them.
const CONNECTIONS: usize = 4;
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest wait for an answer that a request or a refresh waits for: longer than the server's own limit of a search, for a
/// server that hangs or cannot be reached any more does not keep to it.
const ANSWER: Duration = Duration::from_secs(15);
/// What each connection for searches begins with. A search that takes longer would hold up an answer; an HNSW scan looks
/// at this many neighbours to find those that are wanted.
const SETTINGS: &str = "SET statement_timeout = '10s'; SET hnsw.ef_search = 128;";

pub(super) struct Connections {
	config: Config,
	slots: [Mutex<Option<Arc<Client>>>; CONNECTIONS],
	next: AtomicUsize,
	patience: Duration,
	/// Set when the schema is known to be up to date.
	migrated: OnceCell<()>,
}

impl Connections {
	pub fn new(url: &str) -> Result<Self, RetrievalError> {
		let wrong = |reason: String| RetrievalError::Database { doing: "read its address", reason };
		// The parser's error does not repeat the address, which may hold a password.
		let mut config = Config::from_str(url).map_err(|error| wrong(error.to_string()))?;
		if config.get_ssl_mode() == SslMode::Require {
			let reason =
				"this worker speaks no TLS to PostgreSQL: use a socket, a private network or a tunnel, and \
				sslmode=prefer";
			return Err(wrong(reason.into()));
		}
		config.ssl_mode(SslMode::Disable).connect_timeout(CONNECT).application_name("tributary-worker");
		config.tcp_user_timeout(ANSWER);
		let (slots, next) = (Default::default(), AtomicUsize::new(0));
		Ok(Self { config, slots, next, patience: ANSWER, migrated: OnceCell::new() })
	}

	/// Does what something else waits for, or gives it up when the server does not answer.
	pub async fn within<T>(
		&self,
		doing: &'static str,
		work: impl Future<Output = Result<T, RetrievalError>>,
	) -> Result<T, RetrievalError> {
		let late = |_| RetrievalError::Database {
			doing,
			reason: format!("no answer within {} s", self.patience.as_secs_f32()),
		};
		tokio::time::timeout(self.patience, work).await.map_err(late)?
	}

	/// A connection for searches.
	pub async fn get(&self) -> Result<Arc<Client>, RetrievalError> {
		let number = self.next.fetch_add(1, Relaxed) % CONNECTIONS;
		let Some(slot) = self.slots.get(number) else { return Ok(Arc::new(self.connect().await?)) };
		let mut slot = slot.lock().await;
		if let Some(client) = slot.as_ref().filter(|client| !client.is_closed()) {
			return Ok(client.clone());
		}
		let client = self.connect().await?;
		client.batch_execute(SETTINGS).await.map_err(RetrievalError::database("set up a connection"))?;
		let client = Arc::new(client);
		*slot = Some(client.clone());
		Ok(client)
	}

	/// A connection of one's own.
	pub async fn connect(&self) -> Result<Client, RetrievalError> {
		let connecting = tokio::time::timeout(CONNECT, self.config.connect(NoTls));
		let late = |_| RetrievalError::Database {
			doing: "connect",
			reason: format!("no answer within {} s", CONNECT.as_secs()),
		};
		let (mut client, connection) =
			connecting.await.map_err(late)?.map_err(RetrievalError::database("connect"))?;
		tokio::spawn(async move {
			if let Err(error) = connection.await {
				tracing::warn!(%error, "a connection to PostgreSQL ended");
			}
		});
		self.migrated.get_or_try_init(|| schema::migrate(&mut client)).await?;
		Ok(client)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use tokio::{
		io::{AsyncReadExt, AsyncWriteExt},
		net::TcpListener,
	};

	#[tokio::test]
	async fn work_is_given_up_when_the_server_hangs() {
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let port = listener.local_addr().unwrap().port();
		let mut connections = Connections::new(&format!("postgres://worker@127.0.0.1:{port}/test")).unwrap();
		connections.patience = Duration::from_millis(300);
		let server = tokio::spawn(async move {
			let (mut stream, _) = listener.accept().await.unwrap();
			let mut startup = [0; 1_024];
			assert!(stream.read(&mut startup).await.unwrap() > 0);
			// Welcome, ready, and then nothing more.
			stream.write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").await.unwrap();
			assert!(stream.read(&mut startup).await.unwrap() > 0);
			stream
		});
		let asking = connections.within("look for an index", connections.get());
		let error = asking.await.map(drop).unwrap_err().to_string();
		assert!(error.contains("look for an index: no answer within 0.3 s"), "{error}");
		// It was asked something, and is there still.
		server.await.unwrap();
	}
}
