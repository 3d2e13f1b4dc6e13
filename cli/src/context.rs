//! What every command needs: the chain, the content store, the signer's key.

use crate::{cli::Global, failure::Failure, keystore::Keystore, output::Output};
use serde_json::json;
use std::{
	io::IsTerminal,
	path::{Path, PathBuf},
	sync::OnceLock,
	time::Duration,
};
use tokio::sync::OnceCell;
use tributary_client::{
	chain::{Call, Included, Wait},
	Chain, Keypair, Store,
};
use tributary_primitives::AccountId;

/// Longest wait for a worker's answer to a read.
const WORKER_TIMEOUT: Duration = Duration::from_secs(30);

/// Global options and what is opened by them on first use.
pub struct Context {
	global: Global,
	home: PathBuf,
	chain: OnceCell<Chain>,
	signer: OnceLock<Keypair>,
}

impl Context {
	/// From global options.
	pub fn new(global: Global) -> Result<Self, Failure> {
		let home = match &global.home {
			Some(home) => home.clone(),
			None => std::env::home_dir().map(|home| home.join(".tributary")).ok_or_else(|| {
				Failure::Usage("there is no home directory: name a folder with --home".into())
			})?,
		};
		Ok(Self { global, home, chain: OnceCell::new(), signer: OnceLock::new() })
	}

	/// Folder of keys, caches and the proxy's ledgers.
	pub fn home(&self) -> &Path {
		&self.home
	}

	/// Whether output is JSON.
	pub fn json(&self) -> bool {
		self.global.json
	}

	/// Folder of fetched content.
	pub fn cache(&self) -> PathBuf {
		self.home.join("cache")
	}

	/// The chain; connects on first use.
	pub async fn chain(&self) -> Result<&Chain, Failure> {
		Ok(self.chain.get_or_try_init(|| Chain::connect(self.global.node.clone())).await?)
	}

	/// The content store.
	pub fn store(&self) -> Result<Store, Failure> {
		let location = match &self.global.store {
			Some(location) => location.clone(),
			None => self.home.join("store").to_string_lossy().into_owned(),
		};
		Ok(Store::open(&location)?)
	}

	/// The keys.
	pub fn keystore(&self) -> Keystore {
		Keystore::new(self.home.join("keys"))
	}

	/// The signer's key. Its password is asked for once, however many transactions a command sends.
	pub fn signer(&self) -> Result<Keypair, Failure> {
		if let Some(key) = self.signer.get() {
			return Ok(key.clone());
		}
		let key = self.open_key()?;
		Ok(self.signer.get_or_init(|| key).clone())
	}

	fn open_key(&self) -> Result<Keypair, Failure> {
		let key = self.key_name()?;
		if key.starts_with("//") {
			return Ok(Keypair::from_uri(key)?);
		}
		let file = self.keystore().load(key)?;
		Ok(file.decrypt(&self.password(false)?)?)
	}

	/// The account of `--key`, without its password.
	pub fn own_account(&self) -> Result<AccountId, Failure> {
		let key = self.key_name()?;
		if key.starts_with("//") {
			return Ok(Keypair::from_uri(key)?.account());
		}
		Ok(self.keystore().load(key)?.account()?)
	}

	fn key_name(&self) -> Result<&str, Failure> {
		let missing = "which key? Name one with --key or TRIBUTARY_KEY; `tributary key new NAME` makes one";
		self.global.key.as_deref().ok_or_else(|| Failure::Usage(missing.into()))
	}

	/// The key file's password: from a file, the environment or, at a terminal, from its user.
	pub fn password(&self, new: bool) -> Result<String, Failure> {
		if let Some(path) = &self.global.password_file {
			let text = std::fs::read_to_string(path).map_err(|e| Failure::file(path, e))?;
			return Ok(text.trim_end_matches(['\r', '\n']).into());
		}
		if let Some(password) = &self.global.password {
			return Ok(password.clone());
		}
		if !std::io::stdin().is_terminal() {
			let hint =
				"a password is needed: give --password-file or TRIBUTARY_PASSWORD, or run at a terminal";
			return Err(Failure::Usage(hint.into()));
		}
		let ask =
			|prompt: &str| rpassword::prompt_password(prompt).map_err(|e| Failure::Other(e.to_string()));
		let password = ask("Password: ")?;
		if new && ask("Again: ")? != password {
			return Err(Failure::Usage("the two passwords differ: try again".into()));
		}
		Ok(password)
	}

	/// Signs, sends and waits as `--finalized` says.
	pub async fn submit(&self, call: &Call) -> Result<Included, Failure> {
		self.submit_as(call, &self.signer()?).await
	}

	/// The same with a key that is open already.
	pub async fn submit_as(&self, call: &Call, signer: &Keypair) -> Result<Included, Failure> {
		let wait = if self.global.finalized { Wait::Finalized } else { Wait::InBlock };
		Ok(self.chain().await?.submit(call, signer, wait).await?)
	}

	/// [`Context::submit`] for commands that have nothing to add to the result.
	pub async fn submit_and_say(&self, call: &Call, text: impl Into<String>) -> Result<Output, Failure> {
		let included = self.submit(call).await?;
		Ok(Output::new(json!({ "included": included }), text))
	}

	/// The URL of the worker: `--worker`, or the endpoint on chain of an operator.
	pub async fn worker_url(&self, worker: &str) -> Result<String, Failure> {
		if worker.starts_with("http://") || worker.starts_with("https://") {
			return Ok(worker.trim_end_matches('/').into());
		}
		let account = crate::parse::account(worker).map_err(|_| {
			Failure::Usage(format!(
				"`{worker}` is no worker: give its URL (http://...) or its operator's address"
			))
		})?;
		let view = self.chain().await?.worker(account).await?;
		let missing =
			|| Failure::Usage(format!("{worker} is no registered worker: see `tributary worker list`"));
		let endpoint = String::from_utf8(view.ok_or_else(missing)?.endpoint).map_err(|_| missing())?;
		Ok(endpoint.trim_end_matches('/').into())
	}

	/// A client for workers' endpoints.
	pub fn http(&self) -> Result<reqwest::Client, Failure> {
		let built = reqwest::Client::builder()
			.connect_timeout(Duration::from_secs(10))
			.timeout(WORKER_TIMEOUT)
			.build();
		built.map_err(|e| Failure::Other(e.to_string()))
	}

	/// Reads a worker's endpoint; at most `limit` bytes.
	pub async fn get(&self, url: &str, limit: usize) -> Result<Vec<u8>, Failure> {
		let away = |e: &dyn std::fmt::Display| {
			Failure::Away(format!("no answer from {url}: {e}. Is the worker running?"))
		};
		let response = self.http()?.get(url).send().await.map_err(|e| away(&e))?;
		let status = response.status();
		let body = read_body(response, url, limit).await?;
		if status.is_success() {
			return Ok(body);
		}
		let said: Option<tributary_client::http::ErrorBody> = serde_json::from_slice(&body).ok();
		let said =
			said.map_or_else(|| String::from_utf8_lossy(&body).into_owned(), |body| body.error.message);
		Err(Failure::Refused(format!("{url} answered {status}: {said}")))
	}
}

/// The body of an answer; at most `limit` bytes.
pub async fn read_body(mut response: reqwest::Response, url: &str, limit: usize) -> Result<Vec<u8>, Failure> {
	let broken = |e: reqwest::Error| Failure::Away(format!("the answer of {url} broke off: {e}. Try again"));
	let mut body = Vec::new();
	while let Some(chunk) = response.chunk().await.map_err(broken)? {
		if body.len().saturating_add(chunk.len()) > limit {
			return Err(Failure::Other(format!("the answer of {url} is larger than {limit} bytes")));
		}
		body.extend_from_slice(&chunk);
	}
	Ok(body)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::cli::Cli;
	use clap::Parser;
	use tributary_client::keys::KeyFile;

	#[test]
	fn password_is_read_once_when_a_key_signs_twice() {
		let folder = tempfile::tempdir().unwrap();
		let password = folder.path().join("password");
		std::fs::write(&password, "secret\n").unwrap();
		let home = folder.path().to_str().unwrap();
		let file = password.to_str().unwrap();
		let arguments =
			["tributary", "--home", home, "--key", "ada", "--password-file", file, "provenance", "key"];
		let context = Context::new(Cli::try_parse_from(arguments).unwrap().global).unwrap();
		context.keystore().save("ada", &KeyFile::encrypt("//Ada", "ada", "secret").unwrap()).unwrap();
		let first = context.signer().unwrap().account();
		std::fs::remove_file(&password).unwrap();
		assert_eq!(context.signer().unwrap().account(), first);
	}
}
