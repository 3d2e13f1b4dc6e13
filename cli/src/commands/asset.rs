//! `tributary asset`: what base models, adapters, prompts and agents share.

use super::document::{self, AttachArguments, DetachArguments};
use crate::{
	context::Context,
	failure::Failure,
	output::*,
	parse::{self, no_asset, Versioned},
};
use clap::{Args, Subcommand};
use serde_json::{json, Value};
use tributary_client::chain::{Call, Included, MAX_PAGE};
use tributary_primitives::{
	fee::Price,
	views::{AssetView, VersionView},
	AccountId, AssetId, AssetKind, Balance, PPM,
};

/// A price; both rates are TRB per 1,000 tokens.
#[derive(Clone, Copy, Debug, Args)]
pub struct PriceArguments {
	/// TRB per 1,000 tokens read.
	#[arg(long, value_name = "TRB", value_parser = parse::amount)]
	price_in: Balance,
	/// TRB per 1,000 tokens written.
	#[arg(long, value_name = "TRB", value_parser = parse::amount)]
	price_out: Balance,
}

impl From<PriceArguments> for Price {
	fn from(arguments: PriceArguments) -> Self {
		Self { input: arguments.price_in, output: arguments.price_out }
	}
}

/// What all assets share: list, show, price, owner, income, documents.
#[derive(Debug, Subcommand)]
pub enum AssetCommand {
	/// List assets.
	List {
		/// Of this kind only: base, adapter, prompt, tool or agent.
		#[arg(long, value_parser = kind)]
		kind: Option<AssetKind>,
	},
	/// Show an asset.
	Show {
		/// The asset.
		asset: AssetId,
	},
	/// Set an asset's price.
	Price {
		/// The asset.
		asset: AssetId,
		/// The price.
		#[command(flatten)]
		price: PriceArguments,
	},
	/// Give an asset to another owner.
	Transfer {
		/// The asset.
		asset: AssetId,
		/// Whom.
		#[arg(value_parser = parse::account)]
		to: AccountId,
	},
	/// Split an asset's income among at most 8 accounts.
	Holders {
		/// The asset.
		asset: AssetId,
		/// Who, and with what weight.
		#[arg(required = true, value_name = "ACCOUNT=WEIGHT", value_parser = parse::holder)]
		holders: Vec<(AccountId, u16)>,
	},
	/// Close an asset to new agents.
	Retire {
		/// The asset.
		asset: AssetId,
	},
	/// Attach a document to a version: what an ablation found, how it was trained, where it comes from.
	Attach(AttachArguments),
	/// Take a document back, and its deposit.
	Detach(DetachArguments),
	/// List what is attached to a version.
	Documents {
		/// Which: ID or ID:VERSION.
		version: Versioned,
	},
	/// List what a version was trained on that has been erased since.
	Erased {
		/// Which: ID or ID:VERSION.
		version: Versioned,
	},
}

impl AssetCommand {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		match self {
			Self::List { kind } => list(context, kind).await,
			Self::Show { asset } => {
				let view = context.chain().await?.asset(asset).await?.ok_or_else(|| no_asset(asset))?;
				Ok(Output::new(asset_json(&view), asset_text(&view)))
			}
			Self::Price { asset, price } => {
				let text = format!("asset {asset} has a new price");
				context.submit_and_say(&Call::set_price(asset, price.into()), text).await
			}
			Self::Transfer { asset, to } => {
				let text = format!("asset {asset} belongs to {}", address(&to));
				context.submit_and_say(&Call::transfer_asset(asset, to), text).await
			}
			Self::Holders { asset, holders } => {
				let text = format!("asset {asset} pays {} accounts from the next credit on", holders.len());
				context.submit_and_say(&Call::set_holders(asset, &holders), text).await
			}
			Self::Retire { asset } => {
				context
					.submit_and_say(&Call::retire(asset), format!("asset {asset} is closed to new agents"))
					.await
			}
			Self::Attach(arguments) => arguments.run(context).await,
			Self::Detach(arguments) => arguments.run(context).await,
			Self::Documents { version } => document::documents(context, version).await,
			Self::Erased { version } => document::erased(context, version).await,
		}
	}
}

fn kind(text: &str) -> Result<AssetKind, String> {
	match text {
		"base" => Ok(AssetKind::BaseModel),
		"adapter" => Ok(AssetKind::Adapter),
		"prompt" => Ok(AssetKind::Prompt),
		"tool" => Ok(AssetKind::Tool),
		"agent" => Ok(AssetKind::Agent),
		_ => Err(format!("`{text}` is no kind: give base, adapter, prompt, tool or agent")),
	}
}

/// The kind in words.
pub fn kind_name(kind: AssetKind) -> &'static str {
	match kind {
		AssetKind::BaseModel => "base model",
		AssetKind::Adapter => "adapter",
		AssetKind::Prompt => "prompt",
		AssetKind::Tool => "tool",
		AssetKind::Agent => "agent",
	}
}

/// The result of publishing an asset.
pub fn published(included: &Included, what: &str, content: &str, next: &str) -> Result<Output, Failure> {
	let missing =
		|| Failure::Other("the chain did not say which asset it registered: see `asset list`".into());
	let id = included.registered_asset().ok_or_else(missing)?;
	let json = json!({ "asset": id, "version": 1, "content": content, "included": included });
	Ok(Output::new(json, format!("{what} is asset {id}, version 1. {}", next.replace("ID", &id.to_string()))))
}

/// The result of adding a version.
pub fn versioned(included: &Included, content: &str) -> Result<Output, Failure> {
	let missing = || Failure::Other("the chain did not say which version it added: see `asset show`".into());
	let added = included.added_version().ok_or_else(missing)?;
	let json =
		json!({ "asset": added.asset, "version": added.version, "content": content, "included": included });
	Ok(Output::new(json, format!("asset {}, version {}", added.asset, added.version)))
}

async fn list(context: &Context, kind: Option<AssetKind>) -> Result<Output, Failure> {
	let chain = context.chain().await?;
	let mut all: Vec<AssetView> = Vec::new();
	loop {
		let start = all.last().map_or(0, |last| last.id.saturating_add(1));
		let page = chain.assets(start, MAX_PAGE).await?;
		if page.is_empty() {
			break;
		}
		all.extend(page);
	}
	all.retain(|view| kind.is_none_or(|kind| view.kind == kind));
	let row = |view: &AssetView| {
		vec![
			view.id.to_string(),
			kind_name(view.kind).into(),
			line(&view.name),
			view.versions.len().to_string(),
			trb(view.price.input),
			trb(view.price.output),
			if view.retired { "retired".into() } else { String::new() },
			address(&view.owner),
		]
	};
	let headings = ["id>", "kind", "name", "versions>", "per 1,000 in>", "per 1,000 out>", "", "owner"];
	let text = table(&headings, all.iter().map(row).collect());
	Ok(Output::new(all.iter().map(asset_json).collect(), text))
}

/// An asset as JSON.
pub fn asset_json(view: &AssetView) -> Value {
	json!({
		"id": view.id,
		"kind": kind_name(view.kind),
		"name": line(&view.name),
		"owner": address(&view.owner),
		"price_input": view.price.input.to_string(),
		"price_output": view.price.output.to_string(),
		"retired": view.retired,
		"versions": view.versions.iter().map(version_json).collect::<Vec<_>>(),
	})
}

fn version_json(view: &VersionView) -> Value {
	json!({
		"version": view.version,
		"content": hex32(&view.content),
		"hints": view.hints.iter().map(|hint| line(hint)).collect::<Vec<_>>(),
		"payees": view.payees.iter().map(|payee| json!({ "asset": payee.asset, "ppm": payee.share })).collect::<Vec<_>>(),
		"created_at": view.created_at,
	})
}

/// An asset as text.
pub fn asset_text(view: &AssetView) -> String {
	let head = facts(&[
		("asset", view.id.to_string()),
		("kind", kind_name(view.kind).into()),
		("name", line(&view.name)),
		("owner", address(&view.owner)),
		(
			"price",
			format!("{} per 1,000 tokens read, {} written", trb(view.price.input), trb(view.price.output)),
		),
		("state", if view.retired { "retired".into() } else { "in use".into() }),
	]);
	let payees = |version: &VersionView| {
		let part = |ppm: u32| format!("{}%", f64::from(ppm) / (f64::from(PPM) / 100.0));
		version
			.payees
			.iter()
			.map(|payee| format!("{} {}", payee.asset, part(payee.share)))
			.collect::<Vec<_>>()
			.join(", ")
	};
	let row = |version: &VersionView| {
		vec![
			version.version.to_string(),
			hex32(&version.content),
			payees(version),
			version.created_at.to_string(),
		]
	};
	let headings = ["version>", "content", "pays (asset, part)", "block>"];
	head + "\n" + &table(&headings, view.versions.iter().map(row).collect())
}
