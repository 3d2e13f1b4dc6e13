//! `tributary agent`.

use super::{
	asset::{published, versioned},
	calibrate::CalibrateArguments,
};
use crate::{
	context::Context,
	failure::Failure,
	output::*,
	parse::{self, no_asset, Versioned, Weighted},
	skills,
};
use clap::{Args, Subcommand};
use serde_json::{json, Value};
use std::path::PathBuf;
use tributary_client::{
	chain::{Call, Composition, MAX_PAGE},
	Chain,
};
use tributary_primitives::{
	fee::Price,
	views::{AgentView, ToolView},
	AssetId, Balance, PPM,
};

/// Agents: compose, recompose, price, show.
#[derive(Debug, Subcommand)]
pub enum AgentCommand {
	/// Compose an agent; its name is the `model` of OpenAI requests.
	Compose {
		/// Its name.
		name: String,
		/// Its parts.
		#[command(flatten)]
		parts: PartsArguments,
		/// Its price [default: what its parts cost].
		#[command(flatten)]
		price: PriceArguments,
	},
	/// Add a version with other parts.
	Recompose {
		/// The agent.
		agent: AssetId,
		/// Its parts.
		#[command(flatten)]
		parts: PartsArguments,
		/// Its price [default: the present one].
		#[command(flatten)]
		price: PriceArguments,
	},
	/// Add a version with the same parts at another price.
	Price {
		/// The agent.
		agent: AssetId,
		/// The new price; a rate left out stays.
		#[command(flatten)]
		price: PriceArguments,
	},
	/// Find the thresholds of skills that fit example requests best.
	Calibrate(CalibrateArguments),
	/// Show an agent.
	Show {
		/// The agent: ID or ID:VERSION.
		agent: Versioned,
	},
	/// List agents.
	List,
}

/// What an agent version costs.
#[derive(Clone, Copy, Debug, Args)]
pub struct PriceArguments {
	/// TRB per 1,000 tokens read.
	#[arg(long, value_name = "TRB", value_parser = parse::amount)]
	price_in: Option<Balance>,
	/// TRB per 1,000 tokens written.
	#[arg(long, value_name = "TRB", value_parser = parse::amount)]
	price_out: Option<Balance>,
}

impl PriceArguments {
	/// The named rates, `default`'s for those left out; refused below what the parts of `composition` cost.
	async fn over(
		self,
		default: Option<Price>,
		chain: &Chain,
		composition: &Composition,
	) -> Result<Price, Failure> {
		let least = parts_price(chain, composition).await?;
		let default = default.unwrap_or(least);
		let price = Price {
			input: self.price_in.unwrap_or(default.input),
			output: self.price_out.unwrap_or(default.output),
		};
		if !price.covers(least) {
			return Err(Failure::Usage(format!(
				"the agent's parts cost {} per 1,000 tokens read and {} written: ask at least that \
				 with --price-in and --price-out",
				trb(least.input),
				trb(least.output)
			)));
		}
		Ok(price)
	}
}

/// What an agent is made of. Versions are the newest unless named.
#[derive(Debug, Args)]
pub struct PartsArguments {
	/// Base model: ID or ID:VERSION.
	#[arg(long)]
	base: Versioned,
	/// Adapter and its strength: ID, ID:VERSION or ID=0.8; repeat for more.
	#[arg(long = "adapter", value_name = "ADAPTER[=SCALE]")]
	adapters: Vec<Weighted>,
	/// Prompt; repeat for more, in order.
	#[arg(long = "prompt", value_name = "PROMPT")]
	prompts: Vec<Versioned>,
	/// Snapshot to retrieve from and to attribute to; repeat for more.
	#[arg(long = "datanet", value_name = "SNAPSHOT")]
	datanets: Vec<Versioned>,
	/// Tool that the model may call; repeat for more.
	#[arg(long = "tool", value_name = "TOOL")]
	tools: Vec<Versioned>,
	/// File of skills, YAML or JSON: a list of description, threshold (cosine, -1 to 1), adapters, prompts and
	/// datanets (ids). Parts in no skill answer every request.
	#[arg(long, value_name = "FILE")]
	skills: Option<PathBuf>,
}

impl PartsArguments {
	async fn resolve(&self, chain: &Chain) -> Result<Composition, Failure> {
		let mut composition = Composition {
			base: self.base.asset(chain).await?,
			adapters: Vec::new(),
			prompts: Vec::new(),
			datanets: Vec::new(),
			tools: Vec::new(),
			skills: Vec::new(),
			price: Price::default(),
		};
		for adapter in &self.adapters {
			composition.adapters.push((adapter.of.asset(chain).await?, adapter.ppm.unwrap_or(PPM)));
		}
		for prompt in &self.prompts {
			composition.prompts.push(prompt.asset(chain).await?);
		}
		for datanet in &self.datanets {
			composition.datanets.push(datanet.snapshot(chain).await?);
		}
		for tool in &self.tools {
			composition.tools.push(tool.asset(chain).await?);
		}
		if let Some(path) = &self.skills {
			composition.skills = skills::read(path, &composition)?;
		}
		Ok(composition)
	}
}

/// What the parts cost together: the least price that the chain accepts.
pub async fn parts_price(chain: &Chain, composition: &Composition) -> Result<Price, Failure> {
	let adapters = composition.adapters.iter().map(|(adapter, _)| adapter.asset);
	let prompts = composition.prompts.iter().map(|prompt| prompt.asset);
	let mut sum = Price::default();
	for asset in std::iter::once(composition.base.asset).chain(adapters).chain(prompts) {
		let view = chain.asset(asset).await?.ok_or_else(|| no_asset(asset))?;
		sum =
			sum.checked_add(view.price).ok_or_else(|| Failure::Other("the parts' prices overflow".into()))?;
	}
	Ok(sum)
}

impl AgentCommand {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		let chain = context.chain().await?;
		match self {
			Self::Calibrate(arguments) => arguments.run().await,
			Self::Compose { name, parts, price } => {
				let mut composition = parts.resolve(chain).await?;
				composition.price = price.over(None, chain, &composition).await?;
				let included = context.submit(&Call::compose(&name, &composition)).await?;
				let next = format!("Requests name it as model `{name}`.");
				published(&included, &name, "", &next)
			}
			Self::Recompose { agent, parts, price } => {
				let present = chain.agent(agent, None).await?.ok_or_else(|| no_agent(agent))?.price;
				let mut composition = parts.resolve(chain).await?;
				composition.price = price.over(Some(present), chain, &composition).await?;
				versioned(&context.submit(&Call::recompose(agent, &composition)).await?, "")
			}
			Self::Price { agent, price } => {
				let view = chain.agent(agent, None).await?.ok_or_else(|| no_agent(agent))?;
				let mut composition = Composition {
					base: view.base,
					adapters: view.adapters,
					prompts: view.prompts,
					datanets: view.datanets,
					tools: view.tools.iter().map(|tool| tool.tool).collect(),
					skills: view.skills,
					price: view.price,
				};
				composition.price = price.over(Some(view.price), chain, &composition).await?;
				versioned(&context.submit(&Call::recompose(agent, &composition)).await?, "")
			}
			Self::Show { agent } => {
				let view = chain.agent(agent.id, agent.version).await?.ok_or_else(|| no_agent(agent.id))?;
				Ok(Output::new(agent_json(&view), agent_text(&view)))
			}
			Self::List => {
				let all = all_agents(chain).await?;
				let row = |view: &AgentView| {
					vec![
						version(view.agent),
						line(&view.name),
						trb(view.price.input),
						trb(view.price.output),
						if view.retired { "retired".into() } else { String::new() },
						address(&view.owner),
					]
				};
				let headings = ["agent>", "name", "per 1,000 in>", "per 1,000 out>", "", "author"];
				let text = table(&headings, all.iter().map(row).collect());
				Ok(Output::new(all.iter().map(agent_json).collect(), text))
			}
		}
	}
}

/// There is no such agent.
pub fn no_agent(agent: AssetId) -> Failure {
	Failure::Usage(format!("asset {agent} is no agent, or has no such version: see `tributary agent list`"))
}

async fn all_agents(chain: &Chain) -> Result<Vec<AgentView>, Failure> {
	let mut all: Vec<AgentView> = Vec::new();
	loop {
		let start = all.last().map_or(0, |last| last.agent.asset.saturating_add(1));
		let page = chain.agents(start, MAX_PAGE).await?;
		if page.is_empty() {
			return Ok(all);
		}
		all.extend(page);
	}
}

/// An agent as JSON.
pub fn agent_json(view: &AgentView) -> Value {
	json!({
		"agent": view.agent.asset,
		"version": view.agent.version,
		"name": line(&view.name),
		"owner": address(&view.owner),
		"price_input": view.price.input.to_string(),
		"price_output": view.price.output.to_string(),
		"base": version(view.base),
		"adapters": view.adapters.iter().map(|(adapter, scale)| json!({ "asset": version(*adapter), "scale_ppm": scale })).collect::<Vec<_>>(),
		"prompts": view.prompts.iter().map(|prompt| version(*prompt)).collect::<Vec<_>>(),
		"datanets": view.datanets.iter().map(|one| snapshot(*one)).collect::<Vec<_>>(),
		"tools": view.tools.iter().map(tool_json).collect::<Vec<_>>(),
		"skills": view.skills.iter().map(|skill| json!({
			"description": line(&skill.description),
			"threshold_millionths": skill.threshold,
			"adapters": skill.adapters,
			"prompts": skill.prompts,
			"datanets": skill.datanets,
		})).collect::<Vec<_>>(),
		"retired": view.retired,
	})
}

/// A tool version as JSON.
pub fn tool_json(tool: &ToolView) -> Value {
	json!({
		"tool": tool.tool.asset,
		"version": tool.tool.version,
		"name": line(&tool.name),
		"owner": address(&tool.owner),
		"server": line(&tool.server),
		"identity": line(&tool.identity),
		"content": hex32(&tool.content),
		"price_per_call": tool.price.to_string(),
		"retired": tool.retired,
	})
}

/// An agent as text.
pub fn agent_text(view: &AgentView) -> String {
	let join = |list: Vec<String>| if list.is_empty() { "none".into() } else { list.join(", ") };
	let scaled = |(adapter, scale): &(_, u32)| {
		format!("{} at {}", version(*adapter), f64::from(*scale) / f64::from(PPM))
	};
	let adapters: Vec<_> = view.adapters.iter().map(|(adapter, _)| version(*adapter)).collect();
	let prompts: Vec<_> = view.prompts.iter().map(|prompt| version(*prompt)).collect();
	let datanets: Vec<_> = view.datanets.iter().map(|one| snapshot(*one)).collect();
	let tool = |tool: &ToolView| {
		format!("{} ({}) at {} a call", version(tool.tool), line(&tool.name), trb(tool.price))
	};
	let mut rows = vec![
		("agent", version(view.agent)),
		("name", line(&view.name)),
		("author", address(&view.owner)),
		(
			"price",
			format!("{} per 1,000 tokens read, {} written", trb(view.price.input), trb(view.price.output)),
		),
		("base model", version(view.base)),
		("adapters", join(view.adapters.iter().map(scaled).collect())),
		("prompts", join(prompts.clone())),
		("DataNets", join(datanets.clone())),
		("tools", join(view.tools.iter().map(tool).collect())),
	];
	rows.extend(
		view.skills.iter().map(|skill| ("skill", skills::shown(skill, &adapters, &prompts, &datanets))),
	);
	rows.push(("state", if view.retired { "retired".into() } else { "in use".into() }));
	facts(&rows)
}
