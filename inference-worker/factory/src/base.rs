//! Training a base model from scratch: tokenizer, weights, model card.

use serde_json::json;

use crate::{
	backward::Trained,
	card,
	checkpoint::CHECKPOINT,
	config::{check_chat_share, BaseConfig},
	curves,
	error::FactoryError,
	files::{self, hold_out, read_texts},
	parameters::{initial_model, save_model},
	progress::Progress,
	record,
	stream::{tokens_of, Stream},
	tokenizer::{self, END_OF_TEXT},
	train::{Report, Run},
};

const WEIGHTS: &str = "model.safetensors";

/// Trains a tokenizer and a Llama model with tied embeddings, and writes a Hugging Face folder (f16).
///
/// A killed run goes on from its last checkpoint and ends with the same weights; a finished one is not repeated.
/// Errors: settings out of range, unreadable or too few texts, a loss that is no number, a checkpoint made with
/// other settings or texts.
pub fn train_base(config: &BaseConfig, progress: &mut dyn Progress) -> Result<Report, FactoryError> {
	config.shape.check().map_err(|reason| FactoryError::Setting { name: "shape", reason })?;
	if !config.shape.tie_word_embeddings || config.shape.attention_bias {
		let reason = "must have tied embeddings and no attention bias".into();
		return Err(FactoryError::Setting { name: "shape", reason });
	}
	config.schedule.check(config.shape.max_position_embeddings)?;
	check_chat_share(config.chat_share)?;
	if config.schedule.epochs.is_some() {
		let reason = "is for adapters; give steps".into();
		return Err(FactoryError::Setting { name: "epochs", reason });
	}
	let mut documents = read_texts(&config.texts)?;
	let mut held_out = read_texts(&config.held_out)?;
	if config.held_out.is_empty() {
		(documents, held_out) = hold_out(documents);
	}
	files::create_dir(&config.out_dir)?;

	progress.begin("tokenizing", 2);
	let mut tokenizer = tokenizer::train(&documents, config.shape.vocab_size)?;
	progress.step(1, "vocabulary trained");
	let schedule = &config.schedule;
	let tokens = tokens_of(&documents, &mut tokenizer, config.chat_share, schedule.seed)?;
	let held_out_tokens = tokens_of(&held_out, &mut tokenizer, 0.0, schedule.seed)?;
	progress.end(&format!("{} tokens to train on, {} held out", tokens.len(), held_out_tokens.len()));

	let configuration = json!({
		"kind": "base",
		"shape": config.shape,
		"schedule": schedule,
		"chat_share": config.chat_share,
		"text": record::hash_tokens(&tokens),
		"held_out": record::hash_tokens(&held_out_tokens),
	});
	let hash = record::hash(&configuration);
	if let Some(report) = record::finished(&config.out_dir, WEIGHTS, &hash) {
		return Ok(report);
	}
	let device = schedule.processor.device();
	let mut model = initial_model(&config.shape, schedule.seed, &device);
	let checkpoint = config.out_dir.join(CHECKPOINT);
	let text = Stream::new(tokens, schedule.sequence, schedule.batch, schedule.seed, "the training text")?;
	let held_out = Stream::new(held_out_tokens, schedule.sequence, 1, schedule.seed, "the held-out text")?;
	let report = Run {
		trained: Trained::Everything,
		schedule,
		dropout: 0.0,
		device: &device,
		configuration: hash,
		checkpoint: checkpoint.clone(),
		curve: curves::in_output(&config.out_dir),
		text: Box::new(text),
		held_out: held_out.in_order(schedule.evaluation_sequences),
	}
	.train(&mut model, progress)?;

	let dir = &config.out_dir;
	record::remove(dir)?;
	tokenizer::save(&tokenizer, dir, config.shape.max_position_embeddings)?;
	let bos = tokenizer.token_to_id(END_OF_TEXT).unwrap_or(0);
	files::write_json(&dir.join("config.json"), &config.shape.to_llama_json(bos, &tokenizer::end_ids()))?;
	save_model(&mut model, &dir.join(WEIGHTS))?;
	files::write(&dir.join("README.md"), card::text(config, &report).as_bytes())?;
	record::save(dir, &configuration, &report)?;
	files::remove(&checkpoint)?;
	Ok(report)
}
