//! `tributary provenance`: signed statements, exported and verified.

use super::{
	document, provenance_check,
	provenance_gather::gather,
	provenance_target::{self as target, Target},
};
use crate::{context::Context, failure::Failure, output::*, parse::Versioned};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use std::path::{Path, PathBuf};
use tributary_client::{
	provenance::{
		bundle, parse_bundle, Block, Envelope, Kind, ProvenanceError, Signer, Statement, MAX_BUNDLE,
	},
	Keypair,
};
use tributary_primitives::DocumentKind;

/// What a statement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindArgument {
	/// An adapter's version, and how it was trained: ID or ID:VERSION.
	Adapter,
	/// A snapshot of a DataNet: ID or ID:VERSION.
	Datanet,
	/// How an adapter's version was trained: ID or ID:VERSION.
	Training,
	/// A score of a version: ID or ID:VERSION, with --metric.
	Evaluation,
	/// Who shaped an answer: its x-tributary-trail header, with --worker.
	Answer,
}

/// Signed statements of where adapters, data, scores and answers come from.
#[derive(Debug, Subcommand)]
pub enum ProvenanceCommand {
	/// Write statements about what the key's account owns, did or paid for, signed by it.
	Export(ExportArguments),
	/// Check a file's signatures, and what it says against the chain and the content. Exit code 7 when something is
	/// wrong.
	Verify {
		/// What `export` wrote.
		file: PathBuf,
		/// Check the signatures only: needs no node and no content.
		#[arg(long)]
		signatures: bool,
	},
	/// Show the public keys that the key signs statements with.
	Key,
}

/// What to export.
#[derive(Debug, Args)]
pub struct ExportArguments {
	/// About what.
	#[arg(value_enum)]
	kind: KindArgument,
	/// Which: ID, ID:VERSION, or an answer's x-tributary-trail header.
	id: String,
	/// What was measured, for an evaluation.
	#[arg(long, required_if_eq("kind", "evaluation"))]
	metric: Option<String>,
	/// Worker that gave the answer: its URL or operator.
	#[arg(long, env = "TRIBUTARY_WORKER", value_name = "WORKER", required_if_eq("kind", "answer"))]
	worker: Option<String>,
	/// Folder to write into.
	#[arg(long, value_name = "FOLDER", default_value = ".")]
	out: PathBuf,
	/// Store the file and attach its hash to the adapter's version on chain.
	#[arg(long)]
	attach: bool,
	/// Store that others can fetch it from; at most 3.
	#[arg(long = "hint", value_name = "URL", requires = "attach")]
	hints: Vec<String>,
}

impl From<ProvenanceError> for Failure {
	fn from(error: ProvenanceError) -> Self {
		Self::Wrong(error.to_string())
	}
}

impl ProvenanceCommand {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		match self {
			Self::Export(arguments) => arguments.run(context).await,
			Self::Verify { file, signatures } => verify(context, &file, signatures).await,
			Self::Key => {
				let signer = Signer::of(&context.signer()?);
				let text = facts(&[
					("account (sr25519)", signer.account.clone()),
					("Ed25519", signer.ed25519.clone()),
				]);
				Ok(Output::new(json!(signer), text))
			}
		}
	}
}

impl ExportArguments {
	async fn run(self, context: &Context) -> Result<Output, Failure> {
		if self.attach && self.kind != KindArgument::Adapter {
			let hint = "tributary provenance export adapter ID --attach";
			return Err(Failure::Usage(format!("only an adapter's statements are attached to it: `{hint}`")));
		}
		let key = context.signer()?;
		let targets = self.targets(context, &key).await?;
		let mut envelopes = Vec::new();
		for target in &targets {
			envelopes.push(export(context, target, &key).await?);
		}
		let text = bundle(&envelopes)?;
		std::fs::create_dir_all(&self.out).map_err(|e| Failure::file(&self.out, e))?;
		let file = self
			.out
			.join(format!("{}.intoto.jsonl", targets.first().map(Target::file_name).unwrap_or_default()));
		std::fs::write(&file, &text).map_err(|e| Failure::file(&file, e))?;
		let mut said = format!("{} signed statements in {}", envelopes.len(), file.display());
		let mut attached = None;
		if let (true, Some(Target::Adapter(version))) = (self.attach, targets.first()) {
			// Stored before it is registered: whatever is on chain can be fetched.
			let content = context.store()?.put_bytes(text.into_bytes()).await?;
			document::attach(context, *version, DocumentKind::Provenance, content, &self.hints).await?;
			said +=
				&format!("\nattached to asset {} as {}", crate::output::version(*version), hex32(&content));
			attached = Some(hex32(&content));
		}
		let kinds: Vec<_> = targets.iter().map(|target| target.kind().name()).collect();
		Ok(Output::new(json!({ "file": file, "statements": kinds, "attached": attached }), said))
	}

	async fn targets(&self, context: &Context, key: &Keypair) -> Result<Vec<Target>, Failure> {
		let chain = context.chain().await?;
		let versioned = || self.id.parse::<Versioned>().map_err(Failure::Usage);
		Ok(match self.kind {
			KindArgument::Adapter => {
				let version = versioned()?.asset(chain).await?;
				vec![Target::Adapter(version), Target::Training(version)]
			}
			KindArgument::Training => vec![Target::Training(versioned()?.asset(chain).await?)],
			KindArgument::Datanet => vec![Target::DataNet(versioned()?.snapshot(chain).await?)],
			KindArgument::Evaluation => vec![Target::Evaluation {
				version: versioned()?.asset(chain).await?,
				evaluator: key.account(),
				metric: self.metric.clone().unwrap_or_default(),
			}],
			KindArgument::Answer => {
				vec![target::answer(context, &self.id, self.worker.as_deref().unwrap_or_default()).await?]
			}
		})
	}
}

async fn export(context: &Context, target: &Target, key: &Keypair) -> Result<Envelope, Failure> {
	let chain = context.chain().await?;
	let signer = Signer::of(key);
	let gathered = gather(context, target, &signer).await?;
	if !gathered.signers.contains(&key.account()) {
		let owners: Vec<_> = gathered.signers.iter().map(address).collect();
		return Err(Failure::Refused(format!(
			"this statement is {}'s to sign, not {}'s: name that account's key with --key",
			owners.join(" or "),
			key.address()
		)));
	}
	let block = Block { genesis: hex32(&chain.genesis()), number: chain.block_number().await? };
	let statement = Statement::new(target.kind(), gathered.subjects, signer, block, gathered.about);
	Ok(Envelope::sign(&statement, key)?)
}

async fn verify(context: &Context, file: &Path, signatures: bool) -> Result<Output, Failure> {
	let size = std::fs::metadata(file).map_err(|e| Failure::file(file, e))?.len();
	if size > MAX_BUNDLE as u64 {
		return Err(ProvenanceError::TooLarge(usize::try_from(size).unwrap_or(usize::MAX)).into());
	}
	let text = std::fs::read(file).map_err(|e| Failure::file(file, e))?;
	let (mut rows, mut found) = (Vec::new(), Vec::new());
	for envelope in parse_bundle(&text)? {
		// An envelope that was changed is not looked into.
		let statement = envelope.verify()?;
		let kind: Kind = statement.kind()?;
		let name = statement.subject.first().map(|subject| line(subject.name.as_bytes())).unwrap_or_default();
		let signer = &statement.signer().account;
		rows.push(vec!["ok".into(), name.clone(), format!("signed by {signer}, sr25519 and Ed25519")]);
		let notes = match signatures {
			true => Vec::new(),
			false => provenance_check::check(context, &statement).await?,
		};
		rows.extend(notes.iter().map(|note| vec!["ok".into(), name.clone(), note.clone()]));
		found.push(json!({
			"kind": kind.name(), "subject": name, "signer": statement.signer(),
			"block": statement.chain().number, "checks": notes,
		}));
	}
	Ok(Output::new(json!({ "right": true, "statements": found }), table(&["", "statement", "found"], rows)))
}
