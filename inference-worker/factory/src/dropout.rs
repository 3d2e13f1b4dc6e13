//! Dropout on the inputs of the low-rank updates (Srivastava et al. 2014), drawn anew from the seed wherever it is
//! needed: a layer that is computed again, and a training that goes on, see the same zeros.

use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::{
	rand_core::{RngCore, SeedableRng},
	ChaCha8Rng,
};

/// Words of the random stream that a projection may use.
const WORDS: u32 = 40;

/// The zeros of one forward pass.
#[derive(Clone, Debug)]
pub(crate) struct Dropout {
	/// Share of zeros, above 0 and below 1.
	pub rate: f64,
	pub seed: u64,
	/// Number of the batch since the start of the training.
	pub batch: u64,
}

impl Dropout {
	/// `x` with zeros; what stays is scaled so that the mean does. `site` is the number of the projection.
	pub(crate) fn apply(&self, x: Tensor<2>, site: u64) -> Tensor<2> {
		let [rows, columns] = x.dims();
		let mask = self.mask(site, rows, columns, &x.device().inner());
		x * mask
	}

	fn mask(&self, site: u64, rows: usize, columns: usize, device: &Device) -> Tensor<2> {
		let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
		rng.set_stream(self.batch);
		rng.set_word_pos(u128::from(site) << WORDS);
		let kept = (1.0 / (1.0 - self.rate)) as f32;
		let threshold = (self.rate * f64::from(u32::MAX)) as u32;
		let mask: Vec<f32> =
			(0..rows * columns).map(|_| if rng.next_u32() < threshold { 0.0 } else { kept }).collect();
		Tensor::from_data(TensorData::new(mask, [rows, columns]), device)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn mask(batch: u64, site: u64) -> Vec<f32> {
		let dropout = Dropout { rate: 0.25, seed: 3, batch };
		dropout.mask(site, 50, 80, &Device::flex()).try_into_vec_as::<f32>().expect("mask")
	}

	#[test]
	fn zeros_are_the_same_when_seed_batch_and_place_are() {
		assert_eq!(mask(4, 2), mask(4, 2));
		assert_ne!(mask(4, 2), mask(5, 2));
		assert_ne!(mask(4, 2), mask(4, 3));
	}

	#[test]
	fn mean_stays_when_a_quarter_is_dropped() {
		let mask = mask(0, 0);
		let zeros = mask.iter().filter(|value| **value == 0.0).count() as f64 / mask.len() as f64;
		let mean = mask.iter().sum::<f32>() / mask.len() as f32;
		assert!((zeros - 0.25).abs() < 0.03 && (mean - 1.0).abs() < 0.04, "{zeros} {mean}");
	}
}
