//! Rows of tokens, and the tensors that are made of some of them.

use burn::tensor::{Device, Int, Tensor, TensorData};

/// Texts behind each other in one sequence.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Row {
	pub inputs: Vec<u32>,
	/// The token after each input.
	pub targets: Vec<u32>,
	/// Whether a target counts in the loss.
	pub counted: Vec<bool>,
	/// Where the texts start.
	pub starts: Vec<usize>,
	/// Numbers of the documents that the texts are from.
	pub documents: Vec<usize>,
}

/// What is computed at a time.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
	pub rows: usize,
	/// Tokens of the longest row; the others are filled up.
	pub length: usize,
	/// `[rows, length]`, row-major.
	pub inputs: Vec<u32>,
	/// The targets that count, `[count]`.
	pub targets: Tensor<1, Int>,
	/// Their places among all, `[count]`; none where all count.
	pub places: Option<Tensor<1, Int>>,
	/// Targets that count.
	pub count: usize,
	/// Where the texts start in each row.
	pub starts: Vec<Vec<usize>>,
}

/// Targets of the rows that count in the loss.
pub(crate) fn counted(rows: &[Row]) -> usize {
	rows.iter().flat_map(|row| &row.counted).filter(|counted| **counted).count()
}

/// Tokens of the rows, without what they are filled up with.
pub(crate) fn tokens(rows: &[Row]) -> u64 {
	rows.iter().map(|row| row.inputs.len() as u64).sum()
}

impl Batch {
	pub(crate) fn new(rows: &[Row], device: &Device) -> Self {
		let length = rows.iter().map(|row| row.inputs.len()).max().unwrap_or(0);
		let mut inputs = Vec::with_capacity(rows.len() * length);
		let (mut targets, mut places) = (Vec::new(), Vec::new());
		for (index, row) in rows.iter().enumerate() {
			inputs.extend(&row.inputs);
			// What comes after a text is seen by none of its tokens: any token will do.
			inputs.resize((index + 1) * length, 0);
			for (place, (target, _)) in
				row.targets.iter().zip(&row.counted).enumerate().filter(|(_, (_, counted))| **counted)
			{
				targets.push(*target as i32);
				places.push((index * length + place) as i32);
			}
		}
		let count = targets.len();
		let vector = |values: Vec<i32>| Tensor::from_data(TensorData::new(values, [count]), device);
		Self {
			rows: rows.len(),
			length,
			targets: vector(targets),
			places: (count < inputs.len()).then(|| vector(places)),
			inputs,
			count,
			starts: rows.iter().map(|row| row.starts.clone()).collect(),
		}
	}

	/// Whether a row holds more than one text.
	pub(crate) fn is_packed(&self) -> bool {
		self.starts.iter().any(|starts| starts.len() > 1)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn only_counted_targets_are_kept_when_rows_are_padded() {
		let long = Row {
			inputs: vec![5, 6, 7],
			targets: vec![6, 7, 8],
			counted: vec![false, true, true],
			..Row::default()
		};
		let short = Row { inputs: vec![9], targets: vec![3], counted: vec![true], ..Row::default() };
		let batch = Batch::new(&[long.clone(), short], &Device::flex());
		assert_eq!((batch.rows, batch.length, batch.count), (2, 3, 3));
		assert_eq!(batch.inputs, [5, 6, 7, 9, 0, 0]);
		assert_eq!(batch.targets.try_into_vec_as::<i32>().expect("targets"), [7, 8, 3]);
		assert_eq!(batch.places.expect("some").try_into_vec_as::<i32>().expect("places"), [1, 2, 3]);
		let all = Row { counted: vec![true; 3], ..long };
		assert!(Batch::new(&[all], &Device::flex()).places.is_none());
	}
}
