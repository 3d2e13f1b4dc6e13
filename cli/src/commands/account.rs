//! `tributary pay`, `balance`, `status`.

use crate::{context::Context, failure::Failure, output::*, parse};
use clap::Args;
use serde_json::json;
use tributary_client::chain::Call;
use tributary_primitives::{split::SplitTable, AccountId, Balance};

/// Send TRB to an account.
#[derive(Debug, Args)]
pub struct PayArguments {
	/// Whom.
	#[arg(value_parser = parse::account)]
	to: AccountId,
	/// How much, TRB.
	#[arg(value_parser = parse::amount)]
	amount: Balance,
}

impl PayArguments {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		let text = format!("sent {} to {}", trb(self.amount), address(&self.to));
		context.submit_and_say(&Call::transfer(self.to, self.amount), text).await
	}
}

/// An account's balance.
#[derive(Debug, Args)]
pub struct BalanceArguments {
	/// Whose [default: the key's].
	#[arg(value_parser = parse::account)]
	account: Option<AccountId>,
}

impl BalanceArguments {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		let account = self.account.map_or_else(|| context.own_account(), Ok)?;
		let balance = context.chain().await?.balance(account).await?;
		let json = json!({
			"account": address(&account),
			"free": balance.free.to_string(),
			"held": balance.held.to_string(),
			"frozen": balance.frozen.to_string(),
		});
		let text = facts(&[
			("account", address(&account)),
			("free", trb(balance.free)),
			("held", trb(balance.held)),
			("frozen", trb(balance.frozen)),
		]);
		Ok(Output::new(json, text))
	}
}

/// `tributary status`.
pub async fn status(context: &Context) -> Result<Output, Failure> {
	let chain = context.chain().await?;
	let (version, parameters) = chain.parameters().await?;
	let limits = chain.limits().await?;
	let (best, finalized) = (chain.block_number().await?, chain.finalized_number().await?);
	let split = split_rows(&parameters.split);
	let json = json!({
		"genesis": hex32(&chain.genesis()),
		"block": best,
		"finalized": finalized,
		"parameters": version,
		"platform_fee": parameters.platform_fee.to_string(),
		"split": split.iter().map(|(part, ppm)| (part.to_string(), json!(ppm))).collect::<serde_json::Map<_, _>>(),
		"challenge_window": limits.challenge_window,
		"closing_delay": limits.closing_delay,
		"unbonding_delay": limits.unbonding_delay,
		"min_bond": limits.min_bond.to_string(),
		"existential_deposit": limits.existential_deposit.to_string(),
		"challenge_bond": limits.challenge_bond.to_string(),
	});
	let blocks = |blocks: u32| format!("{blocks} blocks");
	let text = facts(&[
		("genesis", hex32(&chain.genesis())),
		("block", format!("{best} ({finalized} final)")),
		("parameters", format!("version {version}")),
		("platform fee", trb(parameters.platform_fee)),
		("challenge window", blocks(limits.challenge_window)),
		("closing delay", blocks(limits.closing_delay)),
		("unbonding delay", blocks(limits.unbonding_delay)),
		("least bond", trb(limits.min_bond)),
		("existential deposit", trb(limits.existential_deposit)),
		("challenge bond", trb(limits.challenge_bond)),
	]);
	let rows = split
		.iter()
		.map(|(part, ppm)| vec![part.to_string(), format!("{}%", f64::from(*ppm) / 1e4)])
		.collect();
	Ok(Output::new(json, text + "\n" + &table(&["share of a fee", "part>"], rows)))
}

fn split_rows(split: &SplitTable) -> Vec<(&'static str, u32)> {
	let names = [
		"platform",
		"worker",
		"stakers",
		"base_model",
		"adapters",
		"prompts",
		"tools",
		"evaluators",
		"agent",
		"data",
	];
	names.into_iter().zip(split.shares()).collect()
}
