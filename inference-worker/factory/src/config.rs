//! Settings of a training run, and the hash that names them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{error::FactoryError, files::Document, schedule::Schedule, shape::ModelShape};

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

/// How the frozen base model is held while an adapter is trained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
	/// In 32-bit floats (LoRA, Hu et al. 2021).
	#[default]
	Lora,
	/// Its projections in 4 bits with a scale per 32 weights (QLoRA, Dettmers et al. 2023), rounded as a worker rounds
	/// them; one layer at a time is turned into floats. Layers are always computed again on the way back.
	Qlora,
}

/// Texts of one origin, such as the snapshot of a DataNet, in memory.
#[derive(Clone, PartialEq)]
pub struct Source {
	/// What it is called in errors and messages.
	pub name: String,
	/// The texts. Their paths are names that may be shown; the texts are never shown and never written.
	pub documents: Vec<Document>,
	/// Share of the training tokens beside the weights of the other sources; above 0. A source that is too short for
	/// its share is seen more than once in an epoch.
	pub weight: f64,
}

/// Training of a LoRA adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdapterConfig {
	/// Hugging Face folder of the base model (Llama or Qwen2).
	pub base_dir: PathBuf,
	/// Text files, or folders of `.txt` and `.jsonl` files, to train on: a DataNet's snapshot.
	#[serde(default)]
	pub texts: Vec<PathBuf>,
	/// Texts to measure on; if empty, every tenth text is held out.
	#[serde(default)]
	pub held_out: Vec<PathBuf>,
	/// PEFT folder to write.
	pub out_dir: PathBuf,
	/// How the base model is held.
	#[serde(default)]
	pub method: Method,
	/// Rank of the update.
	pub rank: usize,
	/// The update is scaled by `alpha / rank`.
	pub alpha: f64,
	/// The update is scaled by `alpha / √rank` instead (rsLoRA, Kalajdzievski 2023).
	#[serde(default)]
	pub rslora: bool,
	/// Share of the update's inputs that are set to zero in a step, from 0 to below 1; the others grow accordingly.
	#[serde(default)]
	pub dropout: f64,
	/// Projections that get an update, for example `q_proj`.
	pub target_modules: Vec<String>,
	/// Chat samples made from the texts, as a share of all training tokens, from 0 to below 1.
	#[serde(default)]
	pub chat_share: f64,
	/// In conversations, every token counts in the loss; else only what the assistant says.
	#[serde(default)]
	pub train_on_inputs: bool,
	/// Where the curve is written while training; `.curves.jsonl` in the output folder if not named. No part of the
	/// configuration's hash.
	#[serde(default)]
	pub curves: Option<PathBuf>,
	/// How long and how fast.
	pub schedule: Schedule,
}

/// Projections of a decoder layer, by the names that PEFT uses.
pub const PROJECTIONS: [&str; 7] =
	["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

impl std::fmt::Debug for Source {
	fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		write!(formatter, "Source({}, {} documents, weight {})", self.name, self.documents.len(), self.weight)
	}
}

impl AdapterConfig {
	/// Rank 8 on all attention and MLP projections, with a schedule of about 100,000 tokens: minutes on two cores for
	/// a model of a few million parameters.
	pub fn new(base_dir: PathBuf, texts: Vec<PathBuf>, out_dir: PathBuf) -> Self {
		Self {
			base_dir,
			texts,
			held_out: Vec::new(),
			out_dir,
			method: Method::Lora,
			rank: 8,
			alpha: 16.0,
			rslora: false,
			dropout: 0.0,
			target_modules: PROJECTIONS.map(str::to_owned).to_vec(),
			chat_share: 0.2,
			train_on_inputs: false,
			curves: None,
			schedule: Schedule::default(),
		}
	}

	/// What the update is multiplied with.
	pub(crate) fn scale(&self) -> f64 {
		let rank = self.rank as f64;
		self.alpha / if self.rslora { rank.sqrt() } else { rank }
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
		if !(0.0..1.0).contains(&self.dropout) {
			return Err(FactoryError::Setting {
				name: "dropout",
				reason: format!("is {} but must be from 0 to below 1", self.dropout),
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
	let mut sorted = configuration.clone();
	sorted.sort_all_objects();
	*blake3::hash(sorted.to_string().as_bytes()).as_bytes()
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
	fn adapter_configuration_is_refused_when_a_setting_is_out_of_range() {
		let good = AdapterConfig::new("base".into(), vec!["texts".into()], "out".into());
		assert!(good.check().is_ok());
		for bad in [
			AdapterConfig { rank: 0, ..good.clone() },
			AdapterConfig { alpha: -1.0, ..good.clone() },
			AdapterConfig { dropout: 1.0, ..good.clone() },
			AdapterConfig { target_modules: vec![], ..good.clone() },
			AdapterConfig { target_modules: vec!["lm_head".into()], ..good.clone() },
			AdapterConfig { chat_share: 1.0, ..good },
		] {
			assert!(matches!(bad.check(), Err(FactoryError::Setting { .. })));
		}
	}
}
