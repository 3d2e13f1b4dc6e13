//! Pages of the lists that kind pallets keep of their assets, in the order of ids.

use crate::MAX_PAGE;
use tributary_primitives::AssetId;

/// The ids from `start` on, at most `limit` (cut to 256), of a list of `count` ids that grow with their
/// positions.
pub fn page(
	count: u32,
	start: AssetId,
	limit: u32,
	id_at: impl Fn(u32) -> Option<AssetId>,
) -> impl Iterator<Item = AssetId> {
	let first = position_of(count, start, &id_at);
	let end = first.saturating_add(limit.min(MAX_PAGE)).min(count);
	(first..end).filter_map(id_at)
}

/// Position of the first id that is at least `start`.
fn position_of(count: u32, start: AssetId, id_at: impl Fn(u32) -> Option<AssetId>) -> u32 {
	let (mut low, mut high) = (0, count);
	while low < high {
		let middle = low.midpoint(high);
		if id_at(middle).is_some_and(|id| id < start) {
			low = middle.saturating_add(1);
		} else {
			high = middle;
		}
	}
	low
}

#[cfg(test)]
mod tests {
	use super::*;

	/// Ids 10, 12, 14 and so on.
	fn ids(count: u32, start: AssetId, limit: u32) -> Vec<AssetId> {
		page(count, start, limit, |position| Some(10 + 2 * position)).collect()
	}

	#[test]
	fn page_begins_with_the_next_id_when_start_is_none_of_the_list() {
		assert_eq!(ids(4, 0, 9), [10, 12, 14, 16]);
		assert_eq!(ids(4, 12, 2), [12, 14]);
		assert_eq!(ids(4, 13, 2), [14, 16]);
		assert_eq!(ids(4, 16, 9), [16]);
	}

	#[test]
	fn page_is_empty_when_nothing_follows_or_nothing_is_wanted() {
		assert!(ids(4, 17, 9).is_empty() && ids(0, 0, 9).is_empty() && ids(4, 0, 0).is_empty());
	}

	#[test]
	fn page_is_cut_when_the_limit_is_longer() {
		assert_eq!(ids(u32::MAX / 4, 0, u32::MAX).len(), MAX_PAGE as usize);
	}
}
