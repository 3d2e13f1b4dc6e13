//! Publishing the adapter and attaching what is known of it. What is on chain already is taken as it is.

use super::watch::wait;
use crate::{
	commands::model::{configuration, rank, Lineage, LINEAGE},
	context::Context,
	failure::Failure,
	parse,
};
use serde_json::{json, Value};
use std::path::Path;
use tributary_client::chain::{Call, MAX_PAGE};
use tributary_factory::{
	recipe::Publish,
	workflow::{Place, Step, StepError, ABLATION_REPORT, ADAPTER_DIR},
	Progress, RECORD,
};
use tributary_primitives::{
	fee::Price,
	views::{AssetView, TrainingView},
	AccountId, AssetKind, AssetRef, DocumentKind, Hash, SnapshotRef,
};

/// What was registered, in the step's folder.
pub const PUBLISHED: &str = "published.json";
/// What was attached.
const ATTACHED: &str = "documents.json";

/// Registers the adapter, or a version of it.
pub struct PublishStep<'a> {
	/// Chain, store and key.
	pub context: &'a Context,
	/// The chain.
	pub genesis: Hash,
	/// Whose it is.
	pub owner: AccountId,
	/// How.
	pub publish: Publish,
}

/// A recipe's price.
pub fn price(price: &tributary_factory::recipe::Price, field: &str) -> Result<Price, Failure> {
	let amount = |part: &str, text: &str| {
		parse::amount(text).map_err(|error| Failure::Usage(format!("{field}.{part}: {error}")))
	};
	Ok(Price { input: amount("input", &price.input)?, output: amount("output", &price.output)? })
}

/// The newest asset of an owner with a name and kind.
pub async fn owned(
	context: &Context,
	owner: AccountId,
	kind: AssetKind,
	name: &str,
) -> Result<Option<AssetView>, Failure> {
	let chain = context.chain().await?;
	let (mut found, mut start) = (None, 0);
	loop {
		let page = chain.assets(start, MAX_PAGE).await?;
		let Some(last) = page.last() else { return Ok(found) };
		start = last.id.saturating_add(1);
		let fits = |view: &AssetView| {
			view.owner == owner && view.kind == kind && view.name == name.as_bytes() && !view.retired
		};
		found = page.into_iter().rfind(fits).or(found);
	}
}

/// The asset version that a step recorded.
pub fn recorded(folder: &Path, file: &str) -> Result<AssetRef, StepError> {
	let value: Value = serde_json::from_slice(&std::fs::read(folder.join(file))?)?;
	let number = |name: &str| value.get(name).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
	let asset = number("asset").zip(number("version"));
	let (asset, version) = asset.ok_or_else(|| format!("{file} names no asset: remove the step's folder"))?;
	Ok(AssetRef { asset, version })
}

/// Writes what a step registered.
pub fn record(folder: &Path, file: &str, value: &Value) -> Result<(), Failure> {
	let path = folder.join(file);
	std::fs::write(&path, format!("{value:#}\n")).map_err(|e| Failure::file(&path, e))
}

impl PublishStep<'_> {
	async fn publish(&self, adapter: &Path) -> Result<AssetRef, Failure> {
		let Publish { name, price: asked, hints } = &self.publish;
		let price = price(asked, "publish.price")?;
		let content = self.context.store()?.put_folder(adapter).await?;
		let known = owned(self.context, self.owner, AssetKind::Adapter, name).await?;
		let Some(view) = known else {
			let training = training(adapter)?;
			let call = Call::register_adapter(name, content, hints, price, &[], &training);
			let asset = self.context.submit(&call).await?.registered_asset();
			let asset = asset.ok_or_else(|| unsaid("registered"))?;
			return Ok(AssetRef { asset, version: 1 });
		};
		if view.price != price {
			self.context.submit(&Call::set_price(view.id, price)).await?;
		}
		if let Some(version) = view.versions.iter().find(|version| version.content == content) {
			return Ok(AssetRef { asset: view.id, version: version.version });
		}
		let training = training(adapter)?;
		let call = Call::add_model_version(view.id, content, hints, &[], Some(&training));
		self.context.submit(&call).await?.added_version().ok_or_else(|| unsaid("added"))
	}
}

fn unsaid(what: &str) -> Failure {
	Failure::Other(format!("the chain did not say what it {what}: run again, it is looked for first"))
}

/// What the adapter was trained on, as training left it in the folder.
fn training(adapter: &Path) -> Result<TrainingView, Failure> {
	let path = adapter.join(LINEAGE);
	let bytes = std::fs::read(&path).map_err(|e| Failure::file(&path, e))?;
	let lineage: Lineage = serde_json::from_slice(&bytes).map_err(|e| Failure::file(&path, e))?;
	let snapshot = |(datanet, version): &(u32, u32)| SnapshotRef { datanet: *datanet, version: *version };
	Ok(TrainingView {
		base: AssetRef { asset: lineage.base.0, version: lineage.base.1 },
		rank: rank(adapter)?,
		snapshots: lineage.snapshots.iter().map(snapshot).collect(),
		configuration: configuration(None, adapter)?,
	})
}

impl Step for PublishStep<'_> {
	fn name(&self) -> &str {
		"publish"
	}

	fn kind(&self) -> &'static str {
		"publish/1"
	}

	fn settings(&self) -> Value {
		json!({ "genesis": hex::encode(self.genesis), "owner": hex::encode(self.owner), "publish": self.publish })
	}

	fn inputs(&self) -> Vec<String> {
		vec!["train".into()]
	}

	fn outputs(&self) -> Vec<&'static str> {
		vec![PUBLISHED]
	}

	fn holds(&self, folder: &Path) -> Result<bool, StepError> {
		let asset = recorded(folder, PUBLISHED)?;
		let value: Value = serde_json::from_slice(&std::fs::read(folder.join(PUBLISHED))?)?;
		let content = value.get("content").and_then(Value::as_str).unwrap_or_default();
		let view = wait(async { Ok::<_, Failure>(self.context.chain().await?.asset(asset.asset).await?) })?;
		Ok(view.is_some_and(|view| {
			let same = |content_of: &Hash| hex::encode(content_of) == content;
			view.owner == self.owner
				&& view.versions.iter().any(|one| one.version == asset.version && same(&one.content))
		}))
	}

	fn run(&mut self, place: &Place, _: &mut dyn Progress) -> Result<(), StepError> {
		let adapter = place.input("train")?.join(ADAPTER_DIR);
		let asset = wait(self.publish(&adapter))?;
		let content = tributary_client::content::hash_folder(&adapter).map_err(Failure::from)?;
		let value = json!({
			"name": self.publish.name, "asset": asset.asset, "version": asset.version, "content": hex::encode(content),
		});
		Ok(record(&place.folder, PUBLISHED, &value)?)
	}
}

/// Stores the record of the training and the ablation, and attaches them to the adapter's version.
pub struct DocumentsStep<'a> {
	/// Chain, store and key.
	pub context: &'a Context,
	/// The chain.
	pub genesis: Hash,
	/// Whose it is.
	pub owner: AccountId,
	/// Whether there is an ablation.
	pub ablation: bool,
}

impl DocumentsStep<'_> {
	async fn attach(
		&self,
		asset: AssetRef,
		files: &[(DocumentKind, std::path::PathBuf)],
	) -> Result<Value, Failure> {
		let mut attached = serde_json::Map::new();
		for (kind, path) in files {
			let hash = self.context.store()?.put_file(path).await?;
			crate::commands::document::attach(self.context, asset, *kind, hash, &[]).await?;
			attached.insert(format!("{kind:?}"), hex::encode(hash).into());
		}
		Ok(attached.into())
	}
}

impl Step for DocumentsStep<'_> {
	fn name(&self) -> &str {
		"documents"
	}

	fn kind(&self) -> &'static str {
		"documents/1"
	}

	fn settings(&self) -> Value {
		json!({ "genesis": hex::encode(self.genesis), "owner": hex::encode(self.owner) })
	}

	fn inputs(&self) -> Vec<String> {
		let mut inputs = vec!["train".into(), "publish".into()];
		inputs.extend(self.ablation.then(|| "ablate".to_owned()));
		inputs
	}

	fn outputs(&self) -> Vec<&'static str> {
		vec![ATTACHED]
	}

	fn run(&mut self, place: &Place, _: &mut dyn Progress) -> Result<(), StepError> {
		let asset = recorded(place.input("publish")?, PUBLISHED)?;
		let mut files =
			vec![(DocumentKind::TrainingRun, place.input("train")?.join(ADAPTER_DIR).join(RECORD))];
		if self.ablation {
			files.push((DocumentKind::Ablation, place.input("ablate")?.join(ABLATION_REPORT)));
		}
		let attached = wait(self.attach(asset, &files))?;
		Ok(record(&place.folder, ATTACHED, &attached)?)
	}
}
