//! What fees and shares follow from.

use super::BatchError;
use tributary_primitives::{
	fee::{price_of_calls, Price},
	record::ToolUse,
	split::Presence,
	views::AgentView,
	AssetRef, Balance, DataNetId, Served, SkillSet,
};

/// What fees and shares of an agent version with its active skills follow from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentTerms {
	/// The agent version and its active skills.
	pub served: Served,
	/// Planck per 1,000 tokens.
	pub price: Price,
	/// Which parts of the split take part. Whether tools do is for the records to say.
	pub presence: Presence,
	/// The active DataNets.
	pub datanets: Vec<DataNetId>,
	/// The version's tools and what a call of each costs, planck, in the version's order.
	pub tools: Vec<(AssetRef, Balance)>,
}

impl AgentTerms {
	/// The terms of a version under a skill set; `None` when it lacks one of the skills.
	pub fn of(view: &AgentView, skills: SkillSet) -> Option<Self> {
		Some(Self {
			served: Served { agent: view.agent, skills },
			price: view.price,
			presence: view.presence(skills, false)?,
			datanets: view.active(skills)?.datanets.iter().map(|snapshot| snapshot.datanet).collect(),
			tools: view.tools.iter().map(|tool| (tool.tool, tool.price)).collect(),
		})
	}

	/// The terms of all that `served` names and `views` know, each once.
	pub fn all(served: impl IntoIterator<Item = Served>, views: &[AgentView]) -> Vec<Self> {
		let mut all: Vec<Self> = Vec::new();
		for served in served {
			if all.iter().any(|known| known.served == served) {
				continue;
			}
			let view = views.iter().find(|view| view.agent == served.agent);
			all.extend(view.and_then(|view| Self::of(view, served.skills)));
		}
		all
	}

	/// The tool's place in the version, and what a call costs.
	pub(super) fn tool(&self, tool: AssetRef) -> Result<(usize, Balance), BatchError> {
		let place = self.tools.iter().position(|(known, _)| *known == tool);
		let found = place.and_then(|place| Some((place, self.tools.get(place)?.1)));
		found.ok_or(BatchError::UnknownTool(self.served, tool))
	}

	/// What the calls cost, planck.
	pub fn price_of(&self, calls: &[ToolUse]) -> Result<Balance, BatchError> {
		let priced = |used: &ToolUse| Ok((used.calls, self.tool(used.tool)?.1));
		let priced = calls.iter().map(priced).collect::<Result<Vec<_>, _>>()?;
		price_of_calls(priced).ok_or(BatchError::Overflow)
	}
}
