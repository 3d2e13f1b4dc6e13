//! The agents this worker can serve: read from the chain, with prompts, adapters, indexes and tools at hand.

use crate::{
	background::Background,
	embedder::embed_patiently,
	indexes::{DataNetIndex, Indexes},
	offers::{offer, AgentTool},
	tool_servers::ToolServers,
	tools::{Choice, Tools},
};
use std::{
	collections::{BTreeMap, HashMap},
	path::PathBuf,
	sync::{Arc, RwLock},
	time::Duration,
};
use tributary_client::{Chain, Store};
use tributary_engine::{AdapterUse, Engine, ToolFormat};
use tributary_primitives::{
	fee::Price,
	served::has_bit,
	views::{AgentView, AssetView, SkillView, VersionView},
	AssetId, AssetRef, Hash, SkillSet, PPM,
};

/// Agents asked for at a time.
const PAGE: u32 = 256;
/// Largest prompt asset, bytes.
const MAX_PROMPT: u64 = 1 << 20;
/// Time that a refresh waits for content and embeddings of one agent. Where it comes from is the owners' choice, and
/// whoever is slow must not hold up the others, nor the end of a grant.
const PATIENCE: Duration = Duration::from_secs(2);

/// An agent with all that its answers need.
#[derive(Clone)]
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
	/// What its model may call.
	pub tools: Vec<AgentTool>,
	/// Embeddings of its skills' descriptions.
	pub skills: Vec<Vec<f32>>,
}

impl Agent {
	/// The base model with an adapter that is not on chain, for its operator to try. It is never billed, so that what
	/// stands for its place on chain is never read.
	pub fn trial(name: &str, adapter: Hash) -> Self {
		let nowhere = AssetRef { asset: AssetId::MAX, version: 0 };
		Self {
			view: AgentView {
				agent: nowhere,
				name: name.into(),
				owner: [0; 32],
				price: Price { input: 0, output: 0 },
				base: nowhere,
				adapters: vec![],
				prompts: vec![],
				datanets: vec![],
				tools: vec![],
				skills: vec![],
				retired: false,
				evaluated: vec![],
				staked: false,
			},
			name: name.to_owned(),
			adapters: vec![AdapterUse { hash: adapter, scale: 1.0 }],
			prompts: vec![],
			indexes: vec![],
			tools: vec![],
			skills: vec![],
		}
	}

	/// The agent with the parts alone that are active under a skill set; `None` when it lacks one of the skills. What it
	/// is on chain stays whole.
	pub fn with(&self, skills: SkillSet) -> Option<Self> {
		fn active<T: Clone>(parts: &[T], mask: u8) -> Vec<T> {
			let active = parts.iter().enumerate().filter(|(index, _)| has_bit(mask, *index));
			active.map(|(_, part)| part.clone()).collect()
		}
		let all = &self.view.skills;
		let mask = |of: fn(&SkillView) -> u8| skills.active(all.iter().map(of));
		skills.fits(all.len()).then(|| Self {
			adapters: active(&self.adapters, mask(|skill| skill.adapters)),
			prompts: active(&self.prompts, mask(|skill| skill.prompts)),
			indexes: active(&self.indexes, mask(|skill| skill.datanets)),
			..self.clone()
		})
	}
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

impl Standing {
	/// Whether nothing changed since.
	fn is_same(&self, now: &Self) -> bool {
		match (self, now) {
			(Self::Ready(before), Self::Ready(now)) => Arc::ptr_eq(before, now),
			(Self::Missing(before), Self::Missing(now)) => before == now,
			(Self::Foreign, Self::Foreign) => true,
			_ => false,
		}
	}
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

	pub(crate) fn replace(&self, agents: BTreeMap<String, Listed>) {
		*self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = Arc::new(agents);
	}
}

/// Keeps a [`Catalogue`] up to date.
pub struct Keeper {
	chain: Chain,
	store: Store,
	/// Folder of fetched folders, shared with the engine's adapter source.
	cache: PathBuf,
	model: Hash,
	indexes: Indexes,
	engine: Engine,
	tools: ToolServers,
	assets: HashMap<AssetId, AssetView>,
	prompts: HashMap<Hash, String>,
	/// Embeddings of descriptions.
	skills: HashMap<Vec<u8>, Vec<f32>>,
	fetching_adapters: Background<Hash, ()>,
	fetching_prompts: Background<Hash, String>,
	embedding_skills: Background<Vec<u8>, Vec<f32>>,
}

impl Keeper {
	/// For agents on the base model with this content hash.
	pub fn new(
		chain: Chain,
		store: Store,
		cache: PathBuf,
		model: Hash,
		indexes: Indexes,
		engine: Engine,
		tools: ToolServers,
	) -> Self {
		let (assets, prompts, skills) = Default::default();
		Self {
			chain,
			store,
			cache,
			model,
			indexes,
			engine,
			tools,
			assets,
			prompts,
			skills,
			fetching_adapters: Background::new(PATIENCE),
			fetching_prompts: Background::new(PATIENCE),
			embedding_skills: Background::new(PATIENCE),
		}
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
			let standing = self.prepare(&name, &view, earlier).await?;
			report(&name, earlier, &standing);
			let is_same = earlier.is_some_and(|earlier| earlier.is_same(&standing));
			let listed = Listed { view, standing };
			// Seen while others are being made ready.
			if !is_same {
				let mut shown = (*catalogue.all()).clone();
				shown.insert(name.clone(), listed.clone());
				catalogue.replace(shown);
			}
			next.insert(name, listed);
		}
		let ours = || next.values().filter(|listed| !matches!(listed.standing, Standing::Foreign));
		let used = ours().flat_map(|listed| listed.view.datanets.clone()).collect();
		self.indexes.retain(&used).await;
		self.tools
			.retain(|tool| ours().any(|listed| listed.view.tools.iter().any(|used| used.tool == *tool)));
		self.skills.retain(|text, _| {
			ours().any(|listed| listed.view.skills.iter().any(|skill| skill.description == *text))
		});
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
		if matches!(earlier, Some(Standing::Foreign)) || !self.runs_on_our_model(view).await? {
			return Ok(Standing::Foreign);
		}
		// Content missing elsewhere is no error of the chain: it is reported and tried again.
		match self.gather(name, view, earlier).await {
			Ok(agent) => Ok(Standing::Ready(agent)),
			Err(reason) => Ok(Standing::Missing(reason)),
		}
	}

	async fn runs_on_our_model(&mut self, view: &AgentView) -> Result<bool, tributary_client::ChainError> {
		Ok(self.content(view.base).await?.is_some_and(|content| content.hash == self.model))
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
		let mut tools = Vec::with_capacity(view.tools.len());
		for tool in &view.tools {
			let server = self.tools.get(tool);
			let server = server.map_err(|reason| {
				format!("tool {} ({}): {reason}", tool.tool.asset, String::from_utf8_lossy(&tool.name))
			})?;
			tools.push(AgentTool { view: tool.clone(), server });
		}
		if let Some(Standing::Ready(agent)) = earlier {
			let same = agent.indexes.iter().zip(&indexes).all(|(a, b)| Arc::ptr_eq(a, b))
				&& agent.tools.iter().zip(&tools).all(|(a, b)| Arc::ptr_eq(&a.server, &b.server));
			if same && agent.indexes.len() == indexes.len() && agent.tools.len() == tools.len() {
				return Ok(agent.clone());
			}
		}
		self.check_schemas(&tools).await?;
		let mut adapters = Vec::with_capacity(view.adapters.len());
		for (adapter, scale) in &view.adapters {
			let content = self.known_content(*adapter).await?;
			self.adapter(*adapter, &content).await?;
			// Scales are ppm of the trained strength: whole numbers that f32 holds to 24 bits.
			adapters.push(AdapterUse { hash: content.hash, scale: *scale as f32 / PPM as f32 });
		}
		let mut prompts = Vec::with_capacity(view.prompts.len());
		for prompt in &view.prompts {
			let content = self.known_content(*prompt).await?;
			prompts.push(self.prompt(*prompt, &content).await?);
		}
		let mut skills = Vec::with_capacity(view.skills.len());
		for skill in &view.skills {
			skills.push(self.skill(&skill.description).await?);
		}
		let (view, name) = (view.clone(), name.to_owned());
		Ok(Arc::new(Agent { view, name, adapters, prompts, indexes, tools, skills }))
	}

	/// Whether the model can be held to the tools' schemas: known now, not when somebody asks.
	async fn check_schemas(&self, tools: &[AgentTool]) -> Result<(), String> {
		if tools.is_empty() {
			return Ok(());
		}
		let all = offer(tools, &[], |_| true).into_iter().map(|offer| offer.tool).collect();
		let forced = Tools { all, choice: Choice::Required, parallel: true };
		let engine = self.engine.clone();
		let check = move || {
			let format = engine.template().map_or(ToolFormat::Tagged, |template| template.tool_format());
			forced.grammar(format).map(|grammar| engine.grammar(grammar)).transpose().map(drop)
		};
		let checked = tokio::task::spawn_blocking(check).await.map_err(|error| error.to_string())?;
		checked.map_err(|error| format!("the model cannot be held to the schemas of its tools: {error}"))
	}

	async fn skill(&mut self, description: &[u8]) -> Result<Vec<f32>, String> {
		if let Some(known) = self.skills.get(description) {
			return Ok(known.clone());
		}
		let (engine, text) = (self.engine.clone(), String::from_utf8_lossy(description).into_owned());
		let embedding = async move { embed_patiently(&engine, &text).await };
		let embedded = self.embedding_skills.get(&description.to_vec(), embedding).await;
		let embedded = embedded.ok_or("a skill's description is being embedded: answers come first")?;
		let vector =
			embedded.map_err(|error| format!("a skill's description cannot be embedded: {error}"))?;
		self.skills.insert(description.to_vec(), vector.clone());
		Ok(vector)
	}

	/// The content store, and where the asset's owner says the content is.
	fn source(&self, content: &Content) -> Store {
		self.store.with_sources(content.hints.iter().map(String::as_str))
	}

	/// Brings an adapter here, so that a request never waits for the network; it is loaded when one needs it.
	async fn adapter(&mut self, adapter: AssetRef, content: &Content) -> Result<(), String> {
		let (source, hash, cache) = (self.source(content), content.hash, self.cache.clone());
		let fetching = async move {
			source.fetch_folder(&hash, &cache).await.map(drop).map_err(|error| error.to_string())
		};
		let fetched = self.fetching_adapters.get(&hash, fetching).await;
		let fetched = fetched.ok_or_else(|| format!("adapter {} is being fetched", adapter.asset))?;
		fetched.map_err(|error| format!("adapter {} cannot be had: {error}", adapter.asset))
	}

	async fn prompt(&mut self, prompt: AssetRef, content: &Content) -> Result<String, String> {
		if let Some(text) = self.prompts.get(&content.hash) {
			return Ok(text.clone());
		}
		let (source, hash) = (self.source(content), content.hash);
		let fetching = async move {
			let bytes = source.get_within(&hash, MAX_PROMPT).await.map_err(|error| error.to_string())?;
			String::from_utf8(bytes.to_vec()).map_err(|_| "it is not UTF-8 text".to_owned())
		};
		let fetched = self.fetching_prompts.get(&hash, fetching).await;
		let fetched = fetched.ok_or_else(|| format!("prompt {} is being fetched", prompt.asset))?;
		let text = fetched.map_err(|error| format!("prompt {} cannot be had: {error}", prompt.asset))?;
		self.prompts.insert(content.hash, text.clone());
		Ok(text)
	}

	async fn known_content(&mut self, version: AssetRef) -> Result<Content, String> {
		let content = self.content(version).await.map_err(|error| error.to_string())?;
		content.ok_or_else(|| format!("asset {} has no version {}", version.asset, version.version))
	}

	/// Content of an asset version. Versions never change, so what was read once stays true.
	async fn content(&mut self, wanted: AssetRef) -> Result<Option<Content>, tributary_client::ChainError> {
		let find =
			|asset: &AssetView| asset.versions.iter().find(|v| v.version == wanted.version).map(Content::of);
		if let Some(content) = self.assets.get(&wanted.asset).and_then(find) {
			return Ok(Some(content));
		}
		let Some(asset) = self.chain.asset(wanted.asset).await? else { return Ok(None) };
		let content = find(&asset);
		self.assets.insert(wanted.asset, asset);
		Ok(content)
	}
}

/// Where an asset version's bytes are.
struct Content {
	hash: Hash,
	hints: Vec<String>,
}

impl Content {
	fn of(version: &VersionView) -> Self {
		let hints = version.hints.iter().filter_map(|hint| String::from_utf8(hint.clone()).ok());
		Self { hash: version.content, hints: hints.collect() }
	}
}

/// Agents that may be used, by name. Names are unique on chain.
fn by_name(views: Vec<AgentView>) -> BTreeMap<String, AgentView> {
	let usable = views.into_iter().filter(|view| !view.retired);
	usable.map(|view| (String::from_utf8_lossy(&view.name).into_owned(), view)).collect()
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
			tools: vec![],
			skills: vec![],
			retired: false,
			evaluated: vec![],
			staked: false,
		}
	}

	#[test]
	fn agent_has_only_its_active_parts_when_it_has_skills() {
		let skill = |adapters, prompts| SkillView {
			description: b"about owls".to_vec(),
			threshold: 0,
			adapters,
			prompts,
			datanets: 0,
		};
		let adapter = |byte| AdapterUse { hash: [byte; 32], scale: 1.0 };
		let agent = Agent {
			view: AgentView { skills: vec![skill(0b01, 0b1), skill(0b10, 0)], ..view(1, "a") },
			adapters: vec![adapter(1), adapter(2), adapter(3)],
			prompts: vec!["Be wise.".into(), "Be kind.".into()],
			..Agent::trial("a", [0; 32])
		};
		let none = agent.with(SkillSet(0)).unwrap();
		assert_eq!((none.adapters.len(), none.prompts), (1, vec!["Be kind.".to_owned()]));
		let first = agent.with(SkillSet(0b01)).unwrap();
		assert_eq!(first.adapters.iter().map(|adapter| adapter.hash[0]).collect::<Vec<_>>(), [1, 3]);
		assert_eq!(first.prompts.len(), 2);
		assert_eq!(first.view, agent.view);
		assert!(agent.with(SkillSet(0b100)).is_none());
	}

	#[test]
	fn standing_is_the_same_when_neither_agent_nor_reason_changed() {
		let ready = || Standing::Ready(Arc::new(Agent::trial("a", [0; 32])));
		let missing = |reason: &str| Standing::Missing(reason.into());
		let (first, second) = (ready(), ready());
		assert!(first.is_same(&first.clone()) && Standing::Foreign.is_same(&Standing::Foreign));
		assert!(missing("gone").is_same(&missing("gone")));
		for (before, now) in
			[(first.clone(), second), (first, missing("gone")), (missing("gone"), missing("away"))]
		{
			assert!(!before.is_same(&now));
		}
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
