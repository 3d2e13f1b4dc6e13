//! Composing the agent, or a version of it.

use super::{
	publish::{owned, price, record, recorded, PUBLISHED},
	watch::wait,
};
use crate::{
	commands::agent::parts_price,
	context::Context,
	failure::Failure,
	output::trb,
	skills::{self, Entry},
};
use serde_json::{json, Value};
use std::path::Path;
use tributary_client::chain::{Call, Composition};
use tributary_factory::{
	recipe::{Agent, Recipe, Reference, Skill, Snapshot},
	workflow::{Place, Step, StepError},
	Progress,
};
use tributary_primitives::{
	fee::Price, views::AgentView, AccountId, AssetKind, AssetRef, Hash, SnapshotRef, PPM,
};

/// What was composed, in the step's folder.
pub const COMPOSED: &str = "agent.json";

/// Composes the agent around the published adapter.
pub struct ComposeStep<'a> {
	/// Chain and key.
	pub context: &'a Context,
	/// The chain.
	pub genesis: Hash,
	/// Whose it is.
	pub owner: AccountId,
	/// The base model.
	pub base: (u32, u32),
	/// Its parts, with versions.
	pub agent: Agent,
}

/// Amounts, which the factory itself does not read: before any work starts.
pub fn check(recipe: &Recipe) -> Result<(), Failure> {
	if let Some(publish) = &recipe.publish {
		price(&publish.price, "publish.price")?;
	}
	if let Some(asked) = recipe.agent.as_ref().and_then(|agent| agent.price.as_ref()) {
		price(asked, "agent.price")?;
	}
	Ok(())
}

fn asset(reference: &Reference) -> AssetRef {
	AssetRef { asset: reference.id, version: reference.version.unwrap_or(1) }
}

fn snapshot(one: &Snapshot) -> SnapshotRef {
	SnapshotRef { datanet: one.datanet, version: one.snapshot.unwrap_or(1) }
}

/// A skill as in files of skills, where the trained adapter has an id.
fn entry(skill: &Skill, trained: AssetRef) -> Entry {
	let own = skill.adapter.then_some(trained.asset);
	Entry {
		description: skill.description.clone(),
		threshold: skill.threshold,
		adapters: own.into_iter().chain(skill.adapters.iter().copied()).collect(),
		prompts: skill.prompts.clone(),
		datanets: skill.datanets.clone(),
	}
}

impl ComposeStep<'_> {
	async fn compose(&self, adapter: AssetRef) -> Result<AssetRef, Failure> {
		let chain = self.context.chain().await?;
		let others = self.agent.adapters.iter().map(|other| (asset(other), PPM));
		let mut composition = Composition {
			base: AssetRef { asset: self.base.0, version: self.base.1 },
			adapters: std::iter::once((adapter, PPM)).chain(others).collect(),
			prompts: self.agent.prompts.iter().map(asset).collect(),
			datanets: self.agent.datanets.iter().map(snapshot).collect(),
			tools: self.agent.tools.iter().map(asset).collect(),
			skills: Vec::new(),
			price: Price::default(),
		};
		let skills: Vec<Entry> = self.agent.skills.iter().map(|skill| entry(skill, adapter)).collect();
		composition.skills = skills::resolve_all(&skills, &composition)
			.map_err(|reason| Failure::Usage(format!("agent.skills: {reason}")))?;
		let least = parts_price(chain, &composition).await?;
		composition.price = match &self.agent.price {
			Some(asked) => price(asked, "agent.price")?,
			None => least,
		};
		if !composition.price.covers(least) {
			return Err(Failure::Usage(format!(
				"agent.price: the parts cost {} per 1,000 tokens read and {} written, ask at least that",
				trb(least.input),
				trb(least.output)
			)));
		}
		let unsaid = || Failure::Other("the chain did not say which agent it composed: run again".into());
		let known = owned(self.context, self.owner, AssetKind::Agent, &self.agent.name).await?;
		let Some(known) = known else {
			let included = self.context.submit(&Call::compose(&self.agent.name, &composition)).await?;
			let asset = included.registered_asset().ok_or_else(unsaid)?;
			return Ok(AssetRef { asset, version: 1 });
		};
		if let Some(view) = chain.agent(known.id, None).await?.filter(|view| is(view, &composition)) {
			return Ok(view.agent);
		}
		let included = self.context.submit(&Call::recompose(known.id, &composition)).await?;
		included.added_version().ok_or_else(unsaid)
	}
}

/// Whether an agent version is this composition.
fn is(view: &AgentView, composition: &Composition) -> bool {
	let Composition { base, adapters, prompts, datanets, tools, skills, price } = composition;
	view.base == *base
		&& view.adapters == *adapters
		&& view.prompts == *prompts
		&& view.datanets == *datanets
		&& view.tools.iter().map(|tool| tool.tool).eq(tools.iter().copied())
		&& view.skills == *skills
		&& view.price == *price
		&& !view.retired
}

impl Step for ComposeStep<'_> {
	fn name(&self) -> &str {
		"compose"
	}

	fn kind(&self) -> &'static str {
		"compose/1"
	}

	fn settings(&self) -> Value {
		json!({
			"genesis": hex::encode(self.genesis), "owner": hex::encode(self.owner), "base": self.base,
			"agent": self.agent,
		})
	}

	fn inputs(&self) -> Vec<String> {
		vec!["publish".into()]
	}

	fn outputs(&self) -> Vec<&'static str> {
		vec![COMPOSED]
	}

	fn holds(&self, folder: &Path) -> Result<bool, StepError> {
		let agent = recorded(folder, COMPOSED)?;
		let view = wait(async {
			let chain = self.context.chain().await?;
			Ok::<_, Failure>(chain.agent(agent.asset, Some(agent.version)).await?)
		})?;
		Ok(view.is_some_and(|view| view.owner == self.owner && view.name == self.agent.name.as_bytes()))
	}

	fn run(&mut self, place: &Place, _: &mut dyn Progress) -> Result<(), StepError> {
		let adapter = recorded(place.input("publish")?, PUBLISHED)?;
		let agent = wait(self.compose(adapter))?;
		let value = json!({ "name": self.agent.name, "asset": agent.asset, "version": agent.version });
		Ok(record(&place.folder, COMPOSED, &value)?)
	}
}
