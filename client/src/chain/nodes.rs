//! Which of a chain's nodes is asked: in their order, the first that answers, is of the right chain and keeps up. It is
//! kept until it is lost, hangs or falls behind another.

use super::ChainError;
use futures::future::BoxFuture;
use serde::Deserialize;
use std::{
	fmt::Display,
	sync::{
		atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed},
		Arc, Mutex as Lock, OnceLock, PoisonError,
	},
	time::{Duration, Instant},
};
use subxt::{
	backend::LegacyBackend,
	config::substrate::H256,
	rpcs::{rpc_params, Error as RpcError, RpcClient},
	OnlineClient, SubstrateConfig,
};
use tokio::{
	sync::{watch, Mutex},
	time::timeout,
};
use tributary_primitives::{BlockNumber, Hash};

/// Final blocks that a node may be behind the furthest one.
const LAG: BlockNumber = 10;

/// How long nodes are waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
	/// For a connection and its first answers.
	pub connect: Duration,
	/// For an answer.
	pub answer: Duration,
	/// Without a new final block; then the other nodes are asked whether they have one.
	pub still: Duration,
	/// After a failed attempt; twice as long after each further one.
	pub pause: Duration,
	/// Longest such pause: an attempt costs little, and requests wait.
	pub most_pause: Duration,
}

impl Default for Patience {
	fn default() -> Self {
		Self {
			connect: Duration::from_secs(10),
			answer: Duration::from_secs(20),
			still: Duration::from_secs(60),
			pause: Duration::from_secs(1),
			most_pause: Duration::from_secs(5),
		}
	}
}

/// Opens connections.
pub(super) trait Dial: Send + Sync {
	fn dial<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<RpcClient, String>>;
}

/// Over WebSockets.
pub(super) struct WebSocket;

impl Dial for WebSocket {
	fn dial<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<RpcClient, String>> {
		Box::pin(async move { RpcClient::from_insecure_url(url).await.map_err(|error| error.to_string()) })
	}
}

/// Which node is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
	/// Its position among the configured ones, counted from 1; `None` while none answers.
	pub number: Option<usize>,
	/// How many are configured.
	pub of: usize,
	/// How often another one was taken.
	pub failovers: u64,
}

/// How far a node is.
#[derive(Clone, Copy, Debug)]
struct Progress {
	finalized: BlockNumber,
	is_syncing: bool,
}

/// One connection.
pub(super) struct Link {
	number: usize,
	pub rpc: RpcClient,
	pub online: OnlineClient<SubstrateConfig>,
	/// When it was opened.
	progress: Progress,
	/// Its last final block, and when that was new.
	moved: Lock<(BlockNumber, Instant)>,
	/// Turns true when the node is left.
	left: watch::Sender<bool>,
}

impl Link {
	/// Ends when the node is left.
	pub async fn wait_until_left(&self) {
		let mut left = self.left.subscribe();
		let _ = left.wait_for(|left| *left).await;
	}

	/// Whether there was no new final block for so long.
	fn is_still(&self, finalized: BlockNumber, most: Duration) -> bool {
		let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
		if finalized > moved.0 {
			*moved = (finalized, Instant::now());
		}
		moved.1.elapsed() >= most
	}

	fn be_patient_again(&self) {
		self.moved.lock().unwrap_or_else(PoisonError::into_inner).1 = Instant::now();
	}
}

/// The nodes of a chain.
pub(super) struct Nodes {
	urls: Vec<String>,
	dial: Box<dyn Dial>,
	pub patience: Patience,
	genesis: OnceLock<Hash>,
	held: Mutex<Held>,
	/// Position of the node in use, counted from 1; 0 for none.
	current: AtomicUsize,
	failovers: AtomicU64,
	/// The highest final block that any node showed.
	highest: AtomicU32,
}

#[derive(Default)]
struct Held {
	link: Option<Arc<Link>>,
	/// The node that was used last.
	last: Option<usize>,
	/// By node.
	pauses: Vec<Pause>,
}

/// A node that is not tried for a while.
#[derive(Clone, Default)]
struct Pause {
	failures: u32,
	until: Option<Instant>,
	reason: String,
}

impl Held {
	fn paused(&self, number: usize) -> Option<String> {
		let pause = self.pauses.get(number)?;
		pause.until.is_some_and(|until| Instant::now() < until).then(|| pause.reason.clone())
	}

	/// Says whether it is the first failure after a success.
	fn pause(&mut self, number: usize, patience: &Patience, reason: String) -> bool {
		let Some(pause) = self.pauses.get_mut(number) else { return false };
		let doubled = patience.pause.saturating_mul(1 << pause.failures.min(16));
		pause.until = Instant::now().checked_add(doubled.min(patience.most_pause));
		pause.failures = pause.failures.saturating_add(1);
		pause.reason = reason;
		pause.failures == 1
	}
}

/// Why a node was not taken.
enum Refusal {
	Away(String),
	WrongChain(ChainError),
}

impl Refusal {
	fn text(&self) -> String {
		match self {
			Self::Away(reason) => reason.clone(),
			Self::WrongChain(error) => error.to_string(),
		}
	}
}

impl Nodes {
	pub fn new(urls: Vec<String>, genesis: Option<Hash>, dial: Box<dyn Dial>, patience: Patience) -> Self {
		let genesis = genesis.map_or_else(OnceLock::new, OnceLock::from);
		let held = Held { pauses: vec![Pause::default(); urls.len()], ..Held::default() };
		Self {
			urls,
			dial,
			patience,
			genesis,
			held: Mutex::new(held),
			current: AtomicUsize::new(0),
			failovers: AtomicU64::new(0),
			highest: AtomicU32::new(0),
		}
	}

	pub fn count(&self) -> usize {
		self.urls.len()
	}

	/// All of them, for messages.
	pub fn names(&self) -> String {
		self.urls.iter().map(|url| shown(url)).collect::<Vec<_>>().join(", ")
	}

	pub fn genesis(&self) -> Option<Hash> {
		self.genesis.get().copied()
	}

	pub fn endpoint(&self) -> Endpoint {
		let current = self.current.load(Relaxed);
		Endpoint {
			number: (current > 0).then_some(current),
			of: self.urls.len(),
			failovers: self.failovers.load(Relaxed),
		}
	}

	pub fn away(&self, reason: String) -> ChainError {
		ChainError::Away { urls: self.names(), reason }
	}

	/// The connection in use, or a new one.
	pub async fn link(&self) -> Result<Arc<Link>, ChainError> {
		let mut held = self.held.lock().await;
		if let Some(link) = &held.link {
			return Ok(link.clone());
		}
		let (mut reasons, mut wrong, mut behind) = (Vec::new(), None, None::<Link>);
		for (number, url) in self.urls.iter().enumerate() {
			if let Some(reason) = held.paused(number) {
				reasons.push(reason);
				continue;
			}
			match self.open(number, url).await {
				Ok(link) if self.keeps_up(link.progress) => return Ok(self.take(&mut held, link)),
				Ok(link) => {
					let progress = link.progress;
					tracing::warn!(node = shown(url), ?progress, "the node is behind: looking for another");
					if behind.as_ref().is_none_or(|other| other.progress.finalized < progress.finalized) {
						behind = Some(link);
					}
				}
				Err(refusal) => {
					let reason = refusal.text();
					if held.pause(number, &self.patience, reason.clone()) {
						tracing::warn!(node = shown(url), reason, "the node cannot be used");
					}
					match refusal {
						Refusal::Away(_) => reasons.push(reason),
						Refusal::WrongChain(error) => wrong = wrong.or(Some(error)),
					}
				}
			}
		}
		if let Some(link) = behind {
			return Ok(self.take(&mut held, link));
		}
		match wrong {
			Some(error) if reasons.is_empty() => Err(error),
			Some(error) => Err(self.away(format!("{}; {error}", reasons.join("; ")))),
			None => Err(self.away(reasons.join("; "))),
		}
	}

	/// Gives a connection up: the next request opens another.
	pub async fn leave(&self, lost: &Arc<Link>, reason: &str) {
		let mut held = self.held.lock().await;
		if held.link.as_ref().is_none_or(|link| !Arc::ptr_eq(link, lost)) {
			return;
		}
		let node = self.name(lost.number);
		tracing::warn!(node, reason, "the connection to the node is lost");
		held.link = None;
		self.current.store(0, Relaxed);
		// The only one may be back at once.
		if self.urls.len() > 1 {
			held.pause(lost.number, &self.patience, format!("{node}: {reason}"));
		}
		lost.left.send_replace(true);
	}

	/// Looks whether the node in use keeps up, and goes to one that is ahead when it does not.
	pub async fn check(&self) -> Result<(), ChainError> {
		let link = self.link().await?;
		let progress = match timeout(self.patience.answer, progress_of(&link.rpc)).await {
			Ok(Ok(progress)) => progress,
			Ok(Err(error)) => {
				self.leave(&link, &error.to_string()).await;
				return self.link().await.map(drop);
			}
			Err(_) => {
				self.leave(&link, "it does not answer in time").await;
				return self.link().await.map(drop);
			}
		};
		self.highest.fetch_max(progress.finalized, Relaxed);
		let is_still = link.is_still(progress.finalized, self.patience.still);
		if self.urls.len() < 2 || !(is_still || progress.is_syncing) {
			return Ok(());
		}
		let enough = if progress.is_syncing { 1 } else { LAG };
		for (number, url) in self.urls.iter().enumerate().filter(|(number, _)| *number != link.number) {
			let Ok(other) = self.open(number, url).await else { continue };
			let is_ahead = other.progress.finalized >= progress.finalized.saturating_add(enough);
			if other.progress.is_syncing || !is_ahead {
				continue;
			}
			let mut held = self.held.lock().await;
			if held.link.as_ref().is_some_and(|now| Arc::ptr_eq(now, &link)) {
				tracing::warn!(node = self.name(link.number), ?progress, "the node is behind another");
				self.take(&mut held, other);
				link.left.send_replace(true);
			}
			return Ok(());
		}
		link.be_patient_again();
		Ok(())
	}

	fn name(&self, number: usize) -> String {
		self.urls.get(number).map(|url| shown(url)).unwrap_or_default()
	}

	fn keeps_up(&self, progress: Progress) -> bool {
		!progress.is_syncing && progress.finalized.saturating_add(LAG) >= self.highest.load(Relaxed)
	}

	fn take(&self, held: &mut Held, link: Link) -> Arc<Link> {
		let number = link.number;
		if let Some(pause) = held.pauses.get_mut(number) {
			*pause = Pause::default();
		}
		if held.last.replace(number).is_some_and(|last| last != number) {
			self.failovers.fetch_add(1, Relaxed);
		}
		self.current.store(number.saturating_add(1), Relaxed);
		let progress = link.progress;
		tracing::info!(node = self.name(number), ?progress, "this node is asked from now on");
		let link = Arc::new(link);
		held.link = Some(link.clone());
		link
	}

	async fn open(&self, number: usize, url: &str) -> Result<Link, Refusal> {
		let seconds = self.patience.connect.as_secs();
		let late = |_| Refusal::Away(format!("{}: no connection within {seconds} s", shown(url)));
		let link = timeout(self.patience.connect, self.greet(number, url)).await.map_err(late)?;
		let link = link.map_err(|reason| Refusal::Away(format!("{}: {reason}", shown(url))))?;
		let found = link.online.genesis_hash().0;
		let expected = *self.genesis.get_or_init(|| found);
		if found != expected {
			return Err(Refusal::WrongChain(ChainError::WrongChain {
				url: shown(url),
				expected: hex::encode(expected),
				found: hex::encode(found),
			}));
		}
		self.highest.fetch_max(link.progress.finalized, Relaxed);
		Ok(link)
	}

	async fn greet(&self, number: usize, url: &str) -> Result<Link, String> {
		let text = |error: &dyn Display| error.to_string();
		let rpc = self.dial.dial(url).await?;
		let backend = LegacyBackend::builder().build(rpc.clone());
		let online = OnlineClient::from_backend(Arc::new(backend)).await.map_err(|e| text(&e))?;
		let progress = progress_of(&rpc).await.map_err(|e| text(&e))?;
		let moved = Lock::new((progress.finalized, Instant::now()));
		Ok(Link { number, rpc, online, progress, moved, left: watch::Sender::new(false) })
	}
}

async fn progress_of(rpc: &RpcClient) -> Result<Progress, RpcError> {
	#[derive(Deserialize)]
	struct Health {
		#[serde(rename = "isSyncing")]
		is_syncing: bool,
	}
	#[derive(Deserialize)]
	struct Header {
		number: String,
	}
	let health: Health = rpc.request("system_health", rpc_params![]).await?;
	let head: H256 = rpc.request("chain_getFinalizedHead", rpc_params![]).await?;
	let header: Header = rpc.request("chain_getHeader", rpc_params![head]).await?;
	let odd = || RpcError::Client(format!("a block has the odd number {}", header.number).into());
	let finalized = height(&header.number).ok_or_else(odd)?;
	Ok(Progress { finalized, is_syncing: health.is_syncing })
}

/// A block number as nodes write it.
pub(super) fn height(text: &str) -> Option<BlockNumber> {
	BlockNumber::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

/// An address without what may be a secret in it: user, password, path and query.
pub(super) fn shown(url: &str) -> String {
	let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
	let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
	let host = host.rsplit('@').next().unwrap_or_default();
	if scheme.is_empty() {
		host.into()
	} else {
		format!("{scheme}://{host}")
	}
}
