//! `tributary prompt`.

use super::asset::{published, versioned, PriceArguments};
use crate::{
	context::Context,
	failure::Failure,
	output::*,
	parse::{no_asset, Versioned},
};
use clap::Subcommand;
use serde_json::json;
use std::path::{Path, PathBuf};
use tributary_client::chain::Call;
use tributary_primitives::{AssetId, AssetKind, Hash};

/// Most bytes of a prompt.
pub const MAX_PROMPT: usize = 256 << 10;

/// Prompts: publish, fork, add versions.
#[derive(Debug, Subcommand)]
pub enum PromptCommand {
	/// Publish a text file as a prompt.
	Publish {
		/// Its name.
		name: String,
		/// The text.
		file: PathBuf,
		/// Its price.
		#[command(flatten)]
		price: PriceArguments,
		/// Store that others can fetch it from; at most 3.
		#[arg(long = "hint", value_name = "URL")]
		hints: Vec<String>,
	},
	/// Publish a prompt derived from another, which is paid a share.
	Fork {
		/// The parent: ID or ID:VERSION.
		parent: Versioned,
		/// The fork's name.
		name: String,
		/// The fork's text.
		file: PathBuf,
		/// Its price.
		#[command(flatten)]
		price: PriceArguments,
		/// Store that others can fetch it from; at most 3.
		#[arg(long = "hint", value_name = "URL")]
		hints: Vec<String>,
	},
	/// Add a version.
	Version {
		/// The prompt.
		asset: AssetId,
		/// The new text.
		file: PathBuf,
		/// Store that others can fetch it from; at most 3.
		#[arg(long = "hint", value_name = "URL")]
		hints: Vec<String>,
	},
	/// Show a prompt's text.
	Show {
		/// The prompt: ID or ID:VERSION.
		prompt: Versioned,
	},
}

impl PromptCommand {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		let next = "Next: compose it into an agent (tributary agent compose ... --prompt ID)";
		match self {
			Self::Publish { name, file, price, hints } => {
				let content = store(context, &file).await?;
				let included =
					context.submit(&Call::create_prompt(&name, content, &hints, price.into())).await?;
				published(&included, &name, &hex32(&content), next)
			}
			Self::Fork { parent, name, file, price, hints } => {
				let parent = parent.asset(context.chain().await?).await?;
				let content = store(context, &file).await?;
				let included =
					context.submit(&Call::fork_prompt(parent, &name, content, &hints, price.into())).await?;
				published(&included, &name, &hex32(&content), next)
			}
			Self::Version { asset, file, hints } => {
				let content = store(context, &file).await?;
				let included = context.submit(&Call::add_prompt_version(asset, content, &hints)).await?;
				versioned(&included, &hex32(&content))
			}
			Self::Show { prompt } => {
				let chain = context.chain().await?;
				let reference = prompt.asset(chain).await?;
				let view = chain.asset(reference.asset).await?.filter(|view| view.kind == AssetKind::Prompt);
				let view = view.ok_or_else(|| no_asset(reference.asset))?;
				let version = view.versions.iter().find(|version| version.version == reference.version);
				let version = version.ok_or_else(|| no_asset(reference.asset))?;
				let hints: Vec<_> =
					version.hints.iter().filter_map(|hint| std::str::from_utf8(hint).ok()).collect();
				let bytes = context
					.store()?
					.with_sources(hints)
					.get_within(&version.content, MAX_PROMPT as u64)
					.await?;
				let text = String::from_utf8_lossy(&bytes).into_owned();
				let json = json!({ "asset": reference.asset, "version": reference.version, "text": text });
				Ok(Output::new(json, text))
			}
		}
	}
}

async fn store(context: &Context, file: &Path) -> Result<Hash, Failure> {
	let bytes = std::fs::read(file).map_err(|e| Failure::file(file, e))?;
	let text = std::str::from_utf8(&bytes).map_err(|_| Failure::file(file, "not UTF-8 text"))?;
	if text.trim().is_empty() || bytes.len() > MAX_PROMPT {
		return Err(Failure::file(file, format!("a prompt has 1 to {MAX_PROMPT} bytes of text")));
	}
	Ok(context.store()?.put_bytes(bytes).await?)
}
