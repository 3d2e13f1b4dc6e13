//! The agents this worker can serve: read from the chain, with prompts, adapters and indexes at hand.

use crate::indexes::{DataNetIndex, Indexes};
use std::{
	collections::{BTreeMap, HashMap},
	sync::{Arc, RwLock},
};
use tributary_client::{Chain, Store};
use tributary_engine::AdapterUse;
use tributary_primitives::{
	views::{AgentView, AssetView},
	AssetId, AssetRef, Hash, PPM,
};

/// Agents asked for at a time.
const PAGE: u32 = 256;
/// Largest prompt asset, bytes.
const MAX_PROMPT: u64 = 1 << 20;

/// An agent with all that its answers need.
pub struct Agent {
	/// As on chain.
	pub view: AgentView,
	/// Its name: the `model` of a request.
	pub name: String,
	/// Its adapters.
	pub adapters: Vec<AdapterUse>,
	/// Texts of its prompts, in order.
	pub prompts: Vec<String>,
	/// Its DataNets.
	pub indexes: Vec<Arc<DataNetIndex>>,
}

/// What became of an agent.
#[derive(Clone)]
pub enum Standing {
	/// It is served.
	Ready(Arc<Agent>),
	/// It could be served but something is missing; tried again at each refresh.
	Missing(String),
	/// It runs on another base model.
	Foreign,
}

/// An agent on chain and what became of it here.
#[derive(Clone)]
pub struct Listed {
	/// As on chain.
	pub view: AgentView,
	/// Here.
	pub standing: Standing,
}

/// All agents by name. Cheap to read; replaced as a whole.
#[derive(Default)]
pub struct Catalogue(RwLock<Arc<BTreeMap<String, Listed>>>);

impl Catalogue {
	/// All agents now.
	pub fn all(&self) -> Arc<BTreeMap<String, Listed>> {
		self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
	}

	/// One agent.
	pub fn get(&self, name: &str) -> Option<Listed> {
		self.all().get(name).cloned()
	}

	/// Names of the agents that are served.
	pub fn served(&self) -> Vec<String> {
		let served = |(name, listed): (&String, &Listed)| {
			matches!(listed.standing, Standing::Ready(_)).then(|| name.clone())
		};
		self.all().iter().filter_map(served).collect()
	}

	fn replace(&self, agents: BTreeMap<String, Listed>) {
		*self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = Arc::new(agents);
	}
}

/// Keeps a [`Catalogue`] up to date.
pub struct Keeper {
	chain: Chain,
	store: Store,
	model: Hash,
	indexes: Indexes,
	assets: HashMap<AssetId, AssetView>,
	prompts: HashMap<Hash, String>,
}

impl Keeper {
	/// For agents on the base model with this content hash.
	pub fn new(chain: Chain, store: Store, model: Hash, indexes: Indexes) -> Self {
		Self { chain, store, model, indexes, assets: HashMap::new(), prompts: HashMap::new() }
	}

	/// Reads all agents and makes ready those it can. An error means the chain could not be read; the
	/// catalogue is then as it was.
	pub async fn refresh(&mut self, catalogue: &Catalogue) -> Result<(), tributary_client::ChainError> {
		let views = self.read_agents().await?;
		let known = catalogue.all();
		let mut next: BTreeMap<String, Listed> = BTreeMap::new();
		for (name, view) in by_name(views) {
			let earlier =
				known.get(&name).filter(|listed| listed.view == view).map(|listed| &listed.standing);
			// Shown while a new version is being made ready.
			let standing = self.prepare(&name, &view, earlier).await?;
			report(&name, earlier, &standing);
			next.insert(name.clone(), Listed { view, standing });
			let mut partial = (*known).clone();
			partial.extend(next.clone());
			catalogue.replace(partial);
		}
		let used: Vec<_> = next.values().flat_map(|listed| listed.view.datanets.clone()).collect();
		self.indexes.retain(|snapshot| used.contains(snapshot));
		catalogue.replace(next);
		Ok(())
	}

	async fn read_agents(&self) -> Result<Vec<AgentView>, tributary_client::ChainError> {
		let (mut views, mut start) = (Vec::new(), 0);
		loop {
			let page = self.chain.agents(start, PAGE).await?;
			let Some(last) = page.last() else { return Ok(views) };
			start = last.agent.asset.saturating_add(1);
			let full = page.len() >= PAGE as usize;
			views.extend(page);
			if !full {
				return Ok(views);
			}
		}
	}

	async fn prepare(
		&mut self,
		name: &str,
		view: &AgentView,
		earlier: Option<&Standing>,
	) -> Result<Standing, tributary_client::ChainError> {
		if matches!(earlier, Some(Standing::Foreign)) || self.content(view.base).await? != Some(self.model) {
			return Ok(Standing::Foreign);
		}
		// Content missing elsewhere is no error of the chain: it is reported and tried again.
		match self.gather(name, view, earlier).await {
			Ok(agent) => Ok(Standing::Ready(agent)),
			Err(reason) => Ok(Standing::Missing(reason)),
		}
	}

	async fn gather(
		&mut self,
		name: &str,
		view: &AgentView,
		earlier: Option<&Standing>,
	) -> Result<Arc<Agent>, String> {
		let mut indexes = Vec::with_capacity(view.datanets.len());
		for snapshot in &view.datanets {
			indexes.push(self.indexes.get(*snapshot).await?);
		}
		if let Some(Standing::Ready(agent)) = earlier {
			let same = agent.indexes.iter().zip(&indexes).all(|(a, b)| Arc::ptr_eq(a, b));
			if same && agent.indexes.len() == indexes.len() {
				return Ok(agent.clone());
			}
		}
		let mut adapters = Vec::with_capacity(view.adapters.len());
		for (adapter, scale) in &view.adapters {
			let hash = self.known_content(*adapter).await?;
			if !self.store.has(&hash).await {
				return Err(format!(
					"adapter {} ({}) is not in the content store",
					adapter.asset,
					hex::encode(hash)
				));
			}
			// Scales are ppm of the trained strength; f32 holds them exactly enough (24 bits).
			adapters.push(AdapterUse { hash, scale: *scale as f32 / PPM as f32 });
		}
		let mut prompts = Vec::with_capacity(view.prompts.len());
		for prompt in &view.prompts {
			let hash = self.known_content(*prompt).await?;
			prompts.push(self.prompt(*prompt, hash).await?);
		}
		Ok(Arc::new(Agent { view: view.clone(), name: name.to_owned(), adapters, prompts, indexes }))
	}

	async fn prompt(&mut self, prompt: AssetRef, hash: Hash) -> Result<String, String> {
		if let Some(text) = self.prompts.get(&hash) {
			return Ok(text.clone());
		}
		let bytes = self.store.get_within(&hash, MAX_PROMPT).await;
		let bytes = bytes.map_err(|error| format!("prompt {} cannot be had: {error}", prompt.asset))?;
		let text = String::from_utf8(bytes.to_vec())
			.map_err(|_| format!("prompt {} is not UTF-8 text", prompt.asset))?;
		self.prompts.insert(hash, text.clone());
		Ok(text)
	}

	async fn known_content(&mut self, version: AssetRef) -> Result<Hash, String> {
		let content = self.content(version).await.map_err(|error| error.to_string())?;
		content.ok_or_else(|| format!("asset {} has no version {}", version.asset, version.version))
	}

	/// Content hash of an asset version. Versions never change, so what was read once stays true.
	async fn content(&mut self, wanted: AssetRef) -> Result<Option<Hash>, tributary_client::ChainError> {
		let find = |asset: &AssetView| {
			asset
				.versions
				.iter()
				.find(|version| version.version == wanted.version)
				.map(|version| version.content)
		};
		if let Some(content) = self.assets.get(&wanted.asset).and_then(find) {
			return Ok(Some(content));
		}
		let Some(asset) = self.chain.asset(wanted.asset).await? else { return Ok(None) };
		let content = find(&asset);
		self.assets.insert(wanted.asset, asset);
		Ok(content)
	}
}

/// Agents by the name requests use. Names are not unique on chain: the oldest agent has the plain name,
/// later ones get their id after a `#`.
fn by_name(views: Vec<AgentView>) -> BTreeMap<String, AgentView> {
	let mut named = BTreeMap::new();
	for view in views.into_iter().filter(|view| !view.retired) {
		let name = String::from_utf8_lossy(&view.name).into_owned();
		let name = if named.contains_key(&name) { format!("{name}#{}", view.agent.asset) } else { name };
		named.insert(name, view);
	}
	named
}

fn report(name: &str, earlier: Option<&Standing>, now: &Standing) {
	match (earlier, now) {
		(Some(Standing::Ready(_)), Standing::Ready(_)) | (_, Standing::Foreign) => {}
		(Some(Standing::Missing(before)), Standing::Missing(reason)) if before == reason => {}
		(_, Standing::Ready(_)) => tracing::info!(agent = name, "agent is served"),
		(_, Standing::Missing(reason)) => tracing::warn!(agent = name, reason, "agent is not served"),
	}
}

#[cfg(test)]
pub(crate) mod tests {
	use super::*;
	use tributary_primitives::fee::Price;

	pub fn view(asset: u32, name: &str) -> AgentView {
		AgentView {
			agent: AssetRef { asset, version: 1 },
			name: name.into(),
			owner: [1; 32],
			price: Price { input: 1_000, output: 2_000 },
			base: AssetRef { asset: 0, version: 1 },
			adapters: vec![],
			prompts: vec![],
			datanets: vec![],
			retired: false,
			evaluated: false,
			staked: false,
		}
	}

	#[test]
	fn later_agent_gets_its_id_when_names_repeat() {
		let named = by_name(vec![view(3, "guide"), view(5, "guide"), view(6, "poet")]);
		let ids: Vec<_> = named.iter().map(|(name, view)| (name.as_str(), view.agent.asset)).collect();
		assert_eq!(ids, vec![("guide", 3), ("guide#5", 5), ("poet", 6)]);
	}

	#[test]
	fn agent_is_not_named_when_retired() {
		assert!(by_name(vec![AgentView { retired: true, ..view(3, "guide") }]).is_empty());
	}

	#[test]
	fn catalogue_lists_as_served_only_what_is_ready() {
		let catalogue = Catalogue::default();
		let listed = |standing| Listed { view: view(1, "a"), standing };
		catalogue.replace(BTreeMap::from([
			("a".into(), listed(Standing::Missing("no content".into()))),
			("b".into(), listed(Standing::Foreign)),
		]));
		assert!(catalogue.served().is_empty());
		assert!(catalogue.get("a").is_some() && catalogue.get("c").is_none());
	}
}
