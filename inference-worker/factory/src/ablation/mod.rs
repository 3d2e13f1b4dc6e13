//! Who would be missed: what is lost on benchmarks when something is left out.
//!
//! **Retrain** trains again without it, with several seeds, and compares with trainings on everything with the same
//! seeds and steps: what the data is worth to the model. **Drop** takes a prompt or an adapter out of the composition
//! and runs the rest: what the part is worth to the answers, and says nothing on what it was trained on. Differences are
//! taken item by item, so what makes an item hard cancels out; the interval is over items and seeds.

mod report;
#[cfg(test)]
mod tests;

pub use report::{Left, Loss, Report, MAX_REPORT_BYTES, REPORT_KIND};

use tributary_engine::DeviceChoice;

use crate::{
	evaluation::{difference, evaluate, Benchmark, EvaluationError, Item, Metric, Sample, Settings, Subject},
	progress::Progress,
};

/// Most things that are left out one by one.
pub const MAX_LEFT_OUT: usize = 16;

/// Error of an ablation.
#[derive(Debug, thiserror::Error)]
pub enum AblationError {
	/// A measurement failed.
	#[error(transparent)]
	Evaluation(#[from] EvaluationError),
	/// A variant could not be made.
	#[error("{without}: {source}")]
	Variant {
		/// What was left out.
		without: String,
		/// Why.
		source: Box<dyn std::error::Error + Send + Sync>,
	},
	/// There is nothing to leave out, or too much.
	#[error("{0} things to leave out, an ablation takes 1 to {MAX_LEFT_OUT}; choose another `leave_out`")]
	Count(usize),
}

/// Makes the models that are compared.
pub trait Variants {
	/// The model without one of the things, or with all of them. `repeat` chooses the seed of a training.
	fn subject(
		&mut self,
		without: Option<usize>,
		repeat: usize,
		progress: &mut dyn Progress,
	) -> Result<Subject, Box<dyn std::error::Error + Send + Sync>>;
}

/// A benchmark to measure on.
#[derive(Debug, Clone)]
pub struct Trial {
	/// Which.
	pub benchmark: Benchmark,
	/// Its items.
	pub items: Vec<Item>,
	/// What is measured.
	pub metrics: Vec<Metric>,
	/// How answers are written.
	pub settings: Settings,
}

/// How an ablation is done.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
	/// `datanets`, `contributors`, `prompts` or `adapters`.
	pub leave_out: &'a str,
	/// `retrain` or `drop`.
	pub method: &'a str,
	/// Seeds for each; 1 where nothing is trained.
	pub repeats: usize,
	/// Steps of each training, where something is trained.
	pub steps: Option<usize>,
	/// Where to measure.
	pub device: DeviceChoice,
	/// Seed of the intervals.
	pub seed: u64,
}

/// Samples by trial, metric and repeat.
type Scores = Vec<Vec<Vec<Vec<Sample>>>>;

/// Leaves out one thing after the other. The report lists the largest loss first, by metric.
pub fn ablate(
	plan: Plan<'_>,
	things: &[Left],
	trials: &[Trial],
	variants: &mut dyn Variants,
	progress: &mut dyn Progress,
) -> Result<Report, AblationError> {
	if !(1..=MAX_LEFT_OUT).contains(&things.len()) {
		return Err(AblationError::Count(things.len()));
	}
	let with = scores(plan, None, "with everything", trials, variants, progress)?;
	let mut losses = Vec::new();
	for (index, thing) in things.iter().enumerate() {
		let without = scores(plan, Some(index), &thing.name, trials, variants, progress)?;
		for (place, trial) in trials.iter().enumerate() {
			for (column, metric) in trial.metrics.iter().enumerate() {
				let of = |scores: &Scores| {
					scores.get(place).and_then(|metrics| metrics.get(column)).cloned().unwrap_or_default()
				};
				let (with, without) = (of(&with), of(&without));
				losses.push(Loss::new(
					thing,
					&trial.benchmark,
					*metric,
					(&with, &without),
					difference(*metric, &with, &without, plan.seed),
				));
			}
		}
	}
	losses.sort_by(|one, other| {
		let key = |loss: &Loss| (loss.benchmark.datanet, loss.metric.clone());
		let larger = other.lost.mean.total_cmp(&one.lost.mean);
		key(one).cmp(&key(other)).then(larger)
	});
	Ok(Report {
		kind: REPORT_KIND.into(),
		version: env!("CARGO_PKG_VERSION").into(),
		leave_out: plan.leave_out.into(),
		method: plan.method.into(),
		repeats: plan.repeats,
		steps: plan.steps,
		seed: plan.seed,
		subject: Vec::new(),
		losses,
	})
}

fn scores(
	plan: Plan<'_>,
	without: Option<usize>,
	name: &str,
	trials: &[Trial],
	variants: &mut dyn Variants,
	progress: &mut dyn Progress,
) -> Result<Scores, AblationError> {
	let empty = |trial: &Trial| vec![Vec::new(); trial.metrics.len()];
	let mut scores: Scores = trials.iter().map(empty).collect();
	for repeat in 0..plan.repeats.max(1) {
		let failed = |source| AblationError::Variant { without: name.to_owned(), source };
		let subject = variants.subject(without, repeat, progress).map_err(failed)?;
		for (trial, scores) in trials.iter().zip(&mut scores) {
			let report =
				evaluate(&subject, plan.device, &trial.items, &trial.metrics, trial.settings, progress)?;
			for (metric, scores) in trial.metrics.iter().zip(scores) {
				scores.push(report.samples(*metric));
			}
		}
	}
	Ok(scores)
}
