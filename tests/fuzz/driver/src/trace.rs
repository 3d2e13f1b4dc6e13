//! What inputs reached.

use std::collections::{BTreeMap, HashSet};

/// How often something succeeded and how often it was refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
	/// Succeeded.
	pub good: u64,
	/// Refused, as it may be.
	pub refused: u64,
}

/// What a run has reached so far.
#[derive(Clone, Debug, Default)]
pub struct Trace {
	calls: BTreeMap<(&'static str, &'static str), Outcomes>,
	seen: HashSet<u64>,
	fresh: usize,
	total: u64,
	current: Vec<u64>,
}

impl Trace {
	/// One call, or whatever a target counts, and whether it succeeded.
	pub fn call(&mut self, group: &'static str, name: &'static str, good: bool) {
		let outcomes = self.calls.entry((group, name)).or_default();
		match good {
			true => outcomes.good += 1,
			false => outcomes.refused += 1,
		}
		self.total += 1;
	}

	/// Something that an input reached: an event, an error, a branch. Any number that stands for it.
	pub fn reached(&mut self, feature: u64) {
		self.current.push(feature);
		self.hint(feature);
	}

	/// The same of what there is too much of to keep an input for each: it only guides a run.
	pub fn hint(&mut self, feature: u64) {
		if self.seen.insert(feature) {
			self.fresh += 1;
		}
	}

	/// Begins an input.
	pub fn begin(&mut self) {
		self.fresh = 0;
		self.current.clear();
	}

	/// How much the current input reached that no earlier one had.
	pub fn fresh(&self) -> usize {
		self.fresh
	}

	/// What the current input reached.
	pub fn current(&self) -> &[u64] {
		&self.current
	}

	/// How much was reached in all.
	pub fn features(&self) -> usize {
		self.seen.len()
	}

	/// Calls in all.
	pub fn total(&self) -> u64 {
		self.total
	}

	/// The outcomes by group and name.
	pub fn calls(&self) -> &BTreeMap<(&'static str, &'static str), Outcomes> {
		&self.calls
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn feature_is_fresh_when_no_input_reached_it_before() {
		let mut trace = Trace::default();
		trace.begin();
		trace.reached(1);
		trace.reached(1);
		assert_eq!((trace.fresh(), trace.current()), (1, &[1, 1][..]));
		trace.begin();
		trace.reached(1);
		assert_eq!(trace.fresh(), 0);
		trace.hint(2);
		assert_eq!((trace.fresh(), trace.current()), (1, &[1][..]));
	}
}
