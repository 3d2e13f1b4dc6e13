//! The model under evaluation: a base with adapters and prompts, which writes answers and scores texts.

use std::{
	path::PathBuf,
	sync::{mpsc::channel, Arc},
};

use tributary_engine::{
	AdapterSource, AdapterUse, ChatMessage, ContentHash, DeviceChoice, Engine, EngineConfig, EngineError,
	Event, Precision, Request, Sampling, Scorer, SubmitError,
};

use super::error::EvaluationError;

/// Answers written at once.
const BATCH: usize = 8;
/// Longest sequence scored, tokens.
const MAX_CONTEXT: usize = 4_096;

/// What is evaluated.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Subject {
	/// Hugging Face folder of the base model.
	pub base: PathBuf,
	/// PEFT folders with their scales; 1 applies one as trained.
	pub adapters: Vec<(PathBuf, f32)>,
	/// Texts of prompts, in order: together the system message.
	pub prompts: Vec<String>,
}

/// A subject in memory. Answers are greedy, so the same subject gives the same answers on the same device.
pub(super) struct Model {
	subject: Subject,
	device: DeviceChoice,
	engine: Engine,
	/// Opened when something is scored first.
	scorer: Option<Scorer>,
}

/// Finds adapters by their place in the subject.
struct Places(Vec<PathBuf>);

impl AdapterSource for Places {
	fn folder(&self, hash: &ContentHash) -> Result<PathBuf, String> {
		let place = (0..self.0.len()).find(|place| name(*place) == *hash);
		place.and_then(|place| self.0.get(place)).cloned().ok_or_else(|| "no such adapter".into())
	}
}

fn name(place: usize) -> ContentHash {
	let mut hash = [0; 32];
	hash.iter_mut().zip((place as u64 + 1).to_le_bytes()).for_each(|(to, byte)| *to = byte);
	hash
}

/// Tokens of a prompt and what follows it.
struct Continuation {
	tokens: Vec<u32>,
	/// First token that belongs to the continuation.
	start: usize,
}

impl Model {
	pub(super) fn open(subject: &Subject, device: DeviceChoice) -> Result<Self, EvaluationError> {
		let config = EngineConfig {
			model_dir: subject.base.clone(),
			device,
			max_batch: BATCH,
			queue: BATCH,
			..EngineConfig::default()
		};
		let folders = subject.adapters.iter().map(|(folder, _)| folder.clone()).collect();
		let engine = Engine::start(config, Arc::new(Places(folders)))?;
		Ok(Self { subject: subject.clone(), device, engine, scorer: None })
	}

	pub(super) fn context(&self) -> usize {
		self.engine.context().min(MAX_CONTEXT)
	}

	/// The device that was chosen.
	pub(super) fn device(&self) -> DeviceChoice {
		self.engine.device()
	}

	/// Hash of what decides, beside the model, which tokens come out.
	pub(super) fn profile(&self) -> [u8; 32] {
		self.engine.profile()
	}

	/// The prompt as the model reads it: by its chat template, or as plain text where it has none.
	fn render(&self, prompt: &str) -> Result<(String, bool), EvaluationError> {
		let system = self.subject.prompts.iter().map(|text| text.trim()).collect::<Vec<_>>().join("\n\n");
		if self.engine.template().is_err() {
			return Ok((
				if system.is_empty() { prompt.to_owned() } else { format!("{system}\n\n{prompt}") },
				true,
			));
		}
		let message = |role: &str, content: &str| ChatMessage {
			role: role.into(),
			content: content.into(),
			..ChatMessage::default()
		};
		let mut messages = Vec::new();
		if !system.is_empty() {
			messages.push(message("system", &system));
		}
		messages.push(message("user", prompt));
		Ok((self.engine.render_chat(&messages, true)?, false))
	}

	/// Tokens of the prompt alone.
	pub(super) fn prompt(&self, prompt: &str) -> Result<Vec<u32>, EvaluationError> {
		let (text, special) = self.render(prompt)?;
		Ok(self.engine.tokenizer().encode(&text, special)?)
	}

	/// Greedy answers to prompts in tokens, in their order.
	pub(super) fn answers(
		&self,
		prompts: Vec<Vec<u32>>,
		max_tokens: usize,
	) -> Result<Vec<String>, EvaluationError> {
		let adapters: Vec<AdapterUse> = self
			.subject
			.adapters
			.iter()
			.enumerate()
			.map(|(place, (_, scale))| AdapterUse { hash: name(place), scale: *scale })
			.collect();
		let mut answers = Vec::with_capacity(prompts.len());
		let mut waiting = prompts.into_iter().peekable();
		while waiting.peek().is_some() {
			let running = waiting
				.by_ref()
				.take(BATCH)
				.map(|prompt| {
					let (sender, receiver) = channel();
					let request = Request {
						prompt,
						adapters: adapters.clone(),
						max_tokens,
						sampling: Sampling { temperature: 0.0, ..Sampling::default() },
						eos: true,
						..Request::default()
					};
					self.engine.submit(request, Box::new(move |event| sender.send(event).is_ok()))?;
					Ok(receiver)
				})
				.collect::<Result<Vec<_>, SubmitError>>()?;
			for events in running {
				answers.push(written(events)?);
			}
		}
		Ok(answers)
	}

	/// Logarithms of the probabilities of the tokens that continue a prompt with a text.
	pub(super) fn continuation(&mut self, prompt: &str, text: &str) -> Result<Scored, EvaluationError> {
		let Continuation { tokens, start } = self.tokens(prompt, text)?;
		if tokens.len() > self.context() {
			return Ok(Scored::TooLong(tokens.len()));
		}
		let scored = self.scorer()?.log_likelihoods(&tokens)?;
		Ok(Scored::Tokens(scored.get(start - 1..).unwrap_or_default().to_vec()))
	}

	/// The same of a whole text, window by window; the first token of each has nothing before it and is not scored.
	pub(super) fn text(&mut self, text: &str) -> Result<Vec<f64>, EvaluationError> {
		let tokens = self.engine.tokenizer().encode(text, true)?;
		let window = self.context();
		let scorer = self.scorer()?;
		let mut scored = Vec::with_capacity(tokens.len());
		for window in tokens.chunks(window).filter(|window| window.len() > 1) {
			scored.extend(scorer.log_likelihoods(window)?);
		}
		Ok(scored)
	}

	/// Tokens of prompt and continuation together; those they share with the prompt alone are the prompt's.
	fn tokens(&self, prompt: &str, text: &str) -> Result<Continuation, EvaluationError> {
		let (prompt, special) = self.render(prompt)?;
		// A word is one token with the space before it, in most vocabularies.
		let gap = if special && !prompt.ends_with(char::is_whitespace) { " " } else { "" };
		let tokenizer = self.engine.tokenizer();
		let alone = tokenizer.encode(&prompt, special)?;
		let tokens = tokenizer.encode(&format!("{prompt}{gap}{text}"), special)?;
		let shared = alone.iter().zip(&tokens).take_while(|(one, other)| one == other).count();
		Ok(Continuation { start: shared.clamp(1, tokens.len().max(1)), tokens })
	}

	fn scorer(&mut self) -> Result<&mut Scorer, EvaluationError> {
		let scorer = match self.scorer.take() {
			Some(scorer) => scorer,
			None => {
				let (subject, context) = (&self.subject, self.context());
				Scorer::open(&subject.base, self.device, Precision::Full, context, &subject.adapters)?
			}
		};
		Ok(self.scorer.insert(scorer))
	}
}

/// The text of an answer that was written to its end.
fn written(events: impl IntoIterator<Item = Event>) -> Result<String, EngineError> {
	let mut answer = String::new();
	for event in events {
		match event {
			Event::Token { text, .. } => answer.push_str(&text),
			Event::Failed(error) => return Err(error),
			Event::Done { .. } => return Ok(answer),
			Event::Started { .. } | Event::Embedding(_) => {}
		}
	}
	Err(EngineError::Inference("the engine ended in the middle of an answer".into()))
}

impl Drop for Model {
	fn drop(&mut self) {
		self.engine.shutdown();
	}
}

/// What scoring gave.
pub(super) enum Scored {
	/// Logarithms of probabilities.
	Tokens(Vec<f64>),
	/// So many tokens do not fit.
	TooLong(usize),
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn answer_is_refused_when_the_engine_ends_before_it() {
		let error = written([]).expect_err("cut off");
		assert!(error.to_string().contains("in the middle of an answer"), "{error}");
	}
}
