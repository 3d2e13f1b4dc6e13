//! The bounds of a recipe, all of them before any work starts.

use super::{Ablation, Agent, Evaluation, LeaveOut, Method, Problem, Publish, Recipe};
use crate::{config::PROJECTIONS, evaluation::Metric};

/// Most datasets, benchmarks, prompts, tools and skills: what an agent version or a training takes on chain.
const MAX_PARTS: usize = 8;
/// Longest name on chain, bytes.
const MAX_NAME: usize = 64;
/// Most repeats of an ablation.
const MAX_REPEATS: usize = 16;
/// Most steps of a training.
const MAX_STEPS: usize = 10_000_000;

/// Collects problems.
struct Problems(Vec<Problem>);

impl Problems {
	fn unless(&mut self, holds: bool, field: impl Into<String>, reason: impl Into<String>) {
		if !holds {
			self.0.push(Problem { line: 0, field: field.into(), reason: reason.into() });
		}
	}

	fn count(&mut self, field: &str, found: usize, least: usize, most: usize) {
		let reason = format!("is {found} but must be {least} to {most}");
		self.unless((least..=most).contains(&found), field, reason);
	}

	fn list(&mut self, field: &str, found: usize, least: usize, most: usize) {
		let reason = format!("has {found} entries but takes {least} to {most}");
		self.unless((least..=most).contains(&found), field, reason);
	}

	/// From `low` to below `high`.
	fn share(&mut self, field: &str, value: f64, low: f64, high: f64) {
		let reason = format!("is {value} but must be from {low} to below {high}");
		self.unless((low..high).contains(&value), field, reason);
	}

	fn positive(&mut self, field: &str, value: f64) {
		self.unless(value.is_finite() && value > 0.0, field, format!("is {value} but must be above 0"));
	}

	fn name(&mut self, field: &str, name: &str) {
		let fits = !name.trim().is_empty() && name.len() <= MAX_NAME && !name.chars().any(char::is_control);
		self.unless(fits, field, format!("must be 1 to {MAX_NAME} bytes of plain text"));
	}
}

impl Recipe {
	/// Everything that is out of range; lines are not known here.
	pub(super) fn problems(&self) -> Vec<Problem> {
		let mut problems = Problems(Vec::new());
		self.check_training(&mut problems);
		self.check_data(&mut problems);
		problems.list("evaluation", self.evaluation.len(), 0, MAX_PARTS);
		for (index, evaluation) in self.evaluation.iter().enumerate() {
			self.check_evaluation(&format!("evaluation[{index}]"), evaluation, &mut problems);
		}
		if let Some(ablation) = &self.ablation {
			self.check_ablation(ablation, &mut problems);
		}
		if let Some(publish) = &self.publish {
			check_publish(publish, &mut problems);
		}
		if let Some(agent) = &self.agent {
			problems.unless(
				self.publish.is_some(),
				"agent",
				"needs `publish`: an agent is made of what is on chain",
			);
			check_agent(agent, &mut problems);
		}
		problems.0
	}

	fn check_training(&self, problems: &mut Problems) {
		for (field, found, least, most) in [
			("lora_r", self.lora_r, 1, 256),
			("sequence_len", self.sequence_len, 8, 1 << 17),
			("micro_batch_size", self.micro_batch_size, 1, 4_096),
			("gradient_accumulation_steps", self.gradient_accumulation_steps, 1, 4_096),
			("save_steps", self.save_steps, 1, MAX_STEPS),
			("warmup_steps", self.warmup_steps, 0, MAX_STEPS),
			("eval_steps", self.eval_steps, 0, MAX_STEPS),
		] {
			problems.count(field, found, least, most);
		}
		problems.positive("lora_alpha", self.lora_alpha);
		problems.positive("learning_rate", self.learning_rate);
		problems.positive("max_grad_norm", self.max_grad_norm);
		problems.share("lora_dropout", self.lora_dropout, 0.0, 1.0);
		problems.share("weight_decay", self.weight_decay, 0.0, 1.0);
		problems.share("chat_share", self.chat_share, 0.0, 1.0);
		let held_out = self.val_set_size;
		let reason = format!("is {held_out} but must be above 0 and at most 0.5");
		problems.unless(held_out > 0.0 && held_out <= 0.5, "val_set_size", reason);
		for (index, module) in self.lora_target_modules.iter().enumerate() {
			let known = PROJECTIONS.contains(&module.as_str());
			let near = super::error::nearest(module, &PROJECTIONS).unwrap_or("q_proj");
			let reason =
				format!("names `{module}`, did you mean `{near}`? Known are {}", PROJECTIONS.join(", "));
			problems.unless(known, format!("lora_target_modules[{index}]"), reason);
		}
		match (self.max_steps, self.num_epochs) {
			(Some(steps), None) => problems.count("max_steps", steps, 1, MAX_STEPS),
			(None, Some(epochs)) => {
				let fits = epochs > 0.0 && epochs <= 10_000.0;
				problems.unless(
					fits,
					"num_epochs",
					format!("is {epochs} but must be above 0 and at most 10000"),
				);
			}
			(Some(_), Some(_)) => {
				problems.unless(false, "num_epochs", "stands beside max_steps: name one of them")
			}
			(None, None) => problems.unless(false, "max_steps", "is missing: name it or num_epochs"),
		}
		let measured = self.early_stopping_patience == 0 || self.eval_steps > 0;
		problems.unless(
			measured,
			"early_stopping_patience",
			"needs eval_steps above 0, or nothing is measured",
		);
	}

	fn check_data(&self, problems: &mut Problems) {
		problems.list("datasets", self.datasets.len(), 1, MAX_PARTS);
		for (index, dataset) in self.datasets.iter().enumerate() {
			problems.positive(&format!("datasets[{index}].weight"), dataset.weight);
			let snapshot = dataset.snapshot != Some(0);
			problems.unless(
				snapshot,
				format!("datasets[{index}].snapshot"),
				"is 0 but snapshots count from 1",
			);
			let before = self.datasets.iter().take(index).any(|other| other.datanet == dataset.datanet);
			let reason = format!("names DataNet {} a second time: give it one weight", dataset.datanet);
			problems.unless(!before, format!("datasets[{index}].datanet"), reason);
		}
	}

	fn check_evaluation(&self, field: &str, evaluation: &Evaluation, problems: &mut Problems) {
		let trained_on = self.datasets.iter().any(|dataset| dataset.datanet == evaluation.benchmark.datanet);
		let reason = "is trained on: a benchmark must be held out, and the chain refuses such a report";
		problems.unless(!trained_on, format!("{field}.benchmark.datanet"), reason);
		problems.list(&format!("{field}.metrics"), evaluation.metrics.len(), 1, Metric::ALL.len());
		for (index, metric) in evaluation.metrics.iter().enumerate() {
			let known = Metric::ALL.map(Metric::name);
			let near = super::error::nearest(metric, &known);
			let near = near.map_or_else(String::new, |near| format!(", did you mean `{near}`?"));
			let reason = format!("`{metric}` is no metric{near}; known are {}", known.join(", "));
			problems.unless(known.contains(&metric.as_str()), format!("{field}.metrics[{index}]"), reason);
		}
		problems.count(&format!("{field}.max_tokens"), evaluation.max_tokens, 1, 4_096);
	}

	fn check_ablation(&self, ablation: &Ablation, problems: &mut Problems) {
		problems.count("ablation.repeats", ablation.repeats, 1, MAX_REPEATS);
		if let Some(steps) = ablation.max_steps {
			problems.count("ablation.max_steps", steps, 1, MAX_STEPS);
		}
		let measured = !self.evaluation.is_empty();
		problems.unless(measured, "ablation", "needs `evaluation`: what is lost is measured on a benchmark");
		let method = match (ablation.leave_out, ablation.method) {
			(LeaveOut::Datanets | LeaveOut::Contributors, Method::Drop) => {
				Some("is drop, but data that was trained in can only be left out by retrain")
			}
			(LeaveOut::Prompts | LeaveOut::Adapters, Method::Retrain) => {
				Some("is retrain, but prompts and adapters are parts of the composition: drop them")
			}
			_ => None,
		};
		problems.unless(method.is_none(), "ablation.method", method.unwrap_or_default());
		let again = ablation.method == Method::Retrain || ablation.repeats == 1;
		problems.unless(
			again,
			"ablation.repeats",
			"is above 1, but dropping gives the same each time: leave it out",
		);
		if ablation.leave_out == LeaveOut::Prompts {
			let prompts = self.agent.as_ref().map_or(0, |agent| agent.prompts.len());
			problems.unless(prompts > 0, "ablation.leave_out", "is prompts, but `agent.prompts` names none");
		}
		if ablation.leave_out == LeaveOut::Datanets {
			let reason = "is datanets, but there is only one: nothing would be left to train on";
			problems.unless(self.datasets.len() > 1, "ablation.leave_out", reason);
		}
	}
}

fn check_publish(publish: &Publish, problems: &mut Problems) {
	problems.name("publish.name", &publish.name);
	problems.list("publish.hints", publish.hints.len(), 0, 3);
	for (index, hint) in publish.hints.iter().enumerate() {
		let remote = ["http://", "https://", "s3://"].iter().any(|scheme| hint.starts_with(scheme));
		let reason = "must begin with https://, http:// or s3://: others fetch from it";
		problems.unless(remote && hint.len() <= 256, format!("publish.hints[{index}]"), reason);
	}
}

fn check_agent(agent: &Agent, problems: &mut Problems) {
	problems.name("agent.name", &agent.name);
	for (field, found) in [
		// The trained one takes a place too.
		("agent.adapters", agent.adapters.len().saturating_add(1)),
		("agent.prompts", agent.prompts.len()),
		("agent.datanets", agent.datanets.len()),
		("agent.tools", agent.tools.len()),
		("agent.skills", agent.skills.len()),
	] {
		problems.list(field, found, 0, MAX_PARTS);
	}
	for (index, skill) in agent.skills.iter().enumerate() {
		let field = format!("agent.skills[{index}]");
		problems.unless(
			!skill.description.trim().is_empty() && skill.description.len() <= 256,
			format!("{field}.description"),
			"must be 1 to 256 bytes of text",
		);
		let threshold = (-1.0..=1.0).contains(&skill.threshold);
		let reason = format!("is {} but must be from -1 to 1", skill.threshold);
		problems.unless(threshold, format!("{field}.threshold"), reason);
		let within =
			|ids: &[u32], all: &[super::Reference]| ids.iter().all(|id| all.iter().any(|one| one.id == *id));
		let adapters = within(&skill.adapters, &agent.adapters);
		problems.unless(adapters, format!("{field}.adapters"), "names one that is not in agent.adapters");
		let prompts = within(&skill.prompts, &agent.prompts);
		problems.unless(prompts, format!("{field}.prompts"), "names one that is not in agent.prompts");
		let known = |datanet: &u32| agent.datanets.iter().any(|listed| listed.datanet == *datanet);
		let datanets = skill.datanets.iter().all(known);
		problems.unless(datanets, format!("{field}.datanets"), "names one that is not in agent.datanets");
	}
}
