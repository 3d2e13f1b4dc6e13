//! How long, how fast and where to train.

use burn::tensor::{Device, DeviceKind};
use serde::{Deserialize, Serialize};

use crate::error::FactoryError;

/// Where the tensors live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Processor {
	/// The CPU. Same settings give the same bytes on the same machine.
	#[default]
	Flex,
	/// The first real GPU. Its kernels may add in another order from run to run.
	Gpu,
}

impl Processor {
	pub(crate) fn device(self) -> Device {
		match self {
			Self::Flex => Device::flex(),
			Self::Gpu => Device::wgpu(DeviceKind::DefaultDevice),
		}
	}
}

/// How long and how fast to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
	/// Optimizer steps; with `epochs`, what follows from it counts.
	pub steps: usize,
	/// How often the texts are seen, instead of `steps`. Adapters only.
	#[serde(skip_serializing_if = "is_default")]
	pub epochs: Option<f64>,
	/// Sequences that are computed at a time.
	pub batch: usize,
	/// Batches whose gradients make one step: `accumulation` of `batch` sequences give what one batch of
	/// `accumulation · batch` gives, in the memory of one.
	#[serde(skip_serializing_if = "is_one")]
	pub accumulation: usize,
	/// Tokens per sequence.
	pub sequence: usize,
	/// Highest learning rate; reached after the warm-up, then falling along a cosine to a tenth.
	pub learning_rate: f64,
	/// Steps in which the learning rate rises from zero.
	pub warmup_steps: usize,
	/// AdamW's decoupled weight decay; norms have none.
	pub weight_decay: f32,
	/// Largest global norm of the gradient.
	pub clip_norm: f64,
	/// Seeds weights, order and samples.
	pub seed: u64,
	/// Steps between checkpoints.
	pub checkpoint_steps: usize,
	/// Most held-out sequences evaluated.
	pub evaluation_sequences: usize,
	/// Puts short texts together into one sequence, where none sees another; else each has a sequence of its own that is
	/// filled up with padding. Adapters only: base models are trained on one stream.
	#[serde(skip_serializing_if = "is_true")]
	pub packing: bool,
	/// Keeps only the input of each layer and computes the rest again on the way back: less memory, a third more time.
	#[serde(skip_serializing_if = "is_default")]
	pub gradient_checkpointing: bool,
	/// Steps between measurements on the held-out texts; the best weights measured are kept. 0: only before and after.
	#[serde(skip_serializing_if = "is_default")]
	pub evaluation_steps: usize,
	/// Measurements without a better loss after which training ends. 0: never.
	#[serde(skip_serializing_if = "is_default")]
	pub patience: usize,
	/// Where to train.
	pub processor: Processor,
}

// Settings that were added later are not written where they change nothing, so that old configurations keep their hash.

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
	*value == T::default()
}

fn is_one(value: &usize) -> bool {
	*value == 1
}

fn is_true(value: &bool) -> bool {
	*value
}

impl Default for Schedule {
	fn default() -> Self {
		Self {
			steps: 100,
			epochs: None,
			batch: 4,
			accumulation: 1,
			sequence: 256,
			learning_rate: 3e-3,
			warmup_steps: 10,
			weight_decay: 0.05,
			clip_norm: 1.0,
			seed: 1,
			checkpoint_steps: 50,
			evaluation_sequences: 64,
			packing: true,
			gradient_checkpointing: false,
			evaluation_steps: 0,
			patience: 0,
			processor: Processor::Flex,
		}
	}
}

impl Schedule {
	pub(crate) fn check(&self, context: usize) -> Result<(), FactoryError> {
		let at_least_one = [
			("steps", self.steps),
			("batch", self.batch),
			("accumulation", self.accumulation),
			("sequence", self.sequence),
			("checkpoint_steps", self.checkpoint_steps),
			("evaluation_sequences", self.evaluation_sequences),
		];
		if let Some((name, _)) = at_least_one.into_iter().find(|(_, value)| *value == 0) {
			return Err(FactoryError::Setting { name, reason: "must be at least 1".into() });
		}
		if self.sequence > context {
			let reason = format!("is {} but the model's context is {context} tokens", self.sequence);
			return Err(FactoryError::Setting { name: "sequence", reason });
		}
		let positive = [("learning_rate", self.learning_rate), ("clip_norm", self.clip_norm)];
		if let Some((name, value)) =
			positive.into_iter().find(|(_, value)| !value.is_finite() || *value <= 0.0)
		{
			return Err(FactoryError::Setting { name, reason: format!("is {value} but must be above 0") });
		}
		if self.epochs.is_some_and(|epochs| !epochs.is_finite() || epochs <= 0.0) {
			let reason = format!("is {} but must be above 0", self.epochs.unwrap_or_default());
			return Err(FactoryError::Setting { name: "epochs", reason });
		}
		if self.patience > 0 && self.evaluation_steps == 0 {
			let reason = "needs evaluation_steps above 0, or nothing is measured".into();
			return Err(FactoryError::Setting { name: "patience", reason });
		}
		if !(0.0..1.0).contains(&self.weight_decay) {
			let reason = format!("is {} but must be from 0 to below 1", self.weight_decay);
			return Err(FactoryError::Setting { name: "weight_decay", reason });
		}
		Ok(())
	}

	/// Learning rate of a step, counted from 0.
	pub fn learning_rate_at(&self, step: usize) -> f64 {
		if step < self.warmup_steps {
			return self.learning_rate * (step + 1) as f64 / (self.warmup_steps + 1) as f64;
		}
		let rest = (self.steps - self.warmup_steps.min(self.steps)).max(1);
		let done = ((step - self.warmup_steps) as f64 / rest as f64).min(1.0);
		let cosine = (1.0 + (std::f64::consts::PI * done).cos()) / 2.0;
		self.learning_rate * (0.1 + 0.9 * cosine)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn learning_rate_rises_then_falls_to_a_tenth_when_warmed_up() {
		let schedule = Schedule { steps: 100, warmup_steps: 10, learning_rate: 1.0, ..Schedule::default() };
		let rates: Vec<f64> = (0..100).map(|step| schedule.learning_rate_at(step)).collect();
		assert!(rates.windows(2).take(9).all(|pair| pair[0] < pair[1]));
		assert!(rates.windows(2).skip(10).all(|pair| pair[0] > pair[1]));
		assert!((rates[10] - 1.0).abs() < 1e-12);
		assert!((schedule.learning_rate_at(100) - 0.1).abs() < 1e-12);
	}

	#[test]
	fn schedule_is_refused_when_a_setting_is_out_of_range() {
		let good = Schedule::default();
		assert!(good.check(256).is_ok());
		for bad in [
			Schedule { steps: 0, ..good.clone() },
			Schedule { batch: 0, ..good.clone() },
			Schedule { sequence: 257, ..good.clone() },
			Schedule { learning_rate: f64::NAN, ..good.clone() },
			Schedule { clip_norm: 0.0, ..good.clone() },
			Schedule { accumulation: 0, ..good.clone() },
			Schedule { epochs: Some(0.0), ..good.clone() },
			Schedule { patience: 2, ..good.clone() },
			Schedule { weight_decay: 1.0, ..good },
		] {
			assert!(matches!(bad.check(256), Err(FactoryError::Setting { .. })));
		}
	}

	#[test]
	fn schedule_is_written_as_before_when_later_settings_change_nothing() {
		let json = serde_json::to_value(Schedule::default()).expect("JSON");
		for name in
			["epochs", "accumulation", "packing", "gradient_checkpointing", "evaluation_steps", "patience"]
		{
			assert!(json.get(name).is_none(), "{name}");
		}
		let json = serde_json::to_value(Schedule { packing: false, ..Schedule::default() }).expect("JSON");
		assert_eq!(json["packing"], false);
	}
}
