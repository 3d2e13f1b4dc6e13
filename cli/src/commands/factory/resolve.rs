//! A recipe's names as what is on chain now: versions, contents, members of snapshots.

use crate::{
	commands::prompt::MAX_PROMPT,
	context::Context,
	failure::Failure,
	output::{address, snapshot},
	parse::{no_asset, Versioned},
	texts,
};
use std::path::PathBuf;
use tributary_factory::{
	evaluation::{Part, Subject},
	recipe::{Recipe, Reference},
	workflow::{Base, Dataset, Member},
};
use tributary_primitives::{
	views::{AssetView, VersionView},
	AssetId, AssetKind, AssetRef, SnapshotRef, PPM,
};

/// What a recipe names.
pub struct Resolved {
	/// The base model, fetched.
	pub base: Base,
	/// What is trained on.
	pub data: Vec<Dataset>,
	/// What is measured on.
	pub benchmarks: Vec<Dataset>,
	/// The agent's prompts: what they are called, their texts and hashes.
	pub prompts: Vec<(String, String, String)>,
}

/// Looks everything up, before any work starts. References in the recipe become versions.
pub async fn resolve(context: &Context, recipe: &mut Recipe) -> Result<Resolved, Failure> {
	let chain = context.chain().await?;
	let pinned = versioned(recipe.base_model).asset(chain).await?;
	recipe.base_model = reference(pinned);
	let base = base_of(context, pinned).await?;
	let (mut data, mut benchmarks, mut prompts) = (Vec::new(), Vec::new(), Vec::new());
	for one in &mut recipe.datasets {
		let named = Versioned { id: one.datanet, version: one.snapshot }.snapshot(chain).await?;
		one.snapshot = Some(named.version);
		data.push(dataset(context, named).await?);
	}
	for one in &mut recipe.evaluation {
		let benchmark = &mut one.benchmark;
		let named = Versioned { id: benchmark.datanet, version: benchmark.snapshot }.snapshot(chain).await?;
		benchmark.snapshot = Some(named.version);
		benchmarks.push(dataset(context, named).await?);
	}
	if let Some(agent) = &mut recipe.agent {
		for adapter in &mut agent.adapters {
			*adapter = reference(versioned(*adapter).asset(chain).await?);
		}
		for prompt in &mut agent.prompts {
			let pinned = versioned(*prompt).asset(chain).await?;
			*prompt = reference(pinned);
			let (text, hash) = prompt_text(context, pinned).await?;
			prompts.push((crate::output::version(pinned), text, hash));
		}
		for one in &mut agent.datanets {
			let named = Versioned { id: one.datanet, version: one.snapshot }.snapshot(chain).await?;
			one.snapshot = Some(named.version);
		}
		for tool in &mut agent.tools {
			*tool = reference(versioned(*tool).asset(chain).await?);
		}
	}
	Ok(Resolved { base, data, benchmarks, prompts })
}

/// As the commands know it.
pub fn versioned(reference: Reference) -> Versioned {
	Versioned { id: reference.id, version: reference.version }
}

fn reference(asset: AssetRef) -> Reference {
	Reference { id: asset.asset, version: Some(asset.version) }
}

/// An asset version of a kind.
pub async fn asset_content(
	context: &Context,
	asset: AssetRef,
	kind: AssetKind,
) -> Result<(AssetView, VersionView), Failure> {
	let view = context.chain().await?.asset(asset.asset).await?.ok_or_else(|| no_asset(asset.asset))?;
	if view.kind != kind {
		let (is, wanted) =
			(crate::commands::asset::kind_name(view.kind), crate::commands::asset::kind_name(kind));
		return Err(Failure::Usage(format!("asset {} is a {is}, a {wanted} is needed", asset.asset)));
	}
	let version = view.versions.iter().find(|version| version.version == asset.version).cloned();
	let version = version
		.ok_or_else(|| Failure::Usage(format!("there is no version {}", crate::output::version(asset))))?;
	Ok((view, version))
}

/// Brings an asset version's folder into the cache; gives it with the hash of its content.
pub async fn folder(
	context: &Context,
	asset: AssetRef,
	kind: AssetKind,
) -> Result<(PathBuf, String), Failure> {
	let (_, version) = asset_content(context, asset, kind).await?;
	let hints: Vec<_> = version.hints.iter().filter_map(|hint| std::str::from_utf8(hint).ok()).collect();
	let store = context.store()?.with_sources(hints);
	let folder = store.fetch_folder(&version.content, &context.cache()).await?;
	Ok((folder, hex::encode(version.content)))
}

/// A base model, fetched.
pub async fn base_of(context: &Context, asset: AssetRef) -> Result<Base, Failure> {
	let (folder, content) = folder(context, asset, AssetKind::BaseModel).await?;
	Ok(Base { folder, content, asset: (asset.asset, asset.version) })
}

/// A prompt's text and the hash of its content.
pub async fn prompt_text(context: &Context, asset: AssetRef) -> Result<(String, String), Failure> {
	let (_, version) = asset_content(context, asset, AssetKind::Prompt).await?;
	let hints: Vec<_> = version.hints.iter().filter_map(|hint| std::str::from_utf8(hint).ok()).collect();
	let store = context.store()?.with_sources(hints);
	let bytes = store.get_within(&version.content, MAX_PROMPT as u64).await?;
	Ok((String::from_utf8_lossy(&bytes).into_owned(), hex::encode(version.content)))
}

/// A snapshot's members, proven by its root on chain.
pub async fn dataset(context: &Context, reference: SnapshotRef) -> Result<Dataset, Failure> {
	let chain = context.chain().await?;
	let unknown = || Failure::Usage(format!("there is no snapshot {}", snapshot(reference)));
	let view = chain.snapshot(reference.datanet, reference.version).await?.ok_or_else(unknown)?;
	let members = texts::members(chain, reference).await?;
	if members.is_empty() {
		let what = snapshot(reference);
		return Err(Failure::Usage(format!("snapshot {what} is empty: all of it was erased; take another")));
	}
	let member = |one: &tributary_primitives::views::ContributionView| Member {
		index: one.index,
		contributor: address(&one.contributor),
		content: hex::encode(one.content),
		bytes: one.bytes,
	};
	Ok(Dataset {
		datanet: reference.datanet,
		snapshot: reference.version,
		root: hex::encode(view.root),
		private: super::open::is_private(context, reference.datanet).await?,
		members: members.iter().map(member).collect(),
	})
}

/// An adapter with the base it was trained on.
pub async fn adapter_base(context: &Context, adapter: AssetId) -> Result<AssetRef, Failure> {
	let trail = context.chain().await?.trail(adapter).await?.ok_or_else(|| no_asset(adapter))?;
	let training = trail.training;
	training.map(|training| training.base).ok_or_else(|| {
		Failure::Usage(format!("asset {adapter} has no training on chain: which base is it for?"))
	})
}

/// What runs when an asset is asked: a base model alone, an adapter on the base it was trained on, or an agent's parts.
/// Retrieval and tools are not part of it.
pub async fn subject(context: &Context, asset: AssetRef) -> Result<(Subject, Vec<Part>), Failure> {
	let view = context.chain().await?.asset(asset.asset).await?.ok_or_else(|| no_asset(asset.asset))?;
	let (base, adapters, prompts) = match view.kind {
		AssetKind::BaseModel => (asset, Vec::new(), Vec::new()),
		AssetKind::Adapter => (adapter_base(context, asset.asset).await?, vec![(asset, PPM)], Vec::new()),
		AssetKind::Agent => {
			let agent = context.chain().await?.agent(asset.asset, Some(asset.version)).await?;
			let agent = agent.ok_or_else(|| crate::commands::agent::no_agent(asset.asset))?;
			(agent.base, agent.adapters, agent.prompts)
		}
		AssetKind::Prompt | AssetKind::Tool => {
			return Err(Failure::Usage(format!(
				"asset {} is a {}: evaluate an adapter, a base model, or an agent that uses it",
				asset.asset,
				crate::commands::asset::kind_name(view.kind)
			)))
		}
	};
	let part = |kind: &str, of: AssetRef, content: String| Part {
		kind: kind.into(),
		asset: Some(of.asset),
		version: Some(of.version),
		content,
	};
	let (folder_of_base, content) = folder(context, base, AssetKind::BaseModel).await?;
	let mut subject = Subject { base: folder_of_base, ..Subject::default() };
	let mut parts = vec![part("base", base, content)];
	for (adapter, scale) in adapters {
		let (path, content) = folder(context, adapter, AssetKind::Adapter).await?;
		subject.adapters.push((path, scale as f32 / PPM as f32));
		parts.push(part("adapter", adapter, content));
	}
	for prompt in prompts {
		let (text, content) = prompt_text(context, prompt).await?;
		subject.prompts.push(text);
		parts.push(part("prompt", prompt, content));
	}
	Ok((subject, parts))
}
