//! Training a LoRA adapter on the texts of a DataNet.

use serde_json::json;

use crate::{
	checkpoint::CHECKPOINT,
	config::AdapterConfig,
	data::{stream, Packed},
	error::FactoryError,
	files::{self, hold_out, read_texts},
	lora,
	parameters::load_model,
	progress::Progress,
	record, tokenizer,
	train::{remove_checkpoint, Report, Run, Trained},
};

/// Trains low-rank updates beside a frozen base model and writes a PEFT folder (f32).
///
/// A killed run goes on from its last checkpoint and ends with the same bytes; a finished one is not repeated.
/// Errors: settings out of range, unreadable or too few texts, a base model that cannot be trained or whose
/// tokenizer does not fit, a loss that is no number, a checkpoint made with other settings, texts or base model.
pub fn train_adapter(config: &AdapterConfig, progress: &mut dyn Progress) -> Result<Report, FactoryError> {
	config.check()?;
	let schedule = &config.schedule;
	let device = schedule.processor.device();
	let mut model = load_model(&config.base_dir, &device)?;
	schedule.check(model.shape.max_position_embeddings)?;
	let mut tokenizer = tokenizer::load(&config.base_dir, model.shape.vocab_size)?;
	let mut documents = read_texts(&config.texts)?;
	let mut held_out = read_texts(&config.held_out)?;
	if config.held_out.is_empty() {
		(documents, held_out) = hold_out(documents);
	}
	files::create_dir(&config.out_dir)?;
	let tokens = stream(&documents, &mut tokenizer, config.chat_share, schedule.seed)?;
	let held_out_tokens = stream(&held_out, &mut tokenizer, 0.0, schedule.seed)?;

	let configuration = json!({
		"kind": "adapter",
		"rank": config.rank,
		"alpha": config.alpha,
		"target_modules": config.target_modules,
		"schedule": schedule,
		"chat_share": config.chat_share,
		"text": record::hash_tokens(&tokens),
		"held_out": record::hash_tokens(&held_out_tokens),
		"base": record::hash_weights(&config.base_dir)?,
	});
	let hash = record::hash(&configuration);
	if let Some(report) = record::finished(&config.out_dir, lora::WEIGHTS, &hash) {
		return Ok(report);
	}
	lora::attach(&mut model, config, &device);
	let checkpoint = config.out_dir.join(CHECKPOINT);
	let report = Run {
		trained: Trained::LowRank,
		schedule,
		device: &device,
		configuration: hash,
		checkpoint: checkpoint.clone(),
		text: Packed::new(tokens, schedule.sequence, schedule.batch, schedule.seed, "the training text")?,
		held_out: Packed::new(held_out_tokens, schedule.sequence, 1, schedule.seed, "the held-out text")?,
	}
	.train(&mut model, progress)?;
	lora::save(&mut model, config)?;
	record::save(&config.out_dir, &configuration, &report)?;
	remove_checkpoint(&checkpoint)?;
	Ok(report)
}
