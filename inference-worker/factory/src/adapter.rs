//! Training a LoRA adapter on the texts of a DataNet.

use serde_json::json;

use crate::{
	checkpoint::CHECKPOINT,
	config::{AdapterConfig, Source},
	data::{stream, Packed},
	error::FactoryError,
	files::{self, hold_out, read_texts, Document},
	lora,
	parameters::load_model,
	progress::Progress,
	record, tokenizer,
	train::{remove_checkpoint, Report, Run, Trained},
};

/// As [`train_adapter_on`], on the texts that the configuration names by path.
pub fn train_adapter(config: &AdapterConfig, progress: &mut dyn Progress) -> Result<Report, FactoryError> {
	let documents = read_texts(&config.texts)?;
	let held_out = read_texts(&config.held_out)?;
	let source = Source { name: "the training text".into(), documents, weight: 1.0 };
	train_adapter_on(config, vec![source], held_out, progress)
}

/// Trains low-rank updates beside a frozen base model and writes a PEFT folder (f32). The texts come from memory;
/// `texts` and `held_out` of the configuration are not read. What is written holds weights, losses, hashes and names of
/// documents, and nothing of their text.
///
/// Every tenth text of each source is held out where `held_out` is empty. A killed run goes on from its last checkpoint
/// and ends with the same bytes; a finished one is not repeated.
/// Errors: settings out of range, unreadable or too few texts, a base model that cannot be trained or whose
/// tokenizer does not fit, a loss that is no number, a checkpoint made with other settings, texts or base model.
pub fn train_adapter_on(
	config: &AdapterConfig,
	sources: Vec<Source>,
	mut held_out: Vec<Document>,
	progress: &mut dyn Progress,
) -> Result<Report, FactoryError> {
	config.check()?;
	let schedule = &config.schedule;
	let device = schedule.processor.device();
	let mut model = load_model(&config.base_dir, &device)?;
	schedule.check(model.shape.max_position_embeddings)?;
	let mut tokenizer = tokenizer::load(&config.base_dir, model.shape.vocab_size)?;
	let mut documents: Vec<Document> = sources.into_iter().flat_map(|source| source.documents).collect();
	if held_out.is_empty() {
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
