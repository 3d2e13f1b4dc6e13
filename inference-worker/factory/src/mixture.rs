//! Which samples stand in which row: sources mixed by weight, in an order that is a function of the seed.

use std::collections::VecDeque;

use rand_chacha::{rand_core::SeedableRng, ChaCha20Rng};

use crate::{
	batch::Row,
	chat,
	config::Source,
	error::FactoryError,
	samples::{Encoder, Sample},
	text::Text,
};

/// Rows that are not full, among which a sample looks for a place.
const OPEN_ROWS: usize = 64;

/// The samples of a source.
#[derive(Debug)]
struct Part {
	samples: Vec<Sample>,
	/// Share of the tokens.
	share: f64,
}

/// How the samples are put into rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Layout {
	/// Tokens of a row.
	pub sequence: usize,
	/// Several samples in a row, else one.
	pub packing: bool,
	/// Seeds the order.
	pub seed: u64,
}

/// Sources to train on.
#[derive(Debug)]
pub(crate) struct Mixture {
	parts: Vec<Part>,
	layout: Layout,
	/// Names of the documents.
	names: Vec<String>,
	plan: Plan,
}

/// The rows of an epoch, as places of samples: `(part, sample)`.
#[derive(Debug, Default)]
struct Plan {
	epoch: usize,
	/// Rows of the epochs before.
	before: usize,
	rows: Vec<Vec<(usize, usize)>>,
	/// Of each part: samples and tokens drawn up to the end of the epoch.
	drawn: Vec<(usize, u64)>,
}

impl Mixture {
	/// Encodes the sources, with exchanges made from their texts up to a share of each one's tokens.
	pub(crate) fn new(
		sources: &[Source],
		encoder: &mut Encoder,
		chat_share: f64,
		layout: Layout,
	) -> Result<Self, FactoryError> {
		let weights: f64 = sources.iter().map(|source| source.weight).sum();
		if weights.is_infinite() {
			let reason = "of all sources together is more than a number holds".into();
			return Err(FactoryError::Setting { name: "weight", reason });
		}
		let (mut parts, mut names) = (Vec::new(), Vec::new());
		for source in sources {
			if !(source.weight.is_finite() && source.weight > 0.0) {
				let reason = format!("of {} is {} but must be above 0", source.name, source.weight);
				return Err(FactoryError::Setting { name: "weight", reason });
			}
			let (first, mut samples) = (names.len(), Vec::new());
			for document in &source.documents {
				samples.extend(encoder.document(document, names.len())?);
				names.push(document.path.display().to_string());
			}
			let plain: usize = samples.iter().map(Sample::len).sum();
			let wanted = (plain as f64 * chat_share / (1.0 - chat_share)) as usize;
			samples.extend(encoder.exchanges(&source.documents, first, wanted, layout.seed)?);
			if samples.is_empty() {
				return Err(FactoryError::Empty { name: source.name.clone() });
			}
			parts.push(Part { samples, share: source.weight / weights });
		}
		if parts.is_empty() {
			return Err(FactoryError::Empty { name: "the training text".into() });
		}
		let mut mixture = Self { parts, layout, names, plan: Plan::default() };
		mixture.plan = mixture.planned(None);
		Ok(mixture)
	}

	/// Rows of the first epoch. Later ones may have a few more or less.
	pub(crate) fn rows_per_epoch(&mut self) -> usize {
		self.seek(0);
		self.plan.rows.len()
	}

	/// Hash of all samples in their order, and of which source they are from.
	pub(crate) fn hash(&self) -> String {
		if let [only] = self.parts.as_slice() {
			return hash(&only.samples);
		}
		let mut hasher = blake3::Hasher::new();
		for part in &self.parts {
			hasher.update(hash(&part.samples).as_bytes());
		}
		hasher.finalize().to_hex().to_string()
	}

	/// The plan of the first epoch, or of the one after another.
	fn planned(&self, last: Option<&Plan>) -> Plan {
		let total: u64 = self.parts.iter().map(Part::tokens).sum();
		let epoch = last.map_or(0, |plan| plan.epoch + 1);
		let before = last.map_or(0, |plan| plan.before + plan.rows.len());
		let mut drawn = last.map_or_else(|| vec![(0, 0); self.parts.len()], |plan| plan.drawn.clone());
		let mut places = Vec::new();
		for (index, (part, drawn)) in self.parts.iter().zip(&mut drawn).enumerate() {
			let due = (epoch + 1) as f64 * total as f64 * part.share;
			let mut order = (usize::MAX, Vec::new());
			while (drawn.1 as f64) < due {
				let (round, place) = (drawn.0 / part.samples.len(), drawn.0 % part.samples.len());
				if order.0 != round {
					order = (round, shuffled(part.samples.len(), self.layout.seed, 2 * round as u64 + 1));
				}
				let sample = order.1.get(place).copied().unwrap_or(0);
				*drawn =
					(drawn.0 + 1, drawn.1 + part.samples.get(sample).map_or(1, |sample| sample.len() as u64));
				places.push((index, sample));
			}
		}
		let order = shuffled(places.len(), self.layout.seed, 2 * epoch as u64 + 2);
		let places = order.into_iter().filter_map(|place| places.get(place).copied());
		let length = |(part, sample): &(usize, usize)| self.sample(*part, *sample).map_or(0, Sample::len);
		let rows = packed(places.map(|place| (length(&place), place)), self.layout);
		Plan { epoch, before, rows, drawn }
	}

	/// Makes the plan of the epoch that has a row.
	fn seek(&mut self, row: usize) {
		if row < self.plan.before {
			self.plan = self.planned(None);
		}
		while row >= self.plan.before + self.plan.rows.len() {
			self.plan = self.planned(Some(&self.plan));
		}
	}

	fn sample(&self, part: usize, sample: usize) -> Option<&Sample> {
		self.parts.get(part)?.samples.get(sample)
	}
}

impl Text for Mixture {
	fn rows(&mut self, first: usize, count: usize) -> Vec<Row> {
		let mut rows = Vec::with_capacity(count);
		for index in first..first + count {
			self.seek(index);
			let places = self.plan.rows.get(index - self.plan.before).cloned().unwrap_or_default();
			rows.push(row(places.iter().filter_map(|(part, sample)| self.sample(*part, *sample))));
		}
		rows
	}

	fn tokens(&self) -> u64 {
		self.parts.iter().map(Part::tokens).sum()
	}

	fn name(&self, document: usize) -> String {
		self.names.get(document).cloned().unwrap_or_default()
	}
}

impl Part {
	fn tokens(&self) -> u64 {
		self.samples.iter().map(|sample| sample.len() as u64).sum()
	}
}

/// Rows of samples in their order, for measuring: at most `limit`.
pub(crate) fn in_order(samples: &[Sample], layout: Layout, limit: usize) -> Vec<Row> {
	let mut rows = packed(samples.iter().map(|sample| (sample.len(), sample)), layout);
	rows.truncate(limit);
	rows.into_iter().map(row).collect()
}

/// BLAKE3 of samples, hexadecimal.
pub(crate) fn hash<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> String {
	let mut hasher = blake3::Hasher::new();
	for sample in samples {
		hasher.update(&(sample.tokens.len() as u64).to_le_bytes());
		for (token, counted) in sample.tokens.iter().zip(&sample.counted) {
			hasher.update(&token.to_le_bytes());
			hasher.update(&[u8::from(*counted)]);
		}
	}
	hasher.finalize().to_hex().to_string()
}

fn row<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> Row {
	let mut row = Row::default();
	for sample in samples {
		sample.append_to(&mut row);
	}
	row
}

/// Puts items with their lengths into rows: each into the first of the last rows that has room.
fn packed<T>(items: impl Iterator<Item = (usize, T)>, layout: Layout) -> Vec<Vec<T>> {
	let mut rows: Vec<Vec<T>> = Vec::new();
	// Number and room of the rows that may take more.
	let mut open: VecDeque<(usize, usize)> = VecDeque::new();
	for (length, item) in items {
		let place = open.iter_mut().find(|(_, room)| *room >= length);
		if let Some((index, room)) = place {
			*room -= length;
			if let Some(row) = rows.get_mut(*index) {
				row.push(item);
			}
			continue;
		}
		if layout.packing && length < layout.sequence {
			open.push_back((rows.len(), layout.sequence - length));
			if open.len() > OPEN_ROWS {
				open.pop_front();
			}
		}
		rows.push(vec![item]);
	}
	rows
}

/// The numbers below `count` in an order of their own for each `stream`.
fn shuffled(count: usize, seed: u64, stream: u64) -> Vec<usize> {
	let mut rng = ChaCha20Rng::seed_from_u64(seed);
	rng.set_stream(stream);
	let mut order: Vec<usize> = (0..count).collect();
	for last in (1..count).rev() {
		order.swap(last, chat::below(&mut rng, last + 1));
	}
	order
}

#[cfg(test)]
mod tests {
	use super::*;

	const LAYOUT: Layout = Layout { sequence: 10, packing: true, seed: 7 };

	fn sample(length: usize, document: usize) -> Sample {
		Sample { tokens: vec![document as u32; length + 1], counted: vec![true; length + 1], document }
	}

	fn mixture(parts: &[(&[usize], f64)], layout: Layout) -> Mixture {
		let mut number = 0;
		let parts = parts
			.iter()
			.map(|(lengths, share)| {
				let samples = lengths.iter().map(|length| {
					number += 1;
					sample(*length, number - 1)
				});
				Part { samples: samples.collect(), share: *share }
			})
			.collect();
		let mut mixture = Mixture { parts, layout, names: Vec::new(), plan: Plan::default() };
		mixture.plan = mixture.planned(None);
		mixture
	}

	#[test]
	fn every_sample_is_seen_once_when_an_epoch_passes() {
		let lengths = [3, 10, 4, 6, 2, 1, 10, 7];
		for packing in [true, false] {
			let mut mixture = mixture(&[(&lengths, 1.0)], Layout { packing, ..LAYOUT });
			let per_epoch = mixture.rows_per_epoch();
			assert_eq!(per_epoch < lengths.len(), packing);
			for epoch in 0..3 {
				let rows = mixture.rows(epoch * per_epoch, per_epoch);
				let mut seen: Vec<usize> = rows.iter().flat_map(|row| row.documents.clone()).collect();
				seen.sort_unstable();
				assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
				assert!(rows
					.iter()
					.all(|row| row.inputs.len() <= 10 && row.starts.len() == row.documents.len()));
			}
		}
	}

	#[test]
	fn tokens_follow_the_weights_when_sources_differ_in_size() {
		let mut mixture = mixture(&[(&[5; 10], 0.75), (&[5; 40], 0.25)], LAYOUT);
		let rows = mixture.rows(0, 200);
		let of_first = rows.iter().flat_map(|row| &row.documents).filter(|document| **document < 10).count();
		let all: usize = rows.iter().map(|row| row.documents.len()).sum();
		assert!((of_first as f64 / all as f64 - 0.75).abs() < 0.02, "{of_first} of {all}");
	}

	#[test]
	fn hash_differs_when_a_sample_is_of_another_source() {
		let one = mixture(&[(&[3, 4], 0.5), (&[5], 0.5)], LAYOUT).hash();
		assert_eq!(one, mixture(&[(&[3, 4], 0.5), (&[5], 0.5)], LAYOUT).hash());
		assert_ne!(one, mixture(&[(&[3], 0.5), (&[4, 5], 0.5)], LAYOUT).hash());
	}

	#[test]
	fn rows_are_equal_when_asked_out_of_order() {
		let lengths = [3, 10, 4, 6, 2, 1, 10, 7];
		let (mut one, mut two) = (mixture(&[(&lengths, 1.0)], LAYOUT), mixture(&[(&lengths, 1.0)], LAYOUT));
		let later = one.rows(23, 4);
		for first in 0..23 {
			two.rows(first, 2);
		}
		assert_eq!(later, two.rows(23, 4));
		assert_eq!(one.rows(1, 2), two.rows(1, 2));
	}
}
