//! `tributary deposit` and `tributary channel`.

use super::worker::{all_workers, no_worker};
use crate::{context::Context, failure::Failure, output::*, parse};
use clap::{Args, Subcommand};
use serde_json::json;
use tributary_client::chain::Call;
use tributary_primitives::{views::ChannelView, AccountId, Balance};

/// Open a channel to a worker, or add to it.
#[derive(Debug, Args)]
pub struct DepositArguments {
	/// The worker's operator.
	#[arg(value_parser = parse::account)]
	worker: AccountId,
	/// How much, TRB.
	#[arg(value_parser = parse::amount)]
	amount: Balance,
	/// Account of a key that may sign requests in the payer's place; with a new channel only.
	#[arg(long, value_name = "ACCOUNT", value_parser = parse::account)]
	session_key: Option<AccountId>,
}

impl DepositArguments {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		let chain = context.chain().await?;
		let payer = context.own_account()?;
		let view = chain.worker(self.worker).await?.ok_or_else(|| no_worker(&self.worker))?;
		let next = format!("Next: tributary proxy --worker {}", line(&view.endpoint));
		match chain.channel(payer, self.worker).await? {
			None => {
				let call = Call::open_channel(self.worker, self.amount, self.session_key);
				let included = context.submit(&call).await?;
				let json = json!({ "opened": true, "amount": self.amount.to_string(), "included": included });
				Ok(Output::new(json, format!("opened a channel with {}. {next}", trb(self.amount))))
			}
			Some(_) if self.session_key.is_some() => {
				let hint = "tributary channel session-key";
				Err(Failure::Usage(format!("the channel is open already: set its session key with `{hint}`")))
			}
			Some(channel) => {
				let included = context.submit(&Call::top_up(self.worker, self.amount)).await?;
				let json =
					json!({ "opened": false, "amount": self.amount.to_string(), "included": included });
				let total = trb(channel.deposit.saturating_add(self.amount));
				Ok(Output::new(
					json,
					format!("added {}: the channel holds {total}. {next}", trb(self.amount)),
				))
			}
		}
	}
}

/// Channels: show, close, withdraw, session key.
#[derive(Debug, Subcommand)]
pub enum ChannelCommand {
	/// The same as `tributary deposit`.
	Open(DepositArguments),
	/// Show a payer's channels.
	Show {
		/// The payer [default: the key's account].
		#[arg(value_parser = parse::account)]
		payer: Option<AccountId>,
	},
	/// Add to a channel's deposit.
	TopUp {
		/// The worker's operator.
		#[arg(value_parser = parse::account)]
		worker: AccountId,
		/// How much, TRB.
		#[arg(value_parser = parse::amount)]
		amount: Balance,
	},
	/// Begin to close a channel.
	Close {
		/// The worker's operator.
		#[arg(value_parser = parse::account)]
		worker: AccountId,
	},
	/// Take a closed channel's deposit back after the delay.
	Withdraw {
		/// The worker's operator.
		#[arg(value_parser = parse::account)]
		worker: AccountId,
	},
	/// Set the key that may sign requests in the payer's place, or remove it.
	SessionKey {
		/// The worker's operator.
		#[arg(value_parser = parse::account)]
		worker: AccountId,
		/// The key's account; none to remove it.
		#[arg(value_parser = parse::account)]
		account: Option<AccountId>,
	},
}

impl ChannelCommand {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		match self {
			Self::Open(arguments) => arguments.run(context).await,
			Self::Show { payer } => {
				let payer = payer.map_or_else(|| context.own_account(), Ok)?;
				show(context, payer).await
			}
			Self::TopUp { worker, amount } => {
				context.submit_and_say(&Call::top_up(worker, amount), format!("added {}", trb(amount))).await
			}
			Self::Close { worker } => {
				let included = context.submit(&Call::close_channel(worker)).await?;
				let event = included.event("Attribution", "ChannelClosing");
				let at = event.and_then(|event| event.number("closes_at"));
				let when = at.map_or("after the delay".into(), |block| format!("from block {block} on"));
				let text = format!("closing: `tributary channel withdraw {}` works {when}", address(&worker));
				Ok(Output::new(json!({ "closes_at": at, "included": included }), text))
			}
			Self::Withdraw { worker } => {
				context
					.submit_and_say(
						&Call::withdraw_channel(worker),
						"the channel is closed, its deposit free",
					)
					.await
			}
			Self::SessionKey { worker, account } => {
				let text = if account.is_some() { "session key set" } else { "session key removed" };
				context.submit_and_say(&Call::set_session_key(worker, account), text).await
			}
		}
	}
}

async fn show(context: &Context, payer: AccountId) -> Result<Output, Failure> {
	let chain = context.chain().await?;
	let mut channels: Vec<(AccountId, ChannelView)> = Vec::new();
	for worker in all_workers(chain).await? {
		let channel = chain.channel(payer, worker.operator).await?;
		channels.extend(channel.map(|channel| (worker.operator, channel)));
	}
	let json = channels.iter().map(|(worker, channel)| {
		json!({
			"worker": address(worker),
			"nonce": channel.nonce,
			"deposit": channel.deposit.to_string(),
			"charged": channel.charged.to_string(),
			"session_key": channel.session_key.as_ref().map(address),
			"closes_at": channel.closes_at,
		})
	});
	let row = |(worker, channel): &(AccountId, ChannelView)| {
		vec![
			address(worker),
			channel.nonce.to_string(),
			trb(channel.deposit),
			trb(channel.charged),
			channel.closes_at.map_or("open".into(), |block| format!("closes at {block}")),
		]
	};
	let headings = ["worker", "channel>", "held>", "charged so far>", "state"];
	let text = table(&headings, channels.iter().map(row).collect());
	Ok(Output::new(json.collect(), text))
}
