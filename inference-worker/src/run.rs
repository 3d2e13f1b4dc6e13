//! Starting, running and stopping a worker; checking whether it could start.

use crate::{
	access::Access,
	agents::{Catalogue, Keeper, Standing},
	channels::Channels,
	config::Config,
	indexes::Indexes,
	loaded::LoadedAdapters,
	metrics,
	records::Records,
	server, settlement,
	tool_servers::ToolServers,
	worker::{unix_ms, Head, Worker},
};
use anyhow::{bail, Context, Result};
use std::{
	path::{Path, PathBuf},
	sync::Arc,
	time::Duration,
};
use tokio::{
	net::TcpListener,
	runtime::Handle,
	signal::unix::{signal, SignalKind},
	sync::{mpsc, watch},
};
use tributary_client::{content::hash_folder, keys, keys::KeyFile, Chain, Keypair, Store};
use tributary_engine::{AdapterSource, ContentHash, Engine, EngineConfig};
use tributary_primitives::{views::WorkerView, Hash};

/// Pause between attempts to reach the chain at the start.
const CONNECT_PAUSE: Duration = Duration::from_secs(5);

/// Gives the engine adapters from the content store.
struct StoreAdapters {
	store: Store,
	cache: PathBuf,
	runtime: Handle,
}

impl AdapterSource for StoreAdapters {
	fn folder(&self, hash: &ContentHash) -> Result<PathBuf, String> {
		metrics::looked_on_disk(self.cache.join(hex::encode(hash)).is_dir());
		// Called on the engine's loader thread, which is not one of the runtime's.
		self.runtime.block_on(self.store.fetch_folder(hash, &self.cache)).map_err(|error| error.to_string())
	}
}

/// Runs until SIGTERM or SIGINT.
pub async fn run(config: Config) -> Result<()> {
	let metrics = metrics::install().map_err(anyhow::Error::msg)?;
	let store = Store::open(&config.store.url)?;
	let service_key = service_key(&config)?;
	let listener = TcpListener::bind(config.server.listen).await.with_context(|| {
		format!("cannot listen on {}: choose another server.listen", config.server.listen)
	})?;
	let (folder, model) = model(&config, &store).await?;
	let engine = start_engine(&config, folder, &store).await?;
	let chain = connect(&config).await?;
	let genesis = chain.genesis();
	let records = Arc::new(open_records(&config, &genesis)?);
	let head = Head::new(retry("the head of the chain", || Head::read(&chain)).await);
	report_registration(&chain, &config, &service_key).await;
	let (running, mut answers) = mpsc::channel(1);
	let loaded = loaded_adapters(&config)?;
	let worker = Arc::new(Worker {
		genesis,
		operator: config.chain.operator,
		service_key,
		chain: chain.clone(),
		store: store.clone(),
		engine: engine.clone(),
		channels: Arc::new(Channels::new(records.clone())),
		records,
		catalogue: Catalogue::default(),
		loaded,
		head,
		metrics,
		lora_requests: Default::default(),
		running,
		started: unix_ms() / 1_000,
		config,
	});
	let indexes = Indexes::new(
		&worker.config.data.join("indexes"),
		chain.clone(),
		store.clone(),
		engine.clone(),
		model,
		worker.config.retrieval.clone(),
		Access::new(chain.clone(), worker.service_key.clone()),
	)
	.map_err(anyhow::Error::msg)?;
	let tools = ToolServers::new(worker.config.tools.clone());
	let cache = worker.config.content_cache();
	let keeper = Keeper::new(chain, store, cache, model, indexes, engine.clone(), tools);

	let (stop, stopped) = watch::channel(false);
	let head_task = tokio::spawn(follow_head(worker.clone(), stopped.clone()));
	let agents_task = tokio::spawn(follow_agents(worker.clone(), keeper, stopped.clone()));
	let settling = tokio::spawn(settlement::run(worker.clone(), stopped.clone()));
	tracing::info!(listen = %worker.config.server.listen, "serving");
	let drain = Duration::from_secs(worker.config.server.drain_secs);
	let serving = tokio::spawn(serve(listener, worker.clone(), stopped));

	wait_for_signal().await?;
	tracing::info!(drain_secs = drain.as_secs(), "stopping: running answers end first");
	let _ = stop.send(true);
	// The worker holds the last sender of `running`: without it, `recv` ends with the last answer.
	let finish = async {
		let _ = serving.await;
		let _ = tokio::join!(head_task, agents_task, settling);
		drop(worker);
		let _ = answers.recv().await;
	};
	match tokio::time::timeout(drain, finish).await {
		Ok(()) => tokio::task::spawn_blocking(move || engine.shutdown()).await?,
		Err(_) => tracing::warn!("some answers did not end in time: what is not recorded is not billed"),
	}
	Ok(())
}

async fn serve(listener: TcpListener, worker: Arc<Worker>, mut stopped: watch::Receiver<bool>) {
	let router = server::router(worker);
	let stop = async move {
		let _ = stopped.wait_for(|stop| *stop).await;
	};
	if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
		tracing::error!(%error, "the HTTP server failed");
	}
}

async fn wait_for_signal() -> Result<()> {
	let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
	tokio::select! {
		_ = term.recv() => {},
		_ = int.recv() => {},
	}
	Ok(())
}

/// Keeps the block number and the parameters up to date.
async fn follow_head(worker: Arc<Worker>, mut stopped: watch::Receiver<bool>) {
	let mut outage = Outage::default();
	loop {
		tokio::select! {
			() = tokio::time::sleep(worker.config.refresh()) => {},
			_ = stopped.wait_for(|stop| *stop) => return,
		}
		// Without scrapes nothing else empties the histograms' buffers.
		worker.metrics.run_upkeep();
		let head = match worker.chain.check().await {
			Ok(()) => Head::read(&worker.chain).await,
			Err(error) => Err(error),
		};
		outage.note(&head, "the chain is away: serving on, up to the credit limit");
		if let Ok(head) = head {
			worker.head.set(head);
		}
	}
}

/// Keeps the catalogue up to date.
async fn follow_agents(worker: Arc<Worker>, mut keeper: Keeper, mut stopped: watch::Receiver<bool>) {
	let mut outage = Outage::default();
	loop {
		let refresh = async {
			let refreshed = keeper.refresh(&worker.catalogue).await;
			outage.note(&refreshed, "agents cannot be read: those known are served on");
			pin(&worker);
			tokio::time::sleep(worker.config.refresh()).await;
		};
		tokio::select! {
			() = refresh => {},
			_ = stopped.wait_for(|stop| *stop) => return,
		}
	}
}

/// Keeps the adapters of the configured agents on the device, as they are now.
fn pin(worker: &Worker) {
	let pinned =
		worker.config.engine.pinned.iter().filter_map(|name| match worker.catalogue.get(name)?.standing {
			Standing::Ready(agent) => Some(agent),
			_ => None,
		});
	let adapters = pinned.flat_map(|agent| agent.adapters.clone()).map(|adapter| adapter.hash);
	worker.engine.pin(adapters.collect());
}

/// Tells once when something fails and once when it works again.
#[derive(Default)]
struct Outage {
	lasts: bool,
}

impl Outage {
	fn note<T>(&mut self, result: &Result<T, tributary_client::ChainError>, what: &str) {
		match result {
			Err(error) if !self.lasts => tracing::warn!(%error, "{what}"),
			Ok(_) if self.lasts => tracing::info!("the chain is back"),
			_ => {}
		}
		self.lasts = result.is_err();
	}
}

/// The chain that the data folder is of; for an empty one, that of the first node that answers.
async fn connect(config: &Config) -> Result<Chain> {
	let nodes = config.chain.nodes();
	Ok(match Records::genesis_of(&records_path(config))? {
		Some(genesis) => Chain::known(nodes, genesis),
		None => retry("the chain", || Chain::connect(nodes.clone())).await,
	})
}

fn records_path(config: &Config) -> PathBuf {
	config.data.join("records.redb")
}

/// Tries until it works: a worker may start before its node.
async fn retry<T, F>(what: &str, mut attempt: impl FnMut() -> F) -> T
where
	F: std::future::Future<Output = Result<T, tributary_client::ChainError>>,
{
	loop {
		match attempt().await {
			Ok(value) => return value,
			Err(error) => {
				tracing::warn!(%error, "cannot reach {what}: trying again in {} s", CONNECT_PAUSE.as_secs());
				tokio::time::sleep(CONNECT_PAUSE).await;
			}
		}
	}
}

fn open_records(config: &Config, genesis: &Hash) -> Result<Records> {
	std::fs::create_dir_all(&config.data)
		.with_context(|| format!("cannot create {}", config.data.display()))?;
	Ok(Records::open(&records_path(config), genesis, &config.chain.operator)?)
}

/// The key that the worker signs with.
pub(crate) fn service_key(config: &Config) -> Result<Keypair> {
	if let Some(uri) = &config.chain.service_uri {
		return Keypair::from_uri(uri).context("chain.service_uri");
	}
	let Some(path) = &config.chain.service_key else { bail!("chain.service_key is not set") };
	let password = config.chain.key_password.as_deref();
	let password = password.context("set TRIBUTARY_KEY_PASSWORD to the password of the service key file")?;
	let what = || format!("chain.service_key {}", path.display());
	let text = std::fs::read_to_string(path).with_context(what)?;
	KeyFile::from_json(&text).and_then(|file| file.decrypt(password)).with_context(what)
}

/// The base model's folder and content hash.
async fn model(config: &Config, store: &Store) -> Result<(PathBuf, Hash)> {
	if let Some(content) = config.model.content {
		let folder = store.fetch_folder(&content, &config.content_cache()).await.context("model.content")?;
		return Ok((folder, content));
	}
	let Some(path) = config.model.path.clone() else { bail!("model.path is not set") };
	let hashed = path.clone();
	let hash = tokio::task::spawn_blocking(move || hash_folder(&hashed)).await?;
	let hash = hash.context("model.path: name the folder of the base model")?;
	Ok((path, hash))
}

async fn start_engine(config: &Config, folder: PathBuf, store: &Store) -> Result<Engine> {
	let settings = &config.engine;
	let engine_config = EngineConfig {
		model_dir: folder,
		device: settings.device,
		precision: settings.precision,
		max_batch: settings.max_batch,
		queue: settings.queue,
		max_context: settings.max_context,
		speculate: settings.speculate,
		batch_invariant: settings.batch_invariant,
		adapter_bytes: settings.adapter_bytes,
		memory_bytes: settings.memory_bytes,
		host_bytes: settings.host_bytes,
	};
	let source = Arc::new(StoreAdapters {
		store: store.clone(),
		cache: config.content_cache(),
		runtime: Handle::current(),
	});
	let engine = tokio::task::spawn_blocking(move || Engine::start(engine_config, source)).await??;
	Ok(engine)
}

fn loaded_adapters(config: &Config) -> Result<LoadedAdapters> {
	let (root, token) = (config.server.adapter_root.as_deref(), config.server.operator_token.as_deref());
	let folder = config.data.join("loaded");
	let store = Store::open(folder.to_str().context("data is not UTF-8 text")?)?;
	LoadedAdapters::new(root, token, store, config.content_cache()).with_context(|| {
		format!("server.adapter_root {}: name an existing folder", root.unwrap_or(&folder).display())
	})
}

/// Says early what would only show when the first batch is refused.
async fn report_registration(chain: &Chain, config: &Config, service_key: &Keypair) {
	match chain.worker(config.chain.operator).await {
		Ok(view) => {
			if let Err(problem) = registration(view.as_ref(), service_key) {
				tracing::warn!("{problem}");
			}
		}
		Err(error) => tracing::warn!(%error, "cannot read the worker's registration"),
	}
}

fn registration(view: Option<&WorkerView>, service_key: &Keypair) -> Result<(), String> {
	let Some(view) = view else {
		return Err("the operator is not registered as a worker: run `tributary worker register`".into());
	};
	if view.service_key != service_key.account() {
		return Err(format!(
			"the operator's registered service key is {}, the configured one is {}: register or configure the other",
			keys::address(&view.service_key),
			service_key.address()
		));
	}
	if view.unbonds_at.is_some() {
		return Err("the operator is unbonding: batches will be refused".into());
	}
	Ok(())
}

/// Checks keys, chain and model of a valid configuration; prints one line each. The error counts problems.
pub async fn check(config: Config) -> Result<()> {
	let mut problems = 0;
	let mut line = |what: &str, result: Result<String, String>| match result {
		Ok(detail) => println!("ok       {what}: {detail}"),
		Err(problem) => {
			problems += 1;
			println!("problem  {what}: {problem}");
		}
	};
	let key = service_key(&config);
	line("service key", key.as_ref().map(Keypair::address).map_err(|error| format!("{error:#}")));
	let chain = Chain::connect(config.chain.nodes()).await;
	let genesis = chain.as_ref().map(|chain| format!("genesis 0x{}", hex::encode(chain.genesis())));
	line("chain", genesis.map_err(ToString::to_string));
	if let (Ok(chain), Ok(key)) = (&chain, &key) {
		let operator = chain.worker(config.chain.operator).await.map_err(|error| error.to_string());
		let registered = operator.and_then(|view| registration(view.as_ref(), key));
		line("registration", registered.map(|()| keys::address(&config.chain.operator)));
	}
	line("data folder", writable(&config.data));
	match Store::open(&config.store.url) {
		Ok(store) => {
			line("content store", Ok(store.location().to_owned()));
			match model(&config, &store).await {
				Ok((folder, hash)) => {
					let started = start_engine(&config, folder, &store).await;
					let detail = move |engine: Engine| {
						let context = engine.context();
						engine.shutdown();
						format!("content 0x{}, context {context} tokens", hex::encode(hash))
					};
					let result = tokio::task::spawn_blocking(move || started.map(detail)).await?;
					line("model", result.map_err(|error| format!("{error:#}")));
				}
				Err(error) => line("model", Err(format!("{error:#}"))),
			}
		}
		Err(error) => line("content store", Err(error.to_string())),
	}
	if problems > 0 {
		bail!("{problems} problem(s) found");
	}
	Ok(())
}

fn writable(folder: &Path) -> Result<String, String> {
	let probe = folder.join(".probe");
	std::fs::create_dir_all(folder)
		.and_then(|()| std::fs::write(&probe, []))
		.and_then(|()| std::fs::remove_file(&probe))
		.map_err(|error| format!("{} is not writable: {error}", folder.display()))?;
	Ok(folder.display().to_string())
}

#[cfg(test)]
mod tests {
	use super::*;

	fn registered(key: &Keypair) -> WorkerView {
		WorkerView {
			operator: [1; 32],
			service_key: key.account(),
			endpoint: vec![],
			models: vec![],
			bond: 1,
			unbonds_at: None,
		}
	}

	#[test]
	fn registration_is_a_problem_when_missing_of_another_key_or_ending() {
		let (ours, other) = (Keypair::from_uri("//Bob").unwrap(), Keypair::from_uri("//Eve").unwrap());
		assert!(registration(Some(&registered(&ours)), &ours).is_ok());
		assert!(registration(None, &ours).unwrap_err().contains("tributary worker register"));
		assert!(registration(Some(&registered(&other)), &ours).unwrap_err().contains(&ours.address()));
		let ending = WorkerView { unbonds_at: Some(5), ..registered(&ours) };
		assert!(registration(Some(&ending), &ours).is_err());
	}
}
