//! Evaluating a model on a benchmark DataNet.
//!
//! Answers are greedy and likelihoods exact, so a report can be made again by anyone who has model and benchmark. Scores
//! come with the interval in which they would lie had other items of the same kind been drawn.

mod bootstrap;
mod checks;
mod compare;
mod error;
mod items;
mod metrics;
mod report;
mod subject;
#[cfg(test)]
mod tests;

pub use bootstrap::{difference, interval, Interval, Sample, RESAMPLES};
pub(crate) use bootstrap::{rounded, score};
pub use checks::Check;
pub use compare::{compare, Change, Verdict};
pub use error::EvaluationError;
pub use items::{read_items, Contribution, Item, Task, MAX_ITEMS};
pub use metrics::Metric;
pub use report::{Benchmark, ItemResult, Part, Report, Settings, Summary, MAX_REPORT_BYTES, REPORT_KIND};
pub use subject::Subject;

use tributary_engine::DeviceChoice;

use crate::progress::Progress;
use subject::{Model, Scored};

/// Most tokens of an answer.
const MAX_ANSWER: usize = 4_096;

/// Measures a subject on items. `parts` and `benchmark` go into the report as they are.
///
/// Errors: settings out of range, a metric that fits no item, a model that cannot be run, an item that does not fit its
/// context.
pub fn evaluate(
	subject: &Subject,
	device: DeviceChoice,
	items: &[Item],
	metrics: &[Metric],
	settings: Settings,
	progress: &mut dyn Progress,
) -> Result<Report, EvaluationError> {
	if !(1..=MAX_ANSWER).contains(&settings.max_tokens) {
		let reason = format!("is {} but must be 1 to {MAX_ANSWER}", settings.max_tokens);
		return Err(EvaluationError::Setting { name: "max_tokens", reason });
	}
	if metrics.is_empty() {
		return Err(EvaluationError::Setting { name: "metrics", reason: "is empty".into() });
	}
	for metric in metrics {
		if !items.iter().any(|item| metric.fits(&item.task)) {
			return Err(EvaluationError::NoItems { metric: metric.name(), needs: metric.needs() });
		}
	}
	let mut model = Model::open(subject, device)?;
	progress.begin("evaluating", items.len() as u64);
	let mut results = Vec::with_capacity(items.len());
	// In groups, so that answers are written side by side.
	for group in items.chunks(16) {
		results.extend(measure(&mut model, group, metrics, settings)?);
		progress.step(results.len() as u64, "");
		if let Some(reason) = progress.wants_stop() {
			return Err(EvaluationError::Stopped(reason));
		}
	}
	progress.end(&format!("{} items", results.len()));
	let mut report = Report {
		kind: REPORT_KIND.into(),
		version: env!("CARGO_PKG_VERSION").into(),
		device: model.device().to_string(),
		profile: blake3::Hash::from_bytes(model.profile()).to_hex().to_string(),
		subject: Vec::new(),
		benchmark: None,
		settings,
		metrics: Vec::new(),
		items: results,
	};
	for metric in metrics {
		let samples = report.samples(*metric);
		report.metrics.push(Summary {
			metric: metric.name().into(),
			interval: interval(*metric, &samples, settings.seed),
			items: samples.len(),
			higher_is_better: metric.higher_is_better(),
		});
	}
	Ok(report)
}

fn measure(
	model: &mut Model,
	items: &[Item],
	metrics: &[Metric],
	settings: Settings,
) -> Result<Vec<ItemResult>, EvaluationError> {
	let wants = |item: &Item| metrics.iter().any(|metric| metric.needs_answer() && metric.fits(&item.task));
	let mut prompts = Vec::new();
	for item in items.iter().filter(|item| wants(item)) {
		let (Task::Answer { prompt, .. } | Task::Judged { prompt, .. }) = &item.task else { continue };
		let tokens = model.prompt(prompt)?;
		check_length(item, tokens.len() + settings.max_tokens, model.context())?;
		prompts.push(tokens);
	}
	let mut answers = model.answers(prompts, settings.max_tokens)?.into_iter();
	let mut results = Vec::with_capacity(items.len());
	for item in items {
		let answer = if wants(item) { answers.next() } else { None };
		let mut result = ItemResult {
			contribution: item.contribution,
			line: item.line,
			answer: None,
			passed: Vec::new(),
			scores: Default::default(),
		};
		for metric in metrics.iter().filter(|metric| metric.fits(&item.task)) {
			let sample = match (&item.task, &answer) {
				(Task::Answer { references, .. }, Some(answer)) if metric.needs_answer() => {
					metric.compare(answer, references).map(one)
				}
				(Task::Judged { checks, .. }, Some(answer)) => {
					result.passed = checks.iter().map(|check| check.passes(answer)).collect();
					Some(one(f64::from(u8::from(result.passed.iter().all(|passed| *passed)))))
				}
				_ => likelihood(model, item)?,
			};
			result.scores.extend(sample.map(|sample| (metric.name().to_owned(), sample)));
		}
		result.answer = answer.filter(|_| settings.keep_answers);
		results.push(result);
	}
	Ok(results)
}

/// Measures that need no answer written.
fn likelihood(model: &mut Model, item: &Item) -> Result<Option<Sample>, EvaluationError> {
	match &item.task {
		Task::Text(text) => Ok(mean_loss(&model.text(text)?)),
		Task::Answer { prompt, references } => {
			let Some(reference) = references.first() else { return Ok(None) };
			Ok(mean_loss(&continuation(model, item, prompt, reference)?))
		}
		Task::Choice { question, choices, answer } => {
			let mut best = (f64::NEG_INFINITY, 0);
			for (index, choice) in choices.iter().enumerate() {
				let scored = continuation(model, item, question, choice)?;
				// Per byte: long choices are not at a loss, and tokenizers compare.
				let each = scored.iter().sum::<f64>() / choice.len().max(1) as f64;
				if each > best.0 {
					best = (each, index);
				}
			}
			Ok(Some(one(f64::from(u8::from(best.1 == *answer)))))
		}
		Task::Judged { .. } => Ok(None),
	}
}

fn continuation(
	model: &mut Model,
	item: &Item,
	prompt: &str,
	text: &str,
) -> Result<Vec<f64>, EvaluationError> {
	match model.continuation(prompt, text)? {
		Scored::Tokens(scored) => Ok(scored),
		Scored::TooLong(tokens) => {
			check_length(item, tokens, model.context())?;
			Ok(Vec::new())
		}
	}
}

fn check_length(item: &Item, tokens: usize, context: usize) -> Result<(), EvaluationError> {
	if tokens <= context {
		return Ok(());
	}
	let (contribution, line) = (item.contribution, item.line);
	Err(EvaluationError::TooLong { contribution, line, tokens, context })
}

fn one(value: f64) -> Sample {
	Sample { value: rounded(value), weight: 1.0 }
}

/// Mean negative log-likelihood; none where nothing was scored.
fn mean_loss(scored: &[f64]) -> Option<Sample> {
	let weight = scored.len() as f64;
	(!scored.is_empty()).then(|| Sample { value: rounded(-scored.iter().sum::<f64>() / weight), weight })
}
