//! `adapter_config.json` of PEFT: which modules, of what rank and scale. What cannot be honoured is refused by name.

use std::fmt;

use regex::Regex;
use serde::{
	de::{MapAccess, Visitor},
	Deserialize, Deserializer,
};
use serde_json::{Map, Value};

use crate::error::AdapterError;

/// Largest rank of an adapter.
pub(crate) const MAX_RANK: usize = 512;
/// Most entries of a list or map in the configuration.
const MAX_ENTRIES: usize = 4096;
/// Largest regular expression, bytes of text.
const MAX_PATTERN: usize = 4096;

/// Options that say nothing about the result.
const INERT: [&str; 9] = [
	"auto_mapping",
	"base_model_name_or_path",
	"inference_mode",
	"lora_dropout",
	"megatron_core",
	"peft_version",
	"qalora_group_size",
	"revision",
	"runtime_config",
];

/// A configuration that the engine can apply in full.
#[derive(Debug)]
pub(crate) struct AdapterConfig {
	rank: usize,
	alpha: f64,
	use_rslora: bool,
	targets: Targets,
	excluded: Option<Targets>,
	ranks: Vec<(Regex, usize)>,
	alphas: Vec<(Regex, f64)>,
}

/// Which modules are meant.
#[derive(Debug)]
enum Targets {
	AllLinear,
	Names(Vec<String>),
	Pattern(Regex),
}

#[derive(Deserialize)]
struct Raw {
	r: Option<Value>,
	lora_alpha: Option<f64>,
	#[serde(default)]
	use_rslora: Option<bool>,
	target_modules: Option<Value>,
	#[serde(default)]
	exclude_modules: Option<Value>,
	#[serde(default)]
	rank_pattern: Option<Ordered<Value>>,
	#[serde(default)]
	alpha_pattern: Option<Ordered<f64>>,
	#[serde(flatten)]
	rest: Map<String, Value>,
}

/// A JSON object in the order of its text: PEFT takes the first pattern that matches.
struct Ordered<V>(Vec<(String, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Ordered<V> {
	fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		struct Entries<V>(std::marker::PhantomData<V>);
		impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
			type Value = Ordered<V>;

			fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
				formatter.write_str("a map of patterns")
			}

			fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
				let mut entries = Vec::new();
				while let Some(entry) = map.next_entry()? {
					entries.push(entry);
				}
				Ok(Ordered(entries))
			}
		}
		deserializer.deserialize_map(Entries(std::marker::PhantomData))
	}
}

impl AdapterConfig {
	pub(crate) fn parse(text: &[u8]) -> Result<Self, AdapterError> {
		let raw: Raw = serde_json::from_slice(text).map_err(|error| config(error.to_string()))?;
		refuse_unsupported(&raw.rest)?;
		let rank = rank(raw.r.as_ref().ok_or_else(|| config("r is missing"))?, "r")?;
		let alpha = finite(raw.lora_alpha.ok_or_else(|| config("lora_alpha is missing"))?, "lora_alpha")?;
		let targets = match raw.target_modules {
			Some(targets) => Targets::parse(&targets, "target_modules")?
				.ok_or_else(|| config("target_modules names no module"))?,
			None => return Err(config("target_modules is missing")),
		};
		let excluded = match raw.exclude_modules {
			Some(excluded) => Targets::parse(&excluded, "exclude_modules")?,
			None => None,
		};
		let ranks = patterns(raw.rank_pattern, "rank_pattern", rank_of)?;
		let alphas = patterns(raw.alpha_pattern, "alpha_pattern", |value| finite(*value, "alpha_pattern"))?;
		Ok(Self {
			rank,
			alpha,
			use_rslora: raw.use_rslora.unwrap_or(false),
			targets,
			excluded,
			ranks,
			alphas,
		})
	}

	/// Whether the adapter changes the module of this path; `linear` says whether "all-linear" covers it.
	pub(crate) fn targets(&self, path: &str, linear: bool) -> bool {
		self.targets.covers(path, linear)
			&& !self.excluded.as_ref().is_some_and(|excluded| excluded.covers(path, linear))
	}

	/// Rank at the module.
	pub(crate) fn rank(&self, path: &str) -> usize {
		self.ranks.iter().find(|(pattern, _)| pattern.is_match(path)).map_or(self.rank, |(_, rank)| *rank)
	}

	/// Factor of the low-rank product at the module: `alpha / r`, or `alpha / sqrt(r)` for rsLoRA.
	pub(crate) fn scaling(&self, path: &str) -> f64 {
		let rank = self.rank(path) as f64;
		let alpha = self
			.alphas
			.iter()
			.find(|(pattern, _)| pattern.is_match(path))
			.map_or(self.alpha, |(_, alpha)| *alpha);
		alpha / if self.use_rslora { rank.sqrt() } else { rank }
	}
}

impl Targets {
	fn parse(value: &Value, option: &str) -> Result<Option<Self>, AdapterError> {
		match value {
			Value::Null => Ok(None),
			Value::String(text) if text == "all-linear" => Ok(Some(Self::AllLinear)),
			Value::String(text) => Ok(Some(Self::Pattern(regex(&format!("^(?:{text})$"), option)?))),
			Value::Array(list) if list.len() <= MAX_ENTRIES => {
				let names = list
					.iter()
					.map(|name| name.as_str().map(str::to_owned))
					.collect::<Option<Vec<_>>>()
					.ok_or_else(|| config(format!("{option} holds something other than names")))?;
				Ok((!names.is_empty()).then_some(Self::Names(names)))
			}
			_ => Err(config(format!("{option} is neither a short list of names nor a pattern"))),
		}
	}

	fn covers(&self, path: &str, linear: bool) -> bool {
		match self {
			Self::AllLinear => linear,
			Self::Names(names) => names.iter().any(|name| {
				path.strip_suffix(name.as_str()).is_some_and(|head| head.is_empty() || head.ends_with('.'))
			}),
			Self::Pattern(pattern) => pattern.is_match(path),
		}
	}
}

/// Refuses everything that is set and could change the result.
fn refuse_unsupported(rest: &Map<String, Value>) -> Result<(), AdapterError> {
	for (option, value) in rest {
		let fine = match option.as_str() {
			"peft_type" => value == "LORA",
			"task_type" => value.is_null() || value == "CAUSAL_LM",
			"bias" => value.is_null() || value == "none",
			// PiSSA, OLoRA, LoftQ, CorDA and the like change the base weights as well.
			"init_lora_weights" => {
				value.is_null() || value.is_boolean() || value == "gaussian" || value == "orthogonal"
			}
			name if INERT.contains(&name) => true,
			_ => is_off(value),
		};
		if !fine {
			let mut value = value.to_string();
			value.truncate(value.char_indices().nth(80).map_or(value.len(), |(end, _)| end));
			return Err(AdapterError::Unsupported { option: option.clone(), value });
		}
	}
	match rest.get("peft_type") {
		Some(_) => Ok(()),
		None => Err(config("peft_type is missing")),
	}
}

fn is_off(value: &Value) -> bool {
	match value {
		Value::Null | Value::Bool(false) => true,
		Value::String(text) => text.is_empty(),
		Value::Array(list) => list.is_empty(),
		Value::Object(map) => map.is_empty(),
		Value::Bool(true) | Value::Number(_) => false,
	}
}

fn patterns<V, T>(
	map: Option<Ordered<V>>,
	option: &str,
	convert: impl Fn(&V) -> Result<T, AdapterError>,
) -> Result<Vec<(Regex, T)>, AdapterError> {
	let entries = map.map_or(Vec::new(), |map| map.0);
	if entries.len() > MAX_ENTRIES {
		return Err(config(format!("{option} has more than {MAX_ENTRIES} entries")));
	}
	entries
		.iter()
		.map(|(pattern, value)| Ok((regex(&format!(r"^(?:.*\.)?(?:{pattern})$"), option)?, convert(value)?)))
		.collect()
}

/// Compiles a pattern in time and size that do not depend on the one who wrote it.
fn regex(pattern: &str, option: &str) -> Result<Regex, AdapterError> {
	if pattern.len() > MAX_PATTERN {
		return Err(config(format!("{option} holds a pattern of more than {MAX_PATTERN} bytes")));
	}
	regex::RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(|_| AdapterError::Unsupported {
		option: option.to_owned(),
		value: pattern.chars().take(80).collect(),
	})
}

fn rank_of(value: &Value) -> Result<usize, AdapterError> {
	rank(value, "rank_pattern")
}

fn rank(value: &Value, option: &str) -> Result<usize, AdapterError> {
	value
		.as_u64()
		.and_then(|rank| usize::try_from(rank).ok())
		.filter(|rank| (1..=MAX_RANK).contains(rank))
		.ok_or_else(|| config(format!("{option} = {value} must be a whole number from 1 to {MAX_RANK}")))
}

fn finite(number: f64, option: &str) -> Result<f64, AdapterError> {
	match number.is_finite() {
		true => Ok(number),
		false => Err(config(format!("{option} must be a finite number"))),
	}
}

fn config(reason: impl Into<String>) -> AdapterError {
	AdapterError::Config(reason.into())
}

#[cfg(test)]
mod tests {
	use serde_json::json;

	use super::*;

	const Q: &str = "model.layers.1.self_attn.q_proj";

	fn parse(changes: Value) -> Result<AdapterConfig, AdapterError> {
		let mut json = json!({
			"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"],
			"bias": "none", "use_dora": false, "modules_to_save": null, "init_lora_weights": true,
			"lora_dropout": 0.1, "rank_pattern": {}, "alpha_pattern": {}, "inference_mode": true,
		});
		for (name, value) in changes.as_object().unwrap() {
			json[name] = value.clone();
		}
		AdapterConfig::parse(json.to_string().as_bytes())
	}

	#[test]
	fn config_is_refused_by_name_when_an_option_is_unsupported() {
		for (option, value) in [
			("use_dora", json!(true)),
			("modules_to_save", json!(["lm_head"])),
			("bias", json!("all")),
			("bias", json!("lora_only")),
			("init_lora_weights", json!("pissa")),
			("init_lora_weights", json!("olora")),
			("fan_in_fan_out", json!(true)),
			("layers_to_transform", json!([0])),
			("layer_replication", json!([[0, 1]])),
			("trainable_token_indices", json!([3])),
			("lora_bias", json!(true)),
			("peft_type", json!("IA3")),
			("task_type", json!("SEQ_CLS")),
			("an_option_of_the_future", json!(7)),
		] {
			match parse(json!({ option: value })) {
				Err(AdapterError::Unsupported { option: named, .. }) => assert_eq!(named, option),
				other => panic!("{option}: {other:?}"),
			}
		}
	}

	#[test]
	fn config_is_refused_when_a_number_is_out_of_range() {
		for changes in [
			json!({ "r": 0 }),
			json!({ "r": 513 }),
			json!({ "r": -1 }),
			json!({ "r": 2.5 }),
			json!({ "lora_alpha": null }),
			json!({ "rank_pattern": { "q_proj": 0 } }),
			json!({ "target_modules": [] }),
			json!({ "target_modules": null }),
			json!({ "target_modules": [1] }),
		] {
			assert!(matches!(parse(changes.clone()), Err(AdapterError::Config(_))), "{changes}");
		}
	}

	#[test]
	fn targets_match_as_in_peft_when_given_as_list_pattern_or_all_linear() {
		assert!(parse(json!({})).unwrap().targets(Q, true));
		assert!(!parse(json!({ "target_modules": ["_proj"] })).unwrap().targets(Q, true));
		assert!(parse(json!({ "target_modules": [Q] })).unwrap().targets(Q, true));
		assert!(parse(json!({ "target_modules": r".*\.1\..*q_proj" })).unwrap().targets(Q, true));
		assert!(!parse(json!({ "target_modules": "q_proj" })).unwrap().targets(Q, true));
		assert!(parse(json!({ "target_modules": "all-linear" })).unwrap().targets(Q, true));
		assert!(!parse(json!({ "target_modules": "all-linear" })).unwrap().targets("lm_head", false));
		assert!(!parse(json!({ "exclude_modules": ["q_proj"] })).unwrap().targets(Q, true));
	}

	#[test]
	fn first_pattern_wins_when_several_match() {
		let text = r#"{"peft_type":"LORA","r":8,"lora_alpha":8,"target_modules":["q_proj"],
			"rank_pattern":{"z.never":2,"q_proj":4,"layers.1.self_attn.q_proj":16},"alpha_pattern":{"q_proj":2}}"#;
		let config = AdapterConfig::parse(text.as_bytes()).unwrap();
		assert_eq!(config.rank(Q), 4);
		assert_eq!(config.scaling(Q), 0.5);
		assert_eq!(config.scaling("model.layers.0.self_attn.k_proj"), 1.0);
	}

	#[test]
	fn scaling_divides_by_the_root_when_rslora_is_on() {
		assert_eq!(parse(json!({ "use_rslora": true, "r": 16 })).unwrap().scaling(Q), 4.0);
	}

	#[test]
	fn pattern_is_refused_when_it_needs_look_around() {
		let refused = parse(json!({ "target_modules": "(?=q).*" }));
		assert!(matches!(refused, Err(AdapterError::Unsupported { .. })));
	}
}
