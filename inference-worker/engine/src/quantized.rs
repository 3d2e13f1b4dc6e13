//! Weights in 8 or 4 bits, as they are made, stored in a model folder, and handed to an executor.
//!
//! A row is cut into blocks of 32 numbers, the last filled up with zeros; a block is whole numbers and one 16-bit scale.
//! In a folder, `X.weight` holds them in signed bytes `[outputs, inputs up to whole blocks]`, or in bytes of two
//! `[outputs, half as many]`: number `i` of a block in the low half of byte `i`, number `16 + i` in its high half, offset
//! by 8. `X.weight_scale` holds the scales, `[outputs, blocks]`. `config.json` says so in `quantization_config`.

use half::f16;

use crate::cpu::{quantize_weights, Precision, BLOCK};

/// A weight `[outputs, inputs]` as a folder holds it.
pub(crate) enum Matrix {
	Full(Vec<f32>),
	Quantized(Quantized),
}

/// Rows of whole numbers with their scales.
#[derive(Debug, PartialEq)]
pub(crate) struct Quantized {
	/// 8 or 4 bits.
	pub(crate) precision: Precision,
	/// `[outputs, blocks, 32]`.
	pub(crate) values: Vec<i8>,
	/// `[outputs, blocks]`.
	pub(crate) scales: Vec<f16>,
}

/// Largest number of a precision; none if it has no whole numbers.
fn most(precision: Precision) -> Option<f32> {
	match precision {
		Precision::Full | Precision::Half => None,
		Precision::Int8 => Some(127.0),
		Precision::Int4 => Some(7.0),
	}
}

impl Matrix {
	/// Puts the rows of another weight below.
	///
	/// # Panics
	/// If they are not in the same precision, which a folder never mixes.
	pub(crate) fn extend(&mut self, below: Self) {
		match (self, below) {
			(Self::Full(values), Self::Full(below)) => values.extend(below),
			(Self::Quantized(rows), Self::Quantized(below)) if rows.precision == below.precision => {
				rows.values.extend(below.values);
				rows.scales.extend(below.scales);
			}
			_ => panic!("a weight in another precision"),
		}
	}

	/// In 32-bit floats, `[outputs, inputs]`.
	pub(crate) fn into_full(self, inputs: usize) -> Vec<f32> {
		match self {
			Self::Full(values) => values,
			Self::Quantized(quantized) => quantized.numbers(inputs),
		}
	}

	/// In whole numbers of a precision that has them.
	pub(crate) fn into_quantized(self, inputs: usize, precision: Precision) -> Quantized {
		match self {
			Self::Quantized(quantized) if quantized.precision == precision => quantized,
			other => Quantized::of(&other.into_full(inputs), inputs, precision),
		}
	}
}

impl Quantized {
	/// Rounds rows of `inputs` numbers.
	///
	/// # Panics
	/// If the precision has no whole numbers.
	pub(crate) fn of(values: &[f32], inputs: usize, precision: Precision) -> Self {
		let most = most(precision).expect("a precision of whole numbers");
		let blocks = values.len() / inputs * inputs.div_ceil(BLOCK);
		let (mut quantized, mut scales) = (Vec::with_capacity(blocks * BLOCK), Vec::with_capacity(blocks));
		for block in values.chunks_exact(inputs).flat_map(|row| row.chunks(BLOCK)) {
			let (scale, numbers) = quantize_weights(block, most);
			quantized.extend(numbers.map(|number| number as i8));
			scales.push(scale);
		}
		Self { precision, values: quantized, scales }
	}

	/// What the whole numbers stand for, `[outputs, inputs]`.
	fn numbers(&self, inputs: usize) -> Vec<f32> {
		let blocks = inputs.div_ceil(BLOCK);
		let rows = self.values.chunks_exact(blocks * BLOCK).zip(self.scales.chunks_exact(blocks));
		rows.flat_map(|(values, scales)| {
			let numbers = values.chunks_exact(BLOCK).zip(scales).flat_map(|(values, scale)| {
				let scale = scale.to_f32();
				values.iter().map(move |value| f32::from(*value) * scale)
			});
			numbers.take(inputs)
		})
		.collect()
	}

	/// Bytes that a row of so many inputs has in a folder.
	pub(crate) fn row_bytes(inputs: usize, precision: Precision) -> usize {
		let numbers = inputs.div_ceil(BLOCK) * BLOCK;
		if precision == Precision::Int4 {
			numbers / 2
		} else {
			numbers
		}
	}

	/// Whole numbers and scales as a folder holds them.
	pub(crate) fn to_bytes(&self) -> (Vec<u8>, Vec<u8>) {
		let values = match self.precision {
			Precision::Int4 => self
				.values
				.chunks_exact(BLOCK)
				.flat_map(|block| {
					let (low, high) = block.split_at(BLOCK / 2);
					low.iter().zip(high).map(|(low, high)| (low + 8) as u8 | ((high + 8) as u8) << 4)
				})
				.collect(),
			_ => self.values.iter().map(|value| *value as u8).collect(),
		};
		(values, self.scales.iter().flat_map(|scale| scale.to_le_bytes()).collect())
	}

	/// Reads what [`Self::to_bytes`] writes. None if a scale is not finite or a number is none that is written.
	pub(crate) fn from_bytes(values: &[u8], scales: &[u8], precision: Precision) -> Option<Self> {
		let values: Vec<i8> = match precision {
			Precision::Int4 => values
				.chunks_exact(BLOCK / 2)
				.flat_map(|block| {
					let low = block.iter().map(|byte| (byte & 15) as i8 - 8);
					low.chain(block.iter().map(|byte| (byte >> 4) as i8 - 8))
				})
				.collect(),
			_ => values.iter().map(|byte| *byte as i8).collect(),
		};
		let pair = |bytes: &[u8]| <[u8; 2]>::try_from(bytes).unwrap_or_default();
		let scales: Vec<f16> = scales.chunks_exact(2).map(|bytes| f16::from_le_bytes(pair(bytes))).collect();
		let most = most(precision)? as i8;
		let is_sound =
			scales.iter().all(|scale| scale.is_finite()) && values.iter().all(|value| *value >= -most);
		is_sound.then_some(Self { precision, values, scales })
	}
}

#[cfg(test)]
mod tests {
	use proptest::prelude::*;

	use super::*;

	proptest! {
		#[test]
		fn weights_come_back_the_same_when_they_are_stored(
			(inputs, values) in (1usize..80).prop_flat_map(|inputs| {
				let rows = (1usize..4).prop_flat_map(move |rows| {
					proptest::collection::vec(-3f32..3.0, rows * inputs)
				});
				rows.prop_map(move |values| (inputs, values))
			}),
			int4: bool,
		) {
			let precision = if int4 { Precision::Int4 } else { Precision::Int8 };
			let quantized = Quantized::of(&values, inputs, precision);
			let (bytes, scales) = quantized.to_bytes();
			let rows = values.len() / inputs;
			prop_assert_eq!(bytes.len(), rows * Quantized::row_bytes(inputs, precision));
			prop_assert_eq!(scales.len(), rows * inputs.div_ceil(BLOCK) * 2);
			let read = Quantized::from_bytes(&bytes, &scales, precision);
			prop_assert_eq!(read.as_ref(), Some(&quantized));
			// Nothing is further off than half a step, and what 16 bits of the scale lose.
			let step = if int4 { 3.0 / 7.0 } else { 3.0 / 127.0 };
			let numbers = Matrix::Quantized(quantized).into_full(inputs);
			prop_assert_eq!(numbers.len(), values.len());
			for (number, value) in numbers.iter().zip(&values) {
				prop_assert!((number - value).abs() <= step * 0.51, "{} for {}", number, value);
			}
		}
	}

	#[test]
	fn stored_weights_are_refused_when_no_quantization_writes_them() {
		let (scales, infinite) = ([0, 0x3c], [0, 0x7c]);
		assert!(Quantized::from_bytes(&[129; 32], &scales, Precision::Int8).is_some());
		assert!(Quantized::from_bytes(&[128; 32], &scales, Precision::Int8).is_none());
		assert!(Quantized::from_bytes(&[0x11; 16], &scales, Precision::Int4).is_some());
		assert!(Quantized::from_bytes(&[0x10; 16], &scales, Precision::Int4).is_none());
		assert!(Quantized::from_bytes(&[129; 32], &infinite, Precision::Int8).is_none());
	}
}
