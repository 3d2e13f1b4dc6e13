//! Confidence intervals by resampling (percentile bootstrap; Efron, 1979).

use rand_chacha::{rand_core::SeedableRng, ChaCha20Rng};
use serde::{Deserialize, Serialize};

use super::metrics::Metric;
use crate::chat::below;

/// Resamples of an interval.
pub const RESAMPLES: usize = 2_000;

/// A metric on one item: the mean over its parts (tokens, for perplexity) and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
	/// Mean over the parts: nats for perplexity, a score from 0 to 1 for others.
	pub value: f64,
	/// Number of parts, at least 1.
	pub weight: f64,
}

/// An estimate with its 95 % interval. Both ends equal the estimate where there is nothing to resample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
	/// The estimate from all items.
	pub mean: f64,
	/// 2.5th percentile of the resamples.
	pub low: f64,
	/// 97.5th percentile.
	pub high: f64,
}

impl Interval {
	/// Whether a value lies in it.
	pub fn contains(&self, value: f64) -> bool {
		(self.low..=self.high).contains(&value)
	}
}

/// The metric over items drawn by index.
fn estimate(metric: Metric, samples: &[Sample], drawn: impl Iterator<Item = usize>) -> f64 {
	let (mut sum, mut weights) = (0.0, 0.0);
	for sample in drawn.filter_map(|index| samples.get(index)) {
		sum += sample.value * sample.weight;
		weights += sample.weight;
	}
	let mean = if weights > 0.0 { sum / weights } else { 0.0 };
	if metric == Metric::Perplexity {
		mean.exp()
	} else {
		mean
	}
}

/// The metric over all items.
pub(crate) fn score(metric: Metric, samples: &[Sample]) -> f64 {
	estimate(metric, samples, 0..samples.len())
}

/// The metric over all items, resampled by item.
pub fn interval(metric: Metric, samples: &[Sample], seed: u64) -> Interval {
	let mut rng = ChaCha20Rng::seed_from_u64(seed);
	let resampled = (0..RESAMPLES)
		.map(|_| {
			let drawn: Vec<usize> = (0..samples.len()).map(|_| below(&mut rng, samples.len())).collect();
			estimate(metric, samples, drawn.into_iter())
		})
		.collect();
	percentiles(score(metric, samples), resampled)
}

/// How much better the metric is with something than without it: positive where it would be missed, in the metric's own
/// unit. `with` and `without` have one list of samples of the same items for each repeat; items and repeats are drawn
/// together for both, so what they have in common cancels out.
pub fn difference(metric: Metric, with: &[Vec<Sample>], without: &[Vec<Sample>], seed: u64) -> Interval {
	let repeats = with.len().min(without.len());
	let items = with.iter().chain(without).map(Vec::len).min().unwrap_or(0);
	let sign = if metric.higher_is_better() { 1.0 } else { -1.0 };
	let of = |repeats: &[usize], drawn: &[usize]| {
		let sum: f64 = repeats
			.iter()
			.filter_map(|repeat| Some((with.get(*repeat)?, without.get(*repeat)?)))
			.map(|(with, without)| {
				let one = estimate(metric, with, drawn.iter().copied());
				one - estimate(metric, without, drawn.iter().copied())
			})
			.sum();
		sign * sum / repeats.len().max(1) as f64
	};
	let mut rng = ChaCha20Rng::seed_from_u64(seed);
	let mut draw = |count: usize| (0..count).map(|_| below(&mut rng, count)).collect::<Vec<_>>();
	let resampled = (0..RESAMPLES)
		.map(|_| {
			let drawn_repeats = draw(repeats);
			of(&drawn_repeats, &draw(items))
		})
		.collect();
	let (every_repeat, every_item): (Vec<_>, Vec<_>) = ((0..repeats).collect(), (0..items).collect());
	percentiles(of(&every_repeat, &every_item), resampled)
}

fn percentiles(mean: f64, mut resampled: Vec<f64>) -> Interval {
	resampled.sort_by(f64::total_cmp);
	let at = |share: f64| {
		let place = (share * resampled.len().saturating_sub(1) as f64).round() as usize;
		resampled.get(place).copied().unwrap_or(mean)
	};
	Interval { mean: rounded(mean), low: rounded(at(0.025)), high: rounded(at(0.975)) }
}

/// Twelve significant digits. Reports hold no more: so few are read back from JSON exactly as they were written, by any
/// reader.
pub(crate) fn rounded(value: f64) -> f64 {
	format!("{value:.11e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn samples(values: &[f64]) -> Vec<Sample> {
		values.iter().map(|value| Sample { value: *value, weight: 1.0 }).collect()
	}

	proptest! {
		#[test]
		fn number_is_read_back_as_it_was_when_it_is_rounded(value in -1e9f64..1e9) {
			let value = rounded(value);
			let text = serde_json::to_string(&value).expect("a number");
			prop_assert_eq!(serde_json::from_str::<f64>(&text).expect("a number"), value);
		}
	}

	#[test]
	fn interval_holds_the_textbook_width_when_half_of_many_answers_are_right() {
		let values: Vec<f64> = (0..400).map(|index| f64::from(index % 2)).collect();
		let found = interval(Metric::ExactMatch, &samples(&values), 1);
		assert_eq!(found.mean, 0.5);
		// 1.96 · sqrt(0.25 / 400) = 0.049.
		assert!((found.high - 0.549).abs() < 0.01 && (found.low - 0.451).abs() < 0.01, "{found:?}");
	}

	#[test]
	fn difference_excludes_zero_when_every_item_is_better_and_includes_it_when_none_is() {
		let with = [samples(&[0.9, 0.8, 0.7, 0.9, 0.6])];
		let worse = [samples(&[0.5, 0.4, 0.4, 0.5, 0.2])];
		let found = difference(Metric::RougeL, &with, &worse, 1);
		assert!(found.low > 0.3 && found.high < 0.45, "{found:?}");
		assert!(difference(Metric::RougeL, &with, &with, 1).contains(0.0));
		// Perplexity: less is better, and what is lost counts as positive.
		let lower = samples(&[1.0, 1.1, 1.2]);
		let higher = samples(&[2.0, 2.1, 2.2]);
		assert!(difference(Metric::Perplexity, &[lower], &[higher], 1).low > 0.0);
	}

	proptest! {
		#[test]
		fn interval_lies_between_the_extremes_when_values_are_any(
			values in prop::collection::vec(0.0f64..1.0, 1..40), seed: u64,
		) {
			let found = interval(Metric::Rouge1, &samples(&values), seed);
			let least = values.iter().copied().fold(f64::INFINITY, f64::min) - 1e-12;
			let most = values.iter().copied().fold(0.0, f64::max) + 1e-12;
			prop_assert!(least <= found.low && found.low <= found.high && found.high <= most);
			prop_assert_eq!(found, interval(Metric::Rouge1, &samples(&values), seed));
		}
	}
}
