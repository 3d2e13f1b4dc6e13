//! What is attached to an asset's version, and what it was trained on that is gone.

use super::ablate::read_report;
use crate::{context::Context, failure::Failure, output::*, parse::Versioned};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::PathBuf;
use tributary_client::chain::{Call, Included, MAX_PAGE};
use tributary_primitives::{views::DocumentView, AssetRef, DocumentKind, Hash};

/// What a document says about a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
	/// What is lost without each DataNet, contributor, prompt or adapter.
	Ablation,
	/// How it was trained.
	TrainingRun,
	/// Signed statements of where it comes from.
	Provenance,
}

impl From<Kind> for DocumentKind {
	fn from(kind: Kind) -> Self {
		match kind {
			Kind::Ablation => Self::Ablation,
			Kind::TrainingRun => Self::TrainingRun,
			Kind::Provenance => Self::Provenance,
		}
	}
}

fn kind_name(kind: DocumentKind) -> &'static str {
	match kind {
		DocumentKind::Ablation => "ablation",
		DocumentKind::TrainingRun => "training-run",
		DocumentKind::Provenance => "provenance",
	}
}

/// Attach a document to a version.
#[derive(Debug, Args)]
pub struct AttachArguments {
	/// Which: ID or ID:VERSION.
	version: Versioned,
	/// What the document says; an earlier one of the same kind is replaced.
	#[arg(long, value_enum)]
	kind: Kind,
	/// The document; it is stored, its hash registered.
	file: PathBuf,
	/// Store that others can fetch it from; at most 3.
	#[arg(long = "hint", value_name = "URL")]
	hints: Vec<String>,
}

/// Attaches stored content to a version, unless it is attached like that already.
pub async fn attach(
	context: &Context,
	version: AssetRef,
	kind: DocumentKind,
	content: Hash,
	hints: &[String],
) -> Result<Option<Included>, Failure> {
	let known = context.chain().await?.documents(version.asset, version.version).await?;
	let same = |one: &DocumentView| {
		let hinted = one.hints.iter().map(Vec::as_slice).eq(hints.iter().map(String::as_bytes));
		one.kind == kind && one.content == content && hinted
	};
	match known.iter().any(same) {
		true => Ok(None),
		false => Ok(Some(context.submit(&Call::attach(version, kind, content, hints)).await?)),
	}
}

impl AttachArguments {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		let version = self.version.asset(context.chain().await?).await?;
		let kind: DocumentKind = self.kind.into();
		if kind == DocumentKind::Ablation {
			read_report(&self.file)?;
		}
		let content = context.store()?.put_file(&self.file).await?;
		let included = attach(context, version, kind, content, &self.hints).await?;
		let reference = crate::output::version(version);
		let json = json!({
			"version": reference,
			"kind": kind_name(kind),
			"content": hex32(&content),
			"included": included,
		});
		Ok(Output::new(
			json,
			format!("attached {} to asset {reference}: {}", kind_name(kind), hex32(&content)),
		))
	}
}

/// Take a document back, and its deposit.
#[derive(Debug, Args)]
pub struct DetachArguments {
	/// Which: ID or ID:VERSION.
	version: Versioned,
	/// What the document says.
	#[arg(long, value_enum)]
	kind: Kind,
}

impl DetachArguments {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		let version = self.version.asset(context.chain().await?).await?;
		let kind = self.kind.into();
		let text = format!("took {} back from asset {}", kind_name(kind), crate::output::version(version));
		context.submit_and_say(&Call::detach(version, kind), text).await
	}
}

/// Lists a version's documents.
pub async fn documents(context: &Context, version: Versioned) -> Result<Output, Failure> {
	let chain = context.chain().await?;
	let version = version.asset(chain).await?;
	let documents = chain.documents(version.asset, version.version).await?;
	let hints = |view: &DocumentView| view.hints.iter().map(|hint| line(hint)).collect::<Vec<_>>();
	let row = |view: &DocumentView| {
		vec![
			kind_name(view.kind).into(),
			hex32(&view.content),
			view.attached_at.to_string(),
			hints(view).join(", "),
		]
	};
	let object = |view: &DocumentView| {
		json!({
			"kind": kind_name(view.kind),
			"content": hex32(&view.content),
			"hints": hints(view),
			"attached_at": view.attached_at,
		})
	};
	let text = table(&["kind", "content", "block>", "hints"], documents.iter().map(row).collect());
	Ok(Output::new(documents.iter().map(object).collect(), text))
}

/// Lists what of a version's training data has been erased since.
pub async fn erased(context: &Context, version: Versioned) -> Result<Output, Failure> {
	let chain = context.chain().await?;
	let version = version.asset(chain).await?;
	let mut all = Vec::new();
	loop {
		let start = u32::try_from(all.len()).unwrap_or(u32::MAX);
		let page = chain.erased(version.asset, version.version, start, MAX_PAGE).await?;
		if page.is_empty() {
			break;
		}
		all.extend(page);
	}
	let row = |(datanet, contribution): &(u32, u32)| vec![datanet.to_string(), contribution.to_string()];
	let object =
		|(datanet, contribution): &(u32, u32)| json!({ "datanet": datanet, "contribution": contribution });
	let text = table(&["DataNet>", "contribution>"], all.iter().map(row).collect());
	Ok(Output::new(all.iter().map(object).collect(), text))
}
