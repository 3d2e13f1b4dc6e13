//! Recipes: one YAML file from data to a paid agent. Fields are called what axolotl and PEFT call them.
//!
//! `recipes/example.yaml` in the repository explains every field.

mod check;
mod error;
mod places;
mod training;

pub use error::{Problem, RecipeError};
pub use training::hold_out;

use std::{fmt, path::Path, str::FromStr};

use serde::{de, Deserialize, Deserializer, Serialize};

/// Largest recipe, bytes.
const MAX_RECIPE_BYTES: u64 = 1 << 20;

/// An asset or a DataNet on chain, by `ID` or `ID:VERSION`; the newest version where none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
	/// Its id.
	pub id: u32,
	/// Its version.
	pub version: Option<u32>,
}

impl FromStr for Reference {
	type Err = String;

	fn from_str(text: &str) -> Result<Self, String> {
		let wrong = || format!("`{text}` is neither ID nor ID:VERSION");
		let (id, version) = match text.split_once(':') {
			Some((id, version)) => (id, Some(version.parse().map_err(|_| wrong())?)),
			None => (text, None),
		};
		Ok(Self { id: id.parse().map_err(|_| wrong())?, version })
	}
}

impl fmt::Display for Reference {
	fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self.version {
			Some(version) => write!(formatter, "{}:{version}", self.id),
			None => write!(formatter, "{}", self.id),
		}
	}
}

impl Serialize for Reference {
	fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
		serializer.collect_str(self)
	}
}

impl<'de> Deserialize<'de> for Reference {
	fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		struct Visitor;
		impl de::Visitor<'_> for Visitor {
			type Value = Reference;

			fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
				formatter.write_str("ID or ID:VERSION")
			}

			fn visit_u64<E: de::Error>(self, id: u64) -> Result<Reference, E> {
				let id = u32::try_from(id).map_err(|_| E::custom(format!("{id} is no id")))?;
				Ok(Reference { id, version: None })
			}

			fn visit_i64<E: de::Error>(self, id: i64) -> Result<Reference, E> {
				self.visit_u64(u64::try_from(id).map_err(|_| E::custom(format!("{id} is no id")))?)
			}

			fn visit_str<E: de::Error>(self, text: &str) -> Result<Reference, E> {
				text.parse().map_err(E::custom)
			}
		}
		deserializer.deserialize_any(Visitor)
	}
}

/// A snapshot of a DataNet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
	/// The DataNet.
	pub datanet: u32,
	/// Its snapshot; the newest where none is named.
	pub snapshot: Option<u32>,
}

/// Data to train on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
	/// The DataNet.
	pub datanet: u32,
	/// Its snapshot; the newest where none is named.
	pub snapshot: Option<u32>,
	/// Share of the training tokens beside the other datasets' weights.
	#[serde(default = "one")]
	pub weight: f64,
}

/// How the base is held while the adapter is trained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Adapter {
	/// In 32-bit floats.
	#[default]
	Lora,
	/// In 4 bits.
	Qlora,
}

/// How the learning rate falls after the warm-up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheduler {
	/// Along a cosine to a tenth.
	#[default]
	Cosine,
}

/// Where to train and evaluate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
	/// The CPU: the same recipe gives the same bytes.
	#[default]
	Cpu,
	/// The first real GPU.
	Gpu,
}

/// A measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
	/// The benchmark, which must not be trained on.
	pub benchmark: Snapshot,
	/// Names of metrics.
	pub metrics: Vec<String>,
	/// Most tokens of an answer.
	#[serde(default = "answer_tokens")]
	pub max_tokens: usize,
}

/// What is left out, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeaveOut {
	/// Each dataset.
	Datanets,
	/// Each contributor with all of its contributions.
	Contributors,
	/// Each of the agent's prompts.
	Prompts,
	/// The adapter.
	Adapters,
}

/// How something is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
	/// By training again without it.
	Retrain,
	/// By taking it out of the composition.
	Drop,
}

/// Who would be missed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ablation {
	/// What is left out.
	pub leave_out: LeaveOut,
	/// How.
	pub method: Method,
	/// Trainings with different seeds for each that is left out.
	#[serde(default = "one_repeat")]
	pub repeats: usize,
	/// Steps of these trainings; those of the recipe where none are named.
	pub max_steps: Option<usize>,
}

/// A price in TRB per 1,000 tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
	/// Read.
	pub input: String,
	/// Written.
	pub output: String,
}

/// How the adapter is published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publish {
	/// Its name.
	pub name: String,
	/// Its price.
	pub price: Price,
	/// Stores that others can fetch it from; at most 3.
	#[serde(default)]
	pub hints: Vec<String>,
}

/// Parts of an agent that a request may need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skill {
	/// What requests are compared with.
	pub description: String,
	/// Least cosine of a request that activates it, -1 to 1.
	pub threshold: f64,
	/// Whether the trained adapter belongs to it.
	#[serde(default)]
	pub adapter: bool,
	/// Those of the agent's other adapters that belong to it, by their ids.
	#[serde(default)]
	pub adapters: Vec<u32>,
	/// Those of the agent's prompts that belong to it, by their ids.
	#[serde(default)]
	pub prompts: Vec<u32>,
	/// Those of the agent's DataNets that belong to it.
	#[serde(default)]
	pub datanets: Vec<u32>,
}

/// The agent that the adapter goes into.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
	/// The `model` of requests.
	pub name: String,
	/// Adapters beside the trained one.
	#[serde(default)]
	pub adapters: Vec<Reference>,
	/// Prompts, in order.
	#[serde(default)]
	pub prompts: Vec<Reference>,
	/// Snapshots to retrieve from and to attribute to.
	#[serde(default)]
	pub datanets: Vec<Snapshot>,
	/// Tools that the model may call.
	#[serde(default)]
	pub tools: Vec<Reference>,
	/// Skills; where there are none, all parts are always active.
	#[serde(default)]
	pub skills: Vec<Skill>,
	/// Its price; what its parts cost where none is named.
	pub price: Option<Price>,
}

/// The file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
	/// The base model.
	pub base_model: Reference,
	/// What to train on.
	pub datasets: Vec<Dataset>,
	/// How the base is held.
	#[serde(default)]
	pub adapter: Adapter,
	/// Rank of the update.
	#[serde(default = "rank")]
	pub lora_r: usize,
	/// The update is scaled by `lora_alpha / lora_r`.
	#[serde(default = "alpha")]
	pub lora_alpha: f64,
	/// Share of the update's inputs set to zero in a step.
	#[serde(default)]
	pub lora_dropout: f64,
	/// Projections that get an update; all where none are named.
	#[serde(default)]
	pub lora_target_modules: Vec<String>,
	/// Scales by `lora_alpha / √lora_r` instead.
	#[serde(default)]
	pub peft_use_rslora: bool,
	/// Tokens of a sequence.
	#[serde(default = "sequence")]
	pub sequence_len: usize,
	/// Puts short texts together into one sequence.
	#[serde(default = "yes")]
	pub sample_packing: bool,
	/// Sequences computed at a time.
	#[serde(default = "batch")]
	pub micro_batch_size: usize,
	/// Batches of one step.
	#[serde(default = "one_repeat")]
	pub gradient_accumulation_steps: usize,
	/// How often the texts are seen; this or `max_steps`.
	pub num_epochs: Option<f64>,
	/// Optimizer steps.
	pub max_steps: Option<usize>,
	/// Highest learning rate.
	#[serde(default = "learning_rate")]
	pub learning_rate: f64,
	/// How it falls.
	#[serde(default)]
	pub lr_scheduler: Scheduler,
	/// Steps in which it rises.
	#[serde(default = "warmup")]
	pub warmup_steps: usize,
	/// AdamW's decoupled weight decay.
	#[serde(default)]
	pub weight_decay: f64,
	/// Largest global norm of the gradient.
	#[serde(default = "one")]
	pub max_grad_norm: f64,
	/// Computes layers again on the way back: less memory, more time.
	#[serde(default)]
	pub gradient_checkpointing: bool,
	/// In conversations every token counts in the loss, not only the assistant's.
	#[serde(default)]
	pub train_on_inputs: bool,
	/// Measurements without a better held-out loss after which training ends; 0 for never.
	#[serde(default)]
	pub early_stopping_patience: usize,
	/// Steps between measurements on held-out text; 0 for none.
	#[serde(default)]
	pub eval_steps: usize,
	/// Share of the texts that is held out.
	#[serde(default = "held_out")]
	pub val_set_size: f64,
	/// Steps between checkpoints.
	#[serde(default = "save_steps")]
	pub save_steps: usize,
	/// Seeds weights, order and samples.
	#[serde(default = "seed")]
	pub seed: u64,
	/// Chat samples made from plain texts, as a share of all training tokens.
	#[serde(default)]
	pub chat_share: f64,
	/// Where to train and evaluate.
	#[serde(default)]
	pub device: Device,
	/// Measurements of the trained adapter.
	#[serde(default)]
	pub evaluation: Vec<Evaluation>,
	/// Who would be missed.
	pub ablation: Option<Ablation>,
	/// How the adapter is published.
	pub publish: Option<Publish>,
	/// The agent.
	pub agent: Option<Agent>,
}

fn one() -> f64 {
	1.0
}

fn one_repeat() -> usize {
	1
}

fn answer_tokens() -> usize {
	64
}

fn rank() -> usize {
	8
}

fn alpha() -> f64 {
	16.0
}

fn sequence() -> usize {
	256
}

fn yes() -> bool {
	true
}

fn batch() -> usize {
	4
}

fn learning_rate() -> f64 {
	2e-4
}

fn warmup() -> usize {
	10
}

fn held_out() -> f64 {
	0.1
}

fn save_steps() -> usize {
	50
}

fn seed() -> u64 {
	42
}

impl Recipe {
	/// Reads and checks a file.
	///
	/// Errors name the file, the line and what to write instead: YAML that is none, a field that is not known with the
	/// nearest that is, every value that is out of range.
	pub fn read(path: &Path) -> Result<Self, RecipeError> {
		let unreadable = |source| RecipeError::Read { path: path.to_owned(), source };
		let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
		if bytes > MAX_RECIPE_BYTES {
			return Err(RecipeError::TooLarge { path: path.to_owned(), bytes, limit: MAX_RECIPE_BYTES });
		}
		let text = std::fs::read_to_string(path).map_err(unreadable)?;
		Self::parse(&path.display().to_string(), &text)
	}

	/// The same of a text; `name` is what errors call it.
	pub fn parse(name: &str, text: &str) -> Result<Self, RecipeError> {
		let recipe: Self = serde_saphyr::from_str(text).map_err(|error| RecipeError::yaml(name, &error))?;
		let problems = recipe.problems();
		if problems.is_empty() {
			return Ok(recipe);
		}
		let lines = places::lines(text);
		let place = |problem: Problem| Problem { line: places::line(&lines, &problem.field), ..problem };
		let problems = problems.into_iter().map(place).collect();
		Err(RecipeError::Settings { name: name.to_owned(), problems })
	}
}

#[cfg(test)]
mod tests;
