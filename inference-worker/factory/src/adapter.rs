//! Training a LoRA adapter on the texts of DataNets.

use serde_json::json;

use crate::{
	backward::Trained,
	checkpoint::CHECKPOINT,
	config::{AdapterConfig, Method, Source},
	curves,
	error::FactoryError,
	files::{self, hold_out, read_texts, Document},
	lora,
	mixture::{self, Layout, Mixture},
	parameters::load_model,
	progress::Progress,
	record,
	samples::{Encoder, Sample},
	schedule::Schedule,
	train::{Report, Run},
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
/// Errors: settings out of range, sources without text, conversations that cannot be read, a base model that cannot be
/// trained or whose tokenizer does not fit, losses that are no numbers, a checkpoint made with other settings, texts or
/// base model, a reason to stop.
pub fn train_adapter_on(
	config: &AdapterConfig,
	mut sources: Vec<Source>,
	mut held_out: Vec<Document>,
	progress: &mut dyn Progress,
) -> Result<Report, FactoryError> {
	config.check()?;
	let mut schedule = config.schedule.clone();
	// A tape would keep the floats of a base in 4 bits.
	schedule.gradient_checkpointing |= config.method == Method::Qlora;
	let device = schedule.processor.device();
	let mut model = load_model(&config.base_dir, config.method, &device)?;
	schedule.check(model.shape.max_position_embeddings)?;
	if held_out.is_empty() {
		for source in &mut sources {
			let (kept, held) = hold_out(std::mem::take(&mut source.documents));
			source.documents = kept;
			held_out.extend(held);
		}
	}
	files::create_dir(&config.out_dir)?;

	progress.begin("tokenizing", 2);
	let mut encoder =
		Encoder::open(&config.base_dir, model.shape.vocab_size, schedule.sequence, config.train_on_inputs)?;
	let layout = Layout { sequence: schedule.sequence, packing: schedule.packing, seed: schedule.seed };
	let mut text = Mixture::new(&sources, &mut encoder, config.chat_share, layout)?;
	progress.step(1, "texts to train on");
	let held_out = encode(&held_out, &mut encoder)?;
	progress.end(&match encoder.left_out {
		0 => "done".to_owned(),
		count => format!("{count} conversations left out: their answers begin behind the end of a sequence"),
	});
	resolve_epochs(&mut schedule, text.rows_per_epoch());

	let configuration = json!({
		"kind": "adapter",
		"method": config.method,
		"rank": config.rank,
		"alpha": config.alpha,
		"rslora": config.rslora,
		"dropout": config.dropout,
		"target_modules": config.target_modules,
		"schedule": schedule,
		"chat_share": config.chat_share,
		"train_on_inputs": config.train_on_inputs,
		"weights": sources.iter().map(|source| source.weight).collect::<Vec<_>>(),
		"text": text.hash(),
		"held_out": mixture::hash(&held_out),
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
		schedule: &schedule,
		dropout: config.dropout,
		device: &device,
		configuration: hash,
		checkpoint: checkpoint.clone(),
		curve: config.curves.clone().unwrap_or_else(|| curves::in_output(&config.out_dir)),
		text: Box::new(text),
		held_out: mixture::in_order(&held_out, layout, schedule.evaluation_sequences),
	}
	.train(&mut model, progress)?;
	record::remove(&config.out_dir)?;
	lora::save(&mut model, config)?;
	record::save(&config.out_dir, &configuration, &report)?;
	files::remove(&checkpoint)?;
	Ok(report)
}

/// Samples to measure on.
fn encode(documents: &[Document], encoder: &mut Encoder) -> Result<Vec<Sample>, FactoryError> {
	let mut samples = Vec::new();
	for (number, document) in documents.iter().enumerate() {
		samples.extend(encoder.document(document, number)?);
	}
	match samples.is_empty() {
		true => Err(FactoryError::Empty { name: "the held-out text".into() }),
		false => Ok(samples),
	}
}

/// Turns epochs into steps.
fn resolve_epochs(schedule: &mut Schedule, rows: usize) {
	if let Some(epochs) = schedule.epochs {
		let steps = epochs * rows as f64 / (schedule.batch * schedule.accumulation) as f64;
		schedule.steps = (steps.ceil() as usize).max(1);
	}
}
