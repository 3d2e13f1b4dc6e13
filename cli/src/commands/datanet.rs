//! `tributary datanet`.

mod add;

use super::{grant::PurposeArgument, private};
use crate::{
	context::Context,
	failure::Failure,
	output::*,
	parse::{self, no_datanet, Indices, Versioned},
	texts,
};
use clap::{Subcommand, ValueEnum};
use serde_json::{json, Value};
use std::{collections::BTreeSet, path::PathBuf};
use tributary_client::chain::{Call, Decision, Review, MAX_PAGE};
use tributary_primitives::{
	views::{AccessView, ContributionStatus, ContributionView, DataNetView, Policy},
	AccountId, Balance, ContributionIndex, DataNetId,
};

/// Decisions of one transaction.
const PER_CALL: usize = 128;

/// Who may add.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PolicyArgument {
	/// Contributions are accepted at once.
	Open,
	/// A curator accepts or rejects each.
	Curated,
}

/// DataNets: create, contribute, review, snapshot.
#[derive(Debug, Subcommand)]
pub enum DatanetCommand {
	/// Create a DataNet.
	Create {
		/// Its name.
		name: String,
		/// What it is about.
		#[arg(long, default_value = "")]
		description: String,
		/// Who may add.
		#[arg(long, value_enum, default_value = "curated")]
		policy: PolicyArgument,
		/// Who reviews; repeat for more [default: the key's account].
		#[arg(long = "curator", value_name = "ACCOUNT", value_parser = parse::account)]
		curators: Vec<AccountId>,
		/// Encrypt what is contributed; only those with a grant can read it.
		#[arg(long)]
		private: bool,
	},
	/// Contribute a text file, or every text file below a folder.
	Add {
		/// The DataNet.
		datanet: DataNetId,
		/// File or folder.
		path: PathBuf,
		/// Licence of the texts: an SPDX expression.
		#[arg(long)]
		licence: String,
		/// File name endings to take.
		#[arg(long, value_delimiter = ',', default_value = "txt,md")]
		endings: Vec<String>,
		/// Said of each text before its file name, for example its source.
		#[arg(long)]
		source: Option<String>,
	},
	/// Accept and reject contributions.
	Review {
		/// The DataNet.
		datanet: DataNetId,
		/// Accept these: 3 or 3-8; repeat for more.
		#[arg(long, value_name = "INDICES")]
		accept: Vec<Indices>,
		/// Reject these.
		#[arg(long, value_name = "INDICES", requires = "reason")]
		reject: Vec<Indices>,
		/// Why they are rejected.
		#[arg(long)]
		reason: Option<String>,
		/// Accept all that are pending and not rejected here.
		#[arg(long)]
		accept_pending: bool,
	},
	/// Take a snapshot of the accepted contributions.
	Snapshot {
		/// The DataNet.
		datanet: DataNetId,
	},
	/// Show a DataNet.
	Show {
		/// The DataNet.
		datanet: DataNetId,
	},
	/// List contributions.
	Contributions {
		/// The DataNet.
		datanet: DataNetId,
		/// Pending ones only.
		#[arg(long)]
		pending: bool,
	},
	/// List DataNets.
	List,
	/// Fetch a snapshot's texts into a folder, proven to be the snapshot's.
	Fetch {
		/// DataNet and snapshot: ID or ID:VERSION.
		snapshot: Versioned,
		/// Where to.
		folder: PathBuf,
	},
	/// Replace the curators.
	Curators {
		/// The DataNet.
		datanet: DataNetId,
		/// The new ones.
		#[arg(required = true, value_parser = parse::account)]
		curators: Vec<AccountId>,
	},
	/// Begin the next epoch of a private DataNet: those whose grants stand get its keys, others cannot read what is
	/// contributed from now on.
	Rotate {
		/// The DataNet.
		datanet: DataNetId,
	},
	/// Set what a grant to use a private DataNet costs, or end the offer.
	Offer {
		/// The DataNet.
		datanet: DataNetId,
		/// What for.
		#[arg(long, value_enum)]
		purpose: PurposeArgument,
		/// The price, TRB; 0 for a free grant.
		#[arg(long, value_name = "TRB", value_parser = parse::amount, required_unless_present = "end")]
		price: Option<Balance>,
		/// Offer no more grants.
		#[arg(long, conflicts_with = "price")]
		end: bool,
	},
	/// Show one contribution's text; a private one is opened in memory.
	Read {
		/// The DataNet.
		datanet: DataNetId,
		/// The contribution.
		index: ContributionIndex,
	},
	/// Erase a contribution: it is no longer served, indexed or trained on, and its text is deleted from the store.
	#[command(alias = "tombstone")]
	Erase {
		/// The DataNet.
		datanet: DataNetId,
		/// The contribution.
		index: ContributionIndex,
	},
	/// Take back a pending or rejected contribution, and its deposit.
	Withdraw {
		/// The DataNet.
		datanet: DataNetId,
		/// The contribution.
		index: ContributionIndex,
	},
}

impl DatanetCommand {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		match self {
			Self::Create { name, description, policy, curators, private } => {
				create(context, (&name, &description), policy, curators, private).await
			}
			Self::Add { datanet, path, licence, endings, source } => {
				add::add(context, datanet, &path, &add::Labels { licence, endings, source }).await
			}
			Self::Review { datanet, accept, reject, reason, accept_pending } => {
				let decide = |index: ContributionIndex| {
					let named = |list: &[Indices]| list.iter().any(|indices| indices.contains(index));
					match (named(&reject), named(&accept) || accept_pending) {
						(true, _) => Some(Review::Reject(reason.clone().unwrap_or_default().into_bytes())),
						(false, true) => Some(Review::Accept),
						(false, false) => None,
					}
				};
				review(context, datanet, decide).await
			}
			Self::Snapshot { datanet } => take_snapshot(context, datanet).await,
			Self::Show { datanet } => {
				let chain = context.chain().await?;
				let view = chain.datanet(datanet).await?.ok_or_else(|| no_datanet(datanet))?;
				let access = chain.access(datanet).await?;
				let mut json = datanet_json(&view);
				add(&mut json, "access", private::access_json(access.as_ref()));
				Ok(Output::new(json, datanet_text(&view, access.as_ref())))
			}
			Self::Contributions { datanet, pending } => {
				let mut all = texts::contributions(context.chain().await?, datanet).await?;
				all.retain(|one| !pending || one.status == ContributionStatus::Pending);
				let json = all.iter().map(contribution_json).collect();
				let rows = all.iter().map(contribution_row).collect();
				let headings = ["index>", "status", "bytes>", "licence", "contributor", "metadata"];
				Ok(Output::new(json, table(&headings, rows)))
			}
			Self::List => list(context).await,
			Self::Fetch { snapshot: argument, folder } => {
				let chain = context.chain().await?;
				let reference = argument.snapshot(chain).await?;
				texts::refuse_private(chain, reference.datanet).await?;
				let members = texts::members(chain, reference).await?;
				texts::write(context, &members, &folder).await?;
				let json =
					json!({ "snapshot": snapshot(reference), "texts": members.len(), "folder": folder });
				Ok(Output::new(json, format!("{} texts of snapshot {}", members.len(), snapshot(reference))))
			}
			Self::Curators { datanet, curators } => {
				let text = format!("DataNet {datanet} has {} curators", curators.len());
				context.submit_and_say(&Call::set_curators(datanet, &curators), text).await
			}
			Self::Rotate { datanet } => private::rotate(context, datanet).await,
			Self::Offer { datanet, purpose, price, end: _ } => {
				private::offer(context, datanet, purpose.into(), price).await
			}
			Self::Read { datanet, index } => private::read(context, datanet, index).await,
			Self::Erase { datanet, index } => private::erase(context, datanet, index).await,
			Self::Withdraw { datanet, index } => {
				let text = format!("contribution {index} of DataNet {datanet} is withdrawn");
				context.submit_and_say(&Call::withdraw_contribution(datanet, index), text).await
			}
		}
	}
}

async fn create(
	context: &Context,
	(name, description): (&str, &str),
	policy: PolicyArgument,
	mut curators: Vec<AccountId>,
	private: bool,
) -> Result<Output, Failure> {
	let signer = context.signer()?;
	let policy = match policy {
		PolicyArgument::Open => Policy::Open,
		PolicyArgument::Curated => Policy::Curated,
	};
	if curators.is_empty() {
		curators.push(signer.account());
	}
	let included =
		context.submit_as(&Call::create_datanet(name, description, policy, &curators), &signer).await?;
	let missing =
		|| Failure::Other("the chain did not say which DataNet it created: see `datanet list`".into());
	let id = included.created_datanet().ok_or_else(missing)?;
	let recipient = match private {
		true => Some(private::make_private(context, &signer, id).await.map_err(|error| {
			// Not as the error itself would say it: something was changed.
			Failure::Other(format!(
				"DataNet {id} was created but may be public, for it was not made private: {error}. Add nothing to it and create another"
			))
		})?),
		false => None,
	};
	let how = recipient.as_ref().map(|to| format!(", private, encrypted to {to}")).unwrap_or_default();
	let text = format!("DataNet {id} ({name}){how}. Next: tributary datanet add {id} FOLDER --licence SPDX");
	Ok(Output::new(json!({ "datanet": id, "recipient": recipient, "included": included }), text))
}

async fn review(
	context: &Context,
	datanet: DataNetId,
	decide: impl Fn(ContributionIndex) -> Option<Review>,
) -> Result<Output, Failure> {
	let pending: BTreeSet<_> = texts::contributions(context.chain().await?, datanet)
		.await?
		.into_iter()
		.filter(|one| one.status == ContributionStatus::Pending)
		.map(|one| one.index)
		.collect();
	let verdict =
		|index: &ContributionIndex| decide(*index).map(|verdict| Decision { index: *index, verdict });
	let decisions: Vec<_> = pending.iter().filter_map(verdict).collect();
	if decisions.is_empty() {
		let shown = format!("tributary datanet contributions {datanet} --pending");
		return Err(Failure::Usage(format!(
			"nothing to decide: {} are pending, see `{shown}`; choose with --accept, --reject or --accept-pending",
			pending.len()
		)));
	}
	let signer = context.signer()?;
	let bar = texts::progress(decisions.len(), "reviewing");
	for chunk in decisions.chunks(PER_CALL) {
		context.submit_as(&Call::review(datanet, chunk), &signer).await?;
		bar.inc(chunk.len() as u64);
	}
	bar.finish_and_clear();
	let accepted = decisions.iter().filter(|decision| decision.verdict == Review::Accept).count();
	let rejected = decisions.len().saturating_sub(accepted);
	let json = json!({ "datanet": datanet, "accepted": accepted, "rejected": rejected });
	Ok(Output::new(
		json,
		format!("accepted {accepted}, rejected {rejected} contributions of DataNet {datanet}"),
	))
}

async fn take_snapshot(context: &Context, datanet: DataNetId) -> Result<Output, Failure> {
	let included = context.submit(&Call::snapshot(datanet)).await?;
	let event = included.event("Datanets", "SnapshotTaken");
	let version = event.and_then(|event| event.fields.get("snapshot")?.get("version")?.as_u64());
	let leaves = event.and_then(|event| event.number("leaves"));
	let (Some(version), Some(leaves)) = (version, leaves) else {
		return Err(Failure::Other(
			"the chain did not say which snapshot it took: see `datanet show`".into(),
		));
	};
	let json = json!({ "datanet": datanet, "version": version, "leaves": leaves, "included": included });
	Ok(Output::new(json, format!("snapshot {datanet}:{version} of {leaves} contributions")))
}

async fn list(context: &Context) -> Result<Output, Failure> {
	let chain = context.chain().await?;
	let mut all: Vec<DataNetView> = Vec::new();
	loop {
		let start = all.last().map_or(0, |last| last.id.saturating_add(1));
		let page = chain.datanets(start, MAX_PAGE).await?;
		if page.is_empty() {
			break;
		}
		all.extend(page);
	}
	let json = all.iter().map(datanet_json).collect();
	let row = |view: &DataNetView| {
		vec![
			view.id.to_string(),
			line(&view.name),
			format!("{:?}", view.policy),
			view.contributions.to_string(),
			view.accepted.to_string(),
			view.snapshots.to_string(),
			address(&view.owner),
		]
	};
	let headings = ["id>", "name", "policy", "contributions>", "accepted>", "snapshots>", "owner"];
	Ok(Output::new(json, table(&headings, all.iter().map(row).collect())))
}

fn datanet_json(view: &DataNetView) -> Value {
	json!({
		"id": view.id,
		"name": line(&view.name),
		"description": line(&view.description),
		"policy": format!("{:?}", view.policy).to_lowercase(),
		"owner": address(&view.owner),
		"curators": view.curators.iter().map(address).collect::<Vec<_>>(),
		"contributions": view.contributions,
		"accepted": view.accepted,
		"snapshots": view.snapshots,
	})
}

fn datanet_text(view: &DataNetView, access: Option<&AccessView>) -> String {
	let mut lines = vec![
		("DataNet", view.id.to_string()),
		("name", line(&view.name)),
		("description", line(&view.description)),
		("policy", format!("{:?}", view.policy)),
		("owner", address(&view.owner)),
		("curators", view.curators.iter().map(address).collect::<Vec<_>>().join(", ")),
		("contributions", format!("{} ({} accepted)", view.contributions, view.accepted)),
		("snapshots", view.snapshots.to_string()),
	];
	lines.extend(private::access_facts(access));
	facts(&lines)
}

fn status(status: &ContributionStatus) -> &'static str {
	match status {
		ContributionStatus::Pending => "pending",
		ContributionStatus::Accepted { .. } => "accepted",
		ContributionStatus::Rejected => "rejected",
		ContributionStatus::Tombstoned => "erased",
	}
}

fn contribution_json(one: &ContributionView) -> Value {
	json!({
		"index": one.index,
		"status": status(&one.status),
		"content": hex32(&one.content),
		"bytes": one.bytes,
		"licence": line(&one.licence),
		"contributor": address(&one.contributor),
		"metadata": line(&one.metadata),
	})
}

fn contribution_row(one: &ContributionView) -> Vec<String> {
	vec![
		one.index.to_string(),
		status(&one.status).into(),
		one.bytes.to_string(),
		line(&one.licence),
		address(&one.contributor),
		line(&one.metadata),
	]
}
