//! How near a request is to each skill of an agent: what workers route by and authors calibrate thresholds with.

/// Similarity of a request to each description, millionths: the cosine of what remains of both when the mean of all
/// descriptions is taken away. What all skills have in common, a language or a tone, says nothing about which is meant.
/// With one description there is nothing to compare with, and the plain cosine is taken. `None` when the vectors have
/// different lengths.
pub fn similarities(request: &[f32], descriptions: &[Vec<f32>]) -> Option<Vec<i32>> {
	if descriptions.iter().any(|description| description.len() != request.len()) {
		return None;
	}
	let mean = match descriptions.len() {
		0 | 1 => vec![0.0; request.len()],
		count => mean(descriptions, request.len(), count),
	};
	let request = without(request, &mean);
	let one = |description: &Vec<f32>| millionths(cosine(&request, &without(description, &mean)));
	Some(descriptions.iter().map(one).collect())
}

fn mean(descriptions: &[Vec<f32>], width: usize, count: usize) -> Vec<f64> {
	let mut mean = vec![0.0; width];
	for description in descriptions {
		for (sum, number) in mean.iter_mut().zip(description) {
			*sum += f64::from(*number);
		}
	}
	mean.iter_mut().for_each(|sum| *sum /= count as f64);
	mean
}

fn without(vector: &[f32], mean: &[f64]) -> Vec<f64> {
	vector.iter().zip(mean).map(|(number, mean)| f64::from(*number) - mean).collect()
}

/// 0 where one has no direction.
fn cosine(a: &[f64], b: &[f64]) -> f64 {
	let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
	let length = (dot(a, a) * dot(b, b)).sqrt();
	if length > 0.0 {
		dot(a, b) / length
	} else {
		0.0
	}
}

/// Between minus and plus a million; conversions of what is no number give 0.
fn millionths(cosine: f64) -> i32 {
	(cosine.clamp(-1.0, 1.0) * 1e6).round() as i32
}

/// A threshold and how well it separates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
	/// Least similarity of a request that uses the skill, millionths.
	pub threshold: i32,
	/// Harmonic mean of precision and recall on the examples.
	pub f1: f64,
}

/// The threshold with the largest F1 over examples, which are a similarity and whether the skill was meant. It lies in
/// the middle of a gap between similarities; of equally good gaps the widest is taken, and of those the highest.
/// `None` when no example means the skill.
pub fn calibrate(examples: &[(i32, bool)]) -> Option<Threshold> {
	let meant = examples.iter().filter(|(_, meant)| *meant).count();
	if meant == 0 {
		return None;
	}
	let mut sorted = examples.to_vec();
	sorted.sort_unstable();
	// (F1, width of the gap, threshold), for the examples from each place on.
	let mut best: Option<(f64, i64, i32)> = None;
	for (place, (similarity, _)) in sorted.iter().enumerate() {
		let below = place
			.checked_sub(1)
			.and_then(|before| sorted.get(before))
			.map_or(-1_000_000, |(below, _)| *below);
		// No threshold lies between equals.
		if place > 0 && below == *similarity {
			continue;
		}
		let taken = sorted.get(place..).unwrap_or_default();
		let right = taken.iter().filter(|(_, meant)| *meant).count();
		let f1 = 2.0 * right as f64 / (taken.len().saturating_add(meant)) as f64;
		let width = i64::from(*similarity) - i64::from(below);
		let middle =
			i32::try_from((i64::from(*similarity) + i64::from(below)).div_euclid(2) + width.rem_euclid(2));
		let found = (f1, width, middle.unwrap_or(*similarity));
		if best.is_none_or(|best| found.partial_cmp(&best).is_some_and(|order| order.is_gt())) {
			best = Some(found);
		}
	}
	best.map(|(f1, _, threshold)| Threshold { threshold, f1 })
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn similarity_is_of_what_differs_when_there_are_several_descriptions() {
		// All share the first direction.
		let descriptions = [vec![1.0, 1.0, 0.0], vec![1.0, 0.0, 1.0]];
		assert_eq!(similarities(&[1.0, 1.0, 0.0], &descriptions), Some(vec![1_000_000, -1_000_000]));
		assert_eq!(similarities(&[1.0, 0.5, 0.5], &descriptions), Some(vec![0, 0]));
		assert_eq!(similarities(&[0.0, 2.0, 0.0], &descriptions[..1]), Some(vec![707_107]));
		assert_eq!(similarities(&[1.0], &[]), Some(vec![]));
		assert_eq!(similarities(&[1.0], &descriptions), None);
		assert_eq!(similarities(&[f32::NAN], &[vec![1.0]]), Some(vec![0]));
	}

	#[test]
	fn threshold_separates_when_examples_can_be_separated() {
		let found = calibrate(&[(100, false), (-50, false), (300, true), (700, true)]).unwrap();
		assert_eq!(found, Threshold { threshold: 200, f1: 1.0 });
		// One of three is missed rather than two others taken.
		let found = calibrate(&[(10, true), (20, false), (30, false), (40, true), (50, true)]).unwrap();
		assert_eq!((found.threshold, found.f1), (35, 0.8));
		assert_eq!(calibrate(&[(10, false)]), None);
		assert_eq!(calibrate(&[]), None);
	}

	#[test]
	fn threshold_is_the_same_when_the_order_of_examples_differs() {
		let mut examples = vec![(5, true), (5, false), (9, true), (1, false), (7, false), (7, true)];
		let found = calibrate(&examples);
		examples.reverse();
		assert_eq!(calibrate(&examples), found);
	}

	proptest! {
		#[test]
		fn no_other_threshold_is_better(examples in proptest::collection::vec((-20i32..20, any::<bool>()), 1..20), other in -20i32..20) {
			let f1 = |threshold: i32| {
				let right = examples.iter().filter(|(s, meant)| *s >= threshold && *meant).count() as f64;
				let taken = examples.iter().filter(|(s, _)| *s >= threshold).count() as f64;
				let meant = examples.iter().filter(|(_, meant)| *meant).count() as f64;
				2.0 * right / (taken + meant)
			};
			if let Some(found) = calibrate(&examples) {
				prop_assert_eq!(f1(found.threshold), found.f1);
				prop_assert!(found.f1 >= f1(other));
			}
		}
	}
}
