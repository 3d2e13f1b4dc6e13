//! Whose request comes next: that of the payer who was served least (virtual token counters, Sheng et al. 2024).

use std::collections::HashMap;

/// Most payers remembered; the counters of all are forgotten when there are more.
const MOST_PAYERS: usize = 65_536;

/// Tokens that each payer was served. A payer who comes back is not owed what it did not ask for: it starts at
/// the least of those who wait.
#[derive(Default)]
pub(crate) struct Turns {
	served: HashMap<[u8; 32], u64>,
	/// The counter of the last payer whose turn it was.
	floor: u64,
}

impl Turns {
	/// Counts tokens that were computed for a payer.
	pub(crate) fn served(&mut self, payer: &[u8; 32], tokens: usize) {
		if self.served.len() >= MOST_PAYERS && !self.served.contains_key(payer) {
			self.served.clear();
		}
		let floor = self.floor;
		let served = self.served.entry(*payer).or_insert(floor);
		*served = (*served).max(floor).saturating_add(tokens as u64);
	}

	/// Of requests in the order they came, the first of the payer who was served least.
	pub(crate) fn next<'a>(&mut self, waiting: impl Iterator<Item = (usize, &'a [u8; 32])>) -> Option<usize> {
		let counter = |payer: &[u8; 32]| self.served.get(payer).copied().unwrap_or(0).max(self.floor);
		let (counter, index) = waiting.map(|(index, payer)| (counter(payer), index)).min()?;
		self.floor = counter;
		Some(index)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const A: [u8; 32] = [1; 32];
	const B: [u8; 32] = [2; 32];

	#[test]
	fn payer_who_was_served_less_comes_first_when_both_wait() {
		let mut turns = Turns::default();
		turns.served(&A, 100);
		assert_eq!(turns.next([(0, &A), (1, &A), (2, &B)].into_iter()), Some(2));
		turns.served(&B, 200);
		assert_eq!(turns.next([(0, &A), (1, &B)].into_iter()), Some(0));
	}

	#[test]
	fn order_is_kept_when_payers_were_served_the_same() {
		let mut turns = Turns::default();
		assert_eq!(turns.next([(0, &B), (1, &A)].into_iter()), Some(0));
		assert_eq!(turns.next(std::iter::empty()), None);
	}

	#[test]
	fn payer_is_not_owed_for_the_time_when_it_did_not_ask() {
		let mut turns = Turns::default();
		for _ in 0..100 {
			turns.served(&A, 100);
			turns.next([(0, &A)].into_iter());
		}
		// B comes for the first time: it gets its turn, then they alternate.
		assert_eq!(turns.next([(0, &A), (1, &B)].into_iter()), Some(0));
		turns.served(&A, 100);
		assert_eq!(turns.next([(0, &A), (1, &B)].into_iter()), Some(1));
		turns.served(&B, 150);
		assert_eq!(turns.next([(0, &A), (1, &B)].into_iter()), Some(0));
	}
}
