//! The configuration file: parsing, defaults, checks. Every setting is in `worker.example.toml`.

use serde::{Deserialize, Deserializer};
use std::{
	collections::{BTreeMap, BTreeSet},
	fmt,
	net::SocketAddr,
	path::{Path, PathBuf},
	str::FromStr,
	time::Duration,
};
use tributary_attribution::{VectorRules, MAX_HITS};
use tributary_client::{keys, money};
use tributary_engine::{DeviceChoice, Precision};
use tributary_primitives::{AccountId, Balance, Hash, TRB};
use tributary_retrieval::Postgres;
use tributary_tools::{Limits, Transport, MAX_ANSWER_BYTES};

/// Most calls that one request can be allowed.
const MAX_CALLS: u32 = 32;
/// Most nodes.
const MAX_NODES: usize = 8;

/// The documented example; also what `init` writes.
pub const EXAMPLE: &str = include_str!("../worker.example.toml");

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
	/// The file cannot be read.
	#[error("cannot read {0}: {1}. Write one with `tributary-worker init`, or name yours with --config.")]
	Read(PathBuf, std::io::Error),
	/// The file is not valid TOML, or has unknown or mistyped settings.
	#[error(
		"{0} is not a valid configuration: {1}Every setting is shown by `tributary-worker init --print`."
	)]
	Parse(PathBuf, String),
	/// A setting is out of range.
	#[error("{setting}: {problem}")]
	Setting {
		/// Its name, as in the file.
		setting: &'static str,
		/// What is wrong and what to write instead.
		problem: String,
	},
}

fn bad(setting: &'static str, problem: impl Into<String>) -> ConfigError {
	ConfigError::Setting { setting, problem: problem.into() }
}

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
	/// Folder of records, indexes and fetched content.
	pub data: PathBuf,
	/// HTTP.
	#[serde(default)]
	pub server: Server,
	/// Node and keys.
	pub chain: Chain,
	/// Content.
	pub store: Store,
	/// Base model.
	pub model: Model,
	/// Inference.
	#[serde(default)]
	pub engine: Engine,
	/// Chunks in the context.
	#[serde(default)]
	pub retrieval: Retrieval,
	/// Attribution vectors.
	#[serde(default)]
	pub attribution: VectorRules,
	/// Defaults of requests.
	#[serde(default)]
	pub generation: Generation,
	/// Batches and credit.
	#[serde(default)]
	pub settlement: Settlement,
	/// Tools of agents.
	#[serde(default)]
	pub tools: Tools,
	/// Page of trainings.
	#[serde(default)]
	pub factory: Factory,
}

/// `[server]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
	/// Address to listen on.
	pub listen: SocketAddr,
	/// Largest request body, bytes.
	pub max_body_bytes: usize,
	/// Time for running answers after SIGTERM, seconds.
	pub drain_secs: u64,
	/// Folder below which the operator's adapters are.
	pub adapter_root: Option<PathBuf>,
	/// Who sends it is the operator; only from the environment.
	#[serde(skip)]
	pub operator_token: Option<String>,
}

impl Default for Server {
	fn default() -> Self {
		Self {
			listen: SocketAddr::from(([127, 0, 0, 1], 8700)),
			max_body_bytes: 1 << 20,
			drain_secs: 30,
			adapter_root: None,
			operator_token: None,
		}
	}
}

/// `[chain]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
	/// WebSocket URL of a node.
	#[serde(default)]
	pub url: Option<String>,
	/// Or of several, the preferred one first.
	#[serde(default)]
	pub urls: Vec<String>,
	/// The bonded operator.
	#[serde(deserialize_with = "account")]
	pub operator: AccountId,
	/// Key file of the service key.
	pub service_key: Option<PathBuf>,
	/// Secret URI of the service key.
	pub service_uri: Option<String>,
	/// Password of the key file; only from the environment.
	#[serde(skip)]
	pub key_password: Option<String>,
	/// Seconds between refreshes.
	#[serde(default = "default_refresh")]
	pub refresh_secs: u64,
}

fn default_refresh() -> u64 {
	6
}

impl Chain {
	/// The nodes, in the order they are tried.
	pub fn nodes(&self) -> Vec<String> {
		self.url.iter().chain(&self.urls).cloned().collect()
	}

	fn validate(&self) -> Result<(), ConfigError> {
		let nodes = self.nodes();
		if self.url.is_some() && !self.urls.is_empty() {
			return Err(bad("chain.urls", "set either url or urls, not both"));
		}
		if nodes.is_empty() {
			return Err(bad(
				"chain.url",
				"name a node, such as ws://127.0.0.1:9944, or several with chain.urls",
			));
		}
		if nodes.len() > MAX_NODES {
			return Err(bad("chain.urls", format!("must be at most {MAX_NODES}")));
		}
		// An address may hold a secret, so it is not shown.
		if nodes.iter().any(|node| !(node.starts_with("ws://") || node.starts_with("wss://"))) {
			return Err(bad("chain.url", "every address must start with ws:// or wss://"));
		}
		if nodes.iter().collect::<BTreeSet<_>>().len() < nodes.len() {
			return Err(bad("chain.urls", "names a node twice: leave one out"));
		}
		match self.refresh_secs {
			0 => Err(bad("chain.refresh_secs", "must be at least 1")),
			_ => Ok(()),
		}
	}
}

/// `[store]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
	/// Folder or URL.
	pub url: String,
}

/// `[model]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
	/// Local folder.
	pub path: Option<PathBuf>,
	/// Manifest hash in the content store.
	#[serde(default, deserialize_with = "optional_hash")]
	pub content: Option<Hash>,
}

/// `[engine]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Engine {
	/// Device.
	#[serde(deserialize_with = "parsed")]
	pub device: DeviceChoice,
	/// How weights are kept and multiplied.
	#[serde(deserialize_with = "parsed")]
	pub precision: Precision,
	/// Requests decoded together.
	pub max_batch: usize,
	/// Requests that may wait.
	pub queue: usize,
	/// Longest prompt + answer, tokens.
	pub max_context: Option<usize>,
	/// Tokens guessed ahead from what an answer repeats.
	pub speculate: usize,
	/// Whether answers on a GPU are the same whatever else is computed beside them.
	pub batch_invariant: bool,
	/// Memory of weights, KV cache and adapters, bytes.
	pub memory_bytes: Option<u64>,
	/// Room planned for adapters where that is not given, bytes.
	pub adapter_bytes: u64,
	/// Host memory for adapters beside a device that has its own, bytes.
	pub host_bytes: u64,
	/// Agents whose adapters stay on the device.
	pub pinned: Vec<String>,
}

impl Default for Engine {
	fn default() -> Self {
		Self {
			device: DeviceChoice::Auto,
			precision: Precision::Full,
			max_batch: 16,
			queue: 64,
			max_context: None,
			speculate: 4,
			batch_invariant: true,
			memory_bytes: None,
			adapter_bytes: 1 << 30,
			host_bytes: 4 << 30,
			pinned: Vec::new(),
		}
	}
}

/// `[retrieval]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retrieval {
	/// Chunks per answer.
	pub chunks: usize,
	/// Tokens per chunk.
	pub chunk_tokens: usize,
	/// Whether chunks are also found by their embeddings.
	pub vectors: bool,
	/// Whether indexes are kept in memory only, those of public DataNets too.
	pub in_memory: bool,
	/// PostgreSQL server that indexes are kept in, instead of the data folder.
	pub postgres: Option<String>,
}

impl Default for Retrieval {
	fn default() -> Self {
		Self { chunks: 3, chunk_tokens: 96, vectors: true, in_memory: false, postgres: None }
	}
}

/// Without the address, which may hold a password.
impl fmt::Debug for Retrieval {
	fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
		let Self { chunks, chunk_tokens, vectors, in_memory, postgres } = self;
		let mut shown = out.debug_struct("Retrieval");
		shown.field("chunks", chunks).field("chunk_tokens", chunk_tokens).field("vectors", vectors);
		shown.field("in_memory", in_memory).field("postgres", &postgres.is_some()).finish()
	}
}

/// `[generation]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Generation {
	/// `max_tokens` of a request that names none.
	pub default_max_tokens: usize,
}

impl Default for Generation {
	fn default() -> Self {
		Self { default_max_tokens: 256 }
	}
}

/// `[settlement]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settlement {
	/// Records that make a batch go at once.
	pub records: usize,
	/// Age of the oldest record that makes a batch go, seconds.
	pub age_secs: u64,
	/// Most that may be unsettled, planck; TRB in the file.
	#[serde(deserialize_with = "trb")]
	pub credit_limit: Balance,
	/// Blocks that a voucher must still be valid for.
	pub expiry_margin: u32,
}

impl Default for Settlement {
	fn default() -> Self {
		Self { records: 1_024, age_secs: 60, credit_limit: 100 * TRB, expiry_margin: 20 }
	}
}

/// `[tools]`: what agents may call from this machine. Nothing, unless the operator says so.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tools {
	/// Beginnings of addresses that may be called over HTTP.
	pub allow: Vec<String>,
	/// Programs that may be run.
	pub stdio: Vec<StdioServer>,
	/// Bearer tokens: the name of an environment variable by address.
	pub token_env: BTreeMap<String, String>,
	/// Time of one call, all attempts together, seconds.
	pub call_secs: u64,
	/// Largest answer, bytes.
	pub answer_bytes: usize,
	/// Calls of one request.
	pub calls_per_request: u32,
}

/// `[[tools.stdio]]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StdioServer {
	/// The name that tools give it on chain, after `stdio:`.
	pub name: String,
	/// The program and its arguments.
	pub command: Vec<String>,
	/// Environment, beside the few variables that every program needs.
	#[serde(default)]
	pub env: BTreeMap<String, String>,
}

/// Without arguments and environment, which may hold secrets.
impl fmt::Debug for StdioServer {
	fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
		let mut shown = out.debug_struct("StdioServer");
		shown.field("name", &self.name).field("program", &self.command.first()).finish_non_exhaustive()
	}
}

impl Default for Tools {
	fn default() -> Self {
		Self {
			allow: Vec::new(),
			stdio: Vec::new(),
			token_env: BTreeMap::new(),
			call_secs: 30,
			answer_bytes: 256 << 10,
			calls_per_request: 4,
		}
	}
}

impl Tools {
	/// How a server is reached that the chain names so. The error says what the operator would have to allow.
	pub fn transport(&self, server: &str) -> Result<Transport, String> {
		if let Some(name) = server.strip_prefix("stdio:") {
			let known = self.stdio.iter().find(|known| known.name == name);
			let known = known.ok_or_else(|| {
				format!("no [[tools.stdio]] of this worker is named `{name}`: its operator decides what runs here")
			})?;
			let Some((command, args)) = known.command.split_first() else {
				return Err(format!("[[tools.stdio]] `{name}` has no command"));
			};
			let (command, args) = (command.clone(), args.to_vec());
			return Ok(Transport::Stdio { command, args, env: known.env.clone() });
		}
		// What could lead from an allowed beginning to somewhere else.
		let is_odd = server.contains("..")
			|| server.contains(['@', '\\', '%', '#'])
			|| !server.bytes().all(|byte| byte.is_ascii_graphic());
		let is_allowed =
			|allowed: &String| server.starts_with(allowed) && (allowed.ends_with('/') || server == allowed);
		if is_odd || !self.allow.iter().any(is_allowed) {
			return Err(format!(
				"{server} is not in tools.allow of this worker: its operator decides what is called"
			));
		}
		let token = match self.token_env.get(server) {
			None => None,
			Some(name) => {
				Some(std::env::var(name).map_err(|_| format!("{name}, the token of {server}, is not set"))?)
			}
		};
		Ok(Transport::Http { url: server.into(), token })
	}

	/// Of a server and a call.
	pub fn limits(&self) -> Limits {
		let call = Duration::from_secs(self.call_secs);
		Limits { call, answer_bytes: self.answer_bytes, ..Limits::default() }
	}

	fn validate(&self) -> Result<(), ConfigError> {
		if let Some(entry) = self.allow.iter().find(|entry| !is_address(entry)) {
			let problem =
				format!("`{entry}` must be an address with a path: https://host/ allows all of a host");
			return Err(bad("tools.allow", problem));
		}
		if let Some(entry) = self.stdio.iter().find(|entry| entry.name.is_empty() || entry.command.is_empty())
		{
			return Err(bad("tools.stdio", format!("`{}` needs a name and a command", entry.name)));
		}
		if !(1..=600).contains(&self.call_secs) {
			return Err(bad("tools.call_secs", "must be between 1 and 600"));
		}
		if !(1_024..=MAX_ANSWER_BYTES).contains(&self.answer_bytes) {
			return Err(bad("tools.answer_bytes", format!("must be between 1024 and {MAX_ANSWER_BYTES}")));
		}
		match self.calls_per_request > MAX_CALLS {
			true => Err(bad("tools.calls_per_request", format!("must be at most {MAX_CALLS}"))),
			false => Ok(()),
		}
	}
}

/// `https://` or `http://`, a host and at least a slash.
fn is_address(text: &str) -> bool {
	let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
	rest.is_some_and(|rest| rest.find('/').is_some_and(|slash| slash > 0))
}

/// `[factory]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Factory {
	/// Folder of trainings whose curves are shown; none are when absent.
	pub folder: Option<PathBuf>,
}

impl Config {
	/// Reads and checks a file; secrets are then taken from the environment where it has them.
	pub fn load(path: &Path) -> Result<Self, ConfigError> {
		let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Read(path.into(), error))?;
		let mut config: Self =
			toml::from_str(&text).map_err(|error| ConfigError::Parse(path.into(), error.to_string()))?;
		config.apply_environment(|name| std::env::var(name).ok());
		config.resolve(path.parent().unwrap_or(Path::new(".")));
		config.validate()?;
		Ok(config)
	}

	/// Takes secrets from `lookup`: they win over the file.
	pub fn apply_environment(&mut self, lookup: impl Fn(&str) -> Option<String>) {
		if let Some(uri) = lookup("TRIBUTARY_SERVICE_URI") {
			self.chain.service_uri = Some(uri);
			self.chain.service_key = None;
		}
		self.retrieval.postgres = lookup("TRIBUTARY_POSTGRES").or(self.retrieval.postgres.take());
		self.chain.key_password = lookup("TRIBUTARY_KEY_PASSWORD");
		self.server.operator_token = lookup("TRIBUTARY_OPERATOR_TOKEN");
	}

	/// Makes relative paths relative to `base`.
	fn resolve(&mut self, base: &Path) {
		self.data = base.join(&self.data);
		let paths = [
			&mut self.model.path,
			&mut self.chain.service_key,
			&mut self.server.adapter_root,
			&mut self.factory.folder,
		];
		for path in paths.into_iter().flatten() {
			*path = base.join(&*path);
		}
		if !self.store.url.contains("://") {
			self.store.url = base.join(&self.store.url).to_string_lossy().into_owned();
		}
	}

	/// Checks what types alone do not.
	pub fn validate(&self) -> Result<(), ConfigError> {
		match (&self.chain.service_key, &self.chain.service_uri) {
			(None, None) => {
				return Err(bad(
					"chain.service_key",
					"name the key file of the service key, or set TRIBUTARY_SERVICE_URI in the environment",
				))
			}
			(Some(_), Some(_)) => {
				return Err(bad("chain.service_key", "set either service_key or service_uri, not both"))
			}
			_ => {}
		}
		self.chain.validate()?;
		if self.model.path.is_some() == self.model.content.is_some() {
			return Err(bad("model.path", "set exactly one of model.path and model.content"));
		}
		let positive = [
			("server.max_body_bytes", self.server.max_body_bytes == 0),
			("engine.max_batch", self.engine.max_batch == 0),
			("engine.queue", self.engine.queue == 0),
			("retrieval.chunk_tokens", self.retrieval.chunk_tokens == 0),
			("generation.default_max_tokens", self.generation.default_max_tokens == 0),
			("settlement.records", self.settlement.records == 0),
			("settlement.age_secs", self.settlement.age_secs == 0),
		];
		if let Some((setting, _)) = positive.into_iter().find(|(_, zero)| *zero) {
			return Err(bad(setting, "must be at least 1"));
		}
		if self.retrieval.chunks > MAX_HITS {
			return Err(bad("retrieval.chunks", format!("must be at most {MAX_HITS}")));
		}
		if let Some(url) = &self.retrieval.postgres {
			if self.retrieval.in_memory {
				return Err(bad("retrieval.in_memory", "is true and retrieval.postgres is set: choose one"));
			}
			Postgres::new(url).map_err(|error| bad("retrieval.postgres", error.to_string()))?;
		}
		self.tools.validate()?;
		self.attribution.validate().map_err(|error| bad("attribution", error.to_string()))
	}

	/// Folder of fetched models and adapters.
	pub fn content_cache(&self) -> PathBuf {
		self.data.join("content")
	}

	/// Time between refreshes from the chain.
	pub fn refresh(&self) -> Duration {
		Duration::from_secs(self.chain.refresh_secs)
	}
}

/// An account as SS58 or 0x hex.
fn account<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AccountId, D::Error> {
	let text = String::deserialize(deserializer)?;
	keys::parse_account(&text).map_err(serde::de::Error::custom)
}

/// 32 bytes as hex, with or without 0x.
pub fn parse_hash(text: &str) -> Option<Hash> {
	hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok()?.try_into().ok()
}

fn optional_hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Hash>, D::Error> {
	Option::<String>::deserialize(deserializer)?
		.map(|text| {
			parse_hash(&text)
				.ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not 32 bytes of hex")))
		})
		.transpose()
}

/// What is written as a word.
fn parsed<'de, T: FromStr<Err = String>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
	String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// An amount in TRB, as planck.
fn trb<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Balance, D::Error> {
	let text = String::deserialize(deserializer)?;
	money::parse_trb(&text).ok_or_else(|| {
		serde::de::Error::custom(format!("`{text}` is not an amount: write TRB as \"100\" or \"0.5\""))
	})
}

#[cfg(test)]
mod tests {
	use super::*;

	fn example() -> Config {
		toml::from_str(EXAMPLE).unwrap()
	}

	fn parse(from: &str, to: &str) -> Result<Config, toml::de::Error> {
		assert!(EXAMPLE.contains(from), "{from}");
		toml::from_str(&EXAMPLE.replace(from, to))
	}

	#[test]
	fn example_is_valid_when_unchanged() {
		example().validate().unwrap();
	}

	#[test]
	fn defaults_are_the_examples_when_sections_are_left_out() {
		let chain = "[chain]\nurl = 'ws://n'\nservice_uri = '//x'\noperator = ";
		let text =
			format!("data = 'd'\n{chain}'0x{}'\n[store]\nurl = 's'\n[model]\npath = 'm'", "11".repeat(32));
		let (short, full): (Config, _) = (toml::from_str(&text).unwrap(), example());
		let shown = |config: &Config| {
			let sections = (&config.server, &config.engine, &config.retrieval, config.attribution);
			format!("{:?}", (sections, config.generation, config.settlement, &config.tools))
		};
		assert_eq!(shown(&short), shown(&full));
	}

	#[test]
	fn config_is_refused_when_a_setting_is_unknown() {
		let error = parse("[store]", "[store]\nurll = \"x\"").unwrap_err().to_string();
		assert!(error.contains("urll"), "{error}");
	}

	#[test]
	fn config_is_refused_when_the_operator_is_not_an_account() {
		assert!(parse("5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty", "5FH").is_err());
	}

	#[test]
	fn config_is_refused_when_credit_is_not_an_amount() {
		assert!(parse("\"100\"", "\"-1\"").is_err());
	}

	#[test]
	fn config_is_refused_when_the_device_is_unknown() {
		assert!(parse("\"auto\"", "\"abacus\"").is_err());
	}

	#[test]
	fn config_is_refused_when_values_are_out_of_range() {
		for (from, to) in [
			("age_secs = 60", "age_secs = 0"),
			("ws://127", "http://127"),
			("url = \"ws://127.0.0.1:9944\"", ""),
			("url = \"ws://127.0.0.1:9944\"", "urls = []"),
			("url = \"ws://127.0.0.1:9944\"", "urls = [\"ws://a\", \"http://b\"]"),
			("url = \"ws://127.0.0.1:9944\"", "urls = [\"ws://a\", \"ws://b\", \"ws://a\"]"),
			("url = \"ws://127.0.0.1:9944\"", "url = \"ws://a\"\nurls = [\"ws://b\"]"),
			("refresh_secs = 6", "refresh_secs = 0"),
			("span_ppm = 500000", "span_ppm = 900000"),
			("chunks = 3", "chunks = 65"),
			("in_memory = false", "in_memory = true\npostgres = \"postgres://worker@127.0.0.1/tributary\""),
			("in_memory = false", "postgres = \"http://127.0.0.1\""),
			("in_memory = false", "postgres = \"postgres://worker@127.0.0.1/tributary?sslmode=require\""),
			("path = \"models/tributary-3m\"", ""),
			("service_uri = \"//Bob//service\"", ""),
			("allow = []", "allow = [\"https://host\"]"),
			("allow = []", "allow = [\"ftp://host/\"]"),
			("call_secs = 30", "call_secs = 0"),
			("answer_bytes = 262144", "answer_bytes = 99999999"),
			("calls_per_request = 4", "calls_per_request = 33"),
			("# [[tools.stdio]]", "[[tools.stdio]]\nname = \"time\"\ncommand = []"),
		] {
			assert!(parse(from, to).unwrap().validate().is_err(), "{to}");
		}
	}

	#[test]
	fn nodes_are_tried_in_their_order_when_several_are_named() {
		let urls = "urls = [\"ws://b:9944\", \"wss://a/key\"]";
		let config = parse("url = \"ws://127.0.0.1:9944\"", urls).unwrap();
		config.validate().unwrap();
		assert_eq!(config.chain.nodes(), ["ws://b:9944", "wss://a/key"]);
		assert_eq!(example().chain.nodes(), ["ws://127.0.0.1:9944"]);
	}

	#[test]
	fn tool_is_reached_only_when_the_operator_allows_it() {
		let tools = Tools {
			allow: vec!["https://tools.example.org/mcp/".into(), "http://127.0.0.1:9000/mcp".into()],
			stdio: vec![StdioServer {
				name: "time".into(),
				command: vec!["mcp-server-time".into(), "--local-timezone".into()],
				env: BTreeMap::new(),
			}],
			..Tools::default()
		};
		for server in ["https://tools.example.org/mcp/a", "http://127.0.0.1:9000/mcp"] {
			assert_eq!(tools.transport(server), Ok(Transport::Http { url: server.into(), token: None }));
		}
		let Ok(Transport::Stdio { command, args, .. }) = tools.transport("stdio:time") else { panic!() };
		assert_eq!((command.as_str(), args.len()), ("mcp-server-time", 1));
		for server in [
			"stdio:date",
			"https://tools.example.org/other",
			"https://tools.example.org/mcp/../other",
			"https://tools.example.org/mcp/%2e%2e/other",
			// Readers of addresses leave tabs and line breaks out.
			"https://tools.example.org/mcp/.\t./other",
			"https://tools.example.org.evil.org/mcp/",
			"http://127.0.0.1:9000/mcp2",
			"http://127.0.0.1:9000/mcp@evil.org/",
		] {
			assert!(tools.transport(server).is_err(), "{server}");
		}
		let token_env =
			BTreeMap::from([("http://127.0.0.1:9000/mcp".into(), "NO_SUCH_VARIABLE_OF_TESTS".into())]);
		let error = Tools { token_env, ..tools }.transport("http://127.0.0.1:9000/mcp").unwrap_err();
		assert!(error.contains("NO_SUCH_VARIABLE_OF_TESTS"));
	}

	#[test]
	fn config_names_the_next_step_when_the_file_is_missing() {
		let error = Config::load(Path::new("no-such-folder/worker.toml")).unwrap_err().to_string();
		assert!(error.contains("tributary-worker init"), "{error}");
	}

	#[test]
	fn password_of_postgresql_is_not_shown_when_settings_are() {
		let mut config = example();
		let url = "postgres://worker:secret@127.0.0.1/tributary";
		config.apply_environment(|name| (name == "TRIBUTARY_POSTGRES").then(|| url.into()));
		assert_eq!(config.retrieval.postgres.as_deref(), Some(url));
		config.validate().unwrap();
		assert!(!format!("{config:?}").contains("secret"));
	}

	#[test]
	fn environment_wins_when_it_has_the_service_key() {
		let mut config = example();
		config.chain.service_uri = None;
		config.chain.service_key = Some("service.json".into());
		config.apply_environment(|name| (name == "TRIBUTARY_SERVICE_URI").then(|| "//Eve".into()));
		assert_eq!((config.chain.service_uri.as_deref(), config.chain.service_key), (Some("//Eve"), None));
	}
}
