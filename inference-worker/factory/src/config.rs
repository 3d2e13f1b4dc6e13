//! Settings of a training run, and the hash that names them.

use std::path::PathBuf;

use burn::tensor::{Device, DeviceKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{error::FactoryError, shape::ModelShape};

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
	/// Optimizer steps.
	pub steps: usize,
	/// Sequences per step.
	pub batch: usize,
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
	/// Where to train.
	pub processor: Processor,
}

impl Default for Schedule {
	fn default() -> Self {
		Self {
			steps: 100,
			batch: 4,
			sequence: 256,
			learning_rate: 3e-3,
			warmup_steps: 10,
			weight_decay: 0.05,
			clip_norm: 1.0,
			seed: 1,
			checkpoint_steps: 50,
			evaluation_sequences: 64,
			processor: Processor::Flex,
		}
	}
}

impl Schedule {
	pub(crate) fn check(&self, context: usize) -> Result<(), FactoryError> {
		let at_least_one = [
			("steps", self.steps),
			("batch", self.batch),
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

/// Training of a base model from scratch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseConfig {
	/// Name in the model card.
	pub name: String,
	/// Text files, or folders of `.txt` files, to train on.
	pub texts: Vec<PathBuf>,
	/// Texts to measure on; if empty, every tenth text is held out.
	#[serde(default)]
	pub held_out: Vec<PathBuf>,
	/// Hugging Face model folder to write.
	pub out_dir: PathBuf,
	/// Shape of the model. `vocab_size` is also the size of the tokenizer's vocabulary.
	pub shape: ModelShape,
	/// Chat samples made from the texts, as a share of all training tokens, from 0 to below 1.
	#[serde(default)]
	pub chat_share: f64,
	/// How long and how fast.
	pub schedule: Schedule,
}

/// Training of a LoRA adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdapterConfig {
	/// Hugging Face folder of the base model (Llama or Qwen2).
	pub base_dir: PathBuf,
	/// Text files, or folders of `.txt` files, to train on: a DataNet's snapshot.
	pub texts: Vec<PathBuf>,
	/// Texts to measure on; if empty, every tenth text is held out.
	#[serde(default)]
	pub held_out: Vec<PathBuf>,
	/// PEFT folder to write.
	pub out_dir: PathBuf,
	/// Rank of the update.
	pub rank: usize,
	/// The update is scaled by `alpha / rank`.
	pub alpha: f64,
	/// Projections that get an update, for example `q_proj`.
	pub target_modules: Vec<String>,
	/// Chat samples made from the texts, as a share of all training tokens, from 0 to below 1.
	#[serde(default)]
	pub chat_share: f64,
	/// How long and how fast.
	pub schedule: Schedule,
}

/// Projections of a decoder layer, by the names that PEFT uses.
pub const PROJECTIONS: [&str; 7] =
	["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

impl AdapterConfig {
	/// Rank 8 on all attention and MLP projections, with a schedule of about 100,000 tokens: minutes on two cores for
	/// a model of a few million parameters.
	pub fn new(base_dir: PathBuf, texts: Vec<PathBuf>, out_dir: PathBuf) -> Self {
		Self {
			base_dir,
			texts,
			held_out: Vec::new(),
			out_dir,
			rank: 8,
			alpha: 16.0,
			target_modules: PROJECTIONS.map(str::to_owned).to_vec(),
			chat_share: 0.2,
			schedule: Schedule::default(),
		}
	}

	pub(crate) fn check(&self) -> Result<(), FactoryError> {
		if !(1..=256).contains(&self.rank) {
			return Err(FactoryError::Setting {
				name: "rank",
				reason: format!("is {} but must be 1 to 256", self.rank),
			});
		}
		if !self.alpha.is_finite() || self.alpha <= 0.0 {
			return Err(FactoryError::Setting {
				name: "alpha",
				reason: format!("is {} but must be above 0", self.alpha),
			});
		}
		let unknown = self.target_modules.iter().find(|name| !PROJECTIONS.contains(&name.as_str()));
		match unknown {
			Some(name) => {
				let reason = format!("names {name}, known are {}", PROJECTIONS.join(", "));
				Err(FactoryError::Setting { name: "target_modules", reason })
			}
			None if self.target_modules.is_empty() => {
				Err(FactoryError::Setting { name: "target_modules", reason: "is empty".into() })
			}
			None => check_chat_share(self.chat_share),
		}
	}
}

pub(crate) fn check_chat_share(share: f64) -> Result<(), FactoryError> {
	if (0.0..1.0).contains(&share) {
		return Ok(());
	}
	Err(FactoryError::Setting {
		name: "chat_share",
		reason: format!("is {share} but must be from 0 to below 1"),
	})
}

/// BLAKE3 of a value's JSON with sorted keys and no white space.
pub fn configuration_hash(configuration: &Value) -> [u8; 32] {
	let mut text = String::new();
	write_canonical(configuration, &mut text);
	*blake3::hash(text.as_bytes()).as_bytes()
}

fn write_canonical(value: &Value, text: &mut String) {
	match value {
		Value::Object(map) => {
			let mut keys: Vec<&String> = map.keys().collect();
			keys.sort();
			text.push('{');
			for (index, key) in keys.into_iter().enumerate() {
				if index > 0 {
					text.push(',');
				}
				text.push_str(&Value::String(key.clone()).to_string());
				text.push(':');
				write_canonical(map.get(key).unwrap_or(&Value::Null), text);
			}
			text.push('}');
		}
		Value::Array(list) => {
			text.push('[');
			for (index, item) in list.iter().enumerate() {
				if index > 0 {
					text.push(',');
				}
				write_canonical(item, text);
			}
			text.push(']');
		}
		other => text.push_str(&other.to_string()),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::json;

	#[test]
	fn configuration_hash_is_equal_when_only_the_key_order_differs() {
		let one: Value = serde_json::from_str(r#"{"a":1,"b":{"c":[1,2],"d":null}}"#).expect("JSON");
		let two: Value = serde_json::from_str(r#"{"b":{"d":null,"c":[1,2]},"a":1}"#).expect("JSON");
		assert_eq!(configuration_hash(&one), configuration_hash(&two));
		assert_ne!(configuration_hash(&one), configuration_hash(&json!({"a": 1})));
	}

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
			Schedule { weight_decay: 1.0, ..good },
		] {
			assert!(matches!(bad.check(256), Err(FactoryError::Setting { .. })));
		}
	}

	#[test]
	fn adapter_configuration_is_refused_when_a_setting_is_out_of_range() {
		let good = AdapterConfig::new("base".into(), vec!["texts".into()], "out".into());
		assert!(good.check().is_ok());
		for bad in [
			AdapterConfig { rank: 0, ..good.clone() },
			AdapterConfig { alpha: -1.0, ..good.clone() },
			AdapterConfig { target_modules: vec![], ..good.clone() },
			AdapterConfig { target_modules: vec!["lm_head".into()], ..good.clone() },
			AdapterConfig { chat_share: 1.0, ..good },
		] {
			assert!(matches!(bad.check(), Err(FactoryError::Setting { .. })));
		}
	}
}
