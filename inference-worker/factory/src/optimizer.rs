//! AdamW (Loshchilov and Hutter, 2019) over named tensors, with clipping by global norm.

use burn::{
	optim::{AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, Optimizer as _},
	tensor::{Device, Tensor},
};

use crate::schedule::Schedule;

/// Moments of one tensor.
pub(crate) struct Moments {
	pub first: Tensor<2>,
	pub second: Tensor<2>,
}

/// The optimizer and its state, one entry per trained tensor in the order of the gradients.
pub(crate) struct Optimizer {
	decayed: AdamW,
	plain: AdamW,
	clip_norm: f64,
	/// Steps done.
	pub time: usize,
	pub moments: Vec<Moments>,
}

impl Optimizer {
	/// Moments start at zero; `shapes` are those of the trained tensors.
	pub(crate) fn new(schedule: &Schedule, shapes: &[[usize; 2]], device: &Device) -> Self {
		let config = AdamWConfig::new().with_beta_2(0.95).with_epsilon(1e-8);
		let zeros = |shape: &[usize; 2]| Tensor::zeros(*shape, device);
		Self {
			decayed: config.clone().with_weight_decay(schedule.weight_decay).build(),
			plain: config.with_weight_decay(0.0).build(),
			clip_norm: schedule.clip_norm,
			time: 0,
			moments: shapes
				.iter()
				.map(|shape| Moments { first: zeros(shape), second: zeros(shape) })
				.collect(),
		}
	}

	/// One step on all tensors, of gradients of this [`norm`]. One-row tensors (norms) are not decayed.
	pub(crate) fn step(
		&mut self,
		learning_rate: f64,
		tensors: Vec<&mut Tensor<2>>,
		gradients: Vec<Tensor<2>>,
		norm: f64,
	) {
		let factor = if norm > self.clip_norm { self.clip_norm / norm } else { 1.0 };
		for ((tensor, gradient), moments) in tensors.into_iter().zip(gradients).zip(&mut self.moments) {
			let state = AdamWState::new(AdaptiveMomentumState {
				time: self.time,
				moment_1: moments.first.clone(),
				moment_2: moments.second.clone(),
				max_moment_2: None,
			});
			let optimizer = if tensor.dims()[0] == 1 { &self.plain } else { &self.decayed };
			let (updated, state) =
				optimizer.step(learning_rate, tensor.clone(), gradient.mul_scalar(factor), Some(state));
			*tensor = updated;
			if let Some(AdamWState { momentum }) = state {
				*moments = Moments { first: momentum.moment_1, second: momentum.moment_2 };
			}
		}
		self.time += 1;
	}
}

/// Global norm of gradients; no number, or infinite, if one of them is.
pub(crate) fn norm(gradients: &[Tensor<2>]) -> f64 {
	// Rows first: a sum over one long row could be cut differently from run to run.
	let squares =
		gradients.iter().map(|gradient| (gradient.clone() * gradient.clone()).sum_dim(1).sum()).collect();
	f64::from(Tensor::cat(squares, 0).sum().into_scalar::<f32>()).sqrt()
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn norm_is_of_all_gradients_together_when_there_are_several() {
		let gradients =
			vec![Tensor::<2>::full([1, 9], 1.0, &Device::flex()), Tensor::full([4, 4], 1.0, &Device::flex())];
		assert!((norm(&gradients) - 5.0).abs() < 1e-6);
		assert!(norm(&[Tensor::full([2, 2], f32::NAN, &Device::flex())]).is_nan());
		assert!(norm(&[Tensor::full([2, 2], f32::INFINITY, &Device::flex())]).is_infinite());
	}

	#[test]
	fn norms_are_not_decayed_when_the_gradient_is_zero() {
		let device = Device::flex();
		let schedule = Schedule { weight_decay: 0.5, ..Schedule::default() };
		let (mut norm, mut weight) = (Tensor::<2>::ones([1, 3], &device), Tensor::<2>::ones([2, 3], &device));
		let mut optimizer = Optimizer::new(&schedule, &[[1, 3], [2, 3]], &device);
		let gradients = vec![Tensor::zeros([1, 3], &device), Tensor::zeros([2, 3], &device)];
		optimizer.step(0.1, vec![&mut norm, &mut weight], gradients, 0.0);
		assert_eq!(norm.sum().into_scalar::<f32>(), 3.0);
		assert!((weight.sum().into_scalar::<f32>() - 6.0 * 0.95).abs() < 1e-5);
	}
}
