//! Which skills of an agent a request uses.
//!
//! The request is embedded by the base model and compared with the skills' descriptions; a skill is used from its
//! threshold on. Adapters, prompts and DataNets of skills that are not used take no part in the answer and are not paid
//! for it. Embedding the request costs the payer nothing.

use crate::{
	agents::Agent,
	embedder::{embed, EmbedError},
};
use std::sync::Arc;
use tributary_attribution::SkillScore;
use tributary_client::routing::similarities;
use tributary_engine::Engine;
use tributary_primitives::{AccountId, SkillSet};

/// What a request uses of its agent, and why.
#[derive(Clone)]
pub struct Route {
	/// The agent with the active parts alone.
	pub agent: Arc<Agent>,
	/// The active skills.
	pub skills: SkillSet,
	/// Of each skill.
	pub scores: Vec<SkillScore>,
	/// The request's embedding, where it was needed.
	pub vector: Option<Vec<f32>>,
}

impl Route {
	/// All of an agent without skills.
	pub fn whole(agent: Arc<Agent>) -> Self {
		Self { agent, skills: SkillSet::default(), scores: Vec::new(), vector: None }
	}
}

/// Finds the skills that `text`, the last message of the user, is about.
pub async fn route(
	engine: &Engine,
	agent: Arc<Agent>,
	text: &str,
	payer: AccountId,
) -> Result<Route, EmbedError> {
	if agent.view.skills.is_empty() {
		return Ok(Route::whole(agent));
	}
	// Without a word it is about nothing.
	let vector = match text.trim().is_empty() {
		true => None,
		false => Some(embed(engine, text, payer).await?),
	};
	let found = match &vector {
		Some(vector) => similarities(vector, &agent.skills),
		None => Some(vec![-1_000_000; agent.skills.len()]),
	};
	let found =
		found.ok_or_else(|| EmbedError::Failed("the skills were embedded by another model".into()))?;
	let thresholds = agent.view.skills.iter().map(|skill| skill.threshold);
	let scores = score(found, thresholds);
	let skills = active(&scores);
	let active = agent.with(skills).ok_or_else(|| EmbedError::Failed("the agent lacks a skill".into()))?;
	Ok(Route { agent: Arc::new(active), skills, scores, vector })
}

fn score(similarities: Vec<i32>, thresholds: impl Iterator<Item = i32>) -> Vec<SkillScore> {
	let one = |(similarity, threshold)| SkillScore { similarity, threshold, active: similarity >= threshold };
	similarities.into_iter().zip(thresholds).map(one).collect()
}

fn active(scores: &[SkillScore]) -> SkillSet {
	let active = scores.iter().enumerate().filter(|(_, score)| score.active);
	active.fold(SkillSet::default(), |set, (skill, _)| set.with(skill).unwrap_or(set))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn skill_is_active_when_it_is_at_its_threshold() {
		let scores = score(vec![250_000, 249_999, -1], [250_000, 250_000, -2].into_iter());
		assert_eq!(scores.iter().map(|score| score.active).collect::<Vec<_>>(), [true, false, true]);
		assert_eq!(active(&scores), SkillSet(0b101));
	}
}
