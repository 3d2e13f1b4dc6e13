//! `tributary earnings` and `tributary claim`.

use super::worker::all_workers;
use crate::{context::Context, failure::Failure, output::*, parse, trees};
use clap::Args;
use serde_json::{json, Value};
use tributary_client::{
	chain::{Call, Included},
	Chain,
};
use tributary_primitives::{
	earnings::EarningsTree, merkle_sum::SumProof, AccountId, Balance, DataNetId, Earner, VaultKey,
};

/// Calls of one transaction.
const PER_CALL: usize = 16;

/// What an account can claim: from vaults at once, from workers' earnings trees with proofs that are made
/// from the data the workers publish.
#[derive(Debug, Args)]
pub struct EarningsArguments {
	/// Whose [default: the key's account].
	#[arg(value_parser = parse::account)]
	account: Option<AccountId>,
}

/// Claim everything, or one vault or worker's tree.
#[derive(Debug, Args)]
pub struct ClaimArguments {
	/// This vault only: platform, stakers, operator=ACCOUNT, asset=ID, evaluators=ID, pool=DATANET.
	#[arg(long, value_parser = parse::vault, conflicts_with = "worker")]
	vault: Option<VaultKey>,
	/// This worker's earnings tree only.
	#[arg(long, value_parser = parse::account)]
	worker: Option<AccountId>,
	/// Do not move DataNets' pool money into their vaults first.
	#[arg(long)]
	no_sweep: bool,
}

/// One worker's leaf of an earner that has something to claim.
struct Leaf {
	worker: AccountId,
	cumulative: Balance,
	claimed: Balance,
	proof: SumProof,
}

impl Leaf {
	fn owed(&self) -> Balance {
		self.cumulative.saturating_sub(self.claimed)
	}
}

/// A worker whose tree could not be made, and why.
type Unreadable = (AccountId, String);

async fn trees(
	context: &Context,
	only: Option<AccountId>,
) -> Result<(Vec<(AccountId, EarningsTree)>, Vec<Unreadable>), Failure> {
	let (mut trees, mut unreadable) = (Vec::new(), Vec::new());
	for worker in all_workers(context.chain().await?).await? {
		if only.is_some_and(|only| only != worker.operator) {
			continue;
		}
		match trees::claimable(context, &worker).await {
			Ok(tree) => trees.extend(tree.map(|tree| (worker.operator, tree))),
			Err(error) => unreadable.push((worker.operator, error.to_string())),
		}
	}
	Ok((trees, unreadable))
}

async fn leaf(
	chain: &Chain,
	worker: AccountId,
	tree: &EarningsTree,
	earner: Earner,
) -> Result<Option<Leaf>, Failure> {
	let Some((leaf, proof)) = tree.prove(&worker, &earner) else { return Ok(None) };
	let claimed = chain.earnings_claimed(worker, earner).await?;
	let leaf = Leaf { worker, cumulative: leaf.cumulative, claimed, proof };
	Ok((leaf.owed() > 0).then_some(leaf))
}

/// Pools of a tree with money that is not in their vaults yet.
async fn pools(
	chain: &Chain,
	trees: &[(AccountId, EarningsTree)],
) -> Result<Vec<(DataNetId, Leaf)>, Failure> {
	let mut found = Vec::new();
	for (worker, tree) in trees {
		for earner in tree.leaves().into_iter().map(|leaf| leaf.earner) {
			if let Earner::Pool(datanet) = earner {
				found.extend(leaf(chain, *worker, tree, earner).await?.map(|leaf| (datanet, leaf)));
			}
		}
	}
	Ok(found)
}

fn told(unreadable: &[Unreadable]) -> String {
	let line = |(worker, reason): &Unreadable| format!("not counted: worker {}: {reason}\n", address(worker));
	unreadable.iter().map(line).collect()
}

fn told_json(unreadable: &[Unreadable]) -> Value {
	unreadable.iter().map(|(worker, reason)| json!({ "worker": address(worker), "reason": reason })).collect()
}

impl EarningsArguments {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		let account = self.account.map_or_else(|| context.own_account(), Ok)?;
		let chain = context.chain().await?;
		let vaults = chain.claimable(account).await?;
		let (trees, unreadable) = trees(context, None).await?;
		let mut leaves = Vec::new();
		for (worker, tree) in &trees {
			leaves.extend(leaf(chain, *worker, tree, Earner::Account(account)).await?);
		}
		let unswept = trees::sum(pools(chain, &trees).await?.iter().map(|(_, leaf)| leaf.owed()));
		let total = trees::sum(vaults.iter().map(|one| one.owed).chain(leaves.iter().map(Leaf::owed)));
		let json = json!({
			"account": address(&account),
			"vaults": vaults.iter().map(|one| json!({ "vault": vault(one.vault), "owed": one.owed.to_string() })).collect::<Vec<_>>(),
			"workers": leaves.iter().map(|leaf| json!({
				"worker": address(&leaf.worker),
				"earned": leaf.cumulative.to_string(),
				"claimed": leaf.claimed.to_string(),
				"owed": leaf.owed().to_string(),
			})).collect::<Vec<_>>(),
			"total": total.to_string(),
			"unswept_pools": unswept.to_string(),
			"unreadable": told_json(&unreadable),
		});
		let mut rows: Vec<_> = vaults.iter().map(|one| vec![vault(one.vault), trb(one.owed)]).collect();
		rows.extend(
			leaves.iter().map(|leaf| vec![format!("answers of {}", address(&leaf.worker)), trb(leaf.owed())]),
		);
		let mut text = told(&unreadable) + &table(&["from", "claimable>"], rows);
		text += &format!("\n{} can be claimed: tributary claim\n", trb(total));
		if unswept > 0 {
			text += &format!(
				"{} more wait for DataNets' pools; `tributary claim` moves them there\n",
				trb(unswept)
			);
		}
		Ok(Output::new(json, text))
	}
}

impl ClaimArguments {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		let signer = context.signer()?;
		let account = signer.account();
		let chain = context.chain().await?;
		let mut done = Claimed::default();
		let (trees, unreadable) = match self.vault {
			Some(_) => Default::default(),
			None => trees(context, self.worker).await?,
		};
		let mut calls = Vec::new();
		if !self.no_sweep && self.worker.is_none() {
			for (datanet, leaf) in pools(chain, &trees).await? {
				calls.push(Call::sweep_pool(leaf.worker, datanet, leaf.cumulative, &leaf.proof));
			}
		}
		for (worker, tree) in &trees {
			if let Some(leaf) = leaf(chain, *worker, tree, Earner::Account(account)).await? {
				calls.push(Call::claim_earnings(leaf.worker, leaf.cumulative, &leaf.proof));
			}
		}
		for chunk in calls.chunks(PER_CALL) {
			done.add(context.submit_as(&Call::Each(chunk.to_vec()), &signer).await?);
		}
		// After the sweep: the account's part of the pools is in the vaults now.
		let vaults: Vec<_> = match (self.vault, self.worker) {
			(Some(vault), _) => vec![Call::claim(vault)],
			(None, Some(_)) => Vec::new(),
			(None, None) => {
				chain.claimable(account).await?.iter().map(|one| Call::claim(one.vault)).collect()
			}
		};
		for chunk in vaults.chunks(PER_CALL) {
			done.add(context.submit_as(&Call::Each(chunk.to_vec()), &signer).await?);
		}
		done.output(&account, &unreadable)
	}
}

/// The vault that an event names.
fn vault_of(value: &Value) -> Option<VaultKey> {
	match value.as_str() {
		Some("Platform") => return Some(VaultKey::Platform),
		Some("Stakers") => return Some(VaultKey::Stakers),
		_ => {}
	}
	let (kind, of) = value.as_object()?.iter().next()?;
	let number = || u32::try_from(of.get(0)?.as_u64()?).ok();
	match kind.as_str() {
		"Operator" => Some(VaultKey::Operator(parse::account(of.as_str()?).ok()?)),
		"Asset" => Some(VaultKey::Asset(number()?)),
		"Evaluators" => Some(VaultKey::Evaluators(number()?)),
		"Pool" => Some(VaultKey::Pool(number()?)),
		_ => None,
	}
}

#[derive(Default)]
struct Claimed {
	rows: Vec<(String, Balance)>,
	swept: Balance,
	failures: Vec<String>,
}

impl Claimed {
	fn add(&mut self, included: Included) {
		for event in &included.events {
			let amount = event.amount("amount").unwrap_or_default();
			if event.is("Attribution", "VaultClaimed") {
				let key = event.fields.get("vault").and_then(vault_of);
				self.rows.push((key.map_or("vault".into(), vault), amount));
			} else if event.is("Attribution", "EarningsClaimed") {
				let worker = event.fields.get("worker").and_then(Value::as_str).unwrap_or_default();
				let worker = parse::account(worker).map_or(worker.to_string(), |account| address(&account));
				self.rows.push((format!("answers of {worker}"), amount));
			} else if event.is("Attribution", "PoolSwept") {
				self.swept = self.swept.saturating_add(amount);
			}
		}
		self.failures.extend(included.failures.iter().map(|failure| failure.to_string()));
	}

	fn output(self, account: &AccountId, unreadable: &[Unreadable]) -> Result<Output, Failure> {
		let total = trees::sum(self.rows.iter().map(|(_, amount)| *amount));
		if self.rows.is_empty() && !self.failures.is_empty() {
			return Err(Failure::Refused(self.failures.join("\n")));
		}
		if self.rows.is_empty() && !unreadable.is_empty() {
			return Err(Failure::Away(told(unreadable)));
		}
		let json = json!({
			"account": address(account),
			"claimed": self.rows.iter().map(|(from, amount)| json!({ "from": from, "amount": amount.to_string() })).collect::<Vec<_>>(),
			"total": total.to_string(),
			"swept": self.swept.to_string(),
			"failures": self.failures,
			"unreadable": told_json(unreadable),
		});
		let mut text = told(unreadable);
		text.extend(self.failures.iter().map(|failure| format!("not claimed: {failure}\n")));
		let rows = self.rows.iter().map(|(from, amount)| vec![from.clone(), trb(*amount)]).collect();
		text += &table(&["from", "claimed>"], rows);
		text += &format!("\n{} went to {}\n", trb(total), address(account));
		if self.swept > 0 {
			text += &format!("{} were moved into DataNets' pools\n", trb(self.swept));
		}
		Ok(Output::new(json, text))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn vault_is_named_when_an_event_tells_it() {
		let operator = json!({ "Operator": format!("0x{}", "07".repeat(32)) });
		assert_eq!(vault_of(&operator), Some(VaultKey::Operator([7; 32])));
		assert_eq!(vault_of(&json!({ "Pool": [3] })), Some(VaultKey::Pool(3)));
		assert_eq!(vault_of(&json!("Platform")), Some(VaultKey::Platform));
		assert_eq!(vault_of(&json!({ "Pool": ["x"] })), None);
	}
}
