//! Which experts each token goes through, and how much of each.

use crate::{config::Experts, cpu::exp};

/// The rows of a step that go through an expert.
#[derive(Debug, PartialEq)]
pub(crate) struct Routed {
	pub(crate) expert: usize,
	/// Rows of the step, ascending.
	pub(crate) rows: Vec<usize>,
	/// How much each of them takes of the expert's output.
	pub(crate) weights: Vec<f32>,
}

/// Sends each row, given by its logits `[rows, experts]`, through the experts of the greatest softmax; of equal ones
/// through the first. Gives the experts that have rows, ascending. A row's experts and weights depend on nothing but
/// its logits.
pub(crate) fn route(logits: &[f32], experts: &Experts) -> Vec<Routed> {
	let mut routed: Vec<Routed> =
		(0..experts.count).map(|expert| Routed { expert, rows: Vec::new(), weights: Vec::new() }).collect();
	let mut order: Vec<usize> = Vec::with_capacity(experts.count);
	for (row, logits) in logits.chunks_exact(experts.count).enumerate() {
		order.clear();
		order.extend(0..experts.count);
		order.sort_unstable_by(|a, b| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b)));
		let greatest = logits[order[0]];
		let power = |expert: &usize| exp(logits[*expert] - greatest);
		let used = &mut order[..experts.used];
		used.sort_unstable();
		let total: f32 = match experts.renormalise {
			true => used.iter().map(power).sum(),
			false => (0..experts.count).map(|expert| power(&expert)).sum(),
		};
		for expert in used {
			let weight = power(expert) / total;
			routed[*expert].rows.push(row);
			routed[*expert].weights.push(weight);
		}
	}
	routed.retain(|routed| !routed.rows.is_empty());
	routed
}

#[cfg(test)]
mod tests {
	use proptest::prelude::*;

	use super::*;
	use crate::config::ModelConfig;

	fn experts(count: usize, used: usize, renormalise: bool) -> Experts {
		let json = serde_json::json!({
			"model_type": "qwen3_moe", "vocab_size": 8, "hidden_size": 8, "intermediate_size": 8,
			"num_hidden_layers": 1, "num_attention_heads": 1, "max_position_embeddings": 8,
			"num_experts": count, "num_experts_per_tok": used, "moe_intermediate_size": 8,
			"norm_topk_prob": renormalise,
		});
		ModelConfig::from_json(&json).unwrap().experts.unwrap()
	}

	proptest! {
		#[test]
		fn rows_go_through_their_likeliest_experts_when_alone_and_in_company(
			logits in prop::collection::vec(-9.0f32..9.0, 7..80), used in 1usize..=7, renormalise: bool
		) {
			let experts = experts(7, used, renormalise);
			let routed = route(&logits, &experts);
			prop_assert!(routed.windows(2).all(|pair| pair[0].expert < pair[1].expert));
			for (row, logits) in logits.chunks_exact(7).enumerate() {
				let of_row = |routed: &Routed| {
					let at = routed.rows.iter().position(|own| *own == row)?;
					Some((routed.expert, routed.weights[at]))
				};
				let found: Vec<(usize, f32)> = routed.iter().filter_map(of_row).collect();
				let powers: Vec<f64> = logits.iter().map(|logit| f64::from(*logit).exp()).collect();
				let mut order: Vec<usize> = (0..7).collect();
				order.sort_by(|a, b| powers[*b].total_cmp(&powers[*a]));
				let mut chosen = order[..used].to_vec();
				chosen.sort_unstable();
				prop_assert_eq!(found.iter().map(|(expert, _)| *expert).collect::<Vec<_>>(), chosen.clone());
				let of_total = if renormalise { chosen } else { order };
				let total: f64 = of_total.iter().map(|expert| powers[*expert]).sum();
				for (expert, weight) in &found {
					prop_assert!((f64::from(*weight) - powers[*expert] / total).abs() < 1e-6);
				}
				let alone: Vec<_> = route(logits, &experts).iter().map(|own| (own.expert, own.weights[0])).collect();
				prop_assert_eq!(alone, found);
			}
		}
	}

	#[test]
	fn only_experts_with_rows_are_given_when_logits_are_equal_or_no_numbers() {
		let routed = route(&[1.0; 8], &experts(4, 2, true));
		let both = |expert| Routed { expert, rows: vec![0, 1], weights: vec![0.5; 2] };
		assert_eq!(routed, [both(0), both(1)]);
		let broken = route(&[0.0, f32::NAN, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0], &experts(4, 1, true));
		assert_eq!(broken.iter().map(|routed| routed.expert).collect::<Vec<_>>(), [0, 1]);
		assert!(broken[1].weights[0].is_nan());
	}
}
