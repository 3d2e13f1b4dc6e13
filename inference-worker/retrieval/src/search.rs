//! Several indexes asked together: two lists over all of them, fused by rank.

use crate::{ChunkIndex, Found, Query, RetrievalError};
use futures::future::try_join_all;
use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};
use tributary_attribution::{Hit, Ranks, MAX_HITS};

/// Chunks taken from each list.
pub const CANDIDATES: usize = MAX_HITS;
/// Chunks that score less than this part of the best by keywords are not relevant, only there.
const LEAST_SCORE: f32 = 0.25;

/// A chunk: which index, which row.
type Place = (usize, u32);

/// The `k` best chunks (at most [`MAX_HITS`]) over all indexes, best first: by the ranks they have in the list by
/// keywords and in the list by vectors ([`Ranks::weight`]), equal ones by DataNet, contribution and place in its text.
///
/// # Errors
/// When an index cannot be searched: an answer without some of its sources would leave out whom it owes.
pub async fn search(
	indexes: &[Arc<dyn ChunkIndex>],
	query: &Query,
	k: usize,
) -> Result<Vec<Hit>, RetrievalError> {
	let keywords = try_join_all(indexes.iter().map(|index| index.by_keywords(query, CANDIDATES)));
	let vectors = try_join_all(indexes.iter().map(|index| near(index.as_ref(), query)));
	let (keywords, vectors) = futures::try_join!(keywords, vectors)?;

	let mut ranks: BTreeMap<Place, Ranks> = BTreeMap::new();
	let mut keywords = in_order(indexes, keywords);
	let least = keywords.first().map_or(0.0, |(_, score)| score * LEAST_SCORE);
	keywords.retain(|(_, score)| *score >= least);
	for (rank, (place, _)) in (1..).zip(keywords) {
		ranks.entry(place).or_default().keyword = Some(rank);
	}
	for (rank, (place, _)) in (1..).zip(in_order(indexes, vectors)) {
		ranks.entry(place).or_default().vector = Some(rank);
	}
	let mut fused: Vec<(Place, Ranks)> = ranks.into_iter().collect();
	// Rows are numbered by contribution and place.
	fused.sort_by_key(|((index, row), ranks)| (Reverse(ranks.weight()), datanet(indexes, *index), *row));
	fused.truncate(k.min(MAX_HITS));
	fetch(indexes, &fused).await
}

/// What is nearer to the query than chance has it.
async fn near(index: &dyn ChunkIndex, query: &Query) -> Result<Vec<Found>, RetrievalError> {
	let mut found = index.by_vector(query, CANDIDATES).await?;
	found.retain(|found| found.score >= index.summary().near);
	Ok(found)
}

fn datanet(indexes: &[Arc<dyn ChunkIndex>], index: usize) -> u32 {
	indexes.get(index).map_or(u32::MAX, |index| index.space().snapshot.datanet)
}

/// One list of what all indexes found, best first, equal ones by DataNet and row.
fn in_order(indexes: &[Arc<dyn ChunkIndex>], found: Vec<Vec<Found>>) -> Vec<(Place, f32)> {
	let lists = found.into_iter().enumerate();
	let mut all: Vec<(Place, f32)> = lists
		.flat_map(|(index, list)| list.into_iter().map(move |found| ((index, found.row), found.score)))
		.collect();
	all.sort_by(|(a, left), (b, right)| {
		let place = |(index, row): &Place| (datanet(indexes, *index), *row);
		right.total_cmp(left).then_with(|| place(a).cmp(&place(b)))
	});
	all.truncate(CANDIDATES);
	all
}

/// The chunks of the hits, in their order.
async fn fetch(
	indexes: &[Arc<dyn ChunkIndex>],
	fused: &[(Place, Ranks)],
) -> Result<Vec<Hit>, RetrievalError> {
	let mut chunks = BTreeMap::new();
	for (number, index) in indexes.iter().enumerate() {
		let rows: Vec<u32> =
			fused.iter().filter(|((of, _), _)| *of == number).map(|((_, row), _)| *row).collect();
		if !rows.is_empty() {
			let found = index.chunks(&rows).await?;
			chunks.extend(rows.into_iter().map(|row| (number, row)).zip(found));
		}
	}
	let hit = |(place, ranks): &(Place, Ranks)| {
		let chunk = chunks.remove(place)?;
		Some(Hit { datanet: datanet(indexes, place.0), chunk, ranks: *ranks })
	};
	Ok(fused.iter().filter_map(hit).collect())
}
