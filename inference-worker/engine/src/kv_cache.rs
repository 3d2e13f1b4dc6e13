//! Keys and values of the running sequences: one slot per sequence, slots 0..n in use.

use std::ops::Range;

use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor};

/// Length granted at first and the step of growth, tokens.
const LENGTH_STEP: usize = 64;

/// One tensor per layer for keys and one for values, `[slots · length, kv_width]`, grown on demand by doubling.
pub(crate) struct KvCache {
	layers: Vec<Option<(Tensor<2>, Tensor<2>)>>,
	device: Device,
	slots: usize,
	length: usize,
	heads: usize,
	head_dim: usize,
	max_slots: usize,
	max_length: usize,
}

/// Where the new keys and values of a step go.
// One a step: a box would cost more than the bytes.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Write {
	/// Consecutive positions of one slot.
	Run { slot: usize, positions: Range<usize> },
	/// One position in each of the slots 0..n.
	Rows(Tensor<1, Int>),
}

impl KvCache {
	pub(crate) fn new(
		device: &Device,
		layers: usize,
		(heads, head_dim): (usize, usize),
		max_slots: usize,
		max_length: usize,
	) -> Self {
		let layers = (0..layers).map(|_| None).collect();
		Self { layers, device: device.clone(), slots: 0, length: 0, heads, head_dim, max_slots, max_length }
	}

	fn width(&self) -> usize {
		self.heads * self.head_dim
	}

	/// Bytes at full size.
	pub(crate) fn full_bytes(layers: usize, width: usize, max_slots: usize, max_length: usize) -> u64 {
		[layers, width, max_slots, max_length]
			.into_iter()
			.fold(8, |bytes, size| bytes.saturating_mul(size as u64))
	}

	/// Makes room for `slots` sequences of `length` tokens. What is stored stays.
	pub(crate) fn reserve(&mut self, slots: usize, length: usize) {
		if slots <= self.slots && length <= self.length {
			return;
		}
		let slots = grown(slots, self.slots, 1, self.max_slots);
		let length = grown(length, self.length, LENGTH_STEP, self.max_length);
		let width = self.width();
		for layer in &mut self.layers {
			let old = layer.take();
			let [keys, values] = [0, 1].map(|_| Tensor::<2>::zeros([slots * length, width], &self.device));
			*layer = Some(match old {
				None => (keys, values),
				Some((old_keys, old_values)) => {
					let (from, to) = ([self.slots, self.length, width], [slots, length, width]);
					(copy(old_keys, from, keys, to), copy(old_values, from, values, to))
				}
			});
		}
		(self.slots, self.length) = (slots, length);
	}

	/// Row of a position in the tensors.
	pub(crate) fn row(&self, slot: usize, position: usize) -> usize {
		slot * self.length + position
	}

	/// Stores the new keys and values, `[rows, kv_width]`, and gives those of `slots` at positions `0..length`,
	/// each `[slots, length, kv_heads, head_dim]`, to `read`.
	pub(crate) fn update<T>(
		&mut self,
		layer: usize,
		(keys, values): (Tensor<2>, Tensor<2>),
		write: &Write,
		(slots, length): (Range<usize>, usize),
		read: impl FnOnce(Tensor<4>, Tensor<4>) -> T,
	) -> Option<T> {
		let (shape, width) = ([self.slots, self.length, self.heads, self.head_dim], self.width());
		let stored = self.layers.get_mut(layer)?;
		let (old_keys, old_values) = stored.take()?;
		let (new_keys, new_values) = match write {
			Write::Rows(rows) => (
				old_keys.select_assign(0, rows.clone(), keys, IndexingUpdateOp::Assign),
				old_values.select_assign(0, rows.clone(), values, IndexingUpdateOp::Assign),
			),
			Write::Run { slot, positions } => {
				let start = slot * self.length;
				let rows = [start + positions.start..start + positions.end, 0..width];
				(old_keys.slice_assign(rows.clone(), keys), old_values.slice_assign(rows, values))
			}
		};
		let view = |tensor: &Tensor<2>| {
			tensor.clone().reshape(shape).slice([slots.clone(), 0..length, 0..shape[2], 0..shape[3]])
		};
		let result = read(view(&new_keys), view(&new_values));
		*stored = Some((new_keys, new_values));
		Some(result)
	}

	/// Moves a sequence of `length` tokens from one slot to another.
	pub(crate) fn move_slot(&mut self, from: usize, to: usize, length: usize) {
		if from == to || length == 0 {
			return;
		}
		let (rows_per_slot, width) = (self.length, self.width());
		let rows = |slot: usize| [slot * rows_per_slot..slot * rows_per_slot + length, 0..width];
		let moved = |tensor: Tensor<2>| {
			// A copy, so that the tensor itself is written in place.
			let sequence = tensor.clone().slice(rows(from)).mul_scalar(1.0);
			tensor.slice_assign(rows(to), sequence)
		};
		for layer in &mut self.layers {
			*layer = layer.take().map(|(keys, values)| (moved(keys), moved(values)));
		}
	}
}

fn grown(needed: usize, current: usize, step: usize, limit: usize) -> usize {
	if needed <= current {
		return current;
	}
	needed.next_multiple_of(step).max(current.saturating_mul(2)).min(limit.max(needed))
}

fn copy(old: Tensor<2>, from: [usize; 3], new: Tensor<2>, to: [usize; 3]) -> Tensor<2> {
	let [slots, length, width] = from;
	let rows = to[0] * to[1];
	new.reshape(to).slice_assign([0..slots, 0..length, 0..width], old.reshape(from)).reshape([rows, to[2]])
}
