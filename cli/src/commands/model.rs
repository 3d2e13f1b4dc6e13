//! `tributary base` and `tributary adapter`.

use super::asset::{published, versioned, PriceArguments};
use crate::{
	context::Context,
	failure::Failure,
	output::*,
	parse::{self, Versioned, Weighted},
};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use std::path::{Path, PathBuf};
use tributary_client::{chain::Call, Chain};
use tributary_factory::{configuration_hash, ADAPTER_CONFIG, ADAPTER_WEIGHTS, RECORD};
use tributary_primitives::{
	royalty::Parent, views::TrainingView, AccountId, AssetId, AssetRef, Hash, SnapshotRef,
};

/// File that `tributary train` leaves beside an adapter's weights: what it was trained on.
pub const LINEAGE: &str = "lineage.json";

/// What an adapter was trained on, by chain ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
	/// Base model: asset and version.
	pub base: (u32, u32),
	/// DataNets and snapshots.
	pub snapshots: Vec<(u32, u32)>,
}

/// Base models: publish and add versions.
#[derive(Debug, Subcommand)]
pub enum BaseCommand {
	/// Publish a Hugging Face folder (config.json, model.safetensors, tokenizer.json).
	Publish {
		/// Its name.
		name: String,
		/// The folder.
		folder: PathBuf,
		/// Its price.
		#[command(flatten)]
		price: PriceArguments,
		/// Store that others can fetch it from; at most 3.
		#[arg(long = "hint", value_name = "URL")]
		hints: Vec<String>,
	},
	/// Add a version.
	Version {
		/// The base model.
		asset: AssetId,
		/// The folder.
		folder: PathBuf,
		/// Store that others can fetch it from; at most 3.
		#[arg(long = "hint", value_name = "URL")]
		hints: Vec<String>,
	},
	/// Report how well a version does; for its evaluators.
	Evaluate(EvaluateArguments),
	/// Name who may evaluate, at most 8 accounts.
	Evaluators(EvaluatorsArguments),
}

/// Adapters: publish, add versions, evaluate.
#[derive(Debug, Subcommand)]
pub enum AdapterCommand {
	/// Publish a PEFT folder (adapter_config.json, adapter_model.safetensors).
	Publish {
		/// Its name.
		name: String,
		/// The folder.
		folder: PathBuf,
		/// Its price.
		#[command(flatten)]
		price: PriceArguments,
		/// What it was trained on.
		#[command(flatten)]
		training: TrainingArguments,
		/// Store that others can fetch it from; at most 3.
		#[arg(long = "hint", value_name = "URL")]
		hints: Vec<String>,
	},
	/// Add a version.
	Version {
		/// The adapter.
		asset: AssetId,
		/// The folder.
		folder: PathBuf,
		/// What it was trained on.
		#[command(flatten)]
		training: TrainingArguments,
		/// Store that others can fetch it from; at most 3.
		#[arg(long = "hint", value_name = "URL")]
		hints: Vec<String>,
	},
	/// Report how well a version does; for its evaluators.
	Evaluate(EvaluateArguments),
	/// Name who may evaluate, at most 8 accounts.
	Evaluators(EvaluatorsArguments),
}

/// What an adapter was trained on; what is left out is read from lineage.json and training.json, which
/// `tributary train` leaves in the folder.
#[derive(Debug, Args)]
pub struct TrainingArguments {
	/// Base model: ID or ID:VERSION.
	#[arg(long)]
	base: Option<Versioned>,
	/// Snapshot it was trained on: ID or ID:VERSION; repeat for more.
	#[arg(long = "datanet", value_name = "SNAPSHOT")]
	datanets: Vec<Versioned>,
	/// Training configuration, JSON; its hash is registered.
	#[arg(long, value_name = "FILE")]
	configuration: Option<PathBuf>,
	/// Asset it is derived from and the part of its income that the parent gets: ID=0.1; repeat for more.
	#[arg(long = "parent", value_name = "ASSET=PART")]
	parents: Vec<Weighted>,
}

/// Report a score.
#[derive(Debug, Args)]
pub struct EvaluateArguments {
	/// What is evaluated: ID or ID:VERSION.
	version: Versioned,
	/// What it was measured on, a snapshot that was held out from training: ID or ID:VERSION.
	#[arg(long, value_name = "SNAPSHOT")]
	benchmark: Versioned,
	/// What was measured, for example perplexity.
	#[arg(long)]
	metric: String,
	/// The score, at most 6 decimals.
	#[arg(long, value_parser = parse::score, allow_hyphen_values = true)]
	score: i64,
	/// The report; it is stored, its hash registered.
	#[arg(long, value_name = "FILE")]
	report: PathBuf,
}

/// Name evaluators.
#[derive(Debug, Args)]
pub struct EvaluatorsArguments {
	/// The asset.
	asset: AssetId,
	/// Who; none to close it to evaluation.
	#[arg(value_parser = parse::account)]
	evaluators: Vec<AccountId>,
}

impl BaseCommand {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		match self {
			Self::Publish { name, folder, price, hints } => {
				let content = store(context, &folder, &["config.json", "tokenizer.json"]).await?;
				let included =
					context.submit(&Call::register_base(&name, content, &hints, price.into())).await?;
				let next = "Next: train adapters on it (tributary train --base ID ...) or compose an agent.";
				published(&included, &name, &hex32(&content), next)
			}
			Self::Version { asset, folder, hints } => {
				let content = store(context, &folder, &["config.json", "tokenizer.json"]).await?;
				let call = Call::add_model_version(asset, content, &hints, &[], None);
				versioned(&context.submit(&call).await?, &hex32(&content))
			}
			Self::Evaluate(arguments) => arguments.run(context).await,
			Self::Evaluators(arguments) => arguments.run(context).await,
		}
	}
}

impl AdapterCommand {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		match self {
			Self::Publish { name, folder, price, training, hints } => {
				let (parents, training) = training.resolve(context.chain().await?, &folder).await?;
				let content = store(context, &folder, &[ADAPTER_CONFIG, ADAPTER_WEIGHTS]).await?;
				let call = Call::register_adapter(&name, content, &hints, price.into(), &parents, &training);
				let next = "Next: compose it into an agent (tributary agent compose ... --adapter ID).";
				published(&context.submit(&call).await?, &name, &hex32(&content), next)
			}
			Self::Version { asset, folder, training, hints } => {
				let (parents, training) = training.resolve(context.chain().await?, &folder).await?;
				let content = store(context, &folder, &[ADAPTER_CONFIG, ADAPTER_WEIGHTS]).await?;
				let call = Call::add_model_version(asset, content, &hints, &parents, Some(&training));
				versioned(&context.submit(&call).await?, &hex32(&content))
			}
			Self::Evaluate(arguments) => arguments.run(context).await,
			Self::Evaluators(arguments) => arguments.run(context).await,
		}
	}
}

impl EvaluateArguments {
	async fn run(self, context: &Context) -> Result<Output, Failure> {
		let chain = context.chain().await?;
		let version = self.version.asset(chain).await?;
		let benchmark = self.benchmark.snapshot(chain).await?;
		let report = context.store()?.put_file(&self.report).await?;
		let call = Call::report(version, benchmark, &self.metric, self.score, report);
		let text = format!("reported {} of asset {}", self.metric, crate::output::version(version));
		context.submit_and_say(&call, text).await
	}
}

impl EvaluatorsArguments {
	async fn run(self, context: &Context) -> Result<Output, Failure> {
		let text = format!("asset {} has {} evaluators", self.asset, self.evaluators.len());
		context.submit_and_say(&Call::set_evaluators(self.asset, &self.evaluators), text).await
	}
}

async fn store(context: &Context, folder: &Path, needed: &[&str]) -> Result<Hash, Failure> {
	for name in needed {
		if !folder.join(name).is_file() {
			return Err(Failure::file(folder, format!("there is no {name} in it")));
		}
	}
	Ok(context.store()?.put_folder(folder).await?)
}

impl TrainingArguments {
	async fn resolve(&self, chain: &Chain, folder: &Path) -> Result<(Vec<Parent>, TrainingView), Failure> {
		let lineage: Option<Lineage> = match read_json(&folder.join(LINEAGE))? {
			Some(value) => {
				Some(serde_json::from_value(value).map_err(|e| Failure::file(&folder.join(LINEAGE), e))?)
			}
			None => None,
		};
		let base = match (self.base, &lineage) {
			(Some(base), _) => base.asset(chain).await?,
			(None, Some(Lineage { base: (asset, version), .. })) => {
				AssetRef { asset: *asset, version: *version }
			}
			(None, None) => {
				return Err(Failure::Usage("which base model was it trained on? Give --base ID".into()))
			}
		};
		let mut snapshots = Vec::new();
		for argument in &self.datanets {
			snapshots.push(argument.snapshot(chain).await?);
		}
		if let (true, Some(lineage)) = (snapshots.is_empty(), &lineage) {
			let reference =
				|(datanet, version): &(u32, u32)| SnapshotRef { datanet: *datanet, version: *version };
			snapshots = lineage.snapshots.iter().map(reference).collect();
		}
		let mut parents = Vec::new();
		for parent in &self.parents {
			let missing =
				|| Failure::Usage(format!("what part does parent {} get? Write ID=0.1", parent.of.id));
			parents.push(Parent { asset: parent.of.id, share: parent.ppm.ok_or_else(missing)? });
		}
		let configuration = configuration(self.configuration.as_deref(), folder)?;
		Ok((parents, TrainingView { base, rank: rank(folder)?, snapshots, configuration }))
	}
}

/// The LoRA rank that the folder's configuration names.
pub fn rank(folder: &Path) -> Result<u16, Failure> {
	let path = folder.join(ADAPTER_CONFIG);
	let config =
		read_json(&path)?.ok_or_else(|| Failure::file(&path, "there is no such file: give a PEFT folder"))?;
	let rank = config.get("r").and_then(Value::as_u64).and_then(|rank| u16::try_from(rank).ok());
	rank.filter(|rank| *rank > 0).ok_or_else(|| Failure::file(&path, "`r` is no rank from 1 to 65535"))
}

/// Hash of the training configuration: of a file, or of what the factory recorded.
pub fn configuration(file: Option<&Path>, folder: &Path) -> Result<Hash, Failure> {
	if let Some(path) = file {
		let value = read_json(path)?.ok_or_else(|| Failure::file(path, "there is no such file"))?;
		return Ok(configuration_hash(&value));
	}
	let path = folder.join(RECORD);
	let hint = "how was it trained? Give the settings as JSON with --configuration";
	let record = read_json(&path)?.ok_or_else(|| Failure::Usage(hint.into()))?;
	let value =
		record.get("configuration").ok_or_else(|| Failure::file(&path, "`configuration` is missing"))?;
	Ok(configuration_hash(value))
}

/// Reads a file of JSON; `None` where there is none.
pub fn read_json(path: &Path) -> Result<Option<Value>, Failure> {
	match std::fs::read(path) {
		Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| Failure::file(path, e)),
		Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
		Err(error) => Err(Failure::file(path, error)),
	}
}

/// Writes what an adapter was trained on beside its weights.
pub fn write_lineage(folder: &Path, base: AssetRef, snapshots: &[SnapshotRef]) -> Result<(), Failure> {
	let snapshots: Vec<_> = snapshots.iter().map(|snapshot| (snapshot.datanet, snapshot.version)).collect();
	let lineage = json!(Lineage { base: (base.asset, base.version), snapshots });
	let path = folder.join(LINEAGE);
	std::fs::write(&path, format!("{lineage:#}\n")).map_err(|e| Failure::file(&path, e))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn rank_is_read_when_the_folder_is_an_adapter() {
		let folder = tempfile::tempdir().unwrap();
		assert!(rank(folder.path()).unwrap_err().to_string().contains("PEFT"));
		std::fs::write(folder.path().join(ADAPTER_CONFIG), r#"{"r": 8}"#).unwrap();
		assert_eq!(rank(folder.path()).unwrap(), 8);
		for text in [r#"{"r": 0}"#, r#"{"r": "8"}"#, "{}", "not json"] {
			std::fs::write(folder.path().join(ADAPTER_CONFIG), text).unwrap();
			assert!(rank(folder.path()).is_err(), "{text}");
		}
	}

	#[test]
	fn configuration_is_found_when_the_factory_recorded_it() {
		let folder = tempfile::tempdir().unwrap();
		assert!(matches!(configuration(None, folder.path()), Err(Failure::Usage(_))));
		let settings = json!({ "rank": 8 });
		let record = json!({ "configuration": settings, "report": {} });
		std::fs::write(folder.path().join(RECORD), record.to_string()).unwrap();
		assert_eq!(configuration(None, folder.path()).unwrap(), configuration_hash(&settings));
	}

	#[test]
	fn lineage_comes_back_when_written() {
		let folder = tempfile::tempdir().unwrap();
		let (base, snapshot) = (AssetRef { asset: 1, version: 2 }, SnapshotRef { datanet: 3, version: 4 });
		write_lineage(folder.path(), base, &[snapshot]).unwrap();
		let value = read_json(&folder.path().join(LINEAGE)).unwrap().unwrap();
		let lineage: Lineage = serde_json::from_value(value).unwrap();
		assert_eq!(lineage, Lineage { base: (1, 2), snapshots: vec![(3, 4)] });
	}
}
