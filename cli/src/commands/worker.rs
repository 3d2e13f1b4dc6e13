//! `tributary worker`: what operators do on chain.

use crate::{context::Context, failure::Failure, output::*, parse};
use clap::Subcommand;
use serde_json::{json, Value};
use tributary_client::{
	chain::{Call, MAX_PAGE},
	Chain,
};
use tributary_primitives::{
	views::{BatchView, SettlementView, WorkerView},
	AccountId, AssetId, Balance,
};

/// Batches that `status` shows.
const SHOWN_BATCHES: u64 = 10;

/// Operators: register, status, leave.
#[derive(Debug, Subcommand)]
pub enum WorkerCommand {
	/// Register a worker and hold its bond; the key is the operator's.
	Register {
		/// Account of the key that the worker submits batches with.
		#[arg(long, value_name = "ACCOUNT", value_parser = parse::account)]
		service_key: AccountId,
		/// Where it serves: http(s)://host:port.
		#[arg(long, value_name = "URL")]
		endpoint: String,
		/// Base model it serves; repeat for more.
		#[arg(long = "model", value_name = "ASSET", required = true)]
		models: Vec<AssetId>,
		/// Bond, TRB.
		#[arg(long, value_name = "TRB", value_parser = parse::amount)]
		bond: Balance,
	},
	/// Change service key, endpoint and models; what is left out stays.
	Update {
		/// Account of the new service key.
		#[arg(long, value_name = "ACCOUNT", value_parser = parse::account)]
		service_key: Option<AccountId>,
		/// Where it serves.
		#[arg(long, value_name = "URL")]
		endpoint: Option<String>,
		/// Base model it serves; repeat for more.
		#[arg(long = "model", value_name = "ASSET")]
		models: Vec<AssetId>,
	},
	/// Add to the bond.
	AddBond {
		/// How much, TRB.
		#[arg(value_parser = parse::amount)]
		amount: Balance,
	},
	/// Show a worker, its settlement and its latest batches.
	Status {
		/// The operator [default: the key's account].
		#[arg(value_parser = parse::account)]
		operator: Option<AccountId>,
	},
	/// List workers.
	List,
	/// Begin to leave.
	Unbond,
	/// Take the bond back after the delay.
	Withdraw,
	/// Credit batches whose challenge window has passed; anyone may.
	Credit {
		/// The operator.
		#[arg(value_parser = parse::account)]
		operator: AccountId,
		/// At most so many.
		#[arg(long, default_value_t = 16)]
		limit: u32,
	},
}

impl WorkerCommand {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		match self {
			Self::Register { service_key, endpoint, models, bond } => {
				check_endpoint(&endpoint)?;
				let text = format!("registered with a bond of {}. Next: start tributary-worker", trb(bond));
				context
					.submit_and_say(&Call::register_worker(service_key, &endpoint, &models, bond), text)
					.await
			}
			Self::Update { service_key, endpoint, models } => {
				let operator = context.own_account()?;
				let view =
					context.chain().await?.worker(operator).await?.ok_or_else(|| no_worker(&operator))?;
				let endpoint =
					endpoint.unwrap_or_else(|| String::from_utf8_lossy(&view.endpoint).into_owned());
				check_endpoint(&endpoint)?;
				let models = if models.is_empty() { view.models } else { models };
				let call = Call::update_worker(service_key.unwrap_or(view.service_key), &endpoint, &models);
				context.submit_and_say(&call, "updated").await
			}
			Self::AddBond { amount } => {
				context
					.submit_and_say(&Call::add_bond(amount), format!("added {} to the bond", trb(amount)))
					.await
			}
			Self::Status { operator } => {
				let operator = operator.map_or_else(|| context.own_account(), Ok)?;
				status(context.chain().await?, operator).await
			}
			Self::List => {
				let all = all_workers(context.chain().await?).await?;
				let row = |view: &WorkerView| {
					let models: Vec<_> = view.models.iter().map(|model| model.to_string()).collect();
					vec![address(&view.operator), line(&view.endpoint), models.join(","), trb(view.bond)]
				};
				let text = table(&["operator", "endpoint", "models", "bond>"], all.iter().map(row).collect());
				Ok(Output::new(all.iter().map(worker_json).collect(), text))
			}
			Self::Unbond => {
				let limits = context.chain().await?.limits().await?;
				let text = format!(
					"unbonding: `tributary worker withdraw` works in {} blocks",
					limits.unbonding_delay
				);
				context.submit_and_say(&Call::unbond(), text).await
			}
			Self::Withdraw => context.submit_and_say(&Call::withdraw_bond(), "the bond is free").await,
			Self::Credit { operator, limit } => {
				let included = context.submit(&Call::credit(operator, limit)).await?;
				let count =
					included.events.iter().filter(|event| event.is("Attribution", "BatchCredited")).count();
				Ok(Output::new(
					json!({ "credited": count, "included": included }),
					format!("credited {count} batches"),
				))
			}
		}
	}
}

fn check_endpoint(endpoint: &str) -> Result<(), Failure> {
	if endpoint.starts_with("http://") || endpoint.starts_with("https://") {
		return Ok(());
	}
	Err(Failure::Usage(format!("`{endpoint}` is no endpoint: give http(s)://host:port")))
}

/// No such worker.
pub fn no_worker(operator: &AccountId) -> Failure {
	Failure::Usage(format!("{} is no registered worker: see `tributary worker list`", address(operator)))
}

/// Every worker.
pub async fn all_workers(chain: &Chain) -> Result<Vec<WorkerView>, Failure> {
	let mut all: Vec<WorkerView> = Vec::new();
	loop {
		let start = u32::try_from(all.len()).unwrap_or(u32::MAX);
		let page = chain.workers(start, MAX_PAGE).await?;
		if page.is_empty() {
			return Ok(all);
		}
		all.extend(page);
	}
}

async fn status(chain: &Chain, operator: AccountId) -> Result<Output, Failure> {
	let view = chain.worker(operator).await?.ok_or_else(|| no_worker(&operator))?;
	let settlement = chain.settlement(operator).await?;
	let mut batches = Vec::new();
	for sequence in settlement.next_sequence.saturating_sub(SHOWN_BATCHES)..settlement.next_sequence {
		batches.extend(chain.batch(operator, sequence).await?);
	}
	let json = json!({
		"worker": worker_json(&view),
		"settlement": settlement_json(&settlement),
		"batches": batches.iter().map(batch_json).collect::<Vec<_>>(),
	});
	let unbonds = view.unbonds_at.map_or("no".into(), |block| format!("from block {block} on"));
	let text = facts(&[
		("operator", address(&view.operator)),
		("service key", address(&view.service_key)),
		("endpoint", line(&view.endpoint)),
		("models", view.models.iter().map(|model| model.to_string()).collect::<Vec<_>>().join(", ")),
		("bond", trb(view.bond)),
		("unbonding", unbonds),
		(
			"batches",
			format!("{} sent, {} credited or void", settlement.next_sequence, settlement.oldest_pending),
		),
		(
			"data shares",
			format!("{} credited, {} pending", trb(settlement.credited), trb(settlement.pending)),
		),
		("claimed", trb(settlement.claimed)),
	]);
	let row = |batch: &BatchView| {
		vec![
			batch.header.sequence.to_string(),
			format!("{:?}", batch.status).to_lowercase(),
			batch.header.records.to_string(),
			trb(batch.escrow),
			batch.failed.len().to_string(),
			batch.matures_at.to_string(),
		]
	};
	let headings = ["batch>", "status", "records>", "fees>", "channels failed>", "matures at>"];
	Ok(Output::new(json, text + "\n" + &table(&headings, batches.iter().map(row).collect())))
}

fn worker_json(view: &WorkerView) -> Value {
	json!({
		"operator": address(&view.operator),
		"service_key": address(&view.service_key),
		"endpoint": line(&view.endpoint),
		"models": view.models,
		"bond": view.bond.to_string(),
		"unbonds_at": view.unbonds_at,
	})
}

fn settlement_json(view: &SettlementView) -> Value {
	json!({
		"next_sequence": view.next_sequence,
		"oldest_pending": view.oldest_pending,
		"credited": view.credited.to_string(),
		"pending": view.pending.to_string(),
		"claimed": view.claimed.to_string(),
		"root": { "hash": hex32(&view.root.hash), "sum": view.root.sum.to_string(), "sequence": view.root_sequence },
	})
}

/// A batch as JSON.
pub fn batch_json(view: &BatchView) -> Value {
	json!({
		"worker": address(&view.worker),
		"sequence": view.header.sequence,
		"status": format!("{:?}", view.status).to_lowercase(),
		"records": view.header.records,
		"escrow": view.escrow.to_string(),
		"data": hex32(&view.header.data),
		"submitted_at": view.submitted_at,
		"matures_at": view.matures_at,
		"agents": view.agents.iter().map(|total| json!({
			"agent": version(total.served.agent),
			"skills": skill_numbers(total.served.skills),
			"records": total.records,
			"fee": total.fee.to_string(),
			"tools": total.tools.to_string(),
			"data": total.data.to_string(),
		})).collect::<Vec<_>>(),
		"failed": view.failed.iter().map(|(payer, fault)| json!({
			"payer": address(payer),
			"fault": format!("{fault:?}"),
		})).collect::<Vec<_>>(),
	})
}
