//! The attribution vector: evidence in, parts per million out, integers only.

use crate::{
	evidence::Evidence,
	hit::Hit,
	log2::{log2, FRACTION_BITS},
	rules::VectorRules,
	spans::Span,
};
use std::{cmp::Reverse, collections::BTreeMap};
use tributary_primitives::{
	math::largest_remainder,
	record::{Method, Share, Vector},
	AccountId, ContributionIndex, DataNetId, Earner, PPM,
};

/// One whole of a [`strength`].
const ONE: u128 = 1 << 32;

/// The attribution vector of an answer of `answer_len` tokens by an agent with `datanets`, from the spans it
/// shares with their snapshots and the chunks that were in its context (only those, not all that were found).
///
/// Always valid ([`is_valid_vector`](tributary_primitives::record::is_valid_vector)): it sums to exactly
/// 1,000,000 ppm, or is empty when there is no DataNet. The crate's documentation gives the rules. The same
/// as collecting [`Evidence`] and computing its [`vector`](Evidence::vector).
pub fn vector(
	rules: &VectorRules,
	datanets: &[u32],
	answer_len: usize,
	spans: &[Span],
	hits: &[Hit],
) -> Vector {
	Evidence::collect(rules, datanets, answer_len, spans, hits).vector()
}

/// What a contribution is to get.
#[derive(Clone, Copy)]
struct Claim {
	datanet: DataNetId,
	contribution: ContributionIndex,
	method: Method,
	contributor: AccountId,
	ppm: u32,
}

impl Evidence {
	/// The vector; see [`vector`].
	pub fn vector(&self) -> Vector {
		let mut claims = self.claims();
		let claimed: u32 = claims.iter().map(|claim| claim.ppm).sum();
		let mut pools: BTreeMap<DataNetId, u32> =
			self.datanets().iter().map(|datanet| (*datanet, 0)).collect();

		self.cap_accounts(&mut claims, &mut pools);
		claims.sort_by_key(|claim| (Reverse(claim.ppm), claim.datanet, claim.contribution));
		for beyond in claims.split_off(claims.len().min(self.rules().top_k)) {
			give(&mut pools, beyond.datanet, beyond.ppm);
		}
		let equally = vec![1; pools.len()];
		let parts = largest_remainder((PPM - claimed).into(), &equally).unwrap_or_default();
		for (pool, part) in pools.values_mut().zip(parts) {
			// Fits: a part is at most one whole.
			*pool += part as u32;
		}

		let pools = pools.into_iter().map(|(datanet, ppm)| Share {
			datanet,
			contribution: None,
			method: Method::Pool,
			earner: Earner::Pool(datanet),
			ppm,
		});
		let accounts = claims.into_iter().map(|claim| Share {
			datanet: claim.datanet,
			contribution: Some(claim.contribution),
			method: claim.method,
			earner: Earner::Account(claim.contributor),
			ppm: claim.ppm,
		});
		let mut shares: Vec<Share> = pools.chain(accounts).filter(|share| share.ppm > 0).collect();
		shares.sort_by_key(|share| (share.datanet, share.contribution, share.method));
		// Nothing is cut: there are at most `TOP_K` accounts and `MAX_AGENT_DATANETS` pools.
		Vector::truncate_from(shares)
	}

	/// One claim per contribution, summing to at most one whole.
	fn claims(&self) -> Vec<Claim> {
		let mut claims: BTreeMap<(DataNetId, ContributionIndex), Claim> = BTreeMap::new();
		let mut add = |(datanet, contribution), method, contributor, ppm: u32| {
			let new = Claim { datanet, contribution, method, contributor, ppm: 0 };
			claims.entry((datanet, contribution)).or_insert(new).ppm += ppm;
		};
		let weights =
			self.chunks().iter().map(|chunk| u128::from(chunk.ranks.weight()) * chunk.tokens as u128);
		let weights: Vec<u128> = weights.collect();
		let retrieval = largest_remainder(self.rules().retrieval_ppm.into(), &weights).unwrap_or_default();
		for (chunk, part) in self.chunks().iter().zip(retrieval) {
			add((chunk.datanet, chunk.contribution), Method::Retrieval, chunk.contributor, part as u32);
		}
		// A payee that was in the context has its claim already: what the answer repeats of it adds to that.
		let whole = ONE * self.answer_tokens().max(1) as u128;
		for (payee, (contributor, weight)) in self.span_weights() {
			let part = u128::from(self.rules().span_ppm) * weight / whole;
			add(payee, Method::Span, contributor, part as u32);
		}
		claims.into_values().filter(|claim| claim.ppm > 0).collect()
	}

	/// Strength times owned tokens of the spans, by first registrant; sums to at most [`ONE`] per token.
	fn span_weights(&self) -> BTreeMap<(DataNetId, ContributionIndex), (AccountId, u128)> {
		let mut weights = BTreeMap::new();
		let mut owned = vec![false; self.answer_tokens()];
		// Strongest first; spans of the same tokens in several DataNets are one group.
		let mut groups: Vec<Vec<&Span>> = Vec::new();
		for span in self.spans() {
			match groups
				.iter_mut()
				.find(|group| group.iter().any(|s| (s.start, s.len) == (span.start, span.len)))
			{
				Some(group) => group.push(span),
				None => groups.push(vec![span]),
			}
		}
		for group in groups {
			let Some(range) = group.first().map(|span| span.start..span.start.saturating_add(span.len))
			else {
				continue;
			};
			let free = owned.get_mut(range).unwrap_or_default().iter_mut().filter(|owned| !**owned);
			let tokens = free.map(|owned| *owned = true).count() as u128;
			for span in &group {
				let Some(payee) = span.sources.first() else { continue };
				let weight = tokens * strength(self.rules(), span.len, span.count) / group.len() as u128;
				let key = (span.datanet, payee.contribution);
				weights.entry(key).or_insert((payee.contributor, 0)).1 += weight;
			}
		}
		weights
	}

	/// Cuts what an account gets to the limit, each of its claims alike; the rest goes to the claims' pools.
	fn cap_accounts(&self, claims: &mut Vec<Claim>, pools: &mut BTreeMap<DataNetId, u32>) {
		let cap = self.rules().max_contributor_ppm;
		let mut sums: BTreeMap<AccountId, u32> = BTreeMap::new();
		claims.iter().for_each(|claim| *sums.entry(claim.contributor).or_default() += claim.ppm);
		for claim in claims.iter_mut() {
			let sum = sums.get(&claim.contributor).copied().unwrap_or_default();
			if sum > cap {
				let kept = (u64::from(claim.ppm) * u64::from(cap) / u64::from(sum)) as u32;
				give(pools, claim.datanet, claim.ppm - kept);
				claim.ppm = kept;
			}
		}
		claims.retain(|claim| claim.ppm > 0);
	}
}

fn give(pools: &mut BTreeMap<DataNetId, u32>, datanet: DataNetId, ppm: u32) {
	*pools.entry(datanet).or_default() += ppm;
}

/// How much a span's tokens weigh, at most [`ONE`]: `excess / (excess + half_span + log2(count))` with
/// `excess = len - min_span + 1`; 0 for spans that are too short. O(1).
pub(crate) fn strength(rules: &VectorRules, len: usize, count: u64) -> u128 {
	let excess = (len.saturating_add(1).saturating_sub(rules.min_span) as u128) << FRACTION_BITS;
	let against = (u128::from(rules.half_span) << FRACTION_BITS) + u128::from(log2(count));
	// Excess has at most 64 + 16 bits, ONE 33: no overflow.
	(excess * ONE).checked_div(excess + against).unwrap_or(0)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{Chunk, Ranks, Source, MAX_HITS};
	use proptest::prelude::*;
	use tributary_primitives::record::is_valid_vector;

	const RULES: VectorRules = VectorRules {
		span_ppm: 500_000,
		retrieval_ppm: 400_000,
		min_span: 8,
		half_span: 8,
		max_contributor_ppm: 1_000_000,
		top_k: 32,
	};

	fn span(datanet: u32, contribution: u32, start: usize, len: usize, count: u64) -> Span {
		let sources = vec![Source { contribution, contributor: [contribution as u8; 32], offset: 0 }];
		Span { datanet, start, len, count, sources }
	}

	fn hit(datanet: u32, contribution: u32, rank: u32) -> Hit {
		let contributor = [contribution as u8; 32];
		let chunk = Chunk { contribution, contributor, range: 0..400, tokens: 100, text: String::new() };
		Hit { datanet, chunk, ranks: Ranks { keyword: Some(rank), vector: None } }
	}

	fn parts(vector: &[Share]) -> Vec<(u32, Option<u32>, Method, u32)> {
		assert!(is_valid_vector(vector), "{vector:?}");
		vector.iter().map(|share| (share.datanet, share.contribution, share.method, share.ppm)).collect()
	}

	#[test]
	fn vector_is_empty_when_there_is_no_datanet() {
		assert!(vector(&RULES, &[], 100, &[span(1, 2, 0, 50, 1)], &[hit(1, 2, 1)]).is_empty());
	}

	#[test]
	fn vector_is_all_pools_when_nothing_points_at_anyone() {
		let pools = [
			(1, None, Method::Pool, 333_334),
			(4, None, Method::Pool, 333_333),
			(7, None, Method::Pool, 333_333),
		];
		assert_eq!(parts(&vector(&RULES, &[7, 1, 4, 1], 100, &[], &[])), pools);
		assert_eq!(parts(&vector(&RULES, &[7, 1, 4], 0, &[span(1, 2, 0, 50, 1)], &[])), pools);
		assert_eq!(parts(&vector(&RULES, &[7, 1, 4], 99, &[span(2, 2, 0, 50, 1)], &[hit(3, 1, 1)])), pools);
	}

	#[test]
	fn span_is_paid_by_coverage_and_strength_when_unique() {
		// 23 - 8 + 1 = 16 tokens of excess weigh 16 / (16 + 8); 23 of 46 tokens are covered.
		let expected = 500_000 * 23 / 46 * 16 / 24;
		let shares = parts(&vector(&RULES, &[1], 46, &[span(1, 2, 0, 23, 1)], &[]));
		assert_eq!(shares, [(1, None, Method::Pool, PPM - expected), (1, Some(2), Method::Span, expected)]);
	}

	#[test]
	fn retrieval_is_paid_by_rank_and_size_when_chunks_differ() {
		let mut small = hit(1, 4, 1);
		small.chunk.tokens = 50;
		let both = Hit { ranks: Ranks { keyword: Some(1), vector: Some(1) }, ..hit(1, 2, 1) };
		let weights = [2 * both.ranks.weight(), 2 * hit(1, 3, 5).ranks.weight(), small.ranks.weight()];
		let weights: Vec<u128> = weights.into_iter().map(u128::from).collect();
		let expected = largest_remainder(400_000, &weights).unwrap();
		let shares = parts(&vector(&RULES, &[1], 46, &[], &[both, hit(1, 3, 5), small]));
		let paid: Vec<_> = shares.iter().filter_map(|(_, c, m, ppm)| Some((c.as_ref()?, *m, *ppm))).collect();
		assert_eq!(
			paid,
			[
				(&2, Method::Retrieval, expected[0] as u32),
				(&3, Method::Retrieval, expected[1] as u32),
				(&4, Method::Retrieval, expected[2] as u32)
			]
		);
		assert!(expected[0] > expected[1] && expected[1] > expected[2]);
	}

	#[test]
	fn repeated_chunk_is_paid_more_but_not_as_a_span_as_well() {
		let shares = parts(&vector(&RULES, &[1], 46, &[span(1, 2, 0, 23, 1)], &[hit(1, 2, 1), hit(1, 3, 1)]));
		let repeated = 200_000 + 500_000 * 23 / 46 * 16 / 24;
		assert_eq!(
			shares[1..],
			[(1, Some(2), Method::Retrieval, repeated), (1, Some(3), Method::Retrieval, 200_000)]
		);
	}

	#[test]
	fn tokens_are_paid_once_when_spans_overlap() {
		let spans = [span(1, 2, 0, 60, 1), span(1, 3, 40, 60, 8)];
		let shares = parts(&vector(&RULES, &[1], 100, &spans, &[]));
		let (strong, weak) = (strength(&RULES, 60, 1), strength(&RULES, 60, 8));
		let ppm = |tokens: u128, strength: u128| (500_000 * tokens * strength / (100 * ONE)) as u32;
		assert_eq!((shares[1].3, shares[2].3), (ppm(60, strong), ppm(40, weak)));
	}

	#[test]
	fn equal_spans_of_two_datanets_share_equally() {
		let spans = [span(1, 2, 0, 60, 1), span(5, 3, 0, 60, 1)];
		let shares = parts(&vector(&RULES, &[1, 5], 60, &spans, &[]));
		assert_eq!(shares[1].3, shares[3].3);
		let alone = parts(&vector(&RULES, &[1, 5], 60, &spans[..1], &[]));
		assert!(alone[1].3 - (shares[1].3 + shares[3].3) <= 1);
	}

	#[test]
	fn account_is_cut_to_its_limit_when_it_has_several_contributions() {
		let rules = VectorRules { max_contributor_ppm: 100_000, ..RULES };
		let mut hits = [hit(1, 2, 1), hit(5, 3, 1)];
		for (hit, tokens) in hits.iter_mut().zip([300, 100]) {
			(hit.chunk.contributor, hit.chunk.tokens) = ([1; 32], tokens);
		}
		let shares = parts(&vector(&rules, &[1, 5], 60, &[], &hits));
		let expected = [
			(1, None, Method::Pool, 300_000 + 225_000),
			(1, Some(2), Method::Retrieval, 75_000),
			(5, None, Method::Pool, 300_000 + 75_000),
			(5, Some(3), Method::Retrieval, 25_000),
		];
		assert_eq!(shares, expected);
	}

	#[test]
	fn smallest_shares_go_to_their_pool_when_there_are_more_than_top_k() {
		let hits: Vec<Hit> = (0..40).map(|i| hit(1, i, 40 - i)).collect();
		let shares = parts(&vector(&RULES, &[1, 2], 60, &[], &hits));
		assert_eq!(shares.len(), 34);
		assert_eq!(shares[1].1, Some(8), "the eight smallest are cut");
		assert!(
			shares[0].3 > shares[33].3,
			"what was cut is in the first DataNet's pool, the second has none"
		);
	}

	#[test]
	fn vector_keeps_every_pool_when_there_are_as_many_datanets_as_allowed() {
		let datanets: Vec<u32> = (0..8).collect();
		let hits: Vec<Hit> = (0..MAX_HITS as u32).map(|i| hit(i % 8, i, 1)).collect();
		assert_eq!(parts(&vector(&RULES, &datanets, 60, &[], &hits)).len(), 40);
		let many: Vec<u32> = (0..100).collect();
		assert_eq!(parts(&vector(&RULES, &many, 60, &[], &hits)).len(), 40);
	}

	fn any_span() -> impl Strategy<Value = Span> {
		let source = (0u32..6, 0u8..4).prop_map(|(contribution, who)| Source {
			contribution,
			contributor: [who; 32],
			offset: 0,
		});
		let size = || prop_oneof![0usize..80, any::<usize>()];
		(0u32..5, size(), size(), any::<u64>(), proptest::collection::vec(source, 0..3))
			.prop_map(|(datanet, start, len, count, sources)| Span { datanet, start, len, count, sources })
	}

	fn any_hit() -> impl Strategy<Value = Hit> {
		let tokens = prop_oneof![0usize..200, any::<usize>()];
		let rank = || proptest::option::of(prop_oneof![0u32..9, any::<u32>()]);
		(0u32..5, 0u32..60, 0u8..4, (rank(), rank()), 0usize..3, tokens).prop_map(
			|(datanet, contribution, who, (keyword, vector), start, tokens)| {
				let text = String::new();
				let chunk = Chunk { contribution, contributor: [who; 32], range: start..2, tokens, text };
				Hit { datanet, chunk, ranks: Ranks { keyword, vector } }
			},
		)
	}

	fn any_rules() -> impl Strategy<Value = VectorRules> {
		let ppm = || prop_oneof![0u32..=PPM, any::<u32>()];
		(ppm(), ppm(), 0usize..12, prop_oneof![0u32..20, any::<u32>()], ppm(), 0usize..50).prop_map(
			|(span_ppm, retrieval_ppm, min_span, half_span, max_contributor_ppm, top_k)| VectorRules {
				span_ppm,
				retrieval_ppm,
				min_span,
				half_span,
				max_contributor_ppm,
				top_k,
			},
		)
	}

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(2_000))]

		#[test]
		fn vector_is_valid_when_input_is_arbitrary(
			rules in any_rules(),
			datanets in proptest::collection::vec(0u32..5, 0..12),
			answer in prop_oneof![0usize..100, Just(usize::MAX)],
			spans in proptest::collection::vec(any_span(), 0..80),
			hits in proptest::collection::vec(any_hit(), 0..80)
		) {
			let evidence = Evidence::collect(&rules, &datanets, answer, &spans, &hits);
			let shares = evidence.vector();
			prop_assert!(is_valid_vector(&shares));
			prop_assert_eq!(shares.is_empty(), datanets.is_empty());
			prop_assert_eq!(&vector(&rules, &datanets, answer, &spans, &hits), &shares);
			prop_assert_eq!(&Evidence::from_bytes(&evidence.to_bytes()).unwrap().vector(), &shares);
			for who in 0..4 {
				let sum: u32 = shares.iter().filter(|s| s.earner == Earner::Account([who; 32])).map(|s| s.ppm).sum();
				prop_assert!(sum <= rules.max_contributor_ppm);
			}
		}

		#[test]
		fn strength_grows_when_span_is_longer_or_rarer(len in 8usize..10_000, count in 1u64..1_000_000) {
			let at = |len, count| strength(&RULES, len, count);
			prop_assert!(at(len + 1, count) > at(len, count));
			prop_assert!(at(len, 2 * count) < at(len, count));
			prop_assert!(at(len, count) < ONE);
			prop_assert_eq!(strength(&RULES, 7, count), 0);
		}
	}
}
