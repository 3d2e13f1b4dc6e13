//! What statements say: read from the chain and the content, the same for whoever reads it.

use super::{model::read_json, provenance_target::Target};
use crate::{
	context::Context,
	failure::Failure,
	output::*,
	parse::{no_asset, no_datanet},
	texts, trees,
};
use codec::{DecodeAll, Encode};
use serde_json::{json, Value};
use std::path::PathBuf;
use tributary_client::{
	content::Manifest,
	provenance::{canonical, Digests, Signer, Subject, PREDICATES},
};
use tributary_factory::{configuration_hash, ADAPTER_CONFIG, ADAPTER_WEIGHTS, RECORD};
use tributary_primitives::{
	batch::BatchData,
	record::{Method, UsageRecord},
	views::{AssetView, ContributionView, TrailView, TrainingView, VersionView},
	AccountId, AssetRef, Earner, Hash, SnapshotRef,
};

/// Digest of a snapshot: the root of the Merkle mountain range over its contributions.
const MERKLE_ROOT: &str = "tributaryMerkleRoot";

/// What is said, and who may say it.
pub struct Gathered {
	/// The statement's subjects.
	pub subjects: Vec<Subject>,
	/// The statement's predicate.
	pub about: Value,
	/// Whose it is to sign.
	pub signers: Vec<AccountId>,
}

/// Reads what a statement about the target says now.
pub async fn gather(context: &Context, target: &Target, signer: &Signer) -> Result<Gathered, Failure> {
	match target {
		Target::Adapter(version) => adapter(context, *version).await,
		Target::Training(version) => training(context, *version, signer).await,
		Target::DataNet(reference) => {
			let chain = context.chain().await?;
			let view =
				chain.datanet(reference.datanet).await?.ok_or_else(|| no_datanet(reference.datanet))?;
			let (subject, described) = describe_snapshot(context, *reference).await?;
			let about = json!({
				"of": { "datanet": reference.datanet, "version": reference.version },
				"snapshots": [described],
			});
			Ok(Gathered { subjects: vec![subject], about, signers: vec![view.owner] })
		}
		Target::Evaluation { version, evaluator, metric } => {
			evaluation(context, *version, evaluator, metric).await
		}
		Target::Answer { worker, sequence, id } => answer(context, worker, *sequence, id).await,
	}
}

/// An asset's version on chain, with its content at hand.
struct Found {
	trail: TrailView,
	version: VersionView,
	folder: PathBuf,
}

impl Found {
	async fn read(context: &Context, wanted: AssetRef) -> Result<Self, Failure> {
		let trail =
			context.chain().await?.trail(wanted.asset).await?.ok_or_else(|| no_asset(wanted.asset))?;
		let version = version_of(&trail.asset, wanted)?.clone();
		let hints: Vec<_> = version.hints.iter().filter_map(|hint| std::str::from_utf8(hint).ok()).collect();
		let store = context.store()?.with_sources(hints);
		let folder = store.fetch_folder(&version.content, &context.cache()).await?;
		Ok(Self { trail, version, folder })
	}

	/// Its folder's manifest, whose BLAKE3 is the content on chain, and its files.
	fn subjects(&self, wanted: AssetRef) -> Result<Vec<Subject>, Failure> {
		let name = format!("{} {}", self.kind(), version(wanted));
		let manifest = Manifest::of_folder(&self.folder)?;
		let mut subjects =
			vec![Subject { name: name.clone(), digest: Digests::of(manifest.to_text().as_bytes()) }];
		for entry in manifest.entries() {
			let path = self.folder.join(&entry.name);
			let digest = Digests::of_file(&path).map_err(|e| Failure::file(&path, e))?;
			subjects.push(Subject { name: format!("{name}/{}", entry.name), digest });
		}
		Ok(subjects)
	}

	fn kind(&self) -> &'static str {
		super::asset::kind_name(self.trail.asset.kind)
	}
}

fn version_of(asset: &AssetView, wanted: AssetRef) -> Result<&VersionView, Failure> {
	let found = asset.versions.iter().find(|view| view.version == wanted.version);
	found.ok_or_else(|| Failure::Usage(format!("there is no version {}", version(wanted))))
}

fn trained(found: &Found, wanted: AssetRef) -> Result<TrainingView, Failure> {
	let newest = found.trail.asset.versions.last().map(|view| view.version);
	match &found.trail.training {
		Some(training) if newest == Some(wanted.version) => Ok(training.clone()),
		Some(_) => Err(Failure::Usage(format!(
			"the chain shows how the newest version was trained: export {}:{}",
			wanted.asset,
			newest.unwrap_or_default()
		))),
		None => Err(Failure::Usage(format!(
			"asset {} is no adapter: see `asset list --kind adapter`",
			wanted.asset
		))),
	}
}

async fn content_of(context: &Context, wanted: AssetRef) -> Result<Hash, Failure> {
	let view = context.chain().await?.asset(wanted.asset).await?.ok_or_else(|| no_asset(wanted.asset))?;
	Ok(version_of(&view, wanted)?.content)
}

async fn adapter(context: &Context, wanted: AssetRef) -> Result<Gathered, Failure> {
	let found = Found::read(context, wanted).await?;
	let training = trained(&found, wanted)?;
	let mut snapshots = Vec::new();
	for reference in &training.snapshots {
		snapshots.push(describe_snapshot(context, *reference).await?.1);
	}
	let payee =
		|payee: &tributary_primitives::royalty::Payee| json!({ "asset": payee.asset, "ppm": payee.share });
	let about = json!({
		"of": { "asset": wanted.asset, "version": wanted.version },
		"name": line(&found.trail.asset.name),
		"content": hex::encode(found.version.content),
		"base": described(context, training.base).await?,
		"rank": training.rank,
		"configuration": hex::encode(training.configuration),
		"payees": found.version.payees.iter().map(payee).collect::<Vec<_>>(),
		"snapshots": snapshots,
	});
	Ok(Gathered { subjects: found.subjects(wanted)?, about, signers: vec![found.trail.asset.owner] })
}

async fn described(context: &Context, wanted: AssetRef) -> Result<Value, Failure> {
	let content = hex::encode(content_of(context, wanted).await?);
	Ok(json!({ "asset": wanted.asset, "version": wanted.version, "content": content }))
}

/// What a statement says of a contribution.
pub fn described_contribution(one: &ContributionView) -> Value {
	json!({
		"index": one.index,
		"contributor": address(&one.contributor),
		"content": hex::encode(one.content),
		"bytes": one.bytes,
		"licence": line(&one.licence),
	})
}

/// A snapshot and its contributions that are not erased. The subject's digests are those of the list of
/// contributions in canonical JSON.
async fn describe_snapshot(context: &Context, reference: SnapshotRef) -> Result<(Subject, Value), Failure> {
	let chain = context.chain().await?;
	let view = chain.datanet(reference.datanet).await?.ok_or_else(|| no_datanet(reference.datanet))?;
	let members = texts::members(chain, reference).await?;
	let unknown = || Failure::Usage(format!("there is no snapshot {}", snapshot(reference)));
	let taken = chain.snapshot(reference.datanet, reference.version).await?.ok_or_else(unknown)?;
	let contributions: Value = members.iter().map(described_contribution).collect();
	let digest = Digests::of(canonical(&contributions).as_bytes()).and(MERKLE_ROOT, hex::encode(taken.root));
	let subject = Subject { name: format!("DataNet {}", snapshot(reference)), digest };
	let described = json!({
		"datanet": reference.datanet,
		"version": reference.version,
		"name": line(&view.name),
		"private": chain.access(reference.datanet).await?.is_some(),
		"root": hex::encode(taken.root),
		"leaves": taken.leaves,
		"contributions": contributions,
	});
	Ok((subject, described))
}

/// As SLSA's provenance predicate has it: what was asked for, what was used, who ran it, what else came out.
async fn training(context: &Context, wanted: AssetRef, signer: &Signer) -> Result<Gathered, Failure> {
	let found = Found::read(context, wanted).await?;
	let training = trained(&found, wanted)?;
	let genesis = hex32(&context.chain().await?.genesis());
	let uri = |rest: String| format!("tributary:{genesis}/{rest}");
	let of_asset = |of: AssetRef| uri(format!("asset/{}/{}", of.asset, of.version));
	let base = Digests::from_blake3(&content_of(context, training.base).await?);
	let mut dependencies = vec![json!({ "uri": of_asset(training.base), "digest": base })];
	for reference in &training.snapshots {
		let (subject, _) = describe_snapshot(context, *reference).await?;
		let root = subject.digest.0.get(MERKLE_ROOT).cloned().unwrap_or_default();
		let name = uri(format!("datanet/{}/{}", reference.datanet, reference.version));
		dependencies.push(json!({ "uri": name, "digest": { MERKLE_ROOT: root } }));
	}
	let subjects = found.subjects(wanted)?;
	let is_product = |subject: &&Subject| {
		[ADAPTER_CONFIG, ADAPTER_WEIGHTS].iter().any(|name| subject.name.ends_with(&format!("/{name}")))
	};
	let (products, rest): (Vec<_>, Vec<_>) = subjects.iter().partition(is_product);
	let byproducts: Vec<_> = rest.into_iter().skip(1).collect();
	let snapshots: Vec<_> = training.snapshots.iter().map(|one| snapshot(*one)).collect();
	let about = json!({
		"of": { "asset": wanted.asset, "version": wanted.version },
		"buildDefinition": {
			"buildType": format!("{PREDICATES}build/lora/v1"),
			"externalParameters": {
				"base": version(training.base),
				"snapshots": snapshots,
				"rank": training.rank,
				"configuration": configuration(&found, &training.configuration)?,
			},
			"resolvedDependencies": dependencies,
		},
		"runDetails": {
			"builder": { "id": uri(format!("account/{}", signer.account)) },
			"metadata": { "invocationId": hex::encode(training.configuration) },
			"byproducts": byproducts,
		},
	});
	let subjects = products.into_iter().cloned().collect();
	Ok(Gathered { subjects, about, signers: vec![found.trail.asset.owner] })
}

/// The settings that the factory recorded, when they are those whose hash is on chain.
fn configuration(found: &Found, on_chain: &Hash) -> Result<Value, Failure> {
	let record = read_json(&found.folder.join(RECORD))?;
	let settings = record.as_ref().and_then(|record| record.get("configuration"));
	Ok(settings.filter(|settings| configuration_hash(settings) == *on_chain).cloned().unwrap_or(Value::Null))
}

async fn evaluation(
	context: &Context,
	wanted: AssetRef,
	evaluator: &AccountId,
	metric: &str,
) -> Result<Gathered, Failure> {
	let found = Found::read(context, wanted).await?;
	let reported = found.trail.evaluations.iter().find(|one| {
		one.version == wanted.version && one.evaluator == *evaluator && one.metric == metric.as_bytes()
	});
	let reported = reported.ok_or_else(|| {
		let shown = format!("tributary trail asset {}", wanted.asset);
		Failure::Refused(format!(
			"{} has no report of `{metric}` on {} on chain: see `{shown}`",
			address(evaluator),
			version(wanted)
		))
	})?;
	let about = json!({
		"of": {
			"asset": wanted.asset, "version": wanted.version,
			"evaluator": address(evaluator), "metric": metric,
		},
		"content": hex::encode(found.version.content),
		"benchmark": { "datanet": reported.benchmark.datanet, "version": reported.benchmark.version },
		"scoreMillionths": reported.score,
		"report": Digests::from_blake3(&reported.report),
	});
	let subjects = found.subjects(wanted)?.into_iter().take(1).collect();
	Ok(Gathered { subjects, about, signers: vec![*evaluator] })
}

async fn answer(
	context: &Context,
	worker: &AccountId,
	sequence: u64,
	id: &Hash,
) -> Result<Gathered, Failure> {
	let chain = context.chain().await?;
	let missing = || {
		Failure::Refused(format!(
			"there is no batch {sequence} of {}: see `tributary worker status`",
			address(worker)
		))
	};
	let batch = chain.batch(*worker, sequence).await?.ok_or_else(missing)?;
	let bytes = trees::published(context, &batch).await?;
	let data = BatchData::decode_all(&mut bytes.as_slice())
		.map_err(|_| Failure::Wrong(format!("batch {sequence} of {} is no batch data", address(worker))))?;
	let record = data.records.iter().find(|record| record.order.order.id() == *id);
	let record = record.ok_or_else(|| {
		Failure::Wrong(format!("batch {sequence} of {} has no answer {}", address(worker), hex32(id)))
	})?;
	let agent = chain.agent(record.agent.asset, Some(record.agent.version)).await?;
	let shares = shares(context, record).await?;
	let order = &record.order.order;
	let about = json!({
		"of": { "worker": address(worker), "batch": sequence, "id": hex32(id) },
		"record": hex::encode(record.encode()),
		"batchData": Digests::from_blake3(&batch.header.data),
		"payer": address(&order.payer),
		"agent": version(record.agent),
		"madeOf": agent.as_ref().map(|view| json!({
			"base": version(view.base),
			"adapters": view.adapters.iter().map(|(adapter, _)| version(*adapter)).collect::<Vec<_>>(),
			"prompts": view.prompts.iter().map(|prompt| version(*prompt)).collect::<Vec<_>>(),
			"snapshots": view.datanets.iter().map(|one| snapshot(*one)).collect::<Vec<_>>(),
		})),
		"tokensIn": record.tokens_in,
		"tokensOut": record.tokens_out,
		"fee": record.fee.to_string(),
		"shares": shares,
	});
	let subject = Subject { name: format!("answer {}", hex32(id)), digest: Digests::of(&record.encode()) };
	Ok(Gathered { subjects: vec![subject], about, signers: vec![order.payer, *worker] })
}

async fn shares(context: &Context, record: &UsageRecord) -> Result<Vec<Value>, Failure> {
	let chain = context.chain().await?;
	let mut shares = Vec::new();
	for share in &record.vector {
		let content = match share.contribution {
			Some(index) => {
				let page = chain.contributions(share.datanet, index, 1).await?;
				page.into_iter().find(|one| one.index == index).map(|one| hex::encode(one.content))
			}
			None => None,
		};
		let method = match share.method {
			Method::Span => "span",
			Method::Retrieval => "retrieval",
			Method::Influence => "influence",
			Method::Pool => "pool",
		};
		let earner = match share.earner {
			Earner::Account(account) => address(&account),
			Earner::Pool(_) => "pool".into(),
		};
		shares.push(json!({
			"datanet": share.datanet, "contribution": share.contribution, "content": content,
			"method": method, "earner": earner, "ppm": share.ppm,
		}));
	}
	Ok(shares)
}
