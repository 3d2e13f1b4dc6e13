//! `tributary proxy`.

use crate::{
	context::Context,
	failure::Failure,
	output::{address, trb, Output},
	parse,
	proxy::{serve, Books, Ledger, Settings, Terms},
};
use clap::Args;
use serde_json::json;
use std::net::SocketAddr;
use tributary_client::http::ChannelState;
use tributary_primitives::{AccountId, Balance};

/// Serve a local OpenAI endpoint that pays a worker for each request. Point any OpenAI client's base URL at
/// it. It signs with the payer's key, or with the channel's session key and --payer.
#[derive(Debug, Args)]
pub struct ProxyArguments {
	/// The worker: its URL or its operator's address.
	#[arg(long, env = "TRIBUTARY_WORKER", value_name = "WORKER")]
	worker: String,
	/// Address to listen on.
	#[arg(long, default_value = "127.0.0.1:8787", value_name = "ADDRESS")]
	listen: SocketAddr,
	/// Most that one request may cost, TRB.
	#[arg(long, default_value = "1", value_name = "TRB", value_parser = parse::amount)]
	max_fee: Balance,
	/// Tokens to allow for beyond the request's own text: chat template, prompts, retrieved context.
	#[arg(long, default_value_t = 4_096, value_name = "TOKENS")]
	context_margin: u32,
	/// The payer, when the key is the channel's session key.
	#[arg(long, value_name = "ACCOUNT", value_parser = parse::account)]
	payer: Option<AccountId>,
	/// Key that clients must send; needed when others can reach the address.
	#[arg(long, env = "TRIBUTARY_PROXY_API_KEY", hide_env_values = true, value_name = "KEY")]
	api_key: Option<String>,
	/// Believe the worker's larger numbers once: another machine pays on this channel too.
	#[arg(long)]
	resync: bool,
}

impl ProxyArguments {
	/// Runs until it is interrupted.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		let loopback = self.listen.ip().is_loopback();
		if !loopback && self.api_key.is_none() {
			let hint = "give --api-key, or listen on 127.0.0.1";
			return Err(Failure::Usage(format!(
				"others can reach {} and would spend your channel: {hint}",
				self.listen
			)));
		}
		let key = context.signer()?;
		let payer = self.payer.unwrap_or_else(|| key.account());
		let url = context.worker_url(&self.worker).await?;
		let chain = context.chain().await?;
		let worker = operator(context, &url, &self.worker, &payer).await?;
		let open = || {
			let hint = format!("tributary deposit {} AMOUNT", address(&worker));
			Failure::Usage(format!(
				"{} has no channel to this worker: open one with `{hint}`",
				address(&payer)
			))
		};
		let channel = chain.channel(payer, worker).await?.ok_or_else(open)?;
		if payer != key.account() && channel.session_key != Some(key.account()) {
			let hint = format!("tributary channel session-key {} {}", address(&worker), key.address());
			return Err(Failure::Usage(format!(
				"the key is not the channel's session key: set it with `{hint}`"
			)));
		}
		let other = |e: &dyn std::fmt::Display| Failure::Other(e.to_string());
		// One file for each pair: proxies of other payers or to other workers do not wait for this one.
		let file = format!("{}-{}.redb", address(&payer), address(&worker));
		let ledger = Ledger::open(&context.home().join("proxy").join(file)).map_err(|e| other(&e))?;
		let listener = tokio::net::TcpListener::bind(self.listen).await;
		let listener =
			listener.map_err(|e| Failure::Other(format!("cannot listen on {}: {e}", self.listen)))?;
		let listening = listener.local_addr().map_err(|e| other(&e))?;
		let base = format!("http://{listening}/v1");
		if context.json() {
			println!("{}", json!({ "base_url": base, "worker": address(&worker), "payer": address(&payer) }));
		} else {
			println!("{base} pays {} at {url}; the channel holds {}", address(&worker), trb(channel.deposit));
		}
		let settings = Settings {
			worker: url,
			terms: Terms { genesis: chain.genesis(), payer, worker, channel: channel.nonce },
			chain: chain.clone(),
			max_fee: self.max_fee,
			margin: self.context_margin,
			api_key: self.api_key,
			loopback,
		};
		let served = serve(listener, settings, Books::new(key, ledger, self.resync), interrupted()).await;
		served.map_err(|e| other(&e))?;
		Ok(Output::default())
	}
}

/// The operator behind a URL: what the user named, or what the worker says of itself. A lie leads to a
/// channel that does not exist, or to one that the payer opened to the liar.
async fn operator(
	context: &Context,
	url: &str,
	named: &str,
	payer: &AccountId,
) -> Result<AccountId, Failure> {
	if let Ok(account) = parse::account(named) {
		return Ok(account);
	}
	let endpoint = format!("{url}/v1/channel/{}", address(payer));
	let bytes = context.get(&endpoint, 64 << 10).await?;
	let state: ChannelState = serde_json::from_slice(&bytes)
		.map_err(|e| Failure::Other(format!("{url} is no Tributary worker: {e}")))?;
	parse::account(&state.worker_hex).map_err(Failure::Other)
}

async fn interrupted() {
	#[cfg(unix)]
	{
		use tokio::signal::unix::{signal, SignalKind};
		if let Ok(mut terminate) = signal(SignalKind::terminate()) {
			tokio::select! {
				_ = terminate.recv() => return,
				_ = tokio::signal::ctrl_c() => return,
			}
		}
	}
	// Without signals the process is ended from outside.
	if tokio::signal::ctrl_c().await.is_err() {
		std::future::pending::<()>().await;
	}
}
